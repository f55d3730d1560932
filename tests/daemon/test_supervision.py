"""Parts that fail: again after a while, left down, or the end of the daemon."""

from __future__ import annotations

import anyio
import pytest

from musicsyncd.clock import ManualClock
from musicsyncd.daemon.supervision import LONGEST_PAUSE, TRIES, Supervision
from musicsyncd.errors import MusicsyncError, NeedsPerson, Permanent, Temporary


class Failing:
    """A part that fails a number of times, then works until it is told to end."""

    def __init__(self, *errors: Exception, well: float = 0.0, clock: ManualClock | None = None) -> None:
        self.errors, self.runs, self.end = list(errors), 0, anyio.Event()
        self._well, self._clock = well, clock

    async def __call__(self) -> None:
        self.runs += 1
        if self._clock is not None:
            await self._clock.sleep(self._well)
        if self.errors:
            raise self.errors.pop(0)
        await self.end.wait()


@pytest.fixture
def clock() -> ManualClock:
    """A clock moved by hand."""
    return ManualClock()


@pytest.fixture
def told() -> list[tuple[str, int]]:
    """What the hook heard."""
    return []


async def test_a_part_that_fails_is_started_again_ever_later_and_for_ever(
    clock: ManualClock, told: list[tuple[str, int]]
) -> None:
    """Twice the pause each time up to a limit; every failure is told; between two runs it says that it pauses."""
    part = Failing(*[RuntimeError(f"no {number}") for number in range(20)])
    supervision = Supervision(clock, told=lambda name, failures: told.append((name, failures)))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(supervision.supervised, "clock", part, tasks)
        await anyio.wait_all_tasks_blocked()
        for failure in range(1, 21):
            (shown,) = supervision.shown()
            assert (shown.state, shown.failures, shown.why) == ("pausing", failure, f"no {failure - 1}")
            await clock.advance(min(2.0**failure, LONGEST_PAUSE) - 0.5)
            assert part.runs == failure
            await clock.advance(0.5)
            assert part.runs == failure + 1
        (shown,) = supervision.shown()
        assert (shown.state, shown.failures) == ("running", 20)
        assert not supervision.over.is_set()
        assert told == [("clock", failure) for failure in range(1, 21)]
        part.end.set()
    assert [one.state for one in supervision.shown()] == ["ended"]


async def test_a_part_that_ran_well_for_long_begins_to_count_anew(clock: ManualClock) -> None:
    """A failure a day is not the fifth in a row."""
    part = Failing(*[RuntimeError("x")] * 8, well=3600.0, clock=clock)
    supervision = Supervision(clock, core=frozenset({"engine"}))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(supervision.supervised, "engine", part, tasks)
        await anyio.wait_all_tasks_blocked()
        await clock.advance(10 * 3700)
        assert [one.failures for one in supervision.shown()] == [1]
        assert not supervision.over.is_set()
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize("error", [Permanent("Gone", why="for good"), NeedsPerson("Sign in")])
async def test_what_only_a_person_can_mend_is_left_down_and_said(clock: ManualClock, error: MusicsyncError) -> None:
    """Not tried again; `status` shows it and what to do; the daemon goes on."""
    supervision, part = Supervision(clock), Failing(error)
    await supervision.supervised("webhooks", part)
    assert part.runs == 1
    assert [(one.state, one.why) for one in supervision.shown()] == [("down", str(error))]
    sentence = supervision.findings()[0].sentence
    assert "'webhooks' of the daemon is down" in sentence
    assert not supervision.over.is_set()


async def test_a_core_part_that_goes_on_failing_ends_the_daemon(clock: ManualClock) -> None:
    """After so many tries, with an exit code that says to start it again."""
    supervision, part = Supervision(clock), Failing(*[Temporary("disk full")] * 9)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(supervision.supervised, "job engine", part, tasks)
        await anyio.wait_all_tasks_blocked()
        await clock.advance(1000)
    assert (part.runs, supervision.exit_code) == (TRIES, Temporary.exit_code)
    assert supervision.over.is_set()


@pytest.mark.parametrize(("error", "code"), [(NeedsPerson("The database is damaged"), 7), (RuntimeError("x"), 1)])
async def test_the_exit_code_is_that_of_the_failure(clock: ManualClock, error: Exception, code: int) -> None:
    """So that the service manager knows whether another start is of use."""
    supervision = Supervision(clock)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(supervision.supervised, "job engine", Failing(*[error] * 9), tasks)
        await anyio.wait_all_tasks_blocked()
        await clock.advance(1000)
    assert supervision.exit_code == code


async def test_a_hook_that_fails_keeps_nobody_up(clock: ManualClock) -> None:
    """The part is started again all the same."""

    def told(_name: str, _failures: int) -> None:
        raise OSError("no network")

    supervision, part = Supervision(clock, told=told), Failing(RuntimeError("x"))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(supervision.supervised, "clock", part, tasks)
        await anyio.wait_all_tasks_blocked()
        await clock.advance(3)
        assert part.runs == 2
        part.end.set()


async def test_the_first_reason_to_stop_counts(clock: ManualClock) -> None:
    """A person's signal while the daemon ends for want of memory changes nothing of what was told."""
    supervision = Supervision(clock)
    supervision.stop(5)
    supervision.stop()
    assert supervision.exit_code == 5
