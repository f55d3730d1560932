"""What a person should see to, gathered from every room, and how the daemon itself is."""

from __future__ import annotations

import asyncio
import os
import resource
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from musicsyncd.alerts.base import Finding
from musicsyncd.alerts.findings import AccountSeen, ErrorSeen, RequestSeen, ServiceSeen, VolumeSeen
from musicsyncd.alerts.post import Post
from musicsyncd.control.answers import moment, open_
from musicsyncd.control.messages_status import AccountAnswer, AttentionAnswer, VolumeAnswer
from musicsyncd.database import Database
from musicsyncd.errors import MusicsyncError, from_dict
from musicsyncd.http.budgets import Budgets
from musicsyncd.jobs.base import WorkEngine
from musicsyncd.jobs.figures import Pass, newest_number, stuck
from musicsyncd.jobs.job import JobFilter, JobState
from musicsyncd.sources.account import Account, SignedIn
from musicsyncd.sync.differences import Who
from musicsyncd.sync.engine import TRACK
from musicsyncd.sync.reconcile import APPLY as RECONCILE_APPLY
from musicsyncd.sync.reconcile import PLANS, RECONCILE

MOST_LATELY: Final = 50
"""Jobs that are looked at for the share that failed."""
OFTEN: Final = 5
"""Tries without an answer after which that is a person's matter."""
MOST_ERRORS: Final = 5
"""Reasons that are told of by themselves; all tracks that failed are counted together anyway."""
PASSES: Final = ("incremental", "full", "unfinished")
"""Scopes of the requests that the daemon makes by itself; what a person asks for, he hears of at once."""


@dataclass(frozen=True, kw_only=True)
class Watched:
    """What is looked at beside the rooms that operations know anyway."""

    optional: frozenset[str] = frozenset()
    """Volumes, by name, that may be away."""
    volume_grace: float = 0.0
    """Seconds."""
    budgets: Budgets | None = None
    post: Post | None = None
    accept: Callable[[], Awaitable[str]] | None = None
    """Has the catalog believe what it doubts, as a person says; what that was."""
    more: Sequence[Callable[[], Sequence[Finding]]] = ()
    """Who else finds something, without asking anybody for it."""


def account_answer(account: Account) -> AccountAnswer:
    """How it stands with an account."""
    now = account.standing()
    return AccountAnswer(
        service=now.service,
        title=account.title,
        state=now.signed_in.value,
        account=now.account,
        authorized_at=moment(now.authorized_at),
        expires_at=moment(now.expires_at),
        days_left=now.days_left,
        waiting_until=moment(now.waiting_until),
        urgent=now.urgent,
        trouble=now.trouble,
        note=now.note,
        why=now.why,
        fix=now.fix,
    )


def account_seen(account: Account) -> AccountSeen:
    """The account as it is looked at."""
    now = account.standing()
    return AccountSeen(
        service=now.service,
        title=account.title,
        signed_in=now.signed_in is SignedIn.YES,
        urgent=now.urgent,
        days_left=now.days_left,
        why=now.why,
        fix=now.fix,
    )


def volume_seen(volume: VolumeAnswer, optional: frozenset[str]) -> VolumeSeen:
    """The volume as it is looked at."""
    return VolumeSeen(
        name=volume.name,
        condition=volume.condition,
        required=volume.name not in optional,
        parked=volume.parked,
        why=volume.why,
        fix=volume.fix,
    )


def services_seen(budgets: Budgets | None) -> list[ServiceSeen]:
    """The services that rest now."""
    resting = budgets.resting() if budgets else []
    return [ServiceSeen(name=name, until=until, why=why) for name, until, why in resting]


def catalogs_seen(names: Iterable[str], parked: Mapping[str, int]) -> dict[str, int]:
    """Tracks that wait, by catalog."""
    return {name: parked.get(f"catalog:{name}", 0) for name in names}


def failed_passes(ended: Sequence[Pass], compared: Sequence[Pass] = ()) -> list[RequestSeen]:
    """Of each scope that comes again and again, the last request that ended, if it failed; the last comparison too. The
    newest come first.
    """
    last = {str(one.args.get("scope")): one for one in reversed(ended) if not one.args.get("dry_run")}
    judged = [(str(scope), last[scope]) for scope in PASSES if scope in last]
    judged += [(RECONCILE, one) for one in compared[:1]]
    failed = [(scope, one.reason or {}) for scope, one in judged if one.state is JobState.FAILED]
    errors = [(scope, from_dict(open_(dict(reason)))) for scope, reason in failed]
    return [RequestSeen(scope=scope, what=error.what, why=error.why, fix=error.fix) for scope, error in errors]


def refused(ended: Sequence[Pass]) -> dict[str, tuple[int, str]]:
    """By source, what the last pass over it could not take, and that pass; nothing where it took all."""
    found: dict[str, tuple[int, str]] = {}
    for one in ended:
        if one.args.get("scope") in PASSES and not one.args.get("dry_run"):
            for rung in one.rungs:
                if rung.get("found") is not None:
                    found.setdefault(str(rung["source"]), (int(rung.get("refused", 0)), one.job))
    return {source: (count, job) for source, (count, job) in found.items() if count}


async def errors(database: Database) -> list[ErrorSeen]:
    """What tracks meet that waiting or another track does not mend, as long as it stands: a right or a token that a
    person must mend, a service that does not answer however often it is asked. A handful, by what is to be done.
    """
    found = await stuck(database, TRACK, often=OFTEN, most=MOST_ERRORS)
    return [_error_seen(from_dict(open_(dict(one.reason))), one.count) for one in found]


def _error_seen(error: MusicsyncError, count: int) -> ErrorSeen:
    about = f"{type(error).__name__}|{error.fix or error.why}"
    return ErrorSeen(about=about, what=error.what, why=error.why, fix=error.fix, count=count)


async def reconciled(jobs: WorkEngine, database: Database) -> int:
    """How many differences of the last comparison wait for a person; none once its plan was applied as a whole."""
    plan, count = await newest_number(database, PLANS, f"$.counts.{Who.PERSON}")
    done = frozenset({JobState.DONE, JobState.PARTIAL})
    if not count or await jobs.list(JobFilter(states=done, kind=RECONCILE_APPLY, key=plan, limit=1)):
        return 0
    return count


def attention_answer(finding: Finding) -> AttentionAnswer:
    """A finding, for programs."""
    return AttentionAnswer(
        key=finding.key,
        severity=finding.severity.word,
        what=finding.what,
        why=finding.why,
        fix=finding.fix,
        subject=finding.subject,
    )


def resident_bytes() -> int:
    """Memory of this process now where the system tells (Linux), else its highest so far."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * resource.getpagesize()
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


def open_files() -> int:
    """How many files, sockets and pipes this process holds."""
    place = "/proc/self/fd" if sys.platform == "linux" else "/dev/fd"
    return len(os.listdir(place)) - 1  # noqa: PTH208  names only; one is that of the listing itself


def task_count() -> int:
    """How many tasks live in the running event loop."""
    return len(asyncio.all_tasks())
