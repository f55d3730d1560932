"""The chain to the next track: each rung in each of its ways, and that no failing track is picked again and again."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from musicsyncd.clock import ManualClock
from musicsyncd.database import MEMORY, Database
from musicsyncd.errors import BadInput, Degraded, MusicsyncError, NeedsPerson, Permanent, Temporary
from musicsyncd.jobs.job import Job, JobState, Lane
from musicsyncd.jobs.rows import SCHEMA
from musicsyncd.jobs.worker import SqliteEngine
from musicsyncd.ledger.entry import Entry
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.ledger.schema import MIGRATIONS
from musicsyncd.music.track import Track
from musicsyncd.sources.base import Found, Refusal, Unknown
from musicsyncd.sources.memory import MemorySource
from musicsyncd.sync.chain import in_turn, next_track, recent
from musicsyncd.sync.eligible import counted, objection
from musicsyncd.sync.selected import Rung, Selected
from tests.sync.house import song

Answer = Found | MusicsyncError | None
"""None: it is not set up."""

SIGNED_OUT = NeedsPerson("Nobody is signed in at Spotify", fix="Run: musicsyncctl auth spotify")
RESTING = Temporary("It is left alone until 2026-11-28 12:00:00", delay=86400, counts=False)
NEW = song("new")
KEPT, FAILED, COPY, PARKED, QUEUED, AGAIN = map(song, ("kept", "failed", "copy", "parked", "queued", "again"))
NAMELESS = Track(title="Untitled", source="memory", identities=song("nameless").identities)


def refused(what: str) -> Found:
    return Found(refused=(Refusal(name="Playing now", error=BadInput(what)),))


def tracks(*some: Track) -> Found:
    return Found(tracks=some)


class Place(MemorySource):
    """A source that answers as it is told, and counts how often it was asked."""

    def __init__(self, name: str, *, offers: Answer = None, plays: Answer = None, recent: Answer = None) -> None:
        super().__init__({})
        self.__dict__["name"] = name
        self.offers, self.plays, self.lately, self.asked = offers, plays, recent, 0
        self.limits: list[int | None] = []

    def offering(self) -> bool:
        return self.offers is not None

    def listening(self) -> bool | None:
        return (self.plays is not None or self.lately is not None) if self.name == "spotify" else None

    async def playing(self) -> Found:
        return self._said(self.plays)

    async def recent(self, unknown: Unknown) -> Found:
        return self._said(self.lately)

    async def list(self, *, limit: int | None = None) -> Found:
        self.limits.append(limit)
        return self._said(self.offers)

    def _said(self, answer: Answer) -> Found:
        self.asked += 1
        if isinstance(answer, MusicsyncError):
            raise answer
        return answer or Found()


class Book(Ledger):
    """A ledger with the queue beside it, in which nobody works, and a track in every state but new."""

    def __init__(self, database: Database, clock: ManualClock) -> None:
        super().__init__(database, clock)
        self.jobs = SqliteEngine(database, clock, {})

    async def fill(self) -> None:
        states = (KEPT, FAILED, COPY, PARKED, QUEUED, AGAIN)
        kept, failed, copy, parked, queued, again = [one.id for one in await self.record_tracks(states)]
        for one in (kept, parked):
            await self.settle(one)
        await self.record_failure(failed, Permanent("gone"))
        await self.mark_duplicate(copy, kept, {"reason": "same"})
        await self.park(parked, {"volume:m": Degraded("away", target="volume:m")})
        await self.record_failure(again, Temporary("busy", delay=60))
        for one in (queued, again):
            await self.jobs.enqueue("track", {"track": one}, key=one, lane=Lane.BACKLOG)

    async def next(self, *sources: Place) -> Selected:
        return await next_track(sources, self, self.jobs)


@pytest.fixture
async def book(tmp_path: Path) -> AsyncIterator[Book]:
    clock = ManualClock()
    database = await Database.open(MEMORY, {"jobs": SCHEMA, "ledger": MIGRATIONS}, backups=tmp_path, clock=clock)
    book = Book(database, clock)
    await book.fill()
    yield book
    await database.close()


PLAYING: dict[str, tuple[Answer, str]] = {
    "signed out": (SIGNED_OUT, f"skipped: {SIGNED_OUT}"),
    "resting": (RESTING, f"skipped: {RESTING}"),
    "silence": (Found(), "nothing is playing"),
    "paused": (refused("Playback is paused"), "skipped: Playback is paused."),
    "an advertisement": (refused("Spotify calls it 'ad', which is no track"), "skipped: Spotify calls it 'ad'"),
    "an episode": (refused("Spotify calls it 'episode'"), "skipped: Spotify calls it 'episode'"),
    "a local file": (refused("This is a file on somebody's own machine"), "skipped: This is a file"),
    "kept": (tracks(KEPT), "Ada Voss - Song kept is kept"),
    "failed": (tracks(FAILED), "Ada Voss - Song failed is failed"),
    "a copy": (tracks(COPY), "is kept as another's duplicate"),
    "parked": (tracks(PARKED), "is waiting for volume:m"),
    "at work": (tracks(QUEUED), "is in the queue already"),
    "nameless": (tracks(NAMELESS), "is without anything to search by"),
}


@pytest.mark.parametrize("way", PLAYING)
async def test_what_plays_is_skipped_with_its_reason(book: Book, way: str) -> None:
    """The next rung gives its track, and it is that very one."""
    answer, said = PLAYING[way]
    found = await book.next(Place("spotify", plays=answer, offers=Found()), Place("soundcloud", offers=tracks(NEW)))
    assert found.tracks == (NEW,)
    assert found.rungs[0].source == "spotify, playing now"
    assert found.rungs[0].said.startswith(said) or found.rungs[0].said.endswith(said)
    assert found.rungs[1:] == (Rung(source="soundcloud", said="took Ada Voss - Song new"),)
    assert found.refused == (), "an advertisement is nobody's failure"


LIKES: dict[str, tuple[Answer, str]] = {
    "not set up": (None, "not set up"),
    "signed out": (SIGNED_OUT, f"skipped: {SIGNED_OUT}"),
    "resting": (RESTING, f"skipped: {RESTING}"),
    "nothing": (Found(), "offers nothing"),
    "all kept": (tracks(KEPT, KEPT), "none of its 2: 2 kept"),
    "all known": (
        tracks(KEPT, FAILED, COPY, PARKED, QUEUED, AGAIN, NAMELESS),
        "none of its 7: 2 in the queue already, 1 kept, 1 failed, 1 kept as another's duplicate, 1 waiting for "
        "volume:m, 1 without anything to search by",
    ),
}


@pytest.mark.parametrize("name", ["soundcloud", "spotify", "folder"])
@pytest.mark.parametrize("way", LIKES)
async def test_likes_are_skipped_with_their_reason(book: Book, name: str, way: str) -> None:
    """Whichever of the sources it is; the last one has something."""
    answer, said = LIKES[way]
    found = await book.next(Place(name, offers=answer), Place("url-like", offers=tracks(NEW)))
    assert found.tracks == (NEW,)
    assert next(rung for rung in found.rungs if rung.source == name).said == said


async def test_every_rung_before_the_track_is_named_and_none_behind_it_is_asked(book: Book) -> None:
    """All ways of all rungs together: the first that has a track gives it, in the order of the chain."""
    named = {"spotify": song("s"), "soundcloud": song("c"), "folder": song("f")}
    ways: list[Answer | str] = [None, SIGNED_OUT, RESTING, Found(), tracks(KEPT, FAILED), "new"]
    playing = song("p")
    for plays, spotify, cloud, folder in itertools.product(ways, repeat=4):
        offers = {"spotify": spotify, "soundcloud": cloud, "folder": folder}
        at = {
            name: Place(name, offers=tracks(KEPT, named[name]) if way == "new" else _answer(way))
            for name, way in offers.items()
        }
        at["spotify"].plays = tracks(playing) if plays == "new" else _answer(plays)
        found = await book.next(at["folder"], at["spotify"], at["soundcloud"])
        order = ["soundcloud", "spotify", "folder"]
        expected = playing if plays == "new" else next((named[name] for name in order if offers[name] == "new"), None)
        assert found.tracks == ((expected,) if expected else ())
        told = ", ".join(rung.source for rung in found.rungs)
        asked = order if expected is None else order[: order.index(_place(expected, named)) + 1]
        if expected is not playing:
            assert all(name in told for name in asked)
            assert ("ledger" in told) is (expected is None)
        assert [name for name in order if at[name].limits and name not in asked and expected is not playing] == []
        assert all(rung.said for rung in found.rungs)


def _answer(way: Any) -> Answer:
    return way if isinstance(way, Found | MusicsyncError) else None


def _place(track: Track, named: dict[str, Track]) -> str:
    return next((name for name, one in named.items() if one == track), "soundcloud")


async def test_what_is_not_set_up_is_said_once(book: Book) -> None:
    """One line for all of them, and none for what never offers anything."""

    class Web(Place):
        def offering(self) -> Any:
            return None

    found = await book.next(Place("spotify"), Place("soundcloud"), Web("url"), Place("folder"))
    assert found.rungs[0] == Rung(source="soundcloud, spotify, folder", said="not set up")
    assert [rung.source for rung in found.rungs[1:]] == ["ledger"]


async def test_a_source_that_cannot_tell_what_plays_says_so(book: Book) -> None:
    """Its likes are offered from a file, say: what plays is a rung of its own."""
    found = await book.next(Place("spotify", offers=tracks(NEW)), Place("soundcloud"))
    assert found.tracks == (NEW,)
    assert found.rungs == (
        Rung(source="spotify, playing now", said="not set up"),
        Rung(source="soundcloud", said="not set up"),
        Rung(source="spotify", said="took Ada Voss - Song new"),
    )


async def test_one_reason_is_told_once(book: Book) -> None:
    """Who is signed out cannot tell what plays nor what is saved."""
    found = await book.next(Place("spotify", plays=SIGNED_OUT, offers=SIGNED_OUT))
    assert [rung.said for rung in found.rungs[:2]] == [f"skipped: {SIGNED_OUT}", "skipped for the same reason"]


def test_the_order_is_the_chains() -> None:
    """Whatever the order of the settings."""
    places = [Place(name) for name in ("folder", "spotify", "youtube", "soundcloud")]
    assert [one.name for one in in_turn(places)] == ["soundcloud", "spotify", "folder", "youtube"]


async def test_few_are_asked_for(book: Book) -> None:
    """As many as the source says of itself."""

    class Few(Place):
        chained = 5

    place = Few("soundcloud", offers=tracks(KEPT))
    found = await book.next(place)
    assert (place.limits, found.rungs[0].said) == ([5], "none of its 1 newest: 1 kept")


async def test_the_ledger_gives_its_newest(book: Book) -> None:
    """Of what was left unfinished, when nobody offers anything."""
    older, newer = await book.record_tracks([song("older"), song("newer")])
    found = await book.next()
    assert (found.tracks, found.known) == ((), (newer.id,))
    assert found.rungs == (
        Rung(source="ledger", said="took Ada Voss - Song newer, the newest that was left unfinished"),
    )
    await book.record_failure(newer.id, Temporary("busy", delay=60))
    assert (await book.next()).known == (older.id,), "what backs off is passed over"
    await book.jobs.enqueue("track", {}, key=older.id)
    found = await book.next()
    assert found.rungs[-1].said == "took Ada Voss - Song parked, waiting for volume:m"
    await book.park(found.known[0], {})
    await book.settle(found.known[0])
    found = await book.next()
    assert (found.known, found.rungs[-1].said) == ((), "nothing to take: 2 in the queue already")


async def test_an_empty_ledger_says_so(tmp_path: Path) -> None:
    """Nothing is left, and nothing is made up."""
    clock = ManualClock()
    database = await Database.open(MEMORY, {"jobs": SCHEMA, "ledger": MIGRATIONS}, backups=tmp_path, clock=clock)
    found = await Book(database, clock).next()
    assert found == Selected(rungs=(Rung(source="ledger", said="nothing was left unfinished"),))
    await database.close()


async def test_a_refusal_on_the_way_is_not_forgotten(book: Book) -> None:
    """A torn file in an inbox is told, whoever gives the track."""
    torn = Refusal(name="torn.mp3", error=BadInput("torn.mp3 is cut short"))
    found = await book.next(Place("soundcloud", offers=Found(refused=(torn,))), Place("folder", offers=tracks(NEW)))
    assert (found.tracks, found.refused) == ((NEW,), (torn,))


# What was listened to lately


async def test_recent_takes_what_may_be_taken(book: Book) -> None:
    """All of it, in its order; what is known is counted by what is against it."""
    place = Place("spotify", recent=tracks(song("x"), KEPT, FAILED, NEW))
    found = await recent([place], book, book.jobs)
    assert found.tracks == (song("x"), NEW)
    assert found.rungs == (Rung(source="spotify", said="2 new, 1 kept, 1 failed"),)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (SIGNED_OUT, f"skipped: {SIGNED_OUT}"),
        (Found(), "nothing was listened to since the last look"),
        (None, "not set up"),
    ],
)
async def test_recent_says_why_there_is_nothing(book: Book, answer: Answer, said: str) -> None:
    """Trouble, silence, or nobody to ask."""
    found = await recent([Place("spotify", recent=answer), Place("folder", offers=tracks(NEW))], book, book.jobs)
    assert (found.tracks, found.rungs) == ((), (Rung(source="spotify", said=said),))


async def test_recent_is_nothing_to_ask_a_folder_for(book: Book) -> None:
    """Asking a source that can never tell is a mistake."""
    with pytest.raises(BadInput, match="folder cannot tell"):
        await recent([Place("folder", offers=tracks(NEW))], book, book.jobs)


# The predicate


def job(state: JobState, *, reason: bool = False) -> Job:
    return Job(
        id="1", kind="track", key="a", args={}, lane=Lane.USER, priority=0, state=state,
        reason={"what": "busy"} if reason else None, created_at=ManualClock().now(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("more", "last", "why"),
    [
        ({}, None, ""),
        ({}, job(JobState.CANCELLED), ""),
        ({}, job(JobState.DONE), ""),
        ({}, job(JobState.FAILED), "failed"),
        ({}, job(JobState.WAITING), "in the queue already"),
        ({}, job(JobState.RUNNING), "in the queue already"),
        ({"failure": {"class": "Temporary"}}, job(JobState.WAITING, reason=True), "waiting for another try"),
        ({"failure": {"class": "Permanent"}}, None, "failed"),
        ({"settled_at": "2026"}, job(JobState.DONE), "kept"),
        ({"duplicate_of": "b"}, None, "kept as another's duplicate"),
    ],
)
def test_what_is_against_a_track(more: dict[str, Any], last: Job | None, why: str) -> None:
    """Its state and its last job decide; a cancelled one, as of a batch that was stopped, may be taken up again."""
    assert objection(Entry(id="a", track=NEW, **more), last) == why


def test_objections_are_counted() -> None:
    """The commonest first."""
    assert counted(["kept", "failed", "kept"]) == "2 kept, 1 failed"
