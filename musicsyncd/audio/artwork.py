"""A cover as the containers want it: JPEG or PNG, with its measures. For worker processes only."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import av
from av.video.frame import VideoFrame

from musicsyncd.errors import BadInput

_KINDS: Final = {b"\xff\xd8\xff": ("image/jpeg", "jpg"), b"\x89PNG\r\n\x1a\n": ("image/png", "png")}
_PICTURES: Final = "jpeg_pipe,png_pipe,webp_pipe,bmp_pipe,gif,image2"
LARGEST_KEPT: Final = 15 * 1024 * 1024
"""Bytes of a picture that is left as it is: FLAC's blocks end at 16 MiB, and what is larger becomes a JPEG."""
_LARGEST: Final = 32 * 1024 * 1024  # bytes; ID3 can say 256 MB, players cannot
_JPEG_QUALITY: Final = "2"  # FFmpeg's scale from 1 (best) to 31


@dataclass(frozen=True, kw_only=True)
class Artwork:
    """One front cover."""

    data: bytes
    mime: str
    extension: str
    width: int
    height: int
    """Pixels."""
    depth: int = 24
    """Bits per pixel."""


def artwork(data: bytes, name: str) -> Artwork:
    """The picture, made into a JPEG when it is of another kind or large; BadInput when it is no picture."""
    if len(data) > _LARGEST:
        raise BadInput(
            f"{name} is too large for a cover", why=f"It has {len(data)} bytes", fix="Give a smaller picture"
        )
    frame = _decoded(data, name)
    kind = next((kind for magic, kind in _KINDS.items() if data.startswith(magic)), None)
    if kind is None or len(data) > LARGEST_KEPT:
        data, kind = _as_jpeg(frame), _KINDS[b"\xff\xd8\xff"]
    mime, extension = kind
    return Artwork(data=data, mime=mime, extension=extension, width=frame.width, height=frame.height)


def artwork_of(path: Path) -> Artwork:
    """The cover in a file of its own; BadInput when it is not there or no picture."""
    try:
        return artwork(path.read_bytes(), path.name)
    except OSError as error:
        raise BadInput(f"The cover {path.name} cannot be read", why=str(error.strerror)) from error


def _decoded(data: bytes, name: str) -> VideoFrame:
    try:
        with av.open(io.BytesIO(data), mode="r", options={"format_whitelist": _PICTURES}) as container:
            return next(container.decode(video=0))
    except (av.FFmpegError, StopIteration, ValueError, IndexError) as error:
        raise BadInput(f"{name} is no picture that can be read", why=str(error), fix="Give a JPEG or a PNG") from error


def _as_jpeg(frame: VideoFrame) -> bytes:
    made = io.BytesIO()
    with av.open(made, mode="w", format="mjpeg") as container:
        stream = container.add_stream("mjpeg", rate=1, options={"qmin": _JPEG_QUALITY, "qmax": _JPEG_QUALITY})
        stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, "yuvj420p"
        container.mux(stream.encode(frame.reformat(format="yuvj420p")))
        container.mux(stream.encode(None))
    return made.getvalue()
