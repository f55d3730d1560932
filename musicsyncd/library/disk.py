"""What systems offer for putting a file in its place safely, and how they differ. Blocking."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import functools
import hashlib
import os
import secrets
import stat
import sys
import time
from collections.abc import Callable
from typing import Final

CHUNK: Final = 1024 * 1024
"""Bytes copied or read between two beats."""
TEMPORARY_PREFIX: Final = ".musicsyncd-"
TEMPORARY_SUFFIX: Final = ".part"
STARTED: Final = time.time()
"""When this process began, near enough: temporaries that were written before are not its own."""
_PROCESS: Final = secrets.token_hex(4)
_NO_REPLACE: Final = 1
"""RENAME_NOREPLACE of Linux's renameat2."""
_EXCLUSIVE: Final = 4
"""RENAME_EXCL of macOS's renameatx_np."""
_UNSUPPORTED: Final = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EPERM, errno.EMLINK})
"""How file systems say that they have no exclusive rename or no hard links."""
_NO_FOLDER_SYNC: Final = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EBADF})


def temporary_name() -> str:
    """A name that no file has, recognisable as ours and as this process's."""
    return f"{TEMPORARY_PREFIX}{_PROCESS}-{secrets.token_hex(6)}{TEMPORARY_SUFFIX}"


def is_temporary(name: str) -> bool:
    """Whether some process of ours gave a temporary this name."""
    return name.startswith(TEMPORARY_PREFIX) and name.endswith(TEMPORARY_SUFFIX)


def is_stray(name: str, modified: float) -> bool:
    """Whether a temporary is an earlier process's; `modified` is in seconds since the epoch.

    Another daemon that shares the volume may be writing one just now: that was modified since this process began.
    """
    return not name.startswith(f"{TEMPORARY_PREFIX}{_PROCESS}-") and modified < STARTED


def rename_into_free(name: str, new_name: str, *, source: int, target: int) -> None:
    """Rename between two open folders, never onto a file: FileExistsError when the new name is taken.

    Where neither an exclusive rename nor hard links exist (exFAT), the name is looked at right before a plain
    rename; a program that creates it within those microseconds would lose its file.
    """
    for attempt in (_rename_exclusively, _link_then_unlink):
        try:
            return attempt(name, new_name, source, target)
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise
    if exists(new_name, target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), new_name)
    return os.rename(name, new_name, src_dir_fd=source, dst_dir_fd=target)


def exists(name: str, folder: int) -> bool:
    """Whether the open folder has an entry of this name, a dangling symbolic link included."""
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def sync_file(descriptor: int) -> None:
    """Have the bytes on the medium; macOS's fsync alone leaves them in the drive's cache."""
    full = getattr(fcntl, "F_FULLFSYNC", None)
    if full is not None:
        try:
            fcntl.fcntl(descriptor, full)
            return
        except OSError as error:
            if error.errno not in _UNSUPPORTED:  # network volumes have no such call
                raise
    os.fsync(descriptor)


def sync_folder(folder: int) -> None:
    """Have the open folder's names on the medium, where the file system knows how."""
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise


def hash_file(name: str, folder: int, beat: Callable[[], None], *, uncached: bool = False) -> str:
    """SHA-256 of a file of the open folder, in hexadecimal; read from the medium if `uncached`."""
    digest = hashlib.sha256()
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        if uncached:
            _forget_pages(descriptor)
        while chunk := os.read(descriptor, CHUNK):
            digest.update(chunk)
            beat()
    finally:
        os.close(descriptor)
    return digest.hexdigest()


def is_file(status: os.stat_result) -> bool:
    """Whether it is a regular file, not a link to one."""
    return stat.S_ISREG(status.st_mode)


def _forget_pages(descriptor: int) -> None:
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    elif (no_cache := getattr(fcntl, "F_NOCACHE", None)) is not None:
        fcntl.fcntl(descriptor, no_cache, 1)


def _rename_exclusively(name: str, new_name: str, source: int, target: int) -> None:
    rename, flag = _exclusive_rename()
    if rename is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if rename(source, os.fsencode(name), target, os.fsencode(new_name), flag):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), new_name)


@functools.cache
def _exclusive_rename() -> tuple[Callable[[int, bytes, int, bytes, int], int] | None, int]:
    """The C library's function with its flag; musl had none until 2024."""
    library = ctypes.CDLL(None, use_errno=True)
    if sys.platform == "darwin":
        return getattr(library, "renameatx_np", None), _EXCLUSIVE
    return getattr(library, "renameat2", None), _NO_REPLACE


def _link_then_unlink(name: str, new_name: str, source: int, target: int) -> None:
    os.link(name, new_name, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
    os.unlink(name, dir_fd=source)
