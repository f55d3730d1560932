"""The service under systemd: the user's own, or the machine's."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from musicsyncd.ctl.service_manager import Standing, remove, run, write
from musicsyncd.ctl.service_unit import Plan, unit
from musicsyncd.errors import Denied, MusicsyncError, Permanent

SYSTEM_UNITS: Final = Path("/etc/systemd/system")
LINGER: Final = Path("/var/lib/systemd/linger")
PROPERTIES: Final = "LoadState,ActiveState,SubState,Result,MainPID,NRestarts,StatusText,UnitFileState"


class Systemd:
    """One unit."""

    def __init__(self, name: str, *, system: bool) -> None:
        self.unit, self._system = f"{name}.service", system

    @property
    def path(self) -> Path:
        """The unit's file."""
        if self._system:
            return SYSTEM_UNITS / self.unit
        named = os.environ.get("XDG_CONFIG_HOME", "")
        config = Path(named) if named.startswith("/") else Path.home() / ".config"
        return config / "systemd" / "user" / self.unit

    def install(self, plan: Plan, *, start: bool) -> Path:
        """See `Manager`. Where nobody takes it up, a file that was not there before is removed again."""
        self._only_root()
        there = self.path.exists()
        write(self.path, unit(plan).encode())
        try:
            self._ask("daemon-reload")
            self._ask("enable", self.unit)
        except MusicsyncError:
            if not there:
                remove(self.path)
            raise
        if start:
            self._ask("reset-failed", self.unit, must=False)
            self._ask("restart", self.unit)
        return self.path

    def uninstall(self) -> list[Path]:
        """See `Manager`. What its manager does not answer to is removed all the same."""
        self._only_root()
        self._ask("disable", "--now", self.unit, must=False)
        removed = [self.path] if remove(self.path) else []
        self._ask("daemon-reload", must=False)
        self._ask("reset-failed", self.unit, must=False)
        return removed

    def start(self) -> None:
        """See `Manager`."""
        self._known()
        self._ask("reset-failed", self.unit, must=False)
        self._ask("start", self.unit)

    def stop(self) -> None:
        """See `Manager`."""
        self._known()
        self._ask("stop", self.unit)

    def standing(self) -> Standing:
        """See `Manager`."""
        told = dict(
            line.partition("=")[::2] for line in self._ask("show", f"--property={PROPERTIES}", self.unit).splitlines()
        )
        running = told.get("ActiveState") in ("active", "reloading")
        state = f"{told.get('ActiveState', 'unknown')} ({told.get('SubState', '')})"
        result = told.get("Result", "success")
        pid = int(told.get("MainPID") or 0)
        return Standing(
            manager="systemd" if self._system else "systemd --user",
            unit=self.unit,
            path=str(self.path) if self.path.exists() else "",
            enabled=told.get("UnitFileState") == "enabled",
            running=running,
            state=state if result == "success" else f"{state}, {result}",
            pid=pid or None,
            restarts=int(told.get("NRestarts") or 0),
            text=told.get("StatusText", ""),
            note=self.note(),
        )

    def note(self) -> str:
        """What keeps a user's service from running at all times; empty when nothing does."""
        user = pwd.getpwuid(os.getuid()).pw_name
        if self._system or (LINGER / user).exists():
            return ""
        return f"It ends with your last session. To run from boot on: loginctl enable-linger {user}"

    def _known(self) -> None:
        if not self.path.exists():
            flag = " --system" if self._system else ""
            fix = f"Install it: musicsyncctl service install{flag}"
            raise Permanent(f"There is no {self.path}", fix=fix)
        self._only_root()

    def _only_root(self) -> None:
        if self._system and os.geteuid() != 0:
            raise Denied("The system's services are root's", fix="Use sudo, or leave --system out")

    def _ask(self, *words: str, must: bool = True) -> str:
        scope = [] if self._system else ["--user"]
        try:
            return run(["systemctl", *scope, *words], environ=self._bus(), must=must).stdout
        except Permanent as error:
            if "connect to bus" in error.why or "not been booted" in error.why:
                raise _unreachable(error.why, system=self._system) from error
            raise

    def _bus(self) -> Mapping[str, str]:
        """Where the user's manager listens, for a shell that was not told (su, cron, ssh with a command)."""
        usual = Path(f"/run/user/{os.getuid()}")
        unset = not self._system and not os.environ.get("XDG_RUNTIME_DIR")
        return {"XDG_RUNTIME_DIR": str(usual)} if unset and usual.is_dir() else {}


def _unreachable(why: str, *, system: bool) -> Permanent:
    what = "systemd does not answer" if system else "This user's systemd does not answer"
    fix = "Is it this machine's init?" if system else "Log in as that user (not with su), or use --system"
    return Permanent(what, why=why, fix=fix)
