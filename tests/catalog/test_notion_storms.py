"""Bad days, and persons who rearrange their workspace while rows are written."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.catalog.notion_driver import FAST, LAG
from tests.catalog.notion_house import WEATHER, HastyClock, house, kept, published, song
from tests.fakes.notion import Asked, NotionFake
from tests.fakes.notion_music import Workspace, music_workspace


@pytest.fixture
def clock() -> HastyClock:
    return HastyClock()


@pytest.fixture
def fake(clock: HastyClock) -> Iterator[NotionFake]:
    with NotionFake(clock=lambda: clock.now().timestamp()) as found:
        yield found
    assert found.faults == []


def all_there(fake: NotionFake, workspace: Workspace, count: int) -> None:
    """One row for each, and one page for each artist and playlist."""
    rows = fake.pages(workspace.tracks)
    assert Counter(row["Title"] for row in rows) == Counter(f"Song {number}" for number in range(count))
    assert {row["External Key"] for row in rows} == {f"soundcloud:a/t{number}" for number in range(count)}
    for database in (workspace.artists, workspace.playlists):
        names = [row["Name"] for row in fake.pages(database)]
        assert len(names) == len(set(names))
    for row in rows:
        number = int(row["Title"].split()[1])
        assert (row["Tempo"], row["Downloaded"]) == (120 + number % 10, True)
        assert [fake.page(one)["Name"] for one in row["Artist"]] == [f"Artist {number % 3}"]
        assert [fake.page(one)["Name"] for one in row["Playlists"]] == [f"Playlist {number % 5}"]


@pytest.mark.parametrize("count", [12, pytest.param(300, marks=pytest.mark.full)])
async def test_a_storm(fake: NotionFake, clock: HastyClock, count: int) -> None:
    """Every kind of bad day at once: nothing is lost, nothing is doubled, and what stands is what was said."""
    workspace = music_workspace(fake)
    for kind in WEATHER:
        fake.fail(kind, share=0.05)
    fake.lag = 2
    async with house(fake, workspace.tracks, workspace, clock=clock, lag=5) as stands:
        await published(stands.catalog, clock, count)
        all_there(fake, workspace, count)
        fake.bad_days.clear()
        clock.skip(120)
        await stands.catalog.freshen()
        for row in fake.pages(workspace.tracks):
            read = await stands.catalog.read(row.id)
            assert read is not None
            assert stands.catalog.lacks(song(int(row["Title"].split()[1])), read) == ()


@pytest.mark.parametrize("count", [12, pytest.param(1000, marks=pytest.mark.full)])
def test_a_storm_and_three_kills(tmp_path: Path, count: int) -> None:
    """A process that ends without warning in the midst of it, and knows nothing but what it wrote down."""
    clock = HastyClock(FAST)
    with NotionFake(clock=lambda: clock.now().timestamp()) as fake:
        workspace = music_workspace(fake)
        for kind in WEATHER:
            fake.fail(kind, share=0.05)
        fake.lag = LAG / 3
        databases = [workspace.tracks.id, workspace.artists.id, workspace.playlists.id]
        about = [fake.url, fake.token, *databases, str(tmp_path / "m.db"), str(clock.began), str(count)]
        for part in (1, 2, 3, None):
            driver = subprocess.Popen([sys.executable, "-m", "tests.catalog.notion_driver", *about])
            try:
                while part and len(fake.pages(workspace.tracks)) < part * count // 4 and driver.poll() is None:
                    time.sleep(0.05)
                if part is None:
                    assert driver.wait(600) == 0
            finally:
                driver.kill()
                driver.wait()
        all_there(fake, workspace, count)
        assert fake.faults == []


async def test_a_second_run_writes_nothing(fake: NotionFake, clock: HastyClock) -> None:
    """And asks two questions, however many rows there are."""
    workspace = music_workspace(fake)
    async with house(fake, workspace.tracks, workspace, clock=clock) as stands:
        await published(stands.catalog, clock, 6)
        clock.skip(600)
        fake.requests.clear()
        await stands.catalog.freshen()
        for row in fake.pages(workspace.tracks):
            read = await stands.catalog.read(row.id)
            assert read is not None
            assert stands.catalog.lacks(song(int(row["Title"].split()[1])), read) == ()
        assert len(fake.requests) <= 2
        assert not [one for one in fake.requests if one.asked.writes]


def before_writing(fake: NotionFake, act: Any) -> None:
    """Somebody does this right before Notion takes the next writing into a row."""
    done: list[bool] = []

    def look(asked: Asked) -> bool:
        writes_a_row = (asked.writes and "Title" in (asked.body.get("properties") or {})) or asked.method == "PATCH"
        if writes_a_row and not done:
            done.append(True)
            act()
        return False

    fake.fail("500", times=1000, where=look)


@pytest.mark.parametrize("what", ["rename title", "retype key", "select key", "delete album", "rename key"])
async def test_the_schema_changes_in_mid_flight(fake: NotionFake, clock: HastyClock, what: str) -> None:
    """The row goes through all the same, also one that is being changed, and what has no place any more is left out."""
    workspace = music_workspace(fake)
    acts = {
        "rename title": lambda: fake.rename_property(workspace.tracks, "Title", "Song"),
        "retype key": lambda: fake.retype_property(workspace.tracks, "Key", "number"),
        "select key": lambda: fake.retype_property(workspace.tracks, "Key", ("select", [])),
        "delete album": lambda: fake.delete_property(workspace.tracks, "Album"),
        "rename key": lambda: fake.rename_property(workspace.tracks, "Key", "Tonart"),
    }
    async with house(fake, workspace.tracks, workspace, clock=clock) as stands:
        before = await kept(stands.catalog, clock, "track0", song(0))
        before_writing(fake, acts[what])
        await kept(stands.catalog, clock, "track1", song(1))
        await kept(stands.catalog, clock, "track0", song(0, bpm=99.0, key="Bm", album="Other"))
        rows = {row["External Key"]: row for row in fake.pages(workspace.tracks)}
        assert rows.keys() == {"soundcloud:a/t0", "soundcloud:a/t1"}
        title = "Song" if what == "rename title" else "Title"
        assert [rows[f"soundcloud:a/t{n}"][title] for n in (0, 1)] == ["Song 0", "Song 1"]
        assert fake.page(before.id)["Tempo"] == 99
        if what == "select key":
            assert rows["soundcloud:a/t1"]["Key"] == "Am"
        fake.requests.clear()
        again = await stands.catalog.publish("track0", song(0, bpm=99.0, key="Bm", album="Other"), known=before.id)
        assert again.changed == ()
        await stands.catalog.book.freshen(within=0)
        assert not [one for one in fake.requests if one.asked.writes]


@pytest.mark.parametrize("kind", ["select", "multi_select"])
async def test_no_option_can_be_added(fake: NotionFake, clock: HastyClock, kind: str) -> None:
    """The schema is at its limit: a new genre is left out, told once and asked for once; a known one is written."""
    workspace = music_workspace(fake, full=True)
    fake.retype_property(workspace.tracks, "Genre", (kind, ["House"]))
    async with house(fake, workspace.tracks, workspace, clock=clock) as stands:
        for number, genre in enumerate(("Gabber", "House", "Grime")):
            await kept(stands.catalog, clock, f"track{number}", song(number, genre=genre))
        genres = {row["Title"]: row["Genre"] for row in fake.pages(workspace.tracks)}
        house_ = "House" if kind == "select" else ["House"]
        nothing: list[str] | None = None if kind == "select" else []
        assert genres == {"Song 0": nothing, "Song 1": house_, "Song 2": nothing}
        assert len(fake.refusals) == 1
        clock.skip(3700)  # and when the schema was asked for anew, a person may have made room
        fake.fill_schema(workspace.tracks, full=False)
        await kept(stands.catalog, clock, "track0", song(0, genre="Gabber"))
        assert "Gabber" in fake.options(workspace.tracks, "Genre")


@pytest.mark.parametrize("how", ["trashed", "moved", "unshared"])
async def test_a_page_that_a_row_leads_to_is_gone(fake: NotionFake, clock: HastyClock, how: str) -> None:
    """It is made anew, or left out where its whole database is gone; the row stays the row."""
    workspace = music_workspace(fake)
    async with house(fake, workspace.tracks, workspace, clock=clock) as stands:
        first = await kept(stands.catalog, clock, "track0", song(0))
        (artist,) = [one for one in fake.pages(workspace.artists) if one["Name"] == "Artist 0"]
        if how == "trashed":
            fake.trash(artist.id)
            clock.skip(600)
        elif how == "moved":
            fake.move(artist.id, workspace.playlists)
        else:
            fake.share(workspace.artists, shared=False)
        await kept(stands.catalog, clock, "track3", song(3))
        done = await kept(stands.catalog, clock, "track0", song(0, bpm=99.0))
        assert done.id == first.id
        assert fake.page(first.id)["Tempo"] == 99
        assert len(fake.pages(workspace.tracks)) == 2
        if how != "unshared":
            row = next(one for one in fake.pages(workspace.tracks) if one["Title"] == "Song 3")
            assert [fake.page(one)["Name"] for one in row["Artist"]] == ["Artist 0"]
            assert len([one for one in fake.pages(workspace.artists) if one["Name"] == "Artist 0"]) == 1


async def test_an_edit_between_reading_and_writing_stays(fake: NotionFake, clock: HastyClock) -> None:
    """In fields that are the person's and not what we write just then; one before the reading stays in any field."""
    workspace = music_workspace(fake)
    async with house(fake, workspace.tracks, workspace, clock=clock) as stands:
        row = await kept(stands.catalog, clock, "track0", song(0))
        fake.edit(row.id, {"Album": "Mine", "Label": "Mine"})
        before_writing(fake, lambda: fake.edit(row.id, {"Genre": "Techno", "Rating": 5, "Comments": "Mine"}))
        done = await kept(stands.catalog, clock, "track0", song(0, album="Theirs", bpm=99.0))
        now = fake.page(row.id)
        assert (now["Album"], now["Label"], now["Genre"], now["Rating"], now["Tempo"]) == (
            "Mine",
            "Mine",
            "Techno",
            5,
            99,
        )
        assert done.kept["album"] == "Mine"
        await kept(stands.catalog, clock, "track0", song(0, album="Theirs", genre="Electronic"))
        assert fake.page(row.id)["Genre"] == "Techno"


async def test_rows_that_a_person_takes_out_stay_out(fake: NotionFake, clock: HastyClock) -> None:
    """Into the trash or elsewhere; brought back, they are kept in step again."""
    workspace = music_workspace(fake)
    other = fake.database("Other", {"Title": "title"})
    async with house(fake, workspace.tracks, workspace, clock=clock) as stands:
        rows = [await kept(stands.catalog, clock, f"track{n}", song(n)) for n in range(2)]
        fake.trash(rows[0].id)
        fake.move(rows[1].id, other)
        for n in range(2):
            done = await kept(stands.catalog, clock, f"track{n}", song(n, bpm=99.0))
            assert (done.id, done.changed) == (rows[n].id, ())
        assert fake.pages(workspace.tracks) == []
        fake.trash(rows[0].id, restore=True)
        fake.move(rows[1].id, workspace.tracks)
        for n in range(2):
            done = await kept(stands.catalog, clock, f"track{n}", song(n, bpm=99.0))
            assert done.id == rows[n].id
            assert fake.page(rows[n].id)["Tempo"] == 99
        assert len(fake.pages(workspace.tracks)) == 2


async def test_another_database(fake: NotionFake, clock: HastyClock, tmp_path: Any) -> None:
    """Rows of the earlier one are not taken for rows that a person took out; going back, they are found again, with
    what a person wrote.
    """
    workspace, second = music_workspace(fake), music_workspace(fake)
    for database, known in ((workspace, None), (second, "first"), (workspace, "second")):
        async with house(fake, database.tracks, database, clock=clock, path=tmp_path / "m.db") as stands:
            old = {"first": workspace, "second": second}.get(known or "")
            id_ = fake.pages(old.tracks)[0].id if old else None
            done = await stands.catalog.publish("track0", song(0, bpm=100.0), known=id_)
            assert done.created == (database is second or known is None)
            if known is None:
                fake.edit(done.id, {"Album": "Mine"})
    assert (len(fake.pages(workspace.tracks)), len(fake.pages(second.tracks))) == (1, 1)
    assert fake.pages(workspace.tracks)[0]["Album"] == "Mine"


async def test_a_row_that_is_refused_parks_its_track(fake: NotionFake, clock: HastyClock) -> None:
    """And is told, whatever Notion says of it; the others go through."""
    from musicsyncd.errors import Degraded

    workspace = music_workspace(fake)
    refuse = fake.fail("400", times=1000, where=lambda asked: asked.creates and "Song 0" in str(asked.body))
    async with house(fake, workspace.tracks, workspace, clock=clock) as stands:
        with pytest.raises(Degraded, match="validation_error"):
            await stands.catalog.publish("track0", song(0, genre=None), known=None)
        await kept(stands.catalog, clock, "track1", song(1))
        assert await stands.mirror.intents("notion") == []
        refuse.stop()
        await kept(stands.catalog, clock, "track0", song(0))
        all_there(fake, workspace, 2)


async def test_a_cancelled_creation_is_looked_for(fake: NotionFake, clock: HastyClock) -> None:
    workspace = music_workspace(fake)
    async with house(fake, workspace.tracks, workspace, clock=clock, lag=5) as stands:
        await kept(stands.catalog, clock, "track1", song(1))
        fields, sent = song(4, playlists=["Playlist 1"]), threading.Event()

        def is_it(asked: Asked) -> bool:
            if asked.creates:
                sent.set()
            return asked.creates

        fake.fail("timeout", where=is_it)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(partial(stands.catalog.publish, "track4", fields, known=None), name="publish")
            await anyio.to_thread.run_sync(sent.wait)
            tasks.cancel_scope.cancel()
        assert [one.key for one in await stands.mirror.intents("notion")] == ["track4"]
        await kept(stands.catalog, clock, "track4", fields)
        assert len(fake.pages(workspace.tracks)) == 2
