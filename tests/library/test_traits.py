"""How a disk takes names is found out once, when it is marked, and told with its state."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from musicsyncd.library.base import Trait
from musicsyncd.library.marker import MARKER
from tests.fakes.picky_volume import picky_volume
from tests.library.benches import VolumeBench, adopted, exfat, volume


async def test_a_plain_folder_has_none_and_keeps_nothing_that_was_tried(tmp_path: Path) -> None:
    """Only the marker is there afterwards."""
    bench = await adopted(VolumeBench(tmp_path / "volume"))
    assert (await bench.shelf.state()).traits == ()
    assert [path.name for path in bench.root.iterdir()] == [MARKER]


@pytest.mark.root
async def test_a_disk_with_every_habit_is_told_by_all_of_them(tmp_path: Path) -> None:
    """Known again from its marker, without trying anew."""
    (tmp_path / "disk").mkdir()
    with picky_volume(tmp_path / "disk") as _:
        bench = await adopted(VolumeBench(tmp_path / "disk"))
        expected = (Trait.CASE_INSENSITIVE, Trait.NFD, Trait.FAT_NAMES)
        assert (await bench.shelf.state()).traits == expected
        assert (await volume(tmp_path / "disk").state()).traits == expected
        assert [path.name for path in bench.root.iterdir()] == [MARKER]


@pytest.mark.root
async def test_exfat_is_told_by_its_names(tmp_path: Path) -> None:
    """A real one."""
    with exfat(tmp_path) as root:
        traits = (await (await adopted(VolumeBench(root))).shelf.state()).traits
        assert {Trait.CASE_INSENSITIVE, Trait.FAT_NAMES} <= set(traits)


@pytest.mark.parametrize("words", ["nfd", [1], ["of a version to come"], {"nfd": True}, None])
async def test_a_marker_that_says_something_else_is_a_marker(tmp_path: Path, words: object) -> None:
    """Older and later versions write other things there."""
    (tmp_path / MARKER).write_text(json.dumps({"id": "a" * 32, "name": "VIBES", "traits": words}))
    state = await volume(tmp_path).state()
    assert (state.ready, state.traits) == (True, ())
