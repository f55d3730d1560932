"""Whether a track may be the next one: what keeps a failing track from being picked again and again. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from musicsyncd.jobs.job import Job, JobState
from musicsyncd.ledger.entry import Entry
from musicsyncd.music.track import Track

NAMELESS: Final = "without anything to search by"


def objection(entry: Entry, job: Job | None) -> str:
    """Why a known track is not taken, as one says it of it; empty when it may be. `job` is the last one about it."""
    if entry.aside:
        return entry.aside.value
    if entry.duplicate_of:
        return "kept as another's duplicate"
    if job and job.state.active:
        return "waiting for another try" if job.reason else "in the queue already"
    given_up = entry.failure and not entry.failure.get("again")
    if given_up or (job and job.state is JobState.FAILED):
        return "failed"
    if entry.parked:
        return waiting(entry)
    if entry.settled_at:
        return "kept"
    return "" if searchable(entry.track) else NAMELESS


def left_alone(entry: Entry) -> str:
    """Said of a track that a person has left alone, with what ends that; empty for one that is wanted."""
    return f"{entry.aside}: musicsyncctl tracks unskip {entry.id} ends that" if entry.aside else ""


def waiting(entry: Entry) -> str:
    """For which targets a track waits; empty for none."""
    return f"waiting for {', '.join(one.target for one in entry.parked)}" if entry.parked else ""


def searchable(track: Track) -> bool:
    """Whether there is an address, a number or a name by which its audio could be found."""
    return bool(track.source_url or track.isrc or (track.title and track.artists))


def counted(objections: Iterable[str]) -> str:
    """`3 kept, 1 failed`"""
    return ", ".join(f"{count} {why}" for why, count in Counter(objections).most_common())
