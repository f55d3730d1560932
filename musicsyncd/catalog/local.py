"""The embedded catalog: rows in the daemon's own database. With no account anywhere, this is the owner's book."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from musicsyncd.catalog.base import Catalog, Fields, Published, Row, Whole, differing
from musicsyncd.clock import Clock
from musicsyncd.database import Database

MIGRATIONS: Final = (
    """
    CREATE TABLE catalog_row (
        id TEXT PRIMARY KEY,
        key TEXT NOT NULL UNIQUE,       -- no row is ever doubled: the database itself refuses
        fields TEXT NOT NULL,
        created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL
    ) WITHOUT ROWID;
    """,
    """
    ALTER TABLE catalog_row ADD COLUMN retired_at TEXT;  -- when it went to the trash; NULL: it is in the book
    """,
)


class LocalCatalog(Catalog):
    """One table; each publication is one transaction."""

    name: ClassVar[str] = "local"

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    async def publish(self, key: str, fields: Fields, *, known: str | None) -> Published:
        moment = self._clock.now().isoformat(timespec="milliseconds")
        return await self._database.write(lambda conn: _publish(conn, key, fields, known, moment))

    async def read(self, row_id: str) -> Row | None:
        return await self._database.read(lambda conn: _in_book(conn, row_id))

    async def whole(self, row_id: str) -> Whole | None:
        row = await self.read(row_id)
        return Whole(row=row, written=frozenset(row.fields)) if row else None

    async def rewrite(self, row_id: str, values: Fields) -> bool:
        moment = self._clock.now().isoformat(timespec="milliseconds")

        def write(conn: sqlite3.Connection) -> bool:
            row = _in_book(conn, row_id)
            if row:
                fields = json.dumps(row.fields | dict(values))
                conn.execute("UPDATE catalog_row SET fields = ?, updated_at = ? WHERE id = ?", (fields, moment, row_id))
            return row is not None

        return await self._database.write(write)

    async def retire(self, row_id: str) -> Row | None:
        moment = self._clock.now().isoformat(timespec="milliseconds")

        def write(conn: sqlite3.Connection) -> Row | None:
            row = _in_book(conn, row_id)
            conn.execute("UPDATE catalog_row SET retired_at = ? WHERE id = ? AND retired_at IS NULL", (moment, row_id))
            return row

        return await self._database.write(write)

    async def revive(self, row_id: str) -> Row | None:
        def write(conn: sqlite3.Connection) -> Row | None:
            conn.execute("UPDATE catalog_row SET retired_at = NULL WHERE id = ?", (row_id,))
            return _in_book(conn, row_id)

        return await self._database.write(write)

    async def amend(self, row_id: str, changes: Mapping[str, tuple[Any, Any]]) -> dict[str, Any]:
        moment = self._clock.now().isoformat(timespec="milliseconds")

        def write(conn: sqlite3.Connection) -> dict[str, Any]:
            if (row := _in_book(conn, row_id)) is None:
                return {}
            due = {name: new for name, (old, new) in changes.items() if row.fields.get(name) == old != new}
            values = (json.dumps(row.fields | due), moment, row_id)
            conn.execute("UPDATE catalog_row SET fields = ?, updated_at = ? WHERE id = ?", values)
            return {name: row.fields.get(name) for name in due}

        return await self._database.write(write)

    async def count(self) -> int:
        """How many rows the book has."""
        query = "SELECT count(*) FROM catalog_row WHERE retired_at IS NULL"
        return await self._database.read(lambda conn: int(conn.execute(query).fetchone()[0]))


def _publish(conn: sqlite3.Connection, key: str, fields: Fields, known: str | None, moment: str) -> Published:
    row = (_row(conn, "id", known) if known else None) or _row(conn, "key", key)
    if row is None:
        row_id = str(uuid.uuid4())
        conn.execute(
            "INSERT INTO catalog_row VALUES (?, ?, ?, ?, ?, NULL)",
            (row_id, key, json.dumps(dict(fields)), moment, moment),
        )
        return Published(id=row_id, created=True, changed=tuple(fields), before={})
    conn.execute("UPDATE catalog_row SET retired_at = NULL WHERE id = ? AND retired_at IS NOT NULL", (row.id,))
    changed = differing(fields, row.fields)
    if changed:
        merged = json.dumps(row.fields | dict(fields))
        conn.execute("UPDATE catalog_row SET fields = ?, updated_at = ? WHERE id = ?", (merged, moment, row.id))
    before = {name: row.fields[name] for name in changed if name in row.fields}
    return Published(id=row.id, created=False, changed=changed, before=before)


def _in_book(conn: sqlite3.Connection, row_id: str) -> Row | None:
    """The row, unless it is in the trash."""
    query = "SELECT 1 FROM catalog_row WHERE id = ? AND retired_at IS NULL"
    return _row(conn, "id", row_id) if conn.execute(query, (row_id,)).fetchone() else None


def _row(conn: sqlite3.Connection, column: str, value: str) -> Row | None:
    query = f"SELECT id, key, fields FROM catalog_row WHERE {column} = ?"  # noqa: S608  the column is ours
    found = conn.execute(query, (value,)).fetchone()
    return Row(id=found[0], key=found[1], fields=json.loads(found[2])) if found else None
