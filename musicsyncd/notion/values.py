"""Values in Notion's forms: what is written for a live type, and what is read back. Pure.

Notion counts a text in UTF-16 units, at most 2,000 in one run and 100 runs, and joins equal runs that stand side by
side: texts are compared joined. Names of options know no comma and no case. A date is written to the minute, which is
what people see and set.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import UUID

from musicsyncd.notion.plain import from_items as from_items
from musicsyncd.notion.plain import from_property as from_property
from musicsyncd.notion.plain import truncated as truncated

RUN: Final = 2000
"""UTF-16 units of one run of text, and of a URL."""
RUNS: Final = 100
OPTIONS: Final = 100
"""Entries of a multi-select, a relation or a list of people."""
OPTION: Final = 100
"""UTF-16 units of an option's name."""
ADDRESS: Final = 200
"""Of an e-mail address or a phone number."""
PRECISE: Final = 2**53
"""Whole numbers up to here are numbers in JSON."""
YES: Final = frozenset({"yes", "true", "1", "on", "x"})
NO: Final = frozenset({"no", "false", "0", "off"})
_PARTIAL: Final = re.compile(r"(\d{4})(?:-(\d{2}))?")
_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)


class Unfit(Exception):
    """A value that a property cannot hold; `reason` says why, in words that follow "it"."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class Property:
    """A property as the live schema has it."""

    name: str
    id: str = ""
    type: str
    options: tuple[str, ...] = ()
    """Names of the options of a select, a multi-select or a status."""
    relation_data_source: str = ""
    """Where a relation leads."""


def to_property(prop: Property, value: Any) -> dict[str, Any]:
    """The JSON with which the value is written; Unfit when this property cannot hold it.

    None, an empty text and an empty list clear the property.
    """
    write = _WRITERS.get(prop.type)
    if write is None:
        raise Unfit(f"is a {prop.type.replace('_', ' ')}, which Notion fills in itself")
    return {prop.type: write(prop, None if _is_empty(value) else value)}


def equal(prop: Property, wanted: Any, present: Any, *, partial: bool = False) -> bool:
    """Whether `present`, a plain value as it is read, is what would be read back if `wanted` was written.

    `partial`: only the beginning of `present` is known, and only that counts. Unfit as for `to_property`.
    """
    written = _comparable(prop.type, _read_back(prop, wanted))
    seen = _comparable(prop.type, present)
    if not partial:
        return bool(written == seen)
    if isinstance(written, str) and isinstance(seen, str):
        return written.startswith(seen)
    return seen <= written if isinstance(seen, frozenset) else bool(written == seen)


def _read_back(prop: Property, wanted: Any) -> Any:
    held = to_property(prop, wanted)[prop.type]
    if prop.type in ("title", "rich_text"):
        held = [{"plain_text": run["text"]["content"]} for run in held]
    return from_property({"type": prop.type, prop.type: held})


def new_options(prop: Property, value: Any) -> tuple[str, ...]:
    """The options that Notion would add to the property if the value was written; Unfit as for `to_property`.

    A database whose schema is full takes none, and says so without naming the property.
    """
    held = to_property(prop, value)[prop.type]
    if prop.type not in ("select", "multi_select", "status"):
        return ()
    named = held if isinstance(held, list) else [held] if held else []
    return tuple(one["name"] for one in named if one["name"] not in prop.options)


def runs(text: str) -> list[dict[str, Any]]:
    """A text as rich text, in runs that Notion takes; no character is cut in two."""
    return [{"type": "text", "text": {"content": part}} for part in _parts(_clean(text))]


# Writing


def _text(prop: Property, value: Any) -> list[dict[str, Any]]:
    parts = runs(_as_text(value))
    if len(parts) > RUNS:
        raise Unfit(f"is longer than the {RUN * RUNS:,} characters that Notion holds")
    return parts


def _number(prop: Property, value: Any) -> float | int | None:
    if value is None:
        return None
    number = _as_number(value)
    if (isinstance(number, int) and abs(number) > PRECISE) or not math.isfinite(number):
        raise Unfit("is a number beyond what Notion holds")
    return number


def _as_number(value: Any) -> float | int:
    match value:
        case int() | float():
            return int(value) if isinstance(value, bool) else value
        case str() if _NUMBER.fullmatch(value.strip()):
            return float(value)
    raise Unfit("is no number, and the property holds numbers")


def _select(prop: Property, value: Any) -> dict[str, str] | None:
    names = _names(prop, value)
    if len(names) > 1:
        raise Unfit("is several, and the property holds one")
    return {"name": names[0]} if names else None


def _status(prop: Property, value: Any) -> dict[str, str]:
    named = _select(prop, value)
    if named is None:
        raise Unfit("is empty, and a status cannot be")
    if named["name"] not in prop.options:
        raise Unfit(f"is none of the property's states ({', '.join(prop.options)}), which only a person can add")
    return named


def _multi_select(prop: Property, value: Any) -> list[dict[str, str]]:
    if isinstance(value, str):
        value = [part for part in value.split(",") if part.strip()]
    names: dict[str, str] = {}
    for name in _names(prop, value):
        names.setdefault(name.casefold(), name)
    if len(names) > OPTIONS:
        raise Unfit(f"is more than the {OPTIONS} that Notion holds")
    return [{"name": name} for name in names.values()]


def _checkbox(prop: Property, value: Any) -> bool:
    if value is None or isinstance(value, bool):
        return bool(value)
    word = str(value).strip().lower()
    if word not in YES | NO:
        raise Unfit("is neither yes nor no, and the property is a checkbox")
    return word in YES


def _date(prop: Property, value: Any) -> dict[str, str] | None:
    return None if value is None else {"start": _as_date(value)}


def _short(limit: int, kind: str) -> Callable[[Property, Any], str | None]:
    def write(prop: Property, value: Any) -> str | None:
        text = _clean(_as_text(value)).strip()
        if _units(text) > limit:
            raise Unfit(f"is longer than the {limit:,} characters that Notion holds of {kind}")
        return text or None

    return write


def _references(prop: Property, value: Any) -> list[dict[str, str]]:
    given = [] if value is None else [value] if isinstance(value, str) else value
    if not isinstance(given, list | tuple | set | frozenset):
        raise Unfit("is no page, and the property leads to pages")
    ids = list(dict.fromkeys(map(_page, given)))
    if len(ids) > OPTIONS:
        raise Unfit(f"is more than the {OPTIONS} that Notion holds")
    return [{"id": one} for one in ids]


_WRITERS: Final[Mapping[str, Callable[[Property, Any], Any]]] = {
    "title": _text,
    "rich_text": _text,
    "number": _number,
    "select": _select,
    "multi_select": _multi_select,
    "status": _status,
    "checkbox": _checkbox,
    "date": _date,
    "url": _short(RUN, "an address"),
    "email": _short(ADDRESS, "an e-mail address"),
    "phone_number": _short(ADDRESS, "a phone number"),
    "relation": _references,
    "people": _references,
}
WRITABLE: Final = frozenset(_WRITERS)
"""Types that can be written; any other Notion fills in itself, or a person does."""


def _names(prop: Property, value: Any) -> list[str]:
    """Names of options, as the property spells them where it has them already."""
    given = [] if value is None else value if isinstance(value, list | tuple | set | frozenset) else [value]
    return [_option(prop, name) for one in given if (name := " ".join(_clean(_as_text(one)).replace(",", ";").split()))]


def _option(prop: Property, name: str) -> str:
    if _units(name) > OPTION:
        raise Unfit(f"is longer than the {OPTION} characters of an option's name")
    return next((one for one in prop.options if one.casefold() == name.casefold()), name)


def _page(value: Any) -> str:
    try:
        return str(UUID(value))
    except (ValueError, AttributeError, TypeError) as error:
        raise Unfit("is no page, and the property leads to pages") from error


def _as_text(value: Any) -> str:
    match value:
        case None:
            return ""
        case str():
            return value
        case bool():
            return "Yes" if value else "No"
        case float() if not math.isfinite(value):
            raise Unfit("is no number that can be written")
        case float() if value.is_integer() and abs(value) < PRECISE:
            return str(int(value))
        case datetime() | date():
            return _as_date(value)
        case list() | tuple():
            return ", ".join(map(_as_text, value))
        case set() | frozenset():
            return ", ".join(sorted(map(_as_text, value)))
        case int() | float():
            return str(value)
        case _:
            raise Unfit("is no text")


def _as_date(value: Any) -> str:
    """A day, or a moment in UTC to the minute. A year or a month stands for its first day."""
    match value:
        case datetime():
            return _moment(value)
        case date():
            return value.isoformat()
        case int() if not isinstance(value, bool) and 1 <= value <= 9999:
            return f"{value:04}-01-01"
        case str():
            return _day(value.strip())
    raise Unfit("is no date")


def _day(text: str) -> str:
    try:
        if part := _PARTIAL.fullmatch(text):
            return date(int(part[1]), int(part[2] or 1), 1).isoformat()
        if len(text) == len("2026-01-01"):
            return date.fromisoformat(text).isoformat()
        return _moment(datetime.fromisoformat(text))
    except (ValueError, OverflowError) as error:
        raise Unfit("is no date") from error


def _moment(value: datetime) -> str:
    try:
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return aware.astimezone(UTC).replace(second=0, microsecond=0).isoformat(timespec="milliseconds")
    except OverflowError as error:
        raise Unfit("is no date") from error


def _clean(text: str) -> str:
    """Without what JSON or Notion cannot hold: halves of characters, and the zero character."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "")


def _units(text: str) -> int:
    return len(text) + sum(character > "\uffff" for character in text)


def _parts(text: str) -> Iterable[str]:
    if text.isascii():
        yield from (text[start : start + RUN] for start in range(0, len(text), RUN))
        return
    start, units = 0, 0
    for index, character in enumerate(text):
        size = 2 if character > "\uffff" else 1
        if units + size > RUN:
            yield text[start:index]
            start, units = index, 0
        units += size
    if start < len(text):
        yield text[start:]


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str | list | tuple | set | frozenset) and not value)


# Comparing


def _comparable(kind: str, value: Any) -> Any:
    """The same for values that Notion does not tell apart."""
    match kind:
        case "number":
            return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
        case "checkbox":
            return bool(value)
        case "select" | "status":
            return value.casefold() if isinstance(value, str) else value
        case "multi_select":
            return frozenset(str(name).casefold() for name in value or ())
        case "relation" | "people":
            return frozenset(str(one).replace("-", "").lower() for one in value or ())
        case "date":
            return _instant(value)
        case _:
            return value or ""


def _instant(value: Any) -> Any:
    try:
        return _as_date(value) if value else None
    except Unfit:
        return value
