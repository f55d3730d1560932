"""What a transcode must keep: every sample, the rate, the width, the channels, and the truth about the source."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from musicsyncd.audio.values import FORMATS, Made, Transcoded
from musicsyncd.audio.work import AudioWorkers
from musicsyncd.errors import BadInput
from tests.audio import sounds
from tests.audio.conftest import Source

KEEPING = ("alac", "wav", "aiff", "flac")


def comparable(samples: sounds.Samples) -> sounds.Samples:
    """Integers at the scale of the widest, so that 16 bits in any container compare equal."""
    return samples.astype(np.int64) << 16 if samples.dtype == np.int16 else samples.astype(np.int64)


def assert_holds(made: Made, samples: sounds.Samples) -> None:
    """The file holds exactly these samples, and says the truth of itself."""
    path = Path(made.path)
    assert np.array_equal(comparable(sounds.decoded(path)), comparable(samples)), made.format
    assert made.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert made.size == path.stat().st_size
    assert made.duration == pytest.approx(len(samples) / made.sample_rate)


@pytest.mark.parametrize("name", sounds.LOSSLESS)
async def test_every_sample_is_kept(name: str, source: Source, workers: AudioWorkers, tmp_path: Path) -> None:
    """All four lossless outputs hold the very samples of each lossless source, at its width and rate."""
    kind, path = sounds.LOSSLESS[name], source(name)
    result = await workers.transcode(path, tmp_path, KEEPING, analyze=False)
    samples = sounds.music(kind, 3.0)
    width = 24 if kind.dtype == "int32" else 16
    packed = samples.astype("<i4" if width == 24 else "<i2").tobytes()
    assert result.pcm_md5 == hashlib.md5(packed).hexdigest()
    assert [made.format for made in result.outputs] == [*KEEPING]
    for made in result.outputs:
        assert_holds(made, samples)
        assert (made.bit_depth, made.sample_rate, made.channels) == (width, kind.rate, kind.channels)
        assert made.pcm_md5 == result.pcm_md5
        assert made.lossless_source
    assert (result.source.bit_depth, result.source.lossless) == (width, True)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        f"{name}.{FORMATS[name].extension}" for name in KEEPING
    )


@pytest.mark.parametrize("name", sounds.LOSSY)
async def test_lossy_is_never_called_lossless(name: str, source: Source, workers: AudioWorkers, tmp_path: Path) -> None:
    """A lossy source gives equal 16-bit outputs at its own rate, each of which says that its origin is lossy."""
    kind = sounds.LOSSY[name]
    result = await workers.transcode(source(name), tmp_path, KEEPING, analyze=False)
    assert result.source.codec == {"libmp3lame": "mp3", "libopus": "opus"}.get(kind.codec, kind.codec)
    assert (result.source.lossless, result.source.bit_depth) == (False, None)
    assert "lossy" in result.source.description
    first = sounds.decoded(Path(result.outputs[0].path))
    for made in result.outputs:
        assert not made.lossless_source
        assert (made.bit_depth, made.sample_rate, made.channels) == (16, kind.rate, kind.channels)
        assert_holds(made, first)
    assert abs(len(first) / kind.rate - 3.0) < 0.1


async def test_lossy_outputs(source: Source, workers: AudioWorkers, tmp_path: Path) -> None:
    """MP3 and AAC are made at the rate next to the source's that their encoders know, and hash as they decode."""
    result = await workers.transcode(source("wav24"), tmp_path, ["mp3", "aac"], analyze=False)
    mp3, aac = result.outputs
    assert (mp3.sample_rate, aac.sample_rate) == (48_000, 96_000)
    for made in result.outputs:
        found = await workers.probe(Path(made.path), full=True)
        assert (found.codec, found.lossless, found.sample_rate) == (made.codec, False, made.sample_rate)
        assert found.duration == pytest.approx(3.0, abs=0.1)
        assert made.bit_depth is None
        assert made.lossless_source
    assert (await workers.probe(Path(mp3.path))).bit_rate == 320_000


async def test_float_source_becomes_24_bit(workers: AudioWorkers, tmp_path: Path) -> None:
    """A float source is kept at 24 bits, the same in every output."""
    kind = sounds.Kind(extension="wav", container="wav", codec="pcm_f32le", dtype="float32")
    path = sounds.write(tmp_path / "float.wav", kind, sounds.music(kind, 1.0))
    result = await workers.transcode(path, tmp_path, KEEPING, analyze=False)
    first = sounds.decoded(Path(result.outputs[0].path))
    assert np.abs(first / 2**31 - sounds.music(kind, 1.0)).max() < 2**-22
    for made in result.outputs:
        assert made.bit_depth == 24
        assert_holds(made, first)
    assert result.pcm_md5 == hashlib.md5(first.astype("<i4").tobytes()).hexdigest()


@pytest.mark.parametrize(("gain", "told"), [(4.0, True), (1.0, False)])
async def test_a_float_source_above_full_scale_is_told(
    gain: float, told: bool, workers: AudioWorkers, tmp_path: Path
) -> None:
    """Integers cannot hold it: the true peak stands in a warning, and nothing is said where nothing was lost."""
    kind = sounds.Kind(extension="wav", container="wav", codec="pcm_f32le", dtype="float32")
    path = sounds.write(tmp_path / "hot.wav", kind, sounds.music(kind, 1.0) * np.float32(gain))
    result = await workers.transcode(path, tmp_path, ["flac"])
    assert result.analysis is not None
    assert result.analysis.true_peak_dbtp is not None
    said = f"What lies above full scale ({result.analysis.true_peak_dbtp:+.1f} dBTP) was clipped"
    assert result.warnings == ((said,) if told else ())


async def test_32_bits_become_24(workers: AudioWorkers, tmp_path: Path) -> None:
    """What no output can hold is cut off once, before the hash, so that all outputs and the hash agree."""
    kind = sounds.Kind(extension="wav", container="wav", codec="pcm_s32le", dtype="int32")
    samples = sounds.music(kind, 1.0) | np.random.default_rng(1).integers(0, 256, (kind.rate, 2), np.int32)
    path = sounds.write(tmp_path / "wide.wav", kind, samples)
    result = await workers.transcode(path, tmp_path, KEEPING, analyze=False)
    assert result.source.bit_depth == 32
    assert result.pcm_md5 == hashlib.md5((samples & -256).astype("<i4").tobytes()).hexdigest()
    for made in result.outputs:
        assert_holds(made, samples & -256)


async def test_wanted_depth_and_rate(source: Source, workers: AudioWorkers, tmp_path: Path) -> None:
    """A person may ask for another depth and rate; all outputs then agree on them."""
    result = await workers.transcode(source("wav24"), tmp_path, KEEPING, depth=16, sample_rate=44_100, analyze=False)
    first = sounds.decoded(Path(result.outputs[0].path))
    for made in result.outputs:
        assert (made.bit_depth, made.sample_rate) == (16, 44_100)
        assert_holds(made, first)
    assert len(first) / 44_100 == pytest.approx(3.0, abs=0.01)


async def test_same_source_gives_same_bytes(source: Source, workers: AudioWorkers, tmp_path: Path) -> None:
    """Twice the same work gives the same files: neither date nor version stands in them."""
    results: list[Transcoded] = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        folder.mkdir()
        results.append(await workers.transcode(source("flac16"), folder, [*FORMATS], analyze=False))
    one, two = ([made.sha256 for made in result.outputs] for result in results)
    assert one == two


async def test_progress_is_told(source: Source, workers: AudioWorkers, tmp_path: Path) -> None:
    """A listener hears shares that grow."""
    heard: list[float | None] = []
    await workers.transcode(
        source("flac24", 60.0), tmp_path, ["alac"], analyze=False, progress=lambda share, _: heard.append(share)
    )
    shares = [share for share in heard if share is not None]
    assert len(shares) >= 2
    assert shares == sorted(shares)
    assert 0 < shares[0] < shares[-1] <= 1


async def test_what_cannot_be_asked(source: Source, workers: AudioWorkers, tmp_path: Path) -> None:
    """An unknown format and an impossible depth are refused before any work."""
    with pytest.raises(BadInput, match="There is no format ogg"):
        await workers.transcode(source("flac16"), tmp_path, ["ogg"])
    with pytest.raises(BadInput, match="12 bits"):
        await workers.transcode(source("flac16"), tmp_path, ["wav"], depth=12)


async def test_too_many_channels_for_a_format(source: Source, workers: AudioWorkers, tmp_path: Path) -> None:
    """Where one encoder cannot hold the channels nothing is made, and the reason names format and channels."""
    with pytest.raises(BadInput, match="mp3 cannot hold 6 channels"):
        await workers.transcode(source("flac-5.1"), tmp_path, ["wav", "mp3"], analyze=False)
    assert not [*tmp_path.iterdir()]
