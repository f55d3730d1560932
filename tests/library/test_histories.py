"""No byte is ever lost, whatever is placed, replaced and planted in whatever order."""

from __future__ import annotations

import tempfile
from pathlib import Path

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musicsyncd.errors import Degraded
from musicsyncd.library.base import Kept
from musicsyncd.library.naming import path_key
from tests.library.benches import VolumeBench, adopted
from tests.library.contract import Bench, staged
from tests.library.test_shelves import MemoryBench

NAMES = ["A/song", "A/SONG", "A/song [one]", "B/so\u0301ng", "B/s\u00f3ng"]
STEP = st.tuples(
    st.sampled_from(["place", "replace", "plant"]),
    st.sampled_from(NAMES),
    st.binary(min_size=1, max_size=2),
    st.sampled_from(["one", "two"]),
)


async def live(bench: Bench, staging: Path, history: list[tuple[str, str, bytes, str]]) -> None:
    """Carry the history out; after each step every byte string ever written still stands somewhere."""
    versions: dict[str, Kept] = {}
    written: set[bytes] = set()
    for verb, name, data, track in history:
        taken = {path.partition("/")[2] for path in bench.files() if "/" in path}
        if verb == "plant":
            if path_key(f"{name}.wav").partition("/")[2] not in taken:
                bench.plant(f"{name}.wav", data)
                written.add(data)
        else:
            old = versions.get(track) if verb == "replace" else None
            try:
                placed = await bench.shelf.place(staged(staging, data), name, tie_breaker=track, replaces=old)
            except Degraded:
                continue
            written.add(data)
            versions[track] = placed.kept
            assert bench.files()[path_key(placed.kept.path)] == data
        assert written <= set(bench.files().values())
        assert not any(path.endswith(".part") for path in bench.files())


@settings(max_examples=60, deadline=None)
@given(history=st.lists(STEP, max_size=12))
@pytest.mark.parametrize("kind", ["memory", "folder"])
def test_no_history_loses_a_byte(kind: str, history: list[tuple[str, str, bytes, str]]) -> None:
    """Neither on a disk nor in the twin."""

    async def run(folder: Path) -> None:
        bench = MemoryBench() if kind == "memory" else await adopted(VolumeBench(folder / "volume"))
        await live(bench, folder, history)

    with tempfile.TemporaryDirectory() as folder:
        anyio.run(run, Path(folder))
