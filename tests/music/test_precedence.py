"""Whose tempo and key count: the first in the order who says something that can be meant, and nobody makes one up."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsyncd.music.camelot import MODES, Key
from musicsyncd.music.precedence import (
    HIGHEST_BPM,
    LOWEST_BPM,
    ORIGINS,
    Precedence,
    disagreement,
    effective,
    plausible,
    to_bpm,
    to_key,
)
from musicsyncd.music.said import Said

TEMPI = st.floats(LOWEST_BPM, HIGHEST_BPM)
KEYS = st.builds(Key, st.integers(0, 11), st.sampled_from(MODES))
SPELT = KEYS.flatmap(lambda key: st.sampled_from([key.short, key.name, key.camelot, key.open_key]))
NONSENSE_BPM = st.one_of(
    st.none(), st.booleans(), st.just(0), st.floats(max_value=29.9), st.floats(min_value=400.1), st.just(float("nan")),
    st.sampled_from(["", "fast", "128 bpm", "0", "000", "1e2", "-128", "12e99"]), st.lists(st.integers()),
)  # fmt: skip
NONSENSE_KEY = st.one_of(st.none(), st.integers(), st.sampled_from(["", "13A", "H", "Am7", "0B", "key"]))
WORDS = st.fixed_dictionaries(
    {}, optional={"bpm": st.one_of(TEMPI, NONSENSE_BPM), "key": st.one_of(SPELT, NONSENSE_KEY)}
)
ORDERS = st.lists(st.sampled_from(ORIGINS), unique=True, min_size=1).map(tuple)


@given(words=st.dictionaries(st.sampled_from(ORIGINS[:3]), WORDS), ours=st.one_of(st.none(), WORDS), order=ORDERS)
def test_the_first_plausible_word_counts(
    words: dict[str, dict[str, Any]], ours: dict[str, Any] | None, order: tuple[str, ...]
) -> None:
    """By a plain reading of the rule: walk the order, skip who is silent or talks nonsense."""
    said = [Said(origin=origin, facts=facts) for origin, facts in words.items()]
    found = effective(said, ours, Precedence(bpm_from=order, key_from=order))
    everyone = words | {"ours": ours or {}}
    tempi = [(to_bpm(everyone.get(origin, {}).get("bpm")), origin) for origin in order]
    keys = [(to_key(everyone.get(origin, {}).get("key")), origin) for origin in order]
    assert (found.bpm, found.bpm_origin) == next((pair for pair in tempi if pair[0] is not None), (None, ""))
    assert (found.key, found.key_origin) == next((pair for pair in keys if pair[0]), ("", ""))
    assert found.camelot == (Key.parse(found.key).camelot if found.key else "")


@given(ours=TEMPI, theirs=TEMPI, key=KEYS, other=SPELT)
def test_a_djs_word_is_never_overruled_by_ours_by_default(ours: float, theirs: float, key: Key, other: str) -> None:
    """Whatever we hear, and however sure we are."""
    said = [Said(origin="dj", facts={"bpm": theirs, "key": other})]
    found = effective(said, {"bpm": ours, "key": key.short, "bpm_confidence": 1.0}, Precedence())
    assert (found.bpm, found.bpm_origin, found.key_origin) == (theirs, "dj", "dj")
    assert found.key == Key.parse(other).short


@pytest.mark.parametrize("order", [*permutations(ORIGINS)])
def test_tempo_and_key_are_asked_for_apart(order: tuple[str, ...]) -> None:
    """Each by an order of its own."""
    said = [Said(origin=origin, facts={"bpm": 100.0 + n, "key": "Am"}) for n, origin in enumerate(ORIGINS[:3])]
    found = effective(said, {"bpm": 99.0, "key": "Em"}, Precedence(bpm_from=order, key_from=("ours",)))
    assert (found.bpm_origin, found.key, found.key_origin) == (order[0], "Em", "ours")


def test_a_value_of_ours_counts_however_unsure_and_none_is_made_up() -> None:
    """Low confidence is better than nothing; nothing stays nothing."""
    assert effective((), {"bpm": 124.0, "bpm_confidence": 0.01}, Precedence()).bpm == 124.0
    nothing = effective((), {"bpm": None, "key": None}, Precedence())
    assert (nothing.bpm, nothing.bpm_origin, nothing.key, nothing.camelot) == (None, "", "", "")
    assert effective((), None, Precedence()) == nothing


@pytest.mark.parametrize(
    ("value", "expected"),
    [("128", 128.0), ("127,37", 127.37), (" 99.5 ", 99.5), (30, 30.0), (400.0, 400.0), ("29.9", None), ("401", None)],
)
def test_tempi_as_tags_spell_them(value: Any, expected: float | None) -> None:
    assert to_bpm(value) == expected


@given(NONSENSE_BPM, NONSENSE_KEY)
def test_nonsense_is_not_heard(bpm: Any, key: Any) -> None:
    assert plausible({"bpm": bpm, "key": key}) == {}


def test_disagreement_is_said_in_words() -> None:
    """Only where we hear something else, and not about the second decimal's rounding."""
    said = [Said(origin="dj", facts={"bpm": 126.0, "key": "8A"})]
    ours = {"bpm": 125.5, "key": "F#m"}
    found = effective(said, ours, Precedence())
    assert disagreement(ours, found) == {"bpm": "we hear 125.50 BPM", "key": "we hear F#m 11A"}
    assert disagreement({"bpm": 126.004, "key": "Am"}, found) == {}
    assert disagreement(None, found) == {}
    assert disagreement(ours, effective((), ours, Precedence())) == {}
