"""Blocking file work in a thread that can be told to stop, and left behind when its disk no longer answers.

anyio's own worker threads are joined when the process ends: one that hangs in a dead mount would keep the
daemon from ending. These are daemon threads.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Generic, TypeVar

import anyio
from anyio import from_thread
from anyio.lowlevel import current_token

T = TypeVar("T")
CLEANUP_TIME: Final = 5.0
"""Seconds that a cancelled caller waits for the thread to take away what it began."""


class Stopped(Exception):
    """The caller has gone away: clean up and end."""


class Heartbeat:
    """How the thread shows that it gets on, and how it hears that it shall not."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._last = time.monotonic()

    def beat(self) -> None:
        """Say that work goes on; raises Stopped when nobody waits for it any more."""
        self._last = time.monotonic()
        if self._stop.is_set():
            raise Stopped

    @property
    def stopped(self) -> threading.Event:
        """Set when it shall not, for work that waits for an event itself."""
        return self._stop

    def stop(self) -> None:
        """Make the next beat raise."""
        self._stop.set()

    def silent_for(self) -> float:
        """Seconds since the last beat."""
        return time.monotonic() - self._last


class Patience:
    """Runs the file work of one volume; a volume that hangs costs one thread, however often it is asked."""

    def __init__(self, name: str, *, cleanup: float = CLEANUP_TIME) -> None:
        """`cleanup`: seconds that a cancelled caller waits for the thread to take away what it began."""
        self._name, self._cleanup = name, cleanup
        self._stuck: threading.Thread | None = None
        self._turn = anyio.Lock()

    async def ask(self, work: Callable[[Heartbeat], T], *, quiet: float) -> T:
        """As `run`, one at a time: of many who ask a disk that hangs how it is, one leaves a thread behind."""
        async with self._turn:
            return await self.run(work, quiet=quiet)

    async def run(self, work: Callable[[Heartbeat], T], *, quiet: float) -> T:
        """What `work` returns or raises; TimeoutError when it has not beaten for `quiet` seconds.

        Cancelled, it stops the thread at its next beat, and waits up to `cleanup` for that.
        """
        if self._stuck is not None and self._stuck.is_alive():
            raise TimeoutError("it still has not answered an earlier question")
        errand = _Errand(work)
        thread = threading.Thread(target=errand.run, name=f"files of {self._name}", daemon=True)
        thread.start()
        try:
            if not await errand.finished_unless_silent(quiet):
                self._stuck = thread
                raise TimeoutError(f"it has not answered for {quiet:g} s")
        except anyio.get_cancelled_exc_class():
            with anyio.CancelScope(shield=True):
                if not await errand.ended_within(self._cleanup):
                    self._stuck = thread
            raise
        return errand.outcome()


class _Errand(Generic[T]):
    """One piece of work, its heartbeat and its end."""

    def __init__(self, work: Callable[[Heartbeat], T]) -> None:
        self._work = work
        self._heart = Heartbeat()
        self._token = current_token()
        self._done = anyio.Event()
        self._result: list[T] = []
        self._error: BaseException | None = None

    def run(self) -> None:
        """In the thread."""
        try:
            self._result.append(self._work(self._heart))
        except BaseException as error:  # noqa: BLE001  it is raised where the work was asked for
            self._error = error
        with suppress(anyio.RunFinishedError, RuntimeError):  # nobody is left to be told
            from_thread.run_sync(self._done.set, token=self._token)

    async def finished_unless_silent(self, quiet: float) -> bool:
        """True when the work ended, False when it was told to stop because it fell silent."""
        while not self._done.is_set():
            with anyio.move_on_after(max(0.01, quiet - self._heart.silent_for())):
                await self._done.wait()
            if not self._done.is_set() and self._heart.silent_for() >= quiet:
                self._heart.stop()
                return False
        return True

    async def ended_within(self, seconds: float) -> bool:
        """Tell it to stop; True when it did in time."""
        self._heart.stop()
        with anyio.move_on_after(seconds):
            await self._done.wait()
        return self._done.is_set()

    def outcome(self) -> T:
        """The result, or the error raised."""
        if self._error is not None:
            raise self._error
        return self._result[0]
