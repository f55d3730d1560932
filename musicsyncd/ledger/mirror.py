"""A catalog's book as it was last read, row by row, what we last wrote into each, and creations nobody answered yet."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any, Final

from musicsyncd.clock import Clock
from musicsyncd.database import Database
from musicsyncd.music.identity import Identity
from musicsyncd.music.track import Track

AT_ONCE: Final = 500
"""Rows that are held in memory at a time."""
_COLUMNS: Final = "mirror.page, mirror.key, mirror.created, mirror.edited, mirror.fields, mirror.trashed"
_MISSING: Final = "catalog = ? AND trashed = 0 AND seen < ? AND created < ?"
_INTENT: Final = "key, track, begun, tries, found_by"


@dataclass(frozen=True, kw_only=True)
class MirrorRow:
    """One row as it was last read."""

    page: str
    """Its id in the catalog."""
    key: str = ""
    """The external key; empty for a row that a person made."""
    created: str = ""
    """ISO 8601 in UTC, as precise as the catalog tells it."""
    edited: str = ""
    """When anybody last wrote into it."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Plain values under semantic names, as JSON."""
    identities: tuple[Identity, ...] = ()
    """What it names its track by at the services."""
    trashed: bool = False

    @property
    def hash(self) -> str:
        """What identifies its content, whenever it was edited."""
        ids = [str(one) for one in self.identities]
        return digest([self.key, self.trashed, dict(self.fields), ids])


@dataclass(frozen=True, kw_only=True)
class MirrorState:
    """How far a book was read."""

    watermark: str = ""
    """Every edit before this moment is known, as the catalog tells time."""
    full_at: str = ""
    """When the book was last read from end to end, ISO 8601 in UTC; empty: never."""
    number: int = 0
    """Of the last reading from end to end, counted from 1."""
    rows: int = 0
    """Rows that it had then."""
    note: str = ""
    """What a person should know of it; empty when all is well."""
    source: str = ""
    """The database whose rows these are; empty: none was read yet."""


@dataclass(frozen=True, kw_only=True)
class Intent:
    """The creation of a row that was sent, and of which nobody knows yet whether it was done."""

    key: str
    track: str
    begun: str
    """When it was last sent, ISO 8601 in UTC."""
    tries: int
    found_by: Mapping[str, Any] = field(default_factory=dict)
    """What the row can be found by, as it was sent, by field."""


@dataclass(frozen=True, kw_only=True)
class Open:
    """A row that asks for a track which is not kept yet."""

    row: MirrorRow
    track: Track | None = None
    """The track that was found by this very row before; None: nobody has taken it up."""


class Mirror:
    """Every method is one transaction; what it returns has been committed."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def _moment(self) -> str:
        return self._clock.now().isoformat(timespec="milliseconds")

    # Rows

    async def put(self, catalog: str, rows: Iterable[MirrorRow], *, seen: int = 0) -> list[str]:
        """Write down rows as they were read, `seen` in that reading of the whole book; the ids of those whose content
        is news. A row that is known as it was edited later stays so. The rows may come from a generator: they are never
        held all at once.
        """

        def write(conn: sqlite3.Connection) -> list[str]:
            return [page for some in _batches(rows) for page in _put(conn, catalog, some, seen)]

        return await self._database.write(write)

    async def row(self, catalog: str, page: str) -> MirrorRow | None:
        """One row, also from the trash; None when it was never read."""
        query = f"SELECT {_COLUMNS} FROM mirror WHERE catalog = ? AND page = ?"  # noqa: S608  names of ours
        return next(iter(await self._found(catalog, query, (catalog, page))), None)

    async def by_key(self, catalog: str, key: str) -> list[MirrorRow]:
        """The rows in the book with this key, the oldest first: more than one is one too many."""
        query = f"""SELECT {_COLUMNS} FROM mirror WHERE catalog = ? AND key = ? AND key <> '' AND trashed = 0
                    ORDER BY created, page"""  # noqa: S608  names of ours
        return await self._found(catalog, query, (catalog, key))

    async def by_identity(self, catalog: str, identities: Sequence[Identity]) -> list[MirrorRow]:
        """The rows in the book that bear one of these, each once: those of an earlier one first, then the oldest."""
        query = f"""
            SELECT {_COLUMNS} FROM json_each(?2) AS wanted
            JOIN mirror_identity AS one ON one.catalog = ?1
                AND one.provider = json_extract(wanted.value, '$[0]') AND one.id = json_extract(wanted.value, '$[1]')
            JOIN mirror ON mirror.catalog = ?1 AND mirror.page = one.page
            WHERE mirror.trashed = 0 ORDER BY wanted.key, mirror.created, mirror.page
        """  # noqa: S608  names of ours
        wanted = json.dumps([[one.provider, one.id] for one in identities])
        found = await self._found(catalog, query, (catalog, wanted))
        return list({one.page: one for one in found}.values())

    async def pages(self, catalog: str, *, trashed: bool = False) -> AsyncIterator[list[MirrorRow]]:
        """All rows in the book, or in the trash, by their ids; a batch at a time, each of its own moment."""
        query = f"""SELECT {_COLUMNS} FROM mirror WHERE catalog = ? AND page > ? AND trashed = ?
                    ORDER BY page LIMIT ?"""  # noqa: S608  names of ours
        last = ""
        while found := await self._found(catalog, query, (catalog, last, trashed, AT_ONCE)):
            yield found
            last = found[-1].page

    async def count_missing(self, catalog: str, number: int, before: str) -> int:
        """How many rows of the book, created before a moment, this reading of the whole and later ones did not see."""
        query = f"SELECT count(*) FROM mirror WHERE {_MISSING}"  # noqa: S608  names of ours
        values = (catalog, number, before)
        return await self._database.read(lambda conn: int(conn.execute(query, values).fetchone()[0]))

    async def missing(self, catalog: str, number: int, before: str, *, limit: int) -> list[MirrorRow]:
        """The first of these rows by their ids."""
        query = f"SELECT {_COLUMNS} FROM mirror WHERE {_MISSING} ORDER BY page LIMIT ?"  # noqa: S608  names of ours
        return await self._found(catalog, query, (catalog, number, before, limit))

    async def open(self, catalog: str, *, news: bool = False) -> AsyncIterator[list[Open]]:
        """Rows that ask for a track which is not kept yet, the newest first, a batch at a time: not downloaded, not
        switched off, and never written by us. A track that was found otherwise than by its row is none of these. With
        `news`, without those that were heeded.
        """
        created, page = "~", ""  # behind every moment
        read = partial(_open, catalog=catalog, news=news)
        while found := await self._database.read(partial(read, created=created, page=page)):
            yield found
            created, page = found[-1].row.created, found[-1].row.page

    async def heeded(self, catalog: str, rows: Sequence[MirrorRow]) -> None:
        """What these rows say has been taken up: they are no news until they say something else."""
        query = "UPDATE mirror SET heeded = hash WHERE catalog = ? AND page = ? AND hash = ?"
        values = [(catalog, row.page, row.hash) for row in rows]
        if values:
            await self._database.write(lambda conn: conn.executemany(query, values) and None)

    async def doubled(self, catalog: str, *, limit: int) -> dict[str, list[str]]:
        """Keys that more than one row in the book bears, with those rows, the oldest first."""
        query = """SELECT key, json_group_array(page) FROM
                   (SELECT key, page FROM mirror WHERE catalog = ? AND key <> '' AND trashed = 0 ORDER BY created, page)
                   GROUP BY key HAVING count(*) > 1 ORDER BY key LIMIT ?"""
        rows = await self._database.read(lambda conn: conn.execute(query, (catalog, limit)).fetchall())
        return {row[0]: json.loads(row[1]) for row in rows}

    async def count(self, catalog: str) -> int:
        """How many rows the book has, as far as it was read."""
        query = "SELECT count(*) FROM mirror WHERE catalog = ? AND trashed = 0"
        return await self._database.read(lambda conn: int(conn.execute(query, (catalog,)).fetchone()[0]))

    async def _found(self, catalog: str, query: str, values: tuple[Any, ...]) -> list[MirrorRow]:
        return await self._database.read(lambda conn: _rows(conn, catalog, conn.execute(query, values).fetchall()))

    # How far it was read

    async def state(self, catalog: str) -> MirrorState:
        """How far this book was read; the beginning when it never was."""
        names = ("watermark", "full_at", "number", "rows", "note", "source")
        query = f"SELECT {', '.join(names)} FROM mirror_state WHERE catalog = ?"  # noqa: S608  names of ours
        row = await self._database.read(lambda conn: conn.execute(query, (catalog,)).fetchone())
        return MirrorState(**dict(zip(names, row, strict=True))) if row else MirrorState()

    async def set_state(self, catalog: str, state: MirrorState) -> None:
        """From now on it was read so far."""
        values = (catalog, state.watermark, state.full_at, state.number, state.rows, state.note, state.source)
        query = "INSERT OR REPLACE INTO mirror_state VALUES (?, ?, ?, ?, ?, ?, ?)"
        await self._database.write(lambda conn: conn.execute(query, values) and None)

    async def set_watermark(self, catalog: str, watermark: str) -> None:
        """Every edit before this moment is known now; all else of its state stays as it is."""
        query = "UPDATE mirror_state SET watermark = ? WHERE catalog = ?"
        await self._database.write(lambda conn: conn.execute(query, (watermark, catalog)) and None)

    async def begin_anew(self, catalog: str, source: str) -> None:
        """The catalog is another database from now on: no row of the earlier one is in it, and none was taken out. What
        we wrote into each stays known, and whose it is, in case a person goes back.
        """

        def write(conn: sqlite3.Connection) -> None:
            for table in ("mirror", "mirror_identity", "mirror_state", "intent"):
                conn.execute(f"DELETE FROM {table} WHERE catalog = ?", (catalog,))  # noqa: S608  names of ours

        await self._database.write(write)
        await self.set_state(catalog, MirrorState(source=source))

    # What we wrote

    async def wrote(self, catalog: str, page: str, values: Mapping[str, Any]) -> None:
        """These values of ours were read back from the row; what we wrote into its other fields stays known."""
        rows = [(catalog, page, name, digest(value), json.dumps(value)) for name, value in values.items()]
        query = "INSERT OR REPLACE INTO written VALUES (?, ?, ?, ?, ?)"
        await self._database.write(lambda conn: conn.executemany(query, rows) and None)

    async def base(self, catalog: str, page: str) -> dict[str, Any]:
        """What we last wrote into this row, by field; empty when we never did."""
        return (await self.bases(catalog, [page])).get(page, {})

    async def bases(self, catalog: str, pages: Sequence[str]) -> dict[str, dict[str, Any]]:
        """What we last wrote into these rows; without those into which we never did."""
        query = """SELECT page, field, value FROM written
                   WHERE catalog = ? AND page IN (SELECT value FROM json_each(?))"""

        def read(conn: sqlite3.Connection) -> dict[str, dict[str, Any]]:
            found: dict[str, dict[str, Any]] = {}
            for page, name, value in conn.execute(query, (catalog, json.dumps([*pages]))):
                found.setdefault(page, {})[name] = json.loads(value)
            return found

        return await self._database.read(read)

    async def published(self, catalog: str) -> int:
        """How many rows we ever wrote into, also those of other databases that this catalog was."""
        query = "SELECT count(DISTINCT page) FROM written WHERE catalog = ? AND substr(field, 1, 1) <> '_'"
        return await self._database.read(lambda conn: int(conn.execute(query, (catalog,)).fetchone()[0]))

    async def familiar(self, catalog: str) -> int:
        """How many rows of the book are ours: those into which we wrote, and those that name a track of the ledger."""
        query = """SELECT count(*) FROM mirror WHERE catalog = ?1 AND trashed = 0 AND (
            EXISTS (SELECT 1 FROM written WHERE written.catalog = ?1 AND written.page = mirror.page)
            OR EXISTS (SELECT 1 FROM mirror_identity AS one JOIN identity USING (provider, id)
                       WHERE one.catalog = ?1 AND one.page = mirror.page))"""
        return await self._database.read(lambda conn: int(conn.execute(query, (catalog,)).fetchone()[0]))

    async def pages_with(self, catalog: str, name: str, value: Any) -> list[str]:
        """The rows into whose field we last wrote this value."""
        query = "SELECT page FROM written WHERE catalog = ? AND field = ? AND hash = ? ORDER BY page"
        values = (catalog, name, digest(value))
        return await self._database.read(lambda conn: [row[0] for row in conn.execute(query, values)])

    async def is_led_to(self, catalog: str, page: str, track: str) -> bool:
        """Whether this row was read back for that track, which is no duplicate."""
        query = """SELECT 1 FROM evidence JOIN track ON track.id = evidence.track WHERE track.id = ?
                   AND track.duplicate_of IS NULL AND target = ? AND json_extract(detail, '$.id') = ?"""
        values = (track, f"catalog:{catalog}", page)
        return await self._database.read(lambda conn: conn.execute(query, values).fetchone() is not None)

    # What we began to create

    async def intend(self, catalog: str, key: str, track: str, found_by: Mapping[str, Any] | None = None) -> Intent:
        """The creation of a row with this key is about to be sent, for the first time or again; `found_by` is what the
        row can be found by, by field.
        """
        query = f"""INSERT INTO intent VALUES (?1, ?2, ?3, ?4, 1, ?5) ON CONFLICT (catalog, key) DO UPDATE SET
                   track = ?3, begun = ?4, tries = tries + 1, found_by = ?5 RETURNING {_INTENT}"""  # noqa: S608  names of ours
        values = (catalog, key, track, self._moment(), json.dumps(dict(found_by or {})))
        row = await self._database.write(lambda conn: conn.execute(query, values).fetchone())
        return _intent(row)

    async def clear(self, catalog: str, key: str) -> None:
        """What became of the creation is known."""
        query = "DELETE FROM intent WHERE catalog = ? AND key = ?"
        await self._database.write(lambda conn: conn.execute(query, (catalog, key)) and None)

    async def intents(self, catalog: str) -> list[Intent]:
        """Creations of which nobody knows yet whether they were done, the oldest first."""
        query = f"SELECT {_INTENT} FROM intent WHERE catalog = ? ORDER BY begun, key"  # noqa: S608  names of ours
        return await self._database.read(lambda conn: [_intent(row) for row in conn.execute(query, (catalog,))])

    async def intent(self, catalog: str, key: str) -> Intent | None:
        """The one for this key, if there is any."""
        query = f"SELECT {_INTENT} FROM intent WHERE catalog = ? AND key = ?"  # noqa: S608  names of ours
        row = await self._database.read(lambda conn: conn.execute(query, (catalog, key)).fetchone())
        return _intent(row) if row else None


def digest(value: Any) -> str:
    """SHA-256 of a value's canonical JSON, hexadecimal."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def wanted(row: MirrorRow) -> bool:
    """Whether a row asks for its track: in the book, not downloaded, and not switched off."""
    return not (row.trashed or row.fields.get("downloaded") or row.fields.get("sync_enabled") is False)


def _batches(rows: Iterable[MirrorRow]) -> Iterator[list[MirrorRow]]:
    left = iter(rows)
    while some := list(islice(left, AT_ONCE)):
        yield some


def _put(conn: sqlite3.Connection, catalog: str, rows: Sequence[MirrorRow], seen: int) -> list[str]:
    """What did not change costs one short update; the rest is written anew."""
    query = "SELECT page, hash, edited FROM mirror WHERE catalog = ? AND page IN (SELECT value FROM json_each(?))"
    found = conn.execute(query, (catalog, json.dumps([row.page for row in rows]))).fetchall()
    known, edited = {one[0]: one[1] for one in found}, {one[0]: one[2] for one in found}
    hashes = {row.page: row.hash for row in rows}
    latest = {row.page: row for row in rows}.values()
    news = [
        row for row in latest
        if known.get(row.page) != hashes[row.page] and not (row.edited and row.edited < edited.get(row.page, ""))
    ]  # fmt: skip
    new = {row.page for row in news}
    same = [(row.edited, seen, catalog, row.page) for row in latest if row.page not in new]
    conn.executemany(
        "UPDATE mirror SET edited = max(edited, ?), seen = max(seen, ?) WHERE catalog = ? AND page = ?", same
    )
    conn.executemany(
        """INSERT INTO mirror VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '') ON CONFLICT (catalog, page) DO UPDATE SET
           key = excluded.key, created = excluded.created, edited = excluded.edited, hash = excluded.hash,
           fields = excluded.fields, trashed = excluded.trashed, wanted = excluded.wanted,
           seen = max(seen, excluded.seen)""",
        [_values(catalog, row, hashes[row.page], seen) for row in news],
    )
    conn.executemany(
        "DELETE FROM mirror_identity WHERE catalog = ? AND page = ?",
        [(catalog, row.page) for row in news if row.page in known],
    )
    conn.executemany(
        "INSERT OR IGNORE INTO mirror_identity VALUES (?, ?, ?, ?, ?)",
        [
            (catalog, one.provider, one.id, row.page, number)
            for row in news
            for number, one in enumerate(row.identities)
        ],
    )
    return [row.page for row in news]


def _values(catalog: str, row: MirrorRow, content: str, seen: int) -> tuple[Any, ...]:
    fields = json.dumps(dict(row.fields))
    flags = (row.trashed, wanted(row), seen)
    return (catalog, row.page, row.key, row.created, row.edited, content, fields, *flags)


def _open(conn: sqlite3.Connection, catalog: str, created: str, page: str, *, news: bool) -> list[Open]:
    """Of a track of which anything stands, or that was found by another name first, its row's words are not asked."""
    which = "mirror.wanted AND mirror.hash <> mirror.heeded" if news else "mirror.wanted"
    query = f"""
        SELECT {_COLUMNS}, track.facts, track.id FROM mirror
        LEFT JOIN identity ON identity.provider = mirror.catalog AND identity.id = mirror.page
        LEFT JOIN track ON track.id = identity.track
        WHERE mirror.catalog = ?1 AND {which} AND (mirror.created, mirror.page) < (?2, ?3)
        AND NOT EXISTS (SELECT 1 FROM written WHERE written.catalog = mirror.catalog AND written.page = mirror.page)
        AND (track.id IS NULL OR track.settled_at IS NULL AND track.duplicate_of IS NULL
             AND NOT EXISTS (SELECT 1 FROM file WHERE file.track = track.id)
             AND NOT EXISTS (SELECT 1 FROM identity AS other
                             WHERE other.track = track.id AND other.rowid < identity.rowid))
        ORDER BY mirror.created DESC, mirror.page DESC LIMIT ?4
    """  # noqa: S608  names of ours
    found = conn.execute(query, (catalog, created, page, AT_ONCE)).fetchall()
    rows = _rows(conn, catalog, [values[:6] for values in found])
    return [
        Open(row=row, track=_track(conn, values[6], values[7]) if values[7] else None)
        for row, values in zip(rows, found, strict=True)
    ]


def _track(conn: sqlite3.Connection, facts: str, track_id: str) -> Track:
    query = "SELECT provider, id FROM identity WHERE track = ? ORDER BY rowid"
    identities = [Identity(*row) for row in conn.execute(query, (track_id,))]
    return Track.from_dict(json.loads(facts)).with_identities(*identities)


def _rows(conn: sqlite3.Connection, catalog: str, found: Sequence[tuple[Any, ...]]) -> list[MirrorRow]:
    """One further query for the identities of them all."""
    query = """SELECT page, provider, id FROM mirror_identity
               WHERE catalog = ? AND page IN (SELECT value FROM json_each(?)) ORDER BY page, number"""
    identities: dict[str, list[Identity]] = {}
    for page, provider, id_ in conn.execute(query, (catalog, json.dumps([row[0] for row in found]))):
        identities.setdefault(page, []).append(Identity(provider, id_))
    return [
        MirrorRow(
            page=page,
            key=key,
            created=created,
            edited=edited,
            fields=json.loads(fields),
            identities=tuple(identities.get(page, ())),
            trashed=bool(trashed),
        )
        for page, key, created, edited, fields, trashed in found
    ]


def _intent(row: Sequence[Any]) -> Intent:
    return Intent(key=row[0], track=row[1], begun=row[2], tries=row[3], found_by=json.loads(row[4]))
