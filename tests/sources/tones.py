"""Small WAV files for tests, made with the standard library, and a reader of them that needs no worker."""

from __future__ import annotations

import io
import random
import wave
from pathlib import Path

from musicsyncd.audio.values import AudioProbe, Tags
from musicsyncd.errors import BadInput
from musicsyncd.sources.folder_scan import shown

RATE = 8000
"""Hz, mono, 16 bits."""
JPEG = b"\xff\xd8\xff\xe0" + b"\0" * 64
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 64


def wav(seconds: float = 1.0, *, seed: int = 0) -> bytes:
    """Quiet noise, another for each seed."""
    samples = bytes(random.Random(seed).randbytes(int(seconds * RATE)))
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(b"".join(bytes((sample, 0)) for sample in samples))
    return stream.getvalue()


class WaveReader:
    """Reads WAV files in this process, so that a test may have thousands; counts what it read."""

    def __init__(self, tags: Tags | None = None) -> None:
        self.read_paths: list[Path] = []
        self._tags = tags or Tags()

    async def read(self, path: Path, folder: Path | None = None) -> tuple[AudioProbe, Tags, Path | None]:
        """The file's facts; BadInput when it is no WAV file."""
        self.read_paths.append(path)
        try:
            with wave.open(str(path)) as file:
                frames = file.getnframes()
        except (wave.Error, EOFError) as error:
            raise BadInput(f"{shown(path)!r} is no audio that can be decoded", why=str(error)) from error
        probe = AudioProbe(
            container="wav",
            codec="pcm",
            lossless=True,
            sample_rate=RATE,
            bit_depth=16,
            bit_rate=RATE * 16,
            channels=1,
            duration=frames / RATE,
            decoder="wave",
        )
        return probe, self._tags, None
