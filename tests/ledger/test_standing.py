"""The one predicate: a table of cases, and what holds of all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsyncd.ledger.standing import Evidence, Lack, Target, lacking, standing

MAIN = Target(name="volume:main", parts={"alac": "a1", "wav": ""})
ROW = Target(name="catalog:local", parts={"row": "r1"})


def seen(target: str, part: str, proof: str) -> Evidence:
    return Evidence(target=target, part=part, proof=proof)


CASES: dict[str, tuple[list[Target], list[Evidence], tuple[Lack, ...]]] = {
    "no targets": ([], [], ()),
    "a target without parts": ([Target(name="x", parts={})], [], ()),
    "nothing seen": (
        [MAIN, ROW],
        [],
        (Lack(target="volume:main", parts=("alac", "wav")), Lack(target="catalog:local", parts=("row",))),
    ),
    "all seen": ([MAIN], [seen("volume:main", "alac", "a1"), seen("volume:main", "wav", "any")], ()),
    "other content": (
        [MAIN],
        [seen("volume:main", "alac", "a0"), seen("volume:main", "wav", "any")],
        (Lack(target="volume:main", parts=("alac",)),),
    ),
    "seen elsewhere": ([ROW], [seen("catalog:notion", "row", "r1")], (Lack(target="catalog:local", parts=("row",)),)),
    "an empty proof was seen": ([ROW], [seen("catalog:local", "row", "")], (Lack(target=ROW.name, parts=("row",)),)),
}


@pytest.mark.parametrize("case", CASES)
def test_what_lacks(case: str) -> None:
    """The table."""
    targets, evidence, expected = CASES[case]
    assert lacking(targets, evidence) == expected
    assert standing(targets, evidence) is not bool(expected)


NAMES = st.sampled_from(["a", "b", "c"])
PROOFS = st.text("xy", max_size=2)
TARGETS = st.dictionaries(NAMES, st.dictionaries(NAMES, PROOFS), min_size=1).map(
    lambda found: [Target(name=name, parts=parts) for name, parts in found.items()]
)


def all_of(targets: list[Target]) -> list[Evidence]:
    """Evidence for every part with the proof that is expected, or any."""
    return [seen(target.name, part, proof or "any") for target in targets for part, proof in target.parts.items()]


@given(targets=TARGETS, others=st.lists(st.builds(seen, st.just("other"), NAMES, PROOFS)))
def test_evidence_for_all_parts_is_enough(targets: list[Target], others: list[Evidence]) -> None:
    """And nothing that is seen elsewhere takes away from it."""
    assert standing(targets, [*others, *all_of(targets)])


@given(targets=TARGETS, data=st.data())
def test_one_wrong_piece_lacks_exactly_its_part(targets: list[Target], data: st.DataObject) -> None:
    """A missing or different piece of evidence is missed, and no other with it."""
    evidence = all_of(targets)
    if not evidence:
        return
    wrong = data.draw(st.sampled_from(evidence))
    expected = next(one for one in targets if one.name == wrong.target).parts[wrong.part]
    instead = [seen(wrong.target, wrong.part, f"{expected}!")] if expected and data.draw(st.booleans()) else []
    left = [one for one in evidence if one is not wrong] + instead
    assert lacking(targets, left) == (Lack(target=wrong.target, parts=(wrong.part,)),)
