"""What lies on a volume is told whole, cheaply, and never by following anything out of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsyncd.library.base import Lying
from musicsyncd.library.disk import STARTED, temporary_name
from musicsyncd.library.listing import AT_ONCE, list_files
from musicsyncd.library.marker import MARKER
from musicsyncd.library.recycle import RECYCLE


def listed(root: Path) -> dict[str, Lying]:
    found: list[Lying] = []
    list_files(root, found.extend, lambda: None)
    assert len({one.path for one in found}) == len(found)
    return {one.path: one for one in found}


def write(path: Path, data: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_every_file_is_told_with_its_size_and_time(tmp_path: Path) -> None:
    """Hidden ones and the recycle area are not, nor is what a link leads to."""
    wave = write(tmp_path / "A" / "B" / "ö.wav", b"12345")
    write(tmp_path / "top.m4a")
    write(tmp_path / ".hidden")
    write(tmp_path / ".Trashes" / "a.wav")
    write(tmp_path / RECYCLE / "2026-01-01" / "a.wav")
    (tmp_path / "link.wav").symlink_to(wave)
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    os.mkfifo(tmp_path / "pipe.wav")
    found = listed(tmp_path)
    assert set(found) == {"A/B/ö.wav", "top.m4a"}
    assert found["A/B/ö.wav"] == Lying(path="A/B/ö.wav", size=5, mtime_ns=wave.stat().st_mtime_ns)


def test_a_half_of_ours_is_told_apart_from_one_that_is_being_written(tmp_path: Path) -> None:
    """The other half may be on its way, by this process or by another one."""
    own = temporary_name()
    stray = own.replace(own[len(".musicsyncd-") : -len("-000000000000.part")], "deadbeef")
    old = write(tmp_path / "A" / stray)
    os.utime(old, (STARTED - 100, STARTED - 100))
    write(tmp_path / "A" / own)
    found = listed(tmp_path)
    assert {path: one.stray for path, one in found.items()} == {f"A/{stray}": True}


def test_a_name_that_is_no_text_is_passed_over(tmp_path: Path) -> None:
    """No name of ours is."""
    write(tmp_path / "a.wav")
    write(Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.wav")))
    assert set(listed(tmp_path)) == {"a.wav"}


@given(count=st.integers(0, 3 * AT_ONCE))
def test_few_are_in_memory_at_a_time(tmp_path_factory: pytest.TempPathFactory, count: int) -> None:
    """However many a folder has, and none is left out between two batches."""
    root = tmp_path_factory.getbasetemp() / "many"
    root.mkdir(exist_ok=True)
    have = len([*root.iterdir()])
    for number in range(have, count):
        (root / f"{number}.wav").touch()
    sizes: list[int] = []
    list_files(root, lambda some: sizes.append(len(some)), lambda: None)
    assert sum(sizes) == max(have, count)
    assert all(0 < size <= AT_ONCE for size in sizes)


def test_another_volume_inside_is_passed_over(tmp_path: Path) -> None:
    """What stands there is that volume's, and would be counted twice."""
    write(tmp_path / MARKER)
    write(tmp_path / "A" / "a.wav")
    write(tmp_path / "Auto Import" / MARKER)
    write(tmp_path / "Auto Import" / "B" / "b.wav")
    assert set(listed(tmp_path)) == {"A/a.wav"}
    assert set(listed(tmp_path / "Auto Import")) == {"B/b.wav"}
