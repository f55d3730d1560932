"""The service under launchd: an agent of the logged-in user, in whose session volumes and Eagle are."""

from __future__ import annotations

import os
import re
from pathlib import Path

from musicsyncd.ctl.service_manager import Standing, remove, run, write
from musicsyncd.ctl.service_unit import LABEL, Plan, agent
from musicsyncd.errors import Permanent


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
        run(["launchctl", "bootout", self._target], must=False)
        run(["launchctl", "enable", self._target], must=False)
        if start:
            run(["launchctl", "bootstrap", self._domain, str(self.path)])
        return self.path

    def uninstall(self) -> list[Path]:
        """See `Manager`."""
        run(["launchctl", "bootout", self._target], must=False)
        return [self.path] if remove(self.path) else []

    def start(self) -> None:
        """See `Manager`."""
        self._known()
        if not self._print():
            run(["launchctl", "bootstrap", self._domain, str(self.path)])
        run(["launchctl", "kickstart", self._target])

    def stop(self) -> None:
        """See `Manager`. It ends with 0, after which launchd leaves it alone."""
        self._known()
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
