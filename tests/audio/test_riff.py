"""RIFF's own texts: set, kept and read back, in files whose chunks stand in any order."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from musicsyncd.audio.riff import chunks, read_info, write_info
from musicsyncd.errors import BadInput

SAMPLES = b"\1\2\3\4" * 25
FORMAT = struct.pack("<HHIIHH", 1, 2, 44_100, 176_400, 4, 16)


def chunk(name: bytes, body: bytes) -> bytes:
    """With header and padding."""
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def info(**texts: str) -> bytes:
    """A LIST chunk of INFO texts."""
    entries = (chunk(name.encode(), text.encode() + b"\0") for name, text in texts.items())
    return chunk(b"LIST", b"INFO" + b"".join(entries))


def wav(path: Path, *parts: bytes) -> Path:
    """A WAV file of these chunks."""
    body = b"WAVE" + b"".join(parts)
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


def assert_sound(path: Path) -> None:
    """The chunks fill the file as its header says, at even places, and the samples are the same."""
    data = path.read_bytes()
    assert struct.unpack("<I", data[4:8]) == (len(data) - 8,)
    with path.open("rb") as file:
        found = [*chunks(file)]
    assert found[-1].end == len(data)
    assert all(each.start % 2 == 0 for each in found)
    samples = next(each for each in found if each.id == b"data")
    assert data[samples.start + 8 : samples.start + 8 + samples.length] == SAMPLES


NAME = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=4, max_size=4)
VALUE = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=80)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None)
@given(
    old=st.dictionaries(NAME, VALUE, max_size=4),
    new=st.dictionaries(NAME, VALUE, max_size=4),
    others=st.lists(st.binary(max_size=9), max_size=2),
    place=st.integers(0, 3),
)
def test_new_texts_join_the_old(
    tmp_path: Path, old: dict[str, str], new: dict[str, str], others: list[bytes], place: int
) -> None:
    """Wherever an old list stands, afterwards the new texts and the untouched old ones are read."""
    parts = [chunk(b"fmt ", FORMAT), chunk(b"data", SAMPLES), *(chunk(b"id3 ", other) for other in others)]
    parts.insert(min(place, len(parts)), info(**old))
    path = wav(tmp_path / "a.wav", *parts)
    write_info(path, new)
    assert read_info(path) == old | new
    assert_sound(path)
    size = path.stat().st_size
    write_info(path, new)
    assert (read_info(path), path.stat().st_size) == (old | new, size)


def test_a_missing_padding_byte_is_added(tmp_path: Path) -> None:
    """Some writers forget the padding of an odd last chunk: the list still begins at an even place."""
    path = wav(tmp_path / "a.wav", chunk(b"fmt ", FORMAT), chunk(b"data", SAMPLES), chunk(b"odd ", b"123"))
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 1)
    write_info(path, {"INAM": "x"})
    assert read_info(path) == {"INAM": "x"}
    assert_sound(path)


def test_four_gibibytes(tmp_path: Path) -> None:
    """A file that would pass the length field is refused and not touched."""
    path = wav(tmp_path / "a.wav", chunk(b"fmt ", FORMAT))
    length = 2**32 - 8 - path.stat().st_size - 16
    with path.open("ab") as file:
        file.write(b"data" + struct.pack("<I", length))
        file.truncate(path.stat().st_size + 8 + length)
    size = path.stat().st_size
    with pytest.raises(BadInput, match="4 GiB"):
        write_info(path, {"INAM": "x" * 100})
    assert path.stat().st_size == size


def test_no_wav(tmp_path: Path) -> None:
    """Another kind of file is refused."""
    path = tmp_path / "a.wav"
    path.write_bytes(b"FORM\0\0\0\0AIFF")
    with pytest.raises(BadInput, match="no WAV"):
        read_info(path)
