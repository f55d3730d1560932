"""The timekeeper over simulated days: what it drops, how often, and what a restart, a sleep and a pause change."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from musicsyncd.errors import BadInput
from musicsyncd.triggers.clock import LONGEST_SLEEP, SLACK
from musicsyncd.triggers.policy import JOBS, Mode, Window
from tests.triggers.house import KINDS, NOON, QUIET, day


async def test_a_day_has_288_incremental_passes_and_a_full_one(tmp_path: Path) -> None:
    async with day(tmp_path) as one:
        await one.pass_by(24)
        assert (one.count("incremental"), one.count("full")) == (288, 1)
        assert [at for scope, at, _ in one.done if scope == "full"] == [NOON + timedelta(hours=15)]


async def test_delays_change_no_number(tmp_path: Path) -> None:
    async with day(tmp_path, policy=replace(QUIET, jitter=20)) as one:
        await one.pass_by(6)
        assert one.count("incremental") == 72 - (
            one.keeper.next_runs()["incremental"] < NOON + timedelta(hours=6, minutes=5)
        )


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
@pytest.mark.parametrize("changing", [(2026, 3, 29), (2026, 10, 25), (2026, 3, 8), (2026, 11, 1)])
@pytest.mark.parametrize("at", [time(3), time(2, 30), time(1, 30)])
async def test_a_full_pass_is_once_on_days_when_clocks_change(
    tmp_path: Path, zone: str, changing: tuple[int, int, int], at: time
) -> None:
    midnight = datetime(*changing, tzinfo=ZoneInfo(zone))
    start, end = (one.astimezone(UTC) for one in (midnight - timedelta(hours=1), midnight + timedelta(days=1)))
    policy = replace(QUIET, full_at=at, timezone=zone, interval=0)
    async with day(tmp_path, start=start, policy=policy) as one:
        await one.pass_by(seconds=(end - start).total_seconds())
        assert one.count("full") == 1


async def test_only_what_somebody_does_is_scheduled(tmp_path: Path) -> None:
    async with day(tmp_path) as one:
        assert set(one.keeper.next_runs()) == {job.name for job in JOBS if job.kind in KINDS} == {"incremental", "full"}


async def test_a_daemon_that_was_down_over_three_catches_up_once(tmp_path: Path) -> None:
    async with day(tmp_path, start=NOON) as one:
        await one.pass_by(1)
    async with day(tmp_path, start=NOON + timedelta(hours=20)) as one:
        assert sorted(scope for scope, _, _ in one.done) == ["full", "incremental"]
    async with day(tmp_path, start=NOON + timedelta(hours=20, minutes=1)) as one:
        await one.pass_by(hours=6)
        assert (one.count("incremental"), one.count("full")) == (72, 0)


async def test_a_restart_in_between_makes_up_for_nothing(tmp_path: Path) -> None:
    async with day(tmp_path, start=NOON) as one:
        await one.pass_by(1)
    async with day(tmp_path, start=NOON + timedelta(hours=1, minutes=2)) as one:
        assert one.done == []
        await one.pass_by(seconds=180)
        assert [at for _, at, _ in one.done] == [NOON + timedelta(hours=1, minutes=5)]


async def test_nine_hours_of_sleep_are_one_pass_of_each(tmp_path: Path) -> None:
    async with day(tmp_path, start=NOON + timedelta(hours=10)) as one:
        one.clock.jump(timedelta(hours=9))  # the wall clock alone: timers counted none of it
        await one.pass_by(seconds=LONGEST_SLEEP)
        assert sorted(scope for scope, _, _ in one.done) == ["full", "incremental"]
        await one.pass_by(1)
        assert (one.count("incremental"), one.count("full")) == (13, 1)


@pytest.mark.parametrize("back", [timedelta(minutes=3), timedelta(hours=2), timedelta(days=400)])
async def test_a_clock_that_is_set_back_neither_doubles_nor_stops_anything(tmp_path: Path, back: timedelta) -> None:
    async with day(tmp_path, start=datetime(2026, 6, 1, 2, 58, tzinfo=UTC)) as one:
        await one.pass_by(seconds=240)
        assert one.count("full") == 1
        one.done.clear()
        one.clock.jump(-back)
        await one.pass_by(1)
        assert 10 <= one.count("incremental") <= 12
        assert one.count("full") == 0


async def test_a_pause_holds_over_a_restart_and_makes_up_for_nothing(tmp_path: Path) -> None:
    async with day(tmp_path) as one:
        await one.keeper.pause()
        await one.pass_by(2)
        assert (one.done, one.keeper.next_runs()) == ([], {})
    async with day(tmp_path, start=NOON + timedelta(hours=20)) as one:
        await one.pass_by(1)
        assert (one.done, list(one.keeper.paused)) == ([], ["all"])
        await one.keeper.resume()
        await one.pass_by(seconds=300)
        assert (one.count("incremental"), one.count("full"), dict(one.keeper.paused)) == (1, 0, {})


async def test_one_job_is_paused_alone(tmp_path: Path) -> None:
    async with day(tmp_path) as one:
        await one.keeper.pause("incremental")
        await one.pass_by(16)
        assert [scope for scope, _, _ in one.done] == ["full"]
        await one.keeper.resume("incremental")
        await one.pass_by(seconds=300)
        assert one.count("incremental") == 1


async def test_a_paused_source_is_left_out_of_every_pass(tmp_path: Path) -> None:
    async with day(tmp_path) as one:
        await one.keeper.pause("soundcloud")
        await one.pass_by(seconds=300)
        await one.keeper.resume("soundcloud")
        await one.pass_by(seconds=300)
        assert [list(args["without"]) for _, _, args in one.done] == [["soundcloud"], []]


async def test_what_is_no_source_cannot_be_paused(tmp_path: Path) -> None:
    async with day(tmp_path) as one:
        with pytest.raises(BadInput, match="'tidal'") as refused:
            await one.keeper.pause("tidal")
        assert "all, incremental, full, soundcloud" in refused.value.fix, "and nothing that nobody does"


async def test_intervals_change_live(tmp_path: Path) -> None:
    async with day(tmp_path) as one:
        await one.keeper.apply(replace(QUIET, interval=60))
        await one.pass_by(seconds=600)
        assert one.count("incremental") == 10
        await one.keeper.apply(replace(QUIET, interval=3600))
        await one.pass_by(2)
        assert one.count("incremental") == 12
        await one.keeper.apply(replace(QUIET, enabled=False))
        await one.pass_by(20)
        assert (one.count("incremental"), one.count("full")) == (12, 0)
        await one.keeper.apply(QUIET)
        await one.pass_by(seconds=300)
        assert (one.count("incremental"), one.count("full")) == (13, 0)


async def test_a_new_time_of_day_counts_from_now_on(tmp_path: Path) -> None:
    async with day(tmp_path, policy=replace(QUIET, interval=0)) as one:
        await one.keeper.apply(replace(QUIET, interval=0, full_at=time(11)))
        await one.pass_by(22)
        assert one.done == []
        await one.pass_by(1)
        assert [at for _, at, _ in one.done] == [NOON + timedelta(hours=23)]


async def test_a_new_zone_counts_from_now_on(tmp_path: Path) -> None:
    """Three o'clock in New York has passed at noon in Greenwich; the full pass of three in Greenwich was done."""
    policy = replace(QUIET, interval=0)
    async with day(tmp_path, start=NOON - timedelta(hours=12), policy=policy) as one:
        await one.pass_by(12)
        assert one.count("full") == 1
        await one.keeper.apply(replace(policy, timezone="America/New_York"))
        await one.pass_by(18)
        assert one.count("full") == 1
        await one.pass_by(2)
        assert [at for _, at, _ in one.done][1:] == [NOON + timedelta(hours=19)]


@pytest.mark.parametrize(("mode", "scopes"), [("incremental", {"incremental"}), ("full", {"full"})])
async def test_a_mode_leaves_the_other_pass_out(tmp_path: Path, mode: Mode, scopes: set[str]) -> None:
    async with day(tmp_path, policy=replace(QUIET, mode=mode)) as one:
        await one.pass_by(16)
        assert {scope for scope, _, _ in one.done} == scopes


async def test_heavy_work_waits_for_the_window(tmp_path: Path) -> None:
    policy = replace(QUIET, off_peak=Window(time(4), time(6)), interval=3600)
    async with day(tmp_path, policy=policy) as one:
        await one.pass_by(20)
        assert [at.time() for scope, at, _ in one.done if scope == "full"] == [time(4)]
        assert one.count("incremental") == 20


async def test_a_pass_that_still_runs_is_not_asked_for_twice(tmp_path: Path) -> None:
    async with day(tmp_path) as one:
        await one.jobs.stop(0)
        for _ in range(60):
            one.clock.turn(60)
            for _ in range(20):
                await one.database.write(lambda conn: None)
        count = "SELECT count(*) FROM job"
        assert await one.database.read(lambda conn: conn.execute(count).fetchone()[0]) == 1


async def test_a_clock_that_does_not_look_again_in_time_stands_still(tmp_path: Path) -> None:
    """Asked before it could turn, it is late; once it has, it gets on; one that does not run is nobody's doubt."""
    async with day(tmp_path) as one:
        assert await one.keeper.gets_on() == ""
        one.clock.turn(LONGEST_SLEEP + SLACK + 1)
        assert "301 s ago" in await one.keeper.gets_on()
        await one.idle()
        assert await one.keeper.gets_on() == ""
