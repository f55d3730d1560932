"""What a file is called: from a layout and a track's words to a path that every file system takes. Pure.

The rules are those of the pickiest volume, whichever one is mounted, so that a library can be copied from one
disk to another: exFAT and NTFS forbid characters and names, HFS+ counts in NFD, APFS refuses unassigned code
points, ext4 counts bytes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from musicsyncd.errors import ConfigInvalid

FIELDS: Final = frozenset(
    {"artist", "album_artist", "album", "title", "year", "genre", "format", "key", "camelot", "bpm", "playlist", "id"}
)
"""What may stand between braces in a layout."""
LONGEST_COMPONENT: Final = 255
"""UTF-8 bytes of the NFD form (ext4, tmpfs), and UTF-16 units of it (HFS+, exFAT, NTFS)."""
LONGEST_PATH: Final = 900
"""UTF-8 bytes of the NFD form, below macOS's PATH_MAX of 1024 with room for the mount point."""
SHORTER_COMPONENT: Final = 120
"""For file systems that take less than 255 bytes: eCryptfs takes 143."""
MOST_PARTS: Final = 8
"""Of a layout; more could not each have a legible share of the path."""
LONGEST_TIE_BREAKER: Final = 32
LONGEST_EXTENSION: Final = 16
COUNTED_NAMES: Final = 9
"""How many further names are tried when the tie breaker does not help either."""

FieldValue = str | int | float | None

_EMPTY: Final = "\0"
_FIELD: Final = re.compile(r"\{([^{}]*)\}")
_SEPARATORS: Final = r"[\s\-–—_,.·&+]"
_EMPTY_BRACKETS: Final = re.compile(rf"[(\[]{_SEPARATORS}*{_EMPTY}{_SEPARATORS}*[)\]]")
_EMPTY_NEIGHBOURS: Final = re.compile(rf"{_EMPTY}{_SEPARATORS}*{_EMPTY}")
_LEADING_EMPTY: Final = re.compile(rf"^{_SEPARATORS}*{_EMPTY}{_SEPARATORS}*")
_OPENED_BY_EMPTY: Final = re.compile(rf"([(\[]){_EMPTY}{_SEPARATORS}*")
_OTHER_EMPTY: Final = re.compile(rf"{_SEPARATORS}*{_EMPTY}")
_FALLBACKS: Final = {
    "artist": "Unknown Artist",
    "album_artist": "Unknown Artist",
    "title": "Untitled",
    "playlist": "Unsorted",
}
_REPLACED: Final = str.maketrans(
    {"/": "-", "\\": "-", ":": "-", "|": "-", "*": "_", '"': "'", "<": "(", ">": ")", "?": None}
)
_RESERVED: Final = frozenset(
    {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$"}
    | {f"{device}{digit}" for device in ("COM", "LPT") for digit in "0123456789¹²³"}
)
_JOINER: Final = "\u200d"
_DROPPED: Final = frozenset({"Cc", "Cf", "Cs", "Cn"})
_SKIN_TONES: Final = range(0x1F3FB, 0x1F400)
_REGIONAL: Final = range(0x1F1E6, 0x1F200)
_MOST_MARKS: Final = 30
"""Combining marks in a row: the limit of Unicode's Stream-Safe Text Format (UAX #15)."""


def check_layout(template: str) -> None:
    """Nothing when the layout can be used; ConfigInvalid with the reason when not."""
    unknown = sorted(set(_FIELD.findall(template)) - FIELDS)
    parts = template.split("/")
    if unknown:
        why = f"It knows no {{{unknown[0]}}}, only {', '.join(sorted(FIELDS))}"
    elif "{" in (rest := _FIELD.sub("", template)) or "}" in rest:
        why = "A brace has no partner"
    elif "{" not in parts[-1]:
        why = "Without a field in its last part all files would bear one name"
    elif len(parts) > MOST_PARTS or not all(_clean(part) for part in parts):
        why = f"It wants one to {MOST_PARTS} parts between slashes, none of them empty, '.' or '..'"
    else:
        return
    raise ConfigInvalid(f"The layout {template!r} cannot be used", why=why)


def relative_path(
    template: str, fields: Mapping[str, FieldValue], extension: str = "", *, tie_breaker: str = ""
) -> str:
    """The path below a volume's root, with forward slashes, that this layout gives a track.

    Only the template is searched for fields: braces and slashes in a value are text. A part whose fields are
    all empty goes, with its separators and brackets; an empty artist, title or playlist is called "Unknown
    Artist", "Untitled", "Unsorted". Without an `extension` (no dot) the path is what `Shelf.place` wants.
    ConfigInvalid for a template that `check_layout` refuses.
    """
    check_layout(template)
    values = {name: _value(name, fields.get(name)) for name in FIELDS}
    parts = [_render(part, values) for part in template.split("/")]
    return _joined([*filter(None, parts[:-1]), parts[-1]], _ending(tie_breaker, 1, extension), LONGEST_COMPONENT)


def candidates(wanted: str, extension: str, tie_breaker: str, *, longest: int = LONGEST_COMPONENT) -> Iterator[str]:
    """The names for a file, best first: as wanted, with the tie breaker, with a number too.

    `wanted` bears no extension; whatever it is, no name leaves the folder that it is joined to. `longest` is
    in the units of `LONGEST_COMPONENT`.
    """
    parts = [part for part in wanted.split("/") if part] or [""]
    endings = [_ending("", 1, extension)]
    endings += [_ending(tie_breaker, count, extension) for count in range(1, COUNTED_NAMES + 1)]
    for ending in dict.fromkeys(endings):
        yield _joined(parts, ending, longest)


def path_key(relative: str) -> str:
    """What two names have in common when the pickiest volume takes them for one: no case, one spelling."""
    if relative.isascii():
        return relative.lower()
    folded = unicodedata.normalize("NFD", unicodedata.normalize("NFD", relative).casefold())
    # HFS+ passes over zero-width characters when it compares
    seen = "".join(char for char in folded if unicodedata.category(char) != "Cf")
    return unicodedata.normalize("NFC", seen)


def component_size(component: str) -> int:
    """How long the name is where it is longest: UTF-8 bytes of its NFD form, never below its UTF-16 units."""
    return len(unicodedata.normalize("NFD", component).encode())


def _value(name: str, value: FieldValue) -> str:
    text = f"{round(value, 2):g}" if isinstance(value, float) else str("" if value is None else value)
    return _clean_words(text) or _FALLBACKS.get(name, "")


def _render(part: str, values: Mapping[str, str]) -> str:
    """One part of the layout with its fields filled in, and without what surrounded the empty ones."""
    text = _FIELD.sub(lambda match: values[match[1]] or _EMPTY, part)
    before = None
    while before != text:
        before = text
        text = _EMPTY_NEIGHBOURS.sub(_EMPTY, _EMPTY_BRACKETS.sub(_EMPTY, text))
    text = _OPENED_BY_EMPTY.sub(r"\1", text)
    return _clean(_OTHER_EMPTY.sub("", _LEADING_EMPTY.sub("", text)))


def _clean(text: str) -> str:
    """The text as a name (still of any length) that every file system takes; empty when nothing is left."""
    text = _clean_words(text)
    return f"_{text}" if text.partition(".")[0].strip().upper() in _RESERVED else text


def _clean_words(text: str) -> str:
    """The text without what a name may not contain, begin or end with."""
    before = None
    while before != text:
        before = text
        text = unicodedata.normalize("NFC", _without_invisibles(text).translate(_REPLACED))
        text = " ".join(text.split()).rstrip(" .").lstrip(" .-")
    return text


def _without_invisibles(text: str) -> str:
    """Without control, direction, zero-width, lone surrogate and unassigned characters; emoji stay joined."""
    kept: list[str] = []
    marks = 0
    for position, char in enumerate(text):
        category = unicodedata.category(char)
        if char == _JOINER and kept and _joins(kept[-1], text[position + 1 : position + 2]):
            kept.append(char)
        elif char.isspace() or category in {"Zl", "Zp"}:
            kept.append(" ")
        elif category not in _DROPPED:
            marks = marks + 1 if category.startswith("M") else 0
            if marks <= _MOST_MARKS:
                kept.append(char)
    return "".join(kept)


def _joins(before: str, after: str) -> bool:
    return bool(after) and unicodedata.category(after) == "So" and _is_emoji_part(before)


def _is_emoji_part(char: str) -> bool:
    return unicodedata.category(char) == "So" or char == "\ufe0f" or ord(char) in _SKIN_TONES


def _ending(tie_breaker: str, count: int, extension: str) -> str:
    tie = _clean(tie_breaker.translate({ord("["): None, ord("]"): None}))
    return (
        (f" [{_cut(tie, LONGEST_TIE_BREAKER)}]" if tie else "")
        + (f" ({count})" if count > 1 else "")
        + (f".{suffix}" if (suffix := re.sub(r"[^A-Za-z0-9]", "", extension)[:LONGEST_EXTENSION]) else "")
    )


def _joined(parts: list[str], ending: str, longest: int) -> str:
    """The path of cleaned parts, the last with its ending, each cut until the whole fits."""
    folders = [clean for part in parts[:-1] if (clean := _clean(part))][: MOST_PARTS - 1]
    last = _clean(parts[-1]) or _FALLBACKS["title"]
    while True:
        cut = [_cut(folder, longest) for folder in folders]
        path = "/".join([*cut, _cut(last, longest - component_size(ending)) + ending])
        if component_size(path) <= LONGEST_PATH:
            return path
        longest -= 5


def _cut(text: str, size: int) -> str:
    """At most `size` of the text, cut between two characters as people see them."""
    if component_size(text) <= size:
        return text
    taken = _first(_clusters(text), size) or _first(text, size)  # one heap of accents may fill a name by itself
    return _clean(taken.rstrip(" .-")) or _FALLBACKS["title"]


def _first(pieces: Iterable[str], size: int) -> str:
    taken = ""
    for piece in pieces:
        size -= component_size(piece)
        if size < 0:
            break
        taken += piece
    return taken


def _clusters(text: str) -> Iterator[str]:
    """The text in pieces that must not be torn: a base with its marks, joined emoji, a flag's two letters."""
    cluster = ""
    for char in text:
        if cluster and not _extends(cluster, char):
            yield cluster
            cluster = ""
        cluster += char
    if cluster:
        yield cluster


def _extends(cluster: str, char: str) -> bool:
    if unicodedata.category(char).startswith("M") or char == _JOINER or ord(char) in _SKIN_TONES:
        return True
    flag = ord(char) in _REGIONAL and len(cluster) == 1 and ord(cluster) in _REGIONAL
    return flag or cluster.endswith(_JOINER)
