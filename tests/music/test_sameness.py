"""The verdict on two tracks: what may be merged, what stays apart, what a person must see."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsyncd.music.sameness import Kind, Sameness, durations_agree, verdict
from musicsyncd.music.title import version_words


def judged(
    rate: float = 0.02,
    overlap: float = 1.0,
    durations: tuple[float | None, float | None] = (240.0, 240.0),
    titles: tuple[str, str] = ("Song", "Song"),
) -> Sameness:
    """A verdict on two tracks that are one, but for what is named."""
    return verdict(bit_error_rate=rate, overlap_share=overlap, durations=durations, titles=titles)


@pytest.mark.parametrize(
    ("rate", "kind"),
    [
        (0.0, Kind.SAME),
        (0.149, Kind.SAME),
        (0.15, Kind.SIMILAR),
        (0.279, Kind.SIMILAR),
        (0.28, Kind.DIFFERENT),
        (1.0, Kind.DIFFERENT),
        (float("nan"), Kind.DIFFERENT),
    ],
)
def test_sound_decides_first(rate: float, kind: Kind) -> None:
    """The measured limits part one recording, two masters and different music."""
    assert judged(rate).kind is kind


def test_a_shared_passage_is_different_music() -> None:
    """However well they agree, less than half of the shorter one is no evidence, and scores nothing."""
    assert judged(0.0, overlap=0.49).kind is Kind.DIFFERENT
    assert judged(0.0, overlap=0.49).score == 0.0


@pytest.mark.parametrize(
    ("durations", "kind"),
    [
        ((100.0, 97.0), Kind.SAME),
        ((100.05, 96.9), Kind.SAME),
        ((240.0, 243.0), Kind.SAME),
        ((240.0, 250.0), Kind.VERSION),
        ((600.0, 611.0), Kind.SAME),
        ((20.0, 23.5), Kind.VERSION),
        ((240.0, None), Kind.SIMILAR),
        ((None, None), Kind.SIMILAR),
    ],
)
def test_lengths_must_agree(durations: tuple[float | None, float | None], kind: Kind) -> None:
    """A start cut by 3 s and an encoder's padding are allowed; a radio edit of the same first two minutes stays, and an
    unknown length is no proof.
    """
    assert judged(durations=durations).kind is kind


@pytest.mark.parametrize(
    ("titles", "kind"),
    [
        (("Song", "SONG (Original Mix)"), Kind.SAME),
        (("Song (Foo Remix)", "Song [foo remix]"), Kind.SAME),
        (("Song", "Song (Instrumental)"), Kind.VERSION),
        (("Song (Foo Remix)", "Song (Bar Remix)"), Kind.VERSION),
        (("Song (Part 1)", "Song (Part 2)"), Kind.VERSION),
        (("Song Pt. 2", "Song Part II"), Kind.SAME),
        (("Song", "Song, Pt. 2"), Kind.VERSION),
        (("Mix Vol. 1", "Mix Vol. 2"), Kind.VERSION),
        (("Mix Volume 3", "Mix, Vol. III"), Kind.SAME),
        (("Song", "Song (Sped Up)"), Kind.VERSION),
        (("Song", "Song (Extended Mix)"), Kind.VERSION),
        (("Song", "Song - Live at Roadburn"), Kind.VERSION),
        (("Song", "Song (Radio Edit)"), Kind.VERSION),
        (("Song (Radio Edit)", "Song - Radio Edit"), Kind.SAME),
        (("Song (Extended Mix)", "Song (Instrumental)"), Kind.VERSION),
        (("Song (Live)", ""), Kind.SAME),
        (("", ""), Kind.SAME),
        (("Ada Voss - Song", "Song"), Kind.SAME),
    ],
)
def test_versions_must_agree(titles: tuple[str, str], kind: Kind) -> None:
    """Version words veto, other spellings and missing titles do not."""
    assert judged(titles=titles).kind is kind


def test_reasons_name_what_stood_against() -> None:
    """A person reads which length and which words kept two tracks apart."""
    reasons = " ".join(judged(durations=(200.0, 380.0), titles=("Song", "Song (Extended Mix)")).reasons)
    assert "200 s" in reasons
    assert "380 s" in reasons
    assert "extended" in reasons
    assert "2.0%" in reasons


shares = st.floats(0, 1)
lengths = st.one_of(st.none(), st.floats(0.1, 20_000))
titles = st.sampled_from(["", "Song", "Song (Live)", "Song (Foo Remix)", "Song - Part 2"])


@given(shares, shares, st.tuples(lengths, lengths), st.tuples(titles, titles))
def test_merging_always_has_full_evidence(
    rate: float,
    overlap: float,
    durations: tuple[float | None, float | None],
    names: tuple[str, str],
) -> None:
    """SAME is never said without likeness, overlap, agreeing lengths and versions; the order of two never matters."""
    found = judged(rate, overlap, durations, names)
    back = judged(rate, overlap, durations[::-1], names[::-1])
    assert (found.kind, found.score) == (back.kind, back.score)
    assert 0.0 <= found.score <= 1.0
    assert found.reasons
    if found.kind is Kind.SAME:
        first, second = durations
        assert first is not None
        assert second is not None
        assert rate < 0.15
        assert overlap >= 0.5
        assert durations_agree(first, second)
        assert not all(names) or version_words(names[0]) == version_words(names[1])
