"""What is said of accounts: the sentences for a person, and questions about accounts that there are not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar

import pytest

from musicsyncd.alerts.findings import Seen, findings
from musicsyncd.control.attention import account_answer, account_seen
from musicsyncd.sources.account import Account, SignedIn, Standing
from tests.control.door import Door


class Fixed(Account):
    """An account that stands as it was told."""

    service: ClassVar[str] = "fixed"
    title: ClassVar[str] = "Fixed"

    def __init__(self, standing: Standing) -> None:
        self._standing = standing

    def standing(self) -> Standing:
        return self._standing


def said(**more: object) -> list[str]:
    """What a person is told of it."""
    now = Standing(**{"service": "fixed", "signed_in": SignedIn.YES, "fix": "Do it"} | more)  # type: ignore[arg-type]
    return [
        one.sentence
        for one in findings(Seen(now=datetime(2026, 1, 1, tzinfo=UTC), accounts=[account_seen(Fixed(now))]))
    ]


@pytest.mark.parametrize(("days", "when"), [(30, "in 30 days"), (2, "in 2 days"), (1, "tomorrow"), (0, "today")])
def test_the_countdown_is_said_in_words(days: int, when: str) -> None:
    """With what to do."""
    assert said(urgent=True, days_left=days) == [f"The sign-in at Fixed ends {when}. Do it."]


def test_only_what_is_urgent_is_said() -> None:
    """A person who signed out knows it."""
    assert said(days_left=100) == []
    assert said(signed_in=SignedIn.NO) == []
    assert said(signed_in=SignedIn.NO, urgent=True, why="It ended") == [
        "Nobody is signed in at Fixed. It ended. Do it."
    ]


def test_moments_are_written_for_programs() -> None:
    """ISO 8601, or nothing."""
    answer = account_answer(
        Fixed(Standing(service="fixed", signed_in=SignedIn.YES, expires_at=datetime(2026, 1, 1, tzinfo=UTC)))
    )
    assert (answer.expires_at, answer.authorized_at) == ("2026-01-01T00:00:00.000+00:00", None)


async def test_an_account_that_there_is_not(door: Door) -> None:
    """404, in words, whatever is asked of it."""
    for method, path in (("GET", ""), ("POST", ""), ("POST", "/sign-out")):
        status, answer = await door.ask(method, f"/v1/auth/tidal{path}")
        assert (status, "no sign-in at 'tidal'" in answer["error"]["what"]) == (404, True)
