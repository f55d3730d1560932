"""The outline of a whole track: what a person recognises it by at a glance, as a small file and as a picture."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from musicsyncd.analysis.spectrum import Floats, finite
from musicsyncd.errors import BadInput

COLUMNS: Final = 1600
WIDTH, HEIGHT = 1600, 256
"""Pixels of the picture, unless somebody asks for others."""
LARGEST: Final = 8192
"""Pixels along either side of a picture."""
MAGIC: Final = b"MSWF"
VERSION: Final = 1
_HEAD: Final = struct.Struct("<4sBxHd")
"""Magic, version, a zero, columns, seconds; behind it low, high and RMS, one byte per column each."""
_FIRST_BIN: Final = 64
"""Samples: short tracks have fewer bins than columns otherwise."""
_MOST_BINS: Final = 16_384
"""Ten to a column and more, so that a column's borders are off by a tenth of it at most."""
_PALETTE: Final = bytes.fromhex("0000006f9fd81f5fa8")
"""Background, peaks, RMS; the background is transparent."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Peaks:
    """A track's outline, in COLUMNS columns of equal length."""

    seconds: float
    """Length of the whole track."""
    low: NDArray[np.int8]
    """The lowest sample of any channel; −127 is full scale."""
    high: NDArray[np.int8]
    """The highest one; 127 is full scale."""
    rms: NDArray[np.uint8]
    """Root mean square over all channels; 255 is full scale."""


class Outline:
    """Gathers extremes and energy while a track goes by, in ever longer bins: memory stays the same."""

    def __init__(self, rate: int) -> None:
        """`rate` in Hz."""
        self._rate, self._samples = rate, 0
        self._size, self._count = _FIRST_BIN, 0
        self._low, self._high, self._energy = (np.zeros(_MOST_BINS, np.float32) for _ in range(3))
        self._left: Floats | None = None

    def feed(self, samples: Floats) -> None:
        """Hear a block of samples by channels, full scale ±1."""
        self._samples += len(samples)
        if self._left is not None and len(self._left):
            samples = np.concatenate((self._left, samples))
        while len(samples) >= self._size:
            whole = min(len(samples) // self._size, _MOST_BINS - self._count)
            self._add(samples[: whole * self._size].reshape(whole, -1))
            samples = samples[whole * self._size :]
            if self._count == _MOST_BINS:
                self._halve()
        self._left = samples.copy()  # the block's own memory goes with it

    def peaks(self) -> Peaks:
        """The outline of what was heard so far; flat when that is nothing."""
        if self._left is not None and len(self._left):
            self._add(self._left.reshape(1, -1))
            self._left = None
        count = self._count or 1
        starts = np.arange(COLUMNS) * count // COLUMNS
        widths = np.maximum(np.diff(starts, append=count), 1)
        energy = np.add.reduceat(self._energy[:count], starts) / widths
        return Peaks(
            seconds=self._samples / self._rate,
            low=_signed(np.minimum.reduceat(self._low[:count], starts)),
            high=_signed(np.maximum.reduceat(self._high[:count], starts)),
            rms=np.clip(np.rint(np.sqrt(energy) * 255.0), 0, 255).astype(np.uint8),
        )

    def _add(self, bins: Floats) -> None:
        """Shape (bins, samples of all channels)."""
        bins = finite(bins)
        place = slice(self._count, self._count + len(bins))
        self._low[place], self._high[place] = bins.min(axis=1), bins.max(axis=1)
        self._energy[place] = np.einsum("ij,ij->i", bins, bins) / bins.shape[1]
        self._count += len(bins)

    def _halve(self) -> None:
        self._size, self._count = self._size * 2, self._count // 2
        for held, merge in ((self._low, np.minimum), (self._high, np.maximum), (self._energy, np.add)):
            held[: self._count] = merge(held[::2], held[1::2])
        self._energy[: self._count] /= 2


def _signed(values: Floats) -> NDArray[np.int8]:
    steps: NDArray[np.int8] = np.clip(np.rint(values * 127.0), -127, 127).astype(np.int8)
    return steps


def encode(peaks: Peaks) -> bytes:
    """The file that `decode` reads: 4,816 bytes."""
    head = _HEAD.pack(MAGIC, VERSION, len(peaks.rms), peaks.seconds)
    return head + peaks.low.tobytes() + peaks.high.tobytes() + peaks.rms.tobytes()


def decode(data: bytes) -> Peaks:
    """What `encode` wrote; BadInput for anything else."""
    if len(data) < _HEAD.size or not data.startswith(MAGIC):
        raise _unreadable("it does not begin as one")
    _, version, columns, seconds = _HEAD.unpack_from(data)
    if version != VERSION:
        raise _unreadable(f"its version is {version}, and {VERSION} is known here")
    if len(data) != _HEAD.size + 3 * columns:
        raise _unreadable("it is cut off, or more than one")
    low, high, rms = (np.frombuffer(data, np.uint8, columns, _HEAD.size + columns * part) for part in range(3))
    return Peaks(seconds=seconds, low=low.view(np.int8), high=high.view(np.int8), rms=rms)


def png(peaks: Peaks, width: int = WIDTH, height: int = HEIGHT) -> bytes:
    """The outline as a PNG with a transparent background, peaks in one colour and RMS in another before them.

    ValueError unless `width` and `height`, in pixels, are from 1 to LARGEST.
    """
    if not (1 <= width <= LARGEST and 1 <= height <= LARGEST):
        raise ValueError(f"a picture has 1 to {LARGEST} pixels a side, not {width} by {height}")
    # two bits to a pixel: three colours, four pixels to a byte
    header = struct.pack(">IIBBBBB", width, height, 2, 3, 0, 0, 0)
    chunks = (
        (b"IHDR", header),
        (b"PLTE", _PALETTE),
        (b"tRNS", b"\0"),
        (b"IDAT", zlib.compress(_scanlines(_pixels(peaks, width, height)), 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, body) for name, body in chunks)


def _pixels(peaks: Peaks, width: int, height: int) -> NDArray[np.uint8]:
    """Palette numbers, shape (height, width)."""
    count = len(peaks.rms)
    starts = np.arange(width) * count // width
    widths = np.maximum(np.diff(starts, append=count), 1)
    energy = np.add.reduceat(np.square(peaks.rms.astype(np.float64) / 255.0), starts) / widths
    middle = (height - 1) / 2
    row = np.arange(height)[:, None]

    def between(low: NDArray[np.floating], high: NDArray[np.floating]) -> NDArray[np.bool_]:
        inside: NDArray[np.bool_] = (row >= np.rint(middle * (1 - high))) & (row <= np.rint(middle * (1 - low)))
        return inside

    low, high = np.minimum.reduceat(peaks.low, starts) / 127.0, np.maximum.reduceat(peaks.high, starts) / 127.0
    outer = between(low, high)
    rms = np.sqrt(energy)
    return outer.astype(np.uint8) + (outer & between(-rms, rms))


def _scanlines(pixels: NDArray[np.uint8]) -> bytes:
    """Four pixels to a byte, each line as its difference from the one above (filter 2): most lines differ little."""
    padded = np.pad(pixels, ((0, 0), (0, -pixels.shape[1] % 4))).reshape(len(pixels), -1, 4)
    packed = padded @ np.array([64, 16, 4, 1], np.uint8)
    filtered = np.diff(packed, axis=0, prepend=np.zeros_like(packed[:1]))
    return np.insert(filtered, 0, 2, axis=1).tobytes()


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _unreadable(why: str) -> BadInput:
    return BadInput("The waveform cannot be read", why=why, fix="Analyse the audio again to replace it")
