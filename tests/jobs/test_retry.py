"""The decision after a failure."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsyncd.errors import ConfigInvalid, Degraded, MusicsyncError, NeedsPerson, Permanent, Temporary, from_dict
from musicsyncd.jobs.job import JobState
from musicsyncd.jobs.retry import ATTEMPTS, FIRST_BOUND, LONGEST, UNEXPECTED_ATTEMPTS, back_off, decide

ERRORS = st.one_of(
    st.builds(Temporary, st.text(), delay=st.none() | st.floats(-10, 1e6), why=st.text()),
    st.builds(Degraded, st.text(), target=st.text()),
    st.sampled_from([Permanent, NeedsPerson, MusicsyncError, ConfigInvalid]).map(lambda kind: kind("What")),
    st.builds(ValueError, st.text()),
    st.builds(KeyboardInterrupt),
)


@given(error=ERRORS, attempts=st.integers(1, 100), jitter=st.floats(0, 1))
def test_every_error_has_an_end(error: BaseException, attempts: int, jitter: float) -> None:
    """Any error gives a state, a reason that fits JSON, and a delay exactly when the job waits; tries are bounded."""
    retry = decide(error, attempts, jitter)
    assert (retry.state is JobState.WAITING) == (retry.delay is not None)
    assert retry.state in {JobState.WAITING, JobState.FAILED, JobState.PARTIAL}
    assert json.loads(json.dumps(retry.reason))["what"] is not None
    assert retry.delay is None or retry.delay >= 0
    if attempts >= ATTEMPTS:
        assert retry.state is not JobState.WAITING


@given(attempts=st.integers(1, 10_000), jitter=st.floats(0, 1))
def test_back_off_is_spread_and_capped(attempts: int, jitter: float) -> None:
    """It lies anywhere from nothing to a bound that doubles, never beyond an hour."""
    bound = back_off(attempts, 1.0)
    assert 0 <= back_off(attempts, jitter) <= bound <= LONGEST
    assert bound == min(LONGEST, FIRST_BOUND * 2 ** min(attempts - 1, 60))


@given(attempts=st.integers(1, 10_000))
def test_who_is_not_to_blame_is_not_given_up(attempts: int) -> None:
    """A try that does not count never was the last one; that crosses a pipe, too."""
    error = Temporary("Left alone", delay=60, counts=False)
    retry = decide(from_dict(error.as_dict()), attempts, 0.5)
    assert (retry.state, retry.uncounted, retry.delay) == (JobState.WAITING, True, 60)


def test_a_services_own_delay_is_kept() -> None:
    """A service that says "in 24 hours" is believed, although our own back-off ends at one hour."""
    assert decide(Temporary("Slow down", delay=86_400), 1, 0.5).delay == 86_400


@pytest.mark.parametrize(("attempts", "state"), [(1, JobState.WAITING), (UNEXPECTED_ATTEMPTS, JobState.FAILED)])
def test_the_unforeseen_is_tried_less_often_and_logged(attempts: int, state: JobState) -> None:
    """An error that nobody foresaw has fewer tries, and asks for a traceback in the log."""
    retry = decide(KeyError("x"), attempts, 0.5)
    assert (retry.state, retry.unexpected) == (state, True)
    assert "KeyError" in retry.reason["what"]
