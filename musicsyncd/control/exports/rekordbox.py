"""Tracks as rekordbox's interchange XML (`DJ_PLAYLISTS` 1.0.0), which a person imports there. Pure.

The names and units are those of the maker's "xml format list". Beat grids are left out: where the first beat is, is not
known here, and a guessed grid would be taken for a measured one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from musicsyncd.control.exports.item import Item

KINDS: Final = {
    "mp3": "MP3 File",
    "aac": "M4A File",
    "alac": "M4A File",
    "wav": "WAV File",
    "aiff": "AIFF File",
    "flac": "FLAC File",
}
_NOT_IN_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def head(version: str, entries: int) -> bytes:
    """The beginning: who wrote it, and how many tracks follow."""
    product = _element("PRODUCT", {"Name": "musicsyncd", "Version": version, "Company": ""})
    opened = _opened("COLLECTION", {"Entries": str(entries)})
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<DJ_PLAYLISTS Version="1.0.0">\n{product}{opened}'.encode()


def tracks(items: Iterable[tuple[int, Item]]) -> bytes:
    """Each track with its number in this file."""
    return "".join(_element("TRACK", _attributes(number, one)) for number, one in items).encode()


def playlists_head(count: int) -> bytes:
    """The end of the tracks, and the beginning of so many playlists."""
    root = _opened("NODE", {"Type": "0", "Name": "ROOT", "Count": str(count)})
    return f"</COLLECTION>\n<PLAYLISTS>\n{root}".encode()


def playlist(title: str, numbers: list[int]) -> bytes:
    """A playlist, by the numbers of its tracks in this file."""
    node = _opened("NODE", {"Type": "1", "Name": title, "KeyType": "0", "Entries": str(len(numbers))})
    return (node + "".join(f'<TRACK Key="{number}"/>\n' for number in numbers) + "</NODE>\n").encode()


def tail() -> bytes:
    """The end of the file."""
    return b"</NODE>\n</PLAYLISTS>\n</DJ_PLAYLISTS>\n"


def location(path: str) -> str:
    """A file's address as rekordbox spells it."""
    return "file://localhost" + quote(os.fsencode(path))


def _attributes(number: int, one: Item) -> dict[str, str]:
    """What is known; what is not is left out."""
    track, seconds, rate = one.entry.track, one.duration, one.audio.get("sample_rate")
    known = {
        "TrackID": str(number),
        "Name": track.title,
        "Artist": track.artist,
        "Album": track.album,
        "Genre": track.genre,
        "Kind": KINDS.get(one.format, ""),
        "Size": str(one.size),
        "TotalTime": str(round(seconds)) if seconds else "",
        "DiscNumber": str(track.disc_number or ""),
        "TrackNumber": str(track.track_number or ""),
        "Year": track.date[:4],
        "AverageBpm": f"{one.counts.bpm:.2f}" if one.counts.bpm else "",
        "DateAdded": one.entry.created_at[:10],
        "BitRate": str(round(one.size * 8 / seconds / 1000)) if seconds else "",
        "SampleRate": str(rate) if rate else "",
        "Tonality": one.counts.key,
        "Label": track.record_label,
        "Location": location(one.path),
    }
    return {name: value for name, value in known.items() if value or name in ("Name", "Artist")}


def _element(name: str, attributes: Mapping[str, str]) -> str:
    return f"<{name}{_spelled(attributes)}/>\n"


def _opened(name: str, attributes: Mapping[str, str]) -> str:
    return f"<{name}{_spelled(attributes)}>\n"


def _spelled(attributes: Mapping[str, str]) -> str:
    return "".join(f" {name}={quoteattr(_NOT_IN_XML.sub('', value))}" for name, value in attributes.items())
