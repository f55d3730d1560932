"""What has no steady pulse, or no key: sung alone, played freely, spoken, clapped. Nothing is made up of it."""

from __future__ import annotations

from functools import cache

import pytest

from musicsyncd.analysis.key import estimate_key
from musicsyncd.analysis.tempo import estimate_tempo
from musicsyncd.music.camelot import Mode
from tests.analysis.signals import RATE, Floats
from tests.benchmarks.accuracy import synthesis
from tests.benchmarks.accuracy.pulseless import rendered_kind
from tests.benchmarks.accuracy.treatment import resampled

UNSURE_TEMPO, UNSURE_KEY = 0.12, 0.05


@cache
def heard(kind: str) -> Floats:
    """Forty seconds, as the product's resampler gives them."""
    return resampled(rendered_kind(f"{kind} 0"), synthesis.RATE, RATE)


@pytest.mark.parametrize("kind", ["a-cappella", "rubato", "speech", "applause", "rain", "drone", "random drums"])
def test_no_pulse_no_certain_tempo(kind: str) -> None:
    """A tempo that wanders between half and double, a lone voice, noise: no tempo, or one that is told as uncertain."""
    tempo = estimate_tempo(heard(kind))
    assert tempo is None or tempo.confidence < UNSURE_TEMPO


@pytest.mark.parametrize(("kind", "key"), [("a-cappella", (9, "minor")), ("rubato", (3, "major"))])
def test_a_key_needs_no_pulse(kind: str, key: tuple[int, Mode]) -> None:
    """Of a free melody in A minor and of rubato chords in E flat major the key is told all the same."""
    found = estimate_key(heard(kind))
    assert found is not None
    assert (found.tonic, found.mode) == key
    assert found.confidence > UNSURE_KEY


@pytest.mark.parametrize("kind", ["speech", "applause", "rain", "random drums"])
def test_no_pitches_no_certain_key(kind: str) -> None:
    """Speech, applause, rain and drums have none."""
    found = estimate_key(heard(kind))
    assert found is None or found.confidence < UNSURE_KEY
