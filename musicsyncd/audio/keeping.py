"""What of a file's tags is ours to change, and what another program made of them. Pure; imports nothing heavy."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from musicsyncd.audio.tags import Texts, places, to_texts
from musicsyncd.audio.values import Tags
from musicsyncd.music.precedence import plausible, to_bpm, to_key

TEMPO: Final = ("bpm", "tempo")
_OURS_ALONE: Final = "fingerprint"


@dataclass(frozen=True, kw_only=True)
class Owed:
    """What one file lacks of what it should say."""

    texts: dict[str, tuple[str, ...]]
    """To be written, by the table's field names."""
    forget: tuple[str, ...] = ()
    """To be taken away: we wrote them, and would not any more."""

    def __bool__(self) -> bool:
        return bool(self.texts or self.forget)


def owed(format_: str, now: Texts, *, was: Texts | None, wanted: Texts, overrule: Collection[str] = ()) -> Owed:
    """What must be written so that a file says what is wanted, and another program's word in it stays.

    `now` is what stands in it, `was` what we wrote (None: unknown, then nothing counts as another's). A field that
    somebody changed or emptied is theirs, unless it is one of `overrule`.
    """
    texts, forget = {}, []
    for name in places(format_):
        stands, want = now.get(name, ()), wanted.get(name, ())
        before = stands if was is None or name == _OURS_ALONE else was.get(name, ())
        theirs = not alike(name, stands, before)
        if alike(name, stands, want) or (theirs and (name not in overrule or not want)):
            continue
        if want:
            texts[name] = tuple(want)
        elif was is not None and was.get(name) and stands:
            forget.append(name)
    return Owed(texts=texts, forget=tuple(forget))


def alike(name: str, one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two texts of a field say the same, however they spell it (`128` and `128.00`, `Am` and `8A`)."""
    if tuple(one) == tuple(other):
        return True
    if not (one and other):
        return False
    if name in TEMPO:
        first, second = to_bpm(one[0]), to_bpm(other[0])
        return first is not None and second is not None and abs(first - second) < 0.005
    return name == "key" and to_key(one[0]) == to_key(other[0]) != ""


def foreign(now: Texts, *, was: Texts | None, newest: Texts) -> dict[str, Any]:
    """The tempo and key that another program wrote into a file since we did, as far as they are plausible.

    `newest` is what we write today: where a file says that already, the hand was ours.
    """
    if was is None:
        return {}

    def changed(name: str) -> str:
        stands = now.get(name, ())
        theirs = stands and not alike(name, stands, was.get(name, ())) and not alike(name, stands, newest.get(name, ()))
        return stands[0] if theirs else ""

    return plausible({"bpm": next(filter(None, map(changed, TEMPO)), ""), "key": changed("key")})


def remembered(tags: Tags) -> dict[str, Any]:
    """What is kept of the tags that were written: what they say, less what is empty; of the fingerprint its hash."""
    print_ = hashlib.sha256(tags.fingerprint.encode()).hexdigest()[:32] if tags.fingerprint else ""
    said = replace(tags, fingerprint=print_).as_dict()
    listed = {name: list(value) if isinstance(value, tuple) else value for name, value in said.items()}
    return {name: value for name, value in listed.items() if value not in (None, "", [])}


def recalled(kept: Mapping[str, Any] | None) -> Texts | None:
    """The texts that were written, of what `remembered` kept."""
    return None if kept is None else to_texts(Tags.from_dict(dict(kept)))
