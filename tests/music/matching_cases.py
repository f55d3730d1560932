"""The labelled corpus: tracks that are wanted, what services offer for them, and what is right.

`matching_cases.jsonl` holds one case a line: `name`, `wanted`, `candidates`, `right` (numbers of the candidates that
are the wanted recording) and `expect`: `accept` one of them, leave it to a person (`review`), or `none`. A hash of the
name puts a case into the tuning half, by which floors and words are set, or into the one that is held out.

How to read the figures: cases and matcher come from one hand, and hard cases are many more here than in a real
library. The first 391 cases were split before anything was set; 130 (`fresh …`) and 69 (`later …`) were added when
the rules stood. At first sight, by the labels as they were then, 116 of 119 accepted were right in the held-out half,
66 of 69 in the second lot and 45 of 47 in the third. Of those eight, four were labels that were wrong or against the
stated limits, and four the matcher's mistakes (artist and title swapped, a date left out, `Burn` for `Burnt`, a cover
account's title), since mended: 231 of 235 at first sight. 55 more (`telling …`) were written together with the rules
they are about, and all put into the tuning half. So no half is unseen any more, and what is asserted guards
against falling back.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from musicsyncd.music.identity import Identity
from musicsyncd.music.matching import Candidate, Match, match
from musicsyncd.music.track import Track

FILE = Path(__file__).with_suffix(".jsonl")


@dataclass(frozen=True, kw_only=True)
class Case:
    """One line of the corpus."""

    name: str
    wanted: Track
    candidates: tuple[Candidate, ...]
    right: frozenset[int]
    expect: str

    @property
    def held_out(self) -> bool:
        """Whether it is in the half that nothing was set by."""
        return hashlib.sha256(self.name.encode()).digest()[0] % 2 == 1

    def chosen(self) -> int | None:
        """The number of the candidate that the matcher takes."""
        found = self.match().chosen
        return None if found is None else self.candidates.index(found.candidate)

    def match(self) -> Match:
        """What the matcher says."""
        return match(self.wanted, self.candidates)


@cache
def cases() -> tuple[Case, ...]:
    """All of them, in order."""
    return tuple(_case(json.loads(line)) for line in FILE.read_text("utf-8").splitlines())


def _case(data: dict[str, Any]) -> Case:
    return Case(
        name=data["name"],
        wanted=Track.from_dict(data["wanted"]),
        candidates=tuple(_candidate(number, one) for number, one in enumerate(data["candidates"])),
        right=frozenset(data["right"]),
        expect=data["expect"],
    )


def _candidate(number: int, data: dict[str, Any]) -> Candidate:
    values = data | {"artists": tuple(data.get("artists", ()))}
    values |= {key: tuple(map(Identity.parse, data.get(key, ()))) for key in ("identities", "links")}
    return Candidate(url=f"https://example.org/{number}", **values)
