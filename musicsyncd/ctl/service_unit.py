"""What a service manager is given: systemd's unit from the templates in `units`, launchd's agent as a property list."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from musicsyncd.errors import BadInput

UNITS: Final = Path(__file__).parent / "units"
MARK: Final = "Written by musicsyncctl service install"
"""Stands in what we wrote; a file without it is somebody else's."""
LABEL: Final = "local.musicsyncd"
"""launchd's name for our agent; the daemon knows itself by it."""
CLOSING: Final = 20.0
"""Seconds that closing everything may take beyond the time that running jobs are given, at least."""
HOMES: Final = tuple(map(Path, ("/home", "/root", "/run/user")))
"""Hidden from the system service."""
OPEN: Final = tuple(map(Path, ("/media", "/mnt", "/run/media", "/srv")))
"""Where the system service may write anyway."""
BARRED: Final = frozenset('"\\$') | {chr(code) for code in (*range(32), 127)}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How the daemon is to be started."""

    python: str
    """Absolute: the interpreter of the environment that musicsyncd is installed in."""
    path: str
    """PATH for the programs that it starts."""
    stop_timeout: float = 10.0
    """Seconds: `daemon.stop_timeout`."""
    dev: bool = False
    config: str = ""
    socket: str = ""
    system: bool = False
    user: str = ""
    """Whom the system service runs as; empty: a user that exists only while it runs."""
    volumes: tuple[Path, ...] = ()
    """Folders that the system service must be able to write, beside the usual places for volumes."""
    readable: tuple[Path, ...] = ()
    """Folders that it must be able to read."""

    @property
    def name(self) -> str:
        return "musicsyncd-dev" if self.dev else "musicsyncd"

    @property
    def arguments(self) -> list[str]:
        """The whole command line."""
        flags = {"--config": self.config, "--socket": self.socket, "--mode": "dev" if self.dev else ""}
        return [self.python, "-m", "musicsyncd", *(part for flag in flags.items() if flag[1] for part in flag)]

    @property
    def stop_limit(self) -> int:
        """Seconds after which a service manager may kill it."""
        return round(2 * self.stop_timeout + CLOSING)


def unit(plan: Plan) -> str:
    """systemd's unit; BadInput for a path that cannot stand in one."""
    sandbox = (UNITS / ("system.conf" if plan.system else "user.conf")).read_text(encoding="utf-8").rstrip()
    text = (UNITS / "musicsyncd.service").read_text(encoding="utf-8").replace("@SANDBOX@", sandbox)
    values = {
        "NAME": plan.name,
        "SCOPE": "" if plan.system else "--user ",
        "WHICH": " (dev mode)" if plan.dev else "",
        "ORDER": "Wants=network-online.target\nAfter=network-online.target" if plan.system else "",
        "EXEC": " ".join(map(quoted, plan.arguments)),
        "PATH": quoted(f"PATH={plan.path}"),
        "STOP": str(plan.stop_limit),
        "IDENTITY": f"User={quoted(plan.user)}" if plan.user else "DynamicUser=yes",
        "PLACES": "\n".join(_places(plan.volumes, plan.readable)),
        "TARGET": "multi-user.target" if plan.system else "default.target",
    }
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text.replace("\n\n# Trouble at the start", "\n# Trouble at the start")


def hidden(path: Path) -> bool:
    """Whether the system service does not see it unless it is let in."""
    return any(path.is_relative_to(home) for home in HOMES)


def _places(volumes: tuple[Path, ...], readable: tuple[Path, ...]) -> list[str]:
    """What the sandbox must leave open; a folder below a home is let in alone, everything else there stays hidden."""
    at_home = [one for one in volumes if hidden(one)]
    read = [one for one in readable if hidden(one) and not any(one.is_relative_to(volume) for volume in at_home)]
    elsewhere = [one for one in volumes if one not in at_home and not any(one.is_relative_to(top) for top in OPEN)]
    lines = [f"ReadWritePaths={quoted(f'-{one}')}" for one in elsewhere]
    lines.append(f"ProtectHome={'tmpfs' if at_home or read else 'yes'}")
    lines += [f"BindPaths={_bound(one)}" for one in at_home]
    return lines + [f"BindReadOnlyPaths={_bound(one)}" for one in read]


def _bound(path: Path) -> str:
    """A folder that is to be found where it is; BadInput for one whose name systemd would split."""
    if ":" in str(path):
        fix = "Rename it, put it elsewhere than below a home, or leave --system out"
        raise BadInput(f"{str(path)!r} cannot be let into the system's service", why="It holds ':'", fix=fix)
    return quoted(f"-{path}")


def quoted(text: str) -> str:
    """A word of a unit file; BadInput for characters that mean something else there."""
    if wrong := sorted(BARRED & set(text)):
        raise BadInput(f"{text!r} cannot stand in a systemd unit", why=f"It holds {wrong[0]!r}")
    text = text.replace("%", "%%")
    return f'"{text}"' if " " in text or "'" in text or not text else text


def agent(plan: Plan, logs: Path) -> bytes:
    """launchd's property list; what the daemon says before it has a log goes to `logs`."""
    import plistlib

    facts: dict[str, Any] = {
        "Label": label(plan),
        "ProgramArguments": plan.arguments,
        "EnvironmentVariables": {"PATH": plan.path},
        "RunAtLoad": True,
        # Exit codes after which another start is useless are 0 under launchd, which cannot tell codes apart.
        "KeepAlive": {"SuccessfulExit": False},
        "ThrottleInterval": 30,
        "ExitTimeOut": plan.stop_limit,
        "ProcessType": "Standard",
        "SoftResourceLimits": {"NumberOfFiles": 1024, "Core": 0},
        "StandardOutPath": "/dev/null",
        "StandardErrorPath": str(logs / f"{plan.name}.log"),
    }
    return plistlib.dumps(facts).replace(b"<plist ", f"<!-- {MARK} -->\n<plist ".encode(), 1)


def label(plan: Plan) -> str:
    """launchd's name for it."""
    return f"{LABEL}-dev" if plan.dev else LABEL
