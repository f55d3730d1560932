"""Applying a plan and taking it back, in a house in memory: what may go, what stays and why, and what returns."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest

from musicsyncd.jobs.job import Job, JobState, Lane
from musicsyncd.ledger.entry import Entry
from musicsyncd.ledger.journal import Change
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.ledger.matches import SUPERSEDED
from musicsyncd.library.base import Kept
from musicsyncd.library.memory import MemoryShelf
from musicsyncd.library.recycle import RECYCLE
from musicsyncd.music.track import Track
from musicsyncd.sync.duplicates import KEEP, PERSON
from musicsyncd.sync.engine import TRACK
from musicsyncd.sync.merging import APPLY, PLAN
from musicsyncd.sync.request import Scope
from musicsyncd.sync.undoing import UNDO
from tests.sync.house import MAIN, SECOND, House, running_house, song, sound

A, B, C, D = song("a"), song("b", title="Song a"), song("c"), song("d", title="Song a")
"""B and D are A once more, from elsewhere; C is something else."""


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with running_house(tmp_path / "staging", leave_out=False) as house:
        house.source.offer(A, sound("a"))
        house.source.offer(B, sound("a", encoding="other"))
        house.source.offer(C, sound("c"))
        for track in (A, B, C):
            await house.url(track)
        yield house


async def planned(house: House) -> dict[str, Any]:
    job = await house.done(PLAN, PLAN)
    assert job.state is JobState.DONE, job.reason
    assert job.result is not None
    return job.result


async def applied(house: House, plan: dict[str, Any]) -> Job:
    return await house.done(APPLY, plan["plan"], plan=plan["plan"])


def contents(house: House) -> dict[str, bytes]:
    """Everything that stands, by volume and path."""
    shelves = (house.main, house.second)
    return {f"{shelf.name}:{path}": data for shelf in shelves for path, data in shelf.standing().items()}


def places(files: list[dict[str, Any]]) -> set[str]:
    return {f"{one['shelf']}:{one['path']}" for one in files}


async def left(job: Job) -> set[str]:
    """Why files were left."""
    assert job.result is not None
    return {one["why"] for one in job.result["left"]}


async def test_what_is_planned_is_applied_journalled_and_undone(house: House) -> None:
    before, rows = contents(house), len(house.catalog.rows)
    plan = await planned(house)
    (group,) = plan["groups"]
    (loser,) = group["losers"]
    assert {group["keeper"]["track"], loser["track"]} == {(await house.entry(one)).id for one in (A, B)}
    assert (plan["files"], contents(house)) == (3, before)
    job = await applied(house, plan)
    assert job.state is JobState.DONE
    assert job.result is not None
    assert places(job.result["moved"]) == places(loser["files"])
    journal = [one["before"] for one in await house.ledger.journal(job.id) if one["what"] == "recycled"]
    assert places(journal) == places(loser["files"])
    assert set(contents(house)) == set(before) - places(loser["files"])
    assert len(house.catalog.rows) == rows - 1
    entry = await house.ledger.entry(loser["track"])
    assert (entry.duplicate_of, entry.evidence) == (group["keeper"]["track"], ())
    await house.sync(Scope.FULL)
    assert set(contents(house)) == set(before) - places(loser["files"])
    undone = await house.done(UNDO, job.id, operation=job.id)
    assert undone.state is JobState.DONE
    assert contents(house) == before
    assert len(house.catalog.rows) == rows
    writes = house.writes()
    await house.sync(Scope.FULL)
    assert house.writes() == writes
    assert [await house.lacks(one) for one in (A, B, C)] == [[], [], []]


async def test_a_volume_that_is_away_keeps_its_files_until_it_is_back(house: House) -> None:
    """The rest goes, the job ends partial, and a later application of the same plan, or a new plan, does the rest."""
    plan = await planned(house)
    house.set(second=False)
    job = await applied(house, plan)
    assert (job.state, job.result and job.result["partial"]) == (JobState.PARTIAL, [SECOND])
    assert job.result is not None
    assert len(job.result["moved"]) == 2
    house.set()
    again = await planned(house)
    assert [len(one["files"]) for one in again["groups"][0]["losers"]] == [1]
    for one in (again, plan):
        assert (await applied(house, one)).state is JobState.DONE
    assert len(contents(house)) == 6
    assert (await planned(house))["groups"] == []


async def test_what_somebody_changed_stays(house: House) -> None:
    """The changed file is the owner's; the untouched ones go."""
    plan = await planned(house)
    (changed, *_) = [one for one in plan["groups"][0]["losers"][0]["files"] if one["shelf"] == "main"]
    house.main.write(changed["path"], b"with cue points")
    job = await applied(house, plan)
    assert job.state is JobState.PARTIAL
    assert await left(job) == {"Somebody changed it or took it away: it is left as it is"}
    assert house.main.files[changed["path"]] == b"with cue points"
    assert job.result is not None
    assert len(job.result["moved"]) == 2


@pytest.mark.parametrize("damage", ["gone", "other bytes"])
async def test_nothing_goes_where_what_stays_is_not_whole(house: House, damage: str) -> None:
    """On that volume; the sentence says what to do, and doing it lets the plan go on."""
    plan = await planned(house)
    keeper = plan["groups"][0]["keeper"]
    victim = next(one for one in keeper["files"] if one["shelf"] == "main" and one["format"] == "wav")
    if damage == "gone":
        del house.main.files[victim["path"]]
    else:
        house.main.write(victim["path"], b"x" * victim["size"])
    before = {place: data for place, data in contents(house).items() if place.startswith("main:")}
    job = await applied(house, plan)
    assert job.state is JobState.PARTIAL
    (why,) = await left(job)
    assert f"lacks wav there: musicsyncctl tracks retry {keeper['track']}" in why
    assert {place: data for place, data in contents(house).items() if place.startswith("main:")} == before
    await house.done(TRACK, keeper["track"], track=keeper["track"])
    assert (await applied(house, plan)).state in (JobState.DONE, JobState.PARTIAL)
    assert (await planned(house))["groups"] == []


async def test_one_application_moves_no_more_than_it_may(house: House) -> None:
    """A loser goes whole or not at all; the next application goes on."""
    house.source.offer(D, sound("a", encoding="third"))
    await house.url(D)
    await house.stop()
    house.most_files = 4
    await house.start()
    plan = await planned(house)
    assert plan["files"] == 6
    job = await applied(house, plan)
    assert job.result is not None
    assert (job.state, len(job.result["moved"]), len(job.result["left"])) == (JobState.PARTIAL, 3, 3)
    assert "most_files" in next(iter(await left(job)))
    last = await applied(house, plan)
    assert last.result is not None
    assert (last.state, len(last.result["moved"])) == (JobState.DONE, 3)


async def test_a_track_that_is_being_worked_on_is_left(house: House) -> None:
    plan = await planned(house)
    loser = plan["groups"][0]["losers"][0]["track"]
    later = house.clock.now() + timedelta(hours=1)
    active = await house.jobs.enqueue(TRACK, {"track": loser}, key=loser, lane=Lane.BACKLOG, not_before=later)
    before = contents(house)
    job = await applied(house, plan)
    assert job.state is JobState.PARTIAL
    assert "is being worked on" in next(iter(await left(job)))
    assert contents(house) == before
    await house.jobs.cancel(active.id)
    assert (await applied(house, plan)).state is JobState.DONE


async def test_of_two_applications_at_once_one_leaves_a_copy(house: House) -> None:
    """Each plan would keep the other's loser: the second finds that its keeper is left out by now."""
    first = await planned(house)
    loser = await house.ledger.entry(first["groups"][0]["losers"][0]["track"])
    source = loser.source_file
    assert source is not None
    better = source.facts | {"lossless": True, "bit_depth": 24, "sample_rate": 96000}
    await house.ledger.record_files(loser.id, [replace(source, facts=better)])
    plans = [first, await planned(house)]
    assert plans[1]["groups"][0]["keeper"]["track"] == loser.id
    jobs = [await begun(house, APPLY, plan["plan"], plan=plan["plan"]) for plan in plans]
    for job in jobs:
        await house.until(job)
    ends = [await house.jobs.get(job.id) for job in jobs]
    assert sorted(end.state for end in ends) == [JobState.DONE, JobState.PARTIAL]
    assert [len((await house.entry(one)).evidence) > 0 for one in (A, B)].count(True) == 1
    assert len(contents(house)) == 6


async def test_an_undo_waits_until_an_application_has_ended(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes back all of it, not the half that was done so far."""
    before, plan = contents(house), await planned(house)
    first, on = anyio.Event(), anyio.Event()
    drop_evidence = Ledger.drop_evidence

    async def slowly(*args: Any) -> None:
        await drop_evidence(*args)
        first.set()
        await on.wait()

    monkeypatch.setattr(Ledger, "drop_evidence", slowly)
    job = await begun(house, APPLY, plan["plan"], plan=plan["plan"])
    await first.wait()
    undo = await house.jobs.enqueue(UNDO, {"operation": job.id}, key=job.id, lane=Lane.USER)
    while (await house.jobs.get(undo.id)).state is not JobState.RUNNING:  # noqa: ASYNC110  as `until` does
        await anyio.sleep(0.001)
    await anyio.wait_all_tasks_blocked()
    on.set()
    await house.until(undo)
    assert [(await house.jobs.get(one.id)).state for one in (job, undo)] == [JobState.DONE, JobState.DONE]
    assert contents(house) == before


async def begun(house: House, kind: str, key: str, **args: str) -> Job:
    """A job in the lane where two go on at once."""
    return await house.jobs.enqueue(kind, args, key=key, lane=Lane.BACKLOG)


async def test_what_changed_its_name_since_is_not_merged(house: House) -> None:
    """A version word was learnt between the plan and its application: they do not count as one any more."""
    plan = await planned(house)
    loser = await house.ledger.entry(plan["groups"][0]["losers"][0]["track"])
    await house.ledger.record_facts(loser.id, replace(loser.track, title="Song a (Dub)"))
    before = contents(house)
    job = await applied(house, plan)
    assert await left(job) == {"They do not count as one recording any more"}
    assert contents(house) == before


async def test_a_person_can_keep_a_copy(house: House) -> None:
    plan = await planned(house)
    loser = plan["groups"][0]["losers"][0]["track"]
    await house.ledger.record_said(loser, PERSON, {KEEP: True})
    assert "A person said" in next(iter(await left(await applied(house, plan))))
    assert (await planned(house))["groups"] == []


async def test_a_copy_that_a_person_keeps_comes_home(tmp_path: Path) -> None:
    """It was left out at its arrival; said to stay, it is not recognised again."""
    async with running_house(tmp_path / "staging") as house:
        house.source.offer(A, sound("a"))
        house.source.offer(B, sound("a", encoding="other"))
        await house.url(A)
        await house.url(B)
        entry = await house.entry(B)
        assert entry.duplicate_of
        await house.ledger.record_said(entry.id, PERSON, {KEEP: True})
        await house.ledger.unmark_duplicate(entry.id, Change(operation="person", target="ledger", what="kept"))
        await house.url(B)
        assert (await house.entry(B)).duplicate_of is None
        assert await house.lacks(B) == []


async def test_too_little_that_can_be_compared_is_refused(house: House) -> None:
    """Neither planned, nor applied when it was planned before."""
    plan = await planned(house)
    silent = song("silence")
    house.source.offer(silent, sound("silence"))
    await house.url(silent)
    before = contents(house)
    for job in (await house.done(PLAN, PLAN), await applied(house, plan)):
        assert job.state is JobState.FAILED
        assert job.reason is not None
        assert job.reason["class"] == "NeedsPerson"
        assert "Only 9 of 12 kept files" in job.reason["what"]
        assert "--step analyze" in job.reason["fix"]
    assert contents(house) == before


async def test_an_undo_waits_for_a_volume_and_leaves_the_track_out_until_then(house: House) -> None:
    before = contents(house)
    plan = await planned(house)
    operation = (await applied(house, plan)).id
    house.set(second=False)
    job = await house.done(UNDO, operation, operation=operation)
    assert (job.state, job.result and job.result["partial"]) == (JobState.PARTIAL, [SECOND])
    loser = plan["groups"][0]["losers"][0]["track"]
    assert (await house.ledger.entry(loser)).duplicate_of
    house.set()
    assert (await house.done(UNDO, operation, operation=operation)).state is JobState.DONE
    assert contents(house) == before
    assert (await house.ledger.entry(loser)).duplicate_of is None


async def test_an_undo_leaves_a_track_that_is_being_worked_on(house: House) -> None:
    """All of it, with the reason; when that has ended, the undo goes on."""
    before, plan = contents(house), await planned(house)
    operation = (await applied(house, plan)).id
    standing, loser = contents(house), plan["groups"][0]["losers"][0]["track"]
    later = house.clock.now() + timedelta(hours=1)
    active = await house.jobs.enqueue(TRACK, {"track": loser}, key=loser, lane=Lane.BACKLOG, not_before=later)
    job = await house.done(UNDO, operation, operation=operation)
    assert job.state is JobState.PARTIAL
    assert job.result is not None
    assert {one["error"]["what"] for one in job.result["left"]} == {"Ada Voss - Song a is being worked on"}
    assert (contents(house), (await house.ledger.entry(loser)).duplicate_of is None) == (standing, False)
    await house.jobs.cancel(active.id)
    assert (await house.done(UNDO, operation, operation=operation)).state is JobState.DONE
    assert contents(house) == before


async def test_an_undo_brings_no_older_file_beside_one_that_came_home_since(house: House) -> None:
    """A person kept the copy, and it came home under another name: that stays the one that is known."""
    plan = await planned(house)
    operation = (await applied(house, plan)).id
    loser = await house.ledger.entry(plan["groups"][0]["losers"][0]["track"])
    await kept_by_a_person(house, loser.id)
    await renamed_at_home(house, loser.track)
    before, known, rows = contents(house), files_of(await house.ledger.entry(loser.id)), len(house.catalog.rows)
    assert (len(before), rows) == (9, 3)
    job = await house.done(UNDO, operation, operation=operation)
    assert job.state is JobState.PARTIAL
    assert job.result is not None
    assert len(job.result["left"]) == 3
    assert all(one["error"]["what"].startswith("It was brought home anew since") for one in job.result["left"])
    assert (contents(house), files_of(await house.ledger.entry(loser.id))) == (before, known)
    assert len(house.catalog.rows) == rows


async def test_an_undo_brings_no_older_version_beside_one_that_came_home_since(house: House) -> None:
    """The same of a replaced file, when the one that took its place made way for a third."""
    first = await remade(house, "Song c, again")
    await remade(house, "Song c, once more")
    before, known = contents(house), files_of(await house.entry(C))
    job = await house.done(UNDO, first.id, operation=first.id)
    assert job.result is not None
    assert {one["error"]["what"].partition(",")[0] for one in job.result["left"]} == {"It was brought home anew since"}
    assert (contents(house), files_of(await house.entry(C))) == (before, known)


@pytest.mark.parametrize("trouble", ["gone", "taken"])
async def test_a_newer_version_stays_where_the_older_one_cannot_return(house: House, trouble: str) -> None:
    """The older file is gone from the recycle area, or its name was taken: what stands goes on to stand."""
    older = files_of(await house.entry(C))
    job = await remade(house, "Song c, again")
    for path in [path for path in house.main.files if path.startswith(RECYCLE)] if trouble == "gone" else []:
        del house.main.files[path]
    for path in older if trouble == "taken" else []:
        house.main.write(path, b"other")
    before = {path: data for path, data in house.main.standing().items() if path not in older}
    undone = await house.done(UNDO, job.id, operation=job.id)
    assert undone.result is not None
    assert {(one["target"], one["error"]["class"]) for one in undone.result["left"]} == {(MAIN, "Permanent")}
    assert {path: data for path, data in house.main.standing().items() if path not in older} == before
    assert sum(path.startswith("Ada Voss/Ada Voss - Song c, again") for path in before) == 2


async def kept_by_a_person(house: House, track: str) -> None:
    await house.ledger.record_said(track, PERSON, {KEEP: True})
    await house.ledger.unmark_duplicate(track, Change(operation="person", target="ledger", what="kept"))


async def renamed_at_home(house: House, track: Track) -> None:
    """Its source calls it otherwise by now, and it is fetched anew."""
    audio, entry = house.source.audio(track), await house.entry(track)
    house.source.offer(replace(track, title="Song a, named anew"), audio)
    await house.ledger.record_facts(entry.id, replace(entry.track, title="Song a, named anew"))
    assert (await house.done(TRACK, entry.id, track=entry.id)).state is JobState.DONE


async def remade(house: House, title: str) -> Job:
    """C's files are made anew, under another name."""
    entry = await house.entry(C)
    await house.ledger.record_facts(entry.id, replace(entry.track, title=title))
    older = [replace(one, sha256=SUPERSEDED) for one in entry.files if one.role == "output"]
    await house.ledger.record_files(entry.id, older)
    house.source.offer(replace(C, title=title), sound(title))
    return await house.done(TRACK, entry.id, track=entry.id)


def files_of(entry: Entry) -> list[str]:
    return sorted(one.detail["path"] for one in entry.evidence if one.target in (MAIN, SECOND))


async def test_an_undo_overwrites_nothing(house: House) -> None:
    """A name that was taken since is told; when it is free again the undo goes on."""
    before = contents(house)
    plan = await planned(house)
    operation = (await applied(house, plan)).id
    taken = next(one["path"] for one in plan["groups"][0]["losers"][0]["files"] if one["shelf"] == "main")
    house.main.write(taken, b"other")
    job = await house.done(UNDO, operation, operation=operation)
    assert job.state is JobState.PARTIAL
    assert job.result is not None
    (one,) = job.result["left"]
    assert (one["target"], one["path"]) == (MAIN, taken)
    assert house.main.files[taken] == b"other"
    del house.main.files[taken]
    assert (await house.done(UNDO, operation, operation=operation)).state is JobState.DONE
    assert contents(house) == before


async def test_a_replaced_file_comes_back(house: House) -> None:
    """The newer version goes to the recycle area itself, and the track stands with the older one."""
    before = contents(house)
    entry = await house.entry(C)
    await house.ledger.record_facts(entry.id, renamed(entry.track))
    await house.ledger.record_files(entry.id, [replace(one, sha256="0" * 64) for one in entry.files])
    job = await house.done(TRACK, entry.id, track=entry.id)
    assert job.state is JobState.DONE, job.reason
    assert contents(house) != before
    undone = await house.done(UNDO, job.id, operation=job.id)
    assert undone.state is JobState.DONE, undone.result
    assert contents(house) == before
    assert [lack for lack in await house.lacks(C) if lack.startswith("volume:")] == []


def renamed(track: Track) -> Track:
    return replace(track, title="Song c, again", album="Found")


async def test_what_was_left_out_comes_home_when_what_was_kept_is_lost(house: House) -> None:
    """It stood before it was left out; nothing stands of it now, and the next sync brings it."""
    plan = await planned(house)
    (group,) = plan["groups"]
    await applied(house, plan)
    house.main.files.clear()
    house.second.files.clear()
    keeper, loser = await house.ledger.entries([group["keeper"]["track"], group["losers"][0]["track"]])
    house.source.broken.add(keeper.track.source_url)
    assert (await house.done(TRACK, keeper.id, track=keeper.id)).state is JobState.FAILED
    await house.sync(Scope.INCREMENTAL)
    assert await house.lacks(loser.track) == []


async def test_of_two_operations_that_disagree_the_second_moves_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another one leaves out what this one keeps, after everything was found in order: one of the two stays whole."""
    plan = await planned(house)
    (group,) = plan["groups"]
    found = house.main.found

    async def meanwhile(kept: Kept) -> Kept | None:
        await house.ledger.mark_duplicate(group["keeper"]["track"], group["losers"][0]["track"], {})
        return await found(kept)

    monkeypatch.setattr(house.main, "found", meanwhile)
    before = contents(house)
    job = await applied(house, plan)
    assert await left(job) == {"One of the two was left out meanwhile: make a new plan"}
    assert contents(house) == before
    assert (await house.ledger.entry(group["losers"][0]["track"])).duplicate_of is None


async def test_what_is_left_out_for_a_loser_is_compared_with_what_is_kept_now(tmp_path: Path) -> None:
    """B for A, then A for C: B leads to C in one step, or stands itself; never to what is not kept."""
    async with running_house(tmp_path / "staging") as house:
        for track, encoding in ((A, ""), (B, "other"), (D, "third")):
            house.source.offer(track, sound("a", encoding=encoding))
            await house.url(track)
        kept = await house.entry(D)
        await house.ledger.record_said(kept.id, PERSON, {KEEP: True})
        await house.ledger.unmark_duplicate(kept.id, Change(operation="person", target="ledger", what="kept"))
        await house.url(D)
        source = (await house.entry(D)).source_file
        assert source is not None
        finer = replace(source, facts=source.facts | {"lossless": True, "bit_depth": 24, "sample_rate": 96000})
        await house.ledger.record_files(kept.id, [finer])
        assert (await applied(house, await planned(house))).state is JobState.DONE
        assert [(await house.entry(one)).duplicate_of for one in (A, B)] == [kept.id, None]
        await house.sync(Scope.INCREMENTAL)
        assert [(await house.entry(one)).duplicate_of for one in (A, B)] == [kept.id, kept.id]


async def test_what_cannot_be_undone_says_so(house: House) -> None:
    for operation in ("nothing", (await house.ask(Scope.NEXT)).id):
        job = await house.done(UNDO, operation, operation=operation)
        assert job.state is JobState.FAILED
        assert job.reason is not None
        assert job.reason["class"] == "BadInput"
    job = await house.done(APPLY, "nothing", plan="nothing")
    assert job.reason is not None
    assert "musicsyncctl duplicates plan" in job.reason["fix"]


async def test_what_was_linked_covers_nothing(house: House) -> None:
    """The owner's own item in the keeper's place is no proof that our output stands: the copy's file stays."""
    shelf = MemoryShelf("eagle", formats=("alac",))
    shelf.lists, shelf.reads_later = False, True
    house.lookout.shelves[shelf.target] = shelf  # type: ignore[index]
    group = (await planned(house))["groups"][0]
    for track, data in ((group["keeper"]["track"], b"30s"), (group["losers"][0]["track"], b"whole")):
        known = next(one for one in (await house.ledger.entry(track)).evidence if one.part == "alac")
        shelf.write(f"{track}.m4a", data)
        detail = {"shelf": "eagle", "marker": shelf.marker, "path": f"{track}.m4a", "size": len(data)}
        detail = known.detail | detail | {"sha256": hashlib.sha256(data).hexdigest()}
        await house.ledger.record_evidence(track, replace(known, target=shelf.target, detail=detail), None)
    job = await applied(house, await planned(house))
    assert job.result is not None
    assert len(shelf.files) == 2
    assert {one["volume"] for one in job.result["left"]} == {"eagle"}
