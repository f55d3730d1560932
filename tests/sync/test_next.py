"""`sync` without more, through the queue: the job's track is the track done, and no failing track comes twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from musicsyncd.errors import Permanent, Temporary
from musicsyncd.jobs.job import Job, JobFilter, JobState
from musicsyncd.sync.request import Scope
from tests.sync.house import House, running_house, song, sound

A, B, C = song("a"), song("b"), song("c")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with running_house(tmp_path / "staging") as house:
        for one, name in ((C, "c"), (B, "b"), (A, "a")):
            house.source.offer(one, sound(name))
        yield house


async def next_one(house: House) -> tuple[Job, Job]:
    """Ask for the next track, and wait for its end or its first failure; the request and the track's job."""
    root = await house.ask(Scope.NEXT)
    await house.until(root)
    (child,) = await house.jobs.list(JobFilter(parent=root.id))
    return await house.jobs.get(root.id), child


async def test_each_call_does_the_newest_that_is_left(house: House) -> None:
    """The report names the rung, and the job's track is that very one."""
    for track in (A, B, C):
        root = await house.sync(Scope.NEXT)
        (plan,) = (root.result or {})["tracks"]
        (child,) = await house.jobs.list(JobFilter(parent=root.id))
        assert (plan["label"], plan["track"]) == (track.label, (await house.entry(track)).id)
        assert (child.state, (child.result or {})["track"]) == (JobState.DONE, plan["track"])
        assert (root.result or {})["rungs"] == [{"source": "memory", "said": f"took {track.label}"}]
    root = await house.sync(Scope.NEXT)
    assert (root.result or {})["tracks"] == []
    assert [one["said"] for one in (root.result or {})["rungs"]] == [
        "none of its 3: 3 kept",
        "nothing was left unfinished",
    ]


@pytest.mark.parametrize("error", [Permanent("gone"), Temporary("busy", delay=3600)])
async def test_a_failing_track_gives_way(house: House, error: Exception) -> None:
    """It failed for good, or waits for its next try: the next call takes the next track, and the report says why."""
    house.gate.fail("supply", error)
    _, failing = await next_one(house)
    assert failing.key == (await house.entry(A)).id
    while not (await house.entry(A)).failure:
        await house.clock.sleep(0)
    root, child = await next_one(house)
    assert child.key == (await house.entry(B)).id
    assert (root.result or {})["rungs"][0]["said"] == f"took {B.label}"


async def test_what_was_cancelled_is_taken_up(house: House) -> None:
    """A person's cancel, or a batch that was stopped, is no failure."""
    house.gate.close("supply", "before")
    root = await house.ask(Scope.NEXT)
    await house.gate.reached.wait()
    (child,) = await house.jobs.list(JobFilter(parent=root.id))
    await house.jobs.cancel(child.id)
    house.gate.open()
    _, again = await next_one(house)
    assert again.key == child.key
    await house.idle()
    assert await house.lacks(A) == []
