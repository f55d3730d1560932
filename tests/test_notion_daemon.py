"""The book in Notion behind the real daemon: bad days, kills, and what a person does with his rows and files."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.catalog.notion_house import WEATHER
from tests.fakes.notion import NotionFake, Row
from tests.fakes.notion_music import Workspace, music_workspace
from tests.fakes.running import Running, running, write_wave
from tests.fakes.waiting import wait_for

LAG = 2


@pytest.fixture
def fake() -> Iterator[NotionFake]:
    with NotionFake() as found:
        yield found
    assert found.faults == []


@pytest.fixture
def workspace(fake: NotionFake) -> Workspace:
    return music_workspace(fake)


@pytest.fixture
def daemon(tmp_path: Path, workspace: Workspace) -> Iterator[Running]:
    """With Notion as its catalog; not started."""
    extra = (
        f'[notion]\nbase_url = "{workspace.fake.url}"\nlag = {LAG}\nrequests_per_second = 50\nmirror_every = 1\n'
        "timeout = 5\n"
    )
    with running(tmp_path, start=False, extra=extra, environment=workspace.environment()) as found:
        yield found


def songs(folder: Path, count: int) -> Path:
    """So many tunes, three by each artist."""
    for number in range(count):
        write_wave(folder / f"Artist {number // 3} - Song {number}.wav", seconds=1.0, pitch=150.0 + 7 * number)
    return folder


def rows(workspace: Workspace) -> list[Row]:
    return workspace.fake.pages(workspace.tracks)


@pytest.mark.parametrize(("count", "share"), [(8, 0.02), pytest.param(60, 0.05, marks=pytest.mark.full)])
def test_a_storm_and_three_kills(
    daemon: Running, fake: NotionFake, workspace: Workspace, count: int, share: float
) -> None:
    """Every kind of bad day at once, and no warning before the ends: one row for each track, and nothing doubled."""
    for kind in WEATHER:
        fake.fail(kind, share=share)
    fake.lag = 0.5
    music = songs(daemon.folder / "music", count)
    daemon.start()
    assert daemon.ctl("sync", "--url", str(music)).returncode == 0
    for part in (1, 2, 3):
        wait_for(lambda part=part: len(rows(workspace)) >= part * count // 4, 120.0)  # type: ignore[misc]
        daemon.kill()
        daemon.start()

    def done() -> bool:
        daemon.ctl("sync", "--unfinished", "--wait")
        return sum(bool(row["Downloaded"]) for row in rows(workspace)) == count

    wait_for(done, 400.0)
    assert Counter(row["Title"] for row in rows(workspace)) == Counter(f"Song {n}" for n in range(count))
    keys = [row["External Key"] for row in rows(workspace)]
    assert len(set(keys)) == count
    artists = [row["Name"] for row in fake.pages(workspace.artists)]
    assert sorted(artists) == sorted({f"Artist {number // 3}" for number in range(count)})
    for row in rows(workspace):
        assert Path(row["M4A File Path"]).stat().st_size > 0
        assert Path(row["WAV File Path"]).stat().st_size > 0
    fake.bad_days.clear()
    code, report = daemon.sync(music)
    assert (code, report["settled"]) == (0, True), report
    time.sleep(LAG)
    fake.requests.clear()
    code, report = daemon.sync(music)
    assert (code, report["summary"]) == (0, f"nothing to do: all {count} stand everywhere")
    assert not [one for one in fake.requests if one.asked.writes]


def test_downloaded_means_a_file(daemon: Running, fake: NotionFake, workspace: Workspace) -> None:
    """It is checked once a file was read back, whatever a person unchecks, and unchecked when no file stands."""
    music = songs(daemon.folder / "music", 1)
    daemon.start()
    code, report = daemon.sync(music)
    assert code == 0, report
    (row,) = rows(workspace)
    assert (row["Downloaded"], Path(row["M4A File Path"]).is_file()) == (True, True)
    fake.edit(row.id, {"Downloaded": False, "Rating": 5})
    time.sleep(LAG + 1)  # until then what a query shows may be what stood there before
    code, report = daemon.sync(music)
    (row,) = rows(workspace)
    assert (row["Downloaded"], row["Rating"]) == (True, 5)
    for path in (*music.iterdir(), *daemon.library().rglob("* - Song*")):
        path.unlink()
    (one,) = report["tracks"]
    code, _ = daemon.sync_track(one["track"])
    assert code == 1
    (row,) = rows(workspace)
    assert (row["Downloaded"], row["M4A File Path"], row["WAV File Path"]) == (False, "", "")


def test_a_bad_token_parks_the_row_and_nothing_else(daemon: Running, workspace: Workspace) -> None:
    """Files are kept; the row follows when the token is right."""
    music = songs(daemon.folder / "music", 1)
    daemon.environment["NOTION_TOKEN"] = "ntn_wrong"
    daemon.start()
    code, report = daemon.sync(music)
    assert code == 6, report
    assert len(daemon.files()) == 3
    assert "catalog:notion" in str(report["tracks"])
    daemon.stop()
    daemon.environment |= workspace.environment()
    daemon.start()
    wait_for(lambda: [row["Downloaded"] for row in rows(workspace)] == [True])


def test_while_notion_is_away_files_come_home(daemon: Running, fake: NotionFake, workspace: Workspace) -> None:
    """Also after a restart, and whatever stands already; the rows follow by themselves when it is back."""
    music = songs(daemon.folder / "music", 1)
    daemon.start()
    assert daemon.sync(music)[0] == 0
    fake.close_door()
    songs(music, 2)
    for _ in range(2):
        code, report = daemon.sync(music)
        assert code in (0, 6), report
        daemon.kill()
        daemon.start()
    assert len(daemon.files()) == 6
    fake.open_door()
    daemon.stop()
    daemon.start()
    wait_for(lambda: [row["Downloaded"] for row in rows(workspace)] == [True, True])
