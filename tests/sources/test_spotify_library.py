"""How far a person's lists at Spotify are read, and that no line is lost on the way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from musicsyncd.errors import NeedsPerson, Temporary
from musicsyncd.sources.base import Found
from tests.fakes.spotify import EPISODE, LOCAL, PLAYLIST_ID, FakeSpotify, Person, line, moment, saved, track
from tests.sources.spotify_house import House, house


def titles(found: Found) -> list[str]:
    return [one.title for one in found.tracks]


def reasons(found: Found) -> list[str]:
    return [one.error.what for one in found.refused]


# Saved tracks


async def test_nothing_new_costs_one_question(at: House) -> None:
    """After the first pass, which reads all; also when there are many."""
    at.fake.person.saved = saved(240)
    assert len(await at.news()) == 240
    assert at.fake.counted() == 5
    at.fake.asked.clear()
    assert await at.news() == []
    assert [one.path for one in at.fake.asked] == ["/v1/me/tracks"]


async def test_what_is_new_is_read_down_to_the_known(at: House) -> None:
    """Sixty new ones fill a page and reach into the next one."""
    at.fake.person.saved = saved(240)
    await at.news()
    at.fake.person.saved = saved(60, start=241) + at.fake.person.saved
    at.fake.asked.clear()
    assert await at.news() == [f"Song {number}" for number in range(300, 240, -1)]
    assert at.fake.counted() == 2


async def test_what_nobody_took_is_offered_again(at: House) -> None:
    """A listing that was only looked at (a dry run, a crash) does not make its tracks known."""
    at.fake.person.saved = saved(120)
    looked_at = await at.source.news(at.ledger.unknown)
    at.ledger.take(looked_at.tracks[:60])
    assert await at.news() == [f"Song {number}" for number in range(60, 0, -1)]
    at.fake.asked.clear()
    assert await at.news() == []
    assert at.fake.counted() == 1


async def test_a_track_saved_anew_is_no_end(at: House) -> None:
    """It is known, and stands among new ones: only a run of known lines ends the reading."""
    at.fake.person.saved = saved(120)
    await at.news()
    again = line(track(5), moment(1000))
    at.fake.person.saved = [again, *saved(55, start=200), *at.fake.person.saved]
    assert len(await at.news()) == 55


async def test_once_a_day_all_is_read_and_removals_are_noticed(at: House) -> None:
    """They stay in the ledger; the list forgets them, so that saving one again makes it a line again."""
    at.fake.person.saved = saved(120)
    await at.news()
    del at.fake.person.saved[60]
    at.fake.asked.clear()
    assert await at.news() == []
    assert at.fake.counted() == 1
    await at.clock.advance(25 * 3600)
    assert await at.news() == []
    assert at.fake.counted() == 4
    at.fake.asked.clear()
    assert await at.news() == []
    assert at.fake.counted() == 1


async def test_a_list_that_shifts_while_it_is_read_is_read_again(at: House) -> None:
    """A line taken out moves the others up, and one is passed over: the next pass finds it."""
    at.fake.person.saved = saved(120)

    def unlike(offset: int) -> None:
        if offset == 50 and len(at.fake.person.saved) == 120:
            del at.fake.person.saved[0]

    at.fake.between = unlike
    first = await at.news()
    assert len(first) == 119
    assert len(await at.news()) == 1


async def test_more_lines_than_we_know_of_are_looked_for(at: House) -> None:
    """A line that came in below the top (added by another program with an old date) is found at the next pass."""
    at.fake.person.saved = saved(120)
    await at.news()
    at.fake.person.saved.insert(100, line(track(999), moment(20)))
    assert await at.news() == []
    assert await at.news() == ["Song 999"]


async def test_short_pages_are_no_end(at: House) -> None:
    """Spotify may give fewer lines than asked for."""
    at.fake.person.saved, at.fake.short_pages = saved(45), 20
    assert len(await at.news()) == 45


async def test_a_list_that_breaks_off_is_not_the_whole(at: House) -> None:
    """What was read is taken, and the break is told; the next pass reads on to the end."""
    at.fake.person.saved, at.fake.empty_from = saved(120), 100
    found = await at.source.news(at.ledger.unknown)
    at.ledger.take(found.tracks)
    assert len(found.tracks) == 100
    assert [one.name for one in found.refused] == ["Saved tracks after the first 100"]
    assert isinstance(found.refused[0].error, Temporary)
    at.fake.empty_from = None
    assert len(await at.news()) == 20


async def test_a_hostile_next_gets_no_token(at: House) -> None:
    """Pages are asked for by place, at the address of the settings."""
    with FakeSpotify() as stranger:
        at.fake.hostile_next = f"{stranger.url}/v1/me/tracks?limit=50&offset=50"
        at.fake.person.saved = saved(120)
        assert len(await at.news()) == 120
        assert stranger.asked == []


async def test_odd_lines_are_told_and_do_no_harm(at: House) -> None:
    """Nothing of an answer is trusted to be what it should be."""
    odd: list[Any] = [
        LOCAL,
        EPISODE,
        line(None),
        None,
        7,
        line([]),
        line({"type": "track", "id": 3}),
        line(track(1, name="")),
    ]
    at.fake.person.saved = [*odd, line(track(5, artists=None, album="x", external_ids=[], duration_ms="y"))]
    found = await at.source.news(at.ledger.unknown)
    assert titles(found) == ["Song 5"]
    assert len(found.refused) == len(odd)
    at.ledger.take(found.tracks)
    at.fake.asked.clear()
    await at.news()
    assert at.fake.counted() == 1


async def test_the_chain_looks_at_the_newest_five(at: House) -> None:
    """By one question."""
    at.fake.person.saved = saved(120)
    assert titles(await at.source.list(limit=at.source.chained)) == [
        f"Song {number}" for number in (120, 119, 118, 117, 116)
    ]
    assert at.fake.counted() == 1


@pytest.mark.parametrize("count", [1_000, pytest.param(10_000, marks=pytest.mark.full)])
async def test_a_large_library_is_read_by_fifties(at: House, count: int) -> None:
    """At most one question for each fifty, and one more."""
    at.fake.person.saved = saved(count)
    assert len((await at.source.list()).tracks) == count
    assert len(at.fake.asked) <= count / 50 + 1


async def test_each_account_has_its_own_lists(fake: FakeSpotify, tmp_path: Path) -> None:
    """What was read of one is no reason to stop early in another's."""
    async with house(fake, tmp_path) as at:
        fake.person.saved = saved(120)
        await at.news()
        other = Person(id="tomo", saved=[*saved(10, start=111), *saved(60, start=500)])
        at.sign_in(other)
        await at.account.open()
        assert len(await at.news()) == 60


# Playlists


@pytest.fixture
async def listed(fake: FakeSpotify, tmp_path: Path) -> AsyncIterator[House]:
    """With one playlist in the settings."""
    items = [line(track(number), moment(number), key="item") for number in range(1, 61)]
    fake.person.playlists[PLAYLIST_ID] = {"name": "Night", "snapshot_id": "a", "items": items}
    async with house(fake, tmp_path, playlists=[PLAYLIST_ID]) as made:
        yield made


async def test_an_unchanged_playlist_is_not_read(listed: House) -> None:
    """One question for its snapshot and no more, even after days; a changed one is read, the newest first."""
    assert len(await listed.news()) == 60
    listed.fake.asked.clear()
    assert await listed.news() == []
    assert [one.path for one in listed.fake.asked] == ["/v1/me/tracks", f"/v1/playlists/{PLAYLIST_ID}"]
    playlist = listed.fake.person.playlists[PLAYLIST_ID]
    playlist["items"] += [line(track(71), moment(71), key="item"), line(track(72), moment(72), key="item")]
    playlist["snapshot_id"] = "b"
    assert await listed.news() == ["Song 72", "Song 71"]


async def test_a_playlist_that_nobody_took_is_read_again(listed: House) -> None:
    """Unchanged or not."""
    await listed.source.news(listed.ledger.unknown)
    assert len(await listed.news()) == 60


async def test_a_foreign_playlist_costs_only_itself(listed: House) -> None:
    """403 for the list, with what could be done; the saved tracks come."""
    del listed.fake.person.playlists[PLAYLIST_ID]
    listed.fake.person.saved = saved(3)
    found = await listed.source.news(listed.ledger.unknown)
    assert len(found.tracks) == 3
    assert [one.name for one in found.refused] == [f"Playlist {PLAYLIST_ID}"]
    assert isinstance(found.refused[0].error, NeedsPerson)
