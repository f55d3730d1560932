"""Key: all 24 of them, at any tuning, and none where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from musicsyncd.analysis.key import estimate_key
from musicsyncd.music.camelot import MODES, Mode
from tests.analysis.signals import RATE, Floats, beat, cadence, noise


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("tonic", range(12))
@pytest.mark.parametrize("tuning", [0.0, 0.32, -0.45])
def test_a_cadence_has_its_key(tonic: int, mode: Mode, tuning: float) -> None:
    """A cadence in each of the 24 keys is recognised, also when the whole track is tuned up or down."""
    key = estimate_key(cadence(tonic, mode, tuning=tuning))
    assert key is not None
    assert (key.tonic, key.mode) == (tonic, mode)
    assert key.runner_up != (tonic, mode)
    assert key.confidence > 0.05


def test_drums_and_clipping_do_not_hide_the_key() -> None:
    """The chords are heard under drums, through clipping and beside an offset and damaged samples."""
    samples = cadence(9, "minor", seconds=12) + 0.5 * beat("house", 122.0, 12)
    samples = np.clip(3 * samples, -0.9, 0.9) + np.float32(0.05)
    samples[4321] = np.nan
    key = estimate_key(samples)
    assert key is not None
    assert (key.tonic, key.mode) == (9, "minor")


def test_silence_between_does_not_count() -> None:
    """A minute of silence after the music changes nothing."""
    music = cadence(4, "major")
    with_silence = np.concatenate([music, np.zeros(RATE * 60, dtype=np.float32)])
    key, alone = estimate_key(with_silence), estimate_key(music)
    assert key is not None
    assert alone is not None
    assert (key.tonic, key.mode) == (alone.tonic, alone.mode) == (4, "major")
    assert key.confidence == pytest.approx(alone.confidence, abs=0.01)


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(RATE * 5, dtype=np.float32),
        np.full(RATE * 5, 0.3, dtype=np.float32),
        np.zeros(0, dtype=np.float32),
        cadence(0, "major")[: RATE // 2],
        noise(20),
        beat("drum and bass", 174.0, 20),
    ],
    ids=["silence", "DC", "nothing", "too short", "noise", "drums alone"],
)
def test_what_has_no_key_gets_none(samples: Floats) -> None:
    """Nothing is made up for silence, noise, drums or a moment of sound."""
    assert estimate_key(samples) is None


@pytest.mark.parametrize("seed", range(4))
def test_tuned_drums_alone_have_no_key(seed: int) -> None:
    """Toms and kicks ring at some pitch, but at none that belongs to a scale: no key is made up from them."""
    generator = np.random.default_rng(seed)
    time = np.arange(RATE // 3) / RATE
    samples = np.zeros(RATE * 21)
    for hertz in generator.uniform(45.0, 170.0, 3):
        for first in (RATE * generator.uniform(0.0, 20.0, 60)).astype(int):
            phase = hertz * time + 4.5 * (1.0 - np.exp(-35.0 * time))
            samples[first : first + len(time)] += 0.3 * np.sin(2 * np.pi * phase) * np.exp(-12 * time)
    key = estimate_key(samples[: RATE * 20].astype(np.float32) + beat("house", 125.0, 20))
    assert key is None or key.confidence < 0.05


@pytest.mark.parametrize("octave", [1, 2])
@pytest.mark.parametrize("mode", MODES)
def test_a_register_is_no_key(mode: Mode, octave: int) -> None:
    """The same cadence where no bass is keeps its key."""
    for tonic in (0, 4, 9):
        key = estimate_key(cadence(tonic, mode, tuning=12.0 * octave))
        assert key is not None
        assert (key.tonic, key.mode) == (tonic, mode)


def test_other_rates_are_understood() -> None:
    """The rate is a parameter: the same samples at half the rate are an octave lower and still in their key."""
    key = estimate_key(cadence(7, "major", seconds=12), RATE // 2)
    assert key is not None
    assert (key.tonic, key.mode) == (7, "major")
