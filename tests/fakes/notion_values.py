"""Values of properties: what was sent to what is held, and what is held to what is answered."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from tests.fakes.notion_store import Option, Page, Prop, Refusal, Source, Store, Version, invalid, minute

COMPUTED: Final = frozenset({
    "created_time", "last_edited_time", "created_by", "last_edited_by", "formula", "rollup", "unique_id",
})  # fmt: skip
"""Kinds whose value Notion finds by itself."""
INLINE: Final = 25
"""References that a page shows of one property."""
WRITABLE: Final = frozenset({
    "title", "rich_text", "number", "select", "multi_select", "status", "date", "checkbox", "url", "email",
    "phone_number", "relation", "people", "files",
})  # fmt: skip
_PLAIN: Final = {"bold": False, "italic": False, "strikethrough": False, "underline": False, "code": False,
                 "color": "default"}  # fmt: skip
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


def run(text: str, link: str | None = None, annotations: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """One piece of rich text as Notion answers it."""
    return {
        "type": "text",
        "text": {"content": text, "link": {"url": link} if link else None},
        "annotations": _PLAIN | dict(annotations or {}),
        "plain_text": text,
        "href": link,
    }


def runs(given: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rich text as it is held: neighbours that look the same become one, empty ones vanish."""
    held: list[dict[str, Any]] = []
    for one in given:
        if "text" not in one:
            held.append({**one, "annotations": _PLAIN, "plain_text": "@", "href": None})
            continue
        link = (one["text"].get("link") or {}).get("url")
        piece = run(one["text"]["content"], link, one.get("annotations"))
        if held and "text" in held[-1] and _alike(held[-1], piece):
            held[-1] = run(held[-1]["plain_text"] + piece["plain_text"], link, piece["annotations"])
        elif piece["plain_text"]:
            held.append(piece)
    return held


def _alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return bool(one["annotations"] == other["annotations"] and one["href"] == other["href"])


def text_of(held: Sequence[Mapping[str, Any]]) -> str:
    """All of it, joined."""
    return "".join(one["plain_text"] for one in held)


def received(store: Store, source: Source, properties: Mapping[str, Any]) -> dict[str, Any]:
    """What a write means, by property id; Refusal when the schema has it otherwise. Nothing is changed on refusal."""
    known = [_known(source, name, value) for name, value in properties.items()]
    wanted = [(prop, name) for prop, value in known for name in _new_options(prop, value)]
    if wanted and source.full:
        raise invalid(
            "You have exceeded the maximum database property schema size: schema has exceeded the maximum size."
        )
    held = {prop.id: _held(store, prop, value) for prop, value in known if prop.kind not in {"select", "multi_select"}}
    for prop, name in dict.fromkeys((prop.id, name) for prop, name in wanted):
        found = source.prop(prop)
        assert found is not None
        store.add_option(found, name)
    return held | {prop.id: _held(store, prop, value) for prop, value in known if prop.id not in held}


def _known(source: Source, name: str, value: Mapping[str, Any]) -> tuple[Prop, Any]:
    prop = source.prop(name)
    if prop is None:
        raise invalid(f"{name} is not a property that exists.")
    if prop.kind not in WRITABLE:
        raise invalid(f"{name} is a {prop.kind} property: its value cannot be written.")
    if prop.kind not in value:
        raise invalid(f"{name} is expected to be {prop.kind}.")
    return prop, value[prop.kind]


def _new_options(prop: Prop, value: Any) -> list[str]:
    if prop.kind not in {"select", "multi_select"} or value is None:
        return []
    names = [one["name"] for one in (value if prop.kind == "multi_select" else [value]) if "name" in one]
    for name in names:
        if "," in name:
            raise invalid(f"Invalid select option, commas not allowed: {name}")
    return [name for name in names if prop.option(name=name) is None]


def _held(store: Store, prop: Prop, value: Any) -> Any:
    match prop.kind:
        case "title" | "rich_text":
            return runs(value)
        case "select" | "status":
            return _option(prop, value).id if value else None
        case "multi_select":
            return list(dict.fromkeys(_option(prop, one).id for one in value))
        case "date":
            return _date(prop, value)
        case "relation":
            return [_related(store, prop, one["id"]) for one in value]
        case "url" if value is not None and len(value) > 2000:
            raise invalid(f"body failed validation: {prop.name}.url.length should be ≤ `2000`.")
    return value


def _option(prop: Prop, value: Mapping[str, Any]) -> Option:
    found = prop.option(name=value["name"]) if "name" in value else prop.option(id_=value["id"])
    if found is None:
        kind = "status" if prop.kind == "status" else "select"
        told = value.get("name", value.get("id"))
        raise invalid(f'Invalid {kind} option. {kind.capitalize()} option "{told}" does not exist.')
    return found


def _related(store: Store, prop: Prop, id_: str) -> str:
    page = store.pages.get(dashed(id_))
    if page is None or not store.visible(page):
        raise missing("page", id_)
    if prop.target and page.now.source != prop.target:
        raise invalid(f"Page {id_} is not in the data source that the relation leads to.")
    return page.id


def missing(what: str, id_: str) -> Refusal:
    """What Notion says of anything that is not there or not shared."""
    shared = "Make sure the relevant pages and databases are shared with your integration."
    return Refusal(404, "object_not_found", f"Could not find {what} with ID: {id_}. {shared}")


def dashed(id_: str) -> str:
    """An id as Notion answers it."""
    bare = id_.replace("-", "").lower()
    return "-".join((bare[:8], bare[8:12], bare[12:16], bare[16:20], bare[20:])) if len(bare) == 32 else id_


def _date(prop: Prop, value: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if value is None:
        return None
    start, end = (_moment(prop, value.get(name)) for name in ("start", "end"))
    return {"start": start, "end": end, "time_zone": value.get("time_zone")}


def _moment(prop: Prop, text: str | None) -> str | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or not _DAY.match(text):
        where = f"body failed validation: body.properties.{prop.name}.date.start"
        raise invalid(f"{where} should be a valid ISO 8601 date string, instead was `{json.dumps(text)}`.")
    if _DAY.fullmatch(text):
        return text
    whole = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).replace(second=0, microsecond=0)
    return whole.isoformat(timespec="milliseconds")


def typed(store: Store, prop: Prop, value: Any) -> Any:
    """What is held after a person typed a plain value: no limit of the API, and new options as he likes."""
    match prop.kind:
        case "title" | "rich_text":
            return runs([run(value)] if isinstance(value, str) else value or [])
        case "select" | "status":
            return (prop.option(name=value) or store.add_option(prop, value)).id if value else None
        case "multi_select":
            return [(prop.option(name=name) or store.add_option(prop, name)).id for name in value or ()]
        case "date":
            return _date(prop, {"start": value} if isinstance(value, str) else value)
        case "relation":
            return [value] if isinstance(value, str) else [str(getattr(one, "id", one)) for one in value or ()]
        case "people":
            return [{"object": "user", "id": one} for one in value or ()]
    return value


def plain(prop: Prop, held: Any) -> Any:
    """What a person reads."""
    match prop.kind:
        case "title" | "rich_text":
            return text_of(held or ())
        case "select" | "status":
            return _name(prop, held)
        case "multi_select":
            return [_name(prop, one) for one in held or ()]
        case "date":
            return held["start"] if held else None
        case "checkbox":
            return bool(held)
        case "relation":
            return list(held or ())
    return held


def _name(prop: Prop, id_: str | None) -> str | None:
    option = prop.option(id_=id_) if id_ else None
    return option.name if option else None


def answered(prop: Prop, held: Any, *, inline: int = INLINE) -> Any:
    """The value as a page shows it."""
    match prop.kind:
        case "title" | "rich_text":
            return (held or [])[:inline]
        case "relation":
            return [{"id": id_} for id_ in (held or [])[:inline]]
        case "people":
            return [one | {"object": "user"} for one in (held or [])[:inline]]
        case "select" | "status":
            option = prop.option(id_=held) if held else None
            return option.answer() if option else None
        case "multi_select":
            return [option.answer() for id_ in held or () if (option := prop.option(id_=id_))]
        case "checkbox":
            return bool(held)
        case "files":
            return held or []
    return held


def property_json(prop: Prop, page: Page, version: Version) -> dict[str, Any]:
    """One property of a page with its id and type."""
    found: dict[str, Any] = {"id": prop.id, "type": prop.kind}
    if prop.kind in COMPUTED:
        return found | {prop.kind: _computed(prop.kind, page, version)}
    held = version.values.get(prop.id)
    found[prop.kind] = answered(prop, held)
    if prop.kind == "relation":
        found["has_more"] = len(held or ()) > INLINE
    return found


def _computed(kind: str, page: Page, version: Version) -> Any:
    return {
        "created_time": minute(page.created),
        "last_edited_time": minute(version.edited),
        "created_by": {"object": "user", "id": page.created_by},
        "last_edited_by": {"object": "user", "id": version.edited_by},
        "formula": {"type": "string", "string": ""},
        "rollup": {"type": "number", "number": None, "function": "count"},
        "unique_id": {"prefix": None, "number": page.number},
    }[kind]


def empty_json(prop: Prop) -> str:
    """The text of a property that was never set, ready to be joined."""
    return _empty(prop.id, prop.kind)


@lru_cache(10_000)
def _empty(id_: str, kind: str) -> str:
    found = {"id": id_, "type": kind, kind: answered(Prop(id_, "", kind), None)}
    return json.dumps(found | ({"has_more": False} if kind == "relation" else {}))
