"""Ledger, volumes, catalogs and Eagle, held against each other: what differs is listed, what is safe is put right, and
what a person has approved is done.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from musicsyncd.clock import Clock
from musicsyncd.errors import BadInput, Degraded, NeedsPerson, Permanent
from musicsyncd.jobs.base import Handler, JobContext, WorkEngine
from musicsyncd.jobs.job import Job
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.ledger.matches import Matches
from musicsyncd.ledger.mirror import Mirror
from musicsyncd.sync.comparing import ENDINGS, Comparison, Samples
from musicsyncd.sync.comparing_rows import RowComparison
from musicsyncd.sync.differences import Difference, Kind, Tally, Verb, Who, summary
from musicsyncd.sync.inventory import Inventory
from musicsyncd.sync.look import Lookout
from musicsyncd.sync.mending import Mender
from musicsyncd.sync.merging import MERGE

RECONCILE: Final = "reconcile"
DRY_RUN: Final = "reconcile-plan"
APPLY: Final = "reconcile-apply"
PLANS: Final = (RECONCILE, DRY_RUN)
"""Kinds of job whose result is a plan."""
MOST: Final = 500
"""Differences that one run puts right; the next one does the rest."""
SEE: Final = "See it: musicsyncctl reconcile --dry-run"


@dataclass(frozen=True, kw_only=True)
class Reconciler:
    """The handlers of the jobs that compare and put right."""

    ledger: Ledger
    jobs: WorkEngine
    lookout: Lookout
    mirror: Mirror
    matches: Matches
    clock: Clock
    staging: Path
    samples: Samples | None = None
    most: int = MOST

    def handlers(self) -> dict[str, Handler]:
        """By kind of job."""
        return {RECONCILE: self.reconcile, DRY_RUN: self.plan, APPLY: self.apply}

    async def plan(self, context: JobContext, args: Mapping[str, Any]) -> dict[str, Any]:
        """Handle a `reconcile-plan` job: its result is exactly what a run would find and do, and nothing is written."""
        return _result(context.job, await self._compared(context)) | {"dry_run": True}

    async def reconcile(self, context: JobContext, args: Mapping[str, Any]) -> dict[str, Any]:
        """Handle a `reconcile` job: what is safe is put right, the rest is listed. NeedsPerson, and nothing is done,
        when more is gone than anybody can have meant.
        """
        found = await self._compared(context)
        _refuse_shrunk(found.differences)
        safe = [one for one in found.differences if one.who is Who.SAFE]
        unseen = {str(found.differences[-1].detail.get("track"))} if found.more else set()
        return _result(context.job, found) | await self._done(safe, context, unseen)

    async def apply(self, context: JobContext, args: Mapping[str, Any]) -> dict[str, Any]:
        """Handle a `reconcile-apply` job: what a plan proposes and a person approved, each looked at anew. `only` names
        some of the differences by their ids.
        """
        plan = await finished_plan(self.jobs, str(args["plan"]))
        differences = [Difference.from_dict(one) for one in (plan.result or {})["differences"]]
        _refuse_shrunk(differences)
        wanted = chosen(differences, args.get("only") or ())
        return {"plan": plan.id} | await self._done(wanted, context)

    async def _compared(self, context: JobContext) -> Tally:
        with Inventory(ENDINGS) as inventory:
            run = Comparison(
                ledger=self.ledger, jobs=self.jobs, lookout=self.lookout, mirror=self.mirror, clock=self.clock,
                inventory=inventory, context=context, samples=self.samples,
            )  # fmt: skip
            await run.files()
            for catalog in self.lookout.catalogs.values():
                if catalog.mirrored:
                    await RowComparison(run, catalog).rows()
            return run.found

    async def _done(
        self, wanted: list[Difference], context: JobContext, unseen: Collection[str] = ()
    ) -> dict[str, Any]:
        """Put these right, up to the limit; the rest is left with its reason. Nothing is brought for a track of which
        a file that stands elsewhere is still not followed, as may be of those that are `unseen`.
        """
        lost = set(unseen)
        mender = Mender(self.ledger, self.jobs, self.lookout, self.mirror, self.matches, self.staging)
        done, left, away = list[str](), list[dict[str, Any]](), set[str]()
        async with context.capacity(MERGE):
            for number, one in enumerate(wanted):
                context.progress(number / len(wanted), one.label, step="put right")
                try:
                    why = await mender.do(one, context) if len(done) < self.most else _later(self.most)
                except Degraded as error:
                    why = str(error)
                    away.add(error.target)
                except Permanent as error:
                    why = str(error)
                if why:
                    left.append({"id": one.id, "label": one.label, "why": why})
                    lost |= {str(one.detail["track"])} if one.verb is Verb.FOLLOW else set()
                else:
                    done.append(one.id)
            brought = await mender.bring(lost)
        told = f"{len(done)} put right" + (f", {len(left)} left" if left else "")
        result: dict[str, Any] = {"done": done, "left": left, "brought": brought, "done_summary": told}
        return result | ({"partial": sorted(away)} if away else {})


async def finished_plan(jobs: WorkEngine, job_id: str) -> Job:
    """The job whose result is that plan; BadInput when there is none."""
    try:
        job = await jobs.get(job_id)
    except LookupError as error:
        raise BadInput(f"There is no plan {job_id}", fix=SEE) from error
    if job.kind not in PLANS or job.result is None:
        raise BadInput(f"Job {job.id} is no finished plan", fix=SEE)
    return job


def chosen(differences: Iterable[Difference], only: Collection[str]) -> list[Difference]:
    """What is to be done of a plan; BadInput for an id that it does not have."""
    doable = {one.id: one for one in differences if one.verb}
    if unknown := [one for one in only if one not in doable]:
        raise BadInput(f"The plan proposes nothing called {', '.join(unknown)}", fix=SEE)
    return [one for id_, one in doable.items() if not only or id_ in only]


def _later(most: int) -> str:
    return f"One run puts at most {most} right: the next one goes on"


def _refuse_shrunk(differences: Iterable[Difference]) -> None:
    for one in differences:
        if one.kind is Kind.SHRUNK and "target" in one.detail:
            raise NeedsPerson(one.what, why="So much at once can have been meant by nobody: nothing was done",
                              fix=one.proposal)  # fmt: skip


def _result(job: Job, found: Tally) -> dict[str, Any]:
    counts = {str(who): found.counts[who] for who in Who}
    return {
        "plan": job.id,
        "dry_run": False,
        "differences": [one.as_dict() for one in found.differences],
        "more": found.more,
        "counts": counts,
        "kinds": dict(found.kinds),
        "checked": dict(found.checked),
        "away": found.away,
        "summary": summary(counts),
    }
