"""Which rows of a book are one track's, and which of them stays: the whole plan, before a row is touched. Pure.

Rows are one by what they bear, never by their titles. What is as good as a name (an id at a service, the row's key,
the ledger's verdict that two tracks are one) ties two rows; an ISRC or a sound only where their lengths agree. But for
the ledger's verdict, titles that have nothing in common keep rows apart. Nothing ties two rows that contradict each
other, or of which a third row with the same mark contradicts only one: then nobody can tell which of the two it means.
Every row that goes bears something of the very row that stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import IntEnum
from functools import lru_cache
from itertools import combinations
from typing import Any, Final, Self

from musicsyncd.music.identity import SPOTIFY, YOUTUBE, Identity
from musicsyncd.music.reading import likeness, name_keys, read
from musicsyncd.music.title import version_words

LENGTH_SECONDS: Final = 2.0
LENGTH_SHARE: Final = 0.02
"""Lengths agree within the larger of the two, the share being of the longer one."""
ALIKE_TITLES: Final = 0.5
"""Least likeness of the titles of two rows, unless they share a whole part of it."""
MOST_SHARED: Final = 50
"""What more rows bear is no mark of one track: somebody's placeholder."""
MOST_DOUBTS: Final = 5
"""Pairs of one mark that are told of."""

Pair = tuple[str, str]
"""Two pages, the lesser first."""


class Tie(IntEnum):
    """By what rows are one, the strongest first."""

    LEDGER = 0
    """The ledger leaves the one's track out for the other's sake, or both lead to one track."""
    ID = 1
    """An id at a service, or the row's key."""
    ISRC = 2
    SOUND = 3
    """The fingerprint that the row bears."""

    @property
    def weak(self) -> bool:
        return self >= Tie.ISRC


@dataclass(frozen=True, kw_only=True)
class Mark:
    """Something that several rows bear."""

    tie: Tie
    text: str
    """In words."""
    pages: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Owner:
    """The track whose row it is."""

    track: str
    root: str
    """The track that is kept: itself, or the one for whose sake it is left out."""
    proven: bool = False
    """Whether the row was read back as its row."""
    paths: tuple[str, ...] = ()
    """Where its files stand, below their volumes."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A row as the plan needs it."""

    page: str
    title: str
    artists: str = ""
    created: str = ""
    duration: float | None = None
    """Seconds."""
    identities: tuple[Identity, ...] = ()
    owner: Owner | None = None
    score: int = 0
    why: str = ""
    """What the score is made of."""

    @property
    def label(self) -> str:
        return f"{self.artists} - {self.title}" if self.artists else self.title

    @property
    def rank(self) -> tuple[int, int, str, str]:
        """The least one of a group stays: a kept track's row, then the better one, then the older one."""
        return (-self._stature, -self.score, self.created or "~", self.page)

    @property
    def _stature(self) -> int:
        if self.owner is None:
            return 0
        if self.owner.track != self.owner.root:
            return 1
        return 3 if self.owner.proven else 2


@dataclass(frozen=True, kw_only=True)
class Double:
    """A row that goes, and by what it is the same as the one that stays."""

    row: Seen
    mark: Mark


@dataclass(frozen=True, kw_only=True)
class Group:
    """Rows of one track."""

    keeper: Seen
    doubles: tuple[Double, ...]


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """Rows that share something and are not merged: a person should look."""

    pages: Pair
    labels: tuple[str, str]
    why: str


@dataclass(frozen=True, kw_only=True)
class Side:
    """A row of the finished plan."""

    page: str
    label: str
    created: str
    score: int
    why: str
    digest: str
    """Of what it said when the plan was made."""

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        return cls(**data)


@dataclass(frozen=True, kw_only=True)
class Donor(Side):
    """A row that goes to the trash."""

    evidence: str
    """Why it is the same."""
    lost: Mapping[str, Any] = field(default_factory=dict)
    """What it says and the one that stays will not, by the property's name: it goes to the trash with it."""


@dataclass(frozen=True, kw_only=True)
class Merging:
    """One group with all that is written."""

    catalog: str
    """As a target."""
    keeper: Side
    donors: tuple[Donor, ...]
    writes: Mapping[str, Mapping[str, Any]]
    """By field: `before` and `after`, and the page `of` which it is, empty for several."""

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        donors = tuple(Donor.from_dict(one) for one in data["donors"])
        return cls(**{**data, "keeper": Side.from_dict(data["keeper"]), "donors": donors})

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def scored(fields: Mapping[str, Any], owner: Owner | None) -> tuple[int, str]:
    """A row's points, and what for: 5 for an Eagle id, 2 for each path at which a file was read back, 1 for one that is
    only claimed, 2 for a fingerprint, 1 for a track that stands on a volume.
    """
    stand = owner.paths if owner else ()
    paths = [str(value) for name, value in fields.items() if name.startswith("path_") and value]
    standing = sum(any(one == path or path.endswith(f"/{one}") for one in stand) for path in paths)
    parts = {
        "Eagle id": 5 * bool(fields.get("eagle_id")),
        f"{standing} files stand": 2 * standing,
        f"{len(paths) - standing} paths claimed": len(paths) - standing,
        "fingerprint": 2 * any(bool(value) for name, value in fields.items() if name.startswith("fingerprint")),
        "proven downloaded": int(bool(stand)),
    }
    return sum(parts.values()), ", ".join(f"{text} +{points}" for text, points in parts.items() if points)


def groups(rows: Sequence[Seen], marks: Sequence[Mark]) -> tuple[list[Group], list[Doubt]]:
    """The groups among these rows, and the pairs that are left to a person. The order of rows and marks is nothing."""
    whole = {row.page: row for row in rows}
    ties, doubts = dict[Pair, Mark](), dict[Pair, str]()
    for mark in sorted(marks, key=lambda one: (one.tie, one.text, one.pages)):
        _judge(mark, [whole[page] for page in sorted({*mark.pages}) if page in whole], ties, doubts)
    found = _stars(sorted(rows, key=lambda row: row.rank), ties, doubts)
    merged = {pair_of(one.keeper.page, double.row.page) for one in found for double in one.doubles}
    told = [
        Doubt(pages=pair, labels=(whole[pair[0]].label, whole[pair[1]].label), why=why)
        for pair, why in sorted(doubts.items())
        if pair not in merged
    ]
    return found, told


def pair_of(first: str, second: str) -> Pair:
    """The two pages in the order in which a pair has them."""
    return (first, second) if first < second else (second, first)


def _judge(mark: Mark, rows: Sequence[Seen], ties: dict[Pair, Mark], doubts: dict[Pair, str]) -> None:
    """Which of the rows that bear it are tied by it."""
    if len(rows) > MOST_SHARED:
        pair = pair_of(rows[0].page, rows[1].page)
        doubts.setdefault(pair, f"{len(rows)} rows bear {mark.text}: that names no track.")
        return
    against = {pair_of(a.page, b.page): contradiction(a, b, mark.tie) for a, b in combinations(rows, 2)}
    beside = {row.page: frozenset(other for pair, why in against.items() if why and row.page in pair for other in pair
                                  if other != row.page) for row in rows}  # fmt: skip
    told = 0
    for pair, why in against.items():
        if not why and beside[pair[0]] == beside[pair[1]]:
            ties.setdefault(pair, mark)
        elif told < MOST_DOUBTS:
            told += 1
            doubts.setdefault(pair, f"Both bear {mark.text}. {why or 'Another row with it contradicts one of them.'}")


def _stars(rows: Sequence[Seen], ties: Mapping[Pair, Mark], doubts: dict[Pair, str]) -> list[Group]:
    """The best row takes those that are tied to itself, then the best of the rest does."""
    whole = {row.page: row for row in rows}
    partners: dict[str, list[str]] = {}
    for first, second in ties:
        partners.setdefault(first, []).append(second)
        partners.setdefault(second, []).append(first)
    taken, found = set[str](), list[Group]()
    for keeper in rows:
        if keeper.page in taken:
            continue
        taken.add(keeper.page)
        beside = [Double(row=whole[page], mark=ties[pair_of(page, keeper.page)])
                  for page in partners.get(keeper.page, ()) if page not in taken]  # fmt: skip
        joined: list[Double] = []
        for one in sorted(beside, key=lambda one: (one.mark.tie, one.row.rank)):
            other = next((other for other in joined if contradiction(one.row, other.row)), None)
            if other:
                why = contradiction(one.row, other.row)
                doubts.setdefault(pair_of(one.row.page, other.row.page), f"Both are tied to {keeper.label}. {why}")
            else:
                joined.append(one)
                taken.add(one.row.page)
        if joined:
            found.append(Group(keeper=keeper, doubles=tuple(joined)))
    return found


def contradiction(one: Seen, other: Seen, tie: Tie = Tie.LEDGER) -> str:
    """Why two rows are not one track's whatever they share, a sentence; empty when nothing says so. Titles that
    have nothing in common count against an id too, which a copied row may have kept; lengths where the tie is weak.
    """
    mine, yours = one.owner, other.owner
    if mine and yours and mine.root != yours.root:
        return "Each is the row of a track that is kept: musicsyncctl duplicates plan says whether these are one."
    if not (mine and yours) and (provider := _named_apart(one, other)):
        return f"They name different tracks at {provider}."
    if one.title and other.title and version_words(one.title) != version_words(other.title):
        return "They are different versions by their titles."
    if tie is not Tie.LEDGER and not _titles_meet(one.title, other.title):
        return "Their titles have nothing in common."
    if tie.weak and one.duration and other.duration and not _lengths_agree(one.duration, other.duration):
        return f"One lasts {one.duration:.0f} s, the other {other.duration:.0f} s."
    return ""


def _named_apart(one: Seen, other: Seen) -> str:
    """The service at which the two bear different ids, where a track has one."""
    for provider in (SPOTIFY, YOUTUBE):
        mine, yours = ({id_.id for id_ in row.identities if id_.provider == provider} for row in (one, other))
        if mine and yours and not mine & yours:
            return provider.capitalize()
    return ""


def _lengths_agree(first: float, second: float) -> bool:
    return abs(first - second) <= max(LENGTH_SECONDS, LENGTH_SHARE * max(first, second))


@lru_cache(4096)
def _titles_meet(first: str, second: str) -> bool:
    if not first or not second:
        return True
    mine, yours = (read(title).parts for title in (first, second))
    if any(name_keys(a) & name_keys(b) for a in mine for b in yours):
        return True
    return likeness(" ".join(mine), " ".join(yours)) >= ALIKE_TITLES
