"""Who sounds alike: found by common values, verified, and kept in step with what was heard."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musicsyncd.clock import ManualClock
from musicsyncd.database import MEMORY, Database
from musicsyncd.ledger import alike
from musicsyncd.ledger.alike import MISSES, MOST_TRACKS, Alike
from musicsyncd.ledger.entry import FileFacts
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.ledger.schema import MIGRATIONS
from musicsyncd.ledger.standing import Evidence
from musicsyncd.music.chromaprint import ITEM_SECONDS, Fingerprint
from musicsyncd.music.identity import Identity
from musicsyncd.music.track import Track
from tests.fakes.prints import ITEMS, blurred, packed, print_of, values

BEFORE_THE_INDEX = 2
"""Migrations of the ledger that came before there was one."""


async def track(ledger: Ledger, name: str) -> str:
    (made,) = await ledger.record_tracks([Track(title=name, identities=(Identity("memory", name),))])
    return made.id


async def heard(ledger: Ledger, name: str, text: str | None) -> str:
    """A track in which this was heard; its id."""
    track_id = await track(ledger, name)
    await ledger.record_analysis(track_id, {"duration": 200.0, "fingerprint": text})
    return track_id


async def test_others_come_best_first(ledger: Ledger) -> None:
    """Near ones with how they lie over each other; not itself, nothing above the limit; copies and failures too."""
    own = await heard(ledger, "own", print_of("a"))
    near = await heard(ledger, "near", print_of("a", 0.1))
    late = await heard(ledger, "late", packed(values("lead-in", 20) + values("a")))
    await heard(ledger, "far", print_of("b"))
    await heard(ledger, "silent", None)
    limit = await heard(ledger, "limit", print_of("a", 0.25))
    await ledger.mark_duplicate(near, own, {})
    found = await ledger.alike(own)
    assert [one.id for one in found] == [late, near, limit]
    assert found[0] == Alike(id=late, bit_error_rate=0.0, overlap_share=1.0, offset_seconds=20 * ITEM_SECONDS)
    assert found[1].bit_error_rate == pytest.approx(0.1, abs=1e-4)
    unknown = await ledger.alike_to(print_of("a"))
    assert [one.id for one in unknown] == [own, late, near, limit]


@pytest.mark.parametrize("text", ["", "no fingerprint", packed([5] * ITEMS), packed([])])
async def test_what_tells_nothing_is_like_nothing(ledger: Ledger, text: str) -> None:
    """No fingerprint, one that cannot be read, one held tone: neither found nor finding, and no fault."""
    first, second = await heard(ledger, "first", text), await heard(ledger, "second", text)
    assert await ledger.alike(first) == await ledger.alike(second) == await ledger.alike_to(text) == []
    assert await ledger.alike(await track(ledger, "never heard")) == []


async def test_hearing_again_replaces(ledger: Ledger, database: Database) -> None:
    """The index says what was heard last, and nothing of before stays in it."""
    own, a = await heard(ledger, "own", print_of("a")), await heard(ledger, "a", print_of("a"))
    b = await heard(ledger, "b", print_of("b"))
    assert [one.id for one in await ledger.alike(own)] == [a]
    for text, expected in ((print_of("b"), [b]), (None, []), (print_of("a"), [a]), (print_of("a"), [a])):
        await ledger.record_analysis(own, {"duration": 200.0, "fingerprint": text})
        assert [one.id for one in await ledger.alike(own)] == expected
        await database.read(_in_step)


def _in_step(conn: sqlite3.Connection) -> None:
    """Each sound is found by its terms and by nothing else."""
    expected = {
        (term, number)
        for number, octets in conn.execute("SELECT number, octets FROM sound").fetchall()
        for term in Fingerprint(octets).terms()
    }
    assert set(conn.execute("SELECT hash, number FROM posting").fetchall()) == expected


async def test_a_failed_write_leaves_index_and_analysis_as_they_were(ledger: Ledger) -> None:
    """Both are one transaction: an unknown track is in neither."""
    with pytest.raises(sqlite3.IntegrityError):
        await ledger.record_analysis("unknown", {"duration": 200.0, "fingerprint": print_of("a")})
    assert await ledger.alike_to(print_of("a")) == []


async def test_a_value_of_very_many_leads_nowhere(ledger: Ledger, database: Database) -> None:
    """What more than 400 tracks have in common is not looked up; what is rare still finds."""
    rare = await heard(ledger, "rare", print_of("a"))
    terms = sorted(Fingerprint.of(values("a")).terms())
    crowd = range(10_000, 10_001 + MOST_TRACKS)

    def fill(conn: sqlite3.Connection, some: list[int]) -> None:
        conn.executemany("INSERT INTO posting VALUES (?, ?)", [(term, n) for term in some for n in crowd])

    await database.write(lambda conn: fill(conn, terms[1:]))
    assert [one.id for one in await ledger.alike_to(print_of("a"))] == [rare]
    await database.write(lambda conn: conn.execute("DELETE FROM posting WHERE hash = ?", (terms[0],)) and None)
    assert await ledger.alike_to(print_of("a")) == []


async def test_more_copies_than_it_listens_to_strangers_are_all_found(ledger: Ledger) -> None:
    """The search ends among those that sound different, however many sound alike."""
    ids = [await heard(ledger, f"{n}", packed(blurred(values("a"), 0.1, n))) for n in range(3 * MISSES)]
    found = await ledger.alike(ids[0])
    assert {one.id for one in found} == set(ids[1:])
    assert [one.bit_error_rate for one in found] == sorted(one.bit_error_rate for one in found)


async def test_short_sounds_are_found(ledger: Ledger) -> None:
    """Five seconds with every second value changed are still found."""
    own = await heard(ledger, "own", packed(values("a", 24)))
    assert [one.id for one in await ledger.alike_to(packed(blurred(values("a", 24), 0.1)))] == [own]


async def test_what_was_heard_before_there_was_an_index_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first question takes it in, in parts, the oldest track first; a text that cannot be read is passed over."""
    monkeypatch.setattr(alike, "AT_ONCE", 3)
    path, clock = tmp_path / "state" / "old.db", ManualClock()
    older = {"ledger": MIGRATIONS[:BEFORE_THE_INDEX]}
    database = await Database.open(path, older, backups=tmp_path / "backups", clock=clock)
    ids = [await track(Ledger(database, clock), f"{n}") for n in range(10)]
    rows = [(id_, 200.0, "?" if n == 4 else print_of("a", n / 100), "{}", "") for n, id_ in enumerate(ids)]
    await database.write(lambda conn: conn.executemany("INSERT INTO analysis VALUES (?, ?, ?, ?, ?)", rows) and None)
    await database.close()
    database = await Database.open(path, {"ledger": MIGRATIONS}, backups=tmp_path / "backups", clock=clock)
    try:
        ledger = Ledger(database, clock)
        await database.write(alike.record_waiting)
        assert await database.read(alike.waiting)
        await ledger.record_analysis(ids[9], {"duration": 200.0, "fingerprint": print_of("b")})
        assert [one.id for one in await ledger.alike(ids[0])] == [ids[n] for n in (1, 2, 3, 5, 6, 7, 8)]
        await database.read(_in_step)
        assert not await database.read(alike.waiting)
    finally:
        await database.close()


async def test_a_track_that_is_heard_again_while_the_index_is_made_can_be_heard_ever_after(
    ledger: Ledger, database: Database
) -> None:
    """What was gathered of it before goes with what it speaks of; a posting left by mistake refuses nothing."""
    own = await track(ledger, "own")
    row = (own, 200.0, print_of("a"), "{}", "")
    await database.write(lambda conn: conn.execute("INSERT INTO analysis VALUES (?, ?, ?, ?, ?)", row) and None)
    await database.write(lambda conn: conn.execute("INSERT INTO sound (track) VALUES (?)", (own,)) and None)
    await database.write(alike.record_waiting)
    for name in "bab":
        await ledger.record_analysis(own, {"duration": 200.0, "fingerprint": print_of(name)})
        assert await ledger.alike(own) == []
        await database.read(_in_step)
    stray = [(term, 1) for term in Fingerprint.of(values("a")).terms()]
    await database.write(lambda conn: conn.executemany("INSERT INTO posting VALUES (?, ?)", stray) and None)
    await ledger.record_analysis(own, {"duration": 200.0, "fingerprint": print_of("a")})
    await database.read(_in_step)


async def test_coverage_counts_kept_files(ledger: Ledger) -> None:
    """Those on a volume; the fingerprint must tell something."""
    assert await ledger.coverage() == (0, 0)
    kept = {
        name: await heard(ledger, name, text)
        for name, text in {"a": print_of("a"), "silent": "", "tone": packed([7] * 99), "copy": print_of("a")}.items()
    }
    kept["never heard"] = await track(ledger, "never heard")
    for track_id in kept.values():
        for part in ("alac", "wav"):
            await ledger.record_evidence(track_id, Evidence(target="volume:main", part=part, proof="x"), None)
    row_only = await heard(ledger, "row only", print_of("b"))
    await ledger.record_evidence(row_only, Evidence(target="catalog:local", part="row", proof="x"), None)
    await ledger.mark_duplicate(kept["copy"], kept["a"], {})
    assert await ledger.coverage() == (4, 10)


async def test_equal_samples_are_found_by_their_hash(ledger: Ledger) -> None:
    """Of the audio as it came, the oldest track first; an output's samples are not looked at."""
    ids = [await track(ledger, f"{n}") for n in range(3)]
    for track_id, role, pcm in zip(ids[::-1], ("source", "output", "source"), ("x", "x", "x"), strict=True):
        one = FileFacts(role=role, format="", sha256="s", size=1, pcm_md5=pcm, facts={})
        await ledger.record_files(track_id, [one])
    assert await ledger.with_samples("x") == [ids[0], ids[2]]
    assert await ledger.with_samples("y") == []


HEARD = st.tuples(st.sampled_from("abc"), st.sampled_from([0.0, 0.1, 0.2]), st.sampled_from(["one", "two", "three"]))


@settings(max_examples=25, deadline=None)
@given(st.lists(HEARD, min_size=1, max_size=8))
async def test_any_history_leaves_the_index_in_step(
    tmp_path_factory: pytest.TempPathFactory, history: list[tuple[str, float, str]]
) -> None:
    """Tracks heard once or again in any order: likeness is mutual, and exactly that of their last sounds."""
    clock = ManualClock()
    backups = tmp_path_factory.getbasetemp()
    database = await Database.open(MEMORY, {"ledger": MIGRATIONS}, backups=backups, clock=clock)
    try:
        ledger, last = Ledger(database, clock), dict[str, str]()
        for name, rate, track in history:
            track_id = await heard(ledger, track, print_of(name, rate))
            last[track_id] = name
        for track_id, name in last.items():
            found = {one.id for one in await ledger.alike(track_id)}
            assert found == {other for other, theirs in last.items() if theirs == name} - {track_id}
        await database.read(_in_step)
    finally:
        await database.close()
