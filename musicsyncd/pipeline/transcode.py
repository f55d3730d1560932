"""transcode: one decode feeds every format and the ears; what came out is held against what the source had promised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import anyio

from musicsyncd.audio.values import Claims, Transcoded
from musicsyncd.audio.work import AudioWorkers
from musicsyncd.crashpoints import CrashPoint, crash_point
from musicsyncd.errors import Permanent
from musicsyncd.jobs.base import JobContext
from musicsyncd.ledger.entry import FileFacts
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.music.precedence import DJ, FILE, plausible
from musicsyncd.music.said import Said
from musicsyncd.pipeline.recognise import Recognise
from musicsyncd.pipeline.step import Work, new_folder, teller

PREVIEW: Final = 31.0
"""Seconds: streaming services hand out 30-second previews instead of what was asked for."""


@dataclass(frozen=True)
class Transcode:
    """Make the wanted formats. `sample_rate` in Hz and `depth` in bits; None keeps the source's."""

    audio: AudioWorkers
    ledger: Ledger
    sample_rate: int | None = None
    depth: int | None = None
    recognise: Recognise | None = None
    """None: what a search found is taken for what it says."""
    name: str = "transcode"

    async def __call__(self, work: Work, context: JobContext) -> Work:
        if not work.formats:
            return work
        context.progress(None, step=self.name)

        async def make() -> dict[str, Any]:
            return await self._make(work, context)

        async def stands(saved: dict[str, Any]) -> bool:
            earlier = Transcoded.from_dict(saved)
            drawn = (earlier.waveform.peaks, earlier.waveform.png) if earlier.waveform else ()
            there = [await anyio.Path(path).is_file() for path in (*(one.path for one in earlier.outputs), *drawn)]
            return {one.format for one in earlier.outputs} >= set(work.formats) and all(there)

        done = Transcoded.from_dict(await context.step(self.name, make, stands=stands))
        made = {one.format: one for one in done.outputs}
        return replace(work, source=done.source, analysis=done.analysis, waveform=done.waveform, made=made)

    async def _make(self, work: Work, context: JobContext) -> dict[str, Any]:
        assert work.supplied is not None
        async with context.capacity("cpu"), new_folder(work.folder / "outputs") as folder:
            done = await self.audio.transcode(
                work.supplied.path,
                folder,
                work.formats,
                depth=self.depth,
                sample_rate=self.sample_rate,
                hashed=False,
                progress=teller(context, self.name),
            )
        crash_point(CrashPoint.OUTPUTS_MADE)
        refuse_unlike(stated=(work.audio or work.track).duration, heard=done.source.duration)
        if self.recognise and done.analysis:
            await self.recognise(work, done.analysis)
        await self.ledger.record_facts(work.track_id, work.track)
        await self.ledger.record_files(work.track_id, [_source_facts(work, done)])
        await self._record_claims(work.track_id, done.claims)
        crash_point(CrashPoint.SOURCE_RECORDED)
        return done.as_dict()

    async def _record_claims(self, track_id: str, claims: Claims) -> None:
        """What the tags of the incoming file say of tempo and key, if that is news."""
        said = (await self.ledger.entry(track_id)).said
        for origin, facts in claimed(claims, said).items():
            await self.ledger.record_said(track_id, origin, facts)


def claimed(claims: Claims, said: Sequence[Said]) -> dict[str, dict[str, Any]]:
    """The words that the incoming tags change, by origin: tags in a file with the marks of DJ software are a DJ's, but
    not against what was written into our own files since.
    """
    known = {one.origin: dict(one.facts) for one in said}
    facts = plausible({"bpm": claims.bpm, "key": claims.key})
    dj = known.get(DJ, {})
    if claims.software and facts:
        dj = facts | (dj or {"software": claims.software})
    words = {DJ: dj, FILE: {} if claims.software else facts}
    return {origin: word for origin, word in words.items() if word != known.get(origin, {})}


def refuse_unlike(*, stated: float | None, heard: float) -> None:
    """Permanent when the audio is not as long as its source had said (seconds): beyond max(3 s, 2 %), as matching has
    it.
    """
    if stated is None or abs(heard - stated) <= max(3.0, 0.02 * stated):
        return
    preview = heard <= PREVIEW < stated
    kind = "a preview" if preview else "another recording or a broken one"
    raise Permanent(
        f"The audio lasts {heard:.1f} s where its source states {stated:.1f} s: {kind}, so nothing was kept of it"
    )


def _source_facts(work: Work, done: Transcoded) -> FileFacts:
    assert work.supplied is not None
    return FileFacts(
        role="source",
        format="",
        sha256=work.supplied.sha256,
        size=work.supplied.size,
        pcm_md5=done.pcm_md5,
        duration=done.source.duration,
        facts=done.source.as_dict() | {"delivery": work.supplied.details, "warnings": list(done.warnings)},
    )
