"""Rows as a source: what they are called is looked up within bounds, and trouble with one is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from musicsyncd.clock import ManualClock
from musicsyncd.database import MEMORY, Database
from musicsyncd.errors import BadInput, MusicsyncError, NeedsPerson
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.ledger.mirror import Mirror, MirrorRow
from musicsyncd.ledger.schema import MIGRATIONS
from musicsyncd.music.identity import SPOTIFY, Identity
from musicsyncd.music.track import Track
from musicsyncd.sources.base import Found
from musicsyncd.sources.rows import ASKED_AT_ONCE, RowsSource


@pytest.fixture
async def mirror(tmp_path: Path) -> AsyncIterator[Mirror]:
    clock = ManualClock()
    database = await Database.open(MEMORY, {"ledger": MIGRATIONS}, backups=tmp_path, clock=clock)
    yield Mirror(database, clock)
    await database.close()


async def written(mirror: Mirror, *rows: dict[str, Any]) -> None:
    """Rows p0, p1 … of which the first is the newest."""
    moments = [f"2026-01-01T00:{59 - n:02}:00Z" for n in range(len(rows))]
    await mirror.put(
        "notion",
        [
            MirrorRow(page=f"p{n}", created=moment, edited=moment, fields=fields)
            for n, (fields, moment) in enumerate(zip(rows, moments, strict=True))
        ],
    )


def spotify(number: int) -> str:
    return f"{number:022}"


class Service:
    """Knows every id, but for those it has trouble with."""

    def __init__(self, **troubles: MusicsyncError) -> None:
        self.troubles, self.asked = troubles, list[str]()

    async def __call__(self, url: str) -> Found:
        id_ = url.rpartition("/")[2]
        self.asked.append(id_)
        if error := self.troubles.get(f"t{int(id_)}"):
            raise error
        track = Track(title=f"Song {int(id_)}", artists=("Ada Voss",), identities=(Identity(SPOTIFY, f"track:{id_}"),))
        return Found(tracks=(track,))


async def test_the_newest_row_comes_first(mirror: Mirror) -> None:
    """A title and artists, or an address, are enough; with a limit only so many of the newest."""
    await written(
        mirror,
        {"title": "A", "artists": "Ada"},
        {"soundcloud_url": "https://soundcloud.com/ada/night-ferry"},
        {"source_url": "https://example.org/x/B%20side.flac", "title": "B"},
    )
    source = RowsSource(mirror, ["notion"])
    found = await source.list()
    said = [(one.title, one.source) for one in found.tracks]
    assert said == [("A", "catalog"), ("night-ferry", "soundcloud"), ("B", "url")]
    assert (await source.list(limit=2)).tracks == found.tracks[:2]
    assert (await source.list(limit=0)).tracks == ()


async def test_a_spotify_id_alone_is_looked_up(mirror: Mirror) -> None:
    """Where the row says something that stays; where nobody can be asked it waits."""
    row = {"spotify_id": spotify(1), "title": "My words"}
    await written(mirror, row)
    (track,) = (await RowsSource(mirror, ["notion"], Service()).list()).tracks
    assert (track.title, track.artists, track.source) == ("My words", ("Ada Voss",), "catalog")
    assert [one.provider for one in track.identities] == ["notion", "spotify"]
    found = await RowsSource(mirror, ["notion"]).list()
    assert (found.tracks, found.passed_over) == ((), 1)


async def test_one_listing_asks_so_many_and_no_more(mirror: Mirror) -> None:
    """Those that need no question are all offered."""
    await written(
        mirror, *({"spotify_id": spotify(n)} for n in range(ASKED_AT_ONCE + 5)), {"title": "Z", "artists": "Z"}
    )
    service = Service()
    found = await RowsSource(mirror, ["notion"], service).list()
    assert (len(service.asked), len(found.tracks), found.passed_over) == (ASKED_AT_ONCE, ASKED_AT_ONCE + 1, 5)


@pytest.mark.parametrize(("error", "asked"), [(BadInput("no such track"), 3), (NeedsPerson("sign in"), 2)])
async def test_trouble_with_one_is_told(mirror: Mirror, error: MusicsyncError, asked: int) -> None:
    """Nobody is asked on when it is the service's."""
    await written(mirror, *({"spotify_id": spotify(n)} for n in range(3)), {"title": "Z", "artists": "Z"})
    service = Service(t1=error)
    found = await RowsSource(mirror, ["notion"], service).list()
    assert [one.error for one in found.refused] == [error]
    assert (len(service.asked), len(found.tracks)) == (asked, asked)


async def test_what_was_taken_up_is_no_news_until_it_says_something_else(tmp_path: Path) -> None:
    """What nobody recorded is offered again; `list` looks at every row, whatever was heeded."""
    clock = ManualClock()
    database = await Database.open(MEMORY, {"ledger": MIGRATIONS}, backups=tmp_path, clock=clock)
    mirror, ledger = Mirror(database, clock), Ledger(database, clock)
    rows = [{"title": f"Song {n}", "artists": "Ada"} for n in range(3)]
    await written(mirror, *rows)
    source = RowsSource(mirror, ["notion"])

    async def open_now() -> int:
        return sum([len(some) async for some in mirror.open("notion", news=True)])

    async def news() -> tuple[list[str], list[str]]:
        found = await source.news(ledger.unknown)
        return [one.title for one in found.tracks], [one.title for one in found.corrected]

    assert (await news(), await news()) == ((["Song 0", "Song 1", "Song 2"], []),) * 2
    found = await source.list()
    await ledger.record_tracks(found.tracks[:2])
    assert await open_now() == 3
    assert (await news(), await open_now()) == ((["Song 2"], []), 1)
    await written(mirror, rows[0] | {"title": "Another"}, *rows[1:])
    assert (await news(), await open_now()) == ((["Song 2"], ["Another"]), 2)
    await written(mirror, rows[0] | {"rating": 3}, *rows[1:])
    assert (await news(), await open_now()) == ((["Song 2"], []), 1)
    assert len([one async for some in mirror.open("notion") for one in some]) == 3
    await database.close()


async def test_without_a_mirrored_catalog_it_never_offers(mirror: Mirror) -> None:
    """So that nobody is told to set it up."""
    assert RowsSource(mirror, []).offering() is None
    assert RowsSource(mirror, ["notion"]).offering() is True
    assert not RowsSource(mirror, ["notion"]).owns("https://www.notion.so/A-page-8c1d")
