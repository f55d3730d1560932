"""Requests for many tracks: past failures they go on, and where most fail they stop and can be asked for again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsyncd.control import report
from musicsyncd.errors import Temporary
from musicsyncd.jobs.job import Job, JobFilter, JobState
from musicsyncd.sync import selection
from musicsyncd.sync.batch import LEAST, verdict
from musicsyncd.sync.request import Scope, SyncRequest
from musicsyncd.sync.selection import Selected, select
from tests.sync.house import MAIN, House, running_house, song, sound

STATES = st.dictionaries(st.sampled_from(list(JobState)), st.integers(0, 50))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with running_house(tmp_path / "staging") as house:
        yield house


async def children(house: House, root: Job) -> list[Job]:
    return [*await house.jobs.list(JobFilter(parent=root.id, limit=1000))]


def offer(house: House, count: int) -> None:
    for number in range(count):
        house.source.offer(song(f"{number:02d}"), sound(f"{number:02d}"))


async def select_unfinished(house: House) -> Selected:
    return await select(SyncRequest(scope=Scope.UNFINISHED), [house.source], house.ledger, house.jobs)


def states(jobs: list[Job]) -> dict[JobState, int]:
    return {state: sum(job.state is state for job in jobs) for state in {job.state for job in jobs}}


async def test_a_batch_goes_on_past_failures(house: House) -> None:
    """Every third fails, and every one was tried."""
    offer(house, 30)
    house.source.broken |= {f"memory:{number:02d}" for number in range(0, 30, 3)}
    root = await house.sync(Scope.INCREMENTAL)
    assert states(await children(house, root)) == {JobState.DONE: 20, JobState.FAILED: 10}


async def test_a_batch_that_fails_for_the_most_part_stops_and_says_why(house: House) -> None:
    """The rest is cancelled with the reason, which is the report's; asked again, when it is mended, the rest is done
    and what failed is left alone.
    """
    offer(house, 40)
    house.source.broken |= {f"memory:{number:02d}" for number in range(40)}
    root = await house.sync(Scope.INCREMENTAL)
    jobs = await children(house, root)
    counts = states(jobs)
    assert counts[JobState.FAILED] + counts[JobState.CANCELLED] == 40
    assert LEAST <= counts[JobState.FAILED] <= 30, "what began before the stop was heard of ends by itself"
    stopped = [job for job in jobs if job.state is JobState.CANCELLED]
    assert {str((job.reason or {})["what"])[:22] for job in stopped} == {"The batch was stopped:"}
    told = report.report(root, {job.key: job for job in jobs}, {}, house.clock.now())
    assert (told.exit_code, told.settled) == (1, True)
    assert told.reason == stopped[0].reason
    assert [track.reason for track in told.tracks if track.state == "cancelled"] == [None] * len(stopped)
    house.source.broken.clear()
    again = await house.sync(Scope.INCREMENTAL)
    assert states(await children(house, again)) == {JobState.DONE: len(stopped)}
    assert (await house.ledger.counts())["failed"] == counts[JobState.FAILED]


async def test_what_backed_off_when_its_batch_stopped_is_taken_up_with_the_rest(house: House) -> None:
    """The newest six, which come first, are told to come again later, all others fail: none is lost."""
    offer(house, 40)
    later = [f"memory:{number:02d}" for number in range(34, 40)]
    house.source.later |= set(later)
    house.source.broken |= {f"memory:{number:02d}" for number in range(34)}
    root = await house.sync(Scope.INCREMENTAL)
    jobs = await children(house, root)
    stopped = {job.key for job in jobs if job.state is JobState.CANCELLED}
    entries = [await house.entry(song(url.removeprefix("memory:"))) for url in later]
    resting = {entry.id for entry in entries}
    assert all(entry.failure for entry in entries)
    assert resting <= stopped, "they were backing off when the batch was stopped"
    house.source.broken.clear()
    house.source.later.clear()
    again = await house.sync(Scope.INCREMENTAL)
    taken = await children(house, again)
    assert ({job.key for job in taken}, states(taken)) == (stopped, {JobState.DONE: len(stopped)})


async def test_what_a_person_cancelled_while_it_backed_off_is_left_unfinished(house: House) -> None:
    """As what is cancelled before its first try or within one; what still backs off is not hurried."""
    offer(house, 1)
    house.source.later.add("memory:00")
    request = await house.ask(Scope.INCREMENTAL)
    await house.until(request)
    with anyio.fail_after(20):
        while not (entry := await house.entry(song("00"))).failure:  # noqa: ASYNC110  the ledger tells nobody
            await anyio.sleep(0.001)
    assert (await house.jobs.get((await children(house, request))[0].id)).state.active
    assert (await select_unfinished(house)).known == ()
    await house.jobs.cancel((await children(house, request))[0].id)
    assert (await select_unfinished(house)).known == (entry.id,)


async def test_a_few_failures_stop_nothing(house: House) -> None:
    """Nine of nine may fail by chance."""
    offer(house, LEAST - 1)
    house.source.broken |= {f"memory:{number:02d}" for number in range(LEAST - 1)}
    root = await house.sync(Scope.INCREMENTAL)
    assert states(await children(house, root)) == {JobState.FAILED: LEAST - 1}


async def test_a_service_that_rests_stops_no_batch(house: House) -> None:
    """What waits for its next try has not ended."""
    offer(house, 20)
    house.gate.fail("supply", *(Temporary("left alone", delay=3600, counts=False) for _ in range(40)))
    root = await house.sync(Scope.INCREMENTAL)
    assert states(await children(house, root)) == {JobState.DONE: 20}


async def test_what_a_person_must_decide_stops_no_batch(house: House) -> None:
    """However many; what failed beside it is counted without it."""
    offer(house, 40)
    house.source.undecided |= {f"memory:{number:02d}" for number in range(20, 40)}
    house.source.broken |= {f"memory:{number:02d}" for number in range(9)}
    root = await house.sync(Scope.INCREMENTAL)
    assert states(await children(house, root)) == {JobState.FAILED: 29, JobState.DONE: 11}


async def test_two_batches_are_counted_apart(house: House) -> None:
    """Another request's failures are not this one's."""
    offer(house, 8)
    house.source.broken |= {f"memory:{number:02d}" for number in range(8)}
    await house.sync(Scope.INCREMENTAL)
    for number in range(8, 16):
        house.source.offer(song(f"{number:02d}"), sound(f"{number:02d}"))
    house.source.broken |= {f"memory:{number:02d}" for number in range(8, 12)}
    root = await house.sync(Scope.INCREMENTAL)
    assert states(await children(house, root)) == {JobState.FAILED: 4, JobState.DONE: 4}


@given(STATES, st.integers(0, 50))
def test_the_verdict_is_the_rule(counts: dict[JobState, int], undecided: int) -> None:
    """Above half of those that ended by themselves and were decided, of which there are ten."""
    failed = counts.get(JobState.FAILED, 0)
    ended = failed + counts.get(JobState.DONE, 0) + counts.get(JobState.PARTIAL, 0)
    undecided = min(undecided, failed)
    failed, ended = failed - undecided, ended - undecided
    reason = verdict(counts, undecided)
    assert (reason is not None) == (ended >= 10 and failed * 2 > ended)
    assert reason is None or f"{failed} of {ended} tracks failed" in str(reason)


async def test_what_waits_for_an_absent_disk_starves_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """One track at a time: the older one waits for a disk that is away. That disk's return takes up all of its own."""
    monkeypatch.setattr(selection, "UNFINISHED_AT_ONCE", 1)
    tracks = [song(name) for name in "ABC"]
    for track, there in zip(tracks, ({"main": False}, {"main": False}, {"second": False}), strict=True):
        house.source.offer(track, sound(track.title))
        house.set(**there)
        await house.url(track)
    house.set(main=False)
    await house.sync(Scope.UNFINISHED)
    assert [await house.lacks(track) for track in tracks] == [[MAIN], [MAIN], []]
    house.set()
    await house.ask(Scope.UNFINISHED, target=MAIN)
    await house.idle()
    assert [await house.lacks(track) for track in tracks] == [[], [], []]
