"""What happens to a job whose handler raised: a pure decision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from musicsyncd.errors import Degraded, MusicsyncError, Temporary
from musicsyncd.jobs.job import JobState

FIRST_BOUND: Final = 60.0
"""Seconds: the longest pause after the first failure; each further failure doubles it."""
LONGEST: Final = 3600.0
"""Seconds: no back-off of ours is longer. A delay that a service asks for may be."""
ATTEMPTS: Final = 6
"""Tries of a job whose failures are temporary."""
UNEXPECTED_ATTEMPTS: Final = 3
"""Tries of a job whose handler raises what nobody foresaw: most likely a fault of ours that stays."""


@dataclass(frozen=True, kw_only=True)
class Retry:
    """What becomes of the job."""

    state: JobState
    reason: dict[str, Any]
    delay: float | None = None
    """Seconds until the next try, for `waiting`."""
    result: dict[str, Any] | None = None
    unexpected: bool = False
    """Worth a traceback in the log."""
    uncounted: bool = False
    """Whether this try is forgotten when the tries are counted."""


def decide(error: BaseException, attempts: int, jitter: float, *, most: int = ATTEMPTS) -> Retry:
    """What follows from `error` in try number `attempts`, the first being 1.

    `jitter` is a random number from 0 to 1; `most` is the number of tries for temporary failures.
    """
    match error:
        case Degraded():
            return Retry(state=JobState.PARTIAL, reason=error.as_dict(), result={"partial": [error.target]})
        case Temporary():
            return _again_or_give_up(error, attempts, most, jitter)
        case MusicsyncError():
            return Retry(state=JobState.FAILED, reason=error.as_dict())
        case _:
            return _again_or_give_up(_unforeseen(error), attempts, UNEXPECTED_ATTEMPTS, jitter, unexpected=True)


def back_off(attempts: int, jitter: float) -> float:
    """Seconds to wait after failure number `attempts`: anywhere below a bound that doubles each time.

    Jobs that failed together for one cause are so spread over the whole bound ("full jitter"). Formula: Marc
    Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    bound = min(LONGEST, FIRST_BOUND * 2.0 ** min(attempts - 1, 16))
    return jitter * bound


def _again_or_give_up(error: Temporary, attempts: int, most: int, jitter: float, *, unexpected: bool = False) -> Retry:
    reason = error.as_dict()
    if attempts >= most and error.counts:
        reason |= {"what": f"Given up after {attempts} attempts: {error.what}", "attempts": attempts}
        return Retry(state=JobState.FAILED, reason=reason, unexpected=unexpected)
    delay = back_off(attempts, jitter) if error.delay is None else max(0.0, error.delay)
    uncounted = not error.counts
    return Retry(state=JobState.WAITING, reason=reason, delay=delay, unexpected=unexpected, uncounted=uncounted)


def _unforeseen(error: BaseException) -> Temporary:
    return Temporary(
        f"The job stopped at an error that nobody foresaw, {type(error).__name__}",
        why=str(error),
        fix="The log holds its traceback",
    )
