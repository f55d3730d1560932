"""Copies: tracks that are left out, because another one is the same recording and is kept for both."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any, Final

RELEASED: Final = "released"
"""In the journal: a copy is wanted for itself again, because what was kept in its place is left out too."""


def may_be_left_out(conn: sqlite3.Connection, track_id: str, of: str) -> bool:
    """Whether a copy leads to what is kept, in one step and to one track only."""
    query = "SELECT id, duplicate_of FROM track WHERE id IN (?, ?)"
    marks = dict(conn.execute(query, (track_id, of)).fetchall())
    query = """SELECT failure IS NULL OR EXISTS
               (SELECT 1 FROM evidence WHERE track = ?1 AND target LIKE 'volume:%') FROM track WHERE id = ?1"""
    kept = bool(conn.execute(query, (of,)).fetchone()[0])
    return kept and track_id != of and marks[of] is None and marks[track_id] in (None, of)


def mark(conn: sqlite3.Connection, track_id: str, of: str, verdict: Mapping[str, Any], moment: str) -> None:
    """Left out for the other's sake; nothing of it waits or has failed any more."""
    values = (of, json.dumps(dict(verdict)), moment, track_id)
    conn.execute("UPDATE track SET duplicate_of = ?, verdict = ?, failure = NULL, updated_at = ? WHERE id = ?", values)
    conn.execute("DELETE FROM parked WHERE track = ?", (track_id,))


def release(conn: sqlite3.Connection, track_id: str, moment: str) -> list[str]:
    """The copies of this track, wanted for themselves; that they stood once says nothing of now."""
    query = "SELECT id FROM track WHERE duplicate_of = ? ORDER BY created_at, rowid"
    copies = [row[0] for row in conn.execute(query, (track_id,))]
    query = "UPDATE track SET duplicate_of = NULL, verdict = NULL, settled_at = NULL, updated_at = ? WHERE id = ?"
    conn.executemany(query, [(moment, copy) for copy in copies])
    return copies
