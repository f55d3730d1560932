"""The readable part of a track's page, where it is wanted: one block of ours, replaced when it says something else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from musicsyncd.catalog.base import Fields
from musicsyncd.catalog.notion_book import Book
from musicsyncd.ledger.mirror import digest
from musicsyncd.notion.values import from_property, runs

MARKER: Final = "Kept by musicsyncd"
"""What our block begins with, by which it is known for ever: its words must not change."""
BODY: Final = "_body"
"""Among what was written into a row: what identifies the body's content; empty while it is being replaced."""
LINES: Final = 99
"""Of one block: Notion takes a hundred at a time."""


class Body:
    """Bodies of one book's pages. Raises what the client raises."""

    def __init__(self, book: Book) -> None:
        self._book = book

    async def keep(self, page_id: str, fields: Fields) -> None:
        """Nothing is asked where it was written before. One that a person took out comes back with the next news."""
        lines = told(fields)
        name, mirror, news = self._book.name, self._book.mirror, digest(lines)
        if (await mirror.base(name, page_id)).get(BODY) == news:
            return
        await mirror.wrote(name, page_id, {BODY: ""})
        for block in await self._book.notion.children(page_id):
            if _is_ours(block):
                await self._book.notion.delete_block(str(block["id"]))
        await self._book.notion.append_children(page_id, [_block(lines)])
        await mirror.wrote(name, page_id, {BODY: news})


def told(fields: Fields) -> list[str]:
    """What a person reads there, a line for each thing that is known."""
    found = [
        *(f"File: {one}" for one in fields.get("files") or ()),
        *(f"Playlist: {one}" for one in fields.get("playlists") or ()),
        *(f"Known as: {one}" for one in fields.get("identities") or ()),
        _line("Tempo", fields.get("bpm"), fields.get("bpm_origin")),
        _line("Key", fields.get("key"), fields.get("key_origin")),
        _line("Loudness (LUFS)", fields.get("lufs"), None),
        _line("Source", fields.get("source_codec"), fields.get("source_bit_rate")),
    ]
    return [one for one in found if one][:LINES]


def _line(name: str, value: Any, more: Any) -> str:
    if value in (None, ""):
        return ""
    return f"{name}: {value} ({more})" if more else f"{name}: {value}"


def _block(lines: list[str]) -> dict[str, Any]:
    """A toggle: it keeps out of the way of what the person writes."""
    items = [{"type": "bulleted_list_item", "bulleted_list_item": {"rich_text": runs(one)}} for one in lines]
    return {"type": "toggle", "toggle": {"rich_text": runs(MARKER), **({"children": items} if items else {})}}


def _is_ours(block: Mapping[str, Any]) -> bool:
    held = block.get("toggle") if block.get("type") == "toggle" else None
    text = from_property({"type": "rich_text", "rich_text": held.get("rich_text")}) if isinstance(held, dict) else None
    return str(text or "").startswith(MARKER)
