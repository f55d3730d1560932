"""Renaming never replaces, on file systems with an exclusive rename, with hard links only, and with neither."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from musicsyncd.library import disk
from tests.fakes.picky_volume import picky_volume
from tests.library.benches import exfat


@pytest.fixture(
    params=[
        "exclusive",
        "links",
        "neither",
        *(pytest.param(kind, marks=pytest.mark.root) for kind in ("picky", "exfat")),
    ]
)
def root(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on such a file system."""
    folder = tmp_path / "folder"
    folder.mkdir()
    if request.param == "picky":
        with picky_volume(folder):
            yield folder
    elif request.param == "exfat":
        with exfat(tmp_path) as mounted:
            yield mounted
    else:
        if request.param != "exclusive":  # as with a C library that has no renameat2
            monkeypatch.setattr(disk, "_exclusive_rename", lambda: (None, 0))
        if request.param == "neither":
            monkeypatch.setattr(disk, "_link_then_unlink", _no_links)
        yield folder


def _no_links(name: str, new_name: str, source: int, target: int) -> None:
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))


def test_a_rename_takes_free_names_only(root: Path) -> None:
    """A taken name raises and both files stay; a free one is taken, and the old name is gone."""
    (root / "mine").write_bytes(b"mine")
    (root / "taken").write_bytes(b"another")
    folder = os.open(root, os.O_RDONLY)
    try:
        with pytest.raises(FileExistsError):
            disk.rename_into_free("mine", "taken", source=folder, target=folder)
        assert {path.name: path.read_bytes() for path in root.iterdir()} == {"mine": b"mine", "taken": b"another"}
        disk.rename_into_free("mine", "free", source=folder, target=folder)
        assert {path.name: path.read_bytes() for path in root.iterdir()} == {"free": b"mine", "taken": b"another"}
    finally:
        os.close(folder)
