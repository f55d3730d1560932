"""The long-lived parts of the daemon: started again when they fail, left down where that is useless, told in status."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import anyio
import structlog
from anyio.abc import TaskGroup

from musicsyncd.alerts.base import Finding, Severity
from musicsyncd.clock import Clock
from musicsyncd.control.messages_status import PartAnswer
from musicsyncd.errors import MusicsyncError, Permanent

logger = structlog.get_logger()
CORE: Final = frozenset({"control socket", "job engine"})
"""Without these the daemon is none: when one cannot be kept up, the whole is started anew by its service manager."""
TRIES: Final = 5
"""Failures in a row after which a core part is given up."""
LONGEST_PAUSE: Final = 300.0
"""Seconds between two tries of a part that goes on failing."""
WELL: Final = 60.0
"""Seconds after which a part that failed before counts as mended."""

Told = Callable[[str, int], Any]
"""Hears of each failure: the part's name, and how many in a row that was."""


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
    failures: int = 0
    """In a row."""
    why: str = ""


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
            began = self._clock.monotonic()
            try:
                await part()
            except Exception as error:  # noqa: BLE001  that is what we are here for
                if self._clock.monotonic() - began > WELL:
                    known.failures = 0
                if not self._goes_on(known, error):
                    return
            else:
                self._move(known, PartState.ENDED)
                return
            await self._clock.sleep(min(2.0**known.failures, LONGEST_PAUSE))
            self._move(known, PartState.RUNNING)

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
                failures=part.failures,
                since=part.since.isoformat(timespec="seconds"),
                why=part.why,
            )
            for part in self._parts.values()
        ]

    def findings(self) -> list[Finding]:
        """Each part that does not run: left down, or failing over and over."""
        return [
            Finding(
                key=f"part:{part.name}",
                severity=Severity.ERROR,
                what=f"The part {part.name!r} of the daemon {_fate(part)}",
                why=part.why,
                fix="When its reason is seen to, restart: musicsyncctl service stop, then start",
                subject=part.name,
            )
            for part in self._parts.values()
            if part.state is PartState.DOWN or (part.state is PartState.PAUSING and part.failures >= TRIES)
        ]

    def _goes_on(self, part: Part, error: Exception) -> bool:
        """Whether it is worth another try; who has to hear of it does."""
        part.failures += 1
        part.why = str(error) or type(error).__name__
        hopeless = isinstance(error, Permanent) or (part.name in self._core and part.failures >= TRIES)
        self._move(part, PartState.DOWN if hopeless else PartState.PAUSING)
        logger.error("part failed", part=part.name, failures=part.failures, left_down=hopeless, exc_info=error)
        self.tell(part.name, part.failures)
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


def _fate(part: Part) -> str:
    return "is down" if part.state is PartState.DOWN else f"failed {part.failures} times in a row"
