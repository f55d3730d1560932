"""What yt-dlp's worker says of a track, as a Track. Pure; nothing of the vendor is imported."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from musicsyncd.errors import BadInput
from musicsyncd.music.identity import Identity, of_url
from musicsyncd.music.title import parse_file_name
from musicsyncd.music.track import Track

SOURCE: Final = "url"
NAMELESS: Final = frozenset({"generic", "html5mediaembed"})
"""Extractors that know files on pages, not a service with ids of its own."""
NOBODY: Final = re.compile(r"user-\d{6,}|unknown( artist)?|various( artists)?|n/?a", re.IGNORECASE)
"""Names that services give to accounts without one."""
LONGEST: Final = 30 * 86_400.0
"""Seconds; a longer duration is a mistake."""
FILLED_IN: Final = (
    "artists", "album", "album_artist", "genre", "date", "track_number", "disc_number", "isrc", "duration",
    "artwork_url",
)  # fmt: skip
"""What a delivery may add to a track that does not say it."""

Info = Mapping[str, Any]


def track_of(info: Info, asked: str) -> Track:
    """The track; `asked` is the URL that a person gave. BadInput when no web address leads to it."""
    address = _address(info, asked)
    title, artists = _names(info, address)
    return Track(
        title=title,
        artists=artists,
        album=_text(info, "album"),
        album_artist=", ".join(_list(info, "album_artists", "album_artist")),
        genre=", ".join(_list(info, "genres", "genre")),
        date=_date(info),
        track_number=_number(info.get("track_number")),
        disc_number=_number(info.get("disc_number")),
        isrc=_isrc(info),
        duration=_seconds(info.get("duration")),
        source=SOURCE,
        source_url=address,
        artwork_url=_web(info.get("thumbnail")),
        identities=_identities(info, asked, address),
    )


def with_delivery(track: Track, info: Info) -> Track:
    """The wanted track, where it says nothing filled in by what the delivery said; its identities first."""
    told = track_of(info, track.source_url)
    if track.title == last_resort(track.source_url):  # an entry of a list that bore no title
        track = replace(track, title=told.title, artists=track.artists or told.artists)
    gaps = {name: getattr(told, name) for name in FILLED_IN if not getattr(track, name)}
    return replace(track, **gaps).with_identities(*told.identities)


def _address(info: Info, asked: str) -> str:
    """Where to fetch it again: the page that is the track's own, the URL asked for, or the very file."""
    page = _web(info.get("webpage_url"))
    if _shares_page(info):
        page = ""
    elif _is_nameless(info) and not info.get("playlist_webpage_url") and info.get("_type", "video") == "video":
        page = _web(info.get("original_url")) or asked  # not where it was redirected to: that may be signed and run out
    address = page or _web(info.get("url"))
    if not address:
        raise BadInput("The entry has no http or https address", why=f"It names {str(info.get('url'))[:100]!r}")
    return address


def _shares_page(info: Info) -> bool:
    """Whether several tracks stand on that one page."""
    return bool(info.get("playlist_webpage_url")) and info.get("webpage_url") == info.get("playlist_webpage_url")


def _is_nameless(info: Info) -> bool:
    return (_text(info, "extractor_key") or _text(info, "ie_key") or "generic").lower() in NAMELESS


def _identities(info: Info, asked: str, address: str) -> tuple[Identity, ...]:
    found = [of_url(address)]
    if _is_nameless(info):
        if not _shares_page(info) and (page := _web(info.get("webpage_url"))):
            found.append(of_url(page))
    elif id_ := _text(info, "id"):
        provider = _text(info, "extractor_key") or _text(info, "ie_key")
        found.append(Identity(provider.lower(), id_))
    return tuple(dict.fromkeys(found))


def _names(info: Info, address: str) -> tuple[str, tuple[str, ...]]:
    stated = tuple(name for name in _list(info, "artists", "artist", "creators", "creator") if _is_somebody(name))
    if (title := _text(info, "track")) and stated:
        return title, stated
    title = _text(info, "title")
    if _shares_page(info) or not title:
        title = last_resort(address)
    artists, short = parse_file_name(title)
    if stated:
        same = [name.casefold() for name in artists] == [name.casefold() for name in stated]
        return (short if same else title), stated
    if artists:
        return short, artists
    uploader = _text(info, "uploader") or _text(info, "channel")
    return short or title, ((uploader,) if _is_somebody(uploader) else ())


def last_resort(address: str) -> str:
    """A title made of the address: the file's name, else the whole of it."""
    return _clean(unquote(PurePosixPath(urlsplit(address).path).stem)) or address


def _is_somebody(name: str) -> bool:
    return bool(name) and not NOBODY.fullmatch(name)


def _text(info: Info, key: str) -> str:
    value = info.get(key)
    return _clean(value) if isinstance(value, str) else ""


def _list(info: Info, *keys: str) -> list[str]:
    """The first of these fields that says anything, as texts."""
    for key in keys:
        value = info.get(key)
        values: Sequence[object] = value if isinstance(value, list) else [value]
        if texts := [_clean(one) for one in values if isinstance(one, str) and one.strip()]:
            return texts
    return []


def _clean(text: str) -> str:
    """One line of valid text."""
    valid = text.encode("utf-8", "replace").decode("utf-8")
    return " ".join("".join(c if c.isprintable() else " " for c in valid).split())


def _date(info: Info) -> str:
    """The release date, or the upload's where a service says no more; never a bare file's last change."""
    stamp = _text(info, "release_date") or str(info.get("release_year") or "")
    if not stamp and not _is_nameless(info):
        stamp = _text(info, "upload_date")
    if match := re.fullmatch(r"(\d{4})(\d{2})(\d{2})", stamp):
        return "-".join(match.groups())
    return stamp if re.fullmatch(r"\d{4}", stamp) else ""


def _isrc(info: Info) -> str:
    isrc = _text(info, "isrc").replace("-", "").upper()
    return isrc if re.fullmatch(r"[A-Z]{2}[A-Z0-9]{3}\d{7}", isrc) else ""


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _seconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 < value < LONGEST else None


def _web(url: object) -> str:
    """The URL when it is one of the web, else nothing."""
    try:
        return url if isinstance(url, str) and urlsplit(url).scheme.lower() in ("http", "https") else ""
    except ValueError:  # no URL at all: an open bracket in the host
        return ""
