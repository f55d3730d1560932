"""Folders that are watched. An event only says where to look; two looks that agree say that something stands still."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import anyio
import structlog

from musicsyncd.alerts.base import Finding, Severity
from musicsyncd.clock import Clock
from musicsyncd.database import Database
from musicsyncd.database.state import network_file_system
from musicsyncd.triggers import rows
from musicsyncd.triggers.looking import Looking, Polling, Rhythm
from musicsyncd.triggers.places import Place
from musicsyncd.triggers.watching import STEP, listen

logger = structlog.get_logger()
AFTER_DEATH: Final = 5.0
"""Seconds after which a watch that broke is begun again."""
LEAST_SETTLE: Final = 0.1
DEAF: Final = 60.0
"""Seconds after which a place that was looked at counts as one that does not answer."""
Watch = Mapping[Path, tuple[int, int]]
"""Folders that are watched together, each with its device and inode."""


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
        self._database, self._clock = database, clock
        self._settle = max(settle, LEAST_SETTLE)
        rhythm = Rhythm(settle=self._settle, scan=scan, polling=polling, remote=remote)
        self._all = [Looking(database, clock, place, rhythm, self._choose_watches) for place in places]
        self._watches: dict[bool, Watch] = {False: {}, True: {}}
        self._rewatch = {False: anyio.Event(), True: anyio.Event()}

    async def run(self) -> None:
        """Watch and look until cancelled."""
        async with anyio.create_task_group() as tasks:
            for deep in (False, True):
                tasks.start_soon(self._watch, deep, name=f"watch {'deep' if deep else 'flat'}")
            for one in self._all:
                tasks.start_soon(one.run, name=f"look at {one.place.name}")

    def look(self) -> None:
        """Look everywhere now: what was held may be told."""
        for one in self._all:
            one.again()

    def findings(self) -> list[Finding]:
        """Places that do not answer."""
        return [_silent(one) for one in self._all if one.silent_for > DEAF]

    async def changed_files(self, prefix: str) -> list[str]:
        """Files that changed in the places whose names begin so, the latest first."""
        found: list[str] = []
        for name in [one.place.name for one in self._all if one.place.name.startswith(prefix)]:
            found += await self._database.read(partial(rows.changed_files, place=name))
        return found

    # Watching

    def _choose_watches(self) -> None:
        """Watch what is there now: a folder that came, went or was replaced wants another watch."""
        for deep in (False, True):
            surveys = [one.survey for one in self._all if one.survey.deep == deep]
            wanted = {survey.folder: survey.identity for survey in surveys if survey.folder}
            if wanted != self._watches[deep]:
                self._watches[deep] = wanted
                self._rewatch[deep].set()

    async def _watch(self, deep: bool) -> None:
        """Hand on what the system tells, for ever: a watch that breaks, or whose folders change, is begun anew."""
        while True:
            self._rewatch[deep] = anyio.Event()
            async with anyio.create_task_group() as tasks:
                if self._watches[deep]:
                    tasks.start_soon(self._listen, deep, tuple(self._watches[deep]), name="listen")
                    tasks.start_soon(self._look_once_more, tuple(self._watches[deep]), name="look once more")
                await self._rewatch[deep].wait()
                await self._clock.sleep(self._settle)  # what comes together is watched together
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
            self._hear(paths)

    def _hear(self, paths: Collection[Path]) -> None:
        """Have the places looked at that these paths concern."""
        for one in self._all:
            one.hear(paths)


def _silent(one: Looking) -> Finding:
    kind, _, path = one.place.name.partition(":")
    what = f"the {kind} {path}" if path else f"{one.place.path}"
    return Finding(
        key=f"silent:{one.place.name}",
        severity=Severity.WARNING,
        what=f"{what[:1].upper()}{what[1:]} does not answer",
        why=f"It was looked at {one.silent_for:.0f} s ago, and the disk or the network that holds it says nothing",
        fix="See to that disk or mount; as soon as it answers, all goes on by itself",
        subject=what,
    )
