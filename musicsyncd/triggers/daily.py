"""Once a day as a trigger of APScheduler's. Imported when the first time of day is reckoned."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo

from apscheduler.triggers.base import BaseTrigger


class OnceADay(BaseTrigger):  # type: ignore[misc]
    """Fires once on each local day.

    APScheduler's own CronTrigger (3.11) fires twice where the hour comes twice, and leaves out the day after a
    change of the clocks when its time lies before that of the change. Here a time that comes twice is the first one,
    and one that does not exist is moved by as much as the clocks are: 02:30 becomes 03:30.
    """

    def __init__(self, at: time, zone: tzinfo) -> None:
        self.at, self.zone = at, zone

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """The first time after the previous one, or from `now` on where there is none, in the local zone."""
        after = now - timedelta(microseconds=1) if previous_fire_time is None else previous_fire_time
        day = after.astimezone(self.zone).date() - timedelta(days=1)
        while (moment := self._on(day)) <= after:
            day += timedelta(days=1)
        return moment.astimezone(self.zone)

    def _on(self, day: date) -> datetime:
        return datetime.combine(day, self.at, self.zone).astimezone(UTC)
