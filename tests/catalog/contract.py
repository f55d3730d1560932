"""What every catalog keeps, whoever its vendor is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import strategies as st

from musicsyncd.catalog.base import Catalog, Row, differing

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
    """Inherit it and give a `catalog` fixture; where values are coerced or not held at all, say so in `reads`."""

    def reads(self, fields: dict[str, Any]) -> dict[str, Any]:
        """What a row gives back of these fields once they are written. A row may say more beside them."""
        return json.loads(json.dumps(fields))  # type: ignore[no-any-return]

    async def test_a_row_is_created_once(self, catalog: Catalog) -> None:
        """It reads back as it was written, and a second time writes nothing."""
        first = await catalog.publish("k1", FIELDS, known=None)
        assert (first.created, set(first.changed), first.before) == (True, set(self.reads(FIELDS)), {})
        row = await self._row(catalog, first.id)
        assert (row.id, row.key, row.edited) == (first.id, "k1", frozenset())
        await self._says(catalog, first.id, FIELDS)
        for known in (first.id, None):
            again = await catalog.publish("k1", FIELDS, known=known)
            assert (again.id, again.created, again.changed, again.before) == (first.id, False, (), {})
            assert again.kept == {}

    async def test_what_was_written_is_verified(self, catalog: Catalog) -> None:
        """The read-back and the look see one row, and none where there is none; being freshened changes nothing."""
        published = await catalog.publish("k1", FIELDS, known=None)
        for _ in range(2):
            await catalog.freshen()
            verified = await catalog.verify(published.id)
            assert verified == await catalog.read(published.id)
            assert verified is not None
            assert catalog.lacks(FIELDS, verified) == ()
        assert await catalog.verify("there is no such row") is None

    async def test_what_a_row_lacks(self, catalog: Catalog) -> None:
        """Every wanted field that it does not say, and no other."""
        published = await catalog.publish("k1", FIELDS, known=None)
        row = await self._row(catalog, published.id)
        assert catalog.lacks(FIELDS | {"bpm": 99.0, "title": "Else"}, row) == ("title", "bpm")
        assert catalog.lacks({}, row) == ()

    async def test_only_what_differs_is_written(self, catalog: Catalog) -> None:
        """The changed names and what stood there before are told; an added field had nothing before."""
        row = await catalog.publish("k1", FIELDS, known=None)
        wanted = FIELDS | {"bpm": 124.0, "key": "Am", "genre": "House"}
        changed = await catalog.publish("k1", wanted, known=row.id)
        assert (changed.id, set(changed.changed)) == (row.id, {"bpm", "key", "genre"} & set(self.reads(wanted)))
        assert {name: changed.before[name] for name in ("bpm", "key")} == self.reads({"bpm": 123.96, "key": None})
        assert not changed.before.get("genre")
        await self._says(catalog, row.id, wanted)

    async def test_a_field_that_is_not_wanted_is_left_alone(self, catalog: Catalog) -> None:
        """What others wrote into the row stays."""
        row = await catalog.publish("k1", FIELDS | {"rating": 5}, known=None)
        published = await catalog.publish("k1", FIELDS | {"title": "Joga"}, known=row.id)
        assert published.changed == ("title",)
        await self._says(catalog, row.id, FIELDS | {"title": "Joga", "rating": 5})

    async def test_a_known_row_is_found_by_its_id(self, catalog: Catalog) -> None:
        """Also under another key, which the row does not take over."""
        row = await catalog.publish("k1", FIELDS, known=None)
        published = await catalog.publish("k2", FIELDS | {"bpm": 1.0}, known=row.id)
        assert (published.id, published.created) == (row.id, False)
        assert (await self._row(catalog, row.id)).key == "k1"

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
        await self._says(catalog, second.id, FIELDS)

    async def test_a_retired_row_is_out_of_the_book_and_comes_back(self, catalog: Catalog) -> None:
        """As it was, under its own id; both directions may be gone twice."""
        row = await catalog.publish("k1", FIELDS, known=None)
        retired = await catalog.retire(row.id)
        assert retired is not None
        assert catalog.lacks(FIELDS, retired) == ()
        assert await catalog.read(row.id) is None
        assert await catalog.retire(row.id) is None
        for _ in range(2):
            revived = await catalog.revive(row.id)
            assert revived is not None
            assert (revived.id, revived.key) == (row.id, "k1")
        await self._says(catalog, row.id, FIELDS)

    @pytest.mark.parametrize("by_id", [True, False])
    async def test_publishing_brings_a_retired_row_back(self, catalog: Catalog, by_id: bool) -> None:
        """There is never a second row of one key, not even beside one in the trash."""
        row = await catalog.publish("k1", FIELDS, known=None)
        await catalog.retire(row.id)
        published = await catalog.publish("k1", FIELDS | {"bpm": 1.0}, known=row.id if by_id else None)
        assert (published.id, published.created, published.changed) == (row.id, False, ("bpm",))
        await self._says(catalog, row.id, FIELDS | {"bpm": 1.0})

    async def test_a_row_is_amended(self, catalog: Catalog) -> None:
        """These fields and no other are written, and can be taken back; it is read with all that it says."""
        row = await catalog.publish("k1", FIELDS, known=None)
        before = await catalog.whole(row.id)
        assert before is not None
        assert set(self.reads(FIELDS)) <= before.written
        held = before.row.fields
        assert await catalog.rewrite(row.id, {"title": "Merged", "genre": "House"})
        now = await catalog.whole(row.id)
        assert now is not None
        assert {n: v for n, v in now.row.fields.items() if v} == {
            n: v for n, v in (held | {"title": "Merged", "genre": "House"}).items() if v
        }
        assert await catalog.rewrite(row.id, {"title": held["title"], "genre": None})
        await self._says(catalog, row.id, FIELDS)

    async def test_what_is_not_in_the_book_is_not_amended(self, catalog: Catalog) -> None:
        row = await catalog.publish("k1", FIELDS, known=None)
        await catalog.retire(row.id)
        for row_id in (row.id, "there is no such row"):
            assert await catalog.whole(row_id) is None
            assert not await catalog.rewrite(row_id, {"title": "Merged"})
        await catalog.revive(row.id)
        await self._says(catalog, row.id, FIELDS)

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
        read = (await self._row(catalog, row.id)).fields
        read["title"] = "Else"
        for value in read.values():
            if isinstance(value, list):
                value.append("Else")
        await self._says(catalog, row.id, FIELDS)

    async def publish_twice(self, catalog: Catalog, first: dict[str, Any], second: dict[str, Any]) -> None:
        """Of any two publications the row holds both, the later one over the earlier one."""
        row = await catalog.publish("k1", first, known=None)
        published = await catalog.publish("k1", second, known=row.id)
        assert published.changed == differing(second, first)
        await self._says(catalog, row.id, first | second)
        assert (await catalog.publish("k1", second, known=None)).changed == ()

    async def test_single_values_are_amended_where_the_old_ones_stand(self, catalog: Catalog) -> None:
        """Once, and back again; what stands otherwise is left, and so is a row that is not in the book."""
        row = await catalog.publish("k1", FIELDS, known=None)
        title, other = self.reads(FIELDS)["title"], "Another title"
        assert await catalog.amend(row.id, {"title": (title, other), "album": ("No such album", "X")}) == {
            "title": title
        }
        assert await catalog.amend(row.id, {"title": (title, other)}) == {}
        read = await self._row(catalog, row.id)
        assert {name: read.fields[name] for name in self.reads(FIELDS)} == self.reads({**FIELDS, "title": other})
        assert await catalog.amend(row.id, {"title": (other, title)}) == {"title": other}
        await self._says(catalog, row.id, FIELDS)
        await catalog.retire(row.id)
        assert await catalog.amend(row.id, {"title": (title, other)}) == {}

    async def _row(self, catalog: Catalog, row_id: str) -> Row:
        row = await catalog.read(row_id)
        assert row is not None
        return row

    async def _says(self, catalog: Catalog, row_id: str, fields: dict[str, Any]) -> None:
        """The row reads back as these fields would, and lacks nothing of them."""
        row, wanted = await self._row(catalog, row_id), self.reads(fields)
        assert {name: row.fields[name] for name in wanted} == wanted
        assert catalog.lacks(fields, row) == ()


class EditedCatalogContract(CatalogContract):
    """Of a catalog into which people write too: also give `edit`."""

    async def edit(self, catalog: Catalog, row_id: str, **fields: Any) -> None:
        """A person writes these values, as plain ones, into the row; the catalog has seen it when this returns."""
        raise NotImplementedError

    @pytest.mark.parametrize("mine", ["Mine", ""])
    async def test_a_persons_value_stays(self, catalog: Catalog, mine: str) -> None:
        """Also where he cleared it: it is told, it is no lack, and the rest of the row is brought in step."""
        row = await catalog.publish("k1", FIELDS, known=None)
        await self.edit(catalog, row.id, title=mine)
        read = await self._row(catalog, row.id)
        assert (set(read.edited), catalog.lacks(FIELDS, read)) == ({"title"}, ())
        for change, changed in (({}, ()), ({"bpm": 1.0}, ("bpm",)), ({"title": "Other"}, ("bpm",))):
            published = await catalog.publish("k1", FIELDS | change, known=row.id)
            assert (published.changed, published.kept) == (changed, self.reads({"title": mine}))
        await self._says(catalog, row.id, {name: value for name, value in FIELDS.items() if name != "title"})
        assert (await self._row(catalog, row.id)).fields["title"] == self.reads({"title": mine})["title"]

    async def test_an_amendment_is_a_persons_word(self, catalog: Catalog) -> None:
        """A later publication leaves it where the field is his."""
        row = await catalog.publish("k1", FIELDS, known=None)
        await catalog.rewrite(row.id, {"title": "Merged", "downloaded": False})
        published = await catalog.publish("k1", FIELDS, known=row.id)
        assert (published.changed, published.kept) == (("downloaded",), self.reads({"title": "Merged"}))

    async def test_an_edit_of_ours_does_not_last(self, catalog: Catalog) -> None:
        """What was read back from elsewhere is nobody's to say."""
        row = await catalog.publish("k1", FIELDS, known=None)
        await self.edit(catalog, row.id, downloaded=False)
        read = await self._row(catalog, row.id)
        assert (read.edited, catalog.lacks(FIELDS, read)) == (frozenset(), ("downloaded",))
        published = await catalog.publish("k1", FIELDS, known=row.id)
        assert (published.changed, published.kept) == (("downloaded",), {})
        await self._says(catalog, row.id, FIELDS)

    async def test_what_a_person_fills_in_stays(self, catalog: Catalog) -> None:
        """In a field that we left empty; once we want the same, it is no edit any more."""
        row = await catalog.publish("k1", FIELDS, known=None)
        await self.edit(catalog, row.id, key="Am")
        assert (await catalog.publish("k1", FIELDS, known=row.id)).kept == self.reads({"key": "Am"})
        published = await catalog.publish("k1", FIELDS | {"key": "Am"}, known=row.id)
        assert (published.changed, published.kept) == ((), {})
        await self._says(catalog, row.id, FIELDS | {"key": "Am"})
        assert (await self._row(catalog, row.id)).edited == frozenset()
