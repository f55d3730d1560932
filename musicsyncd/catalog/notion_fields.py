"""Between what is said of a track and the fields of its row in Notion. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any, Final
from uuid import UUID

from musicsyncd.catalog.base import Fields
from musicsyncd.catalog.ownership import PERSONS, empty
from musicsyncd.ledger.mirror import MirrorRow
from musicsyncd.music.identity import (
    ACOUSTID,
    ISRC,
    RECORDING,
    SOUNDCLOUD,
    SPOTIFY,
    YOUTUBE,
    Identity,
    address,
    isrc,
    url_of,
)
from musicsyncd.music.precedence import to_key
from musicsyncd.notion.fields import FLAG, TRACKS
from musicsyncd.notion.values import NO, YES, Property, Unfit, equal, from_property, new_options, truncated

PARTIAL: Final = "partial"
"""Among a mirrored row's fields: the names of those of which Notion showed only the beginning."""
FOREIGN: Final = "foreign"
"""The same: the names of fields of ours that others filled and we never did."""
RELATED: Final = "related"
"""Among a row's fields: the pages to which it leads by our hand, by relation."""
TAKEN: Final = "taken"
"""The same: the pages that we related and a person took out again, by relation."""
STOOD: Final = "_stood"
"""Among what was written into a row: the pages to which it surely led by our hand, by relation."""
MARKS: Final = frozenset({PARTIAL, RELATED, FOREIGN, TAKEN})
"""What stands among a row's fields and is none."""
OURS: Final = "musicsyncd"
"""What the owner's loop guard reads: who wrote the row last."""
KEY: Final = "key"
"""Provider of the identity that a row's external key is."""
HANDMADE: Final = "notion"
"""Provider: the row itself, of a track that was found by it."""
SHARED: Final = frozenset({HANDMADE, ISRC, ACOUSTID, RECORDING})
"""Providers of identities that name no track for ever, or several."""
ROW_PERSONS: Final = PERSONS | {
    "spotify_id", "spotify_url", "soundcloud_url", "soundcloud_id", "youtube_url", "year", "artist_pages",
    "playlist_pages", "source_url",
}  # fmt: skip
"""Fields of a row in which what a person wrote stays."""
ADDED_TO: Final = frozenset({"artist_pages", "playlist_pages"})
"""Relations: ours are put beside what others related."""
FLAGS: Final = frozenset(name for name, one in TRACKS.items() if one.kinds == FLAG)
"""Fields that say yes or no, in whatever kind of property."""
EAGLE: Final = "eagle"
"""The shelf whose paths are `images/ID.info/NAME`: an item for each format."""
PATHS: Final[Mapping[str, str]] = {
    ".m4a": "m4a",
    ".wav": "wav",
    ".aiff": "aiff",
    ".aif": "aiff",
    ".flac": "flac",
    ".mp3": "mp3",
}
"""Fields `path_…` and `fingerprint_…`, by a file's extension."""
SHOWN: Final[Mapping[str, str]] = {SOUNDCLOUD: "SoundCloud", YOUTUBE: "YouTube", SPOTIFY: "Spotify", "folder": "Folder"}
SAME_NAME: Final = (
    "title", "album", "genre", "label", "date", "isrc", "catalog_number", "bpm", "bpm_origin", "key", "camelot",
    "key_origin", "duration", "lufs", "source_codec", "source_bit_rate", "lossless", "lossless_honest", "cutoff_hz",
    "acoustid_id", "musicbrainz_recording", "source_url", "downloaded", "rating", "comments",
)  # fmt: skip
"""Fields that are called the same on both sides."""
ID_PROPERTIES: Final = ("spotify_id", "soundcloud_url", "youtube_url", "isrc")
"""What a row is known by where it has no property for a key, in this order."""


def told(fields: Fields, roots: Mapping[str, str]) -> dict[str, Any]:
    """What a row should say, by the names of Notion's fields; `roots` are the volumes' folders by name, the first one
    of them being the one whose copy is named.

    Nothing is said of what is not known: an empty value is left out, so that a person's stays.
    """
    found = {name: fields[name] for name in SAME_NAME if name in fields}
    if not str(found.get("source_url") or "").startswith("http"):  # a path of this machine leads nobody anywhere
        found.pop("source_url", None)
    if "artists" in fields:
        found["artists"] = ", ".join(fields["artists"])
    if "playlists" in fields:
        found["playlists"] = list(fields["playlists"])
    if "source" in fields:
        found["source"] = SHOWN.get(fields["source"], fields["source"])
    found |= _identified(identities_of(fields))
    if "files" in fields:
        found |= _filed(fields, roots)
    if (date := str(found.get("date") or ""))[:4].isdecimal():
        found["year"] = int(date[:4])
    if duration := found.get("duration"):
        found["duration_ms"] = round(duration * 1000)
    found["automation_source"] = OURS
    return found


def identities_of(fields: Fields) -> tuple[Identity, ...]:
    """The identities among what is said of a track."""
    return tuple(Identity.parse(text) for text in fields.get("identities", ()))


def external_key(key: str, fields: Fields) -> str:
    """The text by which a row is known where there is a property for it: an id at a service, the same for ever and
    whatever became of our own numbers; ours where there is none.
    """
    ids = [one for one in identities_of(fields) if one.provider not in SHARED]
    order = (SPOTIFY, SOUNDCLOUD, YOUTUBE)
    ids.sort(key=lambda one: order.index(one.provider) if one.provider in order else len(order))
    return str(ids[0]) if ids else key


def _identified(identities: Sequence[Identity]) -> dict[str, Any]:
    """Ids and addresses at the services."""
    found: dict[str, Any] = {}
    for one in reversed(identities):  # the first one of each service counts
        if one.provider == SPOTIFY and one.id.startswith("track:"):
            found |= {"spotify_id": one.id.removeprefix("track:"), "spotify_url": url_of(one)}
        elif one.provider == YOUTUBE:
            found["youtube_url"] = url_of(one)
        elif one.provider == SOUNDCLOUD and one.id.isdecimal():
            found["soundcloud_id"] = int(one.id)
        elif one.provider == SOUNDCLOUD:
            found["soundcloud_url"] = url_of(one)
    return found


def _filed(fields: Fields, roots: Mapping[str, str]) -> dict[str, Any]:
    """Paths and the fingerprint by format, and the whole list; what does not stand any more is cleared."""
    paths: dict[str, str] = {}
    order = {name: place for place, name in enumerate(roots)}
    copies = [one.partition(":") for one in fields["files"]]
    for shelf, _, path in sorted(copies, key=lambda one: (order.get(one[0], len(order)), one)):
        if form := PATHS.get(PurePosixPath(path).suffix.lower()):
            paths.setdefault(form, f"{roots[shelf].rstrip('/')}/{path}" if shelf in roots else path)
    found: dict[str, Any] = {f"path_{form}": paths.get(form) for form in PATHS.values()}
    items = [PurePosixPath(path).parent.stem for shelf, _, path in copies if shelf == EAGLE]
    found["eagle_id"] = ", ".join(sorted(items)) or None
    heard = fields.get("fingerprint")
    found |= {f"fingerprint_{form}": heard if form in paths else None for form in ("m4a", "wav", "aiff")}
    return found | {"files": "\n".join(fields["files"]) or None, "fingerprint": heard if paths else None}


def same(props: Mapping[str, Property], partial: Iterable[str] = ()) -> Callable[[str, Any, Any], bool]:
    """Whether two values of a field are one, as the live property holds them; a key is one in whatever spelling."""
    short = frozenset(partial)

    def compare(name: str, one: Any, other: Any) -> bool:
        if name == "key" and isinstance(other, str) and isinstance(one, str) and to_key(one):
            return to_key(one) == to_key(other)
        if name in ADDED_TO:
            return frozenset(one or ()) <= frozenset(other or ())
        if name in FLAGS and isinstance(flag(one), bool) and isinstance(flag(other), bool):
            return bool(flag(one) == flag(other))
        try:
            return equal(props[name], one, other, partial=name in short)
        except Unfit:
            return bool(one == other)

    return compare


def unable(props: Mapping[str, Property], wanted: Mapping[str, Any], full: str = "") -> dict[str, str]:
    """The wanted fields that a live property cannot hold, each with the reason; `full` is the reason for which it takes
    no new option.
    """
    found = {}
    for name, value in wanted.items():
        try:
            if name in props and (reason := full if new_options(props[name], value) else ""):
                found[name] = reason
        except Unfit as error:
            found[name] = error.reason
    return found


def flag(value: Any) -> Any:
    """A yes or a no, also where it is kept as a word; any other word as it is."""
    word = value.strip().casefold() if isinstance(value, str) else ""
    return word in YES if word in YES | NO else value


def mirrored(page: Mapping[str, Any], props: Mapping[str, Property]) -> MirrorRow:
    """A page's JSON as a row of the mirror."""
    held = page.get("properties") or {}
    by_id = {str(one.get("id")): one for one in held.values()}
    shown = {name: found for name, prop in props.items() if (found := held.get(prop.name) or by_id.get(prop.id))}
    fields = {name: from_property(one) for name, one in shown.items()}
    fields |= {name: flag(fields[name]) for name in FLAGS & fields.keys()}
    if short := sorted(name for name, one in shown.items() if truncated(one)):
        fields[PARTIAL] = short
    key = _text(fields.get("external_key"))
    return MirrorRow(
        page=str(page["id"]),
        key=key,
        created=str(page.get("created_time") or ""),
        edited=str(page.get("last_edited_time") or ""),
        fields=fields,
        identities=named(fields, key),
        trashed=bool(page.get("in_trash")),
    )


def named(fields: Mapping[str, Any], key: str = "") -> tuple[Identity, ...]:
    """What a row names its track by; what is no id (a video's address without one, "None") is not among it."""
    found = [Identity(KEY, key)] if key else []
    if spotify := address(f"spotify:track:{_text(fields.get('spotify_id')).rpartition(':')[2]}"):
        found.append(spotify.identity)
    for name in ("spotify_url", "soundcloud_url", "youtube_url", "source_url"):
        one = address(_text(fields.get(name)))
        if one and one.kind == "track":
            found.append(one.identity)
    number = fields.get("soundcloud_id")
    if isinstance(number, int | float) and number > 0 and float(number).is_integer():
        found.append(Identity(SOUNDCLOUD, str(int(number))))
    if code := isrc(_text(fields.get("isrc"))):
        found.append(Identity(ISRC, code))
    if ":" in key:
        found.append(Identity.parse(key))
    return tuple(dict.fromkeys(found))


def contradicts(row: MirrorRow, identities: Iterable[Identity]) -> bool:
    """Whether the row names another track than these at some service, where each track has one id."""
    for provider in (SPOTIFY, YOUTUBE):
        theirs = {one.id for one in row.identities if one.provider == provider}
        ours = {one.id for one in identities if one.provider == provider}
        if theirs and ours and not theirs & ours:
            return True
    return False


def lookup(props: Mapping[str, Property], *wanted: Mapping[str, Any]) -> dict[str, Any] | None:
    """The filter that finds a row by whatever any of these know it by; None where no property holds any of it."""
    found = [one for fields in wanted for one in _conditions(props, fields)]
    conditions = [one for place, one in enumerate(found) if one not in found[:place]]
    return {"or": conditions} if conditions else None


def found_by(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What a row with these fields can be found by."""
    return {name: fields[name] for name in ("external_key", *ID_PROPERTIES) if not empty(fields.get(name))}


def condition(props: Mapping[str, Property], fields: Mapping[str, Any]) -> dict[str, Any] | None:
    """The one condition that finds this row best."""
    return next(iter(_conditions(props, fields)), None)


def _conditions(props: Mapping[str, Property], fields: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = []
    for name in ("external_key", *ID_PROPERTIES):
        value, prop = fields.get(name), props.get(name)
        if not empty(value) and prop and prop.type in ("rich_text", "url", "title"):
            found.append({"property": prop.id or prop.name, prop.type: {"equals": str(value)[:2000]}})
    return found


def as_far_as_known(row: MirrorRow, base: Mapping[str, Any]) -> MirrorRow:
    """With the pages that we related: of a relation that is shown in part these are taken to stand."""
    ours = {name: list(base.get(name) or ()) for name in sorted(ADDED_TO & row.fields.keys())}
    short = ADDED_TO & set(row.fields.get(PARTIAL, ()))
    whole = {name: [*dict.fromkeys([*row.fields[name], *ours[name]])] for name in short}
    fields = {**row.fields, **whole}
    related = {name: [one for one in pages if one in fields[name]] for name, pages in ours.items() if pages}
    marks = {RELATED: related, TAKEN: taken_out(base, fields), FOREIGN: sorted(foreign(base, row.fields))}
    return replace(row, fields=fields | {name: mark for name, mark in marks.items() if mark})


def foreign(base: Mapping[str, Any], present: Mapping[str, Any]) -> set[str]:
    """Fields of ours in which something stands that we did not write, as older programs did: where we have nothing to
    say in its place, it stays.
    """
    ours = present.keys() - ROW_PERSONS - MARKS
    return {name for name in ours if empty(base.get(name)) and not empty(present[name])}


def untouched(name: str, base: Mapping[str, Any], now: Any, compare: Callable[[str, Any, Any], bool]) -> bool:
    """Whether what stands there is what we wrote, or nothing where we never did."""
    return compare(name, base[name], now) if name in base else empty(now)


def taken_out(base: Mapping[str, Any], present: Mapping[str, Any]) -> dict[str, list[str]]:
    """The pages that we related and that do not stand there any more, by relation: we do not put them back."""
    stood = base.get(STOOD) or {}
    gone = {name: set(stood[name]) - set(present[name] or ()) for name in stood.keys() & present.keys()}
    return {name: sorted(pages) for name, pages in gone.items() if pages}


def without(values: Mapping[str, Any], taken: Mapping[str, Iterable[str]]) -> dict[str, Any]:
    """The values, and of each relation only the pages that nobody took out."""
    return {**values, **{n: [one for one in values[n] if one not in taken[n]] for n in taken.keys() & values.keys()}}


def stood(wanted: Mapping[str, Any], *there: Mapping[str, Any]) -> dict[str, list[str]]:
    """The wanted pages that are among these, by relation."""
    known = {name: {page for one in there for page in one.get(name) or ()} for name in ADDED_TO & wanted.keys()}
    return {name: [page for page in wanted[name] if page in known[name]] for name in sorted(known)}


def added(wanted: Any, before: Any, present: Any) -> list[str]:
    """What a relation should hold: what others related, less what we related and do not want any more, and ours."""
    ours = list(wanted or ())
    gone = set(before or ()) - set(ours)
    return list(dict.fromkeys([*(one for one in present or () if one not in gone), *ours]))


def said(written: Mapping[str, Any]) -> tuple[str, ...]:
    """The fields among what was written, less what is written for our own sake."""
    return tuple(name for name in written if name not in ("external_key", "automation_source"))


def is_id(text: str) -> bool:
    """Whether it can be a page's."""
    try:
        return bool(UUID(text))
    except ValueError:
        return False


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""
