"""Every benchmark in turn: `python -m tests.benchmarks`, or those that are named."""

from __future__ import annotations

import importlib
import sys
from typing import Final

ALL: Final = (
    "start", "status", "overview", "idle", "mounts", "queue", "transcode", "duplicates", "matching", "spotify", "likes",
    "notion",
)  # fmt: skip


def main() -> None:
    """One after another, so that none disturbs the next."""
    for name in sys.argv[1:] or ALL:
        print(f"== {name}", flush=True)
        importlib.import_module(f"tests.benchmarks.{name}").main()
        print(flush=True)


if __name__ == "__main__":
    main()
