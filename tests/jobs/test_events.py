"""Listeners: bounded, and the last state of a job is never lost."""

from __future__ import annotations

import gc
from datetime import UTC, datetime

import anyio
from hypothesis import given
from hypothesis import strategies as st

from musicsyncd.jobs.events import Broadcast, Listener
from musicsyncd.jobs.job import JobEvent, JobState

AT = datetime(2026, 1, 1, tzinfo=UTC)
STATES = {"started": JobState.RUNNING, "put-back": JobState.WAITING, "ended": JobState.DONE}


def event(job: str, name: str) -> JobEvent:
    state = STATES.get(name, JobState.RUNNING)
    return JobEvent(job=job, kind="track", key=job, parent=None, event=name, state=state, at=AT)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([*STATES, "progress", "step"])), max_size=60))
def test_a_slow_listener_learns_every_last_state(history: list[tuple[str, str]]) -> None:
    """Whatever happened while it slept, it hears the last state change of each job, and holds few events."""
    listener = Listener(buffer=5)
    for job, name in history:
        listener.hear(event(job, name))
    listener.end()

    async def drain() -> list[JobEvent]:
        return [one async for one in listener]

    heard = anyio.run(drain)
    last = {job: name for job, name in history if name in STATES}
    assert {one.job: one.event for one in heard if one.event in STATES} == last
    assert len(heard) <= 6


async def test_a_dropped_listener_is_forgotten() -> None:
    """Nobody has to sign off: a listener that nobody holds any more is told nothing and kept by nobody."""
    broadcast = Broadcast()
    kept, dropped = broadcast.listen(), broadcast.listen()
    del dropped
    gc.collect()
    assert len(broadcast._listeners) == 1
    broadcast.tell(event("a", "started"))
    assert (await anext(kept)).job == "a"


async def test_everybody_hears_and_the_end_ends() -> None:
    """Each listener hears all that is told from its making on; at the end each iteration ends."""
    broadcast = Broadcast()
    early = broadcast.listen()
    broadcast.tell(event("a", "started"))
    late = broadcast.listen()
    heard: dict[str, list[str]] = {"early": [], "late": []}

    async def follow(name: str, listener: Listener) -> None:
        async for one in listener:
            heard[name].append(one.event)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(follow, "early", early)
        tasks.start_soon(follow, "late", late)
        await anyio.wait_all_tasks_blocked()
        broadcast.tell(event("a", "ended"))
        broadcast.end()
    assert heard == {"early": ["started", "ended"], "late": ["ended"]}
