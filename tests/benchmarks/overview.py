"""What the daemon spends on one `status` in a large house: `python -m tests.benchmarks.overview`."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import statistics
import tempfile
import time
from pathlib import Path
from typing import Final

from musicsyncd.catalog.memory import MemoryCatalog
from musicsyncd.clock import SystemClock
from musicsyncd.control.operations import Operations
from musicsyncd.control.status import DaemonFacts
from musicsyncd.database import Database
from musicsyncd.jobs.worker import SqliteEngine
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.ledger.matches import Matches
from musicsyncd.ledger.schema import MIGRATIONS
from musicsyncd.library.memory import MemoryShelf
from musicsyncd.sync.look import Lookout

TRACKS: Final = 30_000
WAITING: Final = 5000
ROUNDS: Final = 20
BAR: Final = 50.0
"""Milliseconds."""
FORMATS: Final = ("alac", "wav", "aiff")
TRACK: Final = "id, facts, label, words, duplicate_of, verdict, failure, settled_at, created_at, updated_at"
SHELVES: Final = ("main", "second")


def fill(conn: sqlite3.Connection) -> None:
    """Rows of the sizes that real ones have."""
    detail = json.dumps({"shelf": "main", "path": "a" * 100, "sha256": "b" * 64, "marker": "m" * 32})
    heard = json.dumps({"bpm": 120.0, "key": "Am", "fingerprint": "f" * 2500, "duration": 300.0})
    candidates = json.dumps([{"verdict": "refuse", "url": "u" * 300}] * 8)
    now, padding = "2026-01-01T00:00:00.000+00:00", "x" * 700
    for number in range(TRACKS):
        track, failure = f"{number:08}", json.dumps({"what": "w" * 200}) if number % 100 == 0 else None
        copy = "00000001" if number % 50 == 3 else None
        row = (track, json.dumps({"title": padding}), track, track, copy, None, failure, now, now, now)
        conn.execute(f"INSERT INTO track ({TRACK}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        conn.execute("INSERT INTO analysis VALUES (?, 300.0, ?, ?, ?)", (track, "f" * 2500, heard, now))
        conn.execute("INSERT INTO sound (track, octets, tempo, tonal) VALUES (?, ?, 1, 1)", (track, os.urandom(3800)))
        for shelf in SHELVES:
            files = [(track, f"volume:{shelf}", part, "p" * 64, detail, now) for part in FORMATS]
            conn.executemany("INSERT INTO evidence VALUES (?, ?, ?, ?, ?, ?)", files)
        conn.execute("INSERT INTO evidence VALUES (?, 'catalog:memory', 'row', 'p', ?, ?)", (track, detail, now))
        page = (track, track, now, now, json.dumps({"title": padding}))
        columns = "catalog, page, key, created, edited, hash, fields"
        conn.execute(f"INSERT INTO mirror ({columns}) VALUES ('memory', ?, ?, ?, ?, 'h', ?)", page)
        if number % 10 == 0:
            match = (track, candidates, now)
            conn.execute("INSERT INTO match (track, candidates, searched_at) VALUES (?, ?, ?)", match)
        ended = int(time.time() * 1e6) - number * 3_600_000
        reason = None if number % 10 else json.dumps({"class": "Denied", "what": f"{track} may not be read"})
        job = (track, "done" if number % 10 else "failed", json.dumps({"r": "z" * 400}), ended, ended, reason)
        conn.execute(
            "INSERT INTO job (kind, key, args, lane, priority, state, result, created_at, ended_at, reason)"
            " VALUES ('track', ?, '{}', 1, 0, ?, ?, ?, ?, ?)",
            job,
        )
    conn.execute(
        "INSERT INTO mirror_state (catalog, source, watermark, full_at, number, rows, note)"
        " VALUES ('memory', '', '', '', 1, 0, '')"
    )
    for number in range(WAITING):
        conn.execute(
            "INSERT INTO job (kind, key, args, lane, priority, state, created_at)"
            " VALUES ('track', ?, '{}', 1, 0, 'waiting', ?)",
            (f"{number:08}", number),
        )


async def measured(folder: Path) -> list[tuple[float, float]]:
    """Milliseconds of each answer, JSON included: by the clock, and of this process's threads alone."""
    clock, schemas = SystemClock(), {"jobs": SqliteEngine.schema, "ledger": MIGRATIONS}
    database = await Database.open(folder / "m.db", schemas, backups=folder / "backups", clock=clock)
    await database.write(fill)
    ledger, shelves = Ledger(database, clock), [MemoryShelf(name, formats=FORMATS) for name in SHELVES]
    catalog = MemoryCatalog()
    operations = Operations(
        facts=DaemonFacts(
            version="1", mode="prod", pid=1, started_at=clock.now(), config="", state_dir=str(folder), log_file=""
        ),
        ledger=ledger,
        matches=Matches(database, clock),
        jobs=SqliteEngine(database, clock, {}),
        lookout=Lookout({one.target: one for one in shelves}, {catalog.target: catalog}, ledger),
        database=database,
        clock=clock,
    )
    times = []
    for turn in range(ROUNDS):
        if turn % 2 == 0:
            await ledger.record_shelf("main", "m", str(turn))
        began, spent = time.perf_counter(), time.process_time()
        (await operations.status()).model_dump_json()
        times.append((1000 * (time.perf_counter() - began), 1000 * (time.process_time() - spent)))
    await database.close()
    return times


def main() -> None:
    """Print the median, the first and the worst."""
    with tempfile.TemporaryDirectory() as name:
        times = asyncio.run(measured(Path(name)))
    print(f"status at {TRACKS} tracks, {7 * TRACKS} pieces of evidence, {TRACKS + WAITING} jobs:")
    for title, some in (("while all changes", times[::2]), ("while nothing does", times[1::2])):
        clock, spent = (statistics.median(column) for column in zip(*some, strict=True))
        print(f"{title}: {clock:.1f} ms (median of {len(some)}), at work {spent:.1f} ms of them   (bar {BAR:g})")


if __name__ == "__main__":
    main()
