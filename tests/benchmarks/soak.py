"""Days on end, with something always wrong: `python -m tests.benchmarks.soak [--minutes 30]`.

The daemon's clock is moved as in `tests/test_day.py`, so that an hour of it takes some seconds. Each hour one thing is
wrong: a service is away, a volume is, nobody is signed in. Every sixth hour something new is wished for. It is never
restarted, and what it holds is to stay flat: memory, files and tasks.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.test_day import HOUR, Town, town
from tests.test_spotify_daemon import sign_in

WARM: Final = 24
"""Hours of the daemon until what it loads once is loaded."""
SEED: Final = 20260101


@dataclass(frozen=True, kw_only=True)
class Held:
    """What the daemon holds at the end of an hour of its."""

    hour: int
    memory: float
    """Resident MB."""
    files: int
    tasks: int


def held(daemon: Town, hour: int) -> Held:
    """Look at it."""
    shown = daemon.daemon.client.get("/v1/status")
    return Held(hour=hour, memory=shown["memory"] / 1e6, files=shown["open_files"], tasks=shown["tasks"])


def troubles(place: Town) -> Sequence[tuple[Callable[[], object], Callable[[], object]]]:
    """What may be wrong for an hour: how it begins and how it ends."""
    return (
        (lambda: None, lambda: None),
        (lambda: setattr(place.spotify, "always", (503, {}, {})), lambda: setattr(place.spotify, "always", None)),
        (lambda: setattr(place.sites, "away", True), lambda: setattr(place.sites, "away", False)),
        (lambda: place.notion.fail(503, times=1e9), lambda: place.notion.bad_days.clear()),
        (place.notion.close_door, place.notion.open_door),
        (place.eagle.stop, place.eagle.start),
        (lambda: setattr(place.hook, "always", (503, {})), lambda: setattr(place.hook, "always", (204, {}))),
        (
            lambda: place.daemon.library("stick").rename(place.daemon.folder / "pulled out"),
            lambda: (place.daemon.folder / "pulled out").rename(place.daemon.library("stick")),
        ),
        (place.spotify.revoke, lambda: sign_in(place.daemon)),
    )


def soak(place: Town, minutes: float) -> list[Held]:
    """Live for so many real minutes."""
    chance, ends, found, hour = random.Random(SEED), time.monotonic() + 60 * minutes, list[Held](), 0
    wishes = (place.like, place.drop, place.write_row)
    while time.monotonic() < ends:
        begin, end = chance.choice(troubles(place))
        begin()
        if hour % 6 == 0:
            wishes[hour // 6 % len(wishes)](100 + hour // 6)
        place.daemon.to((hour + 1) * HOUR)
        end()
        hour += 1
        found.append(held(place, hour))
    return found


def report(found: Sequence[Held]) -> None:
    """Medians of the first and the last quarter, when what is loaded once is loaded."""
    warm = [one for one in found if one.hour > WARM] or found
    quarter = max(1, len(warm) // 4)
    first, last = warm[:quarter], warm[-quarter:]
    print(
        f"{found[-1].hour} hours of the daemon; medians of hours {first[0].hour}-{first[-1].hour} and of the last ones"
    )
    for name, unit in (("memory", "MB"), ("files", "open"), ("tasks", "in the loop")):
        before, after = (statistics.median(getattr(one, name) for one in part) for part in (first, last))
        print(f"  {name:7} {before:8.1f} -> {after:8.1f} {unit}; most {max(getattr(one, name) for one in found):.1f}")

    daily = (f"{statistics.median(one.memory for one in found[at : at + 24]):.1f}" for at in range(0, len(found), 24))
    print(f"  memory by day: {', '.join(daily)} MB")


def main() -> None:
    """Live, and print what was held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="real minutes; default 30")
    minutes = parser.parse_args().minutes
    with tempfile.TemporaryDirectory() as name, town(Path(name) / "soak") as place:
        report(soak(place, minutes))
        shown = place.daemon.client.get("/v1/status")
        print(f"  tracks {shown['tracks']}, attention {[one['key'] for one in shown['attention']]}")


if __name__ == "__main__":
    main()
