"""The service under launchd: an agent of the logged-in user, in whose session volumes and Eagle are."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import Final

from musicsyncd.ctl.service_manager import DEADLINE, Standing, remove, run, write
from musicsyncd.ctl.service_unit import LABEL, Plan, agent
from musicsyncd.errors import Permanent, Temporary

SOON: Final = 0.2
"""Seconds between two looks whether the agent is gone."""


class Launchd:
    """One agent."""

    def __init__(self, name: str) -> None:
        self.label = LABEL + name.removeprefix("musicsyncd")
        self._domain = f"gui/{os.getuid()}"

    @property
    def path(self) -> Path:
        """The agent's file."""
        return Path.home() / "Library" / "LaunchAgents" / f"{self.label}.plist"

    @property
    def logs(self) -> Path:
        """Where the agent says what goes wrong before it has a log."""
        return Path.home() / "Library" / "Logs"

    def install(self, plan: Plan, *, start: bool) -> Path:
        """See `Manager`."""
        write(self.path, agent(plan, self.logs))
        self._leave()
        run(["launchctl", "enable", self._target], must=False)
        if start:
            run(["launchctl", "bootstrap", self._domain, str(self.path)])
        return self.path

    def uninstall(self) -> list[Path]:
        """See `Manager`."""
        self._leave()
        return [self.path] if remove(self.path) else []

    def start(self) -> None:
        """See `Manager`."""
        self._known()
        if not self._print():
            run(["launchctl", "bootstrap", self._domain, str(self.path)])
        run(["launchctl", "kickstart", self._target])

    def stop(self) -> None:
        """See `Manager`. It ends with 0, after which launchd leaves it alone; what does not run is stopped already."""
        self._known()
        if _field("pid", self._print()):
            run(["launchctl", "kill", "SIGTERM", self._target])

    def standing(self) -> Standing:
        """See `Manager`."""
        told = self._print()
        pid = _field("pid", told)
        return Standing(
            manager="launchd",
            unit=self.label,
            path=str(self.path) if self.path.exists() else "",
            enabled=bool(told),
            running=_field("state", told) == "running",
            state=_field("state", told) or "not loaded",
            pid=int(pid) if pid.isdecimal() else None,
            restarts=max(0, int(runs) - 1) if (runs := _field("runs", told)).isdecimal() else None,
            text="",
            note="External volumes want a consent: Privacy & Security, Full Disk Access, for the program that runs it",
        )

    def _leave(self) -> None:
        """Out of the session; `bootout` returns before the process has ended, and until then nothing can be put in."""
        run(["launchctl", "bootout", self._target], must=False)
        latest = time.monotonic() + DEADLINE
        while self._print():
            if time.monotonic() > latest:
                raise Temporary(f"{self.label} has not ended within {DEADLINE:g} s")
            time.sleep(SOON)

    @property
    def _target(self) -> str:
        return f"{self._domain}/{self.label}"

    def _print(self) -> str:
        done = run(["launchctl", "print", self._target], must=False)
        return done.stdout if done.returncode == 0 else ""

    def _known(self) -> None:
        if not self.path.exists():
            raise Permanent(f"There is no {self.path}", fix="Install it: musicsyncctl service install")


def _field(name: str, told: str) -> str:
    """A field of `launchctl print`, at the first level of its braces."""
    found = re.search(rf"^\t{name} = (.+)$", told, re.MULTILINE)
    return found[1].strip() if found else ""
