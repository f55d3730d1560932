"""For whose sake a copy may be left out: a track whose files were just seen to stand, or that is on its way home."""

from __future__ import annotations

from dataclasses import dataclass

from musicsyncd.jobs.base import WorkEngine
from musicsyncd.jobs.job import ACTIVE, JobFilter
from musicsyncd.ledger.entry import Entry
from musicsyncd.sync.look import Lookout
from musicsyncd.sync.request import TRACK


@dataclass(frozen=True)
class Keepers:
    """Asked before a copy is left out: what the ledger remembers may have been deleted or called off since."""

    lookout: Lookout
    jobs: WorkEngine

    async def __call__(self, entry: Entry) -> bool:
        """Whether this track keeps its copies out now. One that comes home later and fails releases them again."""
        if not entry.failure and not entry.aside and (entry.parked or await self._at_work(entry.id)):
            return True
        # Read anew: its job may have ended well since the entry was read.
        return await self.lookout.holds(await self.lookout.ledger.entry(entry.id))

    async def _at_work(self, track_id: str) -> bool:
        return bool(await self.jobs.list(JobFilter(kind=TRACK, key=track_id, states=ACTIVE, limit=1)))
