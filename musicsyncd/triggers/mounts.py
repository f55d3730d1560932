"""Which file systems are mounted, and word of every change, without a wake-up while nothing changes.

Linux tells by /proc/self/mountinfo (EPOLLPRI); it is always readable, so a loop that watched it itself would spin, and
inotify sees no mount at all. macOS tells by the folders in /Volumes. Anywhere else the folders for mounts are listed
now and then.
"""

from __future__ import annotations

import getpass
import os
import re
import select
import sys
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

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
    changed = anyio.Event()

    def tell() -> None:
        changed.set()

    with _table(tell) as read:
        before: tuple[Mount, ...] | None = None
        while True:
            now = parse(read())
            if now != before:
                before = now
                yield now
            await changed.wait()
            await clock.sleep(SETTLE)
            changed = anyio.Event()


@contextmanager
def _table(tell: Callable[[], None]) -> Iterator[Callable[[], str]]:
    """Open the table; `tell` is called at every change. What is handed out reads it."""
    import asyncio

    loop = asyncio.get_running_loop()
    with MOUNTINFO.open(encoding="utf-8", errors="surrogateescape") as table, select.epoll() as inner:

        def read() -> str:
            table.seek(0)
            return table.read()

        def heard() -> None:
            inner.poll(0)
            read()  # else the kernel goes on telling of the same change
            tell()

        inner.register(table.fileno(), select.EPOLLPRI | select.EPOLLERR)
        loop.add_reader(inner.fileno(), heard)
        try:
            yield read
        finally:
            loop.remove_reader(inner.fileno())


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
