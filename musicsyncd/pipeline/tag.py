"""tag: every output bears what is known of the track, and was read again to prove it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from musicsyncd.audio.values import Analysis, AudioProbe, Made, Tags
from musicsyncd.audio.work import AudioWorkers
from musicsyncd.crashpoints import CrashPoint, crash_point
from musicsyncd.jobs.base import JobContext
from musicsyncd.ledger.entry import FileFacts
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.music.identity import ACOUSTID, RECORDING, id_at, shareable, shareable_url
from musicsyncd.music.track import Track
from musicsyncd.pipeline.step import Work, holds


@dataclass(frozen=True)
class Tag:
    """Write and verify tags in staging, before anything reaches a shelf."""

    audio: AudioWorkers
    ledger: Ledger
    name: str = "tag"

    async def __call__(self, work: Work, context: JobContext) -> Work:
        if not work.made:
            return work

        async def write() -> list[dict[str, Any]]:
            return await self._write(work, context)

        async def stands(saved: Sequence[dict[str, Any]]) -> bool:
            return {one["format"] for one in saved} >= work.made.keys() and await _stand(saved)

        saved = await context.step(self.name, write, stands=stands)
        return replace(work, made={one["format"]: Made.from_dict(one) for one in saved})

    async def _write(self, work: Work, context: JobContext) -> list[dict[str, Any]]:
        artwork = work.supplied.artwork if work.supplied else None
        tags = tags_of(work.track, work.analysis, work.source)
        async with context.capacity("cpu"):
            made = await self.audio.tag(tuple(work.made.values()), tags, artwork)
        crash_point(CrashPoint.TAGS_WRITTEN)
        await self.ledger.record_files(work.track_id, [_facts(one) for one in made])
        return [one.as_dict() for one in made]


async def _stand(saved: Sequence[dict[str, Any]]) -> bool:
    for one in saved:
        if not await holds(Path(one["path"]), one["sha256"]):
            return False
    return True


def tags_of(track: Track, analysis: Analysis | None, source: AudioProbe | None) -> Tags:
    """What a track's files should say."""
    return Tags(
        title=track.title,
        artists=track.artists,
        album=track.album,
        album_artist=track.album_artist,
        genre=track.genre,
        date=track.date,
        track_number=track.track_number,
        disc_number=track.disc_number,
        isrc=track.isrc,
        label=track.record_label,
        catalog_number=track.catalog_number,
        comment=_comment(track, analysis),
        source_audio=_source_audio(source, analysis) if source else "",
        source_url=shareable_url(track.source_url) if track.source_url.startswith("http") else "",
        source_ids=tuple(shareable(identity) for identity in track.identities),
        bpm=analysis.bpm if analysis else None,
        key=(analysis.key or "") if analysis else "",
        camelot=(analysis.camelot or "") if analysis else "",
        replay_gain_db=analysis.replay_gain_db if analysis else None,
        replay_peak=analysis.replay_peak if analysis else None,
        fingerprint=(analysis.fingerprint or "") if analysis else "",
        acoustid_id=id_at(ACOUSTID, track.identities),
        musicbrainz_recording=id_at(RECORDING, track.identities),
    )


def _source_audio(source: AudioProbe, analysis: Analysis | None) -> str:
    """What the codec promises, and what speaks against it."""
    doubt = analysis.doubt if analysis else ""
    return f"{source.description} - but {doubt}" if doubt else source.description


def _comment(track: Track, analysis: Analysis | None) -> str:
    """Camelot first, where DJs look for it, unless the comment says it already."""
    camelot = (analysis.camelot or "") if analysis else ""
    if camelot and track.comment.startswith(camelot):
        return track.comment
    return " - ".join(part for part in (camelot, track.comment) if part)


def _facts(made: Made) -> FileFacts:
    return FileFacts(
        role="output",
        format=made.format,
        sha256=made.sha256,
        size=made.size,
        pcm_md5=made.pcm_md5,
        duration=made.duration,
        facts={key: value for key, value in made.as_dict().items() if key not in ("path", "sha256", "size", "pcm_md5")},
    )
