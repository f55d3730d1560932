"""Writing tracks down: what one is called, and the identities by which it is known again."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from musicsyncd.ledger import rows
from musicsyncd.ledger.entry import Entry
from musicsyncd.music.identity import Identity
from musicsyncd.music.track import Track


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """A track as the ledger knows it after `record_tracks`."""

    id: str
    track: Track
    created: bool
    """False when one of its identities was known before."""


def record(conn: sqlite3.Connection, track: Track, moment: str) -> Recorded:
    """Write down what is not known yet, by any of the track's identities."""
    if known := rows.id_by_identity(conn, track.identities):
        add_identities(conn, known, track.identities)
        return Recorded(id=known, track=rows.track(conn, known), created=False)
    track_id = rows.new_id(conn)
    conn.execute(
        "INSERT INTO track (id, facts, label, words, created_at, updated_at) VALUES (?, '{}', '', '', ?, ?)",
        (track_id, moment, moment),
    )
    write_facts(conn, track_id, track, moment)
    add_identities(conn, track_id, track.identities)
    return Recorded(id=track_id, track=track, created=True)


def correct(conn: sqlite3.Connection, track: Track, moment: str) -> str | None:
    """What is said of a track by now, as long as no audio of it was had; its id, None where that is too late."""
    found = rows.id_by_identity(conn, track.identities[:1])
    query = """SELECT 1 FROM track WHERE id = ?1 AND settled_at IS NULL AND duplicate_of IS NULL
               AND NOT EXISTS (SELECT 1 FROM file WHERE track = ?1)"""
    if found is None or not conn.execute(query, (found,)).fetchone():
        return None
    conn.execute("DELETE FROM identity WHERE track = ? AND provider <> ?", (found, track.identities[0].provider))
    add_identities(conn, found, track.identities)
    write_facts(conn, found, track, moment)
    conn.execute("UPDATE track SET failure = NULL WHERE id = ?", (found,))
    conn.execute("DELETE FROM match WHERE track = ? AND pin = ''", (found,))
    return found


def foreseen(conn: sqlite3.Connection, tracks: Sequence[Track], moment: str) -> list[Entry]:
    """Record and undo: what is foretold is then what comes, whichever identities the tracks share."""
    conn.execute("SAVEPOINT foreseen")
    try:
        recorded = [record(conn, track, moment) for track in tracks]
        new = {one.id for one in recorded if one.created}
        found = rows.entries(conn, [*dict.fromkeys(one.id for one in recorded)])
    finally:
        conn.execute("ROLLBACK TO foreseen")
        conn.execute("RELEASE foreseen")
    return [replace(entry, id="") if entry.id in new else entry for entry in found]


def write_facts(conn: sqlite3.Connection, track_id: str, track: Track, moment: str) -> None:
    """What the track is called, also in the words that it is searched by."""
    facts = {key: value for key, value in track.as_dict().items() if key != "identities"}
    conn.execute(
        "UPDATE track SET facts = ?, label = ?, words = ?, updated_at = ? WHERE id = ?",
        (json.dumps(facts), rows.storable(track.label), rows.searchable(track), moment, track_id),
    )


def add_identities(conn: sqlite3.Connection, track_id: str, identities: Iterable[Identity]) -> None:
    """An identity that another track bears already stays there: two tracks are one only by a verdict."""
    conn.executemany(
        "INSERT OR IGNORE INTO identity VALUES (?, ?, ?)", [(one.provider, one.id, track_id) for one in identities]
    )
