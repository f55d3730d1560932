"""The demo that is shipped: small, well tagged, and heard rightly by our own ears."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import av
import mutagen
import numpy as np
import pytest
from numpy.typing import NDArray

import musicsyncd.demo
from musicsyncd.analysis.fingerprint import fingerprint
from musicsyncd.analysis.key import estimate_key
from musicsyncd.analysis.tempo import estimate_tempo
from musicsyncd.music.camelot import Key
from musicsyncd.music.chromaprint import Comparison, Fingerprint, compare
from musicsyncd.music.sameness import Kind, verdict
from musicsyncd.music.title import parse_file_name

TRACKS = Path(musicsyncd.demo.__file__).parent / "tracks"
FERRY, FERRY_AGAIN = TRACKS / "Ada Voss - Night Ferry.mp3", TRACKS / "Ada Voss - Night Ferry.opus"
LANTERN, HARBOUR = TRACKS / "Ada Voss - Lantern Street (Dub).flac", TRACKS / "Tomo Rell - Glass Harbour.ogg"
BROKEN = TRACKS / "Broken Upload.mp3"
SOUND = (FERRY, FERRY_AGAIN, LANTERN, HARBOUR)


def heard(path: Path, sample_format: str, rate: int) -> NDArray[Any]:
    """A whole file as mono samples."""
    resampler = av.AudioResampler(format=sample_format, layout="mono", rate=rate)
    with av.open(path) as container:
        frames = [part for frame in container.decode(audio=0) for part in resampler.resample(frame)]
    return np.concatenate([frame.to_ndarray()[0] for frame in (*frames, *resampler.resample(None))])


def duration(path: Path) -> float:
    """Seconds of decoded sound."""
    return len(heard(path, "flt", 22_050)) / 22_050


def compared(first: Path, second: Path) -> Comparison:
    """Two files by their fingerprints."""
    ours, theirs = (fingerprint(heard(path, "s16", 11_025)).tolist() for path in (first, second))
    return compare(Fingerprint.of(ours), Fingerprint.of(theirs))


def test_nothing_but_the_demo_is_shipped() -> None:
    """Five files, small enough for a wheel."""
    files = sorted(TRACKS.iterdir())
    assert files == sorted((*SOUND, BROKEN))
    assert sum(file.stat().st_size for file in files) < 700_000
    assert LANTERN.stat().st_size < 250_000


@pytest.mark.parametrize(
    ("path", "bpm", "key", "camelot"),
    [
        (FERRY, 122.0, "Am", "8A"),
        (FERRY_AGAIN, 122.0, "Am", "8A"),
        (LANTERN, 140.0, "Dm", "7A"),
        (HARBOUR, 100.0, "F", "7B"),
    ],
    ids=lambda value: value.suffix if isinstance(value, Path) else None,
)
def test_tempo_and_key_are_those_composed(path: Path, bpm: float, key: str, camelot: str) -> None:
    """The estimators find what the score says, with some certainty."""
    samples = heard(path, "flt", 22_050)
    tempo, estimate = estimate_tempo(samples), estimate_key(samples)
    assert tempo is not None
    assert estimate is not None
    found = Key(estimate.tonic, estimate.mode)
    assert (tempo.bpm, found.short, found.camelot) == (bpm, key, camelot)
    assert tempo.confidence > 0.3
    assert estimate.confidence > 0.05


def test_two_encodings_are_one_recording() -> None:
    """The MP3 and the Opus file of Night Ferry are the same recording."""
    found = compared(FERRY, FERRY_AGAIN)
    judgement = verdict(
        bit_error_rate=found.bit_error_rate,
        overlap_share=found.overlap_share,
        durations=(duration(FERRY), duration(FERRY_AGAIN)),
        titles=(parse_file_name(FERRY.stem)[1], parse_file_name(FERRY_AGAIN.stem)[1]),
    )
    assert judgement.kind is Kind.SAME, judgement.reasons
    assert found.bit_error_rate < 0.08


def test_different_pieces_are_different() -> None:
    """No two of the three pieces are taken for one."""
    for first, second in itertools.combinations((FERRY, LANTERN, HARBOUR), 2):
        assert compared(first, second).bit_error_rate > 0.3


def test_tags_and_cover() -> None:
    """The MP3 is fully tagged with a picture, the FLAC is mono and 16 bits, the Opus copy has its name only."""
    tags = mutagen.File(FERRY).tags
    assert [str(tags[name]) for name in ("TIT2", "TPE1", "TALB", "TCON", "TDRC")] == [
        "Night Ferry",
        "Ada Voss",
        "Harbour Lights",
        "House",
        "2026-11-20",
    ]
    with av.open(FERRY) as container:
        picture = next(container.decode(video=0))
        assert (picture.width, picture.height) == (240, 240)
    lantern = mutagen.File(LANTERN)
    assert (lantern.info.channels, lantern.info.bits_per_sample) == (1, 16)
    assert lantern["title"] == ["Lantern Street (Dub)"]
    assert "title" not in mutagen.File(FERRY_AGAIN)
    assert mutagen.File(HARBOUR)["artist"] == ["Tomo Rell"]


def test_the_broken_file_is_broken() -> None:
    """The upload that failed holds no audio at all."""
    with pytest.raises(av.FFmpegError):
        heard(BROKEN, "flt", 22_050)
