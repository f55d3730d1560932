"""Answers held against the truth: hits, MIREX's key weights, and how sure a difference is."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from musicsyncd.music.camelot import Mode

FOLD: Final = (70.0, 180.0)
"""The stated octave: a tempo below is doubled, one above is halved; more than an octave, so that 75 stays 75."""
RESAMPLES: Final = 10_000
Shares = NDArray[np.float64]


def folded(bpm: float) -> float:
    """The tempo brought into FOLD by octaves; 0 stays 0."""
    if not bpm > 0.0:
        return 0.0
    while bpm < FOLD[0]:
        bpm *= 2.0
    while bpm >= FOLD[1]:
        bpm /= 2.0
    return bpm


def near(found: float, truth: float, share: float) -> bool:
    """Whether two tempi differ by at most that share of the truth."""
    return abs(found - truth) <= share * truth


def tempo_hits(found: float | None, truth: float) -> dict[str, float]:
    """1 or 0 per measure; no answer is a miss of each."""
    bpm = found or 0.0
    octaves = [math.ldexp(truth, power) for power in (-2, -1, 0, 1, 2)]
    return {
        "raw 1 %": float(near(bpm, truth, 0.01)),
        "raw 4 %": float(near(bpm, truth, 0.04)),
        "folded 1 %": float(near(folded(bpm), folded(truth), 0.01)),
        "folded 4 %": float(near(folded(bpm), folded(truth), 0.04)),
        "4 % or octave": float(any(near(bpm, octave, 0.04) for octave in octaves)),
        "0.05 BPM": float(abs(folded(bpm) - folded(truth)) <= 0.05),
    }


def key_hits(found: tuple[int, Mode] | None, truth: tuple[int, Mode]) -> dict[str, float]:
    """Exact, and MIREX's weight: 1 for the key, 0.5 a fifth off, 0.3 relative, 0.2 parallel."""
    return {"key exact": float(found == truth), "key MIREX": 0.0 if found is None else mirex(found, truth)}


def mirex(found: tuple[int, Mode], truth: tuple[int, Mode]) -> float:
    """The weight of MIREX's audio key detection since 2005; a fifth off counts upwards and downwards."""
    (tonic, mode), (true_tonic, true_mode) = found, truth
    if mode == true_mode:
        return {0: 1.0, 7: 0.5, 5: 0.5}.get((tonic - true_tonic) % 12, 0.0)
    if tonic == true_tonic:
        return 0.2
    relative = (true_tonic + 9) % 12 if true_mode == "major" else (true_tonic + 3) % 12
    return 0.3 if tonic == relative else 0.0


def difference(ours: Shares, theirs: Shares, seed: int = 1) -> tuple[float, float, float]:
    """Mean of ours minus theirs over the same tracks, and the paired bootstrap's 95 % interval."""
    paired = ours - theirs
    drawn = np.random.default_rng(seed).integers(0, len(paired), (RESAMPLES, len(paired)))
    means = paired[drawn].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(paired.mean()), float(low), float(high)


def by_quartile(confidence: Shares, hits: Shares) -> list[float]:
    """The share of hits in each quarter of the tracks, the least confident first."""
    order = np.argsort(confidence, kind="stable")
    return [float(hits[part].mean()) for part in np.array_split(order, 4)]
