"""What services answered, kept for a while, so that nobody is asked the same thing twice."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import anyio

from musicsyncd.clock import Clock
from musicsyncd.database import Database

MIGRATIONS: Final = (
    """
    CREATE TABLE enrichment_answer (
        origin TEXT NOT NULL,
        question TEXT NOT NULL,         -- in the origin's own words; holds no secret
        answer TEXT NOT NULL,           -- what is read of it, as JSON; {}: it knows nothing
        expires_at TEXT NOT NULL,       -- ISO 8601 in UTC
        PRIMARY KEY (origin, question)
    ) WITHOUT ROWID;
    CREATE INDEX enrichment_answer_expires ON enrichment_answer(expires_at);
    """,
)

Answer = dict[str, Any]
"""Empty: the service was asked, and knows nothing."""


class Cache:
    """Answers in the database, pictures in a folder."""

    def __init__(self, database: Database, clock: Clock, folder: Path, *, keep: float, keep_nothing: float) -> None:
        """`keep` and `keep_nothing` are seconds for which answers, and "knows nothing", count."""
        self._database, self._clock, self.folder = database, clock, folder
        self._keep, self._keep_nothing = keep, keep_nothing

    async def answer(self, origin: str, question: str, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        """What is remembered, else what `ask` says, which is then remembered; an error is not."""
        known = await self.recall(origin, question)
        if known is None:
            known = await ask()
            await self.remember(origin, question, known)
        return known

    async def recall(self, origin: str, question: str) -> Answer | None:
        """The answer of before; None when there is none, or it is too old."""
        query = "SELECT answer FROM enrichment_answer WHERE origin = ? AND question = ? AND expires_at > ?"
        values = (origin, question, self._moment(0.0))

        def read(conn: sqlite3.Connection) -> Answer | None:
            row = conn.execute(query, values).fetchone()
            return json.loads(row[0]) if row else None

        return await self._database.read(read)

    async def remember(self, origin: str, question: str, answer: Answer) -> None:
        """Keep it, in place of an earlier one."""
        expires = self._moment(self._keep if answer else self._keep_nothing)
        values = (origin, question, json.dumps(answer), expires)
        query = "INSERT OR REPLACE INTO enrichment_answer VALUES (?, ?, ?, ?)"
        await self._database.write(lambda conn: conn.execute(query, values) and None)

    async def tidy(self) -> int:
        """Forget what is too old, pictures too; how many answers that were."""
        query, now = "DELETE FROM enrichment_answer WHERE expires_at <= ?", self._moment(0.0)
        count = await self._database.write(lambda conn: conn.execute(query, (now,)).rowcount)
        await anyio.to_thread.run_sync(self._remove_pictures)
        return count

    def _remove_pictures(self) -> None:
        oldest = self._clock.now().timestamp() - self._keep
        for picture in self.folder.iterdir() if self.folder.is_dir() else ():
            if picture.stat().st_mtime < oldest:
                picture.unlink(missing_ok=True)

    def _moment(self, later: float) -> str:
        return (self._clock.now() + timedelta(seconds=later)).isoformat(timespec="milliseconds")
