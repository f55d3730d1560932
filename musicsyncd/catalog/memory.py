"""The catalog's twin in memory, for a house without a database and for the faults that a real one seldom shows."""

from __future__ import annotations

import copy
import itertools
import json
from typing import ClassVar

from musicsyncd.catalog.base import Catalog, Fields, Published, Row, differing
from musicsyncd.errors import Degraded, Temporary


class MemoryCatalog(Catalog):
    """A dictionary of rows; `away` makes it unreachable, `lose_answers` applies a write and then breaks off."""

    name: ClassVar[str] = "memory"

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.trash: dict[str, Row] = {}
        self._numbers = itertools.count(1)
        self.writes = 0
        self.away = False
        self.lose_answers = 0

    async def publish(self, key: str, fields: Fields, *, known: str | None) -> Published:
        self._reach()
        fields = json.loads(json.dumps(dict(fields)))
        held = self.rows | self.trash
        row = held.get(known or "") or next((one for one in held.values() if one.key == key), None)
        if row and self.trash.pop(row.id, None):
            self.rows[row.id] = row
        present = row.fields if row else {}
        changed = differing(fields, present)
        row_id = row.id if row else f"row-{next(self._numbers)}"
        if changed or row is None:
            self.writes += 1
            self.rows[row_id] = Row(id=row_id, key=row.key if row else key, fields=present | dict(fields))
        if self.lose_answers:
            self.lose_answers -= 1
            raise Temporary("The memory catalog broke off before it answered", delay=0)
        before = {name: present[name] for name in changed if name in present}
        return Published(id=row_id, created=row is None, changed=changed, before=before)

    async def read(self, row_id: str) -> Row | None:
        self._reach()
        return copy.deepcopy(self.rows.get(row_id))

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

    def _reach(self) -> None:
        if self.away:
            raise Degraded("The memory catalog is away", target=self.target)
