"""Fixtures that every shelf's tests use."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.library.eagle_bench import EagleBench, eagle_bench


@pytest.fixture
def staging(tmp_path: Path) -> Path:
    """A folder for staged files, on another path than any volume."""
    folder = tmp_path / "staging"
    folder.mkdir()
    return folder


@pytest.fixture(params=["v1", "v2"])
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[EagleBench]:
    async with eagle_bench(tmp_path, newer=request.param == "v2") as bench:
        yield bench


@pytest.fixture
async def newer(tmp_path: Path) -> AsyncIterator[EagleBench]:
    async with eagle_bench(tmp_path) as bench:
        yield bench


@pytest.fixture
async def older(tmp_path: Path) -> AsyncIterator[EagleBench]:
    async with eagle_bench(tmp_path, newer=False) as bench:
        yield bench
