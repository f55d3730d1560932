"""Answers of `status`: how the daemon, its sources, its targets and its queue are, and what a person should see to."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from musicsyncd.control.messages import Answer, JobAnswer


class VolumeAnswer(Answer):
    """How a volume is."""

    name: str
    path: str
    """Where it is now, or was looked for last."""
    usual: str
    """Where the settings say that it is, or where it was when it was added."""
    origin: Literal["settings", "added"]
    condition: str
    why: str
    fix: str
    free: int | None
    marker: str
    traits: list[str]
    """How it takes names: case-insensitive, nfd, fat-names."""
    formats: list[str]
    parked: int
    """How many tracks wait for it."""


class VolumesAnswer(Answer):
    """Every volume, those of the settings first."""

    schema_: str = Field(default="musicsyncd.volumes/1", alias="schema")
    volumes: list[VolumeAnswer]


class AccountAnswer(Answer):
    """How it stands with the account at one service."""

    schema_: str = Field(default="musicsyncd.account/1", alias="schema")
    service: str
    title: str
    state: Literal["not set up", "signed out", "signed in"]
    account: str
    authorized_at: str | None
    expires_at: str | None
    """When a person must sign in again."""
    days_left: int | None
    waiting_until: str | None
    """A sign-in has begun and is waited for until then."""
    urgent: bool
    """Whether a person should see to it now."""
    trouble: str
    """Why the last sign-in came to nothing."""
    note: str
    why: str
    fix: str


class AttentionAnswer(Answer):
    """One thing that a person should see to."""

    key: str
    """The same for the same trouble, whenever it is found."""
    severity: str
    """info, warning, error or critical."""
    what: str
    why: str
    fix: str
    subject: str


class PauseAnswer(Answer):
    """What is paused now."""

    schema_: str = Field(default="musicsyncd.pause/1", alias="schema")
    paused: dict[str, str]
    """Since when, by name: `all`, a source or a job of the clock."""


class BelievedAnswer(Answer):
    """What a person said is meant so."""

    schema_: str = Field(default="musicsyncd.believed/1", alias="schema")
    note: str
    """What was told of the catalog."""


class ScheduleAnswer(Answer):
    """What begins by itself."""

    enabled: bool = False
    paused: dict[str, str] = Field(default_factory=dict)
    """Since when, by name."""
    next: dict[str, str] = Field(default_factory=dict)
    """When each job of the clock begins next: `incremental`, `full`, …"""
    origin: str = ""
    """Where it comes from: config.toml, or the owner's table in Notion."""
    others: list[str] = Field(default_factory=list)
    """Schedules in that table that other programs see to."""
    changed_plans: list[str] = Field(default_factory=list)
    """Plans that changed and have not been reviewed since, the latest first."""


class PartAnswer(Answer):
    """One long-lived part of the daemon."""

    name: str
    state: str
    """`running`; `pausing`: started again in a while; `down`: not started again by itself; `ended`."""
    failures: int
    """Within the last hour."""
    since: str
    """When it came to be so."""
    why: str
    """Why it failed last."""


class SourceAnswer(Answer):
    """How one source of music is."""

    name: str
    state: str
    """`ok`; `paused`: nothing begins by itself; `resting`: left alone for a while; `blocked`: it does not work as a
    whole; `signed out`; `not set up`; `on demand`: set up, and offers nothing by itself.
    """
    note: str
    """Why, or what else a person may wonder; may be empty."""
    signed_in: bool | None
    """None where nobody signs in."""
    paused_since: str | None
    resting_until: str | None
    last_pass_at: str | None
    """When it was last asked for all that is new; as far back as requests are remembered."""
    last_found: int | None
    """Tracks that it offered then; None where it could not be asked."""
    last_new: int | None
    """Of these: nobody had taken them."""
    next_pass_at: str | None


class QueueAnswer(Answer):
    """The queue in numbers."""

    waiting: int
    """Jobs that wait, those that back off too."""
    backing_off: int
    """Of these: they wait for their time."""
    running: int
    failed: int
    """Failed jobs that are remembered."""
    oldest_waiting_at: str | None
    """When the oldest waiting job was asked for."""
    oldest_waiting: float | None
    """Its age in seconds."""
    next_due: str | None
    """When the earliest job that backs off may be tried."""
    ended_last_hour: int
    """Jobs but for requests; a rate per hour."""
    failed_last_hour: int


class ServiceAnswer(Answer):
    """How fast a service is asked, and whether it is left alone."""

    name: str
    requests_last_minute: int
    allowed_per_minute: float
    waiting: int
    """Callers that wait for their turn."""
    resting_until: str | None
    why: str
    """Why it rests, or what last went wrong in a row of failures."""


class CatalogAnswer(Answer):
    """How a catalog stands to the ledger."""

    name: str
    target: str
    rows: int
    """Rows: of a mirrored catalog all that it has, as far as it was read; else those that we wrote."""
    mirrored: bool
    read_until: str | None
    """Edits before this moment are known."""
    read_whole_at: str | None
    """When it was last read from end to end."""
    note: str
    """What the last reading found wrong with it; empty when all is well."""
    in_step: int
    """Tracks whose row was read back, and not found otherwise since."""
    lacking: int
    """Tracks that have no such row yet."""
    parked: int
    """Of these: the catalog could not be reached, or refused the row."""
    unsure: int
    """Rows that were sent, and of which nobody knows yet whether they were taken."""
    unable: dict[str, str]
    """Fields that it cannot hold, each with the reason."""
    service: ServiceAnswer | None
    """How fast it is asked; None where nobody is."""


class ShareAnswer(Answer):
    """So many of so many."""

    have: int
    of: int


class CoverageAnswer(Answer):
    """How much of the library stands. Duplicates, which are left out, do not count."""

    standing: ShareAnswer
    """Tracks that stand wherever they must."""
    files: ShareAnswer
    """Files that were read back, of one for each track, volume and format. What a volume has beyond that does not
    count."""
    bpm: ShareAnswer
    """Tracks in which a tempo was heard."""
    key: ShareAnswer
    fingerprint: ShareAnswer
    """Tracks that can be found by their sound."""
    catalog: ShareAnswer
    """Rows in step, of one for each track and catalog."""


class StatusAnswer(Answer):
    """How the daemon is."""

    schema_: str = Field(default="musicsyncd.status/1", alias="schema")
    version: str
    mode: str
    pid: int
    started_at: str
    uptime: float
    """Seconds."""
    memory: int
    """Resident bytes of the daemon process."""
    open_files: int
    tasks: int
    """Of the daemon process, in its event loop."""
    parts: list[PartAnswer]
    config: str
    state_dir: str
    log_file: str
    managed_by: str
    """`systemd` or `launchd`; empty where no service manager keeps the daemon up."""
    sources: list[SourceAnswer]
    queue: QueueAnswer
    services: list[ServiceAnswer]
    """Everybody who is asked over the network at a pace, as far as this process asked."""
    catalog_standing: list[CatalogAnswer]
    coverage: CoverageAnswer
    alerts_open: int | None
    """Findings that lasted long enough to be told and are not over; None where nobody watches."""
    jobs: dict[str, dict[str, int]]
    """How many are in each state, by kind."""
    running: list[JobAnswer]
    next_due: str | None
    """When the earliest waiting job may be tried."""
    tracks: dict[str, int]
    volumes: list[VolumeAnswer]
    catalogs: list[str]
    """Their names; `catalog_standing` tells more."""
    accounts: list[AccountAnswer]
    attention: list[str]
    """What a person should see to, one sentence each."""
    attention_items: list[AttentionAnswer] = Field(default_factory=list)
    """The same, in the same order, for programs."""
    schedule: ScheduleAnswer
