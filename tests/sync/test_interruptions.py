"""However a job ends and wherever it is interrupted, nothing is left behind or doubled, and it comes home later."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from musicsyncd.errors import Degraded, NeedsPerson, Permanent, Temporary
from musicsyncd.jobs.job import JobFilter, JobState
from musicsyncd.sync.request import Scope
from tests.sync.house import House, running_house, song, sound

A, B = song("a"), song("b")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with running_house(tmp_path / "staging") as house:
        yield house


ENDS = {
    "bad": (Permanent("no"), JobState.FAILED),
    "a person's": (NeedsPerson("sign in"), JobState.FAILED),
    "given up": (Temporary("later", delay=0), JobState.FAILED),
    "unforeseen": (KeyError("fault"), JobState.FAILED),
    "away": (Degraded("gone", target="source:memory"), JobState.PARTIAL),
}


@pytest.mark.parametrize("place", ["supply", "transcode", "tag", "place", "publish"])
@pytest.mark.parametrize("end", ENDS)
async def test_staging_is_empty_however_a_job_ends(house: House, place: str, end: str) -> None:
    """Nothing is left behind, the reason is written down, and asking again brings the track home."""
    error, state = ENDS[end]
    house.source.offer(A, sound("a"))
    house.gate.fail(place, *([error] * (6 if state is JobState.FAILED else 1)))
    job = await house.url(A)
    assert job.state is state
    assert house.leftovers() == []
    entry = await house.entry(A)
    assert entry.failure or entry.parked
    house.gate.forget()
    assert (await house.url(A)).state is JobState.DONE
    entry = await house.entry(A)
    assert (await house.lacks(A), entry.failure, entry.parked, house.leftovers()) == ([], None, (), [])


POINTS = ("supply", "transcode", "tag", "place", "publish")


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("point", POINTS)
async def test_cancelled_anywhere_then_retried_it_stands(house: House, point: str, when: str) -> None:
    """No file twice, no row twice, nothing left in staging; what a finished step made is not made again."""
    house.source.offer(B, sound("b"))
    await house.url(B)
    house.source.offer(A, sound("a"))
    house.gate.close(point, when)
    await house.ask(Scope.URL, A.source_url)
    await house.gate.reached.wait()
    (job,) = await house.jobs.list(JobFilter(kind="track", states=frozenset({JobState.RUNNING})))
    assert (await house.jobs.cancel(job.id)).state is JobState.CANCELLED
    house.gate.open()
    await house.jobs.retry(job.id)
    await house.idle()
    await _stands_once(house)
    assert house.gate.passed["supply"] == (3 if point == "supply" else 2)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("point", POINTS)
async def test_stopped_anywhere_it_goes_on_after_a_start(house: House, point: str, when: str) -> None:
    """With its staging wiped in between: what is gone is made again."""
    house.source.offer(B, sound("b"))
    await house.url(B)
    house.source.offer(A, sound("a"))
    house.gate.close(point, when)
    await house.ask(Scope.URL, A.source_url)
    await house.gate.reached.wait()
    await house.stop()
    house.gate.open()
    shutil.rmtree(house.staging, ignore_errors=True)
    await house.start()
    await house.idle()
    await _stands_once(house)


async def _stands_once(house: House) -> None:
    assert (await house.lacks(A), await house.lacks(B)) == ([], [])
    assert (len(house.main.files), len(house.second.files), len(house.catalog.rows)) == (4, 2, 2)
    assert house.leftovers() == []


async def test_formats_that_are_wanted_only_at_the_second_try_are_made(house: House) -> None:
    """A kept file vanishes between two tries: what the first try made is not taken for all that is wanted."""
    house.source.offer(A, sound("a"))
    await house.url(A)
    alac, wav = sorted(house.main.files)
    del house.main.files[wav]
    house.gate.fail("place", Temporary("later", delay=0))
    house.gate.close("place", "before")
    await house.ask(Scope.URL, A.source_url)
    await house.gate.reached.wait()
    await house.stop()
    del house.main.files[alac]
    house.second.files.clear()
    house.gate.open()
    await house.start()
    await house.idle()
    assert await house.lacks(A) == []
    assert sorted(house.main.files) == [alac, wav]
