"""A library exported from Spotify to CSV (Exportify and its like): tracks without an account, an app or a network."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from musicsyncd.errors import BadInput, MusicsyncError, Temporary
from musicsyncd.music.identity import Kind, address, isrc
from musicsyncd.music.track import Track
from musicsyncd.sources.base import Found, Refusal
from musicsyncd.sources.spotify_track import SOURCE, date_of

LARGEST: Final = 64 * 1000**2
"""Bytes of one file: some hundred thousand tracks."""
COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "uri": ("track uri", "spotify uri", "uri", "spotify id", "track id"),
    "title": ("track name", "title", "name"),
    "artists": ("artist name(s)", "artist name", "artists", "artist"),
    "artist_uris": ("artist uri(s)",),
    "album": ("album name", "album"),
    "album_artist": ("album artist name(s)", "album artist"),
    "date": ("album release date", "release date"),
    "artwork": ("album image url",),
    "disc": ("disc number",),
    "number": ("track number",),
    "duration": ("track duration (ms)", "duration (ms)", "duration_ms"),
    "isrc": ("isrc",),
    "added_at": ("added at", "added_at"),
}
"""What the columns are called by the programs that write such files, in lower case."""


@dataclass(frozen=True, kw_only=True)
class Export:
    """One file, read."""

    stamp: tuple[int, int]
    """Time of change (ns) and bytes."""
    found: Found


def files_of(place: Path) -> list[Path]:
    """The file itself, or every .csv in the folder; BadInput when there is none."""
    try:
        files = sorted(place.glob("*.csv")) if place.is_dir() else [place]
        found = [one for one in files if one.is_file()]
    except OSError as error:
        raise _unreadable(place, error) from error
    if not found:
        raise BadInput(
            f"There is no CSV file at {place}", fix="Correct spotify.library_csv, or export the library again"
        )
    return found


def read_export(path: Path, before: Export | None = None) -> Export:
    """The file's tracks, the newest first; `before` again when the file has not changed since."""
    try:
        status = path.stat()
        stamp = (status.st_mtime_ns, status.st_size)
        if before and before.stamp == stamp:
            return before
        if status.st_size > LARGEST:
            raise BadInput(f"{path} is larger than {LARGEST} bytes, which is no export of a library")
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise _unreadable(path, error) from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not UTF-8 text", fix="Export the library again") from error
    return Export(stamp=stamp, found=parsed(text, path.name))


def parsed(text: str, name: str) -> Found:
    """The tracks of an export, the newest first where it says when they were added. BadInput for what is none."""
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise BadInput(f"{name} is no CSV file", why=str(error), fix="Export the library again") from error
    columns = _columns(rows[0] if rows else [])
    if not {"uri", "title"} <= columns.keys():
        what = f"{name} is no export of a Spotify library"
        raise BadInput(what, why="It has no columns 'Track URI' and 'Track Name'", fix="Export the library again")
    lines = [{key: row[place].strip() for key, place in columns.items() if place < len(row)} for row in rows[1:] if row]
    between = _separator(line.get("artists", "") for line in lines)
    read = [(line.get("added_at", ""), _read(line, between, f"{name}, line {at}")) for at, line in enumerate(lines, 2)]
    read.sort(key=lambda one: one[0], reverse=True)
    tracks = {one.identities[0]: one for _, one in reversed(read) if isinstance(one, Track)}
    refused = tuple(one for _, one in read if isinstance(one, Refusal))
    return Found(tracks=tuple(reversed(tracks.values())), refused=refused)


def _columns(head: Sequence[str]) -> dict[str, int]:
    places = {name.strip().lower(): place for place, name in reversed(list(enumerate(head)))}
    return {
        key: places[names[0]] for key, known in COLUMNS.items() if (names := [one for one in known if one in places])
    }


def _read(line: Mapping[str, str], between: str, where: str) -> Track | Refusal:
    uri, title = line.get("uri", ""), line.get("title", "")
    found = address(uri if ":" in uri else f"spotify:track:{uri}")
    if uri.lower().startswith("spotify:local:"):
        error: MusicsyncError = BadInput("This is a file on somebody's own machine, which Spotify does not have")
        return Refusal(name=f"{where}: {title}", error=error)
    if found is None or found.kind is not Kind.TRACK or not title:
        return Refusal(name=f"{where}: {title or uri}", error=BadInput("This line names no track of Spotify"))
    artwork, duration = line.get("artwork", ""), _number(line.get("duration", ""))
    return Track(
        title=title,
        artists=tuple(_artists(line.get("artists", ""), line.get("artist_uris", ""), between)),
        album=line.get("album", ""),
        album_artist=line.get("album_artist", ""),
        date=date_of(line.get("date", "")),
        track_number=_number(line.get("number", "")),
        disc_number=_number(line.get("disc", "")),
        isrc=isrc(line.get("isrc", "")),
        duration=duration / 1000 if duration else None,
        source=SOURCE,
        source_url=found.url,
        artwork_url=artwork if artwork.startswith("https://") else "",
        identities=(found.identity,),
    )


def _separator(names: Iterable[str]) -> str:
    """What stands between artists in the whole file: songs by several are common, names with either sign are rare."""
    signs = Counter(sign for one in names for sign in ";," if sign in one)
    return ";" if signs[";"] > signs[","] else ","


def _artists(names: str, uris: str, between: str) -> Iterator[str]:
    """The names apart. A comma may be part of one ("Tyler, The Creator"): the number of URIs tells, where there are."""
    ways = [[one.strip() for one in names.split(sign)] for sign in (between, ";", ",")]
    count = len([one for one in uris.replace(";", ",").split(",") if one.strip()])
    parts = next((way for way in ways if len(way) == count), [names]) if count else ways[0]
    yield from filter(None, parts)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and 0 < len(text) < 10 and int(text) else None


def _unreadable(path: Path, error: OSError) -> Temporary:
    return Temporary(f"{path} cannot be read", why=error.strerror or str(error), fix="Correct spotify.library_csv")
