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


def test_other_rates_are_understood() -> None:
    """The rate is a parameter: the same samples at half the rate are an octave lower and still in their key."""
    key = estimate_key(cadence(7, "major", seconds=12), RATE // 2)
    assert key is not None
    assert (key.tonic, key.mode) == (7, "major")
