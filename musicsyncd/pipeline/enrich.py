"""enrich: what the track's source did not say is asked of others; who says what is written down.

It fills gaps and changes nothing that the source said. Trouble with a service is written down too, and keeps no track
away.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import anyio
import structlog

from musicsyncd.audio.work import AudioWorkers
from musicsyncd.crashpoints import CrashPoint, crash_point
from musicsyncd.enrichment.base import Enricher, Known, Told
from musicsyncd.errors import MusicsyncError, Temporary
from musicsyncd.jobs.base import JobContext
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.music.identity import RECORDING, id_at
from musicsyncd.music.track import Track
from musicsyncd.pipeline.step import Work, new_folder

logger = structlog.get_logger()

GAPS: Final = {
    "album": "album",
    "date": "date",
    "isrc": "isrc",
    "label": "record_label",
    "catalog_number": "catalog_number",
}
"""Fields that may be filled, and what a track calls them. Title and artists are not among them."""
FILLED: Final = "filled"
"""Beside an origin's word: which fields of the track it filled. They are its to say anew."""
TROUBLE: Final = "trouble"
"""Beside an origin's word: why it could not be asked when it was last asked."""
NOTE: Final = "note"
"""Beside an origin's word: why it says nothing, or less than it could."""
_OF_ONE_TIME: Final = (FILLED, NOTE, TROUBLE, "artwork")
PATIENCE: Final = 90.0
"""Seconds for one service, everything counted: a track waits no longer for what it can do without."""
CAPACITY: Final = "enrich"


@dataclass(frozen=True)
class Enrich:
    """Ask each service in turn; `wanted` names the fields that may be filled."""

    enrichers: Sequence[Enricher]
    audio: AudioWorkers
    ledger: Ledger
    wanted: Collection[str]
    name: str = "enrich"

    async def __call__(self, work: Work, context: JobContext) -> Work:
        if not work.made or work.analysis is None:
            return work
        context.progress(None, step=self.name)

        async def ask() -> dict[str, Any]:
            return await self._ask(work, context)

        return _applied(work, await context.step(self.name, ask, stands=_stands))

    async def _ask(self, work: Work, context: JobContext) -> dict[str, Any]:
        earlier = await self._earlier(work.track_id)
        track = without(work.track, [name for facts in earlier.values() for name in facts.get(FILLED, ())])
        known, artwork = _known(work, track, self.wanted), None
        async with context.capacity(CAPACITY):
            for enricher in self.enrichers:
                context.progress(None, enricher.name, step=self.name)
                told, trouble = await self._hear(enricher, known)
                if told.picture:
                    artwork, trouble = await self._cover(told.picture, work.folder)
                before = earlier.get(enricher.name, {})
                if trouble:
                    told = _repeated(before)
                track, names = fill(track, told.facts, self.wanted)
                known = _knowing(known, told, track, {*names, *(["artwork"] if artwork else [])})
                if (facts := _word(told, trouble, names)) or before:
                    await self.ledger.record_said(work.track_id, enricher.name, facts)
        track = track.with_identities(*known.track.identities)
        await self.ledger.record_facts(work.track_id, track)
        crash_point(CrashPoint.ENRICHMENT_RECORDED)
        return {"track": track.as_dict(), "artwork": str(artwork) if artwork else None}

    async def _earlier(self, track_id: str) -> dict[str, Mapping[str, Any]]:
        """What those who are asked now said before; the word of others stands as it is."""
        asked = {one.name for one in self.enrichers}
        return {one.origin: one.facts for one in (await self.ledger.entry(track_id)).said if one.origin in asked}

    async def _hear(self, enricher: Enricher, known: Known) -> tuple[Told, MusicsyncError | None]:
        try:
            with anyio.fail_after(PATIENCE):
                return await enricher.ask(known), None
        except TimeoutError:
            trouble: MusicsyncError = Temporary(f"{enricher.name} did not answer within {PATIENCE:g} s")
        except MusicsyncError as error:
            trouble = error
        logger.warning("service not asked", service=enricher.name, why=str(trouble))
        return Told(), trouble

    async def _cover(self, picture: Path, folder: Path) -> tuple[Path | None, MusicsyncError | None]:
        """The picture as covers are, in the track's own folder; what is no picture is left out."""
        async with new_folder(folder / self.name) as own:
            try:
                return await self.audio.cover(picture, own), None
            except MusicsyncError as error:
                return None, error


def without(track: Track, names: Collection[str]) -> Track:
    """The track as its source had it, before others filled these fields."""
    emptied: dict[str, Any] = {GAPS[name]: "" for name in names if name in GAPS}
    return replace(track, **emptied)


def fill(track: Track, facts: Mapping[str, Any], wanted: Collection[str]) -> tuple[Track, list[str]]:
    """The track with its gaps filled from what one origin says, and the names of those that were."""
    names = [name for name in GAPS if name in wanted and facts.get(name) and not getattr(track, GAPS[name])]
    values: dict[str, Any] = {GAPS[name]: str(facts[name]) for name in names}
    return replace(track, **values), names


def _known(work: Work, bare: Track, wanted: Collection[str]) -> Known:
    assert work.analysis is not None
    gaps = {name for name in GAPS if name in wanted and not getattr(bare, GAPS[name])}
    pictured = work.supplied is None or work.supplied.artwork is not None
    return Known(
        track=bare,
        duration=work.analysis.duration,
        fingerprint=work.analysis.fingerprint or "",
        recording=id_at(RECORDING, bare.identities),
        wanted=frozenset(gaps | ({"artwork"} & set(wanted) if not pictured else set())),
    )


def _knowing(known: Known, told: Told, filled: Track, names: Collection[str]) -> Known:
    """What the next service is given: the gaps that are filled are none any more, and a release's label must fit."""
    known = known.learning(told)
    return replace(
        known, track=replace(filled, identities=known.track.identities), wanted=known.wanted - frozenset(names)
    )


def _repeated(before: Mapping[str, Any]) -> Told:
    """The earlier word of a service that cannot be asked now: until it can, that counts."""
    facts = {name: value for name, value in before.items() if name not in _OF_ONE_TIME}
    return Told(facts=facts, recording=facts.get("recording", ""), cover_of=facts.get("release", ""))


def _word(told: Told, trouble: MusicsyncError | None, filled: Sequence[str]) -> dict[str, Any]:
    """What is written down of one origin."""
    beside = {FILLED: [*filled], NOTE: told.note, TROUBLE: str(trouble or "")}
    return dict(told.facts) | {name: value for name, value in beside.items() if value}


async def _stands(saved: Mapping[str, Any]) -> bool:
    return saved["artwork"] is None or await anyio.Path(saved["artwork"]).is_file()


def _applied(work: Work, saved: Mapping[str, Any]) -> Work:
    work = replace(work, track=Track.from_dict(saved["track"]))
    if saved["artwork"] is None or work.supplied is None:
        return work
    return replace(work, supplied=replace(work.supplied, artwork=Path(saved["artwork"])))
