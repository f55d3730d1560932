"""What the daemon costs while it has nothing to do: `python -m tests.benchmarks.idle`. Linux only: it reads /proc."""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.fakes.running import children_of, running, write_wave

SECONDS: Final = 60.0
SETTLE: Final = 5.0
MEMORY_BAR: Final = 80.0
"""MB of the daemon process."""
CPU_BAR: Final = 0.2
"""CPU seconds per minute."""


@dataclass(frozen=True, kw_only=True)
class Gauge:
    """A process at one moment."""

    cpu: float
    """Seconds so far, user and system."""
    wakes: int
    """Voluntary context switches so far, of all threads."""
    memory: float
    """Resident MB."""


def gauge(pid: int) -> Gauge:
    """Read it."""
    process = Path(f"/proc/{pid}")
    fields = (process / "stat").read_text().rpartition(")")[2].split()
    statuses = [(task / "status").read_text() for task in (process / "task").iterdir()]
    return Gauge(
        cpu=(int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"),
        wakes=sum(_number(status, "voluntary_ctxt_switches") for status in statuses),
        memory=_number(statuses[0], "VmRSS") * 1024 / 1e6,
    )


def _number(status: str, name: str) -> int:
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(f"{name}:"))


def idle(pid: int, seconds: float) -> tuple[Gauge, float, float]:
    """The process at the end, its CPU seconds per minute and its wake-ups per minute."""
    before, began = gauge(pid), time.monotonic()
    time.sleep(seconds)
    after, minutes = gauge(pid), (time.monotonic() - began) / 60
    return after, (after.cpu - before.cpu) / minutes, (after.wakes - before.wakes) / minutes


def main() -> None:
    """Print the figures of a daemon that has just started, and of one that has worked."""
    with tempfile.TemporaryDirectory() as name, running(Path(name)) as daemon:
        assert daemon.process is not None
        pid = daemon.process.pid
        time.sleep(SETTLE)
        report("just started", pid)
        for number in range(10):
            daemon.sync(write_wave(Path(name) / "music" / f"A - {number}.wav", pitch=200 + 20 * number))
        time.sleep(SETTLE)
        report("after ten tracks", pid)


def report(when: str, pid: int) -> None:
    """Measure and print."""
    last, cpu, wakes = idle(pid, SECONDS)
    print(f"idle for {SECONDS:g} s, {when}: {len(children_of(pid))} child processes")
    print(f"  memory {last.memory:.1f} MB (bar {MEMORY_BAR:g}), CPU {cpu:.3f} s/min (bar {CPU_BAR:g})")
    print(f"  {wakes:.0f} wake-ups per minute, all threads")


if __name__ == "__main__":
    main()
