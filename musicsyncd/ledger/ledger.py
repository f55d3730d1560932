"""The ledger: reads and writes what is known of each track. The only room that speaks SQL to these tables."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from musicsyncd.clock import Clock
from musicsyncd.database import Database
from musicsyncd.errors import MusicsyncError
from musicsyncd.ledger import alike, copies, journal, playlists, recording, rows
from musicsyncd.ledger.alike import Alike
from musicsyncd.ledger.entry import Aside, Entry, FileFacts
from musicsyncd.ledger.figures import Census, Figures
from musicsyncd.ledger.journal import Change
from musicsyncd.ledger.recording import Recorded
from musicsyncd.ledger.standing import Evidence
from musicsyncd.music.identity import Identity
from musicsyncd.music.playlist import Playlist
from musicsyncd.music.track import Track

T = TypeVar("T")


class Ledger:
    """Every method is one transaction; what it returns has been committed."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._census = Census(database)

    def _moment(self) -> str:
        return self._clock.now().isoformat(timespec="milliseconds")

    # Tracks

    async def record_tracks(self, tracks: Sequence[Track]) -> list[Recorded]:
        """Write down what is not known yet; a track is known when any of its identities is."""
        moment = self._moment()
        return await self._database.write(lambda conn: [recording.record(conn, track, moment) for track in tracks])

    async def correct(self, tracks: Sequence[Track]) -> list[str]:
        """A row that a person made says something else of its track by now: that counts, as long as no audio of the
        track was had. Each is known by its first identity. What it failed for is no reason any more, and its audio is
        looked for anew, unless a person named it. The ids of those that were corrected.
        """
        moment = self._moment()

        def write(conn: sqlite3.Connection) -> list[str]:
            return [id_ for track in tracks if (id_ := recording.correct(conn, track, moment))]

        return await self._database.write(write) if tracks else []

    async def record_playlists(self, seen: Sequence[Playlist]) -> list[str]:
        """Relate known tracks to the playlists they were seen in; that one was taken out is believed of a whole list.

        The ids of those whose rows say otherwise now.
        """
        moment = self._moment()

        def write(conn: sqlite3.Connection) -> list[str]:
            return playlists.with_rows(conn, playlists.record(conn, seen, moment))

        return await self._database.write(write) if seen else []

    async def foresee(self, tracks: Sequence[Track]) -> list[Entry]:
        """The entries that `record_tracks` would lead to, each once, and nothing written down; a new one has no id."""
        moment = self._moment()
        return await self._database.write(lambda conn: recording.foreseen(conn, tracks, moment))

    async def known(self, track: Track) -> Entry | None:
        """The entry that bears one of this track's identities."""
        return await self._database.read(lambda conn: rows.entry_by_identity(conn, track.identities))

    async def unknown(self, tracks: Sequence[Track]) -> list[Track]:
        """Those of which no identity is known, in their order."""
        return await self._database.read(
            lambda conn: [track for track in tracks if not rows.id_by_identity(conn, track.identities)]
        )

    async def entry(self, reference: str) -> Entry:
        """The track whose id is or begins with this, or bears this identity; LookupError when none or several do."""
        return await self._database.read(lambda conn: rows.entry(conn, rows.find_id(conn, reference)))

    async def entries(self, ids: Sequence[str]) -> list[Entry]:
        """The tracks with these full ids, in this order; LookupError when one is unknown."""
        return await self._database.read(lambda conn: rows.entries(conn, ids))

    async def search(self, words: str = "", *, limit: int = 100) -> list[Entry]:
        """Tracks whose label, album, genre or identities contain every word, or whose id begins with it, the newest
        first.
        """
        return await self._database.read(lambda conn: rows.search(conn, words, limit))

    async def search_ids(self, words: str) -> list[str]:
        """The ids of all tracks that `search` finds, the newest first."""
        return await self._database.read(lambda conn: rows.search_ids(conn, words, -1))

    async def listed_ids(
        self, words: str = "", *, playlist: str = "", targets: Sequence[str] | None = None
    ) -> list[str]:
        """The ids of wanted tracks that are no copies and that these words find, the oldest first; those of a playlist
        (its id) as they came into it. `targets`: only tracks with evidence for one of them.
        """
        return await self._database.read(lambda conn: rows.listed_ids(conn, words, playlist, targets))

    async def playlists(self) -> list[playlists.Counted]:
        """Every playlist with a wanted track, by title."""
        return await self._database.read(playlists.counted)

    async def counts(self) -> dict[str, int]:
        """How many tracks are wanted, and of these stand, are duplicates, failed, are parked; how many are skipped, if
        any.
        """
        return await self._database.read(rows.counts)

    async def id_by_identity(self, identities: Sequence[Identity]) -> str | None:
        """The id of the track that bears one of these, tried in their order."""
        return await self._database.read(lambda conn: rows.id_by_identity(conn, identities))

    async def figures(self) -> Figures:
        """How much of the library stands, in numbers; no track is loaded for it."""
        return await self._census.figures()

    async def ids_by_content(self, sha256: str) -> list[str]:
        """Tracks that a file with these bytes belongs to, as source or as output."""
        query = "SELECT DISTINCT track FROM file WHERE sha256 = ?"
        return await self._database.read(lambda conn: [row[0] for row in conn.execute(query, (sha256,))])

    # What was made

    async def record_facts(self, track_id: str, track: Track) -> None:
        """What the delivery told of the track; identities are added, never taken away."""
        moment = self._moment()

        def write(conn: sqlite3.Connection) -> None:
            recording.write_facts(conn, track_id, track, moment)
            recording.add_identities(conn, track_id, track.identities)

        await self._database.write(write)

    async def record_files(self, track_id: str, files: Iterable[FileFacts]) -> None:
        """Files that were verified; a newer file of the same role and format takes the older one's place."""
        moment = self._moment()
        values = [rows.file_values(track_id, one, moment) for one in files]
        query = "INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
        await self._database.write(lambda conn: conn.executemany(query, values) and None)

    async def record_analysis(self, track_id: str, analysis: Mapping[str, Any]) -> None:
        """What was heard in the track; from now on it is found by its sound."""
        fingerprint = analysis.get("fingerprint") or ""
        values = (track_id, analysis["duration"], fingerprint, json.dumps(dict(analysis)), self._moment())

        def write(conn: sqlite3.Connection) -> None:
            conn.execute("INSERT OR REPLACE INTO analysis VALUES (?, ?, ?, ?, ?)", values)
            alike.record(conn, track_id, fingerprint)
            alike.record_heard(conn, track_id, tempo=bool(analysis.get("bpm")), key=bool(analysis.get("key")))

        await self._database.write(write)

    async def record_said(self, track_id: str, origin: str, facts: Mapping[str, Any]) -> None:
        """What this origin says of the track now; its earlier word is forgotten, the others' stay."""
        values = (track_id, origin, json.dumps(dict(facts)), self._moment())
        query = "INSERT OR REPLACE INTO said VALUES (?, ?, ?, ?)"
        await self._database.write(lambda conn: conn.execute(query, values) and None)

    async def mark_duplicate(
        self, track_id: str, of: str, verdict: Mapping[str, Any], change: Change | None = None
    ) -> bool:
        """This track is the same recording as another: it is kept once, and both names lead to it from now on. Nothing
        is wanted of it any more, so nothing of it stays parked. Copies that were left out for its own sake are wanted
        again, until they are compared with what is kept now.

        False, and nothing is written, when it is left out for another's sake already, or the other is itself left out
        or was given up without any file.
        """
        moment = self._moment()

        def write(conn: sqlite3.Connection) -> bool:
            if not copies.may_be_left_out(conn, track_id, of):
                return False
            copies.mark(conn, track_id, of, verdict, moment)
            for copy in copies.release(conn, track_id, moment):
                if change:
                    before, after = {"duplicate_of": track_id}, {"duplicate_of": None}
                    journal.write(conn, copy, replace(change, what=copies.RELEASED, before=before, after=after), moment)
            if change:
                journal.write(conn, track_id, change, moment)
            return True

        return await self._database.write(write)

    # What sounds alike

    async def alike(self, track_id: str) -> list[Alike]:
        """Every other track that was heard and whose fingerprint differs from this one's in less than `SIMILAR_BELOW`
        of its bits, best first; duplicates and failed tracks too.
        """
        return await self._listen(lambda conn: alike.to_track(conn, track_id))

    async def alike_to(self, fingerprint: str) -> list[Alike]:
        """As `alike`, for a packed fingerprint that is not recorded; none when it cannot be read."""
        return await self._listen(lambda conn: alike.to_text(conn, fingerprint))

    async def with_samples(self, pcm_md5: str) -> list[str]:
        """Tracks whose audio, as it came, has exactly these decoded samples, oldest first."""
        query = """SELECT id FROM file JOIN track ON track.id = file.track
                   WHERE role = 'source' AND pcm_md5 = ? ORDER BY created_at, track.rowid"""
        return await self._database.read(lambda conn: [row[0] for row in conn.execute(query, (pcm_md5,))])

    async def _listen(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Read, once everything that was heard is in the index; after an update the first to ask waits for that."""
        while await self._database.read(alike.waiting):
            await self._database.write(alike.record_waiting)
        return await self._database.read(work)

    async def unmark_duplicate(self, track_id: str, change: Change) -> None:
        """This track is wanted for itself again."""
        moment = self._moment()
        query = "UPDATE track SET duplicate_of = NULL, verdict = NULL, updated_at = ? WHERE id = ?"

        def write(conn: sqlite3.Connection) -> None:
            conn.execute(query, (moment, track_id))
            journal.write(conn, track_id, change, moment)

        await self._database.write(write)

    async def duplicates(self, *, limit: int) -> list[Entry]:
        """Tracks that are left out as another's duplicates, the newest first."""
        return await self._database.read(lambda conn: rows.entries(conn, rows.duplicate_ids(conn, limit)))

    async def coverage(self) -> tuple[int, int]:
        """Files on volumes whose track can be found by its sound, and all files on volumes."""
        return await self._listen(alike.coverage)

    async def kept_ids(self) -> list[str]:
        """Tracks with a file on some volume that are not left alone, duplicates included, oldest first."""
        return await self._database.read(rows.kept_ids)

    # Evidence

    async def record_evidence(self, track_id: str, evidence: Evidence, change: Change | None) -> None:
        """What was read back from a target, and the change that led there."""
        moment = self._moment()

        def write(conn: sqlite3.Connection) -> None:
            conn.execute(
                """INSERT INTO evidence VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (track, target, part) DO UPDATE
                   SET proof = excluded.proof, detail = excluded.detail, seen_at = excluded.seen_at""",
                (track_id, evidence.target, evidence.part, evidence.proof, json.dumps(evidence.detail), moment),
            )
            if change:
                journal.write(conn, track_id, change, moment)

        await self._database.write(write)

    async def drop_evidence(self, track_id: str, gone: Iterable[tuple[str, str]], change: Change | None = None) -> None:
        """These (target, part) pairs were looked for and are not there any more; `change` is what took them away."""
        values, moment = [(track_id, target, part) for target, part in gone], self._moment()

        def write(conn: sqlite3.Connection) -> None:
            conn.executemany("DELETE FROM evidence WHERE track = ? AND target = ? AND part = ?", values)
            if change:
                journal.write(conn, track_id, change, moment)

        await self._database.write(write)

    async def park(self, track_id: str, errors: Mapping[str, MusicsyncError]) -> None:
        """The targets that this track could not reach, each with its reason; the targets it did reach are parked no
        longer.
        """
        moment = self._moment()

        def write(conn: sqlite3.Connection) -> None:
            since = dict(conn.execute("SELECT target, since FROM parked WHERE track = ?", (track_id,)).fetchall())
            conn.execute("DELETE FROM parked WHERE track = ?", (track_id,))
            for target, error in errors.items():
                values = (track_id, target, json.dumps(error.as_dict()), since.get(target, moment))
                conn.execute("INSERT INTO parked VALUES (?, ?, ?, ?)", values)

        await self._database.write(write)

    async def park_kept(self, target: str, marker: str, reason: MusicsyncError) -> int:
        """Every track that stands on some volume, yet not on this one with this marker, waits for it; how many do."""
        query = """
            INSERT OR IGNORE INTO parked SELECT id, ?1, ?3, ?4 FROM track
            WHERE duplicate_of IS NULL AND failure IS NULL AND aside IS NULL
            AND EXISTS (SELECT 1 FROM evidence WHERE track = track.id AND target LIKE 'volume:%')
            AND NOT EXISTS (SELECT 1 FROM evidence WHERE track = track.id AND target = ?1
                            AND json_extract(detail, '$.marker') = ?2)"""
        values = (target, marker, json.dumps(reason.as_dict()), self._moment())
        return await self._database.write(lambda conn: conn.execute(query, values).rowcount)

    async def unpark(self, target: str) -> None:
        """Nothing waits for this target any more: it is none."""
        await self._database.write(lambda conn: conn.execute("DELETE FROM parked WHERE target = ?", (target,)) and None)

    async def parked(self) -> dict[str, int]:
        """How many tracks wait for each target."""
        query = "SELECT target, count(*) FROM parked GROUP BY target"
        return await self._database.read(lambda conn: dict(conn.execute(query).fetchall()))

    async def unfinished(self, *, limit: int, newest_first: bool = False, away: Collection[str] = ()) -> list[str]:
        """Tracks that are parked or were never settled and were not given up, oldest first; those that back off too.
        Last come those that only wait for targets that are `away`.
        """
        return await self._database.read(
            lambda conn: rows.unfinished(conn, limit, newest_first=newest_first, away=away)
        )

    async def waiting(self, target: str) -> list[str]:
        """Tracks that are parked for this target and were not given up, oldest first; those that back off too."""
        return await self._database.read(lambda conn: rows.waiting(conn, target))

    async def lacking(self, target: str) -> list[str]:
        """Tracks that nothing was ever read back of on this target, and that were not given up, oldest first."""
        return await self._database.read(lambda conn: rows.lacking(conn, target))

    async def targets(self) -> set[str]:
        """Every target on which something stands, or for which some track waits."""
        query = "SELECT target FROM evidence UNION SELECT target FROM parked"
        return await self._database.read(lambda conn: {row[0] for row in conn.execute(query)})

    async def all_ids(self) -> list[str]:
        """Every track that is wanted and no duplicate, oldest first."""
        query = "SELECT id FROM track WHERE duplicate_of IS NULL AND aside IS NULL ORDER BY created_at, rowid"
        return await self._database.read(lambda conn: [row[0] for row in conn.execute(query)])

    async def set_aside(self, track_id: str, aside: Aside | None, change: Change | None = None) -> None:
        """A person has the track left alone, or (None) wants it again. Nothing of it waits for a target meanwhile."""
        moment = self._moment()
        query = "UPDATE track SET aside = ?, aside_at = ?, updated_at = ? WHERE id = ?"

        def write(conn: sqlite3.Connection) -> None:
            conn.execute(query, (aside, moment if aside else None, moment, track_id))
            conn.execute("DELETE FROM parked WHERE track = ? AND ?", (track_id, aside is not None))
            if change:
                journal.write(conn, track_id, change, moment)

        await self._database.write(write)

    async def settle(self, track_id: str) -> None:
        """The track stands wherever it must: said only after its evidence was read back."""
        moment = self._moment()
        query = "UPDATE track SET settled_at = ?, failure = NULL, updated_at = ? WHERE id = ?"
        await self._database.write(lambda conn: conn.execute(query, (moment, moment, track_id)) and None)

    async def release_duplicates(self, track_id: str, volumes: Collection[str]) -> list[str]:
        """This track is given up: copies that were left out for its sake are wanted again, unless it has files on one
        of these volumes (as targets). Their ids.
        """
        moment = self._moment()

        def write(conn: sqlite3.Connection) -> list[str]:
            query = "SELECT target FROM evidence WHERE track = ?"
            kept = {row[0] for row in conn.execute(query, (track_id,))}
            return [] if kept.intersection(volumes) else copies.release(conn, track_id, moment)

        return await self._database.write(write)

    async def record_failure(self, track_id: str, error: MusicsyncError | None, *, again: bool = False) -> None:
        """Why the track did not get on; None when a new try begins. `again`: it was not given up for that."""
        query = "UPDATE track SET failure = ?, updated_at = ? WHERE id = ?"
        failure = error.as_dict() | ({"again": True} if again else {}) if error else None
        values = (json.dumps(failure) if failure else None, self._moment(), track_id)
        await self._database.write(lambda conn: conn.execute(query, values) and None)

    # Shelves and the journal

    async def shelf_markers(self) -> dict[str, str]:
        """The marker id under which each volume is known."""
        return await self._database.read(lambda conn: dict(conn.execute("SELECT name, marker FROM shelf").fetchall()))

    async def record_shelf(self, name: str, marker: str, path: str) -> None:
        """A volume was seen with this marker, at this path."""
        moment = self._moment()
        query = """INSERT INTO shelf VALUES (?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET
                   marker = excluded.marker, path = excluded.path, last_seen = excluded.last_seen"""
        await self._database.write(lambda conn: conn.execute(query, (name, marker, path, moment, moment)) and None)

    async def record_change(self, track_id: str | None, change: Change) -> None:
        """A change to the outside world that left no evidence of its own (a file moved to the recycle area)."""
        moment = self._moment()
        await self._database.write(lambda conn: journal.write(conn, track_id, change, moment))

    async def recycling_known(self, track_id: str, target: str, recycled: str) -> bool:
        """Whether the journal names this recycled file of the track already."""
        return await self._database.read(lambda conn: journal.recycling_known(conn, track_id, target, recycled))

    async def journal(self, operation: str | None = None, track_id: str | None = None) -> list[dict[str, Any]]:
        """What was changed, oldest first; by one job when `operation` is given, and of one track when that is."""
        return await self._database.read(lambda conn: journal.entries(conn, operation, track_id))

    async def undone(self, operation: str) -> set[int]:
        """Sequence numbers of the operation's journal entries that were taken back."""
        return await self._database.read(lambda conn: journal.undone(conn, operation))

    async def operations(self, kinds: Sequence[str], *, limit: int) -> list[dict[str, Any]]:
        """What made changes of these kinds, the newest first: `operation`, `at`, and `counts` of them by kind."""
        return await self._database.read(lambda conn: journal.operations(conn, kinds, limit))
