"""How what the daemon knows of jobs and tracks becomes an answer. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

from musicsyncd.control.messages import (
    CandidateAnswer,
    CountsAnswer,
    DuplicateAnswer,
    FileAnswer,
    JobAnswer,
    MatchAnswer,
    PlaylistAnswer,
    TrackAnswer,
)
from musicsyncd.errors import from_dict
from musicsyncd.jobs.job import Job
from musicsyncd.ledger.entry import Entry
from musicsyncd.ledger.matches import Searched
from musicsyncd.ledger.standing import Target, lacking
from musicsyncd.music.identity import shareable, shareable_url
from musicsyncd.music.precedence import Precedence, disagreement, effective
from musicsyncd.pipeline.enrich import FILLED
from musicsyncd.sync.engine import REQUEST
from musicsyncd.sync.forgetting import FORGET
from musicsyncd.sync.merging import APPLY, PLAN
from musicsyncd.sync.reconcile import APPLY as RECONCILE_APPLY
from musicsyncd.sync.reconcile import DRY_RUN, RECONCILE
from musicsyncd.sync.undoing import UNDO

ADDRESS: Final = re.compile(r"https?://[^\s\"'<>|]+(?<![.,:;!?)])")

TrackState = Literal["standing", "partial", "failed", "duplicate", "unfinished", "skipped", "forgotten"]


def job_answer(job: Job, label: str = "") -> JobAnswer:
    """A job, for people and programs."""
    return JobAnswer(
        id=job.id,
        kind=job.kind,
        key=open_(job.key),
        label=label or label_of(job),
        lane=job.lane.value,
        priority=job.priority,
        state=job.state.value,
        attempts=job.attempts,
        step=job.step,
        not_before=moment(job.not_before),
        reason=open_(job.reason),
        result=open_(job.result),
        parent=job.parent,
        created_at=job.created_at.isoformat(timespec="milliseconds"),
        started_at=moment(job.started_at),
        ended_at=moment(job.ended_at),
    )


def open_(value: Any) -> Any:
    """The JSON value as anybody may see it: no address in it lets its reader in."""
    match value:
        case str():
            return ADDRESS.sub(lambda found: open_url(found[0]), value) if "://" in value else value
        case Mapping():
            return {key: open_(item) for key, item in value.items()}
        case list() | tuple():
            return [open_(item) for item in value]
        case _:
            return value


def open_url(url: str) -> str:
    """An address without what would give entry to who holds it."""
    try:
        return shareable_url(url)
    except ValueError:  # an open bracket in the host
        return url


def label_of(job: Job) -> str:
    """What a job is about: a request's URL or scope, a track's key, what others are told to do."""
    if job.kind == REQUEST:
        return open_url(str(job.args.get("url") or job.args.get("scope") or job.key))
    told = {
        PLAN: "duplicates plan",
        APPLY: f"duplicates apply {job.key}",
        UNDO: f"undo {job.key}",
        FORGET: f"tracks forget {job.key} --retire",
        RECONCILE: "reconcile",
        DRY_RUN: "reconcile, dry run",
        RECONCILE_APPLY: f"reconcile apply {job.key}",
    }
    return told.get(job.kind, job.key)


def track_answer(
    entry: Entry, targets: Sequence[Target], roots: Mapping[str, Path], precedence: Precedence
) -> TrackAnswer:
    """A track, from evidence alone."""
    track, source = entry.track, entry.source_file
    missing = {lack.target for lack in lacking(targets, entry.evidence)}
    parked = {one.target: str(from_dict(one.reason)) for one in entry.parked}
    states = {
        target.name: parked.get(target.name, "missing" if target.name in missing else "standing") for target in targets
    }
    return TrackAnswer(
        id=entry.id,
        label=track.label,
        title=track.title,
        artists=list(track.artists),
        album=track.album,
        date=track.date,
        isrc=track.isrc,
        record_label=track.record_label,
        catalog_number=track.catalog_number,
        origins=origins(entry),
        said={one.origin: {**one.facts, "at": one.at} for one in entry.said},
        source=track.source,
        source_url=shareable_url(track.source_url),
        identities=[shareable(one) for one in track.identities],
        playlists=[PlaylistAnswer(id=one.id, title=one.title or one.id) for one in entry.playlists],
        state=_track_state(entry, states),
        targets={} if entry.duplicate_of or entry.aside else states,
        files=[_file(one.detail, one.seen_at, roots) for one in entry.evidence if one.target.startswith("volume:")],
        rows={one.target: str(one.detail["id"]) for one in entry.evidence if one.target.startswith("catalog:")},
        analysis=_without_fingerprint(entry.analysis),
        counts=_counts(entry, precedence),
        source_audio=source.facts | {"sha256": source.sha256, "size": source.size} if source else None,
        duplicate_of=entry.duplicate_of,
        verdict=entry.verdict,
        failure=entry.failure,
        created_at=entry.created_at,
        settled_at=entry.settled_at,
    )


def match_answer(entry: Entry, known: Searched, supplies: bool) -> MatchAnswer:
    """Where a track's audio comes from; `supplies`: its own source has it."""
    candidates = [_candidate(one, known) for one in known.candidates]
    if known.pin:
        state = "pinned"
    elif supplies:
        state = "own"
    elif not known.searched_at:
        state = "not searched"
    elif known.chosen:
        state = "chosen"
    else:
        state = "undecided" if any(one.verdict != "refuse" and not one.tried for one in candidates) else "nothing"
    return MatchAnswer(
        track=entry.id,
        label=entry.track.label,
        duration=entry.track.duration,
        source=entry.track.source,
        state=state,
        pin=shareable_url(known.pin),
        searched_at=known.searched_at,
        troubles=[*known.troubles],
        candidates=candidates,
    )


def _candidate(one: Mapping[str, Any], known: Searched) -> CandidateAnswer:
    fields = {name: value for name, value in one.items() if name in CandidateAnswer.model_fields}
    tried, chosen = known.tried.get(one["url"]), known.chosen == one["url"]
    return CandidateAnswer(**fields | {"url": shareable_url(one["url"]), "tried": tried, "chosen": chosen})


def duplicate_answer(entry: Entry, keeper: Entry) -> DuplicateAnswer:
    """A track that is left out, with the one that is kept for it."""
    verdict = entry.verdict or {}
    return DuplicateAnswer(
        track=entry.id,
        label=entry.track.label,
        keeper=keeper.id,
        keeper_label=keeper.track.label,
        score=verdict.get("score"),
        reason=str(verdict.get("reason", "")),
    )


def origins(entry: Entry) -> dict[str, str]:
    """Who filled in what the track's own source did not say, by field."""
    filled = {name: one.origin for one in entry.said for name in one.facts.get(FILLED, ())}
    return filled | {field: one.origin for one in entry.said for field in ("artwork",) if one.facts.get(field)}


def _counts(entry: Entry, precedence: Precedence) -> CountsAnswer:
    found = effective(entry.said, entry.analysis, precedence)
    ours = disagreement(entry.analysis, found)
    return CountsAnswer(**vars(found), bpm_disagrees=ours.get("bpm", ""), key_disagrees=ours.get("key", ""))


def _without_fingerprint(analysis: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The values a person or a program looks at; the fingerprint stands in the tags, and is most of a long answer."""
    return {key: value for key, value in analysis.items() if key != "fingerprint"} if analysis else None


def _track_state(entry: Entry, states: Mapping[str, str]) -> TrackState:
    if entry.aside:
        return entry.aside.value
    if entry.duplicate_of:
        return "duplicate"
    if all(state == "standing" for state in states.values()):
        return "standing"
    if entry.failure:
        return "failed"
    return "partial" if entry.evidence or entry.parked else "unfinished"


def _file(detail: Mapping[str, Any], seen_at: str, roots: Mapping[str, Path]) -> FileAnswer:
    root = roots.get(detail["shelf"])
    return FileAnswer(
        volume=detail["shelf"],
        format=detail["format"],
        path=str(root / detail["path"]) if root else detail["path"],
        size=detail["size"],
        sha256=detail["sha256"],
        seen_at=seen_at,
    )


def moment(value: datetime | None) -> str | None:
    return value.isoformat(timespec="milliseconds") if value else None
