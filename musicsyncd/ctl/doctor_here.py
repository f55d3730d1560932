"""What doctor looks at on this machine: folders, disks, the database, the service, the time, the channels."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import socket
import sqlite3
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from musicsyncd.ctl import show
from musicsyncd.ctl.doctor_parts import Check, Part

if TYPE_CHECKING:
    from musicsyncd.settings import Settings

PLACE_DEADLINE: Final = 5.0
"""Seconds for a folder: a disk that spins up takes four."""
DATABASE_DEADLINE: Final = 30.0
SERVICE_DEADLINE: Final = 10.0
EAGLE_DEADLINE: Final = 5.0
LITTLE_SPACE: Final = 2 * 10**9
"""Bytes free for work under way below which a warning is due: a two-hour mix takes 4 GB in three formats."""
HUNG_PLACE: Final = "Look at the disk or the network share behind it: ls hangs there too"


def parts(settings: Settings, args: argparse.Namespace) -> list[Part]:
    """Everything but the volumes and Eagle, which a daemon that runs knows better."""
    state = settings.daemon.state_dir
    places = [
        _place("state folder", partial(state_folder, state)),
        *(_place("inbox", partial(inbox, one.path)) for one in settings.inbox),
        *([_place("plans", partial(plans, settings.plans.dir))] if settings.plans.dir else []),
    ]
    return [
        *places,
        Part(name="database", look=partial(database, state), deadline=DATABASE_DEADLINE, hung=HUNG_PLACE),
        Part(name="clock", look=partial(timezone, settings.daemon.timezone), deadline=PLACE_DEADLINE),
        Part(name="alerts", look=partial(channels, settings), deadline=PLACE_DEADLINE),
        Part(name="service", look=partial(service, args), deadline=SERVICE_DEADLINE),
    ]


def without_daemon(settings: Settings) -> list[Part]:
    """What the daemon would tell of if it ran."""
    found = {one.name: one.path for one in settings.volumes}
    known = {**added(settings.daemon.state_dir), **found}
    volumes = [_place(f"volume {name}", partial(volume, name, path)) for name, path in known.items()]
    if not settings.eagle.enabled:
        return volumes
    look = partial(eagle, settings.eagle.base_url)
    return [*volumes, Part(name="Eagle", look=look, deadline=EAGLE_DEADLINE, hung="Start Eagle anew")]


def _place(name: str, look: partial[Iterator[Check]]) -> Part:
    return Part(name=name, look=look, deadline=PLACE_DEADLINE, hung=HUNG_PLACE)


def state_folder(state: Path) -> Iterator[Check]:
    """Whether it can be written, and has room."""
    existing = next(one for one in (state, *state.parents) if one.exists())
    if not (existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)):
        fix = "Change its owner, or set daemon.state_dir"
        yield Check(name="state folder", result="fail", said=f"{state} cannot be written", fix=fix)
        return
    free = shutil.disk_usage(existing).free
    short = free < LITTLE_SPACE
    yield Check(
        name="state folder",
        result="warn" if short else "ok",
        said=f"{state}, {show.size(free)} free",
        why="Work under way needs room for three formats of a track" if short else "",
        fix="Free some space, or set daemon.state_dir to another disk" if short else "",
    )


def inbox(path: Path) -> Iterator[Check]:
    """Whether what is dropped there can be read."""
    readable = os.access(path, os.R_OK | os.X_OK)
    yield Check(
        name="inbox",
        result="ok" if readable else "fail",
        said=f"{path}" if readable else f"{path} cannot be read",
        fix="" if readable else "Make the folder, or take it out of config.toml",
    )


def plans(path: Path) -> Iterator[Check]:
    """Whether the plans can be read; a folder without any may be the wrong one."""
    if not (path.is_dir() and os.access(path, os.R_OK | os.X_OK)):
        yield Check(name="plans", result="fail", said=f"{path} cannot be read", fix="Make the folder, or set plans.dir")
        return
    found = sum(1 for pattern in ("*.md", "*.txt") for _ in path.rglob(pattern))
    fix = "" if found else "Put plans (.md, .txt) there, or set plans.dir"
    yield Check(
        name="plans", result="ok" if found else "warn", said=f"{path}, {show.counted(found, 'document')}", fix=fix
    )


def database(state: Path) -> Iterator[Check]:
    """As the daemon would find it. While one works with it every page is read all the same; nothing is changed."""
    from musicsyncd.database import DATABASE_NAME
    from musicsyncd.database.opening import fault_in

    path = state / DATABASE_NAME
    try:
        size = path.stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        yield Check(name="database", result="ok", said=f"{path} is made at the daemon's first start")
        return
    except OSError as error:
        said = f"{path} cannot be read"
        yield Check(name="database", result="fail", said=said, why=error.strerror or str(error))
        return
    if path.with_name(f"{path.name}-shm").exists():  # a daemon works with it, or was killed
        yield _sound_in_use(path, size)
        return
    if fault := fault_in(path, state / "backups"):
        yield Check(name="database", result="fail", said=fault.what, why=fault.why, fix=fault.fix)
        return
    yield Check(name="database", result="ok", said=f"{path}, {show.size(size)}")


def _sound_in_use(path: Path, size: int) -> Check:
    """Every page is read, as one who shares the file with whoever writes it."""
    try:
        with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=5.0)) as connection:
            said = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.OperationalError as error:
        return Check(name="database", result="warn", said=f"{path} could not be looked at", why=str(error))
    except sqlite3.DatabaseError as error:
        said = str(error)
    if said == "ok":
        return Check(name="database", result="ok", said=f"{path}, {show.size(size)}, sound")
    why, fix = said.replace("\n", " "), "Stop the daemon, and look again for the way back: musicsyncctl doctor"
    return Check(name="database", result="fail", said=f"The database {path} is damaged", why=why, fix=fix)


def added(state: Path) -> dict[str, Path]:
    """Volumes that a person added by command, read from the database; none where it cannot be read at once."""
    from musicsyncd.database import DATABASE_NAME

    path = state / DATABASE_NAME
    if not path.is_file():  # a FIFO in its place would hold us for ever
        return {}
    try:
        with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=1.0)) as connection:
            return {name: Path(place) for name, place in connection.execute("SELECT name, path FROM library_added")}
    except sqlite3.Error:
        return {}


def volume(name: str, path: Path) -> Iterator[Check]:
    """Whether it is there; what is on it the daemon sees."""
    there = path.is_dir()
    why = "The daemon makes it at its first start, unless it may be the mount point of a disk that is away"
    yield Check(
        name=f"volume {name}",
        result="ok" if there else "warn",
        said=f"{path}, {show.size(shutil.disk_usage(path).free)} free" if there else f"{path} is not there",
        why="" if there else why,
        fix="" if there else "Mount the disk, or start the daemon",
    )


def eagle(base_url: str) -> Iterator[Check]:
    """Whether somebody answers there; which library is open the daemon sees."""
    parts_ = urlsplit(base_url)
    try:
        port = parts_.port or (443 if parts_.scheme == "https" else 80)
        socket.create_connection((parts_.hostname or "", port), timeout=3.0).close()
    except (OSError, ValueError) as error:
        why, fix = str(error), "Start Eagle, or look at eagle.base_url"
        yield Check(name="Eagle", result="warn", said=f"{base_url} does not answer", why=why, fix=fix)
        return
    yield Check(name="Eagle", result="ok", said=f"{base_url} answers")


def timezone(setting: str) -> Iterator[Check]:
    """What the clock and its zone say: by them the daemon's nights are told."""
    from zoneinfo import ZoneInfo

    now = datetime.now(UTC).astimezone(None if setting == "local" else ZoneInfo(setting))
    zone = now.tzname() or "UTC" if setting == "local" else setting
    said = f"{now:%Y-%m-%d %H:%M} {zone} (UTC{now:%z})"
    if time.time() < _built():
        fix = "Set the clock: timedatectl set-ntp true, or System Settings > General > Date & Time"
        yield Check(name="clock", result="fail", said=said, why="This program was installed later than that", fix=fix)
        return
    yield Check(name="clock", result="ok", said=said)


def _built() -> float:
    """A moment that has passed for certain: this program was written to the disk then, less a day."""
    return Path(__file__).stat().st_mtime - 86400


def channels(settings: Settings) -> Iterator[Check]:
    """By which ways a person hears of what is wrong."""
    named = [str(one) for one in settings.alerts.channels]
    why = "" if set(named) - {"log"} else "Nobody is told unless he looks: status, alerts, logs"
    yield Check(name="alerts", result="ok", said=", ".join(named) or "none", why=why)


def service(args: argparse.Namespace) -> Iterator[Check]:
    """Whether a service manager keeps it up, with the unit that this version would write."""
    from musicsyncd.ctl.service import manager_of, planned, written
    from musicsyncd.errors import MusicsyncError

    options = argparse.Namespace(**{"system": False, "user": None} | vars(args))
    try:
        standing = manager_of(options).standing()
    except MusicsyncError as error:
        yield Check(name="service", result="ok", said="not installed", why=error.what)
        return
    if not standing.path:
        why = "Nobody starts the daemon by itself; to have it started: musicsyncctl service install"
        yield Check(name="service", result="ok", said="not installed", why=why)
        return
    if not standing.running:
        fix = "See why: musicsyncctl logs; then: musicsyncctl service start"
        yield Check(name="service", result="warn", said=f"{standing.unit} is {standing.state}", fix=fix)
        return
    current = sys.platform == "darwin" or _alike(Path(standing.path).read_text(), written(planned(options)))
    yield Check(
        name="service",
        result="ok" if current else "warn",
        said=f"{standing.unit}, {standing.state}",
        why=standing.note if current else "The unit is not the one that this version writes",
        fix="" if current else "Write it anew: musicsyncctl service install",
    )


def _alike(one: str, other: str) -> bool:
    """But for the PATH, which differs from shell to shell."""
    return _without_path(one) == _without_path(other)


def _without_path(unit: str) -> list[str]:
    return [line for line in unit.splitlines() if "PATH=" not in line]
