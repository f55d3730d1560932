"""Everything held against everything, in a house in memory: what is found, what is put right, what is left alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from musicsyncd.catalog.base import Row
from musicsyncd.errors import Degraded, Temporary
from musicsyncd.jobs.job import JobFilter, JobState, Lane
from musicsyncd.ledger.entry import Aside
from musicsyncd.ledger.mirror import MirrorRow
from musicsyncd.ledger.standing import Evidence
from musicsyncd.library.base import Kept
from musicsyncd.library.memory import MemoryShelf
from musicsyncd.sync import differences
from musicsyncd.sync.engine import TRACK
from musicsyncd.sync.reconcile import APPLY, DRY_RUN, RECONCILE
from musicsyncd.sync.undoing import UNDO
from tests.sync.house import MAIN, SECOND, House, running_house, song, sound

SONGS = tuple(song(name) for name in "abcdef")
A, B, C = SONGS[:3]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Six tracks stand: two formats on one volume, one on the other, a row each."""
    async with running_house(tmp_path / "staging") as house:
        for track in SONGS:
            house.source.offer(track, sound(track.title))
            await house.url(track)
        yield house


async def planned(house: House) -> dict[str, Any]:
    job = await house.done(DRY_RUN, RECONCILE)
    assert job.state is JobState.DONE, job.reason
    assert job.result is not None
    return job.result


async def run(house: House) -> dict[str, Any]:
    """A plain run, and what it set going."""
    job = await house.done(RECONCILE, RECONCILE)
    assert job.result is not None, job.reason
    await house.idle()
    return job.result


def kinds(plan: dict[str, Any]) -> list[tuple[str, str]]:
    return sorted((one["kind"], one["who"]) for one in plan["differences"])


async def paths(house: House, track: Any, target: str = MAIN) -> dict[str, str]:
    """Where its files are, by format."""
    return {one.part: one.detail["path"] for one in (await house.entry(track)).evidence if one.target == target}


def all_bytes(house: House) -> list[bytes]:
    return sorted([*house.main.files.values(), *house.second.files.values()])


async def test_nothing_differs_where_all_stands(house: House) -> None:
    """And nothing is written to say so."""
    writes = house.writes()
    plan = await planned(house)
    assert (plan["differences"], plan["summary"]) == ([], "nothing differs")
    assert plan["checked"] == {"tracks": 6, "files": 18, "rows": 6}
    assert (await run(house))["done"] == []
    assert house.writes() == writes


async def test_a_moved_file_is_followed_and_nothing_is_copied(house: House) -> None:
    """Renamed by a person, and into another folder; the row says so afterwards, and nothing is left to say."""
    old = (await paths(house, A))["wav"]
    house.main.write("Crates/renamed.wav", house.main.files.pop(old))
    files, writes = all_bytes(house), house.main.writes
    plan = await planned(house)
    assert kinds(plan) == [("moved", "safe")]
    assert (await paths(house, A))["wav"] == old
    result = await run(house)
    assert result["differences"] == plan["differences"]
    assert (result["done"], result["left"]) == ([plan["differences"][0]["id"]], [])
    assert (await paths(house, A))["wav"] == "Crates/renamed.wav"
    assert (all_bytes(house), house.main.writes) == (files, writes)
    row = next(one for one in house.catalog.rows.values() if one.fields["title"] == A.title)
    assert "main:Crates/renamed.wav" in row.fields["files"]
    assert (await planned(house))["differences"] == []


async def test_a_file_that_was_moved_and_retagged_is_known_by_its_samples(house: House) -> None:
    """Neither its bytes nor its size are the same."""
    old = (await paths(house, A))["wav"]
    house.main.write("DJ/other name.wav", house.main.files.pop(old) + b" ")
    result = await run(house)
    assert kinds(result) == [("moved", "safe")]
    assert "with other tags" in result["differences"][0]["found"]
    assert (await paths(house, A))["wav"] == "DJ/other name.wav"
    assert await house.lacks(A) == []


async def test_a_lost_file_comes_back_as_work(house: House) -> None:
    """It is dropped from what is believed, journalled, and copied anew; nobody is asked."""
    old = (await paths(house, A))["wav"]
    data = house.main.files.pop(old)
    result = await run(house)
    assert kinds(result) == [("gone", "safe")]
    assert house.main.files[old] == data
    assert await house.lacks(A) == []
    lost = [one for one in await house.ledger.journal(result["plan"]) if one["what"] == "lost"]
    assert [one["before"]["path"] for one in lost] == [old]
    assert (await planned(house))["differences"] == []


async def test_an_emptied_volume_is_an_error_and_nothing_is_done(house: House) -> None:
    """Half of its files are gone; a row that differs and a safe repair elsewhere wait as well."""
    gone = sorted(house.main.files)[:6]
    for path in gone:
        del house.main.files[path]
    (row_id, *_) = house.catalog.rows
    house.catalog.edit(row_id, downloaded=False)
    before, evidence = house.writes(), [(await house.entry(one)).evidence for one in SONGS]
    job = await house.done(RECONCILE, RECONCILE)
    assert job.state is JobState.FAILED
    assert job.reason is not None
    assert job.reason["class"] == "NeedsPerson"
    assert f"6 of 12 files on {MAIN}" in job.reason["what"]
    assert (house.writes(), [(await house.entry(one)).evidence for one in SONGS]) == (before, evidence)
    assert len(await house.jobs.list(JobFilter(kind=TRACK))) == len(SONGS)
    plan = await planned(house)
    assert ("shrunk", "person") in kinds(plan)
    applied = await house.done(APPLY, plan["plan"], plan=plan["plan"])
    assert applied.state is JobState.FAILED
    assert house.writes() == before


async def test_a_volume_that_was_tidied_is_not_an_emptied_one(house: House) -> None:
    """Every file has another name: each is found again."""
    for number, path in enumerate(sorted(house.main.standing())):
        house.main.write(f"Tidy/{number}.{path.rpartition('.')[2]}", house.main.files.pop(path))
    files = all_bytes(house)
    result = await run(house)
    assert kinds(result) == [("moved", "safe")] * 12
    assert all_bytes(house) == files
    assert (await planned(house))["differences"] == []


async def test_a_volume_that_is_away_is_not_spoken_of(house: House) -> None:
    """The rest is."""
    house.set(second=False)
    old = (await paths(house, A))["wav"]
    house.main.write("x.wav", house.main.files.pop(old))
    plan = await planned(house)
    assert (kinds(plan), list(plan["away"])) == ([("moved", "safe")], [SECOND])


async def test_a_file_of_a_tracks_that_the_ledger_does_not_know_there_is_written_down(house: House) -> None:
    """By its bytes; a second copy and a stranger are told of and left."""
    entry = await house.entry(A)
    old = (await paths(house, A))["wav"]
    await house.ledger.drop_evidence(entry.id, [(MAIN, "wav")])
    house.main.write("Else/copy of b.wav", house.main.files[(await paths(house, B))["wav"]])
    house.main.write("Else/stranger.wav", b"somebody's")
    house.main.write("notes.txt", b"text")
    writes = house.main.writes
    plan = await planned(house)
    # that the track lacks a file, and that the file is there, are told both
    assert [one for one in kinds(plan) if one[0] != "lacking"] == [
        ("unknown", "told"),
        ("unknown", "told"),
        ("unrecorded", "safe"),
    ]
    told = {one["subject"]: one["found"] for one in plan["differences"] if one["kind"] == "unknown"}
    assert set(told) == {"main:Else/copy of b.wav", "main:Else/stranger.wav"}
    assert "a second copy of" in told["main:Else/copy of b.wav"]
    await run(house)
    assert (await paths(house, A))["wav"] == old
    assert house.main.writes == writes
    assert [one["kind"] for one in (await planned(house))["differences"]] == ["unknown", "unknown"]


async def test_what_was_changed_in_place_is_looked_at_by_its_track(house: House) -> None:
    """Other tags are taken as the owner's; other bytes are not ours, and ours is put beside them."""
    old = (await paths(house, A))["wav"]
    house.main.write(old, house.main.files[old] + b" ")
    other = (await paths(house, B))["wav"]
    house.main.write(other, b"something else")
    result = await run(house)
    assert kinds(result) == [("changed", "safe")] * 2
    assert (await paths(house, A))["wav"] == old
    assert house.main.files[other] == b"something else"
    assert [await house.lacks(one) for one in (A, B)] == [[], []]


async def test_rows_that_are_gone_or_say_otherwise_are_work(house: House) -> None:
    rows = {one.fields["title"]: one.id for one in house.catalog.rows.values()}
    house.catalog.edit(rows[A.title], downloaded=False)
    del house.catalog.rows[rows[B.title]]
    result = await run(house)
    assert kinds(result) == [("row differs", "safe"), ("row gone", "safe")]
    assert house.catalog.rows[rows[A.title]].fields["downloaded"] is True
    assert await house.lacks(B) == []
    assert (await planned(house))["differences"] == []


async def test_rows_that_are_gone_by_the_dozen_are_an_error(house: House) -> None:
    """Somebody emptied the book, or it is another one."""
    for row_id in [*house.catalog.rows][:5]:
        del house.catalog.rows[row_id]
    job = await house.done(RECONCILE, RECONCILE)
    assert job.state is JobState.FAILED
    assert job.reason is not None
    assert "5 of 6 rows" in job.reason["what"]


async def test_what_waits_and_what_failed_is_taken_up_where_the_cause_is_gone(house: House) -> None:
    """What is still away, and what failed for good, stays."""
    a, b, c, d = [(await house.entry(one)).id for one in SONGS[:4]]
    await house.ledger.park(a, {SECOND: Degraded("away", target=SECOND)})
    await house.ledger.record_failure(b, Temporary("The service rests"))
    await house.ledger.record_failure(c, Degraded("away", target=MAIN))
    await house.ledger.record_failure(d, Temporary("A new one"), again=True)
    assert kinds(await planned(house)) == [("failed", "safe"), ("parked", "safe")]
    await house.clock.advance(86_400)
    result = await run(house)
    assert kinds(result) == [("failed", "safe"), ("failed", "safe"), ("parked", "safe")]
    counts = await house.ledger.counts()
    assert (counts["parked"], counts["failed"]) == (0, 1)


async def test_tracks_that_are_worked_on_are_passed_over(house: House) -> None:
    """What is seen of them is half-done."""
    entry = await house.entry(A)
    del house.main.files[(await paths(house, A))["wav"]]
    await house.jobs.enqueue("unheard-of", {}, key=entry.id, lane=Lane.BACKLOG)
    assert kinds(await planned(house)) == []


async def test_a_plan_is_applied_only_where_it_still_holds(house: House) -> None:
    """The file is back by then; the second application has nothing left to do."""
    old = (await paths(house, A))["wav"]
    data = house.main.files.pop(old)
    plan = await planned(house)
    house.main.write(old, data)
    job = await house.done(APPLY, plan["plan"], plan=plan["plan"])
    assert job.result is not None
    assert ([one["why"] for one in job.result["left"]], job.result["done"]) == (["The file is back"], [])
    assert (await paths(house, A))["wav"] == old


async def test_one_run_does_so_much_and_no_more(house: House) -> None:
    """The rest is left with its reason, and the next run does it."""
    for track in (A, B, C):
        old = (await paths(house, track))["wav"]
        house.main.write(f"Moved/{track.title}.wav", house.main.files.pop(old))
    await house.stop()
    house.most_reconciled = 2
    await house.start()
    result = await run(house)
    assert (len(result["done"]), len(result["left"])) == (2, 1)
    assert "at most 2" in result["left"][0]["why"]
    assert len((await run(house))["done"]) == 1
    assert (await planned(house))["differences"] == []


async def test_what_was_created_without_an_answer_is_looked_for(house: House) -> None:
    """In a mirrored book; what nothing is wanted of is forgotten."""
    house.catalog.__dict__["mirrored"] = True  # of this one only
    for row in house.catalog.rows.values():
        await house.mirror.put("memory", [MirrorRow(page=row.id, key=row.key, created="2026", edited="2026")])
    await house.mirror.intend("memory", "key-a", (await house.entry(A)).id)
    await house.mirror.intend("memory", "key-x", "nobody00")
    assert kinds(await planned(house)) == []
    await house.clock.advance(7200)
    result = await run(house)
    assert kinds(result) == [("unanswered", "safe")] * 2
    assert [one.key for one in await house.mirror.intents("memory")] == ["key-a"]


async def past(house: House, **fields: Any) -> str:
    """A row of the past in the book, which is a mirrored one from now on."""
    house.catalog.__dict__["mirrored"] = True  # of this one only
    page = f"past-{len(house.catalog.rows)}"
    house.catalog.rows[page] = Row(id=page, key="", fields=fields)
    for row in house.catalog.rows.values():
        seen = MirrorRow(page=row.id, key=row.key, created="2026", edited="2026", fields=row.fields)
        await house.mirror.put("memory", [seen])
    return page


async def test_a_repair_whose_answer_was_lost_is_undone_all_the_same(house: House) -> None:
    """The try that wrote it could not write that down; a second application of the plan claims nothing."""
    page = await past(house, title="Nowhere", path_wav="None", youtube_url="https://youtu.be/")
    plan = await planned(house)
    assert kinds(plan) == [("poisoned", "person")]
    house.catalog.lose_answers = 1
    job = await house.jobs.enqueue(APPLY, {"plan": plan["plan"]}, key="apply", lane=Lane.USER)
    await house.idle()
    assert (await house.jobs.get(job.id)).state is JobState.DONE
    assert house.catalog.rows[page].fields == {"title": "Nowhere", "path_wav": None, "youtube_url": None}
    again = await house.done(APPLY, "again", plan=plan["plan"])
    assert (await house.ledger.journal(again.id), again.result and again.result["left"]) == ([], [])
    undone = await house.done(UNDO, job.id, operation=job.id)
    assert undone.result is not None
    assert (undone.result["left"], undone.result["summary"]) == ([], "1 row says again what stood there")
    assert house.catalog.rows[page].fields["path_wav"] == "None"


async def test_a_row_that_was_written_since_is_neither_repaired_nor_turned_back(house: House) -> None:
    """A person was faster, before the application and before the undo."""
    page = await past(house, title="Nowhere", path_wav="None", isrc="null")
    plan = await planned(house)
    house.catalog.edit(page, path_wav="/real/path.wav")
    job = await house.done(APPLY, "apply", plan=plan["plan"])
    assert house.catalog.rows[page].fields | {"title": ""} == {"title": "", "path_wav": "/real/path.wav", "isrc": None}
    house.catalog.edit(page, isrc="GBAYE0000001")
    undone = await house.done(UNDO, job.id, operation=job.id)
    assert undone.state is JobState.PARTIAL
    assert house.catalog.rows[page].fields["isrc"] == "GBAYE0000001"


async def test_a_row_of_ours_without_a_track_is_unchecked_without_asking(house: House) -> None:
    """We wrote it; a row that a person checked waits for him."""
    ours = await past(house, title="Ours", downloaded=True, path_wav=None)
    his = await past(house, title="His", downloaded=True, path_wav=None)
    await house.mirror.wrote("memory", ours, {"downloaded": True})
    result = await run(house)
    assert kinds(result) == [("unfounded", "person"), ("unfounded", "safe")]
    assert [house.catalog.rows[one].fields["downloaded"] for one in (ours, his)] == [False, True]


async def test_two_rows_with_one_key_are_reported_and_left(house: House) -> None:
    for number in range(2):
        await past(house, title=f"Twin {number}")
    for page in ("past-6", "past-7"):
        await house.mirror.put("memory", [MirrorRow(page=page, key="spotify:x", created="2026", edited="2026")])
    before = dict(house.catalog.rows)
    result = await run(house)
    assert kinds(result) == [("doubled", "person")]
    assert house.catalog.rows == before


async def test_another_shelf_is_asked_item_by_item(house: House) -> None:
    """It lists nothing; items that are gone there are work."""
    eagle = MemoryShelf("eagle", formats=("alac",))
    eagle.lists = False
    shelves = house.lookout.shelves
    assert isinstance(shelves, dict)
    shelves[eagle.target] = eagle
    for track in (A, B):
        entry = await house.entry(track)
        known = next(one for one in entry.evidence if (one.target, one.part) == (MAIN, "alac"))
        eagle.write(f"{track.title}.m4a", house.main.files[known.detail["path"]])
        kept = Kept.from_dict(known.detail | {"shelf": "eagle", "marker": eagle.marker, "path": f"{track.title}.m4a"})
        stands = Evidence(target=eagle.target, part="alac", proof=known.proof, detail=kept.as_dict())
        await house.ledger.record_evidence(entry.id, stands, None)
    del eagle.files[f"{B.title}.m4a"]
    gone = [one["subject"] for one in (await planned(house))["differences"] if one["kind"] == "gone"]
    assert gone == [(await house.entry(B)).id]


async def test_a_shrunk_volume_stops_a_run_however_much_else_differs(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More is gone than one plan lists: neither a run nor an approved plan believes it."""
    monkeypatch.setattr(differences, "LISTED", 3)
    for path in sorted(house.main.files)[:6]:
        del house.main.files[path]
    evidence = [(await house.entry(one)).evidence for one in SONGS]
    plan = await planned(house)
    assert (kinds(plan)[-1], plan["more"]) == (("shrunk", "person"), 3)
    for job in (await house.done(RECONCILE, RECONCILE), await house.done(APPLY, "one", plan=plan["plan"])):
        assert job.state is JobState.FAILED
        assert (job.reason or {})["class"] == "NeedsPerson"
    assert [(await house.entry(one)).evidence for one in SONGS] == evidence


async def test_of_a_track_that_is_left_alone_nothing_is_brought(house: House) -> None:
    """Its file is gone: that is written down once, and never proposed as work."""
    track = await house.entry(A)
    await house.ledger.set_aside(track.id, Aside.SKIPPED)
    del house.main.files[(await paths(house, A))["wav"]]
    assert kinds(await run(house)) == [("gone", "safe")]
    assert (await planned(house))["differences"] == []
