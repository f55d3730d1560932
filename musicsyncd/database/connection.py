"""One SQLite connection in a thread of its own: what waits shares a commit and is answered after it."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import anyio

T = TypeVar("T")
LARGEST_BATCH: Final = 1000
"""Requests in one transaction: they share a slow disk's sync, yet the first need not wait for ever."""
Explain = Callable[[sqlite3.Error], Exception]


@dataclass(frozen=True, slots=True)
class _Asked:
    work: Callable[[sqlite3.Connection], Any]
    answer: asyncio.Future[Any]


_Outcome = tuple["asyncio.Future[Any]", Any, Exception | None]


class ConnectionThread:
    """Serves the event loop it was made in; sleeps while nothing is asked."""

    def __init__(
        self, connection: sqlite3.Connection, *, begin: str, name: str, explain: Explain = lambda error: error
    ) -> None:
        self._connection, self._begin, self._explain = connection, begin, explain
        self._loop = asyncio.get_running_loop()
        self._queue: queue.SimpleQueue[_Asked | None] = queue.SimpleQueue()
        self._closed = False
        # A daemon thread: a program that forgets `close` still ends, and what it was promised is on the disk.
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` returned, after the commit."""
        if self._closed:
            raise RuntimeError("The database is closed")
        answer: asyncio.Future[Any] = self._loop.create_future()
        self._queue.put(_Asked(work, answer))
        with anyio.CancelScope(shield=True):
            result: T = await answer
        return result

    def close(self) -> None:
        """Serve what is queued, then close the connection; blocks until then."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
        self._thread.join()

    def _serve(self) -> None:
        while batch := self._gather():
            outcomes = self._transact(batch)
            with contextlib.suppress(RuntimeError):  # the loop has gone, and whoever waited with it
                self._loop.call_soon_threadsafe(_settle, outcomes)
        self._connection.close()

    def _gather(self) -> list[_Asked]:
        """Wait for the first, then take whatever else is there; empty when it is time to go."""
        first = self._queue.get()
        batch = [] if first is None else [first]
        with contextlib.suppress(queue.Empty):
            while batch and len(batch) < LARGEST_BATCH:
                asked = self._queue.get_nowait()
                if asked is None:
                    self._queue.put(None)
                    break
                batch.append(asked)
        return batch

    def _transact(self, batch: Sequence[_Asked]) -> list[_Outcome]:
        try:
            self._connection.execute(self._begin)
            outcomes = [(asked.answer, *self._one(asked.work)) for asked in batch]
            self._connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001  whatever it is, all who shared the transaction must hear of it
            with contextlib.suppress(sqlite3.Error):  # SQLite may have rolled back by itself
                self._connection.execute("ROLLBACK")
            return [(asked.answer, None, self._told(error)) for asked in batch]
        return outcomes

    def _one(self, work: Callable[[sqlite3.Connection], Any]) -> tuple[Any, Exception | None]:
        self._connection.execute("SAVEPOINT one")
        try:
            result = work(self._connection)
            self._connection.execute("RELEASE one")
        except Exception as error:
            if not self._connection.in_transaction:
                raise  # a full disk, for one: SQLite has undone the others' work too
            self._connection.execute("ROLLBACK TO one")
            self._connection.execute("RELEASE one")
            return None, self._told(error)
        return result, None

    def _told(self, error: Exception) -> Exception:
        """The error as the caller shall see it."""
        if isinstance(error, sqlite3.Error):
            return self._explain(error)
        if isinstance(error, StopIteration):  # a future refuses it, and its caller would wait for ever
            told = RuntimeError("The work raised StopIteration")
            told.__cause__ = error
            return told
        return error


def _settle(outcomes: Iterable[_Outcome]) -> None:
    for answer, result, error in outcomes:
        if answer.done():
            continue
        if error is None:
            answer.set_result(result)
        else:
            answer.set_exception(error)
