"""How long a service asks to be left alone, from what it answered. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

LONGEST: Final = 365 * 86400.0
"""Seconds. A longer wait is a slip of the service's, and would overflow a date."""
REFUSALS: Final = frozenset({403, 413, 429})
"""Statuses below 500 whose Retry-After is about being asked too much (RFC 9110 names 413, RFC 6585 429)."""


def retry_after(status: int, headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds from `now` that an answer asks for; None when it asks for nothing that can be understood.

    Whole seconds or an HTTP date (RFC 9110, 10.2.3); some services write fractions of a second.
    """
    if status < 500 and status not in REFUSALS:
        return None
    text = next((value for name, value in headers.items() if name.lower() == "retry-after"), "").strip()
    seconds = _number(text)
    if seconds is None:
        moment = _moment(text)
        seconds = (moment - now).total_seconds() if moment else None
    return None if seconds is None else min(max(seconds, 0.0), LONGEST)


def _number(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return None if math.isnan(seconds) else seconds


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
