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

    async def keep(self, track_id: str, staged: WaveformFiles) -> bool:
        """Copy both: each appears whole, and is on the disk before this returns. False when the very same stand there.

        Raises NeedsPerson when there is no room, Denied or Temporary when the folder cannot be written.
        """
        kept = self.of(track_id)

        def copy() -> bool:
            with writing(self.folder):
                self.folder.mkdir(parents=True, exist_ok=True)
            pairs = [(Path(kept.peaks), Path(staged.peaks)), (Path(kept.png), Path(staged.png))]
            new = [(target, source.read_bytes()) for target, source in pairs]
            other = [(target, data) for target, data in new if not _holds(target, data)]
            for target, data in other:
                write_whole(target, data)
            return bool(other)

        return await anyio.to_thread.run_sync(copy)


def _holds(path: Path, data: bytes) -> bool:
    try:
        return path.read_bytes() == data
    except OSError:
        return False
