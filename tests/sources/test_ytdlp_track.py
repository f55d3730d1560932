"""From what yt-dlp says of an entry to a Track: names, dates, addresses, identities."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsyncd.errors import BadInput
from musicsyncd.music.identity import Identity, of_url
from musicsyncd.music.track import Track
from musicsyncd.sources.ytdlp_track import track_of, with_delivery

ASKED = "https://on.example.org/short"
SERVICE: dict[str, Any] = {
    "id": "123",
    "extractor_key": "Soundcloud",
    "title": "NELLY - HOT IN HERE (CHOZEN REMIX)",
    "uploader": "CHOZEN",
    "webpage_url": "https://soundcloud.com/chozen/hot",
    "original_url": ASKED,
    "upload_date": "20240102",
    "duration": 201.5,
    "genres": ["House"],
    "thumbnail": "https://i1.sndcdn.com/a.jpg",
}


def test_a_service_gives_its_own_id_and_page() -> None:
    """Page and id of the service are the identities; the page is where the audio is had again."""
    track = track_of(SERVICE, ASKED)
    assert track.identities == (of_url("https://soundcloud.com/chozen/hot"), Identity("soundcloud", "123"))
    assert track.source_url == "https://soundcloud.com/chozen/hot"
    assert (track.duration, track.date, track.genre) == (201.5, "2024-01-02", "House")
    assert track.artwork_url == "https://i1.sndcdn.com/a.jpg"


@pytest.mark.parametrize(
    ("info", "title", "artists"),
    [
        ({}, "HOT IN HERE (CHOZEN REMIX)", ("NELLY",)),
        ({"title": "Hot in Here"}, "Hot in Here", ("CHOZEN",)),
        ({"title": "Hot in Here", "uploader": "user-123456789"}, "Hot in Here", ()),
        ({"title": "Hot in Here", "uploader": "Various Artists"}, "Hot in Here", ()),
        ({"artists": ["Nelly", "Chozen"], "track": "Hot"}, "Hot", ("Nelly", "Chozen")),
        ({"artist": "nelly"}, "HOT IN HERE (CHOZEN REMIX)", ("nelly",)),
        ({"artist": "Someone", "title": "A - B"}, "A - B", ("Someone",)),
        ({"creator": "Nelly", "title": "Hot"}, "Hot", ("Nelly",)),
        ({"title": "Two\nlines \x1b"}, "Two lines", ("CHOZEN",)),
    ],
)
def test_names_come_from_the_best_witness(info: dict[str, Any], title: str, artists: tuple[str, ...]) -> None:
    """Stated artists win, then `Artist - Title`, then the uploader unless that is nobody."""
    track = track_of(SERVICE | info, ASKED)
    assert (track.title, track.artists) == (title, artists)


@pytest.mark.parametrize(
    ("info", "date"),
    [
        ({"release_date": "20190504"}, "2019-05-04"),
        ({"release_year": 2019}, "2019"),
        ({"release_date": "soon"}, ""),
        ({"extractor_key": "Generic"}, ""),
    ],
)
def test_dates_are_iso_or_nothing(info: dict[str, Any], date: str) -> None:
    """A release date wins; a bare file's date of last change is no date of music."""
    assert track_of(SERVICE | info, ASKED).date == date


@pytest.mark.parametrize(("isrc", "kept"), [("us-rc1-76-07839", "USRC17607839"), ("nonsense", ""), ("", "")])
def test_an_isrc_is_one_or_nothing(isrc: str, kept: str) -> None:
    """Twelve characters in upper case."""
    assert track_of(SERVICE | {"isrc": isrc}, ASKED).isrc == kept


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ytsearch:x", None, "javascript:1"])
def test_an_entry_that_leads_nowhere_on_the_web_is_refused(url: str | None) -> None:
    """Only http and https are ever stored as an address."""
    with pytest.raises(BadInput):
        track_of({"_type": "url", "url": url, "title": "x"}, ASKED)


def test_an_entry_without_a_title_gets_one_when_it_is_fetched() -> None:
    """A list's entry is named after its address until the delivery tells better; its first identity stays."""
    track = track_of({"_type": "url", "url": "https://example.org/t/abc", "ie_key": "Example", "id": "7"}, ASKED)
    assert track.title == "abc"
    info = SERVICE | {"webpage_url": "https://example.org/t/abc", "extractor_key": "Example", "id": "7"}
    better = with_delivery(track, info)
    assert (better.title, better.artists) == ("HOT IN HERE (CHOZEN REMIX)", ("NELLY",))
    assert better.identities == (of_url("https://example.org/t/abc"), Identity("example", "7"))


def test_a_delivery_fills_gaps_only() -> None:
    """What was known stays: a person's or a catalog's words are better than an uploader's."""
    known = Track(title="Hot in Herre", artists=("Nelly",), date="2002", source_url=ASKED, identities=(of_url(ASKED),))
    told = with_delivery(known, SERVICE)
    assert (told.title, told.artists, told.date) == ("Hot in Herre", ("Nelly",), "2002")
    assert (told.genre, told.duration) == ("House", 201.5)
    assert told.identities[0] == of_url(ASKED)
    assert Identity("soundcloud", "123") in told.identities


VALUES = st.one_of(st.none(), st.text(), st.integers(), st.floats(), st.lists(st.text(), max_size=2), st.booleans())


@given(st.dictionaries(st.sampled_from([*SERVICE, "artists", "artist", "track", "album", "url", "isrc"]), VALUES))
def test_whatever_a_site_says_makes_a_track_or_a_refusal(said: dict[str, Any]) -> None:
    """Wrong types and wild text never break the mapping; what comes out can be written as UTF-8 JSON."""
    try:
        track = track_of(SERVICE | said, ASKED)
    except (BadInput, ValueError):
        return
    assert track.title
    str(track.as_dict()).encode()
    assert Track.from_dict(track.as_dict()) == track
