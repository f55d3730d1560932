"""Whether the engine gets on: what it should have claimed, and which running jobs do not move."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from functools import partial

from musicsyncd.clock import Clock
from musicsyncd.database import Database
from musicsyncd.jobs.job import Lane
from musicsyncd.jobs.queue import Free
from musicsyncd.jobs.rows import LANES, to_micros
from musicsyncd.jobs.worker import SqliteEngine


class Health:
    """Looks at an engine from outside."""

    def __init__(self, engine: SqliteEngine, database: Database, clock: Clock) -> None:
        self._engine, self._database, self._clock = engine, database, clock

    @property
    def turns(self) -> int:
        """How often the engine looked for work so far."""
        return self._engine.turns

    async def neglected(self) -> bool:
        """Whether a job is due and a slot is free for it. For a moment that is so before every claim."""
        return await self._database.read(partial(claimable, free=self._engine.free(), now=self._clock.now()))

    def standing_still(self, seconds: float) -> dict[str, str]:
        """Running jobs, by id, that told of no step and no progress for so long, with their step; those that wait for
        a capacity do not count.
        """
        before = self._clock.monotonic() - seconds
        return {
            one.job.id: one.step or one.job.kind
            for one in self._engine.under_way()
            if one.ending is None and not one.waits and one.moved < before
        }

    async def drain(self) -> None:
        """Have nothing more claimed; return when nothing runs."""
        self._engine.hold()
        while under_way := self._engine.under_way():
            for one in under_way:
                await one.ended.wait()


def claimable(connection: sqlite3.Connection, free: Free, now: datetime) -> bool:
    """Whether a job is due that one of these slots is for."""
    slots = {Lane.USER: free.user, Lane.BACKLOG: free.backlog}
    return any(slots[lane] > 0 and _due(connection, lane, now) for lane in slots)


def _due(connection: sqlite3.Connection, lane: Lane, now: datetime) -> bool:
    row = connection.execute(
        "SELECT 1 FROM job WHERE state = 'waiting' AND (not_before IS NULL OR not_before <= ?) AND lane = ?"
        " AND NOT EXISTS (SELECT 1 FROM job AS other WHERE other.state = 'running' AND other.key = job.key) LIMIT 1",
        (to_micros(now), LANES[lane]),
    ).fetchone()
    return row is not None
