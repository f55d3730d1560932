"""File work goes on while it shows a sign of life, stops when nobody waits, and is left behind when it hangs."""

from __future__ import annotations

import threading
import time

import anyio
import pytest

from musicsyncd.library.patience import Heartbeat, Patience


async def test_results_and_errors_come_back() -> None:
    """What the work returns or raises is what the caller gets, and the loop goes on meanwhile."""
    patience = Patience("test")
    assert await patience.run(lambda heart: threading.current_thread().daemon, quiet=1)

    def fail(heart: Heartbeat) -> None:
        raise FileNotFoundError("gone")

    with pytest.raises(FileNotFoundError, match="gone"):
        await patience.run(fail, quiet=1)


async def test_long_work_that_beats_is_not_given_up() -> None:
    """The limit is on silence, not on the whole."""

    def beat_often(heart: Heartbeat) -> str:
        for _ in range(10):
            time.sleep(0.05)
            heart.beat()
        return "done"

    assert await Patience("test").run(beat_often, quiet=0.2) == "done"


async def test_silent_work_is_given_up_and_asked_once_only() -> None:
    """Until the stuck thread ends no other is started; afterwards work goes on."""
    patience, release = Patience("test"), threading.Event()
    with pytest.raises(TimeoutError, match="not answered for"):
        await patience.run(lambda heart: release.wait(10), quiet=0.05)
    with pytest.raises(TimeoutError, match="earlier"):
        await patience.run(lambda heart: True, quiet=1)
    release.set()
    while any(thread.name == "files of test" for thread in threading.enumerate()):  # noqa: ASYNC110  a thread sets no event of the loop's
        await anyio.sleep(0.01)
    assert await patience.run(lambda heart: True, quiet=1)


async def test_many_who_ask_a_disk_that_hangs_leave_one_thread() -> None:
    """They ask one after the other, and who comes later hears at once."""
    patience, release, begun = Patience("test"), threading.Event(), []

    def hang(heart: Heartbeat) -> None:
        begun.append(heart)
        release.wait(10)

    async def ask() -> None:
        with pytest.raises(TimeoutError):
            await patience.ask(hang, quiet=0.1)

    async with anyio.create_task_group() as tasks:
        for _ in range(16):
            tasks.start_soon(ask)
    release.set()
    assert len(begun) == 1


async def test_cancelled_work_cleans_up_before_the_caller_goes_on() -> None:
    """The cancellation passes only after the thread heard of it and ended."""
    cleaned, started = [], threading.Event()

    def work(heart: Heartbeat) -> None:
        started.set()
        try:
            while True:
                time.sleep(0.01)
                heart.beat()
        finally:
            time.sleep(0.1)
            cleaned.append(True)

    with anyio.move_on_after(0.1) as scope:
        await Patience("test").run(work, quiet=5)
    assert scope.cancelled_caught
    assert started.is_set()
    assert cleaned
