"""Capacities: never more holders than places, user jobs first, and no place lost to a cancellation."""

from __future__ import annotations

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musicsyncd.jobs.job import Lane
from musicsyncd.jobs.limits import Capacity

Asker = tuple[Lane, int, int | None]
"""Its lane, how many turns of the loop it holds the place, and after how many it is cancelled."""
ASKERS = st.lists(st.tuples(st.sampled_from(Lane), st.integers(0, 4), st.none() | st.integers(0, 6)), max_size=12)


async def _spin(turns: int) -> None:
    for _ in range(turns):
        await anyio.lowlevel.checkpoint()


@given(places=st.integers(1, 3), askers=ASKERS)
@settings(max_examples=150, deadline=None)
def test_places_are_neither_exceeded_nor_lost(places: int, askers: list[Asker]) -> None:
    """Whoever is cancelled at whatever moment, there are never too many inside, and all places are free in the end."""

    async def story() -> None:
        capacity, inside = Capacity(places), [0]

        async def ask(lane: Lane, turns: int, scope: anyio.CancelScope) -> None:
            with scope:
                async with capacity.place(lane):
                    inside[0] += 1
                    assert inside[0] <= places
                    try:
                        await _spin(turns)
                    finally:
                        inside[0] -= 1

        async def cancel(scope: anyio.CancelScope, turns: int) -> None:
            await _spin(turns)
            scope.cancel()

        with anyio.fail_after(5):
            async with anyio.create_task_group() as tasks:
                for lane, turns, cancelled in askers:
                    scope = anyio.CancelScope()
                    tasks.start_soon(ask, lane, turns, scope)
                    if cancelled is not None:
                        tasks.start_soon(cancel, scope, cancelled)
            async with anyio.create_task_group() as tasks:
                together = anyio.Event()
                for _ in range(places):
                    tasks.start_soon(_hold, capacity, together)
                await anyio.wait_all_tasks_blocked()
                together.set()

    anyio.run(story)


async def _hold(capacity: Capacity, together: anyio.Event) -> None:
    async with capacity.place(Lane.BACKLOG):
        await together.wait()


async def test_users_first_then_in_turn() -> None:
    """Among those who wait, user jobs are served first, and each lane in the order of asking."""
    capacity, order = Capacity(1), list[str]()

    async def ask(lane: Lane, name: str) -> None:
        async with capacity.place(lane):
            order.append(name)
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as tasks, capacity.place(Lane.BACKLOG):
        for lane, name in [(Lane.BACKLOG, "c"), (Lane.USER, "a"), (Lane.BACKLOG, "d"), (Lane.USER, "b")]:
            tasks.start_soon(ask, lane, name)
        await anyio.wait_all_tasks_blocked()
    assert order == ["a", "b", "c", "d"]


def test_no_places_is_a_mistake() -> None:
    """A capacity that nobody could ever enter is refused."""
    with pytest.raises(ValueError, match="at least one"):
        Capacity(0)
