"""Artists and playlists as pages of their own, to which a track's row leads: each found by its name, made once.

A page that once stood for a name stands for it as long as it lives, whatever a person calls it since.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final

import anyio
import structlog

from musicsyncd.catalog.base import Fields
from musicsyncd.catalog.notion_book import Book, Live
from musicsyncd.errors import MusicsyncError, NeedsPerson
from musicsyncd.notion.client import Notion
from musicsyncd.notion.errors import Gone, Refused
from musicsyncd.notion.values import OPTIONS, Property, from_items, to_property

logger = structlog.get_logger()
LISTS: Final[Mapping[str, str]] = {"artist_pages": "artists", "playlist_pages": "playlists"}
"""Relations of a row, and what is said of the track that they hold; also the kinds of the databases."""

OUT_OF_REACH: Final = (NeedsPerson, Gone, Refused)
"""What keeps such a database from being used until a person has seen to it."""
NAMES: Final = "_names"
"""Among what was written into a page: the names for which it stands."""
PAUSE: Final = 300.0
"""Seconds after which it is tried again."""


class Links:
    """The databases beside the tracks' that are set up."""

    def __init__(self, notion: Notion, books: Mapping[str, Book], *, lag: float) -> None:
        """`books` by kind (`artists`, `playlists`); `lag` in seconds."""
        self._notion, self._lag = notion, lag
        self._lists = {kind: _Pages(book, lag) for kind, book in books.items()}

    def known(self, live: Live, fields: Fields) -> tuple[dict[str, list[str]], list[str]]:
        """The pages that a row should lead to, as far as they are known without asking; the relations that want others
        beside them.
        """
        found, open_ = dict[str, list[str]](), []
        for name, names, pages in self._wanted(live, fields):
            known = [pages.known(one) for one in names]
            found[name] = list(dict.fromkeys(page for page in known if page))
            if not all(known):
                open_.append(name)
        return found, open_

    async def pages(self, live: Live, fields: Fields) -> dict[str, list[str]]:
        """The pages that a row should lead to; what has no page yet gets one."""
        found = {}
        for name, names, pages in self._wanted(live, fields):
            try:
                found[name] = list(dict.fromkeys([await pages.page(one) for one in names]))
            except OUT_OF_REACH as error:
                pages.leave_alone(error)
        return found

    def _wanted(self, live: Live, fields: Fields) -> list[tuple[str, Sequence[str], _Pages]]:
        """A relation counts where it leads to the database that the settings name."""
        found = list[tuple[str, Sequence[str], _Pages]]()
        for name, kind in LISTS.items():
            pages, prop = self._lists.get(kind), live.props.get(name)
            names = [one for one in fields.get(kind, ()) if one.strip()][:OPTIONS]
            if kind in fields and pages and prop and prop.type == "relation" and pages.is_led_to(prop):
                found.append((name, names, pages))
        return found

    async def load(self) -> None:
        """Know the pages that were read so far, without asking."""
        for pages in self._lists.values():
            await pages.load()

    async def prepare(self) -> None:
        """Know the pages and where they are, at most some minutes old."""
        for pages in self._lists.values():
            await pages.prepare()

    async def lose(self, pages: Collection[str]) -> None:
        """These are not there, whatever we knew."""
        for one in self._lists.values():
            await one.lose(pages)

    async def all_of(self, page_id: str, prop: Property) -> list[str]:
        """All pages to which a row leads, of which it shows 25."""
        items = await self._notion.property_items(page_id, prop.id or prop.name)
        return list(from_items("relation", items))


class _Pages:
    """One such database: its pages by name, whatever the case and the blanks, and by the names for which they stood."""

    def __init__(self, book: Book, lag: float) -> None:
        self._book, self._lag = book, lag
        self._data_source = ""
        self._by_name: dict[str, str] | None = None
        self._stood: dict[str, str] = {}
        """Names for which a page stands by our word."""
        self._making = anyio.Lock()
        self._left_alone = 0.0
        self._told = ""

    async def prepare(self) -> None:
        if self._book.clock.monotonic() < self._left_alone:
            return
        try:
            if await self._book.freshen() or not self._data_source:
                async with self._making:  # a page that is made meanwhile would be forgotten
                    await self._load()
        except OUT_OF_REACH as error:
            self.leave_alone(error)

    def leave_alone(self, error: MusicsyncError) -> None:
        """For some minutes no row leads there: it does not keep rows from being written."""
        self._data_source, self._left_alone = "", self._book.clock.monotonic() + PAUSE
        if str(error) != self._told:
            self._told = str(error)
            logger.error("rows lead nowhere", catalog=self._book.name, why=self._told)

    async def load(self) -> None:
        async with self._making:
            if self._by_name is None:
                await self._load()

    async def lose(self, pages: Collection[str]) -> None:
        lost = [row for page in pages if (row := await self._book.known(page))]
        async with self._making:
            await self._book.mirror.put(self._book.name, [replace(row, trashed=True) for row in lost])
            await self._load()

    def is_led_to(self, prop: Property) -> bool:
        return bool(self._data_source) and prop.relation_data_source == self._data_source

    def known(self, name: str) -> str:
        return (self._by_name or {}).get(_folded(name), "")

    async def page(self, name: str) -> str:
        if page := self._stood.get(_folded(name)):
            return page
        async with self._making:
            if not self.known(name) and await self._book.freshen(within=self._lag * 4):
                await self._load()
            page = self.known(name) or await self._made(name)
            await self._stands(_folded(name), page)
            return page

    async def _load(self) -> None:
        """The oldest page of each name counts, before it the one that stood for it."""
        self._data_source = (await self._book.mirror.state(self._book.name)).source
        found: dict[str, tuple[str, str]] = {}
        stood: dict[str, str] = {}
        async for rows in self._book.mirror.pages(self._book.name):
            bases = await self._book.mirror.bases(self._book.name, [row.page for row in rows])
            stood |= {name: page for page, base in bases.items() for name in base.get(NAMES, ())}
            for row in rows:
                title = _folded(str(row.fields.get("title") or ""))
                if title and (title not in found or row.created < found[title][0]):
                    found[title] = (row.created, row.page)
        self._stood, self._by_name = stood, {title: page for title, (_, page) in found.items()} | stood

    async def _made(self, name: str) -> str:
        """A new page; one whose creation nobody answered is looked for first, once a query would show it."""
        book, key = self._book, _folded(name)
        live = await book.live()
        title = live.props["title"]
        if await book.creations.unsure(key) is not None:
            found = await book.shown({"property": title.id or title.name, "title": {"equals": name[:2000]}})
            if found:
                return await self._keep(key, found[0].page)
        async with book.creations.sending(key):
            page = await book.notion.create_page(live.schema.data_source, {title.name: to_property(title, name)})
        row = await book.take(page)
        return await self._keep(key, row.page)

    async def _keep(self, key: str, page: str) -> str:
        await self._book.creations.settled(key)
        assert self._by_name is not None
        self._by_name[key] = page
        return page

    async def _stands(self, key: str, page: str) -> None:
        """Write down for which name the page stands; one may stand for several."""
        if self._stood.get(key) != page:
            self._stood[key] = page
            names = sorted(name for name, one in self._stood.items() if one == page)
            await self._book.mirror.wrote(self._book.name, page, {NAMES: names})


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()
