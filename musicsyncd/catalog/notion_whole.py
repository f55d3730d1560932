"""A database in Notion read from end to end, to find what is gone. One reading serves all who ask while it goes on.

Notion gives at most 10,000 rows for one query: what one does not give, the next one begins with. A reading that failed
goes on where it stood, and not at once: till then whoever asks hears what was wrong.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

import anyio

from musicsyncd.catalog.notion_belief import MEANT, Belief
from musicsyncd.catalog.notion_fields import mirrored
from musicsyncd.catalog.notion_live import Live
from musicsyncd.clock import Clock
from musicsyncd.errors import Degraded, MusicsyncError, Temporary
from musicsyncd.ledger.mirror import Mirror, MirrorRow

OVERLAP: Final = timedelta(minutes=2)
"""How far before the last look the next one begins: times are told to the minute, and queries lag."""
SHRUNK: Final = 0.1
"""Share of the rows whose vanishing between two readings is taken for an error and not for a person's doing."""
SPARED: Final = 25
"""Rows whose vanishing is never taken for an error."""
ASKED_SINGLY: Final = 200
"""Vanished rows that are asked for one by one after one reading of the whole."""
RESTS: Final = 60.0
"""Seconds after which a reading that failed goes on."""
RESTS_LONG: Final = 300.0
"""The same where waiting alone hardly helps."""
KEPT: Final = 3600.0
"""Seconds after its beginning for which a reading can go on."""

Answers = AsyncIterator[tuple[Mapping[str, Any], Live]]


class Asked(Protocol):
    """What is read."""

    mirror: Mirror
    clock: Clock
    name: str
    belief: Belief

    def pages(self, stamp: str, start: str) -> Answers:
        """The pages of one query, in order of a time stamp, from a moment on."""

    async def newest(self) -> str:
        """When a row was last edited, as Notion tells time; empty when there is none."""

    async def put(self, rows: list[MirrorRow], live: Live, *, seen: int = 0) -> None:
        """Write down rows of a query."""

    async def settle(self, row: MirrorRow) -> None:
        """Find out what became of a row that is not listed."""


@dataclass
class _Pass:
    """A reading on its way."""

    number: int
    source: str
    rows: int
    """That there were the last time."""
    began: datetime
    newest: str
    last: str = ""
    """When the last row was created that was read."""
    window: set[str] = field(default_factory=set)
    """Rows that were read and that a query from there on gives again."""


class Wholes:
    """Of one database. Raises what the client raises."""

    def __init__(self, book: Asked) -> None:
        self._book = book
        self._reading = anyio.Lock()
        self._pass: _Pass | None = None
        self._done_at: float | None = None
        self._failed: tuple[float, MusicsyncError] | None = None
        """Until when it rests, and why."""

    async def read(self) -> None:
        """Every row is known afterwards, and what became of those that are not listed any more."""
        clock, asked = self._book.clock, self._book.clock.monotonic()
        async with self._reading:
            if self._done_at is not None and self._done_at >= asked:
                return
            if self._failed and clock.monotonic() < self._failed[0]:
                raise self._failed[1]
            try:
                await self._through()
            except MusicsyncError as error:
                rests = RESTS if isinstance(error, Temporary) else RESTS_LONG
                self._failed = (clock.monotonic() + rests, error)
                raise
            self._pass, self._failed, self._done_at = None, None, clock.monotonic()

    async def _through(self) -> None:
        one = self._pass = await self._begun()
        async for some, live in self._all(one):
            await self._book.put(some, live, seen=one.number)
        shrank = await self._settle_missing(one)
        mirror, name = self._book.mirror, self._book.name
        state = await mirror.state(name)
        note = await self._book.belief.read(state, shrank)
        state = replace(
            state, watermark=one.newest and minute(datetime.fromisoformat(one.newest)), number=one.number, note=note,
            full_at=one.began.isoformat(timespec="milliseconds"), rows=await mirror.count(name),
        )  # fmt: skip
        await mirror.set_state(name, state)

    async def _begun(self) -> _Pass:
        """The reading that failed, where it can go on; else a new one."""
        state, now, one = await self._book.mirror.state(self._book.name), self._book.clock.now(), self._pass
        if one and one.source == state.source and 0 <= (now - one.began).total_seconds() < KEPT:
            return one
        newest = await self._book.newest()  # what is edited from here on, the next look at edits finds
        return _Pass(number=state.number + 1, source=state.source, rows=state.rows, began=now, newest=newest)

    async def _all(self, one: _Pass) -> AsyncIterator[tuple[list[MirrorRow], Live]]:
        """Every row that was not read yet, in windows of creation."""
        while True:
            start, seen, incomplete, one.window = one.last, one.window, False, set()
            async for answer, live in self._book.pages("created_time", start):
                rows = [mirrored(page, live.props) for page in answer["results"]]
                if new := [row for row in rows if row.page not in seen]:
                    yield new, live
                one.last = rows[-1].created if rows else one.last
                one.window |= {row.page for row in rows if row.created == one.last}
                incomplete = is_incomplete(answer)
            if not incomplete:
                return
            if one.last == start:
                raise Degraded(
                    "Notion does not give all rows of one minute", target=f"catalog:{self._book.name}",
                    why=f"More rows were created at {start} than one query gives",
                )  # fmt: skip

    async def _settle_missing(self, one: _Pass) -> str:
        """What became of rows that are not listed any more, though created before the reading; a sentence when nobody
        can have meant that.
        """
        mirror, name, before = self._book.mirror, self._book.name, minute(one.began - OVERLAP)
        if (await mirror.state(name)).note == MEANT:
            while rows := await mirror.missing(name, one.number, before, limit=ASKED_SINGLY):
                await mirror.put(name, [replace(row, trashed=True) for row in rows])
            return ""
        gone = await mirror.count_missing(name, one.number, before)
        if gone > max(SPARED, SHRUNK * one.rows):
            return f"{gone} of {one.rows} rows are not listed any more: that is believed of none of them"
        for row in await mirror.missing(name, one.number, before, limit=ASKED_SINGLY):
            await self._book.settle(row)
        return ""


def minute(moment: datetime) -> str:
    """The beginning of its minute, in UTC."""
    return moment.astimezone(UTC).replace(second=0, microsecond=0).isoformat(timespec="milliseconds")


def is_incomplete(answer: Mapping[str, Any]) -> bool:
    """Whether a query gave only as many rows as one gives."""
    return bool((answer.get("request_status") or {}).get("type") == "incomplete")
