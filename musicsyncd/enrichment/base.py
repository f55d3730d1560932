"""The port behind which every service stands that knows more of a track than its source does.

Services are asked in a row, and each is given what the ones before it told. Nothing that they say replaces the word of
the track's own source: what is done with it is the pipeline's to decide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from musicsyncd.music.identity import Identity
from musicsyncd.music.recognition import HeardAs
from musicsyncd.music.track import Track


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is known of a track when somebody is asked about it."""

    track: Track
    """As its source has it."""
    duration: float
    """Seconds, as heard."""
    fingerprint: str = ""
    """Chromaprint in AcoustID's base64 form; empty when nothing could be heard."""
    wanted: frozenset[str] = frozenset()
    """Fields that are not known yet: `album`, `date`, `isrc`, `label`, `catalog_number`, `artwork`."""
    recording: str = ""
    """MusicBrainz id of the recording that it seems to be."""
    cover_of: str = ""
    """MusicBrainz id of a release whose front cover would be its artwork."""

    def learning(self, told: Told) -> Known:
        """The same, with what somebody told."""
        return replace(
            self,
            track=self.track.with_identities(*told.identities),
            recording=told.recording or self.recording,
            cover_of=told.cover_of or self.cover_of,
        )


@dataclass(frozen=True, kw_only=True)
class Told:
    """What one service says of a track."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    """Values by field (`album`, `isrc`, `label` …), as JSON; a field that is not there was not spoken of."""
    identities: tuple[Identity, ...] = ()
    recording: str = ""
    cover_of: str = ""
    picture: Path | None = None
    """A front cover, in a file that is not the asker's: unchecked, and to be copied."""
    note: str = ""
    """Why it says nothing, or less than it could, in a sentence."""


class Enricher:
    """A service that can be asked about a track."""

    name: ClassVar[str]
    """The origin under which its word is written down."""

    async def ask(self, known: Known) -> Told:
        """What it says. Raises Temporary, Permanent, BadInput or NeedsPerson when it cannot be asked."""
        raise NotImplementedError

    async def recordings(self, known: Known) -> Sequence[HeardAs]:
        """Every recording that it takes the sound for; none when it cannot tell. Raises as `ask` does."""
        return ()
