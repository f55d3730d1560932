"""A track as a value that travels as JSON."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from musicsyncd.music.identity import Identity
from musicsyncd.music.track import Track

tracks = st.builds(
    Track,
    title=st.text(),
    artists=st.lists(st.text()).map(tuple),
    duration=st.none() | st.floats(0, 1e5),
    track_number=st.none() | st.integers(1, 999),
    identities=st.lists(st.builds(Identity, st.sampled_from(["file", "url"]), st.text(min_size=1))).map(tuple),
)


@given(tracks)
def test_a_track_survives_json(track: Track) -> None:
    """Written as JSON and read again it is the same track."""
    assert Track.from_dict(json.loads(json.dumps(track.as_dict()))) == track


def test_unknown_keys_are_of_a_newer_version() -> None:
    """A record of a newer version is read without what this one does not know."""
    assert Track.from_dict({"title": "Night Ferry", "mood": "blue"}) == Track(title="Night Ferry")


def test_labels() -> None:
    """People read artists and title, or the title alone."""
    assert Track(title="Song", artists=("A", "B")).label == "A, B - Song"
    assert Track(title="Song").label == "Song"


def test_identities_are_kept_once_and_in_order() -> None:
    """The id it was found by stays first, and none is doubled."""
    first, second = Identity("url", "https://example.org/a"), Identity("file", "ab")
    track = Track(title="Song", identities=(first,)).with_identities(second, first)
    assert track.identities == (first, second)
