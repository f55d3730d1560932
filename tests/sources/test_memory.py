"""The twin in memory, held to the contract of all sources."""

from __future__ import annotations

import pytest

from musicsyncd.music.identity import Identity
from musicsyncd.music.track import Track
from musicsyncd.sources.memory import MemorySource
from tests.sources.contract import AUDIO, Known, SourceContract


class TestMemorySource(SourceContract):
    """The contract, with nothing but memory behind it."""

    @pytest.fixture
    def known(self) -> Known:
        """Two tracks, one of them the known one."""
        track = Track(
            title="Night Ferry (X Remix)",
            artists=("Ada Voss",),
            source="memory",
            source_url="memory:1",
            identities=(Identity("memory", "1"),),
        )
        other = Track(title="Other", source="memory", source_url="memory:2", identities=(Identity("memory", "2"),))
        return Known(MemorySource({track: AUDIO, other: b""}), url="memory:1", unknown="memory:3")

    async def test_it_lists_in_the_order_given(self, known: Known) -> None:
        """The newest is what was given first."""
        assert [track.source_url for track in (await known.source.list()).tracks] == ["memory:1", "memory:2"]
