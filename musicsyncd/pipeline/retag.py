"""retag: files that stand with older tags get the newest ones, each from its own bytes: what other programs wrote into
it stays.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

import anyio

from musicsyncd.audio.keeping import Owed, owed, recalled
from musicsyncd.audio.tags import Texts
from musicsyncd.audio.values import FORMATS, Made
from musicsyncd.audio.work import AudioWorkers
from musicsyncd.crashpoints import CrashPoint, crash_point
from musicsyncd.errors import BadInput, Degraded, Permanent, Temporary
from musicsyncd.jobs.base import JobContext
from musicsyncd.ledger.entry import Entry, FileFacts
from musicsyncd.ledger.journal import Change
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.ledger.standing import Evidence
from musicsyncd.library.base import Kept, Shelf, Staged
from musicsyncd.music.precedence import DJ, PERSON, Precedence
from musicsyncd.pipeline.about import about_track
from musicsyncd.pipeline.step import Work, sha256_of
from musicsyncd.pipeline.tag import counting


@dataclass(frozen=True)
class Retag:
    """Bring older versions on the shelves in step: copy → read → tag → verify → place, the old file to the recycle
    area. A file that owes nothing is not written.
    """

    audio: AudioWorkers
    ledger: Ledger
    shelves: Mapping[str, Shelf]
    """By target name."""
    precedence: Precedence = field(default_factory=Precedence)
    name: str = "retag"

    async def __call__(self, work: Work, context: JobContext) -> Work:
        """Raises the first Permanent error of a file when all others have had their turn."""
        refused: list[Permanent] = []
        for target, formats in work.retags.items():
            try:
                for number, format_name in enumerate(formats):
                    context.progress(number / len(formats), f"{format_name} on {target}", step=self.name)
                    work = await self._one(target, format_name, work, context, refused)
            except Degraded as error:
                work = work.missing(target, error)
        if refused:
            raise refused[0]
        return work

    async def _one(
        self, target: str, format_name: str, work: Work, context: JobContext, refused: list[Permanent]
    ) -> Work:
        try:
            kept = await self._bring(target, format_name, work, context)
        except Permanent as error:
            refused.append(error)
            return work
        return replace(work, copies={**work.copies, format_name: kept}) if kept else work

    async def _bring(self, target: str, format_name: str, work: Work, context: JobContext) -> Kept | None:
        """The file as it stands afterwards; None when it is no older version any more."""
        entry = await self.ledger.entry(work.track_id)
        one = next((one for one in entry.evidence if (one.target, one.part) == (target, format_name)), None)
        output = entry.output(format_name)
        if one is None or output is None or not output.older(one.proof):
            return None
        shelf, kept = self.shelves[target], Kept.from_dict(one.detail)
        async with context.capacity(target):
            made = await self._copied(shelf, kept, output, work.folder)
        debt = self._owed(entry, output, one, await self._texts(made))
        change = None
        if debt:
            async with context.capacity("cpu"):
                made = await self.audio.amend(made, debt)
            crash_point(CrashPoint.FILE_RETAGGED)
            async with context.capacity(target):
                kept, change = await self._place(shelf, one, made, work, context)
        evidence = Evidence(target=target, part=format_name, proof=output.proof, detail=kept.as_dict())
        await self.ledger.record_evidence(work.track_id, evidence, change)
        crash_point(CrashPoint.RETAG_RECORDED)
        await anyio.Path(made.path).unlink(missing_ok=True)
        return kept

    async def _texts(self, made: Made) -> Texts:
        (texts,) = await self.audio.texts([(Path(made.path), made.format)])
        if texts is None:
            raise BadInput(f"The tags of {Path(made.path).name} cannot be read", fix="Look at the file in an editor")
        return texts

    def _owed(self, entry: Entry, output: FileFacts, one: Evidence, now: Texts) -> Owed:
        """What the newest version says, less what is another program's."""
        newest = recalled(output.facts["tags"]) or {}
        if print_ := (entry.analysis or {}).get("fingerprint"):
            newest = {**newest, "fingerprint": (print_,)}
        was = recalled(output.tags_of(one.proof))
        if was is None and one.detail["sha256"] != one.proof:
            was = {}  # somebody edited it, and what we had written is not recorded: all that it says is theirs
        return owed(one.part, now, was=was, wanted=newest, overrule=overruled(entry, self.precedence))

    async def _copied(self, shelf: Shelf, kept: Kept, output: FileFacts, folder: Path) -> Made:
        """The shelf's own file in staging, as it was last seen."""
        place = folder / "retag"
        copy = place / f"{shelf.name}-{kept.format}.{FORMATS[kept.format].extension}"
        await anyio.Path(place).mkdir(parents=True, exist_ok=True)
        await shelf.fetch(kept, copy)
        if await anyio.to_thread.run_sync(sha256_of, copy) != kept.sha256:
            raise Temporary(f"{kept.path} on {shelf.name} has changed since it was looked at", delay=5)
        crash_point(CrashPoint.FILE_COPIED)
        facts = output.facts | {"path": str(copy), "size": kept.size, "sha256": kept.sha256}
        return Made.from_dict(facts | {"pcm_md5": output.pcm_md5})

    async def _place(
        self, shelf: Shelf, one: Evidence, made: Made, work: Work, context: JobContext
    ) -> tuple[Kept, Change]:
        """Under its own name: a DJ's software knows the file by it. What one request changed is undone as one."""
        path, kept = Path(made.path), Kept.from_dict(one.detail)
        extension = FORMATS[made.format].extension
        about = about_track(await self.ledger.entry(work.track_id), self.precedence)
        staged = Staged(
            path=path, format=made.format, extension=extension, size=made.size, sha256=made.sha256, about=about
        )
        wanted = str(PurePosixPath(kept.path).with_suffix(""))
        placed = await shelf.place(staged, wanted, tie_breaker=work.track_id[:6], replaces=kept)
        before = kept.as_dict() | {"recycled": placed.recycled, "proof": one.proof}
        after, operation = placed.kept.as_dict(), context.job.parent or context.job.id
        return placed.kept, Change(
            operation=operation, target=shelf.target, what="replaced", before=before, after=after
        )


def overruled(entry: Entry, precedence: Precedence) -> Collection[str]:
    """The fields that are written even over what another program made of them: where a person's or a DJ's own later
    word counts.
    """
    counts = counting(entry, precedence)
    bpm = ("bpm", "tempo") if counts.bpm_origin in (PERSON, DJ) else ()
    return (*bpm, *(("key",) if counts.key_origin in (PERSON, DJ) else ()))
