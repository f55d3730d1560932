"""What was selected, as values, and what was heard of each source on the way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from musicsyncd.errors import MusicsyncError
from musicsyncd.music.playlist import Playlist
from musicsyncd.music.track import Track
from musicsyncd.sources.base import Found, Refusal, Source


@dataclass(frozen=True, kw_only=True)
class Rung:
    """One source that was asked, and what came of it."""

    source: str
    said: str
    found: int | None = field(default=None, compare=False)
    """Tracks that it offered, where it was asked for all that it has."""
    new: int | None = field(default=None, compare=False)
    """Of these: nobody had taken them."""
    refused: int = field(default=0, compare=False)
    """Beside these, what cannot be taken however often it is asked for."""

    def as_dict(self) -> dict[str, Any]:
        """As JSON; numbers only where there are any."""
        told: dict[str, Any] = {"source": self.source, "said": self.said}
        told |= {"refused": self.refused} if self.refused else {}
        return told if self.found is None else told | {"found": self.found, "new": self.new}


@dataclass(frozen=True, kw_only=True)
class Selected:
    """The tracks that a request means."""

    tracks: tuple[Track, ...] = ()
    known: tuple[str, ...] = ()
    """Ids of tracks that the ledger knows and that were left unfinished."""
    corrected: tuple[Track, ...] = ()
    """Known tracks of which a person says something else by now."""
    refused: tuple[Refusal, ...] = ()
    playlists: tuple[Playlist, ...] = ()
    """Lists that were read on the way."""
    rungs: tuple[Rung, ...] = ()


@dataclass
class Asking:
    """What was heard so far of the sources that a request asks."""

    rungs: list[Rung] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    playlists: list[Playlist] = field(default_factory=list)
    corrected: list[Track] = field(default_factory=list)
    _troubles: set[str] = field(default_factory=set)

    def told(
        self, source: str, said: str, *, found: int | None = None, new: int | None = None, refused: int = 0
    ) -> None:
        """Report a rung."""
        self.rungs.append(Rung(source=source, said=said, found=found, new=new, refused=refused))

    def ready(self, sources: Sequence[Source], set_up: Callable[[Source], bool | None]) -> list[Source]:
        """Those that are set up; that the others are not is said of all at once."""
        if missing := [source.name for source in sources if set_up(source) is False]:
            self.told(", ".join(missing), "not set up")
        return [source for source in sources if set_up(source)]

    async def offered(self, rung: str, ask: Callable[[], Awaitable[Found]]) -> Found | None:
        """What a source offers; None when it is in trouble: that is a skipped rung with its reason, and the next
        source is asked.
        """
        try:
            found = await ask()
        except MusicsyncError as error:
            self.told(rung, "skipped for the same reason" if str(error) in self._troubles else f"skipped: {error}")
            self._troubles.add(str(error))
            return None
        self.playlists += found.playlists
        self.corrected += found.corrected
        return found

    def selected(self, *tracks: Track, known: Sequence[str] = ()) -> Selected:
        """These tracks, with all that was heard."""
        return Selected(
            tracks=tracks,
            known=tuple(known),
            corrected=tuple(self.corrected),
            refused=tuple(self.refused),
            playlists=tuple(self.playlists),
            rungs=tuple(self.rungs),
        )
