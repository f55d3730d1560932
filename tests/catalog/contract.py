"""What every catalog keeps, whoever its vendor is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import strategies as st

from musicsyncd.catalog.base import Catalog, differing

FIELDS: dict[str, Any] = {
    "title": "Jóga (Kora Remix) 🎧 שלום",
    "artists": ["Björk", "Ada Voss"],
    "bpm": 123.96,
    "key": None,
    "downloaded": True,
    "files": ["main:Björk/Jóga.m4a"],
}

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec="utf-8"), max_size=20),
    st.lists(st.text(st.characters(codec="utf-8"), max_size=5), max_size=3),
)
ROWS = st.dictionaries(st.sampled_from(["title", "bpm", "files", "key"]), VALUES, min_size=1)


class CatalogContract:
    """Inherit it and give a `catalog` fixture."""

    async def test_a_row_is_created_once(self, catalog: Catalog) -> None:
        """It reads back as it was written, and a second time writes nothing."""
        first = await catalog.publish("k1", FIELDS, known=None)
        assert (first.created, set(first.changed), first.before) == (True, set(FIELDS), {})
        row = await catalog.read(first.id)
        assert row is not None
        assert (row.id, row.key, row.fields) == (first.id, "k1", FIELDS)
        for known in (first.id, None):
            again = await catalog.publish("k1", FIELDS, known=known)
            assert (again.id, again.created, again.changed, again.before) == (first.id, False, (), {})

    async def test_only_what_differs_is_written(self, catalog: Catalog) -> None:
        """The changed names and what stood there before are told; an added field had nothing before."""
        row = await catalog.publish("k1", FIELDS, known=None)
        wanted = FIELDS | {"bpm": 124.0, "key": "Am", "genre": "House"}
        changed = await catalog.publish("k1", wanted, known=row.id)
        assert (changed.id, set(changed.changed)) == (row.id, {"bpm", "key", "genre"})
        assert changed.before == {"bpm": 123.96, "key": None}
        assert (await self._fields(catalog, row.id)) == wanted

    async def test_a_field_that_is_not_wanted_is_left_alone(self, catalog: Catalog) -> None:
        """What others wrote into the row stays."""
        row = await catalog.publish("k1", FIELDS | {"rating": 5}, known=None)
        published = await catalog.publish("k1", FIELDS | {"title": "Joga"}, known=row.id)
        assert published.changed == ("title",)
        assert (await self._fields(catalog, row.id))["rating"] == 5

    async def test_a_known_row_is_found_by_its_id(self, catalog: Catalog) -> None:
        """Also under another key, which the row does not take over."""
        row = await catalog.publish("k1", FIELDS, known=None)
        published = await catalog.publish("k2", FIELDS | {"bpm": 1.0}, known=row.id)
        assert (published.id, published.created) == (row.id, False)
        read = await catalog.read(row.id)
        assert read is not None
        assert read.key == "k1"

    async def test_an_unknown_id_leads_to_the_key(self, catalog: Catalog) -> None:
        """As after an answer that was lost: a second publication finds the row of the first."""
        row = await catalog.publish("k1", FIELDS, known=None)
        published = await catalog.publish("k1", FIELDS, known="there is no such row")
        assert (published.id, published.created, published.changed) == (row.id, False, ())
        fresh = await catalog.publish("k2", FIELDS, known="there is no such row")
        assert (fresh.created, fresh.id == row.id) == (True, False)

    async def test_equal_fields_under_two_keys_are_two_rows(self, catalog: Catalog) -> None:
        """The key says which track it is, and nothing else."""
        first, second = [await catalog.publish(key, FIELDS, known=None) for key in ("k1", "k2")]
        await catalog.publish("k1", FIELDS | {"title": "one"}, known=None)
        assert first.id != second.id
        assert (await self._fields(catalog, second.id))["title"] == FIELDS["title"]

    async def test_a_retired_row_is_out_of_the_book_and_comes_back(self, catalog: Catalog) -> None:
        """As it was, under its own id; both directions may be gone twice."""
        row = await catalog.publish("k1", FIELDS, known=None)
        retired = await catalog.retire(row.id)
        assert retired is not None
        assert retired.fields == FIELDS
        assert await catalog.read(row.id) is None
        assert await catalog.retire(row.id) is None
        for _ in range(2):
            revived = await catalog.revive(row.id)
            assert revived is not None
            assert (revived.id, revived.key, revived.fields) == (row.id, "k1", FIELDS)
        assert await self._fields(catalog, row.id) == FIELDS

    @pytest.mark.parametrize("by_id", [True, False])
    async def test_publishing_brings_a_retired_row_back(self, catalog: Catalog, by_id: bool) -> None:
        """There is never a second row of one key, not even beside one in the trash."""
        row = await catalog.publish("k1", FIELDS, known=None)
        await catalog.retire(row.id)
        published = await catalog.publish("k1", FIELDS | {"bpm": 1.0}, known=row.id if by_id else None)
        assert (published.id, published.created, published.changed) == (row.id, False, ("bpm",))
        assert await self._fields(catalog, row.id) == FIELDS | {"bpm": 1.0}

    async def test_what_is_nowhere_is_neither_retired_nor_revived(self, catalog: Catalog) -> None:
        assert await catalog.retire("there is no such row") is None
        assert await catalog.revive("there is no such row") is None

    @pytest.mark.parametrize("row_id", ["", "row-1", "x' OR 1=1 --", "🎧"])
    async def test_a_row_that_is_not_there_reads_as_none(self, catalog: Catalog, row_id: str) -> None:
        """No error, whatever was asked for."""
        assert await catalog.read(row_id) is None

    async def test_what_was_read_is_a_copy(self, catalog: Catalog) -> None:
        """Changing what was read or handed over changes no row."""
        fields = json.loads(json.dumps(FIELDS))
        row = await catalog.publish("k1", fields, known=None)
        fields["artists"].append("Else")
        read = await self._fields(catalog, row.id)
        read["title"] = "Else"
        read["artists"].append("Else")
        assert await self._fields(catalog, row.id) == FIELDS

    async def publish_twice(self, catalog: Catalog, first: dict[str, Any], second: dict[str, Any]) -> None:
        """Of any two publications the row holds both, the later one over the earlier one."""
        row = await catalog.publish("k1", first, known=None)
        published = await catalog.publish("k1", second, known=row.id)
        assert published.changed == differing(second, first)
        assert await self._fields(catalog, row.id) == first | second
        assert (await catalog.publish("k1", second, known=None)).changed == ()

    async def _fields(self, catalog: Catalog, row_id: str) -> dict[str, Any]:
        row = await catalog.read(row_id)
        assert row is not None
        return row.fields
