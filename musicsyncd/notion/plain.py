"""Plain values of what Notion shows of a page's properties, of every type. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

INLINE: Final = 25
"""References that a page shows of one property; the rest is asked for by itself."""


def from_property(found: Mapping[str, Any]) -> Any:
    """The plain value of a page's property: texts joined, names of options, ids, a date's start; None for nothing."""
    kind = str(found.get("type") or "")
    held = found.get(kind)
    read = _READERS.get(kind)
    return read(held) if read else None


def from_items(kind: str, items: Sequence[Mapping[str, Any]]) -> Any:
    """The same from the parts of one property, as they are asked for where a page shows only the first 25."""
    held = [item.get(str(item.get("type") or kind)) for item in items]
    if kind in ("title", "rich_text", "relation", "people", "files"):
        return from_property({"type": kind, kind: [one for one in held if one is not None]})
    return from_property({"type": kind, kind: held[0] if held else None})


def truncated(found: Mapping[str, Any]) -> bool:
    """Whether the page may show only the beginning of this property."""
    held = found.get(str(found.get("type") or ""))
    return bool(found.get("has_more")) or (
        found.get("type") in ("title", "rich_text", "relation", "people")
        and "has_more" not in found
        and isinstance(held, list)
        and len(held) >= INLINE
    )


def _joined(held: Any) -> str | None:
    """Every run, not the first alone."""
    return "".join(map(_run, held)) or None if isinstance(held, list) else None


def _run(run: Any) -> str:
    if not isinstance(run, dict):
        return ""
    plain = run.get("plain_text")
    return str(plain if plain is not None else (run.get("text") or {}).get("content", ""))


def _name(held: Any) -> str | None:
    return str(held["name"]) if isinstance(held, dict) and held.get("name") else None


def _name_list(held: Any) -> list[str]:
    return [name for one in held if (name := _name(one))] if isinstance(held, list) else []


def _ids(held: Any) -> list[str]:
    return [str(one["id"]) for one in held if isinstance(one, dict) and one.get("id")] if isinstance(held, list) else []


def _start(held: Any) -> str | None:
    return str(held["start"]) if isinstance(held, dict) and held.get("start") else None


def _plain(held: Any) -> Any:
    return held if held != "" else None


def _computed(held: Any) -> Any:
    return from_property(held) if isinstance(held, dict) else None


def _rollup(held: Any) -> Any:
    if isinstance(held, dict) and held.get("type") == "array":
        return [from_property(one) for one in held.get("array", ()) if isinstance(one, dict)]
    return _computed(held)


def _unique(held: Any) -> str | None:
    if not isinstance(held, dict) or held.get("number") is None:
        return None
    return f"{held['prefix']}-{held['number']}" if held.get("prefix") else str(held["number"])


def _person(held: Any) -> str | None:
    return str(held["id"]) if isinstance(held, dict) and held.get("id") else None


_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "title": _joined,
    "rich_text": _joined,
    "number": _plain,
    "select": _name,
    "status": _name,
    "multi_select": _name_list,
    "checkbox": bool,
    "date": _start,
    "url": _plain,
    "email": _plain,
    "phone_number": _plain,
    "relation": _ids,
    "people": _ids,
    "files": _name_list,
    "formula": _computed,
    "rollup": _rollup,
    "unique_id": _unique,
    "created_time": _plain,
    "last_edited_time": _plain,
    "created_by": _person,
    "last_edited_by": _person,
    "string": _plain,  # what formulas give
    "boolean": _plain,
}
