"""Parts that fail: again after a while, left down, or the end of the daemon."""

from __future__ import annotations

import anyio
import pytest

from musicsyncd.alerts.base import Severity
from musicsyncd.clock import ManualClock
from musicsyncd.daemon.supervision import LONGEST_PAUSE, TRIES, WINDOW, Supervision
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
        tasks.start_soon(supervision.supervised, "catalog", part, tasks)
        await anyio.wait_all_tasks_blocked()
        for failure in range(1, 21):
            (shown,) = supervision.shown()
            assert (shown.state, shown.failures, shown.why) == ("pausing", told[-1][1], f"no {failure - 1}")
            await clock.advance(min(2.0**failure, LONGEST_PAUSE) - 0.5)
            assert part.runs == failure
            await clock.advance(0.5)
            assert part.runs == failure + 1
        (shown,) = supervision.shown()
        assert shown.state == "running"
        assert not supervision.over.is_set()
        assert told == [*(("catalog", failure) for failure in range(1, 20)), ("catalog", 13)], "an hour is what counts"
        part.end.set()
    assert [one.state for one in supervision.shown()] == ["ended"]


async def test_one_failure_is_told_and_over_after_an_hour_without_another(clock: ManualClock) -> None:
    """A warning: nobody has to hurry, and it says why."""
    supervision, part = Supervision(clock), Failing(RuntimeError("The disk is away"))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(supervision.supervised, "catalog", part, tasks)
        await anyio.wait_all_tasks_blocked()
        await clock.advance(3)
        (found,) = supervision.findings()
        assert (found.key, found.severity, found.why) == ("part:catalog", Severity.WARNING, "The disk is away")
        assert "failed once within an hour" in found.what
        await clock.advance(WINDOW - 4)
        assert len(supervision.findings()) == 1
        await clock.advance(1)
        assert supervision.findings() == []
        part.end.set()


async def test_a_part_that_dies_after_a_minute_each_time_is_told_and_a_core_part_given_up(clock: ManualClock) -> None:
    """To live for a while is not to be well."""
    supervision = Supervision(clock)
    dying = [Failing(*[RuntimeError("again")] * 99, well=61.0, clock=clock) for _ in range(2)]
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(supervision.supervised, "catalog", dying[0], tasks)
        await anyio.wait_all_tasks_blocked()
        await clock.advance(TRIES * (61 + LONGEST_PAUSE))
        assert [one.severity for one in supervision.findings()] == [Severity.ERROR]
        assert not supervision.over.is_set()
        tasks.start_soon(supervision.supervised, "job engine", dying[1], tasks)
        await anyio.wait_all_tasks_blocked()
        await clock.advance(TRIES * (61 + LONGEST_PAUSE))
        tasks.cancel_scope.cancel()
    assert (dying[1].runs, supervision.exit_code, supervision.over.is_set()) == (TRIES, 1, True)


async def test_what_a_task_group_wraps_is_judged_and_told_as_itself(clock: ManualClock) -> None:
    """However deep: what is useless to try again is not, and its own sentence is the reason."""
    error = Permanent("The table is gone", fix="Restore a copy")
    supervision, part = Supervision(clock), Failing(ExceptionGroup("outer", [ExceptionGroup("inner", [error])]))
    await supervision.supervised("preflight", part)
    assert [(one.state, one.why) for one in supervision.shown()] == [("down", str(error))]


async def test_a_listener_that_returns_has_failed_unless_the_daemon_stops(clock: ManualClock) -> None:
    """It is started again; others end when they have nothing more to do."""
    supervision, runs = Supervision(clock), list[str]()

    async def listener() -> None:
        runs.append("")

    await supervision.supervised("preflight", listener)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(supervision.supervised, "batches", listener, tasks)
        await anyio.wait_all_tasks_blocked()
        assert [one.state for one in supervision.shown()] == ["ended", "pausing"]
        supervision.stop()
        await clock.advance(2)
    assert [one.state for one in supervision.shown()] == ["ended", "ended"]
    assert len(runs) == 3


async def test_a_part_that_ran_well_for_long_begins_to_count_anew(clock: ManualClock) -> None:
    """A failure a day is not the fifth in a row."""
    part = Failing(*[RuntimeError("x")] * 8, well=3600.0, clock=clock)
    supervision = Supervision(clock, core=frozenset({"engine"}))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(supervision.supervised, "engine", part, tasks)
        await anyio.wait_all_tasks_blocked()
        await clock.advance(2 * 3700)
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
        tasks.start_soon(supervision.supervised, "catalog", part, tasks)
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
