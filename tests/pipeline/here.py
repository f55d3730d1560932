"""A job's context without a queue, for one step at a time: kept results go through JSON, as the queue's do."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TypeVar

from musicsyncd.jobs.job import Job, JobState, Lane

T = TypeVar("T")


class Here:
    """A `JobContext` for the job `job1` on its first try."""

    attempt = 1

    def __init__(self) -> None:
        self.job = Job(
            id="job1",
            kind="track",
            key="t",
            args={},
            lane=Lane.USER,
            priority=0,
            state=JobState.RUNNING,
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
        )
        self.kept: dict[str, str] = {}
        self.held: list[str] = []
        """Capacities that were taken, in order."""

    async def step(
        self, name: str, work: Callable[[], Awaitable[T]], *, stands: Callable[[T], Awaitable[bool]] | None = None
    ) -> T:
        """As the queue's."""
        if name in self.kept:
            before: T = json.loads(self.kept[name])
            if stands is None or await stands(before):
                return before
        self.kept[name] = json.dumps(await work())
        result: T = json.loads(self.kept[name])
        return result

    def progress(self, share: float | None, text: str = "", *, step: str = "") -> None:
        """Nobody listens."""

    @asynccontextmanager
    async def capacity(self, name: str) -> AsyncIterator[None]:
        """Always free."""
        self.held.append(name)
        yield
