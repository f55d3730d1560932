"""One watched place and the looks at it, each in a thread that a disk may keep for as long as it does not answer."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Literal, TypeVar

import anyio
import structlog

from musicsyncd.clock import Clock
from musicsyncd.database import Database
from musicsyncd.errors import MusicsyncError
from musicsyncd.library.patience import Patience
from musicsyncd.triggers import rows
from musicsyncd.triggers.places import News, Place, Stamps, stamps_of
from musicsyncd.triggers.waking import woken

T = TypeVar("T")
logger = structlog.get_logger()
POLL: Final = 30.0
"""Seconds between two looks where nobody tells of changes."""
NO_END: Final = float("inf")
Polling = Literal["auto", "always", "never"]


@dataclass(frozen=True, kw_only=True)
class Rhythm:
    """How often one looks."""

    settle: float
    """Seconds between two looks at the same file."""
    scan: float
    """Seconds after which one looks though nobody told of anything."""
    polling: Polling = "auto"
    remote: Callable[[Path], object]
    """Says of which folder nobody tells changes. Blocking."""


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What a look saw."""

    stamps: Stamps | None = None
    folder: Path | None = None
    """What is to be watched; None: nothing."""
    identity: tuple[int, int] = (0, 0)
    """Of that folder, device and inode: another one of the same name is another watch."""
    deep: bool = False
    """Whether with all that is below it."""
    polled: bool = False
    """Whether nobody tells of changes there."""


class Looking:
    """Looks at one place, for ever: at all of it where somebody said so or much time has passed, else at what does not
    stand still. However long a look takes, there is one at a time, and no other place waits for it.
    """

    def __init__(
        self, database: Database, clock: Clock, place: Place, rhythm: Rhythm, looked: Callable[[], None]
    ) -> None:
        """`looked` is called after each look at all of it: another folder may be there to be watched."""
        self.place, self.survey = place, Survey()
        self._database, self._clock, self._rhythm, self._looked = database, clock, rhythm, looked
        self._patience = Patience(place.name, cleanup=0)
        self._word = anyio.Event()
        self._restless: Mapping[str, Path] = {}
        """What did not stand still at the last look, by its name in the place."""
        self._asked: float | None = None

    @property
    def silent_for(self) -> float:
        """Seconds since the place was asked something that it has not answered."""
        return 0.0 if self._asked is None else self._clock.monotonic() - self._asked

    def hear(self, paths: Collection[Path]) -> None:
        """Somebody says that these changed; of what is looked at again anyway that is no news."""
        restless = set(self._restless.values())
        if any(_concerns(path, self.place) and path not in restless for path in paths):
            self.again()

    def again(self) -> None:
        """Have all of it looked at."""
        self._word.set()

    async def run(self) -> None:
        """Look until cancelled."""
        await self._remember()
        last = self._clock.monotonic()
        await self._look()
        while True:
            if not self._restless:
                await woken(self._clock, max(0.0, last + self._period - self._clock.monotonic()), self._word)
            await self._clock.sleep(self._rhythm.settle)  # also what lies between two looks at the same file
            if self._word.is_set() or self._clock.monotonic() - last >= self._period:
                last, self._word = self._clock.monotonic(), anyio.Event()
                await self._look()
            else:
                await self._look_again()

    @property
    def _period(self) -> float:
        return POLL if self.survey.polled else self._rhythm.scan

    async def _remember(self) -> None:
        place = self.place
        if place.kept:
            place.met = await self._database.read(partial(rows.met, place=place.name))
            place.seen = await self._database.read(partial(rows.files, place=place.name))
        else:  # what it is now has been read already
            now = await self._answer(place.scan)
            place.seen, place.met = dict(now or {}), True

    async def _answer(self, ask: Callable[[], T]) -> T:
        self._asked = self._clock.monotonic()
        try:
            return await self._patience.run(lambda _: ask(), quiet=NO_END)
        finally:
            self._asked = None

    async def _look(self) -> None:
        self.survey = await self._answer(partial(surveyed, self.place, self._rhythm))
        if self.survey.stamps is None:
            self._restless = {}
        else:
            await self._take_in(self.survey.stamps)
        self._looked()

    async def _look_again(self) -> None:
        """At what did not stand still: the rest of a large folder need not be read for it."""
        restless = self._restless
        now = await self._answer(partial(stamps_of, restless))
        others = {path: stamp for path, stamp in self.place.before.items() if path not in restless}
        await self._take_in({**others, **now})

    async def _take_in(self, now: Stamps) -> None:
        """See to what stands still since the last look, and note what does not."""
        place = self.place
        still = {path: stamp for path, stamp in now.items() if stamp in (place.before.get(path), place.seen.get(path))}
        place.before = now
        self._restless = {path: place.path / path for path in now if path not in still}
        new = {path: stamp for path, stamp in still.items() if place.seen.get(path) != stamp}
        gone = tuple(path for path in place.seen if path not in now)
        if (new or gone or not place.met) and not place.held():
            await self._see_to(News(new=new, gone=gone, first=not place.met))

    async def _see_to(self, news: News) -> None:
        place = self.place
        if news.first and self._restless:
            return
        try:
            await place.changed(news)
        except MusicsyncError as error:
            logger.warning("change not seen to, tried again later", place=place.name, why=str(error))
            return
        if place.kept:
            await self._keep(news)
        place.seen = {path: stamp for path, stamp in (place.seen | dict(news.new)).items() if path not in news.gone}
        place.met = True

    async def _keep(self, news: News) -> None:
        at = self._clock.now().isoformat(timespec="seconds")
        changed = None if news.first else at
        keep = partial(rows.keep_files, place=self.place.name, new=news.new, gone=news.gone, at=at, changed=changed)
        await self._database.write(keep)


def surveyed(place: Place, rhythm: Rhythm) -> Survey:
    """Look at a place, and at what is to be watched for it. Blocking."""
    stamps, there = place.scan(), not place.single and place.path.is_dir()
    folder = place.path if there else place.path.parent
    identity = None if rhythm.polling == "always" else _identity(folder)
    polled = rhythm.polling == "always" or bool(rhythm.polling == "auto" and there and rhythm.remote(place.path))
    if identity is None:
        return Survey(stamps=stamps, polled=polled)
    return Survey(stamps=stamps, folder=folder, identity=identity, deep=there, polled=polled)


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _concerns(path: Path, place: Place) -> bool:
    if path == place.path or path == place.path.parent:
        return True
    return not place.single and path.is_relative_to(place.path)
