"""One mapping of shelves for all, that follows what a person adds and takes out; and what is remembered of that."""

from __future__ import annotations

from pathlib import Path

import pytest

from musicsyncd.clock import ManualClock
from musicsyncd.database import MEMORY, Database
from musicsyncd.errors import Degraded
from musicsyncd.library.added import MIGRATIONS, AddedVolumes
from musicsyncd.library.memory import MemoryShelf
from musicsyncd.library.shelves import Shelves


def test_who_iterates_sees_what_was_there_when_that_began() -> None:
    """Nothing is put in or taken out under somebody's hands, and who looks again sees it."""
    shelves = Shelves[MemoryShelf]()
    for name in ("a", "b"):
        shelves.put(MemoryShelf(name))
    seen = []
    for shelf in shelves.values():
        seen.append(shelf.name)
        shelves.take_out("volume:b")
        shelves.put(MemoryShelf("c"))
    assert seen == ["a", "b"]
    assert [*shelves] == [*shelves.keys()] == [target for target, _ in shelves.items()] == ["volume:a", "volume:c"]
    assert (len(shelves), "volume:c" in shelves, "volume:b" in shelves) == (2, True, False)


def test_one_that_was_taken_out_is_missed_as_a_target() -> None:
    """Work that was decided on before ends as if the volume were away."""
    with pytest.raises(Degraded) as caught:
        Shelves[MemoryShelf]()["volume:b"]
    assert caught.value.target == "volume:b"
    assert Shelves[MemoryShelf]().get("volume:b") is None


async def test_added_volumes_are_remembered_in_their_order(tmp_path: Path) -> None:
    """A new path takes the place of the old one; what is forgotten is gone."""
    clock = ManualClock()
    database = await Database.open(MEMORY, {"library": MIGRATIONS}, backups=tmp_path, clock=clock)
    try:
        added = AddedVolumes(database, clock)
        await added.remember("Z", Path("/z"))
        await clock.advance(1)
        await added.remember("A", Path("/a"))
        await added.remember("Z", Path("/other"))
        assert [*(await added.all()).items()] == [("Z", Path("/other")), ("A", Path("/a"))]
        assert await added.forget("Z")
        assert not await added.forget("Z")
        assert [*await added.all()] == ["A"]
    finally:
        await database.close()
