"""The queue's tables, and how a row becomes a job: ids, times, JSON."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from musicsyncd.jobs.job import Job, JobState, Lane

SCHEMA: Final = (
    """
    CREATE TABLE job (
      number INTEGER PRIMARY KEY AUTOINCREMENT,
      kind TEXT NOT NULL,
      key TEXT NOT NULL,
      args TEXT NOT NULL,
      lane INTEGER NOT NULL,
      priority INTEGER NOT NULL,
      state TEXT NOT NULL,
      attempts INTEGER NOT NULL DEFAULT 0,
      claims INTEGER NOT NULL DEFAULT 0,
      not_before INTEGER,
      reason TEXT,
      result TEXT,
      parent TEXT,
      owner TEXT,
      lease_until INTEGER,
      created_at INTEGER NOT NULL,
      started_at INTEGER,
      ended_at INTEGER
    );
    CREATE UNIQUE INDEX job_active ON job (kind, key) WHERE state IN ('waiting', 'running');
    CREATE INDEX job_due ON job (lane, priority, number) WHERE state = 'waiting' AND not_before IS NULL;
    CREATE INDEX job_later ON job (not_before) WHERE state = 'waiting' AND not_before IS NOT NULL;
    CREATE INDEX job_running ON job (lease_until) WHERE state = 'running';
    CREATE INDEX job_ended ON job (ended_at) WHERE ended_at IS NOT NULL;
    CREATE INDEX job_parent ON job (parent) WHERE parent IS NOT NULL;
    CREATE TABLE job_step (
      job INTEGER NOT NULL REFERENCES job (number) ON DELETE CASCADE,
      name TEXT NOT NULL,
      result TEXT NOT NULL,
      PRIMARY KEY (job, name)
    ) WITHOUT ROWID;
    """,
    "CREATE INDEX job_kind ON job (kind, state);",
    "CREATE INDEX job_key ON job (kind, key);",
)
"""Times are microseconds since 1970 in UTC; `claims` only ever grows, and is what a fence compares."""
LANES: Final = {Lane.USER: 0, Lane.BACKLOG: 1}
_LANE_AT: Final = {number: lane for lane, number in LANES.items()}
_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's: no i, l, o or u, which people misread."""
_VALUE: Final = {letter: value for value, letter in enumerate(_ALPHABET)} | {"o": 0, "i": 1, "l": 1}
_DIGITS: Final = 8
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
IDS_SINCE: Final = int((datetime(2025, 1, 1, tzinfo=UTC) - _EPOCH).total_seconds() * 1000)


_COLUMNS: Final = (
    "number, kind, key, args, lane, priority, state, attempts, not_before, reason, result, parent,"
    " created_at, started_at, ended_at, claims"
)
SELECT: Final = f"SELECT {_COLUMNS} FROM job"  # noqa: S608


def id_of(number: int) -> str:
    """A job's number as people see it: eight letters and digits, sorted as the numbers are."""
    return "".join(_ALPHABET[number >> 5 * place & 31] for place in reversed(range(_DIGITS)))


def numbers_of(prefix: str) -> range:
    """The numbers whose ids begin with this; empty when no id could."""
    values = [_VALUE.get(letter, -1) for letter in prefix.strip().lower()]
    if not values or len(values) > _DIGITS or -1 in values:
        return range(0)
    rest = 5 * (_DIGITS - len(values))
    first = 0
    for value in values:
        first = first << 5 | value
    return range(first << rest, (first + 1) << rest)


def to_micros(moment: datetime) -> int:
    """Microseconds since 1970, exactly: a float would lose the last digit."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def maybe_micros(moment: datetime | None) -> int | None:
    return None if moment is None else to_micros(moment)


def to_time(micros: int | None) -> datetime | None:
    return None if micros is None else _EPOCH + timedelta(microseconds=micros)


def read_job(connection: sqlite3.Connection, number: int) -> Job:
    """The job of this number, which must be there."""
    return job_of(connection.execute(f"{SELECT} WHERE number = ?", (number,)).fetchone())


def job_of(row: Sequence[Any]) -> Job:
    """The job in a row that begins as SELECT has it."""
    (number, kind, key, args, lane, priority, state, attempts, not_before, reason, result, parent,
     created, started, ended, _) = row  # fmt: skip
    return Job(
        id=id_of(number), kind=kind, key=key, args=json.loads(args), lane=_LANE_AT[lane], priority=priority,
        state=JobState(state), attempts=attempts, not_before=to_time(not_before),
        reason=json.loads(reason or "null"), result=json.loads(result or "null"), parent=parent,
        created_at=_EPOCH + timedelta(microseconds=created), started_at=to_time(started),
        ended_at=to_time(ended),
    )  # fmt: skip
