"""Notion that reads and does not write, and rows of which nobody knows whether they were made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from musicsyncd.errors import Degraded, MusicsyncError, Temporary
from tests.catalog.notion_house import HastyClock, House, house, kept, song
from tests.fakes.notion import NotionFake
from tests.fakes.notion_music import music_workspace

SPOTIFY = "spotify:track:4uLU6hMCjMI75M1A2tKUQC"


@pytest.fixture
def clock() -> HastyClock:
    return HastyClock()


@pytest.fixture
def fake(clock: HastyClock) -> Iterator[NotionFake]:
    with NotionFake(clock=lambda: clock.now().timestamp()) as found:
        yield found
    assert found.faults == []


async def raised(stands: House, key: str, *, known: str | None = None) -> MusicsyncError:
    with pytest.raises(MusicsyncError) as caught:
        await stands.catalog.publish(key, song(0, lufs=-5.0), known=known)
    return caught.value


async def test_no_writing_for_a_while_parks_rows(fake: NotionFake, clock: HastyClock) -> None:
    """However long it reads and does not write: no track is given up for it, and afterwards there is one row each."""
    workspace = music_workspace(fake)
    async with house(fake, workspace.tracks, workspace, clock=clock) as stands:
        row = await kept(stands.catalog, clock, "track0", song(0))
        down = [True]
        fake.fail("500", share=1.0, where=lambda asked: asked.writes and down[0])
        assert isinstance(await raised(stands, "track0", known=row.id), Degraded)
        last: list[MusicsyncError] = []
        for _ in range(8):
            last.append(await raised(stands, "track1"))
            clock.skip(100)
        assert all(isinstance(one, Degraded) or (isinstance(one, Temporary) and not one.counts) for one in last)
        assert all(isinstance(one, Degraded) for one in last[3:])
        assert [one.key for one in await stands.mirror.intents("notion")] == ["track1"]
        down[0] = False
        await kept(stands.catalog, clock, "track1", song(0, identities=["soundcloud:a/t1"], isrc=None))
        assert len(fake.pages(workspace.tracks)) == 2
        assert await stands.mirror.intents("notion") == []


@pytest.mark.parametrize("restart", [False, True])
async def test_a_lost_creation_is_found_by_what_was_sent(
    fake: NotionFake, clock: HastyClock, tmp_path: Path, *, restart: bool
) -> None:
    """Also where the track has another key by then."""
    tracks = fake.database("Tracks", {"Title": "title", "Downloaded": "checkbox", "External Key": "rich_text"})
    path = tmp_path / "ledger.db"
    async with house(fake, tracks, clock=clock, lag=1, path=path) as stands:
        fake.fail("applied_500", times=1, where=lambda asked: asked.creates)
        assert isinstance(await raised(stands, "track0"), Temporary)
        clock.skip(30)
        if not restart:
            await kept(stands.catalog, clock, "track0", song(0, identities=["soundcloud:a/t0", SPOTIFY]))
    if restart:
        async with house(fake, tracks, clock=clock, lag=1, path=path) as stands:
            await kept(stands.catalog, clock, "track0", song(0, identities=["soundcloud:a/t0", SPOTIFY]))
    assert len(fake.pages(tracks)) == 1
