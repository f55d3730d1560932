"""Renders the tracks: `python -m tests.benchmarks.accuracy.make FOLDER`. What stands is not rendered again."""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.accuracy import corpus
from tests.benchmarks.accuracy.midi import SOUNDFONTS, played
from tests.benchmarks.accuracy.pulseless import KINDS, rendered_kind
from tests.benchmarks.accuracy.score import composed, planned
from tests.benchmarks.accuracy.styles import STYLES
from tests.benchmarks.accuracy.synthesis import RATE, synthesised
from tests.benchmarks.accuracy.treatment import encoded_and_back, resampled, treated


def rendered(track: corpus.Track) -> NDArray[np.float32]:
    """A track's samples, mono at 44.1 kHz, as a decoder would give them."""
    style = STYLES[track.style]
    plan = planned(style, bpm=track.bpm, tonic=track.tonic, scale=track.scale, seed=track.seed)
    notes = composed(plan, track.seconds)
    generator = np.random.default_rng(track.seed + 2)
    if track.engine == "synthesis":
        samples = synthesised(notes, track.seconds, cents=track.cents, seed=track.seed + 3)
    else:
        font = next(path for path in SOUNDFONTS if path.stem == track.engine)
        programs = style.programs[int(generator.integers(len(style.programs)))]
        with tempfile.TemporaryDirectory() as folder:
            samples = played(notes, track.seconds, programs=programs, cents=track.cents, font=font, folder=Path(folder))
    return encoded_and_back(treated(generator, samples), track.encoding)


def make(folder: Path, *, numbers: Sequence[int] = corpus.HEARD, processes: int = 2) -> list[corpus.Track]:
    """Renders what is missing in the folder and returns the list of tracks."""
    known = corpus.tracks(numbers)
    for rate in corpus.RATES:
        (folder / str(rate)).mkdir(parents=True, exist_ok=True)
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        for number, name in enumerate(pool.imap_unordered(partial(_kept, folder), known), 1):
            if sys.stderr.isatty():
                print(f"\r{number} of {len(known)}: {name:40}", end="", file=sys.stderr, flush=True)
        pool.map(partial(_kept_kind, folder), KINDS)
    corpus.written(folder, known)
    return known


def _kept(folder: Path, track: corpus.Track) -> str:
    if not corpus.sound_file(folder, track.name, corpus.RATES[-1]).exists():
        _store(folder, track.name, rendered(track))
    return track.name


def _kept_kind(folder: Path, kind: str) -> None:
    if not corpus.sound_file(folder, kind, corpus.RATES[-1]).exists():
        _store(folder, kind, rendered_kind(kind))


def _store(folder: Path, name: str, samples: NDArray[np.float32]) -> None:
    for rate in corpus.RATES:
        converted = samples if rate == RATE else resampled(samples, RATE, rate)
        corpus.sound_file(folder, name, rate).write_bytes(converted.astype("<f4").tobytes())


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    make(options.folder, processes=options.processes)


if __name__ == "__main__":
    main()
