"""Which file systems are mounted, and word of every change, without a wake-up while nothing changes.

Linux tells by /proc/self/mountinfo (EPOLLPRI); it is always readable, so a loop that watched it itself would spin, and
inotify sees no mount at all. macOS tells by the folders in /Volumes. Anywhere else the folders for mounts are listed
now and then.
"""

from __future__ import annotations

import asyncio
import getpass
import os
import re
import select
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Self

import anyio
import structlog

from musicsyncd.clock import Clock
from musicsyncd.library.marker import MOUNT_ROOTS

logger = structlog.get_logger()
MOUNTINFO: Final = Path("/proc/self/mountinfo")
SETTLE: Final = 0.1
"""Seconds in which further changes count as the same one: a disk with three partitions is three mounts."""
POLL: Final = 15.0
"""Seconds between two looks where the system tells nothing."""
STEP: Final = 400
"""Milliseconds between two looks of watchfiles' thread at what FSEvents told it."""
NOT_DISKS: Final = frozenset(
    """
    autofs binfmt_misc bpf cgroup cgroup2 configfs debugfs devpts devtmpfs efivarfs fusectl hugetlbfs mqueue nsfs proc
    pstore ramfs rpc_pipefs securityfs squashfs sysfs tracefs
    """.split()  # noqa: SIM905  shorter than a list
)
"""File systems on which nobody keeps music; to look into autofs would mount what is there."""
_OCTAL: Final = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, kw_only=True)
class Mount:
    """A mounted file system, or a folder where one may be."""

    path: Path
    identity: str
    """Another one for another mount at the same path."""
    read_only: bool = False


def parse(mountinfo: str) -> tuple[Mount, ...]:
    """The disks among the lines of a mountinfo; of several mounted over each other the one that is seen."""
    found: dict[Path, Mount] = {}
    for line in mountinfo.splitlines():
        with suppress(ValueError):  # a line of a kernel to come
            before, _, after = line.partition(" - ")
            number, _, device, _, point, options, *_ = before.split(" ")
            kind, _, super_options = after.split(" ", 2)
            path = Path(_OCTAL.sub(lambda match: chr(int(match[1], 8)), point))
            found.pop(path, None)
            if kind not in NOT_DISKS:
                read_only = "ro" in (*options.split(","), *super_options.split(","))
                found[path] = Mount(path=path, identity=f"{number} {device}", read_only=read_only)
    return tuple(found.values())


def folders(roots: Sequence[Path]) -> tuple[Mount, ...]:
    """The folders in the folders for mounts. None is looked into: it might hang."""
    found = []
    for root in roots:
        with suppress(OSError), os.scandir(root) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    found.append(Mount(path=Path(entry.path), identity=str(entry.inode())))
    return tuple(sorted(found, key=lambda one: one.path))


def mount_roots() -> tuple[Path, ...]:
    """The folders for mounts, and this user's own in them."""
    user = getpass.getuser()
    return *MOUNT_ROOTS, *(root / user for root in MOUNT_ROOTS)


async def changes(clock: Clock) -> AsyncGenerator[tuple[Mount, ...], None]:
    """What is mounted now, and again whenever that has changed."""
    if sys.platform == "linux" and MOUNTINFO.exists():
        told = table_changes(clock)
    elif sys.platform == "darwin":
        told = folder_changes(clock, (Path("/Volumes"),))
    else:
        told = polled_changes(clock, mount_roots())
    async with aclosing(told):
        async for mounts in told:
            yield mounts


async def table_changes(clock: Clock) -> AsyncGenerator[tuple[Mount, ...], None]:
    """By Linux's own table of mounts."""
    with _Table() as table:
        before: tuple[Mount, ...] | None = None
        while True:
            table.changed = anyio.Event()
            if table.mounts != before:
                before = table.mounts
                yield before
            await table.changed.wait()
            await clock.sleep(SETTLE)


class _Table:
    """The table, read again at every change.

    The kernel gives a disk that is pulled out and put back its old number, so a mount's identity also says when it was
    first seen.
    """

    def __init__(self) -> None:
        self.changed = anyio.Event()
        self.mounts: tuple[Mount, ...] = ()
        self._text = ""
        self._seen: dict[Mount, int] = {}
        """By mount as the table has it, for what is mounted now."""
        self._changes = 0

    def __enter__(self) -> Self:
        self._file = MOUNTINFO.open(encoding="utf-8", errors="surrogateescape")
        self._inner = select.epoll()
        self._inner.register(self._file.fileno(), select.EPOLLPRI | select.EPOLLERR)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._inner.fileno(), self._heard)
        self._read()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.remove_reader(self._inner.fileno())
        self._inner.close()
        self._file.close()

    def _heard(self) -> None:
        self._inner.poll(0)
        self._read()
        self.changed.set()

    def _read(self) -> None:
        self._file.seek(0)
        text, self._changes = self._file.read(), self._changes + 1  # read, or the kernel tells of the change for ever
        if text == self._text:
            self._seen.clear()  # something went and came back before we could look; nobody knows what
        self._text = text
        found = [(one, replace(one, read_only=False)) for one in parse(text)]
        self._seen = {key: self._seen.get(key, self._changes) for _, key in found}
        self.mounts = tuple(replace(one, identity=f"{one.identity} {self._seen[key]}") for one, key in found)


async def folder_changes(clock: Clock, roots: Sequence[Path]) -> AsyncGenerator[tuple[Mount, ...], None]:
    """By the folders that the system makes for mounts, watched; listed now and then where they cannot be."""
    from watchfiles import awatch

    before = folders(roots)
    yield before
    try:
        watch = awatch(
            *roots, watch_filter=None, debounce=int(SETTLE * 1000), step=STEP, rust_timeout=0, recursive=False
        )
        async with aclosing(watch):
            async for _ in watch:
                now = folders(roots)
                if now != before:
                    before = now
                    yield now
    except OSError as error:
        logger.warning("folders for mounts not watched", why=str(error), looking_every=POLL)
    async with aclosing(polled_changes(clock, roots, before)) as told:
        async for mounts in told:
            yield mounts


async def polled_changes(
    clock: Clock, roots: Sequence[Path], before: tuple[Mount, ...] | None = None
) -> AsyncGenerator[tuple[Mount, ...], None]:
    """By listing the folders for mounts now and then; at once if `before` is not given."""
    while True:
        now = folders(roots)
        if now != before:
            before = now
            yield now
        await clock.sleep(POLL)
