"""Whether what a service names may be the track that was heard: lengths, version words, names. Pure.

A fingerprint tells recordings apart, but what people have linked to it may be wrong, and a remix that keeps the vocals
may sound like the original for two minutes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from musicsyncd.music.sameness import durations_agree
from musicsyncd.music.title import version_words
from musicsyncd.music.track import Track

_BRACKETED: Final = re.compile(r"[(\[{][^()\[\]{}]*[)\]}]")
_WORD: Final = re.compile(r"\w+")


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A recording as a service describes it; what it does not say forbids nothing."""

    title: str = ""
    """With its version words."""
    artists: tuple[str, ...] = ()
    duration: float | None = None
    """Seconds."""


def objection(track: Track, seconds: float, other: Candidate) -> str:
    """Why the track, which was heard to last so many seconds, cannot be this recording; empty when it may be."""
    if other.duration is not None and not durations_agree(seconds, other.duration):
        return f"It lasts {other.duration:.0f} s and not {seconds:.0f} s"
    ours, theirs = version_words(track.title), version_words(other.title)
    if other.title and ours != theirs:
        return f"It is another version: {_worded(theirs)} and not {_worded(ours)}"
    if track.artists and other.title and other.artists and not likeness(track, other):
        return f"Neither its title nor its artist is the track's: {', '.join(other.artists)} - {other.title}"
    return ""


def likeness(track: Track, other: Candidate) -> float:
    """Shares of words that title and artists have in common, 0 to 2."""
    titles = _shared(_words([_BRACKETED.sub(" ", track.title)]), _words([_BRACKETED.sub(" ", other.title)]))
    return titles + _shared(_words(track.artists), _words(other.artists))


def _shared(ours: frozenset[str], theirs: frozenset[str]) -> float:
    return len(ours & theirs) / len(ours | theirs) if ours | theirs else 0.0


def _words(texts: Iterable[str]) -> frozenset[str]:
    """Words without case, accents and width."""
    plain = unicodedata.normalize("NFKD", " ".join(texts)).casefold()
    return frozenset(_WORD.findall("".join(one for one in plain if not unicodedata.combining(one))))


def _worded(words: frozenset[str]) -> str:
    return f"“{', '.join(sorted(words))}”" if words else "the plain one"
