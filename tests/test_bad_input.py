"""Each bad input and fault, through the real daemon: one clear sentence, the right exit code, nothing lost, the rest
goes on.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.origin import Origin, Page
from tests.fakes.running import Running, running, write_wave

DEMO = Path(__file__).parent.parent / "musicsyncd" / "demo" / "tracks"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One daemon for all: what one bad input does must not touch the next."""
    folder = tmp_path_factory.mktemp("bad")
    extra = f'allowed = ["{folder / "music"}"]\n'
    with running(folder, extra=extra) as found:
        yield found


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    """A plain web server."""
    with Origin() as found:
        yield found


def music(daemon: Running, name: str) -> Path:
    """A path in the allowed folder."""
    return daemon.folder / "music" / name


def one_sentence(daemon: Running, *urls: str | Path) -> tuple[int, str]:
    """The exit code of a sync, and what a person reads at its end."""
    done = daemon.ctl("sync", "--url", *map(str, urls), "--wait")
    said = (done.stdout + done.stderr).strip()
    assert "Traceback" not in said
    return done.returncode, said


def test_a_song_on_a_web_server_comes_home(daemon: Running, origin: Origin) -> None:
    """Through the real generic extractor to three verified files and a row; the second time nothing is done."""
    url = origin.serve("/Tomo%20Rell%20-%20Glass%20Harbour.ogg", song("Tomo Rell - Glass Harbour.ogg"))
    code, report = daemon.sync(url)
    assert code == 0, report
    details = report["tracks"][0]["details"]
    assert details["label"] == "Tomo Rell - Glass Harbour"
    assert len(details["files"]) == 3
    assert details["source_audio"]["lossless"] is False
    assert details["rows"]["catalog:local"]
    asked = len(origin.asked)
    code, again = daemon.sync(url)
    assert (code, again["summary"]) == (0, "nothing to do: it stands everywhere")
    assert len(origin.asked) - asked <= 3, "a second look asks a bounded number of questions"


def song(name: str) -> Page:
    """A demo track as a web server serves it."""
    return Page(body=(DEMO / name).read_bytes(), content_type="audio/ogg")


WEB: dict[str, tuple[Page, int, str]] = {
    "/missing": (Page(status=404), 1, "404"),
    "/gone": (Page(status=410), 1, "410"),
    "/private": (Page(status=403), 1, "403"),
    "/page": (Page(body=b"<html><body>no music</body></html>", content_type="text/html"), 1, ""),
    "/page.mp3": (Page(body=b"<html><body>sorry</body></html>", content_type="audio/mpeg"), 1, ""),
    "/empty.mp3": (Page(body=b"", content_type="audio/mpeg"), 5, "no usable data"),
}


@pytest.mark.parametrize(
    "path",
    [pytest.param(path, marks=pytest.mark.full) if WEB[path][1] == 5 else path for path in WEB],  # 5: asked for long
)
def test_a_url_without_music_is_refused(daemon: Running, origin: Origin, path: str) -> None:
    """Exit 1 and a reason; nothing is kept."""
    page, expected, essential = WEB[path]
    before = daemon.files()
    code, said = one_sentence(daemon, origin.serve(path, page))
    assert code == expected, said
    assert essential in said
    for job in daemon.client.get("/v1/jobs?state=waiting")["jobs"]:
        daemon.ctl("jobs", "cancel", job["id"])
    assert daemon.files() == before


def test_a_server_that_asks_for_patience_is_tried_later(daemon: Running, origin: Origin) -> None:
    """429: exit 5, and the job waits for as long as it was told."""
    url = origin.serve("/busy.mp3", Page(status=429, headers={"Retry-After": "120"}))
    code, said = one_sentence(daemon, url)
    assert code == 5, said
    (job,) = [one for one in daemon.client.get("/v1/jobs?state=waiting")["jobs"] if one["label"] == url]
    assert job["not_before"] is not None
    daemon.ctl("jobs", "cancel", job["id"])


def test_a_url_that_nobody_knows(daemon: Running) -> None:
    """A scheme of nobody's and a name that does not resolve."""
    code, said = one_sentence(daemon, "gopher://example.org/song")
    assert code == 1, said
    assert "gopher://example.org/song" in said


def bad_files(folder: Path) -> dict[str, tuple[Path, int]]:
    """Files that are no music, with the exit code that each asks for."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = DEMO / "Ada Voss - Lantern Street (Dub).flac"
    (folder / "notes.mp3").write_text("these are not the samples you are looking for\n" * 50)
    (folder / "empty.wav").touch()
    (folder / "cut.flac").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    write_wave(folder / "silent.wav", seconds=0)
    os.mkfifo(folder / "pipe.wav")
    (folder / "folder.wav").mkdir()
    (folder / "leads away.wav").symlink_to("/etc/hostname")
    no_music = ("notes.mp3", "empty.wav", "cut.flac", "silent.wav", "pipe.wav", "folder.wav")
    return {name: (folder / name, 1) for name in no_music} | {
        "leads away.wav": (folder / "leads away.wav", 4),
        "not there.wav": (folder / "not there.wav", 1),
        "outside": (Path("/etc/hostname"), 4),
        "state": (folder.parent.parent / "state", 4),
    }  # fmt: skip


def test_a_password_in_a_url_is_refused_and_written_nowhere(daemon: Running) -> None:
    """Before anything is written down: not in the database, a log or an answer."""
    code, said = one_sentence(daemon, "http://user:hunter2secret@127.0.0.1:9/song.ogg")
    assert code == 1
    assert "hunter2secret" not in said
    held = b"".join(path.read_bytes() for path in daemon.state.rglob("*") if path.is_file())
    assert b"hunter2secret" not in held


def test_a_token_in_a_query_is_not_passed_on(daemon: Running, origin: Origin) -> None:
    """The files on a stick, the row and every answer name the page without what lets its bearer in."""
    origin.serve("/Ada%20Voss%20-%20Night%20Ferry.mp3", song("Ada Voss - Night Ferry.mp3"))
    url = origin.url("/Ada%20Voss%20-%20Night%20Ferry.mp3?token=tok3nsecret&page=2")
    code, report = daemon.sync(url)
    assert code == 0, report
    assert "tok3nsecret" not in json.dumps(report)
    files = report["tracks"][0]["details"]["files"]
    assert files
    for file in files:
        data = Path(file["path"]).read_bytes()
        assert b"tok3nsecret" not in data
        assert b"page=2" in data


def test_files_that_are_no_music_are_refused_one_by_one(daemon: Running, tmp_path: Path) -> None:
    """Each alone: its exit code, a sentence with its name, nothing kept, the file still there."""
    before = daemon.files()
    for name, (path, expected) in bad_files(daemon.folder / "music" / "bad").items():
        code, said = one_sentence(daemon, path)
        assert code == expected, (name, said)
        assert path.name in said, said
        assert len(said) < 600, said
    assert daemon.files() == before


NAMES = {
    "a newline": "Line\nBreak - Song.wav",
    "an emoji": "🎧 Crew - 🔥 Fire.wav",
    "right to left": "فيروز - نسم علينا الهوى.wav",
    "a long name": "Artist - " + "Long " * 46 + "Song.wav",
    "dots and a reserved word": "CON - aux...wav",
    "options": "--rm - -rf.wav",
    "a template": "{title} - {0.__class__}.wav",
}


@pytest.mark.parametrize("kind", NAMES)
def test_any_name_becomes_a_safe_one(daemon: Running, kind: str) -> None:
    """Files whose names are a trial come home under names that every volume takes; the original keeps its own."""
    pitch = 200.0 + 60 * list(NAMES).index(kind)
    path = write_wave(music(daemon, "names") / NAMES[kind], pitch=pitch, seconds=1.5)
    code, report = daemon.sync(path)
    assert code == 0, report
    files = report["tracks"][0]["details"]["files"]
    assert len(files) == 3
    for file in files:
        kept = Path(file["path"])
        assert kept.is_file()
        assert kept.resolve().is_relative_to(daemon.library())
        assert all(part == part.strip(" ") and len(part.encode()) <= 255 for part in kept.parts)
        assert not any(character in kept.name for character in '\n:*?"<>|\\')
    assert path.exists()


def test_two_tracks_of_one_name_are_both_kept(daemon: Running) -> None:
    """Different music under the same artist and title: neither takes the other's place."""
    first = write_wave(music(daemon, "twins/a") / "Twin - Song.wav", pitch=300)
    second = write_wave(music(daemon, "twins/b") / "Twin - Song.wav", pitch=523)
    assert daemon.sync(first)[0] == 0
    assert daemon.sync(second)[0] == 0
    assert len([path for path in daemon.files() if path.startswith("Twin/")]) == 6


def test_a_silent_daemon_is_said_to_be_down(tmp_path: Path) -> None:
    """Exit 3 and how to start it, for every verb that needs the daemon; a stale socket is taken over."""
    with running(tmp_path, start=False) as daemon:
        for command in (["status"], ["sync"], ["jobs"], ["tracks"], ["events"], ["volumes"]):
            done = daemon.ctl(*command)
            assert (done.returncode, done.stdout) == (3, "")
            assert "musicsyncd is not running" in done.stderr
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(str(daemon.socket))
        daemon.start()
        assert daemon.ctl("status").returncode == 0


@pytest.mark.root
def test_a_full_volume_is_parked_and_the_other_goes_on(tmp_path: Path) -> None:
    """A real file system of 256 kB: partial, no half file; after room was made the same track is completed."""
    with (
        running(tmp_path, volumes=("main", "tiny"), start=False) as daemon,
        mounted(daemon.library("tiny"), "size=256k"),
    ):
        daemon.start()
        source = write_wave(tmp_path / "music" / "A - B.wav", seconds=4)
        code, report = daemon.sync(source)
        assert (code, report["state"]) == (6, "partial")
        assert "full" in report["tracks"][0]["details"]["targets"]["volume:tiny"]
        assert set(daemon.files("tiny")) < set(daemon.files("main")), "what fitted stands whole, nothing half does"
        assert len(daemon.files("main")) == 3
        subprocess.run(["mount", "-o", "remount,size=64m", str(daemon.library("tiny"))], check=True)
        code, report = daemon.sync(source)
        assert code == 0, report
        assert daemon.files("tiny") == daemon.files("main")


@pytest.mark.root
def test_a_read_only_volume_is_parked(tmp_path: Path) -> None:
    """Told apart from a full one, and nothing else stops."""
    with (
        running(tmp_path, volumes=("main", "locked"), start=False) as daemon,
        mounted(daemon.library("locked"), "size=64m"),
    ):
        daemon.start()
        subprocess.run(["mount", "-o", "remount,ro", str(daemon.library("locked"))], check=True)
        code, report = daemon.sync(write_wave(tmp_path / "music" / "A - B.wav"))
        assert code == 6
        assert "read-only" in report["tracks"][0]["details"]["targets"]["volume:locked"]
        assert len(daemon.files("main")) == 3


@pytest.mark.root
def test_a_full_working_disk_is_temporary(tmp_path: Path) -> None:
    """The state folder's disk is full in the midst of a transcode: exit 5 with the reason, and nothing half on the
    volume.
    """
    with running(tmp_path, start=False) as daemon, mounted(daemon.state, "size=4m"):
        daemon.start()
        code, report = daemon.sync(write_wave(tmp_path / "music" / "A - B.wav", seconds=30))
        assert code in (5, 7), report
        assert "full" in str(report)
        assert daemon.files() == []
        assert daemon.ctl("status").returncode == 0


class mounted:  # noqa: N801
    """A tmpfs of that size at that place, while inside."""

    def __init__(self, place: Path, options: str) -> None:
        self.place, self.options = place, options

    def __enter__(self) -> Path:
        self.place.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", self.options, "tmpfs", str(self.place)], check=True)
        return self.place

    def __exit__(self, *_: Any) -> None:
        subprocess.run(["umount", "-l", str(self.place)], check=True)
        shutil.rmtree(self.place, ignore_errors=True)
