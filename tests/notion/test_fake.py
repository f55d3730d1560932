"""The fake Notion, asked by the real client, and its answers held against Notion's own document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from notion_client import AsyncClient
from notion_client.errors import APIResponseError

from tests.fakes.notion import VERSION, NotionFake
from tests.fakes.notion_music import TRACKS, Workspace, music_workspace
from tests.fakes.notion_rules import contract

pytestmark = pytest.mark.anyio


@pytest.fixture
def fake() -> Iterator[NotionFake]:
    with NotionFake() as found:
        yield found


@pytest.fixture
def workspace(fake: NotionFake) -> Workspace:
    return music_workspace(fake)


@pytest.fixture
async def client(fake: NotionFake) -> Any:
    async with httpx.AsyncClient() as http:
        yield AsyncClient(client=http, auth=fake.token, base_url=fake.url, notion_version=VERSION, retry=False)


def text(content: str) -> list[dict[str, Any]]:
    return [{"text": {"content": content}}]


def kept_to(fake: NotionFake, method: str, path: str, answer: Any) -> None:
    """The answer fits the document, and no request broke it."""
    assert contract().answer_faults(method, path, answer) == []
    assert fake.faults == []


async def create(client: AsyncClient, database: Any, **properties: Any) -> dict[str, Any]:
    parent = {"type": "data_source_id", "data_source_id": database.data_source_id}
    found: dict[str, Any] = await client.pages.create(parent=parent, properties=properties)
    return found


async def test_a_database_leads_to_its_data_source(fake: NotionFake, workspace: Workspace, client: AsyncClient) -> None:
    database = await client.databases.retrieve(workspace.tracks.id)
    kept_to(fake, "GET", f"/v1/databases/{workspace.tracks.id}", database)
    (source,) = database["data_sources"]
    schema = await client.data_sources.retrieve(source["id"])
    kept_to(fake, "GET", f"/v1/data_sources/{source['id']}", schema)
    assert set(TRACKS) < set(schema["properties"])
    assert schema["properties"]["Artist"]["relation"]["data_source_id"] == workspace.artists.data_source_id


async def test_a_row_is_created_read_changed_and_found(
    fake: NotionFake, workspace: Workspace, client: AsyncClient
) -> None:
    artist = fake.row(workspace.artists, Name="Ada Voss")
    page = await create(
        client,
        workspace.tracks,
        Title={"title": text("Song")},
        Tempo={"number": 0},
        Genre={"select": {"name": "Footwork"}},
        Artist={"relation": [{"id": artist}]},
        Downloaded={"checkbox": True},
    )
    kept_to(fake, "POST", "/v1/pages", page)
    read = await client.pages.retrieve(page["id"])
    kept_to(fake, "GET", f"/v1/pages/{page['id']}", read)
    assert read == page
    assert read["properties"]["Tempo"]["number"] == 0
    changed = await client.pages.update(page["id"], properties={"Tempo": {"number": 124.5}})
    kept_to(fake, "PATCH", f"/v1/pages/{page['id']}", changed)
    found = await client.data_sources.query(
        workspace.tracks.data_source_id, filter={"property": "Tempo", "number": {"equals": 124.5}}
    )
    kept_to(fake, "POST", f"/v1/data_sources/{workspace.tracks.data_source_id}/query", found)
    assert [one["id"] for one in found["results"]] == [page["id"]]
    row = fake.page(page["id"])
    assert (row["Title"], row["Genre"], row["Artist"], row["Downloaded"]) == ("Song", "Footwork", [artist], True)


@pytest.mark.parametrize(
    ("properties", "told"),
    [
        ({"Nope": {"number": 1}}, "Nope is not a property that exists."),
        ({"Title": {"rich_text": text("x")}}, "Title is expected to be title."),
        ({"Priority": {"status": {"name": "Urgent"}}}, "Urgent"),
        ({"Genre": {"select": {"name": "a, b"}}}, "commas not allowed"),
        ({"Release Date": {"date": {"start": "2019-05"}}}, "Release Date"),
    ],
)
async def test_what_the_live_schema_forbids_is_refused(
    fake: NotionFake, workspace: Workspace, client: AsyncClient, properties: Any, told: str
) -> None:
    with pytest.raises(APIResponseError) as caught:
        await create(client, workspace.tracks, **properties)
    assert caught.value.code == "validation_error"
    assert told in str(caught.value)
    assert (len(fake.refusals), fake.faults, fake.pages(workspace.tracks)) == (1, [], [])
