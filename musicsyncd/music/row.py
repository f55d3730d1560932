"""What a catalog's row names: a person wrote it, so nothing in it is believed that cannot be meant. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from musicsyncd.music.identity import (
    SOUNDCLOUD,
    SPOTIFY,
    YOUTUBE,
    Address,
    Identity,
    Kind,
    address,
    isrc,
    of_url,
    url_of,
)
from musicsyncd.music.title import split_artists
from musicsyncd.music.track import Track

ADDRESSES: Final = ("soundcloud_url", "youtube_url", "spotify_url", "spotify_id", "source_url", "url")
"""Fields that name the track somewhere, those whose audio can be had first."""
SERVICES: Final = {"soundcloud_url": SOUNDCLOUD, "youtube_url": YOUTUBE, "spotify_url": SPOTIFY, "spotify_id": SPOTIFY}
"""Whose each of them must be; the others are anybody's."""
NOTHING: Final = frozenset(("none", "null", "nan", "n/a", "-", "--", "undefined", "file_missing"))
"""What programs write where they have nothing to say."""
_BARE_SPOTIFY: Final = re.compile(r"[A-Za-z0-9]{22}")
_DATE: Final = re.compile(r"\d{4}(?:-\d{2}(?:-\d{2})?)?")


def words(value: Any) -> str:
    """A field's text without outer blanks; empty where it says nothing, in whatever way it says so."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    text = " ".join(str(value).split())
    return "" if text.casefold() in NOTHING else text


def named(fields: Mapping[str, Any]) -> tuple[Identity, ...]:
    """The identities of the row's track: what leads to one track, and to no list, person or service as a whole."""
    found = [one.identity if isinstance(one, Address) else one for one in _addresses(fields)]
    return tuple(dict.fromkeys(found))


def track_of(page: Identity, fields: Mapping[str, Any], *, elsewhere: str) -> Track:
    """The track that a row asks for, known by its page first. `source` is who has its audio by an address in the row:
    a named service, else `url`; `elsewhere` where it is to be looked for. The title may be empty.
    """
    source, url = _audio(fields)
    isrc_ = isrc(words(fields.get("isrc")))
    return Track(
        title=words(fields.get("title")),
        artists=_artists(fields.get("artists")),
        album=words(fields.get("album")),
        genre=_first(fields.get("genre")),
        date=_date(fields.get("date")),
        isrc=isrc_,
        record_label=_first(fields.get("label")),
        catalog_number=words(fields.get("catalog_number")),
        duration=_seconds(fields),
        source=source or elsewhere,
        source_url=url,
        identities=(page, *named(fields)),
    )


def _addresses(fields: Mapping[str, Any]) -> Iterator[Address | Identity]:
    for name in ADDRESSES:
        text = words(fields.get(name))
        if name == "spotify_id" and _BARE_SPOTIFY.fullmatch(text):
            text = f"spotify:track:{text}"
        found = address(text)
        if found and found.kind is Kind.TRACK and SERVICES.get(name, found.service) == found.service:
            yield found
        elif not found and name not in SERVICES and (other := _elsewhere(text)):
            yield other


def _elsewhere(text: str) -> Identity | None:
    """A page of the rest of the web; a named service's address that names nothing there is none."""
    try:
        found = of_url(text)
        return found if url_of(found) and not _is_a_services(found.id) else None
    except ValueError:
        return None


def _is_a_services(url: str) -> bool:
    host = url.split("/")[2].rpartition("@")[2].partition(":")[0].removeprefix("www.")
    return any(host == one or host.endswith(f".{one}") for one in _HOSTS)


_HOSTS: Final = (
    "youtube.com", "youtu.be", "youtube-nocookie.com", "soundcloud.com", "spotify.com", "spotify.link", "notion.so",
    "notion.site", "notion.com",
)  # fmt: skip


def _audio(fields: Mapping[str, Any]) -> tuple[str, str]:
    """Who has the audio, and the address there; both empty where it must be looked for."""
    for one in _addresses(fields):
        if isinstance(one, Identity):
            return "url", one.id
        if one.service != SPOTIFY:
            return one.service, one.url
    return "", ""


def _artists(value: Any) -> tuple[str, ...]:
    """From a list, or from one text as people write it."""
    if isinstance(value, list | tuple):
        return tuple(dict.fromkeys(name for one in value if (name := words(one))))
    return split_artists(words(value))


def _first(value: Any) -> str:
    if isinstance(value, list | tuple):
        return next((text for one in value if (text := words(one))), "")
    return words(value)


def _date(value: Any) -> str:
    found = _DATE.match(words(value))
    return found[0] if found else ""


def _seconds(fields: Mapping[str, Any]) -> float | None:
    for name, unit in (("duration", 1.0), ("duration_ms", 1000.0)):
        value = fields.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value > 0:
            return value / unit
    return None
