"""Volumes that come and go under a running daemon: real mounts, real files, nothing lost, nothing written astray."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mutagen
import pytest

from tests.fakes.picky_volume import picky_volume
from tests.fakes.running import Running, running, write_wave
from tests.fakes.waiting import wait_for
from tests.library.benches import mounted, small_tmpfs
from tests.test_daemon import logged

MARKER = ".musicsyncd-volume"


class Disk:
    """A disk that can be plugged in anywhere: a folder, bound to a mount point."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    @contextmanager
    def at(self, mount_point: Path) -> Iterator[Path]:
        """Plugged in; pulled out afterwards, whatever is open on it."""
        with mounted(mount_point, "--bind", str(self.folder)):
            yield mount_point

    def files(self) -> list[str]:
        """All but the marker, temporaries too."""
        found = (path for path in self.folder.rglob("*") if path.is_file() and path.name != MARKER)
        return sorted(str(path.relative_to(self.folder)) for path in found)


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    """A disk that nobody knows yet."""
    return Disk(tmp_path / "disk")


def volume(daemon: Running, name: str = "second") -> dict[str, Any]:
    """What the daemon says of a volume; empty when it knows none of that name."""
    found: dict[str, Any] = next(
        (one for one in daemon.client.get("/v1/volumes")["volumes"] if one["name"] == name), {}
    )
    return found


def becomes(daemon: Running, condition: str, path: Path | None = None) -> dict[str, Any]:
    """Wait for a volume to be like this, there."""

    def seen() -> dict[str, Any]:
        one = volume(daemon)
        return one if one["condition"] == condition and path in (None, Path(one["path"])) else {}

    return wait_for(seen)


def known(daemon: Running, disk: Disk) -> None:
    """The disk is met as the volume `second`, and pulled out again."""
    daemon.library("second").mkdir(parents=True)
    with disk.at(daemon.library("second")):
        daemon.start()
        assert volume(daemon)["condition"] == "ready"
    becomes(daemon, "absent")


@pytest.mark.root
def test_a_disk_that_is_mounted_elsewhere_is_found_and_gets_what_waited(tmp_path: Path, disk: Disk) -> None:
    """Parked and counted while it is away; taken up elsewhere with nobody asking; back at its place it is the same."""
    music = write_wave(tmp_path / "music" / "A - B.wav")
    with running(tmp_path, start=False, volumes=("main", "second")) as daemon:
        known(daemon, disk)
        home, elsewhere = daemon.library("second"), tmp_path / "media" / "second 1"
        elsewhere.parent.mkdir()
        code, _ = daemon.sync(music)
        assert (code, volume(daemon)["parked"]) == (6, 1)
        with disk.at(elsewhere):
            wait_for(lambda: len(daemon.files("main")) == len(disk.files()) == 3 and not volume(daemon)["parked"])
            assert re.search(rf"^second +ready .*{elsewhere} \(usually {home}\)", daemon.ctl("volumes").stdout, re.M)
            (track,) = daemon.client.get("/v1/tracks")["tracks"]
            there = [one["path"] for one in track["files"] if one["volume"] == "second"]
            assert len(there) == 3
            assert all(Path(path).is_relative_to(elsewhere) and Path(path).exists() for path in there)
        assert list(home.iterdir()) == [], "nothing is written into an empty mount point"
        becomes(daemon, "absent", home)
        with disk.at(home):
            becomes(daemon, "ready", home)
            code, report = daemon.sync(music)
            assert (code, report["summary"]) == (0, "nothing to do: it stands everywhere")
        assert logged(daemon, "volume went away")["volume"] == "second"


@pytest.mark.root
def test_it_is_found_elsewhere_at_the_start_too(tmp_path: Path, disk: Disk) -> None:
    """The marker is known from before; what was parked is taken up."""
    music = write_wave(tmp_path / "music" / "A - B.wav")
    with running(tmp_path, start=False, volumes=("main", "second")) as daemon:
        known(daemon, disk)
        daemon.sync(music)
        daemon.stop()
        with disk.at(tmp_path / "other place"):
            daemon.start()
            wait_for(lambda: len(disk.files()) == 3 and not volume(daemon)["parked"])


@pytest.mark.root
def test_a_disk_pulled_out_while_it_is_written_to_holds_no_half_file(tmp_path: Path, disk: Disk) -> None:
    """Whatever has a name there is whole; back again, the rest comes, and no temporary stays."""
    music = write_wave(tmp_path / "music" / "A - Long.wav", seconds=60)
    with running(tmp_path, start=False, volumes=("second",)) as daemon:
        daemon.library("second").mkdir(parents=True)
        with disk.at(daemon.library("second")):
            daemon.start()
            daemon.ctl("sync", "--url", str(music))
            wait_for(disk.files)
        wait_for(lambda: not daemon.client.get("/v1/jobs?state=waiting,running")["jobs"])
        assert list(daemon.library("second").iterdir()) == []
        for name in disk.files():
            assert mutagen.File(disk.folder / name) is not None
        with disk.at(daemon.library("second")):
            wait_for(lambda: len(disk.files()) == 3 and not volume(daemon)["parked"])
            wait_for(lambda: not daemon.client.get("/v1/jobs?state=waiting,running")["jobs"])
            (track,) = daemon.client.get("/v1/tracks")["tracks"]
            for one in track["files"]:
                assert Path(one["path"]).stat().st_size == one["size"]
            assert not [name for name in disk.files() if name.endswith(".part")]


@pytest.mark.root
def test_another_disk_in_its_place_gets_nothing(tmp_path: Path, disk: Disk) -> None:
    """A foreign marker there; the right disk is found beside it and used."""
    music = write_wave(tmp_path / "music" / "A - B.wav")
    with running(tmp_path, start=False, volumes=("main", "second")) as daemon:
        known(daemon, disk)
        home, other = daemon.library("second"), Disk(tmp_path / "other")
        (other.folder / MARKER).write_text(json.dumps({"id": "f" * 32, "name": "second"}))
        with other.at(home):
            becomes(daemon, "foreign", home)
            with disk.at(tmp_path / "second 1"):
                becomes(daemon, "ready", tmp_path / "second 1")
                code, _ = daemon.sync(music)
                assert (code, len(disk.files()), other.files()) == (0, 3, [])


@pytest.mark.root
def test_a_disk_mounted_for_reading_only_waits_until_it_can_be_written(tmp_path: Path, disk: Disk) -> None:
    """Told apart from one that is away; remounted, its work is taken up."""
    music = write_wave(tmp_path / "music" / "A - B.wav")
    with running(tmp_path, start=False, volumes=("main", "second")) as daemon:
        known(daemon, disk)
        with disk.at(daemon.library("second")) as root:
            becomes(daemon, "ready")
            subprocess.run(["mount", "-o", "remount,bind,ro", str(root)], check=True)
            becomes(daemon, "read-only")
            code, _ = daemon.sync(music)
            assert (code, disk.files(), volume(daemon)["parked"]) == (6, [], 1)
            subprocess.run(["mount", "-o", "remount,bind,rw", str(root)], check=True)
            wait_for(lambda: len(disk.files()) == 3 and not volume(daemon)["parked"])


@pytest.mark.root
def test_a_full_disk_misses_its_files_and_keeps_no_piece_of_one(tmp_path: Path) -> None:
    """Partial with the reason; the other volume has everything."""
    music = write_wave(tmp_path / "music" / "A - B.wav", seconds=20)
    with running(tmp_path, start=False, volumes=("main", "second")) as daemon:
        daemon.library("second").mkdir(parents=True)
        with small_tmpfs(daemon.library("second"), "256k"):
            daemon.start()
            code, report = daemon.sync(music)
            assert (code, report["state"], len(daemon.files("main"))) == (6, "partial", 3)
            assert daemon.files("second") == []
            assert "is full" in json.dumps(report)


@pytest.mark.root
def test_a_disk_that_hangs_holds_nobody_up(tmp_path: Path, disk: Disk) -> None:
    """Commands are answered, another volume gets its files; a disk put in the hung one's place is used."""
    music = write_wave(tmp_path / "music" / "A - B.wav")
    with running(tmp_path, start=False, volumes=("main", "second")) as daemon:
        known(daemon, disk)
        home = daemon.library("second")
        with picky_volume(home) as server:
            becomes(daemon, "absent", home)
            subprocess.run(["kill", "-STOP", str(server.pid)], check=True)
            assert "hangs" in volume(daemon)["why"]
            code, _ = daemon.sync(music)
            assert (code, len(daemon.files("main"))) == (6, 3)
            with disk.at(tmp_path / "second 1"):
                wait_for(lambda: len(disk.files()) == 3 and not volume(daemon)["parked"])
            subprocess.run(["umount", "-l", str(home)], check=True)
            with disk.at(home):
                becomes(daemon, "ready", home)


def test_a_folder_is_made_a_volume_by_command_alone(tmp_path: Path) -> None:
    """At once, filled with what is kept already, remembered over a restart, and forgotten without touching a file."""
    stick = tmp_path / "stick"
    stick.mkdir()
    with running(tmp_path) as daemon:
        daemon.sync(write_wave(tmp_path / "music" / "A - B.wav"))
        done = daemon.ctl("volumes", "add", str(stick), "STICK")
        assert done.returncode == 0, done.stderr
        assert re.search(rf"^STICK +ready .* added +{stick}", done.stdout, re.M)
        assert re.search(r"^main +ready .* settings +", done.stdout, re.M)
        disk = [str(path) for path in (daemon.library(), stick)]
        wait_for(
            lambda: [len(_sounds(Path(root))) for root in disk] == [3, 3] and not volume(daemon, "STICK")["parked"]
        )
        stamps = {path: path.stat().st_mtime_ns for path in _sounds(stick)}
        daemon.stop()
        daemon.start()
        assert volume(daemon, "STICK")["origin"] == "added"
        daemon.sync(write_wave(tmp_path / "music" / "C - D.wav", pitch=330))
        assert len(_sounds(stick)) == 6
        assert daemon.ctl("volumes", "remove", "STICK").returncode == 0
        assert volume(daemon, "STICK") == {}
        code, report = daemon.sync(write_wave(tmp_path / "music" / "E - F.wav", pitch=440))
        assert (code, report["tracks"][0]["details"]["targets"].keys()) == (0, {"volume:main", "catalog:local"})
        assert len(_sounds(stick)) == 6
        assert daemon.ctl("volumes", "add", str(stick), "STICK").returncode == 0
        wait_for(lambda: len(_sounds(stick)) == 9 and not volume(daemon, "STICK")["parked"])
        assert {path: path.stat().st_mtime_ns for path in stamps} == stamps, "known again, not copied again"


def _sounds(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*.*") if path.is_file() and not path.name.startswith("."))


def test_what_cannot_be_a_volume_is_refused(tmp_path: Path) -> None:
    """Another volume's folder, a folder of an inbox, a name that is none, and taking out what the settings name."""
    inbox = tmp_path / "inbox"
    (inbox / "inner").mkdir(parents=True)
    with running(tmp_path, extra=f'[[inbox]]\npath = "{inbox}"\n') as daemon:
        for arguments, words in (
            (("add", str(daemon.library()), "OTHER"), "is the folder of the volume main"),
            (("add", str(inbox / "inner"), "OTHER"), "is in the inbox"),
            (("add", str(tmp_path), "not a name"), "cannot be a volume"),
            (("add", str(tmp_path), "MAIN"), "There is a volume 'main' already"),
            (("add", str(tmp_path), "main"), "The settings say that main is at"),
            (("remove", "main"), "The settings name the volume main"),
            (("remove", "nothing"), "There is no volume 'nothing'"),
        ):
            done = daemon.ctl("volumes", *arguments)
            assert done.returncode != 0
            assert words in done.stderr
        assert [one["name"] for one in daemon.client.get("/v1/volumes")["volumes"]] == ["main"]
        assert not (tmp_path / MARKER).exists()


def test_a_volume_that_hands_over_stays_what_the_settings_say(tmp_path: Path) -> None:
    """Added by command it is marked and no second volume: what was delivered is not delivered again."""
    auto = tmp_path / "auto"
    auto.mkdir()
    extra = f'[[volumes]]\nname = "AUTO"\npath = {json.dumps(str(auto))}\nmin_free = 0\nhands_over = true\n'
    music = write_wave(tmp_path / "music" / "A - B.wav")
    with running(tmp_path, extra=extra) as daemon:
        assert daemon.sync(music)[0] == 0
        for path in [one for one in auto.rglob("*") if one.is_file() and not one.name.startswith(".")]:
            path.unlink()
        assert daemon.ctl("volumes", "add", str(auto), "AUTO").returncode == 0
        assert volume(daemon, "AUTO")["parked"] == 0
        assert [one["name"] for one in daemon.client.get("/v1/volumes")["volumes"]].count("AUTO") == 1
        assert daemon.sync(music)[0] == 0
        assert [one for one in auto.rglob("*") if one.is_file() and not one.name.startswith(".")] == []
        assert "The settings name the volume AUTO" in daemon.ctl("volumes", "remove", "AUTO").stderr
