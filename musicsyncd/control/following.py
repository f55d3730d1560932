"""What happens to a request and its tracks, until nothing more will."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from musicsyncd.clock import Clock
from musicsyncd.control import answers, report
from musicsyncd.jobs.base import WorkEngine
from musicsyncd.jobs.job import Job, JobEvent


@dataclass(kw_only=True)
class Following:
    """One who follows one request."""

    jobs: WorkEngine
    clock: Clock
    label: Callable[[str], Awaitable[str]]
    """What a track's key is called."""
    root: str
    labels: dict[str, str] = field(default_factory=dict)
    """By job, as the request named them."""
    ended: set[str] = field(default_factory=set)
    """Jobs whose end was told."""

    async def events(self) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """Each event with its name, until nothing more will happen by itself."""
        stream = self.jobs.events()  # listening before the first look: nothing falls between the two
        since = self.clock.now()
        if not (pending := await self._pending(None)):
            return
        async for event in stream:
            if event.job in pending or event.parent == self.root:  # a quick child may end before the request has
                yield event.event, report.event_dict(event, self.labels.get(event.job) or await self.label(event.key))
                if report.is_turn(event):
                    self.ended |= {event.job} if event.event == "ended" else set()
                    pending = await self._still_pending(event, pending, since)
            if not pending:
                return

    async def _pending(self, since: datetime | None) -> set[str]:
        """The jobs that will go on by themselves, and those that have ended since then without being told of."""
        job = await self.jobs.get(self.root)
        self.labels[self.root] = answers.label_of(job)
        if job.state.active:
            return set() if report.waits(job, self.clock.now()) else {self.root}
        plans = [plan for plan in report.plans(job) if plan.get("job")]
        self.labels |= {plan["job"]: plan["label"] for plan in plans}
        children = [await self.jobs.get(plan["job"]) for plan in plans]
        return {
            child.id
            for child in children
            if not report.settled(child, self.clock.now()) or (since and self._untold(child, since))
        }

    def _untold(self, child: Job, since: datetime) -> bool:
        """Whether it has ended while we listened, and the word of it is still on its way to us."""
        return child.id not in self.ended and child.ended_at is not None and child.ended_at > since

    async def _still_pending(self, event: JobEvent, pending: set[str], since: datetime) -> set[str]:
        if event.job == self.root:
            return await self._pending(since)
        child = await self.jobs.get(event.job)
        return pending - {child.id} if report.settled(child, self.clock.now()) else pending
