"""Volumes to test on: a folder, and real mounts of several kinds."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from musicsyncd.clock import ManualClock
from musicsyncd.library.base import Condition
from musicsyncd.library.marker import MARKER
from musicsyncd.library.naming import path_key
from musicsyncd.library.volume import Volume


class VolumeBench:
    """A volume in a folder, and what another program could do there."""

    def __init__(self, root: Path, *, min_free: int = 0, longest_silence: float = 10.0) -> None:
        self.root = root
        self.shelf = volume(root, min_free=min_free, longest_silence=longest_silence)

    def files(self) -> dict[str, bytes]:
        return {
            path_key(path.relative_to(self.root).as_posix()): path.read_bytes()
            for path in self.root.rglob("*")
            if path.is_file() and path.name != MARKER
        }

    def plant(self, path: str, data: bytes) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)

    def remove(self, path: str) -> None:
        (self.root / path).unlink()

    def take_away(self) -> None:
        (self.root / MARKER).unlink()


def volume(
    root: Path,
    *,
    min_free: int = 0,
    longest_silence: float = 10.0,
    probe_deadline: float = 2.0,
    known_marker: str | None = None,
) -> Volume:
    """A volume called VIBES that nobody has met."""
    return Volume(
        "VIBES",
        root,
        formats=("wav",),
        layout="{artist}/{artist} - {title}",
        min_free=min_free,
        known_marker=known_marker,
        clock=ManualClock(),
        probe_deadline=probe_deadline,
        longest_silence=longest_silence,
    )


async def adopted(bench: VolumeBench) -> VolumeBench:
    """The bench, its volume met."""
    state = await bench.shelf.adopt()
    assert state.condition is Condition.READY, state.why
    return bench


@contextmanager
def mounted(mount_point: Path, *arguments: str) -> Iterator[Path]:
    """`mount ARGUMENTS MOUNT_POINT`, and unmounted afterwards, however often the test did that."""
    mount_point.mkdir(exist_ok=True)
    subprocess.run(["mount", *arguments, str(mount_point)], check=True)
    try:
        yield mount_point
    finally:
        subprocess.run(["umount", "-l", str(mount_point)], check=False, capture_output=True)


@contextmanager
def small_tmpfs(mount_point: Path, size: str = "4m") -> Iterator[Path]:
    """A real file system that is soon full."""
    with mounted(mount_point, "-t", "tmpfs", "-o", f"size={size}", "tmpfs") as root:
        yield root


@contextmanager
def exfat(folder: Path) -> Iterator[Path]:
    """A real exFAT image, mounted by exfat-fuse; skips where that or a loop device is missing."""
    if not shutil.which("mkfs.exfat") or not shutil.which("mount.exfat-fuse"):
        pytest.skip("needs exfatprogs and exfat-fuse")
    image, mount_point = folder / "exfat.img", folder / "exfat"
    with image.open("wb") as file:
        file.truncate(16 * 1024 * 1024)
    subprocess.run(["mkfs.exfat", str(image)], check=True, capture_output=True)
    loop = subprocess.run(["losetup", "--find", "--show", str(image)], check=False, capture_output=True, text=True)
    if loop.returncode:
        pytest.skip(f"needs a loop device: {loop.stderr.strip()}")
    mount_point.mkdir()
    device = loop.stdout.strip()
    try:
        subprocess.run(["mount.exfat-fuse", device, str(mount_point)], check=True, capture_output=True)
        yield mount_point
    finally:
        subprocess.run(["umount", str(mount_point)], check=False, capture_output=True)
        subprocess.run(["losetup", "--detach", device], check=False)
