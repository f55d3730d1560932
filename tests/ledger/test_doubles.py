"""Rows that bear the same things, and whose rows they are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from musicsyncd.clock import ManualClock
from musicsyncd.database import MEMORY, Database
from musicsyncd.ledger.doubles import Doubles, Owned
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.ledger.mirror import Mirror, MirrorRow
from musicsyncd.ledger.schema import MIGRATIONS
from musicsyncd.ledger.standing import Evidence
from musicsyncd.music.identity import Identity
from musicsyncd.music.track import Track

CATALOG, TARGET = "notion", "catalog:notion"
X, Y = Identity("spotify", "track:x"), Identity("isrc", "USABC2000001")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    found = await Database.open(MEMORY, {"ledger": MIGRATIONS}, backups=tmp_path, clock=ManualClock())
    yield found
    await found.close()


@pytest.fixture
def ledger(database: Database) -> Ledger:
    return Ledger(database, ManualClock())


@pytest.fixture
def mirror(database: Database) -> Mirror:
    return Mirror(database, ManualClock())


@pytest.fixture
def doubles(database: Database) -> Doubles:
    return Doubles(database)


def row(page: str, *identities: Identity, trashed: bool = False) -> MirrorRow:
    return MirrorRow(page=page, created="2026", identities=identities, trashed=trashed)


async def recorded(ledger: Ledger, *identities: Identity) -> str:
    track = Track(title="Song", source="memory", identities=identities)
    return (await ledger.record_tracks([track]))[0].id


async def stands(ledger: Ledger, track: str, target: str, **detail: str) -> None:
    await ledger.record_evidence(track, Evidence(target=target, part="p", proof="x", detail=dict(detail)), None)


async def test_what_several_rows_bear(mirror: Mirror, doubles: Doubles) -> None:
    """Of the book only, of one catalog only, and of the providers that are asked for."""
    await mirror.put(CATALOG, [row("a", X, Y), row("b", X), row("c", Y), row("d", X, trashed=True)])
    await mirror.put("other", [row("e", X)])
    assert sorted(await doubles.shared(CATALOG, ["spotify", "isrc"])) == [
        ("isrc", Y.id, ("a", "c")),
        ("spotify", X.id, ("a", "b")),
    ]
    assert await doubles.shared(CATALOG, ["youtube"]) == []


async def test_whose_a_row_is(ledger: Ledger, mirror: Mirror, doubles: Doubles) -> None:
    """Read back in it, found by it, or written by the catalog for it; the first of these before the others."""
    first = await recorded(ledger, Identity("memory", "1"), Identity(CATALOG, "b"))
    second = await recorded(ledger, Identity("memory", "2"))
    await mirror.put(CATALOG, [row(page) for page in "abcd"])
    await stands(ledger, first, TARGET, id="a")
    await stands(ledger, first, "volume:main", path="A/x.m4a")
    await mirror.wrote(CATALOG, "b", {"_track": second, "title": "Song"})
    await mirror.wrote(CATALOG, "c", {"_track": None, "title": "Song"})
    await stands(ledger, second, TARGET, id="b")
    found = await doubles.owners(CATALOG, ["a", "b", "c", "d"])
    assert found == {
        "a": Owned(page="a", track=first, root=first, proven=True, paths=("A/x.m4a",)),
        "b": Owned(page="b", track=second, root=second, proven=True, paths=()),
    }
    assert [one.page async for some in doubles.nobodys(CATALOG, mirror) for one in some] == ["c", "d"]
    assert [track for track, _ in await doubles.evidence_of(TARGET, "b")] == [second]


async def test_rows_that_lead_to_one_track(ledger: Ledger, mirror: Mirror, doubles: Doubles) -> None:
    """By itself, or by what is left out for its sake."""
    kept, copy = await recorded(ledger, Identity("memory", "1")), await recorded(ledger, Identity("memory", "2"))
    await mirror.put(CATALOG, [row("a"), row("b"), row("c", trashed=True)])
    for track, page in ((kept, "a"), (copy, "b")):
        await stands(ledger, track, TARGET, id=page)
    await mirror.wrote(CATALOG, "c", {"_track": kept})
    assert await doubles.of_one_track(CATALOG) == []
    assert await ledger.mark_duplicate(copy, kept, {})
    assert await doubles.of_one_track(CATALOG) == [(kept, ("a", "b"))]
    assert (await doubles.owners(CATALOG, ["b"]))["b"].root == kept
    assert await doubles.owner_page(CATALOG, kept) == ["a", "b"]
    assert await doubles.owner_page(CATALOG, copy) == ["b"]
