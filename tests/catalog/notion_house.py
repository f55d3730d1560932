"""The catalog in Notion with everything below it, against the fake."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from musicsyncd.catalog.notion import NotionCatalog
from musicsyncd.catalog.notion_opening import open_catalog
from musicsyncd.clock import Clock, SystemClock
from musicsyncd.database import MEMORY, Database
from musicsyncd.http.budgets import MIGRATIONS as HTTP
from musicsyncd.http.budgets import Budgets
from musicsyncd.http.client import HttpOptions
from musicsyncd.ledger.mirror import Mirror
from musicsyncd.ledger.schema import MIGRATIONS as LEDGER
from musicsyncd.notion.client import Notion, open_notion
from musicsyncd.notion.section import NotionSection
from tests.fakes.notion import Database as NotionDatabase
from tests.fakes.notion import NotionFake
from tests.fakes.notion_music import Workspace

ROOTS = {"main": "/vol/main", "other": "/vol/other"}


@dataclass(frozen=True)
class House:
    """What stands."""

    fake: NotionFake
    catalog: NotionCatalog
    notion: Notion
    mirror: Mirror
    database: Database


@asynccontextmanager
async def house(
    fake: NotionFake,
    tracks: NotionDatabase,
    workspace: Workspace | None = None,
    *,
    clock: Clock | None = None,
    path: Any = MEMORY,
    **settings: Any,
) -> AsyncIterator[House]:
    """A catalog of that database, with the artists and playlists of the workspace."""
    clock = clock or SystemClock()
    more = {"artists_db": workspace.artists.id, "playlists_db": workspace.playlists.id} if workspace else {}
    given = {"requests_per_second": 100, "lag": 0, **more, **settings}
    section = NotionSection(token=SecretStr(fake.token), base_url=fake.url, tracks_db=tracks.id, **given)
    rooms = {"ledger": LEDGER, "http": HTTP}
    database = await Database.open(path, rooms, backups=Path(path).parent / "backups", clock=clock)
    notion = await open_notion(section, Budgets(database, clock), HttpOptions(timeout=5), clock)
    try:
        mirror = Mirror(database, clock)
        yield House(fake, open_catalog(notion, mirror, section, clock, ROOTS), notion, mirror, database)
    finally:
        await notion.close()
        await database.close()
