"""What every service keeps that is asked about a track, whoever it is."""

from __future__ import annotations

import json

import pytest

from musicsyncd.enrichment.base import Enricher, Known
from musicsyncd.errors import MusicsyncError
from musicsyncd.music.track import Track

TRACK = Track(title="Night Ferry", artists=("Ada Voss",), source="folder")
SPEAKS_OF = frozenset(
    {"acoustid", "score", "recording", "title", "artists", "isrc", "isrcs", "album", "date", "label"}
    | {"catalog_number", "release", "artwork"}
)
"""The words that the pipeline and `tracks show` understand."""


class EnricherContract:
    """Inherit it and give `enricher`, `known` (a track of which it knows something) and `ill` (it cannot be asked)."""

    async def test_it_says_what_can_be_written_down(self, enricher: Enricher, known: Known) -> None:
        """As JSON, in known words, nothing empty; the same the second time."""
        told = await enricher.ask(known)
        assert told.facts or told.identities
        assert json.loads(json.dumps(dict(told.facts))) == dict(told.facts)
        assert set(told.facts) <= SPEAKS_OF
        assert all(value not in ("", None, [], ()) for value in told.facts.values())
        assert await enricher.ask(known) == told

    async def test_of_nothing_it_says_nothing(self, enricher: Enricher) -> None:
        """Neither facts nor identities, and no error."""
        told = await enricher.ask(Known(track=Track(title="Untitled"), duration=6.0))
        assert (dict(told.facts), told.identities, told.picture) == ({}, (), None)

    async def test_its_trouble_is_an_error_of_ours(self, ill: Enricher, known: Known) -> None:
        """One that says what to do next."""
        with pytest.raises(MusicsyncError):
            await ill.ask(known)
