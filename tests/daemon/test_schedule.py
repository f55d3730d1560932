"""The owner's table of schedules in Notion holds at once, survives Notion's absence, and hears how runs went."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest

from musicsyncd.daemon.schedule import Schedule
from musicsyncd.daemon.timing import Timing
from musicsyncd.database import Database
from musicsyncd.errors import Permanent
from musicsyncd.jobs.base import JobContext
from musicsyncd.jobs.job import JobFilter, JobState, Lane
from musicsyncd.jobs.worker import SqliteEngine
from musicsyncd.sync.engine import REQUEST
from musicsyncd.sync.request import Scope
from musicsyncd.triggers.clock import Timekeeper, drop_request
from musicsyncd.triggers.notion_table import MIGRATIONS, Table
from musicsyncd.triggers.policy import Policy
from musicsyncd.triggers.rows import MIGRATIONS as TRIGGERS
from tests.fakes.notion import NotionFake
from tests.fakes.notion_music import Workspace, music_workspace
from tests.notion.house import Hasty, house

BASE = Policy(jitter=0, timezone="UTC")


@pytest.fixture
def ws() -> Iterator[Workspace]:
    with NotionFake() as fake:
        found = music_workspace(fake)
        fake.add_property(found.config, "Last Result", "rich_text")
        yield found
        assert fake.faults == []


@asynccontextmanager
async def schedule(ws: Workspace, folder: Path) -> AsyncIterator[tuple[Schedule, Timing, SqliteEngine, Hasty]]:
    """With a queue whose requests end as `ends` says; begun, as a daemon that starts."""
    clock = Hasty()
    schemas = {"jobs": SqliteEngine.schema, "triggers": TRIGGERS, "schedule": MIGRATIONS}
    database = await Database.open(folder / "m.db", schemas, backups=folder / "backups", clock=clock)
    jobs = SqliteEngine(database, clock, {})
    keeper = Timekeeper(database, clock, jobs, BASE, seed="test")
    await keeper.load()
    timing = Timing(keeper=keeper, jobs=jobs, database=database, clock=clock, base=BASE)
    async with house(ws.fake, clock, config_db=ws.config.id) as found:
        table = Table(found.notion, found.section, database, clock)
        made = Schedule(table, timing, jobs, clock, 300.0)
        await made.begin()
        yield made, timing, jobs, clock
    await database.close()


def row(ws: Workspace, name: str, **more: Any) -> str:
    given = {"Name": name, "Trigger": "Cron", "Sync Enabled": True, "Cron Active": True}
    return ws.fake.row(ws.config, given | more)


async def test_the_table_holds_at_once(ws: Workspace, tmp_path: Path) -> None:
    """What it says, and what is changed in it; what it does not say, the settings say."""
    page = row(ws, "incremental", **{"Sync Interval": 20})
    row(ws, "Spotify by GAS", Trigger="GAS")
    async with schedule(ws, tmp_path) as (made, timing, _, _):
        await made.look()
        assert (timing.keeper.policy.interval, timing.keeper.policy.full_at) == (1200.0, BASE.full_at)
        ws.fake.edit(page, {"Sync Interval": 30})
        await made.look()
        assert timing.keeper.policy.interval == 1800.0
        ws.fake.edit(page, {"Cron Active": False})
        await made.look()
        assert timing.keeper.policy.interval == 0
        told = await timing.schedule()
        assert (told.origin, told.others) == ("Notion: Sync Configuration", ["The row Spotify by GAS"])
        ws.fake.trash(page)
        await made.look()
        assert timing.keeper.policy.interval == BASE.interval


async def test_a_row_that_makes_no_sense_is_a_finding(ws: Workspace, tmp_path: Path) -> None:
    """Until it is corrected."""
    page = row(ws, "incremental", **{"Sync Interval": -1})
    async with schedule(ws, tmp_path) as (made, timing, _, _):
        await made.look()
        (found,) = made.findings()
        assert (found.key, "interval" in found.what) == (f"schedule:{page}", True)
        assert timing.keeper.policy.interval == BASE.interval
        ws.fake.edit(page, {"Sync Interval": 5})
        await made.look()
        assert made.findings() == []


async def test_a_daemon_that_starts_without_notion_keeps_to_it(ws: Workspace, tmp_path: Path) -> None:
    """Who switched a pass off does not find it begun because Notion was away."""
    row(ws, "full", **{"Sync Enabled": False})
    async with schedule(ws, tmp_path) as (made, timing, _, _):
        assert timing.keeper.policy.full_at == BASE.full_at
        await made.look()
    ws.fake.fail("503", times=1000)
    async with schedule(ws, tmp_path) as (made, timing, _, _):
        assert timing.keeper.policy.full_at is None
        await made.look()
        assert timing.keeper.policy.full_at is None
        assert (await timing.schedule()).origin == "Notion, as it was last read"


async def test_it_hears_how_runs_went_and_no_more_than_hourly_that_nothing_is_new(
    ws: Workspace, tmp_path: Path
) -> None:
    """At once what is new, and failures in a row with their count."""
    page = row(ws, "incremental")
    result: dict[str, Any] = {"tracks": [{"job": "j1"}, {"job": None}]}
    async with schedule(ws, tmp_path) as (made, _, jobs, clock):

        async def ends(context: JobContext, args: Any) -> dict[str, Any]:
            if not result:
                raise Permanent("Spotify is closed")
            return result

        await jobs.start({REQUEST: ends}, {Lane.USER: 1, Lane.BACKLOG: 1})

        async def passed(minutes: float) -> str:
            clock._now += timedelta(minutes=minutes)
            done = await drop_request_and_wait(jobs)
            assert not done.active
            before = len(ws.fake.asked("PATCH"))
            await made.look()
            await made.look()
            return str(len(ws.fake.asked("PATCH")) - before)

        assert await passed(0) == "1"
        shown = ws.fake.page(page)
        assert (shown["Last Result"], shown["Error Count"]) == ("done: 1 track", 0)
        result = {"tracks": []}
        assert await passed(5) == "1"
        assert ws.fake.page(page)["Last Result"] == "done: nothing new"
        assert [await passed(5) for _ in range(11)] == ["0"] * 11
        assert await passed(5) == "1"
        result = {"tracks": [{"job": "j2"}, {"job": "j3"}]}
        assert await passed(5) == "1"
        assert await passed(5) == "1"
        result = {}
        assert await passed(5) == "1"
        assert await passed(5) == "1"
        shown = ws.fake.page(page)
        assert (shown["Last Result"], shown["Error Count"]) == ("failed: Spotify is closed", 2)
        await jobs.stop(0)


async def drop_request_and_wait(jobs: SqliteEngine) -> JobState:
    """How one incremental request ended."""
    await drop_request(jobs, Scope.INCREMENTAL)
    while True:
        (last,) = await jobs.list(JobFilter(kind=REQUEST, limit=1))
        if not last.state.active:
            return last.state
        await anyio.sleep(0.005)


async def test_no_option_is_added_to_a_result(ws: Workspace, tmp_path: Path) -> None:
    """A select says a word that it has, or nothing."""
    ws.fake.retype_property(ws.config, "Last Result", ("select", ["Done"]))
    ws.fake.delete_property(ws.config, "Error Count")
    page = row(ws, "incremental")
    async with schedule(ws, tmp_path) as (made, _, jobs, _):
        state = "done"

        async def ends(context: JobContext, args: Any) -> dict[str, Any]:
            if state == "failed":
                raise Permanent("no")
            return {}

        await jobs.start({REQUEST: ends}, {Lane.USER: 1, Lane.BACKLOG: 1})
        await drop_request_and_wait(jobs)
        await made.look()
        assert ws.fake.page(page)["Last Result"] == "Done"
        state = "failed"
        await drop_request_and_wait(jobs)
        await made.look()
        assert ws.fake.options(ws.config, "Last Result") == ["Done"]
        await jobs.stop(0)
    assert ws.fake.refusals == []
