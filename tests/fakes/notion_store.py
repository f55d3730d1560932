"""What the fake Notion holds: databases with their data sources, pages with their versions, blocks."""

from __future__ import annotations

import itertools
import random
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

BOT: Final = "ee5f0f84-409a-440f-983a-a5315961c6e4"
PERSON: Final = "b5d1c0de-1111-4222-8333-444455556666"
COLORS: Final = ("default", "gray", "brown", "orange", "yellow", "green", "blue", "purple", "pink", "red")


class Refusal(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class NotDone(Refusal):
    """Notion could do this and the fake cannot: a fault of the test, not an answer to learn from."""

    def __init__(self, what: str) -> None:
        super().__init__(400, "validation_error", f"the fake does not do this: {what}")


def invalid(message: str) -> Refusal:
    """What Notion answers to a request that does not fit the schema."""
    return Refusal(400, "validation_error", message)


@dataclass
class Option:
    """One of a select's, multi-select's or status's."""

    id: str
    name: str
    color: str = "default"

    def answer(self) -> dict[str, Any]:
        return {"id": self.id, "name": self.name, "color": self.color}


@dataclass
class Prop:
    """One property of a data source."""

    id: str
    name: str
    kind: str
    options: list[Option] = field(default_factory=list)
    target: str = ""
    """The data source that a relation leads to."""
    config: dict[str, Any] = field(default_factory=dict)

    def option(self, *, name: str = "", id_: str = "") -> Option | None:
        return next((one for one in self.options if (one.name == name if name else one.id == id_)), None)


@dataclass
class Source:
    """A data source: a schema and rows."""

    id: str
    database: str
    title: str
    props: dict[str, Prop] = field(default_factory=dict)
    """By name."""
    pages: list[str] = field(default_factory=list)
    revision: int = 0
    """Grows with every change of a row or of the schema."""
    full: bool = False
    """The schema is at its size limit."""
    index: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    """By property that was ever asked for: text in lower case (or related page) -> pages that ever had it."""

    def prop(self, name: str) -> Prop | None:
        """By name or by id."""
        return self.props.get(name) or next((one for one in self.props.values() if one.id == name), None)


@dataclass
class Base:
    """A database: a container of data sources."""

    id: str
    title: str
    sources: list[str]
    parent: dict[str, Any]
    created: float
    shared: bool = True
    in_trash: bool = False


@dataclass(frozen=True)
class Version:
    """A page as it was from one moment on."""

    at: float
    edited: float
    edited_by: str
    values: dict[str, Any]
    """By property id; what was never set is not there."""
    in_trash: bool = False
    source: str = ""


@dataclass
class Page:
    """A row, or a page of its own (then `parent` says below what)."""

    id: str
    created: float
    created_by: str
    versions: list[Version]
    number: int
    """In the order of their making."""
    parent: dict[str, Any] = field(default_factory=dict)
    children: list[str] = field(default_factory=list)

    @property
    def now(self) -> Version:
        return self.versions[-1]

    def seen(self, moment: float) -> Version | None:
        """As an index knows it that is up to date until then."""
        return next((one for one in reversed(self.versions) if one.at <= moment), None)


@dataclass
class Block:
    """A piece of a page's body."""

    id: str
    kind: str
    content: dict[str, Any]
    page: str
    parent: dict[str, Any]
    created: float
    edited: float
    in_trash: bool = False
    children: list[str] = field(default_factory=list)


def minute(moment: float) -> str:
    """As Notion tells times of pages: seconds are zero."""
    return _minute(int(moment // 60))


@lru_cache(10_000)
def _minute(number: int) -> str:
    return datetime.fromtimestamp(number * 60, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


class Store:
    """All of a workspace. Whoever uses it holds the fake's lock."""

    def __init__(self, now: Callable[[], float], seed: int = 7) -> None:
        self.now = now
        self.lag = 0.0
        self.bases: dict[str, Base] = {}
        self.sources: dict[str, Source] = {}
        self.pages: dict[str, Page] = {}
        self.blocks: dict[str, Block] = {}
        self._random = random.Random(seed)
        self._order = itertools.count(1)

    def new_id(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def new_property_id(self) -> str:
        """Four characters, some of them escaped as Notion escapes them."""
        letters = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"
        found = "".join(self._random.choice(letters) for _ in range(3)) + f"{next(self._order):x}"
        return found[:1] + "%3A" + found[1:] if self._random.random() < 0.3 else found

    def add_base(self, title: str, parent: dict[str, Any] | None = None) -> Base:
        """A database with one empty data source."""
        base = Base(self.new_id(), title, [], parent or {"type": "workspace", "workspace": True}, self.now())
        self.bases[base.id] = base
        self.add_source(base, title)
        return base

    def add_source(self, base: Base, title: str) -> Source:
        source = Source(self.new_id(), base.id, title)
        self.sources[source.id] = source
        base.sources.append(source.id)
        return source

    def add_property(self, source: Source, name: str, kind: str, **more: Any) -> Prop:
        """`options` may be names; `target` is a relation's data source."""
        names = more.pop("options", ())
        prop = Prop("title" if kind == "title" else self.new_property_id(), name, kind, **more)
        for one in names:
            self.add_option(prop, one)
        source.props[name] = prop
        source.revision += 1
        return prop

    def add_option(self, prop: Prop, name: str) -> Option:
        option = Option(self.new_id(), name, COLORS[len(prop.options) % len(COLORS)])
        prop.options.append(option)
        return option

    def add_page(self, source: Source | None, values: dict[str, Any], by: str, **more: Any) -> Page:
        """A new row, or with no source a page with `parent`."""
        moment = self.now()
        version = Version(moment, moment, by, values, source=source.id if source else "")
        page = Page(self.new_id(), moment, by, [version], len(self.pages), **more)
        self.pages[page.id] = page
        if source:
            source.pages.append(page.id)
            source.revision += 1
            self._note(source, page.id, version)
        return page

    def change(self, page: Page, by: str, **changes: Any) -> None:
        """A new version of a page: `values` (only what changes), `in_trash`, `source`."""
        moment, before = self.now(), page.now
        values = before.values | changes.pop("values", {})
        fields: dict[str, Any] = {"in_trash": before.in_trash, "source": before.source} | changes
        after = Version(moment, moment, by, values, **fields)
        known = page.seen(moment - self.lag)
        kept = page.versions[page.versions.index(known) :] if known else page.versions
        page.versions = [*kept, after] if self.lag else [after]
        for source in {before.source, after.source} - {""}:
            self.sources[source].revision += 1
            self._note(self.sources[source], page.id, after)

    def having(self, source: Source, prop: Prop, text: str) -> set[str]:
        """The pages that have this text in a property (or are related to this page), and some that only had it."""
        if prop.id not in source.index:
            source.index[prop.id] = {}
            for id_ in source.pages:
                for version in self.pages[id_].versions:
                    self._note(source, id_, version, only=prop.id)
        return source.index[prop.id].get(text.lower(), set())

    @staticmethod
    def _note(source: Source, page: str, version: Version, only: str = "") -> None:
        for prop in (only,) if only else source.index:
            held = version.values.get(prop) or ""
            if isinstance(held, list):
                relates = bool(held) and isinstance(held[0], str)
                texts = held if relates else ["".join(one["plain_text"] for one in held)]
            else:
                texts = [held]
            for text in texts:
                source.index[prop].setdefault(text.lower(), set()).add(page)

    def source_of(self, page: Page) -> Source | None:
        return self.sources.get(page.now.source)

    def visible(self, page: Page) -> bool:
        """Whether it is shared with the connection."""
        source = self.source_of(page)
        return source is None or self.bases[source.database].shared

    def rows(
        self, source: Source, moment: float | None = None, among: set[str] | None = None
    ) -> Iterator[tuple[Page, Version]]:
        """The rows as an index knows them (or as they are), trashed ones too."""
        for id_ in source.pages if among is None else sorted(among, key=lambda one: self.pages[one].number):
            page = self.pages[id_]
            version = page.now if moment is None else page.seen(moment)
            if version is not None and version.source == source.id:
                yield page, version

    def add_block(self, page: str, parent: dict[str, Any], kind: str, content: dict[str, Any]) -> Block:
        moment = self.now()
        block = Block(self.new_id(), kind, content, page, parent, moment, moment)
        self.blocks[block.id] = block
        return block
