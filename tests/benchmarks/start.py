"""How long the daemon takes from its start to its first answer: `python -m tests.benchmarks.start`."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.fakes.running import running

ROUNDS: Final = 15


def interpreter() -> float:
    """Seconds of a whole `python -c pass`: what every figure here contains."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return time.perf_counter() - began


def first_answer(folder: Path) -> float:
    """Seconds from the daemon's spawn until `/v1/status` has answered, on a state folder that it knows."""
    with running(folder, start=False) as daemon:
        began = time.perf_counter()
        daemon.start()
        took = time.perf_counter() - began
        daemon.stop()
        return took


def main() -> None:
    """Print the medians."""
    with tempfile.TemporaryDirectory() as name:
        first_answer(Path(name))  # the first start compiles every module and makes the database
        rounds = [(interpreter(), first_answer(Path(name))) for _ in range(ROUNDS)]
    bare, answered = (statistics.median(times) for times in zip(*rounds, strict=True))
    worst = max(took for _, took in rounds)
    print(f"spawn to first answer, warm: median {answered * 1000:.0f} ms, slowest of {ROUNDS} {worst * 1000:.0f} ms")
    print(f"  python -c pass: {bare * 1000:.0f} ms, ratio {answered / bare:.1f}")


if __name__ == "__main__":
    main()
