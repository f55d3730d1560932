"""A full run by the clock brings nothing back that went from a target all at once; a person's own does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from musicsyncd.jobs.job import JobState
from musicsyncd.sync.guarding import emptied, untouched
from musicsyncd.sync.request import Scope
from tests.sync.house import House, running_house, song, sound

SONGS = tuple(map(song, "abcdef"))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with running_house(tmp_path / "staging") as house:
        for track in SONGS:
            house.source.offer(track, sound(track.title))
            await house.url(track)
        yield house


async def test_an_emptied_volume_stays_empty_until_a_person_asks(house: House) -> None:
    """The reason says what is gone and what to do; a person's own run brings it."""
    house.main.files.clear()
    root = await house.by_clock(Scope.FULL)
    assert (root.state, house.main.files) == (JobState.FAILED, {})
    assert root.reason is not None
    assert (root.reason["class"], "12 of 12 files on volume:main" in root.reason["what"]) == ("NeedsPerson", True)
    assert "sync --full yourself" in root.reason["fix"]
    asked = await house.sync(Scope.FULL)
    assert (asked.state, len(house.main.standing())) == (JobState.DONE, 12)


async def test_what_a_few_tracks_lost_comes_back_by_the_clock(house: House) -> None:
    """As ever."""
    del house.main.files[next(iter(house.main.standing()))]
    root = await house.by_clock(Scope.FULL)
    assert (root.state, len(house.main.standing())) == (JobState.DONE, 12)


def test_only_what_is_gone_from_that_target_is_withheld() -> None:
    """A track that lost nothing there gets what it wants."""
    plans: list[dict[str, Any]] = [{"gone": {"volume:a": 2}}] * 3 + [{"gone": {"volume:b": 1}}, {"actions": []}]
    withheld = emptied(plans, {"volume:a": 6, "volume:b": 6})
    assert withheld == {"volume:a": 6}
    assert [untouched(plan, withheld) for plan in plans] == [False] * 3 + [True] * 2
