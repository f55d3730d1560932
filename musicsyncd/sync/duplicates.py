"""Which kept tracks are one recording, and which of them stays: the whole plan, before a file is moved. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any, Final, Self

from musicsyncd.ledger.alike import Alike
from musicsyncd.ledger.entry import Entry
from musicsyncd.library.base import Kept
from musicsyncd.music.quality import Quality
from musicsyncd.music.said import word
from musicsyncd.music.sameness import Kind, Sameness, verdict
from musicsyncd.music.title import version_words

PERSON: Final = "person"
KEEP: Final = "keep"
"""Said of a track by a person: it is the same as another, or counts as such, and stays all the same."""

Pair = tuple[str, str]
"""Two track ids, the lesser first."""


@dataclass(frozen=True, kw_only=True)
class Copy:
    """A track with files, as much of it as the plan needs."""

    track: str
    label: str
    title: str
    audio: str
    """What its audio came in, in words."""
    quality: Quality
    duration: float | None
    """Seconds."""
    pcm_md5: str
    """Of the source's decoded samples; empty when unknown."""
    files: tuple[Kept, ...]
    duplicate_of: str | None
    wanted: bool
    """Whether a person said that this very one stays."""
    age: int
    """Place among the tracks, the oldest first."""

    @property
    def rank(self) -> tuple[Quality, int, int]:
        """The greatest one of a group stays."""
        return self.quality, len(self.files), -self.age


@dataclass(frozen=True, kw_only=True)
class Side:
    """A track of the plan, with every file of it."""

    track: str
    label: str
    audio: str
    files: tuple[Kept, ...]

    @property
    def bytes(self) -> int:
        return sum(file.size for file in self.files)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        return cls(**{**data, "files": tuple(Kept.from_dict(one) for one in data["files"])})


@dataclass(frozen=True, kw_only=True)
class Loser(Side):
    """A track whose files go to the recycle areas."""

    score: float
    """Acoustic likeness to the one that stays, 0 to 1."""
    why: str
    """Why they are one recording, and why the other one stays."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """One recording: the track that stays, and those that are the same as it."""

    keeper: Side
    losers: tuple[Loser, ...]


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """Two tracks that a person should listen to: nothing is done about them."""

    first: str
    second: str
    labels: tuple[str, str]
    why: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that applying it would do, and nothing else."""

    groups: tuple[Group, ...]
    doubts: tuple[Doubt, ...]

    @property
    def losers(self) -> tuple[Loser, ...]:
        return tuple(loser for group in self.groups for loser in group.losers)

    @property
    def files(self) -> int:
        """How many files would be moved."""
        return sum(len(loser.files) for loser in self.losers)

    @property
    def bytes(self) -> int:
        return sum(loser.bytes for loser in self.losers)

    def as_dict(self) -> dict[str, Any]:
        """The plan as JSON, with its sums."""
        return asdict(self) | {"files": self.files, "bytes": self.bytes}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        groups = tuple(
            Group(keeper=Side.from_dict(one["keeper"]), losers=tuple(Loser.from_dict(loser) for loser in one["losers"]))
            for one in data["groups"]
        )
        doubts = tuple(Doubt(**{**one, "labels": tuple(one["labels"])}) for one in data["doubts"])
        return cls(groups=groups, doubts=doubts)


def copy_of(entry: Entry, age: int, audio: str) -> Copy:
    """What the plan needs of an entry; `audio` says in words what its source was."""
    analysis, source = entry.analysis or {}, entry.source_file
    return Copy(
        track=entry.id,
        label=entry.track.label,
        title=entry.track.title,
        audio=audio,
        quality=Quality.of(source.facts if source else {}, analysis.get("lossless_honest")),
        duration=analysis.get("duration"),
        pcm_md5=source.pcm_md5 if source else "",
        files=kept_files(entry),
        duplicate_of=entry.duplicate_of,
        wanted=is_wanted(entry),
        age=age,
    )


def is_wanted(entry: Entry) -> bool:
    """Whether a person said that this track stays, whatever it sounds like."""
    return bool(word(KEEP, entry.said, (PERSON,)))


def kept_files(entry: Entry) -> tuple[Kept, ...]:
    """Every file of a track on a volume, as it was last read back."""
    return tuple(Kept.from_dict(one.detail) for one in entry.evidence if one.target.startswith("volume:"))


def judged(one: Copy, other: Copy, alike: Alike) -> Sameness:
    """The verdict on two tracks of which one was found to sound like the other."""
    return verdict(
        bit_error_rate=alike.bit_error_rate,
        overlap_share=alike.overlap_share,
        durations=(one.duration, other.duration),
        titles=(one.title, other.title),
    )


def are_same(one: Copy, other: Copy, alike: Alike | None) -> bool:
    """Whether two tracks are one recording; `alike` is None when they do not sound alike."""
    found = judged(one, other, alike).kind if alike else Kind.DIFFERENT
    return found is Kind.SAME or bool(_equal_samples((one, other)))


def plan(copies: Sequence[Copy], verdicts: Mapping[Pair, Sameness]) -> Plan:
    """The whole plan. `verdicts` holds what was found of each pair that sounds alike, in either direction."""
    whole = {one.track: one for one in copies}
    same = {pair for pair, found in verdicts.items() if found.kind is Kind.SAME} | _equal_samples(copies)
    groups = (*_left_over(copies, whole), *_groups([one for one in copies if not one.duplicate_of], same, verdicts))
    decided = {pair_of(group.keeper.track, loser.track) for group in groups for loser in group.losers}
    doubts = (
        Doubt(first=a, second=b, labels=(whole[a].label, whole[b].label), why=" ".join(found.reasons))
        for (a, b), found in sorted(verdicts.items())
        if found.kind is Kind.SIMILAR and (a, b) not in decided and a in whole and b in whole
    )
    return Plan(groups=groups, doubts=tuple(doubts))


def pair_of(first: str, second: str) -> Pair:
    """The two ids in the order in which a pair has them."""
    return (first, second) if first < second else (second, first)


def _equal_samples(copies: Sequence[Copy]) -> set[Pair]:
    """Pairs whose decoded samples are equal and whose titles name the same version: so short or so quiet that they have
    no fingerprint, they can still be told to be one.
    """
    by_samples: dict[tuple[str, frozenset[str]], list[str]] = {}
    for one in copies:
        if one.pcm_md5:
            by_samples.setdefault((one.pcm_md5, version_words(one.title)), []).append(one.track)
    return {pair_of(*pair) for tracks in by_samples.values() for pair in combinations(tracks, 2)}


def _left_over(copies: Sequence[Copy], whole: Mapping[str, Copy]) -> list[Group]:
    """Tracks that were left out as duplicates while a volume was away, and still have files there."""
    groups = []
    for one in copies:
        keeper = whole.get(one.duplicate_of or "")
        if keeper and not keeper.duplicate_of:
            why = "It was left out as a duplicate before, when these files could not be reached."
            groups.append(Group(keeper=_side(keeper), losers=(_loser(one, 1.0, why),)))
    return groups


def _groups(copies: Sequence[Copy], same: set[Pair], verdicts: Mapping[Pair, Sameness]) -> list[Group]:
    """The best copy takes those that are the same as itself, then the best of the rest does: no likeness is handed on
    from one loser to the next.
    """
    left = {one.track: one for one in sorted(copies, key=lambda one: one.rank, reverse=True)}
    partners: dict[str, list[str]] = {}
    for first, second in same:
        partners.setdefault(first, []).append(second)
        partners.setdefault(second, []).append(first)
    groups = []
    for keeper in list(left.values()):
        if keeper.track not in left:
            continue
        beside = [left[track] for track in sorted(partners.get(keeper.track, ())) if track in left]
        losers = [left.pop(one.track) for one in beside if one.rank < keeper.rank and not one.wanted]
        if losers:
            del left[keeper.track]
            told = tuple(_told(one, keeper, verdicts.get(pair_of(one.track, keeper.track))) for one in losers)
            groups.append(Group(keeper=_side(keeper), losers=told))
    return groups


def _told(loser: Copy, keeper: Copy, found: Sameness | None) -> Loser:
    heard = " ".join(found.reasons) if found and found.kind is Kind.SAME else "Every decoded sample is equal."
    better = keeper.quality.better_by(loser.quality)
    more = "stands in more places" if len(keeper.files) > len(loser.files) else "was here first"
    score = found.score if found and found.kind is Kind.SAME else 1.0
    return _loser(loser, score, f"{heard} The other {f'has {better}' if better else more}.")


def _loser(one: Copy, score: float, why: str) -> Loser:
    return Loser(track=one.track, label=one.label, audio=one.audio, files=one.files, score=score, why=why)


def _side(one: Copy) -> Side:
    return Side(track=one.track, label=one.label, audio=one.audio, files=one.files)
