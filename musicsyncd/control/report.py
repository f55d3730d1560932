"""How a request ended, or how far it is: one line per track asked for, one code for all. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from musicsyncd.control.answers import open_, open_url
from musicsyncd.control.messages import (
    Report,
    TrackAnswer,
    TrackReport,
)
from musicsyncd.errors import from_dict
from musicsyncd.jobs.job import Job, JobEvent, JobState
from musicsyncd.sync.batch import BatchStopped
from musicsyncd.sync.engine import REQUEST, TRACK

SOON: Final = timedelta(seconds=30)
"""A try that is due within this is waited for; a later one ends the waiting with exit code 5."""
PARTIAL_EXIT: Final = 6
TEMPORARY_EXIT: Final = 5


def plans(root: Job) -> list[dict[str, Any]]:
    """What a request decided for each of its tracks; a track's own job stands for itself."""
    if root.kind == TRACK:
        return [{"track": root.key, "label": root.key, "job": root.id, "actions": [], "note": ""}]
    found: list[dict[str, Any]] = (root.result or {}).get("tracks", [])
    return found


def report(root: Job, children: Mapping[str, Job], details: Mapping[str, TrackAnswer], now: datetime) -> Report:
    """The whole of a request: one line per track asked for, one code for all."""
    result = root.result or {}
    dry = bool(result.get("dry_run"))
    tracks = [_track_report(plan, children.get(plan["track"]), details.get(plan["track"]), dry) for plan in plans(root)]
    refused = result.get("refused", []) if root.kind == REQUEST else []
    codes = [_code_of_job(root)] if root.kind != TRACK and (not root.result or _code_of_job(root)) else []
    codes += [_code_of_job(children[plan["track"]]) for plan in plans(root) if plan["track"] in children and not dry]
    codes += [_code_without_job(plan, dry) for plan in plans(root) if plan["track"] not in children or dry]
    codes += [from_dict(one["error"]).exit_code for one in refused]
    over = all(settled(job, now) for job in [root, *children.values()])
    stopped = next((one.reason for one in children.values() if _called_off(one)), None)
    exit_code = _combined(codes) if over else TEMPORARY_EXIT
    return Report(
        job=root.id,
        scope=str(result.get("scope") or root.args.get("scope") or root.kind),
        url=open_url(str(result.get("url") or root.args.get("url") or "")),
        state=_combined_state(root, children, exit_code),
        settled=over,
        exit_code=exit_code,
        summary=_summary(tracks, refused, root),
        tracks=tracks,
        refused=open_(refused),
        rungs=open_(result.get("rungs", [])) if root.kind == REQUEST else [],
        reason=open_(root.reason or stopped),
    )


def _called_off(job: Job) -> bool:
    """Whether it never began because its batch was stopped."""
    return job.state is JobState.CANCELLED and (job.reason or {}).get("class") == BatchStopped.__name__


def _track_report(plan: Mapping[str, Any], job: Job | None, details: TrackAnswer | None, dry: bool) -> TrackReport:
    duplicate = details.duplicate_of if details else None
    idle = "parked" if plan.get("parked") else "standing"
    state = "planned" if dry and plan["actions"] else job.state.value if job else idle
    if duplicate and (job is None or job.state is JobState.DONE):
        state = "duplicate"
    note = str(plan["note"] or ((job.result or {}).get("note", "") if job else ""))
    if duplicate and not note:
        note = f"the same recording as {duplicate}: {(details.verdict or {}).get('reason', '') if details else ''}"
    label = details.label if details else str(plan["label"])
    told_above = job is not None and _called_off(job)
    reason = job.reason if job and state not in ("done", "duplicate") and not told_above else None
    return TrackReport(
        track=plan["track"],
        label=label,
        job=job.id if job else None,
        state=state,
        note=note,
        actions=list(plan["actions"]),
        reason=reason,
        details=details,
    )


def _code_without_job(plan: Mapping[str, Any], dry: bool) -> int:
    return PARTIAL_EXIT if plan.get("parked") and not dry else 0


def _code_of_job(job: Job) -> int:
    match job.state:
        case JobState.PARTIAL:
            return PARTIAL_EXIT
        case JobState.FAILED:
            return from_dict(job.reason or {}).exit_code
        case JobState.CANCELLED:
            return 1
        case JobState.WAITING if job.reason:
            return TEMPORARY_EXIT
    return 0


def _combined(codes: Sequence[int]) -> int:
    """One code for all: what they agree on; 6 when some went well and some did not."""
    distinct = set(codes) or {0}
    if len(distinct) == 1:
        return distinct.pop()
    return PARTIAL_EXIT if distinct & {0, PARTIAL_EXIT} else max(distinct - {TEMPORARY_EXIT})


def _combined_state(root: Job, children: Mapping[str, Job], exit_code: int) -> str:
    if root.state is not JobState.DONE or not children:
        return root.state.value
    states = {job.state for job in children.values()}
    if any(state.active for state in states):
        return JobState.RUNNING.value if JobState.RUNNING in states else JobState.WAITING.value
    if len(states) == 1:
        return states.pop().value
    return JobState.PARTIAL.value if exit_code else JobState.DONE.value


def _summary(tracks: Sequence[TrackReport], refused: Sequence[Any], root: Job) -> str:
    counts: dict[str, int] = {}
    for track in tracks:
        counts[track.state] = counts.get(track.state, 0) + 1
    parts = [f"{count} {state}" for state, count in counts.items()] + ([f"{len(refused)} refused"] if refused else [])
    if tracks and counts == {"standing": len(tracks)} and not refused:
        return (
            "nothing to do: it stands everywhere"
            if len(tracks) == 1
            else f"nothing to do: all {len(tracks)} stand everywhere"
        )
    if root.result and (told := root.result.get("summary")):
        return str(told)
    if not parts:
        return "nothing to do" if root.state is JobState.DONE else str(from_dict(root.reason)) if root.reason else ""
    return ", ".join(parts)


def settled(job: Job, now: datetime) -> bool:
    """Nothing more will happen to the job by itself for now."""
    return not job.state.active or waits(job, now)


def waits(job: Job, now: datetime) -> bool:
    """Put back, with a reason, for later than soon."""
    later = job.not_before is not None and job.not_before - now > SOON
    return job.state is JobState.WAITING and job.reason is not None and later


def is_turn(event: JobEvent) -> bool:
    """Whether an event may have ended the waiting for its job."""
    return event.event in ("ended", "put-back")


def event_dict(event: JobEvent, label: str) -> dict[str, Any]:
    """An event as JSON."""
    data = {
        "schema": "musicsyncd.event/1",
        "job": event.job,
        "kind": event.kind,
        "key": event.key,
        "parent": event.parent,
        "label": label,
        "event": event.event,
        "state": event.state.value,
        "at": event.at.isoformat(timespec="milliseconds"),
        "step": event.step,
        "share": event.share,
        "text": event.text,
    } | event.fields
    return {key: open_(value) for key, value in data.items()}
