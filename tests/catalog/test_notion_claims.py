"""Whose row it is: after a database was another for a while, after it was thrown away, and before anything is made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from musicsyncd.errors import Degraded
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.ledger.standing import Evidence
from musicsyncd.music.identity import Identity
from musicsyncd.music.track import Track
from tests.catalog.notion_house import HastyClock, house, kept, song
from tests.fakes.notion import NotionFake
from tests.fakes.notion_music import music_workspace

ISRC = "USABC2000000"


@pytest.fixture
def clock() -> HastyClock:
    return HastyClock()


@pytest.fixture
def fake(clock: HastyClock) -> Iterator[NotionFake]:
    with NotionFake(clock=lambda: clock.now().timestamp()) as found:
        yield found
    assert found.faults == []


async def test_a_database_switched_and_switched_back(fake: NotionFake, clock: HastyClock, tmp_path: Path) -> None:
    """What was one track's row then is it again, whoever of the same recording comes first."""
    workspace, path = music_workspace(fake), tmp_path / "ledger.db"
    other = fake.database("Other", {"Title": "title", "Downloaded": "checkbox", "External Key": "rich_text"})
    async with house(fake, workspace.tracks, clock=clock, path=path) as stands:
        first = await kept(stands.catalog, clock, "B", song(1, isrc=ISRC))
        thrown = await kept(stands.catalog, clock, "D", song(3))
        assert await stands.catalog.retire(thrown.id)
    async with house(fake, other, clock=clock, path=path) as stands:
        await stands.catalog.freshen()
    async with house(fake, workspace.tracks, clock=clock, path=path) as stands:
        second = await kept(stands.catalog, clock, "C", song(2, isrc=ISRC))
        again = await stands.catalog.publish("B", song(1, isrc=ISRC), known=first.id)
        assert second.id != again.id == first.id
        assert (await kept(stands.catalog, clock, "D", song(3))).id == thrown.id
    assert sorted(row["Title"] for row in fake.pages(workspace.tracks)) == ["Song 1", "Song 2", "Song 3"]


@pytest.mark.parametrize("read_back", [True, False])
async def test_a_known_row_that_another_track_has(fake: NotionFake, clock: HastyClock, *, read_back: bool) -> None:
    """It is the other's where it was read back for it; else, as after a merge, this one's."""
    workspace = music_workspace(fake)
    async with house(fake, workspace.tracks, clock=clock) as stands:
        ledger = Ledger(stands.database, clock)
        track = Track(source="folder", identities=(Identity("folder", "1"),), title="Song 0", artists=("A",))
        other = (await ledger.record_tracks([track]))[0].id
        row = await kept(stands.catalog, clock, other, song(0))
        if read_back:
            evidence = Evidence(target="catalog:notion", part="row", proof="", detail={"id": row.id, "key": ""})
            await ledger.record_evidence(other, evidence, None)
        done = await stands.catalog.publish("another", song(1), known=row.id)
        assert (done.id == row.id) == (not read_back)
        assert len(fake.pages(workspace.tracks)) == 1 + read_back


async def test_a_row_thrown_away_while_its_track_is_fetched(fake: NotionFake, clock: HastyClock) -> None:
    """A person made it and took it out before it was ever written: the track stands without a row."""
    workspace = music_workspace(fake)
    made = fake.row(workspace.tracks, {"Title": "Song 0", "SoundCloud URL": "https://soundcloud.com/a/t0"})
    fields = song(0, identities=[f"notion:{made}", "soundcloud:a/t0"])
    async with house(fake, workspace.tracks, workspace, clock=clock) as stands:
        await stands.catalog.freshen()
        fake.trash(made)
        done = await stands.catalog.publish("track0", fields, known=made)
        row = await stands.catalog.verify(done.id)
        assert (done.id, done.changed) == (made, ())
        assert row is not None
        assert stands.catalog.lacks(fields, row) == ()
    assert (fake.pages(workspace.tracks), fake.pages(workspace.artists)) == ([], [])


async def test_no_page_is_made_for_a_row_that_is_not(fake: NotionFake, clock: HastyClock) -> None:
    """Neither where nothing can be known again, nor for one that a person took out."""
    workspace = music_workspace(fake, external_key=False)
    async with house(fake, workspace.tracks, workspace, clock=clock) as stands:
        with pytest.raises(Degraded, match="nothing to be known by"):
            await stands.catalog.publish("track0", song(0, identities=["folder:0"], isrc=None), known=None)
        row = await kept(stands.catalog, clock, "track1", song(1, artists=["One"], playlists=[]))
        fake.trash(row.id)
        await stands.catalog.publish("track1", song(1, artists=["Two"], playlists=["List"]), known=row.id)
    assert [one["Name"] for one in fake.pages(workspace.artists)] == ["One"]
    assert fake.pages(workspace.playlists) == []
