"""The end of a pause is where what was noticed in it begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from musicsyncd.daemon.timing import Timing
from tests.triggers.house import QUIET, day


@pytest.mark.parametrize(("paused", "begun"), [("all", 1), ("folder", 0), ("", 0)])
async def test_what_waits_for_the_end_of_a_pause_begins_once(tmp_path: Path, paused: str, begun: int) -> None:
    """At the end of one of everything: the gate was shut by no other, and nothing waits where there was none."""
    async with day(tmp_path) as one:
        begins: list[bool] = []
        timing = Timing(keeper=one.keeper, jobs=one.jobs, database=one.database, clock=one.clock, base=QUIET)

        async def begin() -> None:
            begins.append(timing.held())

        timing.begin = begin
        if paused:
            await timing.pause(paused)
        assert timing.held() == (paused == "all")
        for _ in range(2):
            await timing.resume("all")
        assert begins == [False] * begun
