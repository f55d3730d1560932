"""How fast the same recording is found among 100,000: `python -m tests.benchmarks.duplicates`. Takes about ten minutes.

The library is spliced from the pitch classes of rendered tracks, two at a time, transposed and stretched: what a real
fingerprint has of repetition, held tones and common values, without 100,000 recordings.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import Any, Final, TypeVar

import anyio
import numpy as np
from numpy.typing import NDArray

from musicsyncd.analysis.fingerprint import HOP, Image, chroma, encode, of_chroma
from musicsyncd.analysis.fingerprint import RATE as RATE_HEARD
from musicsyncd.clock import SystemClock
from musicsyncd.database import Database
from musicsyncd.ledger.alike import Alike
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.ledger.schema import MIGRATIONS
from musicsyncd.music.identity import Identity
from musicsyncd.music.sameness import SAME_BELOW, SIMILAR_BELOW
from musicsyncd.music.track import Track
from tests.benchmarks.accuracy import corpus
from tests.benchmarks.accuracy.make import rendered
from tests.benchmarks.accuracy.synthesis import RATE
from tests.benchmarks.accuracy.treatment import resampled

TRACKS: Final = 100_000
QUERIES: Final = 500
INSERTS: Final = 500
FRAMES: Final = 964
"""Of two minutes."""
PER_STYLE: Final = 8
"""Rendered tracks of each of the 18 styles to splice from, less those that want a soundfont."""
BARS: Final = {"query, median ms": 5.0, "query, p95 ms": 20.0, "new track, median ms": 5.0, "new track, p95 ms": 20.0}
Generator = np.random.Generator
T = TypeVar("T")


def sources() -> list[Image]:
    """Pitch classes over time of tracks from our own synthesis."""
    made = []
    for track in corpus.tracks(range(PER_STYLE)):
        if track.engine == "synthesis":
            samples = resampled(rendered(track), RATE, RATE_HEARD)
            made.append(chroma(np.round(np.clip(samples, -1, 1) * 32_767).astype(np.int16)))
    return made


def spliced(generator: Generator, known: list[Image]) -> Image:
    """Two minutes of sections, each of two sources over each other."""
    parts: list[Image] = []
    while sum(map(len, parts)) < FRAMES:
        length = int(generator.integers(120, 400))
        one, two = (_piece(generator, known, length) for _ in range(2))
        parts.append(one + generator.uniform(0.05, 0.5) * two)
    return np.concatenate(parts)[:FRAMES]


def _piece(generator: Generator, known: list[Image], length: int) -> Image:
    source = known[generator.integers(len(known))]
    stretch = generator.uniform(0.85, 1.18)
    at = (generator.uniform(0, len(source)) + stretch * np.arange(length)) % (len(source) - 1)
    return np.roll(_between(source, at), generator.integers(12), axis=1)


def _between(source: Image, at: NDArray[np.floating[Any]]) -> Image:
    """The frames at these places, whole or not."""
    first = at.astype(int)
    share = (at - first)[:, None]
    found: Image = (1 - share) * source[first] + share * source[np.minimum(first + 1, len(source) - 1)]
    return found


def copied(generator: Generator, original: Image) -> Image:
    """Encoded again and louder, and up to three seconds of its start are missing."""
    first = generator.uniform(0, 3) * RATE_HEARD / HOP
    at = np.arange(first, len(original) - 1, dtype=np.float64)
    return 1.5 * _between(original, at) * np.exp(generator.normal(0, 0.1, (len(at), 12)))


def library(count: int, known: list[Image]) -> Iterator[tuple[Image, str]]:
    """Tracks as chroma and as packed fingerprint, always the same."""
    for number in range(count):
        made = spliced(np.random.default_rng(number), known)
        yield made, encode(of_chroma(made))


async def measured(folder: Path, count: int) -> dict[str, float]:
    """Every figure by its name."""
    known = sources()
    path = folder / "library.db"
    clock = SystemClock()
    database = await Database.open(path, {"ledger": MIGRATIONS}, backups=folder / "backups", clock=clock)
    try:
        ledger = Ledger(database, clock)
        ids = await _heard_before_there_was_an_index(database, ledger, [text for _, text in library(count, known)])
        before = _megabytes(path)
        built = Times("build")
        await built.take(ledger.coverage())
        figures = {"tracks": float(count), "index built, s": built.wall[0] / 1000, "CPU s": built.cpu[0] / 1000}
        figures["index, MB"] = _megabytes(path) - before
        figures |= await _sizes(database)
        figures |= await _queried(ledger, ids, known)
        figures |= await _inserted(ledger, known)
    finally:
        await database.close()
    return figures


async def _heard_before_there_was_an_index(database: Database, ledger: Ledger, texts: list[str]) -> list[str]:
    """As an older program left them; their ids."""
    made = [Track(title=f"{n}", identities=(Identity("memory", f"{n}"),)) for n in range(len(texts))]
    ids = [one.id for one in await ledger.record_tracks(made)]
    rows = [(id_, 200.0, text, "{}", "") for id_, text in zip(ids, texts, strict=True)]
    await database.write(lambda conn: conn.executemany("INSERT INTO analysis VALUES (?, ?, ?, ?, ?)", rows) and None)
    await database.write(
        lambda conn: conn.executemany("INSERT INTO sound (track) VALUES (?)", [(id_,) for id_ in ids]) and None
    )
    return ids


def _megabytes(path: Path) -> float:
    return sum(one.stat().st_size for one in (path, path.with_name(path.name + "-wal")) if one.exists()) / 1e6


async def _sizes(database: Database) -> dict[str, float]:
    postings = await database.read(lambda conn: conn.execute("SELECT count(*) FROM posting").fetchone()[0])
    octets = await database.read(lambda conn: conn.execute("SELECT sum(length(octets)) FROM sound").fetchone()[0])
    return {"postings, millions": postings / 1e6, "of it raw values, MB": octets / 1e6}


async def _queried(ledger: Ledger, ids: list[str], known: list[Image]) -> dict[str, float]:
    """Copies of known tracks, recorded and not, and tracks that are not in the library; each asked twice, warm."""
    generator = np.random.default_rng(2**40)
    numbers = generator.choice(len(ids), min(QUERIES, len(ids)), replace=False)
    originals = [spliced(np.random.default_rng(int(number)), known) for number in numbers]
    copies = [encode(of_chroma(copied(generator, one))) for one in originals]
    strangers = [encode(of_chroma(spliced(np.random.default_rng(2**41 + n), known))) for n in range(len(numbers))]
    for text in (*copies, *strangers):
        await ledger.alike_to(text)
    of_copies, of_strangers, of_recorded = Times("query"), Times("new track"), Times("recorded track")
    found = [await of_copies.take(ledger.alike_to(text)) for text in copies]
    strange = [await of_strangers.take(ledger.alike_to(text)) for text in strangers]
    for number in numbers:
        await of_recorded.take(ledger.alike(ids[number]))
    shares = {}
    for limit in (SIMILAR_BELOW, SAME_BELOW):
        right = [_has(alike, limit, ids[number]) for alike, number in zip(found, numbers, strict=True)]
        shares[f"copies found below {limit}, %"] = 100 * statistics.mean(right)
        shares[f"new tracks like one below {limit}, %"] = 100 * statistics.mean(_has(one, limit) for one in strange)
    return of_copies.figures() | of_strangers.figures() | of_recorded.figures() | shares


def _has(alike: list[Alike], limit: float, id_: str | None = None) -> bool:
    return any(one.bit_error_rate < limit and id_ in (None, one.id) for one in alike)


async def _inserted(ledger: Ledger, known: list[Image]) -> dict[str, float]:
    """One new analysis at a time, each on the disk before the next."""
    made = [Track(title=f"new {n}", identities=(Identity("memory", f"new {n}"),)) for n in range(INSERTS)]
    ids, times = [one.id for one in await ledger.record_tracks(made)], Times("insert")
    for number, track_id in enumerate(ids):
        text = encode(of_chroma(spliced(np.random.default_rng(2**42 + number), known)))
        await times.take(ledger.record_analysis(track_id, {"duration": 200.0, "fingerprint": text}))
    return times.figures()


class Times:
    """How long the same kind of question took, one after another."""

    def __init__(self, name: str) -> None:
        self.name, self.wall, self.cpu = name, list[float](), list[float]()

    async def take(self, question: Awaitable[T]) -> T:
        """The answer, timed by the clock and by what this process used of a core."""
        began, used = time.perf_counter(), time.process_time()
        answer = await question
        self.wall.append(1000 * (time.perf_counter() - began))
        self.cpu.append(1000 * (time.process_time() - used))
        return answer

    def figures(self) -> dict[str, float]:
        """Milliseconds."""
        wall, cpu = sorted(self.wall), sorted(self.cpu)
        late = int(len(wall) * 0.95)
        return {
            f"{self.name}, median ms": statistics.median(wall),
            f"{self.name}, p95 ms": wall[late],
            f"{self.name}, longest ms": wall[-1],
            f"{self.name}, CPU median ms": statistics.median(cpu),
            f"{self.name}, CPU p95 ms": cpu[late],
        }


def main(count: int = TRACKS) -> None:
    """Print the figures with their bars."""
    with tempfile.TemporaryDirectory() as name:
        figures = anyio.run(measured, Path(name), count)
    print("| figure | value | bar |\n| --- | --- | --- |")
    for name, value in figures.items():
        print(f"| {name} | {value:,.2f} | {f'< {BARS[name]:g}' if name in BARS else ''} |")


if __name__ == "__main__":
    main()
