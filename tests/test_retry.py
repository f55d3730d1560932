"""`tracks retry --step` on a real daemon: real files, tags as DJ software leaves them, volumes that come and go."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import taglib
from mutagen.aiff import AIFF
from mutagen.flac import FLAC
from mutagen.id3 import COMM, GEOB, TBPM
from mutagen.mp4 import MP4
from mutagen.wave import WAVE

from musicsyncd.library.recycle import RECYCLE
from tests.fakes.running import Running, running, write_wave

DEMO = Path(__file__).parent.parent / "musicsyncd" / "demo" / "tracks"
NAME = "Ada Voss/Ada Voss - Lantern Street (Dub)"


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """A track of the demo, in a folder that may be changed."""
    (tmp_path / "music").mkdir()
    return Path(shutil.copy(DEMO / "Ada Voss - Lantern Street (Dub).flac", tmp_path / "music"))


@pytest.fixture
def daemon(tmp_path: Path, music: Path) -> Iterator[Running]:
    """A daemon that has that track, and cannot get it again."""
    with running(tmp_path) as found:
        code, report = found.sync(music)
        assert code == 0, report
        music.unlink()
        yield found


def track(daemon: Running) -> dict[str, Any]:
    """The one track."""
    (found,) = daemon.client.get("/v1/tracks")["tracks"]
    return dict(found)


def retry(daemon: Running, *args: str) -> tuple[int, dict[str, Any]]:
    """`tracks retry … --wait --json`: the exit code and the report."""
    done = daemon.ctl("tracks", "retry", *args, "--wait", "--json")
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def stamps(daemon: Running) -> dict[str, Any]:
    """When every file, row and waveform was last written, and what the ledger's evidence says."""
    found: dict[str, Any] = {path: (daemon.library() / path).stat().st_mtime_ns for path in daemon.files()}
    found |= {path.name: path.stat().st_mtime_ns for path in (daemon.state / "waveforms").iterdir()}
    connection = sqlite3.connect(daemon.state / "musicsyncd.db")
    try:
        for table in ("catalog_row", "analysis", "file", "said", "evidence", "journal"):
            found[table] = connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2, 3").fetchall()
    finally:
        connection.close()
    return found


def standing(daemon: Running) -> list[str]:
    """Files outside the recycle area."""
    return [path for path in daemon.files() if not path.startswith(RECYCLE)]


def test_nothing_is_written_where_nothing_changes(daemon: Running) -> None:
    """The copy on the volume sounds as the source did: no file, row, waveform or word of the ledger is touched."""
    before = stamps(daemon)
    for step in ("analyze", "tag"):
        code, report = retry(daemon, track(daemon)["id"], "--step", step)
        assert (code, report["tracks"][0]["note"]) == (0, "in step already: nothing was written")
        assert stamps(daemon) == before


def test_what_rekordbox_wrote_into_our_aiff_is_kept_and_counts(daemon: Running) -> None:
    """Its TBPM stays, becomes everybody's, and is named as a DJ's beside our own; its other tags stay in its file."""
    ours = track(daemon)["analysis"]
    path = daemon.library() / f"{NAME}.aiff"
    file = AIFF(str(path))
    file.tags.delall("TBPM")
    file.tags.add(TBPM(encoding=3, text=["141.25"]))
    file.tags.add(COMM(encoding=3, lang="eng", desc="", text=["closing set"]))
    file.tags.add(GEOB(encoding=0, mime="application/octet-stream", desc="Serato Markers2", data=b"cues"))
    file.save()
    edited = path.read_bytes()
    code, _ = retry(daemon, track(daemon)["id"], "--step", "analyze")
    assert code == 0
    assert path.read_bytes() == edited, "it says already what counts"
    assert bytes(MP4(str(path.with_suffix(".m4a")))["----:com.apple.iTunes:BPM"][0]) == b"141.25"
    assert MP4(str(path.with_suffix(".m4a")))["tmpo"] == [141]
    assert str(WAVE(str(path.with_suffix(".wav"))).tags["TBPM"]) == "141.25"
    found = track(daemon)
    assert (found["counts"]["bpm"], found["counts"]["bpm_origin"], found["counts"]["key_origin"]) == (
        141.25,
        "dj",
        "ours",
    )
    assert found["analysis"] == ours, "what we hear stays visible beside"
    shown = daemon.ctl("tracks", "show", found["id"]).stdout
    assert f"141.25 BPM, by DJ software; we hear {ours['bpm']:.2f} BPM" in shown
    row = json.loads(stamps(daemon)["catalog_row"][0][2])
    assert (row["bpm"], row["bpm_origin"], row["key_origin"]) == (141.25, "dj", "ours")
    before = stamps(daemon)
    code, report = retry(daemon, "--all", "--step", "analyze")
    assert (code, report["tracks"][0]["note"]) == (0, "in step already: nothing was written")
    assert stamps(daemon) == before
    shutil.rmtree(daemon.library() / ".musicsyncd-recycle")
    with taglib.File(str(path)) as tagged:
        assert tagged.tags["COMMENT"] == ["closing set"]


def test_other_ears_reach_every_file_and_the_older_ones_can_be_had_back(daemon: Running) -> None:
    """Another tempo range, and no source to download: new tags in all files, the old files byte for byte in recycle."""
    old = {path: (daemon.library() / path).read_bytes() for path in standing(daemon)}
    before = track(daemon)
    daemon.stop()
    daemon.extra = "[analysis]\ntempo_low = 60\ntempo_high = 130\n"
    daemon.write_config()
    daemon.start()
    code, report = retry(daemon, "--query", "lantern", "dub", "--step", "analyze")
    assert (code, report["tracks"][0]["note"]) == (0, "tags of 3 files and 1 row brought in step")
    assert [one["verb"] for one in report["tracks"][0]["actions"]] == ["analyze", "retag", "publish"]
    after = track(daemon)
    assert after["counts"]["bpm"] == pytest.approx(before["counts"]["bpm"] / 2, abs=0.02)
    assert {path: (one["volume"], one["path"]) for path, one in zip(old, after["files"], strict=True)} == {
        path: (one["volume"], one["path"]) for path, one in zip(old, before["files"], strict=True)
    }, "a DJ's software finds each file under its name"
    with taglib.File(str(daemon.library() / f"{NAME}.wav")) as tagged:
        assert float(tagged.tags["BPM"][0]) == pytest.approx(after["counts"]["bpm"], abs=0.005)
    changes = [json.loads(row[6]) for row in stamps(daemon)["journal"] if row[5] == "replaced"]
    assert {change["path"]: (daemon.library() / change["recycled"]).read_bytes() for change in changes} == old
    code, report = daemon.sync_track(before["id"])
    assert (code, report["tracks"][0]["details"]["state"]) == (0, "standing")

    # What one request changed is taken back as one, and stays so.
    listed = json.loads(daemon.ctl("undo", "--json").stdout)["operations"]
    assert [(one["changes"], one["open"]) for one in listed] == [({"replaced": 3}, 3)]
    assert daemon.ctl("undo", listed[0]["operation"]).returncode == 0
    assert {path: (daemon.library() / path).read_bytes() for path in standing(daemon)} == old
    written = stamps(daemon)["journal"]
    code, report = daemon.sync_track(before["id"])
    assert (code, report["tracks"][0]["details"]["state"]) == (0, "standing")
    assert [row for row in stamps(daemon)["journal"] if row not in written] == []
    assert retry(daemon, "--query", "lantern", "dub", "--step", "tag")[0] == 0
    with taglib.File(str(daemon.library() / f"{NAME}.wav")) as tagged:
        assert float(tagged.tags["BPM"][0]) == pytest.approx(after["counts"]["bpm"], abs=0.005)


def test_a_volume_that_was_away_is_brought_in_step_with_what_was_done_to_it(tmp_path: Path, music: Path) -> None:
    """Parked while it is away; when back its own file gets the new tags, and keeps a comment that was written there."""
    with running(tmp_path, volumes=("main", "second"), extra='[output]\nformats = ["flac"]\n') as daemon:
        daemon.sync(music)
        music.unlink()
        away, path = tmp_path / "away", f"{NAME}.flac"
        daemon.library("second").rename(away)
        daemon.stop()
        daemon.extra += "[analysis]\ntempo_low = 60\ntempo_high = 130\n"
        daemon.write_config()
        daemon.start()
        code, report = retry(daemon, track(daemon)["id"], "--step", "analyze")
        assert (code, report["tracks"][0]["state"]) == (6, "partial")
        file = FLAC(str(away / path))
        file["COMMENT"] = ["b-side"]
        file.save()
        away.rename(daemon.library("second"))
        done = daemon.ctl("sync", "--unfinished", "--wait", "--json")
        assert done.returncode == 0, done.stderr
        assert [one["verb"] for one in json.loads(done.stdout)["tracks"][0]["actions"]] == ["retag", "publish"]
        first, second = (FLAC(str(daemon.library(name) / path)) for name in ("main", "second"))
        assert (first["BPM"], second["COMMENT"]) == (second["BPM"], ["b-side"])
        assert float(second["BPM"][0]) < 100
        assert track(daemon)["state"] == "standing"


def test_a_tempo_that_came_with_serato_marks_goes_before_ours(tmp_path: Path, music: Path) -> None:
    """Named with the software; the order is a setting, and a retry of tags alone follows it."""
    file = FLAC(str(music))
    file["BPM"], file["INITIALKEY"], file["SERATO_BEATGRID"] = ["139.5"], ["10B"], ["x"]
    file.save()
    with running(tmp_path) as daemon:
        daemon.sync(music)
        found = track(daemon)
        assert (found["counts"]["bpm"], found["counts"]["key"], found["counts"]["camelot"]) == (139.5, "D", "10B")
        assert "139.50 BPM, by Serato; we hear" in daemon.ctl("tracks", "show", found["id"]).stdout
        with taglib.File(str(daemon.library() / f"{NAME}.aiff")) as tagged:
            assert (tagged.tags["BPM"], tagged.tags["INITIALKEY"]) == (["139.5"], ["D"])
        daemon.stop()
        daemon.extra = '[analysis]\nbpm_from = ["ours", "dj"]\n'
        daemon.write_config()
        daemon.start()
        code, _ = retry(daemon, found["id"], "--step", "tag")
        found = track(daemon)
        assert (code, found["counts"]["bpm_origin"], found["counts"]["key"]) == (0, "ours", "D")
        with taglib.File(str(daemon.library() / f"{NAME}.aiff")) as tagged:
            assert float(tagged.tags["BPM"][0]) == pytest.approx(found["analysis"]["bpm"], abs=0.005)


def test_a_dry_run_prints_what_a_run_then_does(daemon: Running) -> None:
    """The same actions, and nothing is touched before; a step that there is none of is told which there are."""
    before = stamps(daemon)
    code, planned = retry(daemon, "--all", "--step", "analyze", "--dry-run")
    assert (code, planned["tracks"][0]["state"]) == (0, "planned")
    assert stamps(daemon) == before
    _, done = retry(daemon, "--all", "--step", "analyze")
    assert done["tracks"][0]["actions"] == planned["tracks"][0]["actions"]
    refused = daemon.ctl("tracks", "retry", "--all", "--step", "master")
    assert (refused.returncode, "Steps are: analyze, tag" in refused.stderr) == (1, True)
    _, outdated = retry(daemon, "--all", "--step", "analyze", "--outdated")
    assert (outdated["tracks"], outdated["summary"]) == ([], "nothing to do")


def test_retry_without_a_step_still_brings_home_what_is_missing(tmp_path: Path) -> None:
    """Its meaning is as before, now with `--wait` too."""
    music = write_wave(tmp_path / "music" / "A - B.wav")
    with running(tmp_path) as daemon:
        daemon.sync(music)
        lost = daemon.library() / daemon.files()[0]
        lost.unlink()
        done = daemon.ctl("tracks", "retry", track(daemon)["id"], "--wait")
        assert (done.returncode, lost.exists()) == (0, True)
