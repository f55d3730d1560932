"""The owner's book in Notion: a row for each track, found by what it is known by, written field by field, read back.

A creation is written down before it is sent. When its answer is lost, or we die before it came, the row is looked for
by its key once queries can show it, and only then created again. Before a row is changed it is read again: what a
person wrote meanwhile stays in the fields that are his.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, ClassVar, Final

import structlog

from musicsyncd.catalog.base import Catalog, Fields, Published, Row, Whole
from musicsyncd.catalog.notion_amending import Amending, patch_of
from musicsyncd.catalog.notion_body import Body
from musicsyncd.catalog.notion_book import Book, Live
from musicsyncd.catalog.notion_claims import TRACK, Claims, Wanted
from musicsyncd.catalog.notion_fields import (
    ADDED_TO,
    FOREIGN,
    ID_PROPERTIES,
    PARTIAL,
    RELATED,
    ROW_PERSONS,
    STOOD,
    TAKEN,
    added,
    as_far_as_known,
    external_key,
    foreign,
    found_by,
    is_id,
    lookup,
    said,
    same,
    stood,
    taken_out,
    told,
    untouched,
    without,
)
from musicsyncd.catalog.notion_links import Links
from musicsyncd.catalog.notion_writing import Send, Values, Writing
from musicsyncd.catalog.ownership import Merge, empty, merged
from musicsyncd.errors import Degraded, MusicsyncError, NeedsPerson, Temporary
from musicsyncd.ledger.mirror import MirrorRow
from musicsyncd.notion.errors import Ambiguous, Gone, Refused
from musicsyncd.notion.fields import TRACKS
from musicsyncd.notion.values import OPTIONS, Unfit

logger = structlog.get_logger()
RETIRED: Final = "_retired"
"""Among what was written into a row: whether it was we who put it into the trash."""
SENT: Final = "_sent"
"""The same: values whose writing was not answered yet."""


class NotionCatalog(Catalog):
    """One row per track in the owner's Music Tracks."""

    name: ClassVar[str] = "notion"
    mirrored: ClassVar[bool] = True

    def __init__(
        self, book: Book, links: Links, writing: Writing, body: Body | None, *, roots: Mapping[str, str], lag: float
    ) -> None:
        """`roots`: the volumes' folders by name, as paths are written into rows; `lag` in seconds."""
        self._body = body
        self.book, self._links, self._writing, self._roots, self._lag = book, links, writing, roots, lag
        self._live: Live | None = None
        self._claims = Claims(book, lag)
        self.admit: Callable[[], Awaitable[None]] = _everybody
        """Raises what is wrong with the databases, before anything is asked of them."""
        self.on_degraded: Callable[[], None] = lambda: None
        """Called when something could not be done for now."""
        self._amending = Amending(book, writing)

    # The port

    async def publish(self, key: str, fields: Fields, *, known: str | None) -> Published:
        async with self._reaching(parks=True):
            await self.book.permit()
            wanted = await self._wanted(key, fields)
            row = await self._claims.row_for(wanted, known)
            done = await (self._update(row, wanted) if row else self._create(wanted))
            if self._body and not await self._is_out(done.id):
                await self._body.keep(done.id, fields)
            return done

    async def read(self, row_id: str) -> Row | None:
        async with self._reaching():
            await self.book.freshen()
            row = await self.book.mirror.row(self.name, row_id)
            if row is None and is_id(row_id):
                row = await self.book.fetched(row_id)
            return await self._as_row(row)

    async def verify(self, row_id: str) -> Row | None:
        if not is_id(row_id):
            return None
        async with self._reaching():
            if await self._is_out(row_id):
                return await self._as_row(await self.book.known(row_id))
            row = await self.book.back.row(row_id)
            return await self._as_row(row and await self._whole_relations(row))

    async def freshen(self) -> None:
        async with self._reaching():
            await self.book.freshen()
            await self._links.load()

    def lacks(self, fields: Fields, row: Row) -> tuple[str, ...]:
        live = self._live
        if live is None:  # nothing was read yet, so there is no row to compare
            return ()
        linked, open_ = self._links.known(live, fields)
        linked = without(linked, row.fields.get(TAKEN, {}))
        values = {**told(fields, self._roots), **linked}
        passed_over = row.edited | row.unable.keys() | self._unwritable(live, values)
        compare = same(live.props, row.fields.get(PARTIAL, ()))
        differ = [
            name
            for name, value in values.items()
            if name in live.props
            and not (name in ADDED_TO and len({*value, *(row.fields.get(name) or ())}) > OPTIONS)
            and not (empty(value) and (empty(row.fields.get(name)) or name in row.fields.get(FOREIGN, ())))
            and not compare(name, value, row.fields.get(name))
        ]
        stale = [
            name for name, pages in row.fields.get(RELATED, {}).items() if set(pages) - set(linked.get(name, pages))
        ]
        return tuple(name for name in dict.fromkeys([*differ, *open_, *stale]) if name not in passed_over)

    async def unable(self) -> Mapping[str, str]:
        return dict(self._writing.left_out)

    async def whole(self, row_id: str) -> Whole | None:
        async with self._reaching():
            found = await self._amending.found(row_id) if is_id(row_id) else None
            row = await self._as_row(await self._whole_relations(found.row)) if found else None
            return Whole(row=row, written=found.written, others=found.others) if found and row else None

    async def rewrite(self, row_id: str, values: Fields) -> bool:
        async with self._reaching():
            return is_id(row_id) and await self._amending.rewrite(row_id, values)

    async def retire(self, row_id: str) -> Row | None:
        return await self._moved(row_id, in_trash=True)

    async def revive(self, row_id: str) -> Row | None:
        return await self._moved(row_id, in_trash=False)

    async def amend(self, row_id: str, changes: Mapping[str, tuple[Any, Any]]) -> dict[str, Any]:
        async with self._reaching():
            self._live = await self.book.live()
            return await self._amending.amend(row_id, changes) if is_id(row_id) else {}

    def called(self, name: str) -> str:
        return self._live.props[name].name if self._live and name in self._live.props else name

    # Writing

    async def _create(self, wanted: Wanted) -> Published:
        if lookup(wanted.live.props, {**wanted.values, **wanted.keyed}) is None:
            raise self._nameless()
        wanted = await self._linked(wanted)
        values = {**wanted.values, **wanted.keyed}
        async with self.book.creations.sending(wanted.key, wanted.key, found_by(values)):
            page, written = await self._sent(wanted, {n: v for n, v in values.items() if not empty(v)}, self._post)
        row = await self.book.take(page)
        ours = {STOOD: stood(wanted.values, written)}
        written = {n: v for n, v in values.items() if n in written or empty(v)}
        await self._wrote(row, wanted.key, {**written, **ours})
        await self.book.creations.settled(wanted.key)
        return Published(id=row.page, created=True, changed=said(written), before={}, written=written)

    async def _update(self, row: MirrorRow, wanted: Wanted) -> Published:
        base = await self.book.mirror.base(self.name, row.page)
        if row.trashed:
            if not base.get(RETIRED):
                return Published(id=row.page, created=False, changed=(), before={})
            row = await self._restored(row)
        wanted = await self._linked(wanted)
        row = await self._whole_relations(row, wanted.values.keys())
        taken = taken_out(base, row.fields)
        base = self._as_left(base, row, wanted)
        merge = self._merge(base, row, wanted, taken)
        before = {name: row.fields.get(name) for name in merge.write}
        written: Mapping[str, Any] = {}
        if merge.write:
            await self.book.mirror.wrote(self.name, row.page, {SENT: _ours(merge.write, wanted.values)})
            try:
                page, written = await self._sent(wanted, merge.write, patch_of(self.book, row.page))
            except (Refused, Gone):
                if (now := await self.book.fetched(row.page)) and now.trashed:
                    return await self._update(now, wanted)
                raise
            await self.book.take(page)
        passed_over = merge.write.keys() - ADDED_TO | merge.kept.keys()
        stands = {n: v for n, v in wanted.values.items() if n not in passed_over}
        left = {**base, SENT: written or base.get(SENT)}
        stands[STOOD] = {**(base.get(STOOD) or {}), **stood(wanted.values, row.fields, written, taken)}
        await self._wrote(row, wanted.key, {**stands, **_ours(written, wanted.values)}, left)
        self.book.back.expect(row.page, {**stands, **written})
        return Published(
            id=row.page, created=False, changed=said(written), before=before, kept=merge.kept, written=written
        )

    def _as_left(self, base: Mapping[str, Any], row: MirrorRow, wanted: Wanted) -> dict[str, Any]:
        """What we last wrote, also where the answer to it was lost."""
        compare = same(wanted.live.props, row.fields.get(PARTIAL, ()))
        sent = {n: v for n, v in (base.get(SENT) or {}).items() if n in wanted.live.props}
        related = {n: [*(base.get(n) or ()), *v] for n, v in sent.items() if n in ADDED_TO}
        return {**base, **{n: v for n, v in sent.items() if compare(n, v, row.fields.get(n))}, **related}

    def _merge(self, base: Mapping[str, Any], row: MirrorRow, wanted: Wanted, taken: Mapping[str, list[str]]) -> Merge:
        """What is to be written, and what of a person's stays; `taken` are the pages that he took out of relations."""
        values = without({**wanted.values, **({} if row.key else wanted.keyed)}, taken)
        related = {n: added(values[n], base.get(n), row.fields.get(n)) for n in ADDED_TO & values.keys()}
        values |= related
        left = foreign(base, row.fields)
        values = {name: value for name, value in values.items() if not (empty(value) and name in left)}
        present = {name: row.fields.get(name) for name in values}
        compare = same(wanted.live.props, row.fields.get(PARTIAL, ()))
        merge = merged(base, present, values, persons=ROW_PERSONS - ADDED_TO, same=compare)
        less = {n: v for n, v in related.items() if set(v) != set(present[n] or ())}
        return Merge(
            write={n: v for n, v in {**merge.write, **less}.items() if not (empty(v) and empty(present[n]))},
            kept={**merge.kept, **{n: present[n] for n in taken.keys() & values.keys() if values[n] == present[n]}},
            conflicts=merge.conflicts,
        )

    async def _whole_relations(self, row: MirrorRow, names: Collection[str] = ADDED_TO) -> MirrorRow:
        """The row with all of its relations, of which a page shows 25."""
        props = (await self.book.live()).props
        short = set(row.fields.get(PARTIAL, ())) & ADDED_TO & set(names) & props.keys()
        if not short or row.trashed:
            return row
        fields = dict(row.fields)
        for name in short:
            fields[name] = await self._links.all_of(row.page, props[name])
        fields[PARTIAL] = [name for name in row.fields[PARTIAL] if name not in short]
        return replace(row, fields=fields)

    async def _sent(self, wanted: Wanted, values: Mapping[str, Any], send: Send) -> tuple[Mapping[str, Any], Values]:
        values = self._writing.fitting(wanted.live, values)
        return await self._writing.sent(wanted.live, values, wanted.fields, send)

    async def _post(self, live: Live, values: Values, properties: dict[str, Any]) -> Mapping[str, Any]:
        if lookup(live.props, values) is None:
            raise self._nameless()
        return await self.book.notion.create_page(live.schema.data_source, properties)

    def _nameless(self) -> Degraded:
        names = ", ".join(repr(TRACKS[name].names[0]) for name in ("external_key", *ID_PROPERTIES))
        return Degraded(
            "The row has nothing to be known by",
            target=self.target,
            why=f"The database has no property that could hold an id of this track ({names})",
            fix='Add a text property "External Key" to the database of tracks',
        )

    async def _wrote(
        self, row: MirrorRow, key: str, values: Mapping[str, Any], base: Mapping[str, Any] | None = None
    ) -> None:
        """Remember what stands there by our hand, for the next comparison and for whoever reads it back."""
        self.book.back.expect(row.page, values)
        news = {name: value for name, value in values.items() if base is None or base.get(name, ...) != value}
        if (base or {}).get(TRACK) != key:
            news[TRACK] = key
        if (base or {}).get(RETIRED):
            news[RETIRED] = False
        if (base or {}).get(SENT):
            news[SENT] = {}
        if news:
            await self.book.mirror.wrote(self.name, row.page, news)

    # The trash

    async def _moved(self, row_id: str, *, in_trash: bool) -> Row | None:
        """Put the row into the trash or bring it back; as it was, None when there is nothing to move."""
        async with self._reaching():
            row = await self.book.fetched(row_id) if is_id(row_id) else None
            if row is None or (in_trash and row.trashed):
                return None
            if row.trashed != in_trash:
                if in_trash:  # before it is done: else an end without warning would make it a person's doing
                    await self.book.mirror.wrote(self.name, row_id, {RETIRED: True})
                page = await self.book.notion.update_page(row_id, in_trash=in_trash)
                await self.book.take(page)
                await self.book.mirror.wrote(self.name, row_id, {RETIRED: in_trash})
            self._live = await self.book.live()
            return await self._as_row(replace(row, trashed=False))

    async def _restored(self, row: MirrorRow) -> MirrorRow:
        page = await self.book.notion.update_page(row.page, in_trash=False)
        await self.book.mirror.wrote(self.name, row.page, {RETIRED: False})
        return await self.book.take(page)

    async def _is_out(self, page_id: str) -> bool:
        """Whether it was a person who took the row out of the book."""
        row = await self.book.known(page_id)
        return bool(row and row.trashed) and not (await self.book.mirror.base(self.name, page_id)).get(RETIRED)

    # What it comes to

    async def _wanted(self, key: str, fields: Fields) -> Wanted:
        live = self._live = await self.book.live()
        await self._links.prepare()
        values = told(fields, self._roots)
        passed_over = self._legacy(live)
        values = {name: value for name, value in values.items() if name not in passed_over}
        values = self._writing.fitting(live, values)
        return Wanted(key=key, keyed=self._key(live, key, fields), live=live, fields=fields, values=values)

    async def _linked(self, wanted: Wanted) -> Wanted:
        """With the pages to which the row leads; these are made only for a row that is written."""
        pages = await self._links.pages(wanted.live, wanted.fields)
        return replace(wanted, values=self._writing.fitting(wanted.live, {**wanted.values, **pages}))

    def _unwritable(self, live: Live, values: Values) -> frozenset[str]:
        """Fields that Notion does not take, and those that a better property holds already."""
        return self._legacy(live) | self._writing.unable(live, values).keys()

    def _legacy(self, live: Live) -> frozenset[str]:
        """What older programs kept in one property and is read only beside the newer ones."""
        newer = any(f"fingerprint_{form}" in live.props for form in ("m4a", "wav", "aiff"))
        return frozenset({"fingerprint"} if newer else ())

    def _key(self, live: Live, key: str, fields: Fields) -> dict[str, str]:
        """What the property for a key says, if there is one that can be written."""
        if "external_key" not in live.props or "external_key" in self._writing.refused:
            return {}
        return {"external_key": external_key(key, fields)}

    async def _as_row(self, row: MirrorRow | None) -> Row | None:
        """The port's row; one that a person took out counts as his word on every field."""
        if row is None:
            return None
        if self._live is None:
            self._live = await self.book.live()
        base = await self.book.mirror.base(self.name, row.page)
        row = as_far_as_known(row, base)
        if row.trashed:
            out = not base.get(RETIRED) and TRACK in base
            return Row(id=row.page, key=row.key, fields=dict(row.fields), edited=frozenset(TRACKS)) if out else None
        compare = same(self._live.props, row.fields.get(PARTIAL, ()))
        edited = {
            name
            for name in (ROW_PERSONS - ADDED_TO) & self._live.props.keys()
            if not untouched(name, base, row.fields.get(name), compare)
        }
        return Row(id=row.page, key=row.key, fields=dict(row.fields), edited=frozenset(edited))

    @asynccontextmanager
    async def _reaching(self, *, parks: bool = False) -> AsyncIterator[None]:
        """What keeps Notion from being reached parks the track's row and nothing else. With `parks` so does a change
        that nobody answered, for Notion may read and not write; only a creation is looked for soon.
        """
        try:
            await self.admit()
            yield
        except Ambiguous as error:
            if parks and error.counts:
                raise self._degraded(error) from error
            raise
        except Degraded:
            raise
        except (Temporary, NeedsPerson, Gone, Refused, Unfit) as error:
            raise self._degraded(error) from error

    def _degraded(self, error: Exception) -> Degraded:
        self.on_degraded()
        if isinstance(error, Refused):
            logger.error("row not written", catalog=self.name, why=str(error))
        if isinstance(error, MusicsyncError):
            return Degraded(error.what, target=self.target, why=error.why, fix=error.fix)
        return Degraded("The row cannot be written", target=self.target, why=str(error))


def _ours(written: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What of it is our word: of a relation the pages that we want, and not those that others related."""
    return {name: wanted[name] if name in ADDED_TO else value for name, value in written.items()}


async def _everybody() -> None:
    """Nothing is known to be wrong."""
