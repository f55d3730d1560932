"""Every playlist that contains a track is related to it, and nothing is fetched for that."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from musicsyncd.errors import Permanent
from musicsyncd.jobs.job import JobFilter, JobState
from musicsyncd.music.identity import Identity
from musicsyncd.music.playlist import Playlist
from musicsyncd.music.track import Track
from musicsyncd.sync.request import Scope
from tests.sync.house import House, running_house, song, sound

A, B = song("a"), song("b")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with running_house(tmp_path / "staging") as house:
        house.source.offer(A, sound("a"))
        yield house


def listed(name: str, *tracks: Track, **more: Any) -> Playlist:
    return Playlist(
        identity=Identity("memory", f"list:{name}"),
        title=more.pop("title", name),
        tracks=tuple(one.identities[0] for one in tracks),
        **more,
    )


def row(house: House) -> list[str]:
    """What the one row says."""
    (found,) = house.catalog.rows.values()
    return list(found.fields["playlists"])


async def titles(house: House, track: Track) -> list[str]:
    return [one.title for one in (await house.entry(track)).playlists]


async def test_a_new_track_is_in_the_lists_it_was_seen_in(house: House) -> None:
    """Each of them, in the ledger and in the row."""
    house.source.playlists = (listed("Warm-up", A), listed("Likes", A, B))
    await house.sync(Scope.INCREMENTAL)
    assert await titles(house, A) == row(house) == ["Likes", "Warm-up"]


async def test_a_second_playlist_is_gained_without_fetching(house: House) -> None:
    """Only the row changes, by a job that says so; asked again there is nothing to do."""
    house.source.playlists = (listed("Likes", A),)
    await house.sync(Scope.INCREMENTAL)
    house.source.playlists = (listed("Likes", A), listed("Peak", A))
    written = house.main.writes, house.second.writes
    root = await house.sync(Scope.INCREMENTAL)
    (child,) = await house.jobs.list(JobFilter(parent=root.id))
    assert (child.state, [one["verb"] for one in (child.result or {})["actions"]]) == (JobState.DONE, ["publish"])
    assert (house.gate.passed["supply"], (house.main.writes, house.second.writes)) == (1, written)
    assert row(house) == ["Likes", "Peak"]
    assert await house.jobs.list(JobFilter(parent=(await house.sync(Scope.INCREMENTAL)).id)) == []


async def test_that_one_was_taken_out_is_believed_of_a_whole_list_only(house: House) -> None:
    """A look at the newest lines says nothing of the others."""
    house.source.playlists = (listed("Likes", A), listed("Peak", A))
    await house.sync(Scope.INCREMENTAL)
    house.source.playlists = (listed("Likes"), listed("Peak"))
    await house.sync(Scope.FULL)
    assert row(house) == ["Likes", "Peak"]
    house.source.playlists = (listed("Likes", whole=True), listed("Peak"))
    await house.sync(Scope.INCREMENTAL)
    assert row(house) == await titles(house, A) == ["Peak"]


async def test_a_list_that_is_called_otherwise_now(house: House) -> None:
    """The row follows; where no name is told, the one that is known stays."""
    house.source.playlists = (listed("p", A, title="Peak"),)
    await house.sync(Scope.INCREMENTAL)
    house.source.playlists = (listed("p", A, title="Peak time"),)
    await house.sync(Scope.INCREMENTAL)
    assert row(house) == ["Peak time"]
    house.source.playlists = (listed("p", A, title=""),)
    await house.sync(Scope.INCREMENTAL)
    assert row(house) == ["Peak time"]


async def test_a_track_that_failed_is_not_tried_again_for_a_playlists_sake(house: House) -> None:
    """It is related, and left alone."""
    house.gate.fail("supply", Permanent("gone"))
    await house.sync(Scope.INCREMENTAL)
    house.source.playlists = (listed("Likes", A),)
    root = await house.sync(Scope.INCREMENTAL)
    assert await house.jobs.list(JobFilter(parent=root.id)) == []
    assert await titles(house, A) == ["Likes"]


async def test_the_playlists_of_a_copy_are_those_of_the_track_that_is_kept(house: House) -> None:
    """One recording, liked in two places: its row names both."""
    house.source.playlists = (listed("Likes", A),)
    await house.sync(Scope.INCREMENTAL)
    house.source.offer(B, sound("a"))
    await house.sync(Scope.INCREMENTAL)
    assert (await house.entry(B)).duplicate_of == (await house.entry(A)).id
    house.source.playlists = (listed("Likes", A), listed("Peak", B))
    await house.sync(Scope.INCREMENTAL)
    assert row(house) == ["Likes", "Peak"]
    assert await titles(house, B) == ["Peak"]


async def test_a_dry_run_relates_nothing(house: House) -> None:
    """It only looks."""
    await house.sync(Scope.INCREMENTAL)
    house.source.playlists = (listed("Likes", A),)
    await house.sync(Scope.INCREMENTAL, dry_run=True)
    assert await titles(house, A) == []


def test_a_private_set_is_known_without_what_lets_one_in() -> None:
    """Its token stays with the source."""
    private = Playlist(identity=Identity("soundcloud", "ada/sets/mine/s-AbC123"), title="Mine")
    assert private.id == "soundcloud:ada/sets/mine"


async def test_files_go_to_the_playlist_that_the_track_was_seen_in_first(house: House) -> None:
    """Likes count only where there is no other list; what is in none is "Unsorted"; a later list moves nothing."""
    house.main.layout = "{playlist}/{title}"
    c = song("c")
    house.source.offer(B, sound("b"))
    house.source.offer(c, sound("c"))
    house.source.playlists = (listed("Warm-up", A), listed("ada/likes", A, B, title="Likes of ada"))
    await house.sync(Scope.INCREMENTAL)
    house.source.playlists = (listed("Afterhours", A, B, c),)
    await house.sync(Scope.FULL)
    folders = {path.rpartition("/")[0] for path in house.main.standing()}
    assert folders == {"Warm-up", "Likes of ada", "Unsorted"}


async def test_a_renamed_playlist_moves_no_file_and_keeps_its_folder(house: House) -> None:
    """Rows and exports say the new name; what comes later is filed with what is there."""
    house.main.layout = "{playlist}/{title}"
    house.source.playlists = (listed("x", A, title="Warm-up"),)
    await house.sync(Scope.INCREMENTAL)
    house.source.offer(B, sound("b"))
    house.source.playlists = (listed("x", A, B, title="Opening"),)
    await house.sync(Scope.FULL)
    assert await titles(house, B) == ["Opening"]
    assert {path.rpartition("/")[0] for path in house.main.standing()} == {"Warm-up"}
