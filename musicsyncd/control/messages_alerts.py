"""Answers about alerts: each finding with its history, and how a test of the channels went."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from musicsyncd.control.messages import Answer
from musicsyncd.control.messages_status import AttentionAnswer


class AlertAnswer(AttentionAnswer):
    """A finding with its history."""

    count: int
    """Looks at which it was found."""
    first_seen: str
    last_seen: str
    missing_since: str | None
    """Since when no look finds it; it counts as over after a while."""
    resolved_at: str | None
    told: dict[str, ToldAnswer]
    """By channel."""
    due: dict[str, DueAnswer]
    """By channel: what it has not told yet."""


class ToldAnswer(Answer):
    """What a channel last told of a finding."""

    kind: str
    at: str
    reference: str
    """The channel's own: a page's id."""


class DueAnswer(Answer):
    """What a channel has not told yet."""

    kind: str
    tries: int
    again_at: str
    error: str


class AlertsAnswer(Answer):
    """Everything that is wrong, and for a while what was."""

    schema_: str = Field(default="musicsyncd.alerts/1", alias="schema")
    alerts: list[AlertAnswer]
    channels: list[str]


class ChannelAnswer(Answer):
    """How a test of a channel went."""

    channel: str
    error: dict[str, Any] | None
    """`MusicsyncError.as_dict`; null where it told."""


class AlertsTestAnswer(Answer):
    """How a test went, for each channel."""

    schema_: str = Field(default="musicsyncd.alerts-test/1", alias="schema")
    channels: list[ChannelAnswer]
