"""Scales, chords and progressions of the composed tracks, as semitones above the tonic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from musicsyncd.music.camelot import Mode

SCALES: Final[dict[str, tuple[int, ...]]] = {
    "ionian": (0, 2, 4, 5, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "aeolian": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "harmonic": (0, 2, 3, 5, 7, 8, 11),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
}
MAJOR_SCALES: Final = ("ionian", "mixolydian")

_TRIADS: Final = {"": (0, 4, 7), "m": (0, 3, 7), "d": (0, 3, 6)}

# Each word is a root in semitones and a quality; one word is one bar (or half a bar in quick styles).
_PROGRESSIONS: Final[dict[str, tuple[str, ...]]] = {
    "ionian": (
        "0 7 9m 5",
        "0 5 7 5",
        "0 9m 5 7",
        "0 4m 5 7",
        "0 5 0 5",
        "2m 7 0 0",
        "0 9m 2m 7",
        "0 0 5 7",
        "0 5 5m 0",
        "0 4 5 5m",
        "0 8 10 0",
        "0 0 0 0 5 5 0 0 7 5 0 7",
    ),
    "mixolydian": ("0 10 5 0", "0 10 0 10", "0 0 7m 5", "0 5 10 0"),
    "aeolian": (
        "0m 8 3 10",
        "0m 10 8 10",
        "0m 5m 8 7m",
        "0m 0m 8 10",
        "0m 7m 8 5m",
        "0m 5m 0m 7m",
        "0m 0m 0m 0m",
        "0m 8 0m 10",
        "0m 3 10 5m",
        "0m 0m 5m 5m",
    ),
    "dorian": ("0m 5 0m 5", "0m 10 5 0m", "0m 2m 0m 5", "0m 0m 10 5"),
    "harmonic": ("0m 5m 7 0m", "0m 8 5m 7", "0m 7 0m 7", "0m 10 8 7"),
    "phrygian": ("0m 1 0m 1", "0m 1 10m 0m"),
}


@dataclass(frozen=True, kw_only=True)
class Chord:
    """A chord of a key: its root above the tonic and its notes above the root."""

    root: int
    notes: tuple[int, ...]


def mode_of(scale: str) -> Mode:
    """The mode that a DJ reads from a scale: that of its third."""
    return "major" if scale in MAJOR_SCALES else "minor"


def progression(generator: np.random.Generator, scale: str, colour: str) -> list[Chord]:
    """A progression of the scale; one in seven begins elsewhere than on the tonic."""
    words = str(generator.choice(np.array(_PROGRESSIONS[scale]))).split()
    if generator.random() < 1 / 7:
        turn = len(words) // 2
        words = words[turn:] + words[:turn]
    return [_chord(word, SCALES[scale], colour) for word in words]


def _chord(word: str, scale: tuple[int, ...], colour: str) -> Chord:
    quality = word.lstrip("0123456789")
    root = int(word.removesuffix(quality) if quality else word)
    notes: tuple[int, ...] = _TRIADS[quality]
    if colour in ("seventh", "ninth"):
        notes = (*notes, 11 if (root + 11) % 12 in scale and quality == "" else 10)
    if colour == "ninth":
        notes = (*notes, 14)
    # A track whose every chord lacks its third has no mode to be found: the tonic keeps its own.
    if colour == "suspended" and root:
        notes = (0, 5, 7)
    if colour == "power":
        notes = (0, 7, 12)
    return Chord(root=root, notes=notes)
