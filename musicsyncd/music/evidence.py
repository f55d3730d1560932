"""What speaks for a candidate being the wanted recording, and what against it: titles, artists, versions, lengths."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from musicsyncd.music.candidate import Candidate
from musicsyncd.music.comparison import TELLTALE, Seen, Wanted, keys, seconds
from musicsyncd.music.reading import SLIP, Reading, folded, is_own_channel, name_key, name_keys, nearly, scripts_differ
from musicsyncd.music.sameness import DURATION_SECONDS, DURATION_SHARE, durations_agree

ONE_TITLE: Final = 0.7
"""Likeness of titles below which they are two."""
PREVIEW_SECONDS: Final = 31.0
"""Services' previews last 30 s."""
_CUTS: Final = frozenset({"radio edit", "edit", "extended", "club mix", "version single", "edit single", "mono"})
"""Words for another cut of the same sound; a service may call any of them simply by the title."""
_OF_A_YEAR: Final = re.compile(r"(?:mix|version|edit) \d{4}")
_KINDS_OF_REMIX: Final = frozenset({"remix", "rework", "bootleg", "flip", "refix", "edit", "mix", "remake", "version"})
_COPYISTS: Final = frozenset((
    "karaoke", "tribute", "nightcore", "sped", "slowed", "instrumentals", "instrumental", "8d", "covers", "cover",
    "lullaby", "kidz", "ringtones", "ringtone", "chipmunks", "backing", "lofi", "daycore",
))  # fmt: skip
"""Words in the name of whoever plays or publishes that tell of a copy."""
_TELLING_ALBUM: Final = _COPYISTS | frozenset((
    "live", "unplugged", "acoustic", "sessions", "session", "demos", "demo", "rehearsal", "concert", "bbc", "mtv",
    "remixes", "remixed", "mixed",
))  # fmt: skip
"""Words in an album's name that tell of another version, even where the title does not."""


class Gate(IntEnum):
    """How far a finding lets a candidate come."""

    OPEN = 0
    REVIEW = 1
    REFUSE = 2


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was compared."""

    reason: str
    """A sentence."""
    worth: float = 1.0
    """0–1: how much it speaks for the candidate."""
    gate: Gate = Gate.OPEN
    proven: Gate | None = None
    """How far it lets a candidate come whose ISRC or link proves it; None: at least to a person."""

    @property
    def gate_when_proven(self) -> Gate:
        """Proof forgives spelling; what tells of another version, length or piece still goes to a person."""
        return min(self.gate, Gate.REVIEW) if self.proven is None else self.proven


def title_finding(one: Seen) -> Finding:
    """Whether the titles are one."""
    pair = f"“{one.wanted_title}” and “{one.title}”"
    if one.likeness == 1.0:
        worth = 0.93 if one.missing else 1.0
        lacking = f" but for “{', '.join(one.missing)}”" if one.missing else ""
        return Finding(reason=f"The titles are the same{lacking}.", worth=worth)
    if one.likeness >= SLIP:
        return Finding(reason=f"A slip of the pen parts the titles {pair}.", worth=one.likeness)
    if scripts_differ(one.wanted_title, one.title):
        return _spelled(reason=f"The titles {pair} are in two scripts.", worth=0.5)
    if one.likeness >= ONE_TITLE:
        return _spelled(reason=f"The titles {pair} differ.", worth=one.likeness)
    return Finding(reason=f"The titles {pair} differ.", worth=one.likeness, gate=Gate.REFUSE)


def artist_finding(wanted: Wanted, candidate: Candidate, one: Seen) -> Finding:
    """Whether the same people play it."""
    for who in (*candidate.artists, candidate.uploader):
        if not _COPYISTS.isdisjoint(set(folded(who).split()) - wanted.words):
            return Finding(reason=f"“{who}” is who makes copies.", worth=0.0, gate=Gate.REFUSE)
    if doubtful := [name for name in wanted.track.artists if _is_copyist(name) and name_key(name) not in one.named]:
        return Finding(reason=f"“{', '.join(doubtful)}” makes copies: wanted may be one.", gate=Gate.REVIEW)
    if not one.artists:
        return _spelled(reason="Who plays the wanted track is not known.", worth=0.4)
    found = [name for name in one.artists if name_keys(name) <= one.named or name_key(name) in one.named]
    if found:
        return _named(found, one)
    if keys(one.artists) & one.named:
        return Finding(reason=f"It names one of {', '.join(one.artists)}.", worth=0.75)
    return _nobody(candidate, one)


def _is_copyist(name: str) -> bool:
    return not _COPYISTS.isdisjoint(folded(name).split())


def _named(found: list[str], one: Seen) -> Finding:
    share = len(found) / len(one.artists)
    worth = 0.9 + 0.1 * share if one.artists[0] in found else 0.75
    lacking = [name for name in one.artists if name not in found]
    reason = f"{' and '.join(found)} {'is' if len(found) == 1 else 'are'} named in both"
    return Finding(reason=f"{reason}, {', '.join(lacking)} in one only." if lacking else f"{reason}.", worth=worth)


def _nobody(candidate: Candidate, one: Seen) -> Finding:
    """None of the artists is named: somebody else's, or simply not said."""
    wanted, theirs = ", ".join(one.artists), ", ".join(candidate.artists) or candidate.uploader
    if any(nearly(ours, other) for ours in keys(one.artists) for other in one.named):
        return _spelled(reason=f"“{wanted}” and “{theirs}” may be one name.", worth=0.7)
    if theirs and scripts_differ(folded(wanted), folded(theirs)):
        return _spelled(reason=f"“{wanted}” and “{theirs}” are in two scripts.", worth=0.4)
    others = one.unexplained or one.named - keys((candidate.uploader,))
    if others or candidate.official or is_own_channel(candidate.uploader):
        return Finding(reason=f"It is not by {wanted}.", worth=0.0, gate=Gate.REFUSE, proven=Gate.OPEN)
    return _spelled(reason=f"{wanted} is named nowhere.", worth=0.3)


def _spelled(*, reason: str, worth: float) -> Finding:
    """What may be a matter of spelling: a person decides, unless there is proof."""
    return Finding(reason=reason, worth=worth, gate=Gate.REVIEW, proven=Gate.OPEN)


def length_finding(wanted: Wanted, candidate: Candidate) -> Finding:
    """Whether the two last equally long, and the candidate is all of it."""
    ours, theirs = wanted.duration, seconds(candidate.duration)
    if candidate.preview:
        reason = "The service gives only a preview of it."
        return Finding(reason=reason, worth=0.0, gate=Gate.REFUSE, proven=Gate.REFUSE)
    if theirs is not None and theirs <= PREVIEW_SECONDS and (ours or math.inf) > PREVIEW_SECONDS:
        gate = Gate.REVIEW if ours is None else Gate.REFUSE
        return Finding(reason=f"It lasts {theirs:.0f} s: a preview.", worth=0.0, gate=gate, proven=gate)
    if ours is None or theirs is None:
        who = "the wanted track" if ours is None else "it"
        return Finding(reason=f"How long {who} lasts is not known.", worth=0.5, gate=Gate.REVIEW)
    reason = f"{ours:.0f} s are wanted, it lasts {theirs:.0f} s"
    if not durations_agree(ours, theirs):
        return Finding(reason=f"{reason}: another version.", worth=0.0, gate=Gate.REFUSE)
    limit = max(DURATION_SECONDS, DURATION_SHARE * max(ours, theirs))
    return Finding(reason=f"{reason}.", worth=1.0 - 0.3 * max(0.0, abs(ours - theirs) - 1.0) / max(limit - 1.0, 1e-9))


def version_finding(wanted: Wanted, candidate: Candidate, one: Seen) -> Finding:
    """Whether both are one version: the gate that nothing opens."""
    ours, theirs = wanted.reading, one.reading
    if ours.versions == theirs.versions:
        return _live_finding(ours, theirs)
    reason = f"Wanted is {_worded(ours.versions)}, it is {_worded(theirs.versions)}"
    alone, other = ours.versions - theirs.versions, theirs.versions - ours.versions
    if all(map(_is_cut, alone | other)) and length_finding(wanted, candidate).gate is Gate.OPEN:
        return Finding(reason=f"{reason}, yet as long.", gate=Gate.REVIEW)
    if len(alone) == len(other) == 1 and _may_be_one_remix(*alone, *other):
        return Finding(reason=f"{reason}.", gate=Gate.REVIEW)
    return Finding(reason=f"{reason}.", gate=Gate.REFUSE)


def _is_cut(word: str) -> bool:
    return word in _CUTS or bool(_OF_A_YEAR.fullmatch(word))


def _may_be_one_remix(ours: str, theirs: str) -> bool:
    """Whether one name may be left out or differently spelled, or one word stand for another (`bootleg`, `remix`)."""
    (kind, _, who), (other_kind, _, other) = ours.partition(" "), theirs.partition(" ")
    if kind not in _KINDS_OF_REMIX or other_kind not in _KINDS_OF_REMIX:
        return False
    first, second = set(who.split()), set(other.split())
    near = first <= second or second <= first or nearly(who.replace(" ", ""), other.replace(" ", ""))
    return near and (kind == other_kind or bool(first and second))


def _live_finding(ours: Reading, theirs: Reading) -> Finding:
    if ours.occasion and theirs.occasion and _two_occasions(ours.occasion, theirs.occasion):
        return Finding(reason="They were played live on two occasions.", worth=0.0, gate=Gate.REFUSE)
    if bool(ours.occasion) != bool(theirs.occasion):
        return Finding(reason="Whether they were played live on one occasion is not said.", gate=Gate.REVIEW)
    return Finding(reason=f"Both are {_worded(ours.versions)}." if ours.versions else "Both are the plain recording.")


def _two_occasions(ours: frozenset[str], theirs: frozenset[str]) -> bool:
    """No word in common, or other years; `'86` is 1986."""
    years, others = ({word[-2:] for word in words if word.isdigit()} for words in (ours, theirs))
    return not ours & theirs or bool(years and others and not years & others)


def album_finding(wanted: Wanted, candidate: Candidate) -> Finding | None:
    """What the candidate's album says of its version that nothing else does; None when nothing."""
    if telling := sorted((_TELLING_ALBUM & set(folded(candidate.album).split())) - wanted.words):
        return Finding(reason=f"It is from “{candidate.album}”: “{', '.join(telling)}”.", gate=Gate.REVIEW)
    return None


def _worded(words: frozenset[str]) -> str:
    return f"“{', '.join(sorted(words))}”" if words else "the plain recording"


def words_finding(wanted: Wanted, one: Seen) -> Finding | None:
    """What of the words nobody accounts for."""
    spare = {word for text in one.unexplained for word in text.split()}
    if one.likeness < 1.0:
        spare |= set(one.title.split()) ^ set(one.wanted_title.split())
    if telling := sorted(spare & TELLTALE):
        return Finding(reason=f"“{', '.join(telling)}” stands in one title only.", worth=0.0, gate=Gate.REFUSE)
    if lost := sorted({word for text in one.missing for word in text.split()} & (TELLTALE | {"mixed"})):
        return Finding(reason=f"“{', '.join(lost)}” stands in the wanted title only.", gate=Gate.REVIEW)
    if dated := [aside for aside in one.missing if any(letter.isdigit() for letter in aside)]:
        return Finding(reason=f"“{', '.join(dated)}” stands in the wanted title only.", gate=Gate.REVIEW)
    if one.unexplained:
        return _spelled(reason=f"Nothing explains “{', '.join(one.unexplained)}”.", worth=1.0)
    ours, theirs = keys(wanted.reading.guests), keys(one.reading.guests)
    if ours and theirs and not ours & theirs and not theirs <= wanted.names:
        return Finding(reason="They feature different guests.", gate=Gate.REVIEW)
    return None
