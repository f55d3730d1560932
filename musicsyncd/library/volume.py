"""A shelf that is a folder on a disk: known by its marker, never by its path alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, Final, TypeVar

from anyio import from_thread
from anyio.lowlevel import current_token

from musicsyncd.clock import Clock, SystemClock
from musicsyncd.errors import Degraded
from musicsyncd.library.base import Condition, Kept, Lying, Placed, Shelf, ShelfState, Staged, target_of
from musicsyncd.library.disk import hash_file, is_file, is_stray, is_temporary
from musicsyncd.library.fetching import copy_out
from musicsyncd.library.folders import existing_folder
from musicsyncd.library.kept import unchanged
from musicsyncd.library.listing import list_files
from musicsyncd.library.marker import MARKER, MOUNT_ROOTS, Marker, adopt, look_at
from musicsyncd.library.naming import SHORTER_COMPONENT
from musicsyncd.library.patience import Heartbeat, Patience
from musicsyncd.library.placing import Order, place
from musicsyncd.library.recycle import find_recycled, restore, retire
from musicsyncd.library.refusal import refusal, unlikely_name

T = TypeVar("T")
PROBE_DEADLINE: Final = 5.0
"""Seconds within which a disk must tell how it is; one that sleeps needs two or three to spin up."""
LONGEST_SILENCE: Final = 60.0
"""Seconds without progress after which a disk that is being read or written counts as gone."""


class Volume(Shelf):
    """One `[[volumes]]` entry of the settings, or a folder that a person added.

    `home` is where it was said to be, `path` where it is now: `move` follows a disk that is mounted elsewhere.

    `min_free` is in bytes; `known_marker` is the id that the volume's marker had when it was first met (None:
    never); it is learnt by `adopt`, for the caller to keep. One caller places at a time; the rest may run
    whenever they like.
    """

    lists = True

    def __init__(
        self,
        name: str,
        path: Path,
        *,
        formats: Sequence[str],
        layout: str,
        min_free: int = 0,
        added: bool = False,
        hands_over: bool = False,
        known_marker: str | None = None,
        clock: Clock | None = None,
        mount_roots: Sequence[Path] = MOUNT_ROOTS,
        probe_deadline: float = PROBE_DEADLINE,
        longest_silence: float = LONGEST_SILENCE,
    ) -> None:
        self.name, self.target = name, target_of(name, hands_over=hands_over)
        self.formats, self.layout, self.hands_over = tuple(formats), layout, hands_over
        self.home: Path = path
        self.path, self.min_free, self.known_marker, self.added = path, min_free, known_marker, added
        self.met = False
        """Whether it was seen ready since this process began; for who keeps watch to say."""
        self._clock = clock or SystemClock()
        self._mount_roots = tuple(mount_roots)
        self._probe_deadline, self._longest_silence = probe_deadline, longest_silence
        self._patience: dict[Path, Patience] = {}

    async def state(self) -> ShelfState:
        return await self.state_at(self.path)

    async def state_at(self, root: Path) -> ShelfState:
        """How the volume is if it is there."""
        return await self._seen(root, lambda _: look_at(root, self.name, self.known_marker, self.min_free))

    def move(self, path: Path, *, anew: bool = False) -> None:
        """Have it at this path from now on; what has begun ends, or fails, where it began.

        `anew` says that another disk may be mounted at it than the one that is waited for.
        """
        self.path = path
        self._patience = {root: one for root, one in self._patience.items() if root in (self.home, path) and not anew}

    async def adopt(self, *, consent: bool = False) -> ShelfState:
        """Meet the volume: take its marker as known, or write one where there never was one.

        A missing folder is made when its parent exists. What may be the mount point of a disk that is away
        gets neither folder nor marker, unless a person gave `consent` (`musicsyncctl volumes add`): then an
        existing folder is marked, also in place of a disk that was known before. Another volume's marker
        always stays. Like `state`, it raises nothing for a volume that is away; when it is ready,
        `known_marker` is its marker's id.
        """
        marker = Marker.new(self.name, self._clock.now())
        known = None if consent else self.known_marker
        root = self.path
        state = await self._seen(
            root, lambda _: adopt(root, marker, known, self.min_free, self._mount_roots, consent=consent)
        )
        self.known_marker = state.marker or self.known_marker
        return state

    async def place(self, staged: Staged, wanted: str, *, tie_breaker: str, replaces: Kept | None = None) -> Placed:
        state = await self._reachable()
        order = Order(
            root=Path(state.path),
            shelf=self.name,
            target=self.target,
            state=state,
            min_free=self.min_free,
            staged=staged,
            wanted=wanted,
            tie_breaker=tie_breaker,
            replaces=replaces,
            hands_over=self.hands_over,
            delivering=_from_thread(staged.delivering) if staged.delivering else lambda _: None,
            day=self._clock.now().date().isoformat(),
            beat=lambda: None,
        )
        return await self._done(state, lambda _, heart: _place(replace(order, beat=heart.beat)))

    async def look(self, kept: Kept) -> Kept | None:
        state = await self._reachable()
        if kept.marker != state.marker:
            return None
        return await self._done(state, lambda root, heart: _look(root, kept, heart.beat))

    async def found(self, kept: Kept) -> Kept | None:
        state = await self._reachable()
        if kept.marker != state.marker:
            return None
        return await self._done(state, lambda root, heart: _found(root, kept, heart.beat))

    async def retire(self, kept: Kept) -> str | None:
        state = await self._writable()
        if kept.marker != state.marker:
            return None
        day = self._clock.now().date().isoformat()
        return await self._done(state, lambda root, heart: retire(root, kept, day, heart.beat))

    async def restore(self, kept: Kept, recycled: str) -> Kept:
        state = await self._writable()
        if kept.marker != state.marker:
            what = f"{kept.path} was kept on another disk than the one that is the volume {self.name!r} now"
            raise Degraded(what, target=self.target, fix="Mount that disk, then undo again")
        return await self._done(state, lambda root, heart: restore(root, kept, recycled, heart.beat))

    async def recycled(self, kept: Kept) -> str | None:
        state = await self._reachable()
        if kept.marker != state.marker:
            return None
        return await self._done(
            state, lambda root, heart: find_recycled(root, kept.path, kept.size, kept.sha256, heart.beat)
        )

    async def readable(self, kept: Kept, folder: Path) -> Path:
        return Path((await self._reachable()).path) / kept.path

    async def fetch(self, kept: Kept, copy: Path) -> None:
        state = await self._reachable()
        await self._done(state, lambda root, heart: copy_out(root, kept.path, copy, heart.beat))

    async def listing(self, take: Callable[[Sequence[Lying]], None]) -> None:
        state = await self._reachable()
        await self._done(state, lambda root, heart: list_files(root, take, heart.beat))

    async def sweep(self) -> int:
        """Remove what earlier processes left half-written; how many. Nothing on a volume that is away."""
        state = await self.state()
        if state.condition not in (Condition.READY, Condition.FULL):
            return 0
        return await self._done(state, lambda root, heart: _sweep(root, heart.beat))

    async def _seen(self, root: Path, look: Callable[[Heartbeat], ShelfState]) -> ShelfState:
        try:
            return await self._patient_with(root).ask(look, quiet=self._probe_deadline)
        except TimeoutError as error:
            why, fix = f"{root} hangs: {error}", "Unmount and mount it again"
            return ShelfState(condition=Condition.ABSENT, why=why, fix=fix, path=str(root))

    def _patient_with(self, root: Path) -> Patience:
        return self._patience.setdefault(root, Patience(self.name))

    async def _writable(self) -> ShelfState:
        """How the volume is, if files on it can be moved; Degraded if not."""
        return await self._reachable(Condition.READY, Condition.FULL)

    async def _reachable(self, *enough: Condition) -> ShelfState:
        """How the volume is, if files on it can be read, or it is in one of these conditions; Degraded if not."""
        state = await self.state()
        if state.marker and state.condition in (enough or (Condition.READY, Condition.FULL, Condition.READ_ONLY)):
            return state
        what = f"The volume {self.name!r} is {state.condition}"
        raise Degraded(what, target=self.target, why=state.why, fix=state.fix)

    async def _done(self, state: ShelfState, work: Callable[[Path, Heartbeat], T]) -> T:
        """What `work` does at the root where the volume was just seen."""
        root = Path(state.path)
        try:
            return await self._patient_with(root).run(lambda heart: work(root, heart), quiet=self._longest_silence)
        except TimeoutError as error:
            what = f"The volume {self.name!r} hangs: {error}"
            raise Degraded(what, target=self.target, fix="Unmount and mount it again") from error
        except OSError as error:
            raise refusal(error, self.name, self.target) from error


def _from_thread(told: Callable[[Kept | None], Coroutine[Any, Any, None]]) -> Callable[[Kept | None], None]:
    """The same for a thread to call, which waits until it is done on the loop that runs now."""
    token = current_token()
    return lambda kept: from_thread.run(told, kept, token=token)


def _place(order: Order) -> Placed:
    try:
        return place(order)
    except OSError as error:
        if not unlikely_name(error):
            raise
        return place(order, longest=SHORTER_COMPONENT)  # eCryptfs and some network volumes take less than 255 bytes


def _look(root: Path, kept: Kept, beat: Callable[[], None]) -> Kept | None:
    path = PurePosixPath(kept.path)
    with existing_folder(root, path.parts[:-1]) as folder:
        entry = folder and folder.spelling(path.name)
        status = unchanged(kept, folder, entry, beat) if folder and entry else None
        if not folder or not entry or status is None:
            return None
        return replace(kept, path=folder.path_of(entry), mtime_ns=status.st_mtime_ns)


def _found(root: Path, kept: Kept, beat: Callable[[], None]) -> Kept | None:
    path = PurePosixPath(kept.path)
    with existing_folder(root, path.parts[:-1]) as folder:
        entry = folder and folder.spelling(path.name)
        status = folder.status(entry) if folder and entry else None
        if not folder or not entry or status is None or not is_file(status):
            return None
        digest = hash_file(entry, folder.descriptor, beat)
        return replace(
            kept, path=folder.path_of(entry), size=status.st_size, mtime_ns=status.st_mtime_ns, sha256=digest
        )


def _sweep(root: Path, beat: Callable[[], None]) -> int:
    removed = 0
    for folder, folders, files in os.walk(root):
        beat()
        if MARKER in files and Path(folder) != root:  # another volume
            folders.clear()
            continue
        folders[:] = [name for name in folders if not name.startswith(".")]
        for path in (Path(folder, name) for name in files if is_temporary(name)):
            if is_stray(path.name, path.lstat().st_mtime):
                path.unlink(missing_ok=True)
                removed += 1
    return removed
