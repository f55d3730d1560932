"""What a person has left alone is left alone, and comes back whole when he wants it again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from musicsyncd.jobs.job import JobState
from musicsyncd.ledger.entry import Aside
from musicsyncd.library.base import Condition
from musicsyncd.library.recycle import RECYCLE
from musicsyncd.sync.forgetting import FORGET
from musicsyncd.sync.request import Scope
from musicsyncd.sync.undoing import UNDO
from tests.sync.house import MAIN, SECOND, House, running_house, song, sound

A, B = song("a"), song("b")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with running_house(tmp_path / "staging") as house:
        for one, name in ((B, "b"), (A, "a")):
            house.source.offer(one, sound(name))
        yield house


async def test_a_skipped_track_survives_full_syncs(house: House) -> None:
    """Neither its source nor its missing files bring it back; asked for by name it says what ends that."""
    await house.sync(Scope.FULL)
    a = (await house.entry(A)).id
    await house.ledger.set_aside(a, Aside.SKIPPED)
    for path in house.main.standing():
        if "Song a" in path:
            del house.main.files[path]
    writes = house.writes()
    for root in [await house.sync(Scope.FULL), await house.sync(Scope.INCREMENTAL), await house.sync(Scope.NEXT)]:
        assert root.state is JobState.DONE
        for plan in (root.result or {})["tracks"]:
            assert plan["actions"] == []
    root = await house.sync(Scope.URL, A.source_url)
    (plan,) = (root.result or {})["tracks"]
    assert (plan["track"], plan["note"]) == (a, f"skipped: musicsyncctl tracks unskip {a} ends that")
    assert house.writes() == writes
    assert await house.ledger.counts() == {
        "tracks": 1, "duplicates": 0, "failed": 0, "parked": 0, "standing": 1, "skipped": 1,
    }  # fmt: skip
    await house.ledger.set_aside(a, None)
    await house.sync(Scope.FULL)
    assert await house.lacks(A) == []


async def test_a_track_that_was_never_had_is_passed_over(house: House) -> None:
    """The chain takes the next one, and says why."""
    await house.ledger.record_tracks([A])
    await house.ledger.set_aside((await house.entry(A)).id, Aside.SKIPPED)
    root = await house.sync(Scope.NEXT)
    assert [plan["label"] for plan in (root.result or {})["tracks"]] == [B.label]
    root = await house.sync(Scope.NEXT)
    assert (root.result or {})["rungs"][0]["said"] == "none of its 2: 1 skipped, 1 kept"
    assert not [path for path in house.main.standing() if "Song a" in path]


async def test_copies_of_a_skipped_track_stay_out(house: House) -> None:
    """A person who leaves a recording alone means it under every name."""
    await house.sync(Scope.FULL)
    copy = song("copy", duration=200.0)
    house.source.offer(copy, house.source.audio(A))
    await house.sync(Scope.FULL)
    assert (await house.entry(copy)).duplicate_of == (await house.entry(A)).id
    await house.ledger.set_aside((await house.entry(A)).id, Aside.SKIPPED)
    for path in [path for path in house.main.standing() if "Song a" in path]:
        del house.main.files[path]
    writes = house.writes()
    await house.sync(Scope.URL, copy.source_url)
    await house.sync(Scope.FULL)
    assert (await house.entry(copy)).duplicate_of == (await house.entry(A)).id
    assert house.writes() == writes


async def test_forgetting_with_files_is_undone_byte_for_byte(house: House) -> None:
    """Files go to the recycle areas, the row to the trash; nothing of the other track moves; undo brings all back."""
    await house.sync(Scope.FULL)
    a = (await house.entry(A)).id
    before = (house.main.standing(), house.second.standing(), (await house.entry(A)).evidence)
    await house.ledger.set_aside(a, Aside.FORGOTTEN)
    job = await house.done(FORGET, a, track=a)
    assert (job.state, (job.result or {})["summary"]) == (JobState.DONE, "3 files moved to the recycle areas")
    assert not [path for path in {**house.main.standing(), **house.second.standing()} if "Song a" in path]
    assert sum(path.startswith(RECYCLE) for path in [*house.main.files, *house.second.files]) == 3
    assert (await house.entry(A)).evidence == ()
    await house.sync(Scope.FULL)
    assert (await house.entry(A)).evidence == ()
    undone = await house.done(UNDO, job.id, operation=job.id)
    assert undone.state is JobState.DONE
    assert (house.main.standing(), house.second.standing()) == before[:2]
    entry = await house.entry(A)
    assert entry.aside is None
    told = [(one.target, one.part, one.proof) for one in before[2]]
    assert [(one.target, one.part, one.proof) for one in entry.evidence] == told
    writes = house.writes()
    await house.sync(Scope.FULL)
    assert house.writes() == writes


async def test_a_volume_that_is_away_keeps_its_files(house: House) -> None:
    """What cannot be moved is told, and the job ends partial; asked again it does the rest."""
    await house.sync(Scope.FULL)
    a = (await house.entry(A)).id
    await house.ledger.set_aside(a, Aside.FORGOTTEN)
    house.second.condition = Condition.ABSENT
    job = await house.done(FORGET, a, track=a)
    assert job.state is JobState.PARTIAL
    assert [one["target"] for one in (job.result or {})["left"]] == [SECOND]
    assert {one.target for one in (await house.entry(A)).evidence} == {SECOND}
    house.second.condition = Condition.READY
    rest = await house.done(FORGET, a, track=a, aside="forgotten")
    assert (rest.state, len((rest.result or {})["moved"])) == (JobState.DONE, 1)


async def test_a_file_that_somebody_changed_stays(house: House) -> None:
    """It is no file of ours any more."""
    await house.sync(Scope.FULL)
    a = (await house.entry(A)).id
    path = next(path for path in house.second.standing() if "Song a" in path)
    house.second.write(path, b"somebody's own")
    await house.ledger.set_aside(a, Aside.FORGOTTEN)
    job = await house.done(FORGET, a, track=a)
    assert job.state is JobState.PARTIAL
    assert house.second.standing()[path] == b"somebody's own"


async def test_who_wants_it_again_meanwhile_keeps_it(house: House) -> None:
    """The job finds it wanted, and moves nothing."""
    await house.sync(Scope.FULL)
    a = (await house.entry(A)).id
    job = await house.done(FORGET, a, track=a)
    assert job.state is JobState.FAILED
    assert await house.lacks(A) == []
    assert MAIN in {one.target for one in (await house.entry(A)).evidence}
