"""The musical key of a track, from the strongest partials of its whole length.

Peaks of short spectra are brought to the track's own tuning and counted for the pitch classes of which they
may be an overtone; the mean is correlated with the 24 rotations of the key profiles of Ibrahim Sha'ath
("Estimation of key in digital music recordings", 2011).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from musicsyncd.analysis.spectrum import Floats, analysed_part, spectra
from musicsyncd.music.camelot import MODES, Mode

FRAME: Final = 2048
LOWEST_HZ, HIGHEST_HZ = 25.0, 3500.0
PEAKS_PER_FRAME: Final = 60
HARMONICS: Final = 8
LEAST_SECONDS: Final = 1.0
LEAST_CORRELATION: Final = 0.4
"""Below this the pitch classes look like no key at all (noise, drums alone)."""
LEAST_SPREAD: Final = 0.2
"""Noise and drums alone fill all twelve pitch classes alike: deviation as a share of the mean."""
_SILENCE = 1e-4  # full scale is 1: −80 dBFS
_DECAY = 0.8  # of the weight from one harmonic to the next
_COMPRESSION = 0.6

_PROFILES: Final = (
    (6.6, 2.0, 3.5, 2.3, 4.6, 4.0, 2.5, 5.2, 2.4, 3.7, 2.3, 3.4),
    (6.5, 2.7, 3.5, 5.4, 2.6, 3.5, 2.5, 5.2, 4.0, 2.7, 4.3, 3.2),
)


@dataclass(frozen=True, kw_only=True)
class KeyEstimate:
    """The key that explains a track's pitches best, and the next best."""

    tonic: int
    """Pitch class, 0 = C … 11 = B."""
    mode: Mode
    confidence: float
    """Lead over the runner-up in correlation, 0–1; below 0.05 the answer is uncertain."""
    runner_up: tuple[int, Mode]


class _Peaks(NamedTuple):
    frame: NDArray[np.intp]
    semitone: NDArray[np.float64]  # above C0 at 440 Hz tuning
    weight: NDArray[np.float64]


def estimate_key(samples: Floats, rate: int = 22_050) -> KeyEstimate | None:
    """The key of mono float samples (full scale ±1); None for silence, noise, or less than a second.

    Only the first 15 minutes are heard.
    """
    samples = analysed_part(samples, rate)
    if len(samples) < max(LEAST_SECONDS * rate, FRAME):
        return None
    peaks = _peaks(samples, rate)
    if not len(peaks.frame):
        return None
    pitches = _pitch_classes(peaks)
    if pitches.std() < LEAST_SPREAD * pitches.mean():
        return None
    return _best(_correlations(np.where(pitches < 0.2 * pitches.max(), 0.0, pitches)))


def _peaks(samples: Floats, rate: int) -> _Peaks:
    """The strongest local maxima of all frames."""
    found, first = [], 0
    window = np.hanning(FRAME).astype(np.float32)
    for block in spectra(samples, window=window, hop=FRAME):
        frame, bins, weight = _block_peaks(np.abs(block) / (FRAME / 4), rate)
        semitone = 12.0 * np.log2(bins * (rate / FRAME) / 440.0) + 57.0
        found.append(_Peaks(frame + first, semitone, weight))
        first += len(block)
    return _Peaks(*(np.concatenate(column) for column in zip(*found, strict=True)))


def _block_peaks(
    magnitude: NDArray[np.floating[Any]], rate: int
) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
    """Frame, interpolated bin and compressed magnitude of each of the block's peaks."""
    low = int(LOWEST_HZ * FRAME / rate) + 1
    high = min(int(HIGHEST_HZ * FRAME / rate) + 1, magnitude.shape[1] - 1)
    middle, left, right = (magnitude[:, low + by : high + by] for by in (0, -1, 1))
    height = np.where((middle > left) & (middle >= right) & (middle > _SILENCE), middle, 0.0)
    kept = min(PEAKS_PER_FRAME, high - low)
    least = np.partition(height, -kept, axis=1)[:, -kept]
    frame, column = np.nonzero((height > 0) & (height >= least[:, None]))
    before, at, after = (np.log(np.maximum(part[frame, column], 1e-9)) for part in (left, middle, right))
    # A parabola through the logarithms; a maximum beside an equal neighbour still bends downwards.
    shift = 0.5 * (before - after) / np.minimum(before - 2.0 * at + after, -1e-9)
    return frame, column + low + shift.astype(np.float64), np.exp(_COMPRESSION * at).astype(np.float64)


def _pitch_classes(peaks: _Peaks) -> NDArray[np.float64]:
    """The mean weight of each pitch class, each frame counting alike."""
    semitone = peaks.semitone - _tuning(peaks)
    frames = int(peaks.frame[-1]) + 1
    chroma = np.zeros(frames * 12)
    for harmonic in range(1, HARMONICS + 1):
        root = semitone - 12.0 * np.log2(harmonic)
        nearest = np.round(root)
        nearness = np.cos(np.pi * (root - nearest)) ** 2
        place = peaks.frame * 12 + nearest.astype(np.int64) % 12
        chroma += np.bincount(place, peaks.weight * nearness * _DECAY ** (harmonic - 1), minlength=len(chroma))
    by_frame = chroma.reshape(-1, 12)
    strongest = by_frame.max(axis=1, keepdims=True)
    sounding = by_frame[strongest[:, 0] > 0]
    mean: NDArray[np.float64] = (sounding / strongest[strongest[:, 0] > 0]).mean(axis=0)
    return mean


def _tuning(peaks: _Peaks) -> float:
    """How far the track is from 440 Hz, in semitones between −0.5 and 0.5."""
    return float(np.angle(np.sum(peaks.weight * np.exp(2j * np.pi * peaks.semitone))) / (2.0 * np.pi))


def _correlations(pitches: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pearson's coefficient with each key, shape (2 modes, 12 tonics)."""
    profiles = np.array([[np.roll(profile, tonic) for tonic in range(12)] for profile in _PROFILES])
    profiles -= profiles.mean(axis=2, keepdims=True)
    centred = pitches - pitches.mean()
    scale = np.linalg.norm(profiles, axis=2) * np.linalg.norm(centred)
    correlation: NDArray[np.float64] = (profiles @ centred) / np.maximum(scale, 1e-12)
    return correlation


def _best(correlation: NDArray[np.float64]) -> KeyEstimate | None:
    order = np.argsort(correlation, axis=None)[::-1]
    (mode, tonic), (other_mode, other_tonic) = (divmod(int(index), 12) for index in order[:2])
    highest, second = correlation.flat[order[0]], correlation.flat[order[1]]
    if highest < LEAST_CORRELATION:
        return None
    return KeyEstimate(
        tonic=tonic,
        mode=MODES[mode],
        confidence=float(min(1.0, highest - second)),
        runner_up=(other_tonic, MODES[other_mode]),
    )
