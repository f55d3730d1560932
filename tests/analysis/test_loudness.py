"""ReplayGain out of loudness."""

from __future__ import annotations

import math

import pytest

from musicsyncd.analysis.loudness import Loudness, replay_gain


@pytest.mark.parametrize(
    ("integrated", "true_peak", "gain", "peak"),
    [(-18.0, 0.0, 0.0, 1.0), (-7.31, 0.8, -10.69, 1.0965), (-23.0, -6.0206, 5.0, 0.5)],
)
def test_gain_brings_a_track_to_the_reference(integrated: float, true_peak: float, gain: float, peak: float) -> None:
    """The gain is what is missing to −18 LUFS, the peak is linear."""
    found = replay_gain(Loudness(integrated=integrated, range=5.0, true_peak=true_peak))
    assert found == pytest.approx((gain, peak), abs=1e-3)


@pytest.mark.parametrize("integrated", [None, -math.inf, math.nan])
def test_silence_has_no_gain(integrated: float | None) -> None:
    """Silence is not amplified without end."""
    assert replay_gain(Loudness(integrated=integrated, range=0.0, true_peak=-math.inf)) is None
