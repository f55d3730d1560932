"""What it costs to look at a library at Spotify: `python -m tests.benchmarks.spotify`."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Final

import anyio

from musicsyncd.clock import ManualClock
from musicsyncd.database import Database
from musicsyncd.http.budgets import MIGRATIONS as HTTP
from musicsyncd.jobs.worker import SqliteEngine
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.ledger.schema import MIGRATIONS as LEDGER
from musicsyncd.sources.spotify_lists import MIGRATIONS
from musicsyncd.sync.request import Scope, SyncRequest
from musicsyncd.sync.selection import Selected, select
from tests.fakes.spotify import FakeSpotify, saved
from tests.sources.spotify_house import START, House, house

TRACKS: Final = 10_000
BARS: Final = {"first": (201, 0.0), "nothing new": (1, 50.0)}
"""Questions, and milliseconds of CPU (0: none stated)."""
ROUNDS: Final = 20


async def incremental(at: House, ledger: Ledger, jobs: SqliteEngine) -> tuple[Selected, int, float]:
    """One pass; its questions and its milliseconds of CPU, the fake's share in the same process among them."""
    asked, began = len(at.fake.asked), time.process_time()
    found = await select(SyncRequest(scope=Scope.INCREMENTAL, source="spotify"), [at.source], ledger, jobs)
    return found, len(at.fake.asked) - asked, (time.process_time() - began) * 1000


async def measured() -> None:
    """A first pass, the one that finds all taken, and passes with nothing new."""
    with FakeSpotify() as fake, tempfile.TemporaryDirectory() as name:
        folder, clock = Path(name), ManualClock(START)
        schemas = {"http": HTTP, "spotify": MIGRATIONS, "ledger": LEDGER, "jobs": SqliteEngine.schema}
        database = await Database.open(folder / "x.db", schemas, backups=folder / "b", clock=clock)
        ledger, fake.person.saved = Ledger(database, clock), saved(TRACKS)
        jobs = SqliteEngine(database, clock, {})
        async with house(fake, folder, clock=clock, database=database) as at:
            first = await incremental(at, ledger, jobs)
            await ledger.record_tracks(first[0].tracks)
            await incremental(at, ledger, jobs)
            rounds = [await incremental(at, ledger, jobs) for _ in range(ROUNDS)]
        await database.close()
    middle = sorted(rounds, key=lambda one: one[2])[ROUNDS // 2]
    for text, (found, asked, took) in {"first": first, "nothing new": middle}.items():
        most, bar = BARS[text]
        limit = f", {bar:g} ms" if bar else ""
        new = len(found.tracks)
        print(f"{TRACKS} saved, {text}: {new} new, {asked} questions, {took:.1f} ms CPU   (bar {most}{limit})")


def main() -> None:
    """Print questions and CPU of a first pass, and of one with nothing new (median)."""
    anyio.run(measured)


if __name__ == "__main__":
    main()
