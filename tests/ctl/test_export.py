"""Files that `tracks export` writes: whole or not at all, only when they change, never over another program's."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from musicsyncd.ctl import main
from musicsyncd.ctl.export import foreign, written
from musicsyncd.errors import Permanent
from tests.fakes.running import Running, running, write_wave


def breaking() -> Iterator[bytes]:
    """An answer that ends before its end."""
    yield b"half"
    raise Permanent("The daemon's answer broke off")


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """The older one stays as it is when the new one breaks off, and nothing else is left."""
    path = tmp_path / "a.m3u8"
    assert written(path, iter([b"old", b" one"]))
    with pytest.raises(Permanent):
        written(path, breaking())
    assert path.read_bytes() == b"old one"
    assert [*tmp_path.iterdir()] == [path]


def test_a_file_that_says_the_same_is_not_written(tmp_path: Path) -> None:
    """The very same file, not an equal one: programs that watch it see nothing."""
    path = tmp_path / "a.m3u8"
    written(path, iter([b"same"]))
    before = path.stat()
    assert not written(path, iter([b"sa", b"me"]))
    assert path.stat() == before
    assert written(path, iter([b"sane"]))
    assert path.stat().st_ino != before.st_ino
    assert [*tmp_path.iterdir()] == [path]
    assert stat.S_IMODE(path.stat().st_mode) & 0o400


@pytest.mark.parametrize(
    ("content", "theirs"),
    [
        (b"#EXTM3U\n# Written by musicsyncd. More.\n", False),
        (b"#EXTM3U\n#EXTINF:1,A\na.wav\n", True),
        (b"", True),
        (b"SQLite format 3\0", True),
    ],
)
def test_another_programs_file_is_known(content: bytes, theirs: bool, tmp_path: Path) -> None:
    """By a remark of ours that it lacks; a name that is free is nobody's."""
    assert not foreign(tmp_path / "none")
    (tmp_path / "a.m3u8").write_bytes(content)
    assert foreign(tmp_path / "a.m3u8") is theirs


@pytest.mark.parametrize(
    "words",
    [
        "export", "export --format doc", "export --format csv --relative", "export --format m3u8 --relative",
        "export --playlists d --playlist p", "export --playlists d --format csv", "show abc --format csv",
        "skip", "forget", "skip abc --retire", "skip abc --wait",
    ],
)  # fmt: skip
def test_flags_that_cannot_be_meant_are_a_usage_error(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anybody is asked."""
    with pytest.raises(SystemExit) as ended:
        main(["--socket", "/nowhere/c.sock", "tracks", *words.split()])
    assert (ended.value.code, capsys.readouterr().out) == (2, "")


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One that has brought a track home."""
    folder = tmp_path_factory.mktemp("export")
    with running(folder) as found:
        write_wave(folder / "music" / "Nina Vale - Tidal.wav")
        assert found.sync(folder / "music")[0] == 0
        yield found


def test_words_may_follow_flags(daemon: Running, tmp_path: Path) -> None:
    """As people type them; what is found is what stands on the disk, and a second run leaves the file alone."""
    file = tmp_path / "list.m3u8"
    words = ("tracks", "export", "--format", "m3u8", "--relative", "-o", str(file), "nina", "tidal")
    done = daemon.ctl(*words)
    assert (done.returncode, done.stdout) == (0, "")
    (path,) = [line for line in file.read_text().splitlines() if not line.startswith("#")]
    assert (file.parent / path).is_file()
    before = file.stat()
    assert "says this already" in daemon.ctl(*words).stderr
    assert file.stat() == before
    done = daemon.ctl("tracks", "export", "--format", "csv", "no", "such", "words")
    assert (done.returncode, done.stdout.count("\n")) == (0, 1)
    done = daemon.ctl("tracks", "export", "--playlists", str(tmp_path / "lists"))
    assert (done.returncode, [*(tmp_path / "lists").iterdir()]) == (0, [])


def test_a_track_is_left_alone_forgotten_and_brought_back(daemon: Running) -> None:
    """Skipped it stands, and no more; forgotten with its files these lie in the recycle area, until that is undone."""
    track = daemon.client.get("/v1/tracks")["tracks"][0]["id"]
    files = daemon.files()
    assert "is left alone until: musicsyncctl tracks unskip" in daemon.ctl("tracks", "skip", track[:6]).stdout
    shown = daemon.ctl("tracks", "show", track, "--json")
    assert json.loads(shown.stdout)["state"] == "skipped"
    assert "1 skipped" in daemon.ctl("status").stdout
    refused = daemon.ctl("tracks", "retry", track)
    assert (refused.returncode, f"musicsyncctl tracks unskip {track}" in refused.stderr) == (1, True)
    assert daemon.ctl("tracks", "unskip", track, "--wait").returncode == 0
    done = daemon.ctl("tracks", "forget", track, "--retire")
    assert (done.returncode, done.stdout.count("\n")) == (0, 4), done.stderr
    assert "Tidal" not in daemon.ctl("tracks").stdout
    assert not [one for one in daemon.files() if not one.startswith(".")]
    operation = done.stdout.split()[-1]
    assert daemon.ctl("undo", operation).returncode == 0
    assert [one for one in daemon.files() if not one.startswith(".")] == files
    assert json.loads(daemon.ctl("tracks", "show", track, "--json").stdout)["state"] == "standing"
