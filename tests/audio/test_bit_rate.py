"""A bit rate is the sound's own: neither a large cover nor a quiet beginning changes what it is worth."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mutagen.flac import Picture
from mutagen.id3 import ID3
from mutagen.id3._frames import APIC
from mutagen.oggopus import OggOpus

from musicsyncd.audio.decode import Source
from musicsyncd.audio.probe import probe
from musicsyncd.audio.transcode import Transcode
from musicsyncd.audio.values import FORMATS, AudioProbe
from musicsyncd.music.quality import Quality
from tests.audio import sounds

SECONDS = 8.0
OPUS = sounds.Kind(extension="opus", container="ogg", codec="libopus", rate=48_000, bit_rate=64_000)
MP3 = sounds.Kind(extension="mp3", container="mp3", codec="libmp3lame", bit_rate=320_000)
COVER = bytes(500_000)


def found(path: Path, *, full: bool) -> AudioProbe:
    """What a probe of it says."""
    with Source(path) as source:
        return probe(source, full=full)


@pytest.fixture
def opus(tmp_path: Path) -> Path:
    """A small sound with a large picture."""
    path = sounds.write(tmp_path / "small.opus", OPUS, sounds.music(OPUS, SECONDS))
    picture, tags = Picture(), OggOpus(path)
    picture.type, picture.mime, picture.data = 3, "image/jpeg", COVER
    tags["metadata_block_picture"] = [base64.b64encode(picture.write()).decode()]
    tags.save()
    return path


@pytest.fixture
def mp3(tmp_path: Path) -> Path:
    """A good sound with the same picture."""
    path = sounds.write(tmp_path / "good.mp3", MP3, sounds.music(MP3, SECONDS))
    tags = ID3(path)
    tags.add(APIC(encoding=3, mime="image/jpeg", type=3, data=COVER))
    tags.save()
    return path


@pytest.mark.parametrize("full", [False, True])
def test_a_cover_is_no_sound(full: bool, opus: Path, mp3: Path) -> None:
    """The better of two copies is the one that sounds better, decoded or only looked at."""
    small, good = found(opus, full=full), found(mp3, full=full)
    assert small.bit_rate == pytest.approx(64_000, rel=0.15)
    assert good.bit_rate == 320_000
    assert Quality.of(small.as_dict()) < Quality.of(good.as_dict())


def test_a_transcode_says_the_same(opus: Path, tmp_path: Path) -> None:
    """What is kept of a source's quality is what the walk's one decode heard."""
    with Source(opus) as source:
        result = Transcode(
            source,
            tmp_path,
            [FORMATS["wav"]],
            depth=None,
            sample_rate=None,
            listener=None,
            told=lambda share, text: None,
        ).run()
    assert result.source.bit_rate == found(opus, full=True).bit_rate


def test_a_quiet_beginning_is_not_the_rate(tmp_path: Path) -> None:
    """An MP3 of changing rate without a Xing header states its first frame's rate."""
    quiet, loud = (replace(MP3, bit_rate=rate) for rate in (32_000, 192_000))
    path = tmp_path / "changing.mp3"
    silence = sounds.write(tmp_path / "quiet.mp3", quiet, np.zeros((round(2 * MP3.rate), 2), np.int16))
    music = sounds.write(tmp_path / "loud.mp3", loud, sounds.music(MP3, SECONDS))
    path.write_bytes(b"".join(_frames(part) for part in (silence, music)))
    assert found(path, full=False).bit_rate == 32_000
    assert found(path, full=True).bit_rate == pytest.approx((2 * 32_000 + 8 * 192_000) / 10, rel=0.05)


def _frames(path: Path) -> bytes:
    """An MP3's frames without header and tags."""
    with Source(path) as source:
        return b"".join(bytes(packet) for packet in source._container.demux(source.stream))


@pytest.mark.parametrize("name", ["mp3", "aac", "wav16"])
def test_a_true_statement_stands(name: str, tmp_path: Path) -> None:
    """Two copies at one rate stay equally good, though one encoder's delay adds a packet."""
    kind = sounds.ALL[name]
    path = sounds.write(tmp_path / f"a.{kind.extension}", kind, sounds.music(kind, SECONDS))
    assert found(path, full=True).bit_rate == found(path, full=False).bit_rate
