"""What is heard on the way: loudness, tempo, key and fingerprint of signals whose truth is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from musicsyncd.audio import listen
from musicsyncd.audio.decode import Source as OpenSource
from musicsyncd.audio.listen import Listener, TempoRange
from musicsyncd.audio.values import ANALYSIS_VERSION
from musicsyncd.audio.work import AudioWorkers
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
    """The fingerprints of a lossless file and of its lossy twin are alike; that of another sound is not."""
    prints = {}
    for name in ("flac16", "mp3"):
        prints[name] = (await workers.analyze(source(name, 20.0))).fingerprint or ""
    found = await workers.compare(prints["flac16"], {"itself": prints["flac16"], "twin": prints["mp3"]})
    assert found["itself"].bit_error_rate == 0
    assert found["twin"].bit_error_rate < 0.1
    assert found["twin"].overlap_share > 0.9
    assert abs(found["twin"].offset_seconds) < 0.5
    assert await workers.compare(prints["flac16"], {}) == {}


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
