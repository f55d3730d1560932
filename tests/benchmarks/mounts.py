"""How soon after a mount its waiting work has begun: `python -m tests.benchmarks.mounts`, as root, on Linux."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.fakes.running import Running, running, write_wave

ROUNDS: Final = 10


def begun(daemon: Running, disk: Path, point: Path) -> tuple[float, float]:
    """Seconds from the call of `mount` until the request is on the queue, and until nothing waits any more."""
    known = {job["id"] for job in daemon.client.get("/v1/jobs?kind=request")["jobs"]}
    began = time.perf_counter()
    subprocess.run(["mount", "--bind", str(disk), str(point)], check=True)
    while {job["id"] for job in daemon.client.get("/v1/jobs?kind=request")["jobs"]} <= known:
        time.sleep(0.002)
    asked = time.perf_counter() - began
    while daemon.client.get("/v1/volumes")["volumes"][1]["parked"]:
        time.sleep(0.01)
    return asked, time.perf_counter() - began


def main() -> None:
    """Print the medians: at the usual place and elsewhere in turn."""
    if os.geteuid() != 0:
        print("needs root: it mounts")
        return
    with (
        tempfile.TemporaryDirectory() as name,
        running(Path(name), start=False, volumes=("main", "second")) as daemon,
    ):
        disk, home, other = Path(name) / "disk", daemon.library("second"), Path(name) / "second 1"
        for folder in (disk, home, other):
            folder.mkdir(parents=True)
        subprocess.run(["mount", "--bind", str(disk), str(home)], check=True)
        daemon.start()
        rounds = []
        for number in range(ROUNDS):
            subprocess.run(["umount", "-l", str(other if number and number % 2 == 0 else home)], check=True)
            daemon.sync(write_wave(Path(name) / "music" / f"A - {number}.wav", pitch=200 + 20 * number))
            rounds.append(begun(daemon, disk, other if number % 2 else home))
        subprocess.run(["umount", "-l", str(other if ROUNDS % 2 == 0 else home)], check=True)
    asked, done = (statistics.median(times) for times in zip(*rounds, strict=True))
    worst = max(first for first, _ in rounds)
    print(f"mount to request: median {asked * 1000:.0f} ms, slowest of {ROUNDS} {worst * 1000:.0f} ms")
    print(f"  to one track copied and settled: median {done * 1000:.0f} ms")


if __name__ == "__main__":
    main()
