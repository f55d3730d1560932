"""Which row is a track's: the one that we know, one that nobody answered for, one that a person made; else none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import anyio

from musicsyncd.catalog.base import Fields
from musicsyncd.catalog.notion_book import Book, Live
from musicsyncd.catalog.notion_fields import HANDMADE, KEY, contradicts, identities_of, is_id, lookup
from musicsyncd.ledger.mirror import MirrorRow
from musicsyncd.music.identity import ISRC, Identity, isrc

TRACK: Final = "_track"
"""Among what was written into a row: whose it is, by the ledger's id."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a row should say, as the schema can hold it."""

    key: str
    """The ledger's."""
    keyed: Mapping[str, str]
    """The external key, where there is a property for it."""
    live: Live
    fields: Fields
    values: Mapping[str, Any]

    @property
    def identities(self) -> tuple[Identity, ...]:
        """What the track is known by at the services."""
        return identities_of(self.fields)


class Claims:
    """Gives rows to tracks, each to one. Raises what the client raises."""

    def __init__(self, book: Book, lag: float) -> None:
        """`lag` in seconds."""
        self._book, self._lag = book, lag
        self._claiming = anyio.Lock()

    async def row_for(self, wanted: Wanted, known: str | None) -> MirrorRow | None:
        """The track's row as it stands now; None when it has none. One that a person took out stays out."""
        if known and is_id(known) and (row := await self._book.fetched(known)) and await self._stays(known, wanted.key):
            return row
        for page in await self._book.mirror.pages_with(self._book.name, TRACK, wanted.key):
            if row := await self._book.fetched(page):
                return row
        sent = await self._book.creations.unsure(wanted.key)
        if sent is not None and (row := await self._after_lost_answer(wanted, sent)):
            return row
        await self._book.freshen(within=self._lag * 4)
        found = await self._claimed(wanted, await self._book.mirror.by_identity(self._book.name, self._names(wanted)))
        if found and sent is not None:
            await self._book.creations.settled(wanted.key)
        return found

    async def _after_lost_answer(self, wanted: Wanted, sent: Mapping[str, Any]) -> MirrorRow | None:
        """The row of a creation that nobody answered, by what was sent: the track may be known by more since."""
        wish = lookup(wanted.live.props, sent, {**wanted.keyed, **wanted.values})
        found = await self._claimed(wanted, await self._book.shown(wish) if wish else [])
        if found:
            await self._book.creations.settled(wanted.key)
        return found

    def _names(self, wanted: Wanted) -> list[Identity]:
        """By what the row may be known; its own key first, our older one last."""
        key = wanted.keyed.get("external_key", wanted.key)
        codes = [Identity(ISRC, code)] if (code := isrc(str(wanted.fields.get("isrc") or ""))) else []
        return [Identity(KEY, key), *wanted.identities, *codes, Identity(KEY, wanted.key)]

    async def _claimed(self, wanted: Wanted, candidates: list[MirrorRow]) -> MirrorRow | None:
        """The first of these that is not another track's, read anew; it is this track's from now on."""
        own = next((one.id for one in wanted.identities if one.provider == HANDMADE), "")
        handmade = await self._book.mirror.row(self._book.name, own) if own else None
        for row in [*([handmade] if handmade and not handmade.trashed else []), *candidates]:
            if contradicts(row, wanted.identities) or not await self._taken(row.page, wanted.key):
                continue
            now = await self._book.fetched(row.page)
            if now and not now.trashed:
                return now
            await self._book.mirror.wrote(self._book.name, row.page, {TRACK: None})
        return None

    async def _stays(self, page_id: str, key: str) -> bool:
        """Whether the row that we know is still this track's: another may have come to it while it was out of sight.
        One that leads nowhere else any more, as after a merge, gives it up.
        """
        if await self._taken(page_id, key):
            return True
        owner = (await self._book.mirror.base(self._book.name, page_id)).get(TRACK)
        if await self._book.mirror.is_led_to(self._book.name, page_id, str(owner)):
            return False
        await self._book.mirror.wrote(self._book.name, page_id, {TRACK: key})
        return True

    async def _taken(self, page_id: str, key: str) -> bool:
        """Whether the row is this track's from now on; False when it is another's."""
        async with self._claiming:
            if (owner := (await self._book.mirror.base(self._book.name, page_id)).get(TRACK)) not in (None, key):
                return False
            if owner is None:
                await self._book.mirror.wrote(self._book.name, page_id, {TRACK: key})
            return True
