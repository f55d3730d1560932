"""What it costs to find one track among 50 candidates: `python -m tests.benchmarks.matching`."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from musicsyncd.music import reading, title
from musicsyncd.music.candidate import Candidate
from musicsyncd.music.matching import match
from musicsyncd.music.track import Track
from tests.music.matching_cases import cases

CANDIDATES: Final = 50
REPEATS: Final = 15
BAR: Final = 5.0
"""Milliseconds of CPU."""


def forget() -> None:
    """Empty what was read before, so that each search starts as the first one does."""
    for module in (reading, title):
        for cached in vars(module).values():
            if hasattr(cached, "cache_clear"):
                cached.cache_clear()


TITLES: Final = (
    "{artist} - {title} (Official Video)", "{artist} - {title} (Tomo Remix)", "{title} - {artist} [HD]", "{title}",
    "{artist} - {title} (Live at Brixton Academy 2011)", "{artist}: {title} (Lyrics)", "{title} (Piano Cover)",
    "{artist} - {title} (Extended Mix) [Blue Records]", "{artist} feat. Mira Lund - {title}", "{title} sped up",
    "Premiere: {artist} - {title} (Original Mix)", "{artist} - Night Ferry", "{artist} - {title} prod. Tomo",
    "{artist} {title}", "{artist} - {title} / Night Ferry", "[Drum & Bass] {artist} - {title}", "{title} | {artist}",
    "{artist} - {title} (Radio Edit)", "{title} (Karaoke Version)", "{artist} - {title} (slowed + reverb)",
)  # fmt: skip
"""What a search for a track brings."""


def searches() -> Iterator[tuple[Track, list[Candidate]]]:
    """Wanted tracks, each with its own candidates, others about it, and strangers to make up the number."""
    corpus = cases()
    strangers = [candidate for case in corpus for candidate in case.candidates]
    for number, case in enumerate(corpus[::25]):
        wanted, stranger = case.wanted, strangers[17 * number % (len(strangers) - CANDIDATES) :]
        about = [
            replace(other, title=title.format(artist=wanted.artist, title=wanted.title), artists=())
            for title, other in zip(TITLES, stranger[CANDIDATES // 2 :], strict=False)
        ]
        yield wanted, [*case.candidates, *about, *stranger][:CANDIDATES]


def cost(wanted: Track, candidates: list[Candidate]) -> float:
    """CPU milliseconds of one search: the least of several, since the machine does other things too."""
    taken = []
    for _ in range(REPEATS):
        forget()
        start = time.process_time_ns()
        match(wanted, candidates)
        taken.append((time.process_time_ns() - start) / 1e6)
    return min(taken)


def main() -> None:
    """Print it."""
    costs = [cost(wanted, candidates) for wanted, candidates in searches()]
    print(f"one track against {CANDIDATES} candidates, nothing read before, {len(costs)} searches")
    print(f"CPU: median {statistics.median(costs):.2f} ms, most {max(costs):.2f} ms; the bar is {BAR} ms")


if __name__ == "__main__":
    main()
