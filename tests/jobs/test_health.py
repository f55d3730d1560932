"""Whether an engine gets on, as seen from outside."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest

from musicsyncd.clock import ManualClock
from musicsyncd.jobs.base import JobContext
from musicsyncd.jobs.health import Health
from musicsyncd.jobs.job import JobState, Lane
from musicsyncd.jobs.worker import SqliteEngine
from tests.jobs.driving import ONE_EACH, Record, put, running, until
from tests.jobs.test_engine import engine_on, opened

Pair = tuple[SqliteEngine, Health]


@pytest.fixture
def clock() -> ManualClock:
    """A clock moved by hand."""
    return ManualClock()


@pytest.fixture
async def pair(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Pair]:
    """An engine that is not started yet, and who looks at it."""
    database = await opened(tmp_path / "jobs.db", clock, tmp_path)
    engine = engine_on(database, clock)
    engine._lanes = ONE_EACH
    yield engine, Health(engine, database, clock)
    await database.close()


async def test_due_work_that_nobody_claims_is_neglected(pair: Pair, clock: ManualClock) -> None:
    """A job for later is not due; when its time has come it is, and claimed it is neglected no more."""
    engine, health = pair
    assert not await health.neglected()
    job = await put(engine, "a", not_before=clock.now() + timedelta(minutes=5))
    assert not await health.neglected()
    await clock.advance(301)
    assert await health.neglected()
    turns = health.turns
    async with running(engine, Record()):
        await until(engine, job, JobState.DONE)
        assert not await health.neglected()
        assert health.turns > turns


async def test_work_without_a_slot_for_it_is_not_neglected(pair: Pair) -> None:
    """A backlog job behind a full backlog waits rightly, though the user's slot is free; a user's job does not."""
    engine, health = pair
    record = Record(hold=True)
    async with running(engine, record):
        first, second = await put(engine, "a"), await put(engine, "b")
        await until(engine, first, JobState.RUNNING)
        assert not await health.neglected()
        engine.hold()
        await put(engine, "c", lane=Lane.USER)
        assert not await health.neglected(), "nothing more is wanted"
        record.gate.set()
        await until(engine, first, JobState.DONE)
        assert (await engine.get(second.id)).state is JobState.WAITING


async def test_a_job_that_says_nothing_stands_still_and_one_that_waits_for_a_place_does_not(
    pair: Pair, clock: ManualClock
) -> None:
    """By its id and where it is; a word of progress is a move."""
    engine, health = pair
    go_on, moved = anyio.Event(), anyio.Event()

    async def handler(context: JobContext, args: Mapping[str, Any]) -> None:
        if args["n"] == "waits":
            async with context.capacity("cpu"):
                return
        async with context.capacity("cpu"):
            context.progress(0.1, step="download")
            await go_on.wait()
            context.progress(0.5)
            moved.set()
            await anyio.sleep_forever()

    async with running(engine, handler):
        slow = await put(engine, "slow")
        await until(engine, slow, JobState.RUNNING)
        waiting = await put(engine, "waits", lane=Lane.USER)
        await until(engine, waiting, JobState.RUNNING)
        await anyio.wait_all_tasks_blocked()
        assert health.standing_still(30) == {}
        await clock.advance(31)
        assert health.standing_still(30) == {slow.id: "download"}
        go_on.set()
        await moved.wait()
        assert health.standing_still(30) == {}


async def test_drained_is_when_nothing_runs(pair: Pair) -> None:
    """What runs ends by itself, what waits stays waiting for the next start."""
    engine, health = pair
    record, drained = Record(hold=True), anyio.Event()
    async with running(engine, record):
        first, second = await put(engine, "a"), await put(engine, "b")
        await until(engine, first, JobState.RUNNING)

        async def drain() -> None:
            await health.drain()
            drained.set()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(drain)
            await anyio.wait_all_tasks_blocked()
            assert not drained.is_set()
            record.gate.set()
            await drained.wait()
        assert (await engine.get(first.id)).state is JobState.DONE
        assert (await engine.get(second.id)).state is JobState.WAITING


async def test_an_engine_that_ended_by_itself_can_be_started_again(pair: Pair) -> None:
    """Its supervisor does; the job that it lost is put back and done."""
    engine, _ = pair
    record = Record(hold=True)
    await engine.start({"track": record}, ONE_EACH)
    job = await put(engine, "a")
    await until(engine, job, JobState.RUNNING)

    async def broken(_tasks: object) -> None:
        raise TypeError("a fault of the engine's own")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "_take_turn", broken)
        record.gate.set()
        with pytest.raises(TypeError):
            await engine.wait()
    assert not engine.started
    await engine.start({"track": record}, ONE_EACH)
    await until(engine, job, JobState.DONE)
    await engine.stop(0)
