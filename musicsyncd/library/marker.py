"""A volume's marker file: how a volume is known again wherever it is mounted. Blocking."""

from __future__ import annotations

import errno
import json
import os
import stat
import sys
import uuid
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

from musicsyncd.library.base import Condition, ShelfState, Trait
from musicsyncd.library.disk import rename_into_free, sync_file, sync_folder, temporary_name
from musicsyncd.library.traits import folds_case, learn, recorded

MARKER: Final = ".musicsyncd-volume"
LONGEST_MARKER: Final = 4096
MOUNT_ROOTS: Final = (Path("/Volumes"), Path("/media"), Path("/run/media"), Path("/mnt"))
"""Where systems mount removable disks: a plain folder below these belongs to a disk that is away."""
DENIALS: Final = frozenset({errno.EPERM, errno.EACCES})


@dataclass(frozen=True, kw_only=True)
class Marker:
    """What stands in the file."""

    id: str
    """A random UUID in hexadecimal."""
    name: str
    """The volume's name in the settings when it was adopted."""
    created: str
    """ISO 8601."""
    traits: tuple[Trait, ...] = ()
    """What was found out by trying when the marker was written."""

    @classmethod
    def new(cls, name: str, now: datetime) -> Marker:
        """The marker of a volume that was never known."""
        return cls(id=uuid.uuid4().hex, name=name, created=now.isoformat(timespec="seconds"))


def read_marker(root: Path | int) -> Marker | None:
    """The marker in this folder (a path, or a descriptor that holds it open), None when there is none; ValueError when
    it is none of ours.
    """
    try:
        with _open_marker(root) as file:
            data = json.loads(file.read(LONGEST_MARKER))
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError) as error:
        raise ValueError("it is empty or not JSON") from error
    if not isinstance(data, dict) or not all(isinstance(data.get(key), str) for key in ("id", "name")):
        raise ValueError("it has no id and name")
    return Marker(
        id=data["id"], name=data["name"], created=str(data.get("created", "")), traits=recorded(data.get("traits"))
    )


def _open_marker(root: Path | int) -> BinaryIO:
    if isinstance(root, Path):
        return (root / MARKER).open("rb")
    return open(MARKER, "rb", opener=partial(os.open, dir_fd=root))


def write_marker(root: Path, marker: Marker) -> None:
    """Write the marker whole or not at all; FileExistsError when there is one."""
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    temporary = temporary_name()
    try:
        marker = replace(marker, traits=learn(folder))
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644, dir_fd=folder)
        with os.fdopen(descriptor, "wb") as file:
            file.write(json.dumps(asdict(marker)).encode() + b"\n")
            file.flush()
            sync_file(file.fileno())
        rename_into_free(temporary, MARKER, source=folder, target=folder)
        sync_folder(folder)
    finally:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=folder)  # gone when all went well
        os.close(folder)


def adopt(
    root: Path,
    marker: Marker,
    known: str | None,
    min_free: int,
    mount_roots: Iterable[Path],
    *,
    consent: bool,
) -> ShelfState:
    """Write the marker where there is none and there may be one, see `Volume.adopt`; the state afterwards."""
    state = look_at(root, marker.name, known, min_free)
    if state.condition is not Condition.ABSENT or (known is not None and not consent):
        return state
    try:
        if not consent and mount_point_is_empty(root, mount_roots):
            return _refused_adoption(root, marker.name)
        if not consent:
            with suppress(FileExistsError):
                root.mkdir()
        if read_marker(root) is None:
            write_marker(root, marker)
    except OSError as error:
        return trouble(root, error)
    return look_at(root, marker.name, None, min_free)


def look_at(root: Path, name: str, known: str | None, min_free: int) -> ShelfState:
    """How the volume is now; `known` is the id its marker must have, if any. A sick disk raises nothing."""
    try:
        if not stat.S_ISDIR(root.stat().st_mode):
            return _not_ready(Condition.ABSENT, root, f"{root} is not a folder", "Give the path of a folder")
        marker = read_marker(root)
        if marker is None:
            return _unmarked(root, name, known)
        if marker.name != name or (known is not None and marker.id != known):
            return _foreign(root, name, marker)
        return _with_space(root, marker, min_free)
    except ValueError as error:
        why = f"{root / MARKER} is not a marker of ours: {error}"
        return _not_ready(Condition.FOREIGN, root, why, f"Move it away, then {_add(root, name)}")
    except OSError as error:
        return trouble(root, error)


def _with_space(root: Path, marker: Marker, min_free: int) -> ShelfState:
    with os.scandir(root) as entries:
        next(entries, None)  # macOS lets a process without consent stat a disk, and forbids to list it
    space = os.statvfs(root)
    free = space.f_bavail * space.f_frsize
    condition, why, fix = Condition.READY, "", ""
    if space.f_flag & os.ST_RDONLY:
        condition, why, fix = Condition.READ_ONLY, f"{root} is mounted read-only", "Mount it for writing"
    elif not os.access(root, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
        condition, why, fix = Condition.DENIED, f"This user may not write to {root}", _consent()
    elif free < min_free:
        condition, why = Condition.FULL, f"{free} bytes are free on {root}, {min_free} shall stay free"
        fix = "Make room or lower min_free"
    traits = (*((Trait.CASE_INSENSITIVE,) if folds_case(root, MARKER) else ()), *marker.traits)
    return ShelfState(condition=condition, why=why, fix=fix, free=free, path=str(root), marker=marker.id, traits=traits)


def trouble(root: Path, error: OSError) -> ShelfState:
    """The state of a volume at which a system call failed like this."""
    if error.errno in DENIALS:
        return _not_ready(Condition.DENIED, root, f"The system denies access to {root}", _consent())
    if error.errno == errno.ENOENT:
        return _not_ready(Condition.ABSENT, root, f"There is no folder {root}", "Mount the volume")
    if error.errno == errno.EROFS:
        return _not_ready(Condition.READ_ONLY, root, f"{root} is mounted read-only", "Mount it for writing")
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _not_ready(Condition.FULL, root, f"{root} is full", "Make room on it")
    why = f"{root} does not answer: {error.strerror or error}"
    return _not_ready(Condition.ABSENT, root, why, "Mount the volume again")


def mount_point_is_empty(root: Path, mount_roots: Iterable[Path]) -> bool:
    """Whether the path is below a folder for mounts, yet on that folder's own file system."""
    real = Path(os.path.realpath(root))
    for mount_root in mount_roots:
        if real.is_relative_to(os.path.realpath(mount_root)):
            existing = next(folder for folder in (real, *real.parents) if folder.exists())
            return not mount_root.exists() or existing.stat().st_dev == mount_root.stat().st_dev
    return False


def _unmarked(root: Path, name: str, known: str | None) -> ShelfState:
    if known is None:
        return _not_ready(Condition.ABSENT, root, f"{root} was never made a volume", _add(root, name))
    why = f"{root} lacks the marker of {name!r}: it may be an empty mount point, so nothing is written"
    return _not_ready(Condition.ABSENT, root, why, f"Mount {name!r}; if this is its new disk, {_add(root, name)}")


def _foreign(root: Path, name: str, marker: Marker) -> ShelfState:
    what = f"is the volume {marker.name!r}" if marker.name != name else f"is another volume called {name!r}"
    why = f"{root} {what}, id {marker.id[:8]}: nothing is written"
    fix = f"Mount {name!r} there, or correct its path in the settings"
    if marker.name == name:
        fix = f"Mount the one that was there; if this one takes its place, {_add(root, name)}"
    return _not_ready(Condition.FOREIGN, root, why, fix)


def _refused_adoption(root: Path, name: str) -> ShelfState:
    """The state of a folder that may be an empty mount point."""
    why = f"{root} is on no disk of its own: the disk that belongs there may be away, so nothing is written"
    return _not_ready(Condition.ABSENT, root, why, f"Mount {name!r}; if the folder is meant, {_add(root, name)}")


def _not_ready(condition: Condition, root: Path, why: str, fix: str) -> ShelfState:
    return ShelfState(condition=condition, why=why, fix=fix, path=str(root))


def _add(root: Path, name: str) -> str:
    return f"run: musicsyncctl volumes add {root} {name}"


def _consent() -> str:
    if sys.platform == "darwin":
        return "Allow it under System Settings > Privacy & Security, and check the permissions"
    return "Give this user the permission"
