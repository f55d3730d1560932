"""The book of a database in Notion: read whole, found again, shared with people."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from musicsyncd.errors import Degraded
from tests.catalog.notion_house import HastyClock, house, kept, song
from tests.fakes.notion import NotionFake
from tests.fakes.notion_music import music_workspace


@pytest.fixture
def clock() -> HastyClock:
    return HastyClock()


@pytest.fixture
def fake(clock: HastyClock) -> Iterator[NotionFake]:
    with NotionFake(clock=lambda: clock.now().timestamp()) as found:
        yield found
    assert found.faults == []


@pytest.mark.parametrize(
    ("count", "cap", "to_a_minute"), [(260, 200, 70), pytest.param(10_500, 10_000, 900, marks=pytest.mark.full)]
)
async def test_a_book_larger_than_a_query(
    fake: NotionFake, clock: HastyClock, count: int, cap: int, to_a_minute: int
) -> None:
    """Every row is read, many of them made in one minute; what is trashed meanwhile shows later."""
    workspace = music_workspace(fake)
    now, fake.clock = fake.clock, lambda: 1_700_000_000.0 + len(ids) // to_a_minute * 60
    ids: list[str] = []
    while len(ids) < count:
        ids.append(fake.row(workspace.tracks, {"Title": f"Song {len(ids)}", "ISRC": f"USABC20{len(ids):05d}"}))
    fake.clock = now
    fake.answers.queries.cap = cap
    async with house(fake, workspace.tracks, clock=clock) as stands:
        await stands.catalog.freshen()
        assert await stands.mirror.count("notion") == count
        assert {row.page async for rows in stands.mirror.pages("notion") for row in rows} == set(ids)
        assert len(fake.asked("POST", "/query")) <= count // 100 + 2 * (count // cap) + 2
        fake.trash(ids[5])
        clock.skip(400)
        await stands.catalog.freshen()
        assert await stands.mirror.count("notion") == count - 1


async def test_rows_that_vanish_are_settled_and_an_empty_book_is_not_believed(
    fake: NotionFake, clock: HastyClock
) -> None:
    """A few that a person moved are out of the book; when nearly all are not listed, that is told and they stay."""
    workspace = music_workspace(fake)
    other = fake.database("Other", {"Title": "title"})
    ids = [fake.row(workspace.tracks, {"Title": f"Song {n}"}) for n in range(60)]
    clock.skip(600)
    async with house(fake, workspace.tracks, clock=clock) as stands:
        await stands.catalog.freshen()
        fake.move(ids[0], other)
        clock.skip(600)
        await stands.catalog.book.read_whole()
        assert await stands.mirror.count("notion") == 59
        for one in ids[1:50]:
            fake.move(one, other)
        await stands.catalog.book.read_whole()
        assert await stands.mirror.count("notion") == 59
        assert "believed of none" in (await stands.mirror.state("notion")).note


@pytest.mark.parametrize(
    "given",
    [
        {"Spotify ID": "4uLU6hMCjMI75M1A2tKUQC"},
        {"Spotify URL": "https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC"},
        {"SoundCloud URL": "https://soundcloud.com/a/t0?si=1"},
        {"YouTube URL": "https://youtu.be/dQw4w9WgXcQ"},
        {"ISRC": "us-abc-20-00000"},
    ],
)
async def test_a_row_made_by_hand_is_taken_up(fake: NotionFake, clock: HastyClock, given: dict[str, Any]) -> None:
    """By whatever it is known by; what stands in it stays."""
    workspace = music_workspace(fake)
    made = fake.row(workspace.tracks, {"Title": "mine", **given})
    ids = ["spotify:track:4uLU6hMCjMI75M1A2tKUQC", "soundcloud:a/t0", "youtube:dQw4w9WgXcQ"]
    async with house(fake, workspace.tracks, workspace, clock=clock) as stands:
        done = await kept(stands.catalog, clock, "track0", song(0, identities=ids))
        assert (done.id, done.created) == (made, False)
        assert await stands.catalog.read(made)
    (row,) = fake.pages(workspace.tracks)
    assert (row["Title"], row["Tempo"], row["Downloaded"]) == ("mine", 120, True)
    assert row["External Key"] == ids[0]
    for name, value in given.items():
        assert row[name] == value


async def test_a_row_that_led_to_a_track_is_its_row(fake: NotionFake, clock: HastyClock) -> None:
    """It names no id at all: the track was found by what it says."""
    workspace = music_workspace(fake)
    made = fake.row(workspace.tracks, {"Title": "Song 0", "Artist Name": "Artist 0"})
    fake.row(workspace.tracks, {"Title": "Song 0", "Artist Name": "Artist 0"})
    async with house(fake, workspace.tracks, workspace, clock=clock) as stands:
        done = await kept(stands.catalog, clock, "track0", song(0, identities=[f"notion:{made}"]))
        assert (done.id, done.created) == (made, False)
    assert (fake.page(made)["External Key"], len(fake.pages(workspace.tracks))) == ("track0", 2)


async def test_a_row_of_another_track_is_not_taken_up(fake: NotionFake, clock: HastyClock) -> None:
    """Two tracks bear one ISRC: the second gets a row of its own, also where a row names another id beside it."""
    workspace = music_workspace(fake)
    fake.row(workspace.tracks, {"Title": "Other", "ISRC": "USABC2000009", "Spotify ID": "1" * 22})
    async with house(fake, workspace.tracks, workspace, clock=clock) as stands:
        first = await kept(stands.catalog, clock, "track0", song(0))
        second = await kept(stands.catalog, clock, "track1", song(1, isrc="USABC2000000"))
        spotify = ["spotify:track:4uLU6hMCjMI75M1A2tKUQC"]
        third = await kept(stands.catalog, clock, "track2", song(2, isrc="USABC2000009", identities=spotify))
        assert len({first.id, second.id, third.id}) == 3
        assert len(fake.pages(workspace.tracks)) == 4
        again = await stands.catalog.publish("track1", song(1, isrc="USABC2000000"), known=None)
        assert again.id == second.id


@pytest.mark.parametrize("others", [30, 99, 130])
async def test_a_row_in_many_playlists(fake: NotionFake, clock: HastyClock, others: int) -> None:
    """A page shows 25: what others related stays, and where there is no room for ours, the rest of the row goes on."""
    workspace = music_workspace(fake)
    theirs = [fake.row(workspace.playlists, {"Name": f"Theirs {number}"}) for number in range(others)]
    async with house(fake, workspace.tracks, workspace, clock=clock) as stands:
        row = await kept(stands.catalog, clock, "track0", song(0))
        fake.edit(row.id, {"Playlists": [*fake.page(row.id)["Playlists"], *theirs]})
        wanted = song(0, playlists=["Playlist 0", "New"], bpm=99.0)
        await kept(stands.catalog, clock, "track0", wanted)
        now = fake.page(row.id)
        names = {fake.page(one)["Name"] for one in now["Playlists"]}
        assert {f"Theirs {number}" for number in range(others)} | {"Playlist 0"} <= names
        assert ("New" in names, now["Tempo"]) == (others < 99, 99)
        for _ in range(2):
            clock.skip(400)
            fake.requests.clear()
            await stands.catalog.freshen()
            read = await stands.catalog.read(row.id)
            assert read is not None
            assert stands.catalog.lacks(wanted, read) == ()
            assert len(fake.requests) <= 2
        await kept(stands.catalog, clock, "track0", wanted | {"playlists": ["New"]})
        left = {fake.page(one)["Name"] for one in fake.page(row.id)["Playlists"]}
        assert ("Playlist 0" in left) == (others > 99)
        assert len(left) >= others


async def test_a_new_playlist_is_a_lack(fake: NotionFake, clock: HastyClock) -> None:
    """Also where its page is not there yet, after a restart, and where no text names it."""
    workspace = music_workspace(fake)
    fake.delete_property(workspace.tracks, "Playlist Title")
    async with house(fake, workspace.tracks, workspace, clock=clock) as stands:
        row = await kept(stands.catalog, clock, "track0", song(0))
        clock.skip(400)
        await stands.catalog.freshen()
        read = await stands.catalog.read(row.id)
        assert read is not None
        assert stands.catalog.lacks(song(0, playlists=["Playlist 0", "New"]), read) == ("playlist_pages",)
        assert stands.catalog.lacks(song(0, playlists=[]), read) == ("playlist_pages",)
        await kept(stands.catalog, clock, "track0", song(0, playlists=["Playlist 0", "New"]))
        assert len(fake.page(row.id)["Playlists"]) == 2


async def test_retired_and_revived(fake: NotionFake, clock: HastyClock) -> None:
    """What we took out comes back by itself; what a person then throws away does not."""
    workspace = music_workspace(fake)
    async with house(fake, workspace.tracks, workspace, clock=clock) as stands:
        row = await kept(stands.catalog, clock, "track0", song(0))
        assert await stands.catalog.retire(row.id)
        clock.skip(400)
        await stands.catalog.freshen()
        assert (await stands.catalog.read(row.id), fake.pages(workspace.tracks)) == (None, [])
        assert (await kept(stands.catalog, clock, "track0", song(0))).id == row.id
        fake.trash(row.id)
        assert (await stands.catalog.publish("track0", song(0, bpm=1.0), known=row.id)).changed == ()
        assert fake.pages(workspace.tracks) == []


async def test_a_database_that_cannot_hold_an_id(fake: NotionFake, clock: HastyClock) -> None:
    """Nothing is created that could not be found again, and the reason is told."""
    tracks = fake.database("Tracks", {"Title": "title", "Downloaded": "checkbox"})
    async with house(fake, tracks, clock=clock) as stands:
        with pytest.raises(Degraded, match="External Key"):
            await stands.catalog.publish("track0", song(0), known=None)
        assert fake.pages(tracks) == []
        assert await stands.mirror.intents("notion") == []


async def test_what_a_person_takes_out_of_a_relation_stays_out(fake: NotionFake, clock: HastyClock) -> None:
    """It is no lack, whatever else is written; what is wanted beside it is related, and what he puts back stays."""
    workspace = music_workspace(fake)
    both = song(0, playlists=["Playlist 0", "Second"])
    async with house(fake, workspace.tracks, workspace, clock=clock, lag=5) as stands:
        row = await kept(stands.catalog, clock, "track0", both)
        first, second = fake.page(row.id)["Playlists"]
        fake.edit(row.id, {"Playlists": [second]})
        clock.skip(400)
        await stands.catalog.freshen()
        read = await stands.catalog.read(row.id)
        assert read is not None
        assert stands.catalog.lacks(both, read) == ()
        done = await kept(stands.catalog, clock, "track0", both | {"bpm": 99.0})
        assert fake.page(row.id)["Playlists"] == [second]
        assert done.kept == {"playlist_pages": [second]}
        await kept(stands.catalog, clock, "track0", both | {"playlists": ["Playlist 0", "Second", "Third"]})
        names = [fake.page(one)["Name"] for one in fake.page(row.id)["Playlists"]]
        assert names == ["Second", "Third"]
        fake.edit(row.id, {"Playlists": [first, *fake.page(row.id)["Playlists"]]})
        clock.skip(400)
        await kept(stands.catalog, clock, "track0", both | {"playlists": ["Second"]})
        assert fake.page(row.id)["Playlists"] == [second]
        await kept(stands.catalog, clock, "track0", both)
        assert set(fake.page(row.id)["Playlists"]) == {first, second}


async def test_a_relation_that_was_never_written_was_not_taken_out(fake: NotionFake, clock: HastyClock) -> None:
    """Neither where the answer was lost before it was done, nor where Notion did not take it."""
    workspace = music_workspace(fake)
    more = song(0, playlists=["Playlist 0", "Second"])
    async with house(fake, workspace.tracks, workspace, clock=clock) as stands:
        row = await kept(stands.catalog, clock, "track0", song(0))
        await kept(stands.catalog, clock, "track1", song(1, playlists=["Second"]))
        fake.fail("drop", times=1, where=lambda asked: asked.method == "PATCH")
        with pytest.raises(Degraded):
            await stands.catalog.publish("track0", more, known=row.id)
        await kept(stands.catalog, clock, "track0", more)
        assert len(fake.page(row.id)["Playlists"]) == 2


async def test_a_page_that_a_person_renames_is_the_same(fake: NotionFake, clock: HastyClock, tmp_path: Path) -> None:
    """No second one is made, also after a restart; one that he throws away stands for nothing."""
    workspace, path = music_workspace(fake), tmp_path / "state.sqlite3"
    hand = fake.row(workspace.artists, {"Name": "artist 1"})
    async with house(fake, workspace.tracks, workspace, clock=clock, path=path) as stands:
        row = await kept(stands.catalog, clock, "track0", song(0))
        other = await kept(stands.catalog, clock, "track1", song(1))
        (page,) = fake.page(row.id)["Artist"]
        fake.edit(page, {"Name": "Artist Zero"})
        fake.edit(hand, {"Name": "Artist One"})
        clock.skip(1000)
        await kept(stands.catalog, clock, "track0", song(0, bpm=90.0))
    async with house(fake, workspace.tracks, workspace, clock=clock, path=path) as stands:
        await kept(stands.catalog, clock, "track1", song(1, bpm=90.0))
        await kept(stands.catalog, clock, "track3", song(3))
        assert (fake.page(row.id)["Artist"], fake.page(other.id)["Artist"]) == ([page], [hand])
        assert {one["Name"] for one in fake.pages(workspace.artists)} == {"Artist One", "Artist Zero"}
        fake.trash(page)
        clock.skip(1000)
        await kept(stands.catalog, clock, "track0", song(0, bpm=91.0))
        assert [fake.page(one)["Name"] for one in fake.page(row.id)["Artist"]] == ["Artist 0"]
