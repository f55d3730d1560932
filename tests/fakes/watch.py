"""What anybody on the machine can see of a program: its command lines (Linux)."""

from __future__ import annotations

import threading
from pathlib import Path


class Watch:
    """What the process list shows, as often as it can be read."""

    def __enter__(self) -> Watch:
        self.seen: set[str] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.wait(0.01):
            for entry in Path("/proc").iterdir():
                if entry.name.isdecimal():
                    try:
                        self.seen.add((entry / "cmdline").read_bytes().decode(errors="replace"))
                    except OSError:
                        continue
