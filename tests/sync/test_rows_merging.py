"""Merging rows against the played Notion: planned, written, put away, and taken back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from musicsyncd.jobs.job import Job, JobState, Lane
from musicsyncd.ledger.journal import Change
from musicsyncd.ledger.standing import Evidence
from musicsyncd.music.identity import Identity
from musicsyncd.music.track import Track
from musicsyncd.sync.engine import TRACK
from musicsyncd.sync.rows_merging import AMENDED, PUT_AWAY
from tests.catalog.notion_house import song
from tests.fakes import prints
from tests.fakes.notion import NotionFake
from tests.fakes.notion_music import Workspace, music_workspace
from tests.sync.rows_house import TARGET, RowsHouse, rows_house

ID = "4uLU6hMCjMI75M1A2tKUQC"
OTHER = "7ouMYWpwJ422jRcDASZB7P"


@pytest.fixture
def fake() -> Iterator[NotionFake]:
    with NotionFake() as found:
        yield found
    assert found.faults == []


@pytest.fixture
def workspace(fake: NotionFake) -> Workspace:
    return music_workspace(fake)


@pytest.fixture
async def house(fake: NotionFake, workspace: Workspace, tmp_path: Path) -> AsyncIterator[RowsHouse]:
    async with rows_house(fake, workspace, tmp_path) as found:
        yield found


def two(house: RowsHouse) -> tuple[str, str]:
    """Two rows of one Spotify track, the first the better one; each says something that the other does not."""
    artists = [house.fake.row(house.workspace.artists, Name=name) for name in ("Ada", "Bea")]
    keeper = house.row(
        Title="Joga", Artist_Name="Björk", Spotify_ID=ID, Eagle_File_ID="E1", Artist=artists[:1],
        Audio_Processing=["Converted"], Release_Date="2020-05-17", Fallback_Used=False,
    )  # fmt: skip
    donor = house.row(
        Title="joga", Spotify_ID=ID, Album="Homogenic", Artist=artists[1:], Audio_Processing=["Tagged", "Converted"],
        Release_Date="1997-09-22", Fallback_Used=True, Downloaded=True, Popularity=71, Comments="Peak time",
    )  # fmt: skip
    return keeper, donor


def left(job: Job) -> dict[str, str]:
    assert job.result is not None
    return {one["page"]: one["why"] for one in job.result["left"]}


async def test_what_is_planned_is_merged_journalled_and_undone(house: RowsHouse) -> None:
    """Planning writes nothing; the one that stays says what it lacked, the other is in the trash as it was; undo
    brings both back as they were.
    """
    keeper, donor = two(house)
    alone = house.row(Title="Joga", Artist_Name="Björk")
    before = house.said()
    plan = await house.plan()
    assert house.said() == before
    (group,) = plan["groups"]
    (goes,) = group["donors"]
    assert (group["keeper"]["page"], goes["page"], plan["rows"]) == (keeper, donor, 1)
    assert (group["keeper"]["score"], group["keeper"]["why"]) == (5, "Eagle id +5")
    assert ID in goes["evidence"]
    assert goes["lost"] == {"Popularity": 71}
    assert group["writes"]["album"] == {"before": None, "after": "Homogenic", "of": donor}

    job = await house.apply(plan)
    assert job.state is JobState.DONE, job.result
    assert job.result is not None
    assert [one["page"] for one in job.result["merged"]] == [donor]
    rows = house.rows()
    assert set(rows) == {keeper, alone}
    row = rows[keeper]
    assert (row["Title"], row["Album"], row["Comments"]) == ("Joga", "Homogenic", "Peak time")
    assert sorted(row["Audio Processing"]) == ["Converted", "Tagged"]
    assert (row["Release Date"], row["Fallback Used"], row["Downloaded"]) == ("1997-09-22", True, False)
    assert len(row["Artist"]) == 2
    trashed = house.rows(trashed=None)[donor]
    assert (trashed.in_trash, dict(trashed.values)) == (True, before[donor][1])
    assert [one["what"] for one in await house.ledger.journal(job.id)] == [AMENDED, PUT_AWAY]
    assert (await house.plan())["groups"] == []
    again = await house.apply(plan)
    assert (again.state, again.result and again.result["merged"]) == (JobState.DONE, [])

    undone = await house.undo(job)
    assert undone.state is JobState.DONE, undone.result
    assert house.said() == before
    assert (await house.plan())["groups"] == [group]


async def test_what_was_edited_since_stays(house: RowsHouse) -> None:
    """In the row that stays; the rest of it, and the other row, come back."""
    keeper, donor = two(house)
    job = await house.apply(await house.plan())
    house.fake.edit(keeper, Album="By hand")
    undone = await house.undo(job)
    assert undone.state is JobState.PARTIAL
    assert undone.result is not None
    assert "album" in undone.result["left"][0]["error"]["what"]
    row = house.rows()[keeper]
    assert (row["Album"], row["Release Date"], row["Fallback Used"]) == ("By hand", "2020-05-17", False)
    assert donor in house.rows()


@pytest.mark.parametrize("changed", ["keeper", "donor"])
async def test_a_row_that_was_changed_since_the_plan_stays(house: RowsHouse, changed: str) -> None:
    keeper, donor = two(house)
    plan = await house.plan()
    page = keeper if changed == "keeper" else donor
    house.fake.edit(page, Label="Somebody's")
    before = house.said()
    job = await house.apply(plan)
    assert job.state is JobState.PARTIAL
    assert "changed since the plan" in left(job)[page]
    assert house.said() == before


async def test_a_row_that_was_taken_out_since_the_plan(house: RowsHouse) -> None:
    keeper, _ = two(house)
    plan = await house.plan()
    house.fake.trash(keeper)
    before = house.said()
    job = await house.apply(plan)
    assert "not in the book" in left(job)[keeper]
    assert house.said() == before


async def test_one_application_puts_away_so_many(fake: NotionFake, workspace: Workspace, tmp_path: Path) -> None:
    """The rest waits, and the same plan does it."""
    async with rows_house(fake, workspace, tmp_path, most=1) as house:
        two(house)
        for _ in range(2):
            house.row(Title="Hunter", Spotify_ID=OTHER)
        plan = await house.plan()
        assert plan["rows"] == 2
        first = await house.apply(plan)
        assert (first.state, first.result and first.result["waiting"]) == (JobState.PARTIAL, 1)
        assert len(house.rows()) == 3
        assert (await house.apply(plan)).state is JobState.DONE
        assert len(house.rows()) == 2


async def test_a_book_that_shrank_is_not_planned_for(house: RowsHouse) -> None:
    two(house)
    await house.plan()
    state = await house.mirror.state("notion")
    for wrong in ({"note": "900 rows are gone"}, {"full_at": "2020-01-01T00:00:00.000+00:00"}):
        plan = await house.plan()
        before = house.said()
        await house.mirror.set_state("notion", type(state)(**(vars(state) | wrong)))
        for job in (await house.done("rows-plan", "rows-plan"), await house.apply(plan)):
            assert job.state is JobState.FAILED, job.result
        assert house.said() == before
        await house.mirror.set_state("notion", state)


async def published(house: RowsHouse, track: Track, fields: dict[str, Any]) -> tuple[str, str]:
    """A track with its row, and a file at `A/NAME.m4a`; the track's id and the page."""
    (known,) = await house.ledger.record_tracks([track])
    done = await house.catalog.publish(known.id, fields, known=None)
    row = Evidence(target=TARGET, part="row", proof="x", detail={"id": done.id, "key": ""})
    await house.ledger.record_evidence(known.id, row, None)
    return known.id, done.id


def track(name: str) -> Track:
    return Track(title="Song 1", artists=("Artist 1",), source="memory", identities=(Identity("memory", name),))


async def test_a_kept_tracks_row_stays_whatever_it_scores(house: RowsHouse) -> None:
    """And its words stay its own: a later publication changes nothing in the merged row."""
    fields = song(1)
    known, page = await published(house, track("a"), fields)
    donor = house.row(Title="Song 1", ISRC=fields["isrc"], Eagle_File_ID="E1", Rating=4)
    house.fake.edit(donor, {"Audio Duration (seconds)": 201.5})
    (group,) = (await house.plan())["groups"]
    assert (group["keeper"]["page"], [one["page"] for one in group["donors"]]) == (page, [donor])
    job = await house.apply(await house.plan())
    assert job.state is JobState.DONE, job.result
    assert house.rows()[page]["Rating"] == 4
    again = await house.catalog.publish(known, fields, known=page)
    assert (again.id, again.changed) == (page, ())


async def test_two_kept_tracks_keep_a_row_each(house: RowsHouse) -> None:
    """Whatever they share: whether these are one recording is told by their files."""
    fields = song(1)
    await published(house, track("a"), fields)
    await published(house, track("b"), song(2) | {"isrc": fields["isrc"], "title": "Song 1"})
    plan = await house.plan()
    assert plan["groups"] == []
    assert any("duplicates plan" in one["why"] for one in plan["doubts"])


async def test_the_row_of_a_track_that_is_left_out_goes(house: RowsHouse) -> None:
    """The ledger's verdict ties them though they share no id; the one left out leads nowhere, until undo."""
    kept, stays = await published(house, track("a"), song(1))
    copy, goes = await published(house, track("b"), song(2) | {"title": "Song 1"})
    assert await house.ledger.mark_duplicate(
        copy, kept, {"reason": "same"}, Change(operation="x", target="l", what="merged")
    )
    job = await house.apply(await house.plan())
    assert job.state is JobState.DONE, job.result
    assert set(house.rows()) == {stays}
    assert (await house.ledger.entry(copy)).evidence == ()
    assert (await house.undo(job)).state is JobState.DONE
    assert set(house.rows()) == {stays, goes}
    assert (await house.ledger.entry(copy)).evidence[0].detail["id"] == goes


async def test_a_row_is_known_by_the_fingerprint_it_bears(house: RowsHouse) -> None:
    """Held against what was heard, though the row names no track and was made by another program."""
    known, page = await published(house, track("a"), song(1) | {"fingerprint": None})
    text = prints.print_of("a", 0.05)
    await house.ledger.record_analysis(known, {"duration": 201.0, "fingerprint": prints.print_of("a")})
    donor = house.row(Title="Song 1", M4A_Fingerprint=text, Label="Bedroom")
    house.fake.edit(donor, {"Audio Duration (seconds)": 200.5})
    house.row(Title="Song 1 (Live)", M4A_Fingerprint=text)
    (group,) = (await house.plan())["groups"]
    assert (group["keeper"]["page"], [one["page"] for one in group["donors"]]) == (page, [donor])
    assert "fingerprints" in group["donors"][0]["evidence"]


async def test_rows_of_nobody_are_known_by_the_very_same_fingerprint(house: RowsHouse) -> None:
    """What cannot be compared ties nothing: a hash, a word, nothing."""
    text = prints.print_of("a")
    pages = [house.row(Title="Song 1", M4A_Fingerprint=text) for _ in range(2)]
    for other in ("d41d8cd98f00b204e9800998ecf8427e", "pending", ""):
        for _ in range(2):
            house.row(Title="Song 1", M4A_Fingerprint=other)
    (group,) = (await house.plan())["groups"]
    assert {group["keeper"]["page"], group["donors"][0]["page"]} == set(pages)


async def test_a_track_that_is_worked_on_keeps_its_row(house: RowsHouse) -> None:
    fields = song(1)
    known, page = await published(house, track("a"), fields)
    house.row(Title="Song 1", ISRC=fields["isrc"])
    plan = await house.plan()
    before = house.said()
    await house.jobs.enqueue(TRACK, {}, key=known, lane=Lane.BACKLOG)
    assert "worked on" in left(await house.apply(plan))[page]
    assert house.said() == before


@pytest.mark.parametrize("kind", ["applied_drop", "applied_500", "502", "drop"])
@pytest.mark.parametrize("which", [0, 1])
async def test_a_lost_answer_changes_nothing_in_the_end(house: RowsHouse, kind: str, which: int) -> None:
    """Of the row that stays or of the one that goes: it is looked at again, and nothing is done twice or not at all."""
    pages = two(house)
    plan = await house.plan()
    house.fake.fail(kind, times=1, where=lambda asked: asked.method == "PATCH" and pages[which] in asked.path)
    job = await house.apply(plan)
    for _ in range(3):
        if job.state is not JobState.DONE:
            job = await house.apply(plan)
    assert set(house.rows()) == {pages[0]}
    assert house.rows()[pages[0]]["Album"] == "Homogenic"


async def test_nothing_goes_before_the_other_row_reads_back(house: RowsHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that was answered and did not happen."""
    two(house)
    plan, before = await house.plan(), house.said()

    async def rewrite(row_id: str, values: object) -> bool:
        return True

    monkeypatch.setattr(house.catalog, "rewrite", rewrite)
    job = await house.apply(plan)
    assert job.state is JobState.PARTIAL
    assert "no row was put away" in next(iter(left(job).values()))
    assert house.said() == before
