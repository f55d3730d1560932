"""The tempo of a track: how often its pulse comes, held against its whole length.

Onset strength in three bands is correlated with itself; what stands at the fractions and multiples of each
tempo, there and in the onsets' own spectrum, chooses the beat by a logistic regression; its phase over the
whole track then gives the hundredths.
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
TEMPI: Final[NDArray[np.float64]] = LOWEST_RAW * np.power(
    1.0 + STEP, np.arange(int(math.log(HIGHEST_RAW / LOWEST_RAW) / math.log1p(STEP)) + 1)
)
"""The sought tempi in BPM."""
LEAST_SECONDS: Final = 3.0
_TREND_SECONDS = 1.5
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
"""Lag in beats, and what the correlation there says for (or against) a strict repetition."""
# The next five are one logistic regression over all tempi of the grid, fitted to those tracks that are not held
# out: `python -m tests.benchmarks.accuracy.fit tempo` prints them.
REPEATS: Final = (
    (1 / 8, -0.49),
    (1 / 6, -0.53),
    (1 / 4, -0.47),
    (1 / 3, -0.03),
    (3 / 8, -0.52),
    (1 / 2, 0.46),
    (2 / 3, 0.00),
    (3 / 4, -0.11),
    (1, 0.82),
    (5 / 4, -0.21),
    (4 / 3, -0.14),
    (3 / 2, 0.18),
    (5 / 3, 0.01),
    (2, 0.43),
    (3, 0.70),
    (4, 0.97),
    (6, 0.56),
    (8, 1.00),
    (12, 0.47),
    (16, -0.17),
)
"""Lag in beats, and what the correlation there says for (or against) that beat."""
PARTIALS: Final = (
    (1 / 8, -1.10),
    (1 / 6, 0.27),
    (1 / 4, 0.19),
    (1 / 3, 0.68),
    (3 / 8, -0.47),
    (1 / 2, -0.71),
    (2 / 3, -0.16),
    (3 / 4, -0.01),
    (1, 0.60),
    (4 / 3, 0.13),
    (3 / 2, -0.28),
    (2, 0.76),
    (3, 0.69),
    (4, 1.29),
    (5, -0.09),
    (6, 0.41),
    (8, 0.18),
    (9, 0.53),
    (12, 1.03),
    (16, 0.50),
)
"""Multiple of the beat's frequency, and what the onsets' movement there says for (or against) that beat."""
LOW_PARTIALS: Final = (
    (1 / 4, 0.51),
    (1 / 3, -0.12),
    (1 / 2, 0.46),
    (2 / 3, -0.42),
    (1, -0.21),
    (3 / 2, 0.42),
    (2, 0.97),
    (3, 0.07),
    (4, 1.19),
    (6, 0.62),
)
"""The same of the low band alone: where kick and bass are."""
HIGH_PARTIALS: Final = (
    (1 / 4, -0.32),
    (1 / 3, 0.43),
    (1 / 2, 0.51),
    (2 / 3, 0.27),
    (1, 0.02),
    (3 / 2, 0.36),
    (2, 0.74),
    (3, 0.58),
    (4, 1.69),
    (6, 0.58),
)
"""The same of the high band alone: cymbals and claps."""
HABIT: Final = (0.42, -0.35, 0.14, -0.27)
"""Where tempi lie: a polynomial, without its constant, over the octaves from _CENTRE."""
_CENTRE = 116.0
_LEAST_ONSET = 0.02  # mean rise of log energy per frame: a held tone has less
_SNAP = 0.05
_REFINE_BPM, _REFINE_STEP = 1.5, 0.005
_HARMONICS: Final = (1, 2, 4)
_LONGEST_LAG = 0.7  # of the track: beyond, too little lies over itself
_PULSE_SECONDS = 12.0
_PULSE_BINS: Final = 4096
_FAINT = 0.05  # of the root mean square: fainter movement counts as none
_SAME = 0.02  # tempi nearer than this are one beat
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
    """How strictly the pulse repeats, times the share of this beat among all that explain it, 0–1; below 0.12
    the answer is uncertain."""


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
    groups, frame_rate = onset_groups(samples, rate), rate / HOP
    if not len(groups):
        return None
    similarity = self_similarity(groups)
    coarse, share = _beat(evidence(groups, similarity, frame_rate))
    strength = _repetition(similarity, 60.0 * frame_rate / coarse)
    if strength < max(_LEAST_STRENGTH, _CHANCE / len(groups) ** 0.5):
        return None
    raw = _refined(groups.sum(axis=1), coarse, frame_rate)
    return Tempo(bpm=_folded(raw, lowest, highest), raw=raw, confidence=round(min(1.0, strength * share), 4))


def onset_groups(samples: Floats, rate: int) -> Envelope:
    """Onset strength, shape (frames, 3): low, middle and high bands, centred; no frames for a held tone."""
    bands = _onsets(samples, rate)
    if bands.sum(axis=1).mean() < _LEAST_ONSET:
        return bands[:0]
    return _detrended(bands, int(_TREND_SECONDS * rate / HOP))


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


def self_similarity(groups: Envelope) -> Envelope:
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


def evidence(groups: Envelope, similarity: Envelope, frame_rate: float) -> Envelope:
    """What speaks for each tempo of TEMPI, shape (tempi, features), in the order of REPEATS to HABIT."""
    lags, beat = np.arange(len(similarity)), 60.0 * frame_rate / TEMPI
    longest = len(similarity) * _LONGEST_LAG
    repeats = [np.interp(beat * beats, lags, similarity) * (beat * beats <= longest) for beats, _ in REPEATS]
    hertz = TEMPI / 60.0 * _PULSE_BINS / frame_rate
    partials = []
    for envelope, table in (
        (groups.sum(axis=1), PARTIALS),
        (groups[:, 0], LOW_PARTIALS),
        (groups[:, -1], HIGH_PARTIALS),
    ):
        movement = _movement(envelope, frame_rate)
        bins = np.arange(len(movement))
        partials += [np.interp(hertz * multiple, bins, movement) for multiple, _ in table]
    octaves = np.log2(TEMPI / _CENTRE)
    return np.column_stack([*repeats, *partials, *(octaves**power for power in range(1, len(HABIT) + 1))])


def _beat(features: Envelope) -> tuple[float, float]:
    """The likeliest BPM, to a quarter of a percent, and its probability among all tempi."""
    tables = (*REPEATS, *PARTIALS, *LOW_PARTIALS, *HIGH_PARTIALS)
    weights = [*(weight for _, weight in tables), *HABIT]
    score = features @ np.array(weights)
    best = int(np.argmax(score))
    odds = np.exp(score - score[best])
    near = np.abs(TEMPI / TEMPI[best] - 1.0) < _SAME
    return float(TEMPI[best]), float(odds[near].sum() / odds.sum())


def _repetition(similarity: Envelope, beat: float) -> float:
    """How much the onsets repeat after a beat (in frames), its multiples and its half: at most 1."""
    there = [(beats, weight) for beats, weight in _COMB if beat * beats <= len(similarity) * _LONGEST_LAG]
    lags = np.array([beat * beats for beats, _ in there])
    found = np.interp(lags, np.arange(len(similarity)), similarity) @ np.array([weight for _, weight in there])
    return float(found / max(sum(max(weight, 0.0) for _, weight in there), 1.0))


def _movement(envelope: Envelope, frame_rate: float) -> Envelope:
    """The logarithm of the onsets' spectrum against its root mean square, averaged over windows of 12 s.

    Repetition alone cannot tell five sixteenths from a beat when every sixteenth sounds; this can.
    """
    size = min(len(envelope), int(_PULSE_SECONDS * frame_rate))
    windows = np.lib.stride_tricks.sliding_window_view(envelope, size)[:: max(1, size // 2)]
    magnitude = np.abs(np.fft.rfft(windows * np.hanning(size), n=_PULSE_BINS, axis=1)).mean(axis=0)
    level = math.sqrt(float(np.mean(magnitude**2)))
    movement: Envelope = np.log(magnitude / max(level, 1e-9) + _FAINT)
    return movement


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
