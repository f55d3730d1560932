"""kill -9 at every commit point, with the real process: after a restart the end is that of an undisturbed run."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from musicsyncd.crashpoints import ENVIRONMENT, MERGING, CrashPoint
from tests.fakes.music_services import MusicServices
from tests.fakes.running import Running, running, write_wave

EXPECTED = ["Crash Test/Crash Test - One.aiff", "Crash Test/Crash Test - One.m4a", "Crash Test/Crash Test - One.wav"]


@pytest.fixture(scope="module")
def services() -> Iterator[MusicServices]:
    """Asked of each track, and knowing nothing of it."""
    with MusicServices() as services:
        services.results = []
        yield services


@pytest.mark.parametrize("point", [point for point in CrashPoint if point not in MERGING])
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
