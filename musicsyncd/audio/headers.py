"""What a few headers state and FFmpeg does not hand out: depths, sample counts, end marks."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Final

from musicsyncd.audio.riff import chunks
from musicsyncd.errors import BadInput

_STREAMINFO: Final = 18  # bytes of it that we read
_ID3_HEADER: Final = 10
_MPEG_RATES: Final = (44_100, 48_000, 32_000)
_STREAMED: Final = 0xFFFF_F000  # what writes into a pipe puts the highest number, or one near it
_OGG_TAIL: Final = 2 * 65_536  # a page is at most 65,307 bytes


def bit_depth(codec: str, extradata: bytes) -> int | None:
    """Bits per sample as FLAC's STREAMINFO (RFC 9639, 8.2) and ALAC's magic cookie state them."""
    if codec == "flac" and len(extradata) >= _STREAMINFO:
        return ((extradata[12] & 1) << 4 | extradata[13] >> 4) + 1
    if codec == "alac" and len(extradata) >= 24:
        return extradata[17]
    return None


def flac_samples(extradata: bytes) -> int | None:
    """Samples per channel as STREAMINFO states them; None when the encoder did not know."""
    if len(extradata) < _STREAMINFO:
        return None
    return int.from_bytes(extradata[13:18], "big") & 0xF_FFFF_FFFF or None


def mp3_seconds(path: Path) -> float | None:
    """The length in the Xing/Info header of an MP3, in seconds; None without one.

    FFmpeg ignores that header when the file is much shorter than it says, which is just when it matters.
    """
    with path.open("rb") as file:
        start = file.read(_ID3_HEADER)
        if start[:3] == b"ID3" and len(start) == _ID3_HEADER:
            file.seek(_ID3_HEADER + (start[6] << 21 | start[7] << 14 | start[8] << 7 | start[9]))
        else:
            file.seek(0)
        frame = file.read(256)
    at = max(frame.find(b"Xing"), frame.find(b"Info"))
    if at < 4 or frame[0] != 0xFF or not frame[at + 7] & 1 or frame[2] >> 2 & 3 == 3:
        return None
    version = frame[1] >> 3 & 3  # 3: MPEG 1, 2: MPEG 2, 0: MPEG 2.5
    rate = _MPEG_RATES[frame[2] >> 2 & 3] >> {3: 0, 2: 1}.get(version, 2)
    samples = int.from_bytes(frame[at + 8 : at + 12], "big") * (1152 if version == 3 else 576)
    return samples / rate or None


def wav_seconds(path: Path) -> float | None:
    """The length that a WAV of PCM states, in seconds; None when its writer did not know.

    FFmpeg states what is left of the file instead, so that a cut one looks whole.
    """
    with path.open("rb") as file, contextlib.suppress(BadInput):  # RF64 is no RIFF, and FFmpeg knows better there
        bytes_per_second = 0
        for chunk in chunks(file):
            if chunk.id == b"fmt " and chunk.length >= 16:
                file.seek(chunk.start + 16)
                bytes_per_second = int.from_bytes(file.read(4), "little")
            elif chunk.id == b"data" and bytes_per_second:
                return chunk.length / bytes_per_second if 0 < chunk.length < _STREAMED else None
    return None


def ogg_ends(path: Path) -> bool:
    """Whether the last page of an Ogg file bears the end-of-stream mark."""
    with path.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - _OGG_TAIL))
        tail = file.read()
    at = tail.rfind(b"OggS")
    return 0 <= at < len(tail) - 5 and bool(tail[at + 5] & 4)
