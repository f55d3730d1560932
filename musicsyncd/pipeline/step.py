"""What travels through the steps, and how they are walked."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import anyio

from musicsyncd.audio.values import Analysis, AudioProbe, Made, WaveformFiles
from musicsyncd.errors import MusicsyncError, NeedsPerson
from musicsyncd.jobs.base import JobContext
from musicsyncd.library.base import Kept
from musicsyncd.music.track import Track
from musicsyncd.sources.base import Supplied


@dataclass(frozen=True, kw_only=True)
class Work:
    """One track on its way; each step answers with a fuller one."""

    track_id: str
    track: Track
    folder: Path
    """The staging folder of this track alone; it outlives a killed daemon and is removed when the track has settled."""
    formats: tuple[str, ...] = ()
    """Formats that must be made, because no verified copy stands anywhere."""
    shelves: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Formats to place on each shelf, by target name."""
    retags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Formats that stand on a shelf with older tags, by target name."""
    copies: Mapping[str, Kept] = field(default_factory=dict)
    """Formats that need not be made: a verified copy on a shelf, by format."""
    catalogs: tuple[str, ...] = ()
    """Catalogs to bring in step, by target name."""
    fresh: bool = True
    """Whether no file of the track stood anywhere yet and no person said that it stays. Only then may it turn out to be
    a duplicate."""
    audio: Track | None = None
    """Where its audio is taken from, when its own source has none or a person said so."""
    supplied: Supplied | None = None
    source: AudioProbe | None = None
    made: Mapping[str, Made] = field(default_factory=dict)
    analysis: Analysis | None = None
    waveform: WaveformFiles | None = None
    """Drawn while the formats were made, in staging."""
    duplicate_of: str | None = None
    heard: bool = False
    """Whether a row bore a word of a person that was not heard before: what the tags should say may differ now."""
    missed: Mapping[str, MusicsyncError] = field(default_factory=dict)
    """Targets that could not be reached, each with its reason."""

    def missing(self, target: str, error: MusicsyncError) -> Work:
        """The same work, less a target that cannot be reached now."""
        return replace(self, missed={**self.missed, target: error})


class Step(Protocol):
    """One verb. Looks whether its artefact stands, does, verifies, and checkpoints through the job's context."""

    @property
    def name(self) -> str:
        """What progress lines and kept steps call it."""

    async def __call__(self, work: Work, context: JobContext) -> Work:
        """Do it; raises what `musicsyncd.errors` says."""


async def walk(work: Work, steps: Sequence[Step], context: JobContext) -> Work:
    """Take the work through every step, in order; a recognised duplicate goes no further."""
    for step in steps:
        work = await step(work, context)
        if work.duplicate_of:
            break
    return work


def sha256_of(path: Path) -> str:
    """Hash of a file's bytes, hexadecimal; blocking."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


async def holds(path: Path, sha256: str) -> bool:
    """Whether a staged file is there and still has these bytes."""

    def look() -> bool:
        return path.is_file() and sha256_of(path) == sha256

    return await anyio.to_thread.run_sync(look)


@asynccontextmanager
async def new_folder(folder: Path) -> AsyncIterator[Path]:
    """The folder, made anew: what an interrupted run left in it is gone. When the work in it fails, it goes again: on a
    full disk even writing down the failure needs the room that half a file takes.
    """

    def renew() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)

    try:
        await anyio.to_thread.run_sync(renew)
        yield folder
    except OSError as error:
        await remove_folder(folder)
        raise NeedsPerson(f"The working folder {folder.parent} cannot be written", why=error.strerror or "") from error
    except BaseException:
        with anyio.CancelScope(shield=True):
            await remove_folder(folder)
        raise


async def remove_folder(folder: Path) -> None:
    """Forget a staging folder."""
    await anyio.to_thread.run_sync(lambda: shutil.rmtree(folder, ignore_errors=True))


def teller(context: JobContext, step: str) -> Any:
    """A progress callback that speaks for one step."""

    def tell(share: float | None, text: str = "") -> None:
        context.progress(share, text, step=step)

    return tell
