"""Leaving duplicates out: plan everything first, and move nothing that is not proven to stand elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from musicsyncd.audio.values import AudioProbe
from musicsyncd.crashpoints import CrashPoint, crash_point
from musicsyncd.errors import BadInput, Degraded, MusicsyncError, NeedsPerson
from musicsyncd.jobs.base import JobContext, WorkEngine
from musicsyncd.jobs.job import ACTIVE, Job, JobFilter
from musicsyncd.ledger.entry import Entry
from musicsyncd.ledger.journal import Change
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.library.base import Kept, Shelf
from musicsyncd.music.sameness import Kind, Sameness
from musicsyncd.sync import duplicates
from musicsyncd.sync.duplicates import (
    Copy,
    Loser,
    Pair,
    Plan,
    Side,
    are_same,
    copy_of,
    is_wanted,
    judged,
    kept_files,
    pair_of,
)
from musicsyncd.sync.engine import ENTRIES_AT_ONCE
from musicsyncd.sync.look import Lookout

PLAN: Final = "duplicates-plan"
APPLY: Final = "duplicates-apply"
MERGED: Final = "merged"
RECYCLED: Final = "recycled"
RETIRED: Final = "retired"
LEDGER: Final = "ledger"
MERGE: Final = "merge"
"""The capacity that one application or undo holds at a time: of two at once, each would see the copy that the other
is about to move, and a recording would go whole.
"""
LEAST_COVERAGE: Final = 0.95
"""Share of the kept files whose track must have a fingerprint before anything is planned or moved: what cannot be
compared may be the better copy."""


@dataclass
class Left:
    """What an application of a plan did not do, with the reasons."""

    files: list[dict[str, Any]] = field(default_factory=list)
    targets: set[str] = field(default_factory=set)

    def note(self, loser: Side, files: Sequence[Kept], why: str, *targets: str) -> None:
        """These files stay, for this reason."""
        self.files += [{"track": loser.track, "volume": one.shelf, "path": one.path, "why": why} for one in files]
        self.targets |= {f"volume:{one.shelf}" for one in files} | set(targets)


@dataclass(frozen=True, kw_only=True)
class Merger:
    """The handlers of the jobs that plan and apply."""

    ledger: Ledger
    jobs: WorkEngine
    lookout: Lookout
    most_files: int
    """Files that one application may move; the rest waits for the next one."""

    # Planning

    async def plan(self, context: JobContext, args: Mapping[str, Any]) -> dict[str, Any]:
        """Handle a `duplicates-plan` job: its result is the plan. NeedsPerson when too few files can be compared."""
        comparable, kept = await self.ledger.coverage()
        _refuse_uncovered(comparable, kept)
        copies = await self._copies(context)
        found = duplicates.plan(copies, await self._verdicts(copies, context))
        result = {"plan": context.job.id, "comparable": comparable, "kept": kept, "summary": _planned(found)}
        return found.as_dict() | result

    async def _copies(self, context: JobContext) -> list[Copy]:
        ids, copies = await self.ledger.kept_ids(), list[Copy]()
        for start in range(0, len(ids), ENTRIES_AT_ONCE):
            context.progress(start / len(ids) / 2, f"{start} of {len(ids)} tracks", step="read")
            entries = await self.ledger.entries(ids[start : start + ENTRIES_AT_ONCE])
            copies += [copy_of(entry, start + number, _audio(entry)) for number, entry in enumerate(entries)]
        return copies

    async def _verdicts(self, copies: Sequence[Copy], context: JobContext) -> dict[Pair, Sameness]:
        """What was found of every pair of these tracks that sounds alike."""
        whole = {one.track: one for one in copies if not one.duplicate_of}
        found: dict[Pair, Sameness] = {}
        for number, one in enumerate(whole.values()):
            if number % 100 == 0:
                context.progress(0.5 + number / len(whole) / 2, f"{number} of {len(whole)} tracks", step="compare")
            for alike in await self.ledger.alike(one.track):
                if other := whole.get(alike.id):
                    found[pair_of(one.track, other.track)] = judged(one, other, alike)
        return found

    # Applying

    async def apply(self, context: JobContext, args: Mapping[str, Any]) -> dict[str, Any]:
        """Handle a `duplicates-apply` job: what the plan says and nothing else, each part proven anew before it is
        done. What cannot be done now, or is not as planned any more, is left with its reason; the job ends partial.
        """
        async with context.capacity(MERGE):
            return await self._apply(str(args["plan"]), context)

    async def _apply(self, plan_id: str, context: JobContext) -> dict[str, Any]:
        plan, left = await self._planned(plan_id), Left()
        _refuse_uncovered(*await self.ledger.coverage())
        for group in plan.groups:
            for loser in group.losers:
                await self._leave_out(loser, group.keeper, context, left)
        moved = [one for one in await self.ledger.journal(context.job.id) if one["what"] == RECYCLED]
        return _applied(plan_id, moved, left)

    async def _planned(self, job_id: str) -> Plan:
        try:
            job = await self.jobs.get(job_id)
        except LookupError as error:
            raise BadInput(f"There is no plan {job_id}", fix="Make one: musicsyncctl duplicates plan") from error
        if job.kind != PLAN or job.result is None:
            raise BadInput(f"Job {job.id} is no finished plan", fix="Make one: musicsyncctl duplicates plan")
        return Plan.from_dict(job.result)

    async def _leave_out(self, loser: Loser, keeper: Side, context: JobContext, left: Left) -> None:
        if why := await self._changed(loser, keeper):
            left.note(loser, loser.files, why)
            return
        entry, keeping = await self.ledger.entries([loser.track, keeper.track])
        files = _still_there(loser, entry) if entry.duplicate_of else loser.files
        ready = [one for one in files if await self._may_go(one, entry, keeping, loser, left)]
        if len(ready) > self.most_files - await self._moved(context.job):
            why = f"One application moves at most {self.most_files} files (duplicates.most_files): apply the plan again"
            left.note(loser, ready, why)
            return
        if ready and not entry.duplicate_of and not await self._mark(loser, keeper, context):
            left.note(loser, ready, "One of the two was left out meanwhile: make a new plan")
            return
        for one in ready:
            await self._retire(one, loser, keeper, context, left)
        if ready or entry.duplicate_of:
            await self._retire_rows(loser, context, left)

    async def _moved(self, job: Job) -> int:
        return sum(one["what"] == RECYCLED for one in await self.ledger.journal(job.id))

    async def _changed(self, loser: Loser, keeper: Side) -> str:
        """Why the plan does not hold for these two any more; empty when it does."""
        for side in (loser, keeper):
            if await is_worked_on(self.jobs, side.track):
                return f"{side.label} is being worked on: apply the plan again when that has ended"
        entry, keeping = await self.ledger.entries([loser.track, keeper.track])
        if alone := next((one for one in (entry, keeping) if one.aside), None):
            return f"{alone.track.label} ({alone.id}) is {alone.aside} by now: make a new plan"
        if is_wanted(entry):
            return f"A person said that {loser.label} ({loser.track}) stays"
        if keeping.duplicate_of:
            return f"{keeper.label} ({keeper.track}) is left out itself by now: make a new plan"
        if entry.duplicate_of == keeper.track:
            return ""  # an earlier try has begun with it, or a volume was away then
        if entry.duplicate_of:
            return f"{loser.label} ({loser.track}) is left out for another track's sake by now: make a new plan"
        return "" if await self._still_same(entry, keeping) else "They do not count as one recording any more"

    async def _still_same(self, entry: Entry, keeping: Entry) -> bool:
        ours, theirs = copy_of(entry, 0, ""), copy_of(keeping, 0, "")
        alike = next((one for one in await self.ledger.alike(entry.id) if one.id == keeping.id), None)
        return are_same(ours, theirs, alike)

    async def _may_go(self, one: Kept, entry: Entry, keeping: Entry, loser: Loser, left: Left) -> bool:
        """Whether this very file may be moved now: it is as planned, and what stays was read in its place."""
        target = f"volume:{one.shelf}"
        shelf = self.lookout.shelves.get(target)
        known = next((now for now in kept_files(entry) if (now.shelf, now.format) == (one.shelf, one.format)), None)
        if known is None or (known.path, known.sha256) != (one.path, one.sha256):
            why = "It is not the file of the plan any more: make a new plan"
        elif shelf is None:
            why = f"The volume {one.shelf} is not set up any more"
        else:
            try:
                why = await self._uncovered(keeping, shelf)
            except Degraded as error:
                why = str(error)
        if why:
            left.note(loser, [one], why)
        return not why

    async def _uncovered(self, keeping: Entry, shelf: Shelf) -> str:
        """Why what stays does not cover a volume; empty when each format wanted there was read and is whole. What
        was linked is the owner's own, not our output, and covers nothing.
        """
        kept = [one for one in kept_files(keeping) if one.shelf == shelf.name]
        proofs = {one.part: one.proof for one in keeping.evidence if one.target == shelf.target}
        standing = set()
        for one in kept:
            found = await shelf.found(one)
            if found and found.sha256 == one.sha256 and (not shelf.reads_later or one.sha256 == proofs.get(one.format)):
                standing.add(one.format)
        missing = [name for name in shelf.formats if name not in standing]
        if not missing and standing:
            return ""
        lacking, stays = ", ".join(missing) or "every file", f"{keeping.track.label} ({keeping.id})"
        return f"{stays}, which stays, lacks {lacking} there: musicsyncctl tracks retry {keeping.id}"

    async def _mark(self, loser: Loser, keeper: Side, context: JobContext) -> bool:
        """False when another operation was first, and the two do not stand as they did."""
        said = {"verdict": Kind.SAME.value, "score": loser.score, "reason": loser.why}
        change = Change(
            operation=context.job.id, target=LEDGER, what=MERGED, before={}, after={"duplicate_of": keeper.track} | said
        )
        marked = await self.ledger.mark_duplicate(loser.track, keeper.track, said, change)
        crash_point(CrashPoint.MERGE_RECORDED)
        return marked

    async def _retire(self, one: Kept, loser: Loser, keeper: Side, context: JobContext, left: Left) -> None:
        target = f"volume:{one.shelf}"
        context.progress(None, one.path, step="recycle")
        try:
            async with context.capacity(target):
                recycled = await self.lookout.shelves[target].retire(one)
        except Degraded as error:
            left.note(loser, [one], str(error))
            return
        crash_point(CrashPoint.FILE_RETIRED)
        if recycled is None:
            left.note(loser, [one], "Somebody changed it or took it away: it is left as it is")
            return
        after = {
            "recycled": recycled,
            "keeper": keeper.track,
            "proof": await self._proof(loser.track, target, one.format),
        }
        change = Change(operation=context.job.id, target=target, what=RECYCLED, before=one.as_dict(), after=after)
        await self.ledger.drop_evidence(loser.track, [(target, one.format)], change)
        crash_point(CrashPoint.RETIREMENT_RECORDED)

    async def _proof(self, track: str, target: str, part: str) -> str:
        """What the evidence was held against: it comes back with the file."""
        evidence = (await self.ledger.entry(track)).evidence
        return next((one.proof for one in evidence if (one.target, one.part) == (target, part)), "")

    async def _retire_rows(self, loser: Loser, context: JobContext, left: Left) -> None:
        """The track's rows go to their catalogs' trash: what is left out has no row of its own."""
        for one in (await self.ledger.entry(loser.track)).evidence:
            catalog = self.lookout.catalogs.get(one.target)
            if catalog is None:
                continue
            try:
                row = await catalog.retire(str(one.detail["id"]))
            except MusicsyncError as error:
                left.note(loser, [], str(error), one.target)
                continue
            crash_point(CrashPoint.ROW_RETIRED)
            before = {"part": one.part, "proof": one.proof, "detail": one.detail}
            before |= {"fields": row.fields} if row else {}
            change = Change(operation=context.job.id, target=one.target, what=RETIRED, before=before, after={})
            await self.ledger.drop_evidence(loser.track, [(one.target, one.part)], change)


async def is_worked_on(jobs: WorkEngine, track: str) -> bool:
    """Whether some job of this track goes on or waits: what it read may be about to be moved."""
    return bool(await jobs.list(JobFilter(key=track, states=ACTIVE, limit=1)))


def _still_there(loser: Loser, entry: Entry) -> list[Kept]:
    """What an earlier application did not move, of a track that it had begun with."""
    standing = {(one.shelf, one.format) for one in kept_files(entry)}
    return [one for one in loser.files if (one.shelf, one.format) in standing]


def _audio(entry: Entry) -> str:
    source = entry.source_file
    return AudioProbe.from_dict(source.facts).description if source and "codec" in source.facts else ""


def _refuse_uncovered(comparable: int, kept: int) -> None:
    if comparable >= LEAST_COVERAGE * kept:
        return
    raise NeedsPerson(
        f"Only {comparable} of {kept} kept files can be compared by their sound",
        why=f"Below {LEAST_COVERAGE:.0%} nothing is left out: what cannot be compared might be the better copy",
        fix="Have the rest heard: musicsyncctl tracks retry --all --step analyze",
    )


def _planned(plan: Plan) -> str:
    if not plan.groups:
        return "no duplicates"
    recordings = "1 recording" if len(plan.groups) == 1 else f"{len(plan.groups)} recordings"
    return f"{recordings} kept more than once: {_files(plan.files)} would go to the recycle areas"


def _applied(plan: str, moved: Sequence[Mapping[str, Any]], left: Left) -> dict[str, Any]:
    """The result of an application, drawn from its journal."""
    files = [
        {"track": one["track"], "keeper": one["after"]["keeper"], "recycled": one["after"]["recycled"]} | one["before"]
        for one in moved
    ]
    told = f"{_files(len(files))} moved to the recycle areas"
    told += f", {_files(len(left.files))} left" if left.files else ""
    result: dict[str, Any] = {"plan": plan, "moved": files, "left": left.files, "summary": told}
    result["bytes"] = sum(one["size"] for one in files)
    return result | ({"partial": sorted(left.targets)} if left.targets else {})


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"
