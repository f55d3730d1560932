"""What a service manager is told (sd_notify): ready, what goes on, alive, reloading, stopping."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress

LAUNCHD_LABEL = "local.musicsyncd"
"""The beginning of the names under which launchd knows our agents."""


class Notifier:
    """Datagrams to `$NOTIFY_SOCKET`; does nothing where nobody asked for them, and fails for nothing."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = address if address.startswith(("/", "@")) else ""
        self.watchdog = _watchdog(environ) if self._address else None
        """Seconds within which each `alive` must follow the one before; None when nobody counts them."""

    def ready(self, status: str) -> None:
        """The start, or a reload, is over."""
        self._send("READY=1", f"STATUS={status}")

    def status(self, text: str) -> None:
        """One line on what goes on."""
        self._send(f"STATUS={text}")

    def alive(self) -> None:
        """Progress was made: do not kill us yet."""
        self._send("WATCHDOG=1")

    def reloading(self) -> None:
        """A reload has begun; `ready` ends it."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self, seconds: float) -> None:
        """The end has begun, and takes so long at most."""
        self._send("STOPPING=1", "STATUS=stopping", f"EXTEND_TIMEOUT_USEC={int(seconds * 1e6)}")

    def patience(self, seconds: float) -> None:
        """Starting or stopping goes on, and takes so much longer at most."""
        self._send(f"EXTEND_TIMEOUT_USEC={int(seconds * 1e6)}")

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        text = "\n".join(line.replace("\n", " ") for line in lines)
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as door:
            door.setblocking(False)
            door.sendto(text.encode(), address)


def _watchdog(environ: Mapping[str, str]) -> float | None:
    micros, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not micros.isdecimal() or int(micros) == 0 or pid not in ("", str(os.getpid())):
        return None
    return int(micros) / 1e6


def managed(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a service manager started this very process and starts it again when it fails.

    `INVOCATION_ID` alone says nothing: a shell in a terminal that systemd started has it too.
    """
    if started := environ.get("SYSTEMD_EXEC_PID"):
        return started == str(os.getpid())
    return bool(environ.get("NOTIFY_SOCKET")) or launched(environ)


def launched(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether this process is launchd's agent of ours; programs started from a terminal bear its names too."""
    return environ.get("XPC_SERVICE_NAME", "").startswith(LAUNCHD_LABEL)


def manager(environ: Mapping[str, str] = os.environ) -> str:
    """`systemd` or `launchd`, whichever keeps this process up; empty where none does."""
    if not managed(environ):
        return ""
    return "launchd" if launched(environ) else "systemd"
