"""Musical keys and the ways in which DJ software writes them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, Self

Mode = Literal["major", "minor"]
MODES: Final[tuple[Mode, Mode]] = ("major", "minor")

# As Mixed In Key and rekordbox spell them, but for C# minor: nobody writes D flat minor in a score.
_SPELLED: Final[dict[Mode, tuple[str, ...]]] = {
    "major": ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"),
    "minor": ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"),
}
_NATURAL: Final = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
_ACCIDENTAL: Final = {"": 0, "#": 1, "b": -1}
_NOTE = re.compile(r"([A-Ga-g])([#bB]?)\s*(.*)")
_WHEEL = re.compile(r"0?([1-9]|1[0-2])([ABMD])", re.IGNORECASE)
_MODE_WORDS: Final[dict[str, Mode]] = {
    "": "major",
    "maj": "major",
    "major": "major",
    "min": "minor",
    "minor": "minor",
}


@dataclass(frozen=True)
class Key:
    """A tonic and a mode; two spellings of one pitch (G# and Ab) are one key."""

    tonic: int
    """Pitch class, 0 = C … 11 = B."""
    mode: Mode

    def __post_init__(self) -> None:
        """ValueError for a tonic outside 0–11 or another mode."""
        if self.tonic not in range(12) or self.mode not in MODES:
            raise ValueError(f"no key has tonic {self.tonic!r} and mode {self.mode!r}")

    @property
    def short(self) -> str:
        """`F#m`, `Bb`: the form that ID3's TKEY and DJ software want."""
        return _SPELLED[self.mode][self.tonic] + ("m" if self.mode == "minor" else "")

    @property
    def name(self) -> str:
        """`F# minor`, `Bb major`."""
        return f"{_SPELLED[self.mode][self.tonic]} {self.mode}"

    @property
    def camelot(self) -> str:
        """`11A`: the place on Mixed In Key's wheel, A minor being 8A and C major 8B."""
        return f"{self._hour}{'B' if self.mode == 'major' else 'A'}"

    @property
    def open_key(self) -> str:
        """`4m`: Traktor's wheel, where C major is 1d and A minor 1m."""
        return f"{(self._hour - 8) % 12 + 1}{'d' if self.mode == 'major' else 'm'}"

    @property
    def _hour(self) -> int:
        """Fifths round the circle; a minor key stands where its relative major does."""
        major = self.tonic if self.mode == "major" else self.tonic + 3
        return (7 * major + 7) % 12 + 1

    @classmethod
    def parse(cls, text: str) -> Self:
        """The key that any of these forms means, also `F♯ min`, `Gb maj`, `08A`; else ValueError."""
        plain = text.strip().replace("♯", "#").replace("♭", "b")
        if wheel := _WHEEL.fullmatch(plain):
            return cls._from_wheel(int(wheel[1]), wheel[2].upper())
        note = _NOTE.fullmatch(plain)
        mode = _mode(note[3]) if note else None
        if note is None or mode is None:
            raise ValueError(f"{text!r} is no musical key")
        return cls((_NATURAL[note[1].lower()] + _ACCIDENTAL[note[2].lower()]) % 12, mode)

    @classmethod
    def _from_wheel(cls, number: int, letter: str) -> Self:
        hour = number if letter in "AB" else number + 7
        major = 7 * (hour - 8) % 12
        return cls(major, "major") if letter in "BD" else cls((major - 3) % 12, "minor")


def _mode(word: str) -> Mode | None:
    """The mode that follows a note; a single letter tells by its case, as in `CM` and `Cm`."""
    if word in {"m", "M"}:
        return "minor" if word == "m" else "major"
    return _MODE_WORDS.get(word.lower())
