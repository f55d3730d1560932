"""What a track's files say of where their audio came from."""

from __future__ import annotations

import pytest

from musicsyncd.audio.values import Analysis, AudioProbe
from musicsyncd.music.track import Track
from musicsyncd.pipeline.tag import tags_of

FLAC = AudioProbe(
    container="flac",
    codec="flac",
    lossless=True,
    sample_rate=44_100,
    bit_depth=16,
    bit_rate=None,
    channels=2,
    duration=10.0,
    decoder="x 1",
)
PROMISED = "flac, lossless, 16 bit, 44.1 kHz"


@pytest.mark.parametrize(
    ("analysis", "said"),
    [
        (None, PROMISED),
        (Analysis(duration=10.0), PROMISED),
        (Analysis(duration=10.0, cutoff_hz=21_500.0, lossless_honest=True), PROMISED),
        (
            Analysis(duration=10.0, cutoff_hz=16_000.0, lossless_honest=False),
            f"{PROMISED} - but nothing above 16.0 kHz: probably made from a lossy file",
        ),
    ],
)
def test_the_source_is_told_with_what_speaks_against_it(analysis: Analysis | None, said: str) -> None:
    """The codec's promise alone, unless the sound breaks it."""
    assert tags_of(Track(title="T", artists=("A",), source="folder"), analysis, FLAC).source_audio == said
