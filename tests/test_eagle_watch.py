"""Eagle's return: what waits is taken up once when it is back, and then less and less often."""

from __future__ import annotations

import itertools
from typing import Any, cast

import anyio

from musicsyncd.daemon.eagle import AGAIN, LATEST, watch
from musicsyncd.jobs.base import WorkEngine
from musicsyncd.jobs.events import Broadcast, Listener
from musicsyncd.jobs.job import JobEvent, JobState
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.library.base import Condition, ShelfState
from musicsyncd.library.eagle import Eagle
from tests.library.eagle_bench import HastyClock


class Around:
    """A ledger with something parked, an Eagle that is there or not, and a queue that remembers when it was asked."""

    target = "volume:eagle"

    def __init__(self) -> None:
        self.clock, self.waiting, self.there = HastyClock(), 1, True
        self.asked: list[float] = []
        self.looked: list[float] = []
        self.counted = 0
        self.told = Broadcast()
        self.paused = False

    async def parked(self) -> dict[str, int]:
        self.counted += 1
        return {self.target: self.waiting} if self.waiting else {"volume:main": 1}

    async def prepare(self) -> ShelfState:
        self.looked.append(self.clock.monotonic())
        return ShelfState(condition=Condition.READY if self.there else Condition.ABSENT)

    async def enqueue(self, *_: Any, **__: Any) -> None:
        self.asked.append(self.clock.monotonic())

    def events(self) -> Listener:
        return self.told.listen()

    async def live(self, seconds: float) -> None:
        """Watch for so long on our clock."""
        ends = self.clock.monotonic() + seconds
        async with anyio.create_task_group() as tasks:
            me = (cast(Eagle, self), cast(Ledger, self), cast(WorkEngine, self), self.clock, lambda: self.paused)
            tasks.start_soon(watch, *me, name="watch")
            while self.clock.monotonic() < ends:
                await self.clock.sleep(0.1)
            tasks.cancel_scope.cancel()


async def test_what_eagle_never_takes_is_offered_less_and_less_often() -> None:
    """At once, then after two minutes, then twice as long each time, at last once an hour."""
    around = Around()
    await around.live(86_400)
    pauses = [later - sooner for sooner, later in itertools.pairwise(around.asked)]
    assert around.asked[0] < 1
    assert AGAIN <= pauses[0] <= AGAIN + 5
    assert all(later >= sooner - 5 for sooner, later in itertools.pairwise(pauses))
    assert LATEST <= pauses[-1] <= LATEST + 5
    assert len(around.asked) < 40


async def test_its_return_is_noticed_and_it_is_left_alone_while_nothing_waits() -> None:
    """Closed, it is looked for at most twice a minute in the long run; with nothing parked, not at all."""
    around = Around()
    around.there = False
    await around.live(3600)
    assert around.asked == []
    assert len(around.looked) < 130
    around.there = True
    began = around.clock.monotonic()
    await around.live(35)
    assert len(around.asked) == 1
    assert around.asked[0] - began <= 30
    around.waiting = 0
    around.looked.clear()
    around.counted = 0
    await around.live(3600)
    assert around.looked == []
    assert around.counted == 1, "while nothing waits, nobody wakes"


async def test_what_a_job_left_is_heard_of() -> None:
    """Nothing waited at the start; a job that ends leaves something."""
    around = Around()
    around.waiting = 0
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(around.live, 600, name="day")
        for _ in range(50):
            await anyio.lowlevel.checkpoint()
        around.waiting = 1
        around.told.tell(
            JobEvent(
                job="1",
                kind="track",
                key="x",
                parent=None,
                event="ended",
                state=JobState.PARTIAL,
                at=around.clock.now(),
            )
        )
    assert around.asked[:1]


async def test_without_eagle_nobody_watches() -> None:
    """The part ends at once and well."""
    around = Around()
    with anyio.fail_after(5):
        await watch(None, cast(Ledger, around), cast(WorkEngine, around), around.clock)


async def test_in_a_pause_nothing_is_taken_up_by_itself() -> None:
    """It is asked for at the pause's end, by who ends it."""
    around = Around()
    around.paused = True
    await around.live(600)
    assert around.asked == []
