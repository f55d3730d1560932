"""Disks that come and go: each volume is found where it is now, and what waits for one that is back is taken up."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import anyio
import structlog

from musicsyncd.clock import Clock
from musicsyncd.daemon.volumes import Held, never, sweep, take_up, welcome
from musicsyncd.jobs.base import WorkEngine
from musicsyncd.jobs.job import JobFilter, JobState
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.library.base import Condition, ShelfState
from musicsyncd.library.finding import Finder
from musicsyncd.library.shelves import Shelves
from musicsyncd.library.volume import PROBE_DEADLINE, Volume
from musicsyncd.sync.engine import REQUEST
from musicsyncd.triggers.mounts import Mount, changes

logger = structlog.get_logger()
SEEN: Final = (Condition.READY, Condition.FULL, Condition.READ_ONLY, Condition.DENIED)
"""With its marker read, the volume is there, whatever else is wrong."""
MOST_RUNNING: Final = 10_000


@dataclass(kw_only=True)
class Mounting:
    """Keeps every volume's path where its marker is."""

    volumes: Shelves[Volume]
    ledger: Ledger
    jobs: WorkEngine
    clock: Clock
    held: Held = never
    finder: Finder = field(default_factory=lambda: Finder(PROBE_DEADLINE))
    _mounts: tuple[Mount, ...] = ()
    _ready: dict[str, bool] = field(default_factory=dict)
    """By target; what was not looked at yet is as it was met."""
    _said: dict[str, Condition] = field(default_factory=dict)
    _doubtful: dict[str, set[str]] = field(default_factory=dict)
    """Jobs that ran when a volume came back, each with the targets that it may have seen away."""
    _unswept: dict[str, Volume] = field(default_factory=dict)
    """Volumes that came, by target: what a killed run left there is still to be cleared."""
    _came: anyio.Event = field(default_factory=anyio.Event)

    async def watch(self) -> None:
        """Until it is cancelled."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._watch_jobs, name="jobs that ran when a volume came")
            tasks.start_soon(self._sweep_all, name="what killed runs left")
            async with aclosing(changes(self.clock)) as told:
                async for mounts in told:
                    await self.look(mounts)

    async def look(self, mounts: Sequence[Mount]) -> None:
        """Find every volume among what is mounted now; what waits for one that is back is asked for at once, before
        disks are asked for the others.
        """
        before, self._mounts = self._mounts, tuple(mounts)
        missing: list[Volume] = []
        async with anyio.create_task_group() as tasks:
            for volume in self.volumes.values():
                if before and _under(before, volume.path) != _under(mounts, volume.path):
                    self._ready[volume.target] = False  # what was there is gone, also when another is there by now
                    volume.move(volume.path, anew=True)
                tasks.start_soon(self._look_at_home, volume, missing, name=f"looking for {volume.name}")
        await self._follow(missing)
        async with anyio.create_task_group() as tasks:
            for volume in missing:
                tasks.start_soon(self._heed, volume, name=f"looking at {volume.name}")

    async def _look_at_home(self, volume: Volume, missing: list[Volume]) -> None:
        state = await volume.state_at(volume.home)
        if not _seen(state) and volume.known_marker is None and not volume.added:
            state = await volume.adopt()  # never met: as at the start
        if not _seen(state):
            missing.append(volume)
            return
        if volume.path != volume.home:
            logger.info("volume back at its place", volume=volume.name, path=str(volume.home))
        volume.move(volume.home)
        await self._heed(volume)

    async def _follow(self, volumes: Sequence[Volume]) -> None:
        """Move the paths of volumes that are not at home to where their markers are."""
        wanted = {one.known_marker: one.home for one in volumes if one.known_marker}
        found = await self.finder.find(wanted, [(one.path, one.identity) for one in self._mounts])
        for volume in volumes:
            path = found.get(volume.known_marker or "", volume.home)
            if path not in (volume.path, volume.home):
                logger.info("volume found elsewhere", volume=volume.name, path=str(path), usually=str(volume.home))
            volume.move(path)

    async def _heed(self, volume: Volume) -> None:
        """Write down and say what became of a volume; should it be back, take up what waits for it."""
        state = await volume.state()
        was = self._ready.get(volume.target, volume.met)
        self._ready[volume.target] = state.ready
        if state.ready and not was:
            volume.known_marker = state.marker
            await welcome(volume, state.marker, self.ledger, operation="mount")
            logger.info("volume is back", volume=volume.name, path=state.path)
            await self._take_up(volume.target)
            self._unswept[volume.target] = volume
            self._came.set()
        elif volume.met and not state.ready and self._said.get(volume.target) != state.condition:
            waits = (await self.ledger.parked()).get(volume.target, 0)
            told = {"condition": state.condition.value, "why": state.why, "fix": state.fix}
            logger.warning("volume went away", volume=volume.name, waiting=waits, **told)
        self._said[volume.target] = state.condition

    async def _take_up(self, target: str) -> None:
        running = await self.jobs.list(JobFilter(states=frozenset({JobState.RUNNING}), limit=MOST_RUNNING))
        for job in running:
            self._doubtful.setdefault(job.id, set()).add(target)
        await take_up(self.ledger, self.jobs, target, held=self.held)

    async def _watch_jobs(self) -> None:
        """What a job left undone that had looked before the volume came is taken up at its end; also what a request
        passed over, which stands for any like it that is made while it runs.
        """
        async for event in self.jobs.events():
            targets = self._doubtful.pop(event.job, set()) if event.event == "ended" else set()
            if targets and (event.state is JobState.PARTIAL or event.kind == REQUEST):
                for target in sorted(targets & (await self.ledger.parked()).keys()):
                    await take_up(self.ledger, self.jobs, target, held=self.held)

    async def _sweep_all(self) -> None:
        """Each volume that is there or comes is swept, one at a time, while everything else goes on."""
        self._unswept |= {one.target: one for one in self.volumes.values() if one.met}
        while True:
            self._came = anyio.Event()
            while self._unswept:
                await sweep(self._unswept.popitem()[1])
            await self._came.wait()


def _seen(state: ShelfState) -> bool:
    return bool(state.marker) and state.condition in SEEN


def _under(mounts: Sequence[Mount], path: Path) -> Mount | None:
    """The mount that a path lies on."""
    holding = [one for one in mounts if path.is_relative_to(one.path)]
    return max(holding, key=lambda one: len(one.path.parts), default=None)
