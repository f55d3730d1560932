"""A volume's folders, found as the volume spells them and held open, never outside its root. Blocking.

Everything is done relative to open folders, so that a disk swapped under the same path is not written to by
mistake.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from musicsyncd.library.disk import sync_folder
from musicsyncd.library.naming import path_key

MOST_SPELLINGS: Final = 9
"""How many numbered names are tried when a file has the name that a folder wants."""


@dataclass(frozen=True)
class Folder:
    """An open folder below a volume's root."""

    descriptor: int
    parts: tuple[str, ...]
    """Its path below the root, as the volume spells it."""

    def path_of(self, name: str) -> str:
        """The path below the root of an entry."""
        return "/".join((*self.parts, name))

    def names(self) -> list[str]:
        """What it holds."""
        return os.listdir(self.descriptor)  # noqa: PTH208  it is the open folder that counts, not a path

    def spelling(self, name: str) -> str | None:
        """How the folder spells the entry that is `name` to the pickiest volume; None when it has none."""
        return spelling_in(self.names(), name)

    def status(self, name: str) -> os.stat_result | None:
        """What the entry is, links not followed; None when it is gone."""
        try:
            return os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return None


def spelling_in(names: Iterable[str], name: str) -> str | None:
    """The one of the names that is this name or the same to the pickiest volume."""
    names = list(names)
    if name in names:
        return name
    key = path_key(name)
    return next((other for other in names if path_key(other) == key), None)


@contextmanager
def held(root: Path) -> Iterator[int]:
    """The root, open: what is done through its descriptor is done on the disk that is there now."""
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def existing_folder(root: Path, parts: Iterable[str], *, top: int | None = None) -> Iterator[Folder | None]:
    """The folder with these parts below the root, or None when it does not exist; `top` is the root held open."""
    folder = _opened(root, top)
    try:
        for part in parts:
            entry = _entry(root, folder, part)
            if entry is None:
                break
            folder = _stepped(folder, entry)
        else:
            yield folder
            return
        yield None
    finally:
        os.close(folder.descriptor)


@contextmanager
def made_folder(root: Path, parts: Iterable[str], *, top: int | None = None) -> Iterator[Folder]:
    """The folder with these parts, made if it does not exist; unmade, if empty, when the body fails. `top` is the root
    held open.
    """
    folder, made = _opened(root, top), list[tuple[int, str]]()
    try:
        for part in parts:
            entry = _entry(root, folder, part)
            if entry is None:
                entry = _made(folder, part)
                made.append((os.dup(folder.descriptor), entry))
            folder = _stepped(folder, entry)
        yield folder
    except BaseException:
        for parent, name in reversed(made):
            with suppress(OSError):  # not empty, or the volume is gone
                os.rmdir(name, dir_fd=parent)
        raise
    finally:
        for parent, _ in made:
            os.close(parent)
        os.close(folder.descriptor)


def _opened(root: Path, top: int | None = None) -> Folder:
    return Folder(os.open(root if top is None else ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=top), ())


def _stepped(folder: Folder, entry: str) -> Folder:
    descriptor = os.open(entry, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder.descriptor)
    os.close(folder.descriptor)
    return Folder(descriptor, (*folder.parts, entry))


def _made(folder: Folder, part: str) -> str:
    """Make the folder, beside a file that has its name; return the name that it got."""
    name = next(name for name in _spellings(part) if folder.spelling(name) is None)
    os.mkdir(name, dir_fd=folder.descriptor)
    sync_folder(folder.descriptor)
    return folder.spelling(name) or name


def _entry(root: Path, folder: Folder, part: str) -> str | None:
    """The entry that is this folder; None when it has to be made."""
    names = folder.names()
    for name in _spellings(part):
        entry = spelling_in(names, name)
        if entry is None:
            return None
        if _is_folder(root, folder, entry):
            return entry
    return _refuse(errno.ENOTDIR, folder.path_of(part))


def _spellings(part: str) -> Iterator[str]:
    yield part
    for count in range(2, MOST_SPELLINGS + 1):
        yield f"{part} ({count})"


def _is_folder(root: Path, folder: Folder, entry: str) -> bool:
    status = folder.status(entry)
    if status is None or not stat.S_ISLNK(status.st_mode):
        return status is not None and stat.S_ISDIR(status.st_mode)
    path = root / folder.path_of(entry)
    if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root)):
        _refuse(errno.ELOOP, str(path))
    return path.is_dir()


def _refuse(number: int, path: str) -> NoReturn:
    raise OSError(number, os.strerror(number), path)
