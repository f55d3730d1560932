"""A source whose tracks lie in memory: the twin that the others are measured by."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Final

import anyio

from musicsyncd.errors import Permanent
from musicsyncd.music.candidate import Candidate
from musicsyncd.music.track import Track
from musicsyncd.sources.base import Found, Progress, Source, Supplied

SCHEME: Final = "memory:"


class MemorySource(Source):
    """Tracks by their `source_url` (it begins with `memory:`), newest first, each with its file's bytes."""

    name: ClassVar[str] = "memory"
    searches: ClassVar[bool] = True

    def __init__(self, tracks: Mapping[Track, bytes], *, suffix: str = ".wav") -> None:
        self._tracks = {track.source_url: (track, audio) for track, audio in tracks.items()}
        self._suffix = suffix

    def owns(self, url: str) -> bool:
        return url.startswith(SCHEME)

    async def resolve(self, url: str, *, progress: Progress | None = None) -> Found:
        """The one track of that URL; Permanent when there is none."""
        return Found(tracks=(self._get(url)[0],))

    async def list(self, *, limit: int | None = None) -> Found:
        """The tracks in the order in which they were given."""
        return Found(tracks=tuple(track for track, _ in self._tracks.values())[:limit])

    async def search(self, query: str, limit: int) -> Sequence[Candidate]:
        """Tracks that share a word with the query, those that share most first."""
        words = set(query.casefold().split())
        shared = [(len(words & set(one.label.casefold().split())), one) for one, _ in self._tracks.values()]
        found = sorted((pair for pair in shared if pair[0]), key=lambda pair: -pair[0])
        return tuple(Candidate.of(one) for _, one in found[:limit])

    async def supply(self, track: Track, folder: Path, progress: Progress) -> Supplied:
        """Write the bytes into the folder."""
        found, audio = self._get(track.source_url)
        progress(0.0, "memory")
        path = folder / f"audio{self._suffix}"
        await anyio.Path(path).write_bytes(audio)
        progress(1.0, "memory")
        track = track.with_identities(*found.identities)
        digest = hashlib.sha256(audio).hexdigest()
        return Supplied(path=path, sha256=digest, size=len(audio), track=track, details={})

    def _get(self, url: str) -> tuple[Track, bytes]:
        try:
            return self._tracks[url]
        except KeyError as error:
            raise Permanent(f"There is no track {url!r} in memory") from error
