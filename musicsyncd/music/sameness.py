"""Whether two tracks are one recording: the verdict from their sound, their lengths and their titles.

The limits are measured: re-encodings, trims and gain changes of one recording differ in less than 0.15 of
their fingerprints' bits, unrelated tracks in more than 0.32, and a heavily limited master may lie between.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from musicsyncd.music.title import version_words

SAME_BELOW: Final = 0.15
"""Bit error rate below which two fingerprints are of one performance."""
SIMILAR_BELOW: Final = 0.28
"""Bit error rate below which a person should look."""
LEAST_OVERLAP: Final = 0.5
"""Share of the shorter fingerprint that must lie over the other; a shared sample is less."""
DURATION_SECONDS: Final = 3.2
DURATION_SHARE: Final = 0.02
"""Durations agree within the larger of 3.2 s and 2 % of the longer one: a start that was cut by up to 3 s, and the
silence with which encoders fill their frames (up to 0.1 s at either end)."""


class Kind(StrEnum):
    """What two tracks are to each other."""

    SAME = "same"
    """One recording in two files: may be merged."""
    VERSION = "version"
    """They sound alike, but are another edit, mix or length: both stay."""
    SIMILAR = "similar"
    """Too far apart to decide: for a person's review."""
    DIFFERENT = "different"


@dataclass(frozen=True, kw_only=True)
class Sameness:
    """The verdict on two tracks."""

    kind: Kind
    score: float
    """Acoustic likeness: 1 identical, 0 as far apart as chance."""
    reasons: tuple[str, ...]
    """Why, one sentence each."""


def verdict(
    *,
    bit_error_rate: float,
    overlap_share: float,
    durations: tuple[float | None, float | None],
    titles: tuple[str, str] = ("", ""),
) -> Sameness:
    """The verdict from a fingerprint comparison (two shares, 0–1), durations in seconds and titles.

    An unknown duration (None) forbids `SAME`; an empty title forbids nothing.
    """
    kind, reasons = _by_sound(bit_error_rate, overlap_share)
    if kind is Kind.SAME:
        kind, reasons = _by_versions(reasons, durations, titles)
    score = max(0.0, 1.0 - 2.0 * bit_error_rate) if overlap_share >= LEAST_OVERLAP else 0.0
    return Sameness(kind=kind, score=round(score, 4), reasons=tuple(reasons))


def durations_agree(first: float, second: float) -> bool:
    """Whether two lengths in seconds may be of one recording."""
    return abs(first - second) <= max(DURATION_SECONDS, DURATION_SHARE * max(first, second))


def _by_sound(rate: float, overlap: float) -> tuple[Kind, list[str]]:
    if not overlap >= LEAST_OVERLAP:
        return Kind.DIFFERENT, [f"Only {overlap:.0%} of the shorter one's sound lies over the other."]
    heard = f"{rate:.1%} of the fingerprints' bits differ"
    if rate < SAME_BELOW:
        return Kind.SAME, [f"{heard}: they sound the same."]
    if rate < SIMILAR_BELOW:
        return Kind.SIMILAR, [f"{heard}: they may be two masters of one recording."]
    return Kind.DIFFERENT, [f"{heard}: they are different music."]


def _by_versions(
    reasons: list[str], durations: tuple[float | None, float | None], titles: tuple[str, str]
) -> tuple[Kind, list[str]]:
    """Sound alone cannot tell a radio edit from the full length, or a quiet vocal from its instrumental."""
    against = []
    first, second = durations
    if first is not None and second is not None and not durations_agree(first, second):
        against.append(f"One lasts {first:.0f} s, the other {second:.0f} s.")
    ours, theirs = (version_words(title) for title in titles)
    if all(titles) and ours != theirs:
        against.append(f"One is {_worded(ours)}, the other {_worded(theirs)}.")
    if against:
        return Kind.VERSION, reasons + against
    if first is None or second is None:
        return Kind.SIMILAR, [*reasons, "How long one of them lasts is not known."]
    return Kind.SAME, [*reasons, "Their lengths agree."]


def _worded(words: frozenset[str]) -> str:
    return f"“{', '.join(sorted(words))}”" if words else "unmarked"
