"""Rows whose creation was sent, and of which nobody knows yet whether they were made."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final

from musicsyncd.clock import Clock
from musicsyncd.errors import MusicsyncError
from musicsyncd.ledger.mirror import Mirror
from musicsyncd.notion.errors import Ambiguous

TRIES: Final = 3
"""Creations without an answer after which the row is parked: then it is Notion's trouble, and no moment's."""


class Creations:
    """Of one database."""

    def __init__(self, mirror: Mirror, name: str, clock: Clock, lag: float) -> None:
        """`name` is the book's in the mirror; `lag` in seconds, by which a query may be behind."""
        self._mirror, self._name, self._clock, self._lag = mirror, name, clock, lag
        self._began = clock.now()
        self._unsure: dict[str, datetime] = {}
        """When creations ended of which nobody knows whether they were done, by key."""

    @asynccontextmanager
    async def sending(
        self, key: str, track: str = "", found_by: Mapping[str, Any] | None = None
    ) -> AsyncIterator[None]:
        """A creation is sent inside; it is written down before, and stays so unless it was surely not done. Whoever has
        written down what came of it settles it. `found_by` is what the row could be found by, field by field.

        Raises Ambiguous where no answer came, which counts when that happened too often.
        """
        intent = await self._mirror.intend(self._name, key, track, found_by or {})
        try:
            yield
        except Ambiguous as error:
            self._unsure[key] = self._clock.now()
            counts = intent.tries >= TRIES
            raise Ambiguous(error.what, delay=self._lag, counts=counts, why=error.why) from error
        except MusicsyncError:
            await self.settled(key)
            raise
        except BaseException:
            self._unsure[key] = self._clock.now()
            raise

    async def settled(self, key: str) -> None:
        """What came of a creation is known."""
        self._unsure.pop(key, None)
        await self._mirror.clear(self._name, key)

    async def unsure(self, key: str) -> Mapping[str, Any] | None:
        """What a row can be found by that may have been created without our knowing; None when there is none. Raises
        Ambiguous as long as no query would show it.
        """
        intent = await self._mirror.intent(self._name, key)
        if intent is None:
            return None
        # it went out later than it was written down: at most when we heard that it failed, or ended ourselves
        sent = max(datetime.fromisoformat(intent.begun), self._unsure.get(key, self._began))
        left = self._lag - (self._clock.now() - sent).total_seconds()
        if 0 < left <= self._lag:  # more than that: the clock was set back since
            what = "Notion did not answer whether it created the row"
            raise Ambiguous(what, delay=left, counts=False, why="It is looked for before anything is created again")
        return intent.found_by
