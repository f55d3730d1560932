"""Fingerprints of sounds that nobody made: by name, blurred, packed."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np

from musicsyncd.analysis.fingerprint import encode

ITEMS = 400


def values(name: str, count: int = ITEMS) -> list[int]:
    """What is heard in a sound of this name: random, always the same, unlike any other's."""
    generator = random.Random(name)
    return [generator.getrandbits(32) for _ in range(count)]


def blurred(heard: Sequence[int], rate: float, seed: int = 0) -> list[int]:
    """The same with this share of its bits turned over, at most a quarter, all of them in half of the values."""
    generator = random.Random(seed)
    turned = generator.sample(range(len(heard) // 2 * 32), round(rate * len(heard) * 32))
    found = list(heard)
    for bit in turned:
        found[bit // 32 * 2] ^= 1 << bit % 32
    return found


def packed(heard: Sequence[int]) -> str:
    """As an analysis tells it."""
    return encode(np.array(heard, dtype=np.uint32))


def print_of(name: str, rate: float = 0.0) -> str:
    """The packed fingerprint of a sound, blurred by this share of its bits."""
    return packed(blurred(values(name), rate))
