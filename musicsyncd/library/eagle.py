"""Eagle's library as a shelf: files that another program keeps, asked through its local API.

Its target is `volume:eagle`: an item that was read back counts as kept, like a file on a disk.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

import anyio
import structlog

from musicsyncd.clock import Clock
from musicsyncd.errors import Degraded, MusicsyncError, Permanent, Temporary
from musicsyncd.library.base import About, Condition, Kept, Placed, Shelf, ShelfState, Staged
from musicsyncd.library.disk import hash_file
from musicsyncd.library.eagle_book import Asked, EagleBook
from musicsyncd.library.eagle_client import TARGET, EagleClient, Item, NotOffered
from musicsyncd.library.eagle_index import EagleIndex
from musicsyncd.library.eagle_placing import Hold, Order, Placing
from musicsyncd.library.eagle_presence import EagleOptions, Presence
from musicsyncd.library.eagle_tags import merged
from musicsyncd.library.patience import Patience

logger = structlog.get_logger()
NAME: Final = "eagle"
LAYOUT: Final = "{artist} - {title}"
LONGEST_NAME: Final = 128
"""Characters of an item's name."""
SAME_LOOK: Final = 2.0
"""Seconds for which a reader takes the open library as seen."""
LONGEST_SILENCE: Final = 60.0
"""Seconds without progress after which a disk that is being read counts as gone."""
SameMusic = Callable[[Path, Path], Awaitable[bool]]
"""Whether two files were read, and hold the same music as far as can be told."""
NO_WAY_BACK: Final = "This version of Eagle takes nothing out of its trash by itself"
IN_LIBRARY: Final = re.compile(r"images/([^/]+)\.info/")


class Eagle(Shelf):
    """One library of Eagle. Verified before each file that it is given; never switched without consent."""

    reads_later = True

    def __init__(
        self,
        client: EagleClient,
        book: EagleBook,
        options: EagleOptions,
        clock: Clock,
        extensions: Sequence[str] = (),
        same_music: SameMusic | None = None,
    ) -> None:
        """`extensions` are those of `options.formats`, in their order. Without `same_music` only the very bytes are one
        thing.
        """
        self.name, self.target, self.formats, self.layout = NAME, TARGET, options.formats, LAYOUT
        self.client, self.book = client, book
        self._options, self._clock, self._extensions = options, clock, tuple(extensions)
        self._same_music, self._hold = same_music, Hold()
        self._patience, self._placing = Patience(NAME), anyio.Lock()
        self._presence = Presence(client, book, options, clock)
        self._disks: dict[str, Patience] = {}
        self._seen: tuple[float, str] | None = None

    async def state(self) -> ShelfState:
        self._seen = None
        state = await self._presence.state()
        if state.ready:
            self._seen = self._clock.monotonic(), state.marker
        return state

    async def prepare(self) -> ShelfState:
        """How it is, once what the settings allow was done about it: Eagle launched, its library opened."""
        self._seen = None
        return await self._presence.prepare()

    async def place(self, staged: Staged, wanted: str, *, tie_breaker: str, replaces: Kept | None = None) -> Placed:
        await self._check(staged)
        async with self._placing:
            library = await self._ready()
            old = await self._kept_item(replaces, library) if replaces else None
            theirs = bool(old and await self.book.linked(library, old.id))
            order = Order(
                library=library,
                staged=staged,
                name=posixpath.basename(wanted)[:LONGEST_NAME].strip() or tie_breaker,
                about=staged.about or About(track=tie_breaker),
                old=old if old and not old.deleted else None,
                old_id=_id_of(replaces) if replaces else "",
                alone=self._extensions.count(staged.extension) <= 1,
            )
            item, linked = await self._put().place(order)
            recycled = await self._make_way(old, item) if old and not theirs else None
        return Placed(kept=await self._kept(item, staged, library, linked=linked), recycled=recycled)

    async def look(self, kept: Kept) -> Kept | None:
        library = await self._readable_library()
        item = await self._kept_item(kept, library)
        if item is None or item.deleted:
            return None
        if _nanoseconds(item) != kept.mtime_ns and await self._digest(library, item) not in ("", kept.sha256):
            return None
        return replace(kept, path=item.path, mtime_ns=_nanoseconds(item))

    async def found(self, kept: Kept) -> Kept | None:
        library = await self._readable_library()
        item = await self._item(kept, library)
        if item is None or item.deleted:
            return None
        digest = await self._read(library, item)
        return replace(kept, path=item.path, size=item.size, mtime_ns=_nanoseconds(item), sha256=digest)

    async def retire(self, kept: Kept) -> str | None:
        """As for every shelf. An item that was there before us stays where it is and loses our tags; where Eagle gives
        nothing back, nothing is taken: NotOffered.
        """
        library = await self._ready()
        item = await self._kept_item(kept, library)
        if item is None or item.deleted:
            return item.path if item else None
        if links := await self.book.linked(library, item.id):
            await self._let_go(item, links)
            return item.path
        if await self._digest(library, item) not in ("", kept.sha256):
            return None
        if not await self.client.newer():
            raise NotOffered(NO_WAY_BACK, target=TARGET, fix=f"Move {item.name} to Eagle's trash yourself")
        await self._trash(item)
        return item.path

    async def restore(self, kept: Kept, recycled: str) -> Kept:
        library = await self._ready()
        if kept.marker != library:
            what = f"{kept.path} was kept in {kept.marker}, and Eagle's library is {library} now"
            raise Degraded(what, target=TARGET, fix="Name that library in eagle.library, then undo again")
        item = await self._kept_item(kept, library)
        if item is None:
            raise Permanent(f"{recycled} is not in Eagle any more as it was", fix="Sync the track again")
        if item.deleted:
            await self._revive(item)
        return replace(kept, path=item.path, mtime_ns=_nanoseconds(item))

    async def recycled(self, kept: Kept) -> str | None:
        item = await self._kept_item(kept, await self._readable_library())
        if item is None or not item.deleted:
            return None
        if not await self.client.newer():  # said before anything makes way for it
            raise NotOffered(NO_WAY_BACK, target=TARGET, fix=f"Restore {item.name} in Eagle, then undo again")
        return item.path

    async def readable(self, kept: Kept, folder: Path) -> Path:
        library = await self._readable_library()
        item = await self.client.item(_id_of(kept))
        path = Path(library, item.path if item else kept.path)
        if not await self._patience.run(lambda _: path.is_file(), quiet=LONGEST_SILENCE):
            what = f"{path.name} in Eagle's library cannot be read from here"
            raise Degraded(what, target=TARGET, why=f"{path} is no file", fix="Let musicsyncd read that folder")
        return path

    # Ways

    def _put(self) -> Placing:
        return Placing(
            client=self.client,
            book=self.book,
            index=EagleIndex(self.client, self.book, self._clock),
            clock=self._clock,
            patience=self._options.import_timeout,
            still_open=self._still_open,
            agrees=self._agrees,
            hold=self._hold,
        )

    async def _ready(self) -> str:
        """The path of the library, which is open at this moment; Degraded otherwise."""
        return _ready(self._presence.remembered() or await self.prepare())

    async def _readable_library(self) -> str:
        if self._seen and self._clock.monotonic() - self._seen[0] < SAME_LOOK:
            return self._seen[1]
        return _ready(await self.state())

    async def _still_open(self, library: str) -> None:
        if _ready(await self.state()) != library:
            raise Degraded("Another library was opened in Eagle meanwhile", target=TARGET, fix=f"Open {library}")

    async def _check(self, staged: Staged) -> None:
        """Eagle copies whatever stands there: it must be what was recorded."""
        if not staged.size:
            raise Permanent(f"{staged.path.name} is empty", fix="Make it again: musicsyncctl tracks retry")
        disk = self._disks.setdefault(staged.target, Patience(staged.target or "staging"))
        try:
            digest = await self._hashed(staged.path, disk)
        except TimeoutError as error:
            what = f"{staged.path.name} cannot be read: its disk hangs"
            raise Degraded(what, target=staged.target or TARGET, why=str(error), fix="Look at that disk") from error
        except OSError as error:
            why = error.strerror or str(error)
            raise Temporary(f"{staged.path.name} cannot be read", why=why, fix="It is made again") from error
        if digest != staged.sha256:
            raise Temporary(f"{staged.path.name} is not the file that was recorded", fix="It is made again")

    async def _kept_item(self, kept: Kept, library: str) -> Item | None:
        """The item of a kept file, in the trash too, if it is as it was."""
        item = await self._item(kept, library)
        return item if item and item.size == kept.size else None

    async def _item(self, kept: Kept, library: str) -> Item | None:
        """The item of a kept file, in the trash too; None only when the library that has none is still open."""
        if kept.marker != library:
            return None
        item = await self.client.item(_id_of(kept))
        if item is None:
            await self._still_open(library)
        return item

    async def _let_go(self, item: Item, links: Sequence[Asked]) -> None:
        """The owner's item is the owner's alone again."""
        ours = [tag for link in links for tag in link.tags]
        await self.client.write_tags(item.id, merged(item.tags, ours, ()))
        for link in links:
            await self.book.write(replace(link, tags=()))

    async def _agrees(self, library: str, item: Item, staged: Staged) -> bool:
        """Whether what stands there is what is staged: read, not believed."""
        path = Path(library, item.path)
        if await self._digest(library, item) == staged.sha256:
            return True
        try:
            return self._same_music is not None and await self._same_music(path, staged.path)
        except MusicsyncError:  # it cannot be read or is no whole audio
            return False

    async def _make_way(self, old: Item, item: Item) -> str | None:
        if old.id == item.id:
            return None
        if not old.deleted:
            await self._trash(old)
        return old.path

    async def _trash(self, item: Item) -> None:
        await self.client.trash(item.id)
        now = await self.client.item(item.id)
        if now and not now.deleted:
            raise Degraded(f"Eagle has not moved {item.name} to its trash", target=TARGET, fix="Look at Eagle")

    async def _revive(self, item: Item) -> None:
        try:
            back = await self.client.revive(item.id)
        except NotOffered as error:
            raise Permanent(NO_WAY_BACK, fix=f"Restore {item.name} in Eagle, then undo again") from error
        now = await self.client.item(item.id)
        if not back or now is None or now.deleted:
            raise Permanent(f"{item.name} is not in Eagle's trash any more", fix="Sync the track again")

    async def _kept(self, item: Item, staged: Staged, library: str, *, linked: bool) -> Kept:
        """A linked item has bytes of its own."""
        return Kept(
            shelf=self.name,
            marker=library,
            path=item.path,
            format=staged.format,
            size=item.size,
            mtime_ns=_nanoseconds(item),
            sha256=await self._read(library, item) if linked else staged.sha256,
        )

    async def _digest(self, library: str, item: Item) -> str:
        """The hash of an item's file; empty where the library's folder cannot be read from here."""
        with suppress(Degraded):
            return await self._read(library, item)
        return ""

    async def _read(self, library: str, item: Item) -> str:
        """The hash of an item's file; Degraded where the library's folder cannot be read from here."""
        path = Path(library, item.path)
        try:
            return await self._hashed(path, self._patience)
        except (OSError, TimeoutError) as error:
            what = f"{path.name} in Eagle's library cannot be read from here"
            why = getattr(error, "strerror", "") or str(error)
            raise Degraded(what, target=TARGET, why=why, fix="Let musicsyncd read that folder") from error

    async def _hashed(self, path: Path, disk: Patience) -> str:
        return await disk.run(lambda heart: _hash(path, heart.beat), quiet=LONGEST_SILENCE)


def _ready(state: ShelfState) -> str:
    if state.ready:
        return state.marker
    what = "Eagle has another library open" if state.condition is Condition.FOREIGN else f"Eagle is {state.condition}"
    raise Degraded(what, target=TARGET, why=state.why, fix=state.fix)


def _hash(path: Path, beat: Callable[[], None]) -> str:
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return hash_file(path.name, folder, beat)
    finally:
        os.close(folder)


def _id_of(kept: Kept) -> str:
    found = IN_LIBRARY.match(kept.path)
    return found[1] if found else ""


def _nanoseconds(item: Item) -> int:
    return item.mtime * 10**6
