"""What was left undone by a job that had looked before a volume came back is taken up all the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
import pytest

from musicsyncd.clock import SystemClock
from musicsyncd.daemon.mounting import Mounting
from musicsyncd.daemon.volumes import take_up
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


class _Counted(Volume):
    """A volume that tells when it was swept."""

    swept = 0

    async def sweep(self) -> int:
        self.swept += 1
        return await super().sweep()


async def _house(folder: Path, clock: SystemClock) -> tuple[Database, Mounting, _Counted, str]:
    """One volume that is there, and one track."""
    schemas = {"jobs": SqliteEngine.schema, "ledger": MIGRATIONS}
    database = await Database.open(MEMORY, schemas, backups=folder, clock=clock)
    ledger, jobs = Ledger(database, clock), SqliteEngine(database, clock, {})
    track = Track(title="Tidal", artists=("Nina Vale",), source="folder", source_url="file:///a.wav")
    (known,) = await ledger.record_tracks([track])
    volumes = Shelves[Volume]()
    volumes.put(volume := _Counted("VIBES", folder / "VIBES", formats=("wav",), layout="{title}", clock=clock))
    assert (await volume.adopt()).ready
    return database, Mounting(volumes=volumes, ledger=ledger, jobs=jobs, clock=clock), volume, known.id


@pytest.mark.parametrize("misses", [True, False])
async def test_a_job_that_ran_when_the_volume_came_is_heeded_at_its_end(tmp_path: Path, misses: bool) -> None:
    """Nothing was parked yet when the volume came: the request is dropped when the job ends, if it missed it."""
    clock, gate = SystemClock(), anyio.Event()
    database, mounting, volume, known = await _house(tmp_path, clock)
    ledger, jobs = mounting.ledger, mounting.jobs
    assert isinstance(jobs, SqliteEngine)
    (tmp_path / "VIBES").rename(tmp_path / "away")

    async def work(context: JobContext, args: Mapping[str, Any]) -> dict[str, Any]:
        await gate.wait()
        errors = {volume.target: Degraded("away", target=volume.target)} if misses else {}
        await ledger.park(known, errors)
        return {"partial": [*errors]} if errors else {}

    async def select(context: JobContext, args: Mapping[str, Any]) -> dict[str, Any]:
        return {}

    await jobs.start({TRACK: work, REQUEST: select}, {Lane.USER: 2})
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(mounting._watch_jobs, name="watch")
            await mounting.look([Mount(path=Path("/"), identity="1")])
            await jobs.enqueue(TRACK, {}, key=known, lane=Lane.USER)
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


async def test_a_request_that_ran_when_the_volume_came_is_made_again(tmp_path: Path) -> None:
    """It has passed the track over, and it stands for the one that the return asks for: it has the same key."""
    clock, gate = SystemClock(), anyio.Event()
    database, mounting, volume, known = await _house(tmp_path, clock)
    ledger, jobs = mounting.ledger, mounting.jobs
    assert isinstance(jobs, SqliteEngine)
    (tmp_path / "VIBES").rename(tmp_path / "away")
    await ledger.park(known, {volume.target: Degraded("away", target=volume.target)})
    seen = []

    async def select(context: JobContext, args: Mapping[str, Any]) -> dict[str, Any]:
        seen.append((await volume.state()).ready)
        await gate.wait()
        return {}

    await jobs.start({REQUEST: select}, {Lane.USER: 2, Lane.BACKLOG: 2})
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(mounting._watch_jobs, name="watch")
            await mounting.look([Mount(path=Path("/"), identity="1")])
            await take_up(ledger, jobs, volume.target)
            with anyio.fail_after(10):
                await _until(jobs, 1, states=frozenset({JobState.RUNNING}))
                (tmp_path / "away").rename(tmp_path / "VIBES")
                await mounting.look([Mount(path=Path("/"), identity="1")])
                assert len(await jobs.list(JobFilter())) == 1
                gate.set()
                await _until(jobs, 2, states=frozenset({JobState.DONE}))
            assert seen == [False, True]
            tasks.cancel_scope.cancel()
    finally:
        await jobs.stop(0)
        await database.close()


async def test_a_volume_is_swept_when_what_waits_for_it_was_asked_for(tmp_path: Path) -> None:
    """At the start and whenever it comes, in a task of its own: a large disk takes its time."""
    database, mounting, volume, known = await _house(tmp_path, SystemClock())
    ledger, jobs = mounting.ledger, mounting.jobs
    await ledger.park(known, {volume.target: Degraded("away", target=volume.target)})
    try:
        await mounting.look([Mount(path=Path("/"), identity="1")])
        assert (volume.swept, len(await jobs.list(JobFilter(kind=REQUEST)))) == (0, 1)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(mounting._sweep_all, name="sweep")
            with anyio.fail_after(10):
                while not volume.swept:  # noqa: ASYNC110  it tells nobody
                    await anyio.sleep(0.01)
            tasks.cancel_scope.cancel()
    finally:
        await database.close()
