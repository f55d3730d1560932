"""What may be the track, and what may not."""

from __future__ import annotations

import pytest

from musicsyncd.enrichment.plausible import Candidate, likeness, objection
from musicsyncd.music.track import Track


def track(title: str, *artists: str) -> Track:
    return Track(title=title, artists=artists)


@pytest.mark.parametrize(
    ("ours", "theirs", "fits"),
    [
        (track("Jóga", "Björk"), Candidate(title="Joga", artists=("Bjork",)), True),
        (track("Hot in Herre (Chozen Remix)", "Nelly"), Candidate(title="Hot in Herre", artists=("Nelly",)), False),
        (track("Hot in Herre", "Nelly"), Candidate(title="Hot in Herre (Chozen Remix)", artists=("Nelly",)), False),
        (track("HOT IN HERRE (CHOZEN REMIX)", "CHOZEN"), Candidate(title="Hot in Herre (Chozen remix)"), True),
        (track("One", "A"), Candidate(title="One (Original Mix)", artists=("A",)), True),
        (track("One", "A"), Candidate(title="One (2011 Remaster)", artists=("A",)), True),
        (track("One (Extended Mix)", "A"), Candidate(title="One (Radio Edit)", artists=("A",)), False),
        (track("One, Pt. 1", "A"), Candidate(title="One, Part 2", artists=("A",)), False),
        (track("audio_12"), Candidate(title="One", artists=("A",)), True),
        (track("One", "A"), Candidate(), True),
        (track("One", "A"), Candidate(title="Two", artists=("B",)), False),
        (track("One", "A"), Candidate(title="Two", artists=("A & B",)), True),
    ],
)
def test_versions_and_names(ours: Track, theirs: Candidate, fits: bool) -> None:
    """A version word on one side only forbids it; names forbid it when neither is shared."""
    assert (objection(ours, 200.0, theirs) == "") == fits


@pytest.mark.parametrize(("seconds", "fits"), [(None, True), (203.0, True), (204.0, True), (205.0, False)])
def test_lengths(seconds: float | None, fits: bool) -> None:
    """Within the larger of 3 s and 2 %; unknown forbids nothing."""
    assert (objection(track("One"), 200.0, Candidate(title="One", duration=seconds)) == "") == fits


def test_likeness_orders_candidates() -> None:
    """The same names before half of them before none."""
    ours = track("Night Ferry", "Ada Voss")
    told = [
        Candidate(title="Night Ferry", artists=("Ada Voss",)),
        Candidate(title="Night Ferry", artists=("Ada Voss", "Tomo Rell")),
        Candidate(title="Ferry", artists=("Kora",)),
        Candidate(title="Else", artists=("Kora",)),
    ]
    found = [likeness(ours, one) for one in told]
    assert found == sorted(found, reverse=True)
    assert (found[0], found[-1]) == (2.0, 0.0)
