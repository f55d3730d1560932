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

        async def fetch() -> dict[str, Any]:
            return await self._fetch(work, context)

        supplied = _from_dict(await context.step(self.name, fetch, stands=_stands))
        return replace(work, supplied=supplied, track=supplied.track)

    async def _fetch(self, work: Work, context: JobContext) -> dict[str, Any]:
        source = self.sources.get(work.track.source)
        if source is None:
            raise Permanent(f"The source {work.track.source!r} of this track is not set up any more")
        async with context.capacity("download"), new_folder(work.folder / "source") as folder:
            supplied = await source.supply(work.track, folder, teller(context, self.name))
        crash_point(CrashPoint.AUDIO_FETCHED)
        return _as_dict(replace(supplied, track=supplied.track.with_identities(of_file(supplied.sha256))))


async def _stands(saved: dict[str, Any]) -> bool:
    return await holds(Path(saved["path"]), saved["sha256"])


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
