"""How what was counted and looked at becomes the answer of `status`. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from musicsyncd.catalog.base import Catalog
from musicsyncd.control.answers import moment, open_
from musicsyncd.control.messages_status import (
    AccountAnswer,
    CatalogAnswer,
    CoverageAnswer,
    QueueAnswer,
    ScheduleAnswer,
    ServiceAnswer,
    ShareAnswer,
    SourceAnswer,
    VolumeAnswer,
)
from musicsyncd.http.budget import Budget
from musicsyncd.jobs.figures import Pass, QueueFigures
from musicsyncd.jobs.job import JobState
from musicsyncd.ledger.figures import Figures
from musicsyncd.ledger.mirror import MirrorState
from musicsyncd.library.base import Shelf, ShelfState
from musicsyncd.sources.base import Source

ALL: Final = "all"
INCREMENTAL: Final = "incremental"
WHOLE: Final = (INCREMENTAL, "full")
"""Scopes of the requests that ask a source for all that is new."""


def source_answer(
    source: Source,
    account: AccountAnswer | None,
    schedule: ScheduleAnswer,
    passes: Sequence[Pass],
    service: ServiceAnswer | None,
) -> SourceAnswer:
    """A source, from what is known of it without asking it."""
    ended, rung = _last(passes, source.name)
    paused = schedule.paused.get(source.name) or schedule.paused.get(ALL)
    state, note = _state(source, account, paused, service)
    if state == "ok" and rung.get("found") is None and rung.get("said"):
        note = str(open_(rung["said"]))
    begins = source.offering() and not paused
    return SourceAnswer(
        name=source.name,
        state=state,
        note=note,
        signed_in=account.state == "signed in" if account else None,
        paused_since=paused,
        resting_until=service.resting_until if service else None,
        last_pass_at=moment(ended),
        last_found=rung.get("found"),
        last_new=rung.get("new"),
        next_pass_at=schedule.next.get(INCREMENTAL) if begins else None,
    )


def _state(
    source: Source, account: AccountAnswer | None, paused: str | None, service: ServiceAnswer | None
) -> tuple[str, str]:
    """What hinders it most, in a word, and why."""
    if account and account.state != "signed in":
        return account.state, account.fix
    if hindrance := source.hindrance():
        return "resting" if service and service.resting_until else "blocked", hindrance
    if service and service.resting_until:
        return "resting", service.why
    if not source.offering():
        return "on demand", ""
    return ("paused" if paused else "ok"), ""


def _last(passes: Iterable[Pass], source: str) -> tuple[datetime | None, Mapping[str, Any]]:
    """When a source was last asked for all that is new, and what came of it."""
    for one in passes:
        if one.args.get("dry_run") or one.args.get("scope") not in WHOLE:
            continue
        for rung in one.rungs:
            if rung.get("source") == source:
                return one.ended_at, rung
    return None, {}


def queue_answer(
    found: QueueFigures, counts: Mapping[str, Mapping[JobState, int]], due: datetime | None, now: datetime
) -> QueueAnswer:
    """The queue."""
    oldest = found.oldest_at
    return QueueAnswer(
        waiting=found.waiting,
        backing_off=found.backing_off,
        running=found.running,
        failed=sum(states.get(JobState.FAILED, 0) for states in counts.values()),
        oldest_waiting_at=moment(oldest),
        oldest_waiting=round((now - oldest).total_seconds(), 1) if oldest else None,
        next_due=due.isoformat(timespec="seconds") if due else None,
        ended_last_hour=found.ended,
        failed_last_hour=found.failed,
    )


def service_answer(budget: Budget) -> ServiceAnswer:
    """A service that is asked at a pace."""
    standing, resting = budget.standing, budget.rest > 0
    return ServiceAnswer(
        name=budget.name,
        requests_last_minute=budget.lately,
        allowed_per_minute=round(60 * budget.pace.rate, 1),
        waiting=budget.waiting,
        resting_until=moment(standing.not_before) if resting else None,
        why=standing.why if resting or standing.failures else "",
    )


def service_of(name: str, services: Iterable[ServiceAnswer]) -> ServiceAnswer | None:
    """Whom a source or a catalog asks: `Notion (connection 12ab34cd)` for `notion`."""
    return next((one for one in services if one.name.partition(" (")[0].casefold() == name.casefold()), None)


def catalog_answer(
    catalog: Catalog, found: Figures, state: MirrorState, unable: Mapping[str, str], service: ServiceAnswer | None
) -> CatalogAnswer:
    """A catalog."""
    in_step = min(found.evidence.get(catalog.target, 0), found.wanted)
    return CatalogAnswer(
        name=catalog.name,
        target=catalog.target,
        rows=found.rows.get(catalog.name, 0) if catalog.mirrored else found.evidence.get(catalog.target, 0),
        mirrored=catalog.mirrored,
        read_until=state.watermark or None,
        read_whole_at=state.full_at or None,
        note=state.note,
        in_step=in_step,
        lacking=found.wanted - in_step,
        parked=found.parked.get(catalog.target, 0),
        unsure=found.unsure.get(catalog.name, 0),
        unable=dict(unable),
        service=service,
    )


def coverage_answer(found: Figures, shelves: Mapping[str, Shelf], catalogs: Iterable[str]) -> CoverageAnswer:
    """How much stands, each as so many of so many."""
    wanted, targets = found.wanted, [*catalogs]
    due = {target: wanted * len(shelf.formats) for target, shelf in shelves.items()}
    files = sum(min(found.evidence.get(target, 0), most) for target, most in due.items())
    rows = sum(min(found.evidence.get(target, 0), wanted) for target in targets)

    def of_tracks(have: int) -> ShareAnswer:
        return ShareAnswer(have=min(have, wanted), of=wanted)

    return CoverageAnswer(
        standing=of_tracks(found.standing),
        files=ShareAnswer(have=files, of=sum(due.values())),
        bpm=of_tracks(found.tempo),
        key=of_tracks(found.key),
        fingerprint=of_tracks(found.fingerprint),
        catalog=ShareAnswer(have=rows, of=wanted * len(targets)),
    )


def volume_answer(shelf: Shelf, state: ShelfState, parked: Mapping[str, int]) -> VolumeAnswer:
    """A volume as it was just looked at."""
    return VolumeAnswer(
        name=shelf.name,
        path=state.path,
        usual=str(shelf.home or ""),
        origin="added" if shelf.added else "settings",
        condition=state.condition.value,
        why=state.why,
        fix=state.fix,
        free=state.free,
        marker=state.marker,
        traits=[trait.value for trait in state.traits],
        formats=list(shelf.formats),
        parked=parked.get(shelf.target, 0),
    )
