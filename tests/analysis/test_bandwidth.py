"""A lossy origin shows; music that merely has no highs is not accused of one."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from musicsyncd.analysis.bandwidth import (
    ACCUSED_HZ,
    EVEN_DROP,
    LOSSY_DROP,
    MOST_FRAMES,
    Bandwidth,
    LongTermSpectrum,
    estimate_cutoff,
)
from tests.analysis import fullband
from tests.analysis.fullband import RATE, Stereo
from tests.audio import sounds

BLOCK = 16_384
full = cache(fullband.full)


def heard(samples: Stereo, rate: int = RATE) -> Bandwidth | None:
    """What is said of samples that come in blocks."""
    spectrum = LongTermSpectrum(rate)
    for start in range(0, len(samples), BLOCK):
        spectrum.feed(samples[start : start + BLOCK])
    return estimate_cutoff(spectrum)


@pytest.mark.parametrize("encoder", fullband.ENCODERS)
def test_every_lossy_origin_shows(encoder: str) -> None:
    """Fourteen pieces, encoded and decoded again, are all recognised, by an edge far steeper than the threshold."""
    found = {name: heard(fullband.recoded(piece, fullband.ENCODERS[encoder])) for name, piece in full().items()}
    assert {name for name, one in found.items() if not (one and one.lossy_likely)} == set()
    told = [one for one in found.values() if one]
    assert min(one.drop_db for one in told) > LOSSY_DROP + 10
    assert min(one.confidence for one in told) > 0.65


@pytest.mark.parametrize(
    ("encoder", "lowest", "highest"),
    [("MP3 128", 16.0, 17.0), ("MP3 192", 18.5, 19.2), ("MP3 320", 19.8, 20.4), ("Opus 128", 19.9, 20.5)],
)
def test_the_edge_is_where_the_encoder_cuts(encoder: str, lowest: float, highest: float) -> None:
    """The cut-off is that of the encoder, in kHz."""
    found = heard(fullband.recoded(full()["pink noise"], fullband.ENCODERS[encoder]))
    assert found
    assert found.cutoff_hz
    assert lowest <= found.cutoff_hz / 1000 <= highest


def test_full_pieces_are_honest() -> None:
    """What has highs up to the top is said to be honest, with confidence and without a cut-off."""
    for name, piece in full().items():
        found = heard(fullband.at_16_bits(piece))
        assert found, name
        assert (found.cutoff_hz, found.lossy_likely) == (None, False), name
        assert found.confidence > 0.6, name
        assert found.drop_db < EVEN_DROP, name


def test_dark_music_is_not_accused() -> None:
    """Without highs, filtered gently or steeply, faint or poor in overtones: called neither lossy nor honest."""
    for name, piece in fullband.dark().items():
        found = heard(fullband.at_16_bits(piece))
        assert found, name
        assert (found.lossy_likely, found.confidence) == (False, 0.0), name


def test_an_encoder_that_cuts_nothing_cannot_be_told() -> None:
    """The stated limit: FFmpeg's AAC at 256 kbit/s looks honest."""
    kind = sounds.Kind(extension="m4a", container="ipod", codec="aac", bit_rate=256_000)
    found = heard(fullband.recoded(full()["pink noise"], kind))
    assert found
    assert not found.lossy_likely


def test_clipping_hides_the_edge_but_makes_nothing_honest() -> None:
    """Distortion throughout fills what the encoder had left out: then nothing is claimed."""
    loud = np.clip(4 * full()["rock"], -1, 1).astype(np.float32)
    found = heard(fullband.recoded(loud, fullband.ENCODERS["MP3 192"]))
    assert found
    assert (found.lossy_likely, found.confidence) == (False, 0.0)


@pytest.mark.parametrize("rate", [48_000, 88_200, 96_000, 192_000])
def test_resampling_is_no_encoding(rate: int) -> None:
    """A lossless piece at a higher rate ends at 22 kHz, above all encoders, and is not accused; its lossy twin is."""

    def raised(samples: Stereo) -> Stereo:
        integers = np.rint(np.clip(samples, -1, 1) * 32_767).astype(np.int16)
        return fullband.as_floats(fullband.resampled(integers, RATE, rate))

    piece = full()["pink noise"]
    honest, lossy = (
        heard(raised(piece), rate),
        heard(raised(fullband.recoded(piece, fullband.ENCODERS["MP3 192"])), rate),
    )
    assert honest
    assert lossy
    assert not honest.lossy_likely
    assert honest.cutoff_hz is None or honest.cutoff_hz > ACCUSED_HZ[1]
    assert lossy.lossy_likely


def test_lowering_the_rate_is_no_encoding() -> None:
    """A studio's 96 kHz brought to 44.1 kHz keeps its highs up to where the resampler's own filter begins."""
    integers = (np.random.default_rng(2).standard_normal((96_000 * 6, 2)) * 3_000).astype(np.int16)
    found = heard(fullband.as_floats(fullband.resampled(integers, 96_000, RATE)))
    assert found
    assert not found.lossy_likely
    assert found.confidence > 0.5


@pytest.mark.parametrize("level", [0.0, 0.5, -1.0])
def test_silence_and_direct_current_say_nothing(level: float) -> None:
    """No sound, no verdict and no number."""
    found = heard(np.full((RATE * 6, 2), level, np.float32))
    assert found
    assert (found.cutoff_hz, found.lossy_likely, found.confidence) == (None, False, 0.0)


@pytest.mark.parametrize("rate", [8_000, 22_050, 32_000])
def test_slow_rates_are_not_judged(rate: int) -> None:
    """They end by themselves where encoders cut."""
    assert heard(full()["white noise"], rate) is None


def test_too_little_is_not_judged() -> None:
    """Less than three seconds, or blocks too short for a spectrum."""
    assert heard(full()["white noise"][: 2 * RATE]) is None
    assert heard(np.zeros((0, 2), np.float32)) is None


def test_mono_is_judged_as_stereo_is() -> None:
    """One channel is enough."""
    piece = full()["rock"][:, :1]
    honest = heard(fullband.at_16_bits(piece))
    lossy = heard(fullband.recoded(np.repeat(piece, 2, axis=1), fullband.ENCODERS["MP3 128"])[:, :1])
    assert honest
    assert lossy
    assert (honest.lossy_likely, lossy.lossy_likely) == (False, True)


def test_what_fades_and_pauses_is_judged_by_its_loud_half() -> None:
    """Pauses of digital silence, a fade and a spoken intro do not turn a bright track dark."""
    piece = full()["house"].copy()
    piece[: 2 * RATE] = 0.0
    found = heard(fullband.at_16_bits(piece))
    assert found
    assert found.confidence > 0.6


def test_memory_is_bounded_and_the_whole_track_counts() -> None:
    """Of an endless track no more frames are held, and its end weighs as much as its beginning."""
    spectrum = LongTermSpectrum(RATE)
    cut = filtered_block(12_000)
    bright = filtered_block(None)
    for number in range(600):
        spectrum.feed(cut if number < 100 else bright)
    assert len(spectrum._frames) <= MOST_FRAMES
    found = estimate_cutoff(spectrum)
    assert found
    assert found.cutoff_hz is None
    assert found.confidence > 0.6


def filtered_block(hertz: float | None) -> Stereo:
    """One block of noise, nothing of it above `hertz`."""
    spectrum = np.fft.rfft(np.random.default_rng(1).standard_normal(BLOCK) * 0.1)
    if hertz:
        spectrum[round(hertz * BLOCK / RATE) :] = 0.0
    return np.fft.irfft(spectrum, BLOCK).astype(np.float32)[:, None]
