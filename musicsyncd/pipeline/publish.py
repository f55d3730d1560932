"""publish: the track's row says what was read back from everywhere else, and is itself read back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from musicsyncd.catalog.base import Catalog, Published, differing, digest
from musicsyncd.crashpoints import CrashPoint, crash_point
from musicsyncd.errors import Degraded, Temporary
from musicsyncd.jobs.base import JobContext
from musicsyncd.ledger.entry import Entry
from musicsyncd.ledger.ledger import Change, Ledger
from musicsyncd.ledger.standing import Evidence
from musicsyncd.music.identity import ACOUSTID, RECORDING, id_at, shareable, shareable_url
from musicsyncd.music.precedence import Precedence, effective
from musicsyncd.pipeline.step import Work

ROW = "row"
"""The one part of a catalog target."""


@dataclass(frozen=True)
class Publish:
    """Bring the track's row in step in every catalog that lacks it."""

    catalogs: Mapping[str, Catalog]
    """By target name."""
    ledger: Ledger
    precedence: Precedence = field(default_factory=Precedence)
    name: str = "publish"

    async def __call__(self, work: Work, context: JobContext) -> Work:
        for target in work.catalogs:
            context.progress(None, target, step=self.name)
            try:
                await self._write(self.catalogs[target], work, context)
            except Degraded as error:
                work = work.missing(target, error)
        return work

    async def _write(self, catalog: Catalog, work: Work, context: JobContext) -> None:
        entry = await self.ledger.entry(work.track_id)
        fields = row_fields(entry, self.precedence)
        known = next((one.detail["id"] for one in entry.evidence if one.target == catalog.target), None)
        published = await catalog.publish(entry.id, fields, known=known)
        crash_point(CrashPoint.ROW_WRITTEN)
        row = await catalog.read(published.id)
        if row is None or (wrong := differing(fields, row.fields)):
            missing = f"differs in {', '.join(wrong)}" if row else "is not there"
            raise Temporary(f"The row of {entry.track.label!r} was written, but read back it {missing}")
        crash_point(CrashPoint.ROW_READ_BACK)
        change = Change(
            operation=context.job.id,
            target=catalog.target,
            what=_what(published),
            before=None if published.created else published.before,
            after={"id": published.id} | {name: fields[name] for name in published.changed},
        )
        evidence = Evidence(
            target=catalog.target, part=ROW, proof=digest(fields), detail={"id": row.id, "key": row.key}
        )
        await self.ledger.record_evidence(work.track_id, evidence, change if published.changed or not known else None)
        crash_point(CrashPoint.ROW_RECORDED)


def _what(published: Published) -> str:
    """`found`: a row that the ledger had no evidence of, such as one whose creation was never answered."""
    if published.created:
        return "created"
    return "updated" if published.changed else "found"


def row_fields(entry: Entry, precedence: Precedence | None = None) -> dict[str, Any]:
    """What a track's row says, under semantic names. Derived from evidence alone: a file that was not read back is not
    claimed. `bpm_origin` and `key_origin` name whose word tempo and key are.
    """
    counts = effective(entry.said, entry.analysis, precedence or Precedence())
    track, analysis, source = entry.track, entry.analysis or {}, entry.source_file
    kept = [one.detail for one in entry.evidence if one.target.startswith("volume:")]
    return {
        "title": track.title,
        "artists": list(track.artists),
        "album": track.album,
        "genre": track.genre,
        "date": track.date,
        "isrc": track.isrc,
        "label": track.record_label,
        "catalog_number": track.catalog_number,
        "acoustid_id": id_at(ACOUSTID, track.identities),
        "musicbrainz_recording": id_at(RECORDING, track.identities),
        "duration": analysis.get("duration"),
        "bpm": counts.bpm,
        "bpm_origin": counts.bpm_origin or None,
        "key": counts.key or None,
        "camelot": counts.camelot or None,
        "key_origin": counts.key_origin or None,
        "lufs": analysis.get("integrated_lufs"),
        "fingerprint": analysis.get("fingerprint"),
        "source": track.source,
        "source_url": shareable_url(track.source_url),
        "source_codec": source.facts.get("codec") if source else None,
        "source_bit_rate": source.facts.get("bit_rate") if source else None,
        "lossless": source.facts.get("lossless") if source else None,
        "lossless_honest": analysis.get("lossless_honest"),
        "cutoff_hz": analysis.get("cutoff_hz"),
        "playlists": list(dict.fromkeys(one.title or one.id for one in entry.playlists)),
        "identities": sorted(shareable(one) for one in track.identities),
        "downloaded": bool(kept),
        "files": sorted(f"{one['shelf']}:{one['path']}" for one in kept),
    }
