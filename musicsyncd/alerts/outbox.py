"""What is wrong and what is still to be told, written down: an alert leaves the table when its channel has told it."""

from __future__ import annotations

import hashlib
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from musicsyncd.alerts.base import Alert, Finding, Kind, Severity
from musicsyncd.alerts.telling import Fault, Known, Pending, Rules, Told, Trouble, after_look
from musicsyncd.clock import Clock
from musicsyncd.database import Database

MIGRATIONS: Final = (
    """
    CREATE TABLE alert_finding (        -- what is wrong, and for a while what was
        key TEXT PRIMARY KEY,
        severity INTEGER NOT NULL,
        what TEXT NOT NULL,
        why TEXT NOT NULL,
        fix TEXT NOT NULL,
        subject TEXT NOT NULL,
        grace REAL NOT NULL,            -- seconds that it must last before it is told
        repeats INTEGER NOT NULL,
        first_seen TEXT NOT NULL,       -- moments are ISO 8601 in UTC
        last_seen TEXT NOT NULL,
        count INTEGER NOT NULL,         -- looks at which it was found
        missing_since TEXT,             -- the first of a row of looks that did not find it
        closed_at TEXT,
        flaps INTEGER NOT NULL          -- how often in a row it came back within a day
    ) WITHOUT ROWID;
    CREATE TABLE alert_told (           -- what each channel last told of it
        finding TEXT NOT NULL REFERENCES alert_finding(key),
        channel TEXT NOT NULL,
        kind TEXT NOT NULL,
        severity INTEGER NOT NULL,
        at TEXT NOT NULL,
        reference TEXT NOT NULL,        -- the channel's own: a page's id
        PRIMARY KEY (finding, channel)
    ) WITHOUT ROWID;
    CREATE TABLE alert_due (            -- what each channel is still to tell of it
        finding TEXT NOT NULL REFERENCES alert_finding(key),
        channel TEXT NOT NULL,
        kind TEXT NOT NULL,
        asked_at TEXT NOT NULL,
        due TEXT NOT NULL,
        tries INTEGER NOT NULL,         -- begun so far
        error TEXT NOT NULL,            -- why the last one came to nothing
        fault TEXT NOT NULL,            -- whose fault that was: passing, channel, alert
        PRIMARY KEY (finding, channel)
    ) WITHOUT ROWID;
    CREATE INDEX alert_due_channel ON alert_due(channel, due);
    """,
)


class Outbox:
    """The three tables."""

    def __init__(self, database: Database, clock: Clock, channels: Sequence[str], rules: Rules) -> None:
        """`channels` are the names of all that there are."""
        self._database, self._clock = database, clock
        self.channels, self.rules = tuple(channels), rules

    async def observe(self, found: Sequence[Finding]) -> dict[str, Known]:
        """Take in a complete look: `found` is everything that is wrong now. What is known then, in one commit."""
        now = self._clock.now()

        def write(conn: sqlite3.Connection) -> dict[str, Known]:
            before = _known(conn)
            after = after_look(before, found, self.channels, self.rules, now)
            _forget(conn, before.keys() - after.keys())
            for key, one in after.items():
                if one != before.get(key):
                    _keep(conn, one)
            return after

        return await self._database.write(write)

    async def known(self) -> dict[str, Known]:
        """Everything that is or was wrong, by key."""
        return await self._database.read(_known)

    async def next_due(self, channel: str) -> datetime | None:
        """When this channel is to tell something; None when there is nothing to tell."""
        query = "SELECT min(due) FROM alert_due WHERE channel = ?"
        (due,) = await self._database.read(lambda conn: conn.execute(query, (channel,)).fetchone())
        return datetime.fromisoformat(due) if due else None

    async def begin(self, channel: str) -> Alert | None:
        """What this channel is to tell first, its try written down; None when nothing is due."""
        now = _moment(self._clock.now())

        def write(conn: sqlite3.Connection) -> Alert | None:
            query = (
                "SELECT finding FROM alert_due JOIN alert_finding ON key = finding WHERE channel = ? AND due <= ? "
                "ORDER BY severity DESC, asked_at, finding LIMIT 1"
            )
            if not (row := conn.execute(query, (channel, now)).fetchone()):
                return None
            update = "UPDATE alert_due SET tries = tries + 1 WHERE finding = ? AND channel = ?"
            conn.execute(update, (row[0], channel))
            return _alert(_known(conn, row[0])[row[0]], channel)

        return await self._database.write(write)

    async def delivered(self, channel: str, alert: Alert, reference: str) -> None:
        """The channel has told it; what became due meanwhile stays due, and what waited for its time is due now."""
        key, now = alert.finding.key, _moment(self._clock.now())
        told = (key, channel, alert.kind.value, int(alert.finding.severity), now, reference)

        def write(conn: sqlite3.Connection) -> None:
            if not conn.execute("SELECT 1 FROM alert_finding WHERE key = ?", (key,)).fetchone():
                return
            conn.execute("INSERT OR REPLACE INTO alert_told VALUES (?, ?, ?, ?, ?, ?)", told)
            delete = "DELETE FROM alert_due WHERE finding = ? AND channel = ? AND kind = ?"
            if not conn.execute(delete, (key, channel, alert.kind.value)).rowcount:
                # Another matter took its place meanwhile, and of that nothing was tried yet.
                update = "UPDATE alert_due SET tries = 0, error = '', fault = '' WHERE finding = ? AND channel = ?"
                conn.execute(update, (key, channel))
            conn.execute("UPDATE alert_due SET due = min(due, ?) WHERE channel = ? AND fault = ''", (now, channel))

        await self._database.write(write)

    async def failed(self, channel: str, alert: Alert, error: str, delay: float, fault: Fault) -> None:
        """The channel could not tell it; `delay` seconds must pass, for all that it is to tell unless it is the alert's
        own fault.
        """
        again = _moment(self._clock.now() + timedelta(seconds=delay))

        def write(conn: sqlite3.Connection) -> None:
            update = "UPDATE alert_due SET error = ?, fault = ?, due = ? WHERE finding = ? AND channel = ?"
            conn.execute(update, (error, fault.value, again, alert.finding.key, channel))
            if fault is not Fault.ALERT:
                conn.execute("UPDATE alert_due SET due = max(due, ?) WHERE channel = ?", (again, channel))

        await self._database.write(write)

    async def hurry(self, *, lasting: bool = False) -> None:
        """Let everything that waits for its time be due now, or only what waits for a person."""
        query = "UPDATE alert_due SET due = min(due, ?) WHERE NOT ? OR fault IN ('channel', 'alert')"
        values = (_moment(self._clock.now()), lasting)
        await self._database.write(lambda conn: conn.execute(query, values) and None)

    async def troubles(self) -> list[Trouble]:
        """The channels whose last try came to nothing."""
        query = (
            "SELECT channel, count(*), max(tries), max(fault IN ('channel', 'alert')), max(error) FROM alert_due "
            "GROUP BY channel HAVING max(error) <> '' ORDER BY channel"
        )
        rows = await self._database.read(lambda conn: conn.execute(query).fetchall())
        return [
            Trouble(channel=row[0], waiting=row[1], tries=row[2], lasting=bool(row[3]), error=row[4])
            for row in rows
            if row[0] in self.channels
        ]


def _alert(one: Known, channel: str) -> Alert:
    due, told = one.pending[channel], one.told.get(channel)
    named = "\n".join((one.finding.key, channel, due.kind, due.asked_at.isoformat()))
    return Alert(
        id=hashlib.sha256(named.encode()).hexdigest()[:16],
        kind=due.kind,
        finding=one.finding,
        count=one.count,
        first_seen=one.first_seen,
        last_seen=one.last_seen,
        reference=told.reference if told else "",
        attempt=due.tries,
    )


# Rows


def _known(conn: sqlite3.Connection, key: str | None = None) -> dict[str, Known]:
    told, due = defaultdict[str, dict[str, Told]](dict), defaultdict[str, dict[str, Pending]](dict)
    for row in _rows(conn, "SELECT * FROM alert_told", "finding", key):
        told[row[0]][row[1]] = Told(
            kind=Kind(row[2]), severity=Severity(row[3]), at=datetime.fromisoformat(row[4]), reference=row[5]
        )
    for row in _rows(conn, "SELECT * FROM alert_due", "finding", key):
        asked_at, when = map(datetime.fromisoformat, row[3:5])
        due[row[0]][row[1]] = Pending(
            kind=Kind(row[2]), asked_at=asked_at, due=when, tries=row[5], error=row[6], fault=Fault(row[7])
        )
    found = _rows(conn, "SELECT * FROM alert_finding", "key", key)
    return {row[0]: _one(row, told[row[0]], due[row[0]]) for row in found}


def _rows(conn: sqlite3.Connection, query: str, column: str, key: str | None) -> list[tuple[Any, ...]]:
    if key is None:
        return conn.execute(query).fetchall()
    return conn.execute(f"{query} WHERE {column} = ?", (key,)).fetchall()


def _one(row: Sequence[Any], told: Mapping[str, Told], due: Mapping[str, Pending]) -> Known:
    key, severity, what, why, fix, subject, grace, repeats, first, last, count, missing, closed, flaps = row
    return Known(
        finding=Finding(
            key=key,
            severity=Severity(severity),
            what=what,
            why=why,
            fix=fix,
            subject=subject,
            grace=grace,
            repeats=bool(repeats),
        ),
        first_seen=datetime.fromisoformat(first),
        last_seen=datetime.fromisoformat(last),
        count=count,
        missing_since=datetime.fromisoformat(missing) if missing else None,
        closed_at=datetime.fromisoformat(closed) if closed else None,
        flaps=flaps,
        told=told,
        pending=due,
    )


def _keep(conn: sqlite3.Connection, one: Known) -> None:
    found = one.finding
    conn.execute(
        "INSERT INTO alert_finding VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) "
        "ON CONFLICT (key) DO UPDATE SET severity = ?2, what = ?3, why = ?4, fix = ?5, subject = ?6, grace = ?7, "
        "repeats = ?8, first_seen = ?9, last_seen = ?10, count = ?11, missing_since = ?12, closed_at = ?13, "
        "flaps = ?14",
        (
            *(found.key, int(found.severity), found.what, found.why, found.fix, found.subject),
            *(found.grace, int(found.repeats), _moment(one.first_seen), _moment(one.last_seen), one.count),
            *(_optional(one.missing_since), _optional(one.closed_at), one.flaps),
        ),
    )
    conn.execute("DELETE FROM alert_due WHERE finding = ?", (found.key,))
    for channel, due in one.pending.items():
        moments = (_moment(due.asked_at), _moment(due.due))
        values = (found.key, channel, due.kind.value, *moments, due.tries, due.error, due.fault.value)
        conn.execute("INSERT INTO alert_due VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)


def _forget(conn: sqlite3.Connection, keys: Iterable[str]) -> None:
    for key in keys:
        conn.execute("DELETE FROM alert_told WHERE finding = ?", (key,))
        conn.execute("DELETE FROM alert_due WHERE finding = ?", (key,))
        conn.execute("DELETE FROM alert_finding WHERE key = ?", (key,))


def _moment(value: datetime) -> str:
    return value.isoformat(timespec="microseconds")


def _optional(value: datetime | None) -> str | None:
    return _moment(value) if value else None
