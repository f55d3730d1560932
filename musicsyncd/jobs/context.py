"""A job while it runs: its steps and progress, its time limit, and why it was told to stop."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from functools import partial
from typing import Protocol, TypeVar

import anyio

from musicsyncd.clock import Clock
from musicsyncd.jobs.job import Job
from musicsyncd.jobs.limits import Capacity
from musicsyncd.jobs.queue import Claimed, Ending, checkpoint

T = TypeVar("T")


class Halt(Enum):
    """Why a running handler was cancelled."""

    CANCELLED = auto()
    STOPPING = auto()
    OVERTIME = auto()
    LOST = auto()
    """The job is another engine's by now."""


@dataclass(kw_only=True, eq=False)
class Running:
    """What the engine knows of a try that is under way; kept in memory only."""

    claimed: Claimed
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    ended: anyio.Event = field(default_factory=anyio.Event)
    """Set when how it ended is on the disk."""
    halt: Halt | None = None
    ending: Ending | None = None
    step: str = ""
    share: float | None = None
    text: str = ""
    moved: float = 0.0
    """When it last told of itself, on the monotonic clock."""
    waits: int = 0
    """For how many capacities it waits."""

    @property
    def job(self) -> Job:
        return self.claimed.job

    def stop(self, why: Halt) -> None:
        """Cancel the handler; the first reason counts, but for a person's, which always does."""
        if self.halt is None or why is Halt.CANCELLED:
            self.halt = why
        self.scope.cancel()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """It does not stand still inside: it waits for its turn."""
        self.waits += 1
        try:
            yield
        finally:
            self.waits -= 1

    def shown(self, job: Job) -> Job:
        """The job as it is on the disk, with what only memory knows."""
        return replace(job, step=self.step, share=self.share, text=self.text)


class Stopwatch:
    """The running time of one try, in seconds; it stands still while the job waits for a capacity."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._used = 0.0
        self._since = clock.monotonic()
        self._pauses = 0
        self._resumed = anyio.Event()

    @property
    def used(self) -> float:
        return self._used + (0.0 if self._pauses else self._clock.monotonic() - self._since)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Do not count the time inside; pauses may overlap."""
        if not self._pauses:
            self._used, self._resumed = self.used, anyio.Event()
        self._pauses += 1
        try:
            yield
        finally:
            self._pauses -= 1
            if not self._pauses:
                self._since = self._clock.monotonic()
                self._resumed.set()

    async def reach(self, limit: float) -> None:
        """Return when so many seconds have been used."""
        while (left := limit - self.used) > 0:
            if self._pauses:
                await self._resumed.wait()
            else:
                await self._clock.sleep(left)


class Host(Protocol):
    """What a running job needs of its engine."""

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """As `Database.write`."""

    def limiter(self, name: str) -> Capacity:
        """The capacity of that name."""

    def tell(self, running: Running, event: str) -> None:
        """Let the listeners know."""


class Context:
    """The engine's `JobContext`."""

    def __init__(self, running: Running, host: Host, stopwatch: Stopwatch) -> None:
        self._running, self._host, self._stopwatch = running, host, stopwatch

    @property
    def job(self) -> Job:
        return self._running.job

    @property
    def attempt(self) -> int:
        return self._running.job.attempts

    async def step(
        self,
        name: str,
        work: Callable[[], Awaitable[T]],
        *,
        stands: Callable[[T], Awaitable[bool]] | None = None,
    ) -> T:
        """See `JobContext`. The result went through JSON the first time too, so that a replay sees the same."""
        self._running.step = name
        self._host.tell(self._running, "step")
        kept = self._running.claimed.kept
        if name in kept:
            before: T = json.loads(kept[name])
            if stands is None or await stands(before):
                return before
        text = json.dumps(await work())
        await self._host.write(partial(checkpoint, fence=self._running.claimed.fence, name=name, result=text))
        kept[name] = text
        result: T = json.loads(text)
        return result

    def progress(self, share: float | None, text: str = "", *, step: str = "") -> None:
        """See `JobContext`."""
        running = self._running
        running.share, running.text, running.step = share, text, step or running.step
        self._host.tell(running, "progress")

    @asynccontextmanager
    async def capacity(self, name: str) -> AsyncIterator[None]:
        """See `JobContext`."""
        async with AsyncExitStack() as held:
            with self._stopwatch.paused(), self._running.waiting():
                await held.enter_async_context(self._host.limiter(name).place(self.job.lane))
            yield
