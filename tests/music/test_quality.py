"""Which of two copies of a recording comes from better audio."""

from __future__ import annotations

from typing import Any

import pytest

from musicsyncd.music.quality import Quality

FLAC = {"lossless": True, "bit_depth": 16, "sample_rate": 44_100, "bit_rate": 900_000}
HIRES = {"lossless": True, "bit_depth": 24, "sample_rate": 96_000, "bit_rate": 2_900_000}
MP3 = {"codec": "mp3", "lossless": False, "bit_depth": None, "sample_rate": 44_100, "bit_rate": 320_000}
LOW = MP3 | {"bit_rate": 128_000}
UNKNOWN: dict[str, Any] = {}


@pytest.mark.parametrize(
    ("better", "worse", "why"),
    [
        (Quality.of(FLAC), Quality.of(MP3), "lossless before lossy audio"),
        (Quality.of(HIRES), Quality.of(FLAC), "24 bits before 16"),
        (Quality.of(FLAC | {"sample_rate": 48_000}), Quality.of(FLAC), "48 kHz before 44.1 kHz"),
        (Quality.of(MP3), Quality.of(LOW), "320 kbit/s mp3 before 128 kbit/s mp3"),
        (Quality.of(LOW | {"codec": "opus"}), Quality.of(LOW), "128 kbit/s opus before 128 kbit/s mp3"),
        (Quality.of(FLAC), Quality.of(HIRES, honest=False), "lossless before lossy audio"),
        (Quality.of(LOW), Quality.of(FLAC, honest=False), "128 kbit/s mp3 before an unknown rate"),
        (Quality.of(LOW), Quality.of(UNKNOWN), "128 kbit/s mp3 before an unknown rate"),
    ],
)
def test_the_better_one_says_why(better: Quality, worse: Quality, why: str) -> None:
    assert better > worse
    assert better.better_by(worse) == why
    assert worse.better_by(better) == ""


def test_what_cannot_be_judged_counts_as_its_codec_says() -> None:
    assert Quality.of(FLAC, honest=None) == Quality.of(FLAC, honest=True)
    assert Quality.of(FLAC).better_by(Quality.of(FLAC)) == ""
