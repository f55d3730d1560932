"""Puts a track's outline into files beside its outputs. Workers only."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from musicsyncd.audio.files import write_whole
from musicsyncd.audio.listen import Listener
from musicsyncd.audio.values import WAVEFORM_PEAKS, WAVEFORM_PNG, WaveformFiles


def draw(listener: Listener, folder: Path) -> WaveformFiles | None:
    """Write both files into `folder`, whole; None when there is nothing to draw. Raises as `files.writing` says."""
    drawn = listener.drawn()
    if drawn is None:
        return None
    for name, content in zip((WAVEFORM_PEAKS, WAVEFORM_PNG), drawn, strict=True):
        write_whole(folder / name, content)
    return WaveformFiles(peaks=os.fspath(folder / WAVEFORM_PEAKS), png=os.fspath(folder / WAVEFORM_PNG))


def erase(folder: Path) -> None:
    """Take both files away again: a source's outputs stand together or not at all."""
    for name in (WAVEFORM_PEAKS, WAVEFORM_PNG):
        with suppress(OSError):  # why there is nothing to take away was said when writing failed
            (folder / name).unlink()
