"""Whose tempo and key count: the words of several origins on one track, and an order among them. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from musicsyncd.music.camelot import Key
from musicsyncd.music.said import Said, word

Origin = Literal["person", "dj", "file", "ours"]

PERSON: Final = "person"
"""Somebody said so."""
DJ: Final = "dj"
"""DJ software: it wrote into one of our files after us, or the incoming file bears its marks."""
FILE: Final = "file"
"""The tags that the audio came with."""
OURS: Final = "ours"
"""Our own analysis."""
ORIGINS: Final[tuple[Origin, ...]] = ("person", "dj", "file", "ours")
LOWEST_BPM: Final = 30.0
HIGHEST_BPM: Final = 400.0
_NUMBER: Final = re.compile(r"\d{1,9}([.,]\d{1,9})?")


@dataclass(frozen=True, kw_only=True)
class Precedence:
    """Who is asked first. An origin that is not named is not heard."""

    bpm_from: tuple[str, ...] = ORIGINS
    key_from: tuple[str, ...] = ORIGINS


@dataclass(frozen=True, kw_only=True)
class Effective:
    """The tempo and key that count, each with who said it; None and empty where nobody did."""

    bpm: float | None = None
    bpm_origin: str = ""
    key: str = ""
    """Short form: `F#m`."""
    camelot: str = ""
    key_origin: str = ""


def effective(said: Iterable[Said], analysis: Mapping[str, Any] | None, order: Precedence) -> Effective:
    """What counts of what all say; `analysis` (`Analysis.as_dict`) is our own word. What no ear would believe is not
    heard, and a value of ours counts however unsure it is: none is made up.
    """
    words = heard((*said, Said(origin=OURS, facts=analysis or {})))
    bpm, key = word("bpm", words, order.bpm_from), word("key", words, order.key_from)
    return Effective(
        bpm=bpm.value if bpm else None,
        bpm_origin=bpm.origin if bpm else "",
        key=key.value if key else "",
        camelot=Key.parse(key.value).camelot if key else "",
        key_origin=key.origin if key else "",
    )


def heard(said: Iterable[Said]) -> tuple[Said, ...]:
    """The plausible part of each word, as numbers and short keys."""
    return tuple(Said(origin=one.origin, facts=plausible(one.facts), at=one.at) for one in said)


def plausible(facts: Mapping[str, Any]) -> dict[str, Any]:
    """`bpm` and `key` as far as they can be meant: 30 to 400 BPM, and a key that is one."""
    values = {"bpm": to_bpm(facts.get("bpm")), "key": to_key(facts.get("key"))}
    return {name: value for name, value in values.items() if value}


def to_bpm(value: Any) -> float | None:
    """A tempo from a number or the text of a tag (`127.37`, `128,0`), if it is one that music has."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str):
        found = _NUMBER.fullmatch(value.strip())
        value = float(found[0].replace(",", ".")) if found else math.nan
    return float(value) if LOWEST_BPM <= value <= HIGHEST_BPM else None


def to_key(value: Any) -> str:
    """A key's short form from any spelling; empty when it is none."""
    try:
        return Key.parse(value).short if isinstance(value, str) else ""
    except ValueError:
        return ""


def disagreement(analysis: Mapping[str, Any] | None, found: Effective) -> dict[str, str]:
    """Where our own ears heard otherwise than what counts, in words, by field."""
    ours = plausible(analysis or {})
    told = {}
    if found.bpm and abs(ours.get("bpm", found.bpm) - found.bpm) >= 0.01:
        told["bpm"] = f"we hear {ours['bpm']:.2f} BPM"
    if found.key and ours.get("key", found.key) != found.key:
        told["key"] = f"we hear {ours['key']} {Key.parse(ours['key']).camelot}"
    return told
