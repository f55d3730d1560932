"""A step again for what stands: heard or tagged anew, nothing downloaded, nothing lost, and nothing written in vain."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from musicsyncd.audio.values import ANALYSIS_VERSION, Claims
from musicsyncd.errors import BadInput, Permanent, Temporary
from musicsyncd.jobs.job import Job, JobFilter, JobState, Lane
from musicsyncd.library.base import Condition, Kept
from musicsyncd.library.memory import MemoryShelf
from musicsyncd.library.recycle import RECYCLE
from musicsyncd.sync.engine import REQUEST, TRACK
from musicsyncd.sync.reprocess import kind_of
from musicsyncd.sync.request import RetryRequest, Scope
from tests.sync.house import MAIN, SECOND, House, running_house, song, sound

A, B = song("a"), song("b")
ALAC, WAV = "Ada Voss/Ada Voss - Song a.m4a", "Ada Voss/Ada Voss - Song a.wav"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """A house in which A stands everywhere."""
    async with running_house(tmp_path / "staging") as house:
        house.source.offer(A, sound("a"))
        await house.url(A)
        yield house


def tags(shelf: MemoryShelf, path: str) -> dict[str, Any]:
    """What a file says."""
    return dict(json.loads(shelf.files[path].partition(b"\n")[2]))


def edit(shelf: MemoryShelf, path: str, **changes: Any) -> None:
    """As another program does."""
    plain, _, said = shelf.files[path].partition(b"\n")
    shelf.write(path, plain + b"\n" + json.dumps(json.loads(said) | changes, sort_keys=True).encode())


async def child(house: House, root: Job) -> Job:
    """The one job of a request."""
    (job,) = await house.jobs.list(JobFilter(parent=root.id))
    return job


async def stands_with(house: House, **values: Any) -> None:
    """Every file and the row say so, nothing is lacking, and doing it all again writes nothing."""
    for shelf, path in ((house.main, ALAC), (house.main, WAV), (house.second, ALAC)):
        assert {name: tags(shelf, path)[name] for name in values} == values, (shelf.name, path)
    (row,) = house.catalog.rows.values()
    assert {name: row.fields[name] for name in values} == values
    assert await house.lacks(A) == []
    before = house.writes()
    for step in ("tag", "analyze"):
        job = await child(house, await house.again(step, A))
        assert (job.state, (job.result or {})["note"]) == (JobState.DONE, "in step already: nothing was written")
    assert (await house.url(A)).kind == REQUEST, "a sync finds nothing to do either"
    assert house.writes() == before
    assert (house.gate.passed["supply"], house.leftovers()) == (1, [])


@pytest.mark.parametrize("step", ["analyze", "tag"])
async def test_nothing_changed_nothing_written(house: House, step: str) -> None:
    """The same ears hear the same: no file, no row, no evidence is touched."""
    before, entry = house.writes(), await house.entry(A)
    job = await child(house, await house.again(step, A))
    assert (job.kind, job.state, job.lane) == (kind_of(step), JobState.DONE, Lane.USER)
    after = await house.entry(A)
    assert (house.writes(), after.evidence, after.files) == (before, entry.evidence, entry.files)
    assert house.gate.passed["amend"] == 0


async def test_what_is_heard_otherwise_reaches_every_shelf_and_the_row(house: House) -> None:
    """New values stand in all files, the older files lie in the recycle area, each with the journal entry for undo."""
    old = {shelf.name: dict(shelf.files) for shelf in (house.main, house.second)}
    house.audio.ears = {"bpm": 125.5, "key": "Em", "camelot": "9A"}
    job = await child(house, await house.again("analyze", A))
    assert (job.result or {})["note"] == "tags of 3 files and 1 row brought in step"
    entry = await house.entry(A)
    assert (entry.analysis or {})["bpm"] == 125.5
    replaced = [one for one in await house.ledger.journal(job.parent) if one["what"] == "replaced"]
    assert len(replaced) == 3
    for one in replaced:
        shelf = {MAIN: house.main, SECOND: house.second}[one["target"]]
        assert shelf.files[one["before"]["recycled"]] == old[shelf.name][one["before"]["path"]]
    await stands_with(house, bpm=125.5, key="Em", camelot="9A")


async def test_a_value_that_is_no_longer_heard_is_taken_away(house: House) -> None:
    """None is made up, and an old one of ours does not stay."""
    house.audio.ears = {"bpm": None, "key": None, "camelot": None}
    await house.again("analyze", A)
    assert "8A" not in tags(house.main, WAV)["comment"]
    assert (tags(house.main, WAV)["bpm"], tags(house.main, WAV)["key"]) == (None, "")
    (row,) = house.catalog.rows.values()
    assert (row.fields["bpm"], row.fields["bpm_origin"]) == (None, None)


async def test_a_djs_tempo_is_kept_and_counts_everywhere(house: House) -> None:
    """What another program wrote into one file becomes the track's; its other tags stay in that file alone."""
    edit(house.main, WAV, bpm=126.0, comment="peak time", genre="Techno")
    house.audio.ears = {"bpm": 125.5, "replay_gain_db": -3.0}
    await house.again("analyze", A)
    assert (tags(house.main, WAV)["comment"], tags(house.main, WAV)["genre"]) == ("peak time", "Techno")
    assert tags(house.main, ALAC)["genre"] == ""
    entry = await house.entry(A)
    assert [(one.origin, dict(one.facts)) for one in entry.said] == [("dj", {"bpm": 126.0})]
    assert (entry.analysis or {})["bpm"] == 125.5, "our own value stays visible beside"
    (row,) = house.catalog.rows.values()
    assert (row.fields["bpm_origin"], row.fields["key_origin"]) == ("dj", "ours")
    assert {tags(house.main, path)["replay_gain_db"] for path in (WAV, ALAC)} == {-3.0}
    edit(house.second, ALAC, bpm=127.0)
    await house.again("tag", A)
    await stands_with(house, bpm=127.0, key="Am")


async def test_implausible_edits_are_not_heard(house: House) -> None:
    """A tempo of 0 or a key that is none is nobody's word, and the file that holds it is left with it."""
    edit(house.main, WAV, bpm=900.0, key="Off Key")
    house.audio.ears = {"bpm": 125.5}
    await house.again("analyze", A)
    assert (await house.entry(A)).said == ()
    assert (tags(house.main, WAV)["bpm"], tags(house.main, ALAC)["bpm"]) == (900.0, 125.5)


async def test_the_marks_of_dj_software_in_the_incoming_file_count(house: House) -> None:
    """Serato's own tempo goes before ours, plain tags too; a later edit of our files goes before both."""
    house.audio.claims = Claims(bpm="122.00", key="8B", software="Serato")
    house.source.offer(B, sound("b"))
    await house.url(B)
    entry = await house.entry(B)
    assert [(one.origin, dict(one.facts)) for one in entry.said] == [
        ("dj", {"bpm": 122.0, "key": "C", "software": "Serato"})
    ]
    assert tags(house.main, WAV.replace("Song a", "Song b"))["bpm"] == 122.0
    edit(house.main, WAV.replace("Song a", "Song b"), bpm=123.0)
    await house.again("tag", B)
    house.main.files.clear()
    house.second.files.clear()
    await house.url(B)
    assert tags(house.main, WAV.replace("Song a", "Song b"))["bpm"] == 123.0, "made anew, it keeps the DJ's word"


async def test_a_volume_that_is_away_follows_when_it_is_back(house: House) -> None:
    """It is parked meanwhile; then its own file is re-tagged where it stands, with what a DJ did to it, not copied."""
    house.audio.ears = {"bpm": 125.5}
    house.set(second=False)
    job = await child(house, await house.again("analyze", A))
    assert (job.state, (job.result or {})["partial"]) == (JobState.PARTIAL, [SECOND])
    assert [one.target for one in (await house.entry(A)).parked] == [SECOND]
    assert (tags(house.main, ALAC)["bpm"], tags(house.second, ALAC)["bpm"]) == (125.5, 124.0)
    edit(house.second, ALAC, comment="warm up")
    house.set()
    root = await house.sync(Scope.UNFINISHED)
    (plan,) = (root.result or {})["tracks"]
    assert [one["verb"] for one in plan["actions"]] == ["retag", "publish"]
    assert (tags(house.second, ALAC)["comment"], (await house.entry(A)).parked) == ("warm up", ())
    await stands_with(house, bpm=125.5)


async def test_a_djs_tempo_from_a_volume_that_comes_back_counts(house: House) -> None:
    """It is heard before the file is re-tagged, and the other volume follows."""
    house.audio.ears = {"integrated_lufs": -8.0, "replay_gain_db": -10.0}
    house.set(second=False)
    await house.again("analyze", A)
    edit(house.second, ALAC, bpm=126.0)
    house.set()
    await house.sync(Scope.UNFINISHED)
    await stands_with(house, bpm=126.0)
    assert tags(house.second, ALAC)["replay_gain_db"] == -10.0


async def test_a_lost_file_is_not_this_jobs_to_bring(house: House) -> None:
    """What stands is brought in step; the missing file is made by the next sync, with the same tags."""
    del house.main.files[WAV]
    house.audio.ears = {"bpm": 125.5}
    job = await child(house, await house.again("analyze", A))
    assert (job.state, house.gate.passed["supply"], WAV in house.main.files) == (JobState.DONE, 1, False)
    await house.url(A)
    assert (tags(house.main, WAV)["bpm"], house.gate.passed["supply"]) == (125.5, 2)
    assert await house.lacks(A) == []


async def test_a_retry_during_a_sync_waits_for_it_and_is_not_lost(house: House) -> None:
    """One job of a track runs at a time; both are done, each as what it was asked for."""
    house.source.offer(B, sound("b"))
    house.gate.close("supply", "before")
    await house.ask(Scope.URL, B.source_url)
    await house.idle_or_stopped()
    track_id = (await house.entry(B)).id
    request = RetryRequest(step="tag", track=track_id)
    await house.jobs.enqueue(REQUEST, request.as_dict(), key=request.key, lane=Lane.USER)
    waiting = await house.jobs.enqueue(kind_of("tag"), {"track": track_id}, key=track_id, lane=Lane.USER)
    other = await house.jobs.enqueue(kind_of("analyze"), {"track": track_id}, key=track_id, lane=Lane.USER)
    assert len({waiting.id, other.id}) == 2
    for _ in range(20):
        await house.clock.advance(0)
    assert {(await house.jobs.get(one.id)).state for one in (waiting, other)} == {JobState.WAITING}
    await house.stop()
    house.gate.open()
    await house.start()
    await house.idle()
    kinds = await house.jobs.list(JobFilter(key=track_id))
    assert {job.kind: job.state for job in kinds} == {
        TRACK: JobState.DONE,
        kind_of("tag"): JobState.DONE,
        kind_of("analyze"): JobState.DONE,
    }


@pytest.mark.parametrize("effect", ["analyze", "amend", "place", "publish"])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_stop_at_any_effect_changes_nothing_in_the_end(house: House, effect: str, when: str) -> None:
    """As an undisturbed run: the DJ's word is the DJ's, ours is not taken for one, each recycled file is journalled."""
    edit(house.main, WAV, key="Dm")
    house.audio.ears = {"bpm": 125.5}
    house.gate.close(effect, when)
    request = RetryRequest(step="analyze", track=(await house.entry(A)).id)
    await house.jobs.enqueue(REQUEST, request.as_dict(), key=request.key, lane=Lane.USER)
    await house.idle_or_stopped()
    assert house.gate.reached.is_set()
    await house.stop()
    house.gate.open()
    await house.start()
    await house.idle()
    assert [dict(one.facts) for one in (await house.entry(A)).said] == [{"key": "Dm"}]
    named = [one["before"]["recycled"] for one in await house.ledger.journal() if (one["before"] or {}).get("recycled")]
    lying = [path for shelf in (house.main, house.second) for path in shelf.files if path.startswith(RECYCLE)]
    assert sorted(named) == sorted(lying)
    await stands_with(house, bpm=125.5, key="Dm")


async def test_a_failure_on_the_way_is_tried_again(house: House) -> None:
    """A temporary failure puts the job back; the track does not count as failed."""
    house.audio.ears = {"bpm": 125.5}
    house.gate.fail("amend", Temporary("come again", delay=5))
    job = await child(house, await house.again("analyze", A))
    assert (job.state, job.attempts, (await house.entry(A)).failure) == (JobState.DONE, 2, None)
    await stands_with(house, bpm=125.5)


async def test_a_file_that_cannot_be_tagged_costs_no_other(house: House) -> None:
    """The job fails with its reason, the other files have the new tags; the next sync tries that one again."""
    house.audio.ears = {"bpm": 125.5}
    house.gate.fail("amend", Permanent("the samples are others"))
    job = await child(house, await house.again("analyze", A))
    assert (job.state, (job.reason or {})["what"]) == (JobState.FAILED, "the samples are others")
    assert (tags(house.main, ALAC)["bpm"], tags(house.main, WAV)["bpm"]) == (124.0, 125.5)
    assert await house.lacks(A) == [MAIN, "catalog:memory"]
    assert (await house.url(A)).state is JobState.DONE
    await stands_with(house, bpm=125.5)


async def test_a_volume_that_is_pulled_out_while_it_is_heard_is_not_the_files_fault(house: House) -> None:
    """The job ends partial with the volume's name, and nothing of the track is called broken."""
    house.gate.fail("analyze", BadInput("no whole audio"))
    looked = house.main.look

    async def gone(kept: Kept) -> Kept | None:
        house.set(main=house.gate.passed["analyze"] == 0)
        return await looked(kept)

    house.main.look = gone  # type: ignore[method-assign]
    job = await child(house, await house.again("analyze", A))
    assert (job.state, (job.result or {})["partial"], (await house.entry(A)).failure) == (
        JobState.PARTIAL,
        [MAIN],
        None,
    )


async def test_a_dry_run_says_what_a_run_does(house: House) -> None:
    """The same actions as values, and nothing is done."""
    house.audio.ears, before = {"bpm": 125.5}, house.writes()
    planned = (await house.again("analyze", A, dry_run=True)).result or {}
    assert (house.writes(), house.gate.passed["analyze"]) == (before, 0)
    (plan,) = planned["tracks"]
    assert [(one["verb"], one["target"], one["parts"]) for one in plan["actions"]] == [
        ("analyze", MAIN, ["alac"]),
        ("retag", MAIN, ["alac", "wav"]),
        ("retag", SECOND, ["alac"]),
        ("publish", "catalog:memory", []),
    ]
    job = await child(house, await house.again("analyze", A))
    assert (job.result or {})["actions"] == plan["actions"]


async def test_many_go_behind_whatever_else_there_is(house: House) -> None:
    """All, a query, and only what older ears heard; duplicates are passed over with a word."""
    zebra = song("zebra")
    house.source.offer(zebra, sound("zebra"))
    await house.url(zebra)
    double = song("c")
    house.source.offer(double, sound("a", encoding="other"))
    await house.url(double)
    root = await house.again("tag")
    assert len((root.result or {})["tracks"]) == 2
    assert {job.lane for job in await house.jobs.list(JobFilter(parent=root.id))} == {Lane.BACKLOG}
    root = await house.again("tag", query="song zebra")
    assert [one["label"] for one in (root.result or {})["tracks"]] == [zebra.label]
    root = await house.again("tag", query="ada")
    notes = [one["note"] for one in (root.result or {})["tracks"]]
    assert [note[:18] for note in notes if note] == ["the same recording"]
    entry = await house.entry(A)
    await house.ledger.record_analysis(entry.id, (entry.analysis or {}) | {"version": ANALYSIS_VERSION - 1})
    root = await house.again("analyze", outdated=True)
    assert [one["track"] for one in (root.result or {})["tracks"]] == [entry.id]
    assert ((await house.entry(A)).analysis or {})["version"] == ANALYSIS_VERSION
    assert (root.result or {})["rungs"][0]["said"] == "passed over 1 tracks that are up to date"


async def test_a_track_that_stands_nowhere_is_refused_with_the_way_out(house: House) -> None:
    """Nothing to hear: said, and nothing is downloaded for it; an absent volume is named."""
    house.set(main=False, second=False)
    root = await house.again("analyze", A)
    (refused,) = (root.result or {})["refused"]
    assert (refused["error"]["class"], await house.jobs.list(JobFilter(parent=root.id))) == ("Degraded", [])
    house.set()
    await house.ledger.drop_evidence((await house.entry(A)).id, [(MAIN, "alac"), (MAIN, "wav"), (SECOND, "alac")])
    root = await house.again("analyze", A)
    (refused,) = (root.result or {})["refused"]
    assert "tracks retry" in refused["error"]["fix"]
    assert house.gate.passed["supply"] == 1


async def test_tags_alone_are_due_on_every_volume_even_when_all_are_away(house: House) -> None:
    """A retry of tags is written down as due and done when the volumes are back."""
    await house.ledger.record_said((await house.entry(A)).id, "person", {"bpm": 128})
    house.set(main=False, second=False)
    job = await child(house, await house.again("tag", A))
    assert (job.state, (job.result or {})["partial"]) == (JobState.PARTIAL, [MAIN, SECOND])
    house.set()
    await house.sync(Scope.UNFINISHED)
    await stands_with(house, bpm=128.0)


async def test_a_volume_that_can_only_be_read_is_parked(house: House) -> None:
    """Its file keeps the older tags until it can be written."""
    house.audio.ears = {"bpm": 125.5}
    house.second.condition = Condition.READ_ONLY
    job = await child(house, await house.again("analyze", A))
    assert (job.result or {})["partial"] == [SECOND]
    house.set()
    await house.sync(Scope.UNFINISHED)
    await stands_with(house, bpm=125.5)


# A person's word in a row


async def test_a_persons_tempo_and_key_reach_every_file(house: House) -> None:
    """What he wrote into the row stays, counts from then on, and the files say it; his clearing takes it back."""
    ours = dict((await house.entry(A)).analysis or {})
    (row,) = house.catalog.rows
    house.catalog.edit(row, bpm=87.5, key="11B")
    job = await house.url(A)
    assert (job.kind, job.state, job.attempts) == (TRACK, JobState.DONE, 1)
    assert {one.origin: one.facts for one in (await house.entry(A)).said}["person"] == {"bpm": 87.5, "key": "A"}
    assert [tags(house.main, path)["bpm"] for path in (ALAC, WAV)] == [87.5, 87.5]
    assert tags(house.second, ALAC)["key"] == "A"
    fields = house.catalog.rows[row].fields
    assert (fields["bpm"], fields["bpm_origin"], fields["key"], fields["camelot"]) == (87.5, "person", "11B", "11B")
    assert (await house.lacks(A), (await house.url(A)).kind) == ([], REQUEST)
    house.catalog.edit(row, bpm=None)
    await house.url(A)
    assert {one.origin: one.facts for one in (await house.entry(A)).said}["person"] == {"key": "A"}
    assert tags(house.main, ALAC)["bpm"] == ours["bpm"]
    assert house.catalog.rows[row].fields["bpm"] is None
    assert (await house.lacks(A), (await house.url(A)).kind) == ([], REQUEST)


async def test_a_tempo_that_nobody_means_is_not_heard(house: House) -> None:
    """It stays in the row, where it is his, and makes no work."""
    (row,) = house.catalog.rows
    house.catalog.edit(row, bpm=9999, key="none of these")
    before = house.writes()
    assert (await house.url(A)).kind == REQUEST
    assert (house.writes(), (await house.entry(A)).said) == (before, ())


async def test_a_word_that_is_found_while_tagging_is_carried_out_in_the_same_job(house: House) -> None:
    """The row is found edited when it is written."""
    (row,) = house.catalog.rows
    house.catalog.edit(row, bpm=87.5)
    job = await child(house, await house.again("tag", A))
    assert (job.state, job.attempts) == (JobState.DONE, 1)
    await stands_with(house, bpm=87.5)


@pytest.mark.parametrize("retry", [False, True])
async def test_a_catalog_that_cannot_be_freshened_is_told(house: House, retry: bool) -> None:
    """Once for each request; what does not need it goes on."""
    house.set(catalog=False)
    root = await (house.again("tag", A) if retry else house.sync(Scope.UNFINISHED))
    told = {one["source"]: one["said"] for one in (root.result or {})["rungs"]}
    assert "not brought up to date: The memory catalog is away" in told["catalog:memory"]
    house.set()
    freshened = house.catalog.freshened
    await (house.again("tag", A) if retry else house.sync(Scope.UNFINISHED))
    assert house.catalog.freshened == freshened + 1
