"""What is looked at in a watched place: the files of an inbox, the plans, config.toml. Blocking; for threads."""

from __future__ import annotations

import os
import stat
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from musicsyncd.sources.folder_scan import is_left_out, search
from musicsyncd.triggers.rows import Stamp

Stamps = Mapping[str, Stamp]
PLANS: Final = frozenset({".md", ".txt"})
MOST_DEEP: Final = 16


@dataclass(frozen=True, kw_only=True)
class News:
    """What has changed in a place and stands still now."""

    new: Stamps
    gone: tuple[str, ...] = ()
    first: bool = False
    """Whether the place was never looked into before."""


@dataclass(kw_only=True)
class Place:
    """A watched folder, or one file."""

    name: str
    """`inbox:PATH`, `plans:PATH`, `config`."""
    path: Path
    scan: Callable[[], Stamps | None]
    """The files as they stand now; None while there is no such place."""
    changed: Callable[[News], Awaitable[None]]
    """Told when something changed and stands still; what it raises is tried again."""
    held: Callable[[], bool] = lambda: False
    """Whether what changed is to wait: it is not told yet, and stays new until it is."""
    single: bool = False
    """Whether it is one file, whose folder is watched."""
    kept: bool = True
    """Whether what was seen is remembered over restarts."""
    seen: dict[str, Stamp] = field(default_factory=dict)
    """As it was last seen to."""
    before: Stamps = field(default_factory=dict)
    """As it was at the last look."""
    met: bool = False


def audio_files(folder: Path, *, max_depth: int = MOST_DEEP) -> Stamps | None:
    """The audio files below a folder."""
    if not folder.is_dir():
        return None
    found = search(Path(os.path.realpath(folder)), max_depth=max_depth).seen
    return {os.fsdecode(one.path): Stamp(one.stamp.size, one.stamp.mtime_ns) for one in found}


def plan_files(folder: Path) -> Stamps | None:
    """The plans below a folder, relative to it."""
    if not folder.is_dir():
        return None
    found = {}
    for path in _below(folder, MOST_DEEP):
        if path.suffix.lower() in PLANS and (stamp := _stamp(path)):
            found[str(path.relative_to(folder))] = stamp
    return found


def one_file(path: Path) -> Stamps | None:
    """The file itself; None while it is not there: an editor may be replacing it."""
    stamp = _stamp(path)
    return {str(path): stamp} if stamp else None


def stamps_of(files: Mapping[str, Path]) -> Stamps:
    """How these files stand now, by their names in their place; those that are gone are left out."""
    return {name: stamp for name, path in files.items() if (stamp := _stamp(path))}


def _below(folder: Path, depth: int) -> Iterator[Path]:
    try:
        with os.scandir(folder) as entries:
            found = [entry for entry in entries if not is_left_out(entry.name)]
    except OSError:
        return
    for entry in found:
        if entry.is_dir(follow_symlinks=False):
            if depth:
                yield from _below(Path(entry.path), depth - 1)
        else:
            yield Path(entry.path)


def _stamp(path: Path) -> Stamp | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return Stamp(status.st_size, status.st_mtime_ns) if stat.S_ISREG(status.st_mode) else None
