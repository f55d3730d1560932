"""How far up a track's sound reaches, and whether it ends as abruptly as a lossy encoder ends it.

Lossy encoders leave out what lies above some frequency, within a few hundred hertz, and nothing but rounding noise is
left there. Instruments, microphones, tape and analogue filters lose their highs over whole octaves. An encoder that
leaves nothing out (FFmpeg's AAC at 256 kbit/s) cannot be told this way, and neither can an edge that is buried: in a
very quiet track, or under the distortion of one that was clipped throughout.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from musicsyncd.analysis.spectrum import Floats, finite

LOWEST_RATE: Final = 44_000
"""Hz; a slower source ends by itself where encoders cut."""
LOWEST_HZ, HIGHEST_HZ = 8_000, 24_000
"""What of the spectrum is looked at."""
FIRST_EDGE_HZ: Final = 9_000
ACCUSED_HZ: Final = (14_000, 20_500)
"""Where MP3, AAC, Opus and Vorbis from about 96 kbit/s on end (Opus the highest, at 20.4 kHz). Below end samplers of
22 kHz and 28 kHz; above, from 20.8 kHz on, the filters of honest converters and resamplers set in."""
LOSSY_DROP: Final = 28.0
"""dB within 700 Hz: full pieces as MP3 128 to 320, AAC 128 and Opus 128 lose 38 and more, lossless ones below 20.5 kHz
less than 24."""
EVEN_DROP: Final = 10.0
"""dB; a spectrum that nowhere loses more than this has no edge."""
FAINTEST: Final = -100.0
"""dBFS per bin: LOSSY_DROP above the rounding noise of 16 bits, in which an edge of fainter highs would be lost."""
LEAST_FRAMES: Final = 32
"""Three seconds: in less, one cymbal more or less would decide."""
MOST_FRAMES: Final = 512
"""Spread over the whole track, however long: 3 MB."""
_BAND_HZ = 100
_SILENCE = 1e-16  # −160 dB, below all that 24 bits hold


Levels = NDArray[np.floating[Any]]
"""dBFS per bin, in bands of 100 Hz from LOWEST_HZ on."""


@dataclass(frozen=True, kw_only=True)
class Bandwidth:
    """Where the sound ends, and what to think of it."""

    cutoff_hz: float | None
    """Above it is nothing, from one place to the next; None: the highs end gradually, not at all, or too low to see."""
    drop_db: float
    """The steepest loss over 700 Hz above 9 kHz."""
    lossy_likely: bool
    """Whether an encoder would have left such an edge. It says nothing of a source whose codec is lossy anyway."""
    confidence: float
    """0 to 1, in `lossy_likely` as it stands; 0.0 for "cannot tell"."""


class LongTermSpectrum:
    """Spectra taken all over a track while it goes by."""

    def __init__(self, rate: int) -> None:
        """`rate` in Hz."""
        self.rate = rate
        self.size = 4096 * min(4, max(1, round(rate / 48_000)))  # at most a block of the decoder
        self._bins = slice(*(round(hertz * self.size / rate) for hertz in (LOWEST_HZ, HIGHEST_HZ)))
        window = np.hanning(self.size)
        self._window = (window / (window.sum() / 2)).astype(np.float32)
        self._frames: list[Floats] = []
        self._every, self._seen = 1, 0

    def feed(self, samples: Floats) -> None:
        """Hear a block of samples by channels (full scale ±1). A frame is never taken across two blocks."""
        if self.rate < LOWEST_RATE:
            return
        for start in range(0, len(samples) - self.size + 1, self.size):
            if self._seen % self._every == 0:
                self._take(samples[start : start + self.size])
            self._seen += 1

    def _take(self, samples: Floats) -> None:
        if len(self._frames) == MOST_FRAMES:
            self._frames, self._every = self._frames[::2], self._every * 2
        spectrum = np.fft.rfft(finite(samples).mean(axis=1) * self._window)[self._bins]
        power = spectrum.real**2 + spectrum.imag**2
        self._frames.append((10.0 * np.log10(power + _SILENCE)).astype(np.float32))

    def levels(self) -> Levels | None:
        """None when too little was heard.

        Of the frames the half with more highs counts, so that neither pauses nor fades pass for a dark track. Medians
        over time and within a band keep what sounds everywhere: a few loud overtones do not make a full spectrum.
        """
        if len(self._frames) < LEAST_FRAMES:
            return None
        frames = np.stack(self._frames)
        highs = frames.mean(axis=1)
        typical = np.median(frames[highs >= np.median(highs)], axis=0)
        band = (np.arange(len(typical)) * self.rate / self.size / _BAND_HZ).astype(int)
        starts = np.flatnonzero(np.diff(band, prepend=-1))
        return np.array([np.median(part) for part in np.split(typical, starts[1:])])


def estimate_cutoff(spectrum: LongTermSpectrum) -> Bandwidth | None:
    """Where the sound ends; None for less than 3 s and for sources below 44 kHz."""
    levels = spectrum.levels()
    if levels is None:
        return None
    below, above = _sides(levels)
    drops = np.where(below >= FAINTEST, np.maximum(below - above, 0.0), 0.0)
    steepest = int(np.argmax(drops))
    drop = float(drops[steepest])
    cutoff = _end(levels, steepest, (below[steepest] + above[steepest]) / 2) if drop >= LOSSY_DROP else None
    lossy = cutoff is not None and ACCUSED_HZ[0] <= cutoff <= ACCUSED_HZ[1]
    return Bandwidth(
        cutoff_hz=cutoff,
        drop_db=drop,
        lossy_likely=lossy,
        confidence=min(1.0, drop / (2 * LOSSY_DROP)) if lossy else _innocence(levels, drops),
    )


def _band(hertz: float) -> int:
    return round((hertz - LOWEST_HZ) / _BAND_HZ)


def _sides(levels: Levels) -> tuple[Levels, Levels]:
    """For each edge from FIRST_EDGE_HZ on the level of the kilohertz below, and of 300 Hz that begin 700 Hz above.

    Below the lower quartile counts: between the overtones of one sustained tone is nothing, and its last one would
    look like an edge.
    """
    windows, first = np.lib.stride_tricks.sliding_window_view, _band(FIRST_EDGE_HZ)
    above = np.median(windows(levels[first + 7 :], 3), axis=1)
    below = np.quantile(windows(levels[first - 10 :], 10), 0.25, axis=1)
    return below[: len(above)], above


def _end(levels: Levels, edge: int, half_way: float) -> float:
    """The frequency, in Hz, half-way down an edge."""
    start = _band(FIRST_EDGE_HZ) + edge - 5
    last = int(np.flatnonzero(levels[start : start + 15] > half_way)[-1])
    return float(LOWEST_HZ + (start + last + 1) * _BAND_HZ)


def _innocence(levels: Levels, drops: Levels) -> float:
    """How sure it is that no encoder has cut anything off: no edge is there, and none could hide."""
    last = _band(ACCUSED_HZ[1])
    worst = float(drops[: last - 9 - _band(FIRST_EDGE_HZ)].max())
    if worst > EVEN_DROP or levels[:last].min() < FAINTEST:
        return 0.0
    return 1.0 - worst / LOSSY_DROP
