"""The owner's table of schedules, joined: it is read now and then, holds at once, and hears how each run went."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import structlog

from musicsyncd.alerts.base import Finding, Severity
from musicsyncd.clock import Clock
from musicsyncd.daemon.notion import NotionSide
from musicsyncd.daemon.timing import Timing
from musicsyncd.database import Database
from musicsyncd.errors import MusicsyncError, from_dict
from musicsyncd.jobs.base import WorkEngine
from musicsyncd.jobs.job import Job, JobFilter, JobState
from musicsyncd.settings import Settings
from musicsyncd.sync.engine import REQUEST
from musicsyncd.sync.request import Scope, SyncRequest
from musicsyncd.triggers.configured import Configured, Entry, configured
from musicsyncd.triggers.notion_table import Outcome, Table
from musicsyncd.triggers.policy import Policy

logger = structlog.get_logger()
ENDS: Final = frozenset({JobState.DONE, JobState.PARTIAL, JobState.FAILED})
COUNTED: Final = 50
"""Runs among which those that failed in a row are counted."""
LONGEST: Final = 200
"""Characters of a result."""


class Schedule:
    """Brings the table and the clock together."""

    def __init__(self, table: Table, timing: Timing, jobs: WorkEngine, clock: Clock, every: float) -> None:
        """`every` is in seconds."""
        self._table, self._timing, self._jobs, self._clock, self._every = table, timing, jobs, clock, every
        self._entries: Sequence[Entry] = ()
        self._now = Configured(policy=timing.base)
        self._said: set[str] = set()

    async def begin(self) -> None:
        """As it was when it was last read: a daemon that starts without Notion keeps to what its owner said."""
        self._entries = await self._table.known()
        self._timing.overlay = self._overlaid
        if self._entries:
            self._timing.origin = "Notion, as it was last read"
        await self._timing.renew()

    async def keep(self) -> None:
        """Read and tell until cancelled."""
        while True:
            await self.look()
            await self._clock.sleep(self._every)

    async def look(self) -> None:
        """Read it once, let it hold, and tell it how the last runs went."""
        try:
            self._entries = await self._table.read()
            self._timing.origin = f"Notion: {self._table.title}"
            await self._timing.renew()
            await self._tell()
        except MusicsyncError as error:
            self._say({f"table: {error.what}"}, str(error))
        else:
            self._said = {one for one in self._said if not one.startswith("table: ")}

    def findings(self) -> list[Finding]:
        """Rows that make no sense."""
        return [
            Finding(
                key=f"schedule:{page}",
                severity=Severity.WARNING,
                what=what,
                why="It is in the database of schedules in Notion, and counts for nothing until then",
                fix="Correct the row",
                subject="schedule",
            )
            for page, what in self._now.faults.items()
        ]

    def _overlaid(self, base: Policy) -> Policy:
        self._now = configured(base, self._entries)
        self._timing.others = self._now.others
        for what in self._now.faults.values():
            self._say({what}, what)
        return self._now.policy

    def _say(self, keys: set[str], why: str) -> None:
        """Once each."""
        if keys - self._said:
            self._said |= keys
            logger.warning("schedule in Notion not followed", why=why)

    async def _tell(self) -> None:
        for job, page in self._now.rows.items():
            if outcome := await self._outcome(job):
                await self._table.tell(page, outcome)

    async def _outcome(self, name: str) -> Outcome | None:
        """How the job's last run went; None when there was none."""
        runs = await self._jobs.list(_runs_of(name))
        if not runs or runs[0].ended_at is None:
            return None
        failed = next((n for n, run in enumerate(runs) if run.state is not JobState.FAILED), len(runs))
        return Outcome(at=runs[0].ended_at, result=_result(runs[0]), failures=failed, changed=_tracks(runs[0]) > 0)


def _runs_of(name: str) -> JobFilter:
    if name in (Scope.INCREMENTAL, Scope.FULL):
        return JobFilter(states=ENDS, kind=REQUEST, key=SyncRequest(scope=Scope(name)).key, limit=COUNTED)
    return JobFilter(states=ENDS, kind=name, limit=COUNTED)


def _tracks(run: Job) -> int:
    """How many tracks there was something to do for."""
    plans: list[Any] = (run.result or {}).get("tracks") or []
    return sum(1 for one in plans if isinstance(one, dict) and one.get("job"))


def _result(run: Job) -> str:
    if run.state is JobState.FAILED:
        said = from_dict(run.reason).what if run.reason else "no reason is known"
    else:
        count = _tracks(run)
        said = f"{count} tracks" if count > 1 else "1 track" if count else "nothing new"
    return f"{run.state.value}: {said}"[:LONGEST]


async def open_schedule(side: NotionSide, settings: Settings, database: Database, timing: Timing) -> Schedule | None:
    """The table that `notion.config_db` names, as it was last read; None without one."""
    section = settings.notion
    if side.client is None or not section.config_db:
        return None
    table = Table(side.client, section, database, timing.clock)
    schedule = Schedule(table, timing, timing.jobs, timing.clock, section.mirror_every)
    await schedule.begin()
    return schedule
