"""Which kept tracks are one recording and which of them stays: cases, and what holds of every plan."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from musicsyncd.library.base import Kept
from musicsyncd.music.quality import Quality
from musicsyncd.music.sameness import Kind, Sameness
from musicsyncd.sync.duplicates import Copy, Plan, pair_of, plan

GOOD, POOR = Quality(lossless=True, depth=16, rate=44_100), Quality(lossless=False, rate=128_000)


def kept(track: str, volume: str = "main", format_: str = "alac") -> Kept:
    return Kept(
        shelf=volume,
        marker="m",
        path=f"{track}.{format_}",
        format=format_,
        size=100,
        mtime_ns=1,
        sha256=f"{track}{volume}",
    )


def copy(track: str, quality: Quality = POOR, *, age: int = 0, files: int = 1, **more: Any) -> Copy:
    values: dict[str, Any] = {
        "track": track,
        "label": f"Ada Voss - {track}",
        "title": track,
        "audio": "",
        "quality": quality,
        "duration": 200.0,
        "pcm_md5": "",
        "files": tuple(kept(track, format_=str(number)) for number in range(files)),
        "duplicate_of": None,
        "wanted": False,
        "age": age,
    }
    return Copy(**(values | more))


def found(kind: Kind) -> Sameness:
    return Sameness(kind=kind, score=0.98, reasons=("They sound the same.",))


def told(made: Plan) -> dict[str, list[str]]:
    """Losers by keeper."""
    return {group.keeper.track: [loser.track for loser in group.losers] for group in made.groups}


def test_the_better_audio_stays_then_what_stands_in_more_places_then_the_older() -> None:
    same = {pair_of("a", "b"): found(Kind.SAME)}
    assert told(plan([copy("a", POOR), copy("b", GOOD, age=1)], same)) == {"b": ["a"]}
    assert told(plan([copy("a"), copy("b", age=1, files=2)], same)) == {"b": ["a"]}
    made = plan([copy("a"), copy("b", age=1)], same)
    assert told(made) == {"a": ["b"]}
    (loser,) = made.losers
    assert (loser.score, loser.why) == (0.98, "They sound the same. The other was here first.")
    assert (made.files, made.bytes) == (1, 100)


def test_likeness_is_not_handed_on() -> None:
    """b is the same as a, and c the same as b; a and c are not: c stays."""
    same = {pair_of("a", "b"): found(Kind.SAME), pair_of("b", "c"): found(Kind.SAME)}
    assert told(plan([copy("a", GOOD), copy("b", age=1), copy("c", age=2)], same)) == {"a": ["b"]}
    assert told(plan([copy("a"), copy("b", GOOD, age=1), copy("c", age=2)], same)) == {"b": ["a", "c"]}


def test_versions_stay_and_doubts_are_told() -> None:
    verdicts = {pair_of("a", "b"): found(Kind.VERSION), pair_of("a", "c"): found(Kind.SIMILAR)}
    made = plan([copy("a"), copy("b"), copy("c")], verdicts)
    assert made.groups == ()
    assert [(one.first, one.second) for one in made.doubts] == [("a", "c")]


def test_equal_samples_are_one_recording_without_a_fingerprint() -> None:
    """Unless their titles name different versions; an unknown hash equals nothing."""
    silent: dict[str, Any] = {"pcm_md5": "e5"}
    assert told(plan([copy("a", **silent), copy("b", age=1, **silent)], {})) == {"a": ["b"]}
    assert told(plan([copy("a", **silent), copy("b", title="a (Dub)", **silent)], {})) == {}
    assert told(plan([copy("a"), copy("b")], {})) == {}


def test_what_was_left_over_on_a_volume_that_was_away_goes_too() -> None:
    """Its keeper is the one it was left out for, whatever their ranks; not one that is itself left out."""
    assert told(plan([copy("a"), copy("b", GOOD, duplicate_of="a")], {})) == {"a": ["b"]}
    chain = [copy("a"), copy("b", duplicate_of="a"), copy("c", duplicate_of="b")]
    assert told(plan(chain, {})) == {"a": ["b"]}
    assert told(plan([copy("b", duplicate_of="gone")], {})) == {}


def test_what_a_person_keeps_stays() -> None:
    """It may take others, but nothing takes it, and it takes nothing that is better."""
    same = {pair_of("a", "b"): found(Kind.SAME)}
    assert told(plan([copy("a", GOOD), copy("b", wanted=True)], same)) == {}
    assert told(plan([copy("a", GOOD, wanted=True), copy("b")], same)) == {"a": ["b"]}
    assert told(plan([copy("a", GOOD, wanted=True), copy("b", wanted=True)], same)) == {}


TRACKS = "abcdef"
COPIES = st.builds(
    lambda ranks, files, wanted: [
        copy(track, Quality(lossless=False, rate=rate), age=number, files=count, wanted=stays)
        for number, (track, rate, count, stays) in enumerate(zip(TRACKS, ranks, files, wanted, strict=True))
    ],
    st.lists(st.integers(0, 3), min_size=6, max_size=6),
    st.lists(st.integers(1, 3), min_size=6, max_size=6),
    st.lists(st.booleans(), min_size=6, max_size=6),
)
VERDICTS = st.dictionaries(
    st.tuples(st.sampled_from(TRACKS), st.sampled_from(TRACKS)).filter(lambda pair: pair[0] < pair[1]),
    st.sampled_from(list(Kind)).map(found),
)


@given(copies=COPIES, verdicts=VERDICTS)
def test_any_plan(copies: list[Copy], verdicts: dict[tuple[str, str], Sameness]) -> None:
    """Nobody is lost twice or kept and lost; each loser is the same as its own keeper and ranks below it; the plan
    crosses the queue unchanged.
    """
    made = plan(copies, verdicts)
    ranks = {one.track: one.rank for one in copies}
    wanted = {one.track for one in copies if one.wanted}
    losers = [loser.track for loser in made.losers]
    keepers = [group.keeper.track for group in made.groups]
    assert len(set(losers)) == len(losers)
    assert not set(losers) & (set(keepers) | wanted)
    for group in made.groups:
        for loser in group.losers:
            assert verdicts[pair_of(loser.track, group.keeper.track)].kind is Kind.SAME
            assert ranks[loser.track] < ranks[group.keeper.track]
    assert Plan.from_dict(json.loads(json.dumps(made.as_dict()))) == made


@given(copies=COPIES, verdicts=VERDICTS)
def test_nothing_is_left_to_do_after_a_plan(copies: list[Copy], verdicts: dict[tuple[str, str], Sameness]) -> None:
    """Without its losers there is no duplicate left."""
    gone = {loser.track for loser in plan(copies, verdicts).losers}
    assert plan([one for one in copies if one.track not in gone], verdicts).groups == ()
