"""Makes files appear whole or not at all, and hashes them. Plain blocking functions."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from musicsyncd.errors import Denied, MusicsyncError, NeedsPerson, Temporary


def unfinished(final: Path) -> Path:
    """The temporary name beside `final`; its own, so that several outputs of one folder never meet."""
    return final.with_name(f".{final.name}.part")


def settle(temporary: Path, final: Path) -> None:
    """Give a finished file its final name, after its bytes and before the name are on the disk."""
    sync(temporary)
    temporary.replace(final)
    sync(final.parent)


def write_whole(final: Path, content: bytes) -> None:
    """Make a small file appear whole; NeedsPerson, Denied or Temporary when it cannot be written."""
    temporary = unfinished(final)
    with writing(final):
        try:
            temporary.write_bytes(content)
            settle(temporary, final)
        finally:
            temporary.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Wait until a file's or a folder's content is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256(path: Path) -> str:
    """Of the file's bytes, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Translates what a file system answers to a write; FFmpeg's errors for it are OSErrors too."""
    try:
        yield
    except OSError as error:
        raise _translated(error, path) from error


def _translated(error: OSError, path: Path) -> MusicsyncError:
    why = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return NeedsPerson(
            f"There is no room to write {path.name}", why=why, fix=f"Free space where {path.parent} lies"
        )
    if isinstance(error, PermissionError) or error.errno == errno.EROFS:
        return Denied(f"{path.name} may not be written", why=why, fix=f"See to the rights of {path.parent}")
    return Temporary(f"{path.name} cannot be written now", why=why)
