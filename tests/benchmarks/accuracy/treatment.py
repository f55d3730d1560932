"""What happens to a track between the instruments and a DJ's folder: compression, tone, noise, encoding."""

from __future__ import annotations

import io
from typing import Final

import av
import numpy as np
from av.audio import AudioStream
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from tests.benchmarks.accuracy.score import Generator
from tests.benchmarks.accuracy.synthesis import RATE, Samples, shaped

ENCODINGS: Final = ("none", "none", "mp3 96", "mp3 128", "mp3 192", "opus 64", "opus 96", "aac 128")
_CONTAINERS: Final = {
    "mp3": ("mp3", "libmp3lame", 44_100),
    "opus": ("ogg", "libopus", 48_000),
    "aac": ("mp4", "aac", 44_100),
}
PEAK: Final = 0.9


def treated(generator: Generator, samples: Samples) -> Samples:
    """Drive and tone on half the tracks each, noise of a record on one in ten; the loudest sample is 0.9."""
    samples = samples / max(float(np.abs(samples).max()), 1e-9)
    if generator.random() < 0.5:
        drive = generator.uniform(1.5, 6.0)
        samples = np.tanh(drive * samples)
    if generator.random() < 0.5:
        low, high = generator.uniform(-6, 6, 2)
        samples = shaped(
            samples, lambda at: 10 ** ((low / (1 + (at / 150) ** 2) + high * (1 - 1 / (1 + (at / 4000) ** 2))) / 20)
        )
    if generator.random() < 0.1:
        samples = samples + generator.normal(0, 0.004, len(samples))
    scaled: Samples = PEAK * samples / max(float(np.abs(samples).max()), 1e-9)
    return scaled


def resampled(samples: NDArray[np.float32], rate: int, target: int) -> NDArray[np.float32]:
    """By FFmpeg's resampler, as the product does it."""
    resampler = AudioResampler(format="flt", layout="mono", rate=target)
    return _joined([*resampler.resample(_frame(samples, rate, "flt")), *resampler.resample(None)])


def encoded_and_back(samples: Samples, encoding: str) -> NDArray[np.float32]:
    """Through a lossy codec and decoded again at 44.1 kHz; `none` leaves all as it is."""
    plain = samples.astype(np.float32)
    if encoding == "none":
        return plain
    name, kilobits = encoding.split()
    container_name, codec, rate = _CONTAINERS[name]
    target = io.BytesIO()
    with av.open(target, "w", format=container_name) as container:
        stream = container.add_stream(codec, rate=rate, layout="mono", bit_rate=int(kilobits) * 1000)
        assert isinstance(stream, AudioStream)
        resampler = AudioResampler(
            format=stream.codec_context.format,
            layout="mono",
            rate=rate,
            frame_size=stream.codec_context.frame_size or 1024,
        )
        for frame in (*resampler.resample(_frame(plain, RATE, "flt")), *resampler.resample(None)):
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    target.seek(0)
    back = AudioResampler(format="flt", layout="mono", rate=RATE)
    with av.open(target, "r") as source:
        frames = [part for frame in source.decode(audio=0) for part in back.resample(frame)]
    return _joined([*frames, *back.resample(None)])


def _frame(samples: NDArray[np.float32], rate: int, sample_format: str) -> AudioFrame:
    frame = AudioFrame.from_ndarray(samples[None, :], format=sample_format, layout="mono")
    frame.sample_rate = rate
    frame.pts = 0
    return frame


def _joined(frames: list[AudioFrame]) -> NDArray[np.float32]:
    joined: NDArray[np.float32] = np.concatenate([frame.to_ndarray()[0] for frame in frames])
    return joined
