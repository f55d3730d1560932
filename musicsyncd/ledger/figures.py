"""How much of the library stands, as counts that are made from indexes alone: whoever asks may ask often."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from musicsyncd.database import Database
from musicsyncd.ledger import rows

LEFT_OUT: Final = "duplicate_of IS NOT NULL OR aside IS NOT NULL"


@dataclass(frozen=True, kw_only=True)
class Figures:
    """The library in numbers, at one moment."""

    wanted: int
    """Tracks but for duplicates and those that are left alone."""
    standing: int
    """Of these: they stand wherever they must."""
    tempo: int
    """Of these: a tempo was heard."""
    key: int
    """Of these: a key was heard."""
    fingerprint: int
    """Of these: they can be found by their sound."""
    evidence: Mapping[str, int]
    """What was read back from each target: files of a volume, rows of a catalog."""
    parked: Mapping[str, int]
    """Tracks that wait for each target."""
    unsure: Mapping[str, int]
    """Rows, by catalog, that were sent and of which nobody knows yet whether they were taken."""
    rows: Mapping[str, int]
    """Rows of each mirrored catalog, as it was last read."""


class Census:
    """Counts, and remembers what it counted until anything is written."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._counted: tuple[tuple[int, int], Figures] | None = None

    async def figures(self) -> Figures:
        """As it is now."""
        return await self._database.read(self._figures)

    def _figures(self, conn: sqlite3.Connection) -> Figures:
        """In one thread, always the same: that of the connection."""
        state = int(conn.execute("PRAGMA data_version").fetchone()[0]), conn.total_changes
        if self._counted is None or self._counted[0] != state:
            self._counted = state, _figures(conn)
        return self._counted[1]


def _figures(conn: sqlite3.Connection) -> Figures:
    def one(query: str) -> int:
        return int(conn.execute(query).fetchone()[0])

    def pairs(query: str) -> dict[str, int]:
        return dict(conn.execute(query).fetchall())

    left_out = one(f"SELECT count(*) FROM track WHERE {LEFT_OUT}")  # noqa: S608  words of ours
    return Figures(
        wanted=one("SELECT count(*) FROM track") - left_out,
        standing=rows.standing(conn),
        tempo=_heard(conn, "tempo"),
        key=_heard(conn, "tonal"),
        fingerprint=_heard(conn, "length(octets) > 0"),
        evidence=pairs("SELECT target, pieces FROM evidence_count WHERE pieces > 0"),
        parked=pairs("SELECT target, count(*) FROM parked GROUP BY target"),
        unsure=pairs("SELECT catalog, count(*) FROM intent GROUP BY catalog"),
        rows=pairs(
            """SELECT catalog, (SELECT count(*) FROM mirror WHERE mirror.catalog = one.catalog AND trashed = 0)
               FROM mirror_state AS one"""
        ),
    )


def _heard(conn: sqlite3.Connection, what: str) -> int:
    """Wanted tracks in which that was heard; `what` is the condition of an index of `sound`."""
    copies = f"SELECT count(*) FROM track JOIN sound ON sound.track = id WHERE ({LEFT_OUT}) AND {what}"  # noqa: S608
    query = f"SELECT (SELECT count(*) FROM sound WHERE {what}) - ({copies})"  # noqa: S608  words of ours
    return int(conn.execute(query).fetchone()[0])
