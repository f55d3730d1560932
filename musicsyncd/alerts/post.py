"""Takes what is due to its channels. Each has a task of its own: one that is down holds no other up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

import anyio
import structlog

from musicsyncd.alerts.base import Alert, Channel, Finding, Kind, Severity
from musicsyncd.alerts.findings import UNTOLD_TRIES
from musicsyncd.alerts.outbox import Outbox
from musicsyncd.alerts.telling import Fault, Known
from musicsyncd.clock import Clock
from musicsyncd.errors import Denied, MusicsyncError, NeedsPerson, Permanent, Temporary

logger = structlog.get_logger()
FIRST_WAIT: Final = 30.0
"""Seconds before a second try; doubled with each further one."""
LONGEST_WAIT: Final = 3600.0
"""Seconds, of a channel that may come back by itself."""
MENDED: Final = 6 * 3600.0
"""Seconds before a channel is tried again that only a person can mend; a restart or `alerts test` tries at once."""
DEADLINE: Final = 120.0
"""Seconds of one delivery, whatever the channel does."""
TRIAL_DEADLINE: Final = 45.0
"""Seconds of a test, for which somebody waits."""
TRIAL: Final = "alerts:test"


class Post:
    """Observes what is wrong, and sees it told."""

    def __init__(self, outbox: Outbox, channels: Sequence[Channel], clock: Clock) -> None:
        self.outbox, self._clock = outbox, clock
        self.channels = {channel.name: channel for channel in channels}
        self._news = {name: anyio.Event() for name in self.channels}
        self.on_trouble: Callable[[], None] = lambda: None
        """Called when a channel begins to fail or works again: the others should hear of it."""

    async def observe(self, found: Sequence[Finding]) -> Mapping[str, Known]:
        """Take in a complete look at what is wrong, and let the channels begin."""
        known = await self.outbox.observe(found)
        for name in self.channels:
            if any(name in one.pending for one in known.values()):
                self._news[name].set()
        return known

    async def run(self) -> None:
        """Deliver for ever; sleeps until something is observed or due. What a killed run was at is due still."""
        await self.outbox.hurry(lasting=True)  # the settings may be right now
        async with anyio.create_task_group() as tasks:
            for name in self.channels:
                tasks.start_soon(self._serve, name, name=f"alerts by {name}")

    async def test(self) -> dict[str, MusicsyncError | None]:
        """Have each channel tell something harmless; what went wrong, by name. What waits is then tried too."""
        went: dict[str, MusicsyncError | None] = {}

        async def one(name: str) -> None:
            went[name] = await self._tried(name, self._trial(), deadline=TRIAL_DEADLINE)

        async with anyio.create_task_group() as tasks:
            for name in self.channels:
                tasks.start_soon(one, name, name=f"test of {name}")
        if not all(went.values()):
            await self.outbox.hurry()
            for name in self.channels:
                self._news[name].set()
        return {name: went[name] for name in self.channels}

    async def close(self) -> None:
        """Let the channels go."""
        for channel in self.channels.values():
            await channel.close()

    async def _serve(self, name: str) -> None:
        while True:
            self._news[name] = anyio.Event()
            due = await self.outbox.next_due(name)
            if due is None or due > self._clock.now():
                await self._until_news(name, due)
            else:
                await self._deliver(name)

    async def _until_news(self, name: str, due: datetime | None) -> None:
        news = self._news[name]
        if due is None:
            await news.wait()
            return
        async with anyio.create_task_group() as tasks:

            async def wake() -> None:
                await self._clock.sleep((due - self._clock.now()).total_seconds())
                news.set()

            tasks.start_soon(wake, name=f"alarm of {name}")
            await news.wait()
            tasks.cancel_scope.cancel()

    async def _deliver(self, name: str) -> None:
        """Tell what is due first; what comes of it is written down."""
        alert = await self.outbox.begin(name)
        if alert is None:
            return
        reference: list[str] = []
        error = await self._tried(name, alert, reference)
        if error is None:
            await self.outbox.delivered(name, alert, reference[0])
            if alert.attempt > 1:
                self.on_trouble()
            return
        wait = _wait(error, alert.attempt)
        fault = _fault(error)
        await self.outbox.failed(name, alert, str(error), wait, fault)
        logger.warning(
            "alert not told",
            channel=name,
            key=alert.finding.key,
            attempt=alert.attempt,
            again_in=round(wait),
            error=error.as_dict(),
        )
        if fault is not Fault.PASSING or alert.attempt == UNTOLD_TRIES:
            self.on_trouble()

    async def _tried(
        self, name: str, alert: Alert, reference: list[str] | None = None, *, deadline: float = DEADLINE
    ) -> MusicsyncError | None:
        try:
            with anyio.fail_after(deadline):
                told = await self.channels[name].deliver(alert)
        except MusicsyncError as error:
            return error
        except TimeoutError:
            return Temporary(f"The channel {name} did not end within {deadline:g} s")
        except Exception as error:
            logger.error("channel failed", channel=name, exc_info=error)
            return Permanent(f"The channel {name} failed", why=type(error).__name__, fix="See: musicsyncctl logs")
        if reference is not None:
            reference.append(told)
        return None

    def _trial(self) -> Alert:
        now = self._clock.now()
        finding = Finding(
            key=TRIAL,
            severity=Severity.INFO,
            what="This is a test of musicsyncd's alerts",
            fix="Nothing is to be done",
            subject="alerts",
        )
        made = f"test-{now.timestamp():.0f}"
        return Alert(id=made, kind=Kind.TEST, finding=finding, count=1, first_seen=now, last_seen=now)


def _fault(error: MusicsyncError) -> Fault:
    if isinstance(error, Temporary):
        return Fault.PASSING
    return Fault.CHANNEL if isinstance(error, NeedsPerson | Denied) else Fault.ALERT


def _wait(error: MusicsyncError, attempt: int) -> float:
    """Seconds until the next try: what the channel asked for, else longer each time."""
    if not isinstance(error, Temporary):
        return MENDED
    return error.delay or min(FIRST_WAIT * 2.0 ** min(attempt - 1, 20), LONGEST_WAIT)
