"""What is heard on the way: loudness, tempo, key and fingerprint of signals whose truth is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from musicsyncd.analysis.waveform import decode
from musicsyncd.audio import listen
from musicsyncd.audio.decode import Source as OpenSource
from musicsyncd.audio.listen import Listener, TempoRange
from musicsyncd.audio.values import ANALYSIS_VERSION
from musicsyncd.audio.work import AudioWorkers
from musicsyncd.errors import BadInput, Temporary
from musicsyncd.music import chromaprint
from tests.audio import sounds
from tests.audio.conftest import Source

RANGE = TempoRange(lowest=70.0, highest=180.0)
WAV = sounds.Kind(extension="wav", container="wav", codec="pcm_s16le", rate=48_000)
FLOAT = sounds.Kind(extension="wav", container="wav", codec="pcm_f32le", rate=48_000, dtype="float32")


def tone(path: Path, kind: sounds.Kind, level: float, *, hertz: float = 997.0, seconds: float = 8.0) -> Path:
    """A stereo sine at a level in dB of full scale."""
    time = np.arange(round(seconds * kind.rate)) / kind.rate
    wave = 10 ** (level / 20) * np.sin(2 * np.pi * hertz * time)
    return sounds.write(path, kind, sounds.as_integers(np.stack([wave, wave], axis=1), kind.dtype))


async def test_loudness_of_a_reference_tone(workers: AudioWorkers, tmp_path: Path) -> None:
    """A 997 Hz sine at -23 dBFS in both channels is -23 LUFS (EBU Tech 3341, case 1), and its gain brings it to -18."""
    found = await workers.analyze(tone(tmp_path / "a.wav", WAV, -23.0))
    assert found.integrated_lufs == pytest.approx(-23.0, abs=0.1)
    assert found.true_peak_dbtp == pytest.approx(-23.0, abs=0.2)
    assert found.loudness_range == pytest.approx(0.0, abs=0.1)
    assert found.replay_gain_db == pytest.approx(5.0, abs=0.1)
    assert found.replay_peak == pytest.approx(10 ** (-23 / 20), rel=0.02)
    assert (found.duration, found.version, found.warning) == (8.0, ANALYSIS_VERSION, "")


async def test_overs_are_measured_before_they_are_clipped(workers: AudioWorkers, tmp_path: Path) -> None:
    """A float source above full scale keeps its true peak above 1."""
    found = await workers.analyze(tone(tmp_path / "a.wav", FLOAT, 3.0))
    assert found.true_peak_dbtp == pytest.approx(3.0, abs=0.2)
    assert found.replay_peak is not None
    assert found.replay_peak > 1.3


async def test_silence_has_no_loudness(workers: AudioWorkers, tmp_path: Path) -> None:
    """Silence is a whole file of which nothing can be said: no number is made up, and nothing is a warning."""
    path = sounds.write(tmp_path / "a.wav", WAV, np.zeros((48_000 * 5, 2), np.int16))
    found = await workers.analyze(path)
    assert (found.integrated_lufs, found.replay_gain_db, found.true_peak_dbtp) == (None, None, None)
    assert (found.bpm, found.key, found.camelot, found.warning) == (None, None, None, "")


async def test_transcode_hears_what_analyze_hears(source: Source, workers: AudioWorkers, tmp_path: Path) -> None:
    """The analysis on the way and the one of its own agree in every value, and find the beat of the sound."""
    path = source("flac24", 20.0)
    on_the_way = (await workers.transcode(path, tmp_path, ["wav"])).analysis
    alone = await workers.analyze(path)
    assert on_the_way == alone
    assert alone.bpm == pytest.approx(120.0, abs=0.5)
    assert alone.key in {"A", "F#m"}
    assert alone.camelot == {"A": "11B", "F#m": "11A"}[alone.key]
    assert alone.fingerprint
    assert alone.decoder.startswith("libavcodec ")


async def test_the_same_music_is_recognised(source: Source, workers: AudioWorkers) -> None:
    """The fingerprints of a lossless file and of its lossy twin are alike."""
    prints = {}
    for name in ("flac16", "mp3"):
        heard = (await workers.analyze(source(name, 20.0))).fingerprint or ""
        prints[name] = chromaprint.Fingerprint.of(chromaprint.decode(heard))
    twin = chromaprint.compare(prints["flac16"], prints["mp3"])
    assert twin.bit_error_rate < 0.1
    assert twin.overlap_share > 0.9
    assert abs(twin.offset_seconds) < 0.5


def test_a_failed_analysis_is_a_warning(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    """When one analyser breaks, the others still speak, and the warning names what broke."""

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("no such pulse")

    monkeypatch.setattr(listen, "estimate_tempo", broken)
    listener = Listener(RANGE)
    with OpenSource(source("flac16", 10.0)) as opened:
        for block in opened.blocks():
            listener.feed(block)
    found = listener.analysis("x")
    assert found.bpm is None
    assert found.integrated_lufs is not None
    assert found.warning == "tempo failed: RuntimeError: no such pulse"


def test_a_meter_that_breaks_costs_no_file(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even listening itself may break while the files are made: all values are None then."""

    def broken(*_: object) -> None:
        raise RuntimeError("no filter")

    listener = Listener(RANGE)
    monkeypatch.setattr(listener, "_loudness", type("Broken", (), {"feed": broken})())
    with OpenSource(source("flac16")) as opened:
        for block in opened.blocks():
            listener.feed(block)
    found = listener.analysis("x")
    assert (found.integrated_lufs, found.bpm, found.fingerprint) == (None, None, None)
    assert found.warning == "listening failed: RuntimeError: no filter"
    assert found.duration == pytest.approx(3.0)


def test_memory_is_bounded(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is held for tempo and key ends at its limit, however long the track is."""
    monkeypatch.setattr(listen, "MUSIC_SECONDS", 4)
    listener = Listener(RANGE)
    with OpenSource(source("flac16", 10.0)) as opened:
        for block in opened.blocks():
            listener.feed(block)
    assert len(listener._music.samples()) == 4 * listen.MUSIC_RATE
    assert listener.analysis("x").duration == pytest.approx(10.0)


def bright(seed: int = 3, seconds: float = 6.0) -> sounds.Samples:
    """Noise up to the top, with a beat."""
    time = np.arange(round(seconds * 44_100)) / 44_100
    noise = np.random.default_rng(seed).standard_normal((len(time), 2))
    wave = 0.08 * noise * (0.2 + np.exp(-(time * 2 % 1) * 6))[:, None]
    return sounds.as_integers(wave, "int16")


async def test_a_lossless_file_made_from_a_lossy_one(workers: AudioWorkers, tmp_path: Path) -> None:
    """An MP3 packed into FLAC is found out, its true twin is not; of the MP3 itself only the cut-off is told."""
    flac, mp3 = sounds.LOSSLESS["flac16"], sounds.LOSSY["mp3"]
    true = await workers.analyze(sounds.write(tmp_path / "true.flac", flac, bright()))
    lossy = sounds.write(tmp_path / "lossy.mp3", mp3, bright())
    fake = await workers.transcode(lossy, tmp_path, ["flac"])
    found = await workers.analyze(tmp_path / "flac.flac")
    assert (true.cutoff_hz, true.lossless_honest, true.doubt) == (None, True, "")
    assert found.lossless_honest is False
    assert found.cutoff_hz == pytest.approx(16_500, abs=500)
    assert found.doubt == f"nothing above {(found.cutoff_hz or 0) / 1000:.1f} kHz: probably made from a lossy file"
    assert fake.analysis
    assert fake.analysis.lossless_honest is None
    assert fake.analysis.doubt == ""
    assert fake.analysis.cutoff_hz == pytest.approx(found.cutoff_hz, abs=100)


@pytest.mark.parametrize(
    ("rate", "layout", "codec"),
    [(8_000, "mono", "pcm_s16le"), (22_050, "stereo", "pcm_s16le"), (44_100, "stereo", "pcm_u8")],
)
async def test_what_cannot_be_told_is_none(
    rate: int, layout: str, codec: str, workers: AudioWorkers, tmp_path: Path
) -> None:
    """Slow rates and eight bits say nothing of an encoder."""
    kind = sounds.Kind(extension="wav", container="wav", codec=codec, rate=rate, layout=layout)
    samples = bright()[:, : kind.channels]
    found = await workers.analyze(sounds.write(tmp_path / "a.wav", kind, samples))
    assert (found.cutoff_hz, found.lossless_honest, found.warning) == (None, None, "")


async def test_the_waveform_stands_beside_the_outputs(source: Source, workers: AudioWorkers, tmp_path: Path) -> None:
    """Peaks and picture, named in the answer, whole; the same when a file is only heard."""
    result = await workers.transcode(source("flac24", 20.0), tmp_path, ["wav"])
    assert result.waveform
    peaks = Path(result.waveform.peaks).read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["wav.wav", "waveform.peaks", "waveform.png"]
    assert decode(peaks).seconds == pytest.approx(20.0)
    assert 0 < decode(peaks).rms.max() < 255
    assert Path(result.waveform.png).read_bytes().startswith(b"\x89PNG")
    (tmp_path / "again").mkdir()
    await workers.analyze(source("flac24", 20.0), tmp_path / "again")
    assert (tmp_path / "again" / "waveform.peaks").read_bytes() == peaks


async def test_no_waveform_of_a_refused_file(source: Source, workers: AudioWorkers, tmp_path: Path) -> None:
    """A source that is not whole leaves neither outputs nor a waveform."""
    whole = source("flac16", 20.0).read_bytes()
    (tmp_path / "cut.flac").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadInput):
        await workers.transcode(tmp_path / "cut.flac", tmp_path, ["wav"])
    assert [path.name for path in tmp_path.iterdir()] == ["cut.flac"]


async def test_a_waveform_that_cannot_be_written_leaves_nothing(
    source: Source, workers: AudioWorkers, tmp_path: Path
) -> None:
    """Outputs and waveform stand together or not at all."""
    (tmp_path / "waveform.png").mkdir()
    with pytest.raises(Temporary, match=r"waveform\.png cannot be written"):
        await workers.transcode(source("flac16"), tmp_path, ["wav"])
    assert [path.name for path in tmp_path.iterdir()] == ["waveform.png"]


def test_a_drawing_that_fails_is_a_warning(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the picture cannot be drawn the values are still told."""

    def broken(*_: object) -> None:
        raise RuntimeError("no ink")

    monkeypatch.setattr(listen, "png", broken)
    listener = Listener(RANGE)
    with OpenSource(source("flac16", 10.0)) as opened:
        for block in opened.blocks():
            listener.feed(block)
    assert listener.drawn() is None
    found = listener.analysis("x")
    assert found.integrated_lufs is not None
    assert found.warning == "waveform failed: RuntimeError: no ink"
