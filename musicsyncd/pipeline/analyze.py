"""analyze: what was heard is written down, its waveform kept, and the track held against those heard before it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from musicsyncd.audio.values import Analysis, AudioProbe, Likeness
from musicsyncd.audio.work import AudioWorkers
from musicsyncd.crashpoints import CrashPoint, crash_point
from musicsyncd.jobs.base import JobContext
from musicsyncd.ledger.entry import FileFacts, Heard
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.music.sameness import Kind, Sameness, verdict
from musicsyncd.music.title import version_words
from musicsyncd.pipeline.step import Work
from musicsyncd.pipeline.waveforms import Waveforms

CANDIDATE_TOLERANCE: Final = 5.0
"""Seconds by which the durations of candidates may differ; the verdict itself is stricter."""


@dataclass(frozen=True)
class Analyze:
    """Record the ears' values; find out whether the same recording stands already."""

    audio: AudioWorkers
    ledger: Ledger
    waveforms: Waveforms
    name: str = "analyze"

    async def __call__(self, work: Work, context: JobContext) -> Work:
        if not work.formats:
            return work

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
            twin = await self._recognise(work, analysis) if work.fresh else None
            if twin:
                keeper = (await self.ledger.entry(twin[0])).source_file
                note = _quality_note(work.source, _probe_of(keeper))
                verdict_on_it = twin[1] | {"reason": f"{twin[1]['reason']} {note}".strip()}
                await self.ledger.mark_duplicate(work.track_id, twin[0], verdict_on_it)
        return {"analysis": analysis.as_dict(), "duplicate_of": twin[0] if twin else None}

    async def _recognise(self, work: Work, analysis: Analysis) -> tuple[str, dict[str, Any]] | None:
        """The track that this one is a copy of, with the verdict."""
        own = (await self.ledger.entry(work.track_id)).source_file
        candidates = await self.ledger.heard_alike(work.track_id, analysis.duration, CANDIDATE_TOLERANCE)
        samples = own.pcm_md5 if own else ""
        words = version_words(work.track.title)
        equal = (one for one in candidates if samples and one.pcm_md5 == samples and version_words(one.title) == words)
        if exact := next(equal, None):
            return exact.id, {"verdict": Kind.SAME.value, "score": 1.0, "reason": "Every decoded sample is equal."}
        prints = {one.id: one.fingerprint for one in candidates if one.fingerprint}
        if not analysis.fingerprint or not prints:
            return None
        compared = await self.audio.compare(analysis.fingerprint, prints)
        verdicts = [
            (one.id, _verdict(work, analysis, one, compared[one.id])) for one in candidates if one.id in compared
        ]
        same = [(id_, found) for id_, found in verdicts if found.kind is Kind.SAME]
        if not same:
            return None
        twin, found = max(same, key=lambda pair: pair[1].score)
        return twin, {"verdict": found.kind.value, "score": found.score, "reason": " ".join(found.reasons)}


def _probe_of(file: FileFacts | None) -> AudioProbe | None:
    """What was found in a source file; None where the ledger does not say."""
    return AudioProbe.from_dict(file.facts) if file and "codec" in file.facts else None


def _quality_note(own: AudioProbe | None, kept: AudioProbe | None) -> str:
    """Said when the copy that is left out came from better audio than the one that is kept."""
    if own is None or kept is None or _quality(own) <= _quality(kept):
        return ""
    return f"It comes from better audio ({own.description}) than the one that is kept ({kept.description})."


def _quality(source: AudioProbe) -> tuple[bool, int, int]:
    """Lossless before lossy, then depth in bits and rate in Hz, or for lossy audio bit/s."""
    if source.lossless:
        return True, source.bit_depth or 0, source.sample_rate
    return False, source.bit_rate or 0, 0


def _verdict(work: Work, analysis: Analysis, other: Heard, likeness: Likeness) -> Sameness:
    return verdict(
        bit_error_rate=likeness.bit_error_rate,
        overlap_share=likeness.overlap_share,
        durations=(analysis.duration, other.duration),
        titles=(work.track.title, other.title),
    )
