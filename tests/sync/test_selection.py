"""Which tracks a request means, and what is said of each source that was asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from musicsyncd.clock import ManualClock
from musicsyncd.database import MEMORY, Database
from musicsyncd.errors import BadInput, Degraded, MusicsyncError, NeedsPerson, Permanent, Temporary
from musicsyncd.jobs.rows import SCHEMA
from musicsyncd.jobs.worker import SqliteEngine
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.ledger.schema import MIGRATIONS
from musicsyncd.ledger.standing import Evidence
from musicsyncd.music.identity import Identity
from musicsyncd.music.playlist import Playlist
from musicsyncd.music.track import Track
from musicsyncd.sources.base import Found, Progress, Refusal, Unknown, is_called
from musicsyncd.sources.memory import MemorySource
from musicsyncd.sync.request import Scope, SyncRequest
from musicsyncd.sync.selection import Rung, Selected, select
from tests.sync.house import song

A, B, C = song("a"), song("b"), song("c")
TORN = Refusal(name="torn.mp3", error=BadInput("torn.mp3 is cut short"))
LATER = Refusal(name="busy.mp3", error=Temporary("busy.mp3 is being written", delay=5))


class Source(MemorySource):
    """Offers tracks and refusals, under a name of its own, or is in trouble."""

    def __init__(
        self, name: str, *tracks: Track, refused: Sequence[Refusal] = (), trouble: MusicsyncError | None = None
    ) -> None:
        super().__init__(dict.fromkeys(tracks, b""))
        self.__dict__["name"] = name
        self.refused, self.trouble, self.asked = tuple(refused), trouble, 0

    def owns(self, url: str) -> bool:
        return url.startswith(f"{self.name}:") or super().owns(url)

    async def resolve(self, url: str, *, progress: Progress | None = None) -> Found:
        if url == f"{self.name}:":
            return await self.list()
        return await super().resolve(url)

    async def list(self, *, limit: int | None = None) -> Found:
        self.asked += 1
        if self.trouble:
            raise self.trouble
        return Found(tracks=(await super().list(limit=limit)).tracks, refused=self.refused)


class Book(Ledger):
    """A ledger with the queue beside it, in which nobody works."""

    def __init__(self, database: Database, clock: ManualClock) -> None:
        super().__init__(database, clock)
        self.jobs = SqliteEngine(database, clock, {})


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Book]:
    clock = ManualClock()
    database = await Database.open(MEMORY, {"jobs": SCHEMA, "ledger": MIGRATIONS}, backups=tmp_path, clock=clock)
    yield Book(database, clock)
    await database.close()


async def selected(ledger: Book, scope: Scope, *sources: Source, **more: Any) -> Selected:
    """What a request of this scope means."""
    return await select(SyncRequest(scope=scope, **more), sources, ledger, ledger.jobs)


async def settled(ledger: Ledger, *tracks: Track) -> list[str]:
    """Make these known and settled; their ids."""
    ids = [one.id for one in await ledger.record_tracks(tracks)]
    for id_ in ids:
        await ledger.settle(id_)
    return ids


async def test_a_url_goes_to_the_source_that_owns_it(ledger: Book) -> None:
    """One track, also when it is known already; no source is listed."""
    await settled(ledger, A)
    source = Source("one", A, B)
    found = await selected(ledger, Scope.URL, source, url=A.source_url)
    assert found == Selected(tracks=(A,))
    assert source.asked == 0


async def test_a_url_that_nobody_knows_is_bad_input(ledger: Book) -> None:
    """So is one that only a source outside the request would know, and a source that does not exist."""
    with pytest.raises(BadInput, match="gopher"):
        await selected(ledger, Scope.URL, Source("one"), url="gopher://x")
    with pytest.raises(BadInput, match="two:x"):
        await selected(ledger, Scope.URL, Source("one"), Source("two"), url="two:x", source="one")
    with pytest.raises(BadInput, match="one, two"):
        await selected(ledger, Scope.FULL, Source("one"), Source("two"), source="three")


async def test_a_url_goes_to_its_owner_and_not_to_who_takes_any(ledger: Book) -> None:
    """Naming a source for a URL that is another's is an error, not a way around the other."""

    class Greedy(Source):
        def owns(self, url: str) -> bool:
            return True

    with pytest.raises(BadInput, match="belongs to one"):
        await selected(ledger, Scope.URL, Source("one"), Greedy("two"), url="one:", source="two")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://soundcloud.com/u/t/s-CANARY", "https://soundcloud.com/u/t is not"),
        (
            "https://w.soundcloud.com/player/?url=https%3A//api.soundcloud.com/tracks/1%3Fsecret_token%3Ds-CANARY",
            "https://api.soundcloud.com/tracks/1 is not",
        ),
        ("https://[s-CANARY", "The address is not"),
    ],
)
async def test_what_lets_one_in_is_not_in_the_refusal(ledger: Book, url: str, shown: str) -> None:
    """Whose address it is can be said without the token of a private track."""

    class Greedy(Source):
        def owns(self, url: str) -> bool:
            return True

    with pytest.raises(BadInput) as caught:
        await selected(ledger, Scope.URL, Greedy("one"), Source("two"), url=url, source="two")
    assert str(caught.value).startswith(shown)
    assert "CANARY" not in str(caught.value.as_dict())


async def test_only_what_can_be_new_is_asked_for(ledger: Book) -> None:
    """Incremental asks for news, with the ledger's word for what is new; full for everything; the chain for few."""
    await settled(ledger, A)
    said: list[object] = []

    class Large(Source):
        chained = 2

        async def news(self, unknown: Unknown) -> Found:
            said.append([track.title for track in await unknown([A, B])])
            return Found(tracks=(B,))

        async def list(self, *, limit: int | None = None) -> Found:
            said.append(limit)
            return Found(tracks=(A, B, C)[:limit])

    assert (await selected(ledger, Scope.INCREMENTAL, Large("one"))).tracks == (B,)
    assert (await selected(ledger, Scope.FULL, Large("one"))).tracks == (A, B, C)
    assert (await selected(ledger, Scope.NEXT, Large("one"))).tracks == (B,)
    assert said == [[B.title], None, 2]


async def test_one_bad_file_of_many_is_reported_and_the_rest_taken(ledger: Book) -> None:
    """A folder with a torn file gives its other tracks, and the refusal with its reason."""
    found = await selected(ledger, Scope.URL, Source("one", A, refused=[TORN]), url="one:")
    assert found == Selected(tracks=(A,), refused=(TORN,))


@pytest.mark.parametrize(
    ("refused", "expected"),
    [
        ([TORN], "torn.mp3 is cut short"),
        ([TORN, TORN], "None of the 2 files"),
        ([LATER], "busy.mp3"),
        ([LATER, TORN], "busy.mp3"),
        ([TORN, LATER], "busy.mp3"),
    ],
)
async def test_a_url_that_comes_to_nothing_says_why(ledger: Book, refused: list[Refusal], expected: str) -> None:
    """The one refusal's own error; of many a summary; what may come right later is tried again."""
    with pytest.raises(Temporary if LATER in refused else Permanent, match=expected):
        await selected(ledger, Scope.URL, Source("one", refused=refused), url="one:")


@pytest.mark.parametrize("scope", [Scope.NEXT, Scope.INCREMENTAL, Scope.FULL])
@pytest.mark.parametrize(
    "trouble",
    [
        Degraded("away", target="source:one"),
        Temporary("busy", delay=60),
        NeedsPerson("sign in", fix="musicsyncctl auth"),
    ],
)
async def test_a_source_in_trouble_is_skipped(ledger: Book, scope: Scope, trouble: MusicsyncError) -> None:
    """Its reason and what to do are told, and the next source is asked."""
    found = await selected(ledger, scope, Source("one", A, trouble=trouble), Source("two", B))
    assert found.tracks == (B,)
    assert found.rungs[0] == Rung(source="one", said=f"skipped: {trouble}")


@pytest.mark.parametrize("scope", [Scope.INCREMENTAL, Scope.FULL])
async def test_what_was_passed_over_is_counted(ledger: Book, scope: Scope) -> None:
    """A liked set is nobody's failure, and is not lost without a word."""

    class Liked(Source):
        async def list(self, *, limit: int | None = None) -> Found:
            return replace(await super().list(limit=limit), passed_over=23)

    found = await selected(ledger, scope, Liked("one", A))
    assert found.rungs == (Rung(source="one", said="offers 1 tracks; passed over 23 that are no tracks"),)
    assert found.refused == ()


async def test_incremental_takes_the_new_and_the_unfinished(ledger: Book) -> None:
    """What stands, failed for good or is a duplicate is left alone; refusals of every source are told."""
    done, failed, copy = await settled(ledger, A, B, C)
    await ledger.record_failure(failed, Permanent("no"))
    await ledger.mark_duplicate(copy, done, {"reason": "same"})
    (parked,) = await settled(ledger, song("parked"))
    await ledger.park(parked, {"volume:m": Degraded("away", target="volume:m")})
    new = song("new")
    sources = Source("one", A, B, refused=[TORN]), Source("two", C, new, refused=[LATER])
    found = await selected(ledger, Scope.INCREMENTAL, *sources)
    assert (found.tracks, found.known, found.refused) == ((new,), (parked,), (TORN, LATER))
    assert [one.said for one in found.rungs] == ["offers 2 tracks", "offers 2 tracks"]


async def test_full_takes_everything_but_duplicates(ledger: Book) -> None:
    """All that is offered and all that is known, also what failed."""
    done, failed, copy = await settled(ledger, A, B, C)
    await ledger.record_failure(failed, Permanent("no"))
    await ledger.mark_duplicate(copy, done, {"reason": "same"})
    found = await selected(ledger, Scope.FULL, Source("one", song("new"), A))
    assert (found.tracks, found.known) == ((song("new"), A), (done, failed))


async def test_what_is_not_set_up_is_said_once(ledger: Book) -> None:
    """In one line, and nobody asks it."""
    idle, other = Source("one", A), Source("two", B)
    idle.offering = lambda: False  # type: ignore[method-assign]
    found = await selected(ledger, Scope.INCREMENTAL, idle, other)
    assert found.rungs == (Rung(source="one", said="not set up"), Rung(source="two", said="offers 1 tracks"))
    assert (idle.asked, found.tracks) == (0, (B,))


class Listing(Source):
    """Knows lists by name."""

    def __init__(self, name: str, lists: dict[str, Found], *, trouble: MusicsyncError | None = None) -> None:
        super().__init__(name, trouble=trouble)
        self.lists = lists

    async def playlist(self, name: str, *, progress: Progress | None = None) -> Found | None:
        if self.trouble:
            raise self.trouble
        return next((found for title, found in self.lists.items() if is_called(title, name)), None)


WARM = Playlist(identity=Identity("one", "warm"), title="Warm-Up", tracks=(A.identities[0],), whole=True)


async def test_a_playlist_by_its_name(ledger: Book) -> None:
    """Of every source that has one of that name, with what is in it; known tracks too, as a person named it."""
    await settled(ledger, A)
    first = Listing("one", {"Warm-Up": Found(tracks=(A,), playlists=(WARM,))})
    second = Listing("two", {"WARM-UP": Found(tracks=(B,), refused=(TORN,)), "Other": Found(tracks=(C,))})
    away = Listing("three", {}, trouble=Temporary("busy"))
    found = await selected(ledger, Scope.PLAYLIST, away, first, second, url="warm-up ")
    assert found == Selected(tracks=(A, B), refused=(TORN,), playlists=(WARM,))
    only = await selected(ledger, Scope.PLAYLIST, first, second, url="Warm-Up", source="two")
    assert only.tracks == (B,)


async def test_a_playlist_that_nobody_knows_is_bad_input(ledger: Book) -> None:
    """Unless somebody could not be asked: then that is the error."""
    with pytest.raises(BadInput, match="No playlist is called 'cool'"):
        await selected(ledger, Scope.PLAYLIST, Listing("one", {}), url="cool")
    with pytest.raises(Temporary, match="busy"):
        await selected(ledger, Scope.PLAYLIST, Listing("one", {}, trouble=Temporary("busy")), url="cool")


async def test_a_playlist_by_its_address(ledger: Book) -> None:
    """It is its owner's; a track's address is none of a playlist, and nobody is asked."""

    class Spotify(Listing):
        def owns(self, url: str) -> bool:
            return url.startswith("spotify:")

        async def resolve(self, url: str, *, progress: Progress | None = None) -> Found:
            self.asked += 1
            return Found(tracks=(A,), playlists=(WARM,))

    source = Spotify("spotify", {})
    found = await selected(ledger, Scope.PLAYLIST, source, url=f"spotify:playlist:{'1' * 22}")
    assert (found.tracks, found.playlists) == ((A,), (WARM,))
    with pytest.raises(BadInput, match="is no playlist") as caught:
        await selected(ledger, Scope.PLAYLIST, source, url=f"spotify:track:{'1' * 22}")
    assert "--url" in caught.value.fix
    assert source.asked == 1


async def test_one_source_of_several(ledger: Book) -> None:
    """A request that names a source asks no other."""
    first, second = Source("one", A), Source("two", B)
    assert (await selected(ledger, Scope.FULL, first, second, source="two")).tracks == (B,)
    assert first.asked == 0


def test_a_request_fits_in_the_queue() -> None:
    """It comes out of JSON as it went in, and only what is asked makes its key."""
    asked = [
        SyncRequest(scope=Scope.URL, url="memory:a"),
        SyncRequest(scope=Scope.URL, url="memory:b"),
        SyncRequest(scope=Scope.FULL),
        SyncRequest(scope=Scope.FULL, dry_run=True),
        SyncRequest(scope=Scope.FULL, source="memory"),
    ]
    assert [SyncRequest.from_dict(one.as_dict()) for one in asked] == asked
    assert len({one.key for one in asked}) == len(asked)


async def test_what_a_target_lacks_is_taken_up_at_once(ledger: Book) -> None:
    """Settled or not; no source is asked."""
    ids = await settled(ledger, A, B)
    await ledger.record_evidence(ids[0], Evidence(target="volume:new", part="wav", proof="1"), None)
    source = Source("one", C)
    found = await selected(ledger, Scope.LACKING, source, target="volume:new")
    assert (found, source.asked) == (Selected(known=(ids[1],)), 0)


def test_a_request_for_a_target_is_its_own() -> None:
    """Two targets are two requests; what an older program wrote into the queue has none, and keeps its key."""
    one, other = (SyncRequest(scope=Scope.LACKING, target=name) for name in ("volume:a", "volume:b"))
    assert len({one.key, other.key}) == 2
    assert SyncRequest.from_dict(one.as_dict()) == one
    old = {"scope": "full", "url": "", "source": "", "dry_run": True}
    assert SyncRequest.from_dict(old).key == "full|||dry-run"
