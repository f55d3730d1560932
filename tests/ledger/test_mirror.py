"""A catalog's book as it was last read: found by any name, told apart by content, and never all in memory."""

from __future__ import annotations

import random
import time
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from musicsyncd.clock import ManualClock
from musicsyncd.database import Database
from musicsyncd.ledger.entry import FileFacts
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.ledger.mirror import AT_ONCE, Mirror, MirrorRow, MirrorState, Open
from musicsyncd.music.identity import Identity
from musicsyncd.music.track import Track

T = TypeVar("T")
BOOK, OTHER = "notion", "other"
S1, S2, Y1 = Identity("spotify", "track:1"), Identity("spotify", "track:2"), Identity("youtube", "y1")


@pytest.fixture
def mirror(database: Database, clock: ManualClock) -> Mirror:
    return Mirror(database, clock)


def row(page: str, *identities: Identity, created: str = "2026-01-01T00:00:00.000Z", **more: Any) -> MirrorRow:
    return MirrorRow(page=page, created=created, edited=created, identities=identities, **more)


async def all_of(batches: AsyncIterator[list[T]]) -> list[T]:
    return [one async for batch in batches for one in batch]


# Rows


async def test_a_row_comes_back_as_it_was_read(mirror: Mirror) -> None:
    """Whole, and of its own book; a second reading of the same is no news, one of anything else is."""
    one = row("p1", S1, Y1, key="k", fields={"title": "Jóga", "bpm": 123.5, "artists": ["Björk"], "key": None})
    assert await mirror.put(BOOK, [one]) == ["p1"]
    assert await mirror.row(BOOK, "p1") == one
    assert (await mirror.row(OTHER, "p1"), await mirror.row(BOOK, "p2")) == (None, None)
    later = replace(one, edited="2026-02-01T00:00:00.000Z")
    assert await mirror.put(BOOK, [later]) == []
    assert await mirror.row(BOOK, "p1") == later
    changes: list[dict[str, Any]] = [{"key": "l"}, {"identities": (S2,)}, {"fields": {"title": "Joga"}}]
    for change in [*changes, {"trashed": True}]:
        later = replace(later, **change)
        assert await mirror.put(BOOK, [later, row("p2")]) == ["p1", *(["p2"] if change == {"key": "l"} else [])]
        assert await mirror.row(BOOK, "p1") == later
    assert await mirror.count(BOOK) == 1


async def test_a_row_is_found_by_any_of_its_identities(mirror: Mirror) -> None:
    """Each row once; those of the identity that was named first come first, and of equals the oldest."""
    young, old = row("a", S1, created="2026-03-01"), row("b", S1, Y1, created="2026-01-01")
    await mirror.put(BOOK, [young, old, row("c", S2, trashed=True), row("d")])
    await mirror.put(OTHER, [row("e", S1)])
    assert await mirror.by_identity(BOOK, [S1]) == [old, young]
    assert await mirror.by_identity(BOOK, [Y1, S1]) == [old, young]
    assert await mirror.by_identity(BOOK, [S2]) == await mirror.by_identity(BOOK, []) == []
    await mirror.put(BOOK, [replace(old, identities=(S2,))])
    assert [one.page for one in await mirror.by_identity(BOOK, [S2, S1])] == ["b", "a"]
    assert await mirror.by_identity(BOOK, [Y1]) == []


async def test_a_row_is_found_by_its_key(mirror: Mirror) -> None:
    """Two with one key are both told, the oldest first; rows without a key have none in common."""
    young, old = row("a", key="k", created="2026-03-01"), row("b", key="k", created="2026-01-01")
    await mirror.put(BOOK, [young, old, row("c", key="k", trashed=True), row("d"), row("e")])
    assert await mirror.by_key(BOOK, "k") == [old, young]
    assert await mirror.by_key(BOOK, "") == await mirror.by_key(BOOK, "other") == []


async def test_rows_that_a_whole_reading_did_not_meet(mirror: Mirror) -> None:
    """They went from the book; a row that was read by the way counts as of the latest whole reading that met it."""
    await mirror.put(BOOK, [row("a"), row("b"), row("c"), row("t", trashed=True)], seen=1)
    await mirror.put(BOOK, [row("a"), replace(row("b"), fields={"title": "new"})], seen=2)
    await mirror.put(BOOK, [row("a"), row("c")])
    late = "2026-01-02"
    assert [one.page for one in await mirror.missing(BOOK, 2, late, limit=9)] == ["c"]
    assert (await mirror.missing(BOOK, 2, late, limit=0), await mirror.count_missing(BOOK, 2, late)) == ([], 1)
    assert await mirror.missing(BOOK, 1, late, limit=9) == await mirror.missing(BOOK, 2, "2026-01-01", limit=9) == []
    assert [one.page for one in await all_of(mirror.pages(BOOK))] == ["a", "b", "c"]
    assert [one.page for one in await all_of(mirror.pages(BOOK, trashed=True))] == ["t"]


async def test_how_far_a_book_was_read(mirror: Mirror) -> None:
    """Each book's own."""
    state = MirrorState(watermark="2026-01-01T00:00:00Z", full_at="2026-01-02T00:00:00Z", number=3, rows=9, note="slow")
    await mirror.set_state(BOOK, state)
    assert (await mirror.state(BOOK), await mirror.state(OTHER)) == (state, MirrorState())


# What we wrote, and began to create


async def test_what_we_last_wrote_is_the_base(mirror: Mirror) -> None:
    """Field by field, the last value of each; a field that was never written is not in it."""
    await mirror.wrote(BOOK, "a", {"title": "A", "bpm": None, "artists": ["x"]})
    await mirror.wrote(BOOK, "a", {"bpm": 124.0})
    await mirror.wrote(BOOK, "b", {"title": "B"})
    assert await mirror.base(BOOK, "a") == {"title": "A", "bpm": 124.0, "artists": ["x"]}
    assert await mirror.bases(BOOK, ["b", "c"]) == {"b": {"title": "B"}}
    assert (await mirror.base(BOOK, "c"), await mirror.base(OTHER, "a")) == ({}, {})


async def test_a_creation_that_nobody_answered(mirror: Mirror, clock: ManualClock) -> None:
    """It is known from before it is sent until its fate is, and counts its tries."""
    first = await mirror.intend(BOOK, "k", "t1")
    assert (first.key, first.track, first.begun, first.tries) == ("k", "t1", _moment(clock), 1)
    await clock.advance(60)
    second = await mirror.intend(BOOK, "k", "t1")
    assert (second.begun, second.tries) == (_moment(clock), 2)
    other = await mirror.intend(BOOK, "a", "t2")
    assert await mirror.intents(BOOK) == [other, second]
    await mirror.clear(BOOK, "k")
    assert (await mirror.intents(BOOK), await mirror.intent(BOOK, "k")) == ([other], None)
    assert (await mirror.intents(OTHER), await mirror.intent(BOOK, "a")) == ([], other)


def _moment(clock: ManualClock) -> str:
    return clock.now().isoformat(timespec="milliseconds")


# Rows that are work


async def opened(mirror: Mirror) -> list[Open]:
    return await all_of(mirror.open(BOOK))


@pytest.mark.parametrize(
    ("fields", "open_"),
    [
        ({}, True),
        ({"downloaded": False, "sync_enabled": True}, True),
        ({"downloaded": None, "sync_enabled": None}, True),
        ({"downloaded": True}, False),
        ({"sync_enabled": False}, False),
    ],
)
async def test_which_rows_ask_for_a_track(mirror: Mirror, fields: dict[str, Any], open_: bool) -> None:
    """Not what is downloaded, switched off, in the trash, or our own; also once that has changed."""
    await mirror.put(BOOK, [row("a", fields={"downloaded": not open_})])
    await mirror.put(BOOK, [row("a", fields=fields)])
    assert [one.row.page for one in await opened(mirror)] == (["a"] if open_ else [])
    await mirror.put(BOOK, [row("a", fields=fields, trashed=True)])
    assert await opened(mirror) == []
    await mirror.put(BOOK, [row("a", fields=fields)])
    await mirror.wrote(BOOK, "a", {"title": "A"})
    assert await opened(mirror) == []


async def test_a_row_that_was_taken_up_tells_its_track(mirror: Mirror, ledger: Ledger) -> None:
    """Until audio of it is had; what was found otherwise before is none of the row's."""
    pages = [Identity(BOOK, name) for name in "abc"]
    await mirror.put(BOOK, [row(name, created=f"2026-01-0{n}") for n, name in enumerate("abcd", start=1)])
    mine, liked = Track(title="A", identities=(pages[0], S1)), Track(title="B", identities=(S2,))
    await ledger.record_tracks([mine, liked, Track(title="C", identities=(pages[2],))])
    await ledger.record_tracks([Track(title="B", identities=(pages[1], S2))])
    found = await opened(mirror)
    assert [(one.row.page, one.track and one.track.title) for one in found] == [("d", None), ("c", "C"), ("a", "A")]
    assert found[-1].track == mine
    ids = [(await ledger.entry(str(page))).id for page in pages]
    await ledger.record_files(ids[0], [FileFacts(role="source", format="", sha256="1", size=1, facts={})])
    await ledger.settle(ids[2])
    assert [one.row.page for one in await opened(mirror)] == ["d"]


# A large book


async def test_a_large_book_is_quick_and_never_all_in_memory(
    mirror: Mirror, database: Database, request: pytest.FixtureRequest
) -> None:
    """Rows come and go in batches; a look-up among them reads its index, and what did not change is not written."""
    count = 30_000 if request.config.getoption("--full") else 3_000
    text = "x" * 1_000

    def rows(edited: str) -> Iterator[MirrorRow]:
        for n in range(count):
            ids = (Identity("spotify", f"track:{n}"), Identity("youtube", f"{n}"))
            fields = {"title": f"Song {n}", "downloaded": n % 100 != 0, "fingerprint": text}
            yield replace(row(f"{n:05}", *ids, key=f"k{n}", created=f"2026-01-01T{n:05}"), fields=fields, edited=edited)

    for name, expected in (("first", count), ("same", 0)):
        began = time.process_time()
        assert len(await mirror.put(BOOK, rows(name), seen=1)) == expected
        print(f"{name}: {count} rows put in {time.process_time() - began:.2f} s CPU")
    tracemalloc.start()
    numbers = 0
    async for batch in mirror.pages(BOOK):
        numbers += len(batch)
        assert len(batch) <= AT_ONCE
    del batch
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert numbers == await mirror.count(BOOK) == count
    assert peak < 6 * AT_ONCE * 2_000, f"{peak} bytes at a time"
    wanted = random.Random(1).randrange(count)
    (found,) = await mirror.by_identity(BOOK, [Identity("youtube", f"{wanted}")])
    assert found.page == f"{wanted:05}"
    open_ = await opened(mirror)
    assert [one.row.page for one in open_] == [f"{n:05}" for n in reversed(range(0, count, 100))]


@pytest.mark.parametrize(
    ("call", "index"),
    [("by_identity", "USING PRIMARY KEY"), ("by_key", "mirror_key"), ("open", "mirror_wanted")],
)
async def test_look_ups_read_an_index(mirror: Mirror, database: Database, call: str, index: str) -> None:
    """Whatever is asked of a book, no question reads all of it."""
    asked: list[str] = []
    await database.read(lambda conn: conn.set_trace_callback(asked.append))
    match call:
        case "by_identity":
            await mirror.by_identity(BOOK, [S1])
        case "by_key":
            await mirror.by_key(BOOK, "k")
        case _:
            await opened(mirror)
    await database.read(lambda conn: conn.set_trace_callback(None))
    query = next(one for one in asked if "FROM mirror" in one or "JOIN mirror" in one)
    plan = await database.read(lambda conn: [line[3] for line in conn.execute(f"EXPLAIN QUERY PLAN {query}")])
    assert not [line for line in plan if line.startswith("SCAN") and "VIRTUAL TABLE" not in line], plan
    assert any(index in line for line in plan), plan
