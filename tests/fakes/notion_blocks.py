"""Bodies of pages, and the values of a property page by page."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tests.fakes.notion_faults import Asked
from tests.fakes.notion_store import BOT, Block, Page, Prop, Store, invalid, minute
from tests.fakes.notion_values import answered, dashed, missing, property_json, runs

_ALL: Final = 1_000_000


class Blocks:
    """All blocks of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def found(self, id_: str) -> Block:
        """A shared block that is not a page."""
        block = self._store.blocks.get(dashed(id_))
        if block is None or not self._store.visible(self._store.pages[block.page]):
            raise missing("block", id_)
        return block

    def append(self, id_: str, children: Sequence[Mapping[str, Any]], position: Mapping[str, Any]) -> list[Block]:
        """New blocks at the end, or where `position` says."""
        siblings, page, parent = self._below(id_)
        if page.now.in_trash:
            raise invalid("Can't edit block that is in trash. You must restore it before editing.")
        made = [self._made(page, parent, one) for one in children]
        place = len(siblings)
        if position.get("type") == "start":
            place = 0
        elif position.get("type") == "after_block":
            after = dashed(position["after_block"]["id"])
            if after not in siblings:
                raise missing("block", after)
            place = siblings.index(after) + 1
        siblings[place:place] = [one.id for one in made]
        self._store.change(page, BOT)
        return made

    def _below(self, id_: str) -> tuple[list[str], Page, dict[str, Any]]:
        page = self._store.pages.get(dashed(id_))
        if page is not None and self._store.visible(page):
            return page.children, page, {"type": "page_id", "page_id": page.id}
        block = self.found(id_)
        return block.children, self._store.pages[block.page], {"type": "block_id", "block_id": block.id}

    def _made(self, page: Page, parent: dict[str, Any], told: Mapping[str, Any]) -> Block:
        kind = told.get("type") or next(iter(set(told) - {"object"}))
        content = dict(told[kind])
        below = content.pop("children", ())
        block = self._store.add_block(page.id, parent, kind, _content(kind, content))
        inside = {"type": "block_id", "block_id": block.id}
        block.children = [self._made(page, inside, one).id for one in below]
        return block

    def update(self, id_: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """New content, or into the trash."""
        block = self.found(id_)
        if block.kind in body:
            block.content |= _content(block.kind, dict(body[block.kind]))
        block.in_trash = body.get("in_trash", block.in_trash)
        self._touched(block)
        return self.answer(block)

    def delete(self, id_: str) -> dict[str, Any]:
        """Into the trash."""
        block = self.found(id_)
        block.in_trash = True
        self._touched(block)
        return self.answer(block)

    def _touched(self, block: Block) -> None:
        block.edited = self._store.now()
        self._store.change(self._store.pages[block.page], BOT)

    def children(self, id_: str, asked: Asked) -> dict[str, Any]:
        """What is below, but for the trash."""
        siblings, _, _ = self._below(id_)
        blocks = [one for one in (self._store.blocks[id_] for id_ in siblings) if not one.in_trash]
        start, end = span(asked)
        return self.listed(blocks[start:end], str(uuid.UUID(int=end)) if len(blocks) > end else None)

    def listed(self, blocks: Sequence[Block], onward: str | None) -> dict[str, Any]:
        """A list as Notion answers it."""
        return {
            "object": "list",
            "results": [self.answer(one) for one in blocks],
            "next_cursor": onward,
            "has_more": onward is not None,
            "type": "block",
            "block": {},
        }

    def answer(self, block: Block) -> dict[str, Any]:
        """One block."""
        user = {"object": "user", "id": BOT}
        return {
            "object": "block",
            "id": block.id,
            "parent": block.parent,
            "type": block.kind,
            "created_time": minute(block.created),
            "last_edited_time": minute(block.edited),
            "created_by": user,
            "last_edited_by": user,
            "has_children": any(not self._store.blocks[id_].in_trash for id_ in block.children),
            "in_trash": block.in_trash,
            "is_archived": block.in_trash,
            block.kind: block.content,
        }

    def property_items(self, page: Page, prop: Prop, asked: Asked, *, many: bool) -> dict[str, Any]:
        """A property's value: of a list, page by page."""
        if not many:
            whole = property_json(prop, page, page.now)
            return {"object": "property_item", "id": prop.id, "type": prop.kind, prop.kind: whole[prop.kind]}
        held = answered(prop, page.now.values.get(prop.id), inline=_ALL)
        start, end = span(asked)
        onward = str(uuid.UUID(int=end)) if len(held) > end else None
        items = [
            {"object": "property_item", "id": prop.id, "type": prop.kind, prop.kind: one} for one in held[start:end]
        ]
        about: dict[str, Any] = {"id": prop.id, "type": prop.kind, prop.kind: {}, "next_url": None}
        return {"object": "list", "results": items, "next_cursor": onward, "has_more": onward is not None,
                "type": "property_item", "property_item": about}  # fmt: skip


def span(asked: Asked) -> tuple[int, int]:
    """From where to where a list is asked for."""
    query = asked.query
    try:
        start = int(query["start_cursor"][0].replace("-", ""), 16) if "start_cursor" in query else 0
        return start, start + int(query.get("page_size", ["100"])[0])
    except ValueError:
        raise invalid("The start_cursor or the page_size provided is invalid.") from None


def _content(kind: str, told: dict[str, Any]) -> dict[str, Any]:
    """What was sent, with what Notion adds."""
    if "rich_text" in told:
        told["rich_text"] = runs(told["rich_text"])
        told = {"color": "default"} | told
    if kind.startswith("heading_"):
        told = {"is_toggleable": False} | told
    if kind == "to_do":
        told = {"checked": False} | told
    if kind == "code":
        told = {"caption": [], "language": "plain text"} | told
        told.pop("color", None)
    return told
