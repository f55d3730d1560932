"""The styles of the composed tracks as data: tempi, patterns of drums and of chords, and who plays them.

A pattern has one sign per step, four steps to a beat (three in `swung` styles): `x` struck, `o` softly, `.` not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

Pattern = dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Style:
    """What a style draws from; every tuple is a set of alternatives."""

    tempi: tuple[float, float]
    """BPM as its dancers and DJ shops count it."""
    drums: tuple[Pattern, ...]
    bass: tuple[str, ...] = ("x.......", "x...x...", "x.x.x.x.")
    chords: tuple[str, ...] = ("x...............",)
    beats: int = 4
    """Beats in a bar."""
    steps: int = 4
    """Steps in a beat."""
    swing: float = 0.0
    """Largest share of a step by which each second step may come late."""
    minor: float = 0.75
    """Share of tracks in a minor scale."""
    whole: float = 0.7
    """Share of tracks with a whole number of BPM."""
    played: float = 0.3
    """Share of tracks played by a soundfont, at a human's precision; the others come from synthesis."""
    lead: float = 0.5
    """Share of tracks with a melody."""
    chordless: float = 0.05
    """Share of tracks whose key is told by bass and melody alone."""
    programs: tuple[tuple[int, int, int], ...] = ((33, 4, 80),)
    """General MIDI programs (from 0) of bass, chords and lead."""


HAT8, HAT16, OFF = "x.o.x.o.x.o.x.o.", "xoxoxoxoxoxoxoxo", "..x...x...x...x."
FOUR, CLAP = "x...x...x...x...", "....x.......x..."

STYLES: Final[dict[str, Style]] = {
    "house": Style(
        tempi=(117.0, 129.0),
        drums=(
            {"kick": FOUR, "clap": CLAP, "open": OFF},
            {"kick": FOUR, "clap": CLAP, "open": OFF, "hat": HAT16},
            {"kick": FOUR, "snare": CLAP, "hat": "..x...x...x..xx.", "tom": ".......o..o....."},
        ),
        bass=("..x...x...x...x.", "x..x..x...x..x..", "x...x...x...x...", "..xx..x...xx..x."),
        chords=("x..x..x.........", "..x...x...x...x.", "x...............", "...x..x....x..x."),
        swing=0.25,
    ),
    "techno": Style(
        tempi=(124.0, 148.0),
        drums=(
            {"kick": FOUR, "open": OFF, "hat": HAT16},
            {"kick": FOUR, "clap": "............x...", "open": OFF},
            {"kick": FOUR, "hat": HAT16, "tom": "...x..x....x..x."},
        ),
        bass=("..x...x...x...x.", ".xxx.xxx.xxx.xxx", "..xx..xx..xx..xx"),
        chords=("...x......x.....", "x..x..x..x..x...", "x..............."),
        played=0.1,
        lead=0.3,
        chordless=0.35,
        minor=0.9,
    ),
    "trance": Style(
        tempi=(130.0, 142.0),
        drums=(
            {"kick": FOUR, "clap": CLAP, "open": OFF},
            {"kick": FOUR, "clap": CLAP, "open": OFF, "hat": HAT16},
        ),
        bass=(".xxx.xxx.xxx.xxx", "..x...x...x...x."),
        chords=("x...............", "x.x.x.x.x.x.x.x.", "x..x..x..x..x.x."),
        played=0.15,
        lead=0.8,
    ),
    "drum and bass": Style(
        tempi=(168.0, 178.0),
        drums=(
            {"kick": "x.........x.....", "snare": CLAP, "hat": HAT8},
            {"kick": "x.x.......x.....", "snare": "....x..o.o..x..o", "hat": HAT8},
            {"kick": "x..x......x..x..", "snare": CLAP, "hat": HAT16},
        ),
        bass=("x...............", "x.....x...x.....", "x..x..x...x....."),
        chords=("x...............", "x.....x........."),
        played=0.2,
    ),
    "dubstep": Style(
        tempi=(138.0, 146.0),
        drums=(
            {"kick": "x.....x.........", "snare": "........x.......", "hat": "x.x.x.x.x.x.x.x."},
            {"kick": "x.........x...x.", "snare": "........x.......", "hat": "x..x..x.x..x..x."},
            {"kick": "x..x............", "snare": "........x......o", "hat": "..x...x...x...xx"},
        ),
        bass=("x...x.x.x..x....", "x..x..x.x.x.x.x.", "x..............."),
        played=0.1,
        chordless=0.3,
        minor=0.9,
    ),
    "hip-hop": Style(
        tempi=(78.0, 102.0),
        drums=(
            {"kick": "x.....x..xx.....", "snare": CLAP, "hat": "x.x.x.x.x.x.x.x."},
            {"kick": "x.x.......x..x..", "snare": "....x..o....x...", "hat": "x.xxx.x.x.x.x.xx"},
            {"kick": "x......x.x......", "snare": CLAP, "hat": HAT16},
        ),
        bass=("x.....x...x.....", "x..x......x.....", "x......xx......."),
        chords=("x...............", "x.......x.......", "x..x......x....."),
        swing=0.45,
        played=0.45,
        programs=((33, 4, 73), (32, 0, 4), (38, 11, 56)),
    ),
    "trap": Style(
        tempi=(130.0, 160.0),
        drums=(
            {"kick": "x.....x...x.....", "clap": "........x.......", "hat": "x.x.x.x.x.x.xxxx"},
            {"kick": "x..x......x.....", "clap": "........x.......", "hat": "x.x.xxx.x.x.x.xx"},
            {"kick": "x.........x..x..", "clap": "........x.......", "hat": "x.xxx.x.x.xxx.x."},
        ),
        bass=("x.....x...x.....", "x..x......x.....", "x..............."),
        minor=0.9,
        played=0.15,
        programs=((38, 14, 79), (39, 46, 88)),
    ),
    "breakbeat": Style(
        tempi=(122.0, 142.0),
        drums=(
            {"kick": "x.........x.....", "snare": CLAP, "hat": HAT8},
            {"kick": "x.x.......x..x..", "snare": "....x..o.o..x...", "hat": HAT8},
            {"kick": "x..x..x...x.....", "snare": CLAP, "open": OFF},
        ),
        bass=("x..x..x...x..x..", "x.....x.x.....x.", "x.x...x...x.x..."),
        chords=("x...............", "x..x..x.........", "....x.......x..."),
        played=0.3,
    ),
    "disco": Style(
        tempi=(104.0, 128.0),
        drums=(
            {"kick": FOUR, "snare": CLAP, "hat": HAT16},
            {"kick": FOUR, "snare": CLAP, "open": OFF, "hat": "x...x...x...x..."},
            {"kick": "x..x..x...x.....", "snare": "....x..o.o..x...", "hat": HAT16},
        ),
        bass=("x.x.x.x.x.x.x.x.", "x..xx.x...x.x.x.", "x...x.x...x.x.x."),
        chords=("..x...x...x...x.", "x.xx..xx.x.x..x.", "..xx..xx..xx..xx"),
        minor=0.55,
        played=0.75,
        whole=0.35,
        programs=((36, 28, 61), (33, 4, 48), (37, 27, 65)),
    ),
    "rock": Style(
        tempi=(92.0, 172.0),
        drums=(
            {"kick": "x.......x.x.....", "snare": CLAP, "hat": "x.x.x.x.x.x.x.x."},
            {"kick": "x.....x.x.......", "snare": CLAP, "ride": "x.o.x.o.x.o.x.o."},
            {"kick": "x.x.....x.x.....", "snare": CLAP, "open": "x...x...x...x..."},
        ),
        bass=("x.x.x.x.x.x.x.x.", "x.......x.x....."),
        chords=("x.x.x.x.x.x.x.x.", "x...x...x...x...", "x.......x.x....."),
        minor=0.45,
        played=0.9,
        whole=0.2,
        programs=((33, 29, 30), (34, 30, 29), (33, 25, 27)),
    ),
    "reggae": Style(
        tempi=(66.0, 90.0),
        drums=(
            {"kick": "........x.......", "rim": "........x.......", "hat": "x.x.x.x.x.x.x.x."},
            {"kick": "x.......x.......", "snare": "........x.......", "hat": HAT8},
            {"kick": FOUR, "rim": "........x.......", "hat": "x.xxx.xxx.xxx.xx"},
        ),
        bass=("x..x..x.....x.x.", "....x.x.x..x....", "x.....x.x......."),
        chords=("....x.......x...", "....x.x.....x.x."),
        minor=0.5,
        swing=0.2,
        played=0.75,
        whole=0.4,
        programs=((33, 16, 66), (32, 27, 56)),
    ),
    "dembow": Style(
        tempi=(86.0, 104.0),
        drums=(
            {"kick": FOUR, "snare": "...x..x....x..x.", "hat": "x.x.x.x.x.x.x.x."},
            {"kick": "x.......x.......", "snare": "...x..x....x..x.", "hat": HAT16},
        ),
        bass=("x..x..x.x..x..x.", "x.....x.x.....x."),
        chords=("x...............", "...x..x....x..x."),
        played=0.35,
        programs=((38, 24, 80), (33, 0, 73)),
    ),
    "latin": Style(
        tempi=(92.0, 128.0),
        drums=(
            {"rim": "x..x..x...x.x...", "hat": HAT16, "tom": "...o..xx...o..xx"},
            {"kick": "x..xx..xx..xx..x", "rim": "x..x..x...x..x..", "hat": HAT8},
            {"bell": "x...x.x.x...x.x.", "tom": "....x.......xx..", "hat": HAT16},
        ),
        bass=("...x..x....x..x.", "x..xx..xx..xx..x"),
        chords=("x..xx.x..xx.x.x.", "x.x..x.x.x..x.x."),
        minor=0.55,
        played=0.85,
        whole=0.4,
        programs=((32, 0, 56), (32, 24, 73)),
    ),
    "ambient pulse": Style(
        tempi=(72.0, 120.0),
        drums=(
            {"kick": "x.......x......."},
            {"kick": FOUR, "hat": "....o.......o..."},
            {"rim": "o...o...o...o...", "hat": "..o...o...o...o."},
        ),
        bass=("x...............",),
        chords=("x...............", "x...x...x...x...", "x.x.x.x.x.x.x.x."),
        played=0.25,
        programs=((38, 89, 11), (39, 90, 46)),
    ),
    "waltz": Style(
        tempi=(84.0, 170.0),
        drums=(
            {"kick": "x...........", "snare": "....x...x...", "hat": "x...x...x..."},
            {"kick": "x...........", "rim": "....o...o...", "ride": "x...x.x.x..."},
        ),
        bass=("x...........", "x.......x..."),
        chords=("....x...x...", "x...x...x..."),
        beats=3,
        minor=0.4,
        played=0.85,
        whole=0.4,
        lead=0.9,
        programs=((32, 21, 40), (33, 0, 71), (42, 48, 73)),
    ),
    "swing": Style(
        tempi=(100.0, 172.0),
        drums=(
            {"ride": "x..x.xx..x.x", "pedal": "...x.....x..", "kick": "o..o..o..o.."},
            {"kick": "x.....x.....", "snare": "...x.....x..", "hat": "x.xx.xx.xx.x"},
        ),
        bass=("x..x..x..x..", "x.....x....."),
        chords=("x....x......", "..x.....x...", "x..x..x..x.."),
        steps=3,
        minor=0.4,
        played=0.85,
        whole=0.35,
        lead=0.8,
        programs=((32, 0, 66), (32, 26, 56), (33, 17, 65)),
    ),
    "ballad": Style(
        tempi=(60.0, 88.0),
        drums=(
            {"kick": "x.......x.......", "snare": CLAP, "hat": "x.o.x.o.x.o.x.o."},
            {"kick": "x.....x.x.......", "rim": CLAP, "hat": "x.x.x.x.x.x.x.x."},
            {"kick": "x.......x.x.....", "snare": CLAP, "hat": "xooox.oox.ooxooo"},
        ),
        bass=("x.......x.......", "x.....x.x.....x."),
        chords=("x...............", "x.x.x.x.x.x.x.x.", "x...x...x...x..."),
        minor=0.4,
        played=0.7,
        whole=0.5,
        lead=0.9,
        programs=((33, 0, 73), (35, 4, 48), (32, 25, 68)),
    ),
    "electro pop": Style(
        tempi=(94.0, 132.0),
        drums=(
            {"kick": "x.......x.......", "snare": CLAP, "hat": HAT8},
            {"kick": FOUR, "snare": CLAP, "hat": HAT16},
            {"kick": "x.....x...x.....", "clap": CLAP, "open": OFF},
        ),
        bass=("x.x.x.x.x.x.x.x.", "x..x..x.x..x..x.", "xxxxxxxxxxxxxxxx"),
        chords=("x...............", "x..x..x..x..x.x.", "..x...x...x...x."),
        minor=0.45,
        played=0.3,
        lead=0.85,
        programs=((38, 81, 80), (39, 50, 53)),
    ),
}
