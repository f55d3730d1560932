"""When the daemon comes back to Notion's book: soon at first, ever more seldom where that does not help."""

from __future__ import annotations

from math import inf

import anyio
import pytest

from musicsyncd.clock import ManualClock
from musicsyncd.daemon.bell import Bell
from musicsyncd.daemon.notion import LONGEST, SOON, Tries

pytestmark = pytest.mark.anyio


def test_what_waits_is_tried_ever_more_seldom_while_nothing_comes_of_it() -> None:
    """Never more seldom than once a day."""
    tries, now, pauses = Tries(), 0.0, []
    assert tries.due(3, now)
    for _ in range(16):
        pauses.append(tries.left(now))
        now += pauses[-1]
        assert not tries.due(3, now - 1)
        assert tries.due(3, now)
    assert pauses[:4] == [SOON, 2 * SOON, 4 * SOON, 8 * SOON]
    assert pauses[-1] == LONGEST


@pytest.mark.parametrize("waits", [1, 50])
def test_it_is_tried_soon_again_when_fewer_or_more_wait(waits: int) -> None:
    """One row that is never written holds up none of an outage's fifty."""
    tries, now = Tries(), 0.0
    for _ in range(10):
        assert tries.due(2, now)
        now += tries.left(now)
    assert tries.due(waits, now - 1)
    assert tries.left(now - 1) == SOON


def test_nothing_is_tried_where_nothing_waits() -> None:
    """And what waits later is tried at once."""
    tries = Tries()
    assert not tries.due(0, 0.0)
    assert tries.left(0.0) == inf
    assert tries.due(1, 1.0)


async def test_a_wait_ends_soon_after_the_bell_and_at_its_time_without() -> None:
    """A bell that was rung before the wait counts too, and once."""
    clock = ManualClock()
    bell, ended = Bell(clock, "waits"), list[float]()

    async def waiting() -> None:
        for _ in range(3):
            await bell.wait(600.0, lambda: SOON)
            bell.still()
            ended.append(clock.monotonic())

    bell.ring()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(waiting)
        for step in (SOON, 100.0, 0.0, SOON, 600.0):
            await anyio.wait_all_tasks_blocked()
            if step == 0.0:
                bell.ring()
                bell.ring()
            await clock.advance(step)
    assert ended == [SOON, 100.0 + 2 * SOON, 700.0 + 2 * SOON]
