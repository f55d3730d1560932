"""What was left undone by a job that had looked before a volume came back is taken up all the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
import pytest

from musicsyncd.clock import SystemClock
from musicsyncd.daemon.mounting import Mounting
from musicsyncd.database import MEMORY, Database
from musicsyncd.errors import Degraded
from musicsyncd.jobs.base import JobContext
from musicsyncd.jobs.job import JobFilter, JobState, Lane
from musicsyncd.jobs.worker import SqliteEngine
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.ledger.schema import MIGRATIONS
from musicsyncd.library.shelves import Shelves
from musicsyncd.library.volume import Volume
from musicsyncd.music.track import Track
from musicsyncd.sync.engine import REQUEST, TRACK
from musicsyncd.triggers.mounts import Mount


async def _until(jobs: SqliteEngine, count: int, **where: Any) -> None:
    """Wait until so many jobs are like that."""
    while len(await jobs.list(JobFilter(**where))) != count:  # noqa: ASYNC110  the engine tells of no such thing
        await anyio.sleep(0.01)


@pytest.mark.parametrize("misses", [True, False])
async def test_a_job_that_ran_when_the_volume_came_is_heeded_at_its_end(tmp_path: Path, misses: bool) -> None:
    """Nothing was parked yet when the volume came: the request is dropped when the job ends, if it missed it."""
    clock, gate = SystemClock(), anyio.Event()
    schemas = {"jobs": SqliteEngine.schema, "ledger": MIGRATIONS}
    database = await Database.open(MEMORY, schemas, backups=tmp_path, clock=clock)
    ledger, jobs = Ledger(database, clock), SqliteEngine(database, clock, {})
    track = Track(title="Tidal", artists=("Nina Vale",), source="folder", source_url="file:///a.wav")
    (known,) = await ledger.record_tracks([track])
    volumes = Shelves[Volume]()
    volumes.put(volume := Volume("VIBES", tmp_path / "VIBES", formats=("wav",), layout="{title}", clock=clock))
    assert (await volume.adopt()).ready
    (tmp_path / "VIBES").rename(tmp_path / "away")

    async def work(context: JobContext, args: Mapping[str, Any]) -> dict[str, Any]:
        await gate.wait()
        errors = {volume.target: Degraded("away", target=volume.target)} if misses else {}
        await ledger.park(known.id, errors)
        return {"partial": [*errors]} if errors else {}

    async def select(context: JobContext, args: Mapping[str, Any]) -> dict[str, Any]:
        return {}

    mounting = Mounting(volumes=volumes, ledger=ledger, jobs=jobs, clock=clock)
    await jobs.start({TRACK: work, REQUEST: select}, {Lane.USER: 2})
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(mounting._watch_jobs, name="watch")
            await mounting.look([Mount(path=Path("/"), identity="1")])
            await jobs.enqueue(TRACK, {}, key=known.id, lane=Lane.USER)
            with anyio.fail_after(10):
                await _until(jobs, 1, states=frozenset({JobState.RUNNING}))
                (tmp_path / "away").rename(tmp_path / "VIBES")
                await mounting.look([Mount(path=Path("/"), identity="1")])
                assert await jobs.list(JobFilter(kind=REQUEST)) == []
                gate.set()
                await _until(jobs, 0, kind=TRACK, states=frozenset({JobState.RUNNING}))
                await _until(jobs, int(misses), kind=REQUEST)
            await anyio.wait_all_tasks_blocked()
            assert len(await jobs.list(JobFilter(kind=REQUEST))) == misses
            tasks.cancel_scope.cancel()
    finally:
        await jobs.stop(0)
        await database.close()
