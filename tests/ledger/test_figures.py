"""The library in numbers: counted from indexes, remembered until anything is written, right after an upgrade too."""

from __future__ import annotations

import json
import random
from pathlib import Path

from musicsyncd.clock import ManualClock
from musicsyncd.database import Database
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.ledger.schema import MIGRATIONS
from musicsyncd.ledger.standing import Evidence
from musicsyncd.music.track import Track

BEFORE = next(number for number, script in enumerate(MIGRATIONS) if "sound_tempo" in script)
NEW_TRACK = "INSERT INTO track (id, facts, label, words, created_at, updated_at) VALUES (?, '{}', '', '', '', '')"


async def test_what_was_heard_before_an_upgrade_is_counted_after_it(tmp_path: Path) -> None:
    """A tempo and a key, by what the analysis says; a track that was not heard has neither."""
    clock, path = ManualClock(), tmp_path / "m.db"
    old = await Database.open(path, {"ledger": MIGRATIONS[:BEFORE]}, backups=tmp_path / "b", clock=clock)
    heard = [("a", {"bpm": 120.0, "key": "Am"}), ("b", {"bpm": None, "key": ""}), ("c", {"key": "F#m"}), ("d", None)]
    for track, facts in heard:
        await old.write(
            lambda conn, track=track, facts=facts: [  # type: ignore[misc]
                conn.execute(NEW_TRACK, (track,)),
                facts and conn.execute("INSERT INTO analysis VALUES (?, 1, '', ?, '')", (track, json.dumps(facts))),
                facts and conn.execute("INSERT INTO sound (track, octets) VALUES (?, x'')", (track,)),
            ]
        )
    await old.close()
    new = await Database.open(path, {"ledger": MIGRATIONS}, backups=tmp_path / "b", clock=clock)
    found = await Ledger(new, clock).figures()
    assert (found.wanted, found.tempo, found.key, found.fingerprint) == (4, 1, 2, 0)
    await new.close()


async def test_no_count_reads_rows(tmp_path: Path) -> None:
    """Of tables that grow with the library indexes alone are walked: rows took 85 ms more at 30,000 tracks."""
    database = await Database.open(
        tmp_path / "m.db", {"ledger": MIGRATIONS}, backups=tmp_path / "b", clock=ManualClock()
    )
    asked = list[str]()
    await database.read(lambda conn: conn.set_trace_callback(asked.append))
    await Ledger(database, ManualClock()).figures()
    await database.read(lambda conn: conn.set_trace_callback(None))
    counts = [one for one in asked if "count(" in one]
    plan = [
        step
        for one in counts
        for step in await database.read(lambda conn, one=one: list(conn.execute(f"EXPLAIN QUERY PLAN {one}")))  # type: ignore[misc]
    ]
    scans = {step[3] for step in plan if step[3].startswith("SCAN")}
    assert len(counts) > 5
    assert {
        one for one in scans if one.split()[1] in ("track", "sound", "mirror", "evidence") and "INDEX" not in one
    } == set()
    await database.close()


async def test_numbers_are_made_anew_when_anything_was_written(tmp_path: Path) -> None:
    """Else they are the very same."""
    clock = ManualClock()
    database = await Database.open(tmp_path / "m.db", {"ledger": MIGRATIONS}, backups=tmp_path / "b", clock=clock)
    ledger = Ledger(database, clock)
    before = await ledger.figures()
    assert await ledger.figures() is before
    track = Track(title="One", artists=("A",), source="folder", source_url="file:///one.wav")
    (recorded,) = await ledger.record_tracks([track])
    await ledger.record_evidence(recorded.id, Evidence(target="volume:m", part="wav", proof="p"), None)
    after = await ledger.figures()
    assert (before.wanted, after.wanted, after.evidence) == (0, 1, {"volume:m": 1})
    await database.close()


async def test_a_track_that_is_heard_again_counts_as_it_sounds_now(tmp_path: Path) -> None:
    """A tempo that is not heard any more is not counted."""
    clock = ManualClock()
    database = await Database.open(tmp_path / "m.db", {"ledger": MIGRATIONS}, backups=tmp_path / "b", clock=clock)
    ledger = Ledger(database, clock)
    track = Track(title="One", artists=("A",), source="folder", source_url="file:///one.wav")
    (recorded,) = await ledger.record_tracks([track])
    seen = []
    for facts in ({"bpm": 120.0, "key": "Am"}, {"bpm": None, "key": "Am"}):
        await ledger.record_analysis(recorded.id, {"duration": 1.0, "fingerprint": "", **facts})
        found = await ledger.figures()
        seen.append((found.tempo, found.key))
    assert seen == [(1, 1), (0, 1)]
    await database.close()


async def test_evidence_is_counted_as_it_comes_and_goes(tmp_path: Path) -> None:
    """What is seen anew counts once, what is dropped twice is gone once; what stood before an upgrade counts too."""
    clock, path = ManualClock(), tmp_path / "m.db"
    counted = next(number for number, script in enumerate(MIGRATIONS) if "evidence_count" in script)
    old = await Database.open(path, {"ledger": MIGRATIONS[:counted]}, backups=tmp_path / "b", clock=clock)
    ledger = Ledger(old, clock)
    tracks = [Track(title=title, artists=("A",), source="folder", source_url=f"file:///{title}") for title in "abc"]
    ids = [one.id for one in await ledger.record_tracks(tracks)]
    await ledger.record_evidence(ids[0], Evidence(target="volume:m", part="wav", proof="p"), None)
    await old.close()

    new = await Database.open(path, {"ledger": MIGRATIONS}, backups=tmp_path / "b", clock=clock)
    ledger, generator = Ledger(new, clock), random.Random(1)
    assert (await ledger.figures()).evidence == {"volume:m": 1}
    for _ in range(200):
        track, part = generator.choice(ids), generator.choice(["wav", "aiff"])
        target = generator.choice(["volume:m", "catalog:c"])
        if generator.random() < 0.5:
            await ledger.record_evidence(track, Evidence(target=target, part=part, proof="q"), None)
        else:
            await ledger.drop_evidence(track, [(target, part), (target, "flac")])
        query = "SELECT target, count(*) FROM evidence GROUP BY target"
        assert (await ledger.figures()).evidence == await new.read(lambda conn: dict(conn.execute(query)))  # noqa: B023
    await new.close()
