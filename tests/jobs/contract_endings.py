"""The part of the engine's contract that speaks of how tries end: failed, cancelled, put back, run out of time."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from musicsyncd.clock import ManualClock
from musicsyncd.errors import BadInput, Degraded, Permanent, Temporary
from musicsyncd.jobs.base import JobContext, WorkEngine
from musicsyncd.jobs.job import Job, JobState, Lane
from tests.jobs.driving import ONE_EACH, Make, Record, eventually, put, raising, running, until, when


class EndingsContract:
    """Inherited through `EngineContract`, which says what `make` must give."""

    async def test_a_temporary_failure_backs_off(self, make: Make, clock: ManualClock) -> None:
        """It waits as long as the error says, else the back-off, and then succeeds in a later try."""
        engine = make()
        errors = [Temporary("Busy", delay=300), Temporary("Busy"), None]
        async with running(engine, raising(*errors)):
            job = await put(engine, "a")
            for seconds in (300, 120):
                waiting = await self._put_back(engine, job)
                assert waiting.not_before is not None
                assert (waiting.not_before - clock.now()).total_seconds() == seconds
                assert (waiting.reason or {})["what"] == "Busy"
                await clock.advance(seconds)
            done = await until(engine, job, JobState.DONE)
        assert (done.attempts, done.reason) == (3, None)

    async def test_a_service_that_wants_to_be_left_alone_costs_no_job_its_tries(
        self, make: Make, clock: ManualClock
    ) -> None:
        """However often it says so, the job waits, and then succeeds as in its first try."""
        engine = make()
        errors = [Temporary("Left alone", delay=60, counts=False)] * 20
        async with running(engine, raising(*errors, None)):
            job = await put(engine, "a")
            for _ in errors:
                assert (await self._put_back(engine, job)).attempts == 0
                await clock.advance(60)
            done = await until(engine, job, JobState.DONE)
        assert done.attempts == 1

    async def _put_back(self, engine: WorkEngine, job: Job) -> Job:
        return await when(engine, job, lambda now: now.not_before is not None)

    @pytest.mark.parametrize(("error", "tries"), [(Temporary("Busy", delay=0), 6), (ValueError("Ä"), 3)])
    async def test_it_is_given_up_in_the_end(
        self, make: Make, clock: ManualClock, error: Exception, tries: int
    ) -> None:
        """After the last try the job fails, and its reason says how many there were."""
        engine = make()
        async with running(engine, raising(*[error] * 6)):
            job = await put(engine, "a")

            async def failed() -> bool:
                await clock.advance(3600)
                return (await engine.get(job.id)).state is JobState.FAILED

            await eventually(failed)
            now = await engine.get(job.id)
        assert now.attempts == tries
        assert f"Given up after {tries} attempts" in (now.reason or {})["what"]

    @pytest.mark.parametrize(
        ("error", "state"),
        [
            (Permanent("No", why="because"), JobState.FAILED),
            (BadInput("What?"), JobState.FAILED),
            (Degraded("Away", target="volume:VIBES"), JobState.PARTIAL),
            (BaseExceptionGroup("both", [SystemExit(3), ValueError("x")]), JobState.WAITING),
            (SystemExit(2), JobState.WAITING),
        ],
    )
    async def test_what_a_handler_raises_decides(self, make: Make, error: BaseException, state: JobState) -> None:
        """Each class of error leads to its state, nothing kills the engine, and the next job is done."""
        engine = make()
        async with running(engine, raising(error, None)):
            job = await put(engine, "a")
            ended = await when(engine, job, lambda now: now.reason is not None)
            await until(engine, await put(engine, "b"), JobState.DONE)
        assert ended.state is state
        if state is JobState.PARTIAL:
            assert ended.result == {"partial": ["volume:VIBES"]}

    async def test_a_cancellation_of_the_handlers_own_making_is_a_failure(self, make: Make) -> None:
        """A library that raises the cancellation exception by itself does not take the engine along."""
        engine = make()
        async with running(engine, raising(anyio.get_cancelled_exc_class()(), None)):
            await put(engine, "a")
            await until(engine, await put(engine, "b"), JobState.DONE)

    async def test_partial(self, make: Make) -> None:
        """A result that lists targets under `partial` ends the job so."""
        engine = make()

        async def handler(context: JobContext, args: Mapping[str, Any]) -> dict[str, Any]:
            return {"partial": ["volume:A"], "files": 2}

        async with running(engine, handler):
            job = await until(engine, await put(engine, "a"), JobState.PARTIAL)
        assert job.result == {"partial": ["volume:A"], "files": 2}

    async def test_cancel_a_waiting_job(self, make: Make) -> None:
        """It is cancelled at once, never runs, and its key is free."""
        engine, record = make(), Record()
        job = await put(engine, "a")
        assert (await engine.cancel(job.id)).state is JobState.CANCELLED
        async with running(engine, record):
            await until(engine, await put(engine, "b"), JobState.DONE)
        assert record.keys == ["b"]

    async def test_cancel_a_running_job(self, make: Make) -> None:
        """Its handler is cancelled; when `cancel` returns it has ended. Others go on."""
        engine, record = make(), Record(hold=True)
        async with running(engine, record, {Lane.BACKLOG: 2}):
            job, other = await put(engine, "a"), await put(engine, "b")
            await record.has(2)
            with anyio.fail_after(5):
                assert (await engine.cancel(job.id)).state is JobState.CANCELLED
            record.gate.set()
            await until(engine, other, JobState.DONE)

    async def test_retry(self, make: Make) -> None:
        """A failed job runs again as a user's with all its tries; a done one is refused."""
        engine = make()
        async with running(engine, raising(Permanent("No"), None)):
            job = await until(engine, await put(engine, "a"), JobState.FAILED)
            again = await engine.retry(job.id)
            assert (again.id, again.lane) == (job.id, Lane.USER)
            done = await until(engine, job, JobState.DONE)
            assert done.attempts == 1
            with pytest.raises(BadInput, match="done"):
                await engine.retry(job.id)

    async def test_retry_while_a_newer_job_of_the_key_is_active(self, make: Make) -> None:
        """Then that one is promoted: there are never two active jobs of a key."""
        engine = make()
        old = await put(engine, "a")
        await engine.cancel(old.id)
        new = await put(engine, "a")
        assert (await engine.retry(old.id)).id == new.id
        assert (await engine.get(new.id)).lane is Lane.USER

    async def test_stop_puts_back_what_still_runs(self, make: Make) -> None:
        """After the grace a running job waits again, its try not counted; one that ends in time is done."""
        engine, record = make(), Record(hold=True)
        job = await put(engine, "a")
        await engine.start({"track": record}, ONE_EACH)
        await record.has(1)
        await engine.stop(0.02)
        back = await engine.get(job.id)
        assert (back.state, back.attempts) == (JobState.WAITING, 0)
        engine, record = make(), Record(hold=True)
        await engine.start({"track": record}, ONE_EACH)
        await record.has(1)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(engine.stop, 5)
            await anyio.sleep(0.02)
            record.gate.set()
        assert (await engine.get(job.id)).state is JobState.DONE

    async def test_a_job_that_runs_too_long_is_put_back(self, make: Make, clock: ManualClock) -> None:
        """After its running time the handler is cancelled and the job tried again later."""
        engine, record = make(), Record(hold=True)
        async with running(engine, record):
            job = await put(engine, "a")
            await record.has(1)
            await clock.advance(61)
            back = await self._put_back(engine, job)
        assert "60 s" in (back.reason or {})["what"]

    async def test_waiting_for_a_capacity_is_not_running_time(self, make: Make, clock: ManualClock) -> None:
        """A job that waits an hour for a place and then works 40 s has not overrun its 60 s."""
        engine, gates = make(), {key: anyio.Event() for key in "ab"}
        entered: list[str] = []

        async def handler(context: JobContext, args: Mapping[str, Any]) -> None:
            async with context.capacity("cpu"):
                entered.append(context.job.key)
                with contextlib.suppress(TimeoutError):
                    await gates[context.job.key].wait()

        async with running(engine, handler, {Lane.BACKLOG: 2}):
            await put(engine, "a")
            second = await put(engine, "b")
            await eventually(lambda: entered == ["a"])
            await anyio.sleep(0.03)
            await clock.advance(59)
            gates["a"].set()
            await eventually(lambda: entered == ["a", "b"])
            await clock.advance(40)
            gates["b"].set()
            assert (await until(engine, second, JobState.DONE)).attempts == 1

    async def test_an_unknown_kind_fails_with_its_reason(self, make: Make) -> None:
        """A job that this program cannot do fails, and says so."""
        engine = make()
        async with running(engine, Record()):
            job = await engine.enqueue("unheard-of", {}, key="a")
            failed = await until(engine, job, JobState.FAILED)
        assert "unheard-of" in (failed.reason or {})["what"]

    async def test_failures_are_counted_by_their_class(self, make: Make) -> None:
        """Of one parent; what ended well or waits is none."""
        engine = make()
        async with running(engine, raising(Permanent("x"), BadInput("y"), Permanent("z"), None)):
            for key in "abcd":
                await until(engine, await put(engine, key, parent="p"), JobState.DONE, JobState.FAILED)
            assert await engine.reasons("p") == {"Permanent": 2, "BadInput": 1}
            assert await engine.reasons("q") == {}

    async def test_calling_off_ends_what_waits_of_one_parent(self, make: Make) -> None:
        """With the reason, each told once; what runs goes on, and other parents' jobs do not notice."""
        engine, record = make(), Record(hold=True)
        reason = Permanent("Too many failed", fix="Ask again")
        async with running(engine, record):
            first, second, third = [await put(engine, key, parent="p") for key in "abc"]
            other = await put(engine, "d", parent="q")
            await until(engine, first, JobState.RUNNING)
            events = engine.events()
            assert await engine.call_off("p", reason) == 2
            told = [await anext(aiter(events)) for _ in range(2)]
            assert {(one.job, one.event, one.state) for one in told} == {
                (job.id, "ended", JobState.CANCELLED) for job in (second, third)
            }
            stopped = await engine.get(second.id)
            assert (stopped.state, stopped.reason, stopped.ended_at is None) == (
                JobState.CANCELLED, reason.as_dict(), False,
            )  # fmt: skip
            assert (await engine.counts("p"))["track"] == {JobState.RUNNING: 1, JobState.CANCELLED: 2}
            assert await engine.call_off("p", reason) == 0
            record.gate.set()
            await until(engine, first, JobState.DONE)
            await until(engine, other, JobState.DONE)
        assert sorted(record.keys) == ["a", "d"]
