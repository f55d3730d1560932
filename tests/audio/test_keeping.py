"""What of a file's tags is ours to change: what another program made of them stays, and a second look owes nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsyncd.audio.keeping import Owed, alike, foreign, owed, recalled, remembered
from musicsyncd.audio.tags import FIELDS, Texts, places, to_texts
from musicsyncd.audio.values import FORMATS, Tags

NAMES = tuple(field.name for field in FIELDS)
TEXTS = st.dictionaries(
    st.sampled_from(NAMES), st.lists(st.sampled_from(["a", "b", "128", "128.00", "8A", "Am"]), min_size=1).map(tuple)
)
FORMAT = st.sampled_from([*FORMATS])
OURS = Tags(title="T", artists=("A", "B"), bpm=124.0, key="Am", camelot="8A", comment="8A", replay_gain_db=0.0)


def after(now: Texts, debt: Owed) -> dict[str, tuple[str, ...]]:
    """The file's texts once the debt is paid."""
    kept = {name: values for name, values in now.items() if name not in debt.forget}
    return kept | debt.texts


@given(format_=FORMAT, now=TEXTS, was=st.one_of(st.none(), TEXTS), wanted=TEXTS)
def test_a_paid_debt_owes_nothing(format_: str, now: Texts, was: Texts | None, wanted: Texts) -> None:
    """Whatever stood there: what is written once is not written again, as the newest version or as an older one."""
    paid = after(now, owed(format_, now, was=was, wanted=wanted))
    assert not owed(format_, paid, was=was, wanted=wanted)
    assert not owed(format_, paid, was=wanted, wanted=wanted)


@given(format_=FORMAT, now=TEXTS, was=TEXTS, wanted=TEXTS)
def test_what_another_program_changed_stays(format_: str, now: Texts, was: Texts, wanted: Texts) -> None:
    """Each field that says something else than we wrote is as it was afterwards; so is what has no place."""
    debt = owed(format_, now, was=was, wanted=wanted)
    theirs = {name for name in NAMES if not alike(name, now.get(name, ()), was.get(name, ()))} - {"fingerprint"}
    touched = {*debt.texts, *debt.forget}
    assert not touched & theirs
    assert touched <= {*places(format_)}


@given(format_=FORMAT, now=TEXTS, was=TEXTS, wanted=TEXTS)
def test_what_was_ours_says_what_is_wanted(format_: str, now: Texts, was: Texts, wanted: Texts) -> None:
    """And what is overruled does, whoever wrote it."""
    paid = after(now, owed(format_, now, was=was, wanted=wanted, overrule=("bpm", "key")))
    for name in places(format_):
        ours = alike(name, now.get(name, ()), was.get(name, ()))
        if ours or (name in ("bpm", "key") and wanted.get(name)):
            assert alike(name, paid.get(name, ()), wanted.get(name, ()))


@pytest.mark.parametrize(
    ("name", "one", "other", "same"),
    [
        ("bpm", "128", "128.00", True),
        ("bpm", "128", "128.01", False),
        ("tempo", "0", "0", True),
        ("bpm", "fast", "quick", False),
        ("key", "8A", "Am", True),
        ("key", "Gb", "F#", True),
        ("key", "?", "!", False),
        ("title", "a", "A", False),
    ],
)
def test_spellings_of_one_value_are_alike(name: str, one: str, other: str, same: bool) -> None:
    """`128.00` is not written over `128`."""
    assert alike(name, (one,), (other,)) is same
    assert not alike(name, (one,), ())


def test_only_tempo_and_key_of_another_hand_are_its_word() -> None:
    """What we wrote is not, nor what we would write today, nor nonsense; in MP4 the whole-number atom is heard too."""
    was = to_texts(OURS)
    newest = to_texts(replace(OURS, bpm=125.0))
    assert foreign(was, was=was, newest=was) == {}
    assert foreign(newest, was=was, newest=newest) == {}, "a run of ours that was cut short had written it"
    assert foreign({**was, "tempo": ("126",)}, was=was, newest=newest) == {"bpm": 126.0}
    assert foreign({**was, "key": ("11A",), "bpm": ("0",)}, was=was, newest=newest) == {"key": "F#m"}
    assert foreign({**was, "bpm": ("126",)}, was=None, newest=newest) == {}
    assert foreign({}, was=was, newest=newest) == {}, "emptied is not said"


def test_what_was_written_is_remembered() -> None:
    """Every text comes back, but for the fingerprint, of which the hash is enough to tell that it is another."""
    tags = replace(OURS, fingerprint="AQAB" * 500)
    kept = remembered(tags)
    assert recalled(kept) == to_texts(OURS) | {"fingerprint": (kept["fingerprint"],)}
    assert len(kept["fingerprint"]) == 32
    assert remembered(replace(tags, fingerprint="AQAC" * 500)) != kept
    assert recalled(None) is None
