"""The SQLite engine under the contract, on a file and in memory, and what only it promises."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from anyio.abc import TaskGroup

from musicsyncd.clock import ManualClock, SystemClock
from musicsyncd.database import Database
from musicsyncd.errors import Permanent
from musicsyncd.jobs.base import JobContext, WorkEngine
from musicsyncd.jobs.job import JobState, Lane
from musicsyncd.jobs.queue import DEATHS
from musicsyncd.jobs.worker import SqliteEngine
from tests.jobs.contract import EngineContract
from tests.jobs.driving import ONE_EACH, Record, eventually, put, running, until

SCHEMAS = {"jobs": SqliteEngine.schema}


async def opened(path: Path | str, clock: ManualClock, folder: Path) -> Database:
    return await Database.open(path, SCHEMAS, backups=folder / "backups", clock=clock)


def engine_on(database: Database, clock: ManualClock, **more: Any) -> SqliteEngine:
    return SqliteEngine(database, clock, {"cpu": 1}, timeouts={"track": 60.0}, jitter=lambda: 1.0, **more)


class OnSqlite(EngineContract):
    """The contract, on whatever database the subclass names."""

    @pytest.fixture
    async def make(self, database: Database, clock: ManualClock) -> Callable[[], WorkEngine]:
        return partial(engine_on, database, clock)


class TestOnAFile(OnSqlite):
    """As in the daemon."""

    @pytest.fixture
    async def database(self, tmp_path: Path, clock: ManualClock) -> AsyncIterator[Database]:
        database = await opened(tmp_path / "jobs.db", clock, tmp_path)
        yield database
        await database.close()


class TestInMemory(OnSqlite):
    """The twin without a disk."""

    @pytest.fixture
    async def database(self, tmp_path: Path, clock: ManualClock) -> AsyncIterator[Database]:
        database = await opened(":memory:", clock, tmp_path)
        yield database
        await database.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def two(tmp_path: Path, clock: ManualClock) -> AsyncIterator[tuple[SqliteEngine, SqliteEngine]]:
    """Two engines with databases of their own on one file, neither of them its sole owner."""
    databases = [await opened(tmp_path / "jobs.db", clock, tmp_path) for _ in range(2)]
    first, second = (engine_on(database, clock, sole_owner=False) for database in databases)
    yield first, second
    for database in databases:
        await database.close()


async def test_two_engines_share_a_file_without_a_double_run(
    two: tuple[SqliteEngine, SqliteEngine], clock: ManualClock
) -> None:
    """While leases live, each job runs in one of the two."""
    records = Record(), Record()
    await two[0].enqueue_many([{"kind": "track", "key": f"{n}", "args": {}} for n in range(200)])
    async with running(two[0], records[0]), running(two[1], records[1]):

        async def all_done() -> bool:
            return (await two[0].counts())["track"].get(JobState.DONE, 0) == 200

        await eventually(all_done)
    assert sorted(records[0].keys + records[1].keys) == sorted(f"{n}" for n in range(200))
    assert records[0].keys
    assert records[1].keys


async def test_a_live_engines_jobs_are_left_alone(two: tuple[SqliteEngine, SqliteEngine], clock: ManualClock) -> None:
    """The lease is renewed while the job runs, however long that takes."""
    records = Record(hold=True), Record()
    job = await put(two[0], "a")
    await two[0].start({"slow": records[0], "track": records[0]}, ONE_EACH)
    await records[0].has(1)
    async with running(two[1], records[1]):
        for _ in range(5):
            await clock.advance(11)
            await anyio.sleep(0.03)
        assert records[1].keys == []
        records[0].gate.set()
        await until(two[1], job, JobState.DONE)
    await two[0].stop(1)


async def test_a_silent_engines_job_is_taken_over_and_fenced(
    two: tuple[SqliteEngine, SqliteEngine], clock: ManualClock
) -> None:
    """When the lease runs out another engine does the job; the first one can neither checkpoint nor finish it."""
    gate, refused, ran = anyio.Event(), list[Exception](), list[str]()

    async def silent(context: JobContext, args: Mapping[str, Any]) -> dict[str, Any]:
        ran.append("first")
        with anyio.CancelScope(shield=True):
            await gate.wait()
            try:
                await context.step("late", lambda: anyio.lowlevel.checkpoint())
            except Permanent as error:
                refused.append(error)
        return {"by": "first"}

    async def other(context: JobContext, args: Mapping[str, Any]) -> dict[str, Any]:
        ran.append("second")
        return {"by": "second"}

    job = await put(two[0], "a")
    await two[0].start({"track": silent}, ONE_EACH)
    await eventually(lambda: bool(ran))
    await two[0]._database.write(lambda connection: connection.execute("UPDATE job SET lease_until = 0"))
    async with running(two[1], other):
        done = await until(two[1], job, JobState.DONE)
        gate.set()
        await two[0].stop(1)
    assert ran == ["first", "second"]
    assert done.result == {"by": "second"}
    assert (await two[1].get(job.id)).result == {"by": "second"}
    assert "taken over" in str(refused[0])


async def test_a_handler_whose_job_was_taken_is_ended(
    two: tuple[SqliteEngine, SqliteEngine], clock: ManualClock
) -> None:
    """An engine that finds a job of its own gone, cancelled through another, ends its handler."""
    record, ended = Record(hold=True), list[str]()

    async def handler(context: JobContext, args: Mapping[str, Any]) -> None:
        try:
            await record(context, args)
        finally:
            ended.append(context.job.key)

    job = await put(two[0], "a")
    async with running(two[0], handler):
        await record.has(1)
        assert (await two[1].cancel(job.id)).state is JobState.CANCELLED
        assert ended == []
        await clock.advance(11)
        await eventually(lambda: ended == ["a"])
    assert (await two[0].get(job.id)).state is JobState.CANCELLED


async def test_a_dead_runs_jobs_start_at_once(tmp_path: Path, clock: ManualClock) -> None:
    """With the state lock held, a start puts running rows back, tries counted; a killer is given up."""
    database = await opened(tmp_path / "jobs.db", clock, tmp_path)
    engine, record = engine_on(database, clock), Record()
    jobs = [await put(engine, key) for key in ("victim", "killer")]
    await database.write(
        lambda connection: connection.executemany(
            "UPDATE job SET state = 'running', owner = 'dead', claims = 1, attempts = ?, lease_until = 1 << 60"
            " WHERE key = ?",
            [(1, "victim"), (DEATHS, "killer")],
        )
    )
    async with running(engine, record):
        assert (await until(engine, jobs[0], JobState.DONE)).attempts == 2
        killer = await engine.get(jobs[1].id)
    assert (killer.state, record.keys) == (JobState.FAILED, ["victim"])
    assert "died" in (killer.reason or {})["what"]
    await database.close()


async def test_a_full_disk_loses_no_ending(tmp_path: Path, clock: ManualClock) -> None:
    """How a job ended is written as soon as the disk takes it; the engine lives on."""
    database = await opened(tmp_path / "jobs.db", clock, tmp_path)
    engine, record = engine_on(database, clock), Record(hold=True)
    job = await put(engine, "a")

    async def handler(context: JobContext, args: Mapping[str, Any]) -> dict[str, Any]:
        await record(context, args)
        return {"text": "x" * 50_000}

    def limit(pages: int) -> Any:
        return lambda connection: connection.execute(f"PRAGMA max_page_count={pages}").fetchall()

    async with running(engine, handler):
        await record.has(1)
        await database.write(limit(1))
        record.gate.set()
        await anyio.sleep(0.05)
        assert (await engine.get(job.id)).state is JobState.RUNNING
        await database.write(limit(1_000_000))
        await clock.advance(1.1)
        await until(engine, job, JobState.DONE)
    await database.close()


async def test_ten_thousand_are_enqueued_in_one_commit(tmp_path: Path) -> None:
    """Within two seconds, and asked again they are the same jobs."""
    database = await Database.open(tmp_path / "jobs.db", SCHEMAS, backups=tmp_path, clock=SystemClock())
    engine = SqliteEngine(database, SystemClock(), {})
    requests = [{"kind": "track", "key": f"{n}", "args": {"n": n}} for n in range(10_000)]
    commits: list[str] = []
    await database.write(lambda connection: connection.set_trace_callback(commits.append))
    commits.clear()
    began = time.monotonic()
    jobs = await engine.enqueue_many(requests)
    assert time.monotonic() - began < 2
    assert commits.count("COMMIT") == 1
    assert len({job.id for job in jobs}) == 10_000
    assert [job.id for job in await engine.enqueue_many(requests)] == [job.id for job in jobs]
    assert await engine.counts() == {"track": {JobState.WAITING: 10_000}}
    await database.close()


async def test_an_idle_engine_asks_the_database_nothing(tmp_path: Path) -> None:
    """Without work there is no statement and no timer: nothing is polled."""
    clock = SystemClock()
    database = await Database.open(tmp_path / "jobs.db", SCHEMAS, backups=tmp_path, clock=clock)
    engine, record = SqliteEngine(database, clock, {}, lease=0.05), Record()
    async with running(engine, record):
        await until(engine, await put(engine, "a"), JobState.DONE)
        await anyio.sleep(0.1)
        statements: list[str] = []
        await database.write(lambda connection: connection.set_trace_callback(statements.append))
        await anyio.sleep(0.2)
        assert [text for text in statements if text not in ("COMMIT", "RELEASE one")] == []
    await database.close()


async def test_next_due_and_wait(tmp_path: Path, clock: ManualClock) -> None:
    """`next_due` names the earliest waiting moment; `wait` returns when the engine has been stopped."""
    database = await opened(":memory:", clock, tmp_path)
    engine = engine_on(database, clock)
    assert await engine.next_due() is None
    for days in (3, 1, 2):
        await put(engine, f"{days}", not_before=clock.now() + timedelta(days=days))
    assert await engine.next_due() == clock.now() + timedelta(days=1)
    await engine.start({"track": Record()}, {Lane.USER: 1})
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(engine.wait)
        await anyio.sleep(0.01)
        await engine.stop(0)
    await database.close()


async def test_an_engine_that_cannot_go_on_says_so(tmp_path: Path, clock: ManualClock) -> None:
    """When the database is gone for good, `wait` and `stop` raise the very error; then listeners are let go."""
    database = await opened(tmp_path / "jobs.db", clock, tmp_path)
    engine, record = engine_on(database, clock), Record(hold=True)
    await put(engine, "a")
    listener = engine.events()
    await engine.start({"track": record}, ONE_EACH)
    await record.has(1)
    await database.close()
    record.gate.set()
    with anyio.fail_after(5):
        with pytest.raises(RuntimeError, match="closed"):
            await engine.wait()
        with pytest.raises(RuntimeError, match="closed"):
            await engine.stop(1)
        assert [event.event async for event in listener] == ["started"]


async def test_who_listens_hears_on_when_the_engine_is_started_again(tmp_path: Path, clock: ManualClock) -> None:
    """A failure of the engine is the end of it alone; only `stop` lets its listeners go."""
    database = await opened(tmp_path / "jobs.db", clock, tmp_path)
    engine, record = engine_on(database, clock), Record()
    listener, take_turn = engine.events(), engine._take_turn

    async def fail(tasks: TaskGroup) -> None:
        engine._take_turn = take_turn  # type: ignore[method-assign]
        raise RuntimeError("once")

    engine._take_turn = fail  # type: ignore[method-assign]
    await engine.start({"track": record}, ONE_EACH)
    with pytest.raises(RuntimeError, match="once"):
        await engine.wait()
    await engine.start({"track": record}, ONE_EACH)
    await put(engine, "a")
    await record.has(1)
    with anyio.fail_after(5):
        await engine.stop(1)
        assert [event.event async for event in listener] == ["enqueued", "started", "ended"]
    await database.close()
