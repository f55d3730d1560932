"""The stand-in's verdicts are kept by shape: they must be the validator's own."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.notion_rules import contract

PAGES = "/v1/pages"
LENGTHS = st.sampled_from([0, 1, 2, 3, 99, 100, 101, 280, 281, 1999, 2000, 2001, 3000])
TEXTS = st.one_of(st.text(max_size=5), LENGTHS.map(lambda size: "x" * size))
SCALARS: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXTS
)
RUNS = st.one_of(
    SCALARS.map(lambda value: {"text": {"content": value}}),
    TEXTS.map(lambda value: {"type": "text", "text": {"content": value, "link": {"url": value}}}),
    TEXTS.map(lambda value: {"type": value, "text": {"content": "x"}}),
    st.sampled_from(["red", "reddish", "default"]).map(
        lambda value: {"text": {"content": "x"}, "annotations": {"color": value}}
    ),
)
OPTIONS = st.one_of(SCALARS.map(lambda value: {"name": value}), SCALARS.map(lambda value: {"id": value}))
LISTS = st.tuples(st.sampled_from([0, 1, 2, 99, 100, 101]), st.one_of(RUNS, OPTIONS)).map(
    lambda told: [told[1]] * told[0]
)
DATES = SCALARS.map(lambda value: {"start": value, "end": None})
KINDS = st.sampled_from(
    [
        "title",
        "rich_text",
        "number",
        "url",
        "select",
        "multi_select",
        "people",
        "date",
        "checkbox",
        "relation",
        "status",
    ]
)
VALUES = st.tuples(KINDS, st.one_of(SCALARS, LISTS, OPTIONS, DATES)).map(lambda told: {told[0]: told[1]})


@settings(max_examples=300, deadline=None)
@given(value=VALUES)
def test_a_verdict_by_shape_is_the_validators(value: Any) -> None:
    held = contract()
    (kind,) = value
    operation = held.operation("POST", PAGES)
    assert operation is not None
    faults = held.faults("POST", PAGES, {}, {"properties": {"P": value}})
    assert (faults == []) == operation.properties[kind].is_valid(value)


@pytest.mark.parametrize(("content", "told"), [("🎵" * 1000, 0), ("🎵" * 1001, 1), ("ü" * 2000, 0), ("ü" * 2001, 1)])
def test_text_is_counted_in_utf_16(content: str, told: int) -> None:
    body = {"properties": {"Title": {"title": [{"text": {"content": content}}]}}}
    faults = contract().faults("POST", PAGES, {}, body)
    assert len(faults) == told
    assert all("body.properties.Title.title[0].text.content.length should be ≤ `2000`" in fault for fault in faults)


def test_an_operation_that_is_not_there_and_a_parameter_that_is_not() -> None:
    held = contract()
    assert held.faults("POST", "/v1/databases/x/query", {}, {}) != []
    assert held.faults("GET", "/v1/pages/x", {"archived": ["true"]}, None) != []
    assert held.faults("PATCH", "/v1/pages/x", {}, {"archived": True}) != []
    assert held.faults("PATCH", "/v1/blocks/x/children", {}, {"children": [], "after": "x"}) != []
    assert held.faults("GET", "/v1/pages/x", {"filter_properties": ["a"]}, None) == []
