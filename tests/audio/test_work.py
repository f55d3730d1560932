"""The door to the workers: deadlines, deaths and cancellation, and what importing it costs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from musicsyncd.audio.values import Analysis, AudioProbe, Made, Tags, Transcoded, WaveformFiles
from musicsyncd.audio.work import AudioWorkers, Deadlines
from musicsyncd.errors import Temporary
from tests.audio.conftest import Source

LONG = 120.0


def children() -> list[int]:
    """The processes that this one started."""
    tasks = Path("/proc/self/task")
    return [int(pid) for task in tasks.iterdir() for pid in (task / "children").read_text().split()]


pytestmark = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finds the workers in /proc")


async def test_a_killed_worker(source: Source, workers: AudioWorkers, tmp_path: Path) -> None:
    """A worker that is killed half-way is a temporary failure, and neither a file nor a piece of one is left."""
    seen: list[str] = []

    def kill(share: float | None, text: str) -> None:
        if not seen:
            seen.extend(path.name for path in tmp_path.iterdir())
            for pid in children():
                os.kill(pid, signal.SIGKILL)

    with pytest.raises(Temporary, match="SIGKILL"):
        await workers.transcode(source("flac16", LONG), tmp_path, ["mp3"], progress=kill)
    assert seen == [".mp3.mp3.part"]
    assert not [*tmp_path.iterdir()]


async def test_a_worker_leaves_the_other_cores_alone(source: Source, workers: AudioWorkers, tmp_path: Path) -> None:
    """Its numpy has one thread: several wait for each other by spinning, at the cost of what else runs."""
    seen: set[bytes] = set()

    def look(share: float | None, text: str) -> None:
        for pid in children():
            seen.update(Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"))

    await workers.transcode(source("flac16", LONG), tmp_path, ["mp3"], progress=look)
    assert b"OPENBLAS_NUM_THREADS=1" in seen


async def test_a_worker_that_overruns_its_deadline(source: Source, tmp_path: Path) -> None:
    """A worker that takes too long is ended, and nothing of its work stands."""
    hasty = AudioWorkers(nice=0, deadlines=Deadlines(floor=0.5, bytes_per_second=1e12))
    with pytest.raises(Temporary, match=r"ended after 0\.5.* s"):
        await hasty.transcode(source("flac16", LONG), tmp_path, ["mp3"])
    assert not [*tmp_path.iterdir()]
    assert not children()


async def test_cancelling_ends_the_worker(source: Source, workers: AudioWorkers, tmp_path: Path) -> None:
    """Who cancels the call ends the process, and finds nothing of its work."""
    started = anyio.Event()

    async def work() -> None:
        await workers.transcode(source("flac16", LONG), tmp_path, ["mp3"], progress=lambda share, text: started.set())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(work)
        await started.wait()
        assert children()
        tasks.cancel_scope.cancel()
    assert not children()
    assert not [*tmp_path.iterdir()]


def test_deadlines_grow_with_the_file(tmp_path: Path) -> None:
    """Four hours of audio get hours, a missing file gets the floor."""
    path = tmp_path / "mix.opus"
    with path.open("wb") as file:
        file.truncate(4 * 3600 * 96_000 // 8)
    assert Deadlines().seconds([path]) > 3600
    assert Deadlines().seconds([tmp_path / "missing"]) == Deadlines().floor


def test_the_door_is_light() -> None:
    """Importing what the daemon imports of this room loads no decoder, no numpy and no tag library."""
    program = "import sys, musicsyncd.audio.work, musicsyncd.audio.tags; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert not {"av", "numpy", "mutagen", "musicsyncd.analysis"} & set(loaded)


def test_values_survive_json() -> None:
    """Every value comes out of its JSON as it went in, and a newer version's keys are ignored."""
    facts = {"sample_rate": 44_100, "bit_depth": 16, "channels": 2, "duration": 1.0}
    probe = AudioProbe(container="wav", codec="pcm_s16le", lossless=True, bit_rate=None, decoder="x 1", **facts)  # type: ignore[arg-type]
    made = Made(
        format="wav",
        path="/a",
        codec="c",
        size=1,
        sha256="a",
        pcm_md5="b",
        lossless_source=True,
        **facts,  # type: ignore[arg-type]
    )
    tags = Tags(title="t", artists=("a", "b"), source_ids=("url:x",), bpm=127.37)
    for value in (probe, made, tags, Analysis(duration=1.0, bpm=120.0)):
        assert type(value).from_dict(value.as_dict() | {"new": 1}) == value
    drawn = WaveformFiles(peaks="/p", png="/q")
    result = Transcoded(
        source=probe, pcm_md5="b", outputs=(made,), analysis=Analysis(duration=1.0), waveform=drawn, warnings=("w",)
    )
    assert Transcoded.from_dict(result.as_dict()) == result
