"""Losing the process at any commit point of a placing changes nothing in the end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from musicsyncd.crashpoints import ENVIRONMENT, CrashPoint
from musicsyncd.library.base import Kept
from musicsyncd.library.folders import existing_folder
from musicsyncd.library.naming import path_key
from musicsyncd.library.recycle import recycle
from tests.library.benches import VolumeBench, adopted
from tests.library.contract import FILE, WANTED, staged

POINTS = [
    CrashPoint.SHELF_COPIED,
    CrashPoint.SHELF_SYNCED,
    CrashPoint.SHELF_RENAMED,
    CrashPoint.SHELF_FOLDER_SYNCED,
]
PROJECT = Path(__file__).parents[2]


def place_in_a_process(
    bench: VolumeBench, path: Path, old: Kept | None, crash_at: CrashPoint | None
) -> subprocess.CompletedProcess[str]:
    """Run the placer on the bench's volume."""
    replaces = json.dumps(old.as_dict()) if old else ""
    return subprocess.run(
        [sys.executable, "-m", "tests.library.placer", bench.root, str(bench.shelf.known_marker), path, replaces],
        check=False,
        capture_output=True,
        text=True,
        cwd=PROJECT,
        timeout=60,
        env={**os.environ, ENVIRONMENT: crash_at or ""},
    )


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("replacing", [False, True], ids=["new", "replacing"])
async def test_a_second_run_finishes_what_a_killed_one_began(
    tmp_path: Path, staging: Path, point: CrashPoint, replacing: bool
) -> None:
    """Never a torn file under the name; afterwards one file with the right bytes, no temporary, the old one kept."""
    bench = await adopted(VolumeBench(tmp_path / "volume"))
    old = None
    if replacing:
        old = (await bench.shelf.place(staged(staging, b"old"), WANTED, tie_breaker="abc123")).kept
    file = staged(staging, os.urandom(3_000_000))
    killed = place_in_a_process(bench, file.path, old, point)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert bench.files().get(path_key(FILE), b"old") in (b"old", file.path.read_bytes())
    assert not replacing or b"old" in bench.files().values()
    second = place_in_a_process(bench, file.path, old, None)
    assert second.returncode == 0, second.stderr
    recycled = json.loads(second.stdout)["recycled"]
    expected = {path_key(FILE): file.path.read_bytes()} | ({path_key(recycled): b"old"} if replacing else {})
    assert bench.files() == expected


async def test_a_crash_between_making_way_and_renaming_loses_nothing(tmp_path: Path, staging: Path) -> None:
    """The old version is recycled already and its name is free: the next run places, and tells where it lies."""
    bench = await adopted(VolumeBench(tmp_path / "volume"))
    old = await bench.shelf.place(staged(staging, b"old"), WANTED, tie_breaker="abc123")
    with existing_folder(bench.root, ("Björk",)) as folder:
        assert folder is not None
        recycled = recycle(bench.root, folder, FILE.rpartition("/")[2], "2026-01-01")
    assert await bench.shelf.look(old.kept) is None
    placed = await bench.shelf.place(staged(staging, b"new"), WANTED, tie_breaker="abc123", replaces=old.kept)
    assert placed.recycled == recycled
    assert bench.files() == {path_key(FILE): b"new", path_key(recycled): b"old"}
