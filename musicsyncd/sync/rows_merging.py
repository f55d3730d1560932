"""Merging rows that are one track's: the whole plan first, every change in the journal before it is made, and what goes
goes to the catalog's trash.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from musicsyncd.catalog.base import Catalog, Whole
from musicsyncd.clock import Clock
from musicsyncd.crashpoints import CrashPoint, crash_point
from musicsyncd.errors import BadInput, Degraded, NeedsPerson
from musicsyncd.jobs.base import JobContext, WorkEngine
from musicsyncd.jobs.job import ACTIVE, JobFilter
from musicsyncd.ledger.journal import Change
from musicsyncd.ledger.standing import Evidence
from musicsyncd.sync.look import Lookout
from musicsyncd.sync.merging import MERGE
from musicsyncd.sync.rows_finding import Finder
from musicsyncd.sync.rows_twice import Donor, Doubt, Group, Merging, Seen, Side, groups
from musicsyncd.sync.rows_values import Said, alike, digest, lost, writes

ROWS_PLAN: Final = "rows-plan"
ROWS_APPLY: Final = "rows-apply"
AMENDED: Final = "row amended"
PUT_AWAY: Final = "row put away"
STALE: Final = timedelta(days=3)
"""Age of the last reading of the whole book beyond which nothing is planned: rows that are gone would count."""
AGAIN: Final = "Make one: musicsyncctl catalog duplicates"


@dataclass
class Told:
    """What an application did, and what it left with the reasons."""

    left: list[dict[str, str]] = field(default_factory=list)
    waiting: int = 0
    """Rows for which one application has no room."""
    targets: set[str] = field(default_factory=set)

    def note(self, one: Side, why: str, target: str = "") -> None:
        """This row stays as it is."""
        self.left.append({"page": one.page, "label": one.label, "why": why})
        self.targets |= {target} if target else set()


@dataclass(frozen=True, kw_only=True)
class RowMerger:
    """The handlers of the jobs that plan and apply."""

    finder: Finder
    jobs: WorkEngine
    lookout: Lookout
    clock: Clock
    most_rows: int
    """Rows that one application may put away; the rest waits for the next one."""

    # Planning

    async def plan(self, context: JobContext, args: Mapping[str, Any]) -> dict[str, Any]:
        """Handle a `rows-plan` job: its result is the plan, and nothing is written. NeedsPerson when the book was not
        read whole lately, or lost more rows than anybody would take out.
        """
        merged, doubts = list[Merging](), list[Doubt]()
        for catalog in self._books():
            await self._refuse_unread(catalog)
            async for rows, marks in self.finder.parts(catalog.name):
                found, told = groups(rows, marks)
                doubts += told
                for group in found:
                    context.progress(None, group.keeper.label, step="compare")
                    if one := await self._merging(catalog, group):
                        merged.append(one)
        return {
            "plan": context.job.id,
            "groups": [one.as_dict() for one in merged],
            "doubts": [asdict(one) for one in doubts],
            "rows": sum(len(one.donors) for one in merged),
            "summary": _planned(merged),
        }

    def _books(self) -> list[Catalog]:
        return [one for one in self.lookout.catalogs.values() if one.mirrored]

    async def _refuse_unread(self, catalog: Catalog) -> None:
        await catalog.freshen()
        state = await self.finder.mirror.state(catalog.name)
        if state.note:
            raise NeedsPerson("The book cannot be trusted now", why=state.note, fix="See that its rows are all there")
        if not state.full_at or self.clock.now() - datetime.fromisoformat(state.full_at) > STALE:
            why = f"It was last read whole {state.full_at[:10] or 'never'}"
            raise NeedsPerson("The book is not known well enough", why=why, fix="Let the daemon run until it was read")

    async def _merging(self, catalog: Catalog, group: Group) -> Merging | None:
        """The group with what is written, from the rows as they stand; None when they are not all there."""
        keeper = await catalog.whole(group.keeper.page)
        held = [(double, await catalog.whole(double.row.page)) for double in group.doubles]
        stand = [(double, whole) for double, whole in held if whole]
        if keeper is None or not stand:
            return None
        stays, goes = said(keeper), [said(whole) for _, whole in stand]
        written = writes(stays, goes)
        donors = tuple(
            Donor(**_side(double.row, whole), evidence=f"Both bear {double.mark.text}.", lost=lost(one, stays, written))
            for (double, whole), one in zip(stand, goes, strict=True)
        )
        side = Side(**_side(group.keeper, keeper))
        return Merging(catalog=catalog.target, keeper=side, donors=donors, writes=written)

    # Applying

    async def apply(self, context: JobContext, args: Mapping[str, Any]) -> dict[str, Any]:
        """Handle a `rows-apply` job: what the plan says and nothing else. A row that says something else than it did
        then is left with the reason; the job ends partial.
        """
        async with context.capacity(MERGE):
            plan, told = await self._planned(str(args["plan"])), Told()
            for catalog in self._books():
                await self._refuse_unread(catalog)
            for group in plan:
                context.progress(None, group.keeper.label, step="merge")
                await self._apply(group, context, told)
            return await self._result(str(args["plan"]), context, told)

    async def _planned(self, job_id: str) -> list[Merging]:
        try:
            job = await self.jobs.get(job_id)
        except LookupError as error:
            raise BadInput(f"There is no plan {job_id}", fix=AGAIN) from error
        if job.kind != ROWS_PLAN or job.result is None:
            raise BadInput(f"Job {job.id} is no finished plan of rows", fix=AGAIN)
        return [Merging.from_dict(one) for one in job.result["groups"]]

    async def _apply(self, group: Merging, context: JobContext, told: Told) -> None:
        catalog = self.lookout.catalogs.get(group.catalog)
        if catalog is None:
            told.note(group.keeper, f"{group.catalog} is not set up any more")
            return
        try:
            noted = await self._noted(group, context) or await self._note(group, catalog, context, told)
            if noted and await self._amend(group, catalog, noted, told):
                for donor in group.donors:
                    if donor.page in noted["after"]["donors"]:
                        await self._put_away(donor, group, catalog, context, told)
        except Degraded as error:
            told.note(group.keeper, str(error), group.catalog)

    async def _noted(self, group: Merging, context: JobContext) -> Mapping[str, Any] | None:
        """What an earlier try of this very job has written down of the group."""
        journal = await self.finder.ledger.journal(context.job.id)
        return next(
            (one for one in journal if one["what"] == AMENDED and one["after"]["page"] == group.keeper.page), None
        )

    async def _note(
        self, group: Merging, catalog: Catalog, context: JobContext, told: Told
    ) -> Mapping[str, Any] | None:
        """Hold the plan against the rows as they are now, and write down what will be done."""
        if await self._is_done(group, catalog):
            return None
        room = self.most_rows - await self._away(context)
        told.waiting += max(0, len(group.donors) - room)
        if room <= 0:
            return None
        keeper = await catalog.whole(group.keeper.page)
        if why := await self._changed(group.keeper, keeper, catalog):
            told.note(group.keeper, why)
            return None
        assert keeper is not None
        held = [(donor, await catalog.whole(donor.page)) for donor in group.donors[:room]]
        donors = []
        for donor, whole in held:
            if why := await self._changed(donor, whole, catalog) or await self._is_others(donor, group, catalog):
                told.note(donor, why)
            elif whole:
                donors.append((donor, whole))
        if not donors:
            return None
        written = writes(said(keeper), [said(whole) for _, whole in donors])
        before = {"page": keeper.row.id, "fields": {name: one["before"] for name, one in written.items()}}
        after = {"page": keeper.row.id, "fields": {name: one["after"] for name, one in written.items()}}
        change = Change(
            operation=context.job.id,
            target=catalog.target,
            what=AMENDED,
            before=before,
            after=after | {"donors": [donor.page for donor, _ in donors]},
        )
        await self.finder.ledger.record_change(None, change)
        crash_point(CrashPoint.ROWS_NOTED)
        return {"before": change.before, "after": change.after}

    async def _is_done(self, group: Merging, catalog: Catalog) -> bool:
        """Whether all that would go is gone: an earlier application of the plan did it."""
        rows = [await self.finder.mirror.row(catalog.name, donor.page) for donor in group.donors]
        return all(row is None or row.trashed for row in rows)

    async def _away(self, context: JobContext) -> int:
        """Rows that this job has put away, or is about to."""
        journal = await self.finder.ledger.journal(context.job.id)
        return sum(len(one["after"]["donors"]) for one in journal if one["what"] == AMENDED)

    async def _changed(self, side: Side, whole: Whole | None, catalog: Catalog) -> str:
        """Why the row is not as planned any more; empty when it is."""
        if whole is None:
            return "It is not in the book any more"
        if digest(whole.row.fields) != side.digest:
            return "It was changed since the plan was made: make a new one"
        owner = (await self.finder.doubles.owners(catalog.name, [side.page])).get(side.page)
        if owner and await self.jobs.list(JobFilter(key=owner.track, states=ACTIVE, limit=1)):
            return "Its track is being worked on: apply the plan again when that has ended"
        return ""

    async def _is_others(self, donor: Donor, group: Merging, catalog: Catalog) -> str:
        """Why the row must stay: it is a kept track's own by now, and not that of the row that stays."""
        owners = await self.finder.doubles.owners(catalog.name, [donor.page, group.keeper.page])
        its, keepers = owners.get(donor.page), owners.get(group.keeper.page)
        if its and (keepers is None or its.root != keepers.root):
            return "It is another track's row by now: make a new plan" if keepers or its.track == its.root else ""
        return ""

    async def _amend(self, group: Merging, catalog: Catalog, noted: Mapping[str, Any], told: Told) -> bool:
        """Write what was noted, and read it back; nothing goes before that stands."""
        page, before, after = noted["after"]["page"], noted["before"]["fields"], noted["after"]["fields"]
        whole = await catalog.whole(page)
        if whole is None:
            told.note(group.keeper, "It was taken out of the book meanwhile")
            return False
        now = whole.row.fields
        todo = {name: value for name, value in after.items() if not alike(now.get(name), value)}
        if changed := [name for name in todo if not alike(now.get(name), before[name])]:
            told.note(group.keeper, f"Somebody wrote into it meanwhile ({', '.join(changed)}): make a new plan")
            return False
        if todo:
            await catalog.rewrite(page, todo)
            crash_point(CrashPoint.ROW_AMENDED)
            whole = await catalog.whole(page)
        wrong = [name for name, value in after.items() if not whole or not alike(whole.row.fields.get(name), value)]
        if wrong:
            told.note(group.keeper, f"Read back it differs in {', '.join(wrong)}: no row was put away", group.catalog)
        return not wrong

    async def _put_away(self, donor: Donor, group: Merging, catalog: Catalog, context: JobContext, told: Told) -> None:
        """Into the trash; what was read back in it leads to the row that stays."""
        journal = await self.finder.ledger.journal(context.job.id)
        noted = any(one["what"] == PUT_AWAY and one["before"]["page"] == donor.page for one in journal)
        whole = await catalog.whole(donor.page)
        if not (noted and whole is None) and (why := await self._changed(donor, whole, catalog)):
            told.note(donor, why)
            return
        leading = await self.finder.doubles.evidence_of(catalog.target, donor.page)
        if not noted:
            evidence = [{"track": track, **asdict(one)} for track, one in leading]
            fields = dict(whole.row.fields) if whole else {}
            before = {"page": donor.page, "label": donor.label, "fields": fields, "evidence": evidence}
            change = Change(
                operation=context.job.id,
                target=catalog.target,
                what=PUT_AWAY,
                before=before,
                after={"keeper": group.keeper.page},
            )
            await self.finder.ledger.record_change(None, change)
            crash_point(CrashPoint.DONOR_NOTED)
        await catalog.retire(donor.page)
        crash_point(CrashPoint.DONOR_PUT_AWAY)
        for track, one in leading:
            await self._lead(track, one, group.keeper.page)

    async def _lead(self, track: str, evidence: Evidence, page: str) -> None:
        """A kept track leads to the row that stays; one that is left out leads nowhere."""
        if (await self.finder.ledger.entry(track)).duplicate_of:
            await self.finder.ledger.drop_evidence(track, [(evidence.target, evidence.part)])
        else:
            moved = Evidence(
                target=evidence.target, part=evidence.part, proof="", detail={**evidence.detail, "id": page}
            )
            await self.finder.ledger.record_evidence(track, moved, None)

    async def _result(self, plan: str, context: JobContext, told: Told) -> dict[str, Any]:
        journal = await self.finder.ledger.journal(context.job.id)
        away = [{"page": one["before"]["page"], "label": one["before"]["label"], "keeper": one["after"]["keeper"]}
                for one in journal if one["what"] == PUT_AWAY]  # fmt: skip
        summary = f"{_rows(len(away))} merged into others, and in the trash"
        summary += f", {len(told.left)} left as they are" if told.left else ""
        summary += f", {told.waiting} wait: apply the plan again (duplicates.most_rows)" if told.waiting else ""
        result: dict[str, Any] = {"plan": plan, "merged": away, "left": told.left, "waiting": told.waiting}
        result["summary"] = summary
        partial = sorted(told.targets) or (sorted(self.lookout.catalogs) if told.left or told.waiting else [])
        return result | ({"partial": partial} if partial else {})


def said(whole: Whole) -> Said:
    """A row by what it says: a person's word is known for one where we had written something else."""
    row = whole.row
    return Said(page=row.id, fields=row.fields, persons=row.edited & whole.written, others=whole.others)


def _side(row: Seen, whole: Whole) -> dict[str, Any]:
    return {
        "page": row.page,
        "label": row.label,
        "created": row.created,
        "score": row.score,
        "why": row.why,
        "digest": digest(whole.row.fields),
    }


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"


def _planned(merged: Sequence[Merging]) -> str:
    if not merged:
        return "no row stands twice"
    tracks = "1 track has" if len(merged) == 1 else f"{len(merged)} tracks have"
    return f"{tracks} more than one row: {_rows(sum(len(one.donors) for one in merged))} would go to the trash"
