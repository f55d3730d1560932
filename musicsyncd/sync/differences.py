"""What ledger, volumes, shelves and catalogs say otherwise of one another, and what is proposed about it. Pure."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any, Final, Self

from musicsyncd.music.identity import Kind as Leads
from musicsyncd.music.identity import address
from musicsyncd.music.row import NOTHING

LISTED: Final = 2000
"""Differences that one plan names; the rest is counted, and the next plan names it."""
FEW: Final = 4
"""So few files or rows may be gone of any number: a person takes one track's out now and then."""
SHARE: Final = 0.2
"""Beyond this share of what stood on a target nobody can have meant it."""
REST: Final = timedelta(days=1)
"""After so long a failure that was to pass may have passed."""
PATHS: Final = ("path_m4a", "path_wav", "path_aiff", "path_flac", "path_mp3")
"""A row's fields that name a file."""
NAMES: Final = (
    *PATHS, "spotify_id", "spotify_url", "soundcloud_url", "youtube_url", "source_url", "isrc", "eagle_id",
)  # fmt: skip
"""A row's fields in which a word such as "None" cannot be meant."""
YES: Final = frozenset({"yes", "true", "1", "on", "x"})


class Kind(StrEnum):
    """How two of them differ."""

    MOVED = "moved"
    """A file of ours stands elsewhere on its volume."""
    GONE = "gone"
    CHANGED = "changed"
    """A file has other bytes than were read back."""
    UNRECORDED = "unrecorded"
    """A file of a track that the ledger does not know to be there."""
    UNKNOWN = "unknown"
    LACKING = "lacking"
    """A track that stood everywhere does not stand where it should now."""
    ROW_GONE = "row gone"
    ROW_DIFFERS = "row differs"
    POISONED = "poisoned"
    """A row says what cannot be meant."""
    UNFOUNDED = "unfounded"
    """A row claims files that are not there."""
    DOUBLED = "doubled"
    PRESENT = "already present"
    """A row names a file that is there, and no track has it."""
    PARKED = "parked"
    FAILED = "failed"
    UNANSWERED = "unanswered"
    """The creation of a row whose fate nobody knows."""
    STRAY = "stray"
    """Halves of files of ours."""
    SHRUNK = "shrunk"


class Verb(StrEnum):
    """What is proposed."""

    FOLLOW = "follow"
    DROP = "drop"
    RECORD = "record"
    SYNC = "sync"
    MEND = "mend"
    TAKE_IN = "take in"
    CLEAR = "clear"
    SWEEP = "sweep"
    NOTHING = ""


class Who(StrEnum):
    """Who decides."""

    SAFE = "safe"
    """A run does it by itself: nothing is written outside that is not ours, and nothing is lost."""
    PERSON = "person"
    TOLD = "told"
    """Nothing is proposed."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One difference."""

    kind: Kind
    subject: str
    """A track's id, a page's, or `volume:path`."""
    label: str
    what: str
    believed: str
    """By the one side: what the ledger or the row says."""
    found: str
    """By the other: what is there."""
    verb: Verb = Verb.NOTHING
    proposal: str = ""
    """In words."""
    who: Who = Who.TOLD
    detail: Mapping[str, Any] = field(default_factory=dict)
    """What doing it needs, as JSON."""

    @property
    def id(self) -> str:
        """The same difference has the same id in every run."""
        text = json.dumps([self.kind, self.subject, self.verb, self.detail], sort_keys=True)
        return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:10]

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {"id": self.id, **asdict(self), "detail": dict(self.detail)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The difference that `as_dict` wrote."""
        known = {name: data[name] for name in ("subject", "label", "what", "believed", "found", "proposal", "detail")}
        return cls(kind=Kind(data["kind"]), verb=Verb(data["verb"]), who=Who(data["who"]), **known)


@dataclass(frozen=True, kw_only=True)
class Repair:
    """One value of a row that should be another."""

    field: str
    before: Any
    after: Any
    why: str


@dataclass
class Tally:
    """What a run found so far."""

    differences: list[Difference] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    """By who decides."""
    kinds: Counter[str] = field(default_factory=Counter)
    more: int = 0
    known: Counter[str] = field(default_factory=Counter)
    """Things that the ledger says stand, by target."""
    gone: Counter[str] = field(default_factory=Counter)
    away: dict[str, str] = field(default_factory=dict)
    """Targets that nothing is said of, and why."""
    checked: Counter[str] = field(default_factory=Counter)

    def note(self, one: Difference) -> None:
        """Another difference. That something has shrunk is always named, before all else: it stops a run."""
        self.counts[one.who] += 1
        self.kinds[one.kind] += 1
        if one.kind is Kind.SHRUNK:
            self.differences.insert(0, one)
        elif len(self.differences) < LISTED:
            self.differences.append(one)
        else:
            self.more += 1


def sharp(gone: int, known: int) -> bool:
    """Whether so many of what is known on one target cannot have gone by anybody's will."""
    return gone > max(FEW, SHARE * known)


def poison(fields: Mapping[str, Any]) -> tuple[Repair, ...]:
    """Values that cannot be meant: the names of nothing, and a video's address that leads to none."""
    found = []
    for name in NAMES:
        text = fields.get(name)
        if not isinstance(text, str) or not text.strip():
            continue
        if text.strip().casefold() in NOTHING:
            found.append(Repair(field=name, before=text, after=None, why=f"{text.strip()!r} names nothing"))
        elif name == "youtube_url" and not _leads_to_a_track(text):
            found.append(Repair(field=name, before=text, after=None, why="The address leads to no video"))
    return tuple(found)


def _leads_to_a_track(text: str) -> bool:
    place = address(text.strip())
    return place is not None and place.kind in (Leads.TRACK, Leads.SHORT_LINK)


def named_paths(fields: Mapping[str, Any]) -> dict[str, str]:
    """The files that a row names, by field; a word for nothing is none."""
    found = {name: str(fields[name]).strip() for name in PATHS if isinstance(fields.get(name), str)}
    return {name: text for name, text in found.items() if text and text.casefold() not in NOTHING}


def claims_files(fields: Mapping[str, Any]) -> bool:
    """Whether the row says that the track is had."""
    said = fields.get("downloaded")
    return said is True or (isinstance(said, str) and said.strip().casefold() in YES)


def unfounded(fields: Mapping[str, Any], standing: Mapping[str, bool | None]) -> tuple[Repair, ...]:
    """What a row claims though none of its files stands; `standing` says of each path whether its file does, None where
    nobody can look. Nothing where one may stand, or where the catalog has no field for paths at all.
    """
    if any(there is not False for there in standing.values()) or not any(name in fields for name in PATHS):
        return ()
    why = "No file stands where it says" if standing else "It names no file"
    paths = [Repair(field=name, before=fields[name], after=None, why=why) for name in standing]
    claim = [Repair(field="downloaded", before=fields.get("downloaded"), after=False, why=why)]
    return (*(claim if claims_files(fields) else ()), *paths)


def nearest(path: str, size: int, others: Iterable[tuple[str, int]]) -> list[str]:
    """Where a lost file may stand now: those with its name first, then those nearest in size."""
    name = PurePosixPath(path).name
    ranked = sorted(others, key=lambda one: (PurePosixPath(one[0]).name != name, abs(one[1] - size), one[0]))
    return [other for other, _ in ranked]


def passed(failure: Mapping[str, Any], since: datetime, now: datetime, *, ready: Iterable[str], there: bool) -> str:
    """Why a failure may not come again; empty when nothing says so. `ready` are the targets that can be written,
    `there` whether the file that the track came from can be read.
    """
    if failure.get("again"):
        return ""  # it comes again by itself
    match failure.get("class"):
        case "Degraded":
            target = str(failure.get("target", ""))
            return f"{target} is there again" if target in ready else ""
        case "Temporary":
            return "It was to pass, and a day has passed" if now - since >= REST else ""
        case "BadInput" | "Denied":
            gone = "There is no" in str(failure.get("what")) or failure.get("class") == "Denied"
            return "The file can be read now" if there and gone else ""
    return ""


def shrunk(target: str, gone: int, known: int) -> Difference:
    """An error, and never an action."""
    things = "rows" if target.startswith("catalog:") else "files"
    return Difference(
        kind=Kind.SHRUNK,
        subject=target,
        label=target,
        what=f"{gone} of {known} {things} on {target} are gone at once",
        believed=f"{known} {things} stand there",
        found=f"{known - gone} do",
        proposal="Bring them back. If they were taken out on purpose: musicsyncctl sync --full looks at each track",
        who=Who.PERSON,
        detail={"target": target},
    )


def summary(counts: Mapping[str, int], *, did: int | None = None) -> str:
    """One sentence for people; `did` is how many were done."""
    total = sum(counts.values())
    if not total:
        return "nothing differs"
    told = f"{total} difference{'s' * (total != 1)}"
    if did is not None:
        told += f", {did} put right"
    if waiting := counts.get(Who.PERSON, 0):
        told += f", {waiting} wait{'s' * (waiting == 1)} for a person"
    return told


def repairs_of(page: str, label: str, catalog: str, kind: Kind, repairs: Sequence[Repair], who: Who,
               called: Mapping[str, str]) -> Difference:  # fmt: skip
    """The repair of one row, exactly: from what to what. `called` are the fields' names for people."""
    exact = [f"{called.get(one.field, one.field)}: {_shown(one.before)} → {_shown(one.after)}" for one in repairs]
    return Difference(
        kind=kind,
        subject=page,
        label=label,
        what="; ".join(dict.fromkeys(one.why for one in repairs)),
        believed="; ".join(f"{called.get(one.field, one.field)} is {_shown(one.before)}" for one in repairs),
        found="no such file stands" if kind is Kind.UNFOUNDED else "nothing that it could mean",
        verb=Verb.MEND,
        proposal="; ".join(exact),
        who=who,
        detail={"catalog": catalog, "page": page, "changes": {one.field: [one.before, one.after] for one in repairs}},
    )


def _shown(value: Any) -> str:
    return "empty" if value is None else json.dumps(value, ensure_ascii=False)
