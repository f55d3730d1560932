"""The clock of the house: at its time each job becomes a request on the queue, once, however long nobody looked."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final

import anyio
import structlog

from musicsyncd.clock import Clock
from musicsyncd.database import Database
from musicsyncd.errors import BadInput, MusicsyncError
from musicsyncd.jobs.base import WorkEngine
from musicsyncd.sync.engine import REQUEST
from musicsyncd.sync.request import Scope, SyncRequest
from musicsyncd.triggers import rows
from musicsyncd.triggers.due import latest_due, next_due, opening, put_off, zone_of
from musicsyncd.triggers.policy import JOBS, Daily, Policy, Rhythm, Timed
from musicsyncd.triggers.rows import Served
from musicsyncd.triggers.waking import woken

logger = structlog.get_logger()
ALL: Final = "all"
"""The name under which everything is paused."""
LONGEST_SLEEP: Final = 60.0
"""Seconds. A timer counts no time that the machine slept, and knows nothing of a clock that was set."""

SLACK: Final = 300.0
"""Seconds that it may be late before it counts as standing still: a busy disk holds a look up."""


class Timekeeper:
    """When what is due. What was missed, for whatever reason, is done once."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        jobs: WorkEngine,
        policy: Policy,
        *,
        sources: Sequence[str] = (),
        table: Sequence[Timed] = JOBS,
        seed: str = "",
    ) -> None:
        """`sources` are the names that can be paused; `seed` tells the delays of one daemon from another's."""
        self._database, self._clock, self._jobs, self._policy = database, clock, jobs, policy
        self._sources, self._table = tuple(sources), tuple(table)
        self._seed = seed or os.uname().nodename
        self._zone = zone_of(policy.timezone)
        self._kinds: frozenset[str] = frozenset()
        self._served: dict[str, Served] = {}
        self._paused: dict[str, str] = {}
        self._changed = anyio.Event()
        self._wakes_by: float | None = None

    async def gets_on(self) -> str:
        """Why it does not: it should have looked again by now. Nothing where all is well or it does not run yet."""
        late = self._clock.monotonic() - self._wakes_by if self._wakes_by is not None else 0.0
        return f"It should have looked what is due {late:.0f} s ago" if late > SLACK else ""

    @property
    def policy(self) -> Policy:
        """The one that holds now."""
        return self._policy

    async def load(self) -> None:
        """Remember what was seen to and what is paused."""
        self._served = await self._database.read(rows.served)
        self._paused = await self._database.read(rows.paused)

    async def run(self, kinds: Collection[str]) -> None:
        """Drop what comes due, until cancelled; `kinds` are those that somebody does."""
        self._kinds = frozenset(kinds)
        await self.load()
        try:
            while True:
                await self._turn()
        finally:
            self._wakes_by = None  # one that failed is its supervisor's matter

    async def _turn(self) -> None:
        self._changed = anyio.Event()
        retry = await self._drop_due()
        pause = self._until_next() if not retry else LONGEST_SLEEP
        self._wakes_by = self._clock.monotonic() + pause
        await woken(self._clock, pause, self._changed)

    # What holds

    async def apply(self, policy: Policy) -> None:
        """From now on this policy. A new time of day counts from today on: nothing is made up for."""
        before, self._policy, self._zone = self._policy, policy, zone_of(policy.timezone)
        for job in self._table:
            began = job.rhythm(policy) is not None and (job.rhythm(before) is None or not before.enabled)
            if policy.enabled and began:
                await self._skip(job)
        self._changed.set()

    async def pause(self, name: str = ALL) -> None:
        """Let nothing begin by itself of that name: `all`, a job of the clock, a source. It survives a restart."""
        self._check(name)
        since = self._clock.now().isoformat(timespec="seconds")
        await self._database.write(partial(rows.pause, name=name, since=since))
        self._paused = await self._database.read(rows.paused)
        logger.info("paused", what=name)
        self._changed.set()

    async def resume(self, name: str = ALL) -> None:
        """Go on. `all` ends every pause. What came due meanwhile is not made up for: its next time is near."""
        self._check(name)
        held = [job for job in self._table if self._is_paused(job)]
        await self._database.write(partial(rows.resume, names=list(self._paused) if name == ALL else [name]))
        self._paused = await self._database.read(rows.paused)
        for job in held:
            if not self._is_paused(job):
                await self._skip(job)
        logger.info("resumed", what=name)
        self._changed.set()

    def _check(self, name: str) -> None:
        done = [job.name for job in self._table if job.kind in self._kinds or not self._kinds]  # none: it only begins
        known = (ALL, *done, *self._sources)
        if name not in (*known, *self._paused):
            raise BadInput(f"There is nothing called {name!r} to pause", fix=f"There is: {', '.join(known)}")

    @property
    def paused(self) -> Mapping[str, str]:
        """Since when, by name."""
        return self._paused

    def held(self) -> bool:
        """Whether a person's pause lets nothing begin by itself."""
        return ALL in self._paused

    def holds(self, source: str) -> bool:
        """Whether nothing may begin by itself for that source."""
        return self.held() or source in self._paused or not self._policy.enabled

    def next_runs(self) -> dict[str, datetime]:
        """When each job begins next, by name; those that will not are left out."""
        if not self._policy.enabled:
            return {}
        return {job.name: self._begins(job, rhythm) for job, rhythm in self._active() if job.name in self._served}

    # What is due

    def _active(self) -> list[tuple[Timed, Rhythm]]:
        found = [(job, job.rhythm(self._policy)) for job in self._table if job.kind in self._kinds]
        return [(job, rhythm) for job, rhythm in found if rhythm is not None and not self._is_paused(job)]

    def _is_paused(self, job: Timed) -> bool:
        return self.held() or job.name in self._paused

    def _begins(self, job: Timed, rhythm: Rhythm) -> datetime:
        due = next_due(rhythm, self._served[job.name].last_due, self._zone)
        begins = put_off(rhythm, due, self._policy.jitter, f"{self._seed}|{job.name}")
        return opening(self._policy.off_peak, max(begins, self._clock.now()), self._zone) if job.heavy else begins

    def _until_next(self) -> float:
        now = self._clock.now()
        waits = [(begins - now).total_seconds() for begins in self.next_runs().values()]
        return min([LONGEST_SLEEP, *waits]) if waits else LONGEST_SLEEP

    async def _drop_due(self) -> bool:
        """Drop everything whose time has come; whether something could not be dropped."""
        troubled = False
        for job, rhythm in self._active() if self._policy.enabled else []:
            await self._meet(job, rhythm)
            if self._begins(job, rhythm) > self._clock.now():
                continue
            try:
                await self._drop(job)
            except MusicsyncError as error:
                troubled = True
                logger.warning("request not dropped, tried again soon", job=job.name, why=str(error))
                continue
            await self._seen_to(job, rhythm, dropped=True)
        return troubled

    async def _meet(self, job: Timed, rhythm: Rhythm) -> None:
        """A new job counts from now; so does one whose time of day or zone changed, or that a clock set back left."""
        known, now = self._served.get(job.name), self._clock.now()
        ahead = (known.last_due - now).total_seconds() if known else 0.0
        if (
            known is None
            or ahead > rhythm.period
            or (isinstance(rhythm, Daily) and known.rhythm != self._named(rhythm))
        ):
            dropped = known.last_dropped if known else None
            await self._keep(job, Served(rhythm=self._named(rhythm), last_due=now, last_dropped=dropped))

    def _named(self, rhythm: Rhythm) -> str:
        """What a time is remembered as a time of: of the day of one zone, which may be changed as well."""
        return f"{rhythm} {self._zone}" if isinstance(rhythm, Daily) else str(rhythm)

    async def _skip(self, job: Timed) -> None:
        """Let what has come due pass by."""
        rhythm = job.rhythm(self._policy)
        if rhythm is not None and job.name in self._served:
            await self._seen_to(job, rhythm, dropped=False)

    async def _seen_to(self, job: Timed, rhythm: Rhythm, *, dropped: bool) -> None:
        now, known = self._clock.now(), self._served[job.name]
        last = latest_due(rhythm, known.last_due, now, self._zone)
        seen = replace(known, rhythm=self._named(rhythm), last_due=last)
        await self._keep(job, replace(seen, last_dropped=now) if dropped else seen)

    async def _keep(self, job: Timed, served: Served) -> None:
        self._served[job.name] = served
        await self._database.write(partial(rows.keep_served, name=job.name, one=served))

    async def _drop(self, job: Timed) -> None:
        if job.scope is None:
            await self._jobs.enqueue(job.kind, {}, key=job.name)
            return
        await drop_request(self._jobs, job.scope, without=[one for one in self._sources if one in self._paused])


async def drop_request(jobs: WorkEngine, scope: Scope, *, source: str = "", without: Sequence[str] = ()) -> None:
    """Put a request on the queue, for whoever is there to do it; asked twice, it is one job."""
    request = SyncRequest(scope=scope, source=source, without=tuple(without))
    await jobs.enqueue(REQUEST, request.as_dict(), key=request.key)
