"""rehear: a track is analysed anew from a copy that stands on a shelf; nothing is downloaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import anyio

from musicsyncd.audio.values import FORMATS, WAVEFORM_PEAKS, WAVEFORM_PNG, Analysis, WaveformFiles
from musicsyncd.audio.work import AudioWorkers
from musicsyncd.crashpoints import CrashPoint, crash_point
from musicsyncd.errors import BadInput, Permanent
from musicsyncd.jobs.base import JobContext
from musicsyncd.ledger.entry import Entry
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.ledger.standing import Evidence
from musicsyncd.library.base import Kept, Shelf
from musicsyncd.pipeline.step import new_folder
from musicsyncd.pipeline.waveforms import Waveforms

ONLY_THE_SOURCE_TELLS: Final = ("cutoff_hz", "lossless_honest", "true_peak_dbtp", "replay_peak")
"""What an encoder, or the rounding of a lossy source to whole numbers, has changed in our file."""


@dataclass(frozen=True)
class Rehear:
    """Record the ears' values, if they are others than before."""

    audio: AudioWorkers
    ledger: Ledger
    shelves: Mapping[str, Shelf]
    """By target name."""
    waveforms: Waveforms
    name: str = "rehear"

    async def __call__(self, entry: Entry, files: Sequence[Evidence], folder: Path, context: JobContext) -> None:
        """Permanent when none of these files can be heard."""

        async def hear() -> dict[str, Any]:
            return await self._hear(entry, files, folder, context)

        await context.step(self.name, hear)

    async def _hear(self, entry: Entry, files: Sequence[Evidence], folder: Path, context: JobContext) -> dict[str, Any]:
        best = best_copy(entry, files)
        if best is None:
            raise nothing_to_hear(entry)
        async with context.capacity("cpu"), new_folder(folder / self.name) as place:
            heard = await self._listen(entry, best, place)
            drawn = WaveformFiles(peaks=str(place / WAVEFORM_PEAKS), png=str(place / WAVEFORM_PNG))
            if await anyio.Path(drawn.png).is_file() and await self.waveforms.keep(entry.id, drawn):
                crash_point(CrashPoint.WAVEFORM_KEPT)
        analysis = merged(entry, best.part, heard).as_dict()
        if changed := analysis != entry.analysis:
            await self.ledger.record_analysis(entry.id, analysis)
            crash_point(CrashPoint.ANALYSIS_RECORDED)
        return {"from": f"{best.target} {best.part}", "changed": changed}

    async def _listen(self, entry: Entry, best: Evidence, place: Path) -> Analysis:
        shelf, kept = self.shelves[best.target], Kept.from_dict(best.detail)
        path = await shelf.readable(kept, place)
        try:
            return await self.audio.analyze(path, place, judged=_judged(entry))
        except BadInput:
            await shelf.look(kept)  # Degraded when the volume was pulled out meanwhile: the file is not to blame
            raise


def best_copy(entry: Entry, files: Sequence[Evidence]) -> Evidence | None:
    """The file to hear: one with the source's very samples, else a lossless one, else any that is an output of ours."""
    source = entry.source_file

    def rank(one: Evidence) -> tuple[bool, bool]:
        output = entry.output(one.part)
        exact = output is not None and source is not None and output.pcm_md5 == source.pcm_md5 != ""
        return not exact, not FORMATS[one.part].lossless

    ours = [one for one in files if one.part in FORMATS and _is_ours(entry, one)]
    return min(ours, key=rank, default=None)


def _is_ours(entry: Entry, one: Evidence) -> bool:
    output = entry.output(one.part)
    return output is not None and (one.proof == output.proof or output.older(one.proof))


def nothing_to_hear(entry: Entry) -> Permanent:
    """Why a track cannot be analysed anew."""
    what = f"No file of {entry.track.label!r} stands on a volume that can be read now"
    return Permanent(what, fix=f"Bring it home first: musicsyncctl tracks retry {entry.id}")


def merged(entry: Entry, part: str, heard: Analysis) -> Analysis:
    """What was heard, with what was heard in the source itself where this copy cannot tell."""
    source, output = entry.source_file, entry.output(part)
    lossless = bool(source and source.facts.get("lossless"))
    exact = bool(source and output and source.pcm_md5 == output.pcm_md5)
    if entry.analysis is None or (lossless and exact):
        return heard
    return Analysis.from_dict(heard.as_dict() | {name: entry.analysis.get(name) for name in ONLY_THE_SOURCE_TELLS})


def _judged(entry: Entry) -> bool:
    """As `decode.Source.judged` has it, of the audio that came."""
    facts = entry.source_file.facts if entry.source_file else {}
    return bool(facts.get("lossless")) and (facts.get("bit_depth") or 0) >= 16
