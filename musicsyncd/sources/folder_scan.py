"""Which audio files lie below a path, and whether they stand still: none is opened. Blocking; for threads."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from musicsyncd.errors import BadInput, Denied, MusicsyncError, Temporary
from musicsyncd.sources.base import Refusal

EXTENSIONS: Final = frozenset({
    ".aac", ".ac3", ".aif", ".aifc", ".aiff", ".alac", ".ape", ".caf", ".dsf", ".flac", ".m4a", ".m4b", ".mka",
    ".mp2", ".mp3", ".mp4", ".oga", ".ogg", ".opus", ".tta", ".wav", ".wave", ".weba", ".webm", ".wma", ".wv",
})  # fmt: skip
"""What a folder is searched for; what is inside is found out by decoding."""
UNFINISHED: Final = (".part", ".partial", ".crdownload", ".download", ".tmp", ".temp", ".ytdl", ".musicsyncd")
"""Endings of files that a program, ours too, is still writing."""
PROC: Final = Path("/proc")


@dataclass(frozen=True, kw_only=True)
class Stamp:
    """A file as it was when looked at; another stamp means another content."""

    device: int
    inode: int
    size: int
    """Bytes."""
    mtime_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> Stamp:
        return cls(device=status.st_dev, inode=status.st_ino, size=status.st_size, mtime_ns=status.st_mtime_ns)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A regular file with an audio file's name."""

    path: Path
    stamp: Stamp


@dataclass(frozen=True, kw_only=True)
class Scan:
    """What lies below a path."""

    seen: tuple[Seen, ...] = ()
    refused: tuple[Refusal, ...] = ()


def shown(path: Path | str) -> str:
    """The path as text that can be written down: undecodable bytes as `\\xff`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def look(path: Path) -> Seen:
    """One file, whatever its name; BadInput or Denied when it is none that can be read."""
    status = _status(path)
    if not stat.S_ISREG(status.st_mode):
        raise BadInput(f"{shown(path)!r} is {_kind(status.st_mode)}, not an audio file")
    if status.st_size == 0:
        raise BadInput(f"{shown(path)!r} is empty")
    if not os.access(path, os.R_OK):
        raise Denied(f"{shown(path)!r} may not be read", fix="Give this user the right to read it")
    return Seen(path=path, stamp=Stamp.of(status))


def is_folder(path: Path) -> bool:
    """Whether it is a folder; BadInput or Denied when nothing can be found out."""
    return stat.S_ISDIR(_status(path).st_mode)


def search(root: Path, *, max_depth: int, forbidden: Iterable[Path] = ()) -> Scan:
    """Every audio file below a folder (a real path), sorted, at most `max_depth` levels of folders down."""
    seen: list[Seen] = []
    refused: list[Refusal] = []
    for path in _below(root, max_depth, frozenset(forbidden), refused):
        try:
            seen.append(look(path))
        except MusicsyncError as error:
            refused.append(Refusal(name=shown(path), error=error))
    by_name = sorted(seen, key=lambda one: os.fsencode(one.path))
    return Scan(seen=tuple(by_name), refused=tuple(sorted(refused, key=lambda one: one.name)))


def _below(root: Path, max_depth: int, forbidden: frozenset[Path], refused: list[Refusal]) -> Iterator[Path]:
    waiting = [(root, 0)]
    while waiting:
        folder, depth = waiting.pop()
        for entry in _entries(folder, refused):
            path = Path(entry.path)
            if entry.is_symlink():
                refused.extend(_outside(path, root))
            elif entry.is_dir(follow_symlinks=False):
                if path in forbidden:
                    refused.append(Refusal(name=shown(path), error=Denied("That folder is the daemon's own")))
                elif depth < max_depth:
                    waiting.append((path, depth + 1))
                else:
                    deep = BadInput(f"{shown(path)!r} lies deeper than {max_depth} folders", fix="Name it itself")
                    refused.append(Refusal(name=shown(path), error=deep))
            elif path.suffix.lower() in EXTENSIONS:
                yield path


def _entries(folder: Path, refused: list[Refusal]) -> list[os.DirEntry[str]]:
    """What stands in a folder and is neither hidden nor unfinished."""
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if not is_left_out(entry.name)]
    except OSError as error:
        refused.append(Refusal(name=shown(folder), error=translated(folder, error)))
        return []


def is_left_out(name: str) -> bool:
    """Hidden (AppleDouble's `._x` too), unfinished, or a temporary of ours."""
    return name.startswith(".") or name.lower().endswith(UNFINISHED)


def _outside(link: Path, root: Path) -> list[Refusal]:
    """A refusal for a link that leads out of the folder or nowhere.

    A link that stays inside is skipped, since its target is found by itself; so is one not named like audio.
    """
    real = Path(os.path.realpath(link))
    if not real.is_dir() and link.suffix.lower() not in EXTENSIONS:
        return []
    if real.is_relative_to(root) and real.exists():
        return []
    fix = "Name what it leads to by itself"
    error = BadInput(f"{shown(link)!r} is a link that leads out of the folder or nowhere", fix=fix)
    return [Refusal(name=shown(link), error=error)]


def _status(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except ValueError as error:  # a NUL in it
        raise BadInput(f"{shown(path)!r} can be no path", why=str(error)) from error
    except OSError as error:
        raise translated(path, error) from error


def translated(path: Path, error: OSError) -> MusicsyncError:
    """What the system said of a path, in our words."""
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR:
            return BadInput(f"There is no {shown(path)!r}", fix="Check the path, and that its volume is mounted")
        case errno.EACCES | errno.EPERM:
            return Denied(f"{shown(path)!r} may not be read", fix="Give this user the right to read it")
        case errno.ENAMETOOLONG | errno.ELOOP | errno.EINVAL:
            return BadInput(f"{shown(path)!r} can be no path", why=os.strerror(error.errno))
        case _:
            return Temporary(f"{shown(path)!r} cannot be read now", why=error.strerror or str(error))


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFDIR: "a folder",
        stat.S_IFIFO: "a pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
    }
    return kinds.get(stat.S_IFMT(mode), "something special")


def being_written(paths: Iterable[Path]) -> frozenset[Path]:
    """Those of these real paths that a process holds open for writing, as far as Linux shows this user.

    Names are compared, never files looked at: one of them may lie on a volume that has hung.
    """
    wanted = {os.fspath(path): path for path in paths}
    if not wanted or not sys.platform.startswith("linux"):
        return frozenset()
    return frozenset(wanted[name] for process in _processes() for name in _written_by(process, wanted))


def _processes() -> Iterator[Path]:
    try:
        with os.scandir(PROC) as entries:
            yield from (Path(entry.path) for entry in entries if entry.name.isdecimal())
    except OSError:
        return


def _written_by(process: Path, wanted: Container[str]) -> Iterator[str]:
    try:
        descriptors = list((process / "fd").iterdir())
    except OSError:  # another user's, or gone
        return
    for descriptor in descriptors:
        try:
            name = str(descriptor.readlink())
            if name in wanted and _is_writable(process / "fdinfo" / descriptor.name):
                yield name
        except OSError:  # closed meanwhile
            continue


def _is_writable(description: Path) -> bool:
    flags = next(line for line in description.read_text().splitlines() if line.startswith("flags:"))
    return int(flags.split()[1], 8) & os.O_ACCMODE != os.O_RDONLY


def stamps_now(seen: Iterable[Seen]) -> Mapping[Path, Stamp | None]:
    """How the files stand now; None for one that is gone."""
    now: dict[Path, Stamp | None] = {}
    for one in seen:
        try:
            now[one.path] = Stamp.of(one.path.stat())
        except OSError:
            now[one.path] = None
    return now
