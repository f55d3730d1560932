"""What a row says once others are merged into it, field by field. Pure.

The one that stays keeps its own word. Where it says nothing the best of the others fills in; where a person changed
what we had written into another one, and not here, his word counts. Lists are put together, dates are the earliest,
a tick anywhere is a tick; whether and where a track is kept is evidence and no row's to say.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from musicsyncd.catalog.ownership import PERSONS, empty

NEVER: Final = frozenset({"downloaded", "sync_enabled", "automation_source", "lock", "partial", "related", "foreign"})
"""Not merged: evidence, a switch that its person set on this very row, and what programs write for themselves."""
VOLATILE: Final = frozenset({"automation_source", "lock", "last_used", "related", "partial", "foreign"})
"""What may change without the row saying anything else."""
RELATIONS: Final = frozenset({"artist_pages", "playlist_pages"})
MOST_RELATED: Final = 100
"""Pages of a relation that can be written."""
MOST_CHOSEN: Final = 25
"""Entries of a list of labels: more makes a schema grow that every row shares."""
EARLIEST: Final = frozenset({"date", "processed_at"})
TOGETHER: Final = (("key", "camelot", "key_origin"), ("bpm", "bpm_origin"), ("date", "year"),
                   ("duration", "duration_ms"), ("spotify_id", "spotify_url"),
                   ("soundcloud_url", "soundcloud_id"))  # fmt: skip
"""Fields that say one thing: where one of them is filled here, the others are not filled from elsewhere."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """A row by what it says."""

    page: str
    fields: Mapping[str, Any]
    persons: frozenset[str] = frozenset()
    """Fields in which a person changed what we had written."""
    others: Mapping[str, Any] = field(default_factory=dict)
    """What else it says, by the property's name."""


def alike(one: Any, other: Any) -> bool:
    """Whether two values are one; the order of a list is nothing, and neither is how nothing is said."""
    if isinstance(one, list) and isinstance(other, list):
        return sorted(map(str, one)) == sorted(map(str, other))
    return bool(one == other) or (_nothing(one) and _nothing(other))


def digest(fields: Mapping[str, Any]) -> str:
    """What identifies all that a row says, SHA-256 in hexadecimal."""
    held = {n: sorted(map(str, v)) if isinstance(v, list) else v for n, v in fields.items()
            if n not in VOLATILE and not _nothing(v)}  # fmt: skip
    return hashlib.sha256(json.dumps(held, sort_keys=True, default=str).encode("utf-8", "replace")).hexdigest()


def writes(keeper: Said, donors: Sequence[Said]) -> dict[str, dict[str, Any]]:
    """What is written into the one that stays: by field `before`, `after` and the page `of` which it is."""
    short = {name for one in (keeper, *donors) for name in one.fields.get("partial", ())}
    said = dict.fromkeys(name for one in (keeper, *donors) for name in one.fields)
    names = [name for name in said if name not in NEVER and (name not in short or name in RELATIONS)]
    found = {}
    for name in names:
        before = keeper.fields.get(name)
        after, of = _merged(name, keeper, donors)
        if not alike(before, after):
            found[name] = {"before": before, "after": after, "of": of}
    return found


def lost(donor: Said, keeper: Said, written: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What goes to the trash with it, though the other one says nothing of it: properties that nothing is known of,
    and entries for which there is no room.
    """
    found = {name: value for name, value in donor.others.items() if not _nothing(value) and name not in keeper.others}
    for name, value in donor.fields.items():
        now = written.get(name, {}).get("after", keeper.fields.get(name))
        if isinstance(value, list) and name not in NEVER and (gone := [one for one in value if one not in (now or ())]):
            found[name] = gone
    return found


def _merged(name: str, keeper: Said, donors: Sequence[Said]) -> tuple[Any, str]:
    """The value, and whose it is; no page where it is several rows'."""
    own = keeper.fields.get(name)
    if any(isinstance(one.fields.get(name), list) for one in (keeper, *donors)):
        return _union(name, own, [one.fields.get(name) for one in donors]), ""
    if isinstance(own, bool) or any(isinstance(one.fields.get(name), bool) for one in donors):
        ticked = next((one.page for one in donors if one.fields.get(name) is True), "")
        return (True, ticked) if ticked and own is not True else (own, "")
    if name in PERSONS and name not in keeper.persons:
        his = next((one for one in donors if name in one.persons and not _nothing(one.fields.get(name))), None)
        if his:
            return his.fields[name], his.page
    if name in EARLIEST and not _nothing(own) and name not in keeper.persons:
        return min(((str(one.fields[name]), one.page) for one in (keeper, *donors)
                    if not _nothing(one.fields.get(name))), key=lambda one: one[0])  # fmt: skip
    if not _nothing(own) or name in keeper.persons or any(not _nothing(keeper.fields.get(n)) for n in _beside(name)):
        return own, ""
    group = (name, *_beside(name))
    giver = next((one for one in donors if any(not _nothing(one.fields.get(n)) for n in group)), None)
    return (giver.fields.get(name), giver.page) if giver else (own, "")


def _union(name: str, own: Any, others: Sequence[Any]) -> list[Any]:
    most = MOST_RELATED if name in RELATIONS else MOST_CHOSEN
    found = list(dict.fromkeys(own or ()))
    for one in dict.fromkeys(entry for other in others if isinstance(other, list) for entry in other):
        if one not in found and len(found) < most:
            found.append(one)
    return found


def _beside(name: str) -> tuple[str, ...]:
    return next((tuple(one for one in group if one != name) for group in TOGETHER if name in group), ())


def _nothing(value: Any) -> bool:
    return empty(value) or value is False
