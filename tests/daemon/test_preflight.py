"""What is wrong with Notion's databases stops its own side, and is told once."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import anyio
import pytest
from pydantic import SecretStr

from musicsyncd.alerts.base import Severity
from musicsyncd.alerts.findings import Seen, findings
from musicsyncd.alerts.telling import Trouble
from musicsyncd.clock import ManualClock
from musicsyncd.daemon.preflight import AT_MOST, Preflight
from musicsyncd.errors import Degraded, MusicsyncError, NeedsPerson
from musicsyncd.notion.section import NotionSection
from tests.alerts.contract import MOMENT
from tests.catalog.notion_house import HastyClock, song
from tests.catalog.notion_house import house as catalog_house
from tests.fakes.notion import NotionFake
from tests.fakes.notion_music import Workspace, music_workspace
from tests.notion.house import House, house


@pytest.fixture
def ws() -> Iterator[Workspace]:
    with NotionFake() as fake:
        yield music_workspace(fake)
        assert fake.faults == []


def preflight(found: House) -> Preflight:
    made = Preflight(found.notion, found.section, found.clock)
    found.notion.on_doubt = made.doubt
    return made


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


async def test_an_outage_in_mid_run_is_one_finding_until_it_ends(ws: Workspace) -> None:
    """Whoever met it first: what waits and the channels that cannot tell are no further news; it ends as soon as Notion
    may be asked and answers.
    """
    async with house(ws.fake, ManualClock(), tracks_db=ws.tracks.id) as found:
        look = preflight(found)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(look.keep, name="looks")
            tasks.start_soon(time_passes, found.clock, name="time")
            await look.looked()
            ws.fake.fail("503", times=100)
            for _ in range(6):
                with pytest.raises(MusicsyncError):
                    await found.notion.query(ws.tracks.data_source_id)
            await until(look.findings)
            silent = Trouble(channel="notion-tasks", waiting=1, tries=3, lasting=False, error="503")
            seen = Seen(now=MOMENT, catalogs={"notion": 3}, channels=[silent], more=look.findings())
            (one,) = findings(seen)
            assert (one.key, one.what, one.grace > 0) == ("notion:token", "Notion cannot be asked", True)
            ws.fake.bad_days.clear()
            asked = len(ws.fake.asked(path="/v1/users/me"))
            await until(lambda: not look.findings())
            assert len(ws.fake.asked(path="/v1/users/me")) == asked + 1
            tasks.cancel_scope.cancel()


async def time_passes(clock: ManualClock) -> None:
    """A second in ten milliseconds."""
    while True:
        await clock.advance(1.0)
        await anyio.sleep(0.01)


async def until(holds: Callable[[], object]) -> None:
    """AssertionError when it does not come to pass."""
    for _ in range(1000):
        if holds():
            return
        await anyio.sleep(0.01)
    raise AssertionError("it did not come to pass")


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


@pytest.mark.parametrize(("lost", "kind"), [("token", "token"), ("database", "There is no database")])
async def test_what_is_lost_in_mid_run_is_looked_into_at_once(ws: Workspace, lost: str, kind: str) -> None:
    """Who met it is followed by one look, and whoever comes then is told without a question, for a minute."""
    async with house(ws.fake, tracks_db=ws.tracks.id) as found:
        look = preflight(found)
        await look.look()
        await found.clock.advance(AT_MOST)
        if lost == "token":
            ws.fake.token = "ntn_another"
        else:
            ws.fake.share(ws.tracks, shared=False)
        with pytest.raises(MusicsyncError):
            await found.notion.query(ws.tracks.data_source_id)
        for _ in range(10):
            with pytest.raises(NeedsPerson, match=kind):
                await look.admit()
        asked = len(ws.fake.requests)
        with pytest.raises(MusicsyncError):
            await found.notion.query(ws.tracks.data_source_id)
        with pytest.raises(NeedsPerson, match=kind):
            await look.admit()
        assert len(ws.fake.requests) == asked + 1
        assert [one.severity for one in look.findings()] == [Severity.CRITICAL]


async def test_doubt_wakes_who_looks_now_and_then(ws: Workspace) -> None:
    """Nobody has to publish for a person to be told."""
    async with house(ws.fake, ManualClock(), tracks_db=ws.tracks.id) as found:
        look = preflight(found)
        told = anyio.Event()
        look.on_news = told.set
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(look.keep, name="looks")
            await look.looked()
            await anyio.wait_all_tasks_blocked()
            ws.fake.share(ws.tracks, shared=False)
            look.doubt()
            await anyio.wait_all_tasks_blocked()
            assert not told.is_set()
            await found.clock.advance(AT_MOST)
            with anyio.fail_after(5):
                while not told.is_set():  # its questions wait for their turn
                    await found.clock.advance(0.1)
                    await anyio.sleep(0.001)
            tasks.cancel_scope.cancel()


async def test_a_needed_property_that_is_renamed_stops_the_rows(ws: Workspace) -> None:
    """The look names it; renamed back, rows are written again at once, with it."""
    clock = HastyClock()
    async with catalog_house(ws.fake, ws.tracks, clock=clock) as stands:
        section = NotionSection(token=SecretStr(ws.fake.token), base_url=ws.fake.url, tracks_db=ws.tracks.id)
        look = Preflight(stands.notion, section, clock)
        stands.notion.on_doubt, stands.catalog.admit = look.doubt, look.admit
        await look.look()
        clock.skip(AT_MOST)
        ws.fake.rename_property(ws.tracks, "Downloaded", "Got it")
        await stands.catalog.publish("track1", song(1), known=None)
        with pytest.raises(Degraded, match="'Downloaded'"):
            await stands.catalog.publish("track2", song(2), known=None)
        ws.fake.rename_property(ws.tracks, "Got it", "Downloaded")
        await look.look()
        done = await stands.catalog.publish("track2", song(2), known=None)
        assert ws.fake.page(done.id)["Downloaded"] is True
