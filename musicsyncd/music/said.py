"""Who says what of a track: each origin's word is kept beside the others', and one order decides whose counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Said:
    """The word of one origin."""

    origin: str
    """`file` (the tags that the audio came with), `musicbrainz` …: whoever says it."""
    facts: Mapping[str, Any]
    """Values by field (`bpm`, `key`, `isrc`, `album` …), as JSON; a field that is not there was not spoken of."""
    at: str = ""
    """When it was last heard, ISO 8601 in UTC."""


@dataclass(frozen=True, kw_only=True)
class Word:
    """One value with who said it."""

    value: Any
    origin: str


def word(field: str, said: Iterable[Said], order: Sequence[str]) -> Word | None:
    """The value of the first origin in `order` that speaks of the field; an origin that is not in it is not heard."""
    by_origin = {one.origin: one.facts for one in said}
    for origin in order:
        value = by_origin.get(origin, {}).get(field)
        if value not in (None, "", [], ()):
            return Word(value=value, origin=origin)
    return None
