"""What an analysis takes of memory: measured in a process whose only child is the worker."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from musicsyncd.audio.values import Analysis

PROGRAM = """
import anyio, json, resource, sys
from pathlib import Path
from musicsyncd.audio.work import AudioWorkers
found = anyio.run(AudioWorkers().analyze, Path(sys.argv[1]))
print(json.dumps([found.as_dict(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss]))
"""


def analysed(path: Path, *, deadline: float) -> tuple[Analysis, int]:
    """What is heard in the file, and the most that the worker held, in kB; the deadline is in seconds."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, path], check=True, capture_output=True, text=True, timeout=deadline
    )
    found, kilobytes = json.loads(done.stdout)
    return Analysis.from_dict(found), int(kilobytes)
