"""What is no whole audio is refused with a reason, and leaves nothing behind; nothing crashes or hangs a worker."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av
import pytest
from imageio_ffmpeg import get_ffmpeg_exe

from musicsyncd.audio import headers
from musicsyncd.audio.decode import Source as OpenSource
from musicsyncd.audio.encode import Output
from musicsyncd.audio.probe import probe
from musicsyncd.audio.transcode import Transcode
from musicsyncd.audio.values import FORMATS
from musicsyncd.audio.work import AudioWorkers
from musicsyncd.errors import BadInput, MusicsyncError
from tests.audio import sounds
from tests.audio.conftest import Source

SECONDS = 10.0
STATES_ITS_LENGTH = ("wav16", "aiff24", "flac16", "flac24", "alac16", "mp3", "mp3-22k", "aac", "opus-webm")


def transcode(source: Path, folder: Path) -> None:
    """In this process, where a test may look at many files without starting as many workers."""
    with OpenSource(source) as opened:
        Transcode(
            opened,
            folder,
            [FORMATS["wav"], FORMATS["flac"]],
            depth=None,
            sample_rate=None,
            listener=None,
            told=lambda share, text: None,
        ).run()


def no_audio(name: str, folder: Path) -> Path:
    """A file, or something like one, that holds no audio."""
    path = folder / "track.mp3"
    match name:
        case "text":
            path.write_text("The quick brown fox jumps over the lazy dog.\n" * 2000)
        case "html":
            path.write_text("<!doctype html><html><body><h1>404 Not Found</h1></body></html>")
        case "empty":
            path.touch()
        case "zeros":
            path.write_bytes(bytes(100_000))
        case "noise":
            path.write_bytes(random.Random(5).randbytes(100_000))
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "picture":
            path.write_bytes(sounds.picture())
        case "playlist":  # FFmpeg would open what it names
            path.write_text(f"#EXTM3U\n#EXTINF:3,\nfile://{folder}/real.wav\n#EXT-X-ENDLIST\n")
        case "concatenation":
            path.write_text(f"ffconcat version 1.0\nfile '{folder}/real.wav'\n")
    return path


@pytest.mark.parametrize(
    "name",
    ["missing", "text", "html", "empty", "zeros", "noise", "folder", "pipe", "picture", "playlist", "concatenation"],
)
def test_what_is_no_audio(name: str, source: Source, tmp_path: Path) -> None:
    """Whatever is behind the name, it is BadInput that names the file and the reason, and nothing is made."""
    shutil.copy(source("wav16"), tmp_path / "real.wav")
    path, folder = no_audio(name, tmp_path), tmp_path / "made"
    folder.mkdir()
    with pytest.raises(BadInput, match=r"track\.mp3") as refused:
        transcode(path, folder)
    assert len(str(refused.value)) > len("track.mp3 is no audio")
    assert not [*folder.iterdir()]


async def test_refusal_crosses_the_pipe(workers: AudioWorkers, tmp_path: Path) -> None:
    """A worker's refusal comes out of every door with its class and its sentence."""
    path = no_audio("text", tmp_path)
    for ask in (workers.probe, workers.read, workers.analyze):
        with pytest.raises(BadInput, match=r"track\.mp3 holds no audio"):
            await ask(path)
    with pytest.raises(BadInput, match=r"track\.mp3 holds no audio"):
        await workers.transcode(path, tmp_path, ["wav"])
    assert [each.name for each in tmp_path.iterdir()] == ["track.mp3"]


def test_names_are_never_protocols(source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file called like one of FFmpeg's protocols or options is opened as the file that it is."""
    monkeypatch.chdir(tmp_path)
    for name in ("concat:a|b.wav", "-i.wav", "http:x.wav", "%d.wav", "ünï 🎵 اغنية.wav"):
        path = Path(shutil.copy(source("wav16"), tmp_path / name))
        for spelled in (path, Path(name)):
            with OpenSource(spelled) as opened:
                assert probe(opened, full=True).duration == 3.0


@pytest.mark.parametrize("name", ["wav16", "flac16", "mp3"])
def test_no_samples(name: str, tmp_path: Path) -> None:
    """A well-formed file without a single sample is refused."""
    kind = sounds.ALL[name]
    path = tmp_path / f"silent.{kind.extension}"
    with av.open(str(path), "w", format=kind.container) as container:
        container.add_stream(kind.codec, rate=kind.rate)
        container.start_encoding()
    folder = tmp_path / "made"
    folder.mkdir()
    with pytest.raises(BadInput):
        transcode(path, folder)
    assert not [*folder.iterdir()]


@pytest.mark.parametrize("name", STATES_ITS_LENGTH)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.88])
def test_cut_short(name: str, share: float, source: Source, tmp_path: Path) -> None:
    """A file that breaks off is refused wherever its container states a length, and no output stands."""
    whole = source(name, SECONDS)
    path = tmp_path / f"cut{whole.suffix}"
    data = whole.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    folder = tmp_path / "made"
    folder.mkdir()
    with pytest.raises(BadInput):
        transcode(path, folder)
    assert not [*folder.iterdir()]


def test_cut_short_with_the_index_in_front(source: Source, tmp_path: Path) -> None:
    """An MP4 whose index came first opens well, and is refused for what is missing behind it."""
    path, cut = tmp_path / "front.m4a", tmp_path / "cut.m4a"
    with av.open(str(source("aac", SECONDS))) as old, av.open(str(path), "w", options={"movflags": "faststart"}) as new:
        stream = new.add_stream_from_template(old.streams.audio[0])
        for packet in old.demux(audio=0):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)
    data = path.read_bytes()
    cut.write_bytes(data[: int(len(data) * 0.7)])
    with OpenSource(cut) as opened, pytest.raises(BadInput, match=r"cut\.m4a is (not whole|damaged)"):
        probe(opened, full=True)


def in_ogg(codec: str, folder: Path, wav: Path) -> Path:
    """The WAV's music in Ogg, as FFmpeg's own program writes it: PyAV's wheels have no encoder for Vorbis."""
    path = folder / f"whole.{'opus' if codec == 'libopus' else 'ogg'}"
    subprocess.run([get_ffmpeg_exe(), "-v", "error", "-i", str(wav), "-c:a", codec, str(path)], check=True)
    return path


@pytest.mark.parametrize(
    "end", [b"", random.Random(3).randbytes(20_000), bytes(200_000)], ids=["cut", "noise", "zeros"]
)
@pytest.mark.parametrize("codec", ["libopus", "libvorbis", "flac"])
def test_cut_short_ogg(codec: str, end: bytes, source: Source, tmp_path: Path) -> None:
    """Ogg states no length: without its end mark it was cut short, whatever stands in the place of the rest."""
    whole = in_ogg(codec, tmp_path, source("wav16", SECONDS))
    data = whole.read_bytes()
    cut, folder = tmp_path / f"cut{whole.suffix}", tmp_path / "made"
    cut.write_bytes(data[: int(len(data) * 0.7)] + end)
    folder.mkdir()
    with pytest.raises(BadInput, match=r"cut\.\w+ is (not whole\. It ends without its end mark|damaged)"):
        transcode(cut, folder)
    assert not [*folder.iterdir()]
    transcode(whole, folder)
    with OpenSource(whole) as opened:
        assert probe(opened, full=True).duration == pytest.approx(SECONDS, abs=0.02)
        assert opened.doubts() == ()


@pytest.mark.parametrize(("container", "extension"), [("ogg", "opus"), ("webm", "webm"), ("matroska", "mka")])
def test_copied_into_another_container_is_whole(container: str, extension: str, source: Source, tmp_path: Path) -> None:
    """Opus that a downloader took out of WebM and put elsewhere: Ogg gets its end mark, Matroska needs none."""
    path = tmp_path / f"copied.{extension}"
    with av.open(str(source("opus-webm", SECONDS))) as old, av.open(str(path), "w", format=container) as new:
        stream = new.add_stream_from_template(old.streams.audio[0])
        for packet in old.demux(audio=0):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)
    with OpenSource(path) as opened:
        assert probe(opened, full=True).duration == pytest.approx(SECONDS, abs=0.05)
        assert opened.doubts() == ()


@pytest.mark.parametrize("name", ["wav16", "flac16", "alac16", "wav24"])
def test_hardly_a_click(name: str, tmp_path: Path) -> None:
    """One sample, or almost a tenth of a second, is refused and leaves nothing; a tenth is taken."""
    kind = sounds.ALL[name]
    shortest = kind.rate // 10
    for samples in (1, shortest - 1):
        path = sounds.write(tmp_path / f"{samples}.{kind.extension}", kind, sounds.music(kind, samples / kind.rate))
        folder = tmp_path / f"made {samples}"
        folder.mkdir()
        with pytest.raises(BadInput, match=r"too short to be music\. It holds less than 0\.1 s"):
            transcode(path, folder)
        assert not [*folder.iterdir()]
    enough = sounds.write(tmp_path / f"enough.{kind.extension}", kind, sounds.music(kind, 0.1))
    transcode(enough, tmp_path)
    with OpenSource(enough) as opened:
        assert probe(opened, full=True).duration == 0.1


def test_mp3_without_a_header_is_taken(source: Source, tmp_path: Path) -> None:
    """An MP3 that states no length is not refused because FFmpeg guesses one."""
    data = source("mp3", SECONDS).read_bytes()
    at = data.find(b"Info" if b"Info" in data[:4096] else b"Xing")
    path = tmp_path / "plain.mp3"
    path.write_bytes(data[:at] + b"None" + data[at + 4 : int(len(data) * 0.6)])
    assert headers.mp3_seconds(path) is None
    assert headers.mp3_seconds(source("mp3", SECONDS)) == pytest.approx(SECONDS, abs=0.1)
    assert headers.mp3_seconds(source("mp3-22k", SECONDS)) == pytest.approx(SECONDS, abs=0.15)
    with OpenSource(path) as opened:
        assert 5 < probe(opened, full=True).duration < 7


def test_few_damaged_packets_are_left_out(source: Source, tmp_path: Path) -> None:
    """A flipped byte costs one packet and is told; many cost the file."""
    data = bytearray(source("flac16", 60.0).read_bytes())
    data[len(data) // 2] ^= 0xFF
    path = tmp_path / "scratched.flac"
    path.write_bytes(data)
    with OpenSource(path) as opened:
        found = probe(opened, full=True)
        assert 59.5 < found.duration < 60
        assert "0.10 s of what it states are missing" in opened.doubts()
    for at in range(10_000, len(data), 30_000):
        data[at] ^= 0xFF
    path.write_bytes(data)
    with OpenSource(path) as opened, pytest.raises(BadInput, match=r"scratched\.flac is damaged\. \d+ of its \d+"):
        probe(opened, full=True)


def overwritten(data: bytearray, chance: random.Random) -> bytearray:
    """Some bytes are others."""
    for _ in range(chance.choice((1, 10, 200))):
        data[chance.randrange(len(data))] = chance.randrange(256)
    return data


def torn(data: bytearray, chance: random.Random) -> bytearray:
    """A piece is missing."""
    start = chance.randrange(len(data))
    return data[:start] + data[start + chance.randrange(5000) :]


def blanked(data: bytearray, chance: random.Random) -> bytearray:
    """A piece is zeros, as a disk that lost a sector gives it."""
    start = chance.randrange(len(data))
    piece = data[start : start + 4096]
    return data[:start] + bytes(len(piece)) + data[start + len(piece) :]


@pytest.mark.parametrize("spoil", [overwritten, torn, blanked])
@pytest.mark.parametrize("name", ["wav16", "aiff16", "flac24", "alac16", "mp3", "aac", "opus-ogg", "opus-webm"])
def test_corruption(
    name: str, spoil: Callable[[bytearray, random.Random], bytearray], source: Source, tmp_path: Path
) -> None:
    """Spoilt at random, a file is either taken whole or refused by an error of ours, and never half-written."""
    chance, whole = random.Random(f"{name} {spoil.__name__}"), source(name)
    path = tmp_path / f"spoilt{whole.suffix}"
    for number in range(8):
        path.write_bytes(spoil(bytearray(whole.read_bytes()), chance))
        folder = tmp_path / str(number)
        folder.mkdir()
        try:
            transcode(path, folder)
        except MusicsyncError:
            assert not [*folder.iterdir()]
        else:
            assert {each.name for each in folder.iterdir()} == {"wav.wav", "flac.flac"}


def block(*, rate: int = 48_000, samples: int = 16_384) -> av.AudioFrame:
    """A stereo block as outputs are given it."""
    frame = av.AudioFrame(format="s32", layout="stereo", samples=samples)
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))
    frame.sample_rate, frame.pts = rate, 0
    return frame


@pytest.mark.parametrize("name", ["wav", "aiff"])
def test_more_than_four_gibibytes(name: str, tmp_path: Path) -> None:
    """What would pass a container's length fields is refused before a byte is written, or as soon as it is known."""
    with pytest.raises(BadInput, match=rf"{name} cannot hold this track.*more than 3\.94 GiB.*4 GiB"):
        Output(FORMATS[name], tmp_path, first=block(), width=24, seconds=4.2 * 3600)
    small = replace(FORMATS[name], largest=100_000)
    output = Output(small, tmp_path, first=block(), width=24, seconds=0.0)
    output.write(block(samples=10_000))
    with pytest.raises(BadInput, match=f"{name} cannot hold this track"):
        output.write(block(samples=10_000))
    output.abandon()
    assert not [*tmp_path.iterdir()]
