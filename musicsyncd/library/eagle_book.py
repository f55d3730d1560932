"""What is written down of Eagle: which library is ours, what we had it take in, and an index of what else is there."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from musicsyncd.database import Database
from musicsyncd.library.eagle_client import Item
from musicsyncd.library.eagle_tags import FINGERPRINT

MIGRATIONS: Final = (
    """
    CREATE TABLE eagle_library (        -- libraries that were met
        path TEXT PRIMARY KEY,
        ours INTEGER NOT NULL,          -- the one that was open at the first meeting
        pages INTEGER NOT NULL,         -- of its listing that are in the index
        whole INTEGER NOT NULL,         -- all of them were
        listed_at TEXT NOT NULL         -- ISO 8601 in UTC
    ) WITHOUT ROWID;
    CREATE TABLE eagle_item (           -- what was seen there; read anew before anything is made of it
        library TEXT NOT NULL,
        id TEXT NOT NULL,
        ext TEXT NOT NULL,
        url TEXT NOT NULL,
        fingerprint TEXT NOT NULL,      -- the tag that names one, else empty
        PRIMARY KEY (library, id)
    ) WITHOUT ROWID;
    CREATE INDEX eagle_item_url ON eagle_item(library, url) WHERE url <> '';
    CREATE INDEX eagle_item_fingerprint ON eagle_item(library, fingerprint) WHERE fingerprint <> '';
    CREATE TABLE eagle_import (         -- which item a track's file is, from before Eagle is asked
        library TEXT NOT NULL,
        track TEXT NOT NULL,
        format TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        item TEXT NOT NULL,             -- empty while its id is not known
        linked INTEGER NOT NULL,        -- it was there before us, and is the owner's
        tags TEXT NOT NULL,             -- those of ours that we wrote last, as JSON
        asked_at TEXT NOT NULL,         -- ISO 8601 in UTC
        confirmed INTEGER NOT NULL,     -- it was read back
        PRIMARY KEY (library, track, format, sha256)
    ) WITHOUT ROWID;
    CREATE INDEX eagle_import_item ON eagle_import(library, item);
    """,
    """
    -- Eagle said that it would take it in, and was not closed since
    ALTER TABLE eagle_import ADD COLUMN queued INTEGER NOT NULL DEFAULT 0;
    """,
)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One import, or one link to what was there."""

    library: str
    track: str
    format: str
    sha256: str
    item: str = ""
    linked: bool = False
    tags: tuple[str, ...] = ()
    asked_at: datetime
    confirmed: bool = False
    queued: bool = False
    """Eagle said that it would take it in, and was not closed since."""


class EagleBook:
    """The tables of this room that speak of Eagle."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def library(self) -> str:
        """The path of the library that was open at the first meeting; empty before that."""
        query = "SELECT path FROM eagle_library WHERE ours"
        return await self._database.read(lambda conn: str((conn.execute(query).fetchone() or ("",))[0]))

    async def meet(self, path: str, *, now: datetime) -> None:
        """This library is ours."""
        query = "INSERT INTO eagle_library VALUES (?, 1, 0, 0, ?) ON CONFLICT DO UPDATE SET ours = 1"
        await self._database.write(lambda conn: conn.execute(query, (path, now.isoformat())) and None)

    # Imports

    async def asked(self, library: str, track: str, format_name: str) -> list[Asked]:
        """What we had this library take in for a track, the newest first."""
        query = """SELECT * FROM eagle_import
                   WHERE library = ? AND track = ? AND format = ? ORDER BY asked_at DESC"""
        values = (library, track, format_name)
        return await self._database.read(lambda conn: [_asked(row) for row in conn.execute(query, values)])

    async def linked(self, library: str, item: str) -> list[Asked]:
        """The links to an item that was there before us; none when it is ours."""
        query = "SELECT * FROM eagle_import WHERE library = ? AND item = ? AND linked"
        return await self._database.read(lambda conn: [_asked(row) for row in conn.execute(query, (library, item))])

    async def closed(self, *, now: datetime) -> None:
        """Eagle is not there: whether what it had in its queue comes is open, and it has its time once more."""
        query = "UPDATE eagle_import SET queued = 0, asked_at = ? WHERE queued AND NOT confirmed"
        await self._database.write(lambda conn: conn.execute(query, (now.isoformat(),)) and None)

    async def write(self, asked: Asked) -> None:
        """Note an import, in place of what was noted of it."""
        values = (
            *(asked.library, asked.track, asked.format, asked.sha256, asked.item, asked.linked),
            *(json.dumps(asked.tags), asked.asked_at.isoformat(), asked.confirmed, asked.queued),
        )
        query = "INSERT OR REPLACE INTO eagle_import VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        await self._database.write(lambda conn: conn.execute(query, values) and None)

    async def forget(self, asked: Asked) -> None:
        """What was asked for is not there any more."""
        query = "DELETE FROM eagle_import WHERE library = ? AND track = ? AND format = ? AND sha256 = ?"
        values = (asked.library, asked.track, asked.format, asked.sha256)
        await self._database.write(lambda conn: conn.execute(query, values) and None)

    async def claimed(self, library: str, items: Collection[str], *, but: tuple[str, str]) -> set[str]:
        """Those of these items that are the files of others than this (track, format)."""
        query = """SELECT item FROM eagle_import WHERE library = ? AND NOT (track = ? AND format = ?)
                   AND item IN (SELECT value FROM json_each(?))"""
        values = (library, *but, json.dumps([*items]))
        return await self._database.read(lambda conn: {row[0] for row in conn.execute(query, values)})

    # The index

    async def listing(self, library: str) -> tuple[int, bool, datetime | None]:
        """How many pages of the listing are known, whether that is all, and when the newest were looked at."""
        query = "SELECT pages, whole, listed_at FROM eagle_library WHERE path = ?"
        row = await self._database.read(lambda conn: conn.execute(query, (library,)).fetchone())
        return (row[0], bool(row[1]), datetime.fromisoformat(row[2])) if row else (0, False, None)

    async def index(self, library: str, items: Iterable[Item], *, pages: int, whole: bool, now: datetime) -> None:
        """Take items in, and how far the listing is read with them."""
        rows = [_row(library, item) for item in items]
        query = """INSERT INTO eagle_library VALUES (?, 0, ?, ?, ?) ON CONFLICT DO UPDATE SET
                   pages = excluded.pages, whole = excluded.whole, listed_at = excluded.listed_at"""

        def write(conn: sqlite3.Connection) -> None:
            conn.executemany("INSERT OR REPLACE INTO eagle_item VALUES (?, ?, ?, ?, ?)", rows)
            conn.execute(query, (library, pages, whole, now.isoformat()))

        await self._database.write(write)

    async def known(self, library: str, ids: Collection[str]) -> set[str]:
        """Those of these items that are in the index."""
        query = "SELECT id FROM eagle_item WHERE library = ? AND id IN (SELECT value FROM json_each(?))"
        values = (library, json.dumps([*ids]))
        return await self._database.read(lambda conn: {row[0] for row in conn.execute(query, values)})

    async def same(self, library: str, *, url: str, fingerprint: str, ext: str) -> list[str]:
        """Items of this extension that name this address or this very fingerprint, by id."""
        query = """SELECT id FROM eagle_item WHERE library = ?1 AND url = ?2 AND url <> '' AND ext = ?4
                   UNION SELECT id FROM eagle_item
                   WHERE library = ?1 AND fingerprint = ?3 AND fingerprint <> '' AND ext = ?4 ORDER BY id"""
        values = (library, url, fingerprint, ext)
        return await self._database.read(lambda conn: [row[0] for row in conn.execute(query, values)])


def _row(library: str, item: Item) -> tuple[Any, ...]:
    named = next((tag for tag in item.tags if tag.startswith(FINGERPRINT)), "")
    return library, item.id, item.ext, item.url, named


def _asked(row: tuple[Any, ...]) -> Asked:
    library, track, format_name, sha256, item, linked, tags, asked_at, confirmed, queued = row
    return Asked(
        library=library,
        track=track,
        format=format_name,
        sha256=sha256,
        item=item,
        linked=bool(linked),
        tags=tuple(json.loads(tags)),
        asked_at=datetime.fromisoformat(asked_at),
        confirmed=bool(confirmed),
        queued=bool(queued),
    )
