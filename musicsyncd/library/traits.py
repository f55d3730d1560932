"""How a file system takes names, found out by trying. Blocking."""

from __future__ import annotations

import errno
import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Final

from musicsyncd.library.base import Trait
from musicsyncd.library.disk import TEMPORARY_SUFFIX, temporary_name

_ACCENTED: Final = "\u00e9"
"""One code point, as NFC has it."""
_FORBIDDEN: Final = "?"
"""By FAT, exFAT and NTFS."""
_REFUSALS: Final = frozenset({errno.EINVAL, errno.EILSEQ, errno.ENOENT})


def learn(folder: int) -> tuple[Trait, ...]:
    """Try names in the open folder; what is tried is gone afterwards. OSErrors pass."""
    accented = _tried(folder, _ACCENTED)
    forbidden = _tried(folder, _FORBIDDEN)
    found = []
    if accented is not None and _ACCENTED not in accented:
        found.append(Trait.NFD)
    if forbidden is None:
        found.append(Trait.FAT_NAMES)
    return tuple(found)


def folds_case(root: Path, name: str) -> bool:
    """Whether this file of the folder answers to its name in capitals too."""
    with suppress(OSError):
        return (root / name.upper()).exists() and name.upper() not in os.listdir(root)  # noqa: PTH208  names are enough
    return False


def recorded(words: object) -> tuple[Trait, ...]:
    """Traits as a marker holds them; what it says besides is passed over."""
    known: Collection[str] = set(Trait)
    return tuple(Trait(word) for word in words if word in known) if isinstance(words, list) else ()


def _tried(folder: int, letter: str) -> str | None:
    """How a file whose name holds this letter is spelled by the folder; None when the letter is refused."""
    stem = temporary_name().removesuffix(TEMPORARY_SUFFIX)
    name = stem + letter + TEMPORARY_SUFFIX
    try:
        os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=folder))
    except OSError as error:
        return None if error.errno in _REFUSALS else name  # a full disk or short names say nothing of the letter
    try:
        return next((one for one in os.listdir(folder) if one.startswith(stem)), name)
    finally:
        os.unlink(name, dir_fd=folder)
