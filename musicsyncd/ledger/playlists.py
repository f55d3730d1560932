"""Which playlists a track is in, as far as the sources have said."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from musicsyncd.ledger import rows
from musicsyncd.music.playlist import Playlist


def record(conn: sqlite3.Connection, playlists: Sequence[Playlist], moment: str) -> list[str]:
    """Relate the known ones of their tracks to these playlists; the ids of tracks for which that changed something."""
    changed: dict[str, None] = {}
    for one in playlists:
        changed |= dict.fromkeys(_record(conn, one, moment))
    return list(changed)


def with_rows(conn: sqlite3.Connection, ids: Sequence[str]) -> list[str]:
    """Those of these tracks, or the tracks that are kept in their place, whose rows speak of playlists by now."""
    query = """
        SELECT DISTINCT keeper.id FROM track JOIN track AS keeper ON keeper.id = coalesce(track.duplicate_of, track.id)
        WHERE track.id IN (SELECT value FROM json_each(?)) AND keeper.failure IS NULL AND EXISTS
        (SELECT 1 FROM evidence WHERE evidence.track = keeper.id AND target LIKE 'catalog:%')
    """
    return [row[0] for row in conn.execute(query, (json.dumps([*ids]),))]


@dataclass(frozen=True, kw_only=True)
class Counted:
    """A playlist that holds tracks which are wanted."""

    id: str
    title: str
    tracks: int


def counted(conn: sqlite3.Connection) -> list[Counted]:
    """Every playlist with a wanted track, by title; a copy that is left out counts as the track that is kept for it."""
    query = """
        SELECT playlist.id, playlist.title, count(DISTINCT keeper.id) FROM playlist
        JOIN playlist_track ON playlist_track.playlist = playlist.id JOIN track ON track.id = playlist_track.track
        JOIN track AS keeper ON keeper.id = coalesce(track.duplicate_of, track.id)
        WHERE keeper.aside IS NULL GROUP BY playlist.id ORDER BY playlist.title, playlist.id
    """
    return [Counted(id=row[0], title=row[1], tracks=row[2]) for row in conn.execute(query)]


def _record(conn: sqlite3.Connection, one: Playlist, moment: str) -> set[str]:
    found = (rows.id_by_identity(conn, [identity]) for identity in one.tracks)
    now = {id_ for id_ in found if id_}
    query = "SELECT track FROM playlist_track WHERE playlist = ?"
    before = {row[0] for row in conn.execute(query, (one.id,))}
    gone = before - now if one.whole else set()
    renamed = _name(conn, one, moment)
    conn.executemany(
        "INSERT INTO playlist_track VALUES (?, ?, ?)", [(id_, one.id, moment) for id_ in sorted(now - before)]
    )
    conn.executemany(
        "DELETE FROM playlist_track WHERE track = ? AND playlist = ?", [(id_, one.id) for id_ in sorted(gone)]
    )
    return (now - before) | gone | (before if renamed else set())


def _name(conn: sqlite3.Connection, one: Playlist, moment: str) -> bool:
    """Write the playlist down; whether it was called otherwise before."""
    title = rows.storable(one.title)
    row = conn.execute("SELECT title FROM playlist WHERE id = ?", (one.id,)).fetchone()
    if row and not one.whole and title in ("", row[0]):
        return False
    conn.execute(
        """INSERT INTO playlist (id, title, whole_at, folder) VALUES (?1, ?2, ?3, ?2) ON CONFLICT (id) DO UPDATE SET
           title = coalesce(nullif(?2, ''), title), whole_at = coalesce(?3, whole_at),
           folder = coalesce(nullif(folder, ''), ?2)""",
        (one.id, title, moment if one.whole else None),
    )
    return bool(row and title and row[0] != title)
