"""A job as a value, its states and its events. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final


class Lane(StrEnum):
    """Who asked: a person who waits, or the machine by itself."""

    USER = "user"
    BACKLOG = "backlog"


class JobState(StrEnum):
    """Where a job is. `waiting` and `running` are active; the rest are ends."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    PARTIAL = "partial"
    """Done but for targets that could not be reached; the ledger knows which."""
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def active(self) -> bool:
        return self in (JobState.WAITING, JobState.RUNNING)


ACTIVE: Final = frozenset(state for state in JobState if state.active)
"""Of jobs that have not ended."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A request written down."""

    id: str
    """Short, sortable by age, prefix-matchable."""
    kind: str
    """`request` (selects, and enqueues children) or `track` (key = track id)."""
    key: str
    args: dict[str, Any]
    lane: Lane
    priority: int
    """Lower goes first within its lane."""
    state: JobState
    attempts: int = 0
    """Tries begun so far."""
    not_before: datetime | None = None
    """Not claimed before this moment."""
    reason: dict[str, Any] | None = None
    """Why it last failed or waits: an error as `MusicsyncError.as_dict` gives it."""
    result: dict[str, Any] | None = None
    parent: str | None = None
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    step: str = ""
    """The last step it reported, kept in memory while it runs."""
    share: float | None = None
    """How far it is, from 0 to 1, where that is known; kept in memory while it runs."""
    text: str = ""
    """What it last said of its progress; kept in memory while it runs."""


@dataclass(frozen=True, kw_only=True)
class JobFilter:
    """Which jobs to list; None means any."""

    states: frozenset[JobState] | None = None
    kind: str | None = None
    key: str | None = None
    parent: str | None = None
    limit: int = 100


@dataclass(frozen=True, kw_only=True)
class JobEvent:
    """One fact about a job: `enqueued`, `started`, `step`, `progress`, `put-back` or `ended`."""

    job: str
    kind: str
    key: str
    parent: str | None
    event: str
    state: JobState
    at: datetime
    step: str = ""
    share: float | None = None
    text: str = ""
    fields: dict[str, Any] = field(default_factory=dict)
