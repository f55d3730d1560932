"""What Spotify knows of a track from elsewhere: only of the one that the matcher is sure of."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from musicsyncd.clock import ManualClock, SystemClock
from musicsyncd.database import MEMORY, Database
from musicsyncd.enrichment.base import Enricher, Known
from musicsyncd.enrichment.cache import MIGRATIONS, Cache
from musicsyncd.enrichment.spotify import PICTURES, SpotifyFacts, queries_of
from musicsyncd.errors import MusicsyncError, NeedsPerson, Temporary
from musicsyncd.http.budget import Budget, Pace
from musicsyncd.http.client import HttpClient, HttpOptions
from musicsyncd.music.identity import Identity
from musicsyncd.music.track import Track
from tests.enrichment.contract import EnricherContract
from tests.fakes.music_services import Ill, MusicServices

ID = Identity("spotify", f"track:{1:022d}")
LIKED = Track(title="Ada Voss - Night Ferry (Kora Remix)", artists=("Harbour Records",), source="soundcloud")
THERE = Track(
    title="Night Ferry - Kora Remix", artists=("Ada Voss", "Kora"), album="Lantern Street", date="2019-05-04",
    isrc="DEAB11900001", duration=200.2, source="spotify", artwork_url=f"{PICTURES}image/ab67-large", identities=(ID,),
)  # fmt: skip
WANTED = frozenset({"isrc", "album", "date", "artwork"})


@dataclass
class Catalog:
    """Spotify's search, as far as it is asked here."""

    tracks: list[Track] = field(default_factory=lambda: [THERE])
    asked: list[tuple[str, int]] = field(default_factory=list)
    trouble: MusicsyncError | None = None
    only: str = ""
    """The one question that finds something; empty: any."""

    async def search(self, query: str, limit: int) -> Sequence[Track]:
        self.asked.append((query, limit))
        if self.trouble:
            raise self.trouble
        return self.tracks if self.only in ("", query) else []


@dataclass
class Asking:
    catalog: Catalog
    facts: SpotifyFacts
    services: MusicServices


@pytest.fixture
async def asking(tmp_path: Path, services: MusicServices) -> AsyncIterator[Asking]:
    clock, catalog = ManualClock(), Catalog()
    database = await Database.open(MEMORY, {"enrichment": MIGRATIONS}, backups=tmp_path, clock=clock)
    cache = Cache(database, clock, tmp_path / "covers", keep=30 * 86400.0, keep_nothing=3 * 86400.0)
    client = HttpClient(HttpOptions(timeout=5.0))
    services.pictures["ab67-large"] = b"\xff\xd8\xffpicture"
    budget = Budget("Spotify's covers", Pace(rate=1000.0, burst=100), SystemClock())
    yield Asking(
        catalog, SpotifyFacts(catalog.search, client, budget, cache, images_url=services.url("/spotify")), services
    )
    await client.close()
    await database.close()


def known(track: Track = LIKED, duration: float = 200.0, **more: Any) -> Known:
    return Known(track=track, duration=duration, **{"wanted": WANTED, **more})


class TestSpotifyFacts(EnricherContract):
    """The contract every service keeps."""

    @pytest.fixture
    def enricher(self, asking: Asking) -> Enricher:
        return asking.facts

    @pytest.fixture
    def known(self) -> Known:
        return known()

    @pytest.fixture
    def ill(self, asking: Asking) -> Enricher:
        asking.catalog.trouble = Temporary("Spotify is left alone", delay=60)
        return asking.facts


async def test_a_sure_match_tells_all_it_knows(asking: Asking) -> None:
    """ISRC, album, date, cover and the track's own id, with how sure it is."""
    told = await asking.facts.ask(known())
    assert {name: told.facts[name] for name in ("isrc", "album", "date", "artwork")} == {
        "isrc": "DEAB11900001", "album": "Lantern Street", "date": "2019-05-04", "artwork": "image/ab67-large",
    }  # fmt: skip
    assert told.facts["score"] >= 0.9
    assert told.identities == (ID,)
    assert told.picture is not None
    assert told.picture.read_bytes() == b"\xff\xd8\xffpicture"
    assert asking.catalog.asked == [("Harbour Records Ada Voss Night Ferry Kora Remix", 10)]


async def test_a_labels_account_is_left_out_when_it_leads_nowhere(asking: Asking) -> None:
    """The title says who it is: a second question, and only then."""
    asking.catalog.only = "Ada Voss Night Ferry Kora Remix"
    assert (await asking.facts.ask(known())).identities == (ID,)
    assert len(asking.catalog.asked) == 2


@pytest.mark.parametrize(
    ("there", "duration", "because"),
    [
        (replace(THERE, title="Night Ferry"), 200.0, ""),
        (replace(THERE, title="Night Ferry - Live", artists=("Ada Voss",)), 200.0, ""),
        (THERE, 380.0, "380 s"),
        (replace(THERE, title="Day Ferry - Kora Remix"), 200.0, ""),
        (replace(THERE, artists=("Somebody Else",), title="Night Ferry - Other Remix"), 200.0, ""),
    ],
)
async def test_what_is_not_sure_is_left(asking: Asking, there: Track, duration: float, because: str) -> None:
    """Another version, length, title or artist: nothing is taken, and the note says what was nearest."""
    asking.catalog.tracks = [there]
    told = await asking.facts.ask(known(duration=duration))
    assert (dict(told.facts), told.identities, told.picture) == ({}, (), None)
    assert "The nearest is" in told.note
    assert because in told.note


async def test_a_known_isrc_is_asked_by(asking: Asking) -> None:
    """One question, and the same recording under it."""
    track = replace(LIKED, isrc=THERE.isrc)
    told = await asking.facts.ask(known(track, wanted=frozenset({"album"})))
    assert asking.catalog.asked == [(f"isrc:{THERE.isrc}", 10)]
    assert (told.facts["album"], told.picture) == ("Lantern Street", None)


@pytest.mark.parametrize("isrc", [THERE.isrc, "DEAB11900099"])
async def test_an_isrc_that_leads_nowhere_gives_way_to_words(asking: Asking, isrc: str) -> None:
    """An uploader may have stated another release's, or mistyped it: it is asked by first, and not alone."""
    asking.catalog.only = "Harbour Records Ada Voss Night Ferry Kora Remix"
    told = await asking.facts.ask(known(replace(LIKED, isrc=isrc)))
    assert [query for query, _ in asking.catalog.asked] == [f"isrc:{isrc}", asking.catalog.only]
    assert told.identities == (ID,)


async def test_an_isrc_that_leads_to_another_length_is_not_believed(asking: Asking) -> None:
    """A label gives an edit its original's number: a person would have to look."""
    asking.catalog.tracks = [replace(THERE, duration=320.0)]
    told = await asking.facts.ask(known(replace(LIKED, isrc=THERE.isrc)))
    assert (dict(told.facts), told.identities) == ({}, ())


@pytest.mark.parametrize(
    ("track", "wanted"),
    [
        (LIKED, frozenset()),
        (LIKED, frozenset({"label", "catalog_number"})),
        (Track(title="Untitled"), WANTED),
    ],
)
async def test_nobody_is_asked_without_need(asking: Asking, track: Track, wanted: frozenset[str]) -> None:
    """Where nothing lacks that Spotify could say, or there is nothing to search by."""
    told = await asking.facts.ask(known(track, wanted=wanted))
    assert (asking.catalog.asked, dict(told.facts)) == ([], {})


async def test_a_track_of_spotifys_own_only_gets_its_cover(asking: Asking) -> None:
    """It has been told all else by its source."""
    told = await asking.facts.ask(known(THERE))
    assert (asking.catalog.asked, dict(told.facts), told.picture is not None) == (
        [], {"artwork": "image/ab67-large"}, True,
    )  # fmt: skip


async def test_the_same_track_again_costs_no_question(asking: Asking) -> None:
    """Not for facts and not for the picture; nor is it asked again at once for what it does not know."""
    await asking.facts.ask(known())
    before = len(asking.services.asked)
    await asking.facts.ask(known())
    assert (len(asking.catalog.asked), len(asking.services.asked)) == (1, before)
    asking.catalog.tracks = []
    for _ in range(2):
        assert "finds nothing" in (await asking.facts.ask(known(replace(LIKED, title="X - Y")))).note
    assert [query for query, _ in asking.catalog.asked[1:]] == ["Harbour Records X Y", "X Y"]


async def test_signed_out_is_an_error_that_says_so(asking: Asking) -> None:
    """It is the search that knows."""
    asking.catalog.trouble = NeedsPerson("Nobody is signed in at Spotify", fix="Run: musicsyncctl auth spotify")
    with pytest.raises(NeedsPerson, match="signed in"):
        await asking.facts.ask(known())


async def test_a_picture_in_trouble_costs_no_facts(asking: Asking) -> None:
    """They are kept, and the note tells of the picture; one that is not Spotify's is not asked for."""
    asking.services.fall_ill("/spotify", Ill(status=403))
    told = await asking.facts.ask(known())
    assert (told.facts["isrc"], told.picture, "cover could not be had" in told.note) == (THERE.isrc, None, True)
    before = len(asking.services.asked)
    for url in ("https://evil.example/image/x", f"{PICTURES}../x", f"{PICTURES}image/a?b", "http://i.scdn.co/image/x"):
        asking.catalog.tracks = [replace(THERE, artwork_url=url)]
        told = await asking.facts.ask(known(replace(LIKED, isrc=f"DEAB119{len(url):05d}")))
        assert told.picture is None
    assert len(asking.services.asked) == before


@pytest.mark.parametrize(
    ("track", "queries"),
    [
        (Track(title="Night Ferry", artists=("Ada Voss",)), ("Ada Voss Night Ferry",)),
        (Track(title="Ada Voss - Night Ferry", artists=("ada voss",)), ("Ada Voss Night Ferry",)),
        (Track(title="Night Ferry - Live", artists=("Ada",)), ("Ada Night Ferry Live", "Night Ferry Live")),
        (Track(title='year:1990 "NOT" (x)', artists=("A:b",)), ("A b year 1990 x",)),
        (Track(title="Ada Voss - Night Ferry"), ("Ada Voss Night Ferry",)),
        (Track(title="x" * 300, artists=("A",)), (f"A {'x' * 98}",)),
        (Track(title="Night Ferry", artists=("A",), isrc="DEAB11900001"), ("isrc:DEAB11900001", "A Night Ferry")),
        (Track(title="Untitled"), ()),
        (Track(title='"" ()', artists=("-",)), ()),
    ],
)
def test_what_is_searched_for(track: Track, queries: tuple[str, ...]) -> None:
    """Words only: nothing that the search would read as its own language."""
    assert queries_of(track) == queries
