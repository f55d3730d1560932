"""What is done once a day: old jobs forgotten, the database copied, staging cleared."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Final

import anyio
import structlog

from musicsyncd.clock import Clock
from musicsyncd.daemon.house import House
from musicsyncd.jobs.job import ACTIVE, JobFilter
from musicsyncd.jobs.worker import SqliteEngine
from musicsyncd.pipeline.step import remove_folder

logger = structlog.get_logger()
HOUSEKEEPING: Final = timedelta(days=1)
NAP: Final = 900.0
"""Seconds between two looks at the wall clock: a timer counts no time that the machine slept."""


async def clear_staging(staging: Path, jobs: SqliteEngine, *, before: float) -> None:
    """Remove staging folders that no active job will come back to and that were last changed before this (epoch)."""
    active = await jobs.list(JobFilter(states=ACTIVE, limit=1_000_000))
    kept = {job.key for job in active}
    folders = [folder async for folder in anyio.Path(staging).iterdir()] if await anyio.Path(staging).is_dir() else []
    for folder in folders:
        if folder.name.partition(".")[0] not in kept and (await folder.stat()).st_mtime < before:
            await remove_folder(Path(folder))


async def keep_house(house: House) -> None:
    """Once a day: forget old jobs, keep a verified copy of the database, clear what cancelled jobs left in staging."""
    while True:
        # A job that begins between the look and the removal has a folder of this very moment.
        await clear_staging(house.engine.staging, house.jobs, before=house.clock.now().timestamp() - 3600)
        # A copy of what was put in the file's place would drive out the good ones.
        if await house.database.in_place() and await _backup_due(house):
            copy = await house.database.backup()
            logger.info("database copied", copy=str(copy))
        await house.answers.tidy()
        house.spotify.announce()
        forgotten = await house.jobs.gc(timedelta(seconds=house.settings.daemon.history))
        if forgotten:
            logger.info("old jobs forgotten", count=forgotten)
        await a_day(house.clock)


async def a_day(clock: Clock) -> None:
    """Return when a day has passed by the wall clock; one that was set back costs a day at most."""
    due, latest = clock.now() + HOUSEKEEPING, clock.monotonic() + HOUSEKEEPING.total_seconds()
    while (left := min((due - clock.now()).total_seconds(), latest - clock.monotonic())) > 0:
        await clock.sleep(min(left, NAP))


async def _backup_due(house: House) -> bool:
    """Whether the newest copy is a day old; before the first track there is nothing to lose."""
    if not (await house.ledger.counts())["tracks"]:
        return False
    folder = anyio.Path(house.settings.daemon.state_dir / "backups")
    copies = [await copy.stat() async for copy in folder.iterdir()] if await folder.is_dir() else []
    newest = max((status.st_mtime for status in copies), default=0.0)
    return house.clock.now().timestamp() - newest > HOUSEKEEPING.total_seconds()
