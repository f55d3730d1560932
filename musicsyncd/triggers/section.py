"""The sections [schedule] and [plans] of config.toml."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from musicsyncd.section import Duration, OptionalPlace, Section
from musicsyncd.triggers.policy import Mode, Policy, time_of_day, window


def _valid(read: Callable[[str], Any]) -> AfterValidator:
    def check(text: str) -> str:
        read(text)
        return text.strip()

    return AfterValidator(check)


TimeOfDay = Annotated[str, _valid(time_of_day)]
"""`03:00`, or `off`."""
DayWindow = Annotated[str, _valid(window)]
"""`01:00-06:00`, or empty."""


class ScheduleSection(Section):
    """What is done by itself, and when."""

    enabled: bool = True
    """Whether the clock starts anything; default true."""
    mode: Mode = "auto"
    """Which passes over the sources begin by themselves: auto (both), incremental or full; default auto."""
    incremental: Duration = 300.0
    """Seconds between two passes for what is new; default 5 min; 0 = none."""
    full: TimeOfDay = "03:00"
    """Time of day, in daemon.timezone, at which everything is looked at anew; default 03:00; "off" = never."""
    reconcile: Duration = 86_400.0
    """Seconds between two comparisons of ledger, volumes and catalogs; default 1 d; 0 = none."""
    plans: Duration = 86_400.0
    """Seconds between two reviews of the plans; default 1 d; 0 = none."""
    jitter: Duration = 10.0
    """Seconds, at most, by which each time is put off; default 10 s."""
    off_peak: DayWindow = ""
    """Part of the day in which full, reconcile and plans begin; default "" = at any time."""
    scan: Duration = Field(300.0, ge=1)
    """Seconds between two looks into the watched folders, for changes that nobody told of; default 5 min."""
    polling: Literal["auto", "always", "never"] = "auto"
    """Whether folders are looked at every 30 s in place of waiting to be told; default auto = on network mounts."""

    def policy(self, timezone: str) -> Policy:
        """The same as a policy; `timezone` as [daemon] says it."""
        return Policy(
            enabled=self.enabled,
            mode=self.mode,
            interval=self.incremental,
            full_at=time_of_day(self.full),
            reconcile=self.reconcile,
            plans=self.plans,
            jitter=self.jitter,
            off_peak=window(self.off_peak),
            timezone=timezone,
        )


class PlansSection(Section):
    """The owner's plan documents."""

    dir: OptionalPlace = None
    """Folder of the plans (.md, .txt), looked into with its subfolders; default "" = none."""
    workspace: OptionalPlace = None
    """Folder in which what the plans promise is looked for; default "" = none."""
    write: bool = False
    """Whether files that a plan promises may be made in the workspace; default false."""
