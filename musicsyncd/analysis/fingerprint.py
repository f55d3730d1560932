"""Acoustic fingerprints as AcoustID and fpcalc make them; `musicsyncd.music.chromaprint` reads and compares them.

The algorithm is Chromaprint's `TEST2` (its default), by Lukáš Lalinský, MIT licence, https://acoustid.org/chromaprint:
the sixteen classifiers and the packed text form are its interoperability data, the code here is our own.
"""

from __future__ import annotations

import base64
from typing import Final

import numpy as np
from numpy.typing import NDArray

from musicsyncd.analysis.spectrum import FRAMES_PER_BLOCK
from musicsyncd.music.chromaprint import ALGORITHM

RATE: Final = 11_025
"""Samples per second that `fingerprint` takes."""
SECONDS: Final = 120
"""How much of a track is fingerprinted, as fpcalc and AcoustID do."""
FRAME: Final = 4096
HOP: Final = FRAME - (FRAME - FRAME // 3)

Fingerprint = NDArray[np.uint32]
Image = NDArray[np.float64]

_MAX_NORMAL = 7  # three bits hold 0–7; 7 says that five more bits follow
_LOWEST_HZ, _HIGHEST_HZ = 28, 3520
_SMOOTHING = (0.25, 0.75, 1.0, 0.75, 0.25)
_FAINTEST = 0.01  # a chroma vector of a smaller Euclidean norm counts as silence
_WIDTH = 16  # of the widest classifier, in chroma vectors
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


def fingerprint(samples: NDArray[np.int16]) -> Fingerprint:
    """The fingerprint of mono int16 samples at 11,025 Hz; about eight values a second, none below 2.8 s.

    Only the first 120 s are heard. TypeError for samples that are not int16: the scale tells what is silence.
    """
    if samples.dtype != np.int16:
        raise TypeError(f"fingerprint() wants int16 samples, not {samples.dtype}")
    return of_chroma(chroma(samples[: SECONDS * RATE]))


def of_chroma(energies: Image) -> Fingerprint:
    """The fingerprint of what `chroma` gives."""
    image = _smoothed(energies)
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


def _smoothed(energies: Image) -> Image:
    """Smoothed, normalised chroma vectors, shape (frames − 4, 12)."""
    count = len(energies) - len(_SMOOTHING) + 1
    if count < 1:
        return np.zeros((0, 12))
    smooth = sum(weight * energies[at : at + count] for at, weight in enumerate(_SMOOTHING))
    norm = np.linalg.norm(smooth, axis=1, keepdims=True)
    return np.where(norm < _FAINTEST, 0.0, smooth / np.maximum(norm, _FAINTEST))


def chroma(samples: NDArray[np.int16]) -> Image:
    """Energy per frame and pitch class, A first, shape (frames, 12), of mono samples at 11,025 Hz."""
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
    head = bytes([ALGORITHM]) + len(values).to_bytes(3, "big")
    body = _pack(np.minimum(gaps, _MAX_NORMAL), 3) + _pack(gaps[gaps >= _MAX_NORMAL] - _MAX_NORMAL, 5)
    return base64.urlsafe_b64encode(head + body).rstrip(b"=").decode("ascii")


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


def _pack(numbers: NDArray[np.int64], width: int) -> bytes:
    bits = (numbers[:, None] >> np.arange(width)) & 1
    return np.packbits(bits.astype(np.uint8).ravel(), bitorder="little").tobytes()
