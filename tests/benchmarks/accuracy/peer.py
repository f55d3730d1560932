"""Runs in a library's own environment: `python peer.py LIBRARY FOLDER` with track names on stdin, a JSON line each.

It imports nothing of musicsyncd, since the library's environment does not have it.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

NAMES = {"C": 0, "C#": 1, "D": 2, "D#": 3, "E": 4, "F": 5, "F#": 6, "G": 7, "G#": 8, "A": 9, "A#": 10, "B": 11}
NAMES |= {"Db": 1, "Eb": 3, "Gb": 6, "Ab": 8, "Bb": 10}
Answer = dict[str, Any]
Ear = Callable[[Any], Answer]

# Krumhansl and Kessler's probe tone profiles (1982), which librosa's users pair with its chroma.
KRUMHANSL = (
    (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
)


def aubio_ears() -> dict[str, tuple[int, Ear]]:
    """Tempo by the default onset function; the median of the beats' distances."""
    aubio = importlib.import_module("aubio")

    def tempo(samples: Any) -> Answer:
        tracker = aubio.tempo("default", 1024, 512, 44_100)
        beats = []
        for first in range(0, len(samples) - 511, 512):
            if tracker(samples[first : first + 512])[0]:
                beats.append(tracker.get_last_s())
        return {"bpm": float(60.0 / np.median(np.diff(beats))) if len(beats) > 2 else None}

    return {"aubio": (44_100, tempo)}


def librosa_ears() -> dict[str, tuple[int, Ear]]:
    """`beat_track` as it comes; `chroma_cqt` as it comes, its mean held against Krumhansl's profiles."""
    librosa = importlib.import_module("librosa")

    def tempo(samples: Any) -> Answer:
        return {"bpm": float(np.atleast_1d(librosa.beat.beat_track(y=samples, sr=22_050)[0])[0])}

    def key(samples: Any) -> Answer:
        chroma = librosa.feature.chroma_cqt(y=samples, sr=22_050).mean(axis=1)
        scores = [[np.corrcoef(chroma, np.roll(profile, tonic))[0, 1] for tonic in range(12)] for profile in KRUMHANSL]
        mode, tonic = divmod(int(np.argmax(scores)), 12)
        return {"tonic": tonic, "mode": ("major", "minor")[mode]}

    return {"librosa beat_track": (22_050, tempo), "librosa chroma_cqt": (22_050, key)}


def essentia_ears() -> dict[str, tuple[int, Ear]]:
    """RhythmExtractor2013 with both methods; KeyExtractor with its default profile and the two best for it."""
    standard = importlib.import_module("essentia.standard")
    importlib.import_module("essentia").log.infoActive = False

    def tempo(method: str) -> Ear:
        return lambda samples: {"bpm": float(standard.RhythmExtractor2013(method=method)(samples)[0])}

    def key(profile: str) -> Ear:
        def heard(samples: Any) -> Answer:
            tonic, mode, _ = standard.KeyExtractor(profileType=profile, sampleRate=44_100)(samples)
            return {"tonic": NAMES[tonic], "mode": mode}

        return heard

    ears: dict[str, tuple[int, Ear]] = {
        f"essentia {method}": (44_100, tempo(method)) for method in ("multifeature", "degara")
    }
    return ears | {
        f"essentia {profile}": (44_100, key(profile)) for profile in ("bgate", "shaath", "edma", "krumhansl")
    }


EARS = {"aubio": aubio_ears, "librosa": librosa_ears, "essentia": essentia_ears}


def main() -> None:
    """Each ear of the library on each track; the first track is heard twice: no warming up is counted."""
    ears, folder = EARS[sys.argv[1]](), Path(sys.argv[2])
    names = sys.stdin.read().splitlines()
    for number, name in enumerate([names[0], *names]):
        for ear, (rate, hear) in ears.items():
            samples = np.fromfile(folder / str(rate) / f"{name}.f32", "<f4")
            start = time.process_time()
            answer = hear(samples)
            cost = (time.process_time() - start) * 60.0 * rate / len(samples)
            if number:
                print(json.dumps({"ear": ear, "track": name, "cost": cost, **answer}), flush=True)


if __name__ == "__main__":
    main()
