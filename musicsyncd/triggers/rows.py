"""What the triggers remember over restarts, as rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

MIGRATIONS: Final = (
    """
    CREATE TABLE clock_job (
        name TEXT PRIMARY KEY,
        rhythm TEXT NOT NULL,           -- the one that last_due is a time of
        last_due TEXT NOT NULL,         -- ISO 8601 in UTC: everything up to here is seen to
        last_dropped TEXT               -- when a request was last put on the queue
    ) WITHOUT ROWID;
    CREATE TABLE clock_pause (
        name TEXT PRIMARY KEY,          -- `all`, a job of the clock or a source
        since TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE watched_place (
        name TEXT PRIMARY KEY,          -- `inbox:PATH`, `plans:PATH`
        met_at TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE watched_file (
        place TEXT NOT NULL,
        path TEXT NOT NULL,
        size INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL,
        changed_at TEXT,                -- NULL: as it was when the place was met
        PRIMARY KEY (place, path)
    ) WITHOUT ROWID;
    """,
)


@dataclass(frozen=True, kw_only=True)
class Served:
    """How far a job of the clock is seen to."""

    rhythm: str
    last_due: datetime
    last_dropped: datetime | None = None


@dataclass(frozen=True)
class Stamp:
    """A file as it was when looked at."""

    size: int
    mtime_ns: int


def served(conn: sqlite3.Connection) -> dict[str, Served]:
    """Every job that was ever met, by name."""
    rows = conn.execute("SELECT name, rhythm, last_due, last_dropped FROM clock_job")
    return {
        name: Served(
            rhythm=rhythm,
            last_due=datetime.fromisoformat(due),
            last_dropped=datetime.fromisoformat(dropped) if dropped else None,
        )
        for name, rhythm, due, dropped in rows
    }


def keep_served(conn: sqlite3.Connection, name: str, one: Served) -> None:
    """Write down how far a job is seen to."""
    dropped = one.last_dropped.isoformat() if one.last_dropped else None
    conn.execute(
        "INSERT OR REPLACE INTO clock_job VALUES (?, ?, ?, ?)", (name, one.rhythm, one.last_due.isoformat(), dropped)
    )


def paused(conn: sqlite3.Connection) -> dict[str, str]:
    """Since when, by name."""
    return dict(conn.execute("SELECT name, since FROM clock_pause ORDER BY since, name").fetchall())


def pause(conn: sqlite3.Connection, name: str, since: str) -> None:
    """Write a pause down; one that holds keeps its beginning."""
    conn.execute("INSERT OR IGNORE INTO clock_pause VALUES (?, ?)", (name, since))


def resume(conn: sqlite3.Connection, names: Iterable[str]) -> None:
    """Forget pauses."""
    conn.executemany("DELETE FROM clock_pause WHERE name = ?", [(name,) for name in names])


def met(conn: sqlite3.Connection, place: str) -> bool:
    """Whether a place was looked into before."""
    return conn.execute("SELECT 1 FROM watched_place WHERE name = ?", (place,)).fetchone() is not None


def files(conn: sqlite3.Connection, place: str) -> dict[str, Stamp]:
    """The files of a place as they were last seen to, by path."""
    rows = conn.execute("SELECT path, size, mtime_ns FROM watched_file WHERE place = ?", (place,))
    return {path: Stamp(size, mtime_ns) for path, size, mtime_ns in rows}


def keep_files(
    conn: sqlite3.Connection, place: str, new: Mapping[str, Stamp], gone: Iterable[str], at: str, changed: str | None
) -> None:
    """Write down what changed in a place; `changed` is None when it is met for the first time."""
    conn.execute("INSERT OR IGNORE INTO watched_place VALUES (?, ?)", (place, at))
    conn.executemany("DELETE FROM watched_file WHERE place = ? AND path = ?", [(place, path) for path in gone])
    conn.executemany(
        "INSERT OR REPLACE INTO watched_file VALUES (?, ?, ?, ?, ?)",
        [(place, path, stamp.size, stamp.mtime_ns, changed) for path, stamp in new.items()],
    )


def changed_files(conn: sqlite3.Connection, place: str) -> list[str]:
    """Paths that changed since the place was met, the latest first."""
    query = "SELECT path FROM watched_file WHERE place = ? AND changed_at IS NOT NULL ORDER BY changed_at DESC, path"
    return [path for (path,) in conn.execute(query, (place,))]
