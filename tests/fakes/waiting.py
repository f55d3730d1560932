"""Waiting for what a daemon in another process brings about."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal, TypeVar

T = TypeVar("T")
_LOOK = 0.05  # seconds between two looks


def wait_for(look: Callable[[], T | Literal[False] | None], deadline: float = 60.0, told: Callable[[], str] = str) -> T:
    """What `look` answers as soon as that is true; AssertionError after the deadline in seconds, with what is told."""
    end = time.monotonic() + deadline
    while not (found := look()):
        assert time.monotonic() < end, f"it did not come to pass: {told()}"
        time.sleep(_LOOK)
    return found
