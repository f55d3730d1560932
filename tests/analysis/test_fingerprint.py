"""Fingerprints: bit for bit fpcalc's, packed and unpacked, and compared at any shift."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
import wave
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from musicsyncd.analysis.fingerprint import (
    ITEM_SECONDS,
    RATE,
    Fingerprint,
    compare,
    decode,
    encode,
    fingerprint,
)
from musicsyncd.errors import BadInput

needs_fpcalc = pytest.mark.skipif(not shutil.which("fpcalc"), reason="fpcalc is not installed")
Samples = NDArray[np.int16]
fingerprints = arrays.arrays(np.uint32, st.integers(0, 60), elements=st.integers(0, 2**32 - 1))


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
    assert np.array_equal(decode(text), theirs)


@given(fingerprints)
def test_packing_loses_nothing(values: Fingerprint) -> None:
    """Any values come back from their packed text."""
    assert np.array_equal(decode(encode(values)), values)


@given(fingerprints, st.data())
def test_cut_text_is_refused(values: Fingerprint, data: st.DataObject) -> None:
    """A text that lost its end is refused or, where only padding went, still whole; it never crashes."""
    text = encode(values)
    cut = text[: data.draw(st.integers(0, len(text) - 1))]
    with contextlib.suppress(BadInput):
        assert np.array_equal(decode(cut), values)


@given(st.text(max_size=40))
def test_other_text_is_refused(text: str) -> None:
    """Whatever the text, decoding answers with values or with BadInput, and with nothing else."""
    with contextlib.suppress(BadInput):
        assert decode(text).dtype == np.uint32


@pytest.mark.parametrize("text", ["", "AQ", "AgAAAA", "AQAAAv__", "ÄÖÜ", "AQAAAQ"])
def test_known_bad_texts_are_refused(text: str) -> None:
    """Too short, another algorithm, a missing end, no base64: each is BadInput."""
    with pytest.raises(BadInput):
        decode(text)


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
    assert len(fingerprint(samples)) == 948


def test_a_fingerprint_is_cheap() -> None:
    """Two minutes of sound take less than 0.1 s of CPU."""
    samples = tune(120.0, 7)
    costs = []
    for _ in range(5):
        start = time.process_time()
        fingerprint(samples)
        costs.append(time.process_time() - start)
    assert min(costs) < 0.1


def test_a_recording_agrees_with_itself() -> None:
    """The same values differ in nothing and lie over each other completely."""
    values = fingerprint(tune(30.0, 8))
    found = compare(values, values)
    assert (found.bit_error_rate, found.overlap_share, found.offset_seconds) == (0.0, 1.0, 0.0)


@pytest.mark.parametrize("cut", [1.0, 2.37, 12.0, 25.0])
def test_a_cut_beginning_is_found(cut: float) -> None:
    """A recording without its first seconds, and louder, is still the same, at that shift, either way round."""
    samples = tune(70.0, 9)
    whole, part = fingerprint(samples), fingerprint((samples[int(cut * RATE) :] * 1.3).astype(np.int16))
    there, back = compare(whole, part), compare(part, whole)
    assert there.bit_error_rate < 0.08
    assert there.offset_seconds == pytest.approx(-cut, abs=ITEM_SECONDS)
    assert back.bit_error_rate == there.bit_error_rate
    assert back.offset_seconds == -there.offset_seconds


def test_other_music_disagrees() -> None:
    """Unrelated tunes stay far above the limit at their best shift."""
    values = [fingerprint(tune(60.0, seed)) for seed in range(20, 26)]
    rates = [compare(a, b).bit_error_rate for n, a in enumerate(values) for b in values[n + 1 :]]
    assert min(rates) > 0.3


def test_a_shared_passage_is_no_likeness() -> None:
    """Ten common seconds at the end of one and the start of the other do not make two tracks alike."""
    shared = tune(10.0, 30)
    first = fingerprint(np.concatenate([tune(30.0, 31), shared]))
    second = fingerprint(np.concatenate([shared, tune(30.0, 32)]))
    assert compare(first, second).bit_error_rate > 0.28


@pytest.mark.parametrize("other", [0, 1, 400])
def test_nothing_and_silence_agree_with_nobody(other: int) -> None:
    """Empty fingerprints and silence are never evidence, not even against themselves."""
    silence = np.full(other, 627_964_279, dtype=np.uint32)
    for values in (fingerprint(tune(50.0, 33)), silence):
        found = compare(values, silence)
        assert (found.bit_error_rate, found.overlap_share) == (1.0, 0.0)


def test_only_two_minutes_are_compared() -> None:
    """A fingerprint of hours, as any file's tag may hold one, is compared by its beginning and costs no more."""
    values = fingerprint(tune(120.0, 34))
    found = compare(values, np.tile(values, 2000))
    assert (found.bit_error_rate, found.offset_seconds) == (0.0, 0.0)
    assert found.overlap_share > 0.99


@given(fingerprints, fingerprints)
def test_comparison_is_fair(first: Fingerprint, second: Fingerprint) -> None:
    """Whichever comes first, the rate is the same and every number is within its bounds."""
    there, back = compare(first, second), compare(second, first)
    assert there.bit_error_rate == back.bit_error_rate
    assert 0.0 <= there.bit_error_rate <= 1.0
    assert there.bit_error_rate == 1.0 or 0.5 <= there.overlap_share <= 1.0
    assert abs(there.offset_seconds) <= 30.0
