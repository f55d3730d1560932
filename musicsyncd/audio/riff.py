"""RIFF's own text chunk (LIST/INFO) of a WAV file: mutagen lacks it, and old players read nothing else."""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from musicsyncd.errors import BadInput

_HEADER: Final = 8  # bytes: id and length, before each chunk
_FILE_HEADER: Final = 12
_LARGEST: Final = 2**32 - 1
_LONGEST_INFO: Final = 2**20  # bytes; a longer list is no text


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """Where a chunk stands."""

    id: bytes
    start: int
    """Of its header, in bytes from the beginning of the file."""
    length: int
    """Bytes behind the header, without the padding byte of an odd length."""

    @property
    def end(self) -> int:
        return self.start + _HEADER + self.length + self.length % 2


def read_info(path: Path) -> dict[str, str]:
    """The texts of the file's INFO lists by their four-letter names; BadInput when it is no RIFF file."""
    with path.open("rb") as file:
        return {name: text for chunk in _info_chunks(file) for name, text in _texts(file, chunk)}


def write_info(path: Path, texts: Mapping[str, str], forget: Collection[str] = ()) -> None:
    """Set these texts, take away those of `forget`, and keep the others; BadInput when it is no RIFF file or would pass
    4 GiB.
    """
    with path.open("r+b") as file:
        old = [*_info_chunks(file)]
        kept = {name: text for chunk in old for name, text in _texts(file, chunk) if name not in forget}
        end = _whole_end(file)
        for chunk in reversed(old):
            if chunk.end >= end:
                end = chunk.start
            else:  # in the middle: made into the chunk that every reader skips
                file.seek(chunk.start)
                file.write(b"JUNK")
        body = b"".join(_entry(name, text) for name, text in (kept | dict(texts)).items())
        listing = b"LIST" + struct.pack("<I", 4 + len(body)) + b"INFO" + body
        if end + len(listing) - _HEADER > _LARGEST:
            raise BadInput(
                f"{path.name} cannot be tagged",
                why="With its tags it would pass the 4 GiB that a WAV can hold",
            )
        file.truncate(end)
        file.seek(end)
        file.write(listing)
        file.seek(4)
        file.write(struct.pack("<I", end + len(listing) - _HEADER))


def chunks(file: BinaryIO) -> Iterator[Chunk]:
    """The file's chunks in order, as far as they are there; BadInput when it is no RIFF file."""
    file.seek(0)
    header = file.read(_FILE_HEADER)
    if header[:4] != b"RIFF" or header[8:] != b"WAVE":
        raise BadInput("The file is no WAV", why="It does not begin with RIFF and WAVE")
    start, size = _FILE_HEADER, file.seek(0, 2)
    while start + _HEADER <= size:
        file.seek(start)
        id_, length = struct.unpack("<4sI", file.read(_HEADER))
        chunk = Chunk(id=id_, start=start, length=length)
        yield chunk
        start = chunk.end


def _info_chunks(file: BinaryIO) -> Iterator[Chunk]:
    for chunk in chunks(file):
        file.seek(chunk.start + _HEADER)
        if chunk.id == b"LIST" and chunk.length <= _LONGEST_INFO and file.read(4) == b"INFO":
            yield chunk


def _texts(file: BinaryIO, chunk: Chunk) -> Iterator[tuple[str, str]]:
    file.seek(chunk.start + _HEADER + 4)
    body = file.read(chunk.length - 4)
    while len(body) >= _HEADER:
        name, length = struct.unpack("<4sI", body[:_HEADER])
        text = body[_HEADER : _HEADER + length].rstrip(b"\0")
        yield name.decode("latin-1"), _text(text)
        body = body[_HEADER + length + length % 2 :]


def _text(data: bytes) -> str:
    """RIFF states no encoding: UTF-8 by newer programs, by older ones that of Windows."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _entry(name: str, text: str) -> bytes:
    data = text.encode() + b"\0"
    return name.encode("latin-1") + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def _whole_end(file: BinaryIO) -> int:
    """The end of the last chunk, padded to an even length where its writer forgot to."""
    size = file.seek(0, 2)
    if size % 2:
        file.write(b"\0")
        size += 1
    return size
