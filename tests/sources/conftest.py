"""What tests of Spotify share: the fake, and a source that somebody is signed in at."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.fakes.spotify import FakeSpotify
from tests.sources.spotify_house import House, house


@pytest.fixture
def fake() -> Iterator[FakeSpotify]:
    with FakeSpotify() as fake:
        yield fake


@pytest.fixture
async def at(fake: FakeSpotify, tmp_path: Path) -> AsyncIterator[House]:
    async with house(fake, tmp_path) as made:
        yield made
