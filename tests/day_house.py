"""A real daemon whose day passes as fast as its work allows: its clock stands still while anything is being done.

`Day` is a `Running` whose process is this module: the whole daemon, given a clock that the test moves. What is asked of
the outside is real, on the loopback, and SIGKILL is SIGKILL; the time goes on where it stood.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import mmap
import os
import re
import signal
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import IO, Final

import anyio
import anyio.lowlevel
from anyio import to_thread

from musicsyncd.__main__ import leave
from tests.fakes.running import Running

ROOT: Final = Path(__file__).parent.parent
LOOKERS: Final = frozenset({"memory watch"})
"""Parts that look at memory only: nothing follows from their waking that would have to be waited for."""
SOON: Final = 1.5
"""Seconds that may pass while a job runs: it waits for its turn at a service."""
JOB: Final = re.compile(r"job \w+ \w+ ")
"""The task of a job, by its name."""
PATIENCE: Final = 5.0
"""Real seconds after which time goes on though a job runs: what it waits for sleeps under another name."""
ACTIVE: Final = """
    SELECT 1 FROM job WHERE state = 'running' OR (state = 'waiting' AND coalesce(not_before, 0) <= ?) LIMIT 1
"""


class Elapsed:
    """The seconds that have passed, in a file that outlives the process."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.parent.mkdir()
            path.write_bytes(struct.pack("d", 0.0))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 8)

    @property
    def seconds(self) -> float:
        (found,) = struct.unpack("d", self._map[:])
        return float(found)

    @seconds.setter
    def seconds(self, value: float) -> None:
        self._map[:] = struct.pack("d", value)


@dataclass
class Day(Running):
    """A daemon whose time is moved by `to`."""

    begins: datetime = field(kw_only=True)

    @property
    def elapsed(self) -> Elapsed:
        return Elapsed(self.state.with_name("time") / "elapsed")

    def moment(self) -> float:
        """Seconds since 1970, as the daemon has it; for services that go by the same clock."""
        return self.begins.timestamp() + self.elapsed.seconds

    def launch(self, **environment: str) -> subprocess.Popen[bytes]:
        """See `Running.launch`."""
        self.elapsed  # noqa: B018  it is to be there
        with (self.folder / "output.log").open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.day_house", str(self.config), self.begins.isoformat()],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                cwd=ROOT,
                env={**os.environ, **self.environment, **environment},
            )
        return self.process

    def stop(self, number: int = signal.SIGTERM) -> int:
        """See `Running.stop`."""
        process = self.process
        status = super().stop(number)
        for pipe in (process.stdin, process.stdout) if process else ():
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        return status

    def set_out(self, minutes: float) -> None:
        """Let time go on to that minute of the day, and do not wait for it."""
        self._pipe("stdin").write(f"{minutes * 60}\n".encode())
        self._pipe("stdin").flush()

    def to(self, minutes: float) -> None:
        """Let time go on to that minute of the day, with all that is done on the way."""
        self.set_out(minutes)
        answer = self._pipe("stdout").readline()
        assert answer, f"the daemon ended: {self.output()[-4000:]}"

    def _pipe(self, name: str) -> IO[bytes]:
        pipe: IO[bytes] | None = getattr(self.process, name)
        assert pipe is not None
        return pipe


# In the daemon's process


class DayClock:
    """Stands still until it is moved."""

    def __init__(self, begins: datetime, elapsed: Elapsed) -> None:
        self._begins, self._elapsed = begins, elapsed
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, anyio.Event, str]] = []

    def now(self) -> datetime:
        return self._begins + timedelta(seconds=self._elapsed.seconds)

    def monotonic(self) -> float:
        return self._elapsed.seconds

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await anyio.lowlevel.checkpoint()
            return
        name = anyio.get_current_task().name or ""
        sleeper = (self.monotonic() + seconds, next(self._order), anyio.Event(), name)
        heapq.heappush(self._sleepers, sleeper)
        try:
            await sleeper[2].wait()
        finally:
            if not sleeper[2].is_set():  # cancelled: nobody is to be woken
                self._sleepers.remove(sleeper)
                heapq.heapify(self._sleepers)

    @property
    def next(self) -> float:
        """When the first sleeper is to wake."""
        return self._sleepers[0][0] if self._sleepers else float("inf")

    @property
    def awaited(self) -> bool:
        """Whether time may pass though jobs run: all of them sleep, or the next one wakes in a moment."""
        jobs = {name for one in asyncio.all_tasks() if JOB.match(name := one.get_name())}
        asleep = {name for *_, name in self._sleepers}
        return self.next <= self.monotonic() + SOON or (bool(jobs) and jobs <= asleep)

    def move(self, to: float) -> Iterable[str]:
        """Wake whoever is to wake by then; their names."""
        self._elapsed.seconds = max(to, self._elapsed.seconds)
        woken = []
        while self._sleepers and self._sleepers[0][0] <= to:
            *_, waker, name = heapq.heappop(self._sleepers)
            waker.set()
            woken.append(name)
        return woken


class Driver:
    """Moves the clock as it is told, while nothing is being done."""

    def __init__(self, clock: DayClock, database: Path) -> None:
        self._clock, self._path = clock, database
        self._database: sqlite3.Connection | None = None

    async def run(self) -> None:
        """A line is a second to go to; answered with a line when it is there."""
        while line := await to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True):
            await self._go(float(line))
            print(line, end="", flush=True)

    async def _go(self, end: float) -> None:
        clock = self._clock
        await self._calm()
        while clock.monotonic() < end:
            woken = clock.move(min(clock.next, end))
            await _blocked()
            if not LOOKERS.issuperset(woken):
                await self._calm()

    async def _calm(self) -> None:
        """Until nothing is done any more but waiting for a time."""
        quiet, began = 0, anyio.current_time()
        while quiet < 2:
            await _blocked()
            if self._working():
                quiet = 0
                await asyncio.sleep(0.002)
                if self._clock.awaited or anyio.current_time() - began > PATIENCE:
                    self._clock.move(self._clock.next)
                    began = anyio.current_time()
            else:
                quiet += 1
                await asyncio.sleep(0.001)

    def _working(self) -> bool:
        if self._database is None:
            if not self._path.exists():
                return False
            self._database = sqlite3.connect(f"file:{self._path}?mode=ro", uri=True, isolation_level=None)
        now = int(self._clock.now().timestamp() * 1e6)
        return self._database.execute(ACTIVE, (now,)).fetchone() is not None


async def _blocked() -> None:
    """Until every other task waits for something."""
    current = asyncio.current_task()
    while True:
        await asyncio.sleep(0)
        waiters = [getattr(one, "_fut_waiter", None) for one in asyncio.all_tasks() if one is not current]
        if all(waiter is not None and not waiter.done() for waiter in waiters):
            return


async def _live(config: Path, begins: datetime) -> int:
    from musicsyncd import daemon, log
    from musicsyncd.database import DATABASE_NAME, StateLock
    from musicsyncd.settings import load

    reload = partial(load, config)
    loaded = reload()
    clock = DayClock(begins, Elapsed(config.parent / "time" / "elapsed"))
    driver = Driver(clock, loaded.settings.daemon.state_dir / DATABASE_NAME)
    with StateLock(loaded.settings.daemon.state_dir), contextlib.ExitStack() as stack:
        daemon.configure_log(loaded.settings)
        stack.callback(log.shutdown)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(driver.run, name="driver")
            code = await daemon.run(loaded, reload, clock)
            tasks.cancel_scope.cancel()
    return code


if __name__ == "__main__":
    leave(anyio.run(_live, Path(sys.argv[1]), datetime.fromisoformat(sys.argv[2])))
