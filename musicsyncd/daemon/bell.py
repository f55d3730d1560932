"""A wait that somebody else may end."""

from __future__ import annotations

from collections.abc import Callable

import anyio

from musicsyncd.clock import Clock


class Bell:
    """Ends a wait early, yet lets a while pass: who rings, rings often."""

    def __init__(self, clock: Clock, name: str) -> None:
        """`name`: what the task that listens is called."""
        self._clock, self._name, self._rung = clock, name, anyio.Event()

    @property
    def rung(self) -> bool:
        """Whether it was rung since it was last made still."""
        return self._rung.is_set()

    def ring(self) -> None:
        """End the wait that goes on, or the next one."""
        self._rung.set()

    def still(self) -> None:
        """What rang is being seen to."""
        self._rung = anyio.Event()

    async def wait(self, seconds: float, settle: Callable[[], float]) -> bool:
        """False after so long; True once it was rung and the seconds that `settle` then says are over."""
        rung = False
        async with anyio.create_task_group() as tasks:

            async def heard() -> None:
                nonlocal rung
                await self._rung.wait()
                await self._clock.sleep(settle())
                rung = True
                tasks.cancel_scope.cancel()

            tasks.start_soon(heard, name=self._name)
            await self._clock.sleep(seconds)
            tasks.cancel_scope.cancel()
        return rung
