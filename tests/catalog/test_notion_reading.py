"""How a book in Notion is kept up to date: by Notion's clock, with little asked, and nobody waiting for the whole."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import anyio
import pytest

from musicsyncd.errors import Degraded
from tests.catalog.notion_house import HastyClock, House, house, kept, song
from tests.fakes.notion import NotionFake
from tests.fakes.notion_faults import Asked
from tests.fakes.notion_music import music_workspace


@pytest.fixture
def clock() -> HastyClock:
    return HastyClock()


@pytest.fixture
def fake(clock: HastyClock) -> Iterator[NotionFake]:
    with NotionFake(clock=lambda: clock.now().timestamp()) as found:
        yield found
    assert found.faults == []


async def title(stands: House, page: str) -> str:
    row = await stands.mirror.row("notion", page)
    return str(row.fields["title"]) if row else ""


@pytest.mark.parametrize("ahead", [-600, 0, 180, 7200])
async def test_another_clock_than_notions(fake: NotionFake, clock: HastyClock, ahead: int) -> None:
    """What is edited or made is seen at the next look, whatever our clock says; what is known is not read again."""
    now, workspace = fake.clock, music_workspace(fake)
    fake.clock = lambda: now() - ahead
    ids = [fake.row(workspace.tracks, {"Title": f"S{n}"}) for n in range(5)]
    async with house(fake, workspace.tracks, clock=clock) as stands:
        await stands.catalog.freshen()
        for number in range(3):
            clock.skip(400)
            fake.edit(ids[0], {"Title": f"edited {number}"})
            new = fake.row(workspace.tracks, {"Title": f"new {number}"})
            await stands.catalog.freshen()
            assert (await title(stands, ids[0]), await title(stands, new)) == (f"edited {number}", f"new {number}")
        for _ in range(2):
            clock.skip(400)
            await stands.catalog.freshen()
        state = await stands.mirror.state("notion")
        edited = [row.edited async for rows in stands.mirror.pages("notion") for row in rows]
        assert state.watermark[:16] > max(edited)[:16] or ahead < 0


async def test_a_clock_that_jumped(fake: NotionFake, clock: HastyClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Days in the future and back: the whole is due at once, and edits are seen."""
    workspace = music_workspace(fake)
    page = fake.row(workspace.tracks, {"Title": "Song"})
    async with house(fake, workspace.tracks, clock=clock) as stands:
        with monkeypatch.context() as patch:
            real = clock.now
            patch.setattr(clock, "now", lambda: real() + timedelta(days=400))
            await stands.catalog.freshen()
            clock.skip(400)
            await stands.catalog.freshen()
            assert not await stands.catalog.book.whole_due()
        assert await stands.catalog.book.whole_due()
        clock.skip(400)
        fake.edit(page, {"Title": "edited"})
        await stands.catalog.freshen()
        assert await title(stands, page) == "edited"


async def test_a_reading_that_fails_is_not_begun_again_by_everybody(fake: NotionFake, clock: HastyClock) -> None:
    """Nothing is asked for a while, and then it goes on where it stood."""
    workspace = music_workspace(fake)
    now, fake.clock = fake.clock, lambda: 1_700_000_000.0 + len(ids) * 60
    ids: list[str] = []
    while len(ids) < 350:
        ids.append(fake.row(workspace.tracks, {"Title": f"Song {len(ids)}"}))
    fake.clock, down, queries = now, True, 0

    def late(asked: Asked) -> bool:
        nonlocal queries
        queries += asked.path.endswith("/query")
        return down and asked.path.endswith("/query") and queries > 3

    fake.fail("500", share=1.0, where=late)
    async with house(fake, workspace.tracks, clock=clock) as stands:
        with pytest.raises(Degraded):
            await stands.catalog.freshen()
        first = len(fake.asked("POST", "/query"))
        for number in range(5):
            with pytest.raises(Degraded):
                await stands.catalog.publish(f"track{number}", song(number), known=None)
        assert len(fake.asked("POST", "/query")) == first
        down = False
        clock.skip(400)
        await stands.catalog.freshen()
        assert await stands.mirror.count("notion") == 350
        assert len(fake.asked("POST", "/query")) - first == 2
        assert (await stands.mirror.state("notion")).rows == 350


async def test_nobody_waits_while_the_whole_is_read(fake: NotionFake, clock: HastyClock) -> None:
    """A fresh book stays one, a known row and a new one are written, and edits are seen."""
    workspace = music_workspace(fake)
    pages = [fake.row(workspace.tracks, {"Title": f"Song {n}"}) for n in range(150)]
    async with house(fake, workspace.tracks, workspace, clock=clock) as stands:
        row = await kept(stands.catalog, clock, "track0", song(0))
        asked, go_on = anyio.Event(), anyio.Event()
        query = stands.catalog.book.pages

        async def slow(stamp: str, start: str, *, in_trash: bool = False):  # type: ignore[no-untyped-def]
            async for one in query(stamp, start, in_trash=in_trash):
                if stamp == "created_time":
                    asked.set()
                    await go_on.wait()
                yield one

        stands.catalog.book.pages = slow  # type: ignore[method-assign]
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(stands.catalog.book.read_whole, name="whole")
            with anyio.fail_after(20):
                await asked.wait()
                await stands.catalog.freshen()
                await kept(stands.catalog, clock, "track0", song(0, bpm=99.0))
                await kept(stands.catalog, clock, "track1", song(1))
                fake.edit(pages[0], {"Title": "edited"})
                clock.skip(400)
                await stands.catalog.freshen()
                assert await title(stands, pages[0]) == "edited"
            go_on.set()
        assert await title(stands, pages[0]) == "edited"
        assert (await stands.mirror.count("notion"), fake.page(row.id)["Tempo"]) == (152, 99)
        assert not await stands.catalog.book.whole_due()
