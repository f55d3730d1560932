"""What the ledger knows of tracks: who they are, what was made and proven of them, and what it never forgets."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from musicsyncd.clock import ManualClock
from musicsyncd.database import Database
from musicsyncd.errors import Degraded, MusicsyncError, Permanent
from musicsyncd.ledger.entry import Aside, Entry, FileFacts
from musicsyncd.ledger.journal import Change
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.ledger.rows import ID_ALPHABET, ID_LENGTH
from musicsyncd.ledger.schema import MIGRATIONS
from musicsyncd.ledger.standing import Evidence
from musicsyncd.music.identity import Identity
from musicsyncd.music.track import Track

X, Y, Z = (Identity("url", f"https://example.org/{name}") for name in "xyz")


def song(title: str, *identities: Identity, **more: Any) -> Track:
    return Track(title=title, artists=("Ada Voss",), source="memory", identities=identities, **more)


async def recorded(ledger: Ledger, *tracks: Track) -> list[str]:
    return [one.id for one in await ledger.record_tracks(tracks)]


# Identities


async def test_a_track_is_known_by_any_of_its_identities(ledger: Ledger) -> None:
    """It comes back whole, its identities in the order in which they became known."""
    track = song("A", Y, X, album="Tides", duration=200.5, track_number=3)
    (one,) = await ledger.record_tracks([track])
    assert (one.created, one.track) == (True, track)
    assert len(one.id) == ID_LENGTH
    assert set(one.id) <= set(ID_ALPHABET)
    for identity in (X, Y):
        entry = await ledger.known(song("whatever", identity))
        assert entry is not None
        assert (entry.id, entry.track) == (one.id, track)
    assert await ledger.known(song("A", Z)) is None
    assert await ledger.unknown([song("B", Z), song("A", Z, Y), song("C")]) == [song("B", Z), song("C")]
    assert await ledger.known(song("A")) is None


async def test_a_known_track_is_not_written_again(ledger: Ledger) -> None:
    """It gains the new identities, keeps its words, and is told as known; also twice in one call."""
    first, second, third = await ledger.record_tracks([song("A", X), song("other words", Y, X), song("third", Y)])
    assert (first.created, second.created, third.created) == (True, False, False)
    assert first.id == second.id == third.id
    assert (await ledger.entry(first.id)).track == song("A", X, Y)
    assert second.track.title == "A"


async def test_the_first_identity_wins_and_none_ever_moves(ledger: Ledger) -> None:
    """A track that bears the identities of two others is the first one's, and takes nothing from the other."""
    a, b = await recorded(ledger, song("A", X), song("B", Y))
    (both,) = await recorded(ledger, song("C", Y, X, Z))
    assert both == b
    assert (await ledger.entry(a)).track.identities == (X,)
    assert (await ledger.entry(b)).track.identities == (Y, Z)
    await ledger.record_facts(a, song("A2", X, Y))
    assert (await ledger.entry(a)).track == song("A2", X)
    assert (await ledger.entry(str(Y))).id == b


async def test_foreseeing_is_recording_without_a_trace(ledger: Ledger) -> None:
    """The same entries, each once, a new one without an id; and nothing is known of them afterwards."""
    (known,) = await recorded(ledger, song("A", X))
    tracks = [song("B", Y), song("A again", X, Z), song("through A", Z), song("B again", Y)]
    foreseen = await ledger.foresee(tracks)
    assert [(one.id, one.track.title) for one in foreseen] == [("", "B"), (known, "A")]
    assert (await ledger.counts())["tracks"] == 1
    assert (await ledger.entry(known)).track.identities == (X,)
    assert len(dict.fromkeys(await recorded(ledger, *tracks))) == len(foreseen)


async def test_words_that_no_utf8_can_hold_are_recorded(ledger: Ledger) -> None:
    """One file name of an unknown encoding does not stop the request that it came with."""
    ids = await recorded(ledger, song("torn \udcff name", X), song("B", Y))
    assert len(ids) == 2
    assert [one.id for one in await ledger.search("torn")] == ids[:1]
    assert await ledger.search("\udcff")


# References


async def test_a_reference_is_an_id_its_beginning_or_an_identity(ledger: Ledger, database: Database) -> None:
    """In either case; several, none, nothing at all and text that is nobody's say so."""
    for number, track_id in enumerate(["abcd0001", "abcd0002", "abce0003"]):
        (made,) = await recorded(ledger, song(f"{number}", Identity("memory", f"{number}")))
        await database.write(_renamed(made, track_id))
    for reference in ("abce0003", "ABCE", "abce", "memory:2"):
        assert (await ledger.entry(reference)).id == "abce0003"
    with pytest.raises(LookupError, match="could be abcd0001, abcd0002"):
        await ledger.entry("abcd")
    for nobody in ("", "zzz", "abce00033", "memory:", ":", "%", "_", "' OR 1=1 --", "🎧", "\udcff"):
        with pytest.raises(LookupError, match="is known by no track"):
            await ledger.entry(nobody)


async def test_an_empty_reference_is_nobody_even_in_a_house_of_one(ledger: Ledger) -> None:
    """A forgotten argument does not mean the only track there is."""
    await recorded(ledger, song("A", X))
    with pytest.raises(LookupError, match="no track"):
        await ledger.entry("")


async def test_a_reference_that_fits_many_names_a_few(ledger: Ledger, database: Database) -> None:
    """The message stays short, and says that there are more."""
    for number in range(7):
        (made,) = await recorded(ledger, song(f"{number}", Identity("memory", f"{number}")))
        await database.write(_renamed(made, f"same000{number}"))
    with pytest.raises(LookupError, match="same0004 or another"):
        await ledger.entry("same")


def _renamed(old: str, new: str) -> Callable[[sqlite3.Connection], None]:
    def write(conn: sqlite3.Connection) -> None:
        conn.execute("PRAGMA defer_foreign_keys=ON")
        conn.execute("UPDATE track SET id = ? WHERE id = ?", (new, old))
        conn.execute("UPDATE identity SET track = ? WHERE track = ?", (new, old))

    return write


async def test_entries_come_in_the_order_asked_for(ledger: Ledger) -> None:
    """More than one round of queries takes; an unknown id is an error, not a gap."""
    ids = await recorded(ledger, *(song(f"{n}", Identity("memory", f"{n}")) for n in range(1200)))
    wanted = ids[::-1]
    assert [one.id for one in await ledger.entries(wanted)] == wanted
    assert await ledger.entries([]) == []
    with pytest.raises(LookupError):
        await ledger.entries([ids[0], "nobody"])


# Search


SEARCHED = {
    "plain": song("Tidal (Kora Remix)", X, album="Low Water", genre="House"),
    "percent": song("100% Pure_Love", Y),
    "quotes": song('It\'s "Over" \\ Now', Z),
    "emoji": song("🎧 Night 👩‍👩‍👧", Identity("memory", "e")),
    "hebrew": song("שלום עולם", Identity("memory", "h")),
    "nordic": replace(song("Jóga", Identity("memory", "n")), artists=("BJÖRK",)),
    "wide": song("ＦＵＬＬ Straße", Identity("memory", "w")),
}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("tidal", ["plain"]),
        ("KORA low", ["plain"]),
        ("house", ["plain"]),
        ("example.org/X", ["plain"]),
        ("%", ["percent"]),
        ("_", ["percent"]),
        ("100% love", ["percent"]),
        ("'", ["quotes"]),
        ('"over"', ["quotes"]),
        ("\\", ["quotes"]),
        ("🎧", ["emoji"]),
        ("👩‍👩‍👧", ["emoji"]),
        ("שלום", ["hebrew"]),
        ("björk", ["nordic"]),
        ("BJO\u0308RK jo\u0301ga", ["nordic"]),
        ("full STRASSE", ["wide"]),
        ("ada", ["wide", "hebrew", "emoji", "quotes", "percent", "plain"]),
        ("tidal björk", []),
        ("album", []),
        ("null", []),
        ("u00f3", []),
        ("' OR 1=1 --", []),
        ("", ["wide", "nordic", "hebrew", "emoji", "quotes", "percent", "plain"]),
    ],
)
async def test_a_search_finds_words_and_nothing_else(ledger: Ledger, words: str, expected: list[str]) -> None:
    """Every word counts as text, whatever its case, width or composition; how a track is stored is not searched."""
    ids = dict(zip(SEARCHED, await recorded(ledger, *SEARCHED.values()), strict=True))
    assert [one.id for one in await ledger.search(words)] == [ids[name] for name in expected]


async def test_a_search_finds_ids_and_keeps_its_limit(ledger: Ledger) -> None:
    """By the beginning of an id; the newest first, and no more than asked for."""
    ids = await recorded(ledger, *SEARCHED.values())
    assert ids[0] in [one.id for one in await ledger.search(ids[0][:4])]
    assert [one.id for one in await ledger.search(limit=2)] == ids[::-1][:2]
    assert await ledger.search(limit=0) == []


async def test_a_search_knows_what_a_delivery_told(ledger: Ledger) -> None:
    """New words are found, and the old ones no longer."""
    (track,) = await recorded(ledger, song("Untitled", X))
    await ledger.record_facts(track, song("Tidal", X))
    assert [one.id for one in await ledger.search("tidal")] == [track]
    assert await ledger.search("untitled") == []


# What was made and proven


def file(format_name: str = "alac", sha256: str = "a1", **more: Any) -> FileFacts:
    values = {"role": "output", "size": 10, "pcm_md5": "p", "duration": 200.0, "facts": {"codec": "alac"}}
    return FileFacts(**{**values, "format": format_name, "sha256": sha256, **more})


async def test_files_and_analysis_come_back_as_recorded(ledger: Ledger) -> None:
    """The newest of each role and format; found again by their bytes."""
    (track,) = await recorded(ledger, song("A", X))
    source = file("", "s1", role="source")
    await ledger.record_files(track, [file(), source])
    await ledger.record_files(track, [file(sha256="a2"), file("wav", "w1")])
    await ledger.record_analysis(track, {"duration": 200.0, "fingerprint": None, "bpm": 124.0})
    entry = await ledger.entry(track)
    assert entry.files == (source, file(sha256="a2"), file("wav", "w1"))
    assert (entry.source_file, entry.output("wav"), entry.output("flac")) == (source, file("wav", "w1"), None)
    assert entry.analysis == {"duration": 200.0, "fingerprint": None, "bpm": 124.0}
    assert [await ledger.ids_by_content(sha) for sha in ("s1", "a1", "a2")] == [[track], [], [track]]


async def test_evidence_is_dated_replaced_and_dropped(ledger: Ledger, clock: ManualClock) -> None:
    """One piece per part of a target, the newest; dropping one leaves the others."""
    (track,) = await recorded(ledger, song("A", X))
    first = Evidence(target="volume:main", part="alac", proof="a1", detail={"path": "A.m4a"})
    await ledger.record_evidence(track, first, None)
    await clock.advance(60)
    for one in (replace(first, proof="a2"), replace(first, part="wav")):
        await ledger.record_evidence(track, one, None)
    seen = (await ledger.entry(track)).evidence
    moment = "2026-01-01T00:01:00.000+00:00"
    assert seen == (replace(first, proof="a2", seen_at=moment), replace(first, part="wav", seen_at=moment))
    await ledger.drop_evidence(track, [("volume:main", "wav"), ("volume:other", "alac")])
    assert [one.part for one in (await ledger.entry(track)).evidence] == ["alac"]


def away(target: str) -> dict[str, MusicsyncError]:
    return {target: Degraded(f"{target} is away", target=target)}


async def test_what_is_kept_waits_for_a_new_volume(ledger: Ledger) -> None:
    """All that stands on some volume and not on this very disk; what was parked before keeps its reason."""
    here, there, elsewhere, before, nowhere, skipped = await recorded(ledger, *(song(letter) for letter in "ABCDEF"))
    for track, target, marker in (
        (here, "volume:new", "m2"),
        (there, "volume:new", "m1"),
        (elsewhere, "volume:old", "m2"),
        (before, "volume:old", "m2"),
        (skipped, "volume:old", "m2"),
    ):
        evidence = Evidence(target=target, part="wav", proof="x", detail={"marker": marker})
        await ledger.record_evidence(track, evidence, None)
    await ledger.park(before, away("volume:new"))
    await ledger.set_aside(skipped, Aside.SKIPPED)
    added = Degraded("it is new", target="volume:new")
    assert await ledger.park_kept("volume:new", "m2", added) == 2
    reasons = {track: [one.reason["what"] for one in (await ledger.entry(track)).parked] for track in (there, before)}
    assert reasons == {there: ["it is new"], before: ["volume:new is away"]}
    assert await ledger.parked() == {"volume:new": 3}
    assert not (await ledger.entry(here)).parked
    assert not (await ledger.entry(nowhere)).parked
    await ledger.unpark("volume:new")
    assert await ledger.parked() == {}


async def test_parking_says_what_is_missed_and_since_when(ledger: Ledger, clock: ManualClock) -> None:
    """Each time the whole truth: what is missed still keeps its date, what was reached is parked no longer."""
    (track,) = await recorded(ledger, song("A", X))
    await ledger.park(track, away("volume:a") | away("volume:b"))
    begun = (await ledger.entry(track)).parked
    await clock.advance(60)
    await ledger.park(track, away("volume:b") | away("volume:c"))
    b, c = (await ledger.entry(track)).parked
    assert b == begun[1]
    assert (c.target, c.reason["what"], c.since > b.since) == ("volume:c", "volume:c is away", True)
    assert await ledger.parked() == {"volume:b": 1, "volume:c": 1}
    await ledger.park(track, {})
    assert await ledger.parked() == {}


async def test_how_tracks_stand_is_counted_and_the_unfinished_are_found(ledger: Ledger, clock: ManualClock) -> None:
    """A table of lives: only what has work left that no person must see to first is unfinished, oldest first."""
    names = ("new", "settled", "parked", "settled and parked", "failed", "failed, then settled", "duplicate")
    ids = {}
    for name in names:
        (ids[name],) = await recorded(ledger, song(name, Identity("memory", name)))
        await clock.advance(1)
    for name in ("settled", "settled and parked"):
        await ledger.settle(ids[name])
    for name in ("parked", "settled and parked", "duplicate"):
        await ledger.park(ids[name], away("volume:a"))
    for name in ("failed", "failed, then settled", "duplicate"):
        await ledger.record_failure(ids[name], Permanent("no"))
    await ledger.settle(ids["failed, then settled"])
    await ledger.mark_duplicate(ids["duplicate"], ids["settled"], {"verdict": "same"})
    assert await ledger.unfinished(limit=10) == [ids["new"], ids["parked"], ids["settled and parked"]]
    assert await ledger.unfinished(limit=1) == [ids["new"]]
    assert await ledger.counts() == {"tracks": 7, "duplicates": 1, "failed": 1, "parked": 2, "standing": 2}
    assert await ledger.parked() == {"volume:a": 2}
    assert await ledger.all_ids() == [ids[name] for name in names if name != "duplicate"]
    await ledger.record_failure(ids["failed"], None)
    assert ids["failed"] in await ledger.unfinished(limit=10)


async def test_what_only_waits_holds_nothing_up(ledger: Ledger, clock: ManualClock) -> None:
    """Tracks that wait for nothing but a target that is away come after all others, however old they are."""
    idle, both, late = list[str](), list[str](), list[str]()
    for name, targets, found in (("A", ["a"], idle), ("B", ["a", "b"], both), ("C", ["b"], late)):
        found += await recorded(ledger, song(name))
        await ledger.park(found[0], {one: Degraded(f"{one} is away", target=one) for one in targets})
        await clock.advance(1)
    assert await ledger.unfinished(limit=9) == [*idle, *both, *late]
    assert await ledger.unfinished(limit=2, away={"a"}) == [*both, *late]
    assert await ledger.unfinished(limit=9, away={"a"}) == [*both, *late, *idle]
    assert await ledger.unfinished(limit=9, away={"a"}, newest_first=True) == [*late, *both, *idle]
    assert await ledger.waiting("a") == [*idle, *both]
    await ledger.record_failure(both[0], Permanent("no"))
    assert await ledger.waiting("a") == idle


async def test_what_a_target_lacks(ledger: Ledger) -> None:
    """All that may still come to it, settled or not; and a target is met once anything stood on it or waits for it."""
    names = ("new", "settled", "there", "failed", "backs off", "duplicate")
    ids = dict(zip(names, await recorded(ledger, *(song(one, Identity("memory", one)) for one in names)), strict=True))
    assert await ledger.targets() == set()
    for name in ("settled", "there"):
        await ledger.settle(ids[name])
    for name, target in (("settled", "volume:b"), ("there", "volume:a"), ("there", "volume:b")):
        await ledger.record_evidence(ids[name], Evidence(target=target, part="wav", proof="1"), None)
    await ledger.record_failure(ids["failed"], Permanent("no"))
    await ledger.record_failure(ids["backs off"], Permanent("no"), again=True)
    await ledger.mark_duplicate(ids["duplicate"], ids["settled"], {"verdict": "same"})
    await ledger.park(ids["new"], away("volume:c"))
    assert await ledger.lacking("volume:a") == [ids["new"], ids["settled"], ids["backs off"]]
    assert await ledger.lacking("volume:b") == [ids["new"], ids["backs off"]]
    assert await ledger.lacking("catalog:x") == [ids[one] for one in ("new", "settled", "there", "backs off")]
    assert await ledger.targets() == {"volume:a", "volume:b", "volume:c"}


PAGE = Identity("notion", "p1")


async def test_a_persons_correction_counts_while_no_audio_was_had(ledger: Ledger) -> None:
    """Words and ids are the new ones, a failure is over, and the track stays the same one."""
    (track,) = await recorded(ledger, song("Wrong", PAGE, X))
    await ledger.record_failure(track, Permanent("found nowhere"))
    assert await ledger.correct([song("Right", PAGE, Y), song("unknown", Z), song("nobody")]) == [track]
    entry = await ledger.entry(track)
    assert (entry.track, entry.failure) == (song("Right", PAGE, Y), None)
    assert await ledger.known(song("?", X)) is None
    assert [one.id for one in await ledger.search("right")] == [track]


@pytest.mark.parametrize("kept", ["a file", "settled", "a duplicate"])
async def test_what_is_kept_is_not_corrected(ledger: Ledger, kept: str) -> None:
    """Then its row's words are the publication's to keep."""
    track, other = await recorded(ledger, song("Wrong", PAGE), song("Other", X))
    match kept:
        case "a file":
            await ledger.record_files(track, [FileFacts(role="source", format="", sha256="1", size=1, facts={})])
        case "settled":
            await ledger.settle(track)
        case _:
            await ledger.mark_duplicate(track, other, {})
    assert await ledger.correct([song("Right", PAGE)]) == []
    assert (await ledger.entry(track)).track.title == "Wrong"


async def test_an_empty_ledger_counts_nothing(ledger: Ledger) -> None:
    """Zero, not nothing."""
    assert await ledger.counts() == dict.fromkeys(("tracks", "duplicates", "failed", "parked", "standing"), 0)
    assert (await ledger.unfinished(limit=10), await ledger.search(), await ledger.journal()) == ([], [], [])


async def test_a_duplicate_leads_to_its_keeper(ledger: Ledger) -> None:
    """With the verdict; an earlier failure and what it waited for are over."""
    keeper, copy = await recorded(ledger, song("A", X), song("B", Y))
    await ledger.record_failure(copy, Permanent("no"))
    await ledger.park(copy, away("volume:a"))
    await ledger.mark_duplicate(copy, keeper, {"verdict": "same", "score": 1.0})
    entry = await ledger.entry(copy)
    assert (entry.duplicate_of, entry.verdict) == (keeper, {"verdict": "same", "score": 1.0})
    assert (entry.failure, entry.parked) == (None, ())


async def test_copies_of_what_is_given_up_are_unfinished(ledger: Ledger) -> None:
    """Also one that stood itself before; a file on a volume that is set up holds them back, one elsewhere does not."""
    keeper, copy = await recorded(ledger, song("A", X), song("B", Y))
    await ledger.settle(copy)
    await ledger.mark_duplicate(copy, keeper, {})
    await ledger.record_evidence(keeper, Evidence(target="volume:a", part="wav", proof="x"), None)
    assert await ledger.release_duplicates(keeper, ["volume:a"]) == []
    assert (await ledger.entry(copy)).duplicate_of == keeper
    assert await ledger.release_duplicates(keeper, ["volume:b"]) == [copy]
    entry = await ledger.entry(copy)
    assert (entry.duplicate_of, entry.verdict, entry.settled_at) == (None, None, None)
    assert copy in await ledger.unfinished(limit=10)


async def test_a_copy_leads_to_what_is_kept_in_one_step(ledger: Ledger) -> None:
    """When its keeper is left out in turn, it is wanted again until it is compared anew, and the journal says so."""
    b, a, c = await recorded(ledger, song("B", Y), song("A", X), song("C", Z))
    await ledger.settle(b)
    assert await ledger.mark_duplicate(b, a, {})
    merged = Change(operation="job", target="ledger", what="merged", before={}, after={"duplicate_of": c})
    assert await ledger.mark_duplicate(a, c, {}, merged)
    entry = await ledger.entry(b)
    assert (entry.duplicate_of, entry.settled_at) == (None, None)
    told = [(one["track"], one["what"], one["before"], one["after"]) for one in await ledger.journal("job")]
    assert told == [
        (b, "released", {"duplicate_of": a}, {"duplicate_of": None}),
        (a, "merged", {}, {"duplicate_of": c}),
    ]


async def test_a_mark_that_does_not_hold_writes_nothing(ledger: Ledger) -> None:
    """For another's sake already, for the sake of what is left out itself, for its own; the same mark twice is one."""
    a, b, c = await recorded(ledger, song("A", X), song("B", Y), song("C", Z))
    assert await ledger.mark_duplicate(b, a, {})
    assert await ledger.mark_duplicate(b, a, {"again": True})
    change = Change(operation="job", target="ledger", what="merged")
    for loser, keeper in ((b, c), (c, b), (a, b), (c, c)):
        assert not await ledger.mark_duplicate(loser, keeper, {}, change)
    assert [(await ledger.entry(one)).duplicate_of for one in (a, b, c)] == [None, a, None]
    assert await ledger.journal("job") == []


async def test_what_was_given_up_keeps_nothing_out(ledger: Ledger) -> None:
    """Unless a file of it stands."""
    keeper, copy = await recorded(ledger, song("A", X), song("B", Y))
    await ledger.record_failure(keeper, Permanent("no"))
    assert not await ledger.mark_duplicate(copy, keeper, {})
    await ledger.record_evidence(keeper, Evidence(target="volume:a", part="wav", proof="x"), None)
    assert await ledger.mark_duplicate(copy, keeper, {})


async def test_each_origin_has_its_own_word(ledger: Ledger, clock: ManualClock) -> None:
    """A newer word of one origin takes the place of its earlier one only."""
    a, b = await recorded(ledger, song("A", X), song("B", Y))
    await ledger.record_said(a, "file", {"bpm": 126.0, "key": "F#m"})
    await ledger.record_said(a, "musicbrainz", {"isrc": "DEAB12300001"})
    await clock.advance(60)
    await ledger.record_said(a, "file", {"bpm": 63.0})
    said = {one.origin: dict(one.facts) for one in (await ledger.entry(a)).said}
    assert said == {"file": {"bpm": 63.0}, "musicbrainz": {"isrc": "DEAB12300001"}}
    first, second = sorted((await ledger.entry(a)).said, key=lambda one: one.at)
    assert (first.origin, second.origin) == ("musicbrainz", "file")
    assert (await ledger.entry(b)).said == ()


# Shelves and the journal


async def test_a_volume_is_known_by_its_marker(ledger: Ledger) -> None:
    """The last one seen under a name."""
    await ledger.record_shelf("main", "m1", "/a")
    await ledger.record_shelf("second", "m2", "/b")
    await ledger.record_shelf("main", "m3", "/c")
    assert await ledger.shelf_markers() == {"main": "m3", "second": "m2"}


async def test_the_journal_tells_what_was_done_in_its_order(ledger: Ledger) -> None:
    """Of all jobs or of one, with what was there before and after; evidence alone is no change."""
    (track,) = await recorded(ledger, song("A", X))
    evidence = Evidence(target="volume:main", part="alac", proof="a1")
    placed = Change(operation="job1", target="volume:main", what="placed", after={"path": "A.m4a"})
    await ledger.record_evidence(track, evidence, placed)
    await ledger.record_evidence(track, evidence, None)
    await ledger.record_change(None, Change(operation="job2", target="volume:main", what="recycled", before={"n": 1}))
    told = [
        (one["operation"], one["track"], one["what"], one["before"], one["after"]) for one in await ledger.journal()
    ]
    assert told == [
        ("job1", track, "placed", None, {"path": "A.m4a"}),
        ("job2", None, "recycled", {"n": 1}, None),
    ]
    assert [one["what"] for one in await ledger.journal("job2")] == ["recycled"]


@pytest.mark.parametrize("query", ["UPDATE journal SET what = 'nothing'", "DELETE FROM journal"])
async def test_the_journal_keeps_its_past(ledger: Ledger, database: Database, query: str) -> None:
    """The database itself refuses to change or to forget an entry."""
    await ledger.record_change(None, Change(operation="job", target="volume:main", what="placed"))
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        await database.write(lambda conn: conn.execute(query) and None)
    assert [one["what"] for one in await ledger.journal()] == ["placed"]


async def test_recording_the_same_tracks_at_once_makes_each_once(ledger: Ledger) -> None:
    """Requests that run together agree on who is who."""
    found: list[str] = []

    async def record() -> None:
        found.extend(await recorded(ledger, song("A", X), song("B", Y)))

    async with anyio.create_task_group() as tasks:
        for _ in range(10):
            tasks.start_soon(record)
    assert len(set(found)) == 2
    assert (await ledger.counts())["tracks"] == 2


def test_an_entry_without_anything_has_no_files() -> None:
    """What was never worked on answers plainly."""
    entry = Entry(id="", track=song("A"))
    assert (entry.source_file, entry.output("alac")) == (None, None)


def test_a_change_of_tags_is_a_new_version_of_an_output() -> None:
    """The proof is the file's hash until then; earlier versions stay known by theirs, with what was written."""
    made = replace(file(sha256="a1"), facts={"tags": {"bpm": 1.0}})
    assert (made.proof, made.tags_of("a1"), made.older("a1")) == ("a1", {"bpm": 1.0}, False)
    renewed = replace(made, facts={"tags": {"bpm": 2.0}, "version": "v2", "earlier": {"a1": {"bpm": 1.0}, "a0": None}})
    assert (renewed.proof, renewed.tags_of("v2"), renewed.tags_of("a1")) == ("v2", {"bpm": 2.0}, {"bpm": 1.0})
    assert [renewed.older(proof) for proof in ("v2", "a1", "a0", "other")] == [False, True, True, False]
    assert (renewed.tags_of("a0"), renewed.tags_of("other")) == (None, None)


async def test_a_recycled_file_is_known_once_the_journal_names_it(ledger: Ledger) -> None:
    """Of this track, on this target, at this place."""
    (track,) = await recorded(ledger, song("A", X))
    change = Change(operation="j", target="volume:a", what="replaced", before={"recycled": ".bin/A"}, after={})
    await ledger.record_change(track, change)
    asked = [(track, "volume:a", ".bin/A"), (track, "volume:b", ".bin/A"), ("other", "volume:a", ".bin/A")]
    assert [await ledger.recycling_known(*one) for one in asked] == [True, False, False]


async def test_a_search_for_ids_has_no_limit(ledger: Ledger) -> None:
    """As many as there are, the newest first, as `search` finds them."""
    await recorded(ledger, *(song(f"Alike {number}", Identity("x", str(number))) for number in range(150)))
    found = await ledger.search_ids("alike")
    assert len(found) == 150
    assert found[:100] == [entry.id for entry in await ledger.search("alike")]


async def test_older_playlists_keep_their_names_as_folders(tmp_path: Path) -> None:
    """What was met before there were folders is filed under the name that it had."""
    path, clock = tmp_path / "state" / "old.db", ManualClock()
    before = next(number for number, text in enumerate(MIGRATIONS) if "ADD COLUMN folder" in text)
    database = await Database.open(path, {"ledger": MIGRATIONS[:before]}, backups=tmp_path / "backups", clock=clock)
    query = "INSERT INTO playlist VALUES ('spotify:playlist:1', 'Warm-up', NULL)"
    await database.write(lambda conn: conn.execute(query) and None)
    await database.close()
    database = await Database.open(path, {"ledger": MIGRATIONS}, backups=tmp_path / "backups", clock=clock)
    try:
        query = "SELECT folder FROM playlist"
        assert await database.read(lambda conn: conn.execute(query).fetchall()) == [("Warm-up",)]
    finally:
        await database.close()
