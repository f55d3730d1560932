"""A request as a value that fits in the queue."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final, Self


class Scope(StrEnum):
    """How much a request asks for."""

    URL = "url"
    """The track or tracks behind one URL or path that a person gave."""
    NEXT = "next"
    """One track: what is listened to now, else the newest that some source offers or the ledger knows, and that may be
    taken.
    """
    UNFINISHED = "unfinished"
    """What was left unfinished: tracks that wait for a target, or were never settled."""
    INCREMENTAL = "incremental"
    """What the sources offer that is not known yet, and what was left unfinished."""
    FULL = "full"
    """Everything that the sources offer and the ledger knows, looked at anew."""
    PLAYLIST = "playlist"
    """All tracks of one playlist, set or album, by address or by the name of one that the settings name."""
    RECENT = "recent"
    """What was listened to lately and does not stand yet."""
    LACKING = "lacking"
    """What was never seen on one target, such as a new one."""


TRACK: Final = "track"
"""The kind of a job that brings one track home; its key is the track's id."""
STEPS: Final = ("analyze", "tag")
"""What can be done again for tracks that stand, without downloading."""


@dataclass(frozen=True, kw_only=True)
class RetryRequest:
    """One step again for one track, for those that a query finds, or for all."""

    step: str
    """One of STEPS."""
    track: str = ""
    """A track's full id."""
    query: str = ""
    """Words, as `tracks QUERY` takes them. Neither this nor a track: every track."""
    outdated: bool = False
    """Only tracks whose analysis is of an older version than ours, or that have none."""
    dry_run: bool = False

    @property
    def key(self) -> str:
        """Two requests with the same key are one request."""
        which = self.track or (f"tracks with {self.query}" if self.query else "all tracks")
        flags = (("outdated",) if self.outdated else ()) + (("dry-run",) if self.dry_run else ())
        return ", ".join((f"{self.step} {which} again", *flags))

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        return cls(**data)


@dataclass(frozen=True, kw_only=True)
class SyncRequest:
    """What somebody asked for."""

    scope: Scope
    url: str = ""
    """For scope `url`: an http(s) URL, a file:// URL or an absolute path; for `playlist` an address or a name."""
    source: str = ""
    """Only this source, by name; empty means any."""
    target: str = ""
    """For scope `lacking`: `volume:VIBES`, `catalog:local`. For `unfinished`: one that has come back."""
    without: tuple[str, ...] = ()
    """Sources that are not asked, by name: they are paused."""
    dry_run: bool = False
    """Decide, and do nothing."""

    @property
    def key(self) -> str:
        """Two requests with the same key are one request."""
        left_out = (f"without {', '.join(self.without)}",) if self.without else ()
        further = ((self.target,) if self.target else ()) + left_out + (("dry-run",) if self.dry_run else ())
        return "|".join((self.scope, self.source, self.url, *further))

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        return cls(**{**data, "scope": Scope(data["scope"]), "without": tuple(data.get("without", ()))})
