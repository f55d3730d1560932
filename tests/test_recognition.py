"""The same recording is recognised through encodings, gain and a cut start, and nothing else is taken for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from musicsyncd.analysis.fingerprint import encode, fingerprint
from musicsyncd.clock import ManualClock
from musicsyncd.database import MEMORY, Database
from musicsyncd.ledger.alike import Alike
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.ledger.schema import MIGRATIONS
from musicsyncd.music.identity import Identity
from musicsyncd.music.sameness import Kind, verdict
from musicsyncd.music.track import Track
from tests.benchmarks.accuracy.harmony import SCALES
from tests.benchmarks.accuracy.score import Plan, composed, planned
from tests.benchmarks.accuracy.styles import STYLES
from tests.benchmarks.accuracy.synthesis import RATE, Samples, synthesised
from tests.benchmarks.accuracy.treatment import encoded_and_back, resampled, treated

SECONDS: Final = 36.0
Generator = np.random.Generator


@dataclass(frozen=True, kw_only=True)
class Recording:
    """What is known of some audio once it was heard."""

    title: str
    duration: float
    """Seconds."""
    text: str
    """Its packed fingerprint."""


def heard(title: str, samples: Samples) -> Recording:
    """Mono samples at 44.1 kHz, heard as the ears of a worker do."""
    mono = resampled(samples.astype(np.float32), RATE, 11_025)
    text = encode(fingerprint(np.round(np.clip(mono, -1, 1) * 32_767).astype(np.int16)))
    return Recording(title=title, duration=len(samples) / RATE, text=text)


def _cut(generator: Generator, samples: Samples) -> Samples:
    return samples[int(generator.uniform(1, 3) * RATE) :]


def _longest_cut_and_worse(generator: Generator, samples: Samples) -> Samples:
    encoding = str(generator.choice(["mp3 128", "aac 128", "opus 96"]))
    return encoded_and_back(0.5 * samples[3 * RATE :], encoding).astype(np.float64)


VARIANTS: Final[dict[str, Callable[[Generator, Samples], Samples]]] = {
    "MP3": lambda _, samples: encoded_and_back(samples, "mp3 128").astype(np.float64),
    "AAC": lambda _, samples: encoded_and_back(samples, "aac 128").astype(np.float64),
    "Opus": lambda _, samples: encoded_and_back(samples, "opus 96").astype(np.float64),
    "quieter": lambda _, samples: 0.3 * samples,
    "louder": lambda _, samples: np.clip(1.5 * samples, -1, 1),
    "cut": _cut,
    "cut, quieter and encoded": _longest_cut_and_worse,
}


def work(number: int) -> Plan:
    """What is played in one piece of music, with a melody that an instrumental can leave out."""
    generator = np.random.default_rng(number)
    style = list(STYLES.values())[number % len(STYLES)]
    plan = planned(
        style,
        bpm=float(generator.uniform(*style.tempi)),
        tonic=int(generator.integers(12)),
        scale=str(generator.choice(list(SCALES))),
        seed=1000 + number,
    )
    return replace(plan, parts=plan.parts | {"lead"})


def played(plan: Plan, seconds: float = SECONDS) -> Samples:
    """A recording of it, mastered."""
    samples = synthesised(composed(plan, seconds), seconds, cents=0.0, seed=plan.seed)
    return treated(np.random.default_rng(plan.seed), samples)


def relative(number: int) -> Recording:
    """Another recording of the same material: a remix, the instrumental, the next part, a longer edit."""
    plan, title = work(number), f"Night {number}"
    match number % 4:
        case 0:
            other = work(number + 1)
            remix = replace(plan, style=other.style, drums=other.drums, bass=other.bass, bpm=1.04 * plan.bpm)
            return heard(f"{title} (Kora Remix)", played(replace(remix, seed=plan.seed + 5000)))
        case 1:
            return heard(f"{title} (Instrumental)", played(replace(plan, parts=plan.parts - {"lead"})))
        case 2:
            return heard(f"{title}, Pt. 2", played(replace(plan, seed=plan.seed + 5000)))
        case _:
            return heard(f"{title} (Extended Mix)", played(plan, SECONDS + 2))


def recognised(known: dict[str, Recording], one: Recording, alike: list[Alike]) -> list[str]:
    """The ids of those that the verdict takes for the same, best first."""
    found = []
    for other in alike:
        theirs = known[other.id]
        judged = verdict(
            bit_error_rate=other.bit_error_rate,
            overlap_share=other.overlap_share,
            durations=(one.duration, theirs.duration),
            titles=(one.title, theirs.title),
        )
        if judged.kind is Kind.SAME:
            found.append(other.id)
    return found


@pytest.mark.parametrize(
    "count", [6, pytest.param(104, marks=pytest.mark.full)], ids=lambda count: f"{count} pieces of music"
)
async def test_copies_are_recognised_and_nothing_else(tmp_path: Path, count: int) -> None:
    """Of every piece seven copies: at least 99 % find their original. No two recordings are taken for one, be they
    remixes, instrumentals, parts or longer edits of one piece; of different pieces not even without their titles.
    """
    database = await Database.open(MEMORY, {"ledger": MIGRATIONS}, backups=tmp_path, clock=ManualClock())
    ledger, known, pieces = Ledger(database, ManualClock()), dict[str, Recording](), dict[str, int]()
    copies: list[tuple[str, str, Recording]] = []
    for number in range(count):
        samples, generator = played(work(number)), np.random.default_rng(number)
        one = heard(f"Night {number}", samples)
        track_id = await _recorded(ledger, one)
        copies += [(track_id, name, heard(one.title, made(generator, samples))) for name, made in VARIANTS.items()]
        known |= {track_id: one, await _recorded(ledger, related := relative(number)): related}
        pieces |= dict.fromkeys(list(known)[-2:], number)
    false, unnamed = [], []
    for track_id, one in known.items():
        alike = await ledger.alike(track_id)
        false += [(one.title, known[other].title) for other in recognised(known, one, alike)]
        without = recognised(known, replace(one, title=""), alike)
        unnamed += [(one.title, known[other].title) for other in without if pieces[other] != pieces[track_id]]
    missed = [
        f"{name} of {copy.title}"
        for track_id, name, copy in copies
        if recognised(known, copy, await ledger.alike_to(copy.text)) != [track_id]
    ]
    await database.close()
    pairs = len(known) * (len(known) - 1) // 2
    print(f"{pairs} different pairs, {len(copies)} copies; false: {false + unnamed}; missed: {missed}")
    assert (false, unnamed) == ([], [])
    assert len(missed) <= len(copies) // 100
    assert pairs >= 5000 or count < 100


async def _recorded(ledger: Ledger, one: Recording) -> str:
    """The id of a track in which this was heard."""
    (made,) = await ledger.record_tracks([Track(title=one.title, identities=(Identity("m", one.title),))])
    await ledger.record_analysis(made.id, {"duration": one.duration, "fingerprint": one.text})
    return made.id
