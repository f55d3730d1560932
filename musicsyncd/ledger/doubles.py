"""Rows of a mirrored book that bear the same things, and whose rows they are."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from typing import Final

from musicsyncd.database import Database
from musicsyncd.ledger.mirror import Mirror, MirrorRow
from musicsyncd.ledger.standing import Evidence

OWNER: Final = "_track"
"""Under which a catalog notes, among what was written into a row, whose it is."""


@dataclass(frozen=True, kw_only=True)
class Owned:
    """A row, and the track that leads to it."""

    page: str
    track: str
    root: str
    """The track that is kept: itself, or the one for whose sake it is left out."""
    proven: bool
    """Whether the row was read back as the track's."""
    paths: tuple[str, ...]
    """Of its files, below their volumes."""


class Doubles:
    """Reads only."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def shared(self, catalog: str, providers: Collection[str]) -> list[tuple[str, str, tuple[str, ...]]]:
        """Identities of these providers that several rows in the book bear: provider, id and the rows."""
        query = """
            SELECT one.provider, one.id, json_group_array(one.page) FROM mirror_identity AS one
            JOIN mirror ON mirror.catalog = one.catalog AND mirror.page = one.page AND mirror.trashed = 0
            WHERE one.catalog = ? AND one.provider IN (SELECT value FROM json_each(?))
            GROUP BY one.provider, one.id HAVING count(*) > 1"""
        values = (catalog, json.dumps([*providers]))

        def read(conn: sqlite3.Connection) -> list[tuple[str, str, tuple[str, ...]]]:
            return [(row[0], row[1], tuple(sorted(json.loads(row[2])))) for row in conn.execute(query, values)]

        return await self._database.read(read)

    async def of_one_track(self, catalog: str) -> list[tuple[str, tuple[str, ...]]]:
        """Kept tracks to which several rows in the book lead, by themselves or by what was left out for their sake."""
        query = f"""
            WITH owned AS ({_OWNED}) SELECT root, json_group_array(DISTINCT owned.page) FROM owned
            JOIN mirror ON mirror.catalog = ?1 AND mirror.page = owned.page AND mirror.trashed = 0
            GROUP BY root HAVING count(DISTINCT owned.page) > 1"""  # noqa: S608  names of ours
        values = (catalog, f"catalog:{catalog}")

        def read(conn: sqlite3.Connection) -> list[tuple[str, tuple[str, ...]]]:
            return [(row[0], tuple(sorted(json.loads(row[1])))) for row in conn.execute(query, values)]

        return await self._database.read(read)

    async def owners(self, catalog: str, pages: Sequence[str]) -> dict[str, Owned]:
        """Whose these rows are, where they are anybody's: who was read back in it before who only leads to it."""
        query = f"""
            WITH owned AS ({_OWNED}) SELECT page, track, root, proven, (
                SELECT json_group_array(json_extract(detail, '$.path')) FROM evidence
                WHERE evidence.track = owned.track AND evidence.target LIKE 'volume:%')
            FROM owned WHERE page IN (SELECT value FROM json_each(?3))
            ORDER BY page, proven, root = track, track DESC"""  # noqa: S608  names of ours
        values = (catalog, f"catalog:{catalog}", json.dumps([*pages]))

        def read(conn: sqlite3.Connection) -> dict[str, Owned]:
            return {row[0]: _owned(*row) for row in conn.execute(query, values)}

        return await self._database.read(read)

    async def owner_page(self, catalog: str, track: str) -> list[str]:
        """The rows in the book that lead to a track."""
        query = f"""
            WITH owned AS ({_OWNED}) SELECT DISTINCT owned.page FROM owned
            JOIN mirror ON mirror.catalog = ?1 AND mirror.page = owned.page AND mirror.trashed = 0
            WHERE ?3 IN (track, root) ORDER BY owned.page"""  # noqa: S608  names of ours
        values = (catalog, f"catalog:{catalog}", track)
        return await self._database.read(lambda conn: [row[0] for row in conn.execute(query, values)])

    async def evidence_of(self, target: str, page: str) -> list[tuple[str, Evidence]]:
        """Tracks that were read back in this row, with what was."""
        query = """SELECT track, part, proof, detail, seen_at FROM evidence
                   WHERE target = ? AND json_extract(detail, '$.id') = ? ORDER BY track"""

        def read(conn: sqlite3.Connection) -> list[tuple[str, Evidence]]:
            return [
                (row[0], Evidence(target=target, part=row[1], proof=row[2], detail=json.loads(row[3]), seen_at=row[4]))
                for row in conn.execute(query, (target, page))
            ]

        return await self._database.read(read)

    async def nobodys(self, catalog: str, mirror: Mirror) -> AsyncIterator[list[MirrorRow]]:
        """The rows in the book that lead to no track, a batch at a time."""
        query = f"SELECT DISTINCT page FROM ({_OWNED})"  # noqa: S608  names of ours
        values = (catalog, f"catalog:{catalog}")
        owned = await self._database.read(lambda conn: {row[0] for row in conn.execute(query, values)})
        async for rows in mirror.pages(catalog):
            yield [row for row in rows if row.page not in owned]


def _owned(page: str, track: str, root: str, proven: int, paths: str) -> Owned:
    return Owned(page=page, track=track, root=root, proven=bool(proven), paths=tuple(json.loads(paths)))


_OWNED: Final = f"""
    SELECT page, track.id AS track, coalesce(track.duplicate_of, track.id) AS root, max(proven) AS proven FROM (
        SELECT json_extract(detail, '$.id') AS page, track, 1 AS proven FROM evidence WHERE target = ?2
        UNION ALL SELECT id, track, 0 FROM identity WHERE provider = ?1
        UNION ALL SELECT page, json_extract(value, '$'), 0 FROM written
        WHERE catalog = ?1 AND field = '{OWNER}' AND value <> 'null'
    ) AS leads JOIN track ON track.id = leads.track GROUP BY page, track.id
"""  # noqa: S608  names of ours
