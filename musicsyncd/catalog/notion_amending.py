"""Reads one row of Notion with all that it says, and writes a person's merge of several rows into one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from musicsyncd.catalog.base import Fields
from musicsyncd.catalog.notion_book import Book, Live
from musicsyncd.catalog.notion_fields import same
from musicsyncd.catalog.notion_writing import Send, Values, Writing
from musicsyncd.catalog.ownership import empty
from musicsyncd.errors import Degraded
from musicsyncd.ledger.mirror import MirrorRow
from musicsyncd.notion.errors import Gone
from musicsyncd.notion.values import from_property

DERIVED: Final = frozenset({"formula", "rollup", "button", "unique_id", "created_time", "created_by",
                            "last_edited_time", "last_edited_by", "verification"})  # fmt: skip
"""Types of property that say nothing of their own."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """A row as Notion just showed it."""

    row: MirrorRow
    written: frozenset[str]
    others: Mapping[str, Any]


class Amending:
    """Raises what the client raises."""

    def __init__(self, book: Book, writing: Writing) -> None:
        self._book, self._writing = book, writing

    async def found(self, row_id: str) -> Found | None:
        """The row; None when it is not in the book."""
        try:
            page = await self._book.notion.page(row_id)
        except Gone:
            return None
        row, live = await self._book.take(page), await self._book.live()
        if row.trashed:
            return None
        base = await self._book.mirror.base(self._book.name, row_id)
        written = frozenset(name for name in base if not name.startswith("_"))
        return Found(row=row, written=written, others=_others(page, live))

    async def rewrite(self, row_id: str, values: Fields) -> bool:
        """Write these and nothing else; what we ourselves last wrote there is remembered as it was, so that this counts
        for a person's word.
        """
        if await self.found(row_id) is None:
            return False
        live = await self._book.live()
        fitting = self._writing.fitting(live, values)
        if lacking := sorted(values.keys() - fitting.keys()):
            raise self._refused(lacking)

        async def patch(live: Live, values: Values, properties: dict[str, Any]) -> Mapping[str, Any]:
            if lacking := sorted(fitting.keys() - values.keys()):
                raise self._refused(lacking)
            return await self._book.notion.update_page(row_id, properties=properties)

        page, _ = await self._writing.sent(live, fitting, {}, patch)
        self._book.back.expect(row_id, fitting)
        await self._book.take(page)
        return True

    async def amend(self, row_id: str, changes: Mapping[str, tuple[Any, Any]]) -> dict[str, Any]:
        """Put new values where the old ones still stand; what stood before in those that were written."""
        row = await self._book.fetched(row_id)
        if row is None or row.trashed:
            return {}
        live = await self._book.live()
        due = self._writing.fitting(live, _amendable(live, row, changes))
        if not due:
            return {}
        page, written = await self._writing.sent(live, due, {}, patch_of(self._book, row_id))
        self._book.back.expect(row_id, written)
        await self._book.take(page)
        return {name: row.fields.get(name) for name in written}

    def _refused(self, names: list[str]) -> Degraded:
        why = f"Notion does not take {', '.join(names)} now"
        return Degraded("The rows cannot be merged", target=f"catalog:{self._book.name}", why=why)


def patch_of(book: Book, page_id: str) -> Send:
    """What writes values into this row."""

    async def patch(live: Live, values: Values, properties: dict[str, Any]) -> Mapping[str, Any]:
        return await book.notion.update_page(page_id, properties=properties)

    return patch


def _amendable(live: Live, row: MirrorRow, changes: Mapping[str, tuple[Any, Any]]) -> dict[str, Any]:
    """The new values of the fields in which the old one still stands."""
    compare = same(live.props)
    present = {name: row.fields.get(name) for name in changes}
    return {
        name: new
        for name, (old, new) in changes.items()
        if name in live.props and (compare(name, old, present[name]) or (empty(old) and empty(present[name])))
    }


def _others(page: Mapping[str, Any], live: Live) -> dict[str, Any]:
    """Properties that no field stands for."""
    known = {one.id for one in live.props.values()} | {one.name for one in live.props.values()}
    return {
        name: value
        for name, one in (page.get("properties") or {}).items()
        if name not in known and one.get("id") not in known and one.get("type") not in DERIVED
        and not empty(value := from_property(one)) and value is not False
    }  # fmt: skip
