"""recognise: audio that a search found is held against what others take its sound for, before anything of it is kept.

The last rung of the evidence: titles and lengths may agree where an upload bears the wrong name. A URL that a person
gave or pinned is not doubted, and who cannot be asked forbids nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import anyio
import structlog

from musicsyncd.audio.values import Analysis
from musicsyncd.enrichment.base import Enricher, Known
from musicsyncd.errors import MusicsyncError, Permanent
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.ledger.matches import MATCHED, Matches
from musicsyncd.music.recognition import HeardAs, contradiction
from musicsyncd.music.sameness import SAME_BELOW
from musicsyncd.pipeline.step import Work

logger = structlog.get_logger()
PATIENCE: Final = 30.0
"""Seconds for one service, everything counted."""
NEARLY_ALL: Final = 0.9
"""Of the shorter fingerprint: a medley holds pieces of many."""


@dataclass(frozen=True)
class Recognise:
    """Ask the known copies and the services that know sounds."""

    matches: Matches
    ledger: Ledger
    services: Sequence[Enricher]

    async def __call__(self, work: Work, analysis: Analysis) -> None:
        """Permanent when all who know the sound take it for another recording: the next candidate has its turn."""
        if work.audio is None or (await self.matches.of(work.track_id)).pin:
            return
        heard = [*await self._copies(work, analysis), *await self._told(work, analysis)]
        if against := contradiction(work.track, heard):
            raise Permanent(f"The sound is not that of {work.track.label}", why=against)

    async def _copies(self, work: Work, analysis: Analysis) -> list[HeardAs]:
        """Tracks of the ledger that sound the same; one whose own audio was only searched for proves nothing."""
        alike = [
            one
            for one in await self.ledger.alike_to(analysis.fingerprint or "")
            if one.bit_error_rate < SAME_BELOW and one.overlap_share >= NEARLY_ALL and one.id != work.track_id
        ]
        return [
            HeardAs(title=entry.track.title, artists=entry.track.artists, by="A track that is kept")
            for entry in await self.ledger.entries([one.id for one in alike])
            if entry.track.artists
            and entry.source_file
            and not entry.source_file.facts.get("delivery", {}).get(MATCHED)
        ]

    async def _told(self, work: Work, analysis: Analysis) -> list[HeardAs]:
        known = Known(track=work.track, duration=analysis.duration, fingerprint=analysis.fingerprint or "")
        told: list[HeardAs] = []
        for service in self.services:
            try:
                with anyio.fail_after(PATIENCE):
                    told += await service.recordings(known)
            except (MusicsyncError, TimeoutError) as error:
                logger.warning("service not asked", service=service.name, why=str(error) or "It did not answer in time")
        return told
