"""One track as it is exported: what is known of it, and the one file of it that is meant. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from musicsyncd.ledger.entry import Entry
from musicsyncd.ledger.standing import Evidence
from musicsyncd.music.precedence import Effective, Precedence, effective


@dataclass(frozen=True, kw_only=True)
class Place:
    """A volume from which files are taken."""

    target: str
    name: str
    root: Path
    formats: tuple[str, ...]
    """The first one that stands is the one that is meant."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """A track with the file that is meant; an empty path where none stands."""

    entry: Entry
    counts: Effective
    volume: str = ""
    format: str = ""
    path: str = ""
    """Absolute."""
    size: int = 0
    """Bytes."""

    @property
    def duration(self) -> float | None:
        """Seconds: those that were decoded, else those that the source stated."""
        output = self.entry.output(self.format)
        decoded = output.duration if output else None
        return decoded or (self.entry.analysis or {}).get("duration") or self.entry.track.duration

    @property
    def audio(self) -> Mapping[str, Any]:
        """Codec, sample rate and so on of the file."""
        output = self.entry.output(self.format)
        return output.facts if output else {}


def item(entry: Entry, places: Sequence[Place], precedence: Precedence) -> Item:
    """The track, with its file on the first of these volumes on which one stands."""
    counts = effective(entry.said, entry.analysis, precedence)
    for place in places:
        standing = [one for one in entry.evidence if one.target == place.target]
        if standing:
            one = min(standing, key=lambda one: _rank(one, place))
            return Item(
                entry=entry,
                counts=counts,
                volume=place.name,
                format=one.part,
                path=str(place.root / one.detail["path"]),
                size=int(one.detail["size"]),
            )
    return Item(entry=entry, counts=counts)


def _rank(one: Evidence, place: Place) -> int:
    return place.formats.index(one.part) if one.part in place.formats else len(place.formats)
