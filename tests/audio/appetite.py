"""What a worker takes of memory: measured in a process whose only child it is."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from musicsyncd.audio.values import Analysis, Transcoded

ANALYSE = "await AudioWorkers().analyze(Path(sys.argv[1]))"
TRANSCODE = "await AudioWorkers(nice=0).transcode(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])"
PROGRAM = """
import anyio, json, resource, sys
from pathlib import Path
from musicsyncd.audio.work import AudioWorkers

async def work():
    return {}

found = anyio.run(work)
print(json.dumps([found.as_dict(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss]))
"""


def analysed(path: Path, *, deadline: float) -> tuple[Analysis, int]:
    """What is heard in the file, and the most that the worker held, in KiB; the deadline is in seconds."""
    found, most = _done(ANALYSE, [path], deadline)
    return Analysis.from_dict(found), most


def transcoded(path: Path, folder: Path, formats: Sequence[str], *, deadline: float) -> tuple[Transcoded, int]:
    """What is made of the file, and the most that the worker held, in KiB; the deadline is in seconds."""
    found, most = _done(TRANSCODE, [path, folder, *formats], deadline)
    return Transcoded.from_dict(found), most


def _done(work: str, words: Sequence[str | Path], deadline: float) -> tuple[dict[str, Any], int]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(work), *words],
        check=True,
        capture_output=True,
        text=True,
        timeout=deadline,
    )
    found, kibibytes = json.loads(done.stdout)
    return found, int(kibibytes)
