"""The owner's book in Notion as it is read, and kept in the mirror: whole, by what was edited, and row by row.

Notion gives at most 10,000 rows for one query, tells times to the minute, and its queries are some seconds behind what
was written. So the whole is read in windows of `created_time`, what was edited with an overlap and by Notion's own
clock, and a row that was just written is asked for by itself when a query does not show it yet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import anyio
import structlog

from musicsyncd.catalog.notion_back import ReadBack
from musicsyncd.catalog.notion_belief import Belief
from musicsyncd.catalog.notion_creations import Creations
from musicsyncd.catalog.notion_fields import mirrored
from musicsyncd.catalog.notion_live import Live as Live
from musicsyncd.catalog.notion_whole import OVERLAP, Answers, Wholes, is_incomplete, minute
from musicsyncd.clock import Clock
from musicsyncd.ledger.mirror import Mirror, MirrorRow, MirrorState
from musicsyncd.notion.client import Notion
from musicsyncd.notion.errors import Gone, Refused
from musicsyncd.notion.fields import DATABASES
from musicsyncd.notion.schema import Schemas, resolved
from musicsyncd.notion.section import NotionSection
from musicsyncd.notion.values import Property

logger = structlog.get_logger()
MINUTE: Final = timedelta(minutes=1)
"""How precisely Notion tells times."""


class Book:
    """One database of rows. Raises what the client raises."""

    def __init__(
        self, notion: Notion, schemas: Schemas, mirror: Mirror, section: NotionSection, clock: Clock, kind: str
    ) -> None:
        """`kind` is `tracks`, `artists`, …; the mirror knows the tracks' book as `notion`, others by their kind too."""
        self.notion, self.mirror, self.clock = notion, mirror, clock
        self._schemas, self._section, self._kind = schemas, section, kind
        self.name = "notion" if kind == "tracks" else f"notion:{kind}"
        self.database = section.databases()[kind]
        self._reading, self._beginning = anyio.Lock(), anyio.Lock()
        self._fresh_at: float | None = None
        self._source = ""
        self._live: Live | None = None
        self.creations = Creations(mirror, self.name, clock, section.lag)
        self._newest = ("", 0.0)
        """The latest edit that was seen, by Notion's clock, and since when it is the latest, by ours."""
        self.back, self._wholes = ReadBack(self, section.lag), Wholes(self)
        self.belief = Belief(mirror, self.name)

    async def live(self) -> Live:
        """The schema now, at most an hour old."""
        schema = await self._schemas.of(self.database)
        if schema.data_source != self._source:
            await self._begin(schema.data_source)
        if self._live is None or self._live.schema is not schema:
            props = resolved(schema, DATABASES[self._kind], self._section.names(self._kind))
            self._live = Live(schema=schema, props=props)
            self._doubt(props)
        return self._live

    def _doubt(self, props: Mapping[str, Property]) -> None:
        """Without what each row needs, the schema is believed for this once only."""
        needed = {name: field for name, field in DATABASES[self._kind].items() if field.required}
        if not all(name in props and props[name].type in field.kinds for name, field in needed.items()):
            self.forget_schema()
            self.notion.on_doubt()

    async def _begin(self, source: str) -> None:
        """Nothing is known of another database than the one that was read so far."""
        async with self._beginning:
            state = await self.mirror.state(self.name)
            self.belief.note = state.note
            if state.source and state.source != source:
                await self.belief.another(source)
                self._fresh_at = None
            elif not state.source:
                await self.mirror.set_state(self.name, replace(state, source=source))
            self._source = source

    async def permit(self) -> None:
        """Let rows be written; NeedsPerson while this may be the wrong database, which one reading of it tells."""
        await self.live()
        if self.belief.note and not (await self.mirror.state(self.name)).full_at:
            await self.freshen(within=0.0)
        self.belief.permit()

    async def accept(self) -> str:
        """A person says that what was told of the book is meant so; what that was. BadInput where it was nothing."""
        async with self._reading:
            self._fresh_at = None
            return await self.belief.accept()

    def forget_schema(self) -> None:
        """Ask for it again: something was refused that should have fitted."""
        self._schemas.forget(self.database)

    async def _asked(self, **asked: Any) -> tuple[Mapping[str, Any], Live]:
        """One page of a query, and the properties that it shows: where these changed meanwhile, it is asked again."""
        live = await self.live()
        try:
            return await self._query(live, asked), live
        except Refused:
            self.forget_schema()
            now = await self.live()
            if now == live:
                raise
            return await self._query(now, asked), now

    async def _query(self, live: Live, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        return await self.notion.query(live.schema.data_source, filter_properties=live.ids, **asked)

    # The whole, and what is new

    async def freshen(self, *, within: float | None = None) -> bool:
        """Bring the mirror up to date; whoever asks meanwhile, or within so many seconds, shares the look. Whether
        there was one.
        """
        limit = self._section.mirror_every if within is None else within
        began = self.clock.monotonic()
        if self._is_fresh(began, limit):
            return False
        async with self._reading:
            if self._is_fresh(began, limit):
                return False
            await self.live()  # the state is of this database then
            state = await self.mirror.state(self.name)
            await (self._edited(state) if state.full_at else self._wholes.read())
            self._fresh_at = began
            return True

    def _is_fresh(self, began: float, limit: float) -> bool:
        at = self._fresh_at
        return at is not None and (at >= began or began - at < limit)

    async def read_whole(self) -> None:
        """Read every row, to find what is gone; meanwhile others find the book as fresh as it is."""
        await self.live()
        await self._wholes.read()

    async def whole_due(self) -> bool:
        """Whether the whole was not read for longer than the settings say, or at a moment that has yet to come."""
        state = await self.mirror.state(self.name)
        if not state.full_at:
            return True
        age = self.clock.now() - datetime.fromisoformat(state.full_at)
        return not 0 <= age.total_seconds() < self._section.mirror_full_every

    async def newest(self) -> str:
        """When a row was last edited, as Notion tells time; empty when there is none."""
        sorts = [{"timestamp": "last_edited_time", "direction": "descending"}]
        answer, live = await self._asked(sorts=sorts, page_size=1)
        return next((mirrored(one, live.props).edited for one in answer["results"]), "")

    async def pages(self, stamp: str, start: str, *, in_trash: bool = False) -> Answers:
        """The pages of one query, in order of a time stamp, from a moment on."""
        wanted = {"timestamp": stamp, stamp: {"on_or_after": start}} if start else None
        sorts = [{"timestamp": stamp, "direction": "ascending"}]
        cursor: str | None = None
        while True:
            answer, live = await self._asked(filter=wanted, sorts=sorts, in_trash=in_trash, start_cursor=cursor)
            yield answer, live
            before, cursor = cursor, answer.get("next_cursor")
            if not answer.get("has_more") or not cursor or cursor == before:
                return

    async def settle(self, row: MirrorRow) -> None:
        """Trashed, moved to another database, or not to be seen any more: it is not in the book."""
        try:
            page = await self.notion.page(row.page)
        except Gone:
            await self.mirror.put(self.name, [replace(row, trashed=True)])
            return
        live = await self.live()
        await self.mirror.put(self.name, [self.row_of(page, live)])

    def row_of(self, page: Mapping[str, Any], live: Live) -> MirrorRow:
        """A page as a row; one that was moved elsewhere is out of this book."""
        row = mirrored(page, live.props)
        return row if _parent(page) in ("", live.schema.data_source) else replace(row, trashed=True)

    async def _edited(self, state: MirrorState) -> None:
        """What was edited or trashed since the last look: two questions when it was little."""
        began, newest, start = self.clock.monotonic(), "", ""
        if state.watermark:
            start = minute(min(datetime.fromisoformat(state.watermark), self.clock.now()) - OVERLAP)
        for in_trash in (False, True):
            latest = ""
            async for answer, live in self.pages("last_edited_time", start, in_trash=in_trash):
                if is_incomplete(answer):
                    await self._wholes.read()
                    return
                rows = [mirrored(one, live.props) for one in answer["results"]]
                await self.put(rows, live)
                latest = max([latest, *(row.edited for row in rows)])
            newest = newest or latest
        if newest:
            await self.mirror.set_watermark(self.name, self._advanced(state, newest, began))

    def _advanced(self, state: MirrorState, newest: str, began: float) -> str:
        """Up to where every edit is known now, by Notion's clock: ours may be another. Where nothing newer came for a
        while, all that was edited in that minute is known, and it is not read again.
        """
        if newest != self._newest[0]:
            self._newest = (newest, began)
        known = datetime.fromisoformat(newest)
        if began - self._newest[1] >= OVERLAP.total_seconds():
            known += OVERLAP + MINUTE
        before = min(datetime.fromisoformat(state.watermark or newest), self.clock.now())
        return minute(max(before, min(known, self.clock.now())))

    # Single rows

    @property
    def busy(self) -> int:
        """Questions that wait for their turn."""
        return self.notion.waiting

    async def props(self) -> Mapping[str, Property]:
        """The live properties by field."""
        return (await self.live()).props

    async def known(self, page_id: str) -> MirrorRow | None:
        """The row as it was last read."""
        return await self.mirror.row(self.name, page_id)

    async def fetched(self, page_id: str) -> MirrorRow | None:
        """The row as it stands now, asked for by itself; None for one that never was in this book. One that is gone for
        ever, or was moved elsewhere, is like one in the trash.
        """
        try:
            page = await self.notion.page(page_id)
        except Gone:
            return await self._gone(page_id)
        elsewhere = _parent(page) not in ("", (await self.live()).schema.data_source)
        if elsewhere and await self.known(page_id) is None:
            return None
        return await self.take(page)

    async def _gone(self, page_id: str) -> MirrorRow | None:
        """A row that is not to be seen, while its database is: else that is what is raised."""
        row = await self.known(page_id)
        if row is None:
            return None
        self.forget_schema()
        await self.live()
        row = replace(row, trashed=True)
        await self.mirror.put(self.name, [row])
        return row

    async def take(self, page: Mapping[str, Any]) -> MirrorRow:
        """Write down a row as Notion just answered it."""
        row = self.row_of(page, await self.live())
        await self.mirror.put(self.name, [row])
        return row

    async def shown(self, wanted: Mapping[str, Any]) -> list[MirrorRow]:
        """The rows that a filter finds, the oldest first, at most a hundred."""
        answer, live = await self._asked(filter=wanted, sorts=[{"timestamp": "created_time", "direction": "ascending"}])
        rows = [mirrored(one, live.props) for one in answer["results"]]
        await self.put(rows, live)
        return rows

    async def put(self, rows: Sequence[MirrorRow], live: Live, *, seen: int = 0) -> None:
        """Rows of a query, less those of which it shows what stood there before we wrote."""
        now, before = list[MirrorRow](), list[MirrorRow]()
        for row in rows:
            (now if self.back.is_written(row, live.props) else before).append(row)
        await self.mirror.put(self.name, now, seen=seen)
        if seen and before:
            known = [await self.mirror.row(self.name, row.page) for row in before]
            await self.mirror.put(self.name, [row for row in known if row], seen=seen)


def _parent(page: Mapping[str, Any]) -> str:
    return str((page.get("parent") or {}).get("data_source_id") or "")
