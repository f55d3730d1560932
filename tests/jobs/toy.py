"""A daemon whose only work is to leave traces, to be killed: `python -m tests.jobs.toy FOLDER JOBS`.

Each step appends its name to `runs` at every run and makes the file `effects/NAME` unless it is there (a second effect
would go to `doubled`). Without work left it prints `drained` and ends.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import anyio
import structlog

from musicsyncd.clock import SystemClock
from musicsyncd.database import Database, StateLock
from musicsyncd.jobs.base import JobContext
from musicsyncd.jobs.job import JobState, Lane
from musicsyncd.jobs.worker import SqliteEngine

STEPS: Final = ("match", "download", "transcode", "publish")
SLOTS: Final = 8


class Toy:
    """Handlers that leave traces in a folder."""

    def __init__(self, folder: Path) -> None:
        self._effects = folder / "effects"
        self._effects.mkdir(exist_ok=True)
        self._runs = os.open(folder / "runs", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._doubled = os.open(folder / "doubled", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    async def __call__(self, context: JobContext, args: Mapping[str, Any]) -> None:
        for step in STEPS:
            await context.step(step, partial(self._work, f"{args['n']}-{step}"))

    async def _work(self, name: str) -> None:
        os.write(self._runs, f"{name}\n".encode())
        await anyio.sleep(0.005)
        if not (self._effects / name).exists():
            try:
                os.close(os.open(self._effects / name, os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                os.write(self._doubled, f"{name}\n".encode())


async def main(folder: Path, jobs: int) -> None:
    """Enqueue what is not there yet, work until all is done or a SIGTERM comes."""
    clock = SystemClock()
    database = await Database.open(
        folder / "toy.db", {"jobs": SqliteEngine.schema}, backups=folder / "backups", clock=clock
    )
    engine = SqliteEngine(database, clock, {})
    if not await engine.counts():
        await engine.enqueue_many([{"kind": "toy", "key": f"{n}", "args": {"n": n}} for n in range(jobs)])
    with anyio.open_signal_receiver(signal.SIGTERM) as signals:
        await engine.start({"toy": Toy(folder)}, {Lane.USER: 1, Lane.BACKLOG: SLOTS})
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(drained, engine, jobs, tasks.cancel_scope)
            async for _ in signals:
                tasks.cancel_scope.cancel()
        await engine.stop(0.02)
    await database.close()


async def drained(engine: SqliteEngine, jobs: int, scope: anyio.CancelScope) -> None:
    """Say so when every job has ended."""
    while (await engine.counts()).get("toy", {}).get(JobState.DONE, 0) < jobs:  # noqa: ASYNC110
        await anyio.sleep(0.02)
    print("drained", flush=True)
    scope.cancel()


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    place = Path(sys.argv[1])
    with StateLock(place):
        anyio.run(main, place, int(sys.argv[2]))
