"""Spotify's words about a track as a `Track`, or why it is none. Pure; whatever an answer holds, it raises nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from musicsyncd.errors import BadInput
from musicsyncd.music.identity import SPOTIFY, Identity, Kind, address, isrc
from musicsyncd.music.track import Track
from musicsyncd.sources.base import Refusal

SOURCE: Final = "spotify"
_DATE: Final = re.compile(r"(?!0000)\d{4}(?:-\d{2}){0,2}")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of a list."""

    track: Track | None = None
    refusal: Refusal | None = None
    """Why there is no track; None too where there was never one."""
    added_at: str = ""
    """ISO 8601 in UTC, as Spotify writes it."""
    lost: bool = False
    """Whether a track may have been here that Spotify does not name any more."""

    @property
    def id(self) -> str:
        """The track's id at Spotify, `track:…`; empty when there is none."""
        return self.track.identities[0].id if self.track else ""


def entry_of(line: Any, where: str) -> Entry:
    """A line of a list of saved, listed or played tracks. `where` names it: "Saved tracks, number 7"."""
    line = line if isinstance(line, Mapping) else {}
    item = line.get("item") or line.get("track")
    added_at = _text(line, "added_at") or _text(line, "played_at")
    local = bool(line.get("is_local")) and isinstance(item, Mapping)
    found = track_of({**item, "is_local": True} if local else item, where)
    return Entry(
        track=found if isinstance(found, Track) else None,
        refusal=found if isinstance(found, Refusal) else None,
        added_at=added_at,
        lost=not isinstance(item, Mapping),
    )


def track_of(item: Any, where: str, *, album: Mapping[str, Any] | None = None) -> Track | Refusal:
    """The track; a Refusal for what is null, an episode, a file of somebody's own, or nameless.

    `album` stands in where the track does not say its album (as within an album's own list).
    """
    if not isinstance(item, Mapping):
        return Refusal(name=where, error=BadInput("Spotify no longer says which track this was"))
    title = _text(item, "name")
    name = f"{where}: {title}" if title else where
    if item.get("is_local"):
        return Refusal(
            name=name, error=BadInput("This is a file on somebody's own machine, which Spotify does not have")
        )
    if _text(item, "type") not in ("track", ""):
        return Refusal(name=name, error=BadInput(f"This is no track: Spotify calls it {_text(item, 'type')!r}"))
    found = address(f"spotify:track:{_text(item, 'id')}")
    if not title or found is None:
        return Refusal(name=name, error=BadInput("Spotify gives it no title or no id"))
    return _track(item, title, found.identity, _mapping(item, "album") or album or {})


def _track(item: Mapping[str, Any], title: str, identity: Identity, album: Mapping[str, Any]) -> Track:
    asked_as = address(_text(_mapping(item, "linked_from"), "uri"))
    identities = [identity, *([asked_as.identity] if asked_as and asked_as.kind is Kind.TRACK else [])]
    duration = _number(item, "duration_ms")
    return Track(
        title=title,
        artists=_names(item),
        album=_text(album, "name"),
        album_artist=", ".join(_names(album)),
        date=date_of(_text(album, "release_date")),
        track_number=_number(item, "track_number"),
        disc_number=_number(item, "disc_number"),
        isrc=isrc(_text(_mapping(item, "external_ids"), "isrc")),
        duration=duration / 1000 if duration else None,
        source=SOURCE,
        source_url=url_of_id(identity),
        artwork_url=_artwork(album),
        identities=tuple(dict.fromkeys(identities)),
    )


def url_of_id(identity: Identity) -> str:
    """`https://open.spotify.com/track/…`"""
    found = address(str(identity))
    return found.url if found else ""


def named(id_: str) -> Track:
    """A track of which only the id is known, to ask whether somebody knows it."""
    return Track(title=id_, source=SOURCE, identities=(Identity(SPOTIFY, id_),))


def date_of(text: str) -> str:
    """A release date as precise as it is known; empty for none, and for the year 0000 of albums that have none."""
    return text if _DATE.fullmatch(text) else ""


def _artwork(album: Mapping[str, Any]) -> str:
    """The largest picture's address."""
    images = [one for one in _list(album, "images") if _text(one, "url").startswith("https://")]
    images.sort(key=lambda one: _number(one, "width") or 0, reverse=True)
    return _text(images[0], "url") if images else ""


def _names(data: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(filter(None, (_text(one, "name") for one in _list(data, "artists"))))


def _list(data: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    value = data.get(key)
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _mapping(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = data.get(key)
    return value if isinstance(value, Mapping) else {}


def _text(data: Mapping[str, Any], key: str) -> str:
    """One line of text that can be written as UTF-8."""
    value = data.get(key)
    return " ".join(value.encode(errors="ignore").decode().split()) if isinstance(value, str) else ""


def _number(data: Mapping[str, Any], key: str) -> int | None:
    value = data.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31 else None
