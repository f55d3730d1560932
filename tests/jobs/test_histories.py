"""Random histories of the queue: whatever happens, jobs are neither lost nor doubled."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from musicsyncd.clock import ManualClock
from musicsyncd.database import Database
from musicsyncd.jobs import queue
from musicsyncd.jobs.job import Job, JobFilter, JobState, Lane
from musicsyncd.jobs.queue import Claimed, Ending, Free, Turn, Wanted
from musicsyncd.jobs.rows import SCHEMA

LEASE = timedelta(seconds=30)
KEYS = st.sampled_from("abcde")
OWNERS = st.sampled_from(["one", "two"])


class History(RuleBasedStateMachine):
    """Two owners take turns on one database; a plain dictionary says what each job's state must be."""

    def __init__(self) -> None:
        super().__init__()
        self._portal_manager = start_blocking_portal()
        self.portal: BlockingPortal = self._portal_manager.__enter__()
        self.clock = ManualClock()
        self.database: Database = self.portal.call(self._open)
        self.states: dict[str, JobState] = {}
        self.held: dict[str, list[Claimed]] = {"one": [], "two": []}
        self.leases: dict[str, datetime] = {}
        self.owners: dict[str, str] = {}

    async def _open(self) -> Database:
        return await Database.open(":memory:", {"jobs": SCHEMA}, backups=Path(), clock=self.clock)

    def write(self, work: Any, **values: Any) -> Any:
        return self.portal.call(self.database.write, lambda connection: work(connection, **values))

    def turn(self, owner: str, endings: list[Ending], free: Free) -> Turn:
        now = self.clock.now()
        answer: Turn = self.write(
            queue.turn, endings=endings, free=free, owner=owner, now=now, lease=LEASE, shared=True
        )
        for claimed in answer.claimed:
            assert self.states[claimed.job.id] is JobState.WAITING or self.leases[claimed.job.id] <= now
            assert claimed.job.not_before is None
            self.states[claimed.job.id], self.leases[claimed.job.id] = JobState.RUNNING, now + LEASE
            self.owners[claimed.job.id] = owner
        for job_id, until in self.leases.items():
            # An engine never puts back what it holds itself, however old; a claim that it lost to another is not that.
            if self.states[job_id] is JobState.RUNNING and until <= now and self.owners[job_id] != owner:
                self.states[job_id] = JobState.WAITING
        self.held[owner] += answer.claimed
        return answer

    @rule(key=KEYS, lane=st.sampled_from(Lane), priority=st.integers(-1, 1), later=st.integers(0, 50))
    def enqueue(self, key: str, lane: Lane, priority: int, later: int) -> None:
        """One active job per key, and a new one only when there is none."""
        now = self.clock.now()
        wanted = Wanted(
            kind="track", key=key, args={}, lane=lane, priority=priority, not_before=now + timedelta(seconds=later)
        )
        ((job, new),) = self.write(queue.enqueue, wanted=[wanted], now=now)
        assert new is (job.id not in self.states)
        self.states.setdefault(job.id, JobState.WAITING)

    @rule(owner=OWNERS, user=st.integers(0, 3), backlog=st.integers(0, 3), first=st.booleans())
    def claim(self, owner: str, user: int, backlog: int, first: bool) -> None:
        """Never more than there are slots, and of the backlog never more than its share."""
        free = Free(user=user, backlog=min(user, backlog), backlog_first=first)
        claimed = self.turn(owner, [], free).claimed
        assert len(claimed) <= user
        assert sum(one.job.lane is Lane.BACKLOG for one in claimed) <= free.backlog
        assert len({one.job.id for one in claimed}) == len(claimed)

    @precondition(lambda self: self.held["one"] or self.held["two"])
    @rule(owner=OWNERS, state=st.sampled_from([JobState.DONE, JobState.FAILED, JobState.WAITING]), data=st.data())
    def end(self, owner: str, state: JobState, data: st.DataObject) -> None:
        """An ending stands exactly when the latest claim of the job was this one and it still runs."""
        if not self.held[owner]:
            return
        claimed = data.draw(st.sampled_from(self.held[owner]))
        self.held[owner].remove(claimed)
        job = self.job(claimed.job.id)
        ending = Ending(fence=claimed.fence, state=state, not_before=self.clock.now() + timedelta(seconds=5))
        latest = not any(one.job.id == job.id and one.fence.claim > claimed.fence.claim for one in self.everyones())
        (stands,) = self.turn(owner, [ending], Free(user=0, backlog=0)).kept
        if stands:
            assert job.state is JobState.RUNNING
            assert latest
            self.states[job.id] = state
        elif latest:
            assert self.states[job.id] is not JobState.RUNNING

    @rule(owner=OWNERS)
    def restart(self, owner: str) -> None:
        """A dead owner forgets all; whoever starts with the state lock puts everything back."""
        self.held = {"one": [], "two": []}
        self.write(queue.put_back, now=self.clock.now(), owner="new", expired_only=False)
        for job_id, state in self.states.items():
            if state is JobState.RUNNING:
                job = self.job(job_id)
                assert job.state in (JobState.WAITING, JobState.FAILED)
                self.states[job_id] = job.state

    @precondition(lambda self: self.states)
    @rule(data=st.data(), owner=OWNERS)
    def cancel(self, data: st.DataObject, owner: str) -> None:
        """Waiting jobs and another's running ones end at once; one's own has to be ended by its engine."""
        job_id = data.draw(st.sampled_from(sorted(self.states)))
        number = self.write(queue.find, prefix=job_id)
        before = self.job(job_id)
        job, ended = self.write(queue.cancel, number=number, mine=owner, now=self.clock.now())
        if ended:
            assert before.state.active
            self.states[job_id] = JobState.CANCELLED
        else:
            assert job.state is before.state

    @rule(seconds=st.integers(1, 40))
    def pass_time(self, seconds: int) -> None:
        """Time goes on; leases run out and delays end."""
        self.portal.call(self.clock.advance, seconds)

    def everyones(self) -> list[Claimed]:
        return [*self.held["one"], *self.held["two"]]

    def job(self, job_id: str) -> Job:
        found: Job = self.write(queue.get, prefix=job_id)
        return found

    @invariant()
    def nothing_is_lost_or_doubled(self) -> None:
        """Every job is there in the state that its history gives it, with at most one active job per key."""
        jobs: list[Job] = self.write(queue.listed, where=JobFilter(limit=1000))
        assert {job.id: job.state for job in jobs} == self.states
        active = [job.key for job in jobs if job.state.active]
        assert len(active) == len(set(active))

    def teardown(self) -> None:
        """Whatever happened, the rest can be drained: nothing is stuck."""
        self.restart("one")
        self.portal.call(self.clock.advance, 100)
        everything = Free(user=1000, backlog=1000)
        claimed = self.turn("one", [], everything).claimed
        active: Mapping[str, JobState] = {i: s for i, s in self.states.items() if s.active}
        assert {one.job.id for one in claimed} == set(active)
        self.portal.call(self.database.close)
        self._portal_manager.__exit__(None, None, None)


TestHistories = History.TestCase
TestHistories.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
