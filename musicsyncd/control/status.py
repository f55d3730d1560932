"""How the daemon is as a whole: what everybody may see at a glance, and what a person should see to.

Nothing here asks anybody outside, and nothing loads tracks: it is counted from indexes, so that it may be asked often.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final, Protocol

import anyio

from musicsyncd.alerts.base import Finding
from musicsyncd.alerts.findings import Seen, findings
from musicsyncd.clock import Clock
from musicsyncd.control import answers, attention
from musicsyncd.control.messages import JobAnswer
from musicsyncd.control.messages_status import (
    AccountAnswer,
    CatalogAnswer,
    PartAnswer,
    PauseAnswer,
    ScheduleAnswer,
    ServiceAnswer,
    SourceAnswer,
    StatusAnswer,
    VolumeAnswer,
    VolumesAnswer,
)
from musicsyncd.control.status_answers import (
    catalog_answer,
    coverage_answer,
    queue_answer,
    service_answer,
    service_of,
    source_answer,
    volume_answer,
)
from musicsyncd.database import Database
from musicsyncd.jobs.base import WorkEngine
from musicsyncd.jobs.figures import Pass, lately, passes, queue_figures
from musicsyncd.jobs.job import Job, JobFilter, JobState
from musicsyncd.ledger.figures import Figures
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.ledger.matches import Matches
from musicsyncd.ledger.mirror import Mirror
from musicsyncd.library.base import Shelf, ShelfState
from musicsyncd.sources.account import Account
from musicsyncd.sources.base import Source
from musicsyncd.sync.engine import REQUEST, TRACK
from musicsyncd.sync.look import Lookout
from musicsyncd.sync.reconcile import RECONCILE

MOST_LISTED: Final = 1000
PASSES: Final = 50
"""Requests among which the last one of each source is looked for."""


@dataclass(frozen=True, kw_only=True)
class DaemonFacts:
    """What does not change while the daemon runs."""

    version: str
    mode: str
    pid: int
    started_at: datetime
    config: str
    state_dir: str
    log_file: str
    managed_by: str = ""
    """The service manager that keeps it up, if any does."""


class Timing(Protocol):
    """What begins by itself."""

    async def pause(self, what: str) -> PauseAnswer:
        """Let nothing of that name begin by itself; BadInput when there is nothing of that name."""

    async def resume(self, what: str) -> PauseAnswer:
        """Go on."""

    async def schedule(self) -> ScheduleAnswer:
        """What comes next, and what is paused."""


@dataclass(frozen=True, kw_only=True)
class Overview:
    """What is asked of the whole."""

    facts: DaemonFacts
    ledger: Ledger
    matches: Matches
    jobs: WorkEngine
    lookout: Lookout
    database: Database
    clock: Clock
    accounts: Mapping[str, Account] = field(default_factory=dict)
    """By service."""
    sources: Sequence[Source] = ()
    """Asked for what troubles them as a whole."""
    watched: attention.Watched = field(default_factory=attention.Watched)
    timing: Timing | None = None
    parts: Callable[[], Sequence[PartAnswer]] = tuple
    """The long-lived parts of the daemon."""

    async def status(self) -> StatusAnswer:
        """How the daemon is."""
        facts, now = self.facts, self.clock.now()
        tracks, found = await self.ledger.counts(), await self.ledger.figures()
        volumes = await self._volumes(found.parked)
        counts, due = await self.jobs.counts(), await self.jobs.next_due()
        running = await self.jobs.list(JobFilter(states=frozenset({JobState.RUNNING})))
        ended, schedule = (
            await passes(self.database, REQUEST, limit=PASSES, scopes=attention.PASSES),
            await self.schedule(),
        )
        accounts = [attention.account_answer(account) for account in self.accounts.values()]
        services = self._services()
        wrong = await self.findings(volumes, tracks, ended)
        return StatusAnswer(
            version=facts.version,
            mode=facts.mode,
            pid=facts.pid,
            started_at=facts.started_at.isoformat(timespec="seconds"),
            uptime=round((now - facts.started_at).total_seconds(), 1),
            memory=attention.resident_bytes(),
            open_files=attention.open_files(),
            tasks=attention.task_count(),
            parts=[*self.parts()],
            config=facts.config,
            state_dir=facts.state_dir,
            log_file=facts.log_file,
            managed_by=facts.managed_by,
            sources=self._sources(accounts, schedule, ended, services),
            queue=queue_answer(await queue_figures(self.database, now, but=REQUEST), counts, due, now),
            services=services,
            catalog_standing=await self._catalogs(found, services),
            coverage=coverage_answer(found, self.lookout.shelves, self.lookout.catalogs),
            alerts_open=await self._alerts_open(),
            jobs={kind: {state.value: count for state, count in states.items()} for kind, states in counts.items()},
            running=[await self.job_answer(job) for job in running],
            next_due=due.isoformat(timespec="seconds") if due else None,
            tracks=tracks,
            volumes=volumes,
            catalogs=[catalog.name for catalog in self.lookout.catalogs.values()],
            accounts=accounts,
            attention=[one.sentence for one in wrong],
            attention_items=[attention.attention_answer(one) for one in wrong],
            schedule=schedule,
        )

    def _sources(
        self,
        accounts: Sequence[AccountAnswer],
        schedule: ScheduleAnswer,
        ended: Sequence[Pass],
        services: Sequence[ServiceAnswer],
    ) -> list[SourceAnswer]:
        known = {one.service: one for one in accounts}
        return [
            source_answer(one, known.get(one.name), schedule, ended, service_of(one.name, services))
            for one in self.sources
        ]

    async def _passes(self) -> list[Pass]:
        return await passes(self.database, REQUEST, limit=PASSES, scopes=attention.PASSES)

    def _services(self) -> list[ServiceAnswer]:
        budgets = self.watched.budgets
        return [service_answer(one) for one in budgets.opened()] if budgets else []

    async def _catalogs(self, found: Figures, services: Sequence[ServiceAnswer]) -> list[CatalogAnswer]:
        mirror, told = Mirror(self.database, self.clock), []
        for one in self.lookout.catalogs.values():
            state, unable = await mirror.state(one.name), await one.unable()
            told.append(catalog_answer(one, found, state, unable, service_of(one.name, services)))
        return told

    async def _alerts_open(self) -> int | None:
        if not (post := self.watched.post):
            return None
        now = self.clock.now()
        return sum(one.ripe(now) for one in (await post.outbox.known()).values())

    async def schedule(self) -> ScheduleAnswer:
        """What begins by itself, and when."""
        return await self.timing.schedule() if self.timing else ScheduleAnswer()

    # Volumes

    async def volumes(self) -> VolumesAnswer:
        """Every volume, looked at now."""
        return VolumesAnswer(volumes=await self._volumes(await self.ledger.parked()))

    async def _volumes(self, parked: Mapping[str, int]) -> list[VolumeAnswer]:
        """All at once: one that hangs holds up no other."""
        shelves, states = [*self.lookout.shelves.values()], dict[str, ShelfState]()

        async def look(shelf: Shelf) -> None:
            states[shelf.target] = await shelf.state()

        async with anyio.create_task_group() as tasks:
            for shelf in shelves:
                tasks.start_soon(partial(look, shelf), name=f"look at {shelf.target}")
        return [volume_answer(one, states[one.target], parked) for one in shelves]

    # What a person should see to

    async def findings(
        self,
        volumes: Sequence[VolumeAnswer] | None = None,
        tracks: Mapping[str, int] | None = None,
        ended: Sequence[Pass] | None = None,
    ) -> list[Finding]:
        """Everything that a person should see to now; what was looked at already is given."""
        volumes = (await self.volumes()).volumes if volumes is None else volumes
        tracks = await self.ledger.counts() if tracks is None else tracks
        ended = await self._passes() if ended is None else ended
        names, watched = [catalog.name for catalog in self.lookout.catalogs.values()], self.watched
        path = self.database.path
        return findings(
            Seen(
                now=self.clock.now(),
                accounts=[attention.account_seen(account) for account in self.accounts.values()],
                volumes=[attention.volume_seen(volume, watched.optional) for volume in volumes],
                volume_grace=watched.volume_grace,
                hindrances={one.name: sentence for one in self.sources if (sentence := one.hindrance())},
                services=attention.services_seen(watched.budgets),
                catalogs=attention.catalogs_seen(names, await self.ledger.parked()),
                failed_tracks=tracks.get("failed", 0),
                undecided=len(await self.matches.undecided(limit=MOST_LISTED)),
                lately=await lately(self.database, TRACK, last=attention.MOST_LATELY),
                requests=attention.failed_passes(ended, await passes(self.database, RECONCILE, limit=1)),
                errors=await attention.errors(self.database),
                lost_database=path if path and not await self.database.in_place() else None,
                channels=await watched.post.outbox.troubles() if watched.post else [],
                refused=attention.refused(ended),
                reconciled=await attention.reconciled(self.jobs, self.database),
                more=[found for look in watched.more for found in look()],
            )
        )

    # What jobs and tracks are called

    async def job_answer(self, job: Job) -> JobAnswer:
        """A job, for people and programs."""
        return answers.job_answer(job, await self.label(job.key) if job.kind != REQUEST else "")

    async def label(self, track_id: str) -> str:
        """What a track is called; any other key as it is."""
        try:
            return (await self.ledger.entry(track_id)).track.label
        except LookupError:
            return track_id
