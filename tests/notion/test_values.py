"""Values in Notion's forms: whatever is written reads back equal under Notion's own rules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsyncd.notion.values import (
    OPTIONS,
    RUN,
    RUNS,
    WRITABLE,
    Property,
    Unfit,
    equal,
    from_items,
    from_property,
    new_options,
    to_property,
    truncated,
)
from tests.fakes.notion_values import runs as held_runs

PAGE = "11111111-2222-3333-4444-555555555555"
OTHER = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"


def units(text: str) -> int:
    """As Notion counts."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def stored(prop: Property, written: Mapping[str, Any]) -> dict[str, Any]:
    """What Notion's page shows of what was written; AssertionError for what Notion refuses."""
    value = written[prop.type]
    match prop.type:
        case "title" | "rich_text":
            assert len(value) <= 100
            assert all(0 < units(one["text"]["content"]) <= 2000 for one in value)
            value = held_runs(value)
        case "multi_select":
            assert len(value) <= 100
            assert all("," not in one["name"] and 0 < units(one["name"]) <= 100 for one in value)
        case "select" | "status" if value is not None:
            assert "," not in value["name"]
            assert 0 < units(value["name"]) <= 100
        case "relation" | "people":
            assert len(value) <= 100
        case "url":
            assert value is None or 0 < units(value) <= 2000
        case "date" if value is not None and len(value["start"]) > 10:
            moment = datetime.fromisoformat(value["start"])
            value = {"start": moment.replace(second=0, microsecond=0).isoformat(timespec="milliseconds"), "end": None}
    return {"id": prop.id, "type": prop.type, prop.type: value}


TEXT = st.text(max_size=60) | st.text(st.sampled_from("ab,😀\0\ud800 \n"), max_size=60)
PIECE = st.text(st.characters(codec="utf-8"), max_size=40)
LONG = st.builds(lambda text, times: text * times, PIECE, st.integers(0, 400))
ANY = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    TEXT,
    LONG,
    st.lists(TEXT, max_size=5),
    st.lists(st.integers(), max_size=3),
    st.dates(),
    st.datetimes(),
    st.datetimes(timezones=st.just(UTC) | st.just(timezone(timedelta(hours=5, minutes=30)))),
    st.dates().map(str),
    st.datetimes().map(str),
    st.lists(st.uuids().map(str), max_size=4),
    st.dictionaries(TEXT, st.integers(), max_size=2),
)


@given(kind=st.sampled_from(sorted(WRITABLE)), value=ANY, options=st.lists(TEXT, max_size=4))
def test_whatever_is_written_reads_back_equal(kind: str, value: Any, options: list[str]) -> None:
    """Any value is taken in Notion's form, and then found equal to what Notion shows, or refused with a reason."""
    known = tuple(one for one in options if one.isprintable() and one.strip() and "," not in one and units(one) <= 100)
    prop = Property(name="P", type=kind, options=known)
    try:
        written = to_property(prop, value)
    except Unfit:
        with pytest.raises(Unfit, match=r"^is "):
            equal(prop, value, None)
        return
    present = from_property(stored(prop, written))
    assert equal(prop, value, present)
    assert to_property(prop, present) == written or equal(prop, present, present)


@given(kind=st.sampled_from(sorted(WRITABLE - {"status"})), value=ANY, other=ANY)
def test_what_differs_is_told(kind: str, value: Any, other: Any) -> None:
    """Two values are equal only if Notion would show the same of both, but for case and order."""
    prop = Property(name="P", type=kind)
    try:
        one, two = (from_property(stored(prop, to_property(prop, each))) for each in (value, other))
    except Unfit:
        return
    if equal(prop, value, two):
        assert plainly(kind, one) == plainly(kind, two)


def plainly(kind: str, value: Any) -> Any:
    """Without what does not count."""
    if kind in ("multi_select", "relation", "people"):
        return {str(one).casefold() for one in value}
    return value.casefold() if kind == "select" and value else value


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("a" * 2000, [2000]),
        ("a" * 2001, [2000, 1]),
        ("a" * 1999 + "😀", [1999, 2]),
        ("a" * 1998 + "😀", [2000]),
        ("😀" * 1000, [2000]),
        ("😀" * 1001, [2000, 2]),
        ("a" + "😀" * 1000, [1999, 2]),
        ("", []),
    ],
)
def test_a_text_is_cut_between_characters(text: str, sizes: list[int]) -> None:
    """At most 2,000 UTF-16 units in one run, and no character of two units is torn."""
    parts = [one["text"]["content"] for one in to_property(Property(name="P", type="rich_text"), text)["rich_text"]]
    assert [units(part) for part in parts] == sizes
    assert "".join(parts) == text


def test_a_text_beyond_a_hundred_runs_is_refused() -> None:
    """200,000 units go; one more does not, and nothing is silently cut."""
    prop = Property(name="P", type="rich_text")
    assert len(to_property(prop, "a" * RUN * RUNS)["rich_text"]) == RUNS
    with pytest.raises(Unfit, match="200,000"):
        to_property(prop, "a" * (RUN * RUNS + 1))


@pytest.mark.parametrize(
    ("kind", "value", "written"),
    [
        ("rich_text", None, []),
        ("title", "", []),
        ("number", None, None),
        ("number", "128", 128.0),
        ("number", True, 1),
        ("number", -8.25, -8.25),
        ("rich_text", 128.0, [{"type": "text", "text": {"content": "128"}}]),
        ("rich_text", ["A", "B"], [{"type": "text", "text": {"content": "A, B"}}]),
        ("select", "Drum & Bass, Jungle", {"name": "Drum & Bass; Jungle"}),
        ("select", "house", {"name": "House"}),
        ("select", "", None),
        ("select", True, {"name": "Yes"}),
        ("select", ["F#m"], {"name": "F#m"}),
        ("multi_select", "House, Techno,, house", [{"name": "House"}, {"name": "Techno"}]),
        ("multi_select", ["a,b"], [{"name": "a;b"}]),
        ("checkbox", None, False),
        ("checkbox", "yes", True),
        ("checkbox", "No", False),
        ("date", "2019", {"start": "2019-01-01"}),
        ("date", 2019, {"start": "2019-01-01"}),
        ("date", "2019-07", {"start": "2019-07-01"}),
        ("date", "2019-07-09", {"start": "2019-07-09"}),
        ("date", date(2019, 7, 9), {"start": "2019-07-09"}),
        ("date", "2026-01-01T12:34:56+02:00", {"start": "2026-01-01T10:34:00.000+00:00"}),
        ("date", datetime(2026, 1, 1, 12, 34, 56, tzinfo=UTC), {"start": "2026-01-01T12:34:00.000+00:00"}),
        ("url", " https://a.example/b ", "https://a.example/b"),
        ("url", "", None),
        ("email", "a@example.org", "a@example.org"),
        ("relation", PAGE.replace("-", ""), [{"id": PAGE}]),
        ("relation", [PAGE, OTHER, PAGE], [{"id": PAGE}, {"id": OTHER}]),
        ("relation", [], []),
        ("status", "open", {"name": "Open"}),
    ],
)
def test_a_value_by_the_live_type(kind: str, value: Any, written: Any) -> None:
    """Coerced where that is honest."""
    options = {"select": ("House",), "multi_select": ("House",), "status": ("Open", "Closed")}.get(kind, ())
    assert to_property(Property(name="P", type=kind, options=options), value) == {kind: written}


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        ("number", "F#m", "no number"),
        ("number", "8A", "no number"),
        ("number", "nan", "no number"),
        ("number", "1_000", "no number"),
        ("number", float("inf"), "beyond"),
        ("number", 2**53 + 1, "beyond"),
        ("number", "1e999", "beyond"),
        ("number", [1], "no number"),
        ("select", "x" * 101, "longer"),
        ("select", ["a", "b"], "several"),
        ("multi_select", [str(number) for number in range(OPTIONS + 1)], "more than"),
        ("status", "Done", "only a person can add"),
        ("status", None, "cannot be"),
        ("checkbox", "perhaps", "neither yes nor no"),
        ("date", "soon", "no date"),
        ("date", "2019-02-30", "no date"),
        ("date", True, "no date"),
        ("date", "0000", "no date"),
        ("url", "x" * 2001, "longer"),
        ("email", "x" * 201, "longer"),
        ("relation", "Some Artist", "no page"),
        ("relation", 5, "no page"),
        ("relation", [PAGE[:-3] + f"{number:03}" for number in range(101)], "more than"),
        ("rich_text", {"a": 1}, "no text"),
        ("rich_text", float("nan"), "no number"),
        ("formula", "x", "fills in itself"),
        ("files", "x", "fills in itself"),
        ("created_time", "2026", "fills in itself"),
    ],
)
def test_what_a_property_cannot_hold(kind: str, value: Any, reason: str) -> None:
    """Said with a reason that a person understands; never written as something else."""
    with pytest.raises(Unfit, match=reason):
        to_property(Property(name="P", type=kind, options=("Open",) if kind == "status" else ()), value)


@pytest.mark.parametrize(
    ("found", "value"),
    [
        ({"type": "rich_text", "rich_text": [{"plain_text": "a"}, {"plain_text": "b"}]}, "ab"),
        ({"type": "rich_text", "rich_text": [{"text": {"content": "a"}}, {"text": {"content": "b"}}]}, "ab"),
        ({"type": "title", "title": []}, None),
        ({"type": "number", "number": 0}, 0),
        ({"type": "select", "select": None}, None),
        ({"type": "status", "status": {"name": "Open"}}, "Open"),
        ({"type": "multi_select", "multi_select": [{"name": "a"}, {"name": "b"}]}, ["a", "b"]),
        ({"type": "checkbox", "checkbox": True}, True),
        ({"type": "date", "date": {"start": "2019-01-01", "end": "2020-01-01"}}, "2019-01-01"),
        ({"type": "url", "url": None}, None),
        ({"type": "relation", "relation": [{"id": PAGE}], "has_more": False}, [PAGE]),
        ({"type": "people", "people": [{"object": "user", "id": PAGE}]}, [PAGE]),
        ({"type": "files", "files": [{"name": "cover.jpg"}]}, ["cover.jpg"]),
        ({"type": "formula", "formula": {"type": "string", "string": "x"}}, "x"),
        ({"type": "formula", "formula": {"type": "number", "number": 3}}, 3),
        ({"type": "formula", "formula": {"type": "boolean", "boolean": False}}, False),
        ({"type": "rollup", "rollup": {"type": "number", "number": 3}}, 3),
        ({"type": "rollup", "rollup": {"type": "array", "array": [{"type": "url", "url": "u"}]}}, ["u"]),
        ({"type": "unique_id", "unique_id": {"prefix": "T", "number": 4}}, "T-4"),
        ({"type": "created_time", "created_time": "2026-01-01T00:00:00.000Z"}, "2026-01-01T00:00:00.000Z"),
        ({"type": "button", "button": {}}, None),
        ({"type": "something new", "something new": {"a": 1}}, None),
        ({}, None),
    ],
)
def test_a_plain_value(found: dict[str, Any], value: Any) -> None:
    """Of every type, also of those that nobody can write; one that is not known has none."""
    assert from_property(found) == value


def test_what_a_page_shows_of_many() -> None:
    """The first 25, and the rest by itself; until then only the beginning counts."""
    many = [{"id": f"{PAGE[:-2]}{number:02}"} for number in range(30)]
    ids = [one["id"] for one in many]
    relation = Property(name="Artist", type="relation")
    assert truncated({"type": "relation", "relation": many[:25], "has_more": True})
    assert not truncated({"type": "relation", "relation": many[:25], "has_more": False})
    assert truncated({"type": "rich_text", "rich_text": [{"plain_text": "a"}] * 25})
    assert not truncated({"type": "rich_text", "rich_text": [{"plain_text": "a"}] * 24})
    assert from_items("relation", [{"type": "relation", "relation": one} for one in many]) == ids
    assert from_items("rich_text", [{"type": "rich_text", "rich_text": {"plain_text": "a"}}] * 30) == "a" * 30
    assert from_items("number", [{"type": "number", "number": 5}]) == 5
    assert not equal(relation, ids, ids[:25])
    assert equal(relation, ids, ids[:25], partial=True)
    assert not equal(relation, ids[1:], ids[:25], partial=True)
    text = Property(name="Text", type="rich_text")
    assert equal(text, "abcdef", "abc", partial=True)
    assert not equal(text, "xbcdef", "abc", partial=True)


def test_which_options_would_be_added() -> None:
    """A schema that is full takes none."""
    prop = Property(name="Genre", type="multi_select", options=("House",))
    assert new_options(prop, "house, Techno") == ("Techno",)
    assert new_options(Property(name="Genre", type="select", options=("House",)), "House") == ()
    assert new_options(Property(name="Genre", type="select"), None) == ()
    assert new_options(Property(name="Genre", type="rich_text"), "Techno") == ()
