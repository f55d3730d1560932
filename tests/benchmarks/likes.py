"""What a look at SoundCloud's likes costs the daemon when nothing is new: `python -m tests.benchmarks.likes`.

The source and the ledger run here, with the real worker; the service is played by a process of its own.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import anyio

from musicsyncd.clock import SystemClock
from musicsyncd.database import Database
from musicsyncd.http.budgets import MIGRATIONS as HTTP_MIGRATIONS
from musicsyncd.http.budgets import Budgets
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.ledger.schema import MIGRATIONS as LEDGER_MIGRATIONS
from musicsyncd.sources.soundcloud import SoundcloudSource
from musicsyncd.sources.ytdlp import YtdlpOptions
from tests.fakes.soundcloud import SoundCloud
from tests.fakes.web import Web

LIKES: Final = 450
PASSES: Final = 10
CPU_BAR: Final = 50.0
"""Milliseconds in the daemon's process."""
QUESTIONS_BAR: Final = 2


def play(folder: str, told: Any, asked: Any) -> None:
    """Be SoundCloud, and say how many questions came in whenever that is asked for; end at a False."""
    site = SoundCloud()
    for number in range(LIKES, 0, -1):
        site.like(number, f"2024-01-01T00:{number // 60:02}:{number % 60:02}Z")
    with Web(site) as web:
        told.put((web.proxy, str(web.write_authority(Path(folder) / "authority.pem"))))
        while asked.get():
            told.put(len(web.visits))


async def measure(folder: Path, told: Any, asked: Any) -> None:
    """Learn all likes, then look again and again."""
    proxy, authority = told.get()
    clock = SystemClock()
    schemas = {"ledger": LEDGER_MIGRATIONS, "http": HTTP_MIGRATIONS}
    database = await Database.open(folder / "musicsyncd.db", schemas, backups=folder / "backups", clock=clock)
    ledger = Ledger(database, clock)
    options = YtdlpOptions(proxy=proxy, ca_file=Path(authority), cache_dir=folder / "cache")
    budget = await Budgets(database, clock).of(SoundcloudSource.label, SoundcloudSource.pace)
    source = SoundcloudSource(options, budget, profile="ada-voss")
    await ledger.record_tracks((await source.list()).tracks)
    before = count(told, asked)
    began, wall = time.process_time(), time.perf_counter()
    for _ in range(PASSES):
        found = await source.news(ledger.unknown)
        assert not await ledger.unknown(found.tracks)
    cpu, wall = time.process_time() - began, time.perf_counter() - wall
    print(f"{LIKES} likes, all known: {cpu / PASSES * 1000:.1f} ms CPU (bar {CPU_BAR:g}), {wall / PASSES:.2f} s")
    print(f"  {(count(told, asked) - before) / PASSES:g} questions (bar {QUESTIONS_BAR})")
    await database.close()


def count(told: Any, asked: Any) -> int:
    """Questions so far."""
    asked.put(True)
    return int(told.get())


def main() -> None:
    """Print the figures."""
    context = multiprocessing.get_context("spawn")
    told, asked = context.Queue(), context.Queue()
    with tempfile.TemporaryDirectory() as name:
        player = context.Process(target=play, args=(name, told, asked))
        player.start()
        try:
            anyio.run(measure, Path(name), told, asked)
        finally:
            asked.put(False)
            player.join()


if __name__ == "__main__":
    main()
