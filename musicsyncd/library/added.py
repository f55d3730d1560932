"""Volumes that a person added by command, in the database: known at every start, without a word in the settings."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from musicsyncd.clock import Clock
from musicsyncd.database import Database

MIGRATIONS: Final = (
    """
    CREATE TABLE library_added (        -- volumes that the settings do not name
        name TEXT PRIMARY KEY,
        path TEXT NOT NULL,             -- where it was when it was added
        added_at TEXT NOT NULL          -- ISO 8601 in UTC
    ) WITHOUT ROWID;
    """,
)


class AddedVolumes:
    """Names and paths of them."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    async def all(self) -> dict[str, Path]:
        """Path by name, the oldest first."""
        query = "SELECT name, path FROM library_added ORDER BY added_at, name"
        return await self._database.read(lambda conn: {row[0]: Path(row[1]) for row in conn.execute(query)})

    async def remember(self, name: str, path: Path) -> None:
        """Keep it, or its new path."""
        query = """INSERT INTO library_added VALUES (?, ?, ?)
                   ON CONFLICT (name) DO UPDATE SET path = excluded.path"""
        values = (name, str(path), self._clock.now().isoformat(timespec="milliseconds"))
        await self._database.write(lambda conn: conn.execute(query, values) and None)

    async def forget(self, name: str) -> bool:
        """Keep it no longer; whether it was kept."""
        query = "DELETE FROM library_added WHERE name = ?"
        return await self._database.write(lambda conn: conn.execute(query, (name,)).rowcount > 0)
