"""What one `musicsyncctl status` costs, against Python doing nothing: `python -m tests.benchmarks.status`."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.fakes.running import running

ROUNDS: Final = 60
BAR: Final = 8.0
"""Times `python -c pass`."""
SCRIPT: Final = Path(sys.executable).parent / "musicsyncctl"


def seconds(*argv: str) -> float:
    """A whole process, from its start to its end, its output thrown away."""
    began = time.perf_counter()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> None:
    """Print the medians of rounds in turns, and their ratio."""
    with tempfile.TemporaryDirectory() as name, running(Path(name)) as daemon:
        ask = (str(SCRIPT), "--config", str(daemon.config), "status")
        ask_socket = (str(SCRIPT), "--socket", str(daemon.socket), "status")
        commands = ((sys.executable, "-c", "pass"), ask_socket, ask)
        for command in commands:
            seconds(*command)
        rounds = [tuple(seconds(*command) for command in commands) for _ in range(ROUNDS)]
    bare, by_socket, by_config = (statistics.median(times) for times in zip(*rounds, strict=True))
    print(f"python -c pass: {bare * 1000:.1f} ms (median of {ROUNDS}, in turns)")
    for text, took in (("", by_socket), (" with a config.toml to read", by_config)):
        print(f"musicsyncctl status{text}: {took * 1000:.1f} ms, ratio {took / bare:.1f}   (bar {BAR:g})")


if __name__ == "__main__":
    main()
