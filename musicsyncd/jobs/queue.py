"""The queue as rows: each function does one thing to them inside somebody's transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from musicsyncd.errors import BadInput, Permanent
from musicsyncd.jobs.job import Job, JobFilter, JobState, Lane
from musicsyncd.jobs.rows import (
    IDS_SINCE,
    LANES,
    SELECT,
    id_of,
    job_of,
    maybe_micros,
    numbers_of,
    read_job,
    to_micros,
    to_time,
)

DEATHS: Final = 20
"""Tries after which a job is given up that ran when the program died: it may be what kills it."""
_FOR_EVER: Final = 1 << 62


class TakenOver(Permanent):
    """The job is no longer this engine's: another took it over when the lease ran out, or cancelled it."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A request that is to be written down; the fields as in `WorkEngine.enqueue`."""

    kind: str
    args: Mapping[str, Any]
    key: str
    lane: Lane = Lane.BACKLOG
    priority: int = 0
    not_before: datetime | None = None
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class Fence:
    """Which claim of which job speaks: a row answers to its latest claim only."""

    number: int
    owner: str
    claim: int


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """A job that is ours to do."""

    job: Job
    fence: Fence
    kept: dict[str, str]
    """Results of its earlier steps, as JSON."""


@dataclass(frozen=True, kw_only=True)
class Free:
    """The slots to fill."""

    user: int
    """Places that are free at all."""
    backlog: int
    """Those among them that backlog jobs may use."""
    backlog_first: bool = False
    """Whether the backlog has been passed over for long enough."""


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How one try ended."""

    fence: Fence
    state: JobState
    not_before: datetime | None = None
    reason: Mapping[str, Any] | None = None
    result: Mapping[str, Any] | None = None
    uncount: bool = False
    """The try was not the job's own failure and does not count."""


@dataclass(frozen=True, kw_only=True)
class Turn:
    """What one commit changed."""

    kept: list[bool] = field(default_factory=list)
    """For each ending whether it stands; False: the job had been taken over."""
    claimed: list[Claimed] = field(default_factory=list)
    passed_over: bool = False
    """A backlog job is due, and only user jobs were taken."""
    next_due: datetime | None = None


def enqueue(connection: sqlite3.Connection, wanted: Iterable[Wanted], now: datetime) -> list[tuple[Job, bool]]:
    """Each request's job, and whether it is new."""
    (last,) = connection.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'job'").fetchone()
    number = max(int(last), to_micros(now) // 1000 - IDS_SINCE, 0)
    answers = []
    for request in wanted:
        if (job := _promote(connection, request)) is not None:
            answers.append((job, False))
            continue
        number += 1
        answers.append((_insert(connection, number, request, now), True))
    return answers


def _promote(connection: sqlite3.Connection, wanted: Wanted) -> Job | None:
    row = connection.execute(
        f"{SELECT} WHERE kind = ? AND key = ? AND state IN ('waiting', 'running')", (wanted.kind, wanted.key)
    ).fetchone()
    if row is None:
        return None
    job = job_of(row)
    better = (min(LANES[job.lane], LANES[wanted.lane]), min(job.priority, wanted.priority))
    lifted = wanted.lane is Lane.USER and job.not_before is not None
    if lifted or better != (LANES[job.lane], job.priority):
        connection.execute(
            "UPDATE job SET lane = ?, priority = ?, not_before = CASE WHEN ? THEN NULL ELSE not_before END"
            " WHERE number = ?",
            (*better, lifted, row[0]),
        )
        return read_job(connection, row[0])
    return job


def _insert(connection: sqlite3.Connection, number: int, wanted: Wanted, now: datetime) -> Job:
    not_before = wanted.not_before if wanted.not_before and wanted.not_before > now else None
    job = Job(
        id=id_of(number), kind=wanted.kind, key=wanted.key, args=dict(wanted.args), lane=wanted.lane,
        priority=wanted.priority, state=JobState.WAITING, not_before=not_before, parent=wanted.parent,
        created_at=now,
    )  # fmt: skip
    connection.execute(
        "INSERT INTO job (number, kind, key, args, lane, priority, state, not_before, parent, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, 'waiting', ?, ?, ?)",
        (number, job.kind, job.key, json.dumps(job.args), LANES[job.lane], job.priority,
         maybe_micros(not_before), job.parent, to_micros(now)),
    )  # fmt: skip
    return job


def turn(
    connection: sqlite3.Connection,
    endings: Sequence[Ending],
    free: Free,
    owner: str,
    now: datetime,
    lease: timedelta,
    *,
    shared: bool,
) -> Turn:
    """Write down how jobs ended, then claim as many as there are free slots: the two share one commit.

    `shared`: other engines may use the file; their jobs are taken over once their lease has run out.
    """
    kept = [_end(connection, ending, now) for ending in endings]
    if shared:
        put_back(connection, now, owner=owner, expired_only=True)
    connection.execute(
        "UPDATE job SET not_before = NULL WHERE state = 'waiting' AND not_before <= ?", (to_micros(now),)
    )
    claimed = _claim(connection, free, owner, now, now + lease)
    took_backlog = any(one.job.lane is Lane.BACKLOG for one in claimed)
    could = free.backlog > 0 and bool(claimed) and not took_backlog
    passed_over = could and bool(_due(connection, Lane.BACKLOG, 1))
    upcoming = next_due(connection, owner if shared else None)
    return Turn(kept=kept, claimed=claimed, passed_over=passed_over, next_due=upcoming)


def _end(connection: sqlite3.Connection, ending: Ending, now: datetime) -> bool:
    fence = ending.fence
    ended_at = None if ending.state.active else to_micros(now)
    done = connection.execute(
        "UPDATE job SET state = ?, not_before = ?, reason = ?, result = ?, attempts = attempts - ?,"
        " ended_at = ?, owner = NULL, lease_until = NULL"
        " WHERE number = ? AND owner = ? AND claims = ? AND state = 'running'",
        (ending.state, maybe_micros(ending.not_before), _json(ending.reason), _json(ending.result),
         ending.uncount, ended_at, fence.number, fence.owner, fence.claim),
    )  # fmt: skip
    return done.rowcount == 1


def _claim(connection: sqlite3.Connection, free: Free, owner: str, now: datetime, until: datetime) -> list[Claimed]:
    taken: list[int] = []
    if free.backlog_first and free.backlog > 0:
        taken += _due(connection, Lane.BACKLOG, 1)
    backlog = free.backlog - len(taken)
    taken += _due(connection, Lane.USER, free.user - len(taken))
    skip = 1 if free.backlog_first and backlog < free.backlog else 0
    taken += _due(connection, Lane.BACKLOG, min(backlog, free.user - len(taken)), skip=skip)
    taken = _one_of_each_key(connection, taken)
    connection.executemany(
        "UPDATE job SET state = 'running', attempts = attempts + 1, claims = claims + 1, owner = ?,"
        " lease_until = ?, started_at = ? WHERE number = ?",
        [(owner, to_micros(until), to_micros(now), number) for number in taken],
    )
    return [_claimed(connection, number, owner) for number in taken]


def _due(connection: sqlite3.Connection, lane: Lane, limit: int, *, skip: int = 0) -> list[int]:
    if limit <= 0:
        return []
    rows = connection.execute(
        "SELECT number FROM job WHERE state = 'waiting' AND not_before IS NULL AND lane = ?"
        " AND NOT EXISTS (SELECT 1 FROM job AS other WHERE other.state = 'running' AND other.key = job.key)"
        " ORDER BY priority, number LIMIT ? OFFSET ?",
        (LANES[lane], limit, skip),
    )
    return [number for (number,) in rows]


def _one_of_each_key(connection: sqlite3.Connection, numbers: Sequence[int]) -> list[int]:
    """Jobs of different kinds about the same thing run one after the other, in this order."""
    first: dict[str, int] = {}
    for number in numbers:
        (key,) = connection.execute("SELECT key FROM job WHERE number = ?", (number,)).fetchone()
        first.setdefault(key, number)
    return [*first.values()]


def _claimed(connection: sqlite3.Connection, number: int, owner: str) -> Claimed:
    row = connection.execute(f"{SELECT} WHERE number = ?", (number,)).fetchone()
    kept = dict(connection.execute("SELECT name, result FROM job_step WHERE job = ?", (number,)))
    return Claimed(job=job_of(row), fence=Fence(number, owner, row[-1]), kept=kept)


def put_back(connection: sqlite3.Connection, now: datetime, *, owner: str, expired_only: bool) -> int:
    """Running jobs of other owners wait again; those that died too often fail. How many wait."""
    values = (owner, to_micros(now) if expired_only else _FOR_EVER)
    reason = Permanent(
        f"The program died {DEATHS} times while it did this job", fix="Look at the log, then retry the job"
    )
    connection.execute(
        "UPDATE job SET state = 'failed', reason = ?, ended_at = ?, owner = NULL, lease_until = NULL"
        " WHERE attempts >= ? AND state = 'running' AND owner != ? AND lease_until <= ?",
        (_json(reason.as_dict()), to_micros(now), DEATHS, *values),
    )
    return connection.execute(
        "UPDATE job SET state = 'waiting', owner = NULL, lease_until = NULL"
        " WHERE state = 'running' AND owner != ? AND lease_until <= ?",
        values,
    ).rowcount


def next_due(connection: sqlite3.Connection, owner: str | None = None) -> datetime | None:
    """When the next waiting job comes due; with `owner` also when another's first lease runs out."""
    (later,) = connection.execute(
        "SELECT min(not_before) FROM job WHERE state = 'waiting' AND not_before IS NOT NULL"
    ).fetchone()
    moments = [later]
    if owner is not None:
        moments += connection.execute(
            "SELECT min(lease_until) FROM job WHERE state = 'running' AND owner != ?", (owner,)
        ).fetchone()
    return to_time(min((moment for moment in moments if moment is not None), default=None))


def extend(connection: sqlite3.Connection, owner: str, until: datetime) -> set[int]:
    """Renew the leases of everything the owner runs; the numbers of those jobs."""
    connection.execute(
        "UPDATE job SET lease_until = ? WHERE state = 'running' AND owner = ?", (to_micros(until), owner)
    )
    rows = connection.execute("SELECT number FROM job WHERE state = 'running' AND owner = ?", (owner,))
    return {number for (number,) in rows}


def checkpoint(connection: sqlite3.Connection, fence: Fence, name: str, result: str) -> None:
    """Keep a step's result. TakenOver when the job is no longer this claim's."""
    kept = connection.execute(
        "INSERT OR REPLACE INTO job_step (job, name, result) SELECT number, ?, ? FROM job"
        " WHERE number = ? AND owner = ? AND claims = ? AND state = 'running'",
        (name, result, fence.number, fence.owner, fence.claim),
    )
    if kept.rowcount != 1:
        raise TakenOver(
            f"Job {id_of(fence.number)} has been taken over or cancelled",
            why=f"step {name!r} is not recorded",
        )


def cancel(connection: sqlite3.Connection, number: int, *, mine: str, now: datetime) -> tuple[Job, bool]:
    """Cancel a job unless it runs in the engine `mine`, which must end its handler first.

    The job as it is then, and whether this call ended it.
    """
    done = connection.execute(
        "UPDATE job SET state = 'cancelled', not_before = NULL, ended_at = ?, owner = NULL,"
        " lease_until = NULL WHERE number = ? AND (state = 'waiting' OR (state = 'running' AND owner != ?))",
        (to_micros(now), number, mine),
    )
    return read_job(connection, number), done.rowcount == 1


def call_off(connection: sqlite3.Connection, parent: str, *, reason: Mapping[str, Any], now: datetime) -> list[Job]:
    """Cancel the waiting jobs of this parent, with the reason; the jobs as they are then."""
    found = connection.execute("SELECT number FROM job WHERE parent = ? AND state = 'waiting'", (parent,)).fetchall()
    connection.executemany(
        "UPDATE job SET state = 'cancelled', not_before = NULL, reason = ?, ended_at = ? WHERE number = ?",
        [(_json(reason), to_micros(now), number) for (number,) in found],
    )
    return [read_job(connection, number) for (number,) in found]


def retry(connection: sqlite3.Connection, number: int) -> Job:
    """Let an ended or backing-off job wait again, due now, as a user's; BadInput for a job that is done.

    An active job of the same kind and key is promoted instead.
    """
    job = read_job(connection, number)
    if job.state is JobState.DONE:
        raise BadInput(f"Job {job.id} is done; there is nothing to retry", fix="Ask for the track again")
    if (active := _promote(connection, Wanted(kind=job.kind, args=job.args, key=job.key, lane=Lane.USER))) is not None:
        return active
    connection.execute(
        "UPDATE job SET state = 'waiting', lane = 0, attempts = 0, not_before = NULL, ended_at = NULL,"
        " result = NULL WHERE number = ?",
        (number,),
    )
    return read_job(connection, number)


def find(connection: sqlite3.Connection, prefix: str) -> int:
    """The number of the one job whose id begins with this; LookupError when none or several do."""
    numbers = numbers_of(prefix)
    rows = connection.execute(
        "SELECT number FROM job WHERE number >= ? AND number < ? LIMIT 2", (numbers.start, numbers.stop)
    ).fetchall()
    if len(rows) == 1:
        return int(rows[0][0])
    raise LookupError(f"Several jobs begin with {prefix!r}" if rows else f"There is no job {prefix!r}")


def get(connection: sqlite3.Connection, prefix: str) -> Job:
    """The job whose id begins with this; LookupError as `find`."""
    return read_job(connection, find(connection, prefix))


def listed(connection: sqlite3.Connection, where: JobFilter) -> list[Job]:
    """The jobs that the filter names, newest first."""
    conditions, values = ["1"], []
    for column, value in (("kind", where.kind), ("key", where.key), ("parent", where.parent)):
        if value is not None:
            conditions.append(f"{column} = ?")
            values.append(value)
    if where.states is not None:
        # Written out, so that a partial index can be used: those that run are a few of very many.
        conditions.append(f"state IN ({', '.join(repr(one.value) for one in sorted(where.states))})")
    sql = f"{SELECT} WHERE {' AND '.join(conditions)} ORDER BY number DESC LIMIT ?"
    return [job_of(row) for row in connection.execute(sql, (*values, where.limit))]


def counts(connection: sqlite3.Connection, parent: str | None = None) -> dict[str, dict[JobState, int]]:
    """How many jobs of each kind, and of this parent, are in each state; states without a job are left out."""
    answer: dict[str, dict[JobState, int]] = {}
    which, values = ("WHERE parent = ? ", (parent,)) if parent else ("", ())
    query = f"SELECT kind, state, count(*) FROM job {which}GROUP BY kind, state"  # noqa: S608  words of ours
    for kind, state, count in connection.execute(query, values):
        answer.setdefault(kind, {})[JobState(state)] = count
    return answer


def reasons(connection: sqlite3.Connection, parent: str) -> dict[str, int]:
    """How many of this parent's jobs failed for errors of each class."""
    query = """SELECT json_extract(reason, '$.class'), count(*) FROM job
               WHERE parent = ? AND state = 'failed' GROUP BY 1"""
    return {str(name): count for name, count in connection.execute(query, (parent,))}


def forget(connection: sqlite3.Connection, before: datetime, limit: int) -> int:
    """Delete at most `limit` jobs that ended before this moment, with their steps; how many."""
    return connection.execute(
        "DELETE FROM job WHERE number IN (SELECT number FROM job WHERE ended_at < ? LIMIT ?)",
        (to_micros(before), limit),
    ).rowcount


def _json(value: Mapping[str, Any] | None) -> str | None:
    return None if value is None else json.dumps(value)
