"""What DJ software wrote into a track's files is heard, and its outputs' tags are made to say what counts now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import anyio

from musicsyncd.audio.keeping import foreign, recalled, remembered
from musicsyncd.audio.tags import Texts, to_texts
from musicsyncd.audio.values import Tags
from musicsyncd.audio.work import AudioWorkers
from musicsyncd.catalog.base import digest
from musicsyncd.crashpoints import CrashPoint, crash_point
from musicsyncd.errors import Degraded
from musicsyncd.ledger.entry import Entry, FileFacts
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.ledger.standing import Evidence
from musicsyncd.library.base import Kept, Shelf
from musicsyncd.music.precedence import DJ, Precedence
from musicsyncd.pipeline.tag import wanted_tags

NANOSECONDS: Final = 1e9


@dataclass(frozen=True)
class Words:
    """Reads tags of kept files; writes only to the ledger."""

    audio: AudioWorkers
    ledger: Ledger
    shelves: Mapping[str, Shelf]
    """By target name."""
    precedence: Precedence = field(default_factory=Precedence)

    async def heed(self, track_id: str, files: Sequence[Evidence], folder: Path) -> bool:
        """Hear what other programs wrote into these files since we did; whether that was news. `folder` is for copies
        of files that cannot be read where they stand.
        """
        entry = await self.ledger.entry(track_id)
        known = next((one.facts for one in entry.said if one.origin == DJ), {})
        guess = to_texts(wanted_tags(entry, self.precedence))
        facts = dj_word(entry, await self._read(files, folder), guess)
        if facts == known:
            return False
        await self.ledger.record_said(track_id, DJ, facts)
        crash_point(CrashPoint.WORD_RECORDED)
        return True

    async def renew(self, track_id: str) -> bool:
        """Let every output be due with the tags that count now; whether any was not. What stands with others is then
        an older version, which the next look finds.
        """
        entry = await self.ledger.entry(track_id)
        tags = wanted_tags(entry, self.precedence)
        due = [file for file in entry.files if file.role == "output" and file.facts.get("tags") != remembered(tags)]
        if due:
            await self.ledger.record_files(track_id, [renewed(file, tags, entry.evidence) for file in due])
            crash_point(CrashPoint.OUTPUTS_RENEWED)
        return bool(due)

    async def _read(self, files: Sequence[Evidence], folder: Path) -> list[tuple[Evidence, Texts]]:
        await anyio.Path(folder).mkdir(parents=True, exist_ok=True)
        there: list[tuple[Evidence, Path]] = []
        for one in files:
            try:
                there.append((one, await self.shelves[one.target].readable(Kept.from_dict(one.detail), folder)))
            except Degraded:  # it went away since it was looked at: it is heard when it is back
                continue
        texts = await self.audio.texts([(path, one.part) for one, path in there])
        return [(one, said) for (one, _), said in zip(there, texts, strict=True) if said is not None]


def dj_word(entry: Entry, found: Iterable[tuple[Evidence, Texts]], guess: Texts) -> dict[str, Any]:
    """What DJ software says of the track, with what these files say now: the latest word on each field counts.

    A file that bears the newest tags was changed after everything that is known; of one that bears older ones (its
    volume was away) its time tells. `guess` is what we wrote into an edited file of which that is not recorded.
    """
    known = next((one for one in entry.said if one.origin == DJ), None)
    since = datetime.fromisoformat(known.at).timestamp() if known and known.at else 0.0
    facts = dict(known.facts) if known else {}
    before = dict(facts)
    for one, now in sorted(found, key=lambda pair: _rank(entry, pair[0])):
        output = entry.output(one.part)
        if output is None:
            continue
        was, newest = recalled(output.tags_of(one.proof)), recalled(output.tags_of(output.proof)) or {}
        if was is None and one.detail["sha256"] != one.proof:
            was = guess
        later = one.proof == output.proof or one.detail["mtime_ns"] / NANOSECONDS > since
        words = foreign(now, was=was, newest=newest)
        if news := {name: value for name, value in words.items() if later or name not in before}:
            facts = {name: value for name, value in facts.items() if name != "software"} | news
    return facts


def _rank(entry: Entry, one: Evidence) -> tuple[bool, int]:
    output = entry.output(one.part)
    return output is not None and one.proof == output.proof, int(one.detail["mtime_ns"])


def renewed(file: FileFacts, tags: Tags, evidence: Iterable[Evidence]) -> FileFacts:
    """The output with other tags: a new version of the same samples. The earlier ones that some copy still bears stay
    known, so that they are re-tagged where they stand instead of being made again.
    """
    version = digest({"tags": tags.as_dict(), "pcm_md5": file.pcm_md5, "format": file.format})
    borne = {one.proof for one in evidence if one.part == file.format} | {file.proof, file.sha256}
    told = file.facts.get("earlier", {}) | {file.proof: file.facts.get("tags")}
    earlier = {proof: said for proof, said in told.items() if proof in borne and proof != version}
    return replace(file, facts=file.facts | {"tags": remembered(tags), "version": version, "earlier": earlier})
