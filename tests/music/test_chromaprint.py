"""Fingerprints without arrays: unpacked as they were packed, and compared as if every shift had been tried."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musicsyncd.analysis.fingerprint import RATE, fingerprint
from musicsyncd.errors import BadInput
from musicsyncd.music.chromaprint import (
    ITEM_SECONDS,
    ITEMS,
    LONGEST_SHIFT,
    NOTHING_IN_COMMON,
    SHORT_ITEMS,
    Fingerprint,
    compare,
    decode,
)
from musicsyncd.music.sameness import SIMILAR_BELOW
from tests.analysis.test_fingerprint import Samples, tune
from tests.fakes.prints import blurred, packed, values

items = st.lists(st.integers(0, 2**32 - 1), max_size=60)


def heard(samples: Samples) -> Fingerprint:
    """The fingerprint of mono samples at 11,025 Hz."""
    return Fingerprint.of(fingerprint(samples).tolist())


def by_every_shift(first: Sequence[int], second: Sequence[int]) -> tuple[float, int]:
    """The smallest share of differing bits at any shift, and that shift: what `compare` finds by votes."""
    found = []
    for shift in range(-LONGEST_SHIFT, LONGEST_SHIFT + 1):
        ours = np.array(first[max(0, -shift) :], dtype=np.uint32)
        theirs = np.array(second[max(0, shift) :], dtype=np.uint32)
        overlap = min(len(ours), len(theirs))
        if 2 * overlap >= min(len(first), len(second)) > 0:
            wrong = int(np.bitwise_count(ours[:overlap] ^ theirs[:overlap]).sum())
            found.append((wrong / (32 * overlap), abs(shift), shift))
    rate, _, shift = min(found, default=(1.0, 0, 0))
    return rate, shift


@given(items)
def test_unpacking_loses_nothing(given: list[int]) -> None:
    """Any values come back from their packed text."""
    assert list(decode(packed(given))) == given


@given(items, st.data())
def test_cut_text_is_refused(given: list[int], data: st.DataObject) -> None:
    """A text that lost its end is refused or, where only padding went, still whole; it never crashes."""
    text = packed(given)
    cut = text[: data.draw(st.integers(0, len(text) - 1))]
    with contextlib.suppress(BadInput):
        assert list(decode(cut)) == given


@given(st.one_of(st.text(max_size=40), st.binary(max_size=40).map(lambda b: "AQAA" + b.hex())))
def test_other_text_is_refused(text: str) -> None:
    """Whatever the text, decoding answers with values or with BadInput, and with nothing else."""
    with contextlib.suppress(BadInput):
        assert all(0 <= value < 2**32 for value in decode(text))


ENDLESS = base64.urlsafe_b64encode(b"\1\0\0\1" + b"\x49\x92\x24" * 500_000 + bytes(3)).decode()


@pytest.mark.parametrize("text", ["", "AQ", "AgAAAA", "AQAAAv__", "ÄÖÜ", "AQAAAQ", pytest.param(ENDLESS, id="endless")])
def test_known_bad_texts_are_refused(text: str) -> None:
    """Too short, another algorithm, a missing end, no base64, one value of four million bits: each is BadInput."""
    with pytest.raises(BadInput):
        decode(text)


def test_every_copy_is_looked_up_by_the_same_values() -> None:
    """One in eight, chosen by what they are and not by where they stand; every one of a short fingerprint."""
    whole = Fingerprint.of(values("a", 900))
    part = Fingerprint.of(values("a", 900)[300:])
    assert 900 / 8 * 0.6 < len(whole.terms()) < 900 / 8 * 1.4
    assert part.terms() == whole.terms() & set(part.values)
    short = Fingerprint.of(values("a", SHORT_ITEMS - 1))
    assert short.terms() == set(short.values)
    assert Fingerprint(b"").terms() == set()


def test_a_recording_agrees_with_itself() -> None:
    """The same values differ in nothing and lie over each other completely."""
    found = compare(heard(tune(30.0, 8)), heard(tune(30.0, 8)))
    assert (found.bit_error_rate, found.overlap_share, found.offset_seconds) == (0.0, 1.0, 0.0)


@pytest.mark.parametrize("cut", [1.0, 2.37, 12.0, 25.0])
def test_a_cut_beginning_is_found(cut: float) -> None:
    """A recording without its first seconds, and louder, is still the same, at that shift, either way round."""
    samples = tune(70.0, 9)
    whole, part = heard(samples), heard((samples[int(cut * RATE) :] * 1.3).astype(np.int16))
    there, back = compare(whole, part), compare(part, whole)
    assert there.bit_error_rate < 0.08
    assert there.offset_seconds == pytest.approx(-cut, abs=ITEM_SECONDS)
    assert back.bit_error_rate == there.bit_error_rate
    assert back.offset_seconds == -there.offset_seconds


def test_other_music_disagrees() -> None:
    """Unrelated tunes stay far above the limit at their best shift."""
    prints = [heard(tune(60.0, seed)) for seed in range(20, 26)]
    assert min(compare(a, b).bit_error_rate for n, a in enumerate(prints) for b in prints[n + 1 :]) > 0.3


def test_a_shared_passage_is_no_likeness() -> None:
    """Ten common seconds at the end of one and the start of the other do not make two tracks alike."""
    shared = tune(10.0, 30)
    first = heard(np.concatenate([tune(30.0, 31), shared]))
    second = heard(np.concatenate([shared, tune(30.0, 32)]))
    assert compare(first, second).bit_error_rate > SIMILAR_BELOW


@pytest.mark.parametrize("other", [0, 1, 400])
def test_nothing_and_silence_agree_with_nobody(other: int) -> None:
    """Empty fingerprints and silence are never evidence, not even against themselves."""
    silence = Fingerprint.of([627_964_279] * other)
    assert not silence.telling
    assert compare(silence, silence) == compare(heard(tune(50.0, 33)), silence) == NOTHING_IN_COMMON


def test_only_two_minutes_are_compared() -> None:
    """A fingerprint of hours, as any file's tag may hold one, counts with its beginning."""
    beginning = values("a", ITEMS)
    assert Fingerprint.of(beginning * 20) == Fingerprint.of(beginning)


@settings(max_examples=60)
@given(
    length=st.integers(16, 400),
    cut=st.integers(0, 120),
    rate=st.floats(0.0, 0.25),
    loop=st.integers(8, 400),
    held=st.integers(1, 4),
    seed=st.integers(0, 5),
)
def test_votes_find_what_every_shift_would(length: int, cut: int, rate: float, loop: int, held: int, seed: int) -> None:
    """Copies with a cut beginning and turned bits, held tones: the same rate and shift as by trying everything. Of a
    loop, whose every turn has as many votes, the best turn or one as good.
    """
    once = [value for value in values(f"{seed}", loop) for _ in range(held)]
    whole = (once * (length // len(once) + 1))[:length]
    part = blurred(whole, rate)[min(cut, length // 3) :]
    expected, shift = by_every_shift(whole, part)
    found = compare(Fingerprint.of(whole), Fingerprint.of(part))
    if len(set(whole)) < 8 or len(set(part)) < 8:
        assert found == NOTHING_IN_COMMON
    elif expected < SIMILAR_BELOW:
        assert expected <= found.bit_error_rate <= expected + 0.03
        if len(once) >= length:
            assert (found.bit_error_rate, round(found.offset_seconds / ITEM_SECONDS)) == (expected, shift)


@settings(max_examples=40)
@given(items, items)
def test_comparison_is_fair(first: list[int], second: list[int]) -> None:
    """Whichever comes first, the rate is the same, every number is within its bounds and no rate is too low."""
    there, back = (compare(Fingerprint.of(a), Fingerprint.of(b)) for a, b in ((first, second), (second, first)))
    assert there.bit_error_rate == back.bit_error_rate >= by_every_shift(first, second)[0]
    assert there == NOTHING_IN_COMMON or 0.5 <= there.overlap_share <= 1.0
    assert abs(there.offset_seconds) <= 30.0
