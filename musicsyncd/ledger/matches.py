"""Where a track's audio was looked for, which candidate is taken, and which proved not to be it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from musicsyncd.clock import Clock
from musicsyncd.database import Database
from musicsyncd.ledger import rows

MATCHED: Final = "matched_url"
"""Beside a delivery: the candidate that it came from, when that is not the track's own URL."""
SUPERSEDED: Final = "superseded"
"""In place of an output's hash: no file bears it."""


@dataclass(frozen=True, kw_only=True)
class Searched:
    """What came of looking for one track's audio."""

    track: str
    candidates: tuple[dict[str, Any], ...] = ()
    """Best first, each with `source`, `url`, `title`, `uploader`, `duration`, `score`, `verdict` and `reasons`."""
    chosen: str | None = None
    """URL of the one that is taken; None: nobody decided yet."""
    pin: str = ""
    """URL that a person named: it is taken, whatever a search finds."""
    tried: Mapping[str, dict[str, Any]]
    """URLs that could not be had or were not what they seemed, each with its error."""
    troubles: tuple[str, ...] = ()
    """Sources that could not be asked, a sentence each."""
    searched_at: str = ""
    """ISO 8601 in UTC; empty: it was never searched for."""


class Matches:
    """Every method is one transaction; what it returns has been committed."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    async def of(self, track_id: str) -> Searched:
        """What is known of this track's audio; without a candidate when it was never looked for."""
        return await self._database.read(partial(_searched, track_id=track_id))

    async def record(
        self, track_id: str, candidates: Sequence[Mapping[str, Any]], chosen: str | None, troubles: Sequence[str] = ()
    ) -> None:
        """A search has ended: its candidates take the place of an earlier one's; what was tried and pinned stays."""
        moment = self._clock.now().isoformat(timespec="milliseconds")
        values = (track_id, json.dumps([dict(one) for one in candidates]), chosen, json.dumps([*troubles]), moment)
        query = """INSERT INTO match (track, candidates, chosen, troubles, searched_at) VALUES (?, ?, ?, ?, ?)
                   ON CONFLICT (track) DO UPDATE SET candidates = excluded.candidates, chosen = excluded.chosen,
                   troubles = excluded.troubles, searched_at = excluded.searched_at"""
        await self._database.write(lambda conn: conn.execute(query, values) and None)

    async def choose(self, track_id: str, url: str | None) -> None:
        """Another candidate of the same search is taken, or none."""
        query = "UPDATE match SET chosen = ? WHERE track = ?"
        await self._database.write(lambda conn: conn.execute(query, (url, track_id)) and None)

    async def refuse(self, track_id: str, url: str, error: Mapping[str, Any]) -> None:
        """This candidate could not be had, or was not what it seemed: it is not taken again by itself."""

        def write(conn: sqlite3.Connection) -> None:
            tried = {**_searched(conn, track_id).tried, url: dict(error)}
            conn.execute("UPDATE match SET tried = ?, chosen = NULL WHERE track = ?", (json.dumps(tried), track_id))

        await self._database.write(write)

    async def forget_tried(self, track_id: str) -> None:
        """A person wants another try: what stood against the candidates (a setting, a country) may have been mended."""
        query = "UPDATE match SET tried = '{}' WHERE track = ?"
        await self._database.write(lambda conn: conn.execute(query, (track_id,)) and None)

    async def pin(self, track_id: str, url: str) -> None:
        """A person says which one it is; empty: a search decides again. Either way what was tried may be tried anew.

        Outputs that were made of other audio make way in the same transaction: a pin that shows is obeyed.
        """
        moment = self._clock.now().isoformat(timespec="milliseconds")
        query = """INSERT INTO match (track, pin) VALUES (?1, ?2)
                   ON CONFLICT (track) DO UPDATE SET pin = ?2, tried = '{}', chosen = NULL"""

        def write(conn: sqlite3.Connection) -> None:
            conn.execute(query, (track_id, url))
            if url:
                _supersede(conn, track_id, url, moment)

        await self._database.write(write)

    async def undecided(self, *, limit: int) -> list[str]:
        """Tracks for whose audio a person has to say which it is, the latest search first."""
        # The conditions of the index `match_undecided` first: the JSON of few is read.
        query = """SELECT match.track FROM match JOIN track ON track.id = match.track
                   WHERE chosen IS NULL AND pin = '' AND searched_at <> ''
                   AND (instr(candidates, '"accept"') OR instr(candidates, '"review"')) AND duplicate_of IS NULL
                   AND EXISTS (SELECT 1 FROM json_each(candidates) WHERE json_extract(value, '$.verdict') <> 'refuse')
                   ORDER BY searched_at DESC LIMIT ?"""
        return await self._database.read(lambda conn: [row[0] for row in conn.execute(query, (limit,))])


def _supersede(conn: sqlite3.Connection, track_id: str, url: str, moment: str) -> None:
    """Outputs that are not of this audio are to be made anew; what stands makes way for them."""
    files = rows.entry(conn, track_id).files
    if any(one.role == "source" and one.facts.get("delivery", {}).get(MATCHED) == url for one in files):
        return
    for one in files:
        if one.role == "output":
            facts = {name: value for name, value in one.facts.items() if name not in ("version", "earlier")}
            values = rows.file_values(track_id, replace(one, sha256=SUPERSEDED, facts=facts), moment)
            conn.execute("INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)


def _searched(conn: sqlite3.Connection, track_id: str) -> Searched:
    query = "SELECT candidates, chosen, pin, tried, troubles, searched_at FROM match WHERE track = ?"
    row = conn.execute(query, (track_id,)).fetchone()
    if row is None:
        return Searched(track=track_id, tried={})
    return Searched(
        track=track_id,
        candidates=tuple(json.loads(row[0])),
        chosen=row[1],
        pin=row[2],
        tried=json.loads(row[3]),
        troubles=tuple(json.loads(row[4])),
        searched_at=row[5],
    )
