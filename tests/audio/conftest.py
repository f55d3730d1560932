"""Sources made once per run, and the workers that the tests ask."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from musicsyncd.audio.values import FORMATS, Made
from musicsyncd.audio.work import AudioWorkers
from tests.audio import sounds

Source = Callable[..., Path]


@pytest.fixture
def workers() -> AudioWorkers:
    """Worker processes at full priority: the tests wait for them."""
    return AudioWorkers(nice=0)


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    """`source("flac16", seconds)`: a file of that kind, made on first use; not to be written to."""
    folder = tmp_path_factory.mktemp("sources")

    def made(name: str, seconds: float = 3.0) -> Path:
        kind = sounds.ALL[name]
        path = folder / f"{name}-{seconds:g}.{kind.extension}"
        return path if path.exists() else sounds.write(path, kind, sounds.music(kind, seconds))

    return made


@pytest.fixture(scope="session")
async def untagged(anyio_backend: str, source: Source, tmp_path_factory: pytest.TempPathFactory) -> tuple[Made, ...]:
    """One file of each format, fresh from a transcode; tests work on copies."""
    folder = tmp_path_factory.mktemp("untagged")
    return (await AudioWorkers(nice=0).transcode(source("aac"), folder, [*FORMATS], analyze=False)).outputs


@pytest.fixture
def made(untagged: tuple[Made, ...], tmp_path: Path) -> dict[str, Made]:
    """A copy of each, by format."""
    return {
        made.format: replace(made, path=str(shutil.copy(made.path, tmp_path / Path(made.path).name)))
        for made in untagged
    }
