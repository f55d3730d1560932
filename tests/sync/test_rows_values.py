"""What a row says once others are merged into it: a table per kind of field, and what holds of any rows."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsyncd.sync.rows_values import MOST_CHOSEN, MOST_RELATED, NEVER, Said, alike, digest, lost, writes


def said(page: str, fields: dict[str, Any], *persons: str, **others: Any) -> Said:
    return Said(page=page, fields=fields, persons=frozenset(persons), others=others)


@pytest.mark.parametrize(
    ("name", "own", "other", "after"),
    [
        ("album", "Mine", "Yours", "Mine"),
        ("album", None, "Yours", "Yours"),
        ("album", "", "Yours", "Yours"),
        ("bpm", 0, 120.0, 0),
        ("bpm", None, 120.0, 120.0),
        ("soundcloud_url", None, "https://soundcloud.com/a/b", "https://soundcloud.com/a/b"),
        ("genre", "House", "Techno", "House"),
        ("date", "2020-05-17", "2019-01-01", "2019-01-01"),
        ("date", "2019-01-01", "2020-05-17", "2019-01-01"),
        ("date", None, "2020-05-17", "2020-05-17"),
        ("fallback_used", False, True, True),
        ("fallback_used", True, False, True),
        ("downloaded", False, True, False),
        ("sync_enabled", False, True, False),
        ("lock", None, "worker 1", None),
        ("stages", ["a"], ["b", "a"], ["a", "b"]),
        ("stages", None, ["b"], ["b"]),
        ("artist_pages", ["p1"], ["p2"], ["p1", "p2"]),
        ("title", "Joga", None, "Joga"),
    ],
)
def test_a_field(name: str, own: Any, other: Any, after: Any) -> None:
    found = writes(said("k", {name: own}), [said("d", {name: other})])
    assert alike(found.get(name, {"after": own})["after"], after)
    assert (name in found) == (not alike(own, after))


def test_a_persons_word_counts() -> None:
    """Where he changed what we had written, in the one that goes and not in the one that stays; a field that he cleared
    in the one that stays is not filled.
    """
    mine, his = said("k", {"title": "Ours", "bpm": 120.0}), said("d", {"title": "His", "bpm": 99.0}, "title")
    assert writes(mine, [his]) == {"title": {"before": "Ours", "after": "His", "of": "d"}}
    assert writes(said("k", {"title": "Mine"}, "title"), [his]) == {"bpm": {"before": None, "after": 99.0, "of": "d"}}
    assert writes(said("k", {"album": None}, "album"), [said("d", {"album": "Album"})]) == {}
    assert writes(said("k", {"path_m4a": "/a"}), [said("d", {"path_m4a": "/b"}, "path_m4a")]) == {}


def test_what_belongs_together_comes_from_one_row() -> None:
    """No key of one with the Camelot code of another."""
    donor = said("d", {"key": "Am", "camelot": "8A", "key_origin": "person"})
    assert writes(said("k", {"key": "C", "camelot": None}), [donor]) == {}
    found = writes(said("k", {"key": None, "camelot": None}), [said("e", {"key": "F"}), donor])
    assert {name: one["after"] for name, one in found.items()} == {"key": "F"}


@pytest.mark.parametrize(("name", "most"), [("stages", MOST_CHOSEN), ("playlist_pages", MOST_RELATED)])
def test_a_list_grows_no_longer_than_allowed(name: str, most: int) -> None:
    """What finds no room is told of; the own entries all stay."""
    keeper, donor = said("k", {name: ["own"]}), said("d", {name: [str(number) for number in range(most + 5)]})
    found = writes(keeper, [donor])
    assert len(found[name]["after"]) == most
    assert found[name]["after"][0] == "own"
    assert len(lost(donor, keeper, found)[name]) == 6
    full = said("k", {name: [f"own {number}" for number in range(most + 1)]})
    assert writes(full, [donor]) == {}


def test_what_is_shown_in_part_is_left_alone() -> None:
    donor = said("d", {"comments": "The beginning of", "partial": ["comments"]})
    assert writes(said("k", {"comments": None}), [donor]) == {}


def test_what_would_be_lost() -> None:
    """Properties that nothing is known of, unless the one that stays says something there."""
    keeper, donor = said("k", {}, Mood="calm"), said("d", {}, Mood="wild", Shelf="left", Nothing=None)
    assert lost(donor, keeper, {}) == {"Shelf": "left"}


NAMES = [
    "title",
    "album",
    "date",
    "stages",
    "artist_pages",
    "downloaded",
    "fallback_used",
    "key",
    "camelot",
    "path_m4a",
]
FIELDS = st.fixed_dictionaries({}, optional={
    name: st.lists(st.text("ab", min_size=1, max_size=2), max_size=3) if name in ("stages", "artist_pages")
    else st.one_of(st.none(), st.booleans()) if name in ("downloaded", "fallback_used")
    else st.one_of(st.none(), st.sampled_from(["", "a", "b"]))
    for name in NAMES
})  # fmt: skip


@given(FIELDS, st.lists(FIELDS, max_size=3), st.sets(st.sampled_from(NAMES)))
def test_of_any_rows(own: dict[str, Any], others: list[dict[str, Any]], persons: set[str]) -> None:
    """What is said does not become unsaid, what is written was somebody's, evidence is not touched, and a second merge
    of the same rows writes nothing.
    """
    donors = [Said(page=str(number), fields=one, persons=frozenset(persons)) for number, one in enumerate(others)]
    found = writes(said("k", own), donors)
    assert not NEVER & found.keys()
    for name, one in found.items():
        assert alike(one["before"], own.get(name))
        assert not alike(one["after"], one["before"])
        held = [other.get(name) for other in others]
        if isinstance(one["after"], list):
            assert {*(own.get(name) or ())} <= {*one["after"]}
            assert {*one["after"]} <= {entry for value in [own.get(name), *held] for entry in value or ()}
        else:
            assert one["after"] in held
    now = own | {name: one["after"] for name, one in found.items()}
    filled = frozenset(name for name, one in found.items() if not isinstance(one["after"], list | bool))
    assert writes(Said(page="k", fields=now, persons=filled), donors) == {}


@given(FIELDS)
def test_a_digest_knows_no_order_and_no_nothing(fields: dict[str, Any]) -> None:
    turned = {name: value[::-1] if isinstance(value, list) else value for name, value in reversed(fields.items())}
    assert digest(turned | {"album": fields.get("album") or None, "lock": "x"}) == digest(fields)
    assert digest(fields | {"album": "else"}) != digest(fields)
