"""What DJ software leaves in a file, and what the file's tags claim of tempo and key. Workers only.

Serato: GEOB frames, `com.serato.dj` atoms and SERATO_ comments (Holthuis, "Reversing Serato's GEOB tags"). Traktor: the
private frame or comment TRAKTOR4. Mixed In Key: its energy level, in fields of its own or behind the Camelot code of
the comment. rekordbox keeps its data in its own database: no mark of it is known.
"""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Any, Final

import mutagen

from musicsyncd.audio import containers
from musicsyncd.audio.values import Claims

_MARKS: Final = (
    (re.compile(r"geob:serato |----:com\.serato\.|serato_"), "Serato"),
    (re.compile(r"priv:traktor4|traktor4$"), "Traktor"),
    (re.compile(r"(txxx:|----:com\.apple\.itunes:)?energylevel$|geob:(energy|cuepoints)$"), "Mixed In Key"),
)
"""Of the tag's name, as mutagen has it, in lower case."""
_MIXED_IN_KEY: Final = re.compile(r"(1[0-2]|[1-9])[AB] - (Energy )?\d+\b")


def claims(path: Path, metadata: dict[str, str]) -> Claims:
    """What the file says; nothing when its tags cannot be read. `metadata` is FFmpeg's reading, for the containers that
    have no table.
    """
    texts, names = containers.of_metadata(metadata), list[str]()
    with contextlib.suppress(Exception):  # on damaged tags mutagen raises more than it documents
        if container := containers.of_file(path):
            texts = container.read(path)[0]
            names = _names(mutagen.File(path))
    bpm, key, comment = (next(iter(texts.get(name, ())), "") for name in ("bpm", "key", "comment"))
    tempo = next(iter(texts.get("tempo", ())), "")
    return Claims(bpm=bpm or tempo, key=key, software=_software(names, comment))


def _software(names: list[str], comment: str) -> str:
    for mark, software in _MARKS:
        if any(mark.match(name.casefold()) for name in names):
            return software
    return "Mixed In Key" if _MIXED_IN_KEY.match(comment) else ""


def _names(file: Any) -> list[str]:
    return [str(name) for name in (file.tags.keys() if file is not None and file.tags is not None else ())]
