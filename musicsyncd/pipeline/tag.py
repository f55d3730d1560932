"""tag: every output bears what is known of the track, and was read again to prove it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from musicsyncd.audio.keeping import remembered
from musicsyncd.audio.values import Analysis, AudioProbe, Made, Tags
from musicsyncd.audio.work import AudioWorkers
from musicsyncd.crashpoints import CrashPoint, crash_point
from musicsyncd.jobs.base import JobContext
from musicsyncd.ledger.entry import Entry, FileFacts
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.music.identity import ACOUSTID, RECORDING, id_at, shareable, shareable_url
from musicsyncd.music.precedence import Effective, Precedence, effective
from musicsyncd.music.track import Track
from musicsyncd.pipeline.step import Work, holds


@dataclass(frozen=True)
class Tag:
    """Write and verify tags in staging, before anything reaches a shelf."""

    audio: AudioWorkers
    ledger: Ledger
    precedence: Precedence = field(default_factory=Precedence)
    name: str = "tag"

    async def __call__(self, work: Work, context: JobContext) -> Work:
        if not work.made:
            return work
        context.progress(None, step=self.name)

        async def write() -> list[dict[str, Any]]:
            return await self._write(work, context)

        async def stands(saved: Sequence[dict[str, Any]]) -> bool:
            return {one["format"] for one in saved} >= work.made.keys() and await _stand(saved)

        saved = await context.step(self.name, write, stands=stands)
        return replace(work, made={one["format"]: Made.from_dict(one) for one in saved})

    async def _write(self, work: Work, context: JobContext) -> list[dict[str, Any]]:
        artwork = work.supplied.artwork if work.supplied else None
        entry = await self.ledger.entry(work.track_id)
        tags = wanted_tags(entry, self.precedence)
        async with context.capacity("cpu"):
            made = await self.audio.tag(tuple(work.made.values()), tags, artwork)
        crash_point(CrashPoint.TAGS_WRITTEN)
        await self.ledger.record_files(work.track_id, [_facts(one, tags, entry) for one in made])
        return [one.as_dict() for one in made]


async def _stand(saved: Sequence[dict[str, Any]]) -> bool:
    for one in saved:
        if not await holds(Path(one["path"]), one["sha256"]):
            return False
    return True


def wanted_tags(entry: Entry, precedence: Precedence) -> Tags:
    """What a track's files should say, of all that the ledger knows."""
    analysis = Analysis.from_dict(entry.analysis) if entry.analysis else None
    source = entry.source_file
    probe = AudioProbe.from_dict(source.facts) if source and "codec" in source.facts else None
    return tags_of(entry.track, analysis, probe, counting(entry, precedence))


def counting(entry: Entry, precedence: Precedence) -> Effective:
    """The tempo and key that count for a track."""
    return effective(entry.said, entry.analysis, precedence)


def tags_of(
    track: Track, analysis: Analysis | None, source: AudioProbe | None, counts: Effective | None = None
) -> Tags:
    """What a track's files should say; `counts` is whose tempo and key (None: what was heard)."""
    counts = counts or effective((), analysis.as_dict() if analysis else None, Precedence())
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
        comment=_comment(track, counts.camelot),
        source_audio=_source_audio(source, analysis) if source else "",
        source_url=shareable_url(track.source_url) if track.source_url.startswith("http") else "",
        source_ids=tuple(shareable(identity) for identity in track.identities),
        bpm=counts.bpm,
        key=counts.key,
        camelot=counts.camelot,
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


def _comment(track: Track, camelot: str) -> str:
    """Camelot first, where DJs look for it, unless the comment says it already."""
    if camelot and track.comment.startswith(camelot):
        return track.comment
    return " - ".join(part for part in (camelot, track.comment) if part)


def _facts(made: Made, tags: Tags, entry: Entry) -> FileFacts:
    """The output as it was made; versions of the same samples that stood before stay known."""
    facts = {key: value for key, value in made.as_dict().items() if key not in ("path", "sha256", "size", "pcm_md5")}
    before = entry.output(made.format)
    earlier: dict[str, Any] = {}
    if before and before.pcm_md5 == made.pcm_md5:
        known = before.facts.get("earlier", {}) | {before.proof: before.facts.get("tags")}
        borne = {one.proof for one in entry.evidence if one.part == made.format}
        earlier = {proof: said for proof, said in known.items() if proof in borne and proof != made.sha256}
    return FileFacts(
        role="output",
        format=made.format,
        sha256=made.sha256,
        size=made.size,
        pcm_md5=made.pcm_md5,
        duration=made.duration,
        facts=facts | {"tags": remembered(tags)} | ({"earlier": earlier} if earlier else {}),
    )
