"""The fake Notion, asked by the real client, and its answers held against Notion's own document."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from notion_client import AsyncClient
from notion_client.errors import APIResponseError

from tests.fakes.notion import VERSION, NotionFake
from tests.fakes.notion_music import TRACKS, Workspace
from tests.fakes.notion_rules import contract
from tests.notion.asking import create, kept_to, text

pytestmark = pytest.mark.anyio


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


@pytest.mark.parametrize(
    ("properties", "told"),
    [
        ({"Title": {"title": text("x" * 2001)}}, "should be ≤ `2000`, instead was `2001`"),
        ({"Audio Processing": {"multi_select": [{"name": str(one)} for one in range(101)]}}, "≤ `100`"),
        ({"SoundCloud URL": {"url": ""}}, "SoundCloud URL.url"),
        ({"SoundCloud URL": {"url": "https://a/" + "x" * 2000}}, "SoundCloud URL.url"),
        ({"Tempo": {"number": "120"}}, "Tempo.number"),
        ({"Tempo": 120}, "Tempo"),
        ({"Album": {"rich_text": [{"text": {"content": "x"}}] * 101}}, "≤ `100`"),
    ],
)
async def test_what_breaks_the_document_is_a_fault(
    fake: NotionFake, workspace: Workspace, client: AsyncClient, properties: Any, told: str
) -> None:
    await create(client, workspace.tracks, **GOOD)  # the verdict on a like body must not be taken for this one's
    with pytest.raises(APIResponseError) as caught:
        await create(client, workspace.tracks, **properties)
    assert told in str(caught.value)
    assert len(fake.faults) == 1
    assert len(fake.pages(workspace.tracks)) == 1


GOOD: dict[str, Any] = {
    "Title": {"title": text("x" * 2000)},
    "Audio Processing": {"multi_select": [{"name": str(one)} for one in range(100)]},
    "SoundCloud URL": {"url": "https://a/"},
    "Tempo": {"number": None},
    "Album": {"rich_text": [{"text": {"content": "x"}}] * 100},
}


async def test_rules_that_the_document_has_not(fake: NotionFake, workspace: Workspace, client: AsyncClient) -> None:
    source = workspace.tracks.data_source_id
    parent = {"type": "database_id", "database_id": workspace.tracks.id}
    deep = {"and": [{"or": [{"and": [{"property": "Tempo", "number": {"equals": 1}}]}]}]}
    for asking in (
        client.data_sources.query(source, page_size=101),
        client.pages.create(parent=parent, properties={}),
        client.data_sources.query(source, filter=deep),
        client.blocks.children.append(
            fake.row(workspace.tracks), children=[{"paragraph": {"rich_text": text("x")}}] * 101
        ),
        create(client, workspace.tracks, **{f"P{one}": {"rich_text": text("x" * 2000)} for one in range(260)}),
    ):
        with pytest.raises(APIResponseError) as caught:
            await asking
        assert caught.value.status == 400
    assert len(fake.faults) == 5


async def test_a_question_of_another_version_or_without_a_good_token(
    fake: NotionFake, workspace: Workspace, client: AsyncClient
) -> None:
    path = f"/v1/databases/{workspace.tracks.id}"
    async with httpx.AsyncClient(base_url=fake.url) as http:
        bad = await http.get(path, headers={"Authorization": "Bearer no", "Notion-Version": VERSION})
        assert (bad.status_code, bad.json()["code"]) == (401, "unauthorized")
        assert contract().error_faults("GET", path, 401, bad.json()) == []
        assert fake.faults == []
        none = await http.get(path, headers={"Authorization": f"Bearer {fake.token}"})
        assert (none.status_code, none.json()["code"]) == (400, "missing_version")
        old = await http.get(path, headers={"Authorization": f"Bearer {fake.token}", "Notion-Version": "2025-09-03"})
        assert old.status_code == 400
    assert len(fake.faults) == 2


async def test_ids_of_other_things_and_things_not_shared(
    fake: NotionFake, workspace: Workspace, client: AsyncClient
) -> None:
    row = fake.row(workspace.tracks, Title="x")
    codes = []
    for id_ in (workspace.tracks.data_source_id, row, workspace.tracks.id.replace("-", "")):
        try:
            await client.databases.retrieve(id_)
            codes.append("ok")
        except APIResponseError as error:
            codes.append(error.code)
    assert codes == ["object_not_found", "validation_error", "ok"]
    fake.share(workspace.tracks, shared=False)
    for asking in (client.databases.retrieve(workspace.tracks.id), client.pages.retrieve(row)):
        with pytest.raises(APIResponseError) as caught:
            await asking
        assert (caught.value.status, caught.value.code) == (404, "object_not_found")
    fake.denied.add("read")
    with pytest.raises(APIResponseError) as caught:
        await client.users.me()
    assert caught.value.code == "restricted_resource"


async def test_a_result_comes_page_by_page_and_ends_at_the_cap(
    fake: NotionFake, workspace: Workspace, client: AsyncClient
) -> None:
    source = workspace.tracks.data_source_id
    ids = [fake.row(source, Title=f"Song {number}", Tempo=number) for number in range(25)]
    sorts = [{"property": "Tempo", "direction": "ascending"}]
    first = await client.data_sources.query(source, sorts=sorts, page_size=10)
    kept_to(fake, "POST", f"/v1/data_sources/{source}/query", first)
    assert "request_status" not in first
    late = fake.row(source, Tempo=-1)
    found, cursor = [one["id"] for one in first["results"]], first["next_cursor"]
    while cursor:
        page = await client.data_sources.query(source, sorts=sorts, page_size=10, start_cursor=cursor)
        found, cursor = found + [one["id"] for one in page["results"]], page["next_cursor"]
    assert found == ids
    fake.answers.queries.cap = 20
    capped = await client.data_sources.query(source, sorts=sorts, page_size=20)
    assert capped["results"][0]["id"] == late
    assert (capped["has_more"], capped["next_cursor"]) == (False, None)
    assert capped["request_status"]["incomplete_reason"] == "query_result_limit_reached"
    with pytest.raises(APIResponseError, match="start_cursor"):
        await client.data_sources.query(source, start_cursor=first["next_cursor"])


async def test_rows_that_move_shift_a_result_when_they_are_let(
    fake: NotionFake, workspace: Workspace, client: AsyncClient
) -> None:
    source = workspace.tracks.data_source_id
    ids = [fake.row(source, Tempo=number) for number in range(4)]
    fake.answers.queries.moves = True
    sorts = [{"property": "Tempo", "direction": "ascending"}]
    first = await client.data_sources.query(source, sorts=sorts, page_size=2)
    fake.edit(ids[0], Tempo=9)
    second = await client.data_sources.query(source, sorts=sorts, page_size=2, start_cursor=first["next_cursor"])
    assert [one["id"] for one in second["results"]] == [ids[3], ids[0]]


FILTERS: list[tuple[Any, set[str]]] = [
    ({"property": "Title", "title": {"equals": "ONE"}}, {"one"}),
    ({"property": "Title", "title": {"contains": "o"}}, {"one", "two"}),
    ({"property": "External Key", "rich_text": {"equals": "k:2"}}, {"two"}),
    ({"property": "External Key", "rich_text": {"is_empty": True}}, {"three"}),
    ({"property": "SoundCloud URL", "url": {"is_not_empty": True}}, {"one"}),
    ({"property": "SoundCloud URL", "url": {"equals": "https://soundcloud.com/a/1"}}, {"one"}),
    ({"property": "Tempo", "number": {"greater_than_or_equal_to": 2}}, {"two", "three"}),
    ({"property": "Downloaded", "checkbox": {"equals": False}}, {"one", "three"}),
    ({"property": "Downloaded", "checkbox": {"does_not_equal": False}}, {"two"}),
    ({"property": "Genre", "select": {"equals": "House"}}, {"one"}),
    ({"property": "Genre", "select": {"is_empty": True}}, {"two", "three"}),
    ({"property": "Priority", "status": {"does_not_equal": "High"}}, {"two", "three"}),
    ({"property": "Audio Processing", "multi_select": {"contains": "Tagged"}}, {"three"}),
    ({"property": "Release Date", "date": {"on_or_after": "2020-01-01"}}, {"two"}),
    ({"timestamp": "created_time", "created_time": {"after": "2000-01-01T00:00:00Z"}}, {"one", "two", "three"}),
    ({"timestamp": "last_edited_time", "last_edited_time": {"before": "2000-01-01"}}, set()),
    (
        {
            "or": [
                {"property": "External Key", "rich_text": {"equals": "k:1"}},
                {"property": "External Key", "rich_text": {"equals": "k:2"}},
            ]
        },
        {"one", "two"},
    ),
    (
        {
            "and": [
                {"property": "Downloaded", "checkbox": {"equals": False}},
                {
                    "or": [
                        {"property": "External Key", "rich_text": {"equals": "k:2"}},
                        {"property": "Tempo", "number": {"equals": 3}},
                    ]
                },
            ]
        },
        {"three"},
    ),
]


@pytest.mark.parametrize(("told", "titles"), FILTERS)
async def test_filters(
    fake: NotionFake, workspace: Workspace, client: AsyncClient, told: Any, titles: set[str]
) -> None:
    tracks = workspace.tracks
    one = {"Title": "one", "External Key": "k:1", "SoundCloud URL": "https://soundcloud.com/a/1", "Genre": "House"}
    fake.row(tracks, one | {"Priority": "High", "Release Date": "2019-05-04"})
    fake.row(
        tracks, {"Title": "two", "External Key": "k:2", "Tempo": 2, "Downloaded": True, "Release Date": "2020-05-04"}
    )
    fake.row(tracks, {"Title": "three", "Tempo": 3, "Audio Processing": ["Tagged"]})
    found = await client.data_sources.query(tracks.data_source_id, filter=told)
    assert {fake.page(one["id"])["Title"] for one in found["results"]} == titles
    assert fake.faults == []


async def test_the_index_knows_what_was_edited_moved_and_trashed(
    fake: NotionFake, workspace: Workspace, client: AsyncClient
) -> None:
    tracks = workspace.tracks

    async def found(key: str, **more: Any) -> list[str]:
        told = {"property": "External Key", "rich_text": {"equals": key}}
        answer = await client.data_sources.query(tracks.data_source_id, filter=told, **more)
        return [one["id"] for one in answer["results"]]

    row = fake.row(tracks, {"External Key": "a"})
    assert (await found("a"), await found("b")) == ([row], [])
    fake.edit(row, {"External Key": "b"})
    assert (await found("a"), await found("b")) == ([], [row])
    fake.trash(row)
    assert (await found("b"), await found("b", in_trash=True)) == ([], [row])
    fake.trash(row, restore=True)
    fake.move(row, workspace.artists)
    assert await found("b") == []
    assert [one.id for one in fake.pages(workspace.artists)] == [row]


async def test_a_query_shows_only_the_properties_asked_for(
    fake: NotionFake, workspace: Workspace, client: AsyncClient
) -> None:
    fake.row(workspace.tracks, {"Title": "x", "External Key": "k"})
    schema = (await client.data_sources.retrieve(workspace.tracks.data_source_id))["properties"]
    ids = [schema[name]["id"] for name in ("Title", "External Key", "Tempo")]
    found = await client.data_sources.query(workspace.tracks.data_source_id, filter_properties=ids)
    assert set(found["results"][0]["properties"]) == {"Title", "External Key", "Tempo"}
    assert fake.faults == []


async def test_what_the_fake_cannot_do_is_a_fault(fake: NotionFake, workspace: Workspace, client: AsyncClient) -> None:
    row = fake.row(workspace.tracks, Title="x")
    for asking in (
        client.data_sources.query(
            workspace.tracks.data_source_id, filter={"property": "Release Date", "date": {"past_week": {}}}
        ),
        client.pages.update(row, icon={"type": "emoji", "emoji": "🎵"}),
        client.comments.list(block_id=row),
    ):
        with pytest.raises(APIResponseError):
            await asking
    assert len(fake.faults) == 3
