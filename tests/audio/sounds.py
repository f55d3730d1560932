"""Makes the sources that the audio tests work on: real files, with known samples in them."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream
from av.video.stream import VideoStream

Samples = npt.NDArray[Any]
"""Samples by channels; int16, or int32 with 24 bits at the top, or float32."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """How a source is encoded."""

    extension: str
    container: str
    codec: str
    rate: int = 44_100
    layout: str = "stereo"
    dtype: str = "int16"
    """Of the samples that go in."""
    bit_rate: int | None = None

    @property
    def channels(self) -> int:
        return av.AudioLayout(self.layout).nb_channels


LOSSLESS = {
    "wav16": Kind(extension="wav", container="wav", codec="pcm_s16le"),
    "wav24": Kind(extension="wav", container="wav", codec="pcm_s24le", rate=96_000, dtype="int32"),
    "wav16-mono": Kind(extension="wav", container="wav", codec="pcm_s16le", rate=48_000, layout="mono"),
    "aiff16": Kind(extension="aiff", container="aiff", codec="pcm_s16be"),
    "aiff24": Kind(extension="aif", container="aiff", codec="pcm_s24be", rate=48_000, dtype="int32"),
    "flac16": Kind(extension="flac", container="flac", codec="flac"),
    "flac24": Kind(extension="flac", container="flac", codec="flac", rate=96_000, dtype="int32"),
    "alac16": Kind(extension="m4a", container="ipod", codec="alac"),
    "alac24-mono": Kind(extension="m4a", container="ipod", codec="alac", layout="mono", dtype="int32"),
    "flac-5.1": Kind(extension="flac", container="flac", codec="flac", rate=48_000, layout="5.1"),
}
LOSSY = {
    "mp3": Kind(extension="mp3", container="mp3", codec="libmp3lame", bit_rate=128_000),
    "mp3-22k": Kind(extension="mp3", container="mp3", codec="libmp3lame", rate=22_050, bit_rate=64_000),
    "aac": Kind(extension="m4a", container="ipod", codec="aac", rate=48_000, bit_rate=128_000),
    "opus-webm": Kind(extension="webm", container="webm", codec="libopus", rate=48_000, bit_rate=96_000),
    "opus-ogg": Kind(extension="opus", container="ogg", codec="libopus", rate=48_000, bit_rate=96_000),
    "aac-mono": Kind(extension="m4a", container="ipod", codec="aac", layout="mono", bit_rate=64_000),
}
ALL = LOSSLESS | LOSSY


def music(kind: Kind, seconds: float, *, seed: int = 7) -> Samples:
    """A beat, a chord and some noise, different in every channel."""
    random = np.random.default_rng(seed)
    time = np.arange(round(seconds * kind.rate)) / kind.rate
    beat = np.exp(-(time * 2 % 1) * 12) * np.sin(2 * np.pi * 55 * time)
    channels = []
    for number in range(kind.channels):
        chord = sum(np.sin(2 * np.pi * hertz * time + number) for hertz in (440.0, 554.37, 659.26))
        channels.append(0.4 * beat + 0.08 * chord + 0.02 * random.standard_normal(len(time)))
    return as_integers(np.stack(channels, axis=1), kind.dtype)


def as_integers(samples: Samples, dtype: str) -> Samples:
    """Float samples as what goes into an encoder; 24 bits lie at the top of an int32."""
    if dtype == "float32":
        return samples.astype(np.float32)
    if dtype == "int32":
        return (samples * (2**23 - 1)).astype(np.int32) << 8
    return (samples * (2**15 - 1)).astype(np.int16)


def write(path: Path, kind: Kind, samples: Samples, *, metadata: dict[str, str] | None = None) -> Path:
    """Encode the samples into `path`."""
    format_ = {"int16": "s16", "int32": "s32", "float32": "flt"}[kind.dtype]
    with av.open(str(path), "w", format=kind.container) as container:
        stream = container.add_stream(kind.codec, rate=kind.rate)
        assert isinstance(stream, AudioStream)
        stream.codec_context.layout = kind.layout
        offered = stream.codec_context.codec.audio_formats or []
        names = [offer.name for offer in offered]
        wide = format_ + "p" if format_ not in names and format_ + "p" in names else format_
        stream.codec_context.format = wide if wide in names else names[0]
        if kind.bit_rate:
            stream.codec_context.bit_rate = kind.bit_rate
        container.metadata.update(metadata or {})
        for start in range(0, len(samples), 8192):
            part = np.ascontiguousarray(samples[start : start + 8192]).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(part, format=format_, layout=kind.layout)
            frame.sample_rate, frame.pts = kind.rate, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def decoded(path: Path) -> Samples:
    """Every sample of a file as its decoder gives it, samples by channels."""
    parts = []
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            values = frame.to_ndarray()
            parts.append(values.T if frame.format.is_planar else values.reshape(-1, frame.layout.nb_channels))
    return np.concatenate(parts)


def picture(codec: str = "mjpeg", *, width: int = 48, height: int = 32) -> bytes:
    """A small JPEG (`mjpeg`), PNG (`png`) or BMP (`bmp`)."""
    made = io.BytesIO()
    red = np.zeros((height, width, 3), np.uint8)
    red[:, : width // 2, 0] = 255
    frame = av.VideoFrame.from_ndarray(red, format="rgb24")
    with av.open(made, "w", format="image2pipe") as container:
        stream = container.add_stream(codec, rate=1)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = width, height
        stream.pix_fmt = {"mjpeg": "yuvj420p", "png": "rgb24", "bmp": "bgr24"}[codec]
        container.mux(stream.encode(frame.reformat(format=stream.pix_fmt or "")))
        container.mux(stream.encode(None))
    return made.getvalue()
