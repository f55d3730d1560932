"""A real daemon process, killed and stopped at random moments: no job is lost, and no effect is doubled."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import anyio
import pytest

from tests.jobs.driving import eventually
from tests.jobs.toy import SLOTS, STEPS

ROOT = Path(__file__).parents[2]


def begin(folder: Path, jobs: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.jobs.toy", str(folder), str(jobs)],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def lines(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


async def interrupt(folder: Path, jobs: int, how: signal.Signals, after: int) -> None:
    """Run the toy until so many more steps have begun, then send it the signal."""
    enough = len(lines(folder / "runs")) + after
    with begin(folder, jobs) as process:
        await eventually(lambda: len(lines(folder / "runs")) >= enough or process.poll() is not None)
        process.send_signal(how)
        await anyio.to_thread.run_sync(process.wait)
    assert process.returncode == (-signal.SIGKILL if how is signal.SIGKILL else 0)


async def walk(folder: Path, jobs: int, kills: int, stops: int, seed: int) -> None:
    """Interrupt so often, drain, and count."""
    chance = random.Random(seed)
    interruptions = [signal.SIGKILL] * kills + [signal.SIGTERM] * stops
    chance.shuffle(interruptions)
    share = jobs * len(STEPS) // (len(interruptions) + 1)
    for how in interruptions:
        await interrupt(folder, jobs, how, chance.randrange(share // 4, share))
    with begin(folder, jobs) as process:
        out, _ = await anyio.to_thread.run_sync(process.communicate)
    assert (out, process.returncode) == ("drained\n", 0)
    runs = Counter(lines(folder / "runs"))
    expected = {f"{number}-{step}" for number in range(jobs) for step in STEPS}
    assert set(runs) == expected
    assert {path.name for path in (folder / "effects").iterdir()} == expected
    assert runs.total() - len(expected) <= len(interruptions) * (SLOTS + 1)
    assert lines(folder / "doubled") == []


async def test_nothing_is_lost_or_doubled_under_kills(tmp_path: Path) -> None:
    """0 jobs lost, 0 effects doubled, at most the steps in flight run twice."""
    await walk(tmp_path, jobs=120, kills=3, stops=1, seed=1)


@pytest.mark.full
@pytest.mark.parametrize("seed", range(3))
async def test_nothing_is_lost_or_doubled_under_many_kills(tmp_path: Path, seed: int) -> None:
    """The same with 500 jobs, under more kills and orderly stops."""
    await walk(tmp_path, jobs=500, kills=6, stops=3, seed=seed)
