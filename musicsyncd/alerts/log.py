"""The log as a channel: it needs nothing and is always there."""

from __future__ import annotations

from typing import Final

import structlog

from musicsyncd.alerts.base import Alert, Channel, Kind, Severity

logger = structlog.get_logger()
LEVELS: Final = {
    Severity.INFO: "info",
    Severity.WARNING: "warning",
    Severity.ERROR: "error",
    Severity.CRITICAL: "critical",
}


class LogChannel(Channel):
    """One line for each alert, as severe as the alert; the end of a trouble is information."""

    name = "log"

    async def deliver(self, alert: Alert) -> str:
        found = alert.finding
        calm = alert.kind in (Kind.RESOLVED, Kind.TEST)
        say = getattr(logger, "info" if calm else LEVELS[found.severity])
        say(
            f"alert {alert.kind}",
            key=found.key,
            what=found.what,
            why=found.why,
            fix=found.fix,
            count=alert.count,
            since=alert.first_seen.isoformat(timespec="seconds"),
        )
        return ""
