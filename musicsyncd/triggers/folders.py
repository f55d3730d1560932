"""Folders that are watched. An event only says where to look; two looks that agree say that something stands still."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final, Literal

import anyio
import structlog
from anyio import to_thread

from musicsyncd.clock import Clock
from musicsyncd.database import Database
from musicsyncd.database.state import network_file_system
from musicsyncd.errors import MusicsyncError
from musicsyncd.triggers import rows
from musicsyncd.triggers.places import News, Place
from musicsyncd.triggers.waking import woken
from musicsyncd.triggers.watching import STEP, listen

logger = structlog.get_logger()
POLL: Final = 30.0
"""Seconds between two looks where nobody tells of changes."""
AFTER_DEATH: Final = 5.0
"""Seconds after which a watch that broke is begun again."""
LEAST_SETTLE: Final = 0.1
Polling = Literal["auto", "always", "never"]
Watch = Mapping[Path, tuple[int, int]]
"""Folders that are watched together, each with its device and inode: another one of the same name is another watch."""


class Folders:
    """Looks where something is said to have changed, and everywhere every `scan` seconds."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        places: Sequence[Place],
        *,
        settle: float = 2.0,
        scan: float = 300.0,
        polling: Polling = "auto",
        remote: Callable[[Path], object] = network_file_system,
    ) -> None:
        """`settle` and `scan` are seconds; `remote` says of which folder nobody tells changes."""
        self._database, self._clock, self._places = database, clock, list(places)
        self._settle, self._scan = max(settle, LEAST_SETTLE), scan
        self._polling, self._remote = polling, remote
        self._polled = polling == "always"
        self._due: set[str] = set()
        self._word = anyio.Event()
        self._watches: dict[bool, Watch] = {False: {}, True: {}}
        self._rewatch = {False: anyio.Event(), True: anyio.Event()}

    async def run(self) -> None:
        """Watch and look until cancelled."""
        for place in self._places:
            await self._remember(place)
        async with anyio.create_task_group() as tasks:
            for deep in (False, True):
                tasks.start_soon(self._watch, deep, name=f"watch {'deep' if deep else 'flat'}")
            await self._look_on()

    async def _remember(self, place: Place) -> None:
        if place.kept:
            place.met = await self._database.read(partial(rows.met, place=place.name))
            place.seen = await self._database.read(partial(rows.files, place=place.name))
        else:  # what it is now has been read already
            now = await to_thread.run_sync(place.scan)
            place.seen, place.met = dict(now or {}), True

    # Looking

    async def _look_on(self) -> None:
        """Look where a word said so, and after a while everywhere; again while something does not stand still."""
        last, restless = self._clock.monotonic(), await self._look_at(self._places)
        while True:
            if not restless:
                period = POLL if self._polled else self._scan
                await woken(self._clock, max(0.0, last + period - self._clock.monotonic()), self._word)
            await self._clock.sleep(self._settle)  # also what lies between two looks at the same file
            self._word, due, self._due = anyio.Event(), self._due, set()
            everywhere = self._clock.monotonic() - last >= (POLL if self._polled else self._scan)
            last = self._clock.monotonic() if everywhere else last
            asked = [one for one in self._places if everywhere or one in restless or one.name in due]
            restless = await self._look_at(asked)

    async def _look_at(self, places: Sequence[Place]) -> list[Place]:
        """Look; the places where something does not stand still."""
        restless = [place for place in places if not await self._look(place)]
        await self._choose_watches()
        return restless

    async def _look(self, place: Place) -> bool:
        """See to what stands still since the last look; whether everything does."""
        now = await to_thread.run_sync(place.scan)
        if now is None:
            return True
        still = {path: stamp for path, stamp in now.items() if stamp in (place.before.get(path), place.seen.get(path))}
        place.before = now
        new = {path: stamp for path, stamp in still.items() if place.seen.get(path) != stamp}
        gone = tuple(path for path in place.seen if path not in now)
        if new or gone or not place.met:
            await self._see_to(place, News(new=new, gone=gone, first=not place.met), whole=len(still) == len(now))
        return len(still) == len(now)

    async def _see_to(self, place: Place, news: News, *, whole: bool) -> None:
        if news.first and not whole:
            return
        try:
            await place.changed(news)
        except MusicsyncError as error:
            logger.warning("change not seen to, tried again later", place=place.name, why=str(error))
            return
        if place.kept:
            await self._keep(place, news)
        place.seen = {path: stamp for path, stamp in (place.seen | dict(news.new)).items() if path not in news.gone}
        place.met = True

    async def _keep(self, place: Place, news: News) -> None:
        at = self._clock.now().isoformat(timespec="seconds")
        changed = None if news.first else at
        keep = partial(rows.keep_files, place=place.name, new=news.new, gone=news.gone, at=at, changed=changed)
        await self._database.write(keep)

    async def changed_files(self, prefix: str) -> list[str]:
        """Files that changed in the places whose names begin so, the latest first."""
        found: list[str] = []
        for place in self._places:
            if place.name.startswith(prefix):
                found += await self._database.read(partial(rows.changed_files, place=place.name))
        return found

    async def ours(self, path: Path) -> None:
        """We wrote that file ourselves: it is no change."""
        for place in self._places:
            now = await to_thread.run_sync(place.scan) or {}
            own = {key: stamp for key, stamp in now.items() if place.path / key == path}
            if own:
                place.seen |= own
                await self._keep(place, News(new=own, first=True))

    # Watching

    async def _choose_watches(self) -> None:
        """Watch what is there now: a folder that came, went or was replaced wants another watch."""
        self._polled, flat, deep = await to_thread.run_sync(self._wanted)
        for kind, wanted in ((False, flat), (True, deep)):
            if wanted != self._watches[kind]:
                self._watches[kind] = wanted
                self._rewatch[kind].set()

    def _wanted(self) -> tuple[bool, Watch, Watch]:
        """Whether to look often, what to watch by itself, and what with all that is below it."""
        if self._polling == "always":
            return True, {}, {}
        there = {place.path for place in self._places if not place.single and place.path.is_dir()}
        flat = {place.path.parent for place in self._places if place.path not in there}
        polled = self._polling == "auto" and any(self._remote(path) for path in there)
        return polled, _identified(flat), _identified(there)

    async def _watch(self, deep: bool) -> None:
        """Hand on what the system tells, for ever: a watch that breaks, or whose folders change, is begun anew."""
        while True:
            self._rewatch[deep] = anyio.Event()
            async with anyio.create_task_group() as tasks:
                if self._watches[deep]:
                    tasks.start_soon(self._listen, deep, tuple(self._watches[deep]), name="listen")
                    tasks.start_soon(self._look_once_more, tuple(self._watches[deep]), name="look once more")
                await self._rewatch[deep].wait()
                tasks.cancel_scope.cancel()

    async def _look_once_more(self, paths: Collection[Path]) -> None:
        """What came between the last look and the beginning of the watch was told to nobody."""
        await self._clock.sleep(max(self._settle, STEP / 1000))
        self._hear(paths)

    async def _listen(self, deep: bool, paths: Collection[Path]) -> None:
        while True:
            try:
                await listen(paths, self._hear, deep=deep)
            except Exception as error:  # noqa: BLE001  whatever breaks a watch, the slow look goes on
                logger.warning("watch broken, begun again", folders=[str(path) for path in paths], why=str(error))
            await self._clock.sleep(AFTER_DEATH)
            self._hear(set(paths))

    def _hear(self, paths: Collection[Path]) -> None:
        """Have the places looked at that these paths concern."""
        for place in self._places:
            if any(_concerns(path, place) for path in paths):
                self._due.add(place.name)
        if self._due:
            self._word.set()


def _concerns(path: Path, place: Place) -> bool:
    if path == place.path or path == place.path.parent:
        return True
    return not place.single and path.is_relative_to(place.path)


def _identified(paths: Collection[Path]) -> dict[Path, tuple[int, int]]:
    found = {}
    for path in paths:
        try:
            status = path.stat()
        except OSError:
            continue
        found[path] = (status.st_dev, status.st_ino)
    return found
