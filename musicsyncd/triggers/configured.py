"""The owner's own table of what is done by itself, read into a policy. Pure.

A row is ours when its trigger is Cron and it names a job of the clock, by its name or its mode; or when it has no
trigger and is called like one. Rows of other triggers (GAS, Webhook) are another's, and are shown only. What a row does
not say, the settings say; what makes no sense is told and left aside.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import time
from typing import Any, Final

from musicsyncd.triggers.policy import Policy, time_of_day

NAMES: Final = ("incremental", "full", "reconcile", "plans")
"""Jobs that a row can be about."""
OURS: Final = "cron"
SHORTEST: Final = 1.0
LONGEST: Final = 366 * 1440.0
"""Minutes of an interval."""
ONCE_A_DAY: Final = 1440.0
"""Minutes; what a full pass may have for its interval."""
_DAILY: Final = re.compile(r"([0-5]?\d)\s+([01]?\d|2[0-3])\s+\*\s+\*\s+\*", re.ASCII)
_FREQUENT: Final = re.compile(r"\*/([1-5]?\d)\s+\*\s+\*\s+\*\s+\*", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One row, as plain values; None is what it does not say."""

    page: str
    name: str
    trigger: str = ""
    enabled: bool | None = None
    mode: str = ""
    interval: Any = None
    """Minutes."""
    cron: str = ""
    """`03:00`, `0 3 * * *` or `*/5 * * * *`."""
    cron_active: bool | None = None

    @property
    def active(self) -> bool:
        """Whether it is to be done by itself; a box that there is and is not ticked says no."""
        manual = self.mode.strip().casefold() == "manual"
        return self.enabled is not False and self.cron_active is not False and not manual


@dataclass(frozen=True, kw_only=True)
class Configured:
    """What a table comes to."""

    policy: Policy
    rows: Mapping[str, str] = field(default_factory=dict)
    """The page of each job that has a row."""
    others: tuple[str, ...] = ()
    """Rows that another program sees to."""
    faults: Mapping[str, str] = field(default_factory=dict)
    """By page, what of it makes no sense."""


@dataclass(frozen=True, kw_only=True)
class _Wish:
    """What a row asks for."""

    every: float | None = None
    """Seconds."""
    at: time | None = None


def configured(base: Policy, entries: Sequence[Entry]) -> Configured:
    """The policy of the settings with what the rows say. The first row of a job counts."""
    policy, rows, others, faults = _plain(base), dict[str, str](), list[str](), dict[str, str]()
    for entry in entries:
        job = _job(entry)
        if job is None:
            if entry.trigger and entry.trigger.strip().casefold() != OURS:
                others.append(_title(entry))
            elif entry.trigger:
                faults[entry.page] = f"{_title(entry)} names none of {', '.join(NAMES)}, in its name or its mode"
            continue
        if job in rows:
            faults[entry.page] = f"{_title(entry)} is about {job} too, and the row before it counts"
            continue
        rows[job] = entry.page
        try:
            wish = _wish(job, entry) if entry.active else None
        except ValueError as error:
            faults[entry.page] = f"{_title(entry)} {error}"
            continue
        try:
            policy = _applied(policy, base, job, entry.active, wish)
        except ValueError as error:
            faults[entry.page] = f"{_title(entry)} {error}"
    return Configured(policy=policy, rows=rows, others=tuple(others), faults=faults)


def _plain(base: Policy) -> Policy:
    """The same with each pass for itself: a row may switch on what the mode leaves out."""
    return replace(
        base,
        mode="auto",
        interval=0.0 if base.mode == "full" else base.interval,
        full_at=None if base.mode == "incremental" else base.full_at,
    )


def _job(entry: Entry) -> str | None:
    trigger, name = entry.trigger.strip().casefold(), entry.name.strip().casefold()
    if trigger not in ("", OURS):
        return None
    if name in NAMES:
        return name
    if not trigger:
        return None
    words = re.findall(r"[a-z]+", name)
    named = [job for job in NAMES if job in words]
    return named[0] if len(named) == 1 else _by_mode(entry)


def _by_mode(entry: Entry) -> str | None:
    mode = entry.mode.strip().casefold()
    return mode if mode in NAMES else None


def _wish(job: str, entry: Entry) -> _Wish:
    """ValueError with what is wrong, in words that follow the row's name."""
    at, every = _cron(entry.cron)
    if job != "full" and at is not None:
        raise ValueError(f"has the time of day {entry.cron!r}, and {job} has an interval")
    minutes = _minutes(entry.interval)
    if job == "full":
        if every is not None or (minutes is not None and minutes != ONCE_A_DAY):
            raise ValueError("has an interval, and a full pass begins once a day, at a time of day")
        return _Wish(at=at)
    return _Wish(every=minutes * 60 if minutes is not None else every)


def _cron(text: str) -> tuple[time | None, float | None]:
    """The time of day, or the seconds between two times."""
    text = text.strip()
    if not text:
        return None, None
    if daily := _DAILY.fullmatch(text):
        return time(int(daily[2]), int(daily[1])), None
    if (frequent := _FREQUENT.fullmatch(text)) and int(frequent[1]):
        return None, int(frequent[1]) * 60.0
    try:
        at = time_of_day(text)
    except ValueError:
        at = None
    if at is None:
        raise ValueError(f"has {text!r} for its time; write 03:00, 0 3 * * * or */5 * * * *")
    return at, None


def _minutes(value: Any) -> float | None:
    if value is None or value == "":
        return None
    try:
        minutes = float(value)
    except (TypeError, ValueError):
        minutes = math.nan
    if isinstance(value, bool) or not SHORTEST <= minutes <= LONGEST:
        raise ValueError(f"has {value!r} for its interval, which must be {SHORTEST:g} to {LONGEST:g} minutes")
    return minutes


def _applied(policy: Policy, base: Policy, job: str, active: bool, wish: _Wish | None) -> Policy:
    if job == "full":
        at = (wish.at if wish else None) or base.full_at
        if active and at is None:
            raise ValueError("has no time of day, and the settings have none either")
        return replace(policy, full_at=at if active else None)
    every = (wish.every if wish else None) or _every(base, job)
    if active and not every:
        raise ValueError("has no interval, and the settings have none either")
    seconds = every if active else 0.0
    if job == "incremental":
        return replace(policy, interval=seconds)
    return replace(policy, reconcile=seconds) if job == "reconcile" else replace(policy, plans=seconds)


def _every(policy: Policy, job: str) -> float:
    return {"incremental": policy.interval, "reconcile": policy.reconcile, "plans": policy.plans}[job]


def _title(entry: Entry) -> str:
    return f"The row {entry.name.strip() or entry.page}"
