"""Every file on a volume, as its folders tell of it: none is opened. Blocking; OSErrors pass."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from musicsyncd.library.base import Lying
from musicsyncd.library.disk import is_stray, is_temporary
from musicsyncd.library.marker import MARKER

AT_ONCE: Final = 500
"""Files told of at a time."""


def list_files(root: Path, take: Callable[[Sequence[Lying]], None], beat: Callable[[], None]) -> None:
    """Tell of the files below the root, a batch at a time. Links are not followed; a folder that this user may not
    enter, or that is another volume, is passed over: whoever misses a file there asks for it by name.
    """
    found = _below(root, beat)
    while some := list(islice(found, AT_ONCE)):
        beat()
        take(some)


def _below(root: Path, beat: Callable[[], None]) -> Iterator[Lying]:
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        beat()
        entries = _entries(root / folder, within=bool(folder))
        if folder and any(entry.name == MARKER for entry in entries):
            continue  # its files are told of there
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if entry.is_dir(follow_symlinks=False):
                if not entry.name.startswith("."):
                    waiting.append(path)
            elif entry.is_file(follow_symlinks=False) and (one := _lying(entry, path)):
                yield one


def _entries(folder: Path, *, within: bool) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return [*entries]
    except (PermissionError, FileNotFoundError, NotADirectoryError):
        if not within:  # the volume itself
            raise
        return []


def _lying(entry: os.DirEntry[str], path: str) -> Lying | None:
    """None for what is hidden, has just gone, or has a name that is no text."""
    stray = is_temporary(entry.name)
    if (entry.name.startswith(".") and not stray) or not _is_text(path):
        return None
    try:
        status = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    stray = stray and is_stray(entry.name, status.st_mtime)
    if entry.name.startswith(".") and not stray:
        return None
    return Lying(path=path, size=status.st_size, mtime_ns=status.st_mtime_ns, stray=stray)


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
