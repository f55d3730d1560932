"""Notion as a channel: one page per finding, whatever the database looks like, and a person's word in it stands."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from musicsyncd.alerts import notion_text as words
from musicsyncd.alerts.base import Channel, Kind, Severity
from musicsyncd.alerts.notion import open_channels
from musicsyncd.alerts.outbox import MIGRATIONS, Outbox
from musicsyncd.alerts.post import Post
from musicsyncd.alerts.telling import Fault, Rules
from musicsyncd.database import MEMORY, Database
from musicsyncd.errors import MusicsyncError, NeedsPerson, Temporary
from tests.alerts.contract import MOMENT, ChannelContract, alert, finding
from tests.fakes.notion import NotionFake, Row
from tests.fakes.notion_music import Workspace, music_workspace
from tests.notion.house import Hasty, house

CANARY = "ntn_cAnaRy5f1e"


@pytest.fixture
def ws() -> Iterator[Workspace]:
    with NotionFake() as fake:
        yield music_workspace(fake)
        assert fake.faults == []


@pytest.fixture
async def both(ws: Workspace) -> AsyncIterator[dict[str, Channel]]:
    async with house(ws.fake, tasks_db=ws.tasks.id, issues_db=ws.issues.id, tasks_assignee=ws.agent) as found:
        yield {channel.name: channel for channel in open_channels(found.notion, found.section, found.clock)}


@pytest.fixture
def tasks(both: dict[str, Channel]) -> Channel:
    return both["notion-tasks"]


@pytest.fixture
def secret() -> str:
    return CANARY


class NotionContract(ChannelContract):
    """What both share."""

    @pytest.fixture
    async def ill(self, ws: Workspace) -> AsyncIterator[Channel]:
        async with house(ws.fake, tasks_db=ws.tasks.id, token=SecretStr(CANARY)) as found:
            yield open_channels(found.notion, found.section, found.clock)[0]


class TestTasks(NotionContract):
    """Agent-Tasks."""

    @pytest.fixture
    def channel(self, both: dict[str, Channel]) -> Channel:
        return both["notion-tasks"]


class TestIssues(NotionContract):
    """Issues+Questions."""

    @pytest.fixture
    def channel(self, both: dict[str, Channel]) -> Channel:
        return both["notion-issues"]


def only(ws: Workspace, database: Any = None) -> Row:
    (row,) = ws.fake.pages(database or ws.tasks)
    return row


async def test_what_a_task_says(ws: Workspace, tasks: Channel) -> None:
    """Title, key, state, how urgent, for whom, and what to do."""
    page = await tasks.deliver(alert())
    row = only(ws)
    assert row.id == page
    assert row["Task Name"] == "Volume VIBES is absent; 3 tracks waiting for it"
    assert (row["Status"], row["Priority"], row["External Key"]) == ("Not Started", "High", "volume:VIBES")
    assert row["Assigned-Agent"] == [ws.agent]
    assert row["Description"] == (
        "Severity: error. Found once, first 2026-01-01 12:00+00:00, last 2026-01-01 12:00+00:00.\n"
        "Why: Nothing is mounted at /Volumes/VIBES\nWhat to do: Connect the disk\n"
        "[musicsyncd volume:VIBES] (what is written below this line stays)"
    )


async def test_an_issue_begins_and_ends_in_its_own_states(ws: Workspace, both: dict[str, Channel]) -> None:
    """Unreported, then Resolved; the count is in it."""
    page = await both["notion-issues"].deliver(alert())
    assert only(ws, ws.issues)["Status"] == "Unreported"
    later = {"count": 7, "last_seen": MOMENT + timedelta(days=2), "reference": page}
    await both["notion-issues"].deliver(alert(Kind.REPEATED, **later))
    assert "Found 7 times, first 2026-01-01 12:00+00:00, last 2026-01-03 12:00" in only(ws, ws.issues)["Description"]
    await both["notion-issues"].deliver(alert(Kind.RESOLVED, **later))
    row = only(ws, ws.issues)
    assert (row["Status"], row["Description"].startswith("Over since 2026-01-03 12:00")) == ("Resolved", True)


async def test_a_test_leaves_nothing_open(ws: Workspace, tasks: Channel) -> None:
    """Its page is made and thrown away."""
    await tasks.deliver(alert(Kind.TEST))
    assert ws.fake.pages(ws.tasks) == []
    (row,) = ws.fake.pages(ws.tasks, trashed=True)
    assert row["Status"] == "Completed"


async def test_a_person_closes_it(ws: Workspace, tasks: Channel) -> None:
    """It stays closed while the trouble lasts, and is opened again when that was gone and came back."""
    page = await tasks.deliver(alert())
    ws.fake.edit(page, Status="Completed", Priority="Low")
    await tasks.deliver(alert(Kind.REPEATED, reference=page, count=2))
    assert (only(ws)["Status"], only(ws)["Priority"]) == ("Completed", "Low")
    await tasks.deliver(alert(Kind.RESOLVED, reference=page, count=3))
    assert only(ws)["Status"] == "Completed"
    await tasks.deliver(alert(reference=page, id="a-2"))
    row = only(ws)
    assert (row["Status"], row["Priority"], row["Description"].startswith("Over")) == ("Not Started", "Low", False)


async def test_a_persons_state_priority_and_notes_stay(ws: Workspace, tasks: Channel) -> None:
    """While the count is written above them; it is closed all the same when it is over."""
    page = await tasks.deliver(alert())
    text = only(ws)["Description"] + "\nI asked Nina.\nShe has the disk."
    ws.fake.edit(page, Status="In Progress", Priority="Low", Description=text)
    worse = finding(severity=Severity.CRITICAL)
    await tasks.deliver(alert(Kind.REPEATED, reference=page, count=9, finding=worse))
    row = only(ws)
    assert (row["Status"], row["Priority"]) == ("In Progress", "Low")
    assert "Severity: critical. Found 9 times" in row["Description"]
    assert row["Description"].endswith("stays)\nI asked Nina.\nShe has the disk.")
    await tasks.deliver(alert(Kind.RESOLVED, reference=page, count=9))
    assert only(ws)["Status"] == "Completed"
    assert only(ws)["Description"].endswith("\nShe has the disk.")


async def test_a_description_that_he_wrote_anew_is_his(ws: Workspace, tasks: Channel) -> None:
    """Nothing of it is written over."""
    page = await tasks.deliver(alert())
    ws.fake.edit(page, Description="Mine now")
    await tasks.deliver(alert(Kind.REPEATED, reference=page, count=2))
    await tasks.deliver(alert(Kind.RESOLVED, reference=page, count=2))
    assert (only(ws)["Description"], only(ws)["Status"]) == ("Mine now", "Completed")


async def test_what_becomes_worse_becomes_more_urgent(ws: Workspace, tasks: Channel) -> None:
    """Where the priority is still the one that we gave."""
    page = await tasks.deliver(alert(finding=finding(severity=Severity.WARNING)))
    assert only(ws)["Priority"] == "Medium"
    await tasks.deliver(alert(Kind.REPEATED, reference=page))
    assert only(ws)["Priority"] == "High"


async def test_a_page_that_he_threw_away_stays_there(ws: Workspace, tasks: Channel) -> None:
    """Until the trouble comes back: then there is a new one."""
    page = await tasks.deliver(alert())
    ws.fake.trash(page)
    assert await tasks.deliver(alert(Kind.REPEATED, reference=page)) == page
    assert await tasks.deliver(alert(Kind.RESOLVED, reference=page)) == page
    assert ws.fake.pages(ws.tasks) == []
    new = await tasks.deliver(alert(reference=page, id="a-2"))
    assert (new != page, only(ws).id) == (True, new)


@pytest.mark.parametrize("known_by", ["key", "line", "title"])
async def test_a_lost_answer_makes_no_second_page(ws: Workspace, tasks: Channel, known_by: str) -> None:
    """It is found by its key, by the line in its description or by its title, once a query can show it."""
    if known_by != "key":
        ws.fake.delete_property(ws.tasks, "External Key")
    if known_by == "title":
        ws.fake.delete_property(ws.tasks, "Description")
    ws.fake.fail("applied_drop", where=lambda asked: asked.writes and asked.path.endswith("/pages"))
    with pytest.raises(Temporary):
        await tasks.deliver(alert())
    assert await tasks.deliver(alert(attempt=2)) == only(ws).id


async def test_a_query_that_is_behind_makes_no_second_page(ws: Workspace) -> None:
    """After a lost answer the second try waits until a query would show the page."""
    clock = Hasty()
    ws.fake.clock = lambda: clock.now().timestamp()
    ws.fake.lag = 10
    async with house(ws.fake, clock, tasks_db=ws.tasks.id, lag=15) as found:
        (channel,) = open_channels(found.notion, found.section, clock)
        ws.fake.fail("applied_500", where=lambda asked: asked.writes and asked.path.endswith("/pages"))
        with pytest.raises(Temporary):
            await channel.deliver(alert())
        assert await channel.deliver(alert(attempt=2)) == only(ws).id


async def test_another_daemon_finds_the_page(ws: Workspace, tasks: Channel) -> None:
    """Also where all that was remembered is lost; one that he closed meanwhile is not opened."""
    page = await tasks.deliver(alert())
    assert await tasks.deliver(alert()) == page
    ws.fake.edit(page, Status="Completed")
    assert await tasks.deliver(alert()) == page
    assert only(ws)["Status"] == "Completed"


@pytest.mark.parametrize(
    ("properties", "seen"),
    [
        ({"Aufgabe": "title"}, {}),
        ({"Name": "title", "Status": ("status", ["Ready", "Doing", "Done"])}, {"Status": ("Ready", "Done")}),
        ({"Name": "title", "Status": ("select", ["Draft", "Closed"])}, {"Status": ("Draft", "Closed")}),
        ({"Name": "title", "Status": ("status", ["Alpha", "Omega"])}, {"Status": (None, None)}),
        ({"Name": "title", "Priority": ("status", ["1 - Low", "4 - High"])}, {"Priority": ("4 - High",) * 2}),
        ({"Name": "title", "Priority": ("select", ["A", "B"])}, {"Priority": (None, None)}),
        ({"Name": "title", "Priority": "number", "Status": "number"}, {"Priority": (None, None)}),
        ({"Name": "title", "Status": "checkbox", "Assigned-Agent": "rich_text"}, {"Assigned-Agent": ("", "")}),
        ({"Name": "title", "Description": "url"}, {"Description": (None, None)}),
    ],
)  # fmt: skip
async def test_any_database_takes_alerts(ws: Workspace, properties: Any, seen: dict[str, Any]) -> None:
    """Nothing is sent that it does not have or cannot hold, and no option is added."""
    database = ws.fake.database("Other tasks", properties)
    async with house(ws.fake, tasks_db=database.id, tasks_assignee=ws.agent) as found:
        (channel,) = open_channels(found.notion, found.section, found.clock)
        page = await channel.deliver(alert())
        opened = ws.fake.page(page)
        await channel.deliver(alert(Kind.RESOLVED, reference=page, count=2))
    closed = ws.fake.page(page)
    assert len(ws.fake.pages(database)) == 1
    assert {name: (opened[name], closed[name]) for name in seen} == seen
    assert ws.fake.refusals == []


async def test_a_property_that_goes_meanwhile_costs_no_alert(ws: Workspace, tasks: Channel) -> None:
    """The schema that was known is an hour old: what Notion refuses is left out, the rest arrives."""
    await tasks.deliver(alert())
    ws.fake.delete_property(ws.tasks, "Priority")
    page = await tasks.deliver(alert(finding=finding("volume:OTHER", what="Other")))
    assert ws.fake.page(page)["Task Name"] == "Other"
    assert len(ws.fake.pages(ws.tasks)) == 2


async def test_an_assignee_that_is_not_there_costs_no_alert(ws: Workspace) -> None:
    """Nor one that nobody shared."""
    async with house(ws.fake, tasks_db=ws.tasks.id, tasks_assignee="1" * 32) as found:
        (channel,) = open_channels(found.notion, found.section, found.clock)
        await channel.deliver(alert())
    assert (only(ws)["Assigned-Agent"], only(ws)["Status"]) == ([], "Not Started")


@pytest.mark.parametrize("way", ["401", "403", "404"])
async def test_what_only_a_person_can_mend_rests_the_channel(ws: Workspace, tasks: Channel, way: str) -> None:
    """A wrong token, a lost right, a database that is gone: every alert would meet it."""
    token = ws.fake.token
    if way == "401":
        ws.fake.token = "ntn_another"
    elif way == "403":
        ws.fake.denied.add("insert")
    else:
        ws.fake.share(ws.tasks, shared=False)
    with pytest.raises(NeedsPerson):
        await tasks.deliver(alert())
    ws.fake.token = token
    ws.fake.denied.clear()
    ws.fake.share(ws.tasks)
    await tasks.deliver(alert(attempt=2))
    assert only(ws)["External Key"] == "volume:VIBES"


async def test_through_the_outbox_each_finding_is_one_page_in_any_weather(ws: Workspace) -> None:
    """Restarts, lost answers and a 401 in the middle; closed at the end, and nothing twice."""
    clock = Hasty(MOMENT)
    kinds = ("applied_500", "502", "applied_drop", "429", "drop", "401")
    database = await Database.open(MEMORY, {"alerts": MIGRATIONS}, backups=Path(MEMORY), clock=clock)
    found = [finding(f"volume:{name}", what=f"Volume {name} is absent") for name in "ABCDE"]
    async with house(ws.fake, clock, tasks_db=ws.tasks.id, issues_db=ws.issues.id, lag=0) as home:
        for kind in kinds:
            ws.fake.fail(kind, times=2, where=lambda asked: asked.writes)
            await _round(home, database, clock, found)
        await _round(home, database, clock, found, days=1)
        for one in (ws.tasks, ws.issues):
            assert sorted(row["External Key"] for row in ws.fake.pages(one)) == [f"volume:{name}" for name in "ABCDE"]
        for _ in range(3):
            await _round(home, database, clock, [], days=1)
    for one, end in ((ws.tasks, "Completed"), (ws.issues, "Resolved")):
        assert [row["Status"] for row in ws.fake.pages(one)] == [end] * 5
    await database.close()


async def _round(home: Any, database: Database, clock: Hasty, found: list[Any], days: float = 0.0) -> None:
    """A daemon that starts, looks, tells what it can, and is gone again."""
    clock._now += timedelta(days=days, hours=1)
    channels = open_channels(home.notion, home.section, clock)
    post = Post(Outbox(database, clock, [one.name for one in channels], Rules(settle=60)), channels, clock)
    await post.observe(found)
    for channel in channels:
        await post.outbox.hurry(lasting=True)
        for _ in range(10):
            told = await post.outbox.begin(channel.name)
            if told is None:
                break
            try:
                reference = await channel.deliver(told)
            except MusicsyncError as error:
                await post.outbox.failed(channel.name, told, str(error), 30.0, Fault.PASSING)
                break
            await post.outbox.delivered(channel.name, told, reference)


# What a page says


TEXTS = st.text(st.characters(codec="utf-8"), max_size=3000)


@given(why=TEXTS, fix=TEXTS, notes=TEXTS, count=st.integers(1, 10**6), kind=st.sampled_from(Kind))
def test_a_description_is_read_back_and_never_too_long(why: str, fix: str, notes: str, count: int, kind: Kind) -> None:
    """Our part fits, names the key, and the notes below it are told from it."""
    told = alert(kind, count=count, finding=finding(why=why, fix=fix))
    text = words.description(told, f"\n{notes}" if notes else "")
    ours = text.removesuffix(f"\n{notes}") if notes else text
    assert words.units(ours) <= words.LONGEST
    back = words.told(text, "volume:VIBES")
    if "[musicsyncd" not in why + fix:
        assert (back.ours, back.over, back.severity) == (True, kind is Kind.RESOLVED, "error")
        assert back.notes == (f"\n{notes}" if notes else "")
    assert not words.told(text, "volume:OTHER").ours or "[musicsyncd" in why + fix + notes


@given(TEXTS, st.integers(1, 300))
def test_what_is_cut_says_so(text: str, most: int) -> None:
    """Never longer than it may be."""
    cut = words.cut(text, most)
    assert words.units(cut) <= most
    assert cut == text or (cut.endswith("…") and text.startswith(cut[:-1]))


def test_an_alert_is_the_same_page_whatever_it_counts() -> None:
    """The title of a page is the finding's, without `Still` or `Resolved`."""
    told = [alert(kind, count=3) for kind in (Kind.OPENED, Kind.REPEATED, Kind.RESOLVED)]
    assert len({words.title(one) for one in told}) == 1
    assert words.title(replace(told[0], kind=Kind.TEST)).startswith("Test: ")
