"""What is decided for a track, as a table of cases, and what holds of every decision."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsyncd.ledger.standing import Lack
from musicsyncd.sync.actions import Action, Verb, decide, decide_again, idle

ROW = Lack(target="catalog:c", parts=("row",))
BOTH = Lack(target="volume:m", parts=("alac", "wav"))
OTHER = Lack(target="volume:s", parts=("alac",))
GONE = {"volume:s": "volume:s is absent."}

CASES: Mapping[str, tuple[tuple[Lack, ...], tuple[str, ...], Mapping[str, str], list[str]]] = {
    "nothing lacks": ((), (), {}, []),
    "nothing lacks, something is away": ((), ("alac",), GONE, []),
    "all is new": (
        (BOTH, OTHER, ROW),
        (),
        {},
        ["fetch s alac,wav", "shelve volume:m alac,wav", "shelve volume:s alac", "publish catalog:c"],
    ),
    "one volume is away": (
        (BOTH, OTHER, ROW),
        (),
        GONE,
        ["fetch s alac,wav", "shelve volume:m alac,wav", "publish catalog:c", "park volume:s alac"],
    ),
    "it is back, and the other one has a copy": (
        (OTHER, ROW),
        ("alac", "wav"),
        {},
        ["shelve volume:s alac", "publish catalog:c"],
    ),
    "a copy of one format only": (
        (BOTH, ROW),
        ("alac",),
        {},
        ["fetch s wav", "shelve volume:m alac,wav", "publish catalog:c"],
    ),
    "a file is placed, so the row changes": ((OTHER,), ("alac",), {}, ["shelve volume:s alac", "publish catalog:c"]),
    "only the row": ((ROW,), ("alac",), {}, ["publish catalog:c"]),
    "only what is away": ((OTHER,), ("alac",), GONE, ["park volume:s alac"]),
    "the catalog is away": (
        (OTHER,),
        (),
        {"catalog:c": "signed out."},
        ["fetch s alac", "shelve volume:s alac", "park catalog:c "],
    ),
}


def told(action: Action) -> str:
    """The action in one line."""
    return f"{action.verb} {action.target}" + (f" {','.join(action.parts)}" if action.verb is not Verb.PUBLISH else "")


@pytest.mark.parametrize("case", CASES)
def test_what_is_decided(case: str) -> None:
    """The table."""
    lacks, copies, away, expected = CASES[case]
    actions = decide(source="s", lacks=lacks, catalogs=("catalog:c",), copies=copies, away=away)
    assert [told(action) for action in actions] == expected


def test_what_stands_with_earlier_tags_is_neither_fetched_nor_copied() -> None:
    """It is re-tagged where it stands; what is missing altogether is made, or taken from an earlier copy."""
    older = {"volume:m": ("alac",), "volume:s": ("alac",)}
    actions = decide(source="s", lacks=(BOTH, OTHER), catalogs=("catalog:c",), copies=("alac",), away=GONE, older=older)
    assert [told(action) for action in actions] == [
        "fetch s wav",
        "retag volume:m alac",
        "shelve volume:m wav",
        "publish catalog:c",
        "park volume:s alac",
    ]


@pytest.mark.parametrize(
    ("step", "best", "away", "expected"),
    [
        ("tag", ("volume:m", "alac"), {}, ["retag volume:m alac,wav", "retag volume:s alac", "publish catalog:c"]),
        (
            "analyze",
            ("volume:m", "wav"),
            GONE,
            ["analyze volume:m wav", "retag volume:m alac,wav", "publish catalog:c", "park volume:s alac"],
        ),
        (
            "tag",
            None,
            GONE | {"volume:m": "away.", "catalog:c": "away."},
            ["park volume:m alac,wav", "park volume:s alac", "park catalog:c "],
        ),
    ],
)
def test_a_step_again(step: str, best: tuple[str, str] | None, away: Mapping[str, str], expected: list[str]) -> None:
    """Nothing is fetched or copied for it, whatever lacks."""
    standing = {"volume:m": ("alac", "wav"), "volume:s": ("alac",)}
    actions = decide_again(step=step, standing=standing, best=best, catalogs=("catalog:c",), away=away)
    assert [told(action) for action in actions] == expected


VOLUMES = ("volume:a", "volume:b", "volume:c")
CATALOGS = ("catalog:x", "catalog:y")
FORMATS = st.sampled_from(["alac", "wav", "flac"])


@st.composite
def lacks(draw: st.DrawFn) -> tuple[Lack, ...]:
    """What may lack: some formats on some volumes, some rows."""
    targets = draw(st.lists(st.sampled_from(VOLUMES + CATALOGS), unique=True))
    formats = st.lists(FORMATS, min_size=1, unique=True).map(tuple)
    return tuple(
        Lack(target=target, parts=draw(formats) if target in VOLUMES else ("row",))
        for target in sorted(targets, key=(VOLUMES + CATALOGS).index)
    )


AWAY = st.dictionaries(st.sampled_from(VOLUMES + CATALOGS), st.just("It is away."))


@given(lacks=lacks(), copies=st.sets(FORMATS), away=AWAY)
def test_what_holds_of_every_decision(lacks: tuple[Lack, ...], copies: set[str], away: dict[str, str]) -> None:
    """Every lack is acted on or parked, each once; nothing is fetched that a copy could supply or that nobody near
    wants; rows come after files.
    """
    actions = decide(source="s", lacks=lacks, catalogs=CATALOGS, copies=copies, away=away)
    by_verb = {verb: [action for action in actions if action.verb is verb] for verb in Verb}
    done = {(action.target, action.parts) for action in by_verb[Verb.SHELVE]}
    parked = {action.target: action for action in by_verb[Verb.PARK]}
    assert done == {(one.target, one.parts) for one in lacks if one.target in VOLUMES and one.target not in away}
    published = [action.target for action in by_verb[Verb.PUBLISH]]
    rows = [one for one in CATALOGS if done or one in {lack.target for lack in lacks}]
    assert published == [one for one in rows if one not in away]
    lacking = {lack.target for lack in lacks} | set(rows)
    assert set(parked) == {target for target in lacking if target in away}
    assert all(action.why == away[action.target] for action in parked.values())
    wanted = {part for _, parts in done for part in parts} - copies
    assert {part for action in by_verb[Verb.FETCH] for part in action.parts} == wanted
    assert len(by_verb[Verb.FETCH]) == bool(wanted)
    assert [action.verb for action in actions] == sorted((action.verb for action in actions), key=list(Verb).index)
    assert len({(action.verb, action.target) for action in actions}) == len(actions)
    assert idle(actions) == (not done and not published)
    assert bool(actions) is bool(lacks)


@given(lacks=lacks(), copies=st.sets(FORMATS), away=AWAY)
def test_the_same_facts_give_the_same_decision(lacks: tuple[Lack, ...], copies: set[str], away: dict[str, str]) -> None:
    """In whatever order the copies are told: a dry run and its run agree."""
    first = decide(source="s", lacks=lacks, catalogs=CATALOGS, copies=sorted(copies), away=away)
    assert decide(source="s", lacks=lacks, catalogs=CATALOGS, copies=sorted(copies)[::-1], away=away) == first
    assert all(action.why for action in first)
    assert all(set(action.as_dict()) == {"verb", "target", "parts", "why"} for action in first)
