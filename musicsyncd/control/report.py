"""How what the daemon knows becomes an answer. Pure but for the memory gauge."""

from __future__ import annotations

import re
import resource
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal

from musicsyncd.control.messages import (
    AccountAnswer,
    CandidateAnswer,
    CountsAnswer,
    DuplicateAnswer,
    FileAnswer,
    JobAnswer,
    MatchAnswer,
    PlaylistAnswer,
    Report,
    TrackAnswer,
    TrackReport,
    VolumeAnswer,
)
from musicsyncd.errors import MusicsyncError, from_dict
from musicsyncd.jobs.job import Job, JobEvent, JobState
from musicsyncd.ledger.entry import Entry
from musicsyncd.ledger.matches import Searched
from musicsyncd.ledger.standing import Target, lacking
from musicsyncd.music.identity import shareable, shareable_url
from musicsyncd.music.precedence import Precedence, disagreement, effective
from musicsyncd.pipeline.enrich import FILLED
from musicsyncd.sources.account import Account
from musicsyncd.sync.batch import BatchStopped
from musicsyncd.sync.engine import REQUEST, TRACK
from musicsyncd.sync.merging import APPLY, PLAN
from musicsyncd.sync.undoing import UNDO

SOON: Final = timedelta(seconds=30)
"""A try that is due within this is waited for; a later one ends the waiting with exit code 5."""
PARTIAL_EXIT: Final = 6
TEMPORARY_EXIT: Final = 5

ADDRESS: Final = re.compile(r"https?://[^\s\"'<>|]+(?<![.,:;!?)])")

TrackState = Literal["standing", "partial", "failed", "duplicate", "unfinished"]


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
        not_before=_moment(job.not_before),
        reason=open_(job.reason),
        result=open_(job.result),
        parent=job.parent,
        created_at=job.created_at.isoformat(timespec="milliseconds"),
        started_at=_moment(job.started_at),
        ended_at=_moment(job.ended_at),
    )


def open_(value: Any) -> Any:
    """The JSON value as anybody may see it: no address in it lets its reader in."""
    match value:
        case str():
            return ADDRESS.sub(lambda found: _open_url(found[0]), value) if "://" in value else value
        case Mapping():
            return {key: open_(item) for key, item in value.items()}
        case list() | tuple():
            return [open_(item) for item in value]
        case _:
            return value


def _open_url(url: str) -> str:
    try:
        return shareable_url(url)
    except ValueError:  # an open bracket in the host
        return url


def label_of(job: Job) -> str:
    """What a job is about: a request's URL or scope, a track's key, what others are told to do."""
    if job.kind == REQUEST:
        return _open_url(str(job.args.get("url") or job.args.get("scope") or job.key))
    told = {PLAN: "duplicates plan", APPLY: f"duplicates apply {job.key}", UNDO: f"undo {job.key}"}
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
        targets={} if entry.duplicate_of else states,
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
        url=_open_url(str(result.get("url") or root.args.get("url") or "")),
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


def account_answer(account: Account) -> AccountAnswer:
    """How it stands with an account."""
    now = account.standing()
    return AccountAnswer(
        service=now.service,
        title=account.title,
        state=now.signed_in.value,
        account=now.account,
        authorized_at=_moment(now.authorized_at),
        expires_at=_moment(now.expires_at),
        days_left=now.days_left,
        waiting_until=_moment(now.waiting_until),
        urgent=now.urgent,
        trouble=now.trouble,
        note=now.note,
        why=now.why,
        fix=now.fix,
    )


def attention(
    volumes: Sequence[VolumeAnswer],
    tracks: Mapping[str, int],
    accounts: Sequence[AccountAnswer] = (),
    undecided: int = 0,
) -> list[str]:
    """What a person should see to; `undecided` counts the tracks for whose audio only a person can decide."""
    found = [_account_attention(account) for account in accounts if account.urgent]
    for volume in volumes:
        if volume.condition != "ready":
            waiting = f"; {_tracks(volume.parked)} waiting for it" if volume.parked else ""
            what = f"Volume {volume.name} is {volume.condition}{waiting}"
            found.append(str(MusicsyncError(what, why=volume.why, fix=volume.fix)))
        elif volume.parked:
            again = "Run: musicsyncctl sync --unfinished"
            found.append(f"{_tracks(volume.parked)} waiting for volume {volume.name}, which is back. {again}")
    if failed := tracks.get("failed"):
        found.append(f"{_tracks(failed)} could not be kept. See: musicsyncctl jobs --state failed")
    if undecided:
        what = f"Of {_tracks(undecided)} nobody can be sure which recording it is"
        found.append(f"{what}. Decide: musicsyncctl match review")
    return found


def _account_attention(account: AccountAnswer) -> str:
    what = f"Nobody is signed in at {account.title}"
    if account.state == "signed in":
        days = "today" if not account.days_left else f"in {account.days_left} days"
        what = f"The sign-in at {account.title} ends {days if account.days_left != 1 else 'tomorrow'}"
    return str(MusicsyncError(what, why=account.why, fix=account.fix))


def lost_database(path: Path) -> str:
    """What a person should do about a database whose file was deleted or replaced while it is open."""
    return str(
        MusicsyncError(
            f"The database {path} was deleted or replaced while the daemon works with it",
            why="What the daemon writes now is lost when it stops",
            fix=f"Stop the daemon, move away what stands at {path} and the files beside it with that name and -wal or "
            f"-shm, put the newest copy from {path.parent / 'backups'} in its place, and start the daemon again",
        )
    )


def _tracks(count: int) -> str:
    return "1 track" if count == 1 else f"{count} tracks"


def resident_bytes() -> int:
    """Memory of this process now where the system tells (Linux), else its highest so far."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * resource.getpagesize()
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


def _moment(value: datetime | None) -> str | None:
    return value.isoformat(timespec="milliseconds") if value else None
