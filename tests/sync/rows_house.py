"""A book in the played Notion, with a real ledger, mirror and queue, and the jobs that merge its rows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import anyio
from pydantic import SecretStr

from musicsyncd.catalog.notion import NotionCatalog
from musicsyncd.catalog.notion_opening import open_catalog
from musicsyncd.clock import SystemClock
from musicsyncd.database import MEMORY, Database
from musicsyncd.http.budgets import MIGRATIONS as HTTP
from musicsyncd.http.budgets import Budgets
from musicsyncd.http.client import HttpOptions
from musicsyncd.jobs.base import Handler, JobContext
from musicsyncd.jobs.job import Job, Lane
from musicsyncd.jobs.rows import SCHEMA
from musicsyncd.jobs.worker import SqliteEngine
from musicsyncd.ledger.doubles import Doubles
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.ledger.mirror import Mirror
from musicsyncd.ledger.schema import MIGRATIONS as LEDGER
from musicsyncd.notion.client import open_notion
from musicsyncd.notion.section import NotionSection
from musicsyncd.sync.engine import TRACK
from musicsyncd.sync.look import Lookout
from musicsyncd.sync.merging import MERGE
from musicsyncd.sync.rows_finding import Finder
from musicsyncd.sync.rows_merging import ROWS_APPLY, ROWS_PLAN, RowMerger
from musicsyncd.sync.undoing import UNDO, Undoer
from tests.fakes.notion import NotionFake, Row
from tests.fakes.notion_music import Workspace

ROOTS: Final = {"main": "/vol/main"}
TARGET: Final = "catalog:notion"


@dataclass
class RowsHouse:
    """What stands."""

    fake: NotionFake
    workspace: Workspace
    ledger: Ledger
    mirror: Mirror
    catalog: NotionCatalog
    jobs: SqliteEngine
    merger: RowMerger

    def row(self, **values: Any) -> str:
        """A person makes a row; underscores stand for blanks."""
        return self.fake.row(self.workspace.tracks, {name.replace("_", " "): one for name, one in values.items()})

    def rows(self, *, trashed: bool | None = False) -> dict[str, Row]:
        """The rows of the book, or also those in the trash (None), by their ids."""
        return {row.id: row for row in self.fake.pages(self.workspace.tracks, trashed=trashed)}

    def said(self) -> dict[str, tuple[bool, Mapping[str, Any]]]:
        """All that every row says, and whether it is in the trash."""
        return {page: (row.in_trash, dict(row.values)) for page, row in self.rows(trashed=None).items()}

    async def done(self, kind: str, key: str, **args: str) -> Job:
        """Write a job down and see it to its end."""
        await self.catalog.book.freshen(within=0)
        job = await self.jobs.enqueue(kind, args, key=key, lane=Lane.USER)
        with anyio.fail_after(30):
            while (await self.jobs.get(job.id)).state.active:  # noqa: ASYNC110
                await anyio.sleep(0.005)
        return await self.jobs.get(job.id)

    async def plan(self) -> dict[str, Any]:
        job = await self.done(ROWS_PLAN, ROWS_PLAN)
        assert job.result is not None, job.reason
        return job.result

    async def apply(self, plan: Mapping[str, Any]) -> Job:
        return await self.done(ROWS_APPLY, plan["plan"], plan=plan["plan"])

    async def undo(self, job: Job) -> Job:
        return await self.done(UNDO, job.id, operation=job.id)


@asynccontextmanager
async def rows_house(
    fake: NotionFake, workspace: Workspace, folder: Path, *, most: int = 200
) -> AsyncIterator[RowsHouse]:
    """A house at work."""
    clock = SystemClock()
    section = NotionSection(
        token=SecretStr(fake.token),
        base_url=fake.url,
        tracks_db=workspace.tracks.id,
        artists_db=workspace.artists.id,
        playlists_db=workspace.playlists.id,
        requests_per_second=100,
        lag=0,
    )
    rooms = {"ledger": LEDGER, "http": HTTP, "jobs": SCHEMA}
    database = await Database.open(MEMORY, rooms, backups=folder, clock=clock)
    notion = await open_notion(section, Budgets(database, clock), HttpOptions(timeout=5), clock)
    ledger, mirror = Ledger(database, clock), Mirror(database, clock)
    catalog = open_catalog(notion, mirror, section, clock, ROOTS)
    jobs = SqliteEngine(database, clock, {MERGE: 1}, jitter=lambda: 0.0)
    lookout = Lookout({}, {catalog.target: catalog}, ledger)
    finder = Finder(ledger=ledger, mirror=mirror, doubles=Doubles(database))
    merger = RowMerger(finder=finder, jobs=jobs, lookout=lookout, clock=clock, most_rows=most)
    undoer = Undoer(ledger=ledger, jobs=jobs, lookout=lookout)

    async def forever(context: JobContext, args: Mapping[str, Any]) -> None:
        await anyio.sleep_forever()

    handlers: dict[str, Handler] = {TRACK: forever, ROWS_PLAN: merger.plan, ROWS_APPLY: merger.apply, UNDO: undoer.undo}
    await jobs.start(handlers, {Lane.USER: 1, Lane.BACKLOG: 1})
    try:
        yield RowsHouse(fake, workspace, ledger, mirror, catalog, jobs, merger)
    finally:
        await jobs.stop(0)
        await notion.close()
        await database.close()
