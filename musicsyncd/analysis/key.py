"""The musical key of a track, from the strongest partials of its whole length.

Peaks of short spectra are brought to the track's own tuning and counted for the pitch classes of which they
may be an overtone. Four things are asked of them: which classes sound, which lie in the bass, which major and
minor chords come, and which chord opens the track and each return of its loop; a logistic regression weighs them
for each of the 24 keys. Whether there is a key at all is told by the profiles of Ibrahim Sha'ath ("Estimation of
key in digital music recordings", 2011).
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
LEAST_COHERENCE: Final = 0.09
"""Partials of instruments lie a whole number of semitones apart, those of drums anywhere: 0 is chance, 1 exact."""
_SURE_COHERENCE = 0.25
# Of the rendered tracks that are not held out 1 % are below 0.15 and the lowest is at 0.10; drums reach 0.08.
_SILENCE = 1e-4  # full scale is 1: −80 dBFS
_DECAY = 0.8  # of the weight from one harmonic to the next
_COMPRESSION = 0.6
# Above C0: a partial at G3 (196 Hz) counts half for the bass. A sharp edge would make keys unequal.
_BASS_SEMITONES, _BASS_SLOPE = 43.0, 2.5
_CHORD_FRAMES = 8  # three quarters of a second: a beat or two
_CHORD_SHARPNESS = 8.0  # how much a better likeness counts among chords
_CHORDS: Final = ((0, 4, 7), (0, 3, 7))
_AUDIBLE = 0.1  # of the median level: what is fainter comes before the music
_OPENING_FRAMES = 16  # one and a half seconds: a bar at 160 BPM, half a bar at 80
_BASS_SHARPNESS = 6.0  # how much the bass counts for the opening chord's root
_LOOP_FRAMES: Final = (32, 216)
"""3 s to 20 s: two bars of drum and bass to four of a ballad."""
_LONGEST_LOOP = 0.6  # of the track: beyond, too little lies over itself
_SAME_LOOP = 0.85  # of the best likeness: the shortest such lag is the loop, the others are its multiples

PROFILES: Final = (
    (6.6, 2.0, 3.5, 2.3, 4.6, 4.0, 2.5, 5.2, 2.4, 3.7, 2.3, 3.4),
    (6.5, 2.7, 3.5, 5.4, 2.6, 3.5, 2.5, 5.2, 4.0, 2.7, 4.3, 3.2),
)

# One logistic regression over the 24 keys, fitted to those tracks that are not held out:
# `python -m tests.benchmarks.accuracy.fit key` prints it.
WEIGHTS: Final = (
    (
        (2.30, -1.48, 0.05, -0.99, 1.05, 0.17, -0.81, 0.57, -0.88, 0.50, -0.44, -0.04),
        (0.51, -0.20, -0.63, -0.06, 0.12, 0.24, -0.32, 0.16, 0.13, -0.15, 0.36, -0.18),
        (0.73, 0.40, -0.60, -0.29, -0.09, -0.45, 0.25, 0.26, 0.14, 0.21, -0.28, -0.30),
        (-0.35, 0.15, 0.48, 0.43, 0.32, -0.30, -0.33, -0.26, 0.36, 0.31, 0.22, -1.02),
        (-0.18, -0.06, 0.13, -0.01, -0.18, -0.05, 0.12, 0.01, 0.17, 0.05, -0.02, 0.02),
        (0.42, 0.01, -0.13, -0.06, 0.00, -0.14, -0.01, -0.14, 0.28, -0.24, 0.12, -0.12),
    ),
    (
        (2.25, -1.03, -0.17, 1.15, -1.44, -0.17, -1.17, 0.76, 0.24, -0.83, 0.81, -0.40),
        (0.29, -0.22, -0.46, -0.07, -0.15, 0.17, 0.25, 0.04, -0.19, 0.09, -0.18, 0.44),
        (0.20, 0.75, 0.09, -0.43, -0.42, -0.15, -0.23, 0.20, 0.54, 0.08, 0.25, -0.89),
        (1.35, 0.16, 0.09, -0.12, -0.31, -0.67, 0.67, -0.53, 0.08, -0.30, -0.51, 0.09),
        (0.15, -0.21, 0.02, 0.16, -0.06, 0.02, -0.16, -0.06, -0.02, 0.26, 0.13, -0.22),
        (0.03, 0.19, 0.08, -0.35, 0.15, -0.01, -0.03, -0.08, 0.14, 0.14, -0.06, -0.19),
    ),
)
"""By mode, by row of the evidence, by semitones above the tonic."""
MODE_WEIGHTS: Final = (0.00, 0.00)
Pitches = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class KeyEstimate:
    """The key that explains a track's pitches best, and the next best."""

    tonic: int
    """Pitch class, 0 = C … 11 = B."""
    mode: Mode
    confidence: float
    """Lead over the runner-up in probability, less where drums hide the tuning, 0–1; below 0.05 it is uncertain."""
    runner_up: tuple[int, Mode]


class Peaks(NamedTuple):
    """Partials of a track, one per entry."""

    frame: NDArray[np.intp]
    semitone: NDArray[np.float64]  # above C0, in the track's own tuning
    weight: NDArray[np.float64]


def estimate_key(samples: Floats, rate: int = 22_050) -> KeyEstimate | None:
    """The key of mono float samples (full scale ±1); None for silence, noise, or less than a second.

    Only the first 15 minutes are heard.
    """
    samples = analysed_part(samples, rate)
    if len(samples) < max(LEAST_SECONDS * rate, FRAME):
        return None
    peaks = partials(samples, rate)
    if not len(peaks.frame):
        return None
    frames, coherence = pitch_frames(peaks), _coherence(peaks)
    pitches = _normal(frames).mean(axis=0)
    if coherence < LEAST_COHERENCE:
        return None
    if pitches.std() < LEAST_SPREAD * pitches.mean() or _likeness(pitches) < LEAST_CORRELATION:
        return None
    return _best(_probabilities(evidence(peaks, frames)), min(1.0, coherence / _SURE_COHERENCE))


def evidence(peaks: Peaks, frames: Pitches) -> Pitches:
    """What speaks for keys, shape (6, 12) by pitch class, each row of mean 0 and deviation 1 (or all 0).

    The rows: how much each class sounds, how much in the bass, the roots of major and of minor chords, and the
    roots of the chords that open.
    """
    depth = np.clip((_BASS_SEMITONES - peaks.semitone) / _BASS_SLOPE, -50.0, 50.0)
    bass = _by_frame(peaks._replace(weight=peaks.weight / (1.0 + np.exp(-depth))), 1)
    sounding = _normal(frames)
    chords = [np.sqrt(_chord_shares(sounding)), np.sqrt(_opening_chord(frames, bass))]
    rows = np.vstack([sounding.mean(axis=0), _normal(bass).mean(axis=0), *chords])
    rows -= rows.mean(axis=1, keepdims=True)
    scaled: Pitches = rows / np.maximum(rows.std(axis=1, keepdims=True), 1e-6)
    return scaled


def partials(samples: Floats, rate: int) -> Peaks:
    """The strongest local maxima of all frames, brought to the track's tuning."""
    found, first = [], 0
    window = np.hanning(FRAME).astype(np.float32)
    for block in spectra(samples, window=window, hop=FRAME):
        frame, bins, weight = _block_peaks(np.abs(block) / (FRAME / 4), rate)
        semitone = 12.0 * np.log2(bins * (rate / FRAME) / 440.0) + 57.0
        found.append(Peaks(frame + first, semitone, weight))
        first += len(block)
    frame_of, semitone, weight = (np.concatenate(column) for column in zip(*found, strict=True))
    return Peaks(np.asarray(frame_of, np.intp), semitone - _tuning(semitone, weight), weight)


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


def pitch_frames(peaks: Peaks) -> Pitches:
    """The weight of each pitch class in each frame, shape (frames, 12); a silent one is all 0."""
    return _by_frame(peaks, HARMONICS)


def _by_frame(peaks: Peaks, harmonics: int) -> Pitches:
    """The weight of each pitch class by frame, where a peak may be an overtone up to that harmonic."""
    frames = int(peaks.frame[-1]) + 1
    chroma = np.zeros(frames * 12)
    for harmonic in range(1, harmonics + 1):
        root = peaks.semitone - 12.0 * np.log2(harmonic)
        nearest = np.round(root)
        nearness = np.cos(np.pi * (root - nearest)) ** 2
        place = peaks.frame * 12 + nearest.astype(np.int64) % 12
        chroma += np.bincount(place, peaks.weight * nearness * _DECAY ** (harmonic - 1), minlength=len(chroma))
    return chroma.reshape(-1, 12)


def _normal(by_frame: Pitches) -> Pitches:
    """The frames that sound, each brought to a strongest class of 1."""
    strongest = by_frame.max(axis=1, keepdims=True)
    sounding = strongest[:, 0] > 0
    normal: Pitches = by_frame[sounding] / strongest[sounding]
    return normal


def _chord_shares(frames: Pitches) -> Pitches:
    """How much of the time each major and minor chord is the likeliest, shape (2, 12) by root."""
    whole = max(1, len(frames) // _CHORD_FRAMES)
    parts = np.array([part.mean(axis=0) for part in np.array_split(frames, whole)])
    odds = np.exp(_CHORD_SHARPNESS * _chord_likeness(parts))
    shares: Pitches = (odds / odds.sum(axis=1, keepdims=True)).mean(axis=0).reshape(2, 12)
    return shares


def _opening_chord(frames: Pitches, bass: Pitches) -> Pitches:
    """The probability that a chord opens the track and each return of its loop, shape (2, 12) by root.

    A phrase begins on the tonic more often than on any other chord: without this, four chords that go round are
    as good in the relative key.
    """
    level = frames.max(axis=1)
    heard = np.flatnonzero(level > _AUDIBLE * np.median(level[level > 0]))
    music = slice(heard[0], heard[-1] + 1)
    both = [part[music] / np.maximum(part[music].max(axis=1, keepdims=True), 1e-9) for part in (frames, bass)]
    at = np.arange(len(both[0])) % _loop(np.hstack(both))
    pitches, lows = (part[at < _OPENING_FRAMES].sum(axis=0) for part in both)
    roots = np.tile(lows / max(lows.max(), 1e-9), 2)
    score = _CHORD_SHARPNESS * _chord_likeness(pitches[None, :])[0] + _BASS_SHARPNESS * roots
    odds = np.exp(score - score.max())
    opening: Pitches = (odds / odds.sum()).reshape(2, 12)
    return opening


def _loop(frames: Pitches) -> float:
    """After how many frames the harmony comes again; all of them when it does not."""
    count = len(frames)
    shortest, longest = _LOOP_FRAMES[0], min(_LOOP_FRAMES[1], int(count * _LONGEST_LOOP))
    if longest < shortest + 3:
        return float(count)
    spectrum = np.fft.rfft(frames - frames.mean(axis=0), n=2 << count.bit_length(), axis=0)
    product = np.fft.irfft((spectrum.real**2 + spectrum.imag**2).sum(axis=1))
    likeness = product[shortest - 1 : longest + 1] / (count - np.arange(shortest - 1, longest + 1))
    left, middle, right = likeness[:-2], likeness[1:-1], likeness[2:]
    high = (middle >= left) & (middle > right) & (middle > 0) & (middle >= _SAME_LOOP * middle.max())
    if not high.any():
        return float(count)
    best = int(np.argmax(high))
    # A parabola through three lags: a tenth of a frame would be a bar after ten minutes.
    shift = 0.5 * (left[best] - right[best]) / (left[best] - 2.0 * middle[best] + right[best])
    return float(shortest + best + shift)


def _chord_likeness(parts: Pitches) -> Pitches:
    """How alike each part is to each of the 24 chords, shape (parts, 24)."""
    chords = [[np.isin(np.arange(12), (root + np.array(notes)) % 12) for root in range(12)] for notes in _CHORDS]
    return _correlation(parts, np.array(chords, np.float64).reshape(24, 12))


def _tuning(semitone: NDArray[np.float64], weight: NDArray[np.float64]) -> float:
    """How far the track is from 440 Hz, in semitones between −0.5 and 0.5."""
    return float(np.angle(np.sum(weight * np.exp(2j * np.pi * semitone))) / (2.0 * np.pi))


def _coherence(peaks: Peaks) -> float:
    """How closely the partials keep to one tuning."""
    return float(np.abs(np.sum(peaks.weight * np.exp(2j * np.pi * peaks.semitone))) / np.sum(peaks.weight))


def _correlation(first: Pitches, second: Pitches) -> Pitches:
    """Pearson's coefficient of each row with each row."""
    (first, second) = (rows - rows.mean(axis=1, keepdims=True) for rows in (first, second))
    scale = np.outer(np.linalg.norm(first, axis=1), np.linalg.norm(second, axis=1))
    correlation: Pitches = (first @ second.T) / np.maximum(scale, 1e-12)
    return correlation


def _likeness(pitches: Pitches) -> float:
    """The best correlation with any key's profile."""
    clear = np.where(pitches < 0.2 * pitches.max(), 0.0, pitches)
    profiles = np.array([np.roll(profile, tonic) for profile in PROFILES for tonic in range(12)])
    return float(_correlation(clear[None, :], profiles).max())


def _probabilities(rows: Pitches) -> Pitches:
    """Of each key, shape (2 modes, 12 tonics)."""
    turned = np.array([np.roll(rows, -tonic, axis=1).ravel() for tonic in range(12)])
    score = np.array(WEIGHTS).reshape(2, -1) @ turned.T + np.array(MODE_WEIGHTS)[:, None]
    odds = np.exp(score - score.max())
    probabilities: Pitches = odds / odds.sum()
    return probabilities


def _best(probability: Pitches, certainty: float) -> KeyEstimate:
    order = np.argsort(probability, axis=None)[::-1]
    (mode, tonic), (other_mode, other_tonic) = (divmod(int(index), 12) for index in order[:2])
    return KeyEstimate(
        tonic=tonic,
        mode=MODES[mode],
        confidence=certainty * float(probability.flat[order[0]] - probability.flat[order[1]]),
        runner_up=(other_tonic, MODES[other_mode]),
    )
