"""Which tracks sound alike: an index of their fingerprints, kept in the same transaction as what was heard.

A track is found by the values that it shares with others (`posting`), best first, and each find is verified by laying
the two fingerprints over each other. Measured among 100,000 tracks in `tests/benchmarks/README.md`.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from musicsyncd.errors import BadInput
from musicsyncd.music.chromaprint import Fingerprint, compare, decode
from musicsyncd.music.sameness import SIMILAR_BELOW

MOST_TRACKS: Final = 400
"""A value that more tracks have is of silence or a sustained tone, and tells nothing."""
MISSES: Final = 8
"""After so many finds in a row that sound different, the rest, which share less, are not listened to."""
AT_ONCE: Final = 200
"""Fingerprints that are indexed in one transaction when the index is new."""


@dataclass(frozen=True, kw_only=True)
class Alike:
    """Another track, and how its fingerprint lies over the one that was asked about."""

    id: str
    bit_error_rate: float
    """0.0 the same, below `SIMILAR_BELOW`."""
    overlap_share: float
    """Of the shorter fingerprint, 0 to 1."""
    offset_seconds: float
    """How much later the same sound comes in the other."""


def record(conn: sqlite3.Connection, track_id: str, text: str) -> None:
    """Take the track's fingerprint (packed, empty: none) into the index, in place of an earlier one."""
    sound = _readable(text)
    row = conn.execute("SELECT number, octets FROM sound WHERE track = ?", (track_id,)).fetchone()
    if row is None:
        number = conn.execute("INSERT INTO sound (track, octets) VALUES (?, ?)", (track_id, sound.octets)).lastrowid
    elif row[1] == sound.octets:
        return
    else:
        number = row[0]
        if row[1] is not None:  # it may have been gathered, and would be put in beside what is heard now
            conn.execute("DELETE FROM posting_waiting WHERE number = ?", (number,))
        gone = [(term, number) for term in Fingerprint(row[1] or b"").terms()]
        conn.executemany("DELETE FROM posting WHERE hash = ? AND number = ?", gone)
        conn.execute("UPDATE sound SET octets = ? WHERE number = ?", (sound.octets, number))
    # a term that stands already, left by an earlier hearing, is no reason to refuse what was heard
    new = [(term, number) for term in sorted(sound.terms())]
    conn.executemany("INSERT OR IGNORE INTO posting VALUES (?, ?)", new)


def record_heard(conn: sqlite3.Connection, track_id: str, *, tempo: bool, key: bool) -> None:
    """Whether a tempo and a key were heard in a track that is in the index: for counting."""
    conn.execute("UPDATE sound SET tempo = ?, tonal = ? WHERE track = ?", (tempo, key, track_id))


def waiting(conn: sqlite3.Connection) -> bool:
    """Whether tracks that were heard before there was an index are not wholly in it yet."""
    query = "SELECT EXISTS (SELECT 1 FROM sound WHERE octets IS NULL) OR EXISTS (SELECT 1 FROM posting_waiting)"
    return bool(conn.execute(query).fetchone()[0])


def record_waiting(conn: sqlite3.Connection) -> None:
    """The next part of taking those that wait into the index; others may write between two parts.

    Their postings are gathered first and put in at once in their order: one by one they would rewrite most of a large
    index for every few tracks. What was gathered of a track that is heard again meanwhile is taken out by `record`.
    """
    query = """SELECT number, coalesce(fingerprint, '') FROM sound LEFT JOIN analysis USING (track)
               WHERE octets IS NULL LIMIT ?"""
    sounds = [(number, _readable(text)) for number, text in conn.execute(query, (AT_ONCE,))]
    if sounds:
        gathered = ((term, number) for number, sound in sounds for term in sound.terms())
        conn.executemany("INSERT INTO posting_waiting VALUES (?, ?)", gathered)
        conn.executemany("UPDATE sound SET octets = ? WHERE number = ?", [(sound.octets, n) for n, sound in sounds])
    else:
        conn.execute("INSERT OR IGNORE INTO posting SELECT hash, number FROM posting_waiting ORDER BY hash, number")
        conn.execute("DELETE FROM posting_waiting")


def to_track(conn: sqlite3.Connection, track_id: str) -> list[Alike]:
    """The other tracks that sound like this one, best first; none when it was not heard."""
    row = conn.execute("SELECT number, octets FROM sound WHERE track = ?", (track_id,)).fetchone()
    return _to_sound(conn, Fingerprint(row[1]), but=row[0]) if row else []


def to_text(conn: sqlite3.Connection, text: str) -> list[Alike]:
    """The tracks that sound like a packed fingerprint, best first; none when it cannot be read."""
    return _to_sound(conn, _readable(text))


def _to_sound(conn: sqlite3.Connection, sound: Fingerprint, *, but: int | None = None) -> list[Alike]:
    """The tracks that sound like this, best first, of equal ones the first that was heard."""
    found, misses = [], 0
    for number in _sharing(conn, sound):
        if number == but:
            continue
        track_id, octets = conn.execute("SELECT track, octets FROM sound WHERE number = ?", (number,)).fetchone()
        likeness = compare(sound, Fingerprint(octets))
        if likeness.bit_error_rate < SIMILAR_BELOW:
            misses = 0
            found.append((likeness.bit_error_rate, -likeness.overlap_share, number, track_id, likeness.offset_seconds))
        else:
            misses += 1
            if misses == MISSES:
                break
    return [
        Alike(id=track_id, bit_error_rate=rate, overlap_share=-overlap, offset_seconds=offset)
        for rate, overlap, _, track_id, offset in sorted(found)
    ]


def coverage(conn: sqlite3.Connection) -> tuple[int, int]:
    """Files on volumes whose track can be found by its sound, and all files on volumes."""
    query = """SELECT count(*) FILTER (WHERE length(octets) > 0), count(*) FROM evidence
               LEFT JOIN sound ON sound.track = evidence.track WHERE target LIKE 'volume:%'"""
    heard, kept = conn.execute(query).fetchone()
    return heard, kept


def _readable(text: str) -> Fingerprint:
    """The fingerprint in a packed text; without any values when it cannot be compared with others."""
    try:
        sound = Fingerprint.of(decode(text)) if text else Fingerprint(b"")
    except BadInput:
        sound = Fingerprint(b"")
    return sound if sound.telling else Fingerprint(b"")


def _sharing(conn: sqlite3.Connection, sound: Fingerprint) -> Iterator[int]:
    """The numbers of those that share values with it, those with the most first."""
    shared: Counter[int] = Counter()
    for term in sound.terms():
        query = "SELECT number FROM posting WHERE hash = ? LIMIT ?"
        numbers = [row[0] for row in conn.execute(query, (term, MOST_TRACKS + 1))]
        if len(numbers) <= MOST_TRACKS:
            shared.update(numbers)
    return iter(sorted(shared, key=lambda number: (-shared[number], number)))
