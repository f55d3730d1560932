"""Signals whose tempo and key are known because they were made here."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

RATE: Final = 22_050
Floats = NDArray[np.float32]

STYLES: Final = {
    "house": {"kick": (0, 4, 8, 12), "snare": (4, 12), "hat": (2, 6, 10, 14)},
    "techno": {"kick": (0, 4, 8, 12), "hat": tuple(range(16))},
    "hip-hop": {"kick": (0, 7, 10), "snare": (4, 12), "hat": tuple(range(0, 16, 2))},
    "trap": {"kick": (0, 6, 10), "snare": (8,), "hat": tuple(range(16))},
    "drum and bass": {"kick": (0, 10), "snare": (4, 12), "hat": tuple(range(0, 16, 2))},
    "rock": {"kick": (0, 8, 10), "snare": (4, 12), "hat": tuple(range(0, 16, 2))},
}
"""Sixteenths of a bar on which each drum is struck."""


def noise(seconds: float, level: float = 0.1, seed: int = 1) -> Floats:
    """White noise of a root mean square of `level`."""
    return np.random.default_rng(seed).normal(0.0, level, int(RATE * seconds)).astype(np.float32)


def drum(name: str, generator: np.random.Generator) -> NDArray[np.float64]:
    """One stroke of a quarter second; no two noises are the same."""
    time = np.arange(RATE // 4) / RATE
    hiss = generator.normal(0.0, 0.5, len(time) + 1)
    if name == "kick":
        sound: NDArray[np.float64] = np.sin(2 * np.pi * (50 * time + 4 * (1 - np.exp(-30 * time))))
        return sound * np.exp(-12 * time)
    if name == "snare":
        return (hiss[1:] + 0.5 * np.sin(2 * np.pi * 190 * time)) * np.exp(-20 * time)
    return 0.6 * np.diff(hiss) * np.exp(-60 * time)


def beat(style: str, bpm: float, seconds: float, *, swing: float = 0.0) -> Floats:
    """Drums in 4/4 at an exact tempo, struck unevenly hard; swing delays each second sixteenth by that share."""
    generator = np.random.default_rng(5)
    sixteenth = 15.0 / bpm
    samples = np.zeros(int(RATE * (seconds + 1)))
    for index in range(int(seconds / sixteenth)):
        first = round((index + swing * (index % 2)) * sixteenth * RATE)
        for name, struck in STYLES[style].items():
            if index % 16 in struck:
                sound = drum(name, generator)
                samples[first : first + len(sound)] += 0.4 * generator.uniform(0.7, 1.0) * sound
    return samples[: int(RATE * seconds)].astype(np.float32)


def clicks(bpm: float, seconds: float) -> Floats:
    """A metronome: short tones on the beats and nothing else."""
    samples = np.zeros(int(RATE * seconds) + RATE)
    time = np.arange(RATE // 20) / RATE
    for index in range(int(seconds * bpm / 60.0)):
        first = round(index * 60.0 / bpm * RATE)
        samples[first : first + len(time)] = 0.8 * np.sin(2 * np.pi * 1000 * time) * np.exp(-80 * time)
    return samples[: int(RATE * seconds)].astype(np.float32)


def cadence(tonic: int, mode: str, *, tuning: float = 0.0, seconds: int = 8) -> Floats:
    """Tonic, subdominant, dominant, tonic as triads of tones with five partials; tuning is in semitones."""
    third = 4 if mode == "major" else 3
    time = np.arange(RATE) / RATE
    chords = []
    for root in ((0, 5, 7, 0) * seconds)[:seconds]:
        chord = np.zeros(RATE)
        for note in (root, root + third, root + 7):
            hertz = 130.81 * 2.0 ** ((tonic + note + tuning) / 12.0)
            for partial in range(1, 6):
                chord += np.sin(2 * np.pi * hertz * partial * time) / partial**1.5
        chords.append(chord * np.exp(-time))
    return (0.1 * np.concatenate(chords)).astype(np.float32)
