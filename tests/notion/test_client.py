"""The one client: turns, pauses, what is asked again, and what notion_client would do by itself."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from pydantic import SecretStr

from musicsyncd.clock import ManualClock
from musicsyncd.database import Database
from musicsyncd.errors import BadInput, Temporary
from musicsyncd.http.budgets import MIGRATIONS, Budgets
from musicsyncd.http.client import HttpOptions
from musicsyncd.notion.client import URGENCY, Urgency, open_notion, pace, service
from musicsyncd.notion.errors import Ambiguous, Incomplete
from musicsyncd.notion.gate import Gate
from tests.fakes.notion import Database as Base
from tests.fakes.notion import NotionFake
from tests.fakes.notion_faults import refused
from tests.notion.house import Hasty, House, Odd, house, section_of


@pytest.fixture
def fake() -> Iterator[NotionFake]:
    with NotionFake() as fake:
        yield fake
    assert fake.faults == []


@pytest.fixture
async def at(fake: NotionFake) -> AsyncIterator[House]:
    async with house(fake) as at:
        yield at


@pytest.fixture
def tracks(fake: NotionFake) -> Base:
    return fake.database("Tracks", {"Title": "title", "Key": "rich_text", "Tempo": "number"})


def title(text: str) -> dict[str, Any]:
    return {"Title": {"title": [{"type": "text", "text": {"content": text}}]}}


# Turns


async def served(at: House, wanted: list[tuple[Urgency, str]], *, until: float) -> list[tuple[float, str]]:
    """Who all come at once, and when each had its turn."""
    moments: list[tuple[float, str]] = []

    async def one(urgency: Urgency, name: str) -> None:
        URGENCY.set(urgency)
        await gate.turn(URGENCY.get())
        moments.append((at.clock.monotonic(), name))

    gate = Gate(at.budget)
    async with anyio.create_task_group() as tasks:
        for urgency, name in wanted:
            tasks.start_soon(one, urgency, name)
            await anyio.wait_all_tasks_blocked()
        await at.clock.advance(until)
    return moments


async def test_a_person_goes_before_the_backlog(fake: NotionFake) -> None:
    """A burst of three, then each at its moment: the most urgent first, then who came first; nobody is sent away."""
    backlog = [(Urgency.BACKLOG, f"b{number}") for number in range(8)]
    user = [(Urgency.USER, f"u{number}") for number in range(2)]
    async with house(fake, ManualClock(), requests_per_second=2.0) as at:
        moments = await served(at, backlog + user, until=20)
    assert [name for _, name in moments] == ["b0", "b1", "b2", "b3", "u0", "u1", "b4", "b5", "b6", "b7"]
    assert [moment for moment, _ in moments] == [0.0, 0.0, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5]


async def test_a_long_queue_is_no_reason_to_be_sent_away(fake: NotionFake) -> None:
    """Patience is about Notion's pauses, not about those who wait too."""
    async with house(fake, ManualClock(), requests_per_second=1.0) as at:
        moments = await served(at, [(Urgency.BACKLOG, str(number)) for number in range(20)], until=20)
    assert [name for _, name in moments] == [str(number) for number in range(20)]
    assert moments[-1][0] == 17.0


async def test_who_is_cancelled_holds_nobody_up(fake: NotionFake) -> None:
    """While it waits, and at its turn."""
    async with house(fake, ManualClock(), requests_per_second=1.0) as at:
        gate, done = Gate(at.budget), list[str]()

        async def one(name: str, scope: anyio.CancelScope) -> None:
            with scope:
                await gate.turn(Urgency.BACKLOG)
                done.append(name)

        scopes = [anyio.CancelScope() for _ in range(7)]
        async with anyio.create_task_group() as tasks:
            for number, scope in enumerate(scopes):
                tasks.start_soon(one, str(number), scope)
                await anyio.wait_all_tasks_blocked()
            assert (done, gate.waiting) == (["0", "1", "2"], 3)
            scopes[4].cancel()  # one that waits
            scopes[3].cancel()  # the one whose turn it is
            await anyio.wait_all_tasks_blocked()
            assert gate.waiting == 1
            await at.clock.advance(10)
        assert done == ["0", "1", "2", "5", "6"]


async def test_questions_are_counted(at: House, tracks: Base) -> None:
    """By kind, each that went out; and how many wait."""
    await at.notion.create_page(tracks.data_source_id, title("A"))
    await at.notion.query(tracks.data_source_id)
    await at.notion.query(tracks.data_source_id)
    assert (at.notion.counts, at.notion.waiting, at.notion.rest) == ({"create_page": 1, "query": 2}, 0, 0.0)


async def test_the_rate_of_the_settings_is_kept(fake: NotionFake, tracks: Base) -> None:
    """At three a second Notion has nothing to complain of, in a backlog of a hundred."""
    clock = Hasty()
    fake.clock = clock.monotonic
    fake.limit, fake.limiter.burst = 3.0, 3.01  # a hair more, as seconds are no exact numbers
    async with house(fake, clock, requests_per_second=3.0) as at:
        for _ in range(100):
            await at.notion.query(tracks.data_source_id)
    assert {one.status for one in fake.requests} == {200}
    assert clock.monotonic() == pytest.approx(97 / 3, abs=0.1)


# Pauses


@pytest.mark.parametrize("status", [429, 529])
async def test_a_short_pause_is_waited_out(at: House, fake: NotionFake, tracks: Base, status: int) -> None:
    """Also by a write: what was refused so was not done."""
    fake.fail(status, retry_after=3)
    await at.notion.create_page(tracks.data_source_id, title("A"))
    assert [row["Title"] for row in fake.pages(tracks)] == ["A"]
    assert at.clock.monotonic() >= 3.0


@pytest.mark.parametrize("status", [429, 529])
@pytest.mark.parametrize("seconds", [60, 86400])
async def test_a_long_pause_is_told_at_once_and_holds_for_all(
    fake: NotionFake, tracks: Base, status: int, seconds: int
) -> None:
    """Temporary with the whole delay, whatever its length; nobody asks or sleeps until then."""
    async with house(fake, ManualClock()) as at:
        fake.fail(status, retry_after=seconds)
        for _ in range(3):
            with pytest.raises(Temporary) as caught:
                await at.notion.create_page(tracks.data_source_id, title("A"))
            assert type(caught.value) is Temporary
            assert (caught.value.delay, caught.value.counts) == (seconds, False)
        assert len(fake.requests) == 1
        await at.clock.advance(seconds)
        await at.notion.create_page(tracks.data_source_id, title("A"))
    assert len(fake.pages(tracks)) == 1


async def test_the_reason_of_a_pause_is_told(
    at: House, fake: NotionFake, tracks: Base, caplog: pytest.LogCaptureFixture
) -> None:
    """Which limit it was, and Notion's name for the question, in the error and in the log."""
    fake.fail(429, retry_after=600, reason="workspace_rate_limit")
    with caplog.at_level(logging.WARNING), pytest.raises(Temporary, match="workspace_rate_limit"):
        await at.notion.query(tracks.data_source_id)
    assert [one.getMessage() for one in caplog.records] == [
        "Notion: 429 rate_limited workspace_rate_limit request 5c1bd2b7-0e4c-4b8f"
    ]


async def test_those_who_wait_hear_of_a_pause(fake: NotionFake) -> None:
    """All of them at once, not each after the other's patience."""
    async with house(fake, ManualClock(), requests_per_second=1.0) as at:
        gate, told = Gate(at.budget), list[float | None]()

        async def one() -> None:
            try:
                await gate.turn(Urgency.BACKLOG)
            except Temporary as error:
                told.append(error.delay)

        async with anyio.create_task_group() as tasks:
            for _ in range(6):
                tasks.start_soon(one)
            await anyio.wait_all_tasks_blocked()
            await at.budget.answered(429, {"Retry-After": "600"})
            await at.clock.advance(1)
        assert told == [599.0, 599.0, 599.0]


@pytest.mark.parametrize(("header", "seconds"), [("0.5", 0.5), ("2.75", 2.75), ("4", 4.0)])
async def test_fractions_of_a_second_are_understood(header: str, seconds: float) -> None:
    """notion_client reads whole seconds only, and would wait for as long as it likes."""
    with Odd() as odd:
        async with house(odd) as at:
            odd.once = refused(429, "rate_limited", "Slowly.", {"Retry-After": header})
            await at.notion.me()
            assert at.clock.monotonic() == pytest.approx(seconds, abs=0.05)


async def test_overloaded_without_a_time_rests_too() -> None:
    """A 529 that names no time counts like a 429."""
    with Odd() as odd:
        async with house(odd) as at:
            odd.once = refused(529, "service_overload", "Overloaded.")
            await at.notion.me()
            assert at.clock.monotonic() >= 1.0


async def test_a_pause_outlives_the_process(fake: NotionFake, tracks: Base, tmp_path: Path) -> None:
    """A new client with the same token asks nothing until then; another token is another budget."""
    clock, section = ManualClock(), section_of(fake)
    database = await Database.open(tmp_path / "d.db", {"http": MIGRATIONS}, backups=tmp_path / "b", clock=clock)
    try:
        notion = await open_notion(section, Budgets(database, clock), HttpOptions(), clock)
        fake.fail(429, retry_after=3600)
        with pytest.raises(Temporary):
            await notion.query(tracks.data_source_id)
        await notion.close()
        again = await open_notion(section, Budgets(database, clock), HttpOptions(), clock)
        with pytest.raises(Temporary) as caught:
            await again.query(tracks.data_source_id)
        assert caught.value.delay == 3600.0
        assert len(fake.requests) == 1
        await clock.advance(3600)
        await again.query(tracks.data_source_id)
        await again.close()
    finally:
        await database.close()
    assert service(section) != service(section_of(fake, token=SecretStr("other")))
    assert section.token.get_secret_value() not in service(section)


# What is asked again


@pytest.mark.parametrize("kind", ["500", "502", "503", "504", "drop", "cut", "html", "409"])
async def test_a_reader_is_asked_again_and_hears_nothing_of_it(
    at: House, fake: NotionFake, tracks: Base, kind: str
) -> None:
    """A query is a POST, and changes nothing all the same."""
    fake.fail(kind)
    assert (await at.notion.query(tracks.data_source_id))["results"] == []
    assert at.notion.counts["query"] == 2


@pytest.mark.parametrize("kind", ["500", "502", "503", "504", "drop", "cut", "html"])
@pytest.mark.parametrize("applied", ["", "applied_"])
async def test_a_write_that_may_have_been_done_is_asked_once(
    at: House, fake: NotionFake, tracks: Base, kind: str, applied: str
) -> None:
    """Ambiguous, and nothing is doubled; whoever wrote looks first."""
    fake.fail(applied + kind)
    with pytest.raises(Ambiguous, match="may have been done"):
        await at.notion.create_page(tracks.data_source_id, title("A"))
    assert (at.notion.counts["create_page"], len(fake.pages(tracks))) == (1, 1 if applied else 0)


async def test_a_plain_refusal_says_nothing_of_the_service(at: House, fake: NotionFake) -> None:
    """Twenty pages that are gone, and Notion is as well as before."""
    for _ in range(20):
        with pytest.raises(Exception, match="404"):
            await at.notion.page("0" * 32)
    assert at.budget.standing.failures == 0


async def test_a_service_that_is_down_is_left_alone(fake: NotionFake, tracks: Base) -> None:
    """After a row of failures, with one try now and then."""
    async with house(fake) as at:
        fake.fail("500", times=100)
        for _ in range(10):
            with pytest.raises(Temporary):
                await at.notion.query(tracks.data_source_id)
        assert len(fake.requests) <= pace(at.section).trips + 1
        assert at.notion.rest > at.budget.pace.patience


# What is asked


async def test_everything_that_is_asked_arrives(at: House, fake: NotionFake, tracks: Base) -> None:
    """notion_client drops what it does not know, without a word: each argument of ours is seen at the other end."""
    found = await at.notion.data_source(tracks.data_source_id)
    key = found["properties"]["Key"]["id"]
    filter_ = {"property": "Key", "rich_text": {"equals": "8A"}}
    sorts = [{"timestamp": "created_time", "direction": "ascending"}]
    row = await at.notion.create_page(
        tracks.data_source_id, title("A"), [{"type": "paragraph", "paragraph": {"rich_text": []}}]
    )
    await at.notion.query(
        tracks.data_source_id, filter=filter_, sorts=sorts, in_trash=True, page_size=7, filter_properties=[key]
    )
    await at.notion.update_page(row["id"], properties=title("B"), in_trash=True)
    await at.notion.update_page(row["id"], in_trash=False)
    await at.notion.search("Tracks")
    (block,) = await at.notion.children(row["id"])
    text = {"type": "paragraph", "paragraph": {"rich_text": [{"type": "text", "text": {"content": "b"}}]}}
    await at.notion.append_children(row["id"], [text], after=block["id"])
    await at.notion.append_children(row["id"], [text], at_start=True)
    await at.notion.delete_block(block["id"])
    await at.notion.create_database(row["id"], "New", {"Name": {"type": "title", "title": {}}})
    await at.notion.me()
    sent = {(one.method, one.path.rpartition("/")[2]): one for one in fake.requests}
    assert fake.requests[1].body["parent"] == {"type": "data_source_id", "data_source_id": tracks.data_source_id}
    assert len(fake.requests[1].body["children"]) == 1
    query = sent["POST", "query"]
    assert query.body == {"filter": filter_, "sorts": sorts, "in_trash": True, "page_size": 7}
    assert [one for values in query.asked.query.values() for one in values] in (
        [key],
        [__import__("urllib.parse").parse.unquote(key)],
    )
    assert fake.requests[3].body == {"properties": title("B"), "in_trash": True}
    assert fake.requests[4].body == {"in_trash": False}
    assert sent["POST", "search"].body["query"] == "Tracks"
    appended = [one.body["position"]["type"] for one in fake.asked("PATCH", "/children")]
    assert appended == ["after_block", "start"]
    assert sent["POST", "databases"].body["initial_data_source"]["properties"]["Name"]
    assert {one.asked.version for one in fake.requests} == {"2026-03-11"}
    assert {one.status for one in fake.requests} == {200}


async def test_all_pages_of_a_query_and_of_a_property(at: House, fake: NotionFake, tracks: Base) -> None:
    """Rows beyond the first hundred, and relations beyond the 25 that a page shows."""
    fake.add_property(tracks, "Goes With", ("relation", tracks))
    ids = [fake.row(tracks, Title=str(number)) for number in range(130)]
    fake.edit(ids[0], {"Goes With": ids})
    assert {row["id"] async for row in at.notion.rows(tracks.data_source_id)} == set(ids)
    page = await at.notion.page(ids[0])
    related = page["properties"]["Goes With"]
    assert (len(related["relation"]), related["has_more"]) == (25, True)
    items = await at.notion.property_items(ids[0], related["id"])
    assert [one["relation"]["id"] for one in items] == ids
    single = await at.notion.property_items(ids[0], page["properties"]["Tempo"]["id"])
    assert [one["type"] for one in single] == ["number"]


async def test_more_rows_than_one_query_gives(at: House, tracks: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said behind the last row, never taken for all."""

    async def query(*_: Any, **asked: Any) -> dict[str, Any]:
        more = asked["start_cursor"] is None
        done = (
            {"type": "complete"} if more else {"type": "incomplete", "incomplete_reason": "query_result_limit_reached"}
        )
        return {
            "results": [{"id": str(more)}],
            "has_more": more,
            "next_cursor": "c" if more else None,
            "request_status": done,
        }

    monkeypatch.setattr(at.notion, "query", query)
    rows = at.notion.rows(tracks.data_source_id)
    assert [(await anext(rows))["id"], (await anext(rows))["id"]] == ["True", "False"]
    with pytest.raises(Incomplete):
        await anext(rows)


async def test_a_list_that_leads_in_a_circle_ends(at: House, tracks: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same cursor twice, or none although there is more."""
    for cursor in ("same", None):

        async def query(*_: Any, cursor: str | None = cursor, **__: Any) -> dict[str, Any]:
            return {"results": [], "has_more": True, "next_cursor": cursor}

        monkeypatch.setattr(at.notion, "query", query)
        with pytest.raises(Temporary, match="no end"), anyio.fail_after(5):
            _ = [row async for row in at.notion.rows(tracks.data_source_id)]


@pytest.mark.parametrize("bad", ["..", "../users/me", "%2e%2e", "", "x" * 32, "https://notion.so/a", None])
async def test_what_is_no_id_is_not_asked_for(at: House, fake: NotionFake, bad: Any) -> None:
    """Nothing can be put into an address that leads elsewhere."""
    for ask in (at.notion.page, at.notion.database, at.notion.data_source, at.notion.query, at.notion.delete_block):
        with pytest.raises(BadInput, match="no id"):
            await ask(bad)
    with pytest.raises(BadInput, match="no id of Notion's has"):
        await at.notion.property_items("0" * 32, "..")
    assert fake.requests == []
    assert at.budget.standing.failures == 0


# What notion_client does by itself


async def test_it_is_asked_through_our_own_client(fake: NotionFake, tracks: Base) -> None:
    """`async with` would put another httpx client in its place: ours is used, as [http] says, with the token inside."""
    async with house(fake) as at:
        await at.notion.me()
        assert at.notion._client is not None
        session = at.notion._client.client
        assert len(at.notion._client._clients) == 1
        assert session.event_hooks["response"]
        assert session.trust_env is False
        assert at.notion._client._max_retries == 0
    assert session.is_closed


async def test_nothing_of_it_is_logged(fake: NotionFake, tracks: Base, caplog: pytest.LogCaptureFixture) -> None:
    """However many clients, its logger has no handler, and neither addresses nor the token are written anywhere."""
    with caplog.at_level(logging.DEBUG):
        for _ in range(3):
            async with house(fake) as at:
                await at.notion.query(tracks.data_source_id)
                fake.fail(400)
                with pytest.raises(Exception, match="400"):
                    await at.notion.query(tracks.data_source_id)
    assert logging.getLogger("notion_client").handlers == []
    assert logging.getLogger("musicsyncd.notion.vendor").handlers == []
    ours = [one for one in caplog.records if one.name.startswith(("notion_client", "httpx", "musicsyncd.notion"))]
    assert [one.getMessage() for one in ours] == ["Notion: 400 validation_error request 5c1bd2b7-0e4c-4b8f"] * 3
    assert fake.token not in caplog.text


def test_an_idle_daemon_does_not_pay_for_it() -> None:
    """Neither library is loaded before the first question."""
    code = (
        "import sys, musicsyncd.notion.client, musicsyncd.notion.schema, musicsyncd.notion.preflight;"
        "print([name for name in ('notion_client', 'httpx') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
