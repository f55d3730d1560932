"""What is to be told after a look at what is wrong. Pure: looks and moments go in, what is known and due comes out.

A finding is told once when it opens, again when it becomes worse or after `repeat_after`, and once when it is over.
It is over when it was missing at every look for a while (`settle`): one that comes and goes is one finding. Each time
it comes back within a day, that while doubles, up to a day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from musicsyncd.alerts.base import Finding, Kind, Severity

DAY: Final = 86400.0
REMEMBERED: Final = timedelta(days=90)
"""How long what is over stays known, with where it was told."""
REST: Final = "alerts:more"
"""Key of the finding that stands for those that wait for their turn."""
OF_CHANNEL: Final = "channel:"
"""Begins the key of a finding about a channel, which is not told by that channel."""


class Fault(StrEnum):
    """Why a try came to nothing, as far as it decides what happens next."""

    NONE = ""
    PASSING = "passing"
    """The channel may work again by itself; until then it is left alone with everything."""
    CHANNEL = "channel"
    """A person has to mend the channel; until then it is left alone with everything."""
    ALERT = "alert"
    """It does not take this one; the others go on."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What [alerts] says of telling."""

    min_severity: Severity = Severity.WARNING
    repeat_after: float = DAY
    """Seconds; 0: never."""
    most_per_run: int = 10
    """Findings of which one look tells one channel something new; ends and repetitions wait for the next looks."""
    settle: float = 600.0
    """Seconds that a finding must be missing before it is over."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a channel last told of a finding."""

    kind: Kind
    severity: Severity
    at: datetime
    reference: str = ""


@dataclass(frozen=True, kw_only=True)
class Pending:
    """What a channel is still to tell of a finding; at most one thing at a time."""

    kind: Kind
    asked_at: datetime
    due: datetime
    tries: int = 0
    """Begun so far. From 1 on it may have arrived."""
    error: str = ""
    """Why the last one came to nothing."""
    fault: Fault = Fault.NONE
    """Whose fault that was."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """One finding with its history."""

    finding: Finding
    first_seen: datetime
    last_seen: datetime
    count: int = 1
    missing_since: datetime | None = None
    """The first look of a row of looks that did not find it."""
    closed_at: datetime | None = None
    flaps: int = 0
    """How often in a row it came back within a day."""
    told: Mapping[str, Told] = field(default_factory=dict)
    """By channel."""
    pending: Mapping[str, Pending] = field(default_factory=dict)
    """By channel."""

    def ripe(self, now: datetime) -> bool:
        """Whether it lasts longer than its grace."""
        return self.closed_at is None and (now - self.first_seen).total_seconds() >= self.finding.grace


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """A channel that does not tell what it should."""

    channel: str
    waiting: int
    """Alerts that it has not told."""
    tries: int
    """The most that one of them took."""
    lasting: bool
    """Whether a person has to mend it first."""
    error: str


def after_look(
    known: Mapping[str, Known], found: Sequence[Finding], channels: Sequence[str], rules: Rules, now: datetime
) -> dict[str, Known]:
    """Everything that is known after a complete look, with what is due to be told.

    `found` is all that is wrong now; of two with one key the first counts. What is left out is to be forgotten.
    """
    others = {key: one for key, one in known.items() if key != REST}
    seen = _seen(others, {one.key: one for one in reversed(found) if one.key != REST}, rules, now)
    waiting = _waiting(seen, channels, rules, now)
    before = {REST: known[REST]} if REST in known else {}
    unheard = _unheard(seen, waiting, rules, now)
    standing = _seen(before, {REST: _summary(seen, unheard)} if unheard else {}, rules, now)
    told: dict[str, Known] = {}
    begins = {name: _rested(known.values(), name, now) for name in channels}
    for key, one in {**seen, **standing}.items():
        there = [name for name in channels if key != f"{OF_CHANNEL}{name}"]
        held = {name for name in there if key in waiting.get(name, ())}
        pending = {name: _pending(one, name, rules, now, begins[name]) for name in there if name not in held}
        told[key] = replace(one, pending={name: due for name, due in pending.items() if due})
    return {key: one for key, one in told.items() if not _forgotten(one, now)}


def hold(flaps: int, settle: float) -> float:
    """Seconds that a finding must be missing before it is over, having come back so often."""
    return min(settle * 2.0 ** min(flaps, 20), max(settle, DAY))


def next_look(known: Mapping[str, Known], rules: Rules, now: datetime) -> float | None:
    """Seconds until a look may open or end something that is known; None when no look will."""
    moments: list[datetime] = []
    for one in known.values():
        if one.closed_at is None and one.missing_since:
            moments.append(one.missing_since + timedelta(seconds=hold(one.flaps, rules.settle)))
        elif one.closed_at is None and not one.ripe(now):
            moments.append(one.first_seen + timedelta(seconds=one.finding.grace))
    return max(0.0, (min(moments) - now).total_seconds()) if moments else None


# What is seen


def _seen(before: Mapping[str, Known], found: Mapping[str, Finding], rules: Rules, now: datetime) -> dict[str, Known]:
    return {
        **{key: _missing(one, rules, now) for key, one in before.items() if key not in found},
        **{key: _present(before.get(key), finding, now) for key, finding in found.items()},
    }


def _present(before: Known | None, finding: Finding, now: datetime) -> Known:
    if before is None:
        return Known(finding=finding, first_seen=now, last_seen=now)
    if before.closed_at is None:
        return replace(before, finding=finding, last_seen=now, count=before.count + 1, missing_since=None)
    soon = (now - before.closed_at).total_seconds() < DAY
    return replace(
        before,
        finding=finding,
        first_seen=now,
        last_seen=now,
        count=1,
        missing_since=None,
        closed_at=None,
        flaps=before.flaps + 1 if soon else 0,
    )


def _missing(before: Known, rules: Rules, now: datetime) -> Known:
    if before.closed_at is not None:
        return before
    since = before.missing_since or now
    if (now - since).total_seconds() >= hold(before.flaps, rules.settle) or not (before.told or before.pending):
        return replace(before, missing_since=since, closed_at=now)
    return replace(before, missing_since=since)


def _forgotten(one: Known, now: datetime) -> bool:
    """Over, and nobody was or is to be told; or long over."""
    if one.closed_at is None or one.pending:
        return False
    return not one.told or now - one.closed_at > REMEMBERED


# What is told


def _waiting(seen: Mapping[str, Known], channels: Sequence[str], rules: Rules, now: datetime) -> dict[str, set[str]]:
    """By channel, the findings of which something new would be told there now and are too many: the least severe, and
    before these what is over.
    """
    waiting: dict[str, set[str]] = {}
    for name in channels:
        new = {
            key: kind
            for key, one in seen.items()
            if key != f"{OF_CHANNEL}{name}" and name not in one.pending and (kind := _wanted(one, name, rules, now))
        }
        if rest := {
            key for *_, key in sorted(_turn(seen[key], kind) for key, kind in new.items())[rules.most_per_run :]
        }:
            waiting[name] = rest
    return waiting


def _turn(one: Known, kind: Kind) -> tuple[bool, int, bool, datetime, str]:
    severity = one.finding.severity
    return kind is Kind.RESOLVED, -severity, kind is Kind.REPEATED, one.first_seen, one.finding.key


def _unheard(seen: Mapping[str, Known], waiting: Mapping[str, set[str]], rules: Rules, now: datetime) -> set[str]:
    """Of what waits, that of which some channel has told nothing yet."""
    pairs = ((key, name) for name, keys in waiting.items() for key in keys)
    return {key for key, name in pairs if _wanted(seen[key], name, rules, now) is Kind.OPENED}


def _summary(seen: Mapping[str, Known], keys: set[str]) -> Finding:
    things = "1 more thing needs a person" if len(keys) == 1 else f"{len(keys)} more things need a person"
    return Finding(
        key=REST,
        severity=max(seen[key].finding.severity for key in keys),
        what=things,
        why="So much was found at once that the rest waits for the next looks",
        fix="See all of it: musicsyncctl alerts",
        subject="alerts",
    )


def _rested(known: Iterable[Known], name: str, now: datetime) -> datetime:
    """When a channel may be given something new: one that fails is left alone with everything."""
    failing = (one.pending[name] for one in known if name in one.pending)
    return max((one.due for one in failing if one.fault in (Fault.PASSING, Fault.CHANNEL)), default=now)


def _pending(one: Known, name: str, rules: Rules, now: datetime, begins: datetime) -> Pending | None:
    """What is left to be told: what was due already keeps its turn, and another matter takes over its place."""
    wanted, before = _wanted(one, name, rules, now), one.pending.get(name)
    if wanted is None:
        return None
    if before is None:
        return Pending(kind=wanted, asked_at=now, due=max(now, begins))
    return before if before.kind is wanted else replace(before, kind=wanted, asked_at=now)


def _wanted(one: Known, name: str, rules: Rules, now: datetime) -> Kind | None:
    told, before = one.told.get(name), one.pending.get(name)
    tried = before.kind if before and before.tries else None  # it may have arrived
    last = tried or (told.kind if told else None)
    heard = last not in (None, Kind.RESOLVED)
    if one.closed_at is not None:
        return Kind.RESOLVED if heard or tried else None
    if not heard:
        opens = one.ripe(now) and one.finding.severity >= rules.min_severity and one.missing_since is None
        return Kind.OPENED if opens else before.kind if before else None
    if tried:
        return tried
    assert told is not None
    return Kind.REPEATED if _again(one, told, rules, now) else None


def _again(one: Known, told: Told, rules: Rules, now: datetime) -> bool:
    if one.missing_since is not None or one.finding.severity < rules.min_severity:
        return False
    lasts = rules.repeat_after > 0 and (now - told.at).total_seconds() >= rules.repeat_after
    return one.finding.severity > told.severity or (one.finding.repeats and lasts)
