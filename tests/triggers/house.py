"""A timekeeper with a real queue, on a clock that the test moves; each request dropped is noted and ends at once."""

from __future__ import annotations

import heapq
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
import anyio.lowlevel

from musicsyncd.clock import ManualClock
from musicsyncd.database import Database
from musicsyncd.jobs.base import JobContext
from musicsyncd.jobs.job import ACTIVE, JobFilter, Lane
from musicsyncd.jobs.worker import SqliteEngine
from musicsyncd.sync.engine import REQUEST
from musicsyncd.triggers.clock import Timekeeper
from musicsyncd.triggers.policy import Policy
from musicsyncd.triggers.rows import MIGRATIONS

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
QUIET = Policy(jitter=0, timezone="UTC")
"""Without delays, so that times can be told beforehand."""
KINDS = (REQUEST,)


class Bed:
    """The clock as the keeper has it: one sees whether it sleeps."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock, self.asleep = clock, False

    def now(self) -> datetime:
        return self._clock.now()

    def monotonic(self) -> float:
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        self.asleep = True
        try:
            await self._clock.sleep(seconds)
        finally:
            self.asleep = False


class Hands(ManualClock):
    """A clock whose `turn` waits for what it wakes by looking, not by sleeping: a day has some thousand wakings."""

    def next_waking(self) -> float:
        """Seconds until somebody wakes."""
        return self._sleepers[0][0] - self._elapsed if self._sleepers else float("inf")

    def turn(self, seconds: float) -> None:
        """Move on, and wake who is due."""
        self._elapsed += seconds
        while self._sleepers and self._sleepers[0][0] <= self._elapsed:
            heapq.heappop(self._sleepers)[2].set()

    def jump(self, by: timedelta) -> None:
        """Set the wall clock; timers know nothing of it."""
        self._now += by


@dataclass(frozen=True, kw_only=True)
class Day:
    """A timekeeper at work."""

    clock: Hands
    bed: Bed
    keeper: Timekeeper
    database: Database
    jobs: SqliteEngine
    tasks: anyio.abc.TaskGroup
    done: list[tuple[str, datetime, Mapping[str, Any]]] = field(default_factory=list)
    """Scope, when, and the request's arguments."""

    def count(self, scope: str) -> int:
        """How many requests of that scope were done."""
        return sum(one == scope for one, _, _ in self.done)

    async def pass_by(self, hours: float = 0, *, seconds: float = 0) -> None:
        """Let the time pass, from one waking to the next."""
        left = hours * 3600 + seconds
        await self.idle()
        while left > 0:
            step = min(left, max(0.0, self.clock.next_waking()))
            left -= step
            self.clock.turn(step)
            await self.idle()

    async def idle(self) -> None:
        """Until the keeper sleeps and the queue has done what there was."""
        with anyio.fail_after(20):
            while True:
                for _ in range(10):
                    await anyio.lowlevel.checkpoint()
                if self.bed.asleep and not await self.jobs.list(JobFilter(states=ACTIVE)):
                    return


@asynccontextmanager
async def day(
    folder: Path, *, start: datetime = NOON, policy: Policy = QUIET, sources: tuple[str, ...] = ("soundcloud", "folder")
) -> AsyncIterator[Day]:
    """A running timekeeper, whose state stays in `folder` when it ends."""
    clock = Hands(start)
    schemas = {"jobs": SqliteEngine.schema, "triggers": MIGRATIONS}
    database = await Database.open(folder / "m.db", schemas, backups=folder / "backups", clock=clock)
    jobs = SqliteEngine(database, clock, {})
    bed = Bed(clock)
    keeper = Timekeeper(database, bed, jobs, policy, sources=sources, seed="test")
    await keeper.load()
    try:
        async with anyio.create_task_group() as tasks:
            found = Day(clock=clock, bed=bed, keeper=keeper, database=database, jobs=jobs, tasks=tasks)

            async def note(context: JobContext, args: Mapping[str, Any]) -> dict[str, Any]:
                found.done.append((args["scope"], clock.now(), args))
                return {}

            await jobs.start({REQUEST: note}, {Lane.USER: 1, Lane.BACKLOG: 2})
            tasks.start_soon(keeper.run, KINDS, name="clock")
            await found.idle()
            yield found
            tasks.cancel_scope.cancel()
    finally:
        await jobs.stop(0)
        await database.close()
