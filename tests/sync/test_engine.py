"""The whole house with rooms in memory: every way a job can go, and that none of them loses, doubles or lies."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from musicsyncd.errors import Degraded, Permanent, Temporary
from musicsyncd.jobs.job import JobFilter, JobState
from musicsyncd.music.identity import of_file
from musicsyncd.sources.base import Found
from musicsyncd.sync.request import Scope
from tests.sync.house import MAIN, SECOND, House, running_house, song, sound

A, B = song("a"), song("b")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with running_house(tmp_path / "staging") as house:
        yield house


async def test_a_new_track_stands_everywhere(house: House) -> None:
    """Files on both volumes, one row that says so, evidence for each, a journal of every change, an empty staging."""
    house.source.offer(A, sound("a"))
    job = await house.url(A)
    assert (job.kind, job.state) == ("track", JobState.DONE)
    assert sorted(house.main.files) == ["Ada Voss/Ada Voss - Song a.m4a", "Ada Voss/Ada Voss - Song a.wav"]
    assert [*house.second.files] == ["Ada Voss/Ada Voss - Song a.m4a"]
    (row,) = house.catalog.rows.values()
    assert row.fields["files"] == sorted(
        [f"main:{path}" for path in house.main.files] + [f"second:{path}" for path in house.second.files]
    )
    assert await house.lacks(A) == []
    entry = await house.entry(A)
    assert (entry.settled_at is not None, entry.failure, entry.parked) == (True, None, ())
    changes = [(one["target"], one["what"]) for one in await house.ledger.journal(job.id)]
    assert changes == [(MAIN, "placed"), (MAIN, "placed"), (SECOND, "placed"), ("catalog:memory", "created")]
    assert house.leftovers() == []


async def test_a_second_request_makes_no_job_and_writes_nothing(house: House) -> None:
    """What stands is seen to stand, whatever the scope."""
    house.source.offer(A, sound("a"))
    await house.url(A)
    before = house.writes()
    for scope in (Scope.FULL, Scope.INCREMENTAL, Scope.NEXT):
        root = await house.sync(scope)
        assert await house.jobs.list(JobFilter(parent=root.id)) == []
    assert (await house.url(A)).kind == "request"
    assert (house.writes(), house.gate.passed["supply"]) == (before, 1)


async def test_a_volume_that_is_away_is_filled_from_the_other_one(house: House) -> None:
    """Partial and parked at first; when it is back its file is the other volume's copy, and nothing is fetched."""
    house.source.offer(A, sound("a"))
    house.set(second=False)
    job = await house.url(A)
    assert (job.state, (job.result or {})["partial"]) == (JobState.PARTIAL, [SECOND])
    assert [one.target for one in (await house.entry(A)).parked] == [SECOND]
    assert (await house.entry(A)).settled_at is None
    assert house.leftovers() == []
    house.set()
    house.source.take_back(A)
    await house.sync(Scope.INCREMENTAL)
    entry = await house.entry(A)
    assert (await house.lacks(A), entry.parked, entry.settled_at is None) == ([], (), False)
    path = "Ada Voss/Ada Voss - Song a.m4a"
    assert house.second.files[path] == house.main.files[path]
    assert house.gate.passed["supply"] == 1
    assert house.leftovers() == []


async def test_a_volume_that_goes_away_midway_is_parked(house: House) -> None:
    """The shelf's own word counts, and the rest of the track goes on."""
    house.source.offer(A, sound("a"))
    house.gate.fail("place", Degraded("pulled out", target=MAIN))
    job = await house.url(A)
    assert (job.result or {})["partial"] == [MAIN]
    assert len(house.second.files) == 1
    assert len(house.catalog.rows) == 1
    await house.sync(Scope.INCREMENTAL)
    assert await house.lacks(A) == []


async def test_a_try_that_failed_does_not_keep_a_parked_track_from_being_completed(house: House) -> None:
    """A temporary failure before a partial end is forgotten: the track is still found unfinished later."""
    house.source.offer(A, sound("a"))
    house.set(second=False)
    house.gate.fail("supply", Temporary("come again", delay=5))
    assert (await house.url(A)).state is JobState.PARTIAL
    assert (await house.entry(A)).failure is None
    house.set()
    await house.sync(Scope.INCREMENTAL)
    assert await house.lacks(A) == []


async def test_a_volume_that_is_away_is_not_missed_by_what_stands_there(house: House) -> None:
    """Evidence is believed until its volume is back: a job for another reason ends well and parks nothing."""
    house.source.offer(A, sound("a"))
    await house.url(A)
    house.set(second=False)
    (row,) = house.catalog.rows
    del house.catalog.rows[row]
    job = await house.url(A)
    assert job.state is JobState.DONE
    assert (await house.ledger.parked(), len(house.catalog.rows)) == ({}, 1)


async def test_other_audio_than_was_asked_for_is_refused_for_good(house: House) -> None:
    """A job for A never succeeds by doing B: nothing is kept, the failure is told, and nobody tries again unasked."""
    wrong = sound("b", 30.0)
    house.source.offer(A, wrong)
    job = await house.url(A)
    assert job.state is JobState.FAILED
    assert "preview" in (job.reason or {})["what"]
    entry = await house.entry(A)
    assert (entry.failure or {})["class"] == "Permanent"
    assert (entry.files, entry.track, house.writes(), house.leftovers()) == ((), A, 0, [])
    root = await house.sync(Scope.INCREMENTAL)
    assert await house.jobs.list(JobFilter(parent=root.id)) == []
    house.source.offer(A, sound("a"))
    assert (await house.url(A)).state is JobState.DONE
    assert (await house.entry(A)).failure is None


async def test_refused_audio_leaves_no_identity_behind(house: House) -> None:
    """The very bytes that A was refused for can still become the track that they are."""
    wrong = sound("b", 30.0)
    house.source.offer(A, wrong)
    await house.url(A)
    own = song("b", duration=30.0, identities=(*B.identities, of_file(hashlib.sha256(wrong).hexdigest())))
    house.source.offer(own, wrong)
    assert (await house.url(own)).state is JobState.DONE
    assert (await house.entry(own)).id != (await house.entry(A)).id


async def test_refused_audio_does_not_touch_what_stands(house: House) -> None:
    """A standing track whose source now gives a preview keeps its record, its row and its other copies."""
    house.source.offer(A, sound("a"))
    await house.url(A)
    before = await house.entry(A)
    rows = dict(house.catalog.rows)
    house.source.offer(A, sound("a", 30.0))
    house.main.files.clear()
    job = await house.url(A)
    assert job.state is JobState.FAILED
    after = await house.entry(A)
    assert (after.files, after.analysis, after.track) == (before.files, before.analysis, before.track)
    assert (dict(house.catalog.rows), len(house.second.files)) == (rows, 1)


@pytest.mark.parametrize("encoding", ["", "another encoding"])
async def test_a_duplicate_is_marked_and_never_shelved(house: House, encoding: str) -> None:
    """The same recording under another name is kept once; asking again says so without a job."""
    house.source.offer(A, sound("same"))
    house.source.offer(B, sound("same", encoding=encoding))
    await house.url(A)
    before = house.writes()
    job = await house.url(B)
    keeper = await house.entry(A)
    assert (job.state, (job.result or {})["duplicate_of"]) == (JobState.DONE, keeper.id)
    assert (await house.entry(B)).duplicate_of == keeper.id
    assert (house.writes(), house.leftovers()) == (before, [])
    root = await house.sync(Scope.URL, B.source_url)
    (plan,) = (root.result or {})["tracks"]
    assert (plan["duplicate_of"], plan["actions"], keeper.id in plan["note"]) == (keeper.id, [], True)
    await house.sync(Scope.FULL)
    assert house.writes() == before


async def test_two_copies_that_arrive_together_are_kept_once(house: House) -> None:
    """Both in one request and at work at the same time: one is kept, the other is its duplicate."""
    for name in "abcd":
        house.source.offer(song(name), sound("same", encoding=name))
    await house.sync(Scope.FULL)
    marked = [(await house.entry(song(name))).duplicate_of for name in "abcd"]
    assert marked.count(None) == 1
    assert len(set(marked)) == 2
    assert len(house.catalog.rows) == 1


async def test_silence_is_recognised_by_its_samples(house: House) -> None:
    """Where there is no fingerprint, equal samples are one recording and others are not."""
    for name, audio in (("a", sound("silence")), ("b", sound("silence", encoding="x")), ("c", sound("silence", 201.0))):
        house.source.offer(song(name), audio)
        await house.url(song(name))
    assert (await house.entry(B)).duplicate_of == (await house.entry(A)).id
    assert (await house.entry(song("c"))).duplicate_of is None


async def test_a_remix_of_the_same_sound_is_kept(house: House) -> None:
    """A version word vetoes what the ears take for the same."""
    remix = song("b", title="Song a (Kora Remix)")
    house.source.offer(A, sound("same"))
    house.source.offer(remix, sound("same", 201.0))
    await house.url(A)
    assert (await house.url(remix)).state is JobState.DONE
    assert (await house.entry(remix)).duplicate_of is None


async def test_a_duplicate_that_waited_for_its_volumes_is_recognised(house: House) -> None:
    """A row alone is no standing file: when the volumes are back the copy is still recognised, and waits no longer."""
    house.source.offer(A, sound("same"))
    house.source.offer(B, sound("same", encoding="x"))
    await house.url(A)
    house.set(main=False, second=False)
    assert (await house.url(B)).state is JobState.PARTIAL
    house.set()
    before = house.main.writes
    await house.sync(Scope.INCREMENTAL)
    assert (await house.entry(B)).duplicate_of == (await house.entry(A)).id
    assert (house.main.writes, await house.ledger.parked()) == (before, {})


async def test_a_catalog_that_is_away_is_parked_and_written_later(house: House) -> None:
    """The files stand, the row waits; then one row, and nothing else is written."""
    house.source.offer(A, sound("a"))
    house.set(catalog=False)
    job = await house.url(A)
    assert (job.result or {})["partial"] == ["catalog:memory"]
    assert len(house.main.files) == 2
    house.set()
    before = house.writes()
    await house.sync(Scope.INCREMENTAL)
    assert (len(house.catalog.rows), house.writes() - before) == (1, 1)
    assert await house.lacks(A) == []


async def test_a_lost_answer_of_the_catalog_makes_no_second_row(house: House) -> None:
    """The row is found by its key at the next try, and the journal knows of it."""
    house.source.offer(A, sound("a"))
    house.catalog.lose_answers = 2
    job = await house.url(A)
    assert (job.state, job.attempts) == (JobState.DONE, 3)
    assert (len(house.catalog.rows), house.catalog.writes, house.gate.passed["supply"]) == (1, 1, 1)
    assert [one["what"] for one in await house.ledger.journal() if one["target"] == "catalog:memory"] == ["found"]


async def test_a_dry_run_writes_nothing_and_equals_the_run(house: House) -> None:
    """The same tracks, each once, with the same actions; before it and after it nothing is known."""
    house.source.offer(A, sound("a"))
    house.source.offer(song("a2", identities=(*B.identities, *A.identities)), sound("a"))
    house.source.offer(B, sound("b"))
    house.set(second=False)
    planned = (await house.sync(Scope.FULL, dry_run=True)).result or {}
    assert (await house.ledger.counts())["tracks"] == 0
    assert house.writes() == 0
    done = (await house.sync(Scope.FULL)).result or {}
    assert _told(planned) == _told(done)
    house.set()
    planned = (await house.sync(Scope.FULL, dry_run=True)).result or {}
    before = house.writes()
    done = (await house.sync(Scope.FULL)).result or {}
    assert _told(planned) == _told(done)
    assert house.writes() > before


def _told(report: dict[str, object]) -> list[tuple[object, object]]:
    tracks = report["tracks"]
    assert isinstance(tracks, list)
    assert tracks
    return [(one["label"], one["actions"]) for one in tracks]


async def test_a_newer_version_takes_the_older_ones_place(house: House) -> None:
    """A volume that was away with the older file gets the newer one under the same name; the older one is recycled, and
    the journal says where to.
    """
    house.source.offer(A, sound("a"))
    await house.url(A)
    (path, older), *_ = house.second.files.items()
    house.set(second=False)
    house.main.files.clear()
    house.source.offer(A, sound("a, remastered"))
    await house.url(A)
    house.set()
    job = await house.url(A)
    assert await house.lacks(A) == []
    assert house.second.standing() == {path: house.main.files[path]}
    change = next(one for one in await house.ledger.journal(job.id) if one["target"] == SECOND)
    assert (change["what"], house.second.files[change["before"]["recycled"]]) == ("replaced", older)


async def test_an_optional_volume_is_not_waited_for(tmp_path: Path) -> None:
    """The track counts as done, and the volume still gets its file when it comes."""
    async with running_house(tmp_path, optional=(SECOND,)) as house:
        house.source.offer(A, sound("a"))
        house.set(second=False)
        job = await house.url(A)
        entry = await house.entry(A)
        assert (job.state, entry.settled_at is None) == (JobState.DONE, False)
        assert await house.ledger.parked() == {SECOND: 1}
        house.set()
        await house.sync(Scope.INCREMENTAL)
        assert (await house.lacks(A), await house.ledger.parked()) == ([], {})


async def test_one_request_asked_twice_is_one_job(house: House) -> None:
    """While it is active the same request is the same job, and a track has one job at a time."""
    house.source.offer(A, sound("a"))
    house.gate.close("supply", "before")
    first = await house.ask(Scope.URL, A.source_url)
    await house.gate.reached.wait()
    second = await house.ask(Scope.URL, A.source_url)
    house.gate.open()
    full = await house.ask(Scope.FULL)
    await house.until(full)
    tracks = await house.jobs.list(JobFilter(kind="track"))
    assert len(tracks) == 1
    assert second.id != first.id, "the first had ended: its track is at work"
    await house.jobs.cancel(tracks[0].id)


async def test_a_source_that_finds_nothing_says_so(house: House) -> None:
    """No track, no job, and the rung tells why."""
    house.gate.fail("list", Degraded("signed out", target="source:memory"))
    root = await house.sync(Scope.INCREMENTAL)
    report = root.result or {}
    assert (root.state, report["tracks"]) == (JobState.DONE, [])
    assert "signed out" in report["rungs"][0]["said"]
    assert await house.source.list() == Found()


async def test_what_is_parked_already_costs_no_job_to_say_so(house: House) -> None:
    """While its volume stays away a parked track is reported as waiting, and nothing is enqueued for it."""
    house.source.offer(A, sound("a"))
    house.set(second=False)
    await house.url(A)
    root = await house.sync(Scope.INCREMENTAL)
    (plan,) = (root.result or {})["tracks"]
    assert (plan["parked"], plan["note"], "job" in plan) == ([SECOND], f"waits for {SECOND}", False)
    assert await house.jobs.list(JobFilter(parent=root.id)) == []
    house.set()
    await house.sync(Scope.INCREMENTAL)
    assert await house.lacks(A) == []


async def test_what_waits_for_a_catalog_costs_no_job_while_it_stays_away(house: House) -> None:
    """The pass that could not bring it up to date knows; the next one that can takes it up, once."""
    house.source.offer(A, sound("a"))
    house.set(catalog=False)
    await house.url(A)
    for _ in range(3):
        root = await house.sync(Scope.INCREMENTAL)
        (plan,) = (root.result or {})["tracks"]
        assert (plan["parked"], plan["note"]) == (["catalog:memory"], "waits for catalog:memory")
        assert await house.jobs.list(JobFilter(parent=root.id)) == []
    house.set()
    root = await house.sync(Scope.INCREMENTAL)
    assert len(await house.jobs.list(JobFilter(parent=root.id))) == 1
    assert (await house.lacks(A), await house.ledger.parked()) == ([], {})


async def test_a_copy_is_wanted_again_when_its_keeper_is_given_up(house: House) -> None:
    """Nothing is lost: what was left out for the sake of a track that then failed for good comes home itself."""
    house.source.offer(A, sound("same"))
    house.source.offer(B, sound("same", encoding="another"))
    keeper, copy = await house.ledger.record_tracks([A, B])
    await house.ledger.mark_duplicate(copy.id, keeper.id, {"verdict": "same"})
    house.gate.fail("tag", Permanent("cannot be tagged"))
    assert (await house.url(A)).state is JobState.FAILED
    assert (await house.entry(B)).duplicate_of is None
    await house.sync(Scope.INCREMENTAL)
    assert await house.lacks(B) == []
    assert (await house.entry(B)).duplicate_of is None, "a track without files keeps no other one out"


async def test_a_copy_stays_a_copy_while_its_keeper_has_files(house: House) -> None:
    """A track that fails at one of its files keeps its duplicates out as long as another one stands."""
    house.source.offer(A, sound("same"))
    house.source.offer(B, sound("same", encoding="another"))
    await house.url(A)
    await house.url(B)
    house.main.files.clear()
    house.source.offer(A, sound("same", 30.0))
    wav_alone_is_lost = await house.url(A)
    assert wav_alone_is_lost.state is JobState.FAILED
    assert (await house.entry(B)).duplicate_of == (await house.entry(A)).id


async def lose_everything_of_a(house: House) -> None:
    """A stands, B is left out for its sake; then A's files are deleted and its source is closed."""
    house.source.offer(A, sound("same"))
    house.source.offer(B, sound("same", encoding="another"))
    await house.url(A)
    await house.url(B)
    house.main.files.clear()
    house.second.files.clear()
    house.source.broken.add(A.source_url)


async def test_nothing_is_left_out_for_what_is_gone(house: House) -> None:
    """Though the ledger remembers the first one as standing, the new copy comes home, and is all that is kept."""
    await lose_everything_of_a(house)
    third = song("c")
    house.source.offer(third, sound("same", encoding="third"))
    job = await house.url(third)
    assert (job.state, (job.result or {}).get("duplicate_of")) == (JobState.DONE, None)
    assert await house.lacks(third) == []


async def test_asking_for_a_copy_brings_what_is_kept_and_else_the_copy(house: House) -> None:
    """A dry run says so; the first job is the keeper's, and when that fails for good the copy comes in its place."""
    await lose_everything_of_a(house)
    dry = (await house.sync(Scope.URL, B.source_url, dry_run=True)).result or {}
    assert (await house.entry(B)).duplicate_of == (await house.entry(A)).id
    root = await house.sync(Scope.URL, B.source_url)
    assert _told(dry) == _told(root.result or {})
    copy, keeper = (root.result or {})["tracks"]
    assert (copy["duplicate_of"], copy["actions"]) == (keeper["track"], [])
    assert (await house.jobs.get(keeper["job"])).state is JobState.FAILED
    assert (await house.entry(B)).duplicate_of is None
    assert await house.lacks(B) == []


async def test_a_copy_of_what_was_given_up_is_wanted_itself(house: House) -> None:
    """Its keeper had failed for good while files of it still stood; they were deleted since."""
    await lose_everything_of_a(house)
    await house.ledger.record_failure((await house.entry(A)).id, Permanent("gone"))
    dry = (await house.sync(Scope.URL, B.source_url, dry_run=True)).result or {}
    assert (await house.entry(B)).duplicate_of == (await house.entry(A)).id
    root = await house.sync(Scope.URL, B.source_url)
    assert _told(dry) == _told(root.result or {})
    assert await house.lacks(B) == []


async def test_a_copy_s_own_job_looks_at_what_is_kept(house: House) -> None:
    """A retry of the copy brings the keeper home when that can be had, and the copy when it cannot."""
    await lose_everything_of_a(house)
    house.source.broken.clear()
    copy, keeper = await house.entry(B), await house.entry(A)
    job = await house.done("track", copy.id, track=copy.id)
    await house.idle()
    assert (job.result or {})["duplicate_of"] == keeper.id
    assert await house.lacks(A) == []
    await lose_everything_of_a(house)
    await house.ledger.record_failure(keeper.id, Permanent("gone"))
    await house.done("track", copy.id, track=copy.id)
    assert ((await house.entry(B)).duplicate_of, await house.lacks(B)) == (None, [])


async def test_nothing_is_left_out_for_what_was_called_off(house: House) -> None:
    """It was heard, and then its job was cancelled; when it is taken up again, it is the copy."""
    house.source.offer(A, sound("same"))
    house.source.offer(B, sound("same", encoding="another"))
    house.gate.close("tag", "before")
    await house.ask(Scope.URL, A.source_url)
    await house.gate.reached.wait()
    (job,) = await house.jobs.list(JobFilter(kind="track", states=frozenset({JobState.RUNNING})))
    await house.jobs.cancel(job.id)
    house.gate.open()
    await house.idle()
    await house.url(B)
    assert await house.lacks(B) == []
    await house.sync(Scope.INCREMENTAL)
    assert (await house.entry(A)).duplicate_of == (await house.entry(B)).id


async def test_a_copy_is_left_out_while_what_is_kept_is_away(house: House) -> None:
    """A volume that is not there has lost nothing: the other one's file is not made of the copy."""
    house.source.offer(A, sound("same"))
    house.source.offer(B, sound("same", encoding="another"))
    await house.url(A)
    house.main.files.clear()
    house.set(second=False)
    await house.url(B)
    assert (await house.entry(B)).duplicate_of == (await house.entry(A)).id


async def test_a_copy_is_left_out_for_what_waits_for_its_volumes(house: House) -> None:
    """Nothing of it stands yet; it is taken up by itself when they are back, and gives its copies free if it fails."""
    house.source.offer(A, sound("same"))
    house.source.offer(B, sound("same", encoding="another"))
    await house.url(A)
    keeper = await house.entry(A)
    house.main.files.clear()
    house.second.files.clear()
    away = Degraded("away", target=MAIN)
    await house.ledger.park(keeper.id, {MAIN: away})
    await house.url(B)
    assert (await house.entry(B)).duplicate_of == keeper.id
    await house.sync(Scope.INCREMENTAL)
    assert await house.lacks(A) == []
