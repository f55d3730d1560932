"""A track as a list of notes in seconds, composed from its style and a seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from tests.benchmarks.accuracy.harmony import SCALES, Chord, progression
from tests.benchmarks.accuracy.styles import Pattern, Style

Generator = np.random.Generator
LOUD: Final = {"x": 1.0, "o": 0.45}
SECTION_BARS: Final = 4


@dataclass(frozen=True, kw_only=True)
class Note:
    """One note: `part` is bass, chords, pad, lead or the name of a drum (whose pitch means nothing)."""

    start: float
    length: float
    pitch: float
    velocity: float
    part: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is decided once for a track."""

    style: Style
    bpm: float
    tonic: int
    scale: str
    swing: float
    human: float
    """Standard deviation of a player's timing, in seconds."""
    drums: Pattern
    bass: str
    chords: str
    progression: tuple[Chord, ...]
    parts: frozenset[str]
    melody: tuple[tuple[int, int], ...]
    """Step in two bars and degree of the scale."""
    seed: int


def planned(style: Style, *, bpm: float, tonic: int, scale: str, seed: int) -> Plan:
    """Draws everything that stays the same for the whole track."""
    generator = np.random.default_rng(seed)
    colour = str(generator.choice(["triad", "triad", "seventh", "ninth", "suspended", "power"]))
    parts = {"drums", "bass", "chords"}
    if generator.random() < style.chordless:
        parts.discard("chords")
    elif generator.random() < 0.3:
        parts.add("pad")
    if "chords" in parts and generator.random() < 0.12:
        parts.discard("bass")
    # Chords without a third do not tell the mode: then a melody does.
    if generator.random() < style.lead or colour in ("suspended", "power"):
        parts.add("lead")
    return Plan(
        style=style,
        bpm=bpm,
        tonic=tonic,
        scale=scale,
        swing=generator.uniform(0, style.swing) if generator.random() < 0.6 else 0.0,
        human=generator.uniform(0.002, 0.009) if generator.random() < 0.5 else 0.0,
        drums=style.drums[generator.integers(len(style.drums))],
        bass=str(generator.choice(np.array(style.bass))),
        chords=str(generator.choice(np.array(style.chords))),
        progression=tuple(progression(generator, scale, colour)),
        parts=frozenset(parts),
        melody=_motif(generator, style),
        seed=seed,
    )


def composed(plan: Plan, seconds: float) -> list[Note]:
    """The whole track: sections of four bars in which parts come and go."""
    generator = np.random.default_rng(plan.seed + 1)
    bar = plan.style.beats * 60.0 / plan.bpm
    bars = int(seconds / bar)
    sections = _sections(generator, plan, -(-bars // SECTION_BARS))
    first = float(generator.uniform(0.0, 0.7))
    notes: list[Note] = []
    for index in range(bars):
        playing = sections[index // SECTION_BARS]
        chord = plan.progression[index % len(plan.progression)]
        notes += _bar(generator, plan, index, chord, playing, first + index * bar)
    return notes


def _sections(generator: Generator, plan: Plan, count: int) -> list[frozenset[str]]:
    """Which parts play: an opening that may lack some, and now and then a break without drums."""
    sections = []
    for index in range(count):
        playing = set(plan.parts)
        if index == 0 and generator.random() < 0.5:
            playing -= {str(generator.choice(["chords", "bass", "lead"]))}
        elif index > 0 and generator.random() < 0.15:
            playing -= {"drums"} if generator.random() < 0.7 else {"drums", "bass"}
        elif generator.random() < 0.2:
            playing -= {"lead"}
        if playing <= {"drums"}:
            playing = set(plan.parts)
        sections.append(frozenset(playing))
    return sections


def _bar(
    generator: Generator, plan: Plan, index: int, chord: Chord, playing: frozenset[str], start: float
) -> list[Note]:
    notes: list[Note] = []
    if "drums" in playing:
        notes += _drums(generator, plan, index, start)
    if "bass" in playing:
        notes += _bass(generator, plan, chord, start, alone="chords" not in plan.parts)
    if "chords" in playing:
        notes += _chords(generator, plan, chord, start)
    if "pad" in playing:
        length = plan.style.beats * 60.0 / plan.bpm
        notes += [_note(start, length, p, 0.5, "pad") for p in _voiced(plan, chord)]
    if "lead" in playing:
        notes += _lead(generator, plan, index, chord, start)
    return notes


def _note(start: float, length: float, pitch: float, velocity: float, part: str) -> Note:
    return Note(start=max(0.0, start), length=length, pitch=pitch, velocity=min(1.0, velocity), part=part)


def _time(generator: Generator, plan: Plan, start: float, step: int) -> float:
    """When a step of a bar sounds: late by the swing if it is a second one, and as exact as its player."""
    length = 60.0 / plan.bpm / plan.style.steps
    late = plan.swing * length if plan.style.steps == 4 and step % 2 else 0.0
    return start + step * length + late + float(generator.normal(0.0, plan.human))


def _cycled(pattern: str, plan: Plan) -> str:
    steps = plan.style.beats * plan.style.steps
    return (pattern * (steps // len(pattern) + 1))[:steps]


def _drums(generator: Generator, plan: Plan, index: int, start: float) -> list[Note]:
    notes = []
    fill = index % SECTION_BARS == SECTION_BARS - 1 and generator.random() < 0.5
    steps = plan.style.beats * plan.style.steps
    for name, pattern in plan.drums.items():
        for step, sign in enumerate(_cycled(pattern, plan)):
            filled = fill and step >= steps * 3 // 4 and name in ("snare", "clap", "tom", "hat")
            ghost = not filled and sign == "." and name in ("hat", "snare") and generator.random() < 0.02
            if sign == "." and not ghost and not (filled and generator.random() < 0.6):
                continue
            if sign != "." and generator.random() < 0.02:
                continue
            velocity = (0.35 if ghost else LOUD.get(sign, 0.7)) * generator.uniform(0.8, 1.0)
            notes.append(_note(_time(generator, plan, start, step), 0.1, 0.0, velocity, name))
    return notes


def _bass(generator: Generator, plan: Plan, chord: Chord, start: float, *, alone: bool) -> list[Note]:
    """Roots, fifths and octaves; alone, it walks through the scale so that a key can be heard at all."""
    pattern = _cycled(plan.bass, plan)
    struck = [step for step, sign in enumerate(pattern) if sign != "."]
    step_length = 60.0 / plan.bpm / plan.style.steps
    root = 28 + (plan.tonic + chord.root - 4) % 12
    notes = []
    for number, step in enumerate(struck):
        following = struck[number + 1] if number + 1 < len(struck) else len(pattern)
        pitch = root
        if alone and number and generator.random() < 0.6:
            degree = int(generator.choice([0, 2, 2, 3, 4, 6]))
            pitch = 28 + (plan.tonic + SCALES[plan.scale][degree] - 4) % 12
        elif number and generator.random() < 0.2:
            pitch = root + int(generator.choice([7, 12]))
        length = step_length * min(following - step, 8) * 0.9
        notes.append(_note(_time(generator, plan, start, step), length, pitch, 0.85, "bass"))
    return notes


def _voiced(plan: Plan, chord: Chord) -> list[int]:
    """The chord's notes near middle C, so that neighbouring chords lie close."""
    return sorted(55 + (plan.tonic + chord.root + note - 55) % 12 + (12 if note > 12 else 0) for note in chord.notes)


def _chords(generator: Generator, plan: Plan, chord: Chord, start: float) -> list[Note]:
    pattern = _cycled(plan.chords, plan)
    struck = [step for step, sign in enumerate(pattern) if sign != "."]
    step_length = 60.0 / plan.bpm / plan.style.steps
    notes = []
    for number, step in enumerate(struck):
        following = struck[number + 1] if number + 1 < len(struck) else len(pattern)
        moment = _time(generator, plan, start, step)
        length = step_length * (following - step) * 0.85
        notes += [_note(moment, length, pitch, 0.6, "chords") for pitch in _voiced(plan, chord)]
    return notes


def _motif(generator: Generator, style: Style) -> tuple[tuple[int, int], ...]:
    """Two bars of melody: steps of a walk through the scale, denser on beats than between."""
    steps, degree, motif = 2 * style.beats * style.steps, int(generator.integers(0, 7)), []
    for step in range(steps):
        on_beat, on_half = step % style.steps == 0, step % 2 == 0
        if generator.random() < (0.55 if on_beat else 0.3 if on_half else 0.1):
            motif.append((step, degree))
            degree += int(generator.choice([-2, -1, -1, 0, 1, 1, 2]))
    return tuple(motif)


def _lead(generator: Generator, plan: Plan, index: int, chord: Chord, start: float) -> list[Note]:
    """The motif over the chord: its notes on beats are drawn to the chord."""
    per_bar, scale = plan.style.beats * plan.style.steps, SCALES[plan.scale]
    offset = per_bar * (index % 2)
    here = [(step - offset, degree) for step, degree in plan.melody if offset <= step < offset + per_bar]
    tones = {(chord.root + note) % 12 for note in chord.notes}
    notes = []
    for number, (step, degree) in enumerate(here):
        octave, place = divmod(degree, 7)
        pitch = scale[place] + 12 * octave
        if step % plan.style.steps == 0 and generator.random() < 0.6:
            pitch = _drawn(pitch, tones)
        following = here[number + 1][0] if number + 1 < len(here) else per_bar
        length = 60.0 / plan.bpm / plan.style.steps * min(following - step, 6) * 0.9
        moment = _time(generator, plan, start, step)
        notes.append(_note(moment, length, 60 + plan.tonic + pitch % 24, 0.7, "lead"))
    return notes


def _drawn(pitch: int, tones: set[int]) -> int:
    """The nearest note of the chord."""
    return min(
        (pitch + by for by in (0, -1, 1, -2, 2, -3, 3) if (pitch + by) % 12 in tones),
        default=pitch,
        key=lambda near: abs(near - pitch),
    )
