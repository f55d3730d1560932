"""Sounds that have no tempo, or no key, or neither: what an honest analysis is silent or unsure about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.accuracy.score import Generator, Note
from tests.benchmarks.accuracy.synthesis import RATE, Samples, shaped, sung, synthesised

SECONDS: Final = 40.0


def _silence(generator: Generator) -> Samples:
    return np.zeros(int(SECONDS * RATE))


def _white(generator: Generator) -> Samples:
    return generator.normal(0, 0.1, int(SECONDS * RATE))


def _pink(generator: Generator) -> Samples:
    return shaped(_white(generator), lambda at: 1.0 / np.sqrt(np.maximum(at, 20.0) / 20.0))


def _rain(generator: Generator) -> Samples:
    """Thousands of drops at random moments."""
    drops = np.zeros(int(SECONDS * RATE))
    drops[generator.integers(0, len(drops), 8000)] = generator.normal(0, 0.5, 8000)
    return shaped(drops, lambda at: 1.0 / (1.0 + ((at - 3000) / 1500) ** 2)) + 0.01 * _white(generator)


def _drone(generator: Generator) -> Samples:
    time = np.arange(int(SECONDS * RATE)) / RATE
    partials = [np.sin(2 * np.pi * 110.0 * number * time + number) / number for number in range(1, 9)]
    drone: Samples = 0.15 * np.sum(partials, axis=0)
    return drone


def _speech(generator: Generator) -> Samples:
    """Syllables of uneven length at uneven pitch, with pauses."""
    notes, now = [], 0.3
    while now < SECONDS - 1:
        length = float(generator.uniform(0.08, 0.3))
        pitch = 48 + 5 * float(generator.normal())
        notes.append(Note(start=now, length=length, pitch=pitch, velocity=0.8, part="lead"))
        now += length + (float(generator.uniform(0.3, 1.0)) if generator.random() < 0.15 else 0.02)
    return _sung(notes, generator)


def _a_cappella(generator: Generator) -> Samples:
    """A melody in A minor, sung freely."""
    notes, now, degree = [], 0.3, 0
    while now < SECONDS - 3:
        length = float(generator.uniform(0.25, 1.6))
        pitch = 57 + (0, 2, 3, 5, 7, 8, 10, 12)[degree % 8]
        notes.append(Note(start=now, length=length * 0.95, pitch=pitch, velocity=0.8, part="lead"))
        degree = max(0, min(7, degree + int(generator.integers(-2, 3))))
        now += length
    return _sung(notes, generator)


def _rubato(generator: Generator) -> Samples:
    """Broken chords in E flat major whose tempo wanders between half and double."""
    notes, now, tempo = [], 0.3, 0.0
    for index in range(400):
        tempo = float(np.clip(tempo + generator.normal(0, 0.12), -0.7, 0.7))
        root = (3, 8, 10, 3)[index // 8 % 4]
        pitch = 48 + root + (0, 7, 12, 16, 19, 16, 12, 7)[index % 8]
        notes.append(Note(start=now, length=0.5, pitch=pitch, velocity=0.7, part="chords"))
        now += 0.3 * 2.0**tempo
        if now > SECONDS - 1:
            break
    return synthesised(notes, SECONDS, cents=0.0, seed=int(generator.integers(1 << 30)))


def _applause(generator: Generator) -> Samples:
    """Claps of a hall: bursts of noise at random moments."""
    samples = np.zeros(int(SECONDS * RATE))
    for first in generator.integers(0, len(samples) - RATE, 2500):
        count = int(generator.integers(200, 900))
        samples[first : first + count] += generator.normal(0, 0.1, count) * np.linspace(1, 0, count)
    return samples


def _random_drums(generator: Generator) -> Samples:
    """Drums struck at moments of no measure."""
    parts = np.array(["kick", "snare", "hat"])
    starts = np.sort(generator.uniform(0, SECONDS - 1, 200))
    notes = [
        Note(start=float(start), length=0.1, pitch=0.0, velocity=0.8, part=str(generator.choice(parts)))
        for start in starts
    ]
    return synthesised(notes, SECONDS, cents=0.0, seed=int(generator.integers(1 << 30)))


def _sung(notes: list[Note], generator: Generator) -> Samples:
    samples = np.zeros(int(SECONDS * RATE))
    for note in notes:
        hertz = 440.0 * 2.0 ** ((note.pitch - 69) / 12.0)
        sound = sung(generator, hertz, note.length, formant=700.0, depth=30.0)
        first = int(note.start * RATE)
        part = samples[first : first + len(sound)]
        part += note.velocity * sound[: len(part)]
    return samples


_MAKERS: Final[dict[str, Callable[[Generator], Samples]]] = {
    "silence": _silence,
    "white noise": _white,
    "pink noise": _pink,
    "rain": _rain,
    "drone": _drone,
    "speech": _speech,
    "a-cappella": _a_cappella,
    "rubato": _rubato,
    "applause": _applause,
    "random drums": _random_drums,
}
WITH_KEY: Final = frozenset({"drone", "a-cappella", "rubato", "speech"})
"""Those of which a key may be told."""
COPIES: Final = 4
KINDS: Final = tuple(f"{kind} {number}" for kind in _MAKERS for number in range(COPIES))


def rendered_kind(kind: str) -> NDArray[np.float32]:
    """One of KINDS, mono at 44.1 kHz."""
    name, number = kind.rsplit(" ", 1)
    seed = 1000 * list(_MAKERS).index(name) + int(number)
    samples = _MAKERS[name](np.random.default_rng(seed))
    return (0.8 * samples / max(float(np.abs(samples).max()), 0.8)).astype(np.float32)
