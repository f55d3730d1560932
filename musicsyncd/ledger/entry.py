"""What the ledger says of one track, as a value."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from musicsyncd.ledger.standing import Evidence
from musicsyncd.music.said import Said
from musicsyncd.music.track import Track


@dataclass(frozen=True, kw_only=True)
class FileFacts:
    """One file of a track: the audio that came, or an output made of it."""

    role: str
    """`source` or `output`."""
    format: str
    """The output's format name; empty for the source."""
    sha256: str
    size: int
    """Bytes."""
    pcm_md5: str = ""
    """MD5 of the decoded samples, hexadecimal."""
    duration: float | None = None
    """Seconds."""
    facts: dict[str, Any]
    """Codec, sample rate in Hz, bit depth, channels, bit rate in bit/s, decoder; of an output also `tags` (what was
    written, the fingerprint as its hash), and after a change of tags `version` and `earlier` (`tags` by proof).
    """

    @property
    def proof(self) -> str:
        """What the evidence of a copy must bear to count as the newest: the file's hash as made, or, once its tags were
        changed, their version. Copies of one version differ where other programs wrote into them.
        """
        return str(self.facts.get("version") or self.sha256)

    def tags_of(self, proof: str) -> dict[str, Any] | None:
        """What we wrote into copies of this version; None when it is not known."""
        found = self.facts.get("tags") if proof == self.proof else self.facts.get("earlier", {}).get(proof)
        return dict(found) if found is not None else None

    def turned_back(self, proof: str) -> FileFacts:
        """The same output, wanted again as copies with this proof are; those of today's version become older ones."""
        if proof == self.proof:
            return self
        tags, earlier = self.tags_of(proof), {**self.facts.get("earlier", {}), self.proof: self.facts.get("tags")}
        earlier.pop(proof, None)
        return replace(self, facts=self.facts | {"tags": tags, "version": proof, "earlier": earlier})

    def older(self, proof: str) -> bool:
        """Whether a copy with this proof is an earlier version of the same samples."""
        return proof != self.proof and proof in self.facts.get("earlier", {})


@dataclass(frozen=True, kw_only=True)
class Parked:
    """A target that a track could not reach, and why."""

    target: str
    reason: dict[str, Any]
    since: str


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A playlist that a track is in."""

    id: str
    """`spotify:playlist:…`, `soundcloud:ada/likes`."""
    title: str
    folder: str = ""
    """The name under which it was met first: files are filed by that one, so that a new name moves none."""
    since: str = ""
    """When the track was first seen in it, ISO 8601."""


class Aside(StrEnum):
    """How a person had a track left alone. Both end with `tracks unskip`."""

    SKIPPED = "skipped"
    """It is not wanted for now: what stands of it stays."""
    FORGOTTEN = "forgotten"
    """It is the owner's own affair from now on: not told of in lists either."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Everything that is known of one track."""

    id: str
    track: Track
    files: tuple[FileFacts, ...] = ()
    analysis: dict[str, Any] | None = None
    said: tuple[Said, ...] = ()
    """The word of each origin on it."""
    playlists: tuple[Listed, ...] = ()
    """Where it, or a copy that was left out for its sake, is listed; by title."""
    evidence: tuple[Evidence, ...] = ()
    parked: tuple[Parked, ...] = ()
    duplicate_of: str | None = None
    verdict: dict[str, Any] | None = None
    failure: dict[str, Any] | None = None
    settled_at: str | None = None
    aside: Aside | None = None
    """Why nothing is done for it: a person said so."""
    created_at: str = ""
    updated_at: str = ""

    @property
    def playlist_folder(self) -> str:
        """The playlist that it is filed under: the one it was seen in first, lists of likes only when there is no
        other; empty when there is none.
        """
        named = [one for one in self.playlists if one.folder]
        first = min(named, key=lambda one: (one.id.endswith("/likes"), one.since, one.id), default=None)
        return first.folder if first else ""

    def output(self, format_name: str) -> FileFacts | None:
        """The output of that format, as it was last made."""
        return next((one for one in self.files if one.role == "output" and one.format == format_name), None)

    @property
    def source_file(self) -> FileFacts | None:
        """The audio as it came."""
        return next((one for one in self.files if one.role == "source"), None)
