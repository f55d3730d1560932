"""The sizes and shortages that real volumes have: four hours in flat memory, and a disk that fills up."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from anyio import to_thread
from av.audio.stream import AudioStream

from musicsyncd.audio.values import Tags
from musicsyncd.audio.work import AudioWorkers
from musicsyncd.errors import NeedsPerson
from tests.audio.appetite import transcoded
from tests.audio.conftest import Source

HOURS = 4
LARGEST_WORKER = 250 * 2**10
"""KiB of resident memory."""


def long_mix(path: Path, *, minutes: int) -> Path:
    """So many minutes of a beat as Opus, 48 kHz stereo; one minute is encoded, and its packets are repeated."""
    rate, one_minute = 48_000, 60
    time = np.arange(rate * one_minute) / rate
    beat = 0.5 * np.exp(-(time * 2 % 1) * 12) * np.sin(2 * np.pi * 110 * time)
    samples = np.repeat((beat * 32767).astype(np.int16), 2)
    with av.open(str(path), "w", format="matroska") as container:
        stream = container.add_stream("libopus", rate=rate)
        assert isinstance(stream, AudioStream)
        stream.codec_context.layout = "stereo"
        stream.codec_context.bit_rate = 96_000
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="stereo")
        frame.sample_rate, frame.pts = rate, 0
        packets = [(bytes(packet), packet.duration) for packet in stream.encode(frame)]
        at = 0
        for _ in range(minutes):
            for data, duration in packets:
                packet = av.Packet(data)
                packet.stream, packet.pts, packet.dts, packet.duration = stream, at, at, duration
                packet.time_base = stream.codec_context.time_base
                at += duration or 0
                container.mux(packet)
    return path


@pytest.mark.full
async def test_four_hours(tmp_path: Path) -> None:
    """A four-hour mix becomes ALAC and WAV with analysis in one worker of less than 250 MB, within its deadline."""
    source = long_mix(tmp_path / "mix.mka", minutes=HOURS * 60)
    result, most = await to_thread.run_sync(lambda: transcoded(source, tmp_path, ["alac", "wav"], deadline=900.0))
    assert result.source.duration == pytest.approx(HOURS * 3600, rel=0.01)
    assert result.analysis is not None
    assert result.analysis.warning == ""
    assert result.analysis.bpm == pytest.approx(120.0, abs=0.5)
    assert most < LARGEST_WORKER


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of three megabytes."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", place], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this machine lets nobody mount a tmpfs")
    yield place
    subprocess.run(["umount", place], check=True)


@pytest.mark.root
@pytest.mark.skipif(sys.platform != "linux", reason="mounts a tmpfs")
async def test_a_full_disk(source: Source, workers: AudioWorkers, small_disk: Path) -> None:
    """When the disk fills up a person is told which one, and nothing half-written stays on it."""
    with pytest.raises(NeedsPerson, match=r"no room to write wav\.wav"):
        await workers.transcode(source("flac16", 60.0), small_disk, ["wav"], analyze=False)
    assert not [*small_disk.iterdir()]
    made = (await workers.transcode(source("flac16", 10.0), small_disk, ["wav"], analyze=False)).outputs
    before = Path(made[0].path).read_bytes()
    with pytest.raises(NeedsPerson, match=r"no room to write wav\.wav"):
        await workers.tag(made, Tags(title="x"))
    assert [each.name for each in small_disk.iterdir()] == ["wav.wav"]
    assert Path(made[0].path).read_bytes() == before
