"""The open door that the tests of this room knock at."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.control.door import Door, opened


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder whose path leaves room for a socket's name."""
    with tempfile.TemporaryDirectory(prefix="ms-") as name:
        yield Path(name)


@pytest.fixture
async def door(tmp_path: Path, short: Path) -> AsyncIterator[Door]:
    """A control socket that answers."""
    async with opened(tmp_path, short) as found:
        yield found
