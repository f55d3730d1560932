"""Being told of changes by the operating system, through watchfiles. It is a hint only: what counts is a look."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

from anyio import from_thread
from anyio.lowlevel import current_token

from musicsyncd.library.patience import Heartbeat, Patience

STEP: Final = 1000
"""Milliseconds between two looks of watchfiles at what it was told, and its longest way to an end: each is a waking."""
TOGETHER: Final = 1600
"""Milliseconds, at most, over which changes are told together."""
LONGEST_WAIT: Final = 3_600_000
"""Milliseconds after which it comes back with nothing."""


async def listen(paths: Collection[Path], hear: Callable[[set[Path]], None], *, deep: bool) -> None:
    """Call `hear` with what changed in these folders, and below them where `deep`; OSError when they cannot be watched.

    Runs in a thread of its own, also to begin with: to watch a large folder takes a while. Never returns; cancelled, it
    leaves the thread to end by itself, a STEP later; an interpreter must not end before it in the ordinary way.
    """
    token = current_token()

    def tell(found: set[Path]) -> None:
        from_thread.run_sync(hear, found, token=token)

    def work(heart: Heartbeat) -> None:
        _listen(paths, tell, heart.stopped, deep=deep)

    await Patience("watches", cleanup=0).run(work, quiet=float("inf"))


def _listen(paths: Collection[Path], tell: Callable[[set[Path]], None], stop: threading.Event, *, deep: bool) -> None:
    from watchfiles._rust_notify import RustNotify  # what its own awatch is made of, which begins on the event loop

    with RustNotify([str(path) for path in paths], False, False, 0, deep, True) as watcher:
        while not stop.is_set():
            found = watcher.watch(TOGETHER, STEP, LONGEST_WAIT, stop)
            if isinstance(found, set):
                tell({Path(name) for _, name in found})
