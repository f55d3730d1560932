"""Fingerprints: bit for bit fpcalc's, and packed as fpcalc packs them."""

from __future__ import annotations

import shutil
import subprocess
import time
import wave
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from musicsyncd.analysis.fingerprint import HOP, RATE, encode, fingerprint
from musicsyncd.music.chromaprint import ITEM_SECONDS, ITEMS, decode

needs_fpcalc = pytest.mark.skipif(not shutil.which("fpcalc"), reason="fpcalc is not installed")
Samples = NDArray[np.int16]


def tune(seconds: float, seed: int, rate: int = RATE) -> Samples:
    """Random notes with overtones, two a second, in a little noise."""
    generator = np.random.default_rng(seed)
    samples = generator.normal(0.0, 0.003, int(seconds * rate))
    moment = np.arange(rate) / rate
    for index in range(int(2 * seconds) - 1):
        hertz = 110.0 * 2.0 ** (generator.integers(0, 37) / 12.0)
        note = np.sin(2 * np.pi * hertz * moment) + 0.5 * np.sin(4 * np.pi * hertz * moment)
        first = index * rate // 2
        samples[first : first + rate] += 0.2 * note * np.exp(-3 * moment)
    return np.round(np.clip(samples, -1, 1) * 32767).astype(np.int16)


def sweep(seconds: float, rate: int) -> Samples:
    """A tone with an overtone that rises from 60 to 3,000 Hz again and again."""
    moment = np.arange(int(seconds * rate)) / rate
    hertz = 60.0 * 50.0 ** (moment % 7.0 / 7.0)
    phase = 2 * np.pi * np.cumsum(hertz) / rate
    return np.round((0.6 * np.sin(phase) + 0.3 * np.sin(2 * phase)) * 32767).astype(np.int16)


def hiss(seconds: float, rate: int) -> Samples:
    """Quiet noise without its highest tones, between seconds of silence."""
    sound = np.random.default_rng(4).normal(0.0, 900.0, int(seconds * rate) + 7)
    smooth = np.convolve(sound, np.ones(8) / 8, mode="valid")
    gate = (np.arange(len(smooth)) // rate) % 4 > 0
    return np.round(smooth * gate).astype(np.int16)


def written(folder: Path, samples: Samples, rate: int) -> Path:
    """The samples as a WAV file."""
    path = folder / "signal.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, len(samples), "NONE", "not compressed"))
        file.writeframes(samples.astype("<i2").tobytes())
    return path


def heard(path: Path) -> Samples:
    """A file as FFmpeg gives it at 11,025 Hz, mono, 16 bits."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    with av.open(path) as container:
        frames = [part for frame in container.decode(audio=0) for part in resampler.resample(frame)]
    parts = [frame.to_ndarray()[0] for frame in (*frames, *resampler.resample(None))]
    return np.concatenate(parts).astype(np.int16)


def fpcalc(path: Path, *options: str) -> str:
    """What fpcalc prints for a file, without its labels."""
    command = ["fpcalc", "-plain", *options, str(path)]
    # Debian's fpcalc 1.5.1 takes an end before two minutes for an error: all is printed, and it exits with 3.
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode in (0, 3), done.stderr
    return done.stdout.strip()


@needs_fpcalc
@pytest.mark.parametrize(
    ("samples", "rate"),
    [
        (tune(130.0, 1, 44_100), 44_100),
        (tune(20.0, 2, 48_000), 48_000),
        (tune(20.0, 3), RATE),
        (sweep(30.0, 44_100), 44_100),
        (hiss(30.0, 22_050), 22_050),
    ],
    ids=["long tune", "tune at 48 kHz", "tune at 11 kHz", "sweep", "hiss and silence"],
)
def test_fpcalc_hears_the_same(tmp_path: Path, samples: Samples, rate: int) -> None:
    """The reference gives as many values, and at most one bit in a thousand differs."""
    path = written(tmp_path, samples, rate)
    theirs = np.array(fpcalc(path, "-raw").split(","), dtype=np.int64).astype(np.uint32)
    ours = fingerprint(heard(path))
    assert len(ours) == len(theirs)
    assert np.bitwise_count(ours ^ theirs).sum() / (32 * len(ours)) <= 1e-3


@needs_fpcalc
def test_fpcalc_packs_the_same(tmp_path: Path) -> None:
    """The packed text is letter for letter the reference's, and unpacks to its values."""
    path = written(tmp_path, tune(40.0, 5), RATE)
    theirs = np.array(fpcalc(path, "-raw").split(","), dtype=np.int64).astype(np.uint32)
    text = fpcalc(path)
    assert encode(theirs) == text
    assert list(decode(text)) == theirs.tolist()


def test_short_and_silent_sounds() -> None:
    """Below 2.8 s there are no values; silence has some, all alike; other sample types are a caller's mistake."""
    assert len(fingerprint(np.zeros(0, dtype=np.int16))) == 0
    assert len(fingerprint(np.zeros(int(2.7 * RATE), dtype=np.int16))) == 0
    assert len(set(fingerprint(np.zeros(10 * RATE, dtype=np.int16)).tolist())) == 1
    with pytest.raises(TypeError, match="int16"):
        fingerprint(np.zeros(10 * RATE, dtype=np.float32))


def test_two_minutes_are_heard_and_no_more() -> None:
    """What comes after 120 s changes nothing."""
    samples = tune(150.0, 6)
    assert np.array_equal(fingerprint(samples), fingerprint(samples[: 120 * RATE]))
    assert len(fingerprint(samples)) == 948 <= ITEMS
    assert HOP / RATE == ITEM_SECONDS


def test_a_fingerprint_is_cheap() -> None:
    """Two minutes of sound take less than 0.1 s of CPU."""
    samples = tune(120.0, 7)
    costs = []
    for _ in range(5):
        start = time.process_time()
        fingerprint(samples)
        costs.append(time.process_time() - start)
    assert min(costs) < 0.1
