"""The three services on the loopback, and what asks them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from musicsyncd.clock import ManualClock, SystemClock
from musicsyncd.database import MEMORY, Database
from musicsyncd.enrichment.acoustid import AcoustId
from musicsyncd.enrichment.cache import MIGRATIONS, Cache
from musicsyncd.enrichment.coverart import CoverArt
from musicsyncd.enrichment.musicbrainz import MusicBrainz
from musicsyncd.http.budget import Budget, Pace
from musicsyncd.http.client import HttpClient, HttpOptions
from tests.fakes.music_services import KEY, MusicServices


@dataclass(frozen=True, kw_only=True)
class Asking:
    """Everything that asks, joined."""

    acoustid: AcoustId
    musicbrainz: MusicBrainz
    coverart: CoverArt
    cache: Cache
    clock: ManualClock
    """Of the cache."""


@pytest.fixture
def services() -> Iterator[MusicServices]:
    with MusicServices() as services:
        yield services


@pytest.fixture
async def asking(services: MusicServices, tmp_path: Path) -> AsyncIterator[Asking]:
    clock = ManualClock()
    database = await Database.open(MEMORY, {"enrichment": MIGRATIONS}, backups=tmp_path, clock=clock)
    cache = Cache(database, clock, tmp_path / "covers", keep=30 * 86400.0, keep_nothing=3 * 86400.0)
    client = HttpClient(HttpOptions(timeout=5.0), contact="dj@example.org")

    def budget(name: str) -> Budget:
        return Budget(name, Pace(rate=1000.0, burst=100), SystemClock())

    yield Asking(
        acoustid=AcoustId(client, budget("AcoustID"), cache, base_url=services.url(), key=KEY),
        musicbrainz=MusicBrainz(client, budget("MusicBrainz"), cache, base_url=services.url("/ws/2")),
        coverart=CoverArt(client, budget("Cover Art Archive"), cache, base_url=services.url(), pixels=500),
        cache=cache,
        clock=clock,
    )
    await client.close()
    await database.close()
