"""The section [alerts] of config.toml."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from musicsyncd.alerts.base import Severity
from musicsyncd.alerts.telling import Rules
from musicsyncd.section import Duration, Section

ChannelName = Literal["log", "webhook", "apprise", "notion-tasks", "notion-issues"]
SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}://\S{0,2000}")
OURS: Final = ("127.0.0.1", "::1", "localhost")


def check_webhook(value: SecretStr) -> SecretStr:
    """The URL itself if it is empty, https, or http on this machine; ValueError otherwise."""
    text = value.get_secret_value().strip()
    try:
        parts = urlsplit(text)
        valid = bool(parts.hostname) and parts.port != 0 and not any(map(str.isspace, text)) and text.isprintable()
    except ValueError:
        valid = False
    if text and not (valid and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in OURS))):
        raise ValueError("must begin with https:// (http:// on this machine only) and name a host")
    return SecretStr(text)


def check_apprise(value: SecretStr) -> SecretStr:
    """The URL itself if it looks like one; ValueError otherwise. Whether Apprise knows it is seen when it is used."""
    text = value.get_secret_value().strip()
    if not SCHEME.fullmatch(text):
        raise ValueError("must be an address as Apprise has it, such as mailto://… or slack://…")
    return SecretStr(text)


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


class AlertsSection(Section):
    """How a person hears of what is wrong."""

    channels: tuple[ChannelName, ...] = ("log",)
    """By which ways: log, webhook, apprise, notion-tasks, notion-issues; default log. Notion's join by themselves
    where [notion] names their databases.
    """
    min_severity: Annotated[Literal["info", "warning", "error", "critical"], BeforeValidator(_lower)] = "warning"
    """The least that is told; default warning."""
    webhook_url: Annotated[SecretStr, AfterValidator(check_webhook)] = SecretStr("")
    """Where alerts are posted as JSON; whoever has it can write there; no default."""
    apprise_urls: tuple[Annotated[SecretStr, AfterValidator(check_apprise)], ...] = ()
    """Addresses as Apprise has them; each is a channel of its own; default []."""
    repeat_after: Duration = 86400.0
    """Seconds after which what lasts is told again; default 1 d; 0 = never."""
    settle: Duration = 10 * 60.0
    """Seconds for which something must have been in order before it is told as resolved; default 10 min."""
    volume_grace: Duration = 15 * 60.0
    """Seconds for which a volume may be away before that is told; default 15 min."""
    most_per_run: int = Field(10, ge=1, le=1000)
    """Alerts that one look may open at a channel; one more says how many wait; default 10."""
    every: Duration = Field(15 * 60.0, ge=60.0)
    """Seconds between two looks at what is wrong; default 15 min."""

    @property
    def rules(self) -> Rules:
        """How it is told, as the outbox has it."""
        return Rules(
            min_severity=Severity.of(self.min_severity),
            repeat_after=self.repeat_after,
            most_per_run=self.most_per_run,
            settle=self.settle,
        )
