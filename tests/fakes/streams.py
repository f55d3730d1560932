"""Small real recordings as services deliver them: AAC in HLS, Opus in WebM, WAV."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping
from fractions import Fraction
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import av
import numpy as np

RATE: Final = 48_000
"""Hz, stereo."""


@cache
def hls(pitch: float, seconds: float = 6.0) -> Mapping[str, bytes]:
    """A playlist `aac.m3u8` with its `init.mp4` and segments of 2 s, by name."""
    with tempfile.TemporaryDirectory() as folder:
        options = {"hls_time": "2", "hls_segment_type": "fmp4", "hls_playlist_type": "vod",
                   "hls_fmp4_init_filename": "init.mp4"}  # fmt: skip
        _write(Path(folder) / "aac.m3u8", "aac", pitch, seconds, format="hls", options=options)
        return MappingProxyType({path.name: path.read_bytes() for path in Path(folder).iterdir()})


@cache
def recording(pitch: float, kind: str, seconds: float = 6.0) -> bytes:
    """One file: `webm` (Opus), `m4a` (AAC) or `wav`."""
    codec = {"webm": "libopus", "m4a": "aac", "wav": "pcm_s16le"}[kind]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"audio.{kind}"
        _write(path, codec, pitch, seconds)
        return path.read_bytes()


@cache
def picture() -> bytes:
    """A small JPEG."""
    context = av.CodecContext.create("mjpeg", "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt, context.time_base = 64, 64, "yuvj420p", Fraction(1, 25)
    frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 120, np.uint8), format="rgb24").reformat(format="yuvj420p")
    return b"".join(bytes(packet) for packet in (*context.encode(frame), *context.encode(None)))


def _write(path: Path, codec: str, pitch: float, seconds: float, **how: Any) -> None:
    samples = _tune(pitch, seconds)
    with av.open(str(path), "w", **how) as container:
        stream = container.add_stream(codec, rate=RATE, layout="stereo")
        resampler = av.AudioResampler(format=stream.codec_context.format, layout="stereo", rate=RATE, frame_size=960)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="stereo")
        frame.sample_rate = RATE
        for one in (*resampler.resample(frame), *resampler.resample(None)):
            container.mux(stream.encode(one))
        container.mux(stream.encode(None))


def _tune(pitch: float, seconds: float) -> Any:
    """Four notes a second of a melody that each pitch has its own: no two are taken for one recording."""
    at = np.arange(int(seconds * RATE)) / RATE
    steps = np.random.default_rng(int(pitch)).integers(-7, 12, math.ceil(seconds * 4))
    note = pitch * 2 ** (steps[(at * 4).astype(int)] / 12)
    wave = 0.4 * np.sin(2 * math.pi * np.cumsum(note) / RATE) * (1 - (at * 4) % 1 * 0.8)
    one = (wave * 32767).astype(np.int16)
    return np.repeat(one, 2).reshape(1, -1)
