"""The journal: what was changed outside, by which job, and what stood there before."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Change:
    """One change to the outside world, for the journal."""

    operation: str
    """The job that makes it."""
    target: str
    what: str
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None


def write(conn: sqlite3.Connection, track_id: str | None, change: Change, moment: str) -> None:
    """Append the change, of a track or of none."""
    conn.execute(
        "INSERT INTO journal (at, operation, track, target, what, before, after) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (moment, change.operation, track_id, change.target, change.what, _text(change.before), _text(change.after)),
    )


def recycling_known(conn: sqlite3.Connection, track_id: str, target: str, recycled: str) -> bool:
    """Whether this recycled file of the track is named."""
    query = "SELECT 1 FROM journal WHERE track = ? AND target = ? AND json_extract(before, '$.recycled') = ? LIMIT 1"
    return conn.execute(query, (track_id, target, recycled)).fetchone() is not None


def undone(conn: sqlite3.Connection, operation: str) -> set[int]:
    """Sequence numbers of the operation's entries that were taken back."""
    query = """SELECT json_extract(after, '$.undoes.sequence') FROM journal
               WHERE what = 'restored' AND json_extract(after, '$.undoes.operation') = ?"""
    return {row[0] for row in conn.execute(query, (operation,))}


def operations(conn: sqlite3.Connection, kinds: Sequence[str], limit: int) -> list[dict[str, Any]]:
    """Operations that made changes of these kinds, the newest first."""
    query = """
        SELECT operation, max(at), json_group_object(what, count) FROM (
            SELECT operation, what, max(at) AS at, max(sequence) AS last, count(*) AS count FROM journal
            WHERE what IN (SELECT value FROM json_each(?)) GROUP BY operation, what
        ) GROUP BY operation ORDER BY max(last) DESC LIMIT ?
    """
    found = conn.execute(query, (json.dumps([*kinds]), limit)).fetchall()
    return [{"operation": row[0], "at": row[1], "counts": json.loads(row[2])} for row in found]


def entries(conn: sqlite3.Connection, operation: str | None, track_id: str | None = None) -> list[dict[str, Any]]:
    """Journal entries, oldest first."""
    given = {name: value for name, value in (("operation", operation), ("track", track_id)) if value is not None}
    where = " AND ".join(f"{name} = :{name}" for name in given) or "1"  # no OR: it would read the whole journal
    query = f"""SELECT sequence, at, operation, track, target, what, before, after FROM journal
                WHERE {where} ORDER BY sequence"""  # noqa: S608  names of ours
    found = conn.execute(query, given).fetchall()
    names = ("sequence", "at", "operation", "track", "target", "what")
    return [dict(zip(names, row, strict=False)) | {"before": _value(row[6]), "after": _value(row[7])} for row in found]


def _text(value: Mapping[str, Any] | None) -> str | None:
    return None if value is None else json.dumps(dict(value))


def _value(text: str | None) -> dict[str, Any] | None:
    return None if text is None else dict(json.loads(text))
