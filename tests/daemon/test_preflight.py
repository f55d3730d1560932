"""What is wrong with Notion's databases stops its own side, and is told once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from musicsyncd.alerts.base import Severity
from musicsyncd.alerts.findings import Seen, findings
from musicsyncd.alerts.telling import Trouble
from musicsyncd.daemon.preflight import Preflight
from musicsyncd.errors import NeedsPerson
from tests.alerts.contract import MOMENT
from tests.fakes.notion import NotionFake
from tests.fakes.notion_music import Workspace, music_workspace
from tests.notion.house import House, house


@pytest.fixture
def ws() -> Iterator[Workspace]:
    with NotionFake() as fake:
        yield music_workspace(fake)
        assert fake.faults == []


def preflight(found: House) -> Preflight:
    return Preflight(found.notion, found.section, found.clock)


async def test_all_is_well(ws: Workspace) -> None:
    """Nobody is told anything, and rows may be written."""
    async with house(ws.fake, tracks_db=ws.tracks.id, tasks_db=ws.tasks.id) as found:
        look = preflight(found)
        await look.look()
        await look.admit()
        assert look.findings() == []


async def test_a_database_that_is_wrong_is_one_finding_and_stops_its_side(ws: Workspace) -> None:
    """What waits for it, and the channel that cannot tell, are no further news."""
    ws.fake.delete_property(ws.tracks, "Downloaded")
    ws.fake.share(ws.tasks, shared=False)
    async with house(ws.fake, tracks_db=ws.tracks.id, tasks_db=ws.tasks.id) as found:
        look = preflight(found)
        news: list[str] = []
        look.on_news = lambda: news.append("wrong")
        await look.look()
        await look.look()
        assert news == ["wrong"]
        with pytest.raises(NeedsPerson, match="Downloaded"):
            await look.admit()
        silent = Trouble(channel="notion-tasks", waiting=1, tries=3, lasting=True, error="404")
        seen = Seen(now=MOMENT, catalogs={"notion": 3}, channels=[silent], more=look.findings())
        told = {one.key: one.severity for one in findings(seen)}
        assert told == {"notion:tracks_db": Severity.CRITICAL, "notion:tasks_db": Severity.ERROR}
        ws.fake.add_property(ws.tracks, "Downloaded", "checkbox")
        await look.look()
        await look.admit()


async def test_a_field_that_stays_away_stops_nothing(ws: Workspace) -> None:
    """It is told by its field, which stays the same whatever the property is called."""
    ws.fake.retype_property(ws.tracks, "Key", "files")
    async with house(ws.fake, tracks_db=ws.tracks.id) as found:
        look = preflight(found)
        await look.look()
        await look.admit()
        assert [(one.key, one.severity) for one in look.findings()] == [("notion:tracks_db:key", Severity.WARNING)]


async def test_who_cannot_be_reached_is_not_wrong(ws: Workspace) -> None:
    """It may be back any moment: told after a while, and nothing is stopped."""
    ws.fake.fail("503", times=100)
    async with house(ws.fake, tracks_db=ws.tracks.id) as found:
        look = preflight(found)
        await look.look()
        await look.admit()
        (one,) = look.findings()
        assert (one.key, one.severity, one.grace > 0) == ("notion:token", Severity.ERROR, True)


async def test_a_token_that_does_not_count_explains_all_the_rest(ws: Workspace) -> None:
    """One alert, by whoever can tell it."""
    ws.fake.token = "ntn_another"
    async with house(ws.fake, tracks_db=ws.tracks.id) as found:
        ws.fake.token = "ntn_yet_another"
        look = preflight(found)
        await look.look()
        with pytest.raises(NeedsPerson, match="token"):
            await look.admit()
        channels = [
            Trouble(channel=name, waiting=1, tries=3, lasting=True, error="401")
            for name in ("notion-tasks", "notion-issues")
        ]
        seen = Seen(now=MOMENT, catalogs={"notion": 3}, channels=channels, more=look.findings())
        assert [(one.key, one.severity) for one in findings(seen)] == [("notion:token", Severity.CRITICAL)]
