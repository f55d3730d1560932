"""Acoustic fingerprints without arrays: their packed text read, what to look up chosen, one laid over another.

A fingerprint is a row of 32-bit values, about eight a second. As one large integer two of them are compared by XOR and
`int.bit_count` in microseconds, so the daemon's own process recognises a recording and needs no worker for it.
"""

from __future__ import annotations

import base64
import binascii
import itertools
import math
import operator
import struct
from collections import Counter
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from musicsyncd.errors import BadInput

ALGORITHM: Final = 1
"""Chromaprint's default, TEST2, as the first byte of the packed form counts them."""
ITEM_SECONDS: Final = 1365 / 11_025
"""Time between two values: a third of a frame of 4,096 samples at 11,025 Hz, 0.1238 s."""
ITEMS: Final = int(120 / ITEM_SECONDS)
"""Values that count: the first two minutes, as fpcalc and AcoustID have it. One out of a tag may be of any length."""
LONGEST_SHIFT: Final = int(30 / ITEM_SECONDS)
"""How far, in values, two recordings may be shifted against each other: a cut intro, a spoken lead-in, silence."""
SMALLEST_OVERLAP: Final = 0.5
"""Share of the shorter one that must lie over the other: a shared sample of ten seconds is no duplicate."""
SMALLEST_VARIETY: Final = 8
"""A fingerprint with fewer different values is silence or one held tone: it looks like any other silence."""

SHORT_ITEMS: Final = 240
"""Below 30 s every value is looked up: one in eight would be too few to be sure of a common one."""
_SPREAD: Final = 2_654_435_761  # Knuth's multiplier, 2**32 over the golden ratio: near values fall far apart
_MOST_PLACES = 32  # of one value; a loop has hundreds, and the votes grow with their square
_SHIFTS_TRIED = 5
_FAR = 0.4  # unrelated music differs in more bits, and one recording, shifted by half a value's time, in fewer
_VALUE_BITS, _TOO_WIDE = 32, "a value has more than 32 bits"
_NORMAL_BITS, _MORE_BITS, _MAX_NORMAL = 3, 5, "7"  # three bits hold 0–7; 7 says that five more bits follow


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """How two fingerprints lie over each other at the shift where they agree best."""

    bit_error_rate: float
    """Share of differing bits in the overlap: 0 identical, 1.0 unrelated or not comparable."""
    overlap_share: float
    """The overlap as a share of the shorter fingerprint, 0–1."""
    offset_seconds: float
    """How much later the same sound comes in the second than in the first."""


NOTHING_IN_COMMON: Final = Comparison(bit_error_rate=1.0, overlap_share=0.0, offset_seconds=0.0)


@dataclass(frozen=True)
class Fingerprint:
    """The values of one recording as they are kept: little-endian, four bytes each."""

    octets: bytes

    @classmethod
    def of(cls, values: Sequence[int]) -> Fingerprint:
        """What counts of these values: the first two minutes."""
        kept = values[:ITEMS]
        return cls(struct.pack(f"<{len(kept)}I", *kept))

    @cached_property
    def values(self) -> tuple[int, ...]:
        """Unsigned 32-bit values in their order."""
        return struct.unpack(f"<{len(self.octets) // 4}I", self.octets)

    @cached_property
    def telling(self) -> bool:
        """Whether it has enough different values to be compared with another at all."""
        return len(self._places) >= SMALLEST_VARIETY

    def terms(self) -> set[int]:
        """The values under which it is looked up: one in eight, the same ones in every copy; all of a short one."""
        if len(self.values) < SHORT_ITEMS:
            return set(self.values)
        return {value for value in self.values if (value * _SPREAD & 0xFFFFFFFF) >> 29 == 0}

    @cached_property
    def _bits(self) -> int:
        return int.from_bytes(self.octets, "little")

    @cached_property
    def _places(self) -> dict[int, list[int]]:
        """Where each value begins to sound."""
        return self._begins(frozenset(self.values))

    def _begins(self, wanted: Container[int]) -> dict[int, list[int]]:
        values = self.values
        places: dict[int, list[int]] = {}
        for at in [at for at, value in enumerate(values) if value in wanted]:
            there = places.setdefault(values[at], [])
            if len(there) < _MOST_PLACES and (at == 0 or values[at - 1] != values[at]):
                there.append(at)
        return places


def decode(text: str) -> tuple[int, ...]:
    """The values that fpcalc and AcoustID tell in this text; BadInput for other, cut or differently made text.

    URL-safe base64 of: algorithm, count in three bytes, then of each value the distances between the bits that changed
    since the one before, least bit first and ended by a 0, in three bits each; then the rests of large distances.
    """
    packed = _unpacked_base64(text)
    if len(packed) < 4 or packed[0] != ALGORITHM:
        raise _unreadable("its first bytes do not name Chromaprint's default algorithm")
    count, body = int.from_bytes(packed[1:4], "big"), packed[4:]
    gaps = _numbers(body, _NORMAL_BITS).split("0", count)
    if len(gaps) <= count:
        raise _unreadable("it is cut off")
    gaps = gaps[:count]
    used = sum(map(len, gaps)) + count
    more = iter(_more(body[-(-used * _NORMAL_BITS // 8) :], sum(gap.count(_MAX_NORMAL) for gap in gaps)))
    known: dict[str, int] = {}
    changes = [_changed(gap, more, known) for gap in gaps]
    return tuple(itertools.accumulate(changes, operator.xor))


def compare(first: Fingerprint, second: Fingerprint) -> Comparison:
    """The shift within ± 30 s at which two fingerprints differ in the fewest bits.

    Equal values vote for the shifts that are tried, and the neighbours of the best one. At least half of the shorter
    one must lie over the other; of equal shifts the smallest is taken. What differs in more than 0.4 of its bits has
    nothing in common, and a fingerprint of silence or of one held tone agrees with nothing.
    """
    shifts = _shifts(first, second)
    rates = {shift: _rate(first, second, shift) for shift in _voted(first, second, shifts)}
    least = min(rates.values(), default=1.0)
    if least > _FAR or not (first.telling and second.telling):
        return NOTHING_IN_COMMON
    beside = {shift + step for shift, rate in rates.items() if rate == least for step in (-1, 1)}
    rates |= {shift: _rate(first, second, shift) for shift in beside if shift in shifts}
    rate, _, best = min((rate, abs(shift), shift) for shift, rate in rates.items())
    return Comparison(
        bit_error_rate=rate,
        overlap_share=_overlap(first, second, best) / min(len(first.values), len(second.values)),
        offset_seconds=best * ITEM_SECONDS,
    )


def _shifts(first: Fingerprint, second: Fingerprint) -> range:
    """By how many values the second one's may come later, so that enough of the shorter one lies over the other."""
    ours, theirs = len(first.values), len(second.values)
    least = math.ceil(min(ours, theirs) * SMALLEST_OVERLAP)
    return range(-min(LONGEST_SHIFT, ours - least), min(LONGEST_SHIFT, theirs - least) + 1)


def _voted(first: Fingerprint, second: Fingerprint, shifts: range) -> list[int]:
    """The shifts with the most equal values; as many to either side when the votes are equal."""
    mine, theirs = first._places, second._begins(first._places)
    votes = Counter([b - a for value, there in theirs.items() for a in mine[value] for b in there])
    ranked = sorted((-count, abs(shift), shift) for shift, count in votes.items() if shift in shifts)
    if len(ranked) > _SHIFTS_TRIED:
        last = ranked[_SHIFTS_TRIED - 1][:2]
        ranked = [one for one in ranked if one[:2] <= last]
    return [shift for *_, shift in ranked]


def _overlap(first: Fingerprint, second: Fingerprint, shift: int) -> int:
    """How many values lie over each other when the second one's come `shift` values later."""
    ours, theirs = len(first.values), len(second.values)
    return min(ours, theirs - shift) - max(0, -shift)


def _rate(first: Fingerprint, second: Fingerprint, shift: int) -> float:
    """Share of the bits that differ where they lie over each other."""
    overlap = _overlap(first, second, shift)
    ours, theirs = first._bits >> 32 * max(0, -shift), second._bits >> 32 * max(0, shift)
    wrong = (ours ^ theirs) & ((1 << 32 * overlap) - 1)
    return wrong.bit_count() / (32 * overlap)


def _changed(gaps: str, more: Iterator[int], known: dict[str, int]) -> int:
    """The bits that these distances lead to."""
    if gaps in known:
        return known[gaps]
    if len(gaps) > _VALUE_BITS:
        raise _unreadable(_TOO_WIDE)
    position = bits = 0
    for gap in gaps:
        position += int(gap) + (next(more) if gap == _MAX_NORMAL else 0)
        bits |= 1 << (position - 1)
    if position > _VALUE_BITS:
        raise _unreadable(_TOO_WIDE)
    if _MAX_NORMAL not in gaps:
        known[gaps] = bits
    return bits


def _numbers(octets: bytes, width: int) -> str:
    """The octets as digits of `width` bits (3 octal, 1 binary), the lowest first."""
    digits = format(int.from_bytes(octets, "little"), {3: "o", 1: "b"}[width])
    whole = 8 * len(octets) // width
    return digits[::-1].ljust(whole, "0")[:whole]


def _more(octets: bytes, count: int) -> list[int]:
    """The rests of the large distances."""
    bits = _numbers(octets, 1)
    if len(bits) < count * _MORE_BITS:
        raise _unreadable("it is cut off")
    return [int(bits[at : at + _MORE_BITS][::-1], 2) for at in range(0, count * _MORE_BITS, _MORE_BITS)]


def _unpacked_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise _unreadable("it is no URL-safe base64") from error


def _unreadable(why: str) -> BadInput:
    return BadInput("The acoustic fingerprint cannot be read", why=why, fix="Analyse the audio again to replace it")
