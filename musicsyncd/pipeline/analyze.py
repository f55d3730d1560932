"""analyze: what was heard is written down, its waveform kept, and the track held against those heard before it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from musicsyncd.audio.values import Analysis
from musicsyncd.audio.work import AudioWorkers
from musicsyncd.crashpoints import CrashPoint, crash_point
from musicsyncd.jobs.base import JobContext
from musicsyncd.ledger.alike import Alike
from musicsyncd.ledger.entry import Entry
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.music.quality import Quality
from musicsyncd.music.sameness import Kind, Sameness, verdict
from musicsyncd.music.title import version_words
from musicsyncd.pipeline.step import Work
from musicsyncd.pipeline.waveforms import Waveforms


@dataclass(frozen=True)
class Analyze:
    """Record the ears' values; find out whether the same recording stands already."""

    audio: AudioWorkers
    ledger: Ledger
    waveforms: Waveforms
    leave_out: bool = True
    """Whether a copy of a kept recording ends the walk."""
    there: Callable[[Entry], Awaitable[bool]] | None = None
    """Whether a track's files stand or are on their way at this moment; without it the ledger's memory is believed."""
    name: str = "analyze"

    async def __call__(self, work: Work, context: JobContext) -> Work:
        if not work.formats:
            return work
        context.progress(None, step=self.name)

        async def hear() -> dict[str, Any]:
            return await self._hear(work, context)

        heard = await context.step(self.name, hear)
        return replace(work, analysis=Analysis.from_dict(heard["analysis"]), duplicate_of=heard["duplicate_of"])

    async def _hear(self, work: Work, context: JobContext) -> dict[str, Any]:
        analysis = work.analysis
        if analysis is None:
            assert work.supplied is not None
            async with context.capacity("cpu"):
                analysis = await self.audio.analyze(work.supplied.path)
        if work.waveform:
            await self.waveforms.keep(work.track_id, work.waveform)
            crash_point(CrashPoint.WAVEFORM_KEPT)
        # One at a time: of two copies that arrive together, the first to be heard is the one that is kept.
        async with context.capacity("recognise"):
            await self.ledger.record_analysis(work.track_id, analysis.as_dict())
            crash_point(CrashPoint.ANALYSIS_RECORDED)
            keeper = await self._left_out_for(work, analysis) if work.fresh and self.leave_out else None
        return {"analysis": analysis.as_dict(), "duplicate_of": keeper}

    async def _left_out_for(self, work: Work, analysis: Analysis) -> str | None:
        """The track for whose sake this one is left out from now on; None when it is kept itself."""
        twin = await self._recognise(work, analysis)
        if twin is None:
            return None
        keeper, found = twin
        note = _better_note(work, analysis, await self.ledger.entry(keeper))
        found |= {"reason": f"{found['reason']} {note}".strip()}
        # A plan that is applied at this moment may leave the keeper out: then there is nothing to lean on.
        return keeper if await self.ledger.mark_duplicate(work.track_id, keeper, found) else None

    async def _recognise(self, work: Work, analysis: Analysis) -> tuple[str, dict[str, Any]] | None:
        """The track that this one is a copy of, with the verdict."""
        if exact := await self._equal(work):
            return exact.id, {"verdict": Kind.SAME.value, "score": 1.0, "reason": "Every decoded sample is equal."}
        alike = await self.ledger.alike(work.track_id)
        entries = await self.ledger.entries([one.id for one in alike])
        verdicts = {
            entry.id: _verdict(work, analysis, entry, one)
            for entry, one in zip(entries, alike, strict=True)
            if _keeps(entry)
        }
        same = [entry for entry in entries if entry.id in verdicts and verdicts[entry.id].kind is Kind.SAME]
        twin = await self._first_there(sorted(same, key=lambda entry: -verdicts[entry.id].score))
        if twin is None:
            return None
        found = verdicts[twin.id]
        return twin.id, {"verdict": found.kind.value, "score": found.score, "reason": " ".join(found.reasons)}

    async def _equal(self, work: Work) -> Entry | None:
        """The oldest track of the same version with the very same samples."""
        own = (await self.ledger.entry(work.track_id)).source_file
        if own is None or not own.pcm_md5:
            return None
        others = [id_ for id_ in await self.ledger.with_samples(own.pcm_md5) if id_ != work.track_id]
        words = version_words(work.track.title)
        equal = (one for one in await self.ledger.entries(others) if version_words(one.track.title) == words)
        return await self._first_there(filter(_keeps, equal))

    async def _first_there(self, entries: Iterable[Entry]) -> Entry | None:
        for entry in entries:
            if self.there is None or await self.there(entry):
                return entry
        return None


def _keeps(entry: Entry) -> bool:
    """Whether a copy of it may be left out: it was heard, is no copy itself and was not given up."""
    stands = any(one.target.startswith("volume:") for one in entry.evidence)
    return entry.analysis is not None and entry.duplicate_of is None and (entry.failure is None or stands)


def _better_note(work: Work, analysis: Analysis, keeper: Entry) -> str:
    """Said when the copy that is left out came from better audio than the one that is kept."""
    if work.source is None or keeper.source_file is None:
        return ""
    own = Quality.of(work.source.as_dict(), analysis.lossless_honest)
    kept = Quality.of(keeper.source_file.facts, (keeper.analysis or {}).get("lossless_honest"))
    better = own.better_by(kept)
    return f"It has better audio, {better}: musicsyncctl duplicates keep {work.track_id}." if better else ""


def _verdict(work: Work, analysis: Analysis, other: Entry, alike: Alike) -> Sameness:
    assert other.analysis is not None
    return verdict(
        bit_error_rate=alike.bit_error_rate,
        overlap_share=alike.overlap_share,
        durations=(analysis.duration, other.analysis["duration"]),
        titles=(work.track.title, other.track.title),
    )
