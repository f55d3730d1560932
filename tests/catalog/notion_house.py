"""The catalog in Notion with everything below it, against the fake."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import anyio
from pydantic import SecretStr

from musicsyncd.catalog.base import Published
from musicsyncd.catalog.notion import NotionCatalog
from musicsyncd.catalog.notion_opening import open_catalog
from musicsyncd.clock import Clock, SystemClock
from musicsyncd.database import MEMORY, Database
from musicsyncd.errors import Degraded, Temporary
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

WEATHER: Final = (
    "429", "529", "409", "500", "502", "503", "504", "html", "drop", "cut",
    "applied_drop", "applied_cut", "applied_500",
)  # fmt: skip
"""Every kind of bad day that passes without waiting for long."""
ROOTS = {"main": "/vol/main", "other": "/vol/other"}


@dataclass(frozen=True)
class House:
    """What stands."""

    fake: NotionFake
    catalog: NotionCatalog
    notion: Notion
    mirror: Mirror
    database: Database


class HastyClock:
    """The machine's clock, so many times as fast: what waits does wait, and a minute is over in a second."""

    def __init__(self, pace: float = 60.0, began: float | None = None) -> None:
        """`began`: when, as another process has it whose clock this is too."""
        self._pace, self.began, self._start = pace, began or time.time(), datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return (time.time() - self.began) * self._pace

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(max(0.0, seconds) / self._pace)

    def skip(self, seconds: float) -> None:
        """So much time is over at once, for all but those who sleep."""
        self.began -= seconds / self._pace


def song(number: int, **more: Any) -> dict[str, Any]:
    """What is said of a track; every third one by an artist, every fifth one in a playlist that others are in too."""
    return {
        "title": f"Song {number}",
        "artists": [f"Artist {number % 3}"],
        "album": "Album",
        "genre": "House",
        "date": "2020-05-17",
        "isrc": f"USABC20{number:05d}",
        "bpm": 120.0 + number % 10,
        "key": "Am",
        "camelot": "8A",
        "duration": 200.0 + number,
        "lufs": -9.1,
        "fingerprint": "AQ" * 1500,
        "source": "soundcloud",
        "source_url": f"https://soundcloud.com/a/t{number}",
        "identities": [f"soundcloud:a/t{number}"],
        "downloaded": True,
        "files": [f"main:A/Song {number}.m4a", f"main:A/Song {number}.wav"],
        "playlists": [f"Playlist {number % 5}"],
        **more,
    }


async def kept(
    catalog: NotionCatalog, clock: Clock, key: str, fields: dict[str, Any], *, tries: int = 200
) -> Published:
    """As the daemon does it: publish, read back, and come again when that did not work; how it ended."""
    known: str | None = None
    for _ in range(tries):
        try:
            done = await catalog.publish(key, fields, known=known)
            known = done.id
            row = await catalog.verify(done.id)
            if row is not None and not catalog.lacks(fields, row):
                return done
        except (Temporary, Degraded) as error:
            await clock.sleep(min(getattr(error, "delay", None) or 5.0, 60.0))
    raise AssertionError(f"{key} was never published")


async def published(catalog: NotionCatalog, clock: Clock, count: int, *, at_once: int = 8, **more: Any) -> None:
    """All of these, several at a time."""
    limit = anyio.CapacityLimiter(at_once)

    async def one(number: int) -> None:
        async with limit:
            await kept(catalog, clock, f"track{number}", song(number, **more))

    async with anyio.create_task_group() as tasks:
        for number in range(count):
            tasks.start_soon(one, number, name=f"publish {number}")


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
    more = {"artists_db": workspace.artists.id, "playlists_db": workspace.playlists.id} if workspace else {}
    given = {"tracks_db": tracks.id, **more, **settings}
    async with opened(fake.url, fake.token, clock=clock, path=path, **given) as (catalog, notion, mirror, database):
        yield House(fake, catalog, notion, mirror, database)


@asynccontextmanager
async def opened(
    url: str, token: str, *, clock: Clock | None = None, path: Any = MEMORY, **settings: Any
) -> AsyncIterator[tuple[NotionCatalog, Notion, Mirror, Database]]:
    """The same wherever Notion is played."""
    clock = clock or SystemClock()
    section = NotionSection(token=SecretStr(token), base_url=url, **{"requests_per_second": 100, "lag": 0, **settings})
    rooms = {"ledger": LEDGER, "http": HTTP}
    database = await Database.open(path, rooms, backups=Path(path).parent / "backups", clock=clock)
    notion = await open_notion(section, Budgets(database, clock), HttpOptions(timeout=5), clock)
    try:
        mirror = Mirror(database, clock)
        yield open_catalog(notion, mirror, section, clock, ROOTS), notion, mirror, database
    finally:
        await notion.close()
        await database.close()
