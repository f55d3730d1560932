"""How the ledger's rows become values, and the queries that read them."""

from __future__ import annotations

import json
import secrets
import sqlite3
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from musicsyncd.ledger.entry import Aside, Entry, FileFacts, Listed, Parked
from musicsyncd.ledger.standing import Evidence
from musicsyncd.music.identity import Identity
from musicsyncd.music.said import Said
from musicsyncd.music.track import Track

ID_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32 in lower case: no i, l, o, u to misread."""
ID_LENGTH: Final = 8
"""40 random bits: one chance in 22 of any collision among 100,000 tracks, and a collision is noticed."""
AT_ONCE: Final = 500
"""Entries read with one round of queries."""

ONE_TERM: Final = """(instr(words, ?) OR instr(track.id, ?) = 1 OR EXISTS (
    SELECT 1 FROM identity WHERE identity.track = track.id AND instr(lower(provider || ':' || identity.id), ?)))"""
"""Whether one word of a search is found."""

_Grouped = Mapping[str, Sequence[tuple[Any, ...]]]


def new_id(conn: sqlite3.Connection) -> str:
    """A short id that no track bears."""
    while True:
        candidate = "".join(secrets.choice(ID_ALPHABET) for _ in range(ID_LENGTH))
        if not conn.execute("SELECT 1 FROM track WHERE id = ?", (candidate,)).fetchone():
            return candidate


def find_id(conn: sqlite3.Connection, reference: str) -> str:
    """The full id behind an id, the beginning of one, or an identity as text."""
    reference = storable(reference)
    provider, _, id_ = reference.partition(":")
    by_identity = conn.execute("SELECT track FROM identity WHERE provider = ? AND id = ?", (provider, id_)).fetchone()
    if by_identity:
        return str(by_identity[0])
    found = conn.execute(
        "SELECT id FROM track WHERE ?1 <> '' AND substr(id, 1, length(?1)) = ?1 ORDER BY id LIMIT 6",
        (reference.lower(),),
    ).fetchall()
    if len(found) != 1:
        listed = ", ".join(row[0] for row in found[:5]) + (" or another" if len(found) > 5 else "")
        raise LookupError(f"{reference!r} could be {listed}" if found else f"{reference!r} is known by no track")
    return str(found[0][0])


def entry(conn: sqlite3.Connection, track_id: str) -> Entry:
    """The whole entry of one track, by its full id."""
    return entries(conn, [track_id])[0]


def entries(conn: sqlite3.Connection, ids: Sequence[str]) -> list[Entry]:
    """The whole entries of these tracks, by their full ids and in their order; LookupError when one is unknown."""
    found: dict[str, Entry] = {}
    for start in range(0, len(ids), AT_ONCE):
        found |= _some(conn, ids[start : start + AT_ONCE])
    if missing := [id_ for id_ in ids if id_ not in found]:
        raise LookupError(f"{missing[0]!r} is known by no track")
    return [found[id_] for id_ in ids]


def entry_by_identity(conn: sqlite3.Connection, identities: Sequence[Identity]) -> Entry | None:
    """The entry that bears one of these identities, tried in their order."""
    track_id = id_by_identity(conn, identities)
    return entry(conn, track_id) if track_id else None


def id_by_identity(conn: sqlite3.Connection, identities: Sequence[Identity]) -> str | None:
    """The id of the track that bears one of these identities, tried in their order."""
    for one in identities:
        query = "SELECT track FROM identity WHERE provider = ? AND id = ?"
        if row := conn.execute(query, (one.provider, one.id)).fetchone():
            return str(row[0])
    return None


def track(conn: sqlite3.Connection, track_id: str) -> Track:
    """A known track without what was made of it."""
    (facts,) = conn.execute("SELECT facts FROM track WHERE id = ?", (track_id,)).fetchone()
    query = "SELECT provider, id FROM identity WHERE track = ? ORDER BY rowid"
    return _track(facts, conn.execute(query, (track_id,)).fetchall())


def search(conn: sqlite3.Connection, words: str, limit: int) -> list[Entry]:
    """Every word must be somewhere in the track's own words or identities, or begin its id."""
    return entries(conn, search_ids(conn, words, limit))


def search_ids(conn: sqlite3.Connection, words: str, limit: int) -> list[str]:
    """The ids of what `search` finds; a negative limit means all. What is forgotten is found by its words only."""
    terms = _folded(words).split()
    where = " AND ".join(ONE_TERM for _ in terms) or "aside IS NOT 'forgotten'"
    found = conn.execute(
        f"SELECT id FROM track WHERE {where} ORDER BY created_at DESC, rowid DESC LIMIT ?",  # noqa: S608  only marks are put in
        (*(term for term in terms for _ in range(3)), limit),
    ).fetchall()
    return [row[0] for row in found]


def listed_ids(conn: sqlite3.Connection, words: str, playlist: str, targets: Sequence[str] | None) -> list[str]:
    """Wanted tracks, no copies, that these words find, as they came; those of a playlist as they were seen in it.
    `targets`: only what stands on one of them.
    """
    terms = _folded(words).split()
    stands = """EXISTS (SELECT 1 FROM evidence
                WHERE evidence.track = track.id AND target IN (SELECT value FROM json_each(:targets)))"""
    wheres = [
        "aside IS NULL AND duplicate_of IS NULL",
        *(ONE_TERM.replace("?", f":term{number}") for number in range(len(terms))),
        *([stands] if targets is not None else []),
    ]
    among = """(SELECT coalesce(copy.duplicate_of, copy.id) AS track, min(since) AS since FROM playlist_track
                JOIN track AS copy ON copy.id = playlist_track.track WHERE playlist = :playlist GROUP BY 1) AS seen
               JOIN track ON track.id = seen.track"""
    query = f"""SELECT track.id FROM {among if playlist else "track"} WHERE {" AND ".join(wheres)}
                ORDER BY {"seen.since, " if playlist else ""}created_at, track.rowid"""  # noqa: S608  words of ours
    values = {f"term{number}": term for number, term in enumerate(terms)}
    values |= {"playlist": playlist, "targets": json.dumps([*(targets or ())])}
    return [row[0] for row in conn.execute(query, values)]


def counts(conn: sqlite3.Connection) -> dict[str, int]:
    """Tracks by how they stand; parked and failed tracks are not counted as standing."""
    query = """
        SELECT (SELECT count(*) FROM track) - (SELECT count(*) FROM track WHERE aside IS NOT NULL),
               (SELECT count(*) FROM track WHERE duplicate_of IS NOT NULL AND aside IS NULL),
               (SELECT count(*) FROM track WHERE failure IS NOT NULL AND aside IS NULL),
               (SELECT count(DISTINCT track) FROM parked JOIN track ON id = track WHERE aside IS NULL),
               (SELECT count(*) FROM track WHERE aside = 'skipped')
    """
    *found, skipped = conn.execute(query).fetchone()
    counted = dict(zip(("tracks", "duplicates", "failed", "parked", "standing"), (*found, standing(conn)), strict=True))
    return counted | ({"skipped": skipped} if skipped else {})


def standing(conn: sqlite3.Connection) -> int:
    """Tracks that stand wherever they must: settled, and parked for nothing."""
    settled = "settled_at IS NOT NULL AND duplicate_of IS NULL AND failure IS NULL AND aside IS NULL"
    query = f"""SELECT (SELECT count(*) FROM track WHERE {settled}) -
                       (SELECT count(DISTINCT track) FROM parked JOIN track ON id = track WHERE {settled})"""  # noqa: S608
    return int(conn.execute(query).fetchone()[0])


def unfinished(
    conn: sqlite3.Connection, limit: int, *, newest_first: bool = False, away: Collection[str] = ()
) -> list[str]:
    """Tracks with something left to do that no person has to see to first; those that wait for targets in `away` and
    for nothing else come last.

    A failure that is to be tried again may have outlived its job: that was cancelled while it backed off.
    """
    idle = """failure IS NULL AND EXISTS (SELECT 1 FROM parked WHERE parked.track = track.id)
        AND NOT EXISTS (SELECT 1 FROM parked WHERE parked.track = track.id
                        AND target NOT IN (SELECT value FROM json_each(:away)))"""
    order = "created_at DESC, rowid DESC" if newest_first else "created_at, rowid"
    query = f"""
        SELECT id FROM track WHERE duplicate_of IS NULL AND aside IS NULL
        AND (failure IS NULL OR json_extract(failure, '$.again'))
        AND (settled_at IS NULL OR id IN (SELECT track FROM parked)) ORDER BY {f"{idle}, " if away else ""}{order}
        LIMIT :limit
    """  # noqa: S608  words of ours
    return [row[0] for row in conn.execute(query, {"limit": limit, "away": json.dumps([*away])})]


def waiting(conn: sqlite3.Connection, target: str) -> list[str]:
    """Tracks that wait for the target and that no person has to see to first."""
    query = """
        SELECT id FROM track JOIN parked ON parked.track = track.id WHERE target = ? AND duplicate_of IS NULL
        AND aside IS NULL AND (failure IS NULL OR json_extract(failure, '$.again')) ORDER BY created_at, track.rowid
    """
    return [row[0] for row in conn.execute(query, (target,))]


def lacking(conn: sqlite3.Connection, target: str) -> list[str]:
    """Tracks without evidence for the target that no person has to see to first; those that back off too."""
    query = """
        SELECT id FROM track WHERE duplicate_of IS NULL AND aside IS NULL
        AND (failure IS NULL OR json_extract(failure, '$.again'))
        AND NOT EXISTS (SELECT 1 FROM evidence WHERE evidence.track = track.id AND evidence.target = ?)
        ORDER BY created_at, rowid
    """
    return [row[0] for row in conn.execute(query, (target,))]


def duplicate_ids(conn: sqlite3.Connection, limit: int) -> list[str]:
    """Tracks that are left out as another's duplicates, the newest first."""
    query = "SELECT id FROM track WHERE duplicate_of IS NOT NULL ORDER BY created_at DESC, rowid DESC LIMIT ?"
    return [row[0] for row in conn.execute(query, (limit,))]


def kept_ids(conn: sqlite3.Connection) -> list[str]:
    """Tracks with a file on some volume, oldest first."""
    query = """SELECT id FROM track WHERE aside IS NULL AND EXISTS
               (SELECT 1 FROM evidence WHERE track = track.id AND target LIKE 'volume:%') ORDER BY created_at, rowid"""
    return [row[0] for row in conn.execute(query)]


def file_values(track_id: str, one: FileFacts, moment: str) -> tuple[Any, ...]:
    """A file's row."""
    facts = json.dumps(one.facts)
    return (track_id, one.role, one.format, one.sha256, one.pcm_md5, one.duration, one.size, facts, moment)


def searchable(track: Track) -> str:
    """What a search looks in: the track's words without regard to case, width and composition."""
    return _folded(" ".join((track.label, track.album, track.genre, track.isrc)))


def storable(text: str) -> str:
    """The text as UTF-8 can hold it; half a surrogate pair, as in a file name of unknown encoding, becomes a mark."""
    return text.encode("utf-8", "replace").decode()


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", storable(text)).casefold())


def _some(conn: sqlite3.Connection, ids: Sequence[str]) -> dict[str, Entry]:
    """One query per table, however many tracks there are."""
    wanted = json.dumps([*ids])
    identities = _grouped(conn, "provider, id", "identity", "rowid", wanted)
    files = _grouped(conn, "role, format, sha256, size, pcm_md5, duration, facts", "file", "role DESC, format", wanted)
    analyses = _grouped(conn, "facts", "analysis", "track", wanted)
    evidence = _grouped(conn, "target, part, proof, detail, seen_at", "evidence", "target, part", wanted)
    said = _grouped(conn, "origin, facts, said_at", "said", "origin", wanted)
    playlists = _playlists(conn, wanted)
    parked = _grouped(conn, "target, reason, since", "parked", "target", wanted)
    query = """SELECT id, facts, duplicate_of, verdict, failure, settled_at, created_at, updated_at, aside FROM track
               WHERE id IN (SELECT value FROM json_each(?))"""
    return {
        row[0]: Entry(
            id=row[0],
            track=_track(row[1], identities[row[0]]),
            files=tuple(map(_file, files[row[0]])),
            analysis=next((json.loads(facts) for (facts,) in analyses[row[0]]), None),
            said=tuple(Said(origin=r[0], facts=json.loads(r[1]), at=r[2]) for r in said[row[0]]),
            playlists=tuple(Listed(id=r[0], title=r[1], folder=r[2], since=r[3]) for r in playlists[row[0]]),
            evidence=tuple(map(_evidence, evidence[row[0]])),
            parked=tuple(Parked(target=r[0], reason=json.loads(r[1]), since=r[2]) for r in parked[row[0]]),
            duplicate_of=row[2],
            verdict=_loads(row[3]),
            failure=_loads(row[4]),
            settled_at=row[5],
            created_at=row[6],
            updated_at=row[7],
            aside=Aside(row[8]) if row[8] else None,
        )
        for row in conn.execute(query, (wanted,))
    }


def _grouped(conn: sqlite3.Connection, columns: str, table: str, order: str, ids: str) -> _Grouped:
    """The rows of these tracks (ids as a JSON list) by track."""
    query = f"SELECT track, {columns} FROM {table} WHERE track IN (SELECT value FROM json_each(?)) ORDER BY {order}"  # noqa: S608  names of ours
    found: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for track, *values in conn.execute(query, (ids,)):
        found[track].append(tuple(values))
    return found


def _playlists(conn: sqlite3.Connection, ids: str) -> _Grouped:
    """Playlists by track; those of a duplicate count for the track that is kept in its place too."""
    query = """
        WITH wanted(id) AS (SELECT value FROM json_each(?)),
             bearer(track, id) AS (
                SELECT id, id FROM wanted
                UNION SELECT wanted.id, track.id FROM wanted JOIN track ON track.duplicate_of = wanted.id)
        SELECT bearer.track, playlist.id, playlist.title, playlist.folder, min(playlist_track.since) FROM bearer
        JOIN playlist_track ON playlist_track.track = bearer.id JOIN playlist ON playlist.id = playlist_track.playlist
        GROUP BY bearer.track, playlist.id ORDER BY playlist.title, playlist.id
    """
    found: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for track, *values in conn.execute(query, (ids,)):
        found[track].append(tuple(values))
    return found


def _track(facts: str, identities: Sequence[tuple[Any, ...]]) -> Track:
    return Track.from_dict(json.loads(facts)).with_identities(*(Identity(*row) for row in identities))


def _file(row: tuple[Any, ...]) -> FileFacts:
    role, format_, sha256, size, pcm_md5, duration, facts = row
    return FileFacts(
        role=role,
        format=format_,
        sha256=sha256,
        size=size,
        pcm_md5=pcm_md5,
        duration=duration,
        facts=json.loads(facts),
    )


def _evidence(row: tuple[Any, ...]) -> Evidence:
    target, part, proof, detail, seen_at = row
    return Evidence(target=target, part=part, proof=proof, detail=json.loads(detail), seen_at=seen_at)


def _loads(text: str | None) -> dict[str, Any] | None:
    return None if text is None else json.loads(text)
