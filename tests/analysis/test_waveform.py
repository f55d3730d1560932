"""The outline of a track: right in every column, small as a file, and a picture that others can read."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from musicsyncd.analysis.waveform import COLUMNS, LARGEST, MAGIC, Outline, Peaks, decode, encode, png
from musicsyncd.errors import BadInput

RATE = 44_100
columns = st.integers(1, 300)


def outline(samples: NDArray[np.float32], block: int = 16_384) -> Peaks:
    """What is drawn of samples that come in blocks."""
    found = Outline(RATE)
    for start in range(0, len(samples), block):
        found.feed(samples[start : start + block])
    return found.peaks()


def peaks_of(count: int, seed: int) -> Peaks:
    """Some outline with that many columns."""
    random = np.random.default_rng(seed)
    return Peaks(
        seconds=float(random.uniform(0, 1e5)),
        low=random.integers(-127, 1, count).astype(np.int8),
        high=random.integers(0, 128, count).astype(np.int8),
        rms=random.integers(0, 256, count).astype(np.uint8),
    )


def chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and body of each chunk of a PNG; the sums must be right."""
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    place = 8
    while place < len(data):
        (length,) = struct.unpack_from(">I", data, place)
        name, body = data[place + 4 : place + 8], data[place + 8 : place + 8 + length]
        assert struct.unpack_from(">I", data, place + 8 + length) == (zlib.crc32(name + body),)
        yield name, body
        place += 12 + length
    assert place == len(data)


def read_png(data: bytes) -> NDArray[np.uint8]:
    """Palette numbers, by a reader that knows only the specification."""
    parts = dict(chunks(data))
    assert [*parts] == [b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"]
    width, height, depth, colour, *rest = struct.unpack(">IIBBBBB", parts[b"IHDR"])
    assert (depth, colour, rest) == (2, 3, [0, 0, 0])
    assert len(parts[b"PLTE"]) == 9
    assert parts[b"tRNS"] == b"\0"
    step = (width + 3) // 4
    raw = zlib.decompress(parts[b"IDAT"])
    assert len(raw) == height * (step + 1)
    above, lines = bytes(step), []
    for row in range(height):
        kind, line = raw[row * (step + 1)], raw[row * (step + 1) + 1 : (row + 1) * (step + 1)]
        above = {0: line, 2: bytes((one + up) % 256 for one, up in zip(line, above, strict=True))}[kind]
        lines.append([above[x // 4] >> (6 - 2 * (x % 4)) & 3 for x in range(width)])
    return np.array(lines, np.uint8)


@given(columns, st.integers(0, 2**32))
def test_a_file_comes_back_as_it_was(count: int, seed: int) -> None:
    """Every column of any outline, and its length."""
    first = peaks_of(count, seed)
    second = decode(encode(first))
    assert second.seconds == first.seconds
    for name in ("low", "high", "rms"):
        assert np.array_equal(getattr(first, name), getattr(second, name))
        assert getattr(first, name).dtype == getattr(second, name).dtype


@given(st.binary(max_size=64) | st.binary(max_size=64).map(lambda tail: MAGIC + tail), st.integers(1, 40))
def test_what_is_no_waveform_is_refused(junk: bytes, cut: int) -> None:
    """Other bytes, another version and a cut file are BadInput, with the reason, and nothing else is raised."""
    whole = encode(peaks_of(20, 1))
    newer = whole[:4] + b"\2" + whole[5:]
    for data in (junk, whole[:-cut], whole + b"x", newer):
        with pytest.raises(BadInput, match="waveform cannot be read"):
            decode(data)


def test_files_are_small() -> None:
    """Below 6 kB and 15 kB, for a loud five-minute track whose every column differs."""
    random = np.random.default_rng(4)
    music = random.standard_normal((60 * RATE, 2)).astype(np.float32)
    music *= np.repeat(random.uniform(0.05, 0.3, 1600), len(music) // 1600 + 1)[: len(music), None].astype(np.float32)
    found = outline(music)
    assert len(encode(found)) < 6_000
    assert len(png(found)) < 15_000


@pytest.mark.parametrize("seconds", [0.001, 0.5, 7.0, 61.0, 200.0])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_a_ramp_is_drawn_in_its_place(seconds: float, channels: int) -> None:
    """Tracks of any length and any number of channels: a tone that grows from nothing to full scale does so in
    every column, and the root mean square is 0.71 of the peak.
    """
    if seconds > 10 and channels > 2:
        seconds /= 10
    time = np.arange(max(1, round(seconds * RATE)), dtype=np.float32) / RATE
    wave = np.sin(2 * np.pi * 5_000 * time) * time / seconds
    found = outline(np.repeat(wave[:, None], channels, axis=1).astype(np.float32))
    assert found.seconds == pytest.approx(seconds, abs=1 / RATE)
    assert {len(part) for part in (found.low, found.high, found.rms)} == {COLUMNS}
    if seconds >= 0.5:
        wanted = (np.arange(COLUMNS) + 0.5) / COLUMNS
        assert np.abs(found.high / 127 - wanted).max() < 0.03
        assert np.abs(found.low / 127 + wanted).max() < 0.03
        assert np.abs(found.rms / 255 - wanted / np.sqrt(2)).max() < 0.03


@given(
    arrays.arrays(np.float32, st.tuples(st.integers(0, 3_000), st.integers(1, 3)), elements=st.floats(-1, 1, width=32)),
    st.integers(1, 4_000),
)
@settings(max_examples=50, deadline=None)
def test_blocks_do_not_matter(samples: NDArray[np.float32], block: int) -> None:
    """However the samples are cut into blocks the outline is the same, and its extremes are those of the track."""
    one, other = outline(samples, block), outline(samples, 10_000)
    for name in ("low", "high", "rms"):
        assert np.array_equal(getattr(one, name), getattr(other, name))
    if len(samples):
        assert int(one.high.max()) == round(float(samples.max()) * 127)
        assert int(one.low.min()) == round(float(samples.min()) * 127)
    assert np.all(one.low <= one.high)


def test_memory_is_bounded() -> None:
    """An hour and a half of sound is held in no more bins than a minute; a click near its end is where it was."""
    found, block = Outline(RATE), np.zeros((1 << 18, 1), np.float32)
    click = block.copy()
    click[1 << 17] = 0.9
    blocks = 900
    for number in range(blocks):
        found.feed(click if number == 800 else block)
    peaks = found.peaks()
    assert len(found._low) == 16_384
    assert np.flatnonzero(peaks.high).tolist() == [int(800.5 / blocks * COLUMNS)]


def test_damaged_samples_are_drawn_within_bounds() -> None:
    """NaN, infinity and overs end at full scale or at nothing."""
    samples = np.zeros((RATE, 2), np.float32)
    samples[:100], samples[20_000], samples[30_000:] = np.nan, np.inf, -2.0
    found = outline(samples)
    assert (found.high.max(), found.low.min(), found.rms.max()) == (127, -127, 255)
    assert found.high[0] == 0


@given(columns, st.integers(1, 90), st.integers(1, 40), st.integers(0, 1_000))
@settings(deadline=None)
def test_a_second_reader_sees_the_picture(count: int, width: int, height: int, seed: int) -> None:
    """Any outline at any size: header, sums and pixels are right; each column is one upright stroke through its
    values, the RMS within the peaks.
    """
    peaks = peaks_of(count, seed)
    pixels = read_png(png(peaks, width, height))
    assert pixels.shape == (height, width)
    middle = (height - 1) / 2
    starts = [column * count // width for column in range(width)]
    for column, start in enumerate(starts):
        part = slice(start, max(start + 1, (column + 1) * count // width))
        top = round(middle * (1 - int(peaks.high[part].max()) / 127))
        bottom = round(middle * (1 - int(peaks.low[part].min()) / 127))
        inked = np.flatnonzero(pixels[:, column])
        assert (inked[0], inked[-1], len(inked)) == (top, bottom, bottom - top + 1)


def test_wider_pictures_show_no_less() -> None:
    """From 1 to 3,000 pixels the highest and the lowest stroke are the same, and silence is a line."""
    peaks = peaks_of(COLUMNS, 2)
    heights = set()
    for width in (1, 3, 100, 800, COLUMNS, 3_000):
        inked = np.flatnonzero(read_png(png(peaks, width, 65)).any(axis=1))
        heights.add((int(inked[0]), int(inked[-1])))
    assert len(heights) == 1
    silent = read_png(png(outline(np.zeros((0, 2), np.float32)), 50, 65))
    assert np.flatnonzero(silent.any(axis=1)).tolist() == [32]


@pytest.mark.parametrize(("width", "height"), [(0, 10), (10, 0), (LARGEST + 1, 10), (10, -1)])
def test_impossible_sizes_are_refused(width: int, height: int) -> None:
    """Neither an empty picture nor one that fills the memory."""
    with pytest.raises(ValueError, match="pixels a side"):
        png(peaks_of(5, 1), width, height)
