"""What each question does: put a request on the queue, or look. Nothing here waits for work."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from musicsyncd.control import answers, attention, report
from musicsyncd.control.following import Following
from musicsyncd.control.messages import (
    Accepted,
    ApplyQuestion,
    DuplicatesAnswer,
    FinishQuestion,
    JobAnswer,
    JobsAnswer,
    MatchAnswer,
    MatchesAnswer,
    OperationAnswer,
    OperationsAnswer,
    PauseQuestion,
    PinQuestion,
    ReconcileQuestion,
    Report,
    RetryQuestion,
    SignInAnswer,
    SignInQuestion,
    SyncQuestion,
    TrackAnswer,
    TracksAnswer,
    UndoQuestion,
)
from musicsyncd.control.messages_status import AccountAnswer, PauseAnswer
from musicsyncd.control.status import MOST_LISTED, Overview, Timing
from musicsyncd.crashpoints import CrashPoint, crash_point
from musicsyncd.errors import BadInput
from musicsyncd.jobs.job import ACTIVE, Job, JobFilter, JobState, Lane
from musicsyncd.ledger.entry import Entry
from musicsyncd.ledger.journal import Change
from musicsyncd.music.identity import bears_user
from musicsyncd.pipeline.match import pinnable
from musicsyncd.sources.account import Account
from musicsyncd.sync.differences import Difference
from musicsyncd.sync.duplicates import KEEP, PERSON
from musicsyncd.sync.engine import REQUEST, TRACK
from musicsyncd.sync.merging import APPLY, PLAN
from musicsyncd.sync.reconcile import APPLY as RECONCILE_APPLY
from musicsyncd.sync.reconcile import DRY_RUN, RECONCILE, chosen, finished_plan
from musicsyncd.sync.request import STEPS, RetryRequest, Scope, SyncRequest
from musicsyncd.sync.rows_merging import ROWS_APPLY, ROWS_PLAN
from musicsyncd.sync.undoing import UNDO, UNDOABLE, open_changes

MOST_CHILDREN: Final = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Operations(Overview):
    """One method per question; what is asked of the whole is answered by `Overview`."""

    # Asking for work

    async def sync(self, question: SyncQuestion) -> Accepted:
        """Write the requests down, as a person's; the answer names their jobs."""
        if question.scope == "url" and not question.urls:
            raise BadInput("A sync of scope url wants at least one URL or path")
        if question.scope == "playlist" and not all(url.strip() for url in question.urls or [""]):
            raise BadInput("A sync of scope playlist wants the address or the name of at least one")
        if question.scope not in ("url", "playlist") and question.urls:
            raise BadInput(f"URLs go with scope url or playlist, not with {question.scope}")
        if any(bears_user(url) for url in question.urls):
            raise BadInput(
                "A URL with a user or a password in it is not taken",
                why="It would be written down with the track",
                fix="Take them out of the URL; for a proxy of yours set ytdlp.proxy",
            )
        requests = [
            SyncRequest(scope=Scope(question.scope), url=url, source=question.source, dry_run=question.dry_run)
            for url in question.urls or [""]
        ]
        jobs = await self.jobs.enqueue_many(
            [{"kind": REQUEST, "args": one.as_dict(), "key": one.key, "lane": Lane.USER} for one in requests]
        )
        crash_point(CrashPoint.REQUEST_WRITTEN)
        return Accepted(jobs=[job.id for job in jobs], notes=await self._pauses(question))

    async def _pauses(self, question: SyncQuestion) -> list[str]:
        """A pause holds what begins by itself, never a person; it is said all the same."""
        paused = (await self.schedule()).paused
        names = {question.source} if question.source else {source.name for source in self.sources}
        concerned = [name for name in paused if name == "all" or name in names]
        return [f"Paused: {', '.join(concerned)}. What a person asks for is done all the same"] if concerned else []

    async def pause(self, question: PauseQuestion) -> PauseAnswer:
        """Let nothing begin by itself of everything, of one source or of one job of the clock."""
        return await self._timing().pause(question.what)

    async def resume(self, question: PauseQuestion) -> PauseAnswer:
        """End a pause."""
        return await self._timing().resume(question.what)

    def _timing(self) -> Timing:
        if self.timing is None:
            raise BadInput("Nothing begins by itself here")
        return self.timing

    async def retry_track(self, reference: str) -> Accepted:
        """Look at one track anew, now, and at candidates that were tried in vain too."""
        entry = await self._wanted(reference)
        await self.matches.forget_tried(entry.id)
        job = await self.jobs.enqueue(TRACK, {"track": entry.id}, key=entry.id, lane=Lane.USER)
        return Accepted(jobs=[job.id])

    async def _wanted(self, reference: str) -> Entry:
        """The track; BadInput for one that a person has left alone."""
        entry = await self.ledger.entry(reference)
        if entry.aside:
            fix = f"Want it again first: musicsyncctl tracks unskip {entry.id}"
            raise BadInput(f"{entry.track.label} is {entry.aside}", fix=fix)
        return entry

    async def pin(self, reference: str, question: PinQuestion) -> Accepted:
        """A person says where the track's audio is; files of other audio make way, and are kept in the recycle area."""
        entry = await self._wanted(reference)
        if bears_user(question.url):
            raise BadInput("A URL with a user or a password in it is not taken")
        url = pinnable(question.url, self.sources)
        await self.matches.pin(entry.id, url)
        return await self.retry_track(entry.id)

    async def unpin(self, reference: str) -> MatchAnswer:
        """A search decides again, the next time that the track's audio is wanted."""
        entry = await self.ledger.entry(reference)
        if not (await self.matches.of(entry.id)).pin:
            raise BadInput(f"{entry.track.label} has no pin")
        await self.matches.pin(entry.id, "")
        return await self.match(entry.id)

    async def plan_duplicates(self) -> Accepted:
        """Find out which kept tracks are one recording; the job's result is the plan, and nothing is moved."""
        job = await self.jobs.enqueue(PLAN, {}, key=PLAN, lane=Lane.USER)
        return Accepted(jobs=[job.id])

    async def apply_duplicates(self, question: ApplyQuestion) -> Accepted:
        """Do what a plan says; LookupError when no job has that id, BadInput when it is no finished plan."""
        plan = await self.jobs.get(question.plan)
        if plan.kind != PLAN or plan.state is not JobState.DONE:
            raise BadInput(f"Job {plan.id} is no finished plan", fix="Make one: musicsyncctl duplicates plan")
        job = await self.jobs.enqueue(APPLY, {"plan": plan.id}, key=plan.id, lane=Lane.USER)
        return Accepted(jobs=[job.id])

    async def reconcile(self, question: ReconcileQuestion) -> Accepted:
        """Hold everything against each other, as often as asked but once at a time; or do what a plan proposes.
        BadInput when it is no finished plan, or does not propose that.
        """
        if not question.apply:
            if question.only:
                raise BadInput("Differences are named of a plan", fix="Say --apply PLAN too")
            kind = DRY_RUN if question.dry_run else RECONCILE
            job = await self.jobs.enqueue(kind, {}, key=RECONCILE, lane=Lane.USER)
            return Accepted(jobs=[job.id])
        if question.dry_run:
            raise BadInput("A plan is either made or applied", fix="Leave --dry-run or --apply away")
        plan = await finished_plan(self.jobs, question.apply)
        only = sorted(set(question.only))
        chosen([Difference.from_dict(one) for one in (plan.result or {})["differences"]], only)
        key = " ".join((plan.id, *only))
        job = await self.jobs.enqueue(RECONCILE_APPLY, {"plan": plan.id, "only": only}, key=key, lane=Lane.USER)
        return Accepted(jobs=[job.id])

    async def plan_rows(self) -> Accepted:
        """Find out which rows of the catalog are one track's; the job's result is the plan, and nothing is written."""
        job = await self.jobs.enqueue(ROWS_PLAN, {}, key=ROWS_PLAN, lane=Lane.USER)
        return Accepted(jobs=[job.id])

    async def apply_rows(self, question: ApplyQuestion) -> Accepted:
        """Merge the rows of a plan; LookupError when no job has that id, BadInput when it is no finished plan."""
        plan = await self.jobs.get(question.plan)
        if plan.kind != ROWS_PLAN or plan.state is not JobState.DONE:
            raise BadInput(
                f"Job {plan.id} is no finished plan of rows", fix="Make one: musicsyncctl catalog duplicates"
            )
        job = await self.jobs.enqueue(ROWS_APPLY, {"plan": plan.id}, key=plan.id, lane=Lane.USER)
        return Accepted(jobs=[job.id])

    async def keep_track(self, reference: str) -> Accepted:
        """A person wants this track though it counts as a copy: it is brought home, and no plan leaves it out again."""
        entry = await self._wanted(reference)
        said = next((dict(one.facts) for one in entry.said if one.origin == PERSON), {})
        await self.ledger.record_said(entry.id, PERSON, said | {KEEP: True})
        if entry.duplicate_of:
            before, after = {"duplicate_of": entry.duplicate_of}, {"duplicate_of": None}
            change = Change(operation="duplicates keep", target="ledger", what="kept", before=before, after=after)
            await self.ledger.unmark_duplicate(entry.id, change)
        return await self.retry_track(entry.id)

    async def undo(self, question: UndoQuestion) -> Accepted:
        """Take an operation back; BadInput when it is none that could be."""
        operation = await self._operation(question.operation)
        await open_changes(self.ledger, operation)
        await self._refuse_unended(operation)
        job = await self.jobs.enqueue(UNDO, {"operation": operation}, key=operation, lane=Lane.USER)
        return Accepted(jobs=[job.id])

    async def _refuse_unended(self, operation: str) -> None:
        """What its job, or that of a track of its, has yet to do would follow what is taken back: half a track."""
        active = bool(await self.jobs.list(JobFilter(parent=operation, states=ACTIVE, limit=1)))
        with suppress(LookupError):  # forgotten since: it had ended
            active = active or (await self.jobs.get(operation)).state.active
        if active:
            raise BadInput(
                f"{operation} has not ended yet: only half of it could be undone",
                fix=f"Wait for its end, or end it: musicsyncctl jobs cancel {operation}",
            )

    async def _operation(self, reference: str) -> str:
        """The full id of a job; a job that was forgotten since must be named in full."""
        try:
            return (await self.jobs.get(reference)).id
        except LookupError:
            if await self.ledger.journal(reference):
                return reference
            raise

    async def retry_step(self, question: RetryQuestion) -> Accepted:
        """Do one step again for one track, for those that a query finds, or for all."""
        if question.step not in STEPS:
            what = f"There is no step {question.step!r} to do again" if question.step else "Which step again?"
            raise BadInput(what, fix=f"Steps are: {', '.join(STEPS)}")
        if [bool(question.track), bool(question.query.strip()), question.everything].count(True) != 1:
            raise BadInput("A retry is for one track, for those that a query finds, or for all", fix="Name one of them")
        track = (await self.ledger.entry(question.track)).id if question.track else ""
        request = RetryRequest(
            step=question.step,
            track=track,
            query=question.query.strip(),
            outdated=question.outdated,
            dry_run=question.dry_run,
        )
        job = await self.jobs.enqueue(REQUEST, request.as_dict(), key=request.key, lane=Lane.USER)
        crash_point(CrashPoint.REQUEST_WRITTEN)
        return Accepted(jobs=[job.id])

    async def cancel(self, job_id: str) -> JobAnswer:
        """End a job and, for a request, the work on its tracks; `cancelled` says how many jobs that ended."""
        job = await self.jobs.get(job_id)
        ended = [await self.jobs.cancel(job.id)] if job.state.active else []
        if job.kind == REQUEST:
            children = await self.jobs.list(JobFilter(parent=job.id, states=ACTIVE, limit=MOST_CHILDREN))
            ended += [await self.jobs.cancel(child.id) for child in children]
        answer = await self.job_answer(await self.jobs.get(job.id))
        return answer.model_copy(update={"cancelled": len(ended)})

    async def retry(self, job_id: str) -> JobAnswer:
        """Try an ended or waiting job again, now, as `retry_track` does."""
        job = await self.jobs.get(job_id)
        if job.kind == TRACK:
            await self.matches.forget_tried(job.key)
        return await self.job_answer(await self.jobs.retry(job.id))

    # Accounts

    async def account(self, service: str) -> AccountAnswer:
        """How it stands with the account at a service."""
        return attention.account_answer(self._account(service))

    async def sign_in(self, service: str, question: SignInQuestion) -> SignInAnswer:
        """Begin a sign-in; where a person goes on with it."""
        begun = await self._account(service).begin(listen=question.listen)
        until = begun.until.isoformat(timespec="seconds")
        return SignInAnswer(url=begun.url, redirect_uri=begun.redirect_uri, until=until)

    async def finish_sign_in(self, service: str, question: FinishQuestion) -> AccountAnswer:
        """End a sign-in with the address that the browser was led to."""
        await self._account(service).finish(question.url)
        return await self.account(service)

    async def sign_out(self, service: str) -> AccountAnswer:
        """Forget what lets us in at a service."""
        await self._account(service).sign_out()
        return await self.account(service)

    def _account(self, service: str) -> Account:
        if service not in self.accounts:
            raise LookupError(f"There is no sign-in at {service!r}; there is at: {', '.join(self.accounts) or 'none'}")
        return self.accounts[service]

    # Looking

    async def job(self, job_id: str) -> JobAnswer:
        """One job, by id or the beginning of one."""
        return await self.job_answer(await self.jobs.get(job_id))

    async def list_jobs(self, states: Sequence[str], kind: str | None, limit: int) -> JobsAnswer:
        """Jobs, the newest first."""
        if unknown := set(states) - set(JobState):
            what = f"There is no job state {', '.join(map(repr, sorted(unknown)))}"
            raise BadInput(what, fix=f"States are: {', '.join(JobState)}")
        wanted = frozenset(map(JobState, states)) or None
        found = await self.jobs.list(JobFilter(states=wanted, kind=kind, limit=min(limit, MOST_LISTED)))
        return JobsAnswer(jobs=[await self.job_answer(job) for job in found])

    async def track(self, reference: str) -> TrackAnswer:
        """One track, by id, the beginning of one, or an identity."""
        return await self._track_answer(reference)

    async def search(self, words: str, limit: int) -> TracksAnswer:
        """Tracks whose facts contain every word, the newest first."""
        roots = await self._roots()
        found = await self.ledger.search(words, limit=min(limit, MOST_LISTED))
        return TracksAnswer(tracks=[self._answer(entry, roots) for entry in found])

    async def match(self, reference: str) -> MatchAnswer:
        """Where a track's audio comes from, and what was thought of each candidate."""
        entry = await self.ledger.entry(reference)
        own = next((one for one in self.sources if one.name == entry.track.source), None)
        return answers.match_answer(entry, await self.matches.of(entry.id), own is not None and own.supplies)

    async def undecided(self, limit: int) -> MatchesAnswer:
        """Tracks for whose audio a person has to say which candidate it is."""
        found = await self.matches.undecided(limit=min(limit, MOST_LISTED))
        return MatchesAnswer(matches=[await self.match(track) for track in found])

    async def duplicates(self, limit: int) -> DuplicatesAnswer:
        """Tracks that are left out as another's duplicates, the newest first, and how much can be compared."""
        left_out = await self.ledger.duplicates(limit=min(limit, MOST_LISTED))
        keepers = await self.ledger.entries([str(one.duplicate_of) for one in left_out])
        comparable, kept = await self.ledger.coverage()
        told = [answers.duplicate_answer(one, keeper) for one, keeper in zip(left_out, keepers, strict=True)]
        return DuplicatesAnswer(duplicates=told, comparable=comparable, kept=kept)

    async def operations(self, limit: int) -> OperationsAnswer:
        """What moved or replaced files and can be taken back, the newest first."""
        found = await self.ledger.operations(UNDOABLE, limit=min(limit, MOST_LISTED))
        return OperationsAnswer(operations=[await self._operation_answer(one) for one in found])

    async def _operation_answer(self, one: Mapping[str, Any]) -> OperationAnswer:
        try:
            kind = (await self.jobs.get(one["operation"])).kind
        except LookupError:
            kind = ""
        undone = len(await self.ledger.undone(one["operation"]))
        return OperationAnswer(
            operation=one["operation"],
            kind=kind,
            at=one["at"],
            changes=one["counts"],
            undone=undone,
            open=sum(one["counts"].values()) - undone,
        )

    # Following

    async def events(self) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """Everything that happens from now on."""
        async for event in self.jobs.events():
            yield event.event, report.event_dict(event, "")

    async def follow(self, job_id: str) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """What happens to a request and its tracks, until nothing more will; the last event is `report`."""
        root = (await self.jobs.get(job_id)).id
        following = Following(jobs=self.jobs, clock=self.clock, label=self.label, root=root)
        async for name, data in following.events():
            yield name, data
        yield "report", (await self.report(root)).model_dump(mode="json")

    async def report(self, job_id: str) -> Report:
        """How a request ended, or how far it is."""
        root = await self.jobs.get(job_id)
        children: dict[str, Job] = {}
        details: dict[str, TrackAnswer] = {}
        for plan in report.plans(root):
            if plan.get("job"):
                children[plan["track"]] = await self.jobs.get(plan["job"])
            if plan["track"]:
                details[plan["track"]] = await self._track_answer(plan["track"])
        return report.report(root, children, details, self.clock.now())

    async def _track_answer(self, reference: str) -> TrackAnswer:
        return self._answer(await self.ledger.entry(reference), await self._roots())

    def _answer(self, entry: Entry, roots: Mapping[str, Path]) -> TrackAnswer:
        return answers.track_answer(entry, self.lookout.targets(entry), roots, self.lookout.precedence)

    async def _roots(self) -> dict[str, Path]:
        """Where each volume that is there now is mounted, by name."""
        states = {shelf.name: await shelf.state() for shelf in self.lookout.shelves.values()}
        return {name: Path(state.path) for name, state in states.items() if state.ready}
