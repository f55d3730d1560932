"""Waiting for a time or for a word, whichever comes first, on the injected clock."""

from __future__ import annotations

import anyio

from musicsyncd.clock import Clock


async def woken(clock: Clock, seconds: float, word: anyio.Event) -> bool:
    """Return at the word or after so many seconds; whether it was the word."""
    async with anyio.create_task_group() as tasks:

        async def sleep() -> None:
            await clock.sleep(seconds)
            tasks.cancel_scope.cancel()

        tasks.start_soon(sleep, name="timer")
        await word.wait()
        tasks.cancel_scope.cancel()
    return word.is_set()
