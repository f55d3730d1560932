"""The port behind which every source of music stands.

What a source cannot do it does not override. A source speaks of tracks and files only; a vendor's words stay
in its own file.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from musicsyncd.errors import BadInput, MusicsyncError
from musicsyncd.music.candidate import Candidate
from musicsyncd.music.playlist import Playlist
from musicsyncd.music.track import Track

Progress = Callable[[float | None, str], None]
"""Told how far a thing is: a share from 0 to 1 (None: unknown) and a short text; called on the event loop."""

Unknown = Callable[[Sequence[Track]], Awaitable[Sequence[Track]]]
"""Which of these nobody has taken yet, in their order: by it a source finds out how far it must look."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a source found when asked: tracks, and what it had to leave out, each with its reason."""

    tracks: tuple[Track, ...] = ()
    refused: tuple[Refusal, ...] = ()
    corrected: tuple[Track, ...] = ()
    """Tracks that were taken before, and of which a person says something else by now; the first identity says which.
    """
    playlists: tuple[Playlist, ...] = ()
    """The lists that were read, and which of the tracks stand in each."""
    passed_over: int = 0
    """Lines of a list that are no tracks to take, such as liked sets: counted, and no fault of anybody."""


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """One thing that was looked at and not taken."""

    name: str
    """A path or a URL, as a person knows it."""
    error: MusicsyncError


@dataclass(frozen=True, kw_only=True)
class Supplied:
    """Audio as it came from the source, in a file of our own."""

    path: Path
    sha256: str
    """Hash of the file's bytes, hexadecimal."""
    size: int
    """Bytes."""
    track: Track
    """The track again, with what only the delivery could tell (tags, artwork, duration)."""
    artwork: Path | None = None
    """A JPEG or PNG beside the audio, when the source has one."""
    details: dict[str, Any]
    """What else the source says of the audio (format id, bitrate), for the record."""


class Source:
    """A place where music is found."""

    name: ClassVar[str]
    supplies: ClassVar[bool] = True
    """Whether it has audio for its tracks; where it has none they are looked for at those that do."""
    searches: ClassVar[bool] = False
    """Whether it can look for words among everything that it has."""
    chained: ClassVar[int | None] = None
    """How many of its newest tracks are looked at when just the next one is wanted; None: all that it offers."""

    def offering(self) -> bool | None:
        """Whether it is set up to offer music by itself; None where it never does. No I/O."""
        return True

    def listening(self) -> bool | None:
        """Whether it is set up to tell what somebody listens to; None where it cannot. No I/O."""
        return None

    def owns(self, url: str) -> bool:
        """Whether this source answers for that URL or path, and no other. No I/O beyond looking at a path."""
        return False

    async def resolve(self, url: str, *, progress: Progress | None = None) -> Found:
        """The track or tracks behind a URL or path that a person gave; a long search tells its progress."""
        raise BadInput(f"{self.name} cannot look up {url!r}")

    async def list(self, *, limit: int | None = None) -> Found:
        """What this source offers by itself, newest first; empty when it has nothing of its own to offer."""
        return Found()

    async def playlist(self, name: str, *, progress: Progress | None = None) -> Found | None:
        """The tracks of the list of that name among those that the settings name; None where none is called so."""
        return None

    async def news(self, unknown: Unknown) -> Found:
        """What `list` offers, without what it can leave out because it is known: all that is unknown is among it."""
        return await self.list()

    async def playing(self) -> Found:
        """The track that is being listened to now; empty when nothing is, or where that cannot be known."""
        return Found()

    async def recent(self, unknown: Unknown) -> Found:
        """What was listened to lately, the latest first; it may leave out what was offered and taken before."""
        return Found()

    async def search(self, query: str, limit: int) -> Sequence[Candidate]:
        """What its own search finds for some words, the best first; empty where there is no search."""
        return ()

    def hindrance(self) -> str:
        """Why it does not work as a whole, until when, and what to do; empty while it works. No I/O."""
        return ""

    async def supply(self, track: Track, folder: Path, progress: Progress) -> Supplied:
        """Put the track's audio into `folder`, an empty folder of this call's own."""
        raise BadInput(f"{self.name} supplies no audio")


def is_called(title: str, name: str) -> bool:
    """Whether a list with this title is meant by that name: case and blanks do not count."""
    return " ".join(title.split()).casefold() == " ".join(name.split()).casefold()


def owner_of(url: str, sources: Sequence[Source]) -> Source:
    """The one source that owns this URL or path; BadInput when none does."""
    for source in sources:
        if source.owns(url):
            return source
    raise BadInput(
        f"No source knows what to do with {url!r}",
        fix="Give an http(s) URL, or the path of an audio file or a folder",
    )
