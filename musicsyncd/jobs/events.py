"""What happens to jobs, told to many listeners, none of whom can hold the teller up."""

from __future__ import annotations

import weakref
from collections import deque
from typing import Final, Self

import anyio

from musicsyncd.jobs.job import JobEvent

BUFFER: Final = 1000
"""Events that wait for a slow listener before some are left out."""
PASSING: Final = frozenset({"step", "progress"})
"""Events that may be left out: a later one says more."""


class Listener:
    """One listener's events in order, as an asynchronous iterator, from its making on."""

    def __init__(self, *, buffer: int = BUFFER) -> None:
        self._events: deque[JobEvent] = deque()
        self._limit = self._least = buffer
        self._news = anyio.Event()
        self._ended = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> JobEvent:
        while not self._events:
            if self._ended:
                raise StopAsyncIteration
            self._news = anyio.Event()
            await self._news.wait()
        return self._events.popleft()

    def hear(self, event: JobEvent) -> None:
        """Take in one event; never blocks."""
        if len(self._events) >= self._limit:
            self._condense()
            if event.event in PASSING:
                return
        self._events.append(event)
        self._news.set()

    def end(self) -> None:
        """Nothing more will come."""
        self._ended = True
        self._news.set()

    def _condense(self) -> None:
        """Keep the last state of each job only: what is left is bounded by the number of jobs."""
        last: dict[str, JobEvent] = {}
        for event in self._events:
            if event.event not in PASSING:
                last.pop(event.job, None)
                last[event.job] = event
        self._events = deque(last.values())
        self._limit = max(self._least, 2 * len(self._events))


class Broadcast:
    """Tells every listener that still exists."""

    def __init__(self) -> None:
        self._listeners: weakref.WeakSet[Listener] = weakref.WeakSet()

    def listen(self) -> Listener:
        """A new listener; it hears what is told from now on."""
        listener = Listener()
        self._listeners.add(listener)
        return listener

    def tell(self, event: JobEvent) -> None:
        """Tell everybody."""
        for listener in self._listeners:
            listener.hear(event)

    def end(self) -> None:
        """Let every present listener's iteration end after what it has not read yet."""
        for listener in self._listeners:
            listener.end()
        self._listeners.clear()
