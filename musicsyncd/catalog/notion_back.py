"""Rows read back after they were written: many that wait share one question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import anyio

from musicsyncd.catalog.notion_fields import PARTIAL, condition, same
from musicsyncd.clock import Clock
from musicsyncd.ledger.mirror import MirrorRow
from musicsyncd.notion.errors import Refused
from musicsyncd.notion.values import Property

FEW: Final = 2
"""Rows that are read back one by one; more of them share a query."""
MOST: Final = 100
"""Rows that one query can be asked for."""
ROUNDS: Final = 3
"""Queries for a written row before it is asked for by itself."""
WINDOW: Final = 1.0
"""Seconds for which a reading back waits for others to join it."""


class Rows(Protocol):
    """Whence rows are read back."""

    clock: Clock

    @property
    def busy(self) -> int:
        """Questions that wait for their turn."""

    async def props(self) -> Mapping[str, Property]:
        """The live properties by field."""

    async def known(self, page_id: str) -> MirrorRow | None:
        """The row as it was last read, for what it can be found by."""

    async def fetched(self, page_id: str) -> MirrorRow | None:
        """The row, asked for by itself."""

    async def shown(self, wanted: Mapping[str, Any]) -> list[MirrorRow]:
        """The rows that a filter finds, at most a hundred."""


@dataclass
class _Awaited:
    """A row that was written and is to be read back."""

    page: str
    done: bool = False
    found: MirrorRow | None = None
    rounds: int = 0


@dataclass
class ReadBack:
    """Of one database. Raises what the client raises."""

    rows: Rows
    lag: float
    """Seconds by which a query may be behind."""
    _reading: anyio.Lock = field(default_factory=anyio.Lock)
    _awaited: dict[str, _Awaited] = field(default_factory=dict)
    _expected: dict[str, tuple[float, Mapping[str, Any]]] = field(default_factory=dict)
    """What was written lately, by row, the latest last: a query that shows something else is behind."""

    async def row(self, page_id: str) -> MirrorRow | None:
        """The row as Notion reads it; None for one that is not to be seen."""
        mine = self._awaited.setdefault(page_id, _Awaited(page_id))
        try:
            while not mine.done:
                async with self._reading:
                    if not mine.done:
                        await self._read_some(mine)
        finally:
            self._awaited.pop(page_id, None)
        return mine.found

    async def _read_some(self, mine: _Awaited) -> None:
        """One reading for all who wait: whoever leads it asks, the others find it done."""
        if len(self._awaited) + self.rows.busy > FEW:
            await self.rows.clock.sleep(WINDOW)
        waiting = [mine, *(one for one in self._awaited.values() if not one.done and one is not mine)][:MOST]
        wanted = {} if len(waiting) <= FEW or mine.rounds >= ROUNDS else await self._conditions(waiting)
        if mine.page not in wanted:
            mine.found, mine.done = await self.rows.fetched(mine.page), True
            return
        await self._read_together([one for one in waiting if one.page in wanted], list(wanted.values()))

    async def _conditions(self, waiting: list[_Awaited]) -> dict[str, dict[str, Any]]:
        """What each can be found by."""
        props, found = await self.rows.props(), {}
        for one in waiting:
            row = await self.rows.known(one.page)
            if row and (wanted := condition(props, row.fields)):
                found[one.page] = wanted
        return found

    async def _read_together(self, waiting: list[_Awaited], wanted: list[dict[str, Any]]) -> None:
        for one in waiting:
            one.rounds += 1
        try:
            shown = {row.page: row for row in await self.rows.shown({"or": wanted})}
        except Refused:  # the properties are others by now: each is asked for by itself
            waiting[0].rounds = ROUNDS
            return
        props = await self.rows.props()
        for one in waiting:
            if (row := shown.get(one.page)) and self.is_written(row, props):
                one.found, one.done = row, True

    def expect(self, page_id: str, values: Mapping[str, Any]) -> None:
        """These values were written just now."""
        now = self.rows.clock.monotonic()
        while self._expected and now - next(iter(self._expected.values()))[0] >= self.lag:
            del self._expected[next(iter(self._expected))]
        self._expected.pop(page_id, None)
        self._expected[page_id] = (now, values)

    def is_written(self, row: MirrorRow, props: Mapping[str, Property]) -> bool:
        """Whether a row from a query shows what was last written into it."""
        at, values = self._expected.get(row.page, (0.0, {}))
        if not values or self.rows.clock.monotonic() - at >= self.lag:
            return True
        compare = same(props, row.fields.get(PARTIAL, ()))
        return all(compare(name, value, row.fields.get(name)) for name, value in values.items() if name in props)
