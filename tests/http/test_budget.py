"""A service's budget on a clock that is moved by hand: pace, waits of any length, and the breaker."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsyncd.clock import ManualClock
from musicsyncd.database import Database
from musicsyncd.errors import Temporary
from musicsyncd.http.budget import TRIAL, Budget, Pace, Standing, after_failure
from musicsyncd.http.budgets import MIGRATIONS, Budgets

DAY = 86400.0


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def budget(clock: ManualClock, **pace: float) -> Budget:
    return Budget("Songbook", Pace(**({"rate": 1.0} | pace)), clock)  # type: ignore[arg-type]


async def gone(budget: Budget, clock: ManualClock, count: int, *, until: float) -> list[float]:
    """The moments at which so many callers, who all come at once, had their turns."""
    moments: list[float] = []

    async def one() -> None:
        await budget.turn()
        moments.append(clock.monotonic())

    async with anyio.create_task_group() as tasks:
        for _ in range(count):
            tasks.start_soon(one)
        await anyio.wait_all_tasks_blocked()
        await clock.advance(until)
    return moments


async def refused(budget: Budget) -> Temporary:
    """The error that a caller gets at once."""
    with pytest.raises(Temporary) as caught, anyio.fail_after(5):
        await budget.turn()
    return caught.value


# Pace


async def test_one_a_second(clock: ManualClock) -> None:
    """Callers that come together go one after the other."""
    assert await gone(budget(clock), clock, 4, until=10) == [0.0, 1.0, 2.0, 3.0]


async def test_a_burst_after_a_rest_and_no_more(clock: ManualClock) -> None:
    """Three at once, then two a second; an hour's silence saves up three again, not thousands."""
    paced = budget(clock, rate=2.0, burst=3)
    assert await gone(paced, clock, 5, until=3) == [0.0, 0.0, 0.0, 0.5, 1.0]
    await clock.advance(3600)
    began = clock.monotonic()
    assert [one - began for one in await gone(paced, clock, 5, until=3)] == [0.0, 0.0, 0.0, 0.5, 1.0]


async def test_nobody_waits_longer_than_patience(clock: ManualClock) -> None:
    """The twelfth caller is told when to come, and takes no place."""
    paced = budget(clock)
    async with anyio.create_task_group() as tasks:
        for _ in range(11):
            tasks.start_soon(paced.turn)
        await anyio.wait_all_tasks_blocked()
        error = await refused(paced)
        assert (error.delay, "Songbook" in str(error)) == (11.0, True)
        assert (await refused(paced)).delay == 11.0
        await clock.advance(11)
    await paced.turn()


@given(rate=st.floats(0.5, 20), burst=st.integers(1, 5), pauses=st.lists(st.floats(0, 3), min_size=2, max_size=25))
def test_no_window_holds_more_than_the_bucket(rate: float, burst: int, pauses: list[float]) -> None:
    """Whenever callers come, in any stretch of time no more than rate times its length and a burst go."""
    clock = ManualClock()
    moments: list[float] = []

    async def come() -> None:
        paced = budget(clock, rate=rate, burst=burst, patience=1e9)
        async with anyio.create_task_group() as tasks:
            for pause in pauses:
                await clock.advance(pause)
                tasks.start_soon(note, paced)
                await anyio.wait_all_tasks_blocked()
            await clock.advance(1000)

    async def note(paced: Budget) -> None:
        await paced.turn()
        moments.append(clock.monotonic())

    anyio.run(come)
    assert len(moments) == len(pauses)
    for first in range(len(moments)):
        for last in range(first, len(moments)):
            assert last - first + 1 <= burst + rate * (moments[last] - moments[first]) + 1e-6


# Retry-After


@pytest.mark.parametrize("status", [429, 503, 529, 403])
async def test_a_day_is_a_day(clock: ManualClock, status: int) -> None:
    """Callers hear at once how long it still is, until the very moment."""
    paced = budget(clock)
    await paced.answered(status, {"Retry-After": "86400"})
    error = await refused(paced)
    assert (error.delay, error.why) == (DAY, f"It answered {status}")
    assert "2026-01-02 00:00:00" in str(error)
    await clock.advance(DAY - 11)
    assert (await refused(paced)).delay == 11.0
    await clock.advance(11)
    await paced.turn()


async def test_a_short_wait_is_waited_for(clock: ManualClock) -> None:
    """Below patience nobody is sent away."""
    paced = budget(clock)
    await paced.turn()
    await paced.answered(429, {"retry-after": "7"})
    assert await gone(paced, clock, 1, until=10) == [7.0]


async def test_a_wait_reaches_those_who_wait_already(clock: ManualClock) -> None:
    """A caller on its way is held back when another one is told to stop."""
    paced = budget(clock)
    await paced.turn()
    errors: list[Temporary] = []

    async def one() -> None:
        try:
            await paced.turn()
        except Temporary as error:
            errors.append(error)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(one)
        await anyio.wait_all_tasks_blocked()
        await paced.answered(429, {"Retry-After": "3600"})
        await clock.advance(2)
    assert [error.delay for error in errors] == [3599.0]


async def test_a_late_good_answer_does_not_shorten_it(clock: ManualClock) -> None:
    """Of two questions under way one is refused for an hour; the other's answer changes nothing."""
    paced = budget(clock)
    await paced.answered(429, {"Retry-After": "3600"})
    await paced.answered(200, {})
    await paced.answered(429, {"Retry-After": "60"})
    assert (await refused(paced)).delay == 3600.0


async def test_too_fast_without_saying_how_long(clock: ManualClock) -> None:
    """MusicBrainz says 503 and nothing else: each time it is left alone twice as long, until a good answer."""
    paced = budget(clock)
    waits = []
    for _ in range(4):
        await paced.answered(503, {})
        waits.append(paced.rest)
        await clock.advance(paced.rest)
    assert waits == [1.0, 2.0, 4.0, 8.0]
    await paced.answered(200, {})
    await paced.answered(503, {})
    assert paced.rest == 1.0


# The breaker


async def test_failures_in_a_row_open_it_and_one_trial_closes_it(clock: ManualClock) -> None:
    """Five, then a rest; then one caller tries, and the others hear that it is being tried."""
    paced = budget(clock, rate=100.0, burst=100)
    for _ in range(4):
        await paced.failed(ConnectionError())
    await paced.turn()
    await paced.answered(500, {})
    error = await refused(paced)
    assert (error.delay, error.why) == (30.0, "It answered 500")
    await clock.advance(30)
    await paced.turn()
    assert "being tried again" in str(await refused(paced))
    await paced.answered(200, {})
    for _ in range(3):
        await paced.turn()
        await clock.advance(1)


async def test_questions_under_way_are_refused_as_one(clock: ManualClock) -> None:
    """Six answers of "too fast" to what was asked at once are no row of failures: the wait is what was asked for."""
    service = budget(clock, rate=10.0, burst=10, trips=5, patience=0.0, rest=300.0)
    await gone(service, clock, 6, until=1)
    for _ in range(6):
        await service.answered(429, {"Retry-After": "2"})
    assert (await refused(service)).delay == pytest.approx(2.0)
    await clock.advance(2.1)
    assert await gone(service, clock, 2, until=1)


async def test_a_failed_trial_doubles_the_rest(clock: ManualClock) -> None:
    """30 s, a minute, two … and never more than a quarter of an hour."""
    paced, rests = budget(clock, rate=100.0, burst=100), []
    for _ in range(4):
        await paced.failed(ConnectionError())
    for _ in range(7):
        await paced.turn()
        await paced.failed(ConnectionError())
        rests.append(paced.rest)
        await clock.advance(paced.rest)
    assert rests == [30.0, 60.0, 120.0, 240.0, 480.0, 900.0, 900.0]


async def test_a_lost_trial_is_not_the_end(clock: ManualClock) -> None:
    """Whoever tried may have been cancelled: said, another may try at once, unsaid, after a while."""
    paced = budget(clock, rate=100.0, burst=100)
    for _ in range(5):
        await paced.failed(ConnectionError())
    await clock.advance(30)
    await paced.turn()
    paced.dropped()
    await paced.turn()
    await refused(paced)
    await clock.advance(TRIAL)
    await paced.turn()


async def test_a_plain_refusal_is_an_answer(clock: ManualClock) -> None:
    """Not found, not allowed, asked wrongly: the service is well."""
    paced = budget(clock, rate=100.0, burst=100)
    for status in (400, 401, 403, 404, 410) * 3:
        await paced.failed(ConnectionError())
        await paced.answered(status, {})
    await paced.turn()
    assert paced.standing.failures == 0


@given(st.lists(st.one_of(st.none(), st.floats(0, 1e6)), min_size=1, max_size=60))
def test_a_wait_is_never_shortened(waits: list[float | None]) -> None:
    """Whatever follows, nobody asks before the latest moment that was named."""
    standing, pace, now = Standing(), Pace(rate=1.0), ManualClock().now()
    for wait in waits:
        earlier, standing = standing.not_before, after_failure(standing, pace, now=now, asked_for=wait, why="x")
        assert earlier is None or (standing.not_before is not None and standing.not_before >= earlier)


# Across services and restarts


@pytest.fixture
async def database(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Database]:
    database = await opened(tmp_path, clock)
    yield database
    await database.close()


async def opened(folder: Path, clock: ManualClock) -> Database:
    return await Database.open(folder / "a.db", {"http": MIGRATIONS}, backups=folder / "backups", clock=clock)


async def test_a_restart_forgets_no_wait(database: Database, tmp_path: Path, clock: ManualClock) -> None:
    """A day less an hour of it was behind us; and the service next door goes on all the while."""
    pace = Pace(rate=1.0)
    budgets = Budgets(database, clock)
    first, other = await budgets.of("Songbook", pace), await budgets.of("Jukebox", pace)
    await first.answered(429, {"Retry-After": "86400"})
    await other.turn()
    await clock.advance(3600)
    again = await opened(tmp_path, clock)
    after = await Budgets(again, clock).of("Songbook", pace)
    assert (await refused(after)).delay == DAY - 3600
    await (await Budgets(again, clock).of("Jukebox", pace)).turn()
    await clock.advance(DAY)
    await after.turn()
    await after.answered(200, {})
    assert await after_restart(again, clock) == Standing()
    await again.close()


async def after_restart(database: Database, clock: ManualClock) -> Standing:
    """What another process would find."""
    return (await Budgets(database, clock).of("Songbook", Pace(rate=1.0))).standing


async def test_an_open_breaker_outlives_a_restart(database: Database, clock: ManualClock) -> None:
    """So that a service that is down is not asked by everybody at every start."""
    budget = await Budgets(database, clock).of("Songbook", Pace(rate=100.0, burst=100))
    for _ in range(5):
        await budget.failed(ConnectionError())
    standing = await after_restart(database, clock)
    assert (standing.failures, standing.why) == (5, "It could not be asked (ConnectionError)")
    again = await Budgets(database, clock).of("Songbook", Pace(rate=100.0, burst=100))
    await refused(again)
    await clock.advance(30)
    await again.turn()
    assert "being tried again" in str(await refused(again))


async def test_two_askers_share_one_budget(database: Database, clock: ManualClock) -> None:
    """Whoever asks for the same name gets the same budget, at the same time too."""
    budgets, found = Budgets(database, clock), []

    async def one() -> None:
        found.append(await budgets.of("Songbook", Pace(rate=1.0)))

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(one)
    assert len({id(one) for one in found}) == 1


async def test_a_rest_may_be_asked_for_in_words(clock: ManualClock) -> None:
    """A service that says so on a page and not by a status is left alone just so, with the reason that was told."""
    paced = budget(clock)
    await paced.asked_to_rest(3600.0, "It takes us for a bot")
    error = await refused(paced)
    assert (error.delay, error.why) == (3600.0, "It takes us for a bot")
    await clock.advance(3600.0)
    await paced.turn()
