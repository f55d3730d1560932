"""The fake Notion's bad days, as the real client meets them."""

from __future__ import annotations

import threading
import time
from typing import Any

import anyio
import httpx
import pytest
from notion_client import AsyncClient
from notion_client.errors import APIResponseError, HTTPResponseError, RequestTimeoutError

from tests.fakes.notion import Asked, NotionFake
from tests.fakes.notion_music import Workspace
from tests.fakes.notion_rules import contract
from tests.notion.asking import client_of, create, text

pytestmark = pytest.mark.anyio


async def make(client: AsyncClient, workspace: Workspace, title: str = "x") -> Any:
    return await create(client, workspace.tracks, Title={"title": text(title)})


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        (409, 409, "conflict_error"),
        (429, 429, "rate_limited"),
        (500, 500, "internal_server_error"),
        (503, 503, "service_unavailable"),
        (504, 504, "gateway_timeout"),
        (529, 529, "service_overload"),
        ("row_limit", 409, "row_limit_exceeded"),
    ],
)
async def test_an_answer_that_refuses_and_then_one_that_does_not(
    fake: NotionFake, workspace: Workspace, client: AsyncClient, kind: int | str, status: int, code: str
) -> None:
    fault = fake.fail(kind, retry_after=7)
    with pytest.raises(HTTPResponseError) as caught:
        await make(client, workspace)
    assert caught.value.status == status
    assert f'"code": "{code}"' in caught.value.body
    assert caught.value.headers.get("Retry-After") == ("7" if status in (429, 529) else None)
    assert (fault.hits, fake.pages(workspace.tracks)) == (1, [])
    await make(client, workspace)
    assert len(fake.pages(workspace.tracks)) == 1
    assert [(one.status, one.fault, one.applied) for one in fake.requests] == [
        (status, str(kind), False),
        (200, "", True),
    ]


async def test_refusals_keep_to_the_document(fake: NotionFake, workspace: Workspace) -> None:
    async with httpx.AsyncClient(base_url=fake.url) as http:
        for status in (409, 429, 500, 503, 504):
            fake.fail(status)
            answer = (await http.get("/v1/users/me")).json()
            assert {"request_id", "status", "code"} <= set(answer)
            assert contract().error_faults("GET", "/v1/users/me", status, answer) == []


@pytest.mark.parametrize(("kind", "status"), [("502", 502), ("html", 200)])
async def test_a_page_of_html(
    fake: NotionFake, workspace: Workspace, client: AsyncClient, kind: str, status: int
) -> None:
    fake.fail(kind)
    async with httpx.AsyncClient(base_url=fake.url) as http:
        answer = await http.get("/v1/users/me")
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html")
    assert "<html>" in answer.text


@pytest.mark.parametrize(
    ("kind", "made"), [("drop", 0), ("applied_drop", 1), ("applied_cut", 1), ("applied_500", 1), ("500", 0)]
)
async def test_a_create_of_which_nobody_knows_whether_it_was_applied(
    fake: NotionFake, workspace: Workspace, client: AsyncClient, kind: str, made: int
) -> None:
    await client.users.me()  # the connection stands already
    fake.fail(kind, where=lambda asked: asked.creates)
    with pytest.raises((httpx.TransportError, HTTPResponseError)):
        await make(client, workspace)
    assert len(fake.pages(workspace.tracks)) == made
    assert [one.applied for one in fake.asked("POST", "/v1/pages")] == [bool(made)]
    await make(client, workspace)
    assert len(fake.pages(workspace.tracks)) == made + 1


@pytest.mark.parametrize(("kind", "made"), [("timeout", 0), ("applied_timeout", 1)])
async def test_no_answer_at_all(fake: NotionFake, workspace: Workspace, kind: str, made: int) -> None:
    fake.fail(kind)
    async with httpx.AsyncClient() as http:
        with pytest.raises(RequestTimeoutError):
            await make(client_of(fake, http, timeout_ms=200), workspace)
    deadline = time.monotonic() + 20
    while not fake.requests and time.monotonic() < deadline:  # the fake may hear of it later than the client gives up
        time.sleep(0.01)
    assert len(fake.pages(workspace.tracks)) == made


async def test_a_fault_meets_only_what_it_is_for_and_as_often_as_told(
    fake: NotionFake, workspace: Workspace, client: AsyncClient
) -> None:
    def queries(asked: Asked) -> bool:
        return asked.path.endswith("/query")

    fault = fake.fail(503, times=2, where=queries)
    await client.users.me()
    for _ in range(2):
        with pytest.raises(APIResponseError):
            await client.data_sources.query(workspace.tracks.data_source_id)
    await client.data_sources.query(workspace.tracks.data_source_id)
    assert fault.hits == 2


async def test_a_share_of_all_requests_fails_until_it_is_stopped(fake: NotionFake, client: AsyncClient) -> None:
    fault = fake.fail(503, share=0.3)
    refused = 0
    for _ in range(200):
        try:
            await client.users.me()
        except APIResponseError:
            refused += 1
    assert refused == fault.hits
    assert 30 < refused < 90
    fault.stop()
    for _ in range(20):
        await client.users.me()


async def test_a_refused_write_stays_refused_though_a_fault_would_have_met_it(
    fake: NotionFake, workspace: Workspace, client: AsyncClient
) -> None:
    fake.fail("applied_drop")
    with pytest.raises(APIResponseError, match="Nope"):
        await client.pages.update(fake.row(workspace.tracks), properties={"Nope": {"number": 1}})


async def test_the_limit_of_the_rate_by_the_fakes_clock(fake: NotionFake, client: AsyncClient) -> None:
    moment = [1_800_000_000.0]
    fake.clock = lambda: moment[0]
    fake.limit, fake.limiter.burst = 0.5, 2
    for _ in range(2):
        await client.users.me()
    with pytest.raises(APIResponseError) as caught:
        await client.users.me()
    assert (caught.value.status, caught.value.headers["Retry-After"]) == (429, "2")
    assert caught.value.additional_data == {"rate_limit_reason": "connection_rate_limit"}
    moment[0] += 2
    await client.users.me()


async def test_many_at_once_lose_nothing(fake: NotionFake, workspace: Workspace, client: AsyncClient) -> None:
    typing = threading.Thread(target=lambda: [fake.row(workspace.tracks, Title=f"by hand {one}") for one in range(200)])
    typing.start()
    async with anyio.create_task_group() as tasks:
        for number in range(60):
            tasks.start_soon(make, client, workspace, f"Song {number}")
    typing.join()
    titles = {row["Title"] for row in fake.pages(workspace.tracks)}
    assert len(titles) == 260


async def test_a_connection_is_used_again(fake: NotionFake, workspace: Workspace) -> None:
    opened: list[object] = []

    async def trace(name: str, _info: object) -> None:
        if name == "connection.connect_tcp.complete":
            opened.append(name)

    async with httpx.AsyncClient(base_url=fake.url) as http:
        for _ in range(5):
            await http.post("/v1/pages", json={"parent": {}}, extensions={"trace": trace})
    assert len(opened) == 1


async def test_the_workspace_outlives_its_door(fake: NotionFake, workspace: Workspace, client: AsyncClient) -> None:
    page = await make(client, workspace)
    fake.close_door()
    with pytest.raises(httpx.TransportError):
        await client.pages.retrieve(page["id"])
    fake.open_door()
    assert await client.pages.retrieve(page["id"]) == page
