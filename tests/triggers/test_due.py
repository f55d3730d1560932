"""Times of day on days when the clocks change, windows, and which of what was missed counts."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsyncd.triggers.due import latest_due, next_due, opening, put_off, zone_of
from musicsyncd.triggers.policy import Daily, Every, Window, time_of_day, window

ZONES = ("Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Africa/Cairo", "Australia/Lord_Howe", "UTC")
START = datetime(2026, 1, 1, 12, tzinfo=UTC)


def days(at: time, zone: ZoneInfo, start: datetime, count: int) -> list[datetime]:
    """The first times after `start`, in local time."""
    found, last = [], start
    for _ in range(count):
        last = next_due(Daily(at), last, zone)
        found.append(last.astimezone(zone))
    return found


@pytest.mark.parametrize("name", ZONES)
@pytest.mark.parametrize("at", [time(0), time(0, 30), time(1, 30), time(2), time(2, 30), time(3), time(23, 59)])
def test_every_day_of_a_year_has_its_time_once(name: str, at: time) -> None:
    zone = ZoneInfo(name)
    found = days(at, zone, START, 366)
    first = found[0].date()
    assert [one.date() for one in found] == [first + timedelta(days=number) for number in range(366)]
    assert all(one.time() == at for one in found if _exists(one, at, zone))


def _exists(moment: datetime, at: time, zone: ZoneInfo) -> bool:
    local = datetime.combine(moment.date(), at, zone)
    return local.astimezone(UTC).astimezone(zone).time() == at


@pytest.mark.parametrize(
    ("zone", "day", "at", "expected"),
    [
        ("Europe/Berlin", (2026, 3, 28), time(3), "2026-03-29T03:00:00+02:00"),
        ("Europe/Berlin", (2026, 3, 28), time(2, 30), "2026-03-29T03:30:00+02:00"),
        ("Europe/Berlin", (2026, 10, 24), time(3), "2026-10-25T03:00:00+01:00"),
        ("Europe/Berlin", (2026, 10, 24), time(2, 30), "2026-10-25T02:30:00+02:00"),
        ("America/New_York", (2026, 3, 7), time(2, 30), "2026-03-08T03:30:00-04:00"),
        ("America/New_York", (2026, 10, 31), time(1, 30), "2026-11-01T01:30:00-04:00"),
        ("America/Sao_Paulo", (2018, 11, 3), time(0), "2018-11-04T01:00:00-02:00"),
    ],
)
def test_a_time_that_is_missing_or_comes_twice_is_once(
    zone: str, day: tuple[int, int, int], at: time, expected: str
) -> None:
    evening = datetime(*day, 22, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    first, second = days(at, ZoneInfo(zone), evening, 2)
    assert first.isoformat() == expected
    assert second.date() == first.date() + timedelta(days=1)


@given(seconds=st.integers(1, 100_000), missed=st.floats(0, 10_000_000))
def test_what_was_missed_is_one_with_the_latest(seconds: int, missed: float) -> None:
    now = START + timedelta(seconds=missed)
    last = latest_due(Every(seconds), START, now, UTC)
    assert last <= now < next_due(Every(seconds), last, UTC)
    assert (last - START).total_seconds() % seconds == pytest.approx(0, abs=1e-3)


def test_years_of_days_are_one_day() -> None:
    now = datetime(2036, 5, 5, 2, 59, tzinfo=UTC)
    assert latest_due(Daily(time(3)), START, now, UTC) == datetime(2036, 5, 4, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [(time(0, 59), "01:00"), (time(1), "01:00"), (time(5, 59), "05:59"), (time(6), "01:00"), (time(20), "01:00")],
)
def test_a_window_opens_for_what_waits(moment: time, expected: str) -> None:
    at = datetime.combine(START.date(), moment, UTC)
    found = opening(Window(time(1), time(6)), at, UTC)
    assert f"{found:%H:%M}" == expected
    assert at <= found < at + timedelta(days=1)


def test_a_window_may_cross_midnight() -> None:
    night = Window(time(22), time(5))
    assert [night.holds(time(hour)) for hour in (21, 22, 0, 4, 5, 12)] == [False, True, True, True, False, False]


@given(jitter=st.floats(0, 10_000), number=st.integers(0, 1000))
def test_a_delay_is_the_same_each_time_and_short(jitter: float, number: int) -> None:
    due = START + timedelta(seconds=300 * number)
    delay = (put_off(Every(300), due, jitter, "a") - due).total_seconds()
    assert 0 <= delay <= min(jitter, 150)
    assert put_off(Every(300), due, jitter, "a") == due + timedelta(seconds=delay)


@pytest.mark.parametrize("text", ["3", "24:00", "03:60", "3:00 pm", "03:00:00", "x"])
def test_what_is_no_time_of_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="time of day"):
        time_of_day(text)


@pytest.mark.parametrize("text", ["01:00", "01:00-", "01:00-01:00", "off-05:00", "1-2"])
def test_what_is_no_window_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="part of the day"):
        window(text)


def test_words_that_mean_nothing_are_taken() -> None:
    assert time_of_day("off") is None
    assert time_of_day(" 3:05 ") == time(3, 5)
    assert window("") is None
    assert window("22:00 - 5:00") == Window(time(22), time(5))


def test_the_machines_own_zone_is_one() -> None:
    assert zone_of("local").utcoffset(START.replace(tzinfo=None)) is not None
