"""Spotify as a source, by the real spotipy against the fake: what a person names, and what is playing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from musicsyncd.errors import BadInput, Permanent
from musicsyncd.music.identity import Identity
from musicsyncd.music.track import Track
from musicsyncd.sources.base import Found
from tests.fakes.spotify import ALBUM_ID, EPISODE, LOCAL, PLAYLIST_ID, line, moment, track
from tests.sources.contract import FindingContract, Known
from tests.sources.spotify_house import House

TRACK_URL = "https://open.spotify.com/track/"


def titles(found: Found) -> list[str]:
    return [one.title for one in found.tracks]


def reasons(found: Found) -> list[str]:
    return [one.error.what for one in found.refused]


class TestContract(FindingContract):
    """What every source promises of finding; Spotify supplies nothing."""

    @pytest.fixture
    def known(self, at: House) -> Known:
        at.fake.catalog[f"{7:022d}"] = track(7, name="Night Ferry (X Remix)")
        return Known(at.source, url=f"{TRACK_URL}{7:022d}?si=abc", unknown=f"{TRACK_URL}{8:022d}")


# Single things that a person names


async def test_a_track_comes_with_all_that_spotify_says(at: House) -> None:
    """ISRC, album, date, artwork, length and place, from one question."""
    at.fake.catalog[f"{7:022d}"] = track(7)
    (found,) = (await at.source.resolve(f"spotify:track:{7:022d}")).tracks
    assert found == Track(
        title="Song 7",
        artists=("Ada Voss",),
        album="Album 7",
        album_artist="Ada Voss",
        date="2019-05-04",
        track_number=8,
        disc_number=1,
        isrc="GBAYE0000007",
        duration=200.007,
        source="spotify",
        source_url=f"{TRACK_URL}{7:022d}",
        artwork_url="https://i.scdn.co/image/7-large",
        identities=(Identity("spotify", f"track:{7:022d}"),),
    )
    assert at.fake.counted() == 1


async def test_a_playlist_is_read_in_pages(at: House) -> None:
    """In its own order, whether a line calls its track `item` or `track`; what is none is refused with its reason."""
    lines = [line(track(number), key="item" if number % 2 else "track") for number in range(1, 121)]
    lines[3:3] = [EPISODE, LOCAL, line(None, key="item")]
    at.fake.person.playlists[PLAYLIST_ID] = {"name": "Night", "snapshot_id": "a", "items": lines}
    told: list[float | None] = []
    found = await at.source.resolve(
        f"https://open.spotify.com/intl-de/playlist/{PLAYLIST_ID}", progress=lambda share, _: told.append(share)
    )
    assert titles(found) == [f"Song {number}" for number in range(1, 121)]
    assert [one.name for one in found.refused] == [
        "Playlist Night, number 4: Talk",
        "Playlist Night, number 5: Mine",
        "Playlist Night, number 6",
    ]
    assert "episode" in reasons(found)[0]
    assert told[-1] == 1.0
    assert at.fake.counted() == 4


async def test_an_album_names_each_tracks_isrc(at: House) -> None:
    """Which its own list does not: each track is asked for; one that is gone is told."""
    simple = [
        {key: value for key, value in track(n).items() if key not in ("album", "external_ids")} for n in (1, 2, 3)
    ]
    album = {**track(1)["album"], "tracks": {"items": simple, "total": 3}}
    at.fake.albums[ALBUM_ID] = album
    at.fake.catalog |= {f"{number:022d}": track(number) for number in (1, 3)}
    found = await at.source.resolve(f"https://open.spotify.com/album/{ALBUM_ID}")
    assert [one.isrc for one in found.tracks] == ["GBAYE0000001", "GBAYE0000003"]
    assert [one.name for one in found.refused] == ["Album Album 1: Ada Voss - Song 2"]


@pytest.mark.parametrize(
    "url",
    [
        "https://open.spotify.com/artist/1111111111111111111111",
        "https://open.spotify.com/episode/1111111111111111111111",
        "https://open.spotify.com/track/short",
        "https://open.spotify.com/genre/house",
        "https://spotify.link/abc123",
        "https://spotify.link./abc123",
        "https://spoti.fi:443/abc123",
        "https://www.spoti.fi/a/b",
        "https://spotify.app.link/a/b",
        "http://OPEN.spotify.com:80/track/x",
    ],
)
async def test_what_is_no_music_is_ours_and_refused(at: House, url: str) -> None:
    """So that no downloader is handed it; nobody is asked."""
    assert at.source.owns(url)
    with pytest.raises(BadInput):
        await at.source.resolve(url)
    assert at.fake.asked == []


@pytest.mark.parametrize("host", ["spotify.link", "spotify.app.link", "spoti.fi"])
async def test_a_short_link_is_named_as_one(at: House, host: str) -> None:
    """Whichever of the hosts it is on."""
    url = f"https://{host}/abc123"
    assert at.source.owns(url)
    with pytest.raises(BadInput, match=rf"{host}/abc123 is no music that could be taken\. It leads to: short link"):
        await at.source.resolve(url)
    assert at.fake.asked == []


async def test_it_supplies_no_audio(at: House, tmp_path: Path) -> None:
    """The error says what to do instead."""
    with pytest.raises(Permanent, match=r"supplies no audio of Song 7") as caught:
        await at.source.supply(Track(title="Song 7", source="spotify"), tmp_path, lambda share, text: None)
    assert "musicsyncctl sync --url" in caught.value.fix


# Playing


@pytest.mark.parametrize(
    ("playing", "title", "reason"),
    [
        (None, "", ""),
        ({"is_playing": True, "currently_playing_type": "track", "item": track(3)}, "Song 3", ""),
        ({"is_playing": False, "currently_playing_type": "track", "item": track(3)}, "", "paused"),
        ({"is_playing": True, "currently_playing_type": "ad", "item": None}, "", "'ad'"),
        ({"is_playing": True, "currently_playing_type": "unknown", "item": None}, "", "'unknown'"),
        ({"is_playing": True, "currently_playing_type": "episode", "item": EPISODE["item"]}, "", "'episode'"),
        ({"is_playing": True, "currently_playing_type": "track", "item": None}, "", "no longer says"),
        ({"is_playing": True, "currently_playing_type": "track", "item": LOCAL["track"]}, "", "somebody's own machine"),
    ],
)
async def test_what_is_playing(at: House, playing: Any, title: str, reason: str) -> None:
    """A track, nothing, or why what is playing is no track."""
    at.fake.person.playing = playing
    found = await at.source.playing()
    assert titles(found) == [title] * bool(title)
    assert len(found.refused) == bool(reason)
    assert all(reason in told for told in reasons(found))


async def test_plays_are_told_until_somebody_took_them(at: House) -> None:
    """The cursor moves when they are known, and not when they were told."""
    at.fake.person.recent = [{"played_at": moment(number), "track": track(number)} for number in (3, 2, 1)]
    assert titles(await at.source.recent(at.ledger.unknown)) == ["Song 3", "Song 2", "Song 1"]
    again = await at.source.recent(at.ledger.unknown)
    assert len(again.tracks) == 3
    at.ledger.take(again.tracks)
    at.fake.person.recent.insert(0, {"played_at": moment(4), "track": track(4)})
    assert titles(await at.source.recent(at.ledger.unknown)) == ["Song 4"]
    assert at.fake.asked[-1].query["after"] == str((1_750_000_000 + 3) * 1000)
