"""Tracks as a playlist file: extended M3U in UTF-8, which every player and DJ program reads. Pure."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Final

from musicsyncd.control.exports.item import Item

MARK: Final = "# Written by musicsyncd. It is written anew whenever what it says has changed."
"""The line by which a file is known to be ours; players pass over it."""


def head(title: str = "") -> bytes:
    """The beginning of the file; the playlist's title where it is one."""
    named = f"#PLAYLIST:{_line(title)}\n" if title else ""
    return _bytes(f"#EXTM3U\n{MARK}\n{named}")


def lines(items: Iterable[Item], relative_to: str = "") -> bytes:
    """Two lines for each track. Paths are absolute, or as seen from a folder."""
    return _bytes("".join(_entry(one, relative_to) for one in items))


def _entry(one: Item, relative_to: str) -> str:
    seconds = -1 if one.duration is None else round(one.duration)
    path = os.path.relpath(one.path, relative_to) if relative_to else one.path
    path = f"./{path}" if path.startswith("#") else path  # else a player takes it for a remark
    return f"#EXTINF:{seconds},{_line(one.entry.track.label)}\n{path}\n"


def _line(text: str) -> str:
    return " ".join(text.split())


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
