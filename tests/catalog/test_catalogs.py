"""The embedded catalog and its twin under the contract, and what each promises beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given, settings

from musicsyncd.catalog.base import Catalog, digest
from musicsyncd.catalog.local import MIGRATIONS, LocalCatalog
from musicsyncd.catalog.memory import MemoryCatalog
from musicsyncd.clock import ManualClock
from musicsyncd.database import MEMORY, Database
from musicsyncd.errors import Degraded, Temporary
from tests.catalog.contract import FIELDS, ROWS, CatalogContract, EditedCatalogContract


async def opened(path: Path | str, folder: Path) -> Database:
    return await Database.open(path, {"catalog": MIGRATIONS}, backups=folder / "backups", clock=ManualClock())


class OnLocal(CatalogContract):
    """The contract on whatever database the subclass names."""

    @pytest.fixture
    def catalog(self, database: Database) -> Catalog:
        return LocalCatalog(database, ManualClock())


class TestLocalOnAFile(OnLocal):
    """As in the daemon."""

    @pytest.fixture
    async def database(self, tmp_path: Path) -> AsyncIterator[Database]:
        database = await opened(tmp_path / "catalog.db", tmp_path)
        yield database
        await database.close()

    async def test_rows_outlive_the_process(self, catalog: Catalog, database: Database, tmp_path: Path) -> None:
        """Another connection to the file reads the row under the same id."""
        row = await catalog.publish("k1", FIELDS, known=None)
        again = await opened(tmp_path / "catalog.db", tmp_path)
        read = await LocalCatalog(again, ManualClock()).read(row.id)
        await again.close()
        assert read is not None
        assert read.fields == FIELDS

    async def test_many_at_once_make_one_row(self, database: Database) -> None:
        """Publications of one key that run together meet in the same row."""
        catalog = LocalCatalog(database, ManualClock())
        async with anyio.create_task_group() as tasks:
            for number in range(20):
                tasks.start_soon(self._publish, catalog, {"bpm": number})
        assert await catalog.count() == 1

    async def _publish(self, catalog: Catalog, fields: dict[str, Any]) -> None:
        await catalog.publish("k1", fields, known=None)


class TestLocalInMemory(OnLocal):
    """The twin without a disk."""

    @pytest.fixture
    async def database(self, tmp_path: Path) -> AsyncIterator[Database]:
        database = await opened(MEMORY, tmp_path)
        yield database
        await database.close()


class TestMemory(EditedCatalogContract):
    """The twin that other rooms test with."""

    @pytest.fixture
    def catalog(self) -> Catalog:
        return MemoryCatalog()

    async def edit(self, catalog: Catalog, row_id: str, **fields: Any) -> None:
        assert isinstance(catalog, MemoryCatalog)
        catalog.edit(row_id, **fields)

    async def test_an_unreachable_catalog_is_degraded(self) -> None:
        """Reading and writing name the target, and nothing is written."""
        catalog = MemoryCatalog()
        catalog.away = True
        with pytest.raises(Degraded) as caught:
            await catalog.publish("k1", FIELDS, known=None)
        assert caught.value.target == catalog.target == "catalog:memory"
        with pytest.raises(Degraded):
            await catalog.read("row-1")
        assert (catalog.rows, catalog.writes) == ({}, 0)

    async def test_a_lost_answer_and_a_second_try_make_one_row(self) -> None:
        """The write was applied before the answer was lost."""
        catalog = MemoryCatalog()
        catalog.lose_answers = 1
        with pytest.raises(Temporary):
            await catalog.publish("k1", FIELDS, known=None)
        published = await catalog.publish("k1", FIELDS, known=None)
        assert (published.created, published.changed, len(catalog.rows), catalog.writes) == (False, (), 1, 1)

    async def test_a_deleted_rows_id_is_not_given_again(self) -> None:
        """Otherwise a new row would take a standing one's place."""
        catalog = MemoryCatalog()
        first, second = [await catalog.publish(key, FIELDS, known=None) for key in ("k1", "k2")]
        del catalog.rows[first.id]
        third = await catalog.publish("k3", FIELDS, known=None)
        assert set(catalog.rows) == {second.id, third.id}


@settings(max_examples=60, deadline=None)
@given(first=ROWS, second=ROWS)
def test_any_two_publications(first: dict[str, Any], second: dict[str, Any]) -> None:
    """Whatever the values, both catalogs hold the later over the earlier and then write nothing."""

    async def run() -> None:
        database = await opened(MEMORY, Path())
        for catalog in (LocalCatalog(database, ManualClock()), MemoryCatalog()):
            await CatalogContract().publish_twice(catalog, first, second)
        await database.close()

    anyio.run(run)


def test_a_digest_tells_content_and_not_its_order() -> None:
    """Equal fields have one digest in whatever order; every other value has another."""
    assert digest(dict(reversed(FIELDS.items()))) == digest(FIELDS)
    others = [FIELDS | {"bpm": 123.97}, FIELDS | {"key": ""}, FIELDS | {"artists": ["Ada Voss", "Björk"]}]
    assert len({digest(one) for one in (FIELDS, *others)}) == 4
