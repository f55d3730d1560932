"""Driving an engine in tests: run it, wait for what becomes of a job, note what its handler was given."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.lowlevel

from musicsyncd.jobs.base import Handler, JobContext, WorkEngine
from musicsyncd.jobs.job import Job, JobState, Lane

ONE_EACH = {Lane.USER: 1, Lane.BACKLOG: 1}
Make = Callable[[], WorkEngine]


@asynccontextmanager
async def running(
    engine: WorkEngine, handler: Handler, lanes: Mapping[Lane, int] = ONE_EACH, *, grace: float = 0
) -> AsyncIterator[None]:
    """The engine at work on jobs of kind `track`; stopped at the end."""
    await engine.start({"track": handler}, lanes)
    try:
        yield
    finally:
        await engine.stop(grace)


async def until(engine: WorkEngine, job: Job, *states: JobState) -> Job:
    """The job once it is in one of these states; within five seconds of real time."""
    return await when(engine, job, lambda now: now.state in states)


async def when(engine: WorkEngine, job: Job, true: Callable[[Job], bool]) -> Job:
    """The job once this is true of it."""

    async def so() -> bool:
        return true(await engine.get(job.id))

    await eventually(so)
    return await engine.get(job.id)


async def put(engine: WorkEngine, key: str, lane: Lane = Lane.BACKLOG, **more: Any) -> Job:
    return await engine.enqueue("track", {"n": key}, key=key, lane=lane, **more)


def raising(*errors: BaseException | None) -> Handler:
    """A handler that raises these in turn, and returns where None stands."""
    left = list(errors)

    async def handler(context: JobContext, args: Mapping[str, Any]) -> None:
        if (error := left.pop(0)) is not None:
            raise error

    return handler


async def eventually(true: Callable[[], bool | Awaitable[bool]]) -> None:
    """Return once it is true; within five seconds of real time."""
    with anyio.fail_after(5):
        while True:
            answer = true()
            if await answer if isinstance(answer, Awaitable) else answer:
                return
            await anyio.sleep(0.002)


class Record:
    """A handler that notes the keys it was given, and may be held."""

    def __init__(self, *, hold: bool = False) -> None:
        self.keys: list[str] = []
        self.attempts: list[int] = []
        self.gate = anyio.Event()
        if not hold:
            self.gate.set()

    async def __call__(self, context: JobContext, args: Mapping[str, Any]) -> dict[str, Any]:
        self.keys.append(context.job.key)
        self.attempts.append(context.attempt)
        await self.gate.wait()
        return {"key": context.job.key}

    async def has(self, count: int) -> None:
        """Wait until it was given so many jobs."""
        await eventually(lambda: len(self.keys) >= count)
