"""Being told of changes by the operating system, through watchfiles. It is a hint only: what counts is a look."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

import anyio

STEP: Final = 500
"""Milliseconds between two looks of watchfiles' own thread at what it was told, and its longest way to an end."""
LONGEST_WAIT: Final = 3_600_000
"""Milliseconds after which that thread comes back with nothing."""


async def listen(paths: Collection[Path], hear: Callable[[set[Path]], None], *, deep: bool) -> None:
    """Call `hear` with what changed in these folders, and below them where `deep`; OSError when they cannot be watched.

    It returns only when the watch has come to an end.
    """
    from watchfiles import awatch

    stop = anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_set_at_the_end, stop, name="end of the watch")
        async for found in awatch(
            *paths,
            watch_filter=None,
            recursive=deep,
            step=STEP,
            rust_timeout=LONGEST_WAIT,
            force_polling=False,
            stop_event=stop,
            ignore_permission_denied=True,
        ):
            hear({Path(name) for _, name in found})
        tasks.cancel_scope.cancel()


async def _set_at_the_end(stop: anyio.Event) -> None:
    """Tell the thread that we are cancelled: it is deaf to everything else."""
    try:
        await anyio.sleep_forever()
    finally:
        stop.set()
