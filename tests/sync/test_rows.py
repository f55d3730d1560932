"""Rows that a person made are work: taken up once, and corrected while nothing of them is kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from musicsyncd.jobs.job import JobFilter, JobState
from musicsyncd.ledger.entry import Entry
from musicsyncd.ledger.mirror import MirrorRow
from musicsyncd.music.identity import Identity
from musicsyncd.music.row import named
from musicsyncd.sync.request import Scope
from tests.sync.house import House, running_house, song, sound

A, B, C = song("a"), song("b"), song("c")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """The memory source has A, B and C to supply, and offers none of them by itself."""
    async with running_house(tmp_path / "staging", rows=True) as house:
        for track in (A, B, C):
            house.source.offer(track, sound(track.title))
        house.source.silent = True
        yield house


async def written(house: House, page: str, day: int = 1, **fields: Any) -> None:
    """A person writes a row, and the mirror has read it."""
    moment = f"2026-01-{day:02}T00:00:00.000Z"
    row = MirrorRow(page=page, created=moment, edited=moment, fields=fields, identities=named(fields))
    await house.mirror.put("notion", [row])


async def entry(house: House, page: str) -> Entry:
    return await house.ledger.entry(f"notion:{page}")


def plain(track: Any) -> dict[str, Any]:
    return {"title": track.title, "artists": track.artist, "duration": track.duration}


async def test_a_row_is_taken_up_and_brought_home(house: House) -> None:
    """Its track knows the page; the next look finds nothing new."""
    await written(house, "p1", **plain(A))
    await house.sync(Scope.INCREMENTAL)
    found = await entry(house, "p1")
    assert (found.settled_at is not None, found.track.title, found.track.source) == (True, A.title, "catalog")
    assert found.track.identities[0] == Identity("notion", "p1")
    jobs = len(await house.jobs.list(JobFilter(kind="track")))
    await house.sync(Scope.INCREMENTAL)
    assert len(await house.jobs.list(JobFilter(kind="track"))) == jobs == 1


async def test_what_names_nothing_or_is_switched_off_is_left(house: House) -> None:
    """Counted, and no error of anybody's."""
    await written(house, "p1", title="None", youtube_url="https://www.youtube.com/watch")
    await written(house, "p2", title="Only a title")
    await written(house, "p3", **plain(A), downloaded=True)
    await written(house, "p4", **plain(B), sync_enabled=False)
    root = await house.sync(Scope.INCREMENTAL)
    report = root.result or {}
    assert (report["tracks"], report["refused"]) == ([], [])
    assert report["rungs"][-1]["said"] == "offers nothing; passed over 2 that are no tracks"


async def test_the_newest_row_is_the_last_but_one_rung(house: House) -> None:
    """Behind what the services offer, before what was left unfinished; one that failed gives way."""
    await written(house, "p1", 1, **plain(A))
    await written(house, "p3", 3, title="Nowhere to be had", artists="Nobody")
    await written(house, "p2", 2, **plain(B))
    for page, state in (("p3", JobState.FAILED), ("p2", JobState.DONE), ("p1", JobState.DONE)):
        root = await house.sync(Scope.NEXT)
        (plan,) = (root.result or {})["tracks"]
        assert plan["track"] == (await entry(house, page)).id
        (child,) = await house.jobs.list(JobFilter(parent=root.id))
        assert child.state is state
        assert (root.result or {})["rungs"][-1]["source"] == "catalog"
    root = await house.sync(Scope.NEXT)
    assert ((root.result or {})["tracks"], (root.result or {})["rungs"][-1]["source"]) == ([], "ledger")


async def test_a_correction_is_taken_up_until_audio_is_had(house: House) -> None:
    """A row that led nowhere is looked for in its new words; once it is kept, the row's words change none of it."""
    await written(house, "p1", title="Songg Aaaa", artists="Ada Vosss")
    await house.sync(Scope.INCREMENTAL)
    first = await entry(house, "p1")
    assert first.failure is not None
    await house.sync(Scope.INCREMENTAL)
    assert len(await house.jobs.list(JobFilter(kind="track"))) == 1, "it does not come again by itself"
    await written(house, "p1", **plain(A))
    await house.sync(Scope.INCREMENTAL)
    found = await entry(house, "p1")
    assert (found.id, found.failure, found.track.title) == (first.id, None, A.title)
    assert found.settled_at is not None
    await written(house, "p1", **plain(B))
    await house.sync(Scope.INCREMENTAL)
    assert (await entry(house, "p1")).track.title == A.title


async def test_a_correction_waits_for_its_turn_when_one_track_is_wanted(house: House) -> None:
    """The next one is one track: what was corrected may be it, or comes later."""
    await written(house, "p1", 1, title="Songg Aaaa", artists="Ada Vosss")
    await house.sync(Scope.NEXT)
    await written(house, "p1", 1, **plain(A))
    await written(house, "p2", 2, **plain(B))
    titles = []
    for _ in range(2):
        (plan,) = ((await house.sync(Scope.NEXT)).result or {})["tracks"]
        titles.append(plan["label"])
    assert titles == [B.label, A.label]


async def test_a_dry_run_takes_nothing_up(house: House) -> None:
    """It tells what would be; nothing is recorded, and nothing corrected."""
    await written(house, "p1", title="Songg Aaaa", artists="Ada Vosss")
    await house.sync(Scope.INCREMENTAL)
    await written(house, "p1", **plain(A))
    await written(house, "p2", **plain(B))
    root = await house.sync(Scope.INCREMENTAL, dry_run=True)
    assert [(plan["track"], plan["label"]) for plan in (root.result or {})["tracks"]] == [("", B.label)]
    assert (await entry(house, "p1")).track.title == "Songg Aaaa"
    assert (await house.ledger.counts())["tracks"] == 1


async def test_a_track_that_is_known_learns_of_its_row(house: House) -> None:
    """By the address in the row; it is not made twice."""
    url = "https://example.org/a.wav"
    await house.ledger.record_tracks([song("a", identities=(Identity("url", url),))])
    await written(house, "p1", **plain(A), source_url=url)
    await house.sync(Scope.FULL)
    assert (await entry(house, "p1")).track.source == "memory"
    assert (await house.ledger.counts())["tracks"] == 1
