"""One service's budget: how fast it may be asked, how long it wants to be left alone, and whether it answers at all.

    await budget.turn()                        # waits a little, or raises Temporary at once and says until when
    ...                                        # ask, with whatever library
    await budget.answered(status, headers)     # or: await budget.failed(error)

Our own client does exactly this; so does whoever asks through a vendor's library.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from musicsyncd.clock import Clock
from musicsyncd.errors import Temporary
from musicsyncd.http.retry_after import retry_after

TRIAL: Final = 120.0
"""Seconds after which a trial that nobody reported on counts as lost, and another may be made."""
SOON: Final = 5.0
"""Seconds after which it is worth asking how another one's trial went."""
THROTTLED: Final = frozenset({429, 503})
"""Answers that mean "too fast", also without a Retry-After: MusicBrainz says 503 where others say 429."""


MINUTE: Final = 60.0
"""Seconds over which turns are counted."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How a service is treated."""

    rate: float
    """Requests per second over a longer time."""
    burst: int = 1
    """Requests that may go at once after a rest."""
    patience: float = 10.0
    """Seconds that a caller may be made to wait; a longer wait is an error that says until when."""
    trips: int = 5
    """Failures in a row after which the service is left alone, and then tried with one request."""
    rest: float = 30.0
    """Seconds of the first such rest; each further failure doubles it."""
    longest_rest: float = 900.0
    """Seconds."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What must be known of a service after a restart."""

    not_before: datetime | None = None
    """Until then it is not asked."""
    failures: int = 0
    """In a row, up to now."""
    why: str = ""
    """What it did, in words."""


def after_failure(before: Standing, pace: Pace, *, now: datetime, asked_for: float | None, why: str) -> Standing:
    """The standing after one more failure. `asked_for` is its Retry-After in seconds.

    What was asked before the service wanted to be left alone, and fails meanwhile, is part of the same failure.
    """
    resting = before.not_before is not None and now < before.not_before
    failures = before.failures if resting and asked_for else before.failures + 1
    wait = asked_for or 0.0
    if failures >= pace.trips:
        wait = max(wait, min(pace.rest * 2.0 ** min(failures - pace.trips, 30), pace.longest_rest))
    ends = now + timedelta(seconds=wait) if wait else None
    later = max((one for one in (before.not_before, ends) if one), default=None)
    return Standing(not_before=later, failures=failures, why=why)


def too_fast(before: Standing, pace: Pace) -> float:
    """Seconds to rest when a service says "too fast" and not how long: twice as long each time."""
    return float(min(2.0 ** min(before.failures, 30) / min(pace.rate, 1.0), pace.longest_rest))


class Budget:
    """Made by `Budgets`; one for each service and credential, whoever uses it."""

    def __init__(
        self,
        name: str,
        pace: Pace,
        clock: Clock,
        *,
        standing: Standing | None = None,
        save: Callable[[Standing], Awaitable[None]] | None = None,
    ) -> None:
        """`name` is what errors call the service; `save` writes down what must outlive the process."""
        self.name, self.pace, self._clock, self._save = name, pace, clock, save
        self.standing = standing or Standing()
        self._saved = self.standing
        self._full_at = clock.monotonic()
        """When the bucket is full again, on the monotonic clock."""
        self._trial_ends: float | None = None
        self._turns: deque[float] = deque()
        self.waiting = 0
        """Callers that wait for their turn now."""

    @property
    def lately(self) -> int:
        """Requests that went within the last minute."""
        self._forget_turns()
        return len(self._turns)

    def _forget_turns(self) -> None:
        while self._turns and self._turns[0] <= self._clock.monotonic() - MINUTE:
            self._turns.popleft()

    async def turn(self) -> None:
        """Return when one request may go; Temporary at once, with the delay, when that is not soon.

        A caller that is made to wait has its place already: those behind it wait longer.
        """
        self._refuse_if_resting()
        place = self._place()
        wait = place - self._clock.monotonic()
        if wait > self.pace.patience:
            raise Temporary(f"{self.name} has been asked as often as it allows", delay=wait, counts=False)
        self._full_at = max(self._full_at, place) + 1.0 / self.pace.rate
        self.waiting += 1
        try:
            await self._wait(wait)
        finally:
            self.waiting -= 1
        self._try_out()
        self._turns.append(self._clock.monotonic())
        self._forget_turns()

    async def _wait(self, wait: float) -> None:
        if wait > 0:
            await self._clock.sleep(wait)
        while (rest := self.rest) > 0:  # somebody may have been told to wait meanwhile
            self._refuse_if_resting()
            await self._clock.sleep(rest)

    async def answered(self, status: int, headers: Mapping[str, str]) -> None:
        """Tell what came back: the HTTP status, and the headers in any case."""
        asked_for = retry_after(status, headers, self._clock.now())
        if asked_for is None and status in THROTTLED:
            asked_for = too_fast(self.standing, self.pace)
        if status >= 500 or asked_for is not None:
            await self._fell(f"It answered {status}", asked_for)
            return
        self._trial_ends = None
        if self.standing.failures:
            await self._stand(replace(self.standing, failures=0))

    async def failed(self, error: BaseException) -> None:
        """Tell that nothing came back, or nothing that makes sense."""
        await self._fell(f"It could not be asked ({type(error).__name__})", None)

    async def asked_to_rest(self, seconds: float, why: str) -> None:
        """Tell that the service wants to be left alone, where it says so by other means than a status."""
        await self._fell(why, seconds)

    def dropped(self) -> None:
        """Tell that the question was not seen to its end, which says nothing of the service."""
        self._trial_ends = None

    async def _fell(self, why: str, asked_for: float | None) -> None:
        self._trial_ends = None
        now = self._clock.now()
        await self._stand(after_failure(self.standing, self.pace, now=now, asked_for=asked_for, why=why))

    async def _stand(self, standing: Standing) -> None:
        """What is due later than a moment is written down before anybody acts on it."""
        self.standing = standing
        worth_keeping = standing if standing.not_before and standing.not_before > self._clock.now() else Standing()
        if self._save and worth_keeping != self._saved:
            self._saved = worth_keeping
            await self._save(worth_keeping)

    def _place(self) -> float:
        """When the next request may go: a token bucket, told by when it is full again."""
        return max(self._clock.monotonic(), self._full_at - (self.pace.burst - 1) / self.pace.rate)

    @property
    def rest(self) -> float:
        """Seconds that the service is still to be left alone."""
        ends = self.standing.not_before
        return max(0.0, (ends - self._clock.now()).total_seconds()) if ends else 0.0

    def _refuse_if_resting(self) -> None:
        if (rest := self.rest) > self.pace.patience:
            until = self.standing.not_before
            assert until is not None
            told = f"{self.name} is left alone until {until.isoformat(sep=' ', timespec='seconds')}"
            raise Temporary(told, delay=rest, why=self.standing.why, counts=False)
        if self._trial_ends is not None and self._clock.monotonic() < self._trial_ends:
            raise Temporary(
                f"{self.name} is being tried again after it failed", delay=SOON, why=self.standing.why, counts=False
            )

    def _try_out(self) -> None:
        """After a row of failures one request goes alone; the others hear at once that they should come later."""
        if self.standing.failures >= self.pace.trips:
            self._refuse_if_resting()
            self._trial_ends = self._clock.monotonic() + TRIAL
