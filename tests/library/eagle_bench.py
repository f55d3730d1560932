"""Eagle to test on: a played one on the loopback, the shelf in front of it, and a clock that does not make one wait."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio

from musicsyncd.clock import ManualClock
from musicsyncd.database import MEMORY, Database
from musicsyncd.errors import BadInput
from musicsyncd.http.budget import Budget
from musicsyncd.http.client import HttpClient, HttpOptions
from musicsyncd.library.base import Kept
from musicsyncd.library.eagle import Eagle as Shelf
from musicsyncd.library.eagle_book import MIGRATIONS, EagleBook
from musicsyncd.library.eagle_client import PACE, EagleClient
from musicsyncd.library.eagle_presence import EagleOptions
from musicsyncd.library.naming import path_key
from tests.fakes.eagle import Eagle


class HastyClock(ManualClock):
    """Whoever sleeps has slept at once."""

    async def sleep(self, seconds: float) -> None:
        self._elapsed += max(0.0, seconds)
        await anyio.lowlevel.checkpoint()


class EagleBench:
    """The shelf, and what a person or another program does to Eagle."""

    def __init__(self, eagle: Eagle, database: Database, http: HttpClient, clock: ManualClock, token: str) -> None:
        self.eagle, self.database, self.http, self.clock, self.token = eagle, database, http, clock, token
        self.other_music: set[bytes] = set()
        """Files that sound otherwise than any of ours, or not at all."""
        self.shelf = self.opened()

    def opened(self, **options: Any) -> Shelf:
        """The shelf as a new process finds it."""
        wanted: Mapping[str, Any] = {"formats": ("wav",), "import_timeout": 60.0, "launch_timeout": 10.0} | options
        budget = Budget("Eagle", PACE, self.clock)
        client = EagleClient(self.http, budget, self.eagle.base_url, self.token)
        extensions = ["m4a" if one in ("alac", "aac") else one for one in wanted["formats"]]
        book = EagleBook(self.database)
        return Shelf(client, book, EagleOptions(**wanted), self.clock, extensions, self._same_music)

    async def _same_music(self, one: Path, _: Path) -> bool:
        if not one.is_file():
            raise BadInput(f"{one.name} cannot be read")
        return one.read_bytes() not in self.other_music

    def files(self) -> dict[str, bytes]:
        return {
            path_key(f"images/{id_}.info/{row['name']}.{row['ext']}"): self.eagle.file_of(id_).read_bytes()
            for id_, row in self.eagle.library.items.items()
        }

    def plant(self, path: str, data: bytes) -> None:
        self.eagle.change_file(path.split("/")[1].removesuffix(".info"), data)

    def remove(self, path: str) -> None:
        self.eagle.erase(path.split("/")[1].removesuffix(".info"))

    def take_away(self) -> None:
        self.eagle.stop()

    def asked(self, beginning: str = "/") -> list[str]:
        """The paths that were asked for since the last look."""
        paths = [call.path for call in self.eagle.calls if call.path.startswith(beginning)]
        self.eagle.calls.clear()
        return paths


def item_of(kept: Kept) -> str:
    """The id in a kept file's path."""
    return kept.path.split("/")[1].removesuffix(".info")


@asynccontextmanager
async def eagle_bench(folder: Path, *, newer: bool = True, token: str = "") -> AsyncIterator[EagleBench]:
    """Everything opened, and closed afterwards."""
    clock, http = HastyClock(), HttpClient(HttpOptions(timeout=5.0))
    database = await Database.open(MEMORY, {"eagle": MIGRATIONS}, backups=folder, clock=clock)
    try:
        with Eagle(folder / "eagle", newer=newer, token=token) as eagle:
            yield EagleBench(eagle, database, http, clock, token)
    finally:
        await http.close()
        await database.close()
