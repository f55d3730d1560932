"""The queue in numbers: how full it is, how long the oldest waits, how fast it goes, and how the last passes went."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from musicsyncd.database import Database
from musicsyncd.jobs.job import JobState
from musicsyncd.jobs.rows import id_of, to_micros, to_time

HOUR: Final = timedelta(hours=1)
UNDECIDED: Final = ("Undecided", "Withheld")
"""Classes of what is out of order nowhere: it is counted by itself."""


@dataclass(frozen=True, kw_only=True)
class QueueFigures:
    """The queue at one moment."""

    waiting: int
    """Jobs of every kind that wait, those that back off too."""
    backing_off: int
    """Of these: they wait for their time."""
    running: int
    oldest_at: datetime | None
    """When the oldest waiting job was asked for."""
    ended: int
    """Jobs of all kinds but `but` that ended within the last hour."""
    failed: int
    """Of these: they failed."""


@dataclass(frozen=True, kw_only=True)
class Pass:
    """A request that ended, without its tracks."""

    job: str
    args: Mapping[str, Any]
    state: JobState
    ended_at: datetime
    reason: Mapping[str, Any] | None = None
    rungs: tuple[Mapping[str, Any], ...] = field(default=())
    """What came of each source that it asked."""


@dataclass(frozen=True, kw_only=True)
class Stuck:
    """What keeps some keys' newest jobs from their end, for one reason."""

    reason: Mapping[str, Any]
    """Of the newest of them."""
    count: int


async def stuck(database: Database, kind: str, *, often: int, most: int) -> list[Stuck]:
    """What only a person can mend, or what `often` tries did not: of each key as its newest ended job has it, grouped
    by class and what is to be done, the `most` that stop the most. What a person only has to decide is left out.
    """
    return await database.read(partial(_stuck, values={"kind": kind, "often": often, "most": most}))


async def lately(database: Database, kind: str, *, last: int) -> tuple[int, int]:
    """Of the last jobs of this kind that ended: how many failed, and how many there are. Those that only wait for a
    person's word count for nothing.
    """
    return await database.read(partial(_lately, kind=kind, last=last))


async def newest_number(database: Database, kinds: Sequence[str], path: str) -> tuple[str, int]:
    """Of the newest job of these kinds that was done, its id and the number at `path` in its result, read where it
    lies; no id where none was.
    """
    return await database.read(partial(_newest_number, kinds=kinds, path=path))


async def queue_figures(database: Database, now: datetime, *, but: str) -> QueueFigures:
    """Count; `but` is the kind that is no work of its own: requests."""
    return await database.read(partial(_figures, since=to_micros(now - HOUR), but=but))


async def passes(database: Database, kind: str, *, limit: int, scopes: Sequence[str] = ()) -> list[Pass]:
    """The last jobs of this kind that ended and were not cancelled, the newest first; and of each of these scopes that
    is not among them the last one, however long ago, dry runs left out.
    """
    return await database.read(partial(_passes, kind=kind, limit=limit, scopes=scopes))


def _stuck(conn: sqlite3.Connection, values: Mapping[str, Any]) -> list[Stuck]:
    query = """WITH stuck AS (
        SELECT number, key, attempts, reason, json_extract(reason, '$.class') AS class FROM job
        WHERE kind = :kind AND state = 'failed'
        UNION ALL
        SELECT number, key, attempts, reason, json_extract(reason, '$.class') FROM job
        WHERE kind = :kind AND state = 'waiting' AND not_before IS NOT NULL AND attempts >= :often
      )
      SELECT reason, count(*), max(number) FROM stuck
      WHERE (class IN ('Denied', 'NeedsPerson') OR (class = 'Temporary' AND attempts >= :often)) AND NOT EXISTS (
        SELECT 1 FROM job AS later WHERE later.kind = :kind AND later.key = stuck.key AND later.number > stuck.number
        AND later.state IN ('done', 'partial', 'failed'))
      GROUP BY class, coalesce(nullif(json_extract(reason, '$.fix'), ''), json_extract(reason, '$.why'))
      ORDER BY count(*) DESC, class LIMIT :most"""
    return [Stuck(reason=json.loads(reason), count=count) for reason, count, _ in conn.execute(query, values)]


def _lately(conn: sqlite3.Connection, kind: str, last: int) -> tuple[int, int]:
    one = """SELECT * FROM (SELECT number, state, json_extract(reason, '$.class') AS class FROM job
             WHERE kind = ? AND state = ? ORDER BY number DESC LIMIT ?)"""
    ends = ("done", "partial", "failed")
    found = [row for state in ends for row in conn.execute(one, (kind, state, last))]
    judged = [row for row in sorted(found, reverse=True)[:last] if row[2] not in UNDECIDED]
    return sum(row[1] == JobState.FAILED for row in judged), len(judged)


def _newest_number(conn: sqlite3.Connection, kinds: Sequence[str], path: str) -> tuple[str, int]:
    one = "SELECT max(number) FROM job WHERE kind = ? AND state = ?"
    every = [conn.execute(one, (kind, state)).fetchone()[0] for kind in kinds for state in ("done", "partial")]
    number = max(filter(None, every), default=None)
    if number is None:
        return "", 0
    (value,) = conn.execute("SELECT json_extract(result, ?) FROM job WHERE number = ?", (path, number)).fetchone()
    return id_of(number), int(value or 0)


def _figures(conn: sqlite3.Connection, since: int, but: str) -> QueueFigures:
    found = conn.execute("SELECT kind, state, count(*) FROM job GROUP BY kind, state").fetchall()
    first = "SELECT min(number) FROM job WHERE kind = ? AND state = 'waiting'"
    kinds = [row[0] for row in found if row[1] == JobState.WAITING]
    oldest = min((conn.execute(first, (kind,)).fetchone()[0] for kind in kinds), default=None)
    asked = conn.execute("SELECT created_at FROM job WHERE number = ?", (oldest,)).fetchone()
    later = "SELECT count(*) FROM job WHERE state = 'waiting' AND not_before IS NOT NULL"
    # By `job_kind`, which a planner may prefer, all that ever ended would be looked at.
    lately = """SELECT count(*), coalesce(sum(state = 'failed'), 0) FROM job INDEXED BY job_ended
                WHERE ended_at > ? AND kind <> ? AND state <> 'cancelled'"""
    ended, failed = conn.execute(lately, (since, but)).fetchone()
    return QueueFigures(
        waiting=sum(row[2] for row in found if row[1] == JobState.WAITING),
        backing_off=int(conn.execute(later).fetchone()[0]),
        running=sum(row[2] for row in found if row[1] == JobState.RUNNING),
        oldest_at=to_time(asked[0]) if asked else None,
        ended=ended,
        failed=failed,
    )


def _passes(conn: sqlite3.Connection, kind: str, limit: int, scopes: Sequence[str]) -> list[Pass]:
    found = _ended(conn, "", (kind,), limit)
    there = {one.args.get("scope") for one in found if not one.args.get("dry_run")}
    of_scope = """AND key >= ? AND key < ? AND json_extract(args, '$.scope') = ?
                  AND coalesce(json_extract(args, '$.dry_run'), 0) = 0"""
    for scope in scopes:
        if scope not in there:  # by its key, which begins with the scope
            found += _ended(conn, of_scope, (kind, scope, f"{scope}~", scope), 1)
    return found


def _ended(conn: sqlite3.Connection, further: str, values: Sequence[Any], limit: int) -> list[Pass]:
    """What was decided for each track, which may be much, stays where it is."""
    query = f"""SELECT number, args, state, ended_at, reason, json_extract(result, '$.rungs') FROM job
                WHERE kind = ? AND state IN ('done', 'partial', 'failed') {further}
                ORDER BY number DESC LIMIT ?"""  # noqa: S608  the words are ours
    return [
        Pass(
            job=id_of(number),
            args=json.loads(args),
            state=JobState(state),
            ended_at=ended,
            reason=json.loads(reason or "null"),
            rungs=tuple(json.loads(rungs or "[]")),
        )
        for number, args, state, micros, reason, rungs in conn.execute(query, (*values, limit))
        if (ended := to_time(micros))
    ]
