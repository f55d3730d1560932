"""The compared libraries: their packages, their environments, and their answers."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import tests.benchmarks.accuracy.peer as peer

PACKAGES: Final = {"aubio": "aubio-ledfx", "librosa": "librosa", "essentia": "essentia"}
ONE_THREAD: Final = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
"""For each library and for us: threads that wait for each other on a busy machine burn CPU seconds."""
_HOURS: Final = 2 * 3600


@dataclass(frozen=True, kw_only=True)
class Library:
    """What became of a library: its version and answers, or why there are none."""

    name: str
    version: str = ""
    answers: tuple[dict[str, Any], ...] = ()
    missing: str = ""


def heard_by(name: str, folder: Path, tracks: list[str], environments: Path) -> Library:
    """The library's answers about the tracks, from an environment that is made when it is missing.

    They are kept in the folder: who works on our own ears need not wait for the others each time.
    """
    kept = folder / f"answers-{name}.json"
    if kept.exists():
        found = Library(**json.loads(kept.read_text(encoding="utf-8")))
        if set(tracks) <= {answer["track"] for answer in found.answers}:
            return found
    found = _asked(name, folder, tracks, environments)
    if not found.missing:
        kept.write_text(json.dumps(dataclasses.asdict(found)), encoding="utf-8")
    return found


def _asked(name: str, folder: Path, tracks: list[str], environments: Path) -> Library:
    python = environments / name / "bin" / "python"
    try:
        if not python.exists():
            _install(python, PACKAGES[name])
        version = _run([str(python), "-m", "pip", "show", PACKAGES[name]], "").split("Version: ")[1].split()[0]
        lines = _run([str(python), peer.__file__, name, str(folder)], "\n".join(tracks)).splitlines()
    except (OSError, subprocess.SubprocessError) as error:
        told = getattr(error, "stderr", "") or str(error)
        return Library(name=name, missing=told.strip().splitlines()[-1])
    return Library(name=name, version=version, answers=tuple(json.loads(line) for line in lines if line[:1] == "{"))


def _install(python: Path, package: str) -> None:
    _run([sys.executable, "-m", "venv", "--clear", str(python.parent.parent)], "")
    _run([str(python), "-m", "pip", "install", "-q", package, "numpy"], "")


def _run(command: list[str], stdin: str) -> str:
    environment = {**os.environ, **ONE_THREAD}
    done = subprocess.run(
        command, input=stdin, capture_output=True, text=True, check=True, timeout=_HOURS, env=environment
    )
    return done.stdout
