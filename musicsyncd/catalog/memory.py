"""The catalog's twin in memory, for a house without a database and for the faults that a real one seldom shows."""

from __future__ import annotations

import copy
import itertools
import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from musicsyncd.catalog.base import Catalog, Fields, Published, Row, Whole
from musicsyncd.catalog.ownership import PERSONS, Merge, merged
from musicsyncd.errors import Degraded, Temporary


class MemoryCatalog(Catalog):
    """A dictionary of rows; `away` makes it unreachable, `lose_answers` applies a write and then breaks off, and
    `edit` is a person who writes into a row.
    """

    name: ClassVar[str] = "memory"

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.trash: dict[str, Row] = {}
        self._wrote: defaultdict[str, dict[str, Any]] = defaultdict(dict)
        """What we wrote last where a person's word stands now, by row."""
        self._numbers = itertools.count(1)
        self.writes, self.freshened = 0, 0
        self.away = False
        self.lose_answers = 0

    async def publish(self, key: str, fields: Fields, *, known: str | None) -> Published:
        self._reach()
        fields = json.loads(json.dumps(dict(fields)))
        held = self.rows | self.trash
        row = held.get(known or "") or next((one for one in held.values() if one.key == key), None)
        if row and self.trash.pop(row.id, None):
            self.rows[row.id] = row
        merge = merged(self._base(row) if row else {}, row.fields if row else {}, fields)
        row_id = self._write(row or Row(id=f"row-{next(self._numbers)}", key=key, fields={}), merge, new=row is None)
        if self.lose_answers:
            self.lose_answers -= 1
            raise Temporary("The memory catalog broke off before it answered", delay=0)
        before = {name: row.fields[name] for name in merge.write if row and name in row.fields}
        return Published(
            id=row_id, created=row is None, changed=tuple(merge.write), before=before, kept=copy.deepcopy(merge.kept)
        )

    def _base(self, row: Row) -> dict[str, Any]:
        """What we last wrote: all that stands there, but for what a person changed."""
        return {name: value for name, value in row.fields.items() if name not in row.edited} | self._wrote[row.id]

    def _write(self, row: Row, merge: Merge, *, new: bool) -> str:
        self.writes += bool(merge.write or new)
        edited = row.edited & merge.kept.keys()
        self.rows[row.id] = replace(row, fields=row.fields | dict(merge.write), edited=edited)
        self._wrote[row.id] = {name: value for name, value in self._wrote[row.id].items() if name in edited}
        return row.id

    def edit(self, row_id: str, **fields: Any) -> None:
        """A person writes into the row; in a field of ours it does not last."""
        row = self.rows[row_id]
        his = PERSONS.intersection(fields)
        self._wrote[row_id] |= {name: row.fields[name] for name in his - row.edited if name in row.fields}
        self.rows[row_id] = replace(row, fields=row.fields | fields, edited=row.edited | his)

    async def read(self, row_id: str) -> Row | None:
        self._reach()
        return copy.deepcopy(self.rows.get(row_id))

    async def whole(self, row_id: str) -> Whole | None:
        row = await self.read(row_id)
        return Whole(row=row, written=frozenset(self._base(row))) if row else None

    async def rewrite(self, row_id: str, values: Fields) -> bool:
        self._reach()
        if row_id not in self.rows:
            return False
        self.writes += 1
        self.edit(row_id, **json.loads(json.dumps(dict(values))))
        return True

    async def freshen(self) -> None:
        self._reach()
        self.freshened += 1

    async def retire(self, row_id: str) -> Row | None:
        self._reach()
        row = self.rows.pop(row_id, None)
        if row:
            self.trash[row_id] = row
        return copy.deepcopy(row)

    async def revive(self, row_id: str) -> Row | None:
        self._reach()
        if row := self.trash.pop(row_id, None):
            self.rows[row_id] = row
        return copy.deepcopy(self.rows.get(row_id))

    async def amend(self, row_id: str, changes: Mapping[str, tuple[Any, Any]]) -> dict[str, Any]:
        self._reach()
        if (row := self.rows.get(row_id)) is None:
            return {}
        due = {name: new for name, (old, new) in changes.items() if row.fields.get(name) == old != new}
        self.rows[row_id] = replace(row, fields=row.fields | due)
        self.writes += bool(due)
        if self.lose_answers:
            self.lose_answers -= 1
            raise Temporary("The memory catalog broke off before it answered", delay=0)
        return {name: row.fields.get(name) for name in due}

    def _reach(self) -> None:
        if self.away:
            raise Degraded("The memory catalog is away", target=self.target)
