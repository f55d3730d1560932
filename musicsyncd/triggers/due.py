"""When a rhythm comes due, by APScheduler's triggers; which of what was missed counts. All moments are in UTC."""

from __future__ import annotations

import zlib
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from musicsyncd.triggers.policy import Daily, Every, Rhythm, Window


def zone_of(name: str) -> tzinfo:
    """The time zone of that name; `local` is the machine's, UTC where it has none."""
    if name != "local":
        return ZoneInfo(name)
    from tzlocal import get_localzone  # what APScheduler itself asks

    try:
        return get_localzone()
    except (LookupError, ValueError, OSError):
        return UTC


def next_due(rhythm: Rhythm, last: datetime, zone: tzinfo) -> datetime:
    """The first time after `last`, itself a time of the rhythm or the moment from which it counts."""
    found: datetime = _trigger(rhythm, last, zone).get_next_fire_time(last, last)
    return found.astimezone(UTC)


def latest_due(rhythm: Rhythm, last: datetime, now: datetime, zone: tzinfo) -> datetime:
    """The latest time that has come by `now`, `last` when none has since: what was missed before it is one with it."""
    if isinstance(rhythm, Every):
        missed = max(0.0, (now - last).total_seconds()) // rhythm.seconds
        return last + timedelta(seconds=missed * rhythm.seconds)
    last = max(last, now - timedelta(days=3))  # a daemon that slept for years need not count its days
    while (due := next_due(rhythm, last, zone)) <= now:
        last = due
    return last


def opening(window: Window | None, moment: datetime, zone: tzinfo) -> datetime:
    """The moment itself where the window holds it, else the next time that the window opens."""
    if window is None or window.holds(moment.astimezone(zone).time()):
        return moment
    return next_due(Daily(window.begin), moment, zone)


def put_off(rhythm: Rhythm, due: datetime, jitter: float, seed: str) -> datetime:
    """The due time with a delay that is the same however often it is asked for, below half of the rhythm's period."""
    share = zlib.crc32(f"{seed}|{due.isoformat()}".encode()) / 2**32
    return due + timedelta(seconds=share * min(jitter, rhythm.period / 2))


def _trigger(rhythm: Rhythm, start: datetime, zone: tzinfo) -> Any:
    if isinstance(rhythm, Daily):
        from musicsyncd.triggers.daily import OnceADay

        return OnceADay(rhythm.at, zone)
    from apscheduler.triggers.interval import IntervalTrigger

    return IntervalTrigger(seconds=rhythm.seconds, start_date=start, timezone=UTC)
