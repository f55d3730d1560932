"""Short-time spectra in blocks, so that a long track never stands in memory as a whole spectrogram."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Spectra = NDArray[np.complexfloating[Any, Any]]
FRAMES_PER_BLOCK: Final = 256
ANALYSED_SECONDS: Final = 15 * 60
"""How much of a track tempo and key look at, in seconds: a mix may last hours and gains nothing by it."""

LOUDEST: Final = 8.0
"""Samples beyond this (full scale is 1) are no music: +18 dBFS."""


def analysed_part(samples: NDArray[Any], rate: int) -> NDArray[Any]:
    """The part of one-dimensional mono samples that is analysed; ValueError for another shape."""
    if samples.ndim != 1:
        raise ValueError(f"mono samples have one dimension, not {samples.ndim}")
    return samples[: ANALYSED_SECONDS * rate]


def spectra(samples: Floats, *, window: Floats, hop: int) -> Iterator[Spectra]:
    """Blocks of spectra, shape (frames, len(window) // 2 + 1); an end too short for a frame is left out."""
    size = len(window)
    count = (len(samples) - size) // hop + 1
    for first in range(0, count, FRAMES_PER_BLOCK):
        frames = min(FRAMES_PER_BLOCK, count - first)
        part = finite(samples[first * hop : (first + frames - 1) * hop + size])
        framed = np.lib.stride_tricks.sliding_window_view(part, size)[::hop]
        yield np.fft.rfft(framed * window, axis=1)


def finite(samples: Floats) -> Floats:
    """Damaged float files hold NaN, infinity and absurd numbers; one of them would spoil every later sum."""
    if np.abs(samples).max(initial=0.0) <= LOUDEST:
        return samples
    return np.clip(np.nan_to_num(samples, nan=0.0), -LOUDEST, LOUDEST)
