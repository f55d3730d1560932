"""What is wrong now, as findings: the one place that says what a person should see to. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from musicsyncd.alerts.base import Finding, Severity
from musicsyncd.alerts.telling import OF_CHANNEL, Trouble

LONG_REST: Final = 3600.0
"""Seconds from which on a service's rest is a person's matter, and a source's hindrance is told."""
AFTERMATH: Final = 15 * 60.0
"""Seconds for which what waited may take to be done once who was out of reach is back: no news until then."""
FEWEST_FAILED: Final = 5
"""Failed jobs below which no share of them is told."""
SHARE_FAILED: Final = 0.5
UNTOLD_TRIES: Final = 3
"""Tries after which a channel counts as out of order, if it does not say at once that a person must mend it."""


@dataclass(frozen=True, kw_only=True)
class AccountSeen:
    """A sign-in at a service."""

    service: str
    title: str
    signed_in: bool
    urgent: bool
    """Whether a person should see to it now."""
    days_left: int | None = None
    why: str = ""
    fix: str = ""


@dataclass(frozen=True, kw_only=True)
class VolumeSeen:
    """A volume in the settings."""

    name: str
    condition: str
    required: bool = True
    """False: a disk that is seldom connected."""
    parked: int = 0
    """Tracks that wait for it."""
    why: str = ""
    fix: str = ""


@dataclass(frozen=True, kw_only=True)
class ServiceSeen:
    """A service that is left alone for a while."""

    name: str
    until: datetime
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class RequestSeen:
    """The last pass of a kind that the daemon makes again and again; it failed."""

    scope: str
    """Of a sync; or `reconcile`."""
    what: str
    why: str = ""
    fix: str = ""


@dataclass(frozen=True, kw_only=True)
class ErrorSeen:
    """What stopped jobs on tracks, and will stop others: a right, a token, a service without an answer."""

    about: str
    """The same for what is mended by the same deed, whichever track it is told of."""
    what: str
    why: str = ""
    fix: str = ""
    count: int = 1
    """Tracks that met it; the words are the newest one's."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """Everything that was looked at, as plain values. What was not looked at says nothing."""

    now: datetime
    accounts: Sequence[AccountSeen] = ()
    volumes: Sequence[VolumeSeen] = ()
    volume_grace: float = 0.0
    """Seconds for which a volume may be away before anybody is told."""
    hindrances: Mapping[str, str] = field(default_factory=dict)
    """By source, a sentence why it does not work as a whole."""
    services: Sequence[ServiceSeen] = ()
    catalogs: Mapping[str, int] = field(default_factory=dict)
    """Tracks that wait for a catalog that could not be reached, by its name."""
    failed_tracks: int = 0
    undecided: int = 0
    """Tracks for whose audio only a person can decide."""
    lately: tuple[int, int] = (0, 0)
    """Of the last jobs on tracks: how many failed, and how many ended."""
    requests: Sequence[RequestSeen] = ()
    errors: Sequence[ErrorSeen] = ()
    lost_database: Path | None = None
    channels: Sequence[Trouble] = ()
    refused: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    """By source, what it last offered and nobody can take: how much, and the request's job."""
    reconciled: int = 0
    """Differences between ledger, volumes and catalogs that wait for a person."""
    more: Sequence[Finding] = ()
    """What other rooms found by themselves."""


def findings(seen: Seen) -> list[Finding]:
    """What a person should see to, in the order in which it is listed; not what follows from something else in it."""
    found = _all(seen)
    explained = {key for one in found for key in one.explains}
    found = [one for one in found if one.key not in explained]
    said = {text for one in found for text in (one.what, one.fix) if text}
    return [*found, *(_error(one) for one in seen.errors if not said & {one.what, one.fix})]


def _all(seen: Seen) -> list[Finding]:
    return [
        *([_lost_database(seen.lost_database)] if seen.lost_database else []),
        *(_account(one) for one in seen.accounts if one.urgent),
        *(found for one in seen.volumes if (found := _volume(one, seen.volume_grace))),
        *_tracks_and_jobs(seen),
        *(_refused(source, count, job) for source, (count, job) in seen.refused.items()),
        *(_hindrance(name, sentence) for name, sentence in seen.hindrances.items()),
        *_services(seen),
        *(_catalog(name, parked) for name, parked in seen.catalogs.items() if parked),
        *(_channel(one) for one in seen.channels if one.lasting or one.tries >= UNTOLD_TRIES),
        *seen.more,
    ]


def _account(one: AccountSeen) -> Finding:
    what, severity = f"Nobody is signed in at {one.title}", Severity.ERROR
    if one.signed_in:
        days = "today" if not one.days_left else f"in {one.days_left} days"
        what = f"The sign-in at {one.title} ends {days if one.days_left != 1 else 'tomorrow'}"
        severity = _countdown(one.days_left or 0)
    return Finding(
        key=f"account:{one.service}",
        severity=severity,
        what=what,
        why=one.why,
        fix=one.fix,
        subject=one.title,
        repeats=not one.signed_in,
    )


def _countdown(days: int) -> Severity:
    """It becomes worse, and so is told, at 30, 7 and 1 days before the end."""
    return Severity.CRITICAL if days <= 1 else Severity.ERROR if days <= 7 else Severity.WARNING


def _volume(one: VolumeSeen, grace: float) -> Finding | None:
    subject = f"volume {one.name}"
    if one.condition != "ready":
        away = one.condition == "absent"
        if away:
            severity = Severity.ERROR if one.required else Severity.INFO
        else:
            severity = Severity.ERROR if one.required else Severity.WARNING
        waiting = f"; {_tracks(one.parked)} waiting for it" if one.parked else ""
        return Finding(
            key=f"volume:{one.name}",
            severity=severity,
            what=f"Volume {one.name} is {one.condition}{waiting}",
            why=one.why,
            fix=one.fix,
            subject=subject,
            grace=grace if away else 0.0,
        )
    if not one.parked:
        return None
    return Finding(
        key=f"volume:{one.name}:waiting",
        severity=Severity.INFO,
        what=f"{_tracks(one.parked)} waiting for volume {one.name}, which is back",
        fix="Run: musicsyncctl sync --unfinished",
        subject=subject,
    )


def _tracks_and_jobs(seen: Seen) -> Iterator[Finding]:
    if seen.failed_tracks:
        what, fix = f"{_tracks(seen.failed_tracks)} could not be kept", "See: musicsyncctl jobs --state failed"
        yield Finding(key="tracks:failed", severity=Severity.INFO, what=what, fix=fix, subject="tracks")
    if seen.undecided:
        what, fix = (
            f"Of {_tracks(seen.undecided)} nobody can be sure which recording it is",
            "musicsyncctl match review",
        )
        yield Finding(key="match:undecided", severity=Severity.INFO, what=what, fix=f"Decide: {fix}", subject="matches")
    if seen.reconciled:
        many = "1 difference waits" if seen.reconciled == 1 else f"{seen.reconciled} differences wait"
        yield Finding(
            key="reconcile:waiting",
            severity=Severity.INFO,
            what=f"Between ledger, volumes and catalogs {many} for a person",
            fix="See: musicsyncctl reconcile --dry-run; do it: musicsyncctl reconcile --apply PLAN",
            subject="reconcile",
        )
    failed, ended = seen.lately
    if failed >= FEWEST_FAILED and failed >= SHARE_FAILED * ended:
        yield Finding(
            key="jobs:failing",
            severity=Severity.ERROR,
            what=f"{failed} of the last {ended} jobs on tracks failed",
            fix="See: musicsyncctl jobs --state failed",
            subject="jobs",
        )
    for one in seen.requests:
        sync = one.scope != "reconcile"
        yield Finding(
            key=f"request:{one.scope}",
            severity=Severity.ERROR,
            what=f"The last {one.scope}{' sync' * sync} failed: {one.what}",
            why=one.why,
            fix=one.fix,
            subject=f"sync --{one.scope}" if sync else one.scope,
        )


def _refused(source: str, count: int, job: str) -> Finding:
    if source == "folder":
        many = "1 file in the inbox" if count == 1 else f"{count} files in the inbox"
    else:
        many = f"1 entry of {source}" if count == 1 else f"{count} entries of {source}"
    return Finding(
        key=f"refused:{source}",
        severity=Severity.INFO,
        what=f"{many} could not be taken",
        fix=f"See which and why: musicsyncctl jobs show {job}",
        subject=source,
    )


def _hindrance(source: str, sentence: str) -> Finding:
    return Finding(
        key=f"source:{source}:blocked", severity=Severity.WARNING, what=sentence, subject=source, grace=LONG_REST
    )


def _services(seen: Seen) -> Iterator[Finding]:
    """Those that rest for long, and of which no source says so itself."""
    told = " ".join(seen.hindrances.values())
    for one in seen.services:
        if (one.until - seen.now).total_seconds() < LONG_REST or one.name in told:
            continue
        until = one.until.isoformat(sep=" ", timespec="seconds")
        yield Finding(
            key=f"service:{one.name}",
            severity=Severity.WARNING,
            what=f"{one.name} is left alone until {until}",
            why=one.why,
            fix="It is asked again by itself then",
            subject=one.name,
        )


def _catalog(name: str, parked: int) -> Finding:
    return Finding(
        key=f"catalog:{name}",
        severity=Severity.ERROR,
        what=f"The catalog {name} could not be reached; {_tracks(parked)} waiting for it",
        fix="See: musicsyncctl doctor; then run: musicsyncctl sync --unfinished",
        subject=f"catalog {name}",
        grace=AFTERMATH,
    )


def _channel(one: Trouble) -> Finding:
    alerts = "1 alert is" if one.waiting == 1 else f"{one.waiting} alerts are"
    return Finding(
        key=f"{OF_CHANNEL}{one.channel}",
        severity=Severity.ERROR,
        what=f"The channel {one.channel} tells nothing; {alerts} kept for it",
        why=one.error,
        fix="When it is mended, run: musicsyncctl alerts test",
        subject=f"channel {one.channel}",
        grace=0.0 if one.lasting else AFTERMATH,
    )


def _error(one: ErrorSeen) -> Finding:
    return Finding(
        key=f"error:{hashlib.sha256(one.about.encode()).hexdigest()[:10]}",
        severity=Severity.ERROR,
        what=one.what,
        why=". ".join(filter(None, (one.why.rstrip("."), f"Met by {one.count} tracks" if one.count > 1 else ""))),
        fix=one.fix or "See: musicsyncctl jobs --state failed",
        subject="jobs",
    )


def _lost_database(path: Path) -> Finding:
    return Finding(
        key="database:lost",
        severity=Severity.CRITICAL,
        what=f"The database {path} was deleted or replaced while the daemon works with it",
        why="What the daemon writes now is lost when it stops",
        fix=f"Stop the daemon, move away what stands at {path} and the files beside it with that name and -wal or "
        f"-shm, put the newest copy from {path.parent / 'backups'} in its place, and start the daemon again",
        subject="database",
    )


def _tracks(count: int) -> str:
    return "1 track" if count == 1 else f"{count} tracks"
