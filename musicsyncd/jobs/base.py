"""The port of the work queue: what an engine must offer, wherever it keeps its rows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from musicsyncd.errors import MusicsyncError
from musicsyncd.jobs.job import Job, JobEvent, JobFilter, JobState, Lane

T = TypeVar("T")


class JobContext(Protocol):
    """What a handler is given beside its arguments."""

    @property
    def job(self) -> Job:
        """The job as it was when claimed."""

    @property
    def attempt(self) -> int:
        """1 for the first try."""

    async def step(
        self,
        name: str,
        work: Callable[[], Awaitable[T]],
        *,
        stands: Callable[[T], Awaitable[bool]] | None = None,
    ) -> T:
        """Run `work` once per job, whatever happens in between: its JSON result is kept under `name`.

        When a result is kept already it is returned without running `work`, provided that `stands` (if given)
        still says yes to it. Steps are known by name, so that a changed pipeline finds its place again. A
        kill between the effect and its record runs `work` twice: its effect must be idempotent. Raises
        Permanent when another engine has taken the job over.
        """

    def progress(self, share: float | None, text: str = "", *, step: str = "") -> None:
        """Tell whoever listens how far the job is (0 to 1, None: unknown); kept in memory only."""

    def capacity(self, name: str) -> AbstractAsyncContextManager[None]:
        """One place of the named capacity (`download`, `cpu`, `volume:VIBES`) while inside.

        User jobs go ahead of the backlog; an unknown name has one place. Waiting does not count as running
        time.
        """


Handler = Callable[[JobContext, Mapping[str, Any]], Awaitable[dict[str, Any] | None]]
"""Does a job. What it returns is the job's JSON result; what it raises decides what happens next.

A result whose key `"partial"` lists targets ends the job as partial. See `musicsyncd.errors` for what it may
raise.
"""


class WorkEngine(Protocol):
    """Durable jobs, at least once; at most one active job per kind and key, and at most one running job per key."""

    async def start(self, handlers: Mapping[str, Handler], lanes: Mapping[Lane, int]) -> None:
        """Put back what a dead run left behind, then begin.

        `lanes` gives the slots of each lane; user jobs may use them all, backlog jobs never those of the user
        lane.
        """

    async def stop(self, grace: float) -> None:
        """Claim nothing more; after `grace` seconds put back what still runs, attempts unchanged."""

    async def enqueue(
        self,
        kind: str,
        args: Mapping[str, Any],
        *,
        key: str,
        lane: Lane = Lane.BACKLOG,
        priority: int = 0,
        not_before: datetime | None = None,
        parent: str | None = None,
    ) -> Job:
        """Write a job down.

        An active (waiting or running) job of the same kind and key is returned instead, with the better lane
        and priority of the two; a person asking (lane user) also lifts its `not_before`.
        """

    async def enqueue_many(self, requests: Sequence[Mapping[str, Any]]) -> Sequence[Job]:
        """The same for many at once, in one commit: each mapping holds the arguments of `enqueue`."""

    async def cancel(self, job_id: str) -> Job:
        """Cancel a waiting job at once, a running one by cancelling its handler; return when it has ended.

        LookupError as for `get`. A job that has ended already is returned as it is.
        """

    async def call_off(self, parent: str, reason: MusicsyncError) -> int:
        """Cancel the waiting jobs of this parent, with the reason; how many. What runs goes on."""

    async def get(self, job_id: str) -> Job:
        """The job whose id is or begins with this; LookupError when none or several do."""

    async def list(self, where: JobFilter) -> Sequence[Job]:
        """Jobs, newest first."""

    async def retry(self, job_id: str) -> Job:
        """A failed, cancelled, partial or backing-off job again, now, as a user's; its kept steps stay kept.

        BadInput for a job that is done. When the same thing is active already, that job is returned,
        promoted.
        """

    def events(self) -> AsyncIterator[JobEvent]:
        """What happens from now on, until the engine stops.

        A listener too slow for its buffer loses progress first, but never the last state of a job.
        """

    async def counts(self, parent: str | None = None) -> Mapping[str, Mapping[JobState, int]]:
        """How many jobs of each kind, and of this parent, are in each state; states without a job are left out."""

    async def reasons(self, parent: str) -> Mapping[str, int]:
        """How many of this parent's jobs failed for errors of each class."""

    async def next_due(self) -> datetime | None:
        """When the next job that waits for its time comes due; None when none does."""

    async def gc(self, older_than: timedelta) -> int:
        """Forget ended jobs older than this; how many."""
