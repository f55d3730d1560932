"""Every kind of shelf keeps the contract: in memory, in a folder, and on real disks with their habits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from musicsyncd.library.base import Condition
from musicsyncd.library.memory import MemoryShelf
from musicsyncd.library.naming import path_key
from tests.fakes.picky_volume import picky_volume
from tests.library.benches import VolumeBench, adopted, exfat, small_tmpfs
from tests.library.contract import Bench, ShelfContract


class MemoryBench:
    """The twin in memory."""

    def __init__(self) -> None:
        self.shelf = MemoryShelf()

    def files(self) -> dict[str, bytes]:
        return {path_key(path): data for path, data in self.shelf.files.items()}

    def plant(self, path: str, data: bytes) -> None:
        self.shelf.write(path, data)

    def remove(self, path: str) -> None:
        del self.shelf.files[path]

    def take_away(self) -> None:
        self.shelf.condition = Condition.ABSENT


class TestMemory(ShelfContract):
    """The twin that other rooms test with."""

    @pytest.fixture
    def bench(self) -> Bench:
        return MemoryBench()


class TestFolder(ShelfContract):
    """A folder on this machine's own disk."""

    @pytest.fixture
    async def bench(self, tmp_path: Path) -> Bench:
        return await adopted(VolumeBench(tmp_path / "volume"))


@pytest.mark.root
class TestTmpfs(ShelfContract):
    """A small mount of its own."""

    @pytest.fixture
    async def bench(self, tmp_path: Path) -> AsyncIterator[Bench]:
        with small_tmpfs(tmp_path / "volume") as root:
            yield await adopted(VolumeBench(root))


@pytest.mark.root
class TestPicky(ShelfContract):
    """No case, NFD, exFAT's characters, no hard links, no exclusive rename."""

    @pytest.fixture
    async def bench(self, tmp_path: Path) -> AsyncIterator[Bench]:
        root = tmp_path / "volume"
        root.mkdir()
        with picky_volume(root):
            yield await adopted(VolumeBench(root))


@pytest.mark.root
class TestShortNames(ShelfContract):
    """A disk that takes 143 bytes, as eCryptfs does."""

    @pytest.fixture
    async def bench(self, tmp_path: Path) -> AsyncIterator[Bench]:
        root = tmp_path / "volume"
        root.mkdir()
        with picky_volume(root, longest_name=143):
            yield await adopted(VolumeBench(root))


@pytest.mark.root
class TestExfat(ShelfContract):
    """The file system that DJs' sticks have."""

    @pytest.fixture
    async def bench(self, tmp_path: Path) -> AsyncIterator[Bench]:
        with exfat(tmp_path) as root:
            yield await adopted(VolumeBench(root))
