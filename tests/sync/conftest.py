"""Keeps the log of what is done on purpose out of the tests' output."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Lines are collected and dropped."""
    with structlog.testing.capture_logs():
        yield
