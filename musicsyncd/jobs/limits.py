"""Places that only so many jobs may hold at once: downloads, processor cores, writers of a volume."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import anyio.lowlevel

from musicsyncd.jobs.job import Lane


class Capacity:
    """A number of places; whoever waits is served user jobs first, then in the order of asking."""

    def __init__(self, places: int) -> None:
        if places < 1:
            raise ValueError(f"A capacity needs at least one place, not {places}")
        self._free = places
        self._waiting: dict[Lane, deque[anyio.Event]] = {Lane.USER: deque(), Lane.BACKLOG: deque()}

    @asynccontextmanager
    async def place(self, lane: Lane) -> AsyncIterator[None]:
        """Hold one place while inside."""
        await self._take(lane)
        try:
            yield
        finally:
            self._give_back()

    async def _take(self, lane: Lane) -> None:
        await anyio.lowlevel.checkpoint_if_cancelled()
        if self._free:
            self._free -= 1
            return
        mine = anyio.Event()
        self._waiting[lane].append(mine)
        try:
            await mine.wait()
        except BaseException:
            if mine.is_set():
                self._give_back()  # it became ours at the very moment of the cancellation
            else:
                self._waiting[lane].remove(mine)
            raise

    def _give_back(self) -> None:
        for queue in self._waiting.values():
            if queue:
                queue.popleft().set()  # the place goes from hand to hand, so that nobody slips in between
                return
        self._free += 1
