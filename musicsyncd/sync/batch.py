"""A request whose tracks fail for the most part is stopped: what is wrong then is not wrong with the tracks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import structlog

from musicsyncd.errors import Permanent, Undecided
from musicsyncd.jobs.base import WorkEngine
from musicsyncd.jobs.job import JobState

logger = structlog.get_logger()
LEAST: Final = 10
"""Tracks that must have ended: of a few, most may fail by chance."""
MOST_FAILED: Final = 0.5
"""Share of the ended ones."""
ENDED: Final = (JobState.DONE, JobState.PARTIAL, JobState.FAILED)
"""What a person cancelled says nothing."""


class BatchStopped(Permanent):
    """Why a track's job never began."""


def verdict(states: Mapping[JobState, int], undecided: int = 0) -> BatchStopped | None:
    """Why a batch whose jobs are in these states must stop; None while it may go on.

    `undecided` of those that failed only wait for a person's word on what they are: they count for nothing.
    """
    failed = states.get(JobState.FAILED, 0) - undecided
    ended = sum(states.get(state, 0) for state in ENDED) - undecided
    if ended < LEAST or failed <= MOST_FAILED * ended:
        return None
    return BatchStopped(
        f"The batch was stopped: {failed} of {ended} tracks failed",
        why="Something other than the tracks is likely to be wrong",
        fix="See musicsyncctl jobs --state failed, mend it, and ask for the same again: the rest is taken up then",
    )


@dataclass(frozen=True)
class Batches:
    """Watches how the jobs of each request end."""

    jobs: WorkEngine

    async def watch(self) -> None:
        """Until the engine stops. A restart forgets nothing: the next failure counts all that ended before."""
        async for event in self.jobs.events():
            if event.parent and event.event == "ended" and event.state is JobState.FAILED:
                await self._heed(event.parent)

    async def _heed(self, parent: str) -> None:
        states: dict[JobState, int] = {}
        for one in (await self.jobs.counts(parent)).values():
            states |= {state: states.get(state, 0) + count for state, count in one.items()}
        if not states.get(JobState.WAITING) or not verdict(states):
            return
        undecided = (await self.jobs.reasons(parent)).get(Undecided.__name__, 0)
        reason = verdict(states, undecided)
        if reason and (stopped := await self.jobs.call_off(parent, reason)):
            logger.error("batch stopped", request=parent, left=stopped, why=str(reason))
