"""How fast the queue is, on this machine's disk: `python -m tests.benchmarks.queue`."""

from __future__ import annotations

import logging
import os
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import anyio
import structlog

from musicsyncd.clock import SystemClock
from musicsyncd.database import Database
from musicsyncd.jobs.base import JobContext
from musicsyncd.jobs.job import JobState, Lane
from musicsyncd.jobs.worker import SqliteEngine

SHORT_JOBS: Final = 5000
USER_JOBS: Final = 200
BACKLOG: Final = 10_000
IDLE_SECONDS: Final = 5.0
LANES: Final = {Lane.USER: 1, Lane.BACKLOG: 8}
BARS: Final = {"claim+done per second": 1000.0, "user job, idle, p50 ms": 10.0, "user job, backlog, p50 ms": 10.0}


@asynccontextmanager
async def engine(folder: Path) -> AsyncIterator[SqliteEngine]:
    """An engine on a database file in `folder`, not yet started; stopped at the end."""
    clock = SystemClock()
    database = await Database.open(
        folder / "queue.db", {"jobs": SqliteEngine.schema}, backups=folder / "backups", clock=clock
    )
    made = SqliteEngine(database, clock, {})
    try:
        yield made
    finally:
        await made.stop(0)
        await database.close()


async def nothing(context: JobContext, args: Mapping[str, Any]) -> None:
    """The shortest job."""


async def throughput(folder: Path) -> Mapping[str, float]:
    """Jobs claimed and done in a second, and enqueued in one commit."""
    async with engine(folder) as queue:
        requests = [{"kind": "short", "key": str(number), "args": {}} for number in range(SHORT_JOBS)]
        began = time.perf_counter()
        await queue.enqueue_many(requests)
        enqueued = time.perf_counter()
        await queue.start({"short": nothing}, LANES)
        while (await queue.counts())["short"].get(JobState.DONE, 0) < SHORT_JOBS:  # noqa: ASYNC110
            await anyio.sleep(0.02)
        done = time.perf_counter() - enqueued
    return {"claim+done per second": SHORT_JOBS / done, f"enqueue_many of {SHORT_JOBS}, s": enqueued - began}


async def latency(folder: Path, backlog: int) -> Sequence[float]:
    """Milliseconds from before `enqueue` of a user job until its handler runs, one job after another."""
    started: dict[str, float] = {}
    answered: dict[str, anyio.Event] = {}

    async def answer(context: JobContext, args: Mapping[str, Any]) -> None:
        started[context.job.key] = time.perf_counter()
        answered[context.job.key].set()

    async def bulk(context: JobContext, args: Mapping[str, Any]) -> None:
        await anyio.sleep(0.25)

    waits = []
    async with engine(folder) as queue:
        await queue.enqueue_many([{"kind": "bulk", "key": str(n), "args": {}} for n in range(backlog)])
        await queue.start({"answer": answer, "bulk": bulk}, LANES)
        await anyio.sleep(0.3)
        for number in range(USER_JOBS):
            key = str(number)
            answered[key], asked = anyio.Event(), time.perf_counter()
            await queue.enqueue("answer", {}, key=key, lane=Lane.USER)
            await answered[key].wait()
            waits.append((started[key] - asked) * 1000)
            await anyio.sleep(0.01)
    return waits


async def idle(folder: Path) -> float:
    """CPU seconds of this process per minute while the engine has nothing to do."""
    async with engine(folder) as queue:
        await queue.start({}, LANES)
        await anyio.sleep(0.5)
        before = time.process_time()
        await anyio.sleep(IDLE_SECONDS)
        return (time.process_time() - before) * 60 / IDLE_SECONDS


def sync_time(folder: Path) -> float:
    """Milliseconds of one fdatasync of a 4 KiB write here, p50 of 200: what the figures above stand on."""
    times = []
    descriptor = os.open(folder / "sync", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        for _ in range(200):
            os.write(descriptor, b"x" * 4096)
            began = time.perf_counter()
            getattr(os, "fdatasync", os.fsync)(descriptor)
            times.append((time.perf_counter() - began) * 1000)
    finally:
        os.close(descriptor)
    return statistics.median(times)


def measured() -> Mapping[str, float]:
    """Every figure by its name."""
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folders = iter([Path(name, part) for part in "abcd"])
        figures["fdatasync p50 ms"] = sync_time(Path(name))
        figures |= anyio.run(throughput, next(folders))
        for label, backlog in (("idle", 0), ("backlog", BACKLOG)):
            waits = sorted(anyio.run(partial(latency, next(folders), backlog)))
            figures[f"user job, {label}, p50 ms"] = statistics.median(waits)
            figures[f"user job, {label}, p99 ms"] = waits[int(len(waits) * 0.99)]
        figures["idle CPU s per minute"] = anyio.run(idle, next(folders))
    return figures


def main() -> None:
    """Print the figures with their bars."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    for name, value in measured().items():
        bar = f"   (bar {BARS[name]:g})" if name in BARS else ""
        print(f"{name:32} {value:10.3f}{bar}")


if __name__ == "__main__":
    main()
