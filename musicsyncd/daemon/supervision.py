"""The long-lived parts of the daemon: started again when they fail, left down where that is useless, told in status."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import anyio
import structlog
from anyio.abc import TaskGroup

from musicsyncd.alerts.base import Finding, Severity
from musicsyncd.clock import Clock
from musicsyncd.control.messages_status import PartAnswer
from musicsyncd.errors import MusicsyncError, Permanent, Temporary

logger = structlog.get_logger()
CORE: Final = frozenset({"control socket", "job engine"})
"""Without these the daemon is none: when one cannot be kept up, the whole is started anew by its service manager."""
LASTING: Final = CORE | {"alerts", "batches", "clock", "Eagle's return", "mounts"}
"""These have nothing to end with while the daemon runs: one that returns has failed."""
TRIES: Final = 5
"""Failures within the window after which a core part is given up."""
WINDOW: Final = 3600.0
"""Seconds for which a failure counts: a part that lives a minute each time fails no less for that."""
LONGEST_PAUSE: Final = 300.0
"""Seconds between two tries of a part that goes on failing."""

Told = Callable[[str, int], Any]
"""Hears of each failure: the part's name, and how many there were within the window."""


class PartState(StrEnum):
    """How a part is."""

    RUNNING = "running"
    PAUSING = "pausing"
    """It failed, and is started again in a while."""
    DOWN = "down"
    """It failed, and only a person or a restart can bring it back."""
    ENDED = "ended"
    """It had nothing more to do."""


@dataclass(kw_only=True)
class Part:
    """One part, as far as its keeper knows."""

    name: str
    since: datetime
    state: PartState = PartState.RUNNING
    died: deque[float] = field(default_factory=deque)
    """When it failed within the window, on the clock that only goes on."""
    why: str = ""

    def failures(self, now: float) -> int:
        """How often it failed within the window that ends now."""
        while self.died and now - self.died[0] >= WINDOW:
            self.died.popleft()
        return len(self.died)


class Supervision:
    """Keeps parts up. `over` is set when the daemon has to stop; `exit_code` then says how."""

    def __init__(self, clock: Clock, *, told: Told | None = None, core: frozenset[str] = CORE) -> None:
        """`told` hears of each failure at once; what it raises is logged and keeps nobody up."""
        self._clock, self.told, self._core = clock, told, core
        self._parts: dict[str, Part] = {}
        self.over = anyio.Event()
        self.exit_code = 0

    async def supervised(self, name: str, part: Callable[[], Awaitable[Any]], _tasks: TaskGroup | None = None) -> None:
        """Run a long-lived part until it ends by itself or is left down; a task of that name calls this."""
        known = self._parts[name] = Part(name=name, since=self._clock.now())
        while True:
            error = await self._died(name, part)
            if error is None:
                self._move(known, PartState.ENDED)
                return
            if not self._goes_on(known, error):
                return
            await self._clock.sleep(min(2.0 ** self._failures(known), LONGEST_PAUSE))
            self._move(known, PartState.RUNNING)

    async def _died(self, name: str, part: Callable[[], Awaitable[Any]]) -> Exception | None:
        """Run it once: what it failed with, or nothing where it had nothing more to do."""
        try:
            await part()
        except Exception as error:  # noqa: BLE001  that is what we are here for
            return _alone(error)
        return None if self.over.is_set() or name not in LASTING else Temporary("It ended, and should have gone on")

    def _failures(self, part: Part) -> int:
        return part.failures(self._clock.monotonic())

    def stop(self, code: int = 0) -> None:
        """Have the daemon stop; the first reason counts."""
        if not self.over.is_set():
            self.exit_code = code
            self.over.set()

    def shown(self) -> list[PartAnswer]:
        """Every part, as `status` tells it."""
        return [
            PartAnswer(
                name=part.name,
                state=part.state.value,
                failures=self._failures(part),
                since=part.since.isoformat(timespec="seconds"),
                why=part.why,
            )
            for part in self._parts.values()
        ]

    def findings(self) -> list[Finding]:
        """Each part that is left down or has failed within the window; it is well when it did not for so long."""
        counted = [(part, self._failures(part)) for part in self._parts.values()]
        return [_finding(part, failures) for part, failures in counted if failures or part.state is PartState.DOWN]

    def _goes_on(self, part: Part, error: Exception) -> bool:
        """Whether it is worth another try; who has to hear of it does."""
        part.died.append(self._clock.monotonic())
        part.why, failures = str(error) or type(error).__name__, self._failures(part)
        hopeless = isinstance(error, Permanent) or (part.name in self._core and failures >= TRIES)
        self._move(part, PartState.DOWN if hopeless else PartState.PAUSING)
        logger.error("part failed", part=part.name, failures=failures, left_down=hopeless, exc_info=error)
        self.tell(part.name, failures)
        if hopeless and part.name in self._core:
            logger.critical("part given up, the daemon stops", part=part.name)
            self.stop(error.exit_code if isinstance(error, MusicsyncError) else 1)
        return not hopeless

    def tell(self, name: str, failures: int) -> None:
        """Let the hook know, whatever it makes of that."""
        try:
            if self.told is not None:
                self.told(name, failures)
        except Exception as error:
            logger.error("failure not told", part=name, exc_info=error)

    def _move(self, part: Part, state: PartState) -> None:
        part.state, part.since = state, self._clock.now()


def _alone(error: Exception) -> Exception:
    """What a task group failed with, where that is one thing: its class decides what happens next."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _finding(part: Part, failures: int) -> Finding:
    down = part.state is PartState.DOWN
    times = "once" if failures == 1 else f"{failures} times"
    again = "It is started again by itself; if it goes on, see: musicsyncctl logs"
    return Finding(
        key=f"part:{part.name}",
        severity=Severity.ERROR if down or failures >= TRIES else Severity.WARNING,
        what=f"The part {part.name!r} of the daemon {'is down' if down else f'failed {times} within an hour'}",
        why=part.why,
        fix="When its reason is seen to, restart: musicsyncctl service stop, then start" if down else again,
        subject=part.name,
    )
