"""Waveforms are kept whole, replaced by newer ones, and a folder that cannot be written says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from musicsyncd.audio.values import WaveformFiles
from musicsyncd.errors import Temporary
from musicsyncd.pipeline.waveforms import Waveforms


def staged(folder: Path, peaks: bytes, png: bytes) -> WaveformFiles:
    """What a worker left."""
    (folder / "waveform.peaks").write_bytes(peaks)
    (folder / "waveform.png").write_bytes(png)
    return WaveformFiles(peaks=str(folder / "waveform.peaks"), png=str(folder / "waveform.png"))


async def test_both_files_are_kept_under_the_tracks_name(tmp_path: Path) -> None:
    """The folder is made, the bytes are those of the worker, newer ones replace them, and no temporary name is left."""
    waveforms = Waveforms(tmp_path / "state" / "waveforms")
    for number in (b"1", b"2"):
        await waveforms.keep("abc", staged(tmp_path, b"peaks" + number, b"png" + number))
        await waveforms.keep("other", staged(tmp_path, b"p", b"q"))
        kept = waveforms.of("abc")
        assert (Path(kept.peaks).read_bytes(), Path(kept.png).read_bytes()) == (b"peaks" + number, b"png" + number)
    names = sorted(path.name for path in waveforms.folder.iterdir())
    assert names == ["abc.peaks", "abc.png", "other.peaks", "other.png"]


async def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    """A file in its place is no crash: the reason is told, and the track is tried again."""
    (tmp_path / "waveforms").write_text("in the way")
    with pytest.raises(Temporary, match="waveforms cannot be written"):
        await Waveforms(tmp_path / "waveforms").keep("abc", staged(tmp_path, b"p", b"q"))
    assert (tmp_path / "waveforms").read_text() == "in the way"
