"""The owner's book in Notion as it is read, and kept in the mirror: whole, by what was edited, and row by row.

Notion gives at most 10,000 rows for one query, tells times to the minute, and its queries are some seconds behind what
was written. So the whole is read in windows of `created_time`, what was edited with an overlap, and a row that was
just written is asked for by itself when a query does not show it yet.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import anyio
import structlog

from musicsyncd.catalog.notion_fields import PARTIAL, mirrored, same
from musicsyncd.clock import Clock
from musicsyncd.errors import Degraded
from musicsyncd.ledger.mirror import Mirror, MirrorRow, MirrorState
from musicsyncd.notion.client import Notion
from musicsyncd.notion.errors import Gone
from musicsyncd.notion.fields import DATABASES
from musicsyncd.notion.schema import Schema, Schemas, resolved
from musicsyncd.notion.section import NotionSection
from musicsyncd.notion.values import Property

logger = structlog.get_logger()
OVERLAP: Final = timedelta(minutes=2)
"""How far before the last look the next one begins: times are told to the minute, and queries lag."""
SHRUNK: Final = 0.1
"""Share of the rows whose vanishing between two readings is taken for an error and not for a person's doing."""
SPARED: Final = 25
"""Rows whose vanishing is never taken for an error."""
ASKED_SINGLY: Final = 200
"""Vanished rows that are asked for one by one after one reading of the whole."""
FEW: Final = 2
"""Rows that are read back one by one; more of them share a query."""
ROUNDS: Final = 3
"""Queries for a written row before it is asked for by itself."""
WINDOW: Final = 1.0
"""Seconds for which a reading back waits for others to join it."""


@dataclass(frozen=True, kw_only=True)
class Live:
    """The schema as it is, and which property holds which field."""

    schema: Schema
    props: Mapping[str, Property]
    """By field."""

    @property
    def ids(self) -> list[str]:
        """Of the properties that are read."""
        return sorted({one.id for one in self.props.values() if one.id})


@dataclass
class _Awaited:
    """A row that was written and is to be read back."""

    page: str
    since: datetime
    done: bool = False
    found: MirrorRow | None = None
    rounds: int = 0
    error: BaseException | None = field(default=None, repr=False)


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
        self._reading, self._backs = anyio.Lock(), anyio.Lock()
        self._awaited: dict[str, _Awaited] = {}
        self._expected: dict[str, tuple[float, Mapping[str, Any]]] = {}
        """What was written lately, by row: a query that shows something else is behind."""
        self._fresh_at: float | None = None
        self.refused: dict[str, str] = {}
        """Properties that Notion would not take, each with its words; forgotten with the schema."""

    async def live(self) -> Live:
        """The schema now, at most an hour old."""
        schema = await self._schemas.of(self.database)
        props = resolved(schema, DATABASES[self._kind], self._section.names(self._kind))
        return Live(schema=schema, props=props)

    def forget_schema(self) -> None:
        """Ask for it again: something was refused that should have fitted."""
        self._schemas.forget(self.database)

    # The whole, and what is new

    async def freshen(self, *, within: float | None = None) -> None:
        """Bring the mirror up to date; whoever asks meanwhile, or within so many seconds, shares the look."""
        limit = self._section.mirror_every if within is None else within
        began = self.clock.monotonic()
        async with self._reading:
            at = self._fresh_at
            if at is not None and (at >= began or began - at < limit):
                return
            state = await self.mirror.state(self.name)
            await (self._edited(state) if state.full_at else self._whole(state))
            self._fresh_at = began

    async def read_whole(self) -> None:
        """Read every row, to find what is gone."""
        async with self._reading:
            began = self.clock.monotonic()
            await self._whole(await self.mirror.state(self.name))
            self._fresh_at = began

    async def whole_due(self) -> bool:
        """Whether the whole was not read for longer than the settings say."""
        state = await self.mirror.state(self.name)
        if not state.full_at:
            return True
        age = self.clock.now() - datetime.fromisoformat(state.full_at)
        return age.total_seconds() >= self._section.mirror_full_every

    async def _whole(self, state: MirrorState) -> None:
        began, number, live = self.clock.now(), state.number + 1, await self.live()
        async for some in self._all(live):
            await self._put(some, live, seen=number)
        note = await self._settle_missing(state, number, _minute(began - OVERLAP))
        if note:
            logger.error("catalog shrank", catalog=self.name, why=note)
        state = MirrorState(
            watermark=_minute(began), full_at=began.isoformat(timespec="milliseconds"), number=number,
            rows=await self.mirror.count(self.name), note=note,
        )  # fmt: skip
        await self.mirror.set_state(self.name, state)

    async def _all(self, live: Live) -> AsyncIterator[list[MirrorRow]]:
        """Every row, in windows of creation: what one query does not give, the next one begins with."""
        start, seen = "", set[str]()
        while True:
            last, incomplete, window = start, False, set[str]()
            async for answer in self._pages(live, "created_time", start):
                rows = [mirrored(one, live.props) for one in answer["results"]]
                new = [row for row in rows if row.page not in seen]
                window |= {row.page for row in rows if row.created == rows[-1].created}
                last = rows[-1].created if rows else last
                incomplete = (answer.get("request_status") or {}).get("type") == "incomplete"
                if new:
                    yield new
            if not incomplete:
                return
            if last == start:
                raise Degraded(
                    "Notion does not give all rows of one minute", target=f"catalog:{self.name}",
                    why=f"More rows were created at {start} than one query gives",
                )  # fmt: skip
            start, seen = last, window

    async def _pages(
        self, live: Live, stamp: str, start: str, *, in_trash: bool = False
    ) -> AsyncIterator[Mapping[str, Any]]:
        """The pages of one query, in order of a time stamp, from a moment on."""
        wanted = {"timestamp": stamp, stamp: {"on_or_after": start}} if start else None
        cursor: str | None = None
        while True:
            answer = await self.notion.query(
                live.schema.data_source,
                filter=wanted,
                sorts=[{"timestamp": stamp, "direction": "ascending"}],
                in_trash=in_trash,
                start_cursor=cursor,
                filter_properties=live.ids,
            )
            yield answer
            cursor = answer.get("next_cursor")
            if not answer.get("has_more") or not cursor:
                return

    async def _settle_missing(self, state: MirrorState, number: int, before: str) -> str:
        """What became of rows that are not listed any more, though created before a moment; a sentence when nobody can
        have meant that.
        """
        some = self.mirror.missing_since(self.name, number)
        missing = [row async for rows in some for row in rows if row.created < before]
        if len(missing) > max(SPARED, SHRUNK * state.rows):
            return f"{len(missing)} of {state.rows} rows are not listed any more: that is believed of none of them"
        for row in missing[:ASKED_SINGLY]:
            await self._settle_one(row)
        return ""

    async def _settle_one(self, row: MirrorRow) -> None:
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
        began, live = self.clock.now(), await self.live()
        start = _minute(datetime.fromisoformat(state.watermark) - OVERLAP)
        for in_trash in (False, True):
            async for answer in self._pages(live, "last_edited_time", start, in_trash=in_trash):
                if (answer.get("request_status") or {}).get("type") == "incomplete":
                    await self._whole(state)
                    return
                await self._put([mirrored(one, live.props) for one in answer["results"]], live)
        await self.mirror.set_state(self.name, replace(state, watermark=_minute(began)))

    # Single rows

    async def fetched(self, page_id: str) -> MirrorRow | None:
        """The row as it stands now, asked for by itself; None for one that is not to be seen."""
        try:
            page = await self.notion.page(page_id)
        except Gone:
            return None
        return await self.take(page)

    async def take(self, page: Mapping[str, Any]) -> MirrorRow:
        """Write down a row as Notion just answered it."""
        row = self.row_of(page, await self.live())
        await self.mirror.put(self.name, [row])
        return row

    async def found(self, wanted: Mapping[str, Any]) -> list[MirrorRow]:
        """The rows that a filter finds, the oldest first."""
        live = await self.live()
        answer = await self.notion.query(
            live.schema.data_source, filter=wanted, sorts=[{"timestamp": "created_time", "direction": "ascending"}]
        )
        return [await self.take(one) for one in answer["results"]]

    async def read_back(self, page_id: str) -> MirrorRow | None:
        """A row after it was written, as Notion reads it: several that wait share a query."""
        mine = self._awaited.setdefault(page_id, _Awaited(page_id, self.clock.now()))
        try:
            while not mine.done:
                async with self._backs:
                    if not mine.done:
                        await self._read_some_back(mine)
        finally:
            self._awaited.pop(page_id, None)
        if mine.error:
            raise mine.error
        return mine.found

    async def _read_some_back(self, mine: _Awaited) -> None:
        """One reading for all who wait: whoever leads it asks, the others find it done."""
        if len(self._awaited) + self.notion.waiting > FEW:
            await self.clock.sleep(WINDOW)
        waiting = [one for one in self._awaited.values() if not one.done]
        if len(waiting) <= FEW or mine.rounds >= ROUNDS:
            mine.found, mine.done = await self.fetched(mine.page), True
            return
        live = await self.live()
        start = _minute(min(one.since for one in waiting) - OVERLAP)
        shown = {row.page: row async for row in self._shown(live, start, len(waiting))}
        for one in waiting:
            one.rounds += 1
            row = shown.get(one.page)
            if row and self._is_written(row, live):
                one.found, one.done = row, True

    async def _shown(self, live: Live, start: str, most: int) -> AsyncIterator[MirrorRow]:
        """What was edited lately, the latest first."""
        cursor: str | None = None
        for _ in range(1 + most // 50):
            answer = await self.notion.query(
                live.schema.data_source,
                filter={"timestamp": "last_edited_time", "last_edited_time": {"on_or_after": start}},
                sorts=[{"timestamp": "last_edited_time", "direction": "descending"}],
                start_cursor=cursor,
                filter_properties=live.ids,
            )
            rows = [mirrored(one, live.props) for one in answer["results"]]
            await self._put(rows, live)
            for row in rows:
                yield row
            cursor = answer.get("next_cursor")
            if not answer.get("has_more") or not cursor:
                return

    def expects(self, page_id: str, values: Mapping[str, Any]) -> None:
        """These values were written just now."""
        now = self.clock.monotonic()
        self._expected = {page: one for page, one in self._expected.items() if now - one[0] < self._section.lag}
        self._expected[page_id] = (now, values)

    def _is_written(self, row: MirrorRow, live: Live) -> bool:
        """Whether a row from a query shows what was last written into it."""
        at, values = self._expected.get(row.page, (0.0, {}))
        if not values or self.clock.monotonic() - at >= self._section.lag:
            return True
        compare = same(live.props, row.fields.get(PARTIAL, ()))
        return all(compare(name, value, row.fields.get(name)) for name, value in values.items())

    async def _put(self, rows: Sequence[MirrorRow], live: Live, *, seen: int = 0) -> None:
        """Rows of a query, less those of which it shows what stood there before we wrote."""
        now, before = list[MirrorRow](), list[MirrorRow]()
        for row in rows:
            (now if self._is_written(row, live) else before).append(row)
        await self.mirror.put(self.name, now, seen=seen)
        if seen and before:
            known = [await self.mirror.row(self.name, row.page) for row in before]
            await self.mirror.put(self.name, [row for row in known if row], seen=seen)


def _minute(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(second=0, microsecond=0).isoformat(timespec="milliseconds")


def _parent(page: Mapping[str, Any]) -> str:
    return str((page.get("parent") or {}).get("data_source_id") or "")
