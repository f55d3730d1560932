"""Eagle's library as a shelf: files that another program keeps, asked through its local API.

Its target is `volume:eagle`: an item that was read back counts as kept, like a file on a disk.
"""

from __future__ import annotations

import os
import posixpath
import re
import unicodedata
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import anyio
import structlog

from musicsyncd.clock import Clock
from musicsyncd.errors import Degraded, MusicsyncError, Permanent, Temporary
from musicsyncd.library.base import About, Condition, Kept, Placed, Shelf, ShelfState, Staged
from musicsyncd.library.disk import hash_file
from musicsyncd.library.eagle_book import EagleBook
from musicsyncd.library.eagle_client import OPEN_EAGLE, TARGET, EagleClient, Item, NotOffered, TokenRefused
from musicsyncd.library.eagle_index import EagleIndex
from musicsyncd.library.eagle_placing import Order, Placing
from musicsyncd.library.patience import Patience
from musicsyncd.processes.launch import launch

logger = structlog.get_logger()
NAME: Final = "eagle"
LAYOUT: Final = "{artist} - {title}"
LONGEST_NAME: Final = 128
"""Characters of an item's name."""
AGAIN: Final = 600.0
"""Seconds before Eagle is launched once more: who closes it wants it closed."""
SAME_LOOK: Final = 2.0
"""Seconds for which a reader takes the open library as seen."""
LONGEST_SILENCE: Final = 60.0
"""Seconds without progress after which a disk that is being read counts as gone."""
PROBE_DEADLINE: Final = 10.0
"""Seconds within which it must say which library is open."""
NO_WAY_BACK: Final = "This version of Eagle takes nothing out of its trash by itself"
IN_LIBRARY: Final = re.compile(r"images/([^/]+)\.info/")


@dataclass(frozen=True, kw_only=True)
class EagleOptions:
    """How Eagle is used, as [eagle] says."""

    formats: tuple[str, ...]
    library: str = ""
    """Path of the library that must be open; empty: the one that is open at the first meeting."""
    launch: Sequence[str] = ()
    launch_timeout: float = 45.0
    """Seconds until it answers."""
    switch_library: bool = False
    import_timeout: float = 300.0
    """Seconds."""


class Eagle(Shelf):
    """One library of Eagle. Verified before each file that it is given; never switched without consent."""

    reads_later = True

    def __init__(
        self, client: EagleClient, book: EagleBook, options: EagleOptions, clock: Clock, extensions: Sequence[str] = ()
    ) -> None:
        """`extensions` are those of `options.formats`, in their order."""
        self.name, self.target, self.formats, self.layout = NAME, TARGET, options.formats, LAYOUT
        self.client, self.book = client, book
        self._options, self._clock, self._extensions = options, clock, tuple(extensions)
        self._patience, self._placing = Patience(NAME), anyio.Lock()
        self._launched: float | None = None
        self._seen: tuple[float, str] | None = None

    async def state(self) -> ShelfState:
        self._seen = None
        wanted = await self._wanted()
        try:
            with anyio.fail_after(PROBE_DEADLINE):
                opened = await self.client.library()
        except TimeoutError:
            why, fix = "Eagle hangs", "Look at Eagle, or start it anew"
            return ShelfState(condition=Condition.ABSENT, why=why, fix=fix, path=wanted)
        except TokenRefused as error:
            return ShelfState(condition=Condition.DENIED, why=error.what, fix=error.fix, path=wanted)
        except MusicsyncError as error:
            return ShelfState(condition=Condition.ABSENT, why=error.why or error.what, fix=error.fix, path=wanted)
        if not opened:
            return ShelfState(
                condition=Condition.ABSENT, why="No library is open", fix="Open one in Eagle", path=wanted
            )
        opened = _canonical(opened)
        if not wanted:
            await self.book.meet(opened, now=self._clock.now())
            wanted = opened
        if opened != wanted:
            why, fix = f"Another library is open: {opened}", f"Open {wanted} in Eagle, or change eagle.library"
            return ShelfState(condition=Condition.FOREIGN, why=why, fix=fix, path=wanted)
        self._seen = self._clock.monotonic(), wanted
        return ShelfState(condition=Condition.READY, path=wanted, marker=wanted)

    async def prepare(self) -> ShelfState:
        """How it is, once what the settings allow was done about it: Eagle launched, its library opened."""
        state = await self.state()
        if state.condition is Condition.ABSENT and self._may_launch():
            state = await self._launch()
        if state.condition is Condition.FOREIGN and self._options.switch_library:
            with suppress(Degraded):
                await self.client.switch(state.path)
                state = await self._until(Condition.READY, 1.0)
        return state

    async def place(self, staged: Staged, wanted: str, *, tie_breaker: str, replaces: Kept | None = None) -> Placed:
        await self._check(staged)
        async with self._placing:
            library = await self._ready()
            old = await self._kept_item(replaces, library) if replaces else None
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
            recycled = await self._make_way(old, item) if old else None
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
        item = await self.client.item(_id_of(kept)) if kept.marker == library else None
        if item is None or item.deleted:
            return None
        digest = await self._digest(library, item) or (kept.sha256 if item.size == kept.size else "")
        return replace(kept, path=item.path, size=item.size, mtime_ns=_nanoseconds(item), sha256=digest)

    async def retire(self, kept: Kept) -> str | None:
        library = await self._ready()
        item = await self._kept_item(kept, library)
        if item and not item.deleted:
            if await self._digest(library, item) not in ("", kept.sha256):
                return None
            await self._trash(item)
        return item.path if item else None

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
        )

    async def _wanted(self) -> str:
        return _canonical(self._options.library) or await self.book.library()

    async def _ready(self) -> str:
        """The path of the library, which is open at this moment; Degraded otherwise."""
        return _ready(await self.prepare())

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
        try:
            digest = await self._hashed(staged.path)
        except (OSError, TimeoutError) as error:
            why = getattr(error, "strerror", "") or str(error)
            raise Temporary(f"{staged.path.name} cannot be read", why=why, fix="It is made again") from error
        if digest != staged.sha256:
            raise Temporary(f"{staged.path.name} is not the file that was recorded", fix="It is made again")

    async def _kept_item(self, kept: Kept, library: str) -> Item | None:
        """The item of a kept file, in the trash too, if it is as it was."""
        item = await self.client.item(_id_of(kept)) if kept.marker == library else None
        return item if item and item.size == kept.size else None

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
        other = linked and item.size != staged.size
        return Kept(
            shelf=self.name,
            marker=library,
            path=item.path,
            format=staged.format,
            size=item.size,
            mtime_ns=_nanoseconds(item),
            sha256=await self._digest(library, item) if other else staged.sha256,
        )

    async def _digest(self, library: str, item: Item) -> str:
        """The hash of an item's file; empty where the library's folder cannot be read from here."""
        path = Path(library, item.path)
        with suppress(OSError, TimeoutError):
            return await self._hashed(path)
        return ""

    async def _hashed(self, path: Path) -> str:
        return await self._patience.run(lambda heart: _hash(path, heart.beat), quiet=LONGEST_SILENCE)

    def _may_launch(self) -> bool:
        now = self._clock.monotonic()
        return bool(self._options.launch) and (self._launched is None or now - self._launched >= AGAIN)

    async def _launch(self) -> ShelfState:
        self._launched = self._clock.monotonic()
        try:
            await launch(self._options.launch)
        except Temporary as error:
            return ShelfState(condition=Condition.ABSENT, why=str(error), fix=OPEN_EAGLE, path=await self._wanted())
        logger.info("Eagle launched")
        return await self._until(Condition.READY, 2.0, Condition.FOREIGN, Condition.DENIED)

    async def _until(self, wanted: Condition, pause: float, *others: Condition) -> ShelfState:
        ends = self._clock.monotonic() + self._options.launch_timeout
        state = await self.state()
        while state.condition not in (wanted, *others) and self._clock.monotonic() < ends:
            await self._clock.sleep(pause)
            state = await self.state()
        return state


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


def _canonical(path: str) -> str:
    """One spelling of a library's path: a person, macOS and Eagle may each have their own."""
    return posixpath.normpath(unicodedata.normalize("NFC", path)) if path else ""


def _id_of(kept: Kept) -> str:
    found = IN_LIBRARY.match(kept.path)
    return found[1] if found else ""


def _nanoseconds(item: Item) -> int:
    return item.mtime * 10**6
