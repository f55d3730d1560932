"""A volume is found by its marker on whatever disk it is, and a disk that hangs costs one deadline."""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path

import pytest

from musicsyncd.library.base import Condition
from musicsyncd.library.finding import Finder, tails
from tests.fakes.picky_volume import picky_volume
from tests.library.benches import VolumeBench, adopted, volume
from tests.library.contract import WANTED, staged


async def _marked(root: Path) -> str:
    root.mkdir(parents=True)
    return (await adopted(VolumeBench(root))).shelf.known_marker or ""


def test_a_root_below_its_disk_is_looked_for_there() -> None:
    """The disk's own root, then ever longer ends of the usual path, and no more than a few."""
    assert [str(tail) for tail in tails(Path("/media/dj/VIBES/Music"))] == [
        ".",
        "Music",
        "VIBES/Music",
        "dj/VIBES/Music",
    ]
    assert [str(tail) for tail in tails(Path("/"))] == ["."]


async def test_each_volume_is_found_on_its_disk(tmp_path: Path) -> None:
    """By id alone; a disk without a marker, one with nonsense in its place and one that is gone are passed over."""
    first, second = await _marked(tmp_path / "NAME 1"), await _marked(tmp_path / "stick" / "Music")
    await _marked(tmp_path / "unknown")
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / ".musicsyncd-volume").write_text("{")
    disks = [(tmp_path / name, "1") for name in ("unknown", "torn", "gone", "NAME 1", "stick")]
    wanted = {first: Path("/Volumes/NAME"), second: Path("/Volumes/STICK/Music"), "f" * 32: Path("/nowhere")}
    found = await Finder(5.0).find(wanted, disks)
    assert found == {first: tmp_path / "NAME 1", second: tmp_path / "stick" / "Music"}
    assert await Finder(5.0).find({}, disks) == {}


async def test_of_two_disks_with_one_marker_the_first_counts(tmp_path: Path) -> None:
    """A copy of a disk is no reason to stop."""
    marker = await _marked(tmp_path / "one")
    subprocess.run(["cp", "-a", str(tmp_path / "one"), str(tmp_path / "two")], check=True)
    disks = [(tmp_path / name, "1") for name in ("two", "one")]
    assert await Finder(5.0).find({marker: Path("/a")}, disks) == {marker: tmp_path / "two"}


@pytest.mark.root
async def test_a_disk_that_hangs_costs_one_thread_and_hides_no_other(tmp_path: Path) -> None:
    """Asked again, it is passed over at once; another disk in its place is asked anew."""
    marker, finder = await _marked(tmp_path / "good"), Finder(0.3)
    (tmp_path / "sick").mkdir()
    disks = [(tmp_path / "sick", "1"), (tmp_path / "good", "1")]
    with picky_volume(tmp_path / "sick") as server:
        subprocess.run(["kill", "-STOP", str(server.pid)], check=True)
        for _ in range(3):
            assert await finder.find({marker: Path("/a")}, disks) == {marker: tmp_path / "good"}
        stuck = [one for one in threading.enumerate() if one.name == f"files of {tmp_path / 'sick'}"]
        assert len(stuck) == 1
    (tmp_path / "good").rename(tmp_path / "sick" / "a")
    assert await finder.find({marker: Path("/a")}, [(tmp_path / "sick", "2")]) == {marker: tmp_path / "sick" / "a"}


class TestMoving:
    """A volume follows its disk; evidence is relative to its root."""

    async def test_what_was_kept_stands_at_the_new_path(self, tmp_path: Path, staging: Path) -> None:
        """And the usual path is remembered."""
        bench = await adopted(VolumeBench(tmp_path / "VIBES"))
        kept = (await bench.shelf.place(staged(staging, b"x"), WANTED, tie_breaker="abc123")).kept
        (tmp_path / "VIBES").rename(tmp_path / "VIBES 1")
        assert (await bench.shelf.state()).condition is Condition.ABSENT
        assert (await bench.shelf.state_at(tmp_path / "VIBES 1")).ready
        bench.shelf.move(tmp_path / "VIBES 1")
        assert await bench.shelf.look(kept) == kept
        assert await bench.shelf.readable(kept, staging) == tmp_path / "VIBES 1" / kept.path
        assert bench.shelf.home == tmp_path / "VIBES"

    @pytest.mark.root
    async def test_another_disk_in_the_place_of_one_that_hangs_is_asked_anew(self, tmp_path: Path) -> None:
        """The thread that is stuck in the old one speaks of that alone."""
        shelf = volume(tmp_path / "VIBES", probe_deadline=0.3)
        (tmp_path / "VIBES").mkdir()
        assert (await shelf.adopt()).ready
        with picky_volume(tmp_path / "VIBES") as server:
            subprocess.run(["kill", "-STOP", str(server.pid)], check=True)
            assert "hangs" in (await shelf.state()).why
            subprocess.run(["umount", "-l", str(tmp_path / "VIBES")], check=True)
            assert "hangs" in (await shelf.state()).why, "nobody told it of the other disk"
            shelf.move(tmp_path / "VIBES", anew=True)
            assert (await shelf.state()).ready
