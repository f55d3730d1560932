"""Which of many candidates is the wanted recording: the one matcher, through which every source and search goes.

The ladder of evidence, strongest first:

1. **ISRC** equal: one recording, however it is spelled.
2. **Link**: the candidate bears an id that the wanted track is known by, or its page names one.
3. **Words and length**: title 45 %, artist 35 %, closeness of length 20 % of the score.

A gate holds a candidate below a floor whatever its score. Refused: another version (`remix chozen`, `live`, `sped up`,
`part 2` …), a length that differs by more than 3 s and 2 %, a preview, another title, another artist. For a person:
an unknown length; a word for another cut that lasts as long (`radio edit`); a remix whose remixer only one side names;
words that nothing explains; an artist who is nowhere named; the clean text where it was not asked for. Proof (1, 2)
forgives titles and names that are spelled otherwise. It opens no other gate: where version words or lengths differ or
a length is unknown, a person decides; a preview stays refused.

Floors: from `ACCEPT` on a candidate is taken without asking. Title, artist and version are then the same and the
length agrees; a slip of the pen passes where all else is exact. Below `REVIEW` nobody is asked. Two different
versions that are equally good are never decided here. The floors were set on the tuning half of
`tests/music/matching_cases.jsonl`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from musicsyncd.music.candidate import Candidate
from musicsyncd.music.comparison import Seen, Wanted, keys, seconds, seen
from musicsyncd.music.evidence import (
    Gate,
    album_finding,
    artist_finding,
    length_finding,
    title_finding,
    version_finding,
    words_finding,
)
from musicsyncd.music.identity import ISRC, isrc, shareable
from musicsyncd.music.reading import read
from musicsyncd.music.sameness import durations_agree
from musicsyncd.music.track import Track

__all__ = ["ACCEPT", "REVIEW", "TIE", "Candidate", "Judged", "Match", "Verdict", "match"]

ACCEPT: Final = 0.90
"""At and above, taken without asking."""
REVIEW: Final = 0.60
"""At and above, shown to a person; below, refused."""
TIE: Final = 0.02
"""Two scores that are closer are equal."""
_BELOW: Final = {Gate.OPEN: 1.0, Gate.REVIEW: 0.89, Gate.REFUSE: 0.59}
"""The best score that a gate lets through: under the floor it guards."""
_PROVEN: Final = 0.98
"""The least that an equal ISRC or a link is worth."""
_TITLE, _ARTIST, _LENGTH = 0.45, 0.35, 0.20
_STRANGERS: Final = 0.08
"""Taken off for artists whom the wanted track does not name."""
_OTHER_ISRC: Final = 0.03
"""Taken off when both have an ISRC and they differ: a release of another year, or another recording."""
_CENSORED: Final = 0.11
"""Taken off for the clean text where it was not asked for, and the reverse; enough to want a person."""


class Verdict(StrEnum):
    """What may be done with a candidate."""

    ACCEPT = "accept"
    REVIEW = "review"
    REFUSE = "refuse"


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A candidate with the verdict on it."""

    candidate: Candidate
    score: float
    """0–1; the floors `ACCEPT` and `REVIEW` part it into verdicts."""
    reasons: tuple[str, ...]
    """Sentences for and against, the decisive ones last."""

    @property
    def verdict(self) -> Verdict:
        """From the score alone: a gate has already lowered it."""
        return Verdict.ACCEPT if self.score >= ACCEPT else Verdict.REVIEW if self.score >= REVIEW else Verdict.REFUSE


@dataclass(frozen=True, kw_only=True)
class Match:
    """All candidates, the best first."""

    judged: tuple[Judged, ...]

    @property
    def chosen(self) -> Judged | None:
        """The one to take without asking."""
        return next((one for one in self.judged[:1] if one.verdict is Verdict.ACCEPT), None)

    @property
    def runners_up(self) -> tuple[Judged, ...]:
        """Others that may be taken when the chosen one cannot be had, in turn."""
        return tuple(one for one in self.judged[1:] if one.verdict is Verdict.ACCEPT)

    @property
    def undecided(self) -> tuple[Judged, ...]:
        """What a person has to look at."""
        return tuple(one for one in self.judged if one.verdict is Verdict.REVIEW)


def match(wanted: Track, candidates: Iterable[Candidate]) -> Match:
    """Judge candidates of any sources against the wanted track, be it for its audio or for what Spotify knows of it."""
    want = Wanted.of(wanted)
    judged = [_judge(want, candidate) for candidate in candidates]
    return Match(judged=tuple(_without_ties(sorted(judged, key=_rank))))


def _rank(one: Judged) -> tuple[float, bool, int]:
    return -one.score, not one.candidate.official, -(one.candidate.plays or 0)


def _without_ties(ordered: Sequence[Judged]) -> Sequence[Judged]:
    """Nobody is accepted where an equally good candidate is another version."""
    if not ordered or ordered[0].verdict is not Verdict.ACCEPT:
        return ordered
    first = ordered[0]
    rivals = (one for one in ordered[1:] if one.score > first.score - TIE and one.verdict is Verdict.ACCEPT)
    apart = next((why for one in rivals if (why := _apart(first.candidate, one.candidate))), "")
    if not apart:
        return ordered
    reason = f"Another candidate is as good, and {apart}."
    return [_held(one, Gate.REVIEW, reason) if one.verdict is Verdict.ACCEPT else one for one in ordered]


def _apart(first: Candidate, second: Candidate) -> str:
    """What makes two accepted candidates two versions; empty when they may be one recording."""
    one, two = seconds(first.duration), seconds(second.duration)
    if one is not None and two is not None and not durations_agree(one, two):
        return f"the two last {one:.0f} s and {two:.0f} s"
    if None not in (first.explicit, second.explicit) and first.explicit != second.explicit:
        return "only one of the two is marked explicit"
    ours, theirs = read(first.title), read(second.title)
    if ours.guests and theirs.guests and not keys(ours.guests) & keys(theirs.guests):
        return "the two feature different guests"
    return ""


def _held(one: Judged, gate: Gate, reason: str) -> Judged:
    return replace(one, score=min(one.score, _BELOW[gate]), reasons=(*one.reasons, reason))


def _judge(wanted: Wanted, candidate: Candidate) -> Judged:
    """Score by words and length, lifted by proof, held by gates."""
    one = seen(wanted, candidate)
    title, artist = title_finding(one), artist_finding(wanted, candidate, one)
    length, version = length_finding(wanted, candidate), version_finding(wanted, candidate, one)
    findings = [title, artist, version, length]  # the title first: it says nothing against what bears a known id
    findings += [found for found in (words_finding(wanted, one), album_finding(wanted, candidate)) if found]
    score = _TITLE * title.worth + _ARTIST * artist.worth + _LENGTH * length.worth
    less, doubts = _taken_off(wanted, candidate, one)
    proof = _proof(wanted, candidate)
    if proof:
        score, less = max(score, _PROVEN), 0.0
    own = any(one.provider != ISRC and one in wanted.track.identities for one in candidate.identities)
    asked = findings[1:] if own else findings
    gate = max(finding.gate_when_proven if proof else finding.gate for finding in asked)
    ordered = sorted(findings, key=lambda finding: finding.gate)
    reasons = (*([proof] if proof else []), *doubts, *(finding.reason for finding in ordered))
    return Judged(candidate=candidate, score=round(min(max(score - less, 0.0), _BELOW[gate]), 4), reasons=reasons)


def _proof(wanted: Wanted, candidate: Candidate) -> str:
    """The ladder's upper rungs in a sentence; empty when only words and length are left."""
    if _isrcs_equal(wanted, candidate):
        return f"The ISRC is the same, {candidate.isrc}."
    ours = wanted.track.identities
    if bears := next((one for one in candidate.identities if one in ours), None):
        return f"It is what the track is known by, {shareable(bears)}."
    if links := next((one for one in candidate.links if one in ours), None):
        return f"Its page names {shareable(links)}."
    return ""


def _isrcs_equal(wanted: Wanted, candidate: Candidate) -> bool | None:
    """None where one of the two has none."""
    if not candidate.isrc or not wanted.track.isrc:
        return None
    ours, theirs = isrc(wanted.track.isrc), isrc(candidate.isrc)
    return ours == theirs if ours and theirs else None


def _taken_off(wanted: Wanted, candidate: Candidate, one: Seen) -> tuple[float, list[str]]:
    """Soft doubts: what lowers the score, and why."""
    less = 0.0
    doubts: list[str] = []
    if _isrcs_equal(wanted, candidate) is False:
        less, doubts = less + _OTHER_ISRC, [*doubts, "The ISRCs differ."]
    if one.strangers:
        less, doubts = less + _STRANGERS, [*doubts, f"It also names {', '.join(one.strangers)}."]
    ours, theirs = wanted.reading.clean, one.reading.clean
    if candidate.explicit:
        theirs = False
    if bool(ours) != bool(theirs):
        less, doubts = less + _CENSORED, [*doubts, f"{'It' if theirs else 'The wanted track'} is the clean version."]
    return less, doubts
