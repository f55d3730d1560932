"""download: the audio as the source gives it, in the track's staging folder, its hash written down with the step.

The ledger hears of it only when it was found to be what was asked for (see transcode): of audio that is refused,
neither its tags nor its identity may stay with the track.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from musicsyncd.crashpoints import CrashPoint, crash_point
from musicsyncd.errors import Permanent
from musicsyncd.jobs.base import JobContext
from musicsyncd.ledger.matches import MATCHED
from musicsyncd.music.identity import of_file
from musicsyncd.music.track import Track
from musicsyncd.pipeline.step import Work, holds, new_folder, teller
from musicsyncd.sources.base import Source, Supplied


@dataclass(frozen=True)
class Download:
    """Ask the track's source for its audio."""

    sources: Mapping[str, Source]
    name: str = "download"

    async def __call__(self, work: Work, context: JobContext) -> Work:
        if not work.formats:
            return work
        context.progress(None, step=self.name)

        async def fetch() -> dict[str, Any]:
            return await self._fetch(work, context)

        async def stands(saved: dict[str, Any]) -> bool:
            """Of another candidate than the one that is wanted now, nothing stands."""
            asked = saved["details"].get(MATCHED, "")
            return asked == _matched(work) and await holds(Path(saved["path"]), saved["sha256"])

        supplied = _from_dict(await context.step(self.name, fetch, stands=stands))
        return replace(work, supplied=supplied, track=supplied.track)

    async def _fetch(self, work: Work, context: JobContext) -> dict[str, Any]:
        wanted = work.audio or work.track
        source = self.sources.get(wanted.source)
        if source is None:
            raise Permanent(f"The source {wanted.source!r} of this track is not set up any more")
        async with context.capacity("download"), new_folder(work.folder / "source") as folder:
            supplied = await source.supply(wanted, folder, teller(context, self.name))
        crash_point(CrashPoint.AUDIO_FETCHED)
        track = _found_for(work, supplied.track).with_identities(of_file(supplied.sha256))
        details = supplied.details | ({MATCHED: _matched(work)} if work.audio else {})
        return _as_dict(replace(supplied, track=track, details=details))


def _matched(work: Work) -> str:
    return work.audio.source_url if work.audio else ""


def _found_for(work: Work, delivered: Track) -> Track:
    """The track after its delivery: of audio that was found elsewhere it learns the id, and no word."""
    if work.audio is None:
        return delivered
    ids = [one for one in (*work.audio.identities, *delivered.identities) if one not in work.track.identities]
    return work.track.with_identities(*ids)


def _as_dict(supplied: Supplied) -> dict[str, Any]:
    return {
        "path": str(supplied.path),
        "sha256": supplied.sha256,
        "size": supplied.size,
        "track": supplied.track.as_dict(),
        "artwork": str(supplied.artwork) if supplied.artwork else None,
        "details": supplied.details,
    }


def _from_dict(data: dict[str, Any]) -> Supplied:
    artwork = data["artwork"]
    return Supplied(
        path=Path(data["path"]),
        sha256=data["sha256"],
        size=data["size"],
        track=Track.from_dict(data["track"]),
        artwork=Path(artwork) if artwork else None,
        details=data["details"],
    )
