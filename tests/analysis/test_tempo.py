"""Tempo: right to a hundredth where it is known, folded as asked, and silent about what has no pulse."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsyncd.analysis.spectrum import ANALYSED_SECONDS
from musicsyncd.analysis.tempo import _folded, estimate_tempo
from tests.analysis.signals import RATE, STYLES, Floats, beat, clicks, noise


@pytest.mark.parametrize("bpm", [92.0, 99.97, 122.0, 127.37, 140.0])
@pytest.mark.parametrize("style", STYLES)
def test_drums_have_their_tempo_to_a_twentieth(style: str, bpm: float) -> None:
    """Every style at every common tempo is found with its octave and within 0.05 BPM, in noise."""
    tempo = estimate_tempo(beat(style, bpm, 25) + noise(25, 0.003))
    assert tempo is not None
    assert tempo.bpm == pytest.approx(bpm, abs=0.05)


@pytest.mark.parametrize("bpm", [72.0, 84.5, 128.0, 150.0, 174.0, 176.4])
def test_octaves_fold_into_the_asked_range(bpm: float) -> None:
    """Slow and fast drums end in the range that was asked for, at an octave of their tempo."""
    tempo = estimate_tempo(beat("hip-hop", bpm, 25), lowest=88.0, highest=176.0)
    assert tempo is not None
    assert 88.0 <= tempo.bpm < 176.0
    assert np.log2(tempo.bpm / bpm) % 1.0 == pytest.approx(round(np.log2(tempo.bpm / bpm)) % 1.0, abs=0.001)
    assert tempo.bpm / tempo.raw in (0.5, 1.0, 2.0)


@pytest.mark.parametrize("bpm", [80.0, 100.0, 125.0, 133.33, 160.0])
def test_a_bare_metronome_is_counted(bpm: float) -> None:
    """Clicks without any subdivision are neither doubled nor halved."""
    tempo = estimate_tempo(clicks(bpm, 30))
    assert tempo is not None
    assert tempo.bpm == pytest.approx(bpm, abs=0.05)


def test_swing_does_not_move_the_tempo() -> None:
    """A shuffled sixteenth is no other tempo."""
    tempo = estimate_tempo(beat("hip-hop", 96.0, 25, swing=0.3))
    assert tempo is not None
    assert tempo.bpm == 96.0


def test_a_whole_number_is_given_as_such() -> None:
    """A tempo of a sequencer comes out without a fraction."""
    tempo = estimate_tempo(beat("house", 128.0, 40))
    assert tempo is not None
    assert (tempo.bpm, tempo.raw) == (128.0, 128.0)


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(RATE * 10, dtype=np.float32),
        np.full(RATE * 10, 0.4, dtype=np.float32),
        np.zeros(0, dtype=np.float32),
        clicks(120.0, 2.9),
        noise(20),
        (0.5 * np.sin(2 * np.pi * 220 * np.arange(RATE * 10) / RATE)).astype(np.float32),
    ],
    ids=["silence", "DC", "nothing", "too short", "noise", "held tone"],
)
def test_what_has_no_pulse_has_no_tempo(samples: Floats) -> None:
    """Nothing is made up for silence, noise, a held tone or a moment of sound."""
    assert estimate_tempo(samples) is None


def test_clipping_offset_and_damage_do_not_hide_the_pulse() -> None:
    """A clipped track with a DC offset and with NaN in it still has its tempo."""
    samples = np.clip(4 * beat("house", 124.0, 20), -0.9, 0.9) + np.float32(0.1)
    samples[1000], samples[50_000] = np.nan, np.inf
    tempo = estimate_tempo(samples)
    assert tempo is not None
    assert tempo.bpm == 124.0


def test_confidence_tells_a_strict_pulse_from_a_hidden_one() -> None:
    """Drums under loud noise are less certain than drums alone, and both stay within 0–1."""
    drums = beat("house", 124.0, 20)
    clear, hidden = estimate_tempo(drums), estimate_tempo(drums + noise(20, 0.15))
    assert clear is not None
    assert hidden is not None
    assert 0.0 < hidden.confidence < clear.confidence <= 1.0


@pytest.mark.parametrize("seed", range(3))
def test_a_wandering_pulse_is_not_told_with_certainty(seed: int) -> None:
    """Beats whose distance drifts between half and double have no tempo, or an uncertain one."""
    steps = np.random.default_rng(seed).normal(0.0, 0.15, 120)
    distances = 0.5 * 2.0 ** np.clip(np.cumsum(steps), -0.8, 0.8)
    samples, stroke = np.zeros(RATE * 40, dtype=np.float32), clicks(120.0, 0.4)
    for moment in np.cumsum(distances):
        first = int(moment * RATE)
        if first + len(stroke) < len(samples):
            samples[first : first + len(stroke)] += stroke
    tempo = estimate_tempo(samples)
    assert tempo is None or tempo.confidence < 0.12


def test_a_long_mix_costs_little_memory() -> None:
    """Of twenty minutes the first fifteen are analysed, in less than 150 MB beside the samples themselves."""
    part = beat("techno", 130.0, 60)
    mix = np.concatenate([np.tile(part, ANALYSED_SECONDS // 60), clicks(97.0, 300)])
    tracemalloc.start()
    try:
        tempo = estimate_tempo(mix)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert tempo is not None
    assert tempo.bpm == pytest.approx(130.0, abs=0.05)
    assert peak < 150e6


def test_wrong_questions_are_refused() -> None:
    """An empty range or stereo samples are a caller's mistake."""
    with pytest.raises(ValueError, match="range"):
        estimate_tempo(clicks(120, 5), lowest=120.0, highest=120.0)
    with pytest.raises(ValueError, match="dimension"):
        estimate_tempo(np.zeros((2, RATE * 5), dtype=np.float32))


@given(st.floats(48, 225), st.floats(50, 150).flatmap(lambda low: st.tuples(st.just(low), st.floats(1.01, 4.0))))
def test_folding_keeps_the_pulse_and_reaches_the_range(raw: float, limits: tuple[float, float]) -> None:
    """The folded tempo is an octave of the raw one, in the range whenever the range spans an octave."""
    lowest, highest = limits[0], limits[0] * limits[1]
    folded = _folded(raw, lowest, highest)
    octaves = np.log2(folded / raw)
    assert octaves == pytest.approx(round(octaves), abs=0.001)
    if limits[1] >= 2.0:
        assert lowest - 0.01 <= folded <= highest + 0.01
    if lowest <= raw < highest:
        assert folded == round(raw, 2)
