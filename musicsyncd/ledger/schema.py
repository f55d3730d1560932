"""The ledger's tables, as numbered migrations: a released one is never edited, the next one is added."""

from __future__ import annotations

from typing import Final

MIGRATIONS: Final = (
    """
    CREATE TABLE track (
        id TEXT PRIMARY KEY,
        facts TEXT NOT NULL,            -- Track.as_dict as JSON
        label TEXT NOT NULL,            -- "Artist - Title", for people's queries
        words TEXT NOT NULL,            -- what a search looks in, as `rows.searchable` writes it
        duplicate_of TEXT REFERENCES track(id),
        verdict TEXT,                   -- why it is one: Sameness as JSON
        failure TEXT,                   -- the last error as JSON; NULL once it stands
        settled_at TEXT,                -- when it last stood everywhere
        created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL
    );
    CREATE INDEX track_label ON track(label COLLATE NOCASE);
    CREATE TABLE identity (
        provider TEXT NOT NULL,
        id TEXT NOT NULL,
        track TEXT NOT NULL REFERENCES track(id),
        PRIMARY KEY (provider, id)
    );                                  -- rowid: the order in which they became known
    CREATE INDEX identity_track ON identity(track);
    CREATE TABLE file (                 -- the audio that came (role source) and what was made of it (role output)
        track TEXT NOT NULL REFERENCES track(id),
        role TEXT NOT NULL CHECK (role IN ('source', 'output')),
        format TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        pcm_md5 TEXT NOT NULL DEFAULT '',
        duration REAL,
        size INTEGER NOT NULL,
        facts TEXT NOT NULL,            -- codec, rate, depth, channels, decoder … as JSON
        recorded_at TEXT NOT NULL,
        PRIMARY KEY (track, role, format)
    ) WITHOUT ROWID;
    CREATE INDEX file_sha256 ON file(sha256);
    CREATE TABLE analysis (
        track TEXT PRIMARY KEY REFERENCES track(id),
        duration REAL NOT NULL,
        fingerprint TEXT NOT NULL DEFAULT '',
        facts TEXT NOT NULL,
        recorded_at TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX analysis_duration ON analysis(duration);
    CREATE TABLE evidence (
        track TEXT NOT NULL REFERENCES track(id),
        target TEXT NOT NULL,
        part TEXT NOT NULL,
        proof TEXT NOT NULL,
        detail TEXT NOT NULL,
        seen_at TEXT NOT NULL,
        PRIMARY KEY (track, target, part)
    ) WITHOUT ROWID;
    CREATE INDEX evidence_target ON evidence(target);
    CREATE TABLE parked (               -- targets that could not be reached when the track was last worked on
        track TEXT NOT NULL REFERENCES track(id),
        target TEXT NOT NULL,
        reason TEXT NOT NULL,
        since TEXT NOT NULL,
        PRIMARY KEY (track, target)
    ) WITHOUT ROWID;
    CREATE INDEX parked_target ON parked(target);
    CREATE TABLE journal (              -- every change to the outside world; append-only
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        at TEXT NOT NULL,
        operation TEXT NOT NULL,        -- the job that did it
        track TEXT,
        target TEXT NOT NULL,
        what TEXT NOT NULL,             -- placed, replaced, created, updated …
        before TEXT,
        after TEXT
    );
    CREATE INDEX journal_operation ON journal(operation);
    CREATE TRIGGER journal_keeps_its_past BEFORE UPDATE ON journal
        BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
    CREATE TRIGGER journal_loses_nothing BEFORE DELETE ON journal
        BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
    CREATE TABLE shelf (                -- the marker under which each named volume is known
        name TEXT PRIMARY KEY,
        marker TEXT NOT NULL,
        path TEXT NOT NULL,
        first_seen TEXT NOT NULL,
        last_seen TEXT NOT NULL
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE said (                 -- the word of each origin on a track, beside the facts that are drawn from it
        track TEXT NOT NULL REFERENCES track(id),
        origin TEXT NOT NULL,
        facts TEXT NOT NULL,            -- values by field as JSON
        said_at TEXT NOT NULL,
        PRIMARY KEY (track, origin)
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE sound (                -- the fingerprint of each track that was heard, unpacked
        number INTEGER PRIMARY KEY,     -- its short name in `posting`
        track TEXT NOT NULL UNIQUE REFERENCES track(id),
        octets BLOB                     -- 32-bit values, little-endian; empty: nothing to go by; NULL: not indexed yet
    );
    CREATE INDEX sound_waiting ON sound(number) WHERE octets IS NULL;
    INSERT INTO sound (track)
        SELECT analysis.track FROM analysis JOIN track ON track.id = analysis.track
        ORDER BY track.created_at, track.rowid;
    CREATE TABLE posting (              -- which tracks have a value: some values of each, as `Fingerprint.terms` says
        hash INTEGER NOT NULL,
        number INTEGER NOT NULL,
        PRIMARY KEY (hash, number)
    ) WITHOUT ROWID;
    CREATE TABLE posting_waiting (      -- gathered for `posting` while an index is made of what was heard before
        hash INTEGER NOT NULL,
        number INTEGER NOT NULL
    );
    DROP INDEX analysis_duration;
    CREATE INDEX file_samples ON file(pcm_md5) WHERE role = 'source';
    """,
    """
    DROP INDEX journal_operation;
    CREATE INDEX journal_operation ON journal(operation, track);
    """,
    """
    CREATE TABLE match (                -- where the audio of a track was looked for, when its own source has none
        track TEXT PRIMARY KEY REFERENCES track(id),
        candidates TEXT NOT NULL DEFAULT '[]',  -- judged, best first, as JSON
        chosen TEXT,                    -- URL of the one that is taken; NULL: nobody decided yet
        pin TEXT NOT NULL DEFAULT '',   -- URL that a person named
        tried TEXT NOT NULL DEFAULT '{}',       -- URLs that proved wrong or could not be had, and why, as JSON
        troubles TEXT NOT NULL DEFAULT '[]',    -- sources that could not be asked, a sentence each, as JSON
        searched_at TEXT NOT NULL DEFAULT ''
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE playlist (             -- playlists, sets and likes at services
        id TEXT PRIMARY KEY,            -- spotify:playlist:ID, soundcloud:NAME/likes; without what lets one in
        title TEXT NOT NULL,
        whole_at TEXT                   -- when it was last read to its end
    ) WITHOUT ROWID;
    CREATE TABLE playlist_track (
        track TEXT NOT NULL REFERENCES track(id),
        playlist TEXT NOT NULL REFERENCES playlist(id),
        since TEXT NOT NULL,            -- when it was first seen in it
        PRIMARY KEY (track, playlist)
    ) WITHOUT ROWID;
    CREATE INDEX playlist_track_playlist ON playlist_track(playlist);
    """,
    """
    CREATE TABLE mirror (               -- rows of a catalog that people write into, as they were last read
        catalog TEXT NOT NULL,
        page TEXT NOT NULL,             -- the row's id there
        key TEXT NOT NULL DEFAULT '',   -- its external key; empty: a person made it
        created TEXT NOT NULL,
        edited TEXT NOT NULL,
        hash TEXT NOT NULL,             -- of its content
        fields TEXT NOT NULL,           -- plain values by semantic name as JSON
        trashed INTEGER NOT NULL DEFAULT 0,
        wanted INTEGER NOT NULL DEFAULT 0,      -- whether it asks for its track
        seen INTEGER NOT NULL DEFAULT 0,        -- the last reading of the whole book that met it
        PRIMARY KEY (catalog, page)
    );
    CREATE INDEX mirror_key ON mirror(catalog, key) WHERE key <> '';
    CREATE INDEX mirror_wanted ON mirror(catalog, created, page) WHERE wanted;
    CREATE TABLE mirror_identity (      -- what those rows name their tracks by
        catalog TEXT NOT NULL,
        provider TEXT NOT NULL,
        id TEXT NOT NULL,
        page TEXT NOT NULL,
        number INTEGER NOT NULL,        -- its place among the row's
        PRIMARY KEY (catalog, provider, id, page)
    ) WITHOUT ROWID;
    CREATE INDEX mirror_identity_page ON mirror_identity(catalog, page);
    CREATE TABLE mirror_state (
        catalog TEXT PRIMARY KEY,
        watermark TEXT NOT NULL,        -- edits before this moment are known
        full_at TEXT NOT NULL,          -- when it was last read from end to end
        number INTEGER NOT NULL,        -- of that reading
        rows INTEGER NOT NULL,
        note TEXT NOT NULL,
        source TEXT NOT NULL            -- of which the rows are, where a catalog can be set to another
    ) WITHOUT ROWID;
    CREATE TABLE written (              -- what we last wrote into each row: the base of a three-way comparison
        catalog TEXT NOT NULL,
        page TEXT NOT NULL,
        field TEXT NOT NULL,
        hash TEXT NOT NULL,
        value TEXT NOT NULL,            -- as JSON
        PRIMARY KEY (catalog, page, field)
    ) WITHOUT ROWID;
    CREATE INDEX written_hash ON written(field, hash);
    CREATE TABLE intent (               -- creations that were sent, and whose fate nobody knows yet
        catalog TEXT NOT NULL,
        key TEXT NOT NULL,
        track TEXT NOT NULL,
        begun TEXT NOT NULL,
        tries INTEGER NOT NULL,
        found_by TEXT NOT NULL DEFAULT '{}',    -- what the row can be found by, as it was sent, as JSON
        PRIMARY KEY (catalog, key)
    ) WITHOUT ROWID;
    """,
    """
    ALTER TABLE playlist ADD COLUMN folder TEXT NOT NULL DEFAULT '';    -- its first name: a renamed one moves no file
    UPDATE playlist SET folder = title;
    ALTER TABLE track ADD COLUMN aside TEXT;    -- skipped, forgotten; NULL: wanted
    ALTER TABLE track ADD COLUMN aside_at TEXT;
    CREATE INDEX track_aside ON track(aside) WHERE aside IS NOT NULL;
    """,
    """
    ALTER TABLE sound ADD COLUMN tempo INTEGER NOT NULL DEFAULT 0;      -- whether a tempo was heard
    ALTER TABLE sound ADD COLUMN tonal INTEGER NOT NULL DEFAULT 0;      -- whether a key was heard
    UPDATE sound SET (tempo, tonal) = (
        SELECT coalesce(json_extract(facts, '$.bpm') > 0, 0), coalesce(json_extract(facts, '$.key') <> '', 0)
        FROM analysis WHERE analysis.track = sound.track
    ) WHERE track IN (SELECT track FROM analysis);
    CREATE INDEX sound_tempo ON sound(track) WHERE tempo;               -- these are for counting: no row is read
    CREATE INDEX sound_tonal ON sound(track) WHERE tonal;
    CREATE INDEX sound_telling ON sound(track) WHERE length(octets) > 0;
    CREATE INDEX track_failed ON track(id) WHERE failure IS NOT NULL;
    CREATE INDEX track_duplicate ON track(id) WHERE duplicate_of IS NOT NULL;
    CREATE INDEX track_settled ON track(id) WHERE settled_at IS NOT NULL AND duplicate_of IS NULL AND failure IS NULL
        AND aside IS NULL;
    CREATE INDEX match_undecided ON match(searched_at) WHERE chosen IS NULL AND pin = '' AND searched_at <> ''
        AND (instr(candidates, '"accept"') OR instr(candidates, '"review"'));
    CREATE INDEX mirror_book ON mirror(catalog) WHERE trashed = 0;
    """,
    """
    ALTER TABLE mirror ADD COLUMN heeded TEXT NOT NULL DEFAULT '';      -- the content by which its track was taken up
    CREATE INDEX mirror_news ON mirror(catalog, created, page) WHERE wanted AND hash <> heeded;
    """,
    """
    CREATE TABLE evidence_count (       -- kept by the triggers: to count a large library's evidence takes 40 ms
        target TEXT PRIMARY KEY,
        pieces INTEGER NOT NULL
    ) WITHOUT ROWID;
    INSERT INTO evidence_count SELECT target, count(*) FROM evidence GROUP BY target;
    CREATE TRIGGER evidence_added AFTER INSERT ON evidence BEGIN
        INSERT INTO evidence_count VALUES (new.target, 1) ON CONFLICT(target) DO UPDATE SET pieces = pieces + 1;
    END;
    CREATE TRIGGER evidence_dropped AFTER DELETE ON evidence BEGIN
        UPDATE evidence_count SET pieces = pieces - 1 WHERE target = old.target;
    END;
    """,
    """
    CREATE INDEX track_left_out ON track(id) WHERE duplicate_of IS NOT NULL OR aside IS NOT NULL;
    """,
)
