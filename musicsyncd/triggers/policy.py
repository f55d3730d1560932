"""What the owner wants done by itself, and when: plain values, and the table of timed jobs. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import time
from typing import Final, Literal

from musicsyncd.sync.engine import REQUEST
from musicsyncd.sync.request import Scope

Mode = Literal["auto", "incremental", "full"]
DAY: Final = 86_400.0
"""Seconds."""
NEVER: Final = "off"
_CLOCK: Final = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)


@dataclass(frozen=True)
class Every:
    """At even distances."""

    seconds: float

    @property
    def period(self) -> float:
        """Seconds between two times."""
        return self.seconds

    def __str__(self) -> str:
        return f"every {self.seconds:g} s"


@dataclass(frozen=True)
class Daily:
    """Once on each day of the policy's time zone, whatever its clocks do."""

    at: time

    @property
    def period(self) -> float:
        """Seconds between two times, more or less."""
        return DAY

    def __str__(self) -> str:
        return f"daily at {self.at:%H:%M}"


Rhythm = Every | Daily


@dataclass(frozen=True)
class Window:
    """A part of each day; it may cross midnight."""

    begin: time
    end: time

    def holds(self, moment: time) -> bool:
        """Whether that time of day is in it."""
        if self.begin <= self.end:
            return self.begin <= moment < self.end
        return moment >= self.begin or moment < self.end


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What is done by itself. Times of day are those of `timezone`."""

    enabled: bool = True
    mode: Mode = "auto"
    """Which passes over the sources begin by themselves: both, or one kind only."""
    interval: float = 300.0
    """Seconds between two incremental passes; 0: none."""
    full_at: time | None = time(3)
    """When a full pass begins; None: never."""
    reconcile: float = DAY
    """Seconds between two comparisons of ledger and targets; 0: none."""
    plans: float = DAY
    """Seconds between two reviews of the plans; 0: none."""
    jitter: float = 10.0
    """Seconds, at most, by which a time is put off, so that many daemons do not ask at the same moment."""
    off_peak: Window | None = None
    """When heavy work may begin; None: at any time."""
    timezone: str = "local"
    """IANA name, or `local` for the machine's own."""


@dataclass(frozen=True, kw_only=True)
class Timed:
    """A job that the clock drops on the queue."""

    name: str
    kind: str
    """The queue's kind; without a handler for it the job is not scheduled."""
    rhythm: Callable[[Policy], Rhythm | None]
    """When, under a policy; None: not at all."""
    scope: Scope | None = None
    """For a pass over the sources."""
    heavy: bool = False
    """Whether it waits for the off-peak window."""


def _every(seconds: float) -> Every | None:
    return Every(seconds) if seconds > 0 else None


def _incremental(policy: Policy) -> Rhythm | None:
    return _every(policy.interval) if policy.mode != "full" else None


def _full(policy: Policy) -> Rhythm | None:
    return Daily(policy.full_at) if policy.full_at is not None and policy.mode != "incremental" else None


JOBS: Final = (
    Timed(name="incremental", kind=REQUEST, rhythm=_incremental, scope=Scope.INCREMENTAL),
    Timed(name="full", kind=REQUEST, rhythm=_full, scope=Scope.FULL, heavy=True),
    Timed(name="reconcile", kind="reconcile", rhythm=lambda policy: _every(policy.reconcile), heavy=True),
    Timed(name="plans", kind="plans", rhythm=lambda policy: _every(policy.plans), heavy=True),
)
"""Every job of the clock. Kinds that nobody does yet wait here for their handler."""


def time_of_day(text: str) -> time | None:
    """The time that `03:00` means, None for `off`; ValueError otherwise."""
    if text.strip().lower() in (NEVER, ""):
        return None
    match = _CLOCK.fullmatch(text.strip())
    if not match:
        raise ValueError('must be a time of day such as "03:00", or "off"')
    return time(int(match[1]), int(match[2]))


def window(text: str) -> Window | None:
    """The window that `01:00-06:00` means, None for an empty text; ValueError otherwise."""
    if not text.strip():
        return None
    first, dash, last = text.partition("-")
    try:
        begin, end = time_of_day(first), time_of_day(last)
    except ValueError:
        begin = end = None
    if not dash or begin is None or end is None or begin == end:
        raise ValueError('must be a part of the day such as "01:00-06:00", or empty')
    return Window(begin, end)
