"""What every work engine must do: a vendor's test class and the memory twin's inherit this one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from musicsyncd.clock import ManualClock
from musicsyncd.errors import Permanent, Temporary
from musicsyncd.jobs.base import Handler, JobContext
from musicsyncd.jobs.job import JobEvent, JobFilter, JobState, Lane
from tests.jobs.contract_endings import EndingsContract
from tests.jobs.driving import Make, Record, eventually, put, running, until


class EngineContract(EndingsContract):
    """Inherit, and give the fixture `make`: each call returns an engine on the same rows, with `clock`, `limit` = 60 s
    of running time for a track, jitter 1, and the capacity `cpu` with one place."""

    @pytest.fixture
    def clock(self) -> ManualClock:
        return ManualClock()

    async def test_a_job_is_done_and_its_result_kept(self, make: Make) -> None:
        """Arguments reach the handler, its JSON result comes back, and the times are told."""
        engine = make()
        seen: list[Mapping[str, Any]] = []

        async def handler(context: JobContext, args: Mapping[str, Any]) -> dict[str, Any]:
            seen.append(args)
            return {"title": "Ünïcode × – \ud800", "values": (1, 2)}

        async with running(engine, handler):
            done = await until(engine, await put(engine, "a", parent="p"), JobState.DONE)
        assert seen == [{"n": "a"}]
        assert done.result == {"title": "Ünïcode × – \ud800", "values": [1, 2]}
        assert (done.attempts, done.parent) == (1, "p")
        assert done.started_at is not None
        assert done.ended_at is not None

    async def test_the_same_request_is_one_job_while_active(self, make: Make) -> None:
        """Asked again while waiting or running it is the same job; once it has ended, a new one."""
        engine, record = make(), Record(hold=True)
        first = await put(engine, "a")
        assert (await put(engine, "a")).id == first.id
        async with running(engine, record):
            await record.has(1)
            assert (await put(engine, "a")).id == first.id
            record.gate.set()
            await until(engine, first, JobState.DONE)
            second = await put(engine, "a")
            assert second.id != first.id
            await until(engine, second, JobState.DONE)
        assert second.id > first.id

    async def test_kinds_of_one_key_are_jobs_of_their_own_that_take_turns(self, make: Make) -> None:
        """What else is asked about the same thing is neither lost nor done at the same time; other keys go on."""
        engine, held, others = make(), Record(hold=True), Record()
        first = await put(engine, "a", Lane.USER)
        again = await engine.enqueue("other", {"n": "again"}, key="a", lane=Lane.USER)
        await engine.enqueue("other", {"n": "b"}, key="b")
        assert again.id != first.id
        await engine.start({"track": held, "other": others}, {Lane.USER: 2, Lane.BACKLOG: 2})
        try:
            await held.has(1)
            await others.has(1)
            assert (others.keys, (await engine.get(again.id)).state) == (["b"], JobState.WAITING)
            held.gate.set()
            await until(engine, again, JobState.DONE)
        finally:
            await engine.stop(0)
        ended = (await engine.get(first.id)).ended_at
        began = (await engine.get(again.id)).started_at
        assert ended is not None
        assert began is not None
        assert ended <= began

    async def test_asking_again_promotes(self, make: Make, clock: ManualClock) -> None:
        """The better lane and priority win, the parent stays, and a person does not wait for a back-off."""
        engine, later = make(), clock.now() + timedelta(hours=1)
        await put(engine, "a", priority=5, parent="nightly", not_before=later)
        machine = await put(engine, "a", priority=9)
        assert (machine.priority, machine.not_before) == (5, later)
        person = await put(engine, "a", Lane.USER, priority=2, parent="me")
        assert (person.lane, person.priority, person.not_before) == (Lane.USER, 2, None)
        assert person.parent == "nightly"

    async def test_order(self, make: Make) -> None:
        """User jobs first, then by priority, then by age."""
        engine, record = make(), Record()
        for key, lane, priority in [("d", "backlog", 0), ("e", "backlog", 0), ("c", "backlog", -1)]:
            await put(engine, key, Lane(lane), priority=priority)
        await put(engine, "b", Lane.USER, priority=1)
        await put(engine, "a", Lane.USER)
        async with running(engine, record, {Lane.USER: 0, Lane.BACKLOG: 1}):
            await record.has(5)
        assert record.keys == ["a", "b", "c", "d", "e"]

    async def test_a_user_job_has_its_slot_behind_a_backlog(self, make: Make) -> None:
        """Backlog jobs never fill the user's slot; user jobs may use all."""
        engine, record = make(), Record(hold=True)
        await engine.enqueue_many([{"kind": "track", "key": f"{n}", "args": {}} for n in range(20)])
        async with running(engine, record, {Lane.USER: 1, Lane.BACKLOG: 2}):
            await record.has(2)
            await anyio.sleep(0.03)
            assert record.keys == ["0", "1"]
            await put(engine, "me", Lane.USER)
            await record.has(3)
            assert record.keys[2] == "me"

    async def test_the_backlog_is_not_starved(self, make: Make) -> None:
        """However many user jobs wait, a backlog job has its turn."""
        engine, record = make(), Record()
        await put(engine, "backlog")
        await engine.enqueue_many([{"kind": "track", "key": f"{n}", "args": {}, "lane": Lane.USER} for n in range(30)])
        async with running(engine, record, {Lane.USER: 0, Lane.BACKLOG: 1}):
            await record.has(31)
        assert 1 <= record.keys.index("backlog") < 15

    async def test_not_before_its_time(self, make: Make, clock: ManualClock) -> None:
        """A job for later neither runs early nor holds up others, and runs when its time has come."""
        engine, record = make(), Record()
        await put(engine, "later", Lane.USER, not_before=clock.now() + timedelta(seconds=60))
        async with running(engine, record):
            await until(engine, await put(engine, "now"), JobState.DONE)
            await clock.advance(59)
            await anyio.sleep(0.03)
            assert record.keys == ["now"]
            await clock.advance(2)
            await record.has(2)

    async def test_steps_are_kept_over_tries_and_restarts(self, make: Make) -> None:
        """A step that was recorded does not run again, not even in another engine; JSON comes back both times."""
        ran: list[str] = []

        async def work(name: str) -> tuple[str, int]:
            ran.append(name)
            return name, len(ran)

        async def handler(context: JobContext, args: Mapping[str, Any]) -> dict[str, Any]:
            first = await context.step("one", lambda: work("one"))
            if context.attempt == 1:
                raise Temporary("Later", delay=0)
            return {"first": first, "second": await context.step("two", lambda: work("two"))}

        engine = make()
        job = await put(engine, "a")
        async with running(engine, handler):
            done = await until(engine, job, JobState.DONE)
        assert ran == ["one", "two"]
        assert done.result == {"first": ["one", 1], "second": ["two", 2]}

    async def test_a_changed_pipeline_finds_its_place(self, make: Make) -> None:
        """Steps are known by name: inserted and renamed ones run, removed ones are not missed."""
        ran: list[str] = []

        def pipeline(steps: Sequence[str], *, stop: bool) -> Handler:
            async def work(name: str) -> str:
                ran.append(name)
                return name

            async def handler(context: JobContext, args: Mapping[str, Any]) -> dict[str, Any]:
                found = [await context.step(name, lambda name=name: work(name)) for name in steps]  # type: ignore[misc]
                if stop:
                    raise Permanent("The old program stops here")
                return {"steps": found}

            return handler

        engine = make()
        async with running(engine, pipeline(["match", "download", "convert"], stop=True)):
            job = await until(engine, await put(engine, "a"), JobState.FAILED)
        engine = make()
        await engine.retry(job.id)
        changed = ["match", "check", "transcode", "tag"]
        async with running(engine, pipeline(changed, stop=False)):
            done = await until(engine, job, JobState.DONE)
        assert ran == ["match", "download", "convert", "check", "transcode", "tag"]
        assert done.result == {"steps": changed}

    async def test_a_step_that_no_longer_stands_runs_again(self, make: Make) -> None:
        """`stands` is asked about the kept result, and its no makes the step run and be kept anew."""
        ran: list[int] = []

        async def work() -> int:
            ran.append(len(ran))
            return ran[-1]

        async def stands(kept: int) -> bool:
            return kept > 0

        async def handler(context: JobContext, args: Mapping[str, Any]) -> dict[str, Any]:
            value = await context.step("one", work, stands=stands)
            if context.attempt < 3:
                raise Temporary("Again", delay=0)
            return {"value": value}

        engine = make()
        async with running(engine, handler):
            done = await until(engine, await put(engine, "a"), JobState.DONE)
        assert ran == [0, 1]
        assert done.result == {"value": 1}

    async def test_events(self, make: Make) -> None:
        """A listener hears what happens from its making on, and its iteration ends with the engine."""
        engine = make()

        async def handler(context: JobContext, args: Mapping[str, Any]) -> None:
            await context.step("download", lambda: anyio.lowlevel.checkpoint())
            context.progress(0.5, "half", step="download")
            assert (await engine.get(context.job.id)).share == 0.5

        listener = engine.events()
        async with running(engine, handler):
            job = await until(engine, await put(engine, "a", parent="p"), JobState.DONE)
        heard: list[JobEvent] = [event async for event in listener]
        assert [event.event for event in heard] == ["enqueued", "started", "step", "progress", "ended"]
        assert {(event.job, event.key, event.parent) for event in heard} == {(job.id, "a", "p")}
        assert (heard[3].share, heard[3].text, heard[3].step) == (0.5, "half", "download")
        assert heard[4].state is JobState.DONE

    async def test_gc_forgets_old_ended_jobs_only(self, make: Make, clock: ManualClock) -> None:
        """Old ended jobs go with their steps, young and active ones stay, and no id is ever used again."""
        engine = make()

        async def handler(context: JobContext, args: Mapping[str, Any]) -> None:
            await context.step("one", lambda: anyio.lowlevel.checkpoint())

        waiting = await put(engine, "w", not_before=clock.now() + timedelta(days=400))
        async with running(engine, handler):
            old = await until(engine, await put(engine, "old"), JobState.DONE)
            await clock.advance(100)
            young = await until(engine, await put(engine, "young"), JobState.DONE)
        assert await engine.gc(timedelta(seconds=50)) == 1
        assert {job.id for job in await engine.list(JobFilter())} == {waiting.id, young.id}
        assert (await put(engine, "new")).id > max(old.id, young.id)

    async def test_finding_by_prefix_and_by_filter(self, make: Make) -> None:
        """An id may be shortened while it is clear; lists are newest first and filtered."""
        engine = make()
        jobs = await engine.enqueue_many(
            [{"kind": "track", "key": f"{n}", "args": {}, "parent": f"p{n % 2}"} for n in range(5)]
        )
        assert (await engine.get(jobs[0].id.upper())).key == "0"
        with pytest.raises(LookupError, match="Several"):
            await engine.get(jobs[0].id[:3])
        for unknown in ("", "zzzzzzzz", "no such id", "123456789"):
            with pytest.raises(LookupError, match="no job"):
                await engine.get(unknown)
        assert [job.key for job in await engine.list(JobFilter(limit=2))] == ["4", "3"]
        assert [job.key for job in await engine.list(JobFilter(parent="p1"))] == ["3", "1"]
        assert await engine.list(JobFilter(states=frozenset({JobState.DONE}))) == []
        waiting = frozenset({JobState.WAITING})
        assert len(await engine.list(JobFilter(states=waiting, kind="track", key="2"))) == 1

    async def test_capacity(self, make: Make) -> None:
        """No more jobs than places are inside a capacity at once, and user jobs go ahead of the backlog."""
        engine, inside, order = make(), [0], list[str]()
        gate = anyio.Event()

        async def handler(context: JobContext, args: Mapping[str, Any]) -> None:
            async with context.capacity("cpu"):
                inside[0] += 1
                order.append(context.job.key)
                assert inside[0] == 1
                await gate.wait()
                await anyio.lowlevel.checkpoint()
                inside[0] -= 1

        async with running(engine, handler, {Lane.USER: 1, Lane.BACKLOG: 3}):
            last = [await put(engine, key) for key in "ab"]
            await eventually(lambda: bool(order))
            last.append(await put(engine, "user", Lane.USER))
            await anyio.sleep(0.03)
            gate.set()
            for job in last:
                await until(engine, job, JobState.DONE)
        assert order == ["a", "user", "b"]
