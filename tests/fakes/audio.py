"""The audio workers' twin: a few bytes stand for sound, so that a whole house can be tried without decoding any."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio

from musicsyncd.audio.keeping import Owed
from musicsyncd.audio.tags import Texts, from_texts, places, to_texts
from musicsyncd.audio.values import FORMATS, Analysis, AudioProbe, Claims, Made, Tags, Transcoded
from musicsyncd.audio.work import AudioWorkers, Progress
from musicsyncd.errors import BadInput
from tests.fakes.gate import Gate
from tests.fakes.prints import print_of

MAGIC = "sound"


def sound(name: str, seconds: float = 200.0, encoding: str = "") -> bytes:
    """A file: what is heard in it, how long it lasts (seconds), and how it was encoded, which nobody hears."""
    return f"{MAGIC}|{name}|{seconds}|{encoding}".encode()


class FakeAudio(AudioWorkers):
    """Reads and writes what `sound` makes; tags follow after a line feed. A name that begins with `silence` is heard
    without a fingerprint.
    """

    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self.gate = gate
        self.ears: dict[str, Any] = {}
        """What is heard otherwise than usual."""
        self.claims = Claims()
        """What the tags of every source say."""

    async def samples(self, path: Path) -> str:
        """As `transcode` tells it."""
        return _pcm(*await _heard(path))

    async def transcode(
        self,
        source: Path,
        folder: Path,
        formats: Sequence[str],
        *,
        depth: int | None = None,
        sample_rate: int | None = None,
        analyze: bool = True,
        hashed: bool = True,
        progress: Progress | None = None,
    ) -> Transcoded:
        """One file per format."""
        async with self.gate.way("transcode"):
            name, seconds = await _heard(source)
            outputs = [await _make(folder, one, name, seconds) for one in formats]
            analysis = replace(_analysis(name, seconds), **self.ears) if analyze else None
            return Transcoded(
                source=_probe(seconds),
                pcm_md5=_pcm(name, seconds),
                outputs=tuple(outputs),
                analysis=analysis,
                claims=self.claims,
            )

    async def analyze(self, path: Path, folder: Path | None = None, *, judged: bool | None = None) -> Analysis:
        """What is heard in a file, by the ears of the day."""
        async with self.gate.way("analyze"):
            return replace(_analysis(*await _heard(path)), **self.ears)

    async def texts(self, files: Sequence[tuple[Path, str]]) -> list[Texts | None]:
        """The tags behind the sound."""
        return [await _texts(path) for path, _ in files]

    async def amend(self, made: Made, owed: Owed) -> Made:
        """Change some of the tags behind the sound."""
        async with self.gate.way("amend"):
            now = await _texts(Path(made.path))
            held = [name for name in places(made.format) if name not in owed.forget]
            kept = {name: values for name, values in (now or {}).items() if name in held}
            return await _tagged(made, from_texts(kept | owed.texts))

    async def tag(
        self, files: Sequence[Made], tags: Tags, artwork: Path | None = None, *, progress: Progress | None = None
    ) -> tuple[Made, ...]:
        """Write the tags behind the sound, in place of those that are there."""
        async with self.gate.way("tag"):
            return tuple([await _tagged(one, tags) for one in files])


async def _texts(path: Path) -> Texts:
    tags = (await anyio.Path(path).read_bytes()).partition(b"\n")[2]
    return to_texts(Tags.from_dict(json.loads(tags)))


async def _heard(path: Path) -> tuple[str, float]:
    text = (await anyio.Path(path).read_bytes()).decode(errors="replace")
    magic, _, rest = text.partition("|")
    if magic != MAGIC:
        raise BadInput(f"{path.name} is no audio")
    name, seconds, _ = rest.split("|", 2)
    return name, float(seconds)


async def _make(folder: Path, format_name: str, name: str, seconds: float) -> Made:
    path = folder / f"{format_name}.{FORMATS[format_name].extension}"
    data = sound(name, seconds, format_name)
    await anyio.Path(path).write_bytes(data)
    return Made(
        format=format_name,
        path=str(path),
        codec=FORMATS[format_name].codec,
        sample_rate=44_100,
        bit_depth=16,
        channels=2,
        duration=seconds,
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        pcm_md5=_pcm(name, seconds),
        lossless_source=True,
    )


async def _tagged(made: Made, tags: Tags) -> Made:
    path = anyio.Path(made.path)
    plain = (await path.read_bytes()).partition(b"\n")[0]
    data = plain + b"\n" + json.dumps(tags.as_dict(), sort_keys=True).encode()
    await path.write_bytes(data)
    return replace(made, size=len(data), sha256=hashlib.sha256(data).hexdigest())


def _analysis(name: str, seconds: float) -> Analysis:
    fingerprint = None if name.startswith("silence") else print_of(name)
    return Analysis(duration=seconds, bpm=124.0, key="Am", camelot="8A", integrated_lufs=-9.5, fingerprint=fingerprint)


def _probe(seconds: float) -> AudioProbe:
    return AudioProbe(
        container="wav",
        codec="pcm_s16le",
        lossless=True,
        sample_rate=44_100,
        bit_depth=16,
        bit_rate=None,
        channels=2,
        duration=seconds,
        decoder="none",
    )


def _pcm(name: str, seconds: float) -> str:
    return hashlib.md5(f"{name}|{seconds}".encode(), usedforsecurity=False).hexdigest()
