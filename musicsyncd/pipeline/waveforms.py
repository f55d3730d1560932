"""Keeps each track's waveform, as peaks and as a picture, where it outlives the staging folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import anyio

from musicsyncd.audio.files import write_whole, writing
from musicsyncd.audio.values import WaveformFiles


@dataclass(frozen=True)
class Waveforms:
    """`<track>.peaks` and `<track>.png` in one folder; the last ones stay until newer ones replace them."""

    folder: Path

    def of(self, track_id: str) -> WaveformFiles:
        """Where a track's files are, or would be."""
        return WaveformFiles(peaks=str(self.folder / f"{track_id}.peaks"), png=str(self.folder / f"{track_id}.png"))

    async def keep(self, track_id: str, staged: WaveformFiles) -> None:
        """Copy both: each appears whole, and is on the disk before this returns.

        Raises NeedsPerson when there is no room, Denied or Temporary when the folder cannot be written.
        """
        kept = self.of(track_id)

        def copy() -> None:
            with writing(self.folder):
                self.folder.mkdir(parents=True, exist_ok=True)
            for source, target in ((staged.peaks, kept.peaks), (staged.png, kept.png)):
                write_whole(Path(target), Path(source).read_bytes())

        await anyio.to_thread.run_sync(copy)
