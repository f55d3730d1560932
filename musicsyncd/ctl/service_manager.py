"""What the service managers have in common: files of ours, and their programs asked with a deadline."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from musicsyncd.ctl.service_unit import MARK, Plan
from musicsyncd.errors import Permanent, Temporary

DEADLINE: Final = 150.0
"""Seconds: as long as a start or a stop may take."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How it is with the service."""

    manager: str
    unit: str
    path: str
    """The file that makes it known; empty when there is none."""
    enabled: bool
    """Whether it is started at the next boot or login."""
    running: bool
    state: str
    """The manager's own words."""
    pid: int | None
    restarts: int | None
    text: str
    """What the daemon says of itself."""
    note: str
    """What a person should know."""

    def as_dict(self) -> dict[str, Any]:
        return {"schema": "musicsyncd.service/1", **vars(self)}


class Manager(Protocol):
    """systemd or launchd, for one service."""

    def install(self, plan: Plan, *, start: bool) -> Path:
        """Write, load and start it, or start it anew; the file."""

    def uninstall(self) -> list[Path]:
        """Stop and forget it; the files that were removed."""

    def start(self) -> None:
        """Have it running."""

    def stop(self) -> None:
        """Have it stopped, until the next start, boot or login."""

    def standing(self) -> Standing:
        """How it is."""


def write(path: Path, content: bytes) -> None:
    """Write a file whole; Permanent where one stands that is not ours."""
    if path.exists() and MARK.encode() not in path.read_bytes():
        raise Permanent(f"{path} is in the way", why="It was not written by this command", fix="Move it away")
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    new.write_bytes(content)
    new.chmod(0o644)
    new.replace(path)


def remove(path: Path) -> bool:
    """Remove a file of ours; whether there was one. Permanent where it is not ours."""
    if not path.exists():
        return False
    if MARK.encode() not in path.read_bytes():
        raise Permanent(f"{path} is left alone", why="It was not written by this command")
    path.unlink()
    return True


def run(
    argv: Sequence[str], *, environ: Mapping[str, str] | None = None, must: bool = True
) -> subprocess.CompletedProcess[str]:
    """What the program said; Permanent when it fails and must not, Temporary when it does not end."""
    try:
        done = subprocess.run(
            [*argv],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=DEADLINE,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "LC_ALL": "C", "SYSTEMD_PAGER": "", **(environ or {})},
        )
    except FileNotFoundError as error:
        fix = "Start it otherwise: musicsyncd runs in the foreground of whatever starts it"
        raise Permanent(f"There is no {argv[0]} on this machine", fix=fix) from error
    except subprocess.TimeoutExpired as error:
        raise Temporary(f"{' '.join(argv)} did not end within {DEADLINE:g} s") from error
    if must and done.returncode != 0:
        raise Permanent(f"{' '.join(argv)} failed", why=(done.stderr or done.stdout).strip().replace("\n", " "))
    return done
