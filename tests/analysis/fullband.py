"""Pieces that fill the whole spectrum, pieces that rightly do not, and what lossy encoders make of them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

import av
import numpy as np
from numpy.typing import NDArray

from tests.audio import sounds

RATE: Final = 44_100
SECONDS: Final = 5.0
Wave = NDArray[np.float64]
Stereo = NDArray[np.float32]
"""Samples by channels."""

ENCODERS: Final = {
    "MP3 128": sounds.Kind(extension="mp3", container="mp3", codec="libmp3lame", bit_rate=128_000),
    "MP3 192": sounds.Kind(extension="mp3", container="mp3", codec="libmp3lame", bit_rate=192_000),
    "MP3 256": sounds.Kind(extension="mp3", container="mp3", codec="libmp3lame", bit_rate=256_000),
    "MP3 320": sounds.Kind(extension="mp3", container="mp3", codec="libmp3lame", bit_rate=320_000),
    "AAC 128": sounds.Kind(extension="m4a", container="ipod", codec="aac", bit_rate=128_000),
    "Opus 128": sounds.Kind(extension="opus", container="ogg", codec="libopus", rate=48_000, bit_rate=128_000),
}


def time() -> Wave:
    """Seconds, sample by sample."""
    return np.arange(round(SECONDS * RATE)) / RATE


def hiss(slope: float, seed: int) -> Wave:
    """Noise whose spectrum changes by `slope` dB per octave, as loud as ±1."""
    count = len(time())
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(count))
    hertz = np.maximum(np.fft.rfftfreq(count, 1 / RATE), 20.0)
    noise = np.fft.irfft(spectrum * (hertz / 1000) ** (slope / 6.02), count)
    loud: Wave = noise / np.abs(noise).max()
    return loud


def struck(period: float, decay: float, late: float = 0.0) -> Wave:
    """An envelope that is struck every `period` seconds."""
    beat: Wave = np.exp(-((time() + late) % period) * decay)
    return beat


def tones(partials: int = 7, fall: float = 2.0) -> Wave:
    """An A major chord, its partials falling with a power of their number."""
    chord = [
        np.sin(2 * np.pi * hertz * k * time()) / k**fall
        for hertz in (220, 277.2, 329.6)
        for k in range(1, partials + 1)
    ]
    summed: Wave = np.sum(chord, axis=0) / 6
    return summed


def saw(hertz: float, up_to: float = RATE / 2) -> Wave:
    """A saw tooth without partials above `up_to` Hz."""
    count = int((up_to - 1) / hertz)
    summed: Wave = 0.5 * np.sum([np.sin(2 * np.pi * k * hertz * time()) / k for k in range(1, count + 1)], axis=0)
    return summed


def melody(partials: int) -> Wave:
    """Eight notes a second out of three octaves."""
    notes = 110 * 2 ** (np.random.default_rng(5).integers(0, 36, round(SECONDS * 8)) / 12)
    hertz = np.repeat(notes, int(RATE / 8) + 1)[: len(time())]
    phase = 2 * np.pi * np.cumsum(hertz) / RATE
    played: Wave = 0.4 * np.sum(
        [np.where(k * hertz < 22_000, np.sin(k * phase), 0) / k for k in range(1, partials + 1)], axis=0
    )
    return played


def _stereo(left: Wave, right: Wave | None = None) -> Stereo:
    return np.stack([left, left if right is None else right], axis=1).astype(np.float32)


def filtered(samples: Stereo, hertz: float, slope: float) -> Stereo:
    """Less `slope` dB per octave above `hertz`."""
    spectrum = np.fft.rfft(samples, axis=0)
    octaves = np.log2(np.maximum(np.fft.rfftfreq(len(samples), 1 / RATE), 1.0) / hertz)
    gain = 10 ** (-np.maximum(octaves, 0.0) * slope / 20)
    return np.fft.irfft(spectrum * gain[:, None], len(samples), axis=0).astype(np.float32)


def full() -> dict[str, Stereo]:
    """Fourteen pieces with highs up to the top."""
    hat = [hiss(3, seed) * struck(0.25, 20) for seed in range(4)]
    kick = np.sin(2 * np.pi * 50 * time()) * struck(0.5, 8)
    noises = {slope: _stereo(0.5 * hiss(slope, 5), 0.5 * hiss(slope, 6)) for slope in (0, -3, -6)}
    house = _stereo(0.5 * kick + 0.2 * tones() + 0.15 * hat[0], 0.5 * kick + 0.2 * tones() + 0.15 * hat[1])
    guitars = [np.tanh(4 * (saw(hertz) + 0.3 * hiss(-3, 9))) for hertz in (110, 165)]
    return {
        "house": house,
        "quiet house": 0.1 * house,
        "white noise": noises[0],
        "pink noise": noises[-3],
        "brown noise": noises[-6],
        "rock": _stereo(0.4 * guitars[0] + 0.2 * hat[2], 0.4 * guitars[1] + 0.2 * hat[3]),
        "drum and bass": _stereo(0.4 * kick + 0.3 * hiss(-1, 13) * struck(0.345, 12) + 0.1 * hat[1]),
        "ambient": _stereo(0.3 * tones() + 0.05 * hiss(-4, 15), 0.3 * tones() + 0.05 * hiss(-4, 16)),
        "trap": _stereo(0.5 * kick + 0.1 * hat[2] + 0.2 * hiss(-2, 18) * struck(2, 10)),
        "cymbals": _stereo(0.3 * hiss(3, 20) * struck(2, 1.5) + 0.3 * tones(), 0.3 * hiss(3, 21) * struck(2, 1.5, 1)),
        "tape": _stereo(0.3 * tones() + 0.01 * hiss(0, 22)),
        "voice": _stereo(0.3 * saw(140) * struck(0.7, 3) + 0.1 * hiss(1, 23) * struck(0.9, 6) + 0.003 * hiss(0, 24)),
        "square waves": _stereo(0.2 * np.sign(np.sin(2 * np.pi * 440 * time()))),
        "synthesizer": _stereo(0.7 * melody(200) + 0.02 * hat[0]),
    }


def dark() -> dict[str, Stereo]:
    """Sixteen pieces without highs, or without enough of them, that no encoder has touched."""
    pieces = full()
    return {
        "sine chord": _stereo(0.4 * tones()),
        "piano": _stereo(
            struck(1, 2) * np.sum([np.sin(2 * np.pi * 220 * k * time()) * np.exp(-k) for k in range(1, 12)], axis=0)
        ),
        "soft melody": _stereo(melody(8)),
        "low-passed gently": filtered(pieces["house"], 4_000, 24),
        "low-passed steeply": filtered(pieces["house"], 10_000, 48),
        "low-passed very steeply": filtered(pieces["pink noise"], 10_000, 96),
        "low-passed high up": filtered(pieces["pink noise"], 15_000, 96),
        "faint": 0.002 * pieces["pink noise"],
        "far away": _stereo(0.6 * hiss(-18, 30)),
        "a saw tooth up to 12 kHz": _stereo(0.3 * saw(220, 12_000)),
        "a saw tooth up to 16 kHz": _stereo(0.3 * saw(440, 16_000)),
        "a high saw tooth": _stereo(0.3 * saw(880, 10_000)),
        "a whistle": _stereo(0.3 * np.sin(2 * np.pi * 12_000 * time())),
        "a higher whistle": _stereo(0.3 * np.sin(2 * np.pi * 16_000 * time())),
        "modulated tone": _stereo(0.3 * np.sin(2 * np.pi * 440 * time() + 6 * np.sin(2 * np.pi * 880 * time()))),
        "sweep": _stereo(0.3 * np.sin(2 * np.pi * 8_000 * time() ** 2 / (2 * SECONDS))),
    }


def at_16_bits(samples: Stereo) -> Stereo:
    """The samples as a CD keeps them."""
    return as_floats(np.clip(np.rint(samples * 32_767), -32_768, 32_767))


def as_floats(integers: sounds.Samples) -> Stereo:
    """16-bit samples at full scale ±1."""
    floats: Stereo = integers.astype(np.float32) / np.float32(32_768)
    return floats


def recoded(samples: Stereo, kind: sounds.Kind) -> Stereo:
    """The samples as they come out of an encoder, at 16 bits and the rate that they had."""
    integers = np.rint(np.clip(samples, -1, 1) * 32_767).astype(np.int16)
    if kind.rate != RATE:
        integers = resampled(integers, RATE, kind.rate)
    with tempfile.TemporaryDirectory() as folder:
        path = sounds.write(Path(folder) / f"x.{kind.extension}", kind, integers)
        with av.open(str(path)) as container:
            return as_floats(_samples([*container.decode(audio=0)], RATE))


def resampled(integers: sounds.Samples, rate: int, wanted: int) -> sounds.Samples:
    """16-bit stereo samples at another rate in Hz."""
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(integers).reshape(1, -1), format="s16", layout="stereo")
    frame.sample_rate = rate
    return _samples([frame], wanted)


def _samples(frames: list[av.AudioFrame], rate: int) -> sounds.Samples:
    convert = av.AudioResampler(format="s16", layout="stereo", rate=rate)
    parts = [part.to_ndarray().reshape(-1, 2) for frame in (*frames, None) for part in convert.resample(frame)]
    return np.concatenate(parts)
