"""The watchdog is fed by proof only; a held-up loop, jobs that stand still and too much memory are seen."""

from __future__ import annotations

import time
from collections.abc import Mapping

import anyio
import pytest
import structlog

from musicsyncd.clock import ManualClock
from musicsyncd.daemon.notify import Notifier
from musicsyncd.daemon.supervision import Supervision
from musicsyncd.daemon.vitals import LOOK, RESTART_ME, LoopWatch, Vitals


class Engine:
    """An engine as it may be found."""

    def __init__(self) -> None:
        self.turns = 0
        self.due = False
        self.still: dict[str, str] = {}
        self.drained = anyio.Event()
        self.draining = False

    async def neglected(self) -> bool:
        return self.due

    def standing_still(self, seconds: float) -> Mapping[str, str]:
        return self.still

    async def drain(self) -> None:
        self.draining = True
        await self.drained.wait()


class Listening(Notifier):
    """Counts what it would send."""

    def __init__(self) -> None:
        super().__init__({})
        self.watchdog = 30.0
        self.fed = 0

    def alive(self) -> None:
        self.fed += 1


class Ward:
    """Vitals with all that they look at."""

    def __init__(self) -> None:
        self.clock, self.engine, self.notifier = ManualClock(), Engine(), Listening()
        self.told: list[tuple[str, int]] = []
        self.supervision = Supervision(self.clock, told=lambda *one: self.told.append(one))
        self.vitals = Vitals(self.engine, self.supervision, self.notifier, self.clock)


@pytest.fixture
def ward() -> Ward:
    """A daemon's vitals."""
    return Ward()


async def test_an_idle_engine_and_a_busy_one_are_both_well(ward: Ward) -> None:
    """Nothing due is no fault, and neither is work that is due a moment before it is claimed."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ward.vitals.watch, 60.0)
        await anyio.wait_all_tasks_blocked()
        await ward.clock.advance(99)
        assert ward.notifier.fed == 10, "three times within each period"
        ward.engine.due = True
        for _ in range(5):
            ward.engine.turns += 1
            await ward.clock.advance(10)
        assert ward.notifier.fed == 15
        tasks.cancel_scope.cancel()


async def test_an_engine_that_claims_nothing_though_work_is_due_starves_the_watchdog(ward: Ward) -> None:
    """Told once, shown, and fed again when it goes on."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ward.vitals.watch, 60.0)
        await anyio.wait_all_tasks_blocked()
        await ward.clock.advance(11)
        fed, ward.engine.due = ward.notifier.fed, True
        await ward.clock.advance(50)
        assert ward.notifier.fed == fed + 1, "what came due a moment ago has until the next look"
        assert ward.told == [("job engine", 0)]
        assert len(ward.vitals.findings()) == 1
        ward.engine.turns += 1
        await ward.clock.advance(10)
        assert (ward.notifier.fed, ward.vitals.findings()) == (fed + 2, [])
        tasks.cancel_scope.cancel()


async def test_work_that_comes_due_in_the_moment_of_a_look_is_no_fault(ward: Ward) -> None:
    """Passes of the clock come at even distances, as looks do: they may meet each time."""
    for _ in range(5):
        ward.engine.due = True
        assert await ward.vitals.gets_on()
        ward.engine.due, ward.engine.turns = False, ward.engine.turns + 1
        assert await ward.vitals.gets_on()
        assert await ward.vitals.gets_on()
    assert ward.told == []


async def test_every_part_that_can_prove_it_must(ward: Ward) -> None:
    """A clock that stands still starves the watchdog as well, but not one that is late once: after a machine's sleep
    everything is.
    """
    why = "The next run was due an hour ago"

    async def proof() -> str:
        return why

    ward.vitals.prove("clock", proof)
    assert await ward.vitals.gets_on()
    assert ward.vitals.findings() == []
    assert not await ward.vitals.gets_on()
    assert why in ward.vitals.findings()[0].sentence


async def test_a_job_that_stands_still_is_told_of_once(ward: Ward) -> None:
    """And again only after it has moved."""
    with structlog.testing.capture_logs() as lines:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ward.vitals.watch, 60.0)
            await anyio.wait_all_tasks_blocked()
            for still in ({"4k2": "download"}, {"4k2": "download"}, {}, {"4k2": "tag"}):
                ward.engine.still = still
                await ward.clock.advance(10)
            tasks.cancel_scope.cancel()
    assert [line["step"] for line in lines if line["event"] == "job stands still"] == ["download", "tag"]
    assert ward.told == [("job 4k2", 0), ("job 4k2", 0)]


async def test_too_much_memory_ends_the_daemon_when_nothing_runs_any_more(ward: Ward) -> None:
    """Not for a moment's peak; running jobs end first; the exit code asks for a new start."""
    used = [50, 200, 50, 200, 200]
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: ward.vitals.watch_memory(100, managed=True, used=lambda: used.pop(0) if used else 200))
        await anyio.wait_all_tasks_blocked()
        await ward.clock.advance(4.5 * LOOK)
        assert not ward.engine.draining
        await ward.clock.advance(LOOK)
        assert ward.engine.draining
        assert not ward.supervision.over.is_set()
        ward.engine.drained.set()
        await ward.supervision.over.wait()
        tasks.cancel_scope.cancel()
    assert ward.supervision.exit_code == RESTART_ME


async def test_where_nobody_would_start_it_anew_it_goes_on_and_says_so_once(ward: Ward) -> None:
    """A daemon in a terminal does not vanish."""
    with structlog.testing.capture_logs() as lines:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: ward.vitals.watch_memory(100, managed=False, used=lambda: 200))
            await anyio.wait_all_tasks_blocked()
            await ward.clock.advance(100 * LOOK)
    assert [line["event"] for line in lines] == ["memory above its ceiling"]
    assert not ward.engine.draining
    assert not ward.supervision.over.is_set()


async def test_no_ceiling_no_look(ward: Ward) -> None:
    """0 is off."""
    await ward.vitals.watch_memory(0, managed=True, used=lambda: 10**12)
    assert not ward.supervision.over.is_set()


async def test_a_loop_that_is_held_up_is_logged_once_with_the_place() -> None:
    """The stack names the function that does not let go; its end is told too."""
    with structlog.testing.capture_logs() as lines, LoopWatch(every=0.02, latency=0.3):
        await anyio.sleep(0.1)
        hold_up(lines)
        while len(lines) < 2:  # noqa: ASYNC110  another thread writes them
            await anyio.sleep(0.01)
    assert [line["event"] for line in lines] == ["event loop held up", "event loop goes on"]
    assert any("hold_up" in frame for frame in lines[0]["stack"])


def hold_up(lines: list[structlog.typing.EventDict]) -> None:
    """Block until that has been seen, and some more."""
    while not lines:
        time.sleep(0.01)
    time.sleep(0.2)
