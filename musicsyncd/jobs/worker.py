"""The engine: hands due jobs to their handlers, writes down how they ended, and sleeps while there is nothing to do."""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, TypeVar

import anyio
import anyio.lowlevel
import structlog
from anyio.abc import TaskGroup

from musicsyncd.clock import Clock
from musicsyncd.crashpoints import CrashPoint, crash_point
from musicsyncd.database import Database
from musicsyncd.errors import MusicsyncError, Temporary
from musicsyncd.jobs import queue
from musicsyncd.jobs.attempt import Attempts
from musicsyncd.jobs.base import Handler
from musicsyncd.jobs.context import Halt, Running
from musicsyncd.jobs.events import Broadcast, Listener
from musicsyncd.jobs.job import Job, JobEvent, JobFilter, JobState, Lane
from musicsyncd.jobs.limits import Capacity
from musicsyncd.jobs.queue import Claimed, Ending, Free, Turn, Wanted
from musicsyncd.jobs.retry import ATTEMPTS
from musicsyncd.jobs.rows import SCHEMA, numbers_of

T = TypeVar("T")
LEASE: Final = 30.0
"""Seconds after which another engine on the same file may take a silent one's jobs."""
FAIRNESS: Final = 8
"""User jobs that may go ahead of a waiting backlog job before that one has its turn."""
LONGEST_NAP: Final = 600.0
"""Seconds: a sleeping computer's timers stand still while its wall clock goes on, so look again now and then."""
WRITE_AGAIN: Final = 1.0
"""Seconds before another try when the disk did not take what had to be written."""
_log: Final = structlog.get_logger()


class SqliteEngine:
    """`WorkEngine` on the tables of `SCHEMA`, which the given database must have been opened with."""

    schema: Final = SCHEMA

    def __init__(
        self,
        database: Database,
        clock: Clock,
        capacities: Mapping[str, int],
        *,
        timeouts: Mapping[str, float] | None = None,
        attempts: int = ATTEMPTS,
        lease: float = LEASE,
        sole_owner: bool = True,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """`capacities` gives the places of each named capacity; `timeouts` the seconds of running time per kind.

        `attempts` is the number of tries for temporary failures, `lease` is in seconds. `sole_owner` says
        that the caller holds the state lock: whatever runs at the start is then a dead run's and is put back
        at once. Otherwise other engines may use the same file, and only expired leases are taken over.
        """
        self._database, self._clock = database, clock
        self._capacities = {name: Capacity(places) for name, places in capacities.items()}
        self._attempts = Attempts(self, clock, timeouts=dict(timeouts or {}), most=attempts, jitter=jitter)
        self._lease, self._sole_owner = timedelta(seconds=lease), sole_owner
        self._handlers: Mapping[str, Handler] = {}
        self._lanes: Mapping[Lane, int] = {}
        self._events = Broadcast()
        self._main: asyncio.Task[None] | None = None
        self._reset()

    def _reset(self) -> None:
        self._owner = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._running: dict[int, Running] = {}
        self._over: list[Running] = []
        self._passed_over = 0
        self.turns = 0
        self._stopping = self._grace_over = self._held = False
        self._wake, self._busy = anyio.Event(), anyio.Event()

    async def start(self, handlers: Mapping[str, Handler], lanes: Mapping[Lane, int]) -> None:
        """See `WorkEngine`."""
        if self.started:
            raise RuntimeError("The engine runs already")
        if sum(lanes.values()) < 1:
            raise ValueError("The lanes need at least one slot")
        self._reset()
        self._handlers, self._lanes = handlers, lanes
        back = await self._database.write(
            partial(queue.put_back, now=self._clock.now(), owner=self._owner, expired_only=not self._sole_owner)
        )
        if back:
            _log.info("jobs-put-back-after-a-dead-run", jobs=back)
        # Started and stopped by different tasks, so the group lives in a task of its own; `stop` and `wait` join it.
        self._main = asyncio.create_task(self._work(), name="job engine")

    @property
    def started(self) -> bool:
        """Whether it runs; one that ended by itself may be started again."""
        return self._main is not None and not self._main.done()

    async def wait(self) -> None:
        """Return when the engine has been stopped; raise what made it end by itself."""
        if self._main is not None:
            await asyncio.shield(self._main)

    async def stop(self, grace: float) -> None:
        """See `WorkEngine`. The grace is real time even under a simulated clock, as it is for who stops us."""
        if self._main is None:
            return
        self._stopping = True
        self._wake.set()
        with anyio.move_on_after(grace):
            await asyncio.wait([self._main])
        self._grace_over = True
        for running in self._running.values():
            running.stop(Halt.STOPPING)
        main, self._main = self._main, None
        try:
            await main
        finally:
            self._events.end()

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
        """See `WorkEngine`."""
        wanted = Wanted(
            kind=kind, args=args, key=key, lane=lane, priority=priority, not_before=not_before, parent=parent
        )
        return (await self._enqueue([wanted]))[0]

    async def enqueue_many(self, requests: Sequence[Mapping[str, Any]]) -> Sequence[Job]:
        """See `WorkEngine`. TypeError when a mapping has a key that `enqueue` does not know."""
        return await self._enqueue([Wanted(**request) for request in requests])

    async def _enqueue(self, wanted: Sequence[Wanted]) -> Sequence[Job]:
        answers = await self._database.write(partial(queue.enqueue, wanted=wanted, now=self._clock.now()))
        for job, new in answers:
            if new:
                self._tell_of(job, "enqueued")
        self._wake.set()
        return [self._shown(job) for job, _ in answers]

    async def cancel(self, job_id: str) -> Job:
        """See `WorkEngine`."""
        number = await self._database.read(partial(queue.find, prefix=job_id))
        while True:
            job, ended = await self._database.write(
                partial(queue.cancel, number=number, mine=self._owner, now=self._clock.now())
            )
            if ended:
                self._tell_of(job, "ended")
            if job.state is not JobState.RUNNING:
                return job
            if running := self._running.get(number):
                running.stop(Halt.CANCELLED)
                await running.ended.wait()
            else:
                await anyio.lowlevel.checkpoint()  # claimed in the commit before ours: it begins in a moment

    async def call_off(self, parent: str, reason: MusicsyncError) -> int:
        """See `WorkEngine`."""
        ended = await self._database.write(
            partial(queue.call_off, parent=parent, reason=reason.as_dict(), now=self._clock.now())
        )
        for job in ended:
            self._tell_of(job, "ended")
        return len(ended)

    async def get(self, job_id: str) -> Job:
        """See `WorkEngine`."""
        return self._shown(await self._database.read(partial(queue.get, prefix=job_id)))

    async def list(self, where: JobFilter) -> Sequence[Job]:
        """See `WorkEngine`."""
        return [self._shown(job) for job in await self._database.read(partial(queue.listed, where=where))]

    async def retry(self, job_id: str) -> Job:
        """See `WorkEngine`."""
        number = await self._database.read(partial(queue.find, prefix=job_id))
        job = await self._database.write(partial(queue.retry, number=number))
        if job.state is JobState.WAITING:
            self._tell_of(job, "enqueued")
            self._wake.set()
        return self._shown(job)

    def events(self) -> Listener:
        """See `WorkEngine`."""
        return self._events.listen()

    async def gc(self, older_than: timedelta) -> int:
        """See `WorkEngine`. In small commits, so that a year's jobs hold nobody up."""
        before, total = self._clock.now() - older_than, 0
        while count := await self._database.write(partial(queue.forget, before=before, limit=1000)):
            total += count
        return total

    async def counts(self, parent: str | None = None) -> dict[str, dict[JobState, int]]:
        """See `WorkEngine`."""
        return await self._database.read(partial(queue.counts, parent=parent))

    async def reasons(self, parent: str) -> dict[str, int]:
        """See `WorkEngine`."""
        return await self._database.read(partial(queue.reasons, parent=parent))

    async def next_due(self) -> datetime | None:
        """When the next job that waits for its time comes due; None when none does."""
        return await self._database.read(queue.next_due)

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """For running jobs: as `Database.write`."""
        return await self._database.write(work)

    def limiter(self, name: str) -> Capacity:
        """The capacity of that name; one that the settings do not know has one place."""
        return self._capacities.setdefault(name, Capacity(1))

    def hold(self) -> None:
        """Claim nothing more until the next start; what runs goes on."""
        self._held = True

    def under_way(self) -> Sequence[Running]:
        """The tries that go on now."""
        return [*self._running.values()]

    def tell(self, running: Running, event: str) -> None:
        """Tell the listeners what a running job does."""
        running.moved = self._clock.monotonic()
        self._tell_of(running.shown(running.job), event)

    def _tell_of(self, job: Job, event: str, **fields: Any) -> None:
        event_of = partial(JobEvent, job=job.id, kind=job.kind, key=job.key, parent=job.parent, state=job.state)
        at = self._clock.now()
        self._events.tell(event_of(event=event, at=at, step=job.step, share=job.share, text=job.text, fields=fields))

    def _shown(self, job: Job) -> Job:
        if job.state is not JobState.RUNNING:
            return job
        running = self._running.get(numbers_of(job.id).start)
        return running.shown(job) if running else job

    async def _work(self) -> None:
        failure: Exception | None = None
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._keep_leases, name="job leases")
                try:
                    await self._take_turns(tasks)
                except Exception as error:  # noqa: BLE001  raised below, as itself and not in a group
                    failure = error
                tasks.cancel_scope.cancel()
        finally:  # who listens goes on: an engine that failed is started again
            for running in self._running.values():
                running.ended.set()
        if failure is not None:
            raise failure

    async def _take_turns(self, tasks: TaskGroup) -> None:
        while True:
            self._wake = anyio.Event()
            moment = await self._take_turn(tasks)
            if self._stopping and not self._running:
                return
            await self._wait_until(moment)

    async def _take_turn(self, tasks: TaskGroup) -> datetime | None:
        """One commit: how jobs ended, and new ones claimed. When to look again at the latest."""
        self.turns += 1
        over, self._over = self._over, []
        free = self.free()
        if not over and not free.user:
            return None
        turn = partial(
            queue.turn,
            endings=[running.ending for running in over if running.ending],
            free=free,
            owner=self._owner,
            now=self._clock.now(),
            lease=self._lease,
            shared=not self._sole_owner,
        )
        try:
            done = await self._database.write(turn)
        except Temporary as error:
            return self._put_off(over, error)
        self._apply(done, over, tasks)
        if self._sole_owner:
            return done.next_due
        # Others may have claimed since: look once per lease whether one of them has died.
        latest = self._clock.now() + self._lease
        return min(done.next_due or latest, latest)

    def _put_off(self, over: Sequence[Running], error: Temporary) -> datetime:
        _log.error("queue-not-written", error=str(error))
        if self._stopping:  # the next start puts these back
            for running in over:
                self._settle(running, stands=False)
        else:
            self._over = [*over, *self._over]
        return self._clock.now() + timedelta(seconds=WRITE_AGAIN)

    def _apply(self, turn: Turn, over: Sequence[Running], tasks: TaskGroup) -> None:
        if turn.claimed:
            crash_point(CrashPoint.JOB_CLAIMED)
        for running, stands in zip(over, turn.kept, strict=True):
            self._settle(running, stands=stands)
        for claimed in turn.claimed:
            self._begin(claimed, tasks)
        if turn.passed_over:
            self._passed_over += len(turn.claimed)
        elif any(claimed.job.lane is Lane.BACKLOG for claimed in turn.claimed):
            self._passed_over = 0

    def free(self) -> Free:
        """The slots that nothing runs in now; none when no more is to be claimed."""
        if self._stopping or self._held:
            return Free(user=0, backlog=0)
        busy = [running.job.lane for running in self._running.values() if running.ending is None]
        slots = sum(self._lanes.values()) - len(busy)
        backlog = min(slots, self._lanes.get(Lane.BACKLOG, 0) - busy.count(Lane.BACKLOG))
        return Free(user=slots, backlog=backlog, backlog_first=self._passed_over >= FAIRNESS)

    async def _wait_until(self, moment: datetime | None) -> None:
        """Wait to be woken, or for the moment; without one no timer exists at all."""
        if moment is None:
            await self._wake.wait()
            return
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._ring_at, moment, name="job alarm")
            await self._wake.wait()
            tasks.cancel_scope.cancel()

    async def _ring_at(self, moment: datetime) -> None:
        seconds = (moment - self._clock.now()).total_seconds()
        await self._clock.sleep(min(seconds, LONGEST_NAP))
        self._wake.set()

    async def _keep_leases(self) -> None:
        """Renew what is ours while something runs; end what is no longer ours."""
        while True:
            await self._busy.wait()
            await self._clock.sleep(self._lease.total_seconds() / 3)
            before, until = dict(self._running), self._clock.now() + self._lease
            if not before:
                continue
            try:
                ours = await self._database.write(partial(queue.extend, owner=self._owner, until=until))
            except MusicsyncError as error:  # one that stays will meet the next turn too
                _log.error("leases-not-renewed", error=str(error))
                continue
            for number, running in before.items():
                if number not in ours and running.ending is None:
                    running.stop(Halt.LOST)

    def _begin(self, claimed: Claimed, tasks: TaskGroup) -> None:
        running = Running(claimed=claimed)
        self._running[claimed.fence.number] = running
        self._busy.set()
        if self._grace_over:
            running.stop(Halt.STOPPING)
        job = claimed.job
        self.tell(running, "started")
        tasks.start_soon(self._run, running, tasks, name=f"job {job.id} {job.kind} {job.key}")

    async def _run(self, running: Running, tasks: TaskGroup) -> None:
        structlog.contextvars.bind_contextvars(job=running.job.id, track=running.job.key)
        running.ending = await self._attempts.run(running, self._handlers, tasks)
        self._over.append(running)
        self._wake.set()

    def _settle(self, running: Running, *, stands: bool) -> None:
        """How it ended is on the disk, or is no longer ours to say."""
        number, ending = running.claimed.fence.number, running.ending
        del self._running[number]
        if not self._running:
            self._busy = anyio.Event()
        running.ended.set()
        assert ending is not None
        job = running.job
        if not stands:
            _log.warning("job-taken-over", job=job.id, track=job.key)
            return
        if not ending.state.active:
            crash_point(CrashPoint.JOB_DONE)
        self._tell_end(running, ending)

    def _tell_end(self, running: Running, ending: Ending) -> None:
        fields: dict[str, Any] = {"reason": ending.reason, "result": ending.result}
        if ending.not_before is not None:
            fields["not_before"] = ending.not_before.isoformat()
        job = running.job
        event = "put-back" if ending.state.active else "ended"
        self._tell_of(replace(running.shown(job), state=ending.state), event, **fields)
        _log.info(f"job-{event}", job=job.id, track=job.key, state=ending.state, reason=ending.reason)
