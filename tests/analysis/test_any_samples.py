"""Whatever a decoder delivers, analysis answers with a value in its bounds or with None."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from musicsyncd.analysis.bandwidth import LongTermSpectrum, estimate_cutoff
from musicsyncd.analysis.key import estimate_key
from musicsyncd.analysis.tempo import estimate_tempo
from musicsyncd.analysis.waveform import Outline
from tests.analysis.signals import RATE, Floats

patterns = arrays.arrays(
    np.float32, st.integers(1, 400), elements=st.floats(width=32, allow_nan=True, allow_infinity=True)
)


@given(patterns, st.integers(1, 4000), st.sampled_from([8_000, 11_025, RATE, 48_000, 192_000]))
@settings(max_examples=40, deadline=None)
def test_damaged_samples_never_break_analysis(pattern: Floats, stretch: int, rate: int) -> None:
    """Repeated patterns of any floats, at any rate, also of NaN, infinity and overflowing size."""
    samples = np.tile(np.repeat(pattern, stretch), 60)[: 12 * RATE]
    tempo, key = estimate_tempo(samples, rate), estimate_key(samples, rate)
    if tempo is not None:
        assert 70.0 <= tempo.bpm <= 180.0
        assert 0.0 < tempo.confidence <= 1.0
    if key is not None:
        assert key.tonic in range(12)
        assert 0.0 <= key.confidence <= 1.0


@pytest.mark.parametrize("rate", [1_000, 8_000, 192_000, 768_000])
def test_any_rate_is_survived(rate: int) -> None:
    """Rates at which no music is sold are refused by None or answered, never by a crash."""
    samples = np.random.default_rng(3).normal(0, 0.1, 4 * rate).astype(np.float32)
    samples[:: rate // 2] = 1.0
    estimate_tempo(samples, rate)
    estimate_key(samples, rate)


@given(patterns, st.integers(1, 4000), st.sampled_from([8_000, 44_100, 48_000, 192_000]))
@settings(max_examples=40, deadline=None)
def test_damaged_samples_never_break_what_hears_the_full_rate(pattern: Floats, stretch: int, rate: int) -> None:
    """The same floats at the source's own rate: an outline within bounds, and a verdict of finite numbers or none."""
    samples = np.tile(np.repeat(pattern, stretch), 60)[: 12 * RATE][:, None]
    outline, spectrum = Outline(rate), LongTermSpectrum(rate)
    for start in range(0, len(samples), 40_000):
        outline.feed(samples[start : start + 40_000])
        spectrum.feed(samples[start : start + 40_000])
    peaks, found = outline.peaks(), estimate_cutoff(spectrum)
    assert np.all(peaks.low <= peaks.high)
    if found is not None:
        assert 0.0 <= found.drop_db < 400.0
        assert 0.0 <= found.confidence <= 1.0
