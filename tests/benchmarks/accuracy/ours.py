"""Our own answers about the rendered tracks, in the form of the compared libraries' answers."""

from __future__ import annotations

import multiprocessing
import time
from pathlib import Path
from typing import Any, Final

import numpy as np

from musicsyncd.analysis.key import estimate_key
from musicsyncd.analysis.tempo import estimate_tempo
from tests.benchmarks.accuracy import corpus

RATE: Final = 22_050
TEMPO, KEY = "musicsyncd tempo", "musicsyncd key"


def heard(folder: Path, names: list[str]) -> list[dict[str, Any]]:
    """Two answers per track, from a process of its own: numpy takes the number of threads when it is loaded."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_all, (folder, names))


def _all(folder: Path, names: list[str]) -> list[dict[str, Any]]:
    """The first track is heard twice, as by the others."""
    _heard(folder, names[0])
    return [answer for name in names for answer in _heard(folder, name)]


def heard_kinds(folder: Path, kinds: list[str]) -> list[dict[str, Any]]:
    """The answers about what has no tempo or no key."""
    return heard(folder, kinds)


def _heard(folder: Path, name: str) -> list[dict[str, Any]]:
    samples = np.fromfile(corpus.sound_file(folder, name, RATE), "<f4")
    minutes = len(samples) / RATE / 60.0
    start = time.process_time()
    tempo = estimate_tempo(samples, RATE)
    between = time.process_time()
    key = estimate_key(samples, RATE)
    end = time.process_time()
    rhythm = {"ear": TEMPO, "track": name, "cost": (between - start) / minutes, "bpm": None, "confidence": 0.0}
    if tempo:
        rhythm |= {"bpm": tempo.bpm, "raw": tempo.raw, "confidence": tempo.confidence}
    harmony = {"ear": KEY, "track": name, "cost": (end - between) / minutes, "tonic": None, "confidence": 0.0}
    if key:
        harmony |= {"tonic": key.tonic, "mode": key.mode, "confidence": key.confidence}
    return [rhythm, harmony]
