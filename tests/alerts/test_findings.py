"""What is wrong, in words: its key, how severe it is, and what to do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from musicsyncd.alerts.base import Finding, Severity
from musicsyncd.alerts.findings import (
    AFTERMATH,
    AccountSeen,
    ErrorSeen,
    RequestSeen,
    Seen,
    ServiceSeen,
    VolumeSeen,
    findings,
)
from musicsyncd.alerts.telling import Trouble

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def seen(**more: object) -> list[Finding]:
    return findings(Seen(now=NOW, **more))  # type: ignore[arg-type]


def one(**more: object) -> Finding:
    (found,) = seen(**more)
    return found


def test_where_all_is_well_there_is_nothing_to_say() -> None:
    """A ready volume, a signed-in account, a few failures among many."""
    account = AccountSeen(service="spotify", title="Spotify", signed_in=True, urgent=False, days_left=100)
    volume = VolumeSeen(name="VIBES", condition="ready")
    assert seen(accounts=[account], volumes=[volume], lately=(4, 4), catalogs={"local": 0}) == []


@pytest.mark.parametrize(
    ("days", "severity", "when"),
    [
        (30, Severity.WARNING, "in 30 days"),
        (8, Severity.WARNING, "in 8 days"),
        (7, Severity.ERROR, "in 7 days"),
        (2, Severity.ERROR, "in 2 days"),
        (1, Severity.CRITICAL, "tomorrow"),
        (0, Severity.CRITICAL, "today"),
    ],
)
def test_a_sign_in_that_ends_becomes_worse_at_its_steps(days: int, severity: Severity, when: str) -> None:
    """One finding all the way, told at the steps only."""
    found = one(accounts=[AccountSeen(service="spotify", title="Spotify", signed_in=True, urgent=True, days_left=days)])
    assert (found.key, found.severity, found.repeats) == ("account:spotify", severity, False)
    assert found.what == f"The sign-in at Spotify ends {when}"


def test_signed_out_is_an_error_that_is_told_again() -> None:
    """With the command that mends it."""
    account = AccountSeen(service="spotify", title="Spotify", signed_in=False, urgent=True, fix="Run: x")
    found = one(accounts=[account])
    assert (found.severity, found.repeats, found.sentence) == (
        Severity.ERROR,
        True,
        "Nobody is signed in at Spotify. Run: x.",
    )


@pytest.mark.parametrize(
    ("condition", "required", "severity", "grace"),
    [
        ("absent", True, Severity.ERROR, 900.0),
        ("absent", False, Severity.INFO, 900.0),
        ("full", True, Severity.ERROR, 0.0),
        ("foreign", False, Severity.WARNING, 0.0),
    ],
)
def test_a_volume_that_is_away_may_be_on_its_way_back(
    condition: str, required: bool, severity: Severity, grace: float
) -> None:
    """What stands in the way of one that is there is told at once; one that is seldom connected is no trouble."""
    volume = VolumeSeen(name="VIBES", condition=condition, required=required, parked=2, why="W", fix="F")
    found = one(volumes=[volume], volume_grace=900.0)
    assert (found.key, found.severity, found.grace) == ("volume:VIBES", severity, grace)
    assert found.sentence == f"Volume VIBES is {condition}; 2 tracks waiting for it. W. F."


def test_services_that_rest_long_are_told_once() -> None:
    """Not those that rest for minutes, nor those of which their source speaks itself."""
    services = [
        ServiceSeen(name="YouTube", until=NOW + timedelta(days=1)),
        ServiceSeen(name="MusicBrainz", until=NOW + timedelta(hours=2), why="It answered 503"),
        ServiceSeen(name="AcoustID", until=NOW + timedelta(minutes=2)),
    ]
    found = seen(services=services, hindrances={"youtube": "YouTube is left alone until tomorrow."})
    assert [one.key for one in found] == ["source:youtube:blocked", "service:MusicBrainz"]
    assert found[0].sentence == "YouTube is left alone until tomorrow."


@pytest.mark.parametrize(("lately", "told"), [((5, 10), True), ((4, 4), False), ((5, 11), False), ((50, 50), True)])
def test_a_share_of_jobs_that_fail(lately: tuple[int, int], told: bool) -> None:
    """Half of them, and at least five."""
    assert ([one.key for one in seen(lately=lately)] == ["jobs:failing"]) is told


def test_the_rest_in_its_order() -> None:
    """The worst that can happen first, then the order in which status lists it."""
    keys = [
        one.key
        for one in seen(
            more=[Finding(key="notion:tracks_db", severity=Severity.ERROR, what="x")],
            channels=[
                Trouble(channel="webhook", waiting=2, tries=3, lasting=False, error="down."),
                Trouble(channel="notion-tasks", waiting=1, tries=1, lasting=True, error="not shared."),
                Trouble(channel="log", waiting=1, tries=2, lasting=False, error="x."),
            ],
            catalogs={"notion": 3},
            requests=[RequestSeen(scope="incremental", what="Nothing could be asked")],
            undecided=1,
            failed_tracks=1,
            volumes=[VolumeSeen(name="VIBES", condition="ready", parked=1)],
            lost_database=Path("/x/m.db"),
        )
    ]
    assert keys == [
        "database:lost",
        "volume:VIBES:waiting",
        "tracks:failed",
        "match:undecided",
        "request:incremental",
        "catalog:notion",
        "channel:webhook",
        "channel:notion-tasks",
        "notion:tracks_db",
    ]


def test_what_stops_jobs_is_told_once_and_not_beside_its_cause() -> None:
    """A right that is missing, a service that never answers; not where the account that is signed out says it."""
    denied = ErrorSeen(about="x", what="SoundCloud answered 403", why="It is private", count=3)
    out = ErrorSeen(about="x", what="Spotify has signed us out", fix="Run: musicsyncctl auth spotify")
    account = AccountSeen(
        service="spotify", title="Spotify", signed_in=False, urgent=True, fix="Run: musicsyncctl auth spotify"
    )
    first, second = seen(errors=[denied, out], accounts=[account])
    assert (first.key, second.severity) == ("account:spotify", Severity.ERROR)
    assert second.why == "It is private. Met by 3 tracks"
    (alone,) = seen(errors=[out])
    assert alone.key.startswith("error:")
    assert [one.key for one in seen(errors=[replace(denied, count=9, why="")])] == [second.key]


def test_what_follows_from_an_outage_is_no_news_at_its_end() -> None:
    """Rows wait, and a channel's alerts, for some moments longer than whoever was away; what a person must mend does
    not.
    """
    channels = [
        Trouble(channel=str(lasting), waiting=1, tries=3, lasting=lasting, error="x") for lasting in (False, True)
    ]
    found = {one.key: one.grace for one in seen(catalogs={"notion": 3}, channels=channels)}
    assert found == {"catalog:notion": AFTERMATH, "channel:False": AFTERMATH, "channel:True": 0.0}
