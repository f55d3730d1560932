"""The answers as Markdown tables."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final

import numpy as np

from tests.benchmarks.accuracy import judge
from tests.benchmarks.accuracy.corpus import Track
from tests.benchmarks.accuracy.libraries import Library
from tests.benchmarks.accuracy.ours import KEY, TEMPO

Answers = dict[str, dict[str, dict[str, Any]]]
"""By ear, then by track."""
TEMPO_MEASURES: Final = ("raw 1 %", "raw 4 %", "folded 1 %", "folded 4 %", "4 % or octave", "0.05 BPM")
KEY_MEASURES: Final = ("key exact", "key MIREX")
_CERTAIN: Final = {TEMPO: 0.12, KEY: 0.05}
"""The documented limits under which an answer of ours is uncertain."""


def answered(ours: list[dict[str, Any]], libraries: list[Library]) -> Answers:
    """All answers by ear and track, ours first."""
    found: Answers = defaultdict(dict)
    for answer in (*ours, *(answer for library in libraries for answer in library.answers)):
        found[answer["ear"]][answer["track"]] = answer
    return found


def tabled(tracks: list[Track], answers: Answers) -> str:
    """Two tables: tempo and key; the last columns are our lead with its 95 % interval."""
    rhythm = [ear for ear, found in answers.items() if "bpm" in next(iter(found.values()))]
    harmony = [ear for ear in answers if ear not in rhythm]
    first = _compared(tracks, answers, rhythm, TEMPO_MEASURES, lead=("folded 1 %", "4 % or octave"))
    return first + "\n\n" + _compared(tracks, answers, harmony, KEY_MEASURES, lead=("key exact", "key MIREX"))


def _compared(
    tracks: list[Track], answers: Answers, ears: list[str], measures: tuple[str, ...], *, lead: tuple[str, ...]
) -> str:
    heads = ["", *measures, "CPU s/min", *(f"our lead, {measure}" for measure in lead)]
    scores = {ear: {measure: _scores(tracks, answers[ear], measure) for measure in measures} for ear in ears}
    rows = []
    for ear in ears:
        cost = float(np.mean([answers[ear][track.name]["cost"] for track in tracks]))
        row = [ear, *(f"{100 * scores[ear][measure].mean():.2f}" for measure in measures), f"{cost:.3f}"]
        for measure in lead:
            if ear == ears[0]:
                row.append("")
                continue
            mean, low, high = (
                100 * value for value in judge.difference(scores[ears[0]][measure], scores[ear][measure])
            )
            row.append(f"{mean:+.1f} ({low:+.1f} to {high:+.1f})")
        rows.append(row)
    return _markdown(heads, rows)


def _scores(tracks: list[Track], found: dict[str, dict[str, Any]], measure: str) -> judge.Shares:
    return np.array([_hits(track, found[track.name])[measure] for track in tracks])


def _hits(track: Track, answer: dict[str, Any]) -> dict[str, float]:
    """Raw measures take the tempo before folding where an answer has one."""
    if "bpm" in answer:
        hits = judge.tempo_hits(answer["bpm"], track.bpm)
        before = judge.tempo_hits(answer.get("raw", answer["bpm"]), track.bpm)
        return hits | {measure: before[measure] for measure in ("raw 1 %", "raw 4 %")}
    found = None if answer["tonic"] is None else (answer["tonic"], answer["mode"])
    return judge.key_hits(found, (track.tonic, track.mode))


def confident(tracks: list[Track], ours: list[dict[str, Any]]) -> str:
    """How often we are right in each quarter of our confidence, and below the documented limit."""
    rows = []
    for ear, measure in ((TEMPO, "folded 1 %"), (KEY, "key exact")):
        found = {answer["track"]: answer for answer in ours if answer["ear"] == ear}
        sure = np.array([found[track.name]["confidence"] for track in tracks])
        hits = _scores(tracks, found, measure)
        unsure = sure < _CERTAIN[ear]
        right = f"{100 * hits[unsure].mean():.0f} % of {unsure.sum()}" if unsure.any() else "none"
        rows.append([f"{ear}, {measure}", *(f"{100 * share:.0f}" for share in judge.by_quartile(sure, hits)), right])
    return _markdown(["right by confidence", "lowest quarter", "second", "third", "highest", "below the limit"], rows)


def styled(tracks: list[Track], ours: list[dict[str, Any]]) -> str:
    """Our own figures by style."""
    rhythm, harmony = ({a["track"]: a for a in ours if a["ear"] == ear} for ear in (TEMPO, KEY))
    rows = []
    for style in dict.fromkeys(track.style for track in tracks):
        here = [track for track in tracks if track.style == style]
        tempo = [_scores(here, rhythm, measure).mean() for measure in ("folded 1 %", "4 % or octave")]
        key = [_scores(here, harmony, measure).mean() for measure in KEY_MEASURES]
        rows.append([style, str(len(here)), *(f"{100 * share:.0f}" for share in (*tempo, *key))])
    return _markdown(["style", "tracks", "folded 1 %", "4 % or octave", *KEY_MEASURES], rows)


def honest(ours: list[dict[str, Any]]) -> str:
    """For each kind of sound without tempo or key: how many got an answer, and the highest confidence."""
    kinds: dict[str, dict[str, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for answer in ours:
        kinds[answer["track"].rsplit(" ", 1)[0]][answer["ear"]].append(answer)
    return _markdown(
        ["sound", "tempo answers", "highest confidence", "key answers", "highest confidence"],
        [[kind, *_reticence(found[TEMPO], "bpm"), *_reticence(found[KEY], "tonic")] for kind, found in kinds.items()],
    )


def _reticence(found: list[dict[str, Any]], value: str) -> list[str]:
    given = [answer["confidence"] for answer in found if answer[value] is not None]
    return [f"{len(given)} of {len(found)}", f"{max(given):.2f}" if given else "–"]


def _markdown(heads: list[str], rows: list[list[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
