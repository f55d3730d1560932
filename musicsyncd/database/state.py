"""The state folder: ours alone, on a disk of this machine, and worked in by one daemon at a time."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from musicsyncd.errors import Denied, NeedsPerson, Permanent

LOCK_NAME: Final = "daemon.lock"
NETWORK: Final = frozenset(
    {
        "nfs",
        "nfs3",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "smb2",
        "afpfs",
        "9p",
        "afs",
        "ncpfs",
        "ncp",
        "coda",
        "ceph",
        "glusterfs",
        "lustre",
    }
    | {
        "gpfs",
        "beegfs",
        "orangefs",
        "pvfs2",
        "webdav",
        "davfs",
        "davfs2",
        "ftp",
        "sshfs",
        "fuse.sshfs",
        "fuse.davfs2",
        "fuse.davfs",
    }
    | {
        "fuse.rclone",
        "fuse.s3fs",
        "fuse.gcsfuse",
        "fuse.glusterfs",
        "fuse.ceph",
        "fuse.ceph-fuse",
        "fuse.curlftpfs",
        "fuse.smbnetfs",
    }
)
"""File systems whose locks or shared memory do not reach every machine that may write there."""

Mount = tuple[str, str]
"""Where it is mounted, and the file system's type."""


class AlreadyRunning(Permanent):
    """Another daemon works in the same state folder."""


class StateLock:
    """The right to work in a state folder, held by at most one process; it dies with that process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take it. AlreadyRunning (with the other's pid) when it is held, NeedsPerson when the disk is full, Denied
        when it cannot be had otherwise.
        """
        make_private(self._folder)
        try:
            # Python's descriptors are closed in children: a worker that outlives us does not keep the lock.
            descriptor = os.open(self._folder / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise refused(self._folder, error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        except BlockingIOError as error:
            raise _already_running(self._folder, _pid_in(descriptor)) from error
        except OSError as error:
            raise refused(self._folder, error) from error
        else:
            self._descriptor, descriptor = descriptor, -1
        finally:
            if descriptor >= 0:
                os.close(descriptor)

    def release(self) -> None:
        """Give it up. The file stays: removing it would let two processes lock two files of one name."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _pid_in(descriptor: int) -> str:
    return os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()


def _already_running(folder: Path, pid: str) -> AlreadyRunning:
    who = f" (pid {pid})" if pid else ""
    stop = f"kill {pid}" if pid else "musicsyncctl service stop"
    return AlreadyRunning(f"Another musicsyncd{who} already works in {folder}", fix=f"Stop it with: {stop}")


def make_private(folder: Path) -> None:
    """See that the folder is there and that nobody else may look inside. Raises what `refused` says when
    that cannot be done.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_mode & 0o077:
            folder.chmod(0o700)
    except OSError as error:
        raise refused(folder, error) from error


def private_file(path: Path) -> None:
    """See that the file is there and that nobody else may read it, whatever the umask. OSError as the system says."""
    with contextlib.suppress(FileExistsError):  # never opened and closed then: that would end SQLite's locks on it
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    if path.stat().st_mode & 0o777 != 0o600:
        path.chmod(0o600)


def refused(folder: Path, error: OSError) -> Denied | NeedsPerson:
    """Why the state folder is of no use: NeedsPerson for a full disk, Denied for the rest."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return NeedsPerson(
            f"The disk that holds {folder} is full",
            why=os.strerror(error.errno),
            fix=f"Free some space on the disk of {folder}, then start again",
        )
    return Denied(
        f"The state folder {folder} cannot be used",
        why=error.strerror or str(error),
        fix="Give it to this user, or set daemon.state_dir to another folder",
    )


def network_file_system(folder: Path) -> str | None:
    """The type of the network file system that holds the folder, None when a disk of this machine does."""
    kind = file_system_of(str(folder.resolve()), _mounts())
    return kind if kind in NETWORK else None


def _mounts() -> Iterator[Mount]:
    if sys.platform == "darwin":
        done = subprocess.run(["/sbin/mount"], capture_output=True, text=True, check=False, timeout=10)
        return mounts_of_mount(done.stdout)
    try:
        return mounts_of_mountinfo(Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape"))
    except OSError:
        return iter(())  # a system without /proc tells us nothing, and is not refused for it


def mounts_of_mountinfo(text: str) -> Iterator[Mount]:
    """Linux: what /proc/self/mountinfo says, in the order of mounting."""
    for line in text.splitlines():
        place, _, device = line.partition(" - ")
        fields, kind = place.split(" "), device.split(" ")[0]
        if len(fields) > 4 and kind:
            yield re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[4]), kind


def mounts_of_mount(text: str) -> Iterator[Mount]:
    """macOS: what `mount` prints."""
    for match in re.finditer(r"^.+? on (/.*) \(([\w.]+)", text, re.MULTILINE):
        yield match[1], match[2]


def file_system_of(path: str, mounts: Iterable[Mount]) -> str:
    """The type of the file system that holds an absolute path.

    It is that of the longest mount point above the path, and of the last one mounted there.
    """
    best, kind = "", ""
    for point, its_kind in mounts:
        if len(point) >= len(best) and f"{path}/".startswith(point.rstrip("/") + "/"):
            best, kind = point, its_kind
    return kind
