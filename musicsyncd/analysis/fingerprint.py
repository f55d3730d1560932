"""Acoustic fingerprints as AcoustID and fpcalc make them, and how far two of them agree.

The algorithm is Chromaprint's `TEST2` (its default), by Lukáš Lalinský, MIT licence, https://acoustid.org/chromaprint:
the sixteen classifiers and the packed text form are its interoperability data, the code here is our own.
"""

from __future__ import annotations

import base64
import binascii
import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from musicsyncd.analysis.spectrum import FRAMES_PER_BLOCK
from musicsyncd.errors import BadInput

RATE: Final = 11_025
"""Samples per second that `fingerprint` takes."""
SECONDS: Final = 120
"""How much of a track is fingerprinted, as fpcalc and AcoustID do."""
FRAME: Final = 4096
HOP: Final = FRAME - (FRAME - FRAME // 3)
ITEM_SECONDS: Final = HOP / RATE
"""Time between two values of a fingerprint: 0.1238 s."""

LONGEST_SHIFT_SECONDS: Final = 30.0
"""How far two recordings may be shifted against each other: a cut intro, a spoken lead-in, silence."""
SMALLEST_OVERLAP: Final = 0.5
"""Share of the shorter one that must lie over the other: a shared sample of ten seconds is no duplicate."""
SMALLEST_VARIETY: Final = 8
"""A fingerprint with fewer different values is silence or one held tone: it looks like any other silence."""

Fingerprint = NDArray[np.uint32]
Image = NDArray[np.float64]

_ALGORITHM = 1  # TEST2, as the first byte of the packed form counts them
_MAX_NORMAL = 7  # three bits hold 0–7; 7 says that five more bits follow
_LOWEST_HZ, _HIGHEST_HZ = 28, 3520
_SMOOTHING = (0.25, 0.75, 1.0, 0.75, 0.25)
_FAINTEST = 0.01  # a chroma vector of a smaller Euclidean norm counts as silence
_WIDTH = 16  # of the widest classifier, in chroma vectors
_ITEMS = int(SECONDS / ITEM_SECONDS)
_GRAY = np.array([0, 1, 3, 2], dtype=np.uint32)

# Filter kind, first pitch class, pitch classes, chroma vectors, and the three quantizer steps.
_CLASSIFIERS: Final = (
    (0, 4, 3, 15, (1.98215, 2.35817, 2.63523)),
    (4, 4, 6, 15, (-1.03809, -0.651211, -0.282167)),
    (1, 0, 4, 16, (-0.298702, 0.119262, 0.558497)),
    (3, 8, 2, 12, (-0.105439, 0.0153946, 0.135898)),
    (3, 4, 4, 8, (-0.142891, 0.0258736, 0.200632)),
    (4, 0, 3, 5, (-0.826319, -0.590612, -0.368214)),
    (1, 2, 2, 9, (-0.557409, -0.233035, 0.0534525)),
    (2, 7, 3, 4, (-0.0646826, 0.00620476, 0.0784847)),
    (2, 6, 2, 16, (-0.192387, -0.029699, 0.215855)),
    (2, 1, 3, 2, (-0.0397818, -0.00568076, 0.0292026)),
    (5, 10, 1, 15, (-0.53823, -0.369934, -0.190235)),
    (3, 6, 2, 10, (-0.124877, 0.0296483, 0.139239)),
    (2, 1, 1, 14, (-0.101475, 0.0225617, 0.231971)),
    (3, 5, 6, 4, (-0.0799915, -0.00729616, 0.063262)),
    (1, 9, 2, 12, (-0.272556, 0.019424, 0.302559)),
    (3, 4, 2, 14, (-0.164292, -0.0321188, 0.0846339)),
)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """How two fingerprints lie over each other at the shift where they agree best."""

    bit_error_rate: float
    """Share of differing bits in the overlap: 0 identical, about 0.5 unrelated, 1.0 not comparable."""
    overlap_share: float
    """The overlap as a share of the shorter fingerprint, 0–1."""
    offset_seconds: float
    """How much later the same sound comes in the second than in the first."""


def fingerprint(samples: NDArray[np.int16]) -> Fingerprint:
    """The fingerprint of mono int16 samples at 11,025 Hz; about eight values a second, none below 2.8 s.

    Only the first 120 s are heard. TypeError for samples that are not int16: the scale tells what is silence.
    """
    if samples.dtype != np.int16:
        raise TypeError(f"fingerprint() wants int16 samples, not {samples.dtype}")
    image = _chroma_image(samples[: SECONDS * RATE])
    count = len(image) - _WIDTH + 1
    if count < 1:
        return np.zeros(0, dtype=np.uint32)
    sums = np.zeros((len(image) + 1, 13))
    sums[1:, 1:] = image.cumsum(axis=0).cumsum(axis=1)
    found = np.zeros(count, dtype=np.uint32)
    for kind, pitch, height, width, steps in _CLASSIFIERS:
        value = _filtered(sums, count, kind, pitch, height, width)
        found = (found << np.uint32(2)) | _GRAY[np.searchsorted(steps, value, side="right")]
    return found


def _chroma_image(samples: NDArray[np.int16]) -> Image:
    """Smoothed, normalised chroma vectors, shape (frames − 4, 12), pitch class A first."""
    chroma = _chroma(samples)
    count = len(chroma) - len(_SMOOTHING) + 1
    if count < 1:
        return np.zeros((0, 12))
    smooth = sum(weight * chroma[at : at + count] for at, weight in enumerate(_SMOOTHING))
    norm = np.linalg.norm(smooth, axis=1, keepdims=True)
    return np.where(norm < _FAINTEST, 0.0, smooth / np.maximum(norm, _FAINTEST))


def _chroma(samples: NDArray[np.int16]) -> Image:
    """Energy per pitch class and frame."""
    frames = (len(samples) - FRAME) // HOP + 1
    if frames < 1:
        return np.zeros((0, 12))
    framed = np.lib.stride_tricks.sliding_window_view(samples, FRAME)[::HOP]
    low, high = (round(FRAME * hertz / RATE) for hertz in (_LOWEST_HZ, _HIGHEST_HZ))
    classes = _pitch_classes(low, high)
    window = np.hamming(FRAME) / np.iinfo(np.int16).max
    blocks = []
    for first in range(0, frames, FRAMES_PER_BLOCK):
        spectrum = np.fft.rfft(framed[first : first + FRAMES_PER_BLOCK] * window, axis=1)[:, low:high]
        blocks.append((spectrum.real**2 + spectrum.imag**2) @ classes)
    return np.concatenate(blocks)


def _pitch_classes(low: int, high: int) -> Image:
    """Which bin counts for which pitch class, shape (bins, 12): each for one class only, as in TEST2."""
    hertz = np.arange(low, high) * RATE / FRAME
    octaves = np.log2(hertz / (440.0 / 16.0))
    classes: Image = np.eye(12)[(12 * (octaves - np.floor(octaves))).astype(int)]
    return classes


def _filtered(sums: Image, count: int, kind: int, pitch: int, height: int, width: int) -> NDArray[np.float64]:
    """One classifier's value at each place: the log ratio of two groups of rectangles of the image."""

    def area(left: int, right: int, low: int, high: int) -> NDArray[np.float64]:
        later, earlier = sums[right : right + count], sums[left : left + count]
        inside: NDArray[np.float64] = later[:, high] - later[:, low] - earlier[:, high] + earlier[:, low]
        return inside

    low, high = pitch, pitch + height
    whole = area(0, width, low, high)
    half_width, half_height = width // 2, height // 2
    if kind == 0:
        return np.log1p(whole)
    if kind == 1:
        part = area(0, width, low + half_height, high)
    elif kind == 2:
        part = area(half_width, width, low, high)
    elif kind == 3:
        middle = low + half_height
        part = area(0, half_width, middle, high) + area(half_width, width, low, middle)
    elif kind == 4:
        part = area(0, width, low + height // 3, low + 2 * (height // 3))
    else:
        part = area(width // 3, 2 * (width // 3), low, high)
    return np.log((1.0 + part) / (1.0 + whole - part))


def encode(values: Fingerprint) -> str:
    """The packed text form that fpcalc prints and AcoustID takes: URL-safe base64 without padding.

    Each value is told as the distances between the bits that changed since the one before, three bits each.
    """
    if len(values) >= 1 << 24:
        raise ValueError("a packed fingerprint holds fewer than 2**24 values")
    gaps = _gaps(values)
    head = bytes([_ALGORITHM]) + len(values).to_bytes(3, "big")
    body = _pack(np.minimum(gaps, _MAX_NORMAL), 3) + _pack(gaps[gaps >= _MAX_NORMAL] - _MAX_NORMAL, 5)
    return base64.urlsafe_b64encode(head + body).rstrip(b"=").decode("ascii")


def decode(text: str) -> Fingerprint:
    """The fingerprint that `encode` or fpcalc wrote; BadInput for other, cut or differently made text."""
    packed = _unpacked_base64(text)
    if len(packed) < 4 or packed[0] != _ALGORITHM:
        raise _unreadable("its first bytes do not name Chromaprint's default algorithm")
    count = int.from_bytes(packed[1:4], "big")
    gaps = _read_gaps(np.frombuffer(packed, np.uint8)[4:], count)
    ends = gaps == 0
    position = np.cumsum(gaps)
    row = np.cumsum(ends) - ends
    before = np.concatenate(([0], position[ends]))[row]
    bit = (position - before)[~ends]
    if bit.size and bit.max() > 32:
        raise _unreadable("a value has more than 32 bits")
    changes = np.zeros(count, dtype=np.uint32)
    np.bitwise_or.at(changes, row[~ends], np.uint32(1) << (bit - 1).astype(np.uint32))
    return np.bitwise_xor.accumulate(changes)


def compare(first: Fingerprint, second: Fingerprint) -> Comparison:
    """The shift within ± 30 s at which two fingerprints differ in the fewest bits.

    Of each the first 120 s count. At least half of the shorter one must lie over the other; of equal shifts the
    smallest is taken. A fingerprint of silence or of one held tone agrees with nothing.
    """
    # One out of a file's tag may be of any length, and the work grows with its length times the shifts.
    first, second = first[:_ITEMS], second[:_ITEMS]
    shorter = min(len(first), len(second))
    if min(_variety(first), _variety(second)) < SMALLEST_VARIETY:
        return Comparison(bit_error_rate=1.0, overlap_share=0.0, offset_seconds=0.0)
    longest = int(LONGEST_SHIFT_SECONDS / ITEM_SECONDS)
    wrong, overlap = _differences(first, second, longest)
    enough = overlap >= shorter * SMALLEST_OVERLAP
    rate = np.where(enough, wrong / np.maximum(32 * overlap, 1), 1.0)
    shift = np.arange(-longest, longest + 1)
    best = np.lexsort((np.abs(shift), rate))[0]
    return Comparison(
        bit_error_rate=float(rate[best]),
        overlap_share=float(overlap[best] / shorter),
        offset_seconds=float(shift[best] * ITEM_SECONDS),
    )


def _differences(first: Fingerprint, second: Fingerprint, longest: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Differing bits, and values that lie over each other, at each shift from −longest to +longest."""
    room = (longest, longest + max(0, len(first) - len(second)))
    theirs, there = np.pad(second, room), np.pad(np.ones(len(second), dtype=np.uint8), room)
    windows = np.lib.stride_tricks.sliding_window_view(theirs, len(first))[: 2 * longest + 1]
    valid = np.lib.stride_tricks.sliding_window_view(there, len(first))[: 2 * longest + 1]
    wrong = np.bitwise_count(windows ^ first) * valid
    return wrong.sum(axis=1, dtype=np.int64), valid.sum(axis=1, dtype=np.int64)


def _variety(values: Fingerprint) -> int:
    return len(np.unique(values))


def _gaps(values: Fingerprint) -> NDArray[np.int64]:
    """Distances between changed bits of each value, least bit first, each value's ended by a 0."""
    changes = values.copy()
    changes[1:] ^= values[:-1]
    bits = np.unpackbits(changes.astype("<u4").view(np.uint8), bitorder="little").reshape(-1, 32)
    row, column = np.nonzero(bits)
    gaps = np.diff(column, prepend=-1)
    starts = np.diff(row, prepend=-1) > 0
    gaps[starts] = column[starts] + 1
    ends = np.cumsum(bits.sum(axis=1, dtype=np.int64))
    return np.insert(gaps.astype(np.int64), ends, 0)


def _read_gaps(body: NDArray[np.uint8], count: int) -> NDArray[np.int64]:
    """The distances of `count` values, their exceptional parts added."""
    normal = _unpack(body, 3)
    ends = np.flatnonzero(normal == 0)
    if len(ends) < count:
        raise _unreadable("it is cut off")
    normal = normal[: ends[count - 1] + 1 if count else 0]
    wide = np.flatnonzero(normal == _MAX_NORMAL)
    more = _unpack(body[math.ceil(len(normal) * 3 / 8) :], 5)
    if len(more) < len(wide):
        raise _unreadable("it is cut off")
    normal[wide] += more[: len(wide)]
    return normal


def _pack(numbers: NDArray[np.int64], width: int) -> bytes:
    bits = (numbers[:, None] >> np.arange(width)) & 1
    return np.packbits(bits.astype(np.uint8).ravel(), bitorder="little").tobytes()


def _unpack(octets: NDArray[np.uint8], width: int) -> NDArray[np.int64]:
    bits = np.unpackbits(octets, bitorder="little")
    whole = bits[: len(bits) // width * width].reshape(-1, width)
    numbers: NDArray[np.int64] = whole.astype(np.int64) @ (1 << np.arange(width, dtype=np.int64))
    return numbers


def _unpacked_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise _unreadable("it is no URL-safe base64") from error


def _unreadable(why: str) -> BadInput:
    return BadInput("The acoustic fingerprint cannot be read", why=why, fix="Analyse the audio again to replace it")
