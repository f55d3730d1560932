"""What the catalog in Notion costs: new rows, an unchanged book, and the whole of a large one:
`python -m tests.benchmarks notion`, or `python -m tests.benchmarks.notion [rows [tracks [rate]]]`.

The catalog and the ledger run here; Notion is played by a process of its own.
"""

from __future__ import annotations

import gc
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import anyio

from musicsyncd.catalog.notion import NotionCatalog
from musicsyncd.catalog.notion_book import Book
from musicsyncd.catalog.notion_whole import OVERLAP
from musicsyncd.clock import SystemClock
from musicsyncd.ledger.mirror import Mirror
from musicsyncd.notion.client import Notion
from tests.catalog.notion_house import kept, opened, song
from tests.fakes.notion import NotionFake
from tests.fakes.notion_music import music_workspace

ROWS: Final = 30_000
TRACKS: Final = 1_000
RATE: Final = 30.0
AT_ONCE: Final = 128
PASSES: Final = 20


def play(told: Any, asked: Any) -> None:
    """Be Notion; each question is the name of a thing to do, and a False is the end."""
    with NotionFake() as fake:
        workspace = music_workspace(fake)
        told.put((fake.url, fake.token, workspace.tracks.id, workspace.artists.id, workspace.playlists.id))
        while question := asked.get():
            told.put(_done(fake, workspace, *question))


def _done(fake: NotionFake, workspace: Any, what: str, value: float) -> int:
    if what == "fill":
        minute, fake.clock = [0.0], lambda: 1_700_000_000.0 + minute[0]
        for number in range(int(value)):
            minute[0] = number // 50 * 60.0  # fifty to a minute
            fake.row(workspace.tracks, _row(number))
        fake.clock = time.time
    elif what == "limit":
        fake.limit, fake.limiter.burst = value, 2 * value  # some bursts are allowed
    elif what == "refused":
        return sum(one.status == 429 for one in fake.requests)
    return len(fake.requests)


def _row(number: int) -> dict[str, Any]:
    """As a track of the owner's looks: some twenty filled properties, a long fingerprint among them."""
    return {
        "Title": f"Old song {number}",
        "Artist Name": f"Artist {number % 500}",
        "Album": f"Album {number % 3000}",
        "Genre": "House",
        "ISRC": f"GBABC{number:07d}",
        "Key": "Am",
        "Tempo": 120.0 + number % 20,
        "Release Date": "2019-04-05",
        "Audio Duration (seconds)": 200.0 + number % 200,
        "Downloaded": True,
        "M4A File Path": f"/vol/main/Artist {number % 500}/Old song {number}.m4a",
        "WAV File Path": f"/vol/main/Artist {number % 500}/Old song {number}.wav",
        "M4A Fingerprint": f"{number:08d}" * 250,
        "Spotify ID": f"{number:022d}",
        "SoundCloud URL": f"https://soundcloud.com/artist-{number % 500}/old-song-{number}",
        "Download Source": "SoundCloud",
        "Audio LUFS Level": -9.5,
        "External Key": f"soundcloud:artist-{number % 500}/old-song-{number}",
    }


@asynccontextmanager
async def catalog(folder: Path, place: Any, rate: float) -> AsyncIterator[tuple[NotionCatalog, Notion, Mirror]]:
    """Put together as the daemon does it."""
    url, token, tracks, artists, playlists = place
    databases = {"tracks_db": tracks, "artists_db": artists, "playlists_db": playlists}
    path = folder / "musicsyncd.db"
    async with opened(url, token, path=path, requests_per_second=rate, lag=15, **databases) as (
        found,
        notion,
        mirror,
        _,
    ):
        yield found, notion, mirror


def memory() -> float:
    """What this process holds now, in MB."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


async def publish(folder: Path, place: Any, count: int, rate: float) -> None:
    """New tracks, many at a time, each read back."""
    clock, limit = SystemClock(), anyio.CapacityLimiter(AT_ONCE)
    async with catalog(folder, place, rate) as (book, notion, _):
        await kept(book, clock, "first", song(100_000))
        notion.counts.clear()
        began, cpu = time.perf_counter(), time.process_time()

        async def one(number: int) -> None:
            async with limit:
                await kept(book, clock, f"track{number}", song(number))

        async with anyio.create_task_group() as tasks:
            for number in range(count):
                tasks.start_soon(one, number, name=f"publish {number}")
        wall, cpu = time.perf_counter() - began, time.process_time() - cpu
        counts = dict(notion.counts)
    total = sum(counts.values())
    own = counts.get("create_page", 0) + counts.get("update_page", 0) + counts.get("page", 0)
    print(f"{count} new tracks at {rate:g}/s: {wall:.1f} s, {total / wall / rate:.1%} of the rate (bar 95 %)")
    print(f"  {own / count:.3f} requests of its own per track (bar 1.1), {total / count:.3f} in all: {counts}")
    print(f"  {cpu / count * 1000:.1f} ms CPU per track")


async def mirror(folder: Path, place: Any, rows: int) -> None:
    """The whole book, then again and again when nothing is new."""
    async with catalog(folder, place, 100) as (found, notion, rows_read):
        await found.book.live()
        await notion.me()
        idle = memory()
        notion.counts.clear()
        began, cpu = time.perf_counter(), time.process_time()
        await found.book.freshen()
        wall, cpu = time.perf_counter() - began, time.process_time() - cpu
        count = await rows_read.count("notion")
        print(f"{count} of {rows} rows read whole: {notion.counts.total()} requests (bar 310)")
        print(f"  {cpu:.1f} s CPU (bar 20), {wall:.1f} s, {memory():.0f} MB, {idle:.0f} before")
        await look(found.book, notion)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(f"  at most {most:.0f} MB (bar 150)")


class Later(SystemClock):
    """When all that was edited in the newest row's minute is known to be read."""

    def monotonic(self) -> float:
        return super().monotonic() + OVERLAP.total_seconds()


async def look(book: Book, notion: Notion) -> None:
    """Nothing is new: in the first two minutes, in which the last rows' neighbours are read along, and from then on."""
    await book.freshen(within=0)
    await looks("at first", book, notion)
    book.clock = Later()
    await book.freshen(within=0)
    await looks("unchanged", book, notion)


async def looks(when: str, book: Book, notion: Notion) -> None:
    """What many of them take."""
    notion.counts.clear()
    before, cpu = memory(), time.process_time()
    for _ in range(PASSES):
        await book.freshen(within=0)
    cpu = (time.process_time() - cpu) / PASSES
    asked = notion.counts.total() / PASSES
    print(f"{when}: {asked:g} requests a look (bar 2), {cpu * 1000:.1f} ms CPU (bar 100)")
    print(f"  {memory() - before:+.1f} MB after {PASSES} looks")


def main() -> None:
    """Print the figures."""
    given = [float(one) for one in sys.argv[1:] if one.replace(".", "").isdecimal()]
    rows, tracks, rate = [*given, *(float(ROWS), float(TRACKS), RATE)[len(given) :]]
    context = multiprocessing.get_context("spawn")
    told, asked = context.Queue(), context.Queue()
    player = context.Process(target=play, args=(told, asked))
    player.start()
    try:
        place = told.get()
        asked.put(("fill", rows))
        told.get()
        with tempfile.TemporaryDirectory() as name:
            anyio.run(mirror, Path(name), place, int(rows))
            asked.put(("limit", rate))
            told.get()
            anyio.run(publish, Path(name), place, int(tracks), rate)
        asked.put(("refused", 0))
        print(f"  {told.get()} times asked too often")
    finally:
        asked.put(False)
        player.join()


if __name__ == "__main__":
    main()
