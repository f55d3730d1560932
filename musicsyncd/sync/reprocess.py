"""A step again for tracks that stand: analysed or tagged anew from their own files, rows brought in step; nothing is
downloaded, and nothing is written where nothing changes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from musicsyncd.audio.values import ANALYSIS_VERSION
from musicsyncd.crashpoints import CrashPoint, crash_point
from musicsyncd.errors import Degraded, MusicsyncError, Temporary
from musicsyncd.jobs.base import Handler, JobContext
from musicsyncd.jobs.job import Job, Lane
from musicsyncd.ledger.entry import Entry
from musicsyncd.ledger.standing import Evidence
from musicsyncd.pipeline.rehear import Rehear, best_copy, nothing_to_hear
from musicsyncd.pipeline.step import Work, remove_folder, walk
from musicsyncd.pipeline.words import Words
from musicsyncd.sync.actions import Action, decide_again
from musicsyncd.sync.eligible import left_alone
from musicsyncd.sync.engine import ENTRIES_AT_ONCE, REQUEST, TRACK, SyncEngine
from musicsyncd.sync.look import Seen
from musicsyncd.sync.request import STEPS, RetryRequest

ANALYZE: Final = "analyze"
STEPS_AGAIN: Final = ("retag", "publish")
"""The steps of the pipeline that carry a change to where the track stands."""


def kind_of(step: str) -> str:
    """The kind of a job that does this step again for one track. Each step has its own, so that none is taken for
    another or for a sync of the track; the queue runs one job of a key at a time.
    """
    return f"retry-{step}"


@dataclass(frozen=True)
class Reprocess:
    """The handlers of requests and jobs that do a step again."""

    engine: SyncEngine
    words: Words
    rehear: Rehear

    def handlers(self) -> dict[str, Handler]:
        """For every kind of job, those of the engine included."""
        return {
            REQUEST: self._any_request,
            TRACK: self.engine.track,
            **{kind_of(step): partial(self.track, step) for step in STEPS},
        }

    async def _any_request(self, context: JobContext, args: Mapping[str, Any]) -> dict[str, Any]:
        return await (self.request if "step" in args else self.engine.request)(context, args)

    # A request: which tracks, and a job for each

    async def request(self, context: JobContext, args: Mapping[str, Any]) -> dict[str, Any]:
        """Handle a `request` job that asks for a step again; its result has the shape of a sync's."""
        request = RetryRequest.from_dict(dict(args))
        context.progress(None, request.key, step="select")
        stale = await self.engine.freshen()
        ids = await self._ids(request)
        away = await self.engine.lookout.away([*self.engine.lookout.shelves])
        plans: list[dict[str, Any]] = []
        refused: list[dict[str, Any]] = []
        async for entry in self._entries(ids, request):
            plan = self._plan(entry, request.step, away)
            error = plan.pop("error", None)
            if error and request.track:
                refused.append({"name": entry.track.label, "error": error.as_dict()})
            else:
                plans.append(plan | ({"note": str(error)} if error else {}))
        if not request.dry_run:
            await self._enqueue(plans, request.step, context.job)
            crash_point(CrashPoint.CHILDREN_ENQUEUED)
        left_out = len(ids) - len(plans) - len(refused)
        rungs = [{"source": one.source, "said": one.said} for one in stale]
        if left_out:
            rungs.append({"source": "ledger", "said": f"passed over {left_out} tracks that are up to date"})
        return {
            "scope": f"{request.step} again",
            "url": "",
            "dry_run": request.dry_run,
            "tracks": plans,
            "refused": refused,
            "rungs": rungs,
        }

    async def _ids(self, request: RetryRequest) -> list[str]:
        if request.track:
            return [request.track]
        ledger = self.engine.ledger
        return await (ledger.search_ids(request.query) if request.query else ledger.all_ids())

    async def _entries(self, ids: Sequence[str], request: RetryRequest) -> AsyncIterator[Entry]:
        for start in range(0, len(ids), ENTRIES_AT_ONCE):
            for entry in await self.engine.ledger.entries(ids[start : start + ENTRIES_AT_ONCE]):
                if not request.outdated or outdated(entry):
                    yield entry

    def _plan(self, entry: Entry, step: str, volumes: Mapping[str, Degraded]) -> dict[str, Any]:
        """What would be done for a track, by what is known of it; its own job looks first. `error`: why nothing can.
        `volumes` are all that are away.
        """
        plan: dict[str, Any] = {"track": entry.id, "label": entry.track.label, "actions": [], "note": ""}
        if entry.duplicate_of:
            note = f"the same recording as {entry.duplicate_of}, which has the files"
            return plan | {"note": note, "duplicate_of": entry.duplicate_of}
        if entry.aside:
            return plan | {"note": left_alone(entry)}
        files = [one for one in entry.evidence if self.engine.lookout.keeps(one.target)]
        away = {target: volumes[target] for target in sorted({one.target for one in files}) if target in volumes}
        near = [one for one in files if one.target not in away]
        if error := self._hindrance(entry, step, near, away):
            return plan | {"error": error}
        return plan | {"actions": [one.as_dict() for one in self._decide(entry, step, near, files, away)]}

    def _hindrance(
        self, entry: Entry, step: str, near: Sequence[Evidence], away: Mapping[str, Degraded]
    ) -> MusicsyncError | None:
        """Why the step cannot be done for this track now; None when it can."""
        if away and (step != ANALYZE or best_copy(entry, near)):
            return None
        if away:
            return next(iter(away.values()))
        hearable = best_copy(entry, near)
        return None if hearable else nothing_to_hear(entry)

    def _decide(
        self,
        entry: Entry,
        step: str,
        near: Sequence[Evidence],
        files: Sequence[Evidence],
        away: Mapping[str, Degraded],
    ) -> tuple[Action, ...]:
        lookout, best = self.engine.lookout, best_copy(entry, near)
        standing: dict[str, tuple[str, ...]] = {}
        for one in sorted(files, key=lambda one: [*lookout.shelves].index(one.target)):
            if one.part in lookout.shelves[one.target].formats and entry.output(one.part):
                standing[one.target] = (*standing.get(one.target, ()), one.part)
        return decide_again(
            step=step,
            standing=standing,
            best=(best.target, best.part) if best else None,
            catalogs=tuple(lookout.catalogs),
            away={target: str(error) for target, error in away.items()},
        )

    async def _enqueue(self, plans: Sequence[dict[str, Any]], step: str, parent: Job) -> None:
        """A person waits for one track; many go behind whatever else there is."""
        wanting = [plan for plan in plans if plan["actions"]]
        lane = parent.lane if len(plans) == 1 else Lane.BACKLOG
        requests = [
            {
                "kind": kind_of(step),
                "args": {"track": plan["track"]},
                "key": plan["track"],
                "lane": lane,
                "parent": parent.id,
            }
            for plan in wanting
        ]
        for plan, job in zip(wanting, await self.engine.jobs.enqueue_many(requests), strict=True):
            plan["job"] = job.id

    # A track: the step, then whatever it changed

    async def track(self, step: str, context: JobContext, args: Mapping[str, Any]) -> dict[str, Any]:
        """Handle a job that does one step again for one track."""
        entry = await self.engine.ledger.entry(str(args["track"]))
        if entry.duplicate_of:
            return {"track": entry.id, "duplicate_of": entry.duplicate_of}
        if entry.aside:
            return {"track": entry.id, "actions": [], "note": left_alone(entry)}
        folder = self.folder(entry.id, step)
        try:
            return await self._again(entry, step, folder, context)
        finally:
            await remove_folder(folder)

    async def _again(self, entry: Entry, step: str, folder: Path, context: JobContext) -> dict[str, Any]:
        context.progress(None, step=step)
        engine = self.engine
        seen = await self._look(entry, context.job)
        files = [one for one in entry.evidence if _stands(one, seen) and engine.lookout.keeps(one.target)]
        away = {**seen.away, **await engine.lookout.away(sorted({one.target for one in files}))}
        near = [one for one in seen.present if one.target not in away]
        if error := self._hindrance(entry, step, near, away):
            raise error
        actions = self._decide(entry, step, near, files, away)
        await self.words.heed(entry.id, near, folder)
        if step == ANALYZE:
            await self.rehear(entry, near, folder, context)
        done = await self._carry(entry.id, actions, away, folder, context)
        if done.heard:  # a row bore a person's word that was not heard before
            done = await self._carry(entry.id, actions, away, folder, context)
        return await self._settle(entry.id, done.missed, actions, context.job)

    async def _carry(
        self,
        track_id: str,
        actions: Sequence[Action],
        away: Mapping[str, Degraded],
        folder: Path,
        context: JobContext,
    ) -> Work:
        """Bring files and rows in step with what counts now."""
        engine = self.engine
        await self.words.renew(track_id)
        due = await engine.lookout.look(await engine.ledger.entry(track_id))
        lacking = {lack.target for lack in due.lacks}
        work = replace(
            engine.work(due, actions),
            folder=folder,
            catalogs=tuple(name for name in engine.lookout.catalogs if name in lacking - away.keys()),
            missed=away,
        )
        return await walk(work, [step for step in engine.steps if step.name in STEPS_AGAIN], context)

    async def _look(self, entry: Entry, job: Job) -> Seen:
        seen = await self.engine.lookout.look(entry)
        await self.engine.accept(seen, job)
        if seen.gone:
            await self.engine.ledger.drop_evidence(entry.id, seen.gone)
        return seen

    async def _settle(
        self, track_id: str, missed: Mapping[str, MusicsyncError], actions: Sequence[Action], job: Job
    ) -> dict[str, Any]:
        """Read everything back. What is missing altogether is not this job's to bring; what stands must be in step."""
        engine = self.engine
        seen = await engine.lookout.look(await engine.ledger.entry(track_id))
        reasons: dict[str, MusicsyncError] = {**seen.away, **missed}
        lacking = [lack.target for lack in seen.lacks]
        unreached = {target: reasons[target] for target in lacking if target in reasons}
        due = {*seen.older, *engine.lookout.catalogs}
        if short := [target for target in lacking if target in due and target not in unreached]:
            raise Temporary(f"After the work was done, {', '.join(short)} still lacked something of it", delay=5)
        await engine.ledger.park(track_id, unreached)
        if not lacking:
            await engine.ledger.settle(track_id)
        crash_point(CrashPoint.TRACK_SETTLED)
        operations = dict.fromkeys((job.id, job.parent or job.id))
        changes = [one for operation in operations for one in await engine.ledger.journal(operation, track_id)]
        result = {
            "track": track_id,
            "actions": [one.as_dict() for one in actions],
            "note": _note(changes),
        }
        needed = sorted(set(unreached) - set(engine.optional))
        return result | ({"partial": needed} if needed else {})

    def folder(self, track_id: str, step: str) -> Path:
        """Staging of its own: a sync of the track that waits for its next try keeps what it made."""
        return self.engine.staging / f"{track_id}.{step}"


def outdated(entry: Entry) -> bool:
    """Whether a newer ear would hear the track otherwise."""
    return entry.analysis is None or int(entry.analysis.get("version", 0)) < ANALYSIS_VERSION


def _stands(one: Evidence, seen: Seen) -> bool:
    return (one.target, one.part) not in seen.gone


def _note(changes: Sequence[Mapping[str, Any]]) -> str:
    """What was written outside, for people."""
    files = sum(one["what"] == "replaced" for one in changes)
    rows = sum(one["target"].startswith("catalog:") for one in changes)
    said = ([f"tags of {files} file{'s' * (files != 1)}"] if files else []) + (
        [f"{rows} row{'s' * (rows != 1)}"] if rows else []
    )
    return f"{' and '.join(said)} brought in step" if said else "in step already: nothing was written"
