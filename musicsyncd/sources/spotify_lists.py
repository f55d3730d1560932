"""What is remembered of each list at Spotify between two looks: its lines, and which of them somebody has taken.

A line counts as taken once the asker knew it at a later look: what was listed for nobody's use is offered again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from musicsyncd.database import Database

MIGRATIONS: Final = (
    """
    CREATE TABLE spotify_list (
        account TEXT NOT NULL,              -- whose
        list TEXT NOT NULL,                 -- saved, recent, playlist:ID
        snapshot TEXT NOT NULL DEFAULT '',  -- snapshot_id when a playlist was last read to its end
        whole_at TEXT,                      -- when it was last read to its end
        gap INTEGER NOT NULL DEFAULT 0,     -- lines that were no tracks then: Spotify counts them, we do not
        cursor INTEGER,                     -- recent: plays up to then (ms since 1970) are taken
        PRIMARY KEY (account, list)
    ) WITHOUT ROWID;
    CREATE TABLE spotify_line (
        account TEXT NOT NULL,
        list TEXT NOT NULL,
        track TEXT NOT NULL,                -- track:ID
        added_at TEXT NOT NULL,
        taken INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (account, list, track)
    ) WITHOUT ROWID;
    CREATE INDEX spotify_line_waiting ON spotify_line(account, list) WHERE NOT taken;
    """,
)


@dataclass(frozen=True, kw_only=True)
class Remembered:
    """What is known of one list."""

    snapshot: str = ""
    whole_at: datetime | None = None
    gap: int = 0
    cursor: int | None = None
    lines: int = 0
    waiting: frozenset[str] = frozenset()
    """Ids that were listed, and of which nobody has told yet that they are taken."""


class Lists:
    """The tables, for one account's lists."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, account: str, name: str) -> Remembered:
        """What is known of a list; nothing when it was never read."""
        return await self._database.read(partial(_remembered, account=account, name=name))

    async def taken(self, account: str, name: str, ids: Collection[str]) -> None:
        """Somebody knows these."""
        await self._database.write(partial(_take, account=account, name=name, ids=list(ids)))

    async def known(self, account: str, name: str, lines: Mapping[str, str]) -> frozenset[str]:
        """Which of these (id → added_at) stand in the list just so, and are taken."""
        return await self._database.read(partial(_known, account=account, name=name, lines=lines))

    async def add(self, account: str, name: str, lines: Mapping[str, str], *, stale: bool = False) -> None:
        """These (id → added_at) are in the list; `stale`: and it wants to be read to its end again."""
        await self._database.write(partial(_add, account=account, name=name, lines=lines, stale=stale))

    async def replace(
        self, account: str, name: str, lines: Mapping[str, str], *, total: int, at: datetime, snapshot: str = ""
    ) -> int:
        """These are all that the list holds, of `total` lines; how many others were there before."""
        return await self._database.write(
            partial(_replace, account=account, name=name, lines=lines, total=total, at=at, snapshot=snapshot)
        )

    async def latest(self, account: str, name: str) -> str:
        """When the newest line was added; empty when there is none."""
        return await self._database.read(partial(_latest, account=account, name=name))

    async def advance(self, account: str, name: str, cursor: int) -> None:
        """Forget the lines: they are taken up to this moment (ms since 1970)."""
        await self._database.write(partial(_advance, account=account, name=name, cursor=cursor))


def _remembered(conn: sqlite3.Connection, account: str, name: str) -> Remembered:
    key = (account, name)
    query = "SELECT snapshot, whole_at, gap, cursor FROM spotify_list WHERE account = ? AND list = ?"
    row = conn.execute(query, key).fetchone() or ("", None, 0, None)
    (lines,) = conn.execute("SELECT count(*) FROM spotify_line WHERE account = ? AND list = ?", key).fetchone()
    waiting = conn.execute("SELECT track FROM spotify_line WHERE account = ? AND list = ? AND NOT taken", key)
    return Remembered(
        snapshot=row[0],
        whole_at=datetime.fromisoformat(row[1]) if row[1] else None,
        gap=row[2],
        cursor=row[3],
        lines=lines,
        waiting=frozenset(id_ for (id_,) in waiting),
    )


def _take(conn: sqlite3.Connection, account: str, name: str, ids: Sequence[str]) -> None:
    query = "UPDATE spotify_line SET taken = 1 WHERE account = ? AND list = ? AND track = ?"
    conn.executemany(query, [(account, name, id_) for id_ in ids])


def _known(conn: sqlite3.Connection, account: str, name: str, lines: Mapping[str, str]) -> frozenset[str]:
    query = "SELECT added_at FROM spotify_line WHERE account = ? AND list = ? AND track = ? AND taken"
    found = {id_: conn.execute(query, (account, name, id_)).fetchone() for id_ in lines}
    return frozenset(id_ for id_, row in found.items() if row and row[0] == lines[id_])


def _add(conn: sqlite3.Connection, account: str, name: str, lines: Mapping[str, str], stale: bool = False) -> None:
    query = (
        "INSERT INTO spotify_line (account, list, track, added_at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET added_at = excluded.added_at"
    )
    conn.executemany(query, [(account, name, id_, added_at) for id_, added_at in lines.items()])
    if stale:
        conn.execute("UPDATE spotify_list SET whole_at = NULL WHERE account = ? AND list = ?", (account, name))


def _replace(
    conn: sqlite3.Connection,
    account: str,
    name: str,
    lines: Mapping[str, str],
    total: int,
    at: datetime,
    snapshot: str,
) -> int:
    query = "SELECT track FROM spotify_line WHERE account = ? AND list = ?"
    gone = {id_ for (id_,) in conn.execute(query, (account, name))} - lines.keys()
    delete = "DELETE FROM spotify_line WHERE account = ? AND list = ? AND track = ?"
    conn.executemany(delete, [(account, name, id_) for id_ in gone])
    _add(conn, account, name, lines)
    insert = "INSERT OR REPLACE INTO spotify_list (account, list, snapshot, whole_at, gap) VALUES (?, ?, ?, ?, ?)"
    conn.execute(insert, (account, name, snapshot, at.isoformat(), total - len(lines)))
    return len(gone)


def _latest(conn: sqlite3.Connection, account: str, name: str) -> str:
    query = "SELECT max(added_at) FROM spotify_line WHERE account = ? AND list = ?"
    (latest,) = conn.execute(query, (account, name)).fetchone()
    return latest or ""


def _advance(conn: sqlite3.Connection, account: str, name: str, cursor: int) -> None:
    conn.execute("DELETE FROM spotify_line WHERE account = ? AND list = ?", (account, name))
    conn.execute(
        "INSERT OR REPLACE INTO spotify_list (account, list, cursor) VALUES (?, ?, ?)", (account, name, cursor)
    )
