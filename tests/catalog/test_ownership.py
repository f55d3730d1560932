"""Three values of every field, and whose word stands: a person loses none, and none of ours is left out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsyncd.catalog.ownership import PERSONS, empty, merged

HIS, OURS = "title", "downloaded"
VALUES = st.sampled_from([None, "", "a", "b", "c", 0, False, 1.5, [], ["x"], ["x", "y"]])
ROW = st.dictionaries(st.sampled_from(["title", "bpm", "key", "downloaded", "files", "lufs"]), VALUES)


@pytest.mark.parametrize(
    ("base", "present", "wanted", "write", "kept", "conflict"),
    [
        ({}, {}, "a", True, False, False),  # a new row
        ({}, {HIS: None}, "a", True, False, False),  # adopted, and empty there
        ({}, {HIS: "b"}, "a", False, True, True),  # adopted, and his
        ({HIS: "b"}, {HIS: "b"}, "a", True, False, False),  # nobody touched it
        ({HIS: "a"}, {HIS: "b"}, "a", False, True, False),  # he changed it, we did not
        ({HIS: "a"}, {HIS: None}, "a", False, True, False),  # he cleared it
        ({HIS: "a"}, {HIS: "b"}, "c", False, True, True),  # both changed it
        ({HIS: "a"}, {HIS: "b"}, "b", False, False, False),  # both want the same
        ({HIS: None}, {HIS: "b"}, "a", False, True, True),  # he filled in what we had left empty
    ],
)
def test_a_persons_field(
    base: dict[str, Any], present: dict[str, Any], wanted: str, write: bool, kept: bool, conflict: bool
) -> None:
    """His edit stays, whatever we want by now; what we wrote ourselves is brought in step."""
    merge = merged(base, present, {HIS: wanted})
    assert merge.write == ({HIS: wanted} if write else {})
    assert merge.kept == ({HIS: present[HIS]} if kept else {})
    assert merge.conflicts == ((HIS,) if conflict else ())


@pytest.mark.parametrize(
    ("base", "present", "conflict"),
    [
        ({}, {}, False),
        ({OURS: True}, {OURS: True}, False),
        ({OURS: True}, {OURS: None}, True),
        ({}, {OURS: True}, True),
    ],
)
def test_a_field_of_ours(base: dict[str, Any], present: dict[str, Any], conflict: bool) -> None:
    """It is always written; that somebody else had written there is told."""
    merge = merged(base, present, {OURS: False})
    assert (merge.write, merge.kept, merge.conflicts) == ({OURS: False}, {}, (OURS,) if conflict else ())


@given(base=ROW, present=ROW, wanted=ROW)
def test_whatever_stands_where(base: dict[str, Any], present: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Each wanted field stands, is written, or is kept, and is never two of these; only a person's is kept, and only
    one that is not as we left it. To merge again after the write changes nothing.
    """
    merge = merged(base, present, wanted)
    stands = {name for name, value in wanted.items() if name in present and present[name] == value}
    assert {*stands, *merge.write, *merge.kept} == set(wanted)
    assert len(stands) + len(merge.write) + len(merge.kept) == len(wanted)
    assert set(merge.conflicts) <= {*merge.write, *merge.kept}
    for name, value in merge.kept.items():
        assert name in PERSONS
        assert value == present.get(name)
        assert value != base[name] if name in base else not empty(value)
    after = merged(base | dict(merge.write), present | dict(merge.write), wanted)
    assert (after.write, after.kept) == ({}, merge.kept)


@given(present=ROW, wanted=ROW)
def test_what_only_we_wrote_is_brought_in_step(present: dict[str, Any], wanted: dict[str, Any]) -> None:
    """With nobody else in the row there is no edit and no conflict."""
    merge = merged(present, present, wanted)
    assert (merge.kept, merge.conflicts) == ({}, ())
    assert present | dict(merge.write) == present | wanted


def test_values_are_compared_as_the_catalog_holds_them() -> None:
    """A text that it cut is no edit of anybody, and needs no second write."""

    def cut(name: str, one: Any, other: Any) -> bool:
        return str(one)[:3] == str(other)[:3]

    merge = merged({HIS: "abcdef"}, {HIS: "abc"}, {HIS: "abcxyz"}, same=cut)
    assert (merge.write, merge.kept) == ({}, {})
    assert merged({HIS: "abcdef"}, {HIS: "abc"}, {HIS: "x"}, same=cut).write == {HIS: "x"}
