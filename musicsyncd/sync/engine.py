"""Select, decide, do, verify: the handlers that the queue calls for its two kinds of job."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import structlog

from musicsyncd.audio.values import Analysis
from musicsyncd.crashpoints import CrashPoint, crash_point
from musicsyncd.errors import Degraded, MusicsyncError, Temporary, from_dict
from musicsyncd.jobs.base import JobContext, WorkEngine
from musicsyncd.jobs.job import Job, Lane
from musicsyncd.jobs.retry import ATTEMPTS, UNEXPECTED_ATTEMPTS
from musicsyncd.ledger.entry import Entry
from musicsyncd.ledger.journal import Change
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.library.base import Kept
from musicsyncd.pipeline.step import Step, Work, remove_folder, walk
from musicsyncd.pipeline.words import Words
from musicsyncd.sources.base import Refusal, Source
from musicsyncd.sync.actions import Action, Verb, decide, idle
from musicsyncd.sync.duplicates import is_wanted
from musicsyncd.sync.eligible import left_alone
from musicsyncd.sync.guarding import emptied, refusal, untouched
from musicsyncd.sync.look import Lookout, Seen
from musicsyncd.sync.request import TRACK, Scope, SyncRequest
from musicsyncd.sync.selected import Rung
from musicsyncd.sync.selection import Selected, select

__all__ = ["ENTRIES_AT_ONCE", "REQUEST", "TRACK", "SyncEngine"]

logger = structlog.get_logger()
ENTRIES_AT_ONCE: Final = 200
"""Held in memory while a request plans: an entry with its fingerprint takes some kilobytes."""
REQUEST: Final = "request"
RETAG: Final = "retag"
"""The step's name."""
PUBLISH: Final = "publish"
"""The step's name."""


@dataclass(frozen=True)
class SyncEngine:
    """Everything that doing a request needs; built in `daemon/house.py`."""

    ledger: Ledger
    jobs: WorkEngine
    sources: Sequence[Source]
    lookout: Lookout
    steps: Sequence[Step]
    staging: Path
    optional: Collection[str] = ()
    """Targets without which a track still counts as done; what they miss is parked all the same."""
    words: Words | None = None
    """Hears what DJ software wrote into files that are re-tagged; without it only their tags are kept."""

    # A request: which tracks, and a job for each that wants work

    async def request(self, context: JobContext, args: Mapping[str, Any]) -> dict[str, Any]:
        """Handle a `request` job. Its result is the report: the tracks asked for, what was decided for each, what was
        refused. NeedsPerson when a full one that the clock began finds a target emptied: what went there stays away.
        """
        request = SyncRequest.from_dict(dict(args))
        context.progress(None, request.url or request.scope.value, step="select")
        progress = partial(context.progress, step="select")
        stale = await self.freshen()
        away = await self._unreachable(stale)
        selected = await select(request, self.sources, self.ledger, self.jobs, progress, away)
        selected = replace(selected, rungs=(*stale, *selected.rungs))
        if request.dry_run:
            return _report(request, selected, await self._with_keepers(await self._foresee(selected)))
        corrected = await self.ledger.correct(selected.corrected)
        recorded = await self.ledger.record_tracks(selected.tracks)
        crash_point(CrashPoint.TRACKS_RECORDED)
        otherwise = await self.ledger.record_playlists(selected.playlists)
        ids = [*dict.fromkeys([*(one.id for one in recorded), *selected.known, *otherwise, *corrected])]
        shut = {one.source: Degraded(one.said, target=one.source) for one in stale}
        plans = await self._with_keepers(await self._plans(ids, context.job, shut), context.job)
        known = dict((await self.ledger.figures()).evidence)
        unasked = request.scope is Scope.FULL and context.job.lane is Lane.BACKLOG
        withheld = emptied(plans, known) if unasked else {}
        await self._enqueue([plan for plan in plans if untouched(plan, withheld)], context.job)
        crash_point(CrashPoint.CHILDREN_ENQUEUED)
        if withheld:
            raise refusal(withheld, known)
        return _report(request, selected, plans)

    async def freshen(self) -> tuple[Rung, ...]:
        """Let every catalog bring what it knows of its book up to date. One that cannot is told, and the rest goes on:
        its tracks are parked when it is needed.
        """
        told = []
        for target, catalog in self.lookout.catalogs.items():
            try:
                await catalog.freshen()
            except MusicsyncError as error:
                logger.warning("catalog not freshened", catalog=target, why=str(error))
                told.append(Rung(source=target, said=f"not brought up to date: {error}"))
        return tuple(told)

    async def _unreachable(self, stale: Sequence[Rung]) -> set[str]:
        """Targets that tracks wait for and that cannot be written now, or are none any more."""
        waited, lookout = await self.ledger.parked(), self.lookout
        known = lookout.shelves.keys() | lookout.catalogs.keys()
        return waited.keys() - known | {one.source for one in stale} | (await lookout.away([*waited])).keys()

    async def _foresee(self, selected: Selected) -> list[dict[str, Any]]:
        """What a run would plan, without writing down that a track exists."""
        entries = await self.ledger.foresee(selected.tracks)
        offered = {entry.id for entry in entries}
        plans = [await self._plan(entry) for entry in entries]
        return plans + await self._plans([id_ for id_ in selected.known if id_ not in offered])

    async def _plans(
        self, ids: Sequence[str], job: Job | None = None, shut: Mapping[str, Degraded] | None = None
    ) -> list[dict[str, Any]]:
        plans = []
        for start in range(0, len(ids), ENTRIES_AT_ONCE):
            for entry in await self.ledger.entries(ids[start : start + ENTRIES_AT_ONCE]):
                plans.append(await self._plan(entry, job, shut or {}))
        return plans

    async def _with_keepers(self, plans: list[dict[str, Any]], job: Job | None = None) -> list[dict[str, Any]]:
        """And the tracks that are kept in place of those asked for, where they want work: what is asked for is a
        recording, whichever name it goes by.
        """
        asked = {plan["track"] for plan in plans}
        keepers = dict.fromkeys(plan["duplicate_of"] for plan in plans if "duplicate_of" in plan)
        beside = await self._plans([id_ for id_ in keepers if id_ not in asked], job)
        return plans + [plan for plan in beside if plan["actions"]]

    async def _plan(
        self, entry: Entry, job: Job | None = None, shut: Mapping[str, Degraded] | None = None
    ) -> dict[str, Any]:
        """What is to be done for a track; without a job (a dry run) nothing is written down on the way. `shut` are the
        catalogs that were found away just now: what waits for them only goes on waiting.
        """
        plan: dict[str, Any] = {"track": entry.id, "label": entry.track.label, "actions": [], "note": ""}
        if entry.duplicate_of and (keeper := await self._keeper(entry.duplicate_of, job)):
            return plan | {
                "note": f"the same recording as {keeper.track.label} ({keeper.id})",
                "duplicate_of": keeper.id,
            }
        if entry.aside:
            return plan | {"note": left_alone(entry)}
        seen = await self.lookout.look(entry)
        if job:
            await self.accept(seen, job)
        waits = {one.target for one in entry.parked}
        seen = replace(
            seen, away={**{target: why for target, why in (shut or {}).items() if target in waits}, **seen.away}
        )
        actions = self._decide(seen)
        plan["actions"] = [action.as_dict() for action in actions]
        plan |= {"gone": dict(Counter(target for target, _ in seen.gone))} if seen.gone else {}
        if not actions:
            return plan | {"note": "stands everywhere"}
        waiting = _waiting(entry, seen, (shut or {}).keys()) if idle(actions) else ()
        return plan | ({"parked": waiting, "note": f"waits for {', '.join(waiting)}"} if waiting else {})

    async def _keeper(self, track_id: str, job: Job | None) -> Entry | None:
        """The track that is kept in its copies' place; None when it was given up and nothing of it stands. Its copies
        are wanted themselves then, and with a job that is written down.
        """
        keeper = await self.ledger.entry(track_id)
        if keeper.aside:
            return keeper  # a person who leaves a recording alone means it under every name
        if not keeper.duplicate_of and (not keeper.failure or await self.lookout.holds(keeper)):
            return keeper
        if job:
            await self.ledger.release_duplicates(keeper.id, ())
        return None

    async def accept(self, seen: Seen, job: Job) -> None:
        """Write down what another program made of our files: the next look then takes size and time for it again."""
        before = {(one.target, one.part): one.detail for one in seen.entry.evidence}
        for one in seen.edited:
            earlier = before[(one.target, one.part)]
            recycled = await self._recycled(seen.entry.id, one.target, Kept.from_dict(earlier))
            change = Change(
                operation=job.id,
                target=one.target,
                what="replaced" if recycled else "edited",
                before=earlier | ({"recycled": recycled, "proof": one.proof} if recycled else {}),
                after=one.detail,
            )
            await self.ledger.record_evidence(seen.entry.id, one, change)

    async def _recycled(self, track_id: str, target: str, earlier: Kept) -> str | None:
        """Where the file as it was lies, when it was we who replaced it, in a run that was cut short before it could
        write that down.
        """
        try:
            recycled = await self.lookout.shelves[target].recycled(earlier)
        except Degraded:  # it went away since it was looked at
            return None
        return None if recycled and await self.ledger.recycling_known(track_id, target, recycled) else recycled

    def _decide(self, seen: Seen) -> tuple[Action, ...]:
        return decide(
            source=seen.entry.track.source,
            lacks=seen.lacks,
            catalogs=tuple(self.lookout.catalogs),
            copies=seen.copies,
            away={target: str(error) for target, error in seen.away.items()},
            older=seen.older,
        )

    async def _enqueue(self, plans: Sequence[dict[str, Any]], parent: Job) -> None:
        """One job per track that wants work; the plans learn their jobs' ids. What is parked already needs none to say
        so.
        """
        wanting = [plan for plan in plans if plan["actions"] and not plan.get("parked")]
        requests = [
            {
                "kind": TRACK,
                "args": {"track": plan["track"]},
                "key": plan["track"],
                "lane": parent.lane,
                "parent": parent.id,
            }
            for plan in wanting
        ]
        for plan, job in zip(wanting, await self.jobs.enqueue_many(requests), strict=True):
            plan["job"] = job.id

    # A track: what it lacks, until it stands

    async def track(self, context: JobContext, args: Mapping[str, Any]) -> dict[str, Any]:
        """Handle a `track` job. It speaks for this very track: it cannot succeed by doing another."""
        entry = await self.ledger.entry(str(args["track"]))
        if entry.aside:
            return {"track": entry.id, "actions": [], "note": left_alone(entry)}
        if entry.failure:
            await self.ledger.record_failure(entry.id, None)
        try:
            return await self._bring_home(entry, context)
        except Degraded as error:
            await remove_folder(self.folder(entry.id))
            earlier = {one.target: from_dict(one.reason) for one in entry.parked}
            await self.ledger.park(entry.id, earlier | {error.target: error})
            raise
        except Temporary as error:
            await self._failed(entry, error, context, last=context.attempt >= ATTEMPTS and error.counts)
            raise
        except MusicsyncError as error:
            await self._failed(entry, error, context, last=True)
            raise
        except Exception as error:
            unforeseen = Temporary(f"An error that nobody foresaw, {type(error).__name__}", why=str(error))
            await self._failed(entry, unforeseen, context, last=context.attempt >= UNEXPECTED_ATTEMPTS)
            raise

    async def _failed(self, entry: Entry, error: MusicsyncError, context: JobContext, *, last: bool) -> None:
        """Written down at every try: once the queue has given it up, nothing picks this track again by itself. What was
        left out for its sake comes in its place then.
        """
        if last:
            await remove_folder(self.folder(entry.id))
        await self.ledger.record_failure(entry.id, error, again=not last)  # first: from here on no copy leans on it
        await self._take_back(entry.id, context)
        if last:
            for copy in await self.ledger.release_duplicates(entry.id, self.lookout.shelves.keys()):
                await self._bring(copy, context)

    async def _take_back(self, track_id: str, context: JobContext) -> None:
        """The row of a track of which no file stands any more says so, though the track could not be brought home."""
        seen = await self.lookout.look(await self.ledger.entry(track_id))
        stands = {one.target for one in seen.entry.evidence}
        rows = tuple(one.target for one in seen.lacks if one.target in stands & self.lookout.catalogs.keys())
        publish = next((step for step in self.steps if step.name == PUBLISH), None)
        if stands & self.lookout.shelves.keys() or not rows or publish is None:
            return
        try:
            await publish(replace(self.work(seen, ()), catalogs=rows), context)
        except MusicsyncError as trouble:
            logger.warning("row not brought in step", track=track_id, why=str(trouble))

    async def _bring(self, track_id: str, context: JobContext) -> None:
        """A job of its own for another track than the one at work."""
        await self.jobs.enqueue(TRACK, {"track": track_id}, key=track_id, lane=context.job.lane)

    async def _bring_home(self, entry: Entry, context: JobContext) -> dict[str, Any]:
        if entry.duplicate_of and (keeper := await self._keeper(entry.duplicate_of, context.job)):
            await remove_folder(self.folder(entry.id))
            if not keeper.aside and not await self.lookout.holds(keeper):
                await self._bring(keeper.id, context)
            return {"track": entry.id, "duplicate_of": keeper.id}
        seen = await self.lookout.look(entry)
        await self.accept(seen, context.job)
        if seen.gone:
            await self.ledger.drop_evidence(entry.id, seen.gone)
        seen = await self._heeded(seen)
        work, actions = await self._carry_out(seen, context)
        if work.heard and not work.duplicate_of:
            work, further = await self._carry_out(await self._renewed(entry.id), context)
            actions = (*actions, *further)
        if work.duplicate_of:
            await remove_folder(work.folder)
            return {"track": entry.id, "duplicate_of": work.duplicate_of, "actions": [one.as_dict() for one in actions]}
        return await self._settle(work, actions)

    async def _carry_out(self, seen: Seen, context: JobContext) -> tuple[Work, tuple[Action, ...]]:
        """Do what is decided about a track, and what was decided."""
        actions = self._decide(seen)
        work = self.work(seen, actions)
        if idle(actions):
            return work, actions
        # a re-tagging of nothing would be a line of progress that says nothing
        steps = [step for step in self.steps if work.retags or step.name != RETAG]
        return await walk(work, steps, context), actions

    async def _renewed(self, track_id: str) -> Seen:
        """The track once more, when somebody's word on it is news: what its files' tags should say may differ."""
        if self.words:
            await self.words.renew(track_id)
        return await self.lookout.look(await self.ledger.entry(track_id))

    async def _heeded(self, seen: Seen) -> Seen:
        """A file that is about to be re-tagged is heard first: its volume may have been in a DJ's hands."""
        older = [one for one in seen.present if one.part in seen.older.get(one.target, ())]
        if not older or self.words is None:
            return seen
        if not await self.words.heed(seen.entry.id, older, self.folder(seen.entry.id)):
            return seen
        return await self._renewed(seen.entry.id)

    async def _settle(self, work: Work, actions: Sequence[Action]) -> dict[str, Any]:
        """Read everything back once more; only what was seen is said."""
        seen = await self.lookout.look(await self.ledger.entry(work.track_id))
        reasons: dict[str, MusicsyncError] = {**seen.away, **work.missed}
        lacking = [lack.target for lack in seen.lacks]
        missed = {target: reasons[target] for target in lacking if target in reasons}
        short = [target for target in lacking if target not in missed]
        if short:
            raise Temporary(f"After the work was done, {', '.join(short)} still lacked something of it", delay=5)
        await self.ledger.park(work.track_id, missed)
        needed = sorted(set(missed) - set(self.optional))
        if not needed:
            await self.ledger.settle(work.track_id)
        crash_point(CrashPoint.TRACK_SETTLED)
        await remove_folder(work.folder)
        result: dict[str, Any] = {"track": work.track_id, "actions": [one.as_dict() for one in actions]}
        return result | ({"partial": needed} if needed else {})

    def work(self, seen: Seen, actions: Sequence[Action]) -> Work:
        """What the steps are handed to carry out these actions."""
        entry = seen.entry
        analysis = Analysis.from_dict(entry.analysis) if entry.analysis else None
        work = Work(track_id=entry.id, track=entry.track, folder=self.folder(entry.id), analysis=analysis)
        return replace(
            work,
            formats=tuple(part for one in actions if one.verb is Verb.FETCH for part in one.parts),
            shelves={one.target: one.parts for one in actions if one.verb is Verb.SHELVE},
            catalogs=tuple(one.target for one in actions if one.verb is Verb.PUBLISH),
            retags={one.target: one.parts for one in actions if one.verb is Verb.RETAG},
            copies=seen.copies,
            fresh=all(one.target in self.lookout.catalogs for one in entry.evidence) and not is_wanted(entry),
            missed=seen.away,
        )

    def folder(self, track_id: str) -> Path:
        """The track's own folder in staging."""
        return self.staging / track_id


def _waiting(entry: Entry, seen: Seen, shut: Collection[str]) -> list[str]:
    """The targets that the track is known to wait for, if it is parked for each of them, and for the reason that still
    holds; why a catalog is `shut` is said in other words each time.
    """
    parked = {one.target: one.reason for one in entry.parked}
    away = {lack.target: seen.away[lack.target].as_dict() for lack in seen.lacks if lack.target in seen.away}
    holds = all(
        parked.get(target) == reason or (target in shut and target in parked) for target, reason in away.items()
    )
    return sorted(away) if holds else []


def _report(request: SyncRequest, selected: Selected, plans: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        "scope": request.scope.value,
        "url": request.url,
        "dry_run": request.dry_run,
        "tracks": list(plans),
        "refused": [_refusal(one) for one in selected.refused],
        "rungs": [one.as_dict() for one in selected.rungs],
    }


def _refusal(refusal: Refusal) -> dict[str, Any]:
    return {"name": refusal.name, "error": refusal.error.as_dict()}
