"""Filters and sorts of the fake Notion, and the pages of a query's result."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from tests.fakes.notion_store import NotDone, Page, Prop, Source, Store, Version, invalid, minute
from tests.fakes.notion_values import COMPUTED, dashed, empty_json, plain, property_json

Test = Callable[[Page, Version], bool]
CURSORS: Final = 5_000
_TIMES: Final = frozenset({"created_time", "last_edited_time"})


def test_of(source: Source, told: Mapping[str, Any] | None) -> Test:
    """A filter as a function; Refusal for a property that is not there or of another kind."""
    if not told:
        return lambda page, version: True
    for word, whole in (("and", all), ("or", any)):
        if word in told:
            return _group([test_of(source, one) for one in told[word]], whole)
    if "timestamp" in told:
        return _time_test(told["timestamp"], told[told["timestamp"]])
    return _property_test(source, told)


def _group(tests: Sequence[Test], whole: Callable[[Iterable[bool]], bool]) -> Test:
    return lambda page, version: whole(test(page, version) for test in tests)


def candidates(store: Store, source: Source, told: Mapping[str, Any]) -> set[str] | None:
    """All rows that can pass a filter, and others, where an index tells; None: any row."""
    if "or" in told:
        parts = [candidates(store, source, one) for one in told["or"]]
        known = [one for one in parts if one is not None]
        return set().union(*known) if len(known) == len(parts) else None
    if "and" in told:
        return next((found for one in told["and"] if (found := candidates(store, source, one)) is not None), None)
    prop = source.prop(told["property"]) if "property" in told else None
    if prop and prop.kind in {"title", "rich_text", "url"} and told[prop.kind].get("equals"):
        return store.having(source, prop, told[prop.kind]["equals"])
    if prop and prop.kind == "relation" and "contains" in told["relation"]:
        return store.having(source, prop, dashed(told["relation"]["contains"]))
    return None


def _time_test(name: str, condition: Mapping[str, Any]) -> Test:
    ((operator, wanted),) = condition.items()
    check = _date_check(operator, wanted)
    known: dict[str, bool] = {}  # rows share minutes

    def test(page: Page, version: Version) -> bool:
        moment = time_of(name, page, version)
        if moment not in known:
            known[moment] = check(moment)
        return known[moment]

    return test


def time_of(name: str, page: Page, version: Version) -> str:
    """created_time or last_edited_time, as answered."""
    return minute(page.created if name == "created_time" else version.edited)


def _property_test(source: Source, told: Mapping[str, Any]) -> Test:
    prop = source.prop(told["property"])
    if prop is None:
        raise invalid(f"Could not find property with name or id: {told['property']}")
    (kind,) = set(told) - {"property", "type"}
    if kind != prop.kind:
        raise invalid(f"database property {prop.kind} does not match filter {kind}")
    ((operator, wanted),) = told[kind].items()
    if prop.kind in _TIMES:
        return _time_test(prop.kind, told[kind])
    check = _check(prop, operator, wanted)
    return lambda page, version: check(plain(prop, version.values.get(prop.id)))


def _check(prop: Prop, operator: str, wanted: Any) -> Callable[[Any], bool]:
    if operator == "is_empty":
        return lambda value: value in (None, "", [])
    if operator == "is_not_empty":
        return lambda value: value not in (None, "", [])
    match prop.kind:
        case "date":
            return _date_check(operator, wanted)
        case "number":
            return _number_check(operator, wanted)
        case "multi_select":
            return _list_check(operator, wanted)
        case "relation":
            return _list_check(operator, dashed(wanted))
        case "people":
            ids = _list_check(operator, dashed(wanted))
            return lambda value: ids([one["id"] for one in value or ()])
        case "title" | "rich_text" | "url" | "email" | "phone_number":
            return _text_check(operator, wanted)
    if prop.kind not in {"select", "status", "checkbox"}:
        raise NotDone(f"a filter of {prop.kind}")
    return {"equals": lambda value: value == wanted, "does_not_equal": lambda value: value != wanted}[operator]


def _text_check(operator: str, wanted: str) -> Callable[[Any], bool]:
    """Text is compared without regard to case, as Notion does."""
    low = wanted.lower()
    checks: dict[str, Callable[[str], bool]] = {
        "equals": lambda text: text == low,
        "does_not_equal": lambda text: text != low,
        "contains": lambda text: low in text,
        "does_not_contain": lambda text: low not in text,
        "starts_with": lambda text: text.startswith(low),
        "ends_with": lambda text: text.endswith(low),
    }
    check = checks[operator]
    return lambda value: check((value or "").lower())


def _number_check(operator: str, wanted: float) -> Callable[[Any], bool]:
    checks: dict[str, Callable[[float], bool]] = {
        "equals": lambda value: value == wanted,
        "does_not_equal": lambda value: value != wanted,
        "greater_than": lambda value: value > wanted,
        "less_than": lambda value: value < wanted,
        "greater_than_or_equal_to": lambda value: value >= wanted,
        "less_than_or_equal_to": lambda value: value <= wanted,
    }
    check = checks[operator]
    return lambda value: operator == "does_not_equal" if value is None else check(value)


def _list_check(operator: str, wanted: str) -> Callable[[Any], bool]:
    if operator == "contains":
        return lambda value: wanted in (value or ())
    if operator == "does_not_contain":
        return lambda value: wanted not in (value or ())
    raise NotDone(f"{operator} of a list")


def _date_check(operator: str, wanted: Any) -> Callable[[Any], bool]:
    if operator not in {"equals", "before", "after", "on_or_before", "on_or_after"}:
        raise NotDone(f"{operator} of a date")
    limit = _moment(wanted)
    checks: dict[str, Callable[[datetime], bool]] = {
        "equals": lambda moment: moment == limit,
        "before": lambda moment: moment < limit,
        "after": lambda moment: moment > limit,
        "on_or_before": lambda moment: moment <= limit,
        "on_or_after": lambda moment: moment >= limit,
    }
    check = checks[operator]
    return lambda value: value is not None and check(_moment(value))


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise invalid(f"{text!r} should be a valid ISO 8601 date string") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def ordered(source: Source, rows: list[tuple[Page, Version]], sorts: Sequence[Mapping[str, Any]]) -> list[str]:
    """Ids in the order asked for; rows that are equal in it stand in no order to rely on."""
    if sorts:
        rows.sort(key=lambda row: row[0].id)
    for sort in reversed(sorts):
        key = _sort_key(source, sort)
        filled = [row for row in rows if key(row) is not None]
        empty = [row for row in rows if key(row) is None]
        filled.sort(key=key, reverse=sort["direction"] == "descending")
        rows = filled + empty
    return [page.id for page, _ in rows]


def _sort_key(source: Source, sort: Mapping[str, Any]) -> Callable[[tuple[Page, Version]], Any]:
    name = sort.get("timestamp")
    if name is None:
        prop = source.prop(sort["property"])
        if prop is None:
            raise invalid(f"Could not find sort property with name or id: {sort['property']}")
        if prop.kind not in _TIMES:
            return lambda row: _filled(plain(prop, row[1].values.get(prop.id)))
        name = prop.kind
    return lambda row: time_of(name, *row)


def _filled(value: Any) -> Any:
    return None if value in ("", []) else value


@dataclass(frozen=True)
class Cursor:
    """Where a query goes on."""

    about: str
    """The question, whose pages must not be mixed with another's."""
    ids: Sequence[str]
    offset: int
    revision: int


class Queries:
    """Questions to data sources, answered page by page."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._cursors: dict[str, Cursor] = {}
        self.cap = 10_000
        self.moves = False
        """Whether rows that change between two pages of a result shift it (else a result stays as it began)."""

    def answer(self, source: Source, body: Mapping[str, Any], only: Sequence[str] | None) -> str:
        """The answer's text."""
        about = json.dumps([source.id, {name: value for name, value in body.items() if name not in
                                        {"start_cursor", "page_size"}}], sort_keys=True)  # fmt: skip
        cursor = self._cursor(source, body, about)
        size = int(body.get("page_size", 100))
        held = cursor.ids[: self.cap]
        end = min(cursor.offset + size, len(held))
        writer = Writer(self._store, source, only)
        pages = [
            writer.text(self._store.pages[id_])
            for id_ in held[cursor.offset : end]
            if self._still(source, id_, bool(body.get("in_trash")))
        ]
        more = end < len(held)
        onward = self._keep(Cursor(about, cursor.ids, end, cursor.revision)) if more else None
        rest: dict[str, Any] = {
            "next_cursor": onward,
            "has_more": more,
            "type": "page_or_data_source",
            "page_or_data_source": {},
        }
        if len(cursor.ids) > self.cap:
            rest["request_status"] = {"type": "incomplete", "incomplete_reason": "query_result_limit_reached"}
        return f'{{"object": "list", "results": [{", ".join(pages)}], {json.dumps(rest)[1:]}'

    def _still(self, source: Source, id_: str, trash: bool) -> bool:
        page = self._store.pages.get(id_)
        seen = page and page.seen(self._store.now() - self._store.lag)
        return bool(seen and seen.source == source.id and seen.in_trash == trash)

    def _cursor(self, source: Source, body: Mapping[str, Any], about: str) -> Cursor:
        if "start_cursor" not in body:
            return Cursor(about, self._ids(source, body), 0, source.revision)
        cursor = self._cursors.get(body["start_cursor"])
        if cursor is None or cursor.about != about:
            raise invalid(f"The start_cursor provided is invalid: {body['start_cursor']}")
        if self.moves and cursor.revision != source.revision:
            return Cursor(about, self._ids(source, body), cursor.offset, source.revision)
        return cursor

    def _ids(self, source: Source, body: Mapping[str, Any]) -> list[str]:
        test, trash = test_of(source, body.get("filter")), bool(body.get("in_trash"))
        moment = self._store.now() - self._store.lag if self._store.lag else None
        among = candidates(self._store, source, body.get("filter") or {})
        rows = [row for row in self._store.rows(source, moment, among) if row[1].in_trash == trash and test(*row)]
        return ordered(source, rows, body.get("sorts") or ())

    def _keep(self, cursor: Cursor) -> str:
        while len(self._cursors) >= CURSORS:
            self._cursors.pop(next(iter(self._cursors)))
        name = str(uuid.uuid4())
        self._cursors[name] = cursor
        return name


class Writer:
    """Pages as JSON texts; what was never set is written from a ready-made piece."""

    def __init__(self, store: Store, source: Source | None, only: Sequence[str] | None = None, *, now: bool = False):
        self._store, self._source = store, source
        self._moment = None if now or not store.lag else store.now() - store.lag
        props = [one for one in source.props.values() if only is None or one.id in only] if source else []
        self._places = {prop.id: (place, prop) for place, prop in enumerate(props)}
        self._empty = [
            f"{json.dumps(prop.name)}: {'' if prop.kind in COMPUTED else empty_json(prop)}" for prop in props
        ]
        self._computed = [prop.id for prop in props if prop.kind in COMPUTED]

    def text(self, page: Page) -> str:
        """One page."""
        version = page.now if self._moment is None else page.seen(self._moment) or page.now
        head = self._head(page, version)
        return f'{json.dumps(head)[:-1]}, "properties": {{{", ".join(self._properties(page, version))}}}}}'

    def _properties(self, page: Page, version: Version) -> list[str]:
        if self._source is None:
            title = {"id": "title", "type": "title", "title": version.values.get("title", [])}
            return [f'"title": {json.dumps(title)}']
        pieces = self._empty.copy()
        for id_ in (*version.values, *self._computed):
            if known := self._places.get(id_):
                place, prop = known
                pieces[place] = f"{json.dumps(prop.name)}: {json.dumps(property_json(prop, page, version))}"
        return pieces

    def _head(self, page: Page, version: Version) -> dict[str, Any]:
        source = self._source
        parent = (
            {"type": "data_source_id", "data_source_id": source.id, "database_id": source.database}
            if source
            else page.parent
        )
        return {
            "object": "page",
            "id": page.id,
            "created_time": minute(page.created),
            "last_edited_time": minute(version.edited),
            "created_by": {"object": "user", "id": page.created_by},
            "last_edited_by": {"object": "user", "id": version.edited_by},
            "cover": None,
            "icon": None,
            "parent": parent,
            "in_trash": version.in_trash,
            "is_archived": version.in_trash,
            "is_locked": False,
            "url": f"https://app.notion.com/p/{page.id.replace('-', '')}",
            "public_url": None,
        }
