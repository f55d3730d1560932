"""publish: the track's row says what was read back from everywhere else, and is itself read back."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from musicsyncd.catalog.base import Catalog, Published, digest
from musicsyncd.catalog.ownership import empty
from musicsyncd.crashpoints import CrashPoint, crash_point
from musicsyncd.errors import Degraded, Temporary
from musicsyncd.jobs.base import JobContext
from musicsyncd.ledger.entry import Entry
from musicsyncd.ledger.journal import Change
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.ledger.standing import Evidence
from musicsyncd.music.identity import ACOUSTID, RECORDING, id_at, shareable, shareable_url
from musicsyncd.music.precedence import PERSON, Precedence, effective, to_bpm, to_key
from musicsyncd.pipeline.step import Work

ROW = "row"
"""The one part of a catalog target."""
SPOKEN: Final = ("bpm", "key", "camelot")
"""Fields in which a person's value is his word on the track: it counts for its tags too."""


@dataclass(frozen=True)
class Publish:
    """Bring the track's row in step in every catalog that lacks it."""

    catalogs: Mapping[str, Catalog]
    """By target name."""
    ledger: Ledger
    precedence: Precedence = field(default_factory=Precedence)
    shelves: Collection[str] | None = None
    """Targets whose files a row speaks of; None: all."""
    name: str = "publish"

    async def __call__(self, work: Work, context: JobContext) -> Work:
        for target in work.catalogs:
            context.progress(None, target, step=self.name)
            try:
                heard = await self._write(self.catalogs[target], work, context)
                work = replace(work, heard=work.heard or heard)
            except Degraded as error:
                work = work.missing(target, error)
        return work

    async def _write(self, catalog: Catalog, work: Work, context: JobContext) -> bool:
        """Whether the row bears a word of a person that was not heard before."""
        entry = await self.ledger.entry(work.track_id)
        fields = row_fields(entry, self.precedence, self.shelves)
        known = next((one.detail["id"] for one in entry.evidence if one.target == catalog.target), None)
        page = known or id_at(catalog.name, entry.track.identities) or None  # a track that its row led to
        published = await catalog.publish(entry.id, fields, known=page)
        crash_point(CrashPoint.ROW_WRITTEN)
        row = await catalog.verify(published.id)
        if row is None or (wrong := catalog.lacks(fields, row)):
            missing = f"differs in {', '.join(wrong)}" if row else "is not there"
            raise Temporary(f"The row of {entry.track.label!r} was written, but read back it {missing}")
        crash_point(CrashPoint.ROW_READ_BACK)
        change = Change(
            operation=context.job.id,
            target=catalog.target,
            what=_what(published),
            before=None if published.created else published.before,
            after={"id": published.id, **(published.written or {name: fields[name] for name in published.changed})},
        )
        evidence = Evidence(
            target=catalog.target, part=ROW, proof=digest(fields), detail={"id": row.id, "key": row.key}
        )
        await self.ledger.record_evidence(work.track_id, evidence, change if published.changed or not known else None)
        crash_point(CrashPoint.ROW_RECORDED)
        return await self._heard(entry, published.kept)

    async def _heard(self, entry: Entry, kept: Mapping[str, Any]) -> bool:
        word = persons_word(entry, kept)
        if word is None:
            return False
        await self.ledger.record_said(entry.id, PERSON, word)
        crash_point(CrashPoint.WORD_RECORDED)
        return True


def persons_word(entry: Entry, values: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a person says of the track, with his values of a row; None when that is no news. A cleared value takes his
    earlier word back; one that nobody could mean is not heard.
    """
    known = next((dict(one.facts) for one in entry.said if one.origin == PERSON), {})
    keys = [values[name] for name in ("key", "camelot") if name in values]
    word = dict(known)
    if "bpm" in values:
        word = _spoken(word, "bpm", [values["bpm"]], to_bpm)
    if keys:
        word = _spoken(word, "key", keys, to_key)
    return word if word != known else None


def _spoken(word: dict[str, Any], name: str, values: Sequence[Any], read: Callable[[Any], Any]) -> dict[str, Any]:
    if meant := next((found for one in values if (found := read(one))), None):
        return word | {name: meant}
    cleared = all(empty(one) for one in values)
    return {field: value for field, value in word.items() if field != name} if cleared else word


def _what(published: Published) -> str:
    """`found`: a row that the ledger had no evidence of, such as one whose creation was never answered."""
    if published.created:
        return "created"
    return "updated" if published.changed else "found"


def row_fields(
    entry: Entry, precedence: Precedence | None = None, shelves: Collection[str] | None = None
) -> dict[str, Any]:
    """What a track's row says, under semantic names. Derived from evidence alone: a file that was not read back is not
    claimed, nor one on a target that is not among `shelves` (None: all), where nobody looks any more. `bpm_origin` and
    `key_origin` name whose word tempo and key are.
    """
    counts = effective(entry.said, entry.analysis, precedence or Precedence())
    track, analysis, source = entry.track, entry.analysis or {}, entry.source_file
    files = [one for one in entry.evidence if one.target.startswith("volume:")]
    kept = [one.detail for one in files if shelves is None or one.target in shelves]
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
