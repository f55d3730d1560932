"""What counts as poisoned, unfounded, sharply shrunk or passed: by tables and by properties."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsyncd.errors import BadInput, Degraded, MusicsyncError, Permanent, Temporary
from musicsyncd.sync.differences import (
    FEW,
    PATHS,
    Difference,
    Kind,
    Verb,
    Who,
    named_paths,
    nearest,
    passed,
    poison,
    sharp,
    summary,
    unfounded,
)

NOW = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("fields", "repaired"),
    [
        ({"youtube_url": "https://www.youtube.com/watch?v="}, ["youtube_url"]),
        ({"youtube_url": "https://www.youtube.com/"}, ["youtube_url"]),
        ({"youtube_url": "https://youtu.be/dQw4w9WgXcQ"}, []),
        ({"youtube_url": None}, []),
        ({"youtube_url": "  "}, []),
        ({"path_m4a": "None", "path_wav": "FILE_MISSING", "path_aiff": "/a.aiff"}, ["path_m4a", "path_wav"]),
        ({"path_m4a": " nan "}, ["path_m4a"]),
        ({"spotify_id": "null", "isrc": "n/a", "eagle_id": "-"}, ["spotify_id", "isrc", "eagle_id"]),
        ({"title": "None", "artists": "None", "comments": "-"}, []),
        ({"path_m4a": ["None"], "isrc": 7, "downloaded": True}, []),
    ],
)
def test_what_cannot_be_meant_is_to_be_emptied(fields: dict[str, Any], repaired: list[str]) -> None:
    """And nothing else: a title may be called None."""
    repairs = poison(fields)
    assert sorted(one.field for one in repairs) == sorted(repaired)
    assert all((one.before, one.after) == (fields[one.field], None) and one.why for one in repairs)


@given(st.dictionaries(st.sampled_from([*PATHS, "youtube_url", "isrc", "title"]), st.one_of(st.none(), st.text())))
def test_a_repaired_row_is_not_poisoned_any_more(fields: dict[str, Any]) -> None:
    once = fields | {one.field: one.after for one in poison(fields)}
    assert poison(once) == ()
    assert named_paths(once) == named_paths(fields)


@pytest.mark.parametrize(
    ("fields", "standing", "after"),
    [
        ({"downloaded": True, "path_wav": None}, {}, {"downloaded": False}),
        ({"downloaded": "Yes", "path_wav": None}, {}, {"downloaded": False}),
        ({"downloaded": True, "path_wav": "/a"}, {"path_wav": False}, {"downloaded": False, "path_wav": None}),
        ({"downloaded": False, "path_wav": "/a"}, {"path_wav": False}, {"path_wav": None}),
        ({"downloaded": True, "path_wav": "/a"}, {"path_wav": None}, {}),
        ({"downloaded": True, "path_wav": "/a", "path_m4a": "/b"}, {"path_wav": False, "path_m4a": True}, {}),
        ({"downloaded": True, "path_wav": "/a", "path_m4a": "/b"}, {"path_wav": False, "path_m4a": None}, {}),
        ({"downloaded": False, "path_wav": None}, {}, {}),
        ({"downloaded": True}, {}, {}),
    ],
)
def test_a_claim_without_files_is_taken_back_where_nobody_can_doubt_it(
    fields: dict[str, Any], standing: dict[str, bool | None], after: dict[str, Any]
) -> None:
    """Not where a volume is away, and not in a book that has no place for paths."""
    assert {one.field: one.after for one in unfounded(fields, standing)} == after


@given(st.integers(0, 100_000), st.integers(0, 100_000))
def test_a_shrink_is_sharp_from_some_number_on(gone: int, known: int) -> None:
    """Half of anything but a handful is; what is sharp stays so when more goes; one track's files are not."""
    if known > 2 * FEW + 1:
        assert sharp(known // 2 + 1, known)
    if sharp(gone, known):
        assert sharp(gone + 1, known)
    assert not sharp(min(gone, FEW), known)


@pytest.mark.parametrize(
    ("error", "age", "ready", "there", "again"),
    [
        (Degraded("away", target="volume:a"), 0, {"volume:a"}, False, True),
        (Degraded("away", target="volume:a"), 30, {"volume:b"}, False, False),
        (Temporary("rests"), 1, set(), False, False),
        (Temporary("rests"), 25, set(), False, True),
        (BadInput("There is no '/in/a.wav'"), 0, set(), True, True),
        (BadInput("There is no '/in/a.wav'"), 0, set(), False, False),
        (BadInput("It is no audio"), 30, set(), True, False),
        (Permanent("gone for ever"), 300, {"volume:a"}, True, False),
    ],
)
def test_a_failure_is_taken_up_where_its_cause_is_gone(
    error: MusicsyncError, age: float, ready: set[str], there: bool, again: bool
) -> None:
    since = NOW - timedelta(hours=age)
    assert bool(passed(error.as_dict(), since, NOW, ready=ready, there=there)) is again
    assert not passed(error.as_dict() | {"again": True}, since, NOW, ready=ready, there=there)


def test_a_lost_file_is_looked_for_under_its_name_first() -> None:
    others = [("x/other.wav", 100), ("y/song.wav", 900), ("z/third.wav", 101)]
    assert nearest("a/song.wav", 100, others) == ["y/song.wav", "x/other.wav", "z/third.wav"]


@given(
    st.sampled_from(Kind), st.sampled_from(Verb), st.sampled_from(Who), st.text(), st.dictionaries(st.text(), st.text())
)
def test_a_difference_is_the_same_after_a_night_in_the_queue(
    kind: Kind, verb: Verb, who: Who, text: str, detail: dict[str, str]
) -> None:
    """Its id too, by which a person names it; what is only said of it does not change that."""
    one = Difference(
        kind=kind, subject=text, label=text, what=text, believed=text, found=text, verb=verb, who=who, detail=detail
    )
    assert Difference.from_dict(one.as_dict()) == one
    other = Difference(
        kind=kind, subject=text, label="x", what="y", believed="", found="", verb=verb, who=who, detail=detail
    )
    assert other.id == one.id


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ({}, "nothing differs"),
        ({"safe": 1}, "1 difference"),
        ({"safe": 2, "person": 1}, "3 differences, 1 waits for a person"),
        ({"person": 2, "told": 1}, "3 differences, 2 wait for a person"),
    ],
)
def test_one_sentence_says_it(counts: dict[str, int], told: str) -> None:
    assert summary(counts) == told
