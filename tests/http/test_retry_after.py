"""What services write into Retry-After, and what of it is believed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsyncd.http.retry_after import LONGEST, retry_after

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("5", 5.0),
        (" 86400 ", 86400.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("1e300", LONGEST),
        ("inf", LONGEST),
        ("99999999999999999999", LONGEST),
        ("Thu, 01 Jan 2026 12:00:30 GMT", 30.0),
        ("Fri, 02 Jan 2026 12:00:00 +0000", 86400.0),
        ("Thu, 01 Jan 2026 11:00:00 GMT", 0.0),
        ("", None),
        ("nan", None),
        ("soon", None),
        ("Thu, 99 Foo 2026", None),
    ],
)
def test_seconds_and_dates(text: str, seconds: float | None) -> None:
    """Whole seconds, fractions, dates with and without a zone; what is past means now; nonsense means nothing."""
    assert retry_after(429, {"retry-AFTER": text}, NOW) == seconds


@pytest.mark.parametrize(("status", "counts"), [(200, False), (301, False), (404, False), (403, True), (503, True)])
def test_only_refusals_ask_for_it(status: int, counts: bool) -> None:
    """A redirect may carry the header too, and means the new address by it."""
    assert (retry_after(status, {"Retry-After": "9"}, NOW) is not None) == counts


@given(st.text(max_size=40))
def test_no_text_is_too_strange(text: str) -> None:
    """Whatever is written there, the wait can be added to a date."""
    seconds = retry_after(429, {"Retry-After": text}, NOW)
    assert seconds is None or NOW + timedelta(seconds=seconds) >= NOW
