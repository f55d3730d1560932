"""A process that places one file and may die on the way: `python -m tests.library.placer ROOT MARKER STAGED OLD`."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import anyio

from musicsyncd.library.base import Kept, Staged
from tests.library.benches import volume
from tests.library.contract import WANTED


async def main(*arguments: str) -> None:
    """Sweep as the daemon does at its start, place, and print what came of it."""
    root, marker, path, replaces = arguments
    shelf = volume(Path(root), known_marker=marker)
    data = Path(path).read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    file = Staged(path=Path(path), format="wav", extension="wav", size=len(data), sha256=digest)
    old = Kept.from_dict(json.loads(replaces)) if replaces else None
    await shelf.sweep()
    placed = await shelf.place(file, WANTED, tie_breaker="abc123", replaces=old)
    print(json.dumps({"kept": placed.kept.as_dict(), "recycled": placed.recycled}))


if __name__ == "__main__":
    anyio.run(main, *sys.argv[1:])
