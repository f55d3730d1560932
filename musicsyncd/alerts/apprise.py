"""Apprise as a channel: mail, Slack, the desktop and a hundred more, in a process of its own for each alert.

The library waits in threads that nobody can end, and brings much along: a worker has a deadline, and costs the daemon
nothing. The address crosses the pipe only.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from typing import Final

from pydantic import SecretStr

from musicsyncd.alerts.base import Alert, Channel, Kind, Severity
from musicsyncd.processes.run import python_worker, run_worker

DEADLINE: Final = 60.0
"""Seconds of one delivery."""
DESKTOP: Final = ("DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY", "XDG_RUNTIME_DIR")
"""Variables by which a message finds the desktop."""
TYPES: Final = {Severity.INFO: "info", Severity.WARNING: "warning", Severity.ERROR: "failure"}
WORKER: Final = python_worker("musicsyncd.alerts.apprise_worker")


class AppriseChannel(Channel):
    """One address of Apprise's."""

    def __init__(self, url: SecretStr, *, proxy: str = "", ca_file: str = "") -> None:
        """`proxy` and `ca_file` are those of [http]."""
        self._url = url
        self._environment = _environment(proxy, ca_file)
        self.name = name_of(url)

    async def deliver(self, alert: Alert) -> str:
        request = {
            "url": self._url.get_secret_value(),
            "title": f"musicsyncd: {alert.title}",
            "body": alert.text,
            "type": _type(alert),
        }
        await run_worker(WORKER, request, name="Apprise", deadline=DEADLINE, environment=self._environment)
        return ""


def name_of(url: SecretStr) -> str:
    """A name that says which service, stays the same for the same address and does not give it away."""
    text = url.get_secret_value()
    return f"apprise:{text.partition('://')[0].lower()}:{hashlib.sha256(text.encode()).hexdigest()[:6]}"


def _type(alert: Alert) -> str:
    if alert.kind is Kind.RESOLVED:
        return "success"
    return TYPES.get(alert.finding.severity, "failure")


def _environment(proxy: str, ca_file: str) -> Mapping[str, str]:
    found = {name: os.environ[name] for name in DESKTOP if name in os.environ}
    found |= {"HTTP_PROXY": proxy, "HTTPS_PROXY": proxy} if proxy else {}
    return found | ({"REQUESTS_CA_BUNDLE": ca_file} if ca_file else {})
