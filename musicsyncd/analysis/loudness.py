"""Loudness as EBU R 128 speaks of it, and the ReplayGain 2 that follows from it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

REPLAY_GAIN_REFERENCE: Final = -18.0
"""LUFS to which ReplayGain 2.0 brings a track."""


@dataclass(frozen=True, kw_only=True)
class Loudness:
    """How loud a whole track is (EBU R 128, ITU-R BS.1770)."""

    integrated: float | None
    """LUFS; None for silence: nothing passed the gate."""
    range: float
    """Loudness range in LU (EBU Tech 3342)."""
    true_peak: float
    """dBTP; −inf for digital silence."""


def replay_gain(loudness: Loudness) -> tuple[float, float] | None:
    """Gain in dB and peak as a linear value (1.0 is full scale); None for silence, which has no gain.

    ReplayGain 2.0: gain = −18 LUFS − integrated loudness.
    """
    if loudness.integrated is None or not math.isfinite(loudness.integrated):
        return None
    return REPLAY_GAIN_REFERENCE - loudness.integrated, 10.0 ** (loudness.true_peak / 20.0)
