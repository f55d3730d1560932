"""Where the volumes are now: every mounted disk is asked for a marker, within a deadline of its own."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Final

import anyio

from musicsyncd.library.marker import read_marker
from musicsyncd.library.patience import Heartbeat, Patience

MOST_PARTS: Final = 3
"""How many folders below a disk's root a volume's own root may lie to be found on it again."""
Disk = tuple[Path, str]
"""Where it is mounted, and what tells this mount from another at the same path."""


def tails(home: Path) -> Iterator[PurePosixPath]:
    """Where below its disk's root a volume of this path may be: the root itself, then ever longer ends of the path."""
    parts = home.parts[1:]
    for count in range(min(MOST_PARTS, len(parts)) + 1):
        yield PurePosixPath(*parts[len(parts) - count :])


class Finder:
    """Asks disks for markers. One that hangs costs one thread, and one deadline."""

    def __init__(self, deadline: float) -> None:
        """`deadline` is in seconds."""
        self._deadline = deadline
        self._patience: dict[Disk, Patience] = {}

    async def find(self, wanted: Mapping[str, Path], disks: Collection[Disk]) -> dict[str, Path]:
        """The root of each volume that is on one of these disks, by marker id; `wanted` gives their usual paths.

        Of several with one marker (a copy of a disk) the first counts.
        """
        self._patience = {disk: self._patience.get(disk) or Patience(str(disk[0])) for disk in disks}
        found: dict[Disk, dict[str, Path]] = {}
        ends = list(dict.fromkeys(tail for home in wanted.values() for tail in tails(home)))

        async def ask(disk: Disk) -> None:
            with suppress(TimeoutError):
                found[disk] = await self._patience[disk].run(
                    lambda heart: _markers(disk[0], ends, heart), quiet=self._deadline
                )

        async with anyio.create_task_group() as tasks:
            for disk in disks if wanted else ():
                tasks.start_soon(ask, disk, name=f"looking for volumes on {disk[0]}")
        first: dict[str, Path] = {}
        for disk in disks:
            first = found.get(disk, {}) | first
        return {marker: root for marker, root in first.items() if marker in wanted}


def _markers(disk: Path, ends: Iterable[PurePosixPath], heart: Heartbeat) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for end in ends:
        heart.beat()
        with suppress(OSError, ValueError):  # not a folder, denied, or no marker of ours
            if marker := read_marker(disk / end):
                found.setdefault(marker.id, disk / end)
    return found
