"""How `status --watch` stays in step: it asks anew when something happened, a few times a second at most."""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import Any, Final

from musicsyncd.control.client import Client
from musicsyncd.ctl import asking, show, status
from musicsyncd.errors import MusicsyncError

LEAST: Final = 0.25
"""Seconds between two looks, however much happens."""
MOST: Final = 5.0
"""Seconds between two looks when nothing happens: free space and uptime change by themselves."""
AGAIN: Final = 1.0
"""Seconds before a stream that ended is listened to again."""
USUAL_ROWS: Final = 24
"""Of a terminal that does not say how many it has."""
RESTLESS: Final = ("uptime", "memory")
"""What of an answer is no change worth a line."""


def watch(asked: Client, *, as_json: bool) -> int:
    """Show what changes until interrupted; NotRunning when the daemon stops."""
    news = threading.Event()
    threading.Thread(target=_listen, args=(Client(asked.path), news), name="events", daemon=True).start()
    shown = _Json() if as_json else _Screen() if sys.stdout.isatty() else _Lines()
    warned = False
    while True:
        news.clear()
        answer = asked.get("/v1/status")
        shown.show(answer)
        sys.stdout.flush()
        if not warned:
            asking.warn_if_older(asked)
            warned = True
        time.sleep(LEAST)
        news.wait(MOST - LEAST)


def _listen(asked: Client, news: threading.Event) -> None:
    """Whatever happens is news, and so is the end of the stream: the next look tells whether the daemon is gone."""
    while True:
        try:
            for _ in asked.events("/v1/events"):
                news.set()
        except (MusicsyncError, OSError, ValueError):
            pass  # who asks for the status is told
        news.set()
        time.sleep(AGAIN)


class _Screen:
    """A terminal, drawn over: nothing flickers, and lines that are too long or too many are cut."""

    def __init__(self) -> None:
        self._cleared = False

    def show(self, answer: dict[str, Any]) -> None:
        rows = os.get_terminal_size(sys.stdout.fileno()).lines or USUAL_ROWS
        told = [status.head(answer), *status.lines(answer)][: max(1, rows - 1)]
        begin = "\x1b[H" if self._cleared else "\x1b[2J\x1b[H"
        drawn = "".join(f"{line}\x1b[K\n" for line in told)
        sys.stdout.write(f"{begin}\x1b[?7l{drawn}\x1b[J\x1b[?7h")
        self._cleared = True


class _Lines:
    """A file or a pipe: lines that were not there a moment ago."""

    def __init__(self) -> None:
        self._before: list[str] = []

    def show(self, answer: dict[str, Any]) -> None:
        told = [status.title(answer), *status.lines(answer)]
        for line in told:
            if line and line not in self._before:
                print(line)
        self._before = told


class _Json:
    """A line for each answer that says something else."""

    def __init__(self) -> None:
        self._before: dict[str, Any] = {}

    def show(self, answer: dict[str, Any]) -> None:
        told = {name: value for name, value in answer.items() if name not in RESTLESS}
        if told != self._before:
            show.as_line(answer)
        self._before = told
