"""What is in Eagle's library besides what we put there: listed once, then only what came since."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from musicsyncd.clock import Clock
from musicsyncd.library.eagle_book import EagleBook
from musicsyncd.library.eagle_client import LISTED, EagleClient, Item

FRESH: Final = 60.0
"""Seconds for which the index counts as up to date: few import by hand while a batch goes on."""
NEWEST: Final = 100
"""Items of a page of what came last."""
MOST_PAGES: Final = 10_000


@dataclass(frozen=True)
class EagleIndex:
    """Says which items may be a track's. Each is read anew before anything is made of it: tags and addresses change."""

    client: EagleClient
    book: EagleBook
    clock: Clock

    async def refresh(self, library: str) -> None:
        """Bring it in step with the open library; a listing that was cut short goes on where it was."""
        pages, whole, at = await self.book.listing(library)
        if not whole:
            await self._list(library, pages)
        elif at is None or (self.clock.now() - at).total_seconds() >= FRESH:
            await self._add_newest(library, pages)

    async def same(self, library: str, *, url: str, fingerprint: str, ext: str) -> list[Item]:
        """Items that stand there now and are this track's by its address or its very fingerprint (as a tag)."""
        await self.refresh(library)
        found = []
        for id_ in await self.book.same(library, url=url, fingerprint=fingerprint, ext=ext):
            item = await self.client.item(id_)
            if item and not item.deleted and item.ext == ext and _names(item, url, fingerprint):
                found.append(item)
        return found

    async def _list(self, library: str, pages: int) -> None:
        for number in range(pages, MOST_PAGES):
            items = await self.client.page(number)
            whole = len(items) < LISTED
            # The last page is read again after an interruption: it may have grown.
            await self.book.index(library, items, pages=number + (not whole), whole=whole, now=self.clock.now())
            if whole:
                return

    async def _add_newest(self, library: str, pages: int) -> None:
        found: list[Item] = []
        for number in range(MOST_PAGES):
            items = await self.client.newest(number, NEWEST)
            found += items
            if len(items) < NEWEST or await self.book.known(library, [item.id for item in items]):
                break
        await self.book.index(library, found, pages=pages, whole=True, now=self.clock.now())


def _names(item: Item, url: str, fingerprint: str) -> bool:
    return bool(url and item.url == url) or bool(fingerprint and fingerprint in item.tags)
