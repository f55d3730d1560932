"""The audio room's door: hands work on audio files to worker processes. Imports nothing heavy."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import anyio
from anyio import to_thread

from musicsyncd.audio.files import unfinished
from musicsyncd.audio.keeping import Owed
from musicsyncd.audio.tags import Texts
from musicsyncd.audio.values import (
    FORMATS,
    WAVEFORM_PEAKS,
    WAVEFORM_PNG,
    Analysis,
    AudioProbe,
    Made,
    Tags,
    Transcoded,
)
from musicsyncd.errors import BadInput
from musicsyncd.processes.run import Message, python_worker, run_worker

Progress = Callable[[float | None, str], None]
"""Told how far a thing is: a share from 0 to 1 (None: unknown) and a short text; called on the event loop."""

_DEPTHS: Final = (None, 16, 24)
# numpy's threads wait for each other by spinning: on a busy machine tempo took eight times the CPU seconds.
_ONE_THREAD: Final = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


@dataclass(frozen=True, kw_only=True)
class Deadlines:
    """How long a worker may take before it counts as hung."""

    floor: float = 60.0
    """Seconds that any file gets."""
    bytes_per_second: float = 30_000.0
    """What a slow machine under load still gets through: four hours at 96 kbit/s get an hour and a half."""

    def seconds(self, paths: Iterable[Path]) -> float:
        """For work on these files; those that are not there count nothing (the worker says so better)."""
        return self.floor + sum(_size(path) for path in paths) / self.bytes_per_second


class AudioWorkers:
    """Work on audio files, each call in a worker process of its own.

    Every method raises what the worker classified: BadInput for a file that is no whole audio,
    Denied, NeedsPerson (the disk is full) and Temporary (the worker died or overran its deadline).
    """

    def __init__(
        self,
        *,
        deadlines: Deadlines | None = None,
        nice: int = 10,
        lowest: float = 70.0,
        highest: float = 180.0,
    ) -> None:
        """`nice` is added to the workers' priority; BPM are folded by octaves into `lowest` to `highest`."""
        self._deadlines, self._nice = deadlines or Deadlines(), nice
        self._tempo = {"lowest": lowest, "highest": highest}

    async def probe(self, path: Path, *, full: bool = False) -> AudioProbe:
        """What the file really contains; `full` decodes it all, and refuses what is damaged or cut short."""
        return AudioProbe.from_dict(await self._ask({"do": "probe", "path": os.fspath(path), "full": full}, [path]))

    async def read(self, path: Path, folder: Path | None = None) -> tuple[AudioProbe, Tags, Path | None]:
        """An incoming file's facts and tags; its cover as a JPEG or PNG in `folder` (None: not wanted)."""
        request = {"do": "read", "path": os.fspath(path), "folder": os.fspath(folder) if folder else None}
        answer = await self._ask(request, [path])
        cover = Path(answer["artwork"]) if answer["artwork"] else None
        return AudioProbe.from_dict(answer["probe"]), Tags.from_dict(answer["tags"]), cover

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
        """Make every format from one decode, as `<format>.<extension>` in `folder`: all of them, or none.

        With `analyze` the waveform's two files stand there too.
        `depth` (16 or 24 bits) and `sample_rate` (Hz) are the source's when None (16 bits for a lossy
        one, 24 for a float one). Without `hashed` the files' own hashes are left out: tags change them anyway.
        """
        if unknown := [name for name in formats if name not in FORMATS]:
            raise BadInput(f"There is no format {', '.join(unknown)}", fix=f"Choose from {', '.join(FORMATS)}")
        if depth not in _DEPTHS:
            raise BadInput(f"{depth} bits cannot be made", fix="Choose 16 or 24")
        request = {
            "do": "transcode",
            "source": os.fspath(source),
            "folder": os.fspath(folder),
            "formats": [*dict.fromkeys(formats)],
            "depth": depth,
            "sample_rate": sample_rate or None,
            "analyze": analyze,
            "hashed": hashed,
            **self._tempo,
        }
        try:
            return Transcoded.from_dict(await self._ask(request, [source], progress))
        except BaseException:
            names = [f"{name}.{FORMATS[name].extension}" for name in formats]
            await _sweep([folder / name for name in (*names, WAVEFORM_PEAKS, WAVEFORM_PNG)])
            raise

    async def analyze(self, path: Path, folder: Path | None = None, *, judged: bool | None = None) -> Analysis:
        """Listen to a whole file again; `waveform.peaks` and `waveform.png` go into `folder` (None: not wanted).

        `judged`: whether the audio that this file was made from could show a lossy origin (None: as the file itself).
        """
        folder_name = os.fspath(folder) if folder else None
        request = {"do": "analyze", "path": os.fspath(path), "folder": folder_name, "judged": judged, **self._tempo}
        try:
            return Analysis.from_dict(await self._ask(request, [path]))
        except BaseException:
            if folder:
                await _sweep([folder / WAVEFORM_PEAKS, folder / WAVEFORM_PNG])
            raise

    async def tag(
        self,
        files: Sequence[Made],
        tags: Tags,
        artwork: Path | None = None,
        *,
        progress: Progress | None = None,
    ) -> tuple[Made, ...]:
        """Write tags and cover into each file, read them back, and decode it to see that it sounds the same.

        A file is replaced only by a verified copy; what the tags leave out stays as it is, and a cover that is no
        picture is left out. Idempotent.
        """
        paths = [Path(made.path) for made in files]
        request = {
            "do": "tag",
            "files": [made.as_dict() for made in files],
            "tags": tags.as_dict(),
            "artwork": os.fspath(artwork) if artwork else None,
        }
        try:
            answer = await self._ask(request, paths, progress)
        except BaseException:
            await _sweep(paths)
            raise
        return tuple(Made.from_dict(made) for made in answer["files"])

    async def cover(self, path: Path, folder: Path) -> Path:
        """A picture that came from elsewhere, as a JPEG or PNG in `folder`; BadInput when it is no picture."""
        answer = await self._ask({"do": "cover", "path": os.fspath(path), "folder": os.fspath(folder)}, [path])
        return Path(answer["artwork"])

    async def texts(self, files: Sequence[tuple[Path, str]]) -> list[Texts | None]:
        """What each of these files, given with its format, says now, by the table's fields; None for one whose tags
        cannot be read.
        """
        if not files:
            return []
        request = {"do": "texts", "files": [[os.fspath(path), format_] for path, format_ in files]}
        answer = await self._ask(request, [path for path, _ in files])
        return [
            None if one is None else {name: tuple(values) for name, values in one.items()} for one in answer["texts"]
        ]

    async def amend(self, made: Made, owed: Owed) -> Made:
        """Write what a finished file owes and nothing else, as `tag` does: to a copy, read back, decoded."""
        texts = {name: list(values) for name, values in owed.texts.items()}
        request = {"do": "amend", "file": made.as_dict(), "texts": texts, "forget": list(owed.forget)}
        try:
            return Made.from_dict(await self._ask(request, [Path(made.path)]))
        except BaseException:
            await _sweep([Path(made.path)])
            raise

    async def samples(self, path: Path) -> str:
        """MD5 of the file's decoded samples, as `Made.pcm_md5` has it: what a change of tags leaves as it was."""
        answer = await self._ask({"do": "samples", "path": os.fspath(path)}, [path])
        return str(answer["pcm_md5"])

    async def _ask(
        self, request: dict[str, Any], files: Sequence[Path], progress: Progress | None = None
    ) -> dict[str, Any]:
        def hear(message: Message) -> None:
            if progress and "share" in message:
                progress(message["share"], message["text"])

        return await run_worker(
            python_worker("musicsyncd.audio.worker"),
            request,
            name="audio",
            deadline=await to_thread.run_sync(self._deadlines.seconds, files),
            on_message=hear,
            environment=_ONE_THREAD,
            nice=self._nice,
        )


async def _sweep(files: Sequence[Path]) -> None:
    """Remove what a worker that was ended on its way to these files could not remove itself."""

    def sweep() -> None:
        for file in files:
            unfinished(file).unlink(missing_ok=True)

    with anyio.CancelScope(shield=True):
        await to_thread.run_sync(sweep)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
