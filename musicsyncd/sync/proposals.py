"""What is proposed about each difference between ledger and shelves, in words and with what doing it needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from musicsyncd.ledger.entry import Entry
from musicsyncd.ledger.standing import Evidence
from musicsyncd.library.base import Kept, Shelf
from musicsyncd.sync.differences import Difference, Kind, Verb, Who
from musicsyncd.sync.inventory import Found, Gone


def reason_of(reason: Mapping[str, Any] | None) -> str:
    """Why something was not done, in words."""
    return " ".join(str(part) for part in ((reason or {}).get("what"), (reason or {}).get("why")) if part)


def work(kind: Kind, entry: Entry, what: str, believed: str, found: str) -> Difference:
    """The track's own job sees to it."""
    return Difference(
        kind=kind, subject=entry.id, label=entry.track.label, what=what, believed=believed, found=found,
        verb=Verb.SYNC, proposal="Look at the track, and bring what it lacks", who=Who.SAFE, detail={"track": entry.id},
    )  # fmt: skip


def changed(entry: Entry, one: Evidence, kept: Kept) -> Difference:
    """A file of ours with other bytes."""
    what = f"{one.target.partition(':')[2]}:{kept.path} has other bytes than were read back"
    return replace(work(Kind.CHANGED, entry, what, f"SHA-256 {kept.sha256[:12]}…", "another content"),
                   proposal="Hear whether it is the same audio with other tags; if not, put ours beside it",
                   detail={"track": entry.id, "target": one.target, "part": one.part})  # fmt: skip


def gone(one: Gone) -> Difference:
    """A file that is nowhere on its volume."""
    return Difference(
        kind=Kind.GONE, subject=one.track, label=one.label,
        what=f"{one.kept.shelf}:{one.kept.path} is gone", believed=f"{one.part} stands there",
        found="It is nowhere on the volume", verb=Verb.DROP,
        proposal="Believe it no longer, and bring the file again", who=Who.SAFE,
        detail={"track": one.track, "target": one.target, "part": one.part, "kept": one.kept.as_dict()},
    )  # fmt: skip


def moved(one: Gone, now: Kept) -> Difference:
    """A file of ours that stands elsewhere."""
    tagged = "" if now.sha256 == one.kept.sha256 else ", with other tags"
    return Difference(
        kind=Kind.MOVED, subject=one.track, label=one.label,
        what=f"{one.kept.shelf}:{one.kept.path} was moved", believed=f"{one.part} stands at {one.kept.path}",
        found=f"It stands at {now.path}{tagged}", verb=Verb.FOLLOW,
        proposal="Let the evidence follow the file, and bring the row in step", who=Who.SAFE,
        detail={"track": one.track, "target": one.target, "part": one.part, "proof": one.proof,
                "before": one.kept.as_dict(), "after": now.as_dict()},
    )  # fmt: skip


def unrecorded(entry: Entry, shelf: Shelf, now: Kept, proof: str) -> Difference:
    """A file of the track's that the ledger does not know to be there."""
    return Difference(
        kind=Kind.UNRECORDED, subject=entry.id, label=entry.track.label,
        what=f"{shelf.name}:{now.path} is the track's, byte for byte",
        believed=f"No {now.format} stands on {shelf.target}", found=f"It stands at {now.path}", verb=Verb.RECORD,
        proposal="Write down that it stands; nothing is copied again", who=Who.SAFE,
        detail={"track": entry.id, "target": shelf.target, "part": now.format, "proof": proof, "before": None,
                "after": now.as_dict()},
    )  # fmt: skip


def unknown(shelf: Shelf, one: Found, whose: str) -> Difference:
    """A file that is nobody's, or of which there is one already."""
    return Difference(
        kind=Kind.UNKNOWN, subject=f"{shelf.name}:{one.path}", label=one.path, what="Nobody knows this file",
        believed="nothing", found=f"{one.size} bytes, {whose}",
        proposal="It is left as it is", detail={"target": shelf.target, "path": one.path},
    )  # fmt: skip


def stray(target: str, count: int) -> Difference:
    """Halves of files of ours."""
    what = "1 half of a file" if count == 1 else f"{count} halves of files"
    return Difference(
        kind=Kind.STRAY, subject=target, label=target, what=f"{what} of ours from a run that was cut short",
        believed="nothing is being written there", found=what, verb=Verb.SWEEP, proposal="Remove them", who=Who.SAFE,
        detail={"target": target},
    )  # fmt: skip
