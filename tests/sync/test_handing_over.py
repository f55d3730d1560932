"""A shelf that another program empties gets each file once, and nobody counts on what was given away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from errno import EIO
from pathlib import Path

import pytest

from musicsyncd.crashpoints import CrashPoint
from musicsyncd.jobs.job import JobState
from musicsyncd.library import placing
from musicsyncd.library.volume import Volume
from musicsyncd.sync.request import Scope
from tests.sync.house import MAIN, SECOND, CountingShelf, House, running_house, song, sound

A = song("a")
INBOX = "handover:inbox"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """With a shelf `inbox` whose files a program takes away."""
    async with running_house(tmp_path / "staging") as house:
        house.source.offer(A, sound("a"))
        yield house


def joined(house: House) -> CountingShelf:
    """The shelf, once it is one of the house's."""
    shelf = CountingShelf("inbox", house.gate, ("wav",))
    shelf.target, shelf.hands_over = INBOX, True
    house.lookout.shelves[INBOX] = shelf  # type: ignore[index]
    return shelf


async def test_each_file_is_delivered_once(house: House) -> None:
    """However often it is asked for, and although the file is gone at once; its volumes are mended from each other."""
    inbox = joined(house)
    await house.sync(Scope.FULL)
    assert [*inbox.files] == ["Ada Voss/Ada Voss - Song a.wav"]
    inbox.files.clear()
    assert await house.lacks(A) == []
    for path in house.main.standing():
        del house.main.files[path]
    root = await house.sync(Scope.FULL)
    assert root.state is JobState.DONE
    assert await house.lacks(A) == []
    assert (inbox.files, inbox.writes) == ({}, 1)


async def test_new_tags_are_not_delivered_again(house: House) -> None:
    """A retag writes where files stay."""
    inbox = joined(house)
    await house.sync(Scope.FULL)
    inbox.files.clear()
    await house.ledger.record_said((await house.entry(A)).id, "person", {"bpm": 99.0})
    root = await house.again("tag", A)
    assert (root.result or {})["tracks"][0]["actions"][-1]["target"] != INBOX
    assert INBOX in {one.target for one in (await house.entry(A)).evidence}
    await house.sync(Scope.FULL)
    assert (inbox.files, inbox.writes) == ({}, 1)
    assert await house.lacks(A) == []


async def test_what_was_given_away_is_no_copy(house: House) -> None:
    """Nothing is copied from it, and a track that stands nowhere else stands nowhere."""
    inbox = joined(house)
    await house.sync(Scope.FULL)
    house.main.files.clear()
    house.second.files.clear()
    entry = await house.entry(A)
    seen = await house.lookout.look(entry)
    assert seen.copies == {}
    assert not await house.lookout.holds(entry)
    assert {lack.target for lack in seen.lacks} >= {MAIN, SECOND}
    assert inbox.files, "it stands there all the same"


async def real_inbox(house: House, root: Path) -> Volume:
    """A folder whose files a program takes away, as one of the house's shelves."""
    root.mkdir()
    shelf = Volume("inbox", root, formats=("wav",), layout="{title}", hands_over=True, clock=house.clock)
    assert (await shelf.adopt(consent=True)).ready
    house.lookout.shelves[INBOX] = shelf  # type: ignore[index]
    return shelf


async def test_a_file_that_was_taken_before_a_crash_is_not_delivered_again(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That it has its name was written down before it had it."""
    inbox = await real_inbox(house, tmp_path / "inbox")
    taken = []

    def take_and_die(point: CrashPoint) -> None:
        if point is CrashPoint.SHELF_FOLDER_SYNCED:
            (file,) = inbox.path.glob("*.wav")
            file.unlink()
            taken.append(file)
            raise RuntimeError("the process is lost")

    monkeypatch.setattr(placing, "crash_point", take_and_die)
    await house.sync(Scope.FULL)
    await house.sync(Scope.FULL)
    assert len(taken) == 1
    assert await house.lacks(A) == []


async def test_a_file_that_got_no_name_is_delivered_later(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was written down is crossed out."""
    inbox = await real_inbox(house, tmp_path / "inbox")
    with monkeypatch.context() as broken:

        def refuse(*_: object, **__: object) -> None:
            raise OSError(EIO, "a bad cable")

        broken.setattr(placing, "rename_into_free", refuse)
        await house.sync(Scope.FULL)
        assert await house.lacks(A) == [INBOX]
    await house.sync(Scope.FULL)
    assert [path.name for path in inbox.path.glob("*.wav")] == ["Song a.wav"]
    assert await house.lacks(A) == []
