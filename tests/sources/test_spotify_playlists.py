"""What Spotify says of its lists: which tracks are in each, and when that is all of them; and its search."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from musicsyncd.errors import MusicsyncError, NeedsPerson, Temporary
from musicsyncd.sources.base import Found
from tests.fakes.spotify import EPISODE, LOCAL, PLAYLIST_ID, FakeSpotify, line, saved, track
from tests.sources.spotify_house import House, house

OTHER_ID = "5" * 22


@pytest.fixture
async def at(tmp_path: Path) -> AsyncIterator[House]:
    with FakeSpotify() as fake:
        fake.person.saved = saved(120)
        night = [line(track(number), key="item") for number in (1, 2, 200)]
        fake.person.playlists[PLAYLIST_ID] = {"name": "Night  Drive", "snapshot_id": "a", "items": night}
        fake.person.playlists[OTHER_ID] = {"name": "Day", "snapshot_id": "a", "items": [line(track(2), key="item")]}
        async with house(fake, tmp_path, playlists=(PLAYLIST_ID, OTHER_ID)) as at:
            yield at


def lists(found: Found) -> dict[str, tuple[int, bool]]:
    """How many tracks each list was seen to hold, and whether these are all."""
    return {one.title: (len(one.tracks), one.whole) for one in found.playlists}


async def test_a_first_pass_reads_every_list_whole(at: House) -> None:
    """Saved tracks and playlists, each with the ids of its tracks; a track in two of them is in both."""
    found = await at.source.news(at.ledger.unknown)
    assert lists(found) == {"Saved tracks": (120, True), "Night Drive": (3, True), "Day": (1, True)}
    assert {one.id for one in found.playlists} == {
        "spotify:collection",
        f"spotify:playlist:{PLAYLIST_ID}",
        f"spotify:playlist:{OTHER_ID}",
    }
    holding = [one.title for one in found.playlists if any(str(each).endswith(f"{2:022d}") for each in one.tracks)]
    assert holding == ["Saved tracks", "Night Drive", "Day"]


async def test_a_short_look_claims_nothing_of_the_rest(at: House) -> None:
    """The newest lines, or those down to the known ones; an unchanged playlist says nothing at all."""
    assert lists(await at.source.list(limit=5)) == {"Saved tracks": (5, False)}
    for _ in range(2):
        at.ledger.take((await at.source.news(at.ledger.unknown)).tracks)
    assert lists(await at.source.news(at.ledger.unknown)) == {"Saved tracks": (50, False)}
    assert all(whole for _, whole in lists(await at.source.list()).values())


async def test_a_list_with_a_line_that_nobody_knows_is_not_whole(at: House) -> None:
    """It may be one of our tracks; a person's own file or an episode is none."""
    items = at.fake.person.playlists[PLAYLIST_ID]["items"]
    items += [EPISODE, LOCAL]
    assert lists(await at.source.list())["Night Drive"] == (3, True)
    items.append(line(None, key="item"))
    assert lists(await at.source.list())["Night Drive"] == (3, False)


async def test_a_list_that_broke_off_is_not_whole(at: House) -> None:
    """What was read before counts as seen."""
    at.fake.empty_from = 100
    assert lists(await at.source.list())["Saved tracks"] == (100, False)


async def test_a_list_that_changed_while_it_was_read_is_not_whole(at: House) -> None:
    """A line may have slipped past."""
    at.fake.between = lambda offset: at.fake.person.saved.pop(0) if offset else None
    assert lists(await at.source.list())["Saved tracks"][1] is False


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (f"spotify:playlist:{PLAYLIST_ID}", {"Night Drive": (3, True)}),
        ("https://open.spotify.com/collection/tracks", {"Saved tracks": (120, True)}),
    ],
)
async def test_a_list_by_its_address(at: House, url: str, expected: dict[str, tuple[int, bool]]) -> None:
    """All of it was read."""
    assert lists(await at.source.resolve(url)) == expected


async def test_a_playlist_by_its_name(at: House) -> None:
    """One of those that the settings name, whatever the case; of another name there is none."""
    found = await at.source.playlist(" night drive ")
    assert found is not None
    assert [one.title for one in found.tracks] == ["Song 1", "Song 2", "Song 200"]
    assert lists(found) == {"Night Drive": (3, True)}
    assert await at.source.playlist("Noon") is None


async def test_a_playlist_by_its_name_behind_one_that_is_gone(at: House) -> None:
    """The trouble with another one matters only where none is called so."""
    del at.fake.person.playlists[PLAYLIST_ID]
    found = await at.source.playlist("day")
    assert found is not None
    assert [one.title for one in found.tracks] == ["Song 2"]
    with pytest.raises(MusicsyncError):
        await at.source.playlist("Noon")


async def test_a_search_finds_facts(at: House) -> None:
    """By words and by ISRC, the whole track; nothing for nothing."""
    at.fake.catalog[f"{7:022d}"] = track(7, name="Night Ferry (Kora Remix)")
    (found,) = await at.source.tracks("ada voss night ferry", 10)
    assert (found.title, found.isrc, found.album, found.date) == (
        "Night Ferry (Kora Remix)", "GBAYE0000007", "Album 7", "2019-05-04",
    )  # fmt: skip
    assert [one.title for one in await at.source.tracks("isrc:GBAYE0000007", 10)] == [found.title]
    assert await at.source.tracks("nothing like it", 10) == []
    assert at.fake.asked[-1].query["limit"] == "10"


async def test_a_search_wants_somebody_signed_in(tmp_path: Path) -> None:
    """Else nobody is asked; and a service that rests is left alone."""
    with FakeSpotify() as fake:
        async with house(fake, tmp_path, signed_in=False) as at:
            with pytest.raises(NeedsPerson):
                await at.source.tracks("x", 10)
            assert fake.asked == []
            at.sign_in()
        async with house(fake, tmp_path) as at:
            fake.always = (429, {"Retry-After": "3600"}, {"error": {"status": 429}})
            for _ in range(2):
                with pytest.raises(Temporary):
                    await at.source.tracks("x", 10)
            assert len(fake.asked) == 1
