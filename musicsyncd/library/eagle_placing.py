"""How one file gets into Eagle's library: found there, linked, or taken in and read back. Never twice."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from musicsyncd.clock import Clock
from musicsyncd.crashpoints import CrashPoint, crash_point
from musicsyncd.errors import Degraded
from musicsyncd.library.base import About, Staged
from musicsyncd.library.eagle_book import Asked, EagleBook
from musicsyncd.library.eagle_client import TARGET, EagleClient, Import, Item, NotOffered, Refused
from musicsyncd.library.eagle_index import EagleIndex
from musicsyncd.library.eagle_tags import fingerprint_tag, merged, wanted_tags

PLAYLISTS: Final = "Playlists"
"""Folder of the folders that are named after playlists."""
ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
ID_LENGTH: Final = 13
GRACE: Final = 10.0
"""Seconds in which an import shows whose answer was lost."""
SOONEST: Final = 0.25
SLOWEST: Final = 5.0
"""Seconds between two looks for what was asked for."""
HELD: Final = 600.0
"""Seconds for which a queue that let nothing through in time counts as held."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """One file that shall stand in the library."""

    library: str
    staged: Staged
    name: str
    about: About
    old: Item | None = None
    """What the file takes the place of, if that stands as it was kept."""
    old_id: str = ""
    """The item of the file that it takes the place of, whatever became of it."""
    alone: bool = True
    """Whether no other format of this shelf has the same extension."""

    @property
    def id(self) -> str:
        """The same for the same bytes of the same track, so that a second try finds the first."""
        said = f"{self.about.track}\0{self.staged.format}\0{self.staged.sha256}"
        number = int.from_bytes(hashlib.sha256(said.encode()).digest()[:9], "big")
        return "".join(ALPHABET[number >> 5 * place & 31] for place in range(ID_LENGTH))


@dataclass
class Hold:
    """That Eagle did not take in what it was asked to: for a while nothing waits for it, and nothing more is asked."""

    until: float = float("-inf")
    """On the monotonic clock."""


@dataclass(frozen=True, kw_only=True)
class Placing:
    """Puts orders into effect; the library was verified before."""

    client: EagleClient
    book: EagleBook
    index: EagleIndex
    clock: Clock
    patience: float
    """Seconds that an import may take."""
    still_open: Callable[[str], Awaitable[None]]
    """Degraded when another library is open by now."""
    agrees: Callable[[str, Item, Staged], Awaitable[bool]]
    """Whether an item of this library was read and holds the same music as the staged file."""
    hold: Hold

    async def place(self, order: Order) -> tuple[Item, bool]:
        """The item as it was read back, and whether it was there before us and is the owner's."""
        item, asked = await self._stands(order) or await self._linked(order) or await self._taken_in(order)
        if not asked.linked:
            self.hold.until = float("-inf")
        await self.still_open(order.library)
        wanted = wanted_tags(order.about, order.staged.format)
        tags = merged(item.tags, asked.tags, wanted)
        if tags != item.tags:
            await self.client.write_tags(item.id, tags)
            item = replace(item, tags=tags)
        await self.book.write(replace(asked, item=item.id, tags=wanted, confirmed=True))
        crash_point(CrashPoint.EAGLE_CONFIRMED)
        if not asked.linked:
            await self._sweep(order, item)
        return item, asked.linked

    # What is there already

    async def _stands(self, order: Order) -> tuple[Item, Asked] | None:
        """What an earlier try asked for, or what this track's owner had there all along."""
        known = await self.book.asked(order.library, order.about.track, order.staged.format)
        ours = next((one for one in known if one.sha256 == order.staged.sha256), None)
        for link in (one for one in known if one.linked):
            item = await self.client.item(link.item)
            if item and not item.deleted and await self.agrees(order.library, item, order.staged):
                return item, replace(link, sha256=order.staged.sha256)
        if item := await self._found(order, ours):
            return item, ours or self._new(order)
        if ours and not ours.confirmed and not ours.linked:
            return await self._awaited(order, ours)
        return None

    async def _awaited(self, order: Order, ours: Asked) -> tuple[Item, Asked] | None:
        """It was asked for and may be on its way: asking again would have it twice. What Eagle said that it would take
        in is never asked for again until Eagle was closed; Degraded as long as it does not come.
        """
        try:
            return await self._landed(order, ours, max(0.0, self._left(ours))), ours
        except Degraded:
            if ours.queued:
                raise
        return None

    async def _found(self, order: Order, ours: Asked | None) -> Item | None:
        """The very file among Eagle's items, also when it lies in the trash."""
        for id_ in dict.fromkeys(filter(None, (ours.item if ours else "", order.id))):
            item = await self.client.item(id_)
            if item and item.size == order.staged.size and await self._out_of_trash(item):
                return replace(item, deleted=False)
        return await self._alike(order) if not await self.client.newer() else None

    async def _out_of_trash(self, item: Item) -> bool:
        if not item.deleted:
            return True
        try:
            return await self.client.revive(item.id)
        except NotOffered:
            return False

    async def _alike(self, order: Order) -> Item | None:
        """Where Eagle gives the ids: an item that nobody else's file is, and that is ours to the byte count."""
        staged = order.staged
        found = await self.client.like(url=order.about.url, name=order.name, ext=staged.extension)
        fitting = [one for one in found if one.size == staged.size and one.name == order.name]
        free = await self._free(order, fitting)
        return free[0] if free else None

    async def _linked(self, order: Order) -> tuple[Item, Asked] | None:
        """The owner's own copy of the same thing: by address, or by the fingerprint to the last digit."""
        staged, about = order.staged, order.about
        if order.old:
            return None
        found = await self.index.same(
            order.library, url=about.url, fingerprint=fingerprint_tag(about.fingerprint), ext=staged.extension
        )
        fitting = [one for one in found if one.size == staged.size or (order.alone and one.size)]
        for item in await self._free(order, fitting):
            if await self.agrees(order.library, item, staged):
                return item, replace(self._new(order), linked=True)
        return None

    async def _free(self, order: Order, items: list[Item]) -> list[Item]:
        """Those that are not another track's file, nor another version or format of this one's."""
        own = await self.book.asked(order.library, order.about.track, order.staged.format)
        taken = await self.book.claimed(
            order.library, [one.id for one in items], but=(order.about.track, order.staged.format)
        )
        taken |= {one.item for one in own if one.sha256 != order.staged.sha256}
        return [one for one in items if one.id not in taken and one.id != order.old_id]

    # Taking in

    async def _taken_in(self, order: Order) -> tuple[Item, Asked]:
        if self.clock.monotonic() < self.hold.until:
            raise self._late(order)
        newer = await self.client.newer()
        if newer:
            await self._refuse_taken_id(order)
        wanted = wanted_tags(order.about, order.staged.format)
        asked = replace(self._new(order), item=order.id if newer else "", tags=wanted)
        import_ = await self._import(order, wanted)
        await self.still_open(order.library)
        await self.book.write(asked)  # before it is asked: the answer may be lost
        crash_point(CrashPoint.EAGLE_NOTED)
        try:
            asked = replace(asked, item=await self.client.add(import_), queued=True)
        except Refused:
            await self.book.forget(asked)
            raise
        except Degraded as lost:
            return await self._heard_all_the_same(order, asked, lost), asked
        crash_point(CrashPoint.EAGLE_ASKED)
        await self.book.write(asked)
        return await self._landed(order, asked, self.patience), asked

    async def _refuse_taken_id(self, order: Order) -> None:
        """What Eagle does with an id that it has already is written down nowhere."""
        if item := await self.client.item(order.id):
            what = f"Eagle's item {item.id} is not {order.name} as it was made"
            why = f"It has {item.size} bytes in place of {order.staged.size}"
            raise Degraded(what, target=TARGET, why=why, fix="Delete it in Eagle, from the trash too")

    async def _import(self, order: Order, wanted: Sequence[str]) -> Import:
        """What is asked for; what a person did to the item that makes way is carried over."""
        old = order.old or Item(id="")
        known = await self.book.asked(order.library, order.about.track, order.staged.format)
        before = next((one.tags for one in known if old.id and one.item == old.id), ())
        folders = [await self.client.folder(PLAYLISTS, name) for name in dict.fromkeys(order.about.playlists)]
        return Import(
            id=order.id,
            path=str(order.staged.path.absolute()),
            name=order.name,
            url=order.about.url,
            tags=merged(old.tags, before, wanted) if order.old else tuple(wanted),
            folders=tuple(dict.fromkeys((*old.folders, *folders))),
            annotation=old.annotation,
            star=old.star,
        )

    async def _heard_all_the_same(self, order: Order, asked: Asked, lost: Degraded) -> Item:
        """The answer was lost; whether the question was, its item tells."""
        try:
            return await self._landed(order, asked, min(GRACE, self.patience))
        except Degraded:
            raise lost from None

    async def _sweep(self, order: Order, item: Item) -> None:
        """Earlier versions that were taken in and never recorded make way: no file stands there twice."""
        for one in await self.book.asked(order.library, order.about.track, order.staged.format):
            if one.linked or one.item in ("", item.id, order.old_id) or one.sha256 == order.staged.sha256:
                continue
            there = await self.client.item(one.item)
            if there and not there.deleted:
                await self.client.trash(there.id)

    def _new(self, order: Order) -> Asked:
        return Asked(
            library=order.library,
            track=order.about.track,
            format=order.staged.format,
            sha256=order.staged.sha256,
            asked_at=self.clock.now(),
        )

    def _left(self, asked: Asked) -> float:
        """Seconds within which it may still come."""
        return self.patience - (self.clock.now() - asked.asked_at).total_seconds()

    async def _landed(self, order: Order, asked: Asked, patience: float) -> Item:
        """The item, once it is whole; Degraded when it is not in time, or another library is open. Where the queue is
        held nothing is waited for.
        """
        ends, pause = self.clock.monotonic() + patience, SOONEST
        while (item := await self._found(order, asked)) is None:
            now = self.clock.monotonic()
            if now < self.hold.until:
                raise self._late(order)
            if now >= ends:
                self.hold.until = now + HELD if asked.queued and patience else self.hold.until
                raise self._late(order)
            await self.clock.sleep(pause)
            pause = min(2 * pause, SLOWEST)
            await self.still_open(order.library)
        return item

    def _late(self, order: Order) -> Degraded:
        return Degraded(
            f"Eagle has not taken in {order.name} within {self.patience:g} s",
            target=TARGET,
            why="Its queue may be long, or held by a question about duplicates",
            fix="Look at Eagle, and switch off its warning of duplicates. If it waits for nothing, start Eagle anew",
        )
