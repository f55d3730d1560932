"""What nobody believes of a book before a person has said that it is meant so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from musicsyncd.alerts.base import Severity
from musicsyncd.catalog.notion_belief import PUBLISHED
from musicsyncd.control.alerting import accepted
from musicsyncd.control.attention import Watched
from musicsyncd.daemon.notion import NotionSide
from musicsyncd.errors import BadInput, Degraded
from tests.catalog.notion_house import HastyClock, House, house, kept, song
from tests.fakes.notion import NotionFake
from tests.fakes.notion_music import music_workspace

ROWS = PUBLISHED + 1


@pytest.fixture
def clock() -> HastyClock:
    return HastyClock()


@pytest.fixture
def fake(clock: HastyClock) -> Iterator[NotionFake]:
    with NotionFake(clock=lambda: clock.now().timestamp()) as found:
        yield found
        assert found.faults == []


async def told(stands: House) -> list[tuple[str, Severity]]:
    return [(one.key, one.severity) for one in NotionSide(catalog=stands.catalog).findings()]


async def test_that_many_rows_are_gone_is_told_and_believed_on_a_persons_word(
    fake: NotionFake, clock: HastyClock, tmp_path: Path
) -> None:
    """Once, also after a restart; the next time it is told again."""
    workspace, path = music_workspace(fake), tmp_path / "state.sqlite3"
    other = fake.database("Other", {"Title": "title"})
    ids = [fake.row(workspace.tracks, {"Title": f"Song {n}"}) for n in range(90)]
    clock.skip(600)
    async with house(fake, workspace.tracks, clock=clock, path=path) as stands:
        with pytest.raises(BadInput):
            await NotionSide(catalog=stands.catalog).accept()
        for gone, left in ((ids[:30], 60), (ids[30:60], 30)):
            await stands.catalog.book.read_whole()
            for one in gone:
                fake.move(one, other)
            await stands.catalog.book.read_whole()
            assert await told(stands) == [("notion:tracks_db:shrank", Severity.ERROR)]
            async with house(fake, workspace.tracks, clock=clock, path=path) as later:
                await later.catalog.book.live()
                assert await told(later) == [("notion:tracks_db:shrank", Severity.ERROR)]
                answer = await accepted(Watched(accept=NotionSide(catalog=later.catalog).accept))
                assert "30 of" in answer.note
            await stands.catalog.book.read_whole()
            assert (await stands.mirror.count("notion"), await told(stands)) == (left, [])


async def test_another_database_is_not_filled_without_a_persons_word(fake: NotionFake, clock: HastyClock) -> None:
    """It has none of the many rows that we wrote elsewhere."""
    old, new = music_workspace(fake), music_workspace(fake)
    async with house(fake, new.tracks, clock=clock) as stands:
        for number in range(ROWS):
            await stands.mirror.wrote("notion", f"page{number}", {"title": f"Song {number}"})
        await stands.mirror.begin_anew("notion", old.tracks.data_source_id)
        for number in range(2):
            with pytest.raises(Degraded, match="into this database"):
                await stands.catalog.publish(f"track{number}", song(number), known=None)
        assert (await told(stands), fake.pages(new.tracks)) == ([("notion:tracks_db:other", Severity.CRITICAL)], [])
        await NotionSide(catalog=stands.catalog).accept()
        await kept(stands.catalog, clock, "track0", song(0))
        assert (await told(stands), len(fake.pages(new.tracks))) == ([], 1)


@pytest.mark.parametrize(("rows", "here"), [(PUBLISHED, 0), (ROWS, 6)])
async def test_another_database_that_is_the_book_is_written_into(
    fake: NotionFake, clock: HastyClock, rows: int, here: int
) -> None:
    """A person moved house: few rows were written before, or it has some of them."""
    old, new = music_workspace(fake), music_workspace(fake)
    ids = [fake.row(new.tracks, {"Title": f"Song {n}"}) for n in range(here)]
    async with house(fake, new.tracks, clock=clock) as stands:
        for page in [*ids, *(f"page{number}" for number in range(rows - here))]:
            await stands.mirror.wrote("notion", page, {"title": "Song"})
        await stands.mirror.begin_anew("notion", old.tracks.data_source_id)
        await kept(stands.catalog, clock, "track0", song(0))
        assert (await told(stands), len(fake.pages(new.tracks))) == ([], here + 1)
