"""A person has a track left alone, or wants it again. Nothing is deleted; what moves, a job moves, for `undo`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from musicsyncd.control.messages import Accepted, ForgetQuestion, TrackAnswer
from musicsyncd.control.operations import Operations
from musicsyncd.errors import BadInput
from musicsyncd.jobs.job import ACTIVE, JobFilter, Lane
from musicsyncd.ledger.entry import Aside, Entry
from musicsyncd.ledger.journal import Change
from musicsyncd.sync.forgetting import FORGET
from musicsyncd.sync.merging import LEDGER

MOST_JOBS: Final = 100
"""Active jobs of one track; there are kinds enough for a handful."""


@dataclass(frozen=True)
class Wanting:
    """One method per question."""

    ask: Operations

    async def skip(self, reference: str) -> TrackAnswer:
        """The track is not wanted until somebody says otherwise; its files and rows stay as they are."""
        entry = await self.ask.ledger.entry(reference)
        await self._set(entry, Aside.SKIPPED, "tracks skip")
        return await self.ask.track(entry.id)

    async def unskip(self, reference: str) -> Accepted:
        """It is wanted again, and looked at now. BadInput when nobody had it left alone."""
        entry = await self.ask.ledger.entry(reference)
        if entry.aside is None:
            raise BadInput(f"{entry.track.label} is neither skipped nor forgotten")
        await self._set(entry, None, "tracks unskip")
        return await self.ask.retry_track(entry.id)

    async def forget(self, reference: str, question: ForgetQuestion) -> Accepted:
        """The track is its owner's own affair: nothing is looked at, mended or told of. With `retire` a job puts its
        files and rows away.
        """
        entry = await self.ask.ledger.entry(reference)
        await self._set(entry, Aside.FORGOTTEN, "tracks forget")
        if not question.retire:
            return Accepted(jobs=[])
        args = {"track": entry.id, "aside": entry.aside}
        job = await self.ask.jobs.enqueue(FORGET, args, key=entry.id, lane=Lane.USER)
        return Accepted(jobs=[job.id])

    async def _set(self, entry: Entry, aside: Aside | None, operation: str) -> None:
        """First said, then the work ended: a job that begins between the two finds it said."""
        if aside is not entry.aside:
            before, after = {"aside": entry.aside}, {"aside": aside}
            change = Change(operation=operation, target=LEDGER, what=aside or "wanted", before=before, after=after)
            await self.ask.ledger.set_aside(entry.id, aside, change)
        active = await self.ask.jobs.list(JobFilter(key=entry.id, states=ACTIVE, limit=MOST_JOBS))
        for job in active if aside else ():
            if job.kind != FORGET:
                await self.ask.jobs.cancel(job.id)
