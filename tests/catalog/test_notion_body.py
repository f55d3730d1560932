"""The readable part of a track's page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest

from musicsyncd.catalog.notion_body import MARKER
from musicsyncd.errors import Degraded, Temporary
from tests.catalog.notion_house import HastyClock, house, kept, song
from tests.fakes.notion import NotionFake
from tests.fakes.notion_music import music_workspace


@pytest.fixture
def clock() -> HastyClock:
    return HastyClock()


@pytest.fixture
def fake(clock: HastyClock) -> Iterator[NotionFake]:
    with NotionFake(clock=lambda: clock.now().timestamp()) as found:
        yield found
    assert found.faults == []


def marked(fake: NotionFake, page: str) -> list[str]:
    """What the blocks of a page's body begin with."""
    blocks = fake.body(page)
    return [one[one["type"]]["rich_text"][0]["plain_text"] for one in blocks]


async def test_one_block_that_is_replaced(fake: NotionFake, clock: HastyClock) -> None:
    """Only when it says something else; what a person wrote beside it stays."""
    workspace = music_workspace(fake)
    async with house(fake, workspace.tracks, workspace, clock=clock, page_body=True) as stands:
        row = await kept(stands.catalog, clock, "track0", song(0))
        note = {"type": "paragraph", "paragraph": {"rich_text": [{"text": {"content": "A note of mine"}}]}}
        await stands.notion.append_children(row.id, [note])
        (first, _) = fake.body(row.id)
        fake.requests.clear()
        await kept(stands.catalog, clock, "track0", song(0, label="Said elsewhere"))
        assert not fake.asked(path="/v1/blocks")
        await kept(stands.catalog, clock, "track0", song(0, bpm=99.0))
        assert sorted(marked(fake, row.id)) == ["A note of mine", MARKER]
        assert first["id"] not in [one["id"] for one in fake.body(row.id)]


@pytest.mark.parametrize("kind", ["applied_drop", "drop", "applied_500", "429"])
async def test_a_lost_answer_makes_no_second_block(fake: NotionFake, clock: HastyClock, kind: str) -> None:
    workspace = music_workspace(fake)
    async with house(fake, workspace.tracks, workspace, clock=clock, page_body=True) as stands:
        fake.fail(kind, times=2, where=lambda asked: "/v1/blocks" in asked.path and asked.writes)
        row = await kept(stands.catalog, clock, "track0", song(0))
        assert marked(fake, row.id) == [MARKER]


async def test_nothing_is_written_where_it_is_not_wanted(fake: NotionFake, clock: HastyClock) -> None:
    """Not without the setting, and not into a row that a person threw away."""
    workspace = music_workspace(fake)
    async with house(fake, workspace.tracks, workspace, clock=clock) as stands:
        row = await kept(stands.catalog, clock, "track0", song(0))
        assert fake.body(row.id) == []
        fake.trash(row.id)
    async with house(fake, workspace.tracks, workspace, clock=clock, page_body=True) as stands:
        with suppress(Temporary, Degraded):
            await stands.catalog.publish("track0", song(0), known=row.id)
        assert not [one for one in fake.asked(path="/v1/blocks") if one.asked.writes]
