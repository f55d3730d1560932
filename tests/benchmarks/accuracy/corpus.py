"""Which tracks there are, what is true of each, and how a folder of them is written and read."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from musicsyncd.music.camelot import MODES, Mode
from tests.benchmarks.accuracy.harmony import SCALES, mode_of
from tests.benchmarks.accuracy.styles import STYLES
from tests.benchmarks.accuracy.treatment import ENCODINGS

FIRST_HELD_OUT: Final = 1000
"""Tracks are numbered in each style: those below are for tuning, this one and those above are held out."""
HEARD: Final = (*range(7), *range(FIRST_HELD_OUT, FIRST_HELD_OUT + 16))
"""The numbers that the comparison hears: 23 in each style."""
FITTED: Final = tuple(range(56))
"""The numbers that tempo and key are fitted to."""
SEED: Final = "musicsyncd accuracy 1"
RATES: Final = (44_100, 22_050)
MANIFEST: Final = "tracks.json"
_DETUNED: Final = 0.4
_MINOR_SCALES: Final = {"aeolian": 0.55, "dorian": 0.2, "harmonic": 0.15, "phrygian": 0.1}
_MAJOR_SCALES: Final = {"ionian": 0.75, "mixolydian": 0.25}


@dataclass(frozen=True, kw_only=True)
class Track:
    """What is known of a track before it is rendered."""

    name: str
    style: str
    half: str
    """`tune` or `held-out`."""
    bpm: float
    tonic: int
    mode: Mode
    scale: str
    cents: float
    engine: str
    """`synthesis`, or the name of a soundfont."""
    encoding: str
    seconds: float
    seed: int


def tracks(numbers: Sequence[int] = HEARD) -> list[Track]:
    """The tracks of these numbers in every style, always the same."""
    return [_drawn(style, number) for style in STYLES for number in numbers]


def half_of(number: int) -> str:
    """`tune` or `held-out`."""
    return "tune" if number < FIRST_HELD_OUT else "held-out"


def _drawn(style_name: str, number: int) -> Track:
    name = f"{style_name.replace(' ', '-')}-{number:03}"
    seed = int.from_bytes(hashlib.sha256(f"{SEED} {name}".encode()).digest()[:6], "big")
    generator, style = np.random.default_rng(seed), STYLES[style_name]
    bpm = float(generator.uniform(*style.tempi))
    scales = _MINOR_SCALES if generator.random() < style.minor else _MAJOR_SCALES
    scale = str(generator.choice(list(scales), p=list(scales.values())))
    engine = "synthesis"
    if generator.random() < style.played:
        engine = str(generator.choice(["FluidR3_GM", "TimGM6mb"]))
    return Track(
        name=name,
        style=style_name,
        half=half_of(number),
        bpm=float(round(bpm)) if generator.random() < style.whole else round(bpm, 2),
        tonic=int(generator.integers(12)),
        mode=mode_of(scale),
        scale=scale,
        cents=round(float(generator.uniform(-20, 20)), 1) if generator.random() < _DETUNED else 0.0,
        engine=engine,
        encoding=str(generator.choice(list(ENCODINGS))),
        seconds=float(generator.integers(30, 61)),
        seed=seed,
    )


def written(folder: Path, known: list[Track]) -> None:
    """Writes the list of a rendered folder."""
    text = json.dumps([dataclasses.asdict(track) for track in known], indent=1)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def read(folder: Path) -> list[Track]:
    """The list of a rendered folder; ValueError for one of another generator."""
    rows: list[dict[str, Any]] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    found = [Track(**row) for row in rows]
    if any(track.mode not in MODES or track.scale not in SCALES for track in found):
        raise ValueError(f"{folder / MANIFEST} was written by another generator: render anew into an empty folder")
    return found


def sound_file(folder: Path, name: str, rate: int) -> Path:
    """Where a track's mono samples lie, float32 little-endian without a header."""
    return folder / str(rate) / f"{name}.f32"
