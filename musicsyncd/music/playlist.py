"""A playlist as a value: where somebody keeps tracks at a service, and which of them were seen in it."""

from __future__ import annotations

from dataclasses import dataclass

from musicsyncd.music.identity import Identity, shareable


@dataclass(frozen=True, kw_only=True)
class Playlist:
    """A playlist, a set, or somebody's likes."""

    identity: Identity
    """`spotify:playlist:…`, `soundcloud:ada/likes`; of a private set with its token."""
    title: str
    """As the service has it; empty where it was not told."""
    tracks: tuple[Identity, ...] = ()
    """Ids of tracks that are in it, each the first one of its track."""
    whole: bool = False
    """Whether these are all: only then a track that is missing was taken out of it."""

    @property
    def id(self) -> str:
        """Under which it is known here: it lets nobody in."""
        return shareable(self.identity)
