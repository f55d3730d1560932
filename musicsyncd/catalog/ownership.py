"""Whose word stands in a row: what we last wrote, what stands there now and what is wanted, field by field. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

PERSONS: Final = frozenset((
    "title", "artists", "album", "genre", "label", "date", "isrc", "catalog_number", "bpm", "key", "camelot", "rating",
    "comments", "playlists",
))  # fmt: skip
"""Fields in which a person's edit stays. Every other one is ours: evidence, which is always written."""

Same = Callable[[str, Any, Any], bool]
"""Whether two values of a field, as a catalog would hold them, are one."""


@dataclass(frozen=True, kw_only=True)
class Merge:
    """What comes of holding the three against each other."""

    write: Mapping[str, Any]
    """What is to be written: wanted values that do not stand there."""
    kept: Mapping[str, Any]
    """A person's values that stay in place of the wanted ones."""
    conflicts: tuple[str, ...]
    """Fields that somebody else and we both changed, in two ways, since we last wrote them; a person's are in `kept`,
    ours in `write`.
    """


def same(name: str, one: Any, other: Any) -> bool:
    """For a catalog that holds every value as it is."""
    return bool(one == other)


def empty(value: Any) -> bool:
    """Whether nothing is said; a zero and a no are something."""
    return value is None or value in ("", [], ())


def merged(
    base: Mapping[str, Any],
    present: Mapping[str, Any],
    wanted: Mapping[str, Any],
    *,
    persons: Iterable[str] = PERSONS,
    same: Same = same,
) -> Merge:
    """Three ways: `base` is what we last wrote (a field that is not in it we never wrote), `present` what stands there.

    In a person's field a value stays that is not the one we wrote, a cleared one too. Where we never wrote, whatever
    stands there is his. A field that is not wanted is left alone.
    """
    his, write, kept, conflicts = frozenset(persons), dict[str, Any](), dict[str, Any](), list[str]()
    for name, value in wanted.items():
        now = present.get(name)
        if name in present and same(name, value, now):
            continue
        ours = same(name, base[name], now) if name in base else empty(now)
        if not ours and (name not in base or not same(name, base[name], value)):
            conflicts.append(name)
        if ours or name not in his:
            write[name] = value
        else:
            kept[name] = now
    return Merge(write=write, kept=kept, conflicts=tuple(conflicts))
