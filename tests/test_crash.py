"""kill -9 at every commit point, with the real process: after a restart the end is that of an undisturbed run."""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import taglib
from mutagen.aiff import AIFF
from mutagen.id3 import POPM, TBPM
from mutagen.mp4 import MP4

from musicsyncd.crashpoints import ENVIRONMENT, IN_EAGLE, MATCHING, MERGING, MERGING_ROWS, RETRY, RETRY_ONLY, CrashPoint
from musicsyncd.library.recycle import RECYCLE
from tests.fakes.music_services import MusicServices
from tests.fakes.running import Running, running, write_wave

EXPECTED = ["Crash Test/Crash Test - One.aiff", "Crash Test/Crash Test - One.m4a", "Crash Test/Crash Test - One.wav"]


@pytest.fixture(scope="module")
def services() -> Iterator[MusicServices]:
    """Asked of each track, and knowing nothing of it."""
    with MusicServices() as services:
        services.results = []
        yield services


@pytest.mark.parametrize(
    "point", [point for point in CrashPoint if point not in RETRY_ONLY | MERGING | MATCHING | IN_EAGLE | MERGING_ROWS]
)
def test_a_kill_changes_nothing_in_the_end(point: CrashPoint, services: MusicServices, tmp_path: Path) -> None:
    """Same files, one row, one track, no temporary file, no staging folder, every job done."""
    music = write_wave(tmp_path / "music" / "Crash Test - One.wav", seconds=4.0)
    with running(tmp_path, start=False, extra=services.settings) as daemon:
        daemon.start(**{ENVIRONMENT: point.value})
        daemon.ctl("sync", "--url", str(music))
        assert daemon.wait_for_death() == -9, "the crash point was never passed"
        daemon.start()
        code, report = daemon.sync(music)
        assert code == 0, report
        settle(daemon)
        assert daemon.files() == EXPECTED
        assert not list((daemon.state / "staging").glob("*"))
        daemon.stop()
        rows, tracks, doubled, unended = counted(daemon.state / "musicsyncd.db")
        assert (rows, tracks, doubled, unended) == (1, 1, 0, 0)


@pytest.fixture(scope="module")
def came_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, Path]]:
    """A daemon that brought one track home and stopped, and a copy of its folder: all walks begin there."""
    folder = tmp_path_factory.mktemp("walks") / "house"
    music = write_wave(folder / "music" / "Crash Test - One.wav")
    with running(folder) as daemon:
        daemon.sync(music)
        daemon.stop()
        yield daemon, Path(shutil.copytree(folder, folder.parent / "as it was"))


@pytest.fixture
def house(came_home: tuple[Running, Path]) -> Iterator[Running]:
    """The same folder, as it was."""
    daemon, kept = came_home
    shutil.rmtree(daemon.folder)
    shutil.copytree(kept, daemon.folder)
    yield daemon
    if daemon.process is not None:
        daemon.kill()


def only_track(daemon: Running) -> str:
    """Its id."""
    connection = sqlite3.connect(daemon.state / "musicsyncd.db")
    try:
        ((track,),) = connection.execute("SELECT id FROM track").fetchall()
        return str(track)
    finally:
        connection.close()


SAME = {*CrashPoint} - RETRY_ONLY - {point for point in CrashPoint if point.value.startswith("shelf-")}
"""Points that the walk home passes with nothing of another one at stake."""


@pytest.mark.parametrize(
    "point", [pytest.param(point, marks=[pytest.mark.full] if point in SAME else []) for point in RETRY]
)
def test_a_kill_while_a_step_is_done_again_changes_nothing_in_the_end(point: CrashPoint, house: Running) -> None:
    """The DJ's edit is kept and counts in every file and the row, each older file lies in the recycle area with the
    journal entry that leads back, and doing it once more writes nothing.
    """
    track = only_track(house)
    edited(house.library() / EXPECTED[0])
    heard_otherwise(house.state, track)
    house.start(**{ENVIRONMENT: point.value})
    house.ctl("tracks", "retry", track, "--step", "analyze")
    assert house.wait_for_death() == -9, "the crash point was never passed"
    house.start()
    code, report = again(house, track)
    assert code == 0, report
    settle(house)
    assert [path for path in house.files() if not path.startswith(RECYCLE)] == EXPECTED
    assert {tempo_in(house.library() / path) for path in EXPECTED} == {"126.5"}
    assert AIFF(str(house.library() / EXPECTED[0])).tags["POPM:dj"].rating == 200
    assert not list((house.state / "staging").glob("*"))
    before = snapshot(house)
    code, report = again(house, track)
    assert (code, report["tracks"][0]["note"]) == (0, "in step already: nothing was written")
    assert snapshot(house) == before
    house.stop()
    assert counted(house.state / "musicsyncd.db") == (1, 1, 0, 0)
    assert sorted(journalled(house.state)) == [path for path in house.files() if path.startswith(RECYCLE)] != []


@pytest.mark.parametrize("point", [CrashPoint.FILE_RETIRED, CrashPoint.FILE_RESTORED, CrashPoint.RESTORATION_RECORDED])
def test_a_kill_while_replaced_files_come_back_changes_nothing_in_the_end(point: CrashPoint, house: Running) -> None:
    """The older files stand byte for byte and stay so, the journal says where the newer ones lie, and our own older
    tempo is nobody's word: the DJ's counts when the step is done once more.
    """
    track = only_track(house)
    edited(house.library() / EXPECTED[0])
    house.start()
    older = contents(house)
    assert again(house, track, "tag")[0] == 0
    (operation,) = house.client.get("/v1/operations")["operations"]
    newer = contents(house)
    house.stop()
    house.start(**{ENVIRONMENT: point.value})
    (undo,) = house.client.post("/v1/undo", {"operation": operation["operation"]})["jobs"]
    assert house.wait_for_death() == -9, "the crash point was never passed"
    house.start()
    settle(house)
    undone = house.client.get(f"/v1/jobs/{undo}")
    assert (undone["state"], undone["result"]["left"], contents(house)) == ("done", [], older)
    assert sorted(path for path, data in older.items() if data != newer[path]) == EXPECTED[1:]
    assert {path: (house.library() / moved).read_bytes() for path, moved in made_way(house.state)} == {
        path: newer[path] for path in EXPECTED[1:]
    }
    changes = journalled(house.state)
    assert house.sync_track(track)[0] == 0
    assert (contents(house), journalled(house.state)) == (older, changes)
    assert again(house, track, "tag")[0] == 0
    assert {tempo_in(house.library() / path) for path in EXPECTED} == {"126.5"}


def test_what_was_taken_away_before_a_kill_is_not_delivered_again(tmp_path: Path) -> None:
    """Another program took the file as soon as it had its name, and nothing of it was recorded but that it would."""
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    extra = f"""[output]\nformats = ["wav"]
[[volumes]]\nname = "INBOX"\npath = {json.dumps(str(inbox))}\nmin_free = 0\nhands_over = true\n"""
    music = write_wave(tmp_path / "music" / "Crash Test - One.wav")
    with running(tmp_path, start=False, volumes=(), extra=extra) as daemon:
        daemon.start(**{ENVIRONMENT: CrashPoint.SHELF_FOLDER_SYNCED.value})
        daemon.ctl("sync", "--url", str(music))
        assert daemon.wait_for_death() == -9, "the crash point was never passed"
        (delivered,) = inbox.rglob("*.wav")
        delivered.unlink()
        daemon.start()
        assert daemon.sync(music)[0] == 0
        assert [*inbox.rglob("*.wav")] == []


def contents(daemon: Running) -> dict[str, bytes]:
    """What stands on the volume."""
    return {path: (daemon.library() / path).read_bytes() for path in EXPECTED}


def made_way(state: Path) -> list[tuple[str, str]]:
    """Of each newer file that an undo moved away: its path, and where the journal says that it lies."""
    connection = sqlite3.connect(state / "musicsyncd.db")
    try:
        query = """SELECT json_extract(before, '$.newer.path'), json_extract(before, '$.newer.recycled') FROM journal
                   WHERE what = 'restored'"""
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def edited(path: Path) -> None:
    """As DJ software does: its own tempo and a rating."""
    file = AIFF(str(path))
    file.tags.add(TBPM(encoding=3, text=["126.5"]))
    file.tags.add(POPM(email="dj", rating=200, count=1))
    file.save()


def heard_otherwise(state: Path, track: str) -> None:
    """As if older ears had heard the track, and its waveform were lost."""
    connection = sqlite3.connect(state / "musicsyncd.db")
    connection.execute("UPDATE analysis SET facts = json_set(facts, '$.version', 1, '$.key', 'C#m')")
    connection.commit()
    connection.close()
    (state / "waveforms" / f"{track}.png").unlink()


def again(daemon: Running, track: str, step: str = "analyze") -> tuple[int, dict[str, Any]]:
    """The step once more: the exit code and the report."""
    done = daemon.ctl("tracks", "retry", track, "--step", step, "--wait", "--json")
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def tempo_in(path: Path) -> str:
    """As TagLib reads it; an MP4's exact one."""
    if path.suffix == ".m4a":
        return bytes(MP4(str(path))["----:com.apple.iTunes:BPM"][0]).decode()
    with taglib.File(str(path)) as file:
        return str(file.tags["BPM"][0])


def snapshot(daemon: Running) -> dict[str, int]:
    """When each file of the volume was last written, and the waveforms."""
    root = daemon.library()
    waveforms = {path.name: path.stat().st_mtime_ns for path in (daemon.state / "waveforms").iterdir()}
    return {path: (root / path).stat().st_mtime_ns for path in daemon.files()} | waveforms


def journalled(state: Path) -> list[str]:
    """Every recycled file that the journal names."""
    connection = sqlite3.connect(state / "musicsyncd.db")
    try:
        query = "SELECT json_extract(before, '$.recycled') FROM journal WHERE before IS NOT NULL"
        return [path for (path,) in connection.execute(query) if path]
    finally:
        connection.close()


def settle(daemon: Running) -> None:
    """Wait until no job is active: the one that the killed run left may end after the one that we asked for."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if not daemon.client.get("/v1/jobs?state=waiting,running")["jobs"]:
            return
        time.sleep(0.05)
    raise AssertionError("jobs are still active")


def counted(database: Path) -> tuple[int, int, int, int]:
    """Catalog rows, tracks, files that were placed twice, jobs that did not end well."""
    connection = sqlite3.connect(database)
    queries = (
        "SELECT count(*) FROM catalog_row",
        "SELECT count(*) FROM track",
        "SELECT count(*) - count(DISTINCT target || part) FROM evidence",
        "SELECT count(*) FROM job WHERE state <> 'done'",
    )
    try:
        rows, tracks, doubled, unended = (connection.execute(query).fetchone()[0] for query in queries)
    finally:
        connection.close()
    return rows, tracks, doubled, unended
