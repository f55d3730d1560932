"""What others say of a track: gaps are filled, the source's word stands, and trouble keeps nothing away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsyncd.clock import ManualClock
from musicsyncd.database import MEMORY, Database
from musicsyncd.enrichment.base import Enricher, Told
from musicsyncd.enrichment.memory import MemoryEnricher
from musicsyncd.errors import BadInput, Temporary
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.ledger.schema import MIGRATIONS
from musicsyncd.music.identity import Identity
from musicsyncd.music.track import Track
from musicsyncd.pipeline.download import Download
from musicsyncd.pipeline.enrich import GAPS, Enrich, fill, without
from musicsyncd.pipeline.step import Work
from musicsyncd.pipeline.transcode import Transcode
from musicsyncd.sources.memory import MemorySource
from tests.fakes.audio import FakeAudio, sound
from tests.fakes.gate import Gate
from tests.fakes.prints import print_of
from tests.pipeline.here import Here

A = Track(
    title="Night Ferry", artists=("Ada Voss",), duration=200.0, source="memory", source_url="memory:a",
    identities=(Identity("memory", "a"),),
)  # fmt: skip
WANTED = frozenset({*GAPS, "artwork"})
FACTS = {"album": "Lantern Street", "date": "2019-05-04", "isrc": "DEAB11900001", "label": "Harbour", "title": "X"}
TOLD = Told(facts=FACTS, identities=(Identity("mbid", "m1"),))


class Painter(FakeAudio):
    """Takes any picture but a page."""

    async def cover(self, path: Path, folder: Path) -> Path:
        data = await anyio.Path(path).read_bytes()
        if data.startswith(b"<"):
            raise BadInput(f"{path.name} is no picture that can be read")
        await anyio.Path(folder / "artwork.jpg").write_bytes(data)
        return folder / "artwork.jpg"


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    clock = ManualClock()
    database = await Database.open(MEMORY, {"ledger": MIGRATIONS}, backups=tmp_path, clock=clock)
    yield Ledger(database, clock)
    await database.close()


async def work(ledger: Ledger, folder: Path, track: Track = A) -> Work:
    """The track, fetched, made and heard."""
    (known,) = await ledger.record_tracks([track])
    made = Work(track_id=known.id, track=known.track, folder=folder / "staging", formats=("alac",))
    fetched = await Download({"memory": MemorySource({track: sound("a")})})(made, Here())
    return await Transcode(FakeAudio(Gate()), ledger)(fetched, Here())


def step(ledger: Ledger, *enrichers: Enricher, wanted: frozenset[str] = WANTED) -> Enrich:
    return Enrich(enrichers, Painter(Gate()), ledger, wanted)


def says(told: Told, **more: Any) -> MemoryEnricher:
    return MemoryEnricher({A.label: told}, **more)


async def said(ledger: Ledger, work: Work) -> dict[str, dict[str, Any]]:
    return {one.origin: dict(one.facts) for one in (await ledger.entry(work.track_id)).said}


async def test_gaps_are_filled_and_written_down(ledger: Ledger, tmp_path: Path) -> None:
    """In the work, in the ledger, with who said it; title and artists stay; a second pass asks nobody."""
    before, here, memory = await work(ledger, tmp_path), Here(), says(TOLD)
    done = await step(ledger, memory)(before, here)
    track = (await ledger.entry(before.track_id)).track
    for one in (done.track, track):
        assert (one.album, one.date, one.isrc, one.record_label) == tuple(list(FACTS.values())[:4])
        assert (one.title, one.artists) == (A.title, A.artists)
        assert Identity("mbid", "m1") in one.identities
    assert await said(ledger, before) == {"memory": FACTS | {"filled": ["album", "date", "isrc", "label"]}}
    assert await step(ledger, memory)(before, here) == done
    assert (len(memory.asked), here.held) == (1, ["enrich"])
    assert memory.asked[0].fingerprint == print_of("a")


async def test_the_sources_own_word_stands(ledger: Ledger, tmp_path: Path) -> None:
    """Whatever others say; and they are told which gaps there are."""
    mine = replace(A, album="Mine", isrc="XXAB11900001")
    before, memory = await work(ledger, tmp_path, mine), says(TOLD)
    done = await step(ledger, memory)(before, Here())
    assert (done.track.album, done.track.isrc, done.track.date) == ("Mine", "XXAB11900001", "2019-05-04")
    assert (await said(ledger, before))["memory"]["filled"] == ["date", "label"]
    assert memory.asked[0].wanted == {"date", "label", "catalog_number", "artwork"}


async def test_only_wanted_fields_are_filled(ledger: Ledger, tmp_path: Path) -> None:
    """What a person left out of the settings is recorded as said, and not used."""
    done = await step(ledger, says(TOLD), wanted=frozenset({"isrc"}))(await work(ledger, tmp_path), Here())
    assert (done.track.isrc, done.track.album) == ("DEAB11900001", "")


async def test_what_was_filled_may_be_said_anew(ledger: Ledger, tmp_path: Path) -> None:
    """A later walk takes the service's newer word, and what it does not speak of any more is not known any more."""
    first = await work(ledger, tmp_path)
    done = await step(ledger, says(TOLD))(first, Here())
    newer = Told(facts={"album": "Lantern Street (Deluxe)"})
    again = await step(ledger, says(newer))(replace(first, track=done.track), Here())
    assert (again.track.album, again.track.isrc) == ("Lantern Street (Deluxe)", "")
    assert await said(ledger, first) == {"memory": dict(newer.facts) | {"filled": ["album"]}}
    assert await step(ledger)(again, Here()) == again, "of those who are not asked the word stands"


async def test_trouble_keeps_no_track_away(ledger: Ledger, tmp_path: Path) -> None:
    """It is written down beside the service's earlier word, what it filled stays, and the next one is asked."""
    first = await work(ledger, tmp_path)
    done = await step(ledger, says(TOLD))(first, Here())
    ill = says(Told(), trouble=Temporary("MusicBrainz is left alone until tomorrow", delay=86400.0))

    class Other(MemoryEnricher):
        name = "other"

    other = Other({A.label: Told(facts={"catalog_number": "LS 007"})})
    again = await step(ledger, ill, other)(replace(first, track=done.track), Here())
    assert (again.track.album, again.track.catalog_number) == ("Lantern Street", "LS 007")
    words = await said(ledger, first)
    assert words["memory"]["trouble"] == "MusicBrainz is left alone until tomorrow."
    assert words["memory"]["isrc"] == "DEAB11900001"
    assert words["memory"]["filled"] == ["album", "date", "isrc", "label"]
    assert words["other"] == {"catalog_number": "LS 007", "filled": ["catalog_number"]}


async def test_a_service_that_hangs_is_left(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A track waits so long for what it can do without, and no longer."""
    monkeypatch.setattr("musicsyncd.pipeline.enrich.PATIENCE", 0.05)

    class Hanging(Enricher):
        name = "hanging"

        async def ask(self, known: object) -> Told:
            await anyio.sleep_forever()
            raise AssertionError

    before = await work(ledger, tmp_path)
    done = await step(ledger, Hanging(), says(TOLD))(before, Here())
    assert done.track.album == "Lantern Street"
    assert "did not answer" in (await said(ledger, before))["hanging"]["trouble"]


async def test_one_learns_from_the_other(ledger: Ledger, tmp_path: Path) -> None:
    """The recording that one names is what the next is asked about; a service with nothing to say leaves a note."""
    first, second = says(Told(recording="r1", note="only that")), says(Told())
    before = await work(ledger, tmp_path)
    await step(ledger, first, second)(before, Here())
    assert (first.asked[0].recording, second.asked[0].recording) == ("", "r1")
    assert await said(ledger, before) == {"memory": {"note": "only that"}}


async def test_a_recording_that_was_found_before_is_asked_about(ledger: Ledger, tmp_path: Path) -> None:
    """Also when nobody can say anew which one it is."""
    first = await work(ledger, tmp_path)
    done = await step(ledger, says(TOLD))(first, Here())
    memory = says(Told(note="nothing"))
    await step(ledger, memory)(replace(first, track=done.track), Here())
    assert (memory.asked[0].recording, memory.asked[0].track.album) == ("m1", "")
    assert await said(ledger, first) == {"memory": {"note": "nothing"}}


async def test_a_cover_is_taken_where_the_source_had_none(ledger: Ledger, tmp_path: Path) -> None:
    """Into the track's own folder; one that is gone from there is fetched again."""
    (tmp_path / "front").write_bytes(b"picture")
    told = Told(facts={"artwork": "front"}, picture=tmp_path / "front")
    before, here = await work(ledger, tmp_path), Here()
    done = await step(ledger, says(told))(before, here)
    assert done.supplied is not None
    assert done.supplied.artwork is not None
    assert done.supplied.artwork.read_bytes() == b"picture"
    assert done.supplied.artwork.is_relative_to(before.folder)
    done.supplied.artwork.unlink()
    assert await step(ledger, says(told))(before, here) == done
    assert done.supplied.artwork.is_file()


async def test_a_page_in_place_of_a_cover(ledger: Ledger, tmp_path: Path) -> None:
    """The track goes on without, and nobody claims to have given it one."""
    (tmp_path / "front").write_bytes(b"<html>")
    told = Told(facts={"artwork": "front"}, picture=tmp_path / "front")
    before = await work(ledger, tmp_path)
    done = await step(ledger, says(told))(before, Here())
    assert done.supplied is not None
    assert done.supplied.artwork is None
    words = (await said(ledger, before))["memory"]
    assert set(words) == {"trouble"}
    assert "no picture" in words["trouble"]


async def test_nothing_is_asked_where_nothing_is_made(ledger: Ledger, tmp_path: Path) -> None:
    """Tags cannot be written into what stands already."""
    idle, memory = replace(await work(ledger, tmp_path), made={}), says(TOLD)
    assert await step(ledger, memory)(idle, Here()) is idle
    assert memory.asked == []


TEXTS = st.sampled_from(["", "a", "b"])
TRACKS = st.builds(lambda **values: Track(title="T", **values), **dict.fromkeys(GAPS.values(), TEXTS))


NAMES = st.sampled_from([*GAPS])


@given(track=TRACKS, facts=st.dictionaries(NAMES | st.just("title"), TEXTS), wanted=st.sets(NAMES))
def test_filling_only_fills(track: Track, facts: dict[str, str], wanted: set[str]) -> None:
    """No field that says something changes, none that is not wanted is filled, and emptying takes it back."""
    filled, names = fill(track, facts, wanted)
    for name, attribute in GAPS.items():
        before, after = getattr(track, attribute), getattr(filled, attribute)
        assert after == (facts[name] if name in names else before)
        assert (name in names) == bool(not before and name in wanted and facts.get(name))
    assert filled.title == "T"
    assert without(filled, names) == track


async def test_the_next_service_is_told_what_was_filled_in(ledger: Ledger, tmp_path: Path) -> None:
    """Who is asked first fills a gap; the others are asked for what is left, of the release that it named."""

    class First(MemoryEnricher):
        name = "first"

    first = First({A.label: Told(facts={"album": "Lantern Street", "isrc": "DEAB11900001"})})
    second = says(Told(facts={"album": "Other", "label": "Harbour"}))
    done = await step(ledger, first, second)(await work(ledger, tmp_path), Here())
    (known,) = second.asked
    assert (known.track.album, known.track.isrc) == ("Lantern Street", "DEAB11900001")
    assert known.wanted == WANTED - {"album", "isrc"}
    assert (done.track.album, done.track.record_label) == ("Lantern Street", "Harbour")
    assert (await said(ledger, done))["memory"]["filled"] == ["label"]
