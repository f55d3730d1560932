"""Whether audio that a search found is what was wanted, after others have said what they take its sound for. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from musicsyncd.music.candidate import Candidate
from musicsyncd.music.matching import Verdict, match
from musicsyncd.music.reading import folded, scripts_differ
from musicsyncd.music.title import read_group, version_words
from musicsyncd.music.track import Track


@dataclass(frozen=True, kw_only=True)
class HeardAs:
    """A recording that the sound is taken for."""

    title: str
    artists: tuple[str, ...]
    by: str
    """Who says so, as it stands after "says" (`AcoustID`, `a track that is kept`)."""


def contradiction(wanted: Track, heard: Sequence[HeardAs]) -> str:
    """Why the audio is not the wanted track; empty while one of the recordings may be it, and where nobody knows any.

    Lengths are left out: the audio's own was held against the wanted one's, and other people's are those of other
    releases.
    """
    against = [_against(wanted, one) for one in heard]
    return against[0] if all(against) and against else ""


def _against(wanted: Track, one: HeardAs) -> str:
    """The one matcher's objection. A plain title says nothing of the version: many a database has no word for it."""
    if scripts_differ(folded(wanted.title), folded(one.title)):
        return ""  # さくら and Sakura cannot be compared
    plain = not version_words(one.title)
    asked = replace(wanted, title=_plain(wanted.title) if plain else wanted.title, duration=None)
    candidate = Candidate(source="", url="", title=one.title, artists=one.artists)
    if match(asked, [candidate]).judged[0].verdict is not Verdict.REFUSE:
        return ""
    return f"{one.by} says that it is {', '.join(one.artists)} - {one.title}"


def _plain(title: str) -> str:
    """Without brackets, and without what a dash sets apart as the version."""
    bare = title.partition("(")[0].partition("[")[0].strip() or title
    head, dash, tail = bare.rpartition(" - ")
    return head if dash and read_group(tail)[1] else bare
