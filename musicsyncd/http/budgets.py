"""Hands out each service's budget, and remembers across restarts what it was told to wait for."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from functools import partial
from typing import Final

from musicsyncd.clock import Clock
from musicsyncd.database import Database
from musicsyncd.http.budget import Budget, Pace, Standing

MIGRATIONS: Final = (
    """
    CREATE TABLE http_budget (          -- services that are left alone for a while
        service TEXT PRIMARY KEY,
        not_before TEXT NOT NULL,       -- ISO 8601 in UTC
        failures INTEGER NOT NULL,      -- in a row
        why TEXT NOT NULL
    ) WITHOUT ROWID;
    """,
)


class Budgets:
    """One budget for each name: two who ask the same service with the same credential share it."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._open: dict[str, Budget] = {}

    async def of(self, service: str, pace: Pace) -> Budget:
        """The budget of a service, or of one credential at it; its first user says how it is paced.

        The name is written down and shown: it holds no secret.
        """
        if service not in self._open:
            standing = await self._database.read(partial(_standing, service=service))
            budget = Budget(service, pace, self._clock, standing=standing, save=partial(self._keep, service))
            self._open.setdefault(service, budget)
        return self._open[service]

    def opened(self) -> list[Budget]:
        """Every budget that this process has handed out, by name."""
        return [self._open[name] for name in sorted(self._open, key=str.casefold)]

    def resting(self) -> list[tuple[str, datetime, str]]:
        """The services that are to be left alone now: name, until when, why. What this process never asked is not
        among them.
        """
        found = ((name, one.standing.not_before, one) for name, one in self._open.items())
        return [(name, until, one.standing.why) for name, until, one in found if until and one.rest > 0]

    async def _keep(self, service: str, standing: Standing) -> None:
        await self._database.write(partial(_keep, service=service, standing=standing))


def _standing(conn: sqlite3.Connection, service: str) -> Standing:
    query = "SELECT not_before, failures, why FROM http_budget WHERE service = ?"
    row = conn.execute(query, (service,)).fetchone()
    return Standing(not_before=datetime.fromisoformat(row[0]), failures=row[1], why=row[2]) if row else Standing()


def _keep(conn: sqlite3.Connection, service: str, standing: Standing) -> None:
    if standing.not_before is None:
        conn.execute("DELETE FROM http_budget WHERE service = ?", (service,))
        return
    values = (service, standing.not_before.isoformat(), standing.failures, standing.why)
    conn.execute("INSERT OR REPLACE INTO http_budget VALUES (?, ?, ?, ?)", values)
