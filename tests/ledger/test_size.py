"""The ledger of a large library: a fixed number of queries, however many tracks are read."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from musicsyncd.database import Database
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.ledger.rows import AT_ONCE
from musicsyncd.music.identity import Identity
from musicsyncd.music.track import Track

FINGERPRINT = "A" * 2600


@pytest.fixture
async def tracks(request: pytest.FixtureRequest, ledger: Ledger, database: Database) -> int:
    """So many tracks, heard, with lengths from 100 to 400 s; 20,000 of them in the full run."""
    count = 20_000 if request.config.getoption("--full") else 2_000
    made = [
        Track(title=f"Song {n}", artists=(f"Artist {n % 500}",), identities=(Identity("memory", f"{n}"),))
        for n in range(count)
    ]
    ids = [one.id for one in await ledger.record_tracks(made)]

    def fill(conn: sqlite3.Connection) -> None:
        rows = [(id_, 100 + 300 * n / count, FINGERPRINT, '{"bpm": 124.0}', "") for n, id_ in enumerate(ids)]
        conn.executemany("INSERT INTO analysis VALUES (?, ?, ?, ?, ?)", rows)
        files = [(id_, "source", "", f"{n}", "p", 200.0, 1, "{}", "") for n, id_ in enumerate(ids)]
        conn.executemany("INSERT INTO file VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", files)

    await database.write(fill)
    return count


async def test_reading_many_takes_few_queries_and_little_time(ledger: Ledger, database: Database, tracks: int) -> None:
    """A search and the unfinished: queries by hundreds of tracks, not by track."""
    offered = [Track(title="again", identities=(Identity("memory", f"{n}"),)) for n in range(tracks)]
    for call in (ledger.record_tracks, ledger.unknown, ledger.foresee):
        began = time.perf_counter()
        found = await call(offered)
        seconds = time.perf_counter() - began
        print(f"{call.__name__} of {tracks} known tracks: {seconds * 1000:.0f} ms")
        assert len(found) in (0, tracks)
        assert seconds < 10.0
    questions: dict[str, Callable[[], Awaitable[list[Any]]]] = {
        "search": lambda: ledger.search("artist 7", limit=1000),
        "unfinished": lambda: ledger.unfinished(limit=1000),
    }
    for name, ask in questions.items():
        queries = await _count(database)
        began = time.perf_counter()
        found = await ask()
        seconds = time.perf_counter() - began
        print(f"{name} among {tracks}: {len(found)} found in {seconds * 1000:.0f} ms, {len(queries)} queries")
        assert len(found) >= 10
        assert len(queries) <= 3 + 6 * -(-len(found) // AT_ONCE)
        assert seconds < 2.0
        queries.clear()


async def _count(database: Database) -> list[str]:
    """The queries of whatever is asked from now on."""
    queries: list[str] = []

    def keep(query: str) -> None:
        if query.lstrip().startswith("SELECT"):
            queries.append(query)

    await database.read(lambda conn: conn.set_trace_callback(keep))
    return queries
