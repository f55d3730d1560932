"""A track as a value: what is known of a piece of music before and while it is worked on."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Self

from musicsyncd.music.identity import Identity


@dataclass(frozen=True, kw_only=True)
class Track:
    """One recording that somebody wants; empty text and None mean "not known"."""

    title: str
    """The title, with its version words ("Hot in Herre (Chozen Remix)")."""
    artists: tuple[str, ...] = ()
    """Performing artists, the main one first."""
    album: str = ""
    album_artist: str = ""
    genre: str = ""
    date: str = ""
    """Release date as ISO 8601, as precise as known: `2019`, `2019-05`, `2019-05-04`."""
    track_number: int | None = None
    disc_number: int | None = None
    isrc: str = ""
    """Twelve characters, upper case, no hyphens."""
    record_label: str = ""
    """The label that brought it out."""
    catalog_number: str = ""
    """Under which that label has it."""
    comment: str = ""
    duration: float | None = None
    """Seconds, as the source states them."""
    source: str = ""
    """The name of the source that found it (`folder`, `url`)."""
    source_url: str = ""
    """Where its audio can be had: an http(s) URL or a file:// URL."""
    artwork_url: str = ""
    liked_at: str = ""
    """When its owner liked it at the source, ISO 8601."""
    identities: tuple[Identity, ...] = ()
    """Every provider's id for it, the one it was found by first."""

    @property
    def artist(self) -> str:
        """All artists as one text, as file names and simple tags want it."""
        return ", ".join(self.artists)

    @property
    def label(self) -> str:
        """`Artist - Title`, as people say it."""
        return f"{self.artist} - {self.title}" if self.artists else self.title

    def as_dict(self) -> dict[str, Any]:
        """The track as JSON."""
        data = asdict(self)
        return data | {"artists": list(self.artists), "identities": [str(identity) for identity in self.identities]}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """The track that `as_dict` wrote; unknown keys of a newer version are ignored."""
        known = {field.name for field in fields(cls)}
        values = {key: value for key, value in data.items() if key in known}
        values["artists"] = tuple(values.get("artists", ()))
        values["identities"] = tuple(Identity.parse(text) for text in values.get("identities", ()))
        return cls(**values)

    def with_identities(self, *more: Identity) -> Track:
        """The same track, known by these ids too."""
        return replace(self, identities=tuple(dict.fromkeys((*self.identities, *more))))
