"""Tags in Eagle: ours in step, a person's own untouched."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from musicsyncd.library.base import About
from musicsyncd.library.eagle_tags import MOST, fingerprint_tag, merged, wanted_tags

tags = st.lists(st.sampled_from("abcdefgh"), max_size=6, unique=True)


@given(now=tags, before=tags, wanted=tags)
def test_a_merge_takes_nothing_that_is_not_ours(now: list[str], before: list[str], wanted: list[str]) -> None:
    """A person's tags stay, in their order; ours that hold no more go; what a person took away stays away."""
    found = merged(now, before, wanted)
    theirs = [tag for tag in now if tag not in before]
    assert [tag for tag in found if tag in theirs] == theirs
    assert not {tag for tag in found if tag in before and tag not in wanted}
    assert not {tag for tag in found if tag in before and tag not in now}
    assert {tag for tag in wanted if tag not in before} <= set(found)
    assert merged(found, wanted, wanted) == found, "a second time changes nothing"


@given(
    st.builds(
        About,
        track=st.just("t"),
        artist=st.text(max_size=200),
        genre=st.text(max_size=20),
        bpm=st.none() | st.floats(60, 200),
        key=st.sampled_from(["", "Am"]),
        source=st.sampled_from(["", "folder"]),
        lossless=st.booleans(),
        extended=st.none() | st.booleans(),
        fingerprint=st.text(max_size=5),
        playlists=st.lists(st.text(max_size=9), max_size=9).map(tuple),
    ),
    st.sampled_from(["alac", "wav"]),
)
def test_at_most_twelve_and_none_twice(about: About, format_name: str) -> None:
    """Whatever a track is called: no comma, nothing empty, the format among them."""
    found = wanted_tags(about, format_name)
    assert len(found) <= MOST
    assert len(set(found)) == len(found)
    assert all(tag.strip() == tag and tag and "," not in tag and len(tag) <= 80 for tag in found)
    assert format_name.upper() in found


def test_fingerprints_that_begin_alike_have_tags_of_their_own() -> None:
    """Or strangers would be taken for one recording."""
    assert fingerprint_tag("AQAA" * 40 + "x") != fingerprint_tag("AQAA" * 40 + "y")
    assert fingerprint_tag("") == ""
