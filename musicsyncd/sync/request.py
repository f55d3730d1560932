"""A request as a value that fits in the queue."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self


class Scope(StrEnum):
    """How much a request asks for."""

    URL = "url"
    """The track or tracks behind one URL or path that a person gave."""
    NEXT = "next"
    """The newest track that some source offers and that does not stand yet."""
    UNFINISHED = "unfinished"
    """What was left unfinished: tracks that wait for a target, or were never settled."""
    INCREMENTAL = "incremental"
    """What the sources offer that is not known yet, and what was left unfinished."""
    FULL = "full"
    """Everything that the sources offer and the ledger knows, looked at anew."""


@dataclass(frozen=True, kw_only=True)
class SyncRequest:
    """What somebody asked for."""

    scope: Scope
    url: str = ""
    """For scope `url`: an http(s) URL, a file:// URL or an absolute path."""
    source: str = ""
    """Only this source, by name; empty means any."""
    dry_run: bool = False
    """Decide, and do nothing."""

    @property
    def key(self) -> str:
        """Two requests with the same key are one request."""
        return "|".join((self.scope, self.source, self.url) + (("dry-run",) if self.dry_run else ()))

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        return cls(**{**data, "scope": Scope(data["scope"])})
