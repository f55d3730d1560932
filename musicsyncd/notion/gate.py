"""Whose turn it is to ask Notion: a person's before the backlog's, then in the order of asking."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from enum import IntEnum

import anyio

from musicsyncd.http.budget import Budget


class Urgency(IntEnum):
    """Who waits for the answer."""

    USER = 0
    BACKLOG = 1


URGENCY: ContextVar[Urgency] = ContextVar("notion_urgency", default=Urgency.BACKLOG)
"""Set by whoever does what a person waits for."""


class Gate:
    """Lets one at a time take its turn at the budget: the most urgent first, then who came first."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._busy = False
        self._order = itertools.count()
        self._waiting: list[tuple[Urgency, int, anyio.Event]] = []

    @property
    def waiting(self) -> int:
        """How many wait behind the one whose turn is being taken."""
        return len(self._waiting)

    async def turn(self, urgency: Urgency) -> None:
        """Return when a question may go; Temporary as the budget raises it."""
        async with self._first(urgency):
            await self._budget.turn()

    @asynccontextmanager
    async def _first(self, urgency: Urgency) -> AsyncIterator[None]:
        if self._busy:
            await self._wait(urgency)
        self._busy = True
        try:
            yield
        finally:
            self._pass_on()

    async def _wait(self, urgency: Urgency) -> None:
        place = (urgency, next(self._order), anyio.Event())
        heapq.heappush(self._waiting, place)
        try:
            await place[2].wait()
        except BaseException:
            if place in self._waiting:
                self._waiting.remove(place)
                heapq.heapify(self._waiting)
            else:  # called and cancelled in one moment: the next one is not to wait for ever
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        """The gate stays shut behind the one who is called, so that nobody slips in between."""
        self._busy = bool(self._waiting)
        if self._waiting:
            heapq.heappop(self._waiting)[2].set()
