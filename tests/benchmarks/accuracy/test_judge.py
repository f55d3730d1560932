"""The judge of the accuracy benchmark: what it counts, and that its set does not change by itself."""

from __future__ import annotations

import numpy as np
import pytest

from musicsyncd.music.camelot import Mode
from tests.benchmarks.accuracy import corpus, judge


@pytest.mark.parametrize(
    ("found", "weight"),
    [
        ((9, "minor"), 1.0),
        ((4, "minor"), 0.5),
        ((2, "minor"), 0.5),
        ((0, "major"), 0.3),
        ((9, "major"), 0.2),
        ((7, "major"), 0.0),
        ((10, "minor"), 0.0),
    ],
)
def test_keys_near_the_truth_count_in_part(found: tuple[int, Mode], weight: float) -> None:
    """Against A minor: itself, a fifth off, its relative, its parallel, and others."""
    assert judge.mirex(found, (9, "minor")) == weight


@pytest.mark.parametrize(
    ("found", "raw", "folded", "octave"),
    [
        (75.0, 1, 1, 1),
        (75.7, 1, 1, 1),
        (77.0, 0, 0, 1),
        (150.0, 0, 0, 1),
        (300.0, 0, 0, 1),
        (50.0, 0, 0, 0),
        (None, 0, 0, 0),
    ],
)
def test_tempi_are_counted_raw_folded_and_by_octave(found: float | None, raw: int, folded: int, octave: int) -> None:
    """Against 75 BPM: 150 is in the range and stays a miss, and no answer is a miss of everything."""
    hits = judge.tempo_hits(found, 75.0)
    assert (hits["raw 1 %"], hits["folded 1 %"], hits["4 % or octave"]) == (raw, folded, octave)


def test_a_difference_has_an_interval() -> None:
    """Alike ears differ by nothing; a lead on every track is certain."""
    ours = np.array([1.0, 0.0, 1.0, 1.0])
    assert judge.difference(ours, ours) == (0.0, 0.0, 0.0)
    assert judge.difference(np.ones(50), np.zeros(50))[1] == 1.0


def test_the_set_is_always_the_same() -> None:
    """Names, halves and truths are drawn from the name alone; a longer set begins with the shorter one's tracks."""
    known = corpus.tracks()
    assert len(known) >= 400
    assert known == corpus.tracks()
    assert set(known) >= set(corpus.tracks(corpus.HEARD[5:12]))
    assert not {track.name for track in known if track.half == "held-out"} & {
        track.name for track in corpus.tracks(corpus.FITTED)
    }
    assert {track.half for track in known} == {"tune", "held-out"}
