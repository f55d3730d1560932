"""What is seen of one track: every piece of evidence is looked at again, and nothing is claimed that was not seen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from musicsyncd.catalog.base import Row
from musicsyncd.ledger.entry import Entry
from musicsyncd.ledger.standing import Evidence
from musicsyncd.library.base import Condition, Kept, Shelf
from musicsyncd.sync.look import Seen
from tests.sync.house import MAIN, SECOND, House, running_house, song, sound

A = song("a")
ROW = "catalog:memory"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """A house in which A stands everywhere."""
    async with running_house(tmp_path / "staging") as house:
        house.source.offer(A, sound("a"))
        await house.url(A)
        yield house


async def look(house: House) -> Seen:
    """Look at A, and change nothing by that."""
    before = house.writes()
    seen = await house.lookout.look(await house.entry(A))
    assert house.writes() == before
    return seen


def lacks(seen: Seen) -> dict[str, tuple[str, ...]]:
    """Missing parts by target."""
    return {one.target: one.parts for one in seen.lacks}


async def test_what_stands_lacks_nothing(house: House) -> None:
    """Every format can be had from a copy, and nothing is away."""
    seen = await look(house)
    assert (lacks(seen), dict(seen.away), seen.gone, set(seen.copies)) == ({}, {}, (), {"alac", "wav"})


async def test_a_new_track_lacks_everything(house: House) -> None:
    """Without evidence nothing is looked for."""
    seen = await house.lookout.look(Entry(id="", track=song("new")))
    assert lacks(seen) == {MAIN: ("alac", "wav"), SECOND: ("alac",), ROW: ("row",)}
    assert dict(seen.copies) == {}


@pytest.mark.parametrize("alike", [True, False])
async def test_a_file_with_other_bytes_stands_when_it_sounds_the_same(house: House, alike: bool) -> None:
    """Edited tags leave the evidence true, with the file as it is now; other samples are another file."""

    async def same_sound(shelf: Shelf, kept: Kept, pcm_md5: str) -> bool:
        asked.append((shelf.name, kept.path, pcm_md5))
        return alike

    asked: list[tuple[str, str, str]] = []
    path = next(one for one in house.main.files if one.endswith("wav"))
    house.main.files[path] += b" and tags"
    house.lookout = replace(house.lookout, same_sound=same_sound)
    entry = await house.entry(A)
    seen = await look(house)
    output = entry.output("wav")
    assert output is not None
    assert asked == [("main", path, output.pcm_md5)]
    if not alike:
        assert (seen.gone, seen.edited) == (((MAIN, "wav"),), ())
        return
    (edited,) = seen.edited
    assert (lacks(seen), seen.gone, edited.proof) == ({}, (), output.sha256)
    assert edited.detail["size"] == len(house.main.files[path])
    assert seen.copies["wav"].sha256 == edited.detail["sha256"]


@pytest.mark.parametrize("change", ["gone", "changed"])
async def test_a_file_that_is_gone_or_changed(house: House, change: str) -> None:
    """It lacks, it is told as gone, and the row that names it has to change with it."""
    path = next(one for one in house.main.files if one.endswith("wav"))
    if change == "gone":
        del house.main.files[path]
    else:
        house.main.files[path] = b"cue points"
    seen = await look(house)
    assert lacks(seen) == {MAIN: ("wav",), ROW: ("row",)}
    assert (seen.gone, set(seen.copies)) == (((MAIN, "wav"),), {"alac"})


async def test_a_file_that_is_gone_from_a_full_volume(house: House) -> None:
    """The volume cannot take it again now, and the row is corrected all the same."""
    house.main.files.clear()
    house.main.condition = Condition.FULL
    seen = await look(house)
    assert lacks(seen) == {MAIN: ("alac", "wav"), ROW: ("row",)}
    assert set(seen.away) == {MAIN}
    job = await house.url(A)
    assert (job.attempts, (job.result or {})["partial"]) == (1, [MAIN])
    (row,) = house.catalog.rows.values()
    assert row.fields["files"] == [f"second:{path}" for path in house.second.files]


async def test_a_volume_that_is_away_is_believed(house: House) -> None:
    """Its evidence holds until it is back, though no copy can be had from it."""
    house.main.condition = Condition.ABSENT
    seen = await look(house)
    assert (lacks(seen), set(seen.away), seen.gone, set(seen.copies)) == ({}, {MAIN}, (), {"alac"})


async def test_the_reason_for_a_volume_that_lacks_something_is_told(house: House) -> None:
    """What is away is asked for its state only when something is wanted of it."""
    house.set(main=False, second=False)
    seen = await house.lookout.look(Entry(id="", track=song("new")))
    assert set(seen.away) == {MAIN, SECOND}
    assert "absent" in str(seen.away[MAIN])


async def test_a_row_that_somebody_deleted(house: House) -> None:
    """It is gone, and made anew with the next sync."""
    house.catalog.rows.clear()
    seen = await look(house)
    assert (lacks(seen), seen.gone) == ({ROW: ("row",)}, ((ROW, "row"),))
    await house.url(A)
    assert len(house.catalog.rows) == 1


async def test_a_row_that_somebody_changed(house: House) -> None:
    """It is there and says something else: ours is put right in the same row, theirs stays."""
    (row,) = house.catalog.rows.values()
    house.catalog.rows[row.id] = Row(id=row.id, key=row.key, fields=row.fields | {"title": "Wrong", "rating": 5})
    seen = await look(house)
    assert (lacks(seen), seen.gone) == ({ROW: ("row",)}, ())
    await house.url(A)
    (now,) = house.catalog.rows.values()
    assert now == replace(row, fields=row.fields | {"rating": 5})


async def test_a_field_of_somebodys_own_is_no_lack(house: House) -> None:
    """A person's remark in the row makes no work."""
    (row,) = house.catalog.rows.values()
    house.catalog.rows[row.id] = replace(row, fields=row.fields | {"rating": 5})
    assert lacks(await look(house)) == {}


async def test_a_catalog_that_is_away_is_believed(house: House) -> None:
    """Its row is taken to stand, and the reason is at hand."""
    house.set(catalog=False)
    seen = await look(house)
    assert (lacks(seen), set(seen.away)) == ({}, {ROW})


async def test_an_older_version_is_no_copy(house: House) -> None:
    """A file that stands but is not the newest output lacks, and supplies no other volume."""
    entry = await house.entry(A)
    await house.ledger.record_files(
        entry.id, [replace(one, sha256="0" * 64) for one in entry.files if one.format == "alac"]
    )
    seen = await look(house)
    assert lacks(seen) == {MAIN: ("alac",), SECOND: ("alac",)}
    assert (set(seen.copies), seen.gone) == ({"wav"}, ())


async def test_a_volume_that_is_not_set_up_any_more_is_left_in_peace(house: House) -> None:
    """Its evidence stays, and nothing is wanted of it."""
    entry = await house.entry(A)
    await house.ledger.record_evidence(entry.id, Evidence(target="volume:sold", part="alac", proof="x"), None)
    entry = await house.entry(A)
    row = Evidence(target="volume:sold", part="alac", proof="x", detail={"shelf": "sold", "path": "A.m4a"})
    seen = await house.lookout.look(replace(entry, evidence=(*entry.evidence[:-1], row)))
    assert MAIN not in lacks(seen)
    assert seen.gone == ()
