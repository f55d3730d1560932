"""The instruments of the demo: waves, drums and echoes as numpy arrays at 44,100 Hz, full scale ±1."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

RATE: Final = 44_100
Samples = NDArray[np.float64]
Voice = Callable[[float, float], Samples]
"""An instrument: frequency in Hz and length in seconds in, samples out."""


def hertz(midi: float) -> float:
    """The frequency of a MIDI note; 69 is the A of 440 Hz."""
    return float(440.0 * 2.0 ** ((midi - 69) / 12))


def _time(seconds: float) -> Samples:
    return np.arange(int(seconds * RATE)) / RATE


def _envelope(time: Samples, attack: float, decay: float, length: float) -> Samples:
    """Up in `attack` seconds, down by 1/e in `decay`, and gently to nothing at the end."""
    end = np.clip((length - time) / 0.01, 0.0, 1.0)
    shape: Samples = np.minimum(time / attack, 1.0) * np.exp(-time / decay) * end
    return shape


def pad(frequency: float, seconds: float) -> Samples:
    """A soft chord tone: a few detuned harmonics that fall off quickly."""
    time = _time(seconds)
    tone = np.zeros_like(time)
    for harmonic in range(1, 7):
        for detune in (0.9985, 1.0015):
            tone += np.sin(2 * np.pi * frequency * harmonic * detune * time) / harmonic**1.6
    return 0.25 * tone * _envelope(time, 0.02, 4.0, seconds)


def stab(frequency: float, seconds: float) -> Samples:
    """A short, bright chord tone."""
    time = _time(seconds)
    tone = np.zeros_like(time)
    for harmonic in range(1, 9):
        tone += np.sin(2 * np.pi * frequency * harmonic * time) / harmonic
    return 0.4 * tone * _envelope(time, 0.004, 0.16, seconds)


def bass(frequency: float, seconds: float) -> Samples:
    """A round bass with some second and third harmonic, so that small loudspeakers tell its pitch."""
    time = _time(seconds)
    tone = np.sin(2 * np.pi * frequency * time) + 0.4 * np.sin(4 * np.pi * frequency * time)
    return (tone + 0.2 * np.sin(6 * np.pi * frequency * time)) * _envelope(time, 0.005, 0.5, seconds)


def bell(frequency: float, seconds: float) -> Samples:
    """A glassy lead: a sine whose overtones die first."""
    time = _time(seconds)
    tone = np.sin(2 * np.pi * frequency * time) + 0.5 * np.exp(-time * 6) * np.sin(6 * np.pi * frequency * time)
    return tone * _envelope(time, 0.003, 0.45, seconds)


def square(frequency: float, seconds: float) -> Samples:
    """A chip's pulse wave, whose loudness falls in eight steps."""
    time = _time(seconds)
    wave = np.where((time * frequency) % 1.0 < 0.5, 1.0, -1.0)
    return wave * np.round(8 * np.exp(-time / 0.25)) / 8


def triangle(frequency: float, seconds: float) -> Samples:
    """A chip's bass: a triangle in sixteen steps."""
    time = _time(seconds)
    wave = 4.0 * np.abs((time * frequency) % 1.0 - 0.5) - 1.0
    held: Samples = np.round(wave * 8) / 8 * (time < seconds - 0.02)
    return held


def kick() -> Samples:
    """A drum that falls from 160 to 48 Hz."""
    time = _time(0.28)
    phase = 48.0 * time + 4.0 * (1.0 - np.exp(-time * 28.0))
    return np.sin(2 * np.pi * phase) * _envelope(time, 0.001, 0.1, 0.28)


def noise(seconds: float, decay: float, *, seed: int, smooth: int = 1, bright: bool = False) -> Samples:
    """A burst of noise: smoothed for a clap, its differences for a hi-hat; one seed, one sound."""
    time = _time(seconds)
    burst = np.random.default_rng(seed).uniform(-1.0, 1.0, len(time) + 1)
    burst = np.diff(burst) if bright else burst[1:]
    burst = np.convolve(burst, np.ones(smooth) / smooth, mode="same")
    return burst * _envelope(time, 0.001, decay, seconds)


class Score:
    """A stereo sheet of a known number of beats, on which notes are put."""

    def __init__(self, bpm: float, beats: float) -> None:
        self.beat = 60.0 / bpm
        self.samples: Samples = np.zeros((2, int(beats * self.beat * RATE)))

    def put(self, at: float, sound: Samples, *, gain: float = 1.0, pan: float = 0.0) -> None:
        """Mix a sound in at a beat; pan −1 is left, +1 right. What hangs over the end is cut."""
        first = round(at * self.beat * RATE)
        length = min(len(sound), self.samples.shape[1] - first)
        sides = np.array([[min(1.0, 1.0 - pan)], [min(1.0, 1.0 + pan)]])
        if length > 0:
            self.samples[:, first : first + length] += gain * sides * sound[:length]

    def chord(self, at: float, beats: float, notes: Sequence[int], voice: Voice, gain: float) -> None:
        """Several notes at once, spread from left to right."""
        for index, note in enumerate(notes):
            pan = 0.6 * (index / max(1, len(notes) - 1) - 0.5)
            self.put(at, voice(hertz(note), beats * self.beat), gain=gain, pan=pan)

    def duck(self, depth: float) -> None:
        """Lower everything on each beat and let it swell again: the breathing of house music."""
        at = np.arange(self.samples.shape[1]) / RATE / self.beat % 1.0
        self.samples *= 1.0 - depth * np.exp(-5.0 * at)

    def echo(self, beats: float, gain: float) -> None:
        """Repeats that swap sides, each fainter than the one before."""
        delay = round(beats * self.beat * RATE)
        for first in range(delay, self.samples.shape[1], delay):
            last = min(first + delay, self.samples.shape[1])
            self.samples[:, first:last] += gain * self.samples[::-1, first - delay : last - delay]

    def add(self, other: Score, gain: float = 1.0) -> None:
        """Mix another sheet of the same length in."""
        self.samples += gain * other.samples

    def mastered(self, peak: float = 0.9) -> Samples:
        """Gently saturated, with short fades at both ends, shape (2, samples)."""
        loud = np.tanh(1.5 * self.samples / np.max(np.abs(self.samples)))
        at = np.arange(loud.shape[1]) / RATE
        fades = np.clip(at / 0.005, 0.0, 1.0) * np.clip((at[-1] - at) / 0.2, 0.0, 1.0)
        mastered: Samples = peak * loud / np.max(np.abs(loud)) * fades
        return mastered
