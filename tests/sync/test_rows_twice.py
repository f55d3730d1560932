"""Which rows are one track's: tables of what ties and what keeps apart, and what holds of any rows."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsyncd.music.identity import SOUNDCLOUD, SPOTIFY, YOUTUBE, Identity
from musicsyncd.sync.rows_twice import MOST_SHARED, Group, Mark, Owner, Seen, Tie, contradiction, groups, scored


def row(page: str, title: str = "Joga", **more: Any) -> Seen:
    return Seen(page=page, title=title, created=f"2026-01-0{len(page)}", **more)


def mark(tie: Tie, *pages: str) -> Mark:
    return Mark(tie=tie, text=f"the {tie.name}", pages=pages)


def spotify(name: str) -> tuple[Identity, ...]:
    return (Identity(SPOTIFY, f"track:{name}"),)


def shape(found: list[Group]) -> dict[str, set[str]]:
    return {one.keeper.page: {double.row.page for double in one.doubles} for one in found}


@pytest.mark.parametrize("tie", list(Tie))
def test_what_ties_two_rows(tie: Tie) -> None:
    found, doubts = groups([row("a"), row("b")], [mark(tie, "a", "b")])
    assert (shape(found), doubts) == ({"a": {"b"}}, [])


def test_a_title_alone_ties_nothing() -> None:
    assert groups([row("a", duration=200.0), row("b", duration=200.0)], []) == ([], [])


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Joga", "Joga (Kora Remix)"),
        ("Joga (Live)", "Joga"),
        ("Joga Pt. 1", "Joga Pt. 2"),
        ("Joga - Radio Edit", "Joga (Extended Mix)"),
        ("Joga (Kora Remix)", "Joga (Ada Remix)"),
    ],
)
@pytest.mark.parametrize("tie", list(Tie))
def test_another_version_is_another_track(first: str, second: str, tie: Tie) -> None:
    """Whatever they share; a person is told."""
    found, (doubt,) = groups([row("a", first), row("b", second)], [mark(tie, "a", "b")])
    assert found == []
    assert "versions" in doubt.why


@pytest.mark.parametrize(
    ("first", "second", "weak", "strong"),
    [
        ({"duration": 200.0}, {"duration": 202.0}, True, True),
        ({"duration": 200.0}, {"duration": 205.0}, False, True),
        ({"duration": 400.0}, {"duration": 408.0}, True, True),
        ({"duration": 400.0}, {}, True, True),
        ({"title": "Joga"}, {"title": "Hunter"}, False, False),
        ({"title": "Joga"}, {"title": "Björk - Joga (Official Video)"}, True, True),
        ({"title": ""}, {"title": "Hunter"}, True, True),
        ({"identities": spotify("x")}, {"identities": spotify("y")}, False, False),
        ({"identities": (Identity(YOUTUBE, "x"),)}, {"identities": (Identity(YOUTUBE, "y"),)}, False, False),
        ({"identities": (Identity(SOUNDCLOUD, "a/b"),)}, {"identities": (Identity(SOUNDCLOUD, "1"),)}, True, True),
        ({"owner": Owner(track="t", root="t")}, {"owner": Owner(track="u", root="u")}, False, False),
        ({"owner": Owner(track="t", root="t")}, {"owner": Owner(track="u", root="t")}, True, True),
        (
            {"owner": Owner(track="t", root="t"), "identities": spotify("x")},
            {"owner": Owner(track="u", root="t"), "identities": spotify("y")},
            True,
            True,
        ),
    ],
)
def test_what_keeps_two_rows_apart(first: dict[str, Any], second: dict[str, Any], weak: bool, strong: bool) -> None:
    """Lengths count where only an ISRC or a sound ties; another title or id always, but for the ledger."""
    one, other = replace(row("a"), **first), replace(row("b"), **second)
    assert bool(groups([one, other], [mark(Tie.ISRC, "a", "b")])[0]) == weak
    assert bool(groups([one, other], [mark(Tie.ID, "a", "b")])[0]) == strong


def test_what_a_third_row_contradicts_names_nobody() -> None:
    """One ISRC, two Spotify ids and a row with neither: nobody can tell which of the two that one is."""
    rows = [row("a"), row("b", identities=spotify("x")), row("c", identities=spotify("y"))]
    found, doubts = groups(rows, [mark(Tie.ISRC, "a", "b", "c")])
    assert found == []
    assert len(doubts) == 3
    rows = [row("a", identities=spotify("x")), row("b", identities=spotify("x")), row("c", "Joga (Live)")]
    assert shape(groups(rows, [mark(Tie.ISRC, "a", "b", "c")])[0]) == {"a": {"b"}}


def test_likeness_is_not_handed_on() -> None:
    """A and B share an ISRC, B and C another one: C shares nothing with the row that stays, and stays too."""
    rows = [row("a", score=9), row("b"), row("c")]
    found, _ = groups(rows, [mark(Tie.ISRC, "a", "b"), mark(Tie.ISRC, "b", "c")])
    assert shape(found) == {"a": {"b"}}


def test_what_contradicts_one_that_goes_stays() -> None:
    """Both are tied to the one that stays, and not to one another."""
    rows = [
        row("a", score=9),
        row("b", identities=(Identity(YOUTUBE, "x"),)),
        row("c", identities=(Identity(YOUTUBE, "y"),)),
    ]
    found, doubts = groups(rows, [Mark(tie=Tie.ID, text="one", pages=("a", "b")), mark(Tie.ID, "a", "c")])
    assert sum(len(one.doubles) for one in found) == 1
    assert len(doubts) == 1


def test_a_placeholder_is_no_mark() -> None:
    rows = [row(f"p{number}") for number in range(MOST_SHARED + 1)]
    found, doubts = groups(rows, [mark(Tie.ISRC, *(one.page for one in rows))])
    assert (found, len(doubts)) == ([], 1)


@pytest.mark.parametrize(
    ("worse", "better"),
    [
        ({"score": 9}, {"owner": Owner(track="t", root="t")}),
        ({"owner": Owner(track="t", root="t")}, {"owner": Owner(track="t", root="t", proven=True)}),
        ({"owner": Owner(track="u", root="t"), "score": 9}, {"owner": Owner(track="t", root="t")}),
        ({"score": 2}, {"score": 5}),
        ({"created": "2026-02-01"}, {"created": "2025-02-01"}),
        ({"created": ""}, {"created": "2026-02-01"}),
    ],
)
def test_which_row_stays(worse: dict[str, Any], better: dict[str, Any]) -> None:
    """A kept track's own, then the one with more points, then the older one."""
    rows = [replace(row("a"), **worse), replace(row("b"), **better)]
    assert shape(groups(rows, [mark(Tie.ID, "a", "b")])[0]) == {"b": {"a"}}


@pytest.mark.parametrize(
    ("fields", "paths", "points"),
    [
        ({}, (), 0),
        ({"eagle_id": "E1"}, (), 5),
        ({"path_m4a": "/vol/main/A/x.m4a", "path_wav": "/gone/x.wav"}, ("A/x.m4a",), 2 + 1 + 1),
        ({"path_m4a": "/vol/main/A/x.m4a"}, ("x.m4a",), 2 + 1),
        ({"path_m4a": "/vol/main/Ax.m4a"}, ("x.m4a",), 1 + 1),
        ({"fingerprint_m4a": "AQ", "fingerprint": "AQ"}, (), 2),
        ({"downloaded": True}, (), 0),
        ({"path_m4a": None, "eagle_id": ""}, (), 0),
    ],
)
def test_the_points_of_a_row(fields: dict[str, Any], paths: tuple[str, ...], points: int) -> None:
    """A path counts whole where a file was read back there; that it was downloaded where a file stands at all."""
    owner = Owner(track="t", root="t", paths=paths) if paths else None
    assert scored(fields, owner)[0] == points


TITLES = st.sampled_from(["Joga", "Joga (Live)", "Joga Pt. 2", "Hunter", ""])
OWNERS = st.sampled_from([None, Owner(track="t", root="t", proven=True), Owner(track="u", root="t"),
                          Owner(track="v", root="v")])  # fmt: skip
ROWS = st.integers(2, 7).flatmap(
    lambda count: st.tuples(*(
        st.builds(
            Seen,
            page=st.just(f"p{number}"),
            title=TITLES,
            created=st.sampled_from(["2025", "2026"]),
            duration=st.sampled_from([None, 200.0, 203.0, 240.0]),
            identities=st.sampled_from([(), spotify("x"), spotify("y")]),
            owner=OWNERS,
            score=st.integers(0, 2),
        )
        for number in range(count)
    ))
)  # fmt: skip
MARKS = st.lists(
    st.builds(
        Mark,
        tie=st.sampled_from(list(Tie)),
        text=st.sampled_from(["one", "two"]),
        pages=st.lists(st.sampled_from([f"p{number}" for number in range(7)]), min_size=2, max_size=4, unique=True).map(
            tuple
        ),
    ),
    max_size=5,
)


@given(ROWS, MARKS)
def test_of_any_rows(rows: tuple[Seen, ...], marks: list[Mark]) -> None:
    """Each goes once at most, with a mark that it bears together with the very row that stays; none of a group
    contradicts another; each group keeps its best row; and what stays and what goes is all there was.
    """
    found, doubts = groups(rows, marks)
    gone = [double.row.page for one in found for double in one.doubles]
    stays = [one.keeper.page for one in found]
    assert len({*gone, *stays}) == len(gone) + len(stays)
    for one in found:
        for double in one.doubles:
            assert double.mark in marks
            assert {double.row.page, one.keeper.page} <= {*double.mark.pages}
            assert contradiction(double.row, one.keeper, double.mark.tie) == ""
            assert one.keeper.rank < double.row.rank
        for first, second in combinations([one.keeper, *(double.row for double in one.doubles)], 2):
            assert contradiction(first, second) == ""
    merged = {frozenset((one.keeper.page, double.row.page)) for one in found for double in one.doubles}
    assert not merged & {frozenset(doubt.pages) for doubt in doubts}


@given(ROWS, MARKS, st.randoms(use_true_random=False))
def test_the_order_is_nothing(rows: tuple[Seen, ...], marks: list[Mark], random: Any) -> None:
    whole = groups(rows, marks)
    mixed_rows, mixed = [*rows], [replace(one, pages=tuple(random.sample(one.pages, len(one.pages)))) for one in marks]
    random.shuffle(mixed_rows)
    random.shuffle(mixed)
    found, doubts = groups(mixed_rows, mixed)
    assert (shape(found), [one.pages for one in doubts]) == (shape(whole[0]), [one.pages for one in whole[1]])


def test_every_order_of_three() -> None:
    rows = [row("a", identities=spotify("x")), row("b"), row("c", duration=200.0)]
    marks = [mark(Tie.ID, "a", "b"), mark(Tie.ISRC, "b", "c")]
    assert {str(shape(groups(some, marks)[0])) for some in permutations(rows)} == {"{'a': {'b'}}"}
