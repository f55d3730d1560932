"""What a row that a person or an older program wrote names: poisoned values name nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsyncd.music.identity import Identity
from musicsyncd.music.row import ADDRESSES, named, track_of
from musicsyncd.music.track import Track

PAGE = Identity("notion", "8c1d")
SPOTIFY = "4uLU6hMCjMI75M1A2tKUQC"


def asked(**fields: Any) -> Track:
    return track_of(PAGE, fields, elsewhere="catalog")


@pytest.mark.parametrize(
    ("fields", "identity", "source", "url"),
    [
        ({"soundcloud_url": "https://soundcloud.com/Ada/Tide?si=1"}, "soundcloud:ada/tide", "soundcloud",
         "https://soundcloud.com/ada/tide"),
        ({"youtube_url": "https://youtu.be/dQw4w9WgXcQ"}, "youtube:dQw4w9WgXcQ", "youtube",
         "https://www.youtube.com/watch?v=dQw4w9WgXcQ"),
        ({"source_url": "HTTPS://Music.Example.org/a.flac#t"}, "url:https://music.example.org/a.flac", "url",
         "https://music.example.org/a.flac"),
        ({"source_url": "https://youtu.be/dQw4w9WgXcQ"}, "youtube:dQw4w9WgXcQ", "youtube",
         "https://www.youtube.com/watch?v=dQw4w9WgXcQ"),
        ({"spotify_id": SPOTIFY}, f"spotify:track:{SPOTIFY}", "catalog", ""),
        ({"spotify_id": f"spotify:track:{SPOTIFY}"}, f"spotify:track:{SPOTIFY}", "catalog", ""),
        ({"spotify_url": f"https://open.spotify.com/intl-de/track/{SPOTIFY}"}, f"spotify:track:{SPOTIFY}", "catalog",
         ""),
    ],
)  # fmt: skip
def test_an_address_names_the_track(fields: dict[str, Any], identity: str, source: str, url: str) -> None:
    """Its audio is had where the address leads, or looked for where that has none; the page comes first."""
    track = asked(**fields)
    assert [str(one) for one in track.identities] == ["notion:8c1d", identity]
    assert (track.source, track.source_url, track.title) == (source, url, "")


@pytest.mark.parametrize("field", ADDRESSES)
@pytest.mark.parametrize(
    "poison",
    ["https://www.youtube.com/watch", "https://www.youtube.com/", "https://soundcloud.com/ada", "None", "null", "", " ",
     "https://open.spotify.com/playlist/37i9dQZF1DXcBWIGoYBM5M", "https://www.youtube.com/playlist?list=PL123456789",
     "https://on.soundcloud.com/AbCdEf", "https://www.notion.so/A-page-8c1d", "ftp://example.org/a", "/srv/a.flac",
     "FILE_MISSING", "track:", "https://", "http://[", None, False, 7, 1.5, [], ["https://youtu.be/dQw4w9WgXcQ"]],
)  # fmt: skip
def test_a_poisoned_address_names_nothing(field: str, poison: Any) -> None:
    """Neither a service without an id, nor a list or a person, nor what a program writes for nothing."""
    assert named({field: poison}) == ()
    assert (asked(**{field: poison}).source, asked(**{field: poison}).source_url) == ("catalog", "")


@pytest.mark.parametrize("field", ["soundcloud_url", "spotify_url", "spotify_id"])
def test_another_services_address_is_not_believed(field: str) -> None:
    """In a field that says whose it is."""
    assert named({field: "https://youtu.be/dQw4w9WgXcQ"}) == named({field: "https://example.org/a.flac"}) == ()


def test_the_address_whose_audio_can_be_had_wins() -> None:
    """All of them are the track's identities."""
    track = asked(
        spotify_id=SPOTIFY,
        youtube_url="https://youtu.be/dQw4w9WgXcQ",
        soundcloud_url="https://soundcloud.com/ada/tide",
    )
    assert [one.provider for one in track.identities] == ["notion", "soundcloud", "youtube", "spotify"]
    assert (track.source, track.source_url) == ("soundcloud", "https://soundcloud.com/ada/tide")


def test_words_are_taken_as_they_are_meant() -> None:
    """Artists from one text or a list, dates without a time, milliseconds as seconds, nothing for "None"."""
    track = asked(
        title="  Night   Ferry ",
        artists="Ada Voss feat. Tomo Rell",
        album="None",
        genre=["House", "Dub"],
        date="2019-05-04T00:00:00.000+02:00",
        isrc="us-rc1-76-07839",
        duration_ms=200_500,
        label="nan",
    )
    assert (track.title, track.artists, track.album) == ("Night Ferry", ("Ada Voss", "Tomo Rell"), "")
    assert (track.genre, track.date, track.isrc, track.record_label) == ("House", "2019-05-04", "USRC17607839", "")
    assert track.duration == 200.5
    assert asked(artists=["Ada Voss", "None", "Ada Voss", 3]).artists == ("Ada Voss", "3")


PLAIN = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.text(), max_size=2),
    st.sampled_from(["https://youtu.be/", "https://soundcloud.com/a/b", "http://[::1", "https://a:b@c"]),
)  # fmt: skip


@given(
    st.dictionaries(
        st.sampled_from([*ADDRESSES, "title", "artists", "date", "isrc", "duration", "duration_ms", "genre"]), PLAIN
    )
)
def test_whatever_stands_in_a_row(fields: dict[str, Any]) -> None:
    """It is read without an error, and what is read is a track that can be written down."""
    track = track_of(PAGE, fields, elsewhere="catalog")
    assert Track.from_dict(track.as_dict()) == track
    assert track.identities[0] == PAGE
    assert bool(track.source_url) == (track.source != "catalog")
    assert track.duration is None or track.duration > 0
