"""A day of housekeeping is one of the wall clock, however long the machine slept in it."""

from __future__ import annotations

from datetime import timedelta

import anyio
import pytest

from musicsyncd.daemon.housekeeping import NAP, a_day
from tests.triggers.house import Hands


@pytest.mark.parametrize(
    ("jump", "after"),
    [(timedelta(), 86_400.0), (timedelta(hours=20), 4 * 3600 + NAP), (timedelta(days=-400), 86_400.0)],
    ids=["awake", "asleep for 20 hours", "set back"],
)
async def test_a_day_is_over_when_the_wall_clock_says_so(jump: timedelta, after: float) -> None:
    clock, over = Hands(), anyio.Event()

    async def pass_a_day() -> None:
        await a_day(clock)
        over.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(pass_a_day)
        await anyio.wait_all_tasks_blocked()
        clock.jump(jump)
        await clock.advance(after - NAP - 1)
        assert not over.is_set()
        await clock.advance(NAP + 1)
        assert over.is_set()
