"""How a disk takes names is found out once, when it is marked, and told with its state."""

from __future__ import annotations

import errno
import json
import os
import sys
from pathlib import Path

import pytest

from musicsyncd.library.base import Condition, Trait
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


async def test_macos_privacy_is_told_from_a_disk_that_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without consent the marker may still be read, and listing is forbidden: the answer names the setting."""
    bench = await adopted(VolumeBench(tmp_path / "volume"))

    def forbidden(path: Path) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted", str(path))

    monkeypatch.setattr(os, "scandir", forbidden)
    monkeypatch.setattr(sys, "platform", "darwin")
    state = await bench.shelf.state()
    assert state.condition is Condition.DENIED
    assert "Privacy & Security" in state.fix
