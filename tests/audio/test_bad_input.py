"""Odd and bad sources through a real worker: each gives values, or None, or a reason; nothing is made up."""

from __future__ import annotations

import shutil
import struct
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np
import pytest
from mutagen import id3, mp3

from musicsyncd.audio.artwork import LARGEST_KEPT
from musicsyncd.audio.values import Analysis, Tags
from musicsyncd.audio.work import AudioWorkers
from musicsyncd.errors import BadInput
from tests.audio import sounds
from tests.audio.appetite import analysed
from tests.audio.conftest import Source
from tests.audio.test_sizes import LARGEST_WORKER, long_mix

FLOAT = sounds.Kind(extension="wav", container="wav", codec="pcm_f32le", rate=192_000, dtype="float32")
KINDS = {
    "mono": sounds.ALL["wav16-mono"],
    "8 kHz": sounds.Kind(extension="wav", container="wav", codec="pcm_s16le", rate=8_000, layout="mono"),
    "192 kHz float": FLOAT,
    "six channels": sounds.ALL["flac-5.1"],
}


def confident(found: Analysis) -> bool:
    """Whether the beat and the chord of `sounds.music` are told as something to rely on."""
    return found.bpm == pytest.approx(120.0, abs=0.5) and found.key in {"A", "F#m"} and found.warning == ""


@pytest.mark.parametrize("name", KINDS)
async def test_any_form_of_music_is_heard(name: str, workers: AudioWorkers, tmp_path: Path) -> None:
    """Ten seconds are enough, in one channel or six, at 8 kHz or at 192 kHz in 32-bit floats."""
    kind = KINDS[name]
    path = sounds.write(tmp_path / f"a.{kind.extension}", kind, sounds.music(kind, 10.0))
    found = await workers.analyze(path, tmp_path)
    assert confident(found)
    assert found.duration == pytest.approx(10.0, abs=0.01)
    assert found.integrated_lufs is not None
    assert -30.0 < found.integrated_lufs < -5.0
    assert found.fingerprint
    assert (tmp_path / "waveform.peaks").exists()


async def test_direct_current_changes_nothing(workers: AudioWorkers, tmp_path: Path) -> None:
    """Music on an offset is heard as without; an offset alone has neither tempo nor key nor a number made up."""
    kind = replace(FLOAT, rate=48_000)
    shifted = sounds.music(kind, 10.0) + np.float32(0.2)
    assert confident(await workers.analyze(sounds.write(tmp_path / "music.wav", kind, shifted)))
    alone = np.full((480_000, 2), 0.3, np.float32)
    found = await workers.analyze(sounds.write(tmp_path / "alone.wav", kind, alone))
    assert (found.bpm, found.key, found.cutoff_hz, found.lossless_honest, found.warning) == (None, None, None, None, "")


def test_a_long_mix_costs_no_more_memory(tmp_path: Path) -> None:
    """Twenty minutes pass the quarter of an hour that tempo and key hold; `test_four_hours` is the full size."""
    found, kilobytes = analysed(long_mix(tmp_path / "mix.mka", minutes=20), deadline=300)
    assert found.duration == pytest.approx(20 * 60, rel=0.01)
    assert found.bpm == pytest.approx(120.0, abs=0.5)
    assert found.warning == ""
    assert kilobytes < LARGEST_WORKER


@pytest.mark.parametrize(("name", "extension"), [("flac16", "mp3"), ("mp3", "wav"), ("aac", "flac"), ("wav16", "m4a")])
async def test_a_wrong_extension_deceives_nobody(
    name: str, extension: str, source: Source, workers: AudioWorkers, tmp_path: Path
) -> None:
    """What a file is called says nothing: codec, tags and analysis are those of its content."""
    path = tmp_path / f"a.{extension}"
    shutil.copy(source(name, 10.0), path)
    found, tags, _ = await workers.read(path)
    assert found.codec == {"flac16": "flac", "mp3": "mp3", "aac": "aac", "wav16": "pcm_s16le"}[name]
    assert isinstance(tags, Tags)
    assert confident(await workers.analyze(path))


@pytest.mark.parametrize("name", ["wav16", "flac16", "mp3", "aac", "opus-ogg"])
async def test_a_truncated_file_is_never_half_analysed(
    name: str, source: Source, workers: AudioWorkers, tmp_path: Path
) -> None:
    """A file that breaks off gets a reason instead of values, and no waveform stays."""
    whole = source(name, 10.0)
    path = tmp_path / f"cut{whole.suffix}"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(BadInput, match=r"cut\.\w+ (is|holds) "):
        await workers.analyze(path, tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


@cache
def heavy_picture() -> bytes:
    """A PNG of twenty megabytes: noise, which nothing packs."""
    noise = np.random.default_rng(2).integers(0, 256, (2600, 2600, 3), np.uint8)
    frame = av.VideoFrame.from_ndarray(noise, format="rgb24")
    context = av.CodecContext.create("png", "w")
    assert isinstance(context, av.VideoCodecContext)
    context.options = {"compression_level": "0"}
    context.width, context.height, context.pix_fmt, context.framerate = 2600, 2600, "rgb24", Fraction(1)
    data = b"".join(bytes(packet) for packet in (*context.encode(frame), *context.encode(None)))
    assert len(data) > 20_000_000
    return data


async def test_twenty_megabytes_of_artwork(source: Source, workers: AudioWorkers, tmp_path: Path) -> None:
    """Such a cover becomes one that every container holds (FLAC the least), also when it came in a file."""
    (tmp_path / "cover.png").write_bytes(heavy_picture())
    outputs = (await workers.transcode(source("aac", 10.0), tmp_path, ["alac", "flac", "mp3"], analyze=False)).outputs
    for made in await workers.tag(outputs, Tags(title="x"), tmp_path / "cover.png"):
        _, tags, cover = await workers.read(Path(made.path), tmp_path)
        assert tags.title == "x"
        assert cover is not None
        assert cover.name == "artwork.jpg"
        assert 100_000 < cover.stat().st_size < LARGEST_KEPT
    path = Path(next(made.path for made in outputs if made.format == "mp3"))
    file = mp3.MP3(path)
    file.tags.setall("APIC", [id3.APIC(mime="image/png", type=3, data=heavy_picture())])
    file.save()
    assert path.stat().st_size > 20_000_000
    _, tags, cover = await workers.read(path, tmp_path)
    assert (tags.title, cover and cover.name) == ("x", "artwork.jpg")
    assert confident(await workers.analyze(path))


@pytest.mark.parametrize("encoding", [id3.Encoding.LATIN1, id3.Encoding.UTF16, id3.Encoding.UTF16BE])
async def test_tags_in_old_encodings(
    encoding: id3.Encoding, source: Source, workers: AudioWorkers, tmp_path: Path
) -> None:
    """ID3v2.3's Latin-1 and UTF-16 are read as what they say they are."""
    path = Path(shutil.copy(source("mp3"), tmp_path / "a.mp3"))
    file = mp3.MP3(path)
    if file.tags is None:
        file.add_tags()
    file.tags.add(id3.TIT2(encoding=encoding, text=["Où la façade brûle"]))
    file.tags.add(id3.TPE1(encoding=encoding, text=["Björk"]))
    file.save(v2_version=4 if encoding == id3.Encoding.UTF16BE else 3)
    _, tags, _ = await workers.read(path)
    assert (tags.title, tags.artists) == ("Où la façade brûle", ("Björk",))


async def test_latin_1_where_no_encoding_is_stated(source: Source, workers: AudioWorkers, tmp_path: Path) -> None:
    """ID3v1 and RIFF INFO state none; old programs wrote Latin-1 there."""
    path = tmp_path / "a.mp3"
    tag = b"TAG" + "Façade".encode("latin-1").ljust(30, b"\0") + "Björk".encode("latin-1").ljust(30, b"\0")
    plain = mp3.MP3(Path(shutil.copy(source("mp3", 10.0), path)))
    plain.delete()
    path.write_bytes(path.read_bytes() + tag.ljust(128, b"\0"))
    _, tags, _ = await workers.read(path)
    assert (tags.title, tags.artists) == ("Façade", ("Björk",))
    assert confident(await workers.analyze(path))
    listing = b"INFOINAM" + struct.pack("<I", 6) + "Façade".encode("latin-1")
    data = source("wav16", 10.0).read_bytes() + b"LIST" + struct.pack("<I", len(listing)) + listing
    wav = tmp_path / "a.wav"
    wav.write_bytes(data[:4] + struct.pack("<I", len(data) - 8) + data[8:])
    _, tags, _ = await workers.read(wav)
    assert tags.title == "Façade"
    assert confident(await workers.analyze(wav))


@pytest.mark.parametrize("picture", [b"", b"<html>", b"\xff\xd8\xff\xe0 a JPEG by its first bytes alone"])
async def test_a_cover_that_is_no_picture_keeps_no_music_away(
    source: Source, workers: AudioWorkers, tmp_path: Path, picture: bytes
) -> None:
    """The tags are written, and no picture."""
    (tmp_path / "cover.jpg").write_bytes(picture)
    outputs = (await workers.transcode(source("flac16"), tmp_path, ("flac",))).outputs
    (made,) = await workers.tag(outputs, Tags(title="x"), tmp_path / "cover.jpg")
    _, tags, cover = await workers.read(Path(made.path), tmp_path)
    assert (tags.title, cover) == ("x", None)
