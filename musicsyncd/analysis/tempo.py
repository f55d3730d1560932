"""The tempo of a track: how often its pulse comes, held against its whole length.

Onset strength in three bands is correlated with itself; a comb over beats, half-beats and bars and the
onsets' own spectrum choose the beat among its multiples; its phase over the whole track then gives the
hundredths.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from musicsyncd.analysis.spectrum import Floats, analysed_part, spectra

FRAME, HOP = 1024, 256
BANDS: Final = 24
GROUPS: Final = 3
LOWEST_RAW, HIGHEST_RAW = 48.0, 225.0
"""BPM between which the pulse is sought, before folding."""
STEP: Final = 0.0025
"""Spacing of the sought tempi, as a share."""
LEAST_SECONDS: Final = 3.0
_TREND_SECONDS = 1.5
# Where dance music lies, and how far from it a tempo may well be: a wide bell over the logarithm.
_PRIOR_CENTRE, _PRIOR_OCTAVES = 116.0, 1.1
_COMB: Final = (
    (0.5, 0.5),
    (1, 1.0),
    (2, 1.0),
    (3, 0.5),
    (4, 1.0),
    (8, 0.5),
    (16, 0.5),
    (0.75, -0.5),
    (1.5, -0.5),
)
"""Lag in beats, and what the correlation there says for (or against) the beat."""
_LEAST_ONSET = 0.02  # mean rise of log energy per frame: a held tone has less
_SNAP = 0.05
_REFINE_BPM, _REFINE_STEP = 1.5, 0.005
_HARMONICS: Final = (1, 2, 4)
_LONGEST_LAG = 0.7  # of the track: beyond, too little lies over itself
_PULSE_SECONDS = 12.0
_PULSE_POWER = 0.5
_LEAST_STRENGTH = 0.03
_CHANCE = 3.0  # what noise reaches by chance, times the root of the number of frames

Envelope = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Tempo:
    """A tempo in beats per minute."""

    bpm: float
    """Folded by octaves into the asked range, two decimals."""
    raw: float
    """As it was found, before folding; an integer when within 0.05 of one."""
    confidence: float
    """How strictly the pulse repeats, 0–1; below 0.12 the answer is uncertain."""


def estimate_tempo(
    samples: Floats, rate: int = 22_050, *, lowest: float = 70.0, highest: float = 180.0
) -> Tempo | None:
    """The tempo of mono float samples (full scale ±1); None for silence, less than 3 s, or no pulse.

    Only the first 15 minutes are heard. A range of less than an octave may hold none of the pulse's octaves:
    then the nearest one is given. ValueError when `lowest` is not below `highest`.
    """
    if not 0.0 < lowest < highest:
        raise ValueError(f"a tempo range from {lowest} to {highest} BPM is empty")
    samples = analysed_part(samples, rate)
    if len(samples) < max(LEAST_SECONDS * rate, 8 * FRAME):
        return None
    bands = _onsets(samples, rate)
    if bands.sum(axis=1).mean() < _LEAST_ONSET:
        return None
    frame_rate = rate / HOP
    groups = _detrended(bands, int(_TREND_SECONDS * frame_rate))
    coarse, strength = _beat(groups, frame_rate)
    if strength < max(_LEAST_STRENGTH, _CHANCE / len(groups) ** 0.5):
        return None
    raw = _refined(groups.sum(axis=1), coarse, frame_rate)
    return Tempo(bpm=_folded(raw, lowest, highest), raw=raw, confidence=round(min(1.0, strength), 4))


def _onsets(samples: Floats, rate: int) -> Envelope:
    """Rise of log energy per frame, shape (frames, 3): low, middle and high mel bands."""
    window = np.hanning(FRAME).astype(np.float32)
    filters = _mel_filters(rate)
    blocks = [np.log1p(1000.0 * (np.abs(block) @ filters)) for block in spectra(samples, window=window, hop=HOP)]
    levels = np.concatenate(blocks)
    rise = np.maximum(levels[2:] - levels[:-2], 0.0)
    grouped: Envelope = rise.reshape(len(rise), GROUPS, BANDS // GROUPS).mean(axis=2, dtype=np.float64)
    return grouped


def _mel_filters(rate: int) -> NDArray[np.float32]:
    """Triangles of mean 1 over their bins, shape (bins, 24), evenly spaced in mel from 30 Hz to 10 kHz."""
    low, high = (2595.0 * math.log10(1.0 + edge / 700.0) for edge in (30.0, 10_000.0))
    mel = np.linspace(low, high, BANDS + 2)
    edges = 700.0 * (10.0 ** (mel / 2595.0) - 1.0)
    hertz = np.fft.rfftfreq(FRAME, 1.0 / rate)[:, None]
    rising = (hertz - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - hertz) / np.diff(edges)[1:]
    # The lowest triangles are narrower than a bin: the small floor lets each of them hear something.
    triangles = np.maximum(np.minimum(rising, falling), 0.0) + 1e-6
    filters: NDArray[np.float32] = (triangles / triangles.sum(axis=0) / (FRAME / 4)).astype(np.float32)
    return filters


def _detrended(bands: Envelope, width: int) -> Envelope:
    """What stands above the moving mean, each group centred and brought to the same strength."""
    at = np.arange(len(bands))
    low, high = np.maximum(at - width // 2, 0), np.minimum(at + width // 2 + 1, len(bands))
    total = np.pad(np.cumsum(bands, axis=0), ((1, 0), (0, 0)))
    above = np.maximum(bands - (total[high] - total[low]) / (high - low)[:, None], 0.0)
    above -= above.mean(axis=0)
    centred: Envelope = above / np.maximum(above.std(axis=0), 1e-9)
    return centred


def _self_similarity(groups: Envelope) -> Envelope:
    """Autocorrelation by lag in frames, 1 at lag 0: the sum's, averaged with the mean of the groups' own."""
    both = np.column_stack([groups.sum(axis=1), groups])
    length = len(both)
    spectrum = np.fft.rfft(both, n=_fast_length(2 * length), axis=0)
    product = np.fft.irfft(spectrum.real**2 + spectrum.imag**2, axis=0)[:length]
    product /= np.maximum(product[0], 1e-9)
    unbiased = product * (length / np.arange(length, 0, -1))[:, None]
    similarity: Envelope = 0.5 * (unbiased[:, 0] + unbiased[:, 1:].mean(axis=1))
    return similarity


def _fast_length(length: int) -> int:
    return 1 << (length - 1).bit_length()


def _beat(groups: Envelope, frame_rate: float) -> tuple[float, float]:
    """The BPM that explain the onsets best, to a quarter of a percent, and how strictly they repeat (≤ 1)."""
    count = int(np.log(HIGHEST_RAW / LOWEST_RAW) / np.log1p(STEP)) + 1
    tempi: Envelope = LOWEST_RAW * np.power(1.0 + STEP, np.arange(count))
    strength = _repetition(_self_similarity(groups), 60.0 * frame_rate / tempi)
    prior = np.exp(-0.5 * (np.log2(tempi / _PRIOR_CENTRE) / _PRIOR_OCTAVES) ** 2)
    score = np.maximum(strength, 0.0) * _pulse(groups.sum(axis=1), tempi / 60.0, frame_rate) ** _PULSE_POWER * prior
    best = int(np.argmax(score))
    return float(tempi[best]), float(strength[best])


def _repetition(similarity: Envelope, beat: Envelope) -> Envelope:
    """How much the onsets repeat after each beat length (frames), its multiples and its half: at most 1."""
    longest = len(similarity) * _LONGEST_LAG
    score, heard = np.zeros(len(beat)), np.zeros(len(beat))
    for beats, weight in _COMB:
        lag = beat * beats
        there = lag <= longest
        score += weight * there * np.interp(lag, np.arange(len(similarity)), similarity)
        heard += max(weight, 0.0) * there
    strength: Envelope = score / np.maximum(heard, 1.0)
    return strength


def _pulse(envelope: Envelope, hertz: Envelope, frame_rate: float) -> Envelope:
    """How much of the onsets' movement is at each frequency and its octaves, 0–1, in windows of 12 s.

    Repetition alone cannot tell five sixteenths from a beat when every sixteenth sounds; this can.
    """
    size = min(len(envelope), int(_PULSE_SECONDS * frame_rate))
    windows = np.lib.stride_tricks.sliding_window_view(envelope, size)[:: max(1, size // 2)]
    magnitude = np.abs(np.fft.rfft(windows * np.hanning(size), n=4096, axis=1)).mean(axis=0)
    bins = np.arange(len(magnitude))
    at = [np.interp(hertz * harmonic * 4096 / frame_rate, bins, magnitude) for harmonic in _HARMONICS]
    total = np.sum(at, axis=0)
    pulse: Envelope = total / max(float(total.max()), 1e-9)
    return pulse


def _refined(envelope: Envelope, coarse: float, frame_rate: float) -> float:
    """The tempo near `coarse` whose pulse keeps its phase best from the first frame to the last."""
    tempi = coarse + np.arange(-_REFINE_BPM, _REFINE_BPM + _REFINE_STEP / 2, _REFINE_STEP)
    score = np.zeros(len(tempi))
    for harmonic in _HARMONICS:
        score += _coherence(envelope, harmonic * tempi / 60.0, harmonic * coarse / 60.0, frame_rate)
    best = float(tempi[int(np.argmax(score))])
    return float(round(best)) if abs(best - round(best)) <= _SNAP else round(best, 2)


def _coherence(envelope: Envelope, hertz: Envelope, centre: float, frame_rate: float) -> Envelope:
    """Magnitude of the envelope's Fourier sum at each frequency.

    Turned back by `centre` first, the frames of a quarter second have nearly one phase and are summed:
    a long track costs little.
    """
    group = max(1, int(frame_rate / 4))
    whole = len(envelope) // group * group
    time = np.arange(whole) / frame_rate
    turned = envelope[:whole] * np.exp(-2j * np.pi * centre * time)
    parts = turned.reshape(-1, group).sum(axis=1)
    middle = time.reshape(-1, group).mean(axis=1)
    coherence: Envelope = np.abs(np.exp(-2j * np.pi * np.outer(hertz - centre, middle)) @ parts)
    return coherence


def _folded(raw: float, lowest: float, highest: float) -> float:
    """The octave of `raw` that lies in the range and is nearest to it, else the one nearest to the range."""

    def distance(bpm: float) -> tuple[float, float]:
        outside = max(lowest / bpm, bpm / highest, 1.0)
        return (outside if bpm != highest else 1.0 + 1e-9), abs(math.log2(bpm / raw))

    octaves = [raw * math.ldexp(1.0, power) for power in range(-4, 5)]
    nearest = min(octaves, key=distance)
    return round(nearest, 2)
