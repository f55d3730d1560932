"""Fits the weights of tempo and key: `python -m tests.benchmarks.accuracy.fit tempo|key FOLDER`.

It renders and hears the tracks for tuning and no other.
"""

from __future__ import annotations

import argparse
import multiprocessing
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from musicsyncd.analysis import key, tempo
from tests.analysis.signals import clicks
from tests.benchmarks.accuracy import corpus
from tests.benchmarks.accuracy.judge import folded
from tests.benchmarks.accuracy.make import make

RATE: Final = 22_050
DECAY: Final = {"tempo": 1e-3, "key": 3e-3}
"""What the square of a weight's distance from its prior costs, of the order that cross-validation in TUNE preferred."""
STEPS, PACE = 1500, 0.03
Numbers = NDArray[np.float64]


def tempo_evidence(folder: Path, track: corpus.Track) -> tuple[Numbers, NDArray[np.bool_]]:
    """The features of all tempi, and which of them are right once folded."""
    samples = np.fromfile(corpus.sound_file(folder, track.name, RATE), "<f4")
    return pulse_evidence(samples, track.bpm)


def pulse_evidence(samples: NDArray[np.float32], bpm: float) -> tuple[Numbers, NDArray[np.bool_]]:
    """The same for samples of a known tempo."""
    groups = tempo.onset_groups(samples, RATE)
    features = tempo.evidence(groups, tempo.self_similarity(groups), RATE / tempo.HOP)
    ratio = np.array([folded(sought) for sought in tempo.TEMPI]) / folded(bpm)
    return features.astype(np.float32), np.abs(ratio - 1.0) < 0.006


def key_evidence(folder: Path, track: corpus.Track) -> tuple[Numbers, NDArray[np.bool_]]:
    """The features of all 24 keys (each mode has weights of its own), and which key is right.

    Six in seven of the composed tracks begin on the tonic, recorded music less often: half of them lose their
    beginning, so that the weights trust it less.
    """
    samples = np.fromfile(corpus.sound_file(folder, track.name, RATE), "<f4")
    chance = np.random.default_rng(track.seed + 8)
    if chance.random() < 0.5:
        samples = samples[int(len(samples) * chance.uniform(0.05, 0.4)) :]
    peaks = key.partials(samples, RATE)
    rows = key.evidence(peaks, key.pitch_frames(peaks))
    turned = np.array([np.roll(rows, -tonic, axis=1).ravel() for tonic in range(12)])
    major = np.hstack([turned, np.zeros_like(turned), np.ones((12, 1)), np.zeros((12, 1))])
    minor = np.hstack([np.zeros_like(turned), turned, np.zeros((12, 1)), np.ones((12, 1))])
    right = np.arange(24) == track.tonic + 12 * (track.mode == "minor")
    return np.vstack([major, minor]), right


def key_prior() -> Numbers:
    """Sha'ath's profiles for what sounds, and nothing for the rest: the weights leave them only for a reason."""
    profiles = np.array(key.PROFILES)
    profiles = (profiles - profiles.mean(axis=1, keepdims=True)) / profiles.std(axis=1, keepdims=True)
    return np.concatenate([np.pad(profiles, ((0, 0), (0, 60))).ravel(), np.zeros(2)])


def fitted(features: Numbers, right: NDArray[np.bool_], prior: Numbers, decay: float) -> Numbers:
    """Weights that make the right choices most probable: Adam (Kingma and Ba, 2015) on the whole set at once."""
    weights, mean, square = prior.copy(), np.zeros(len(prior)), np.zeros(len(prior))
    for step in range(1, STEPS + 1):
        score = features @ weights.astype(features.dtype)
        odds = np.exp(score - score.max(axis=1, keepdims=True))
        probability = odds / odds.sum(axis=1, keepdims=True)
        wanted = probability * right
        excess = (probability - wanted / np.maximum(wanted.sum(axis=1, keepdims=True), 1e-12)) / len(features)
        slope = np.tensordot(excess, features, axes=2) + 2.0 * decay * (weights - prior)
        mean, square = 0.9 * mean + 0.1 * slope, 0.999 * square + 0.001 * slope**2
        weights -= PACE * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    return weights


def main() -> None:
    """Prints the weights in the order of the tables that hold them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("tempo", "key"))
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    known = make(options.folder, numbers=corpus.FITTED)
    heard: Any = {"tempo": tempo_evidence, "key": key_evidence}[options.what]
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        found = pool.map(partial(heard, options.folder), known, chunksize=8)
    if options.what == "tempo":
        # The composed tracks hold no bare beat: without metronomes, nothing says that one is not to be doubled.
        found += [pulse_evidence(clicks(bpm, 30.0), bpm) for bpm in np.arange(72.0, 180.0, 2.0)]
    features, right = (np.array(column) for column in zip(*found, strict=True))
    prior = key_prior() if options.what == "key" else np.zeros(features.shape[2])
    weights = fitted(features, right, prior, DECAY[options.what])
    print(np.array2string(weights, precision=2, separator=", ", suppress_small=True, max_line_width=110))


if __name__ == "__main__":
    main()
