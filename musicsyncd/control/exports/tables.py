"""Tracks as a table for spreadsheets: RFC 4180, and no cell that a spreadsheet takes for a formula. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Final

from musicsyncd.control.exports.item import Item
from musicsyncd.music.identity import shareable_url

COLUMNS: Final = (
    "id", "artist", "title", "album", "genre", "date", "label", "catalog_number", "isrc", "duration", "bpm", "key",
    "camelot", "lufs", "source", "source_url", "playlists", "volume", "format", "path",
)  # fmt: skip
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""With what a cell begins that spreadsheets compute, or pass on to one that they do."""


def head() -> bytes:
    """The names of the columns."""
    return _lines([COLUMNS])


def lines(items: Iterable[Item]) -> bytes:
    """A line for each track."""
    return _lines(map(_cells, items))


def _cells(one: Item) -> list[str]:
    track, analysis = one.entry.track, one.entry.analysis or {}
    words = {
        "id": one.entry.id,
        "artist": track.artist,
        "title": track.title,
        "album": track.album,
        "genre": track.genre,
        "date": track.date,
        "label": track.record_label,
        "catalog_number": track.catalog_number,
        "isrc": track.isrc,
        "key": one.counts.key,
        "camelot": one.counts.camelot,
        "source": track.source,
        "source_url": shareable_url(track.source_url),
        "playlists": "; ".join(listed.title or listed.id for listed in one.entry.playlists),
        "volume": one.volume,
        "format": one.format,
        "path": one.path,
    }
    numbers = {"duration": one.duration, "bpm": one.counts.bpm, "lufs": analysis.get("integrated_lufs")}
    cells = {name: _text(text) for name, text in words.items()} | {name: _number(n) for name, n in numbers.items()}
    return [cells[name] for name in COLUMNS]


def _text(text: str) -> str:
    """The words behind an apostrophe where a spreadsheet would compute them."""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _lines(rows: Iterable[Iterable[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode("utf-8", "replace")
