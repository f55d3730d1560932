"""A target that is new: what stands elsewhere comes to it unasked, once, and nothing is hurried that backs off."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from musicsyncd.daemon.volumes import meet_new_targets, take_up
from musicsyncd.errors import Degraded, Temporary
from musicsyncd.jobs.job import Job, JobFilter
from musicsyncd.library.base import Condition
from musicsyncd.sync.engine import REQUEST
from musicsyncd.sync.request import Scope
from tests.sync.house import MAIN, SECOND, CountingShelf, House, running_house, song, sound

A, B = song("a"), song("b")
THIRD = "volume:third"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """A stands everywhere, B was never asked for."""
    async with running_house(tmp_path / "staging") as house:
        for track, name in ((A, "a"), (B, "b")):
            house.source.offer(track, sound(name))
        await house.url(A)
        yield house


def join(house: House) -> CountingShelf:
    """One more volume, as after a change of the settings."""
    shelf = CountingShelf("third", house.gate, ("alac", "wav"))
    assert isinstance(house.lookout.shelves, dict)
    house.lookout.shelves[THIRD] = shelf
    return shelf


async def meet(house: House) -> list[Job]:
    """What a start of the daemon asks for, and its end."""
    before = {job.id for job in await house.jobs.list(JobFilter(kind=REQUEST))}
    lookout = house.lookout
    await meet_new_targets([*lookout.shelves, *lookout.catalogs], house.ledger, house.jobs)
    await house.idle()
    return [job for job in await house.jobs.list(JobFilter(kind=REQUEST)) if job.id not in before]


async def test_a_new_volume_gets_what_stands_elsewhere(house: House) -> None:
    """Copied from there: nothing is fetched. The next start asks for nothing."""
    shelf = join(house)
    (root,) = await meet(house)
    assert root.key == f"lacking|||{THIRD}"
    assert sorted(shelf.standing()) == sorted(house.main.standing())
    assert (await house.lacks(A), house.gate.passed["supply"]) == ([], 1)
    assert await meet(house) == []


async def test_a_pause_holds_what_would_begin_by_itself(house: House) -> None:
    """A new target is met, and what waits is taken up, at its end."""
    await house.ledger.park_kept(THIRD, "", Degraded("away", target=THIRD))
    for shut, asked in ((True, set[str]()), (False, {"unfinished||", "lacking|||volume:fourth"})):
        held = partial(bool, shut)
        before = {job.id for job in await house.jobs.list(JobFilter(kind=REQUEST))}
        await take_up(house.ledger, house.jobs, held=held)
        await meet_new_targets([THIRD, "volume:fourth"], house.ledger, house.jobs, held)
        jobs = await house.jobs.list(JobFilter(kind=REQUEST))
        assert {job.key for job in jobs if job.id not in before} == asked


async def test_a_new_volume_that_is_away_is_waited_for(house: House) -> None:
    """Its tracks are parked, and from then on it is no new one."""
    shelf = join(house)
    shelf.condition = Condition.ABSENT
    assert len(await meet(house)) == 1
    assert await house.ledger.parked() == {THIRD: 1}
    assert await meet(house) == []
    shelf.condition = Condition.READY
    await house.sync(Scope.UNFINISHED)
    assert sorted(shelf.standing()) == sorted(house.main.standing())


async def test_where_nothing_stands_no_target_is_new(tmp_path: Path) -> None:
    """A first start, and tracks that were only ever listed."""
    async with running_house(tmp_path / "staging") as house:
        assert await meet(house) == []
        await house.ledger.record_tracks([A])
        assert await meet(house) == []


async def test_what_backs_off_is_not_hurried(house: House) -> None:
    """It comes by itself, to the new target too."""
    house.gate.fail("supply", Temporary("busy", delay=3600))
    root = await house.ask(Scope.URL, B.source_url)
    await house.until(root)
    while not (await house.entry(B)).failure:
        await house.clock.sleep(0)
    join(house)
    root = await house.ask(Scope.LACKING, target=THIRD)
    await house.until(root)
    plans = ((await house.jobs.get(root.id)).result or {})["tracks"]
    assert [plan["track"] for plan in plans] == [(await house.entry(A)).id]


async def test_a_target_that_lacks_nothing(house: House) -> None:
    """The report says so by naming no track."""
    for target in (MAIN, SECOND):
        root = await house.ask(Scope.LACKING, target=target)
        await house.until(root)
        assert ((await house.jobs.get(root.id)).result or {})["tracks"] == []
