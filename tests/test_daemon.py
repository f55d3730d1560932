"""The whole house as a process: real audio in, verified files, tags and a row out; stop, reload, refuse."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import mutagen
import pytest
import taglib
from mutagen.id3 import TCOM

from tests.fakes.running import Running, children_of, running, write_wave
from tests.fakes.waiting import wait_for

T = TypeVar("T")
DEMO = Path(__file__).parent.parent / "musicsyncd" / "demo" / "tracks"


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Running]:
    """A running daemon with one volume."""
    with running(tmp_path) as found:
        yield found


def test_a_file_becomes_three_verified_files_a_row_and_nothing_twice(daemon: Running, tmp_path: Path) -> None:
    """The main job: files, tags that two libraries read, a catalog row; a second run does nothing and says so."""
    music = write_wave(tmp_path / "music" / "Nina Vale - Tidal (Kora Remix).wav")
    code, report = daemon.sync(music)
    assert (code, report["state"], report["settled"]) == (0, "done", True)
    details = report["tracks"][0]["details"]
    assert details["targets"] == {"volume:main": "standing", "catalog:local": "standing"}
    assert {one["format"] for one in details["files"]} == {"alac", "wav", "aiff"}
    for one in details["files"]:
        assert Path(one["path"]).stat().st_size == one["size"]
        assert mutagen.File(one["path"]) is not None
        with taglib.File(one["path"]) as tagged:
            assert tagged.tags["TITLE"] == ["Tidal (Kora Remix)"]
            assert tagged.tags["ARTIST"] == ["Nina Vale"]
    stamps = {path: (daemon.library() / path).stat().st_mtime_ns for path in daemon.files()}
    rows = row_stamps(daemon)
    code, again = daemon.sync(music)
    assert (code, again["summary"]) == (0, "nothing to do: it stands everywhere")
    assert again["tracks"][0]["job"] is None
    assert {path: (daemon.library() / path).stat().st_mtime_ns for path in daemon.files()} == stamps
    assert row_stamps(daemon) == rows


def row_stamps(daemon: Running) -> list[tuple[str, str]]:
    """Ids and times of the catalog's rows."""
    connection = sqlite3.connect(daemon.state / "musicsyncd.db")
    try:
        return connection.execute("SELECT id, updated_at FROM catalog_row ORDER BY id").fetchall()
    finally:
        connection.close()


def test_a_folder_goes_on_past_its_bad_files_and_keeps_a_recording_once(daemon: Running) -> None:
    """The demo: three tracks kept, the second encoding recognised, the broken file refused with a reason."""
    code, report = daemon.sync(DEMO)
    assert code == 6, report["summary"]
    states = sorted(track["state"] for track in report["tracks"])
    assert states == ["done", "done", "done", "duplicate"]
    (refused,) = report["refused"]
    assert "Broken Upload" in refused["error"]["what"]
    assert len(daemon.files()) == 9
    assert (DEMO / "Broken Upload.mp3").exists()
    code, again = daemon.sync(DEMO)
    assert code == 6, "the broken file is still broken"
    assert {track["job"] for track in again["tracks"]} == {None}


def test_a_lost_file_is_made_again(daemon: Running, tmp_path: Path) -> None:
    """Evidence is read again at every look: a file that a person removed comes back, the others stay."""
    music = write_wave(tmp_path / "music" / "A - B.wav")
    daemon.sync(music)
    before = daemon.files()
    kept = daemon.library() / before[0]
    untouched = (daemon.library() / before[1]).stat().st_mtime_ns
    kept.unlink()
    code, report = daemon.sync(music)
    assert code == 0
    assert [action["verb"] for action in report["tracks"][0]["actions"]] == ["fetch", "shelve", "publish"]
    assert daemon.files() == before
    assert (daemon.library() / before[1]).stat().st_mtime_ns == untouched


def test_a_dry_run_prints_what_a_run_then_does(daemon: Running, tmp_path: Path) -> None:
    """The same actions, and nothing is written before."""
    music = write_wave(tmp_path / "music" / "A - B.wav")
    code, planned = daemon.sync(music, flags=("--dry-run",))
    assert (code, planned["tracks"][0]["state"]) == (0, "planned")
    assert daemon.files() == []
    assert daemon.client.get("/v1/tracks")["tracks"] == []
    _, done = daemon.sync(music)
    assert done["tracks"][0]["actions"] == planned["tracks"][0]["actions"]


def test_a_volume_that_is_away_misses_its_files_and_nothing_else_stops(tmp_path: Path) -> None:
    """Partial, parked and counted; when it is back its files come from the other volume, nothing is fetched anew."""
    music = write_wave(tmp_path / "music" / "A - B.wav")
    with running(tmp_path, volumes=("main", "second")) as daemon:
        away = tmp_path / "away"
        daemon.library("second").rename(away)
        code, report = daemon.sync(music)
        assert (code, report["state"]) == (6, "partial")
        assert daemon.client.get("/v1/status")["volumes"][1]["parked"] == 1
        assert not daemon.library("second").exists(), "nothing is written where a volume is not"
        away.rename(daemon.library("second"))
        music.unlink()
        code, report = daemon.sync_track(report["tracks"][0]["track"])
        assert code == 0, report
        assert daemon.files("second") == daemon.files("main")
        assert daemon.client.get("/v1/status")["volumes"][1]["parked"] == 0


def test_sigterm_puts_running_jobs_back_and_leaves_no_child(daemon: Running, tmp_path: Path) -> None:
    """Within ten seconds, exit 0, no process left; the next start finishes the job."""
    music = write_wave(tmp_path / "music" / "A - Long.wav", seconds=40)
    daemon.ctl("sync", "--url", str(music))
    assert daemon.process is not None
    pid = daemon.process.pid
    workers = wait_for(lambda: children_of(pid))
    began = time.monotonic()
    assert daemon.stop() == 0
    assert time.monotonic() - began < 10
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)
    daemon.start()
    wait_for(lambda: len(daemon.files()) == 3)


def test_a_killed_daemon_takes_its_workers_along(daemon: Running, tmp_path: Path) -> None:
    """SIGKILL leaves no orphan that goes on writing."""
    music = write_wave(tmp_path / "music" / "A - Long.wav", seconds=60)
    daemon.ctl("sync", "--url", str(music))
    assert daemon.process is not None
    pid = daemon.process.pid
    workers = wait_for(lambda: children_of(pid))
    daemon.kill()
    wait_for(lambda: not any(alive(worker) for worker in workers))


def alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_second_daemon_on_the_same_state_names_the_first(daemon: Running) -> None:
    """One clear sentence with the pid, exit 1, and the first goes on."""
    done = subprocess.run(
        [sys.executable, "-m", "musicsyncd", "--config", str(daemon.config)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert daemon.process is not None
    assert done.returncode == 1
    assert f"pid {daemon.process.pid}" in done.stderr
    assert "Traceback" not in done.stderr
    assert daemon.client.get("/v1/status")["pid"] == daemon.process.pid


def test_a_reload_says_what_it_took_over_and_what_must_wait(daemon: Running) -> None:
    """SIGHUP: the log level at once, anything else after a restart; wrong settings change nothing."""
    assert daemon.process is not None
    daemon.config.write_text(daemon.config.read_text() + '[log]\nlevel = "debug"\n[output]\nformats = ["flac"]\n')
    daemon.process.send_signal(signal.SIGHUP)
    line = wait_for(lambda: logged(daemon, "settings reloaded"))
    assert line["changed"] == ["log.level"]
    assert "output.formats" in line["after_restart"]
    daemon.config.write_text(daemon.config.read_text() + "[nonsense]\n")
    daemon.process.send_signal(signal.SIGHUP)
    assert "nonsense" in wait_for(lambda: logged(daemon, "settings not reloaded"))["why"]
    assert daemon.client.get("/v1/status")["pid"] == daemon.process.pid


def logged(daemon: Running, event: str) -> dict[str, Any]:
    """The last line of the log with that event; empty while there is none."""
    lines = [json.loads(line) for line in daemon.log.read_text().splitlines()] if daemon.log.exists() else []
    return next((line for line in reversed(lines) if line["event"] == event), {})


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_it_at_once(number: signal.Signals, tmp_path: Path) -> None:
    """Who asks twice does not wait for the grace of a running job."""
    music = write_wave(tmp_path / "music" / "A - Long.wav", seconds=90)
    with running(tmp_path, extra="") as daemon:
        daemon.ctl("sync", "--url", str(music))
        assert daemon.process is not None
        process = daemon.process
        wait_for(lambda: children_of(process.pid))
        process.send_signal(number)
        wait_for(lambda: logged(daemon, "stopping"))
        began = time.monotonic()
        process.send_signal(signal.SIGHUP)  # a reload that comes too late is no second signal
        process.send_signal(number)
        assert process.wait(5) == 128 + number
        assert time.monotonic() - began < 2


def test_a_corrupt_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    """One sentence, exit 7, the file untouched."""
    with running(tmp_path) as daemon:
        daemon.stop()
        database = daemon.state / "musicsyncd.db"
        data = bytearray(database.read_bytes())
        data[100 : len(data) // 2] = os.urandom(len(data) // 2 - 100)
        database.write_bytes(data)
        assert daemon.launch().wait(30) == 7
        daemon.process = None
        said = daemon.output().strip().splitlines()[-1]
        assert "database" in said
        assert "Traceback" not in daemon.output()
        assert database.read_bytes() == bytes(data)


def test_a_wrong_setting_names_itself_and_its_line(tmp_path: Path) -> None:
    """Exit 9 before anything is touched."""
    with running(tmp_path, start=False, extra="[outptu]\nformats = []\n") as daemon:
        assert daemon.launch().wait(30) == 9
        daemon.process = None
        assert "outptu" in daemon.output()
        assert "config.toml:" in daemon.output()
        assert not daemon.state.exists()


def test_a_canary_secret_is_nowhere(tmp_path: Path) -> None:
    """A proxy's password is in no log, answer, process list, environment of a worker or file that the daemon writes."""
    canary = "c4n4ry-s3cr3t"
    music = write_wave(tmp_path / "music" / "A - B.wav", seconds=20)
    secret = {"MUSICSYNCD_HTTP__PROXY": f"http://user:{canary}@127.0.0.1:9", "NOTION_TOKEN": canary}
    with running(tmp_path, environment=secret) as daemon:
        assert daemon.process is not None
        pid = daemon.process.pid
        daemon.ctl("sync", "--url", str(music), "http://127.0.0.1:9/song.ogg")
        own = read(f"/proc/{pid}/cmdline")
        # Between its fork and its exec a child still bears the daemon's own environment.
        workers = wait_for(lambda: [one for one in children_of(pid) if read(f"/proc/{one}/cmdline") not in (b"", own)])
        seen = b"".join(read(f"/proc/{one}/environ") + read(f"/proc/{one}/cmdline") for one in workers)
        seen += read(f"/proc/{pid}/cmdline")
        for command in (["status"], ["jobs"], ["config", "show", "--origin"], ["doctor"], ["logs", "-n", "999"]):
            done = daemon.ctl(*command)
            seen += (done.stdout + done.stderr).encode()
        daemon.stop()
        seen += b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
        assert canary.encode() not in seen


def read(path: str) -> bytes:
    """A file's bytes; none when it is gone."""
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""


def test_tags_that_another_program_wrote_stay_and_double_nothing(daemon: Running, tmp_path: Path) -> None:
    """What DJ software writes into a kept file is the owner's: it stands, no copy appears, it is journalled once."""
    music = write_wave(tmp_path / "music" / "A - B.wav")
    daemon.sync(music)
    before = daemon.files()
    for name in before:
        kept = mutagen.File(daemon.library() / name)
        if name.endswith("m4a"):
            kept["\xa9wrt"] = ["Me"]
        else:
            kept["TCOM"] = TCOM(text=["Me"])
        kept.save()
    edited = {name: (daemon.library() / name).read_bytes() for name in before}
    for _ in range(2):
        code, report = daemon.sync(music)
        assert (code, report["tracks"][0]["job"]) == (0, None)
        assert {name: (daemon.library() / name).read_bytes() for name in daemon.files()} == edited
    connection = sqlite3.connect(daemon.state / "musicsyncd.db")
    try:
        (journalled,) = connection.execute("SELECT count(*) FROM journal WHERE what = 'edited'").fetchone()
    finally:
        connection.close()
    assert journalled == 3


def test_a_file_that_was_replaced_by_other_music_is_made_again_beside_it(daemon: Running, tmp_path: Path) -> None:
    """Other samples under our name are somebody's: they stay, and the track's file comes back under another name."""
    music = write_wave(tmp_path / "music" / "A - B.wav")
    daemon.sync(music)
    name = next(one for one in daemon.files() if one.endswith(".wav"))
    write_wave(daemon.library() / name, pitch=700)
    other = (daemon.library() / name).read_bytes()
    code, _ = daemon.sync(music)
    assert code == 0
    assert (daemon.library() / name).read_bytes() == other
    assert len(daemon.files()) == 4


def test_a_volume_that_is_back_at_the_start_gets_its_files_unasked(tmp_path: Path) -> None:
    """What was parked is taken up when the daemon starts, and by nobody's asking."""
    music = write_wave(tmp_path / "music" / "A - B.wav")
    with running(tmp_path, volumes=("main", "second")) as daemon:
        away = tmp_path / "away"
        daemon.library("second").rename(away)
        assert daemon.sync(music)[0] == 6
        daemon.stop()
        away.rename(daemon.library("second"))
        daemon.start()
        wait_for(lambda: len(daemon.files("second")) == 3)


def test_a_volume_that_is_new_to_the_settings_gets_its_files_unasked(tmp_path: Path) -> None:
    """What stands elsewhere is copied there after the next start, once; nothing is fetched anew."""
    music = write_wave(tmp_path / "music" / "A - B.wav")
    with running(tmp_path) as daemon:
        assert daemon.sync(music)[0] == 0
        music.unlink()
        daemon.stop()
        daemon.volumes = ("main", "second")
        daemon.library("second").mkdir(parents=True)
        daemon.write_config()
        for _ in range(2):
            daemon.start()
            wait_for(lambda: not daemon.client.get("/v1/jobs?state=waiting,running")["jobs"])
            assert daemon.files("second") == daemon.files("main")
            lacking = [one for one in daemon.client.get("/v1/jobs?kind=request")["jobs"] if "lacking" in one["key"]]
            assert [one["key"] for one in lacking] == ["lacking|||volume:second"]
            daemon.stop()


def test_a_cancelled_request_ends_the_work_on_its_tracks(daemon: Running, tmp_path: Path) -> None:
    """Cancelling what a person asked for cancels what came of it, running and waiting."""
    for number in range(6):
        write_wave(tmp_path / "music" / f"A - Long {number}.wav", seconds=25, pitch=200 + 40 * number)
    done = daemon.ctl("sync", "--url", str(tmp_path / "music"), "--json")
    (job,) = json.loads(done.stdout)["jobs"]
    wait_for(lambda: daemon.client.get("/v1/jobs?kind=track&state=running")["jobs"])
    answer = daemon.client.post(f"/v1/jobs/{job}/cancel")
    assert answer["cancelled"] >= 1
    wait_for(lambda: not daemon.client.get("/v1/jobs?state=waiting,running")["jobs"])
    states = {one["state"] for one in daemon.client.get("/v1/jobs?kind=track")["jobs"]}
    assert "cancelled" in states
    assert len(daemon.files()) < 18


def test_a_volume_is_journalled_when_it_is_first_known_and_then_no_more(daemon: Running) -> None:
    """The marker that we write into somebody's folder is a change to the outside world, told once."""
    for _ in range(2):
        daemon.stop()
        connection = sqlite3.connect(daemon.state / "musicsyncd.db")
        try:
            found = connection.execute("SELECT operation, target, after FROM journal WHERE what = 'adopted'").fetchall()
        finally:
            connection.close()
        ((operation, target, after),) = found
        marker = json.loads((daemon.library() / ".musicsyncd-volume").read_text())["id"]
        assert (operation, target, json.loads(after)["marker"]) == ("start", "volume:main", marker)
        daemon.start()
