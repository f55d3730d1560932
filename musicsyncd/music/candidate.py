"""What a source offers for a wanted track."""

from __future__ import annotations

from dataclasses import dataclass

from musicsyncd.music.identity import Identity
from musicsyncd.music.track import Track


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One entry of a search or a list; empty text and None mean "not known"."""

    source: str
    """The name of the source (`soundcloud`, `youtube`, `spotify`)."""
    url: str
    title: str
    """As the service has it, adverts and all."""
    identities: tuple[Identity, ...] = ()
    """Every id that it bears."""
    artists: tuple[str, ...] = ()
    """As the service states them, apart from title and account."""
    uploader: str = ""
    """Whose account it is: the artist, a label, a remixer or anybody."""
    duration: float | None = None
    """Seconds."""
    isrc: str = ""
    """Twelve characters, upper case, no hyphens."""
    album: str = ""
    plays: int | None = None
    explicit: bool | None = None
    official: bool = False
    """The service vouches for it: an artist's topic channel, a label's delivery."""
    preview: bool = False
    """The service says that it gives only a part (`snipped`)."""
    links: tuple[Identity, ...] = ()
    """Ids at other providers that its page names."""

    @classmethod
    def of(cls, track: Track) -> Candidate:
        """A known track as a candidate for another one."""
        return cls(
            source=track.source,
            url=track.source_url,
            title=track.title,
            identities=track.identities,
            artists=track.artists,
            duration=track.duration,
            isrc=track.isrc,
            album=track.album,
        )
