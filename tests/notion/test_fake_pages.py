"""Pages of the fake Notion as they change, and what stands on them."""

from __future__ import annotations

from typing import Any

import pytest
from notion_client import AsyncClient
from notion_client.errors import APIResponseError

from tests.fakes.notion import NotionFake
from tests.fakes.notion_music import Workspace, music_workspace
from tests.notion.asking import create, kept_to, text

pytestmark = pytest.mark.anyio


async def test_a_query_lags_behind_and_a_page_does_not(fake: NotionFake, workspace: Workspace, client: Any) -> None:
    source, moment = workspace.tracks.data_source_id, [1_800_000_000.0]
    fake.clock = lambda: moment[0]
    row = fake.row(source, Title="Old")
    fake.lag = 20
    assert await titles_in(client, source) == []
    moment[0] += 20
    assert await titles_in(client, source) == ["Old"]
    await client.pages.update(row, properties={"Title": {"title": text("New")}})
    assert (await client.pages.retrieve(row))["properties"]["Title"]["title"][0]["plain_text"] == "New"
    moment[0] += 19
    assert await titles_in(client, source) == ["Old"]
    moment[0] += 1
    assert await titles_in(client, source) == ["New"]
    await client.pages.update(row, in_trash=True)
    assert await titles_in(client, source) == ["New"]
    moment[0] += 20
    assert await titles_in(client, source) == []


async def titles_in(client: AsyncClient, source: str) -> list[str]:
    answer = await client.data_sources.query(source)
    return [one["properties"]["Title"]["title"][0]["plain_text"] for one in answer["results"]]


async def test_times_are_of_whole_minutes(fake: NotionFake, workspace: Workspace, client: AsyncClient) -> None:
    fake.clock = lambda: 1_800_000_059.7
    page = await create(client, workspace.tracks, Title={"title": text("x")})
    assert page["created_time"] == page["last_edited_time"] == "2027-01-15T08:00:00.000Z"


async def test_what_changes_nothing_is_no_edit(fake: NotionFake, workspace: Workspace, client: AsyncClient) -> None:
    moment = [1_800_000_000.0]
    fake.clock = lambda: moment[0]
    page = await create(client, workspace.tracks, Title={"title": text("x")})
    moment[0] += 600
    again = await client.pages.update(page["id"], properties={"Title": {"title": text("x")}})
    assert again == page


async def test_equal_runs_of_text_become_one_and_references_are_cut_at_25(
    fake: NotionFake, workspace: Workspace, client: AsyncClient
) -> None:
    artists = [fake.row(workspace.artists, Name=f"Artist {number}") for number in range(60)]
    bold = {"annotations": {"bold": True}}
    page = await create(
        client,
        workspace.tracks,
        Title={"title": text("x")},
        Artist={"relation": [{"id": id_} for id_ in artists]},
        Fingerprint={"rich_text": [*text("a" * 2000), *text("b" * 2000), *text("")]},
        Comments={"rich_text": [text(str(one))[0] | (bold if one % 2 else {}) for one in range(30)]},
    )
    kept_to(fake, "POST", "/v1/pages", page)
    properties = page["properties"]
    assert [one["plain_text"] for one in properties["Fingerprint"]["rich_text"]] == ["a" * 2000 + "b" * 2000]
    assert len(properties["Comments"]["rich_text"]) == 25
    assert (len(properties["Artist"]["relation"]), properties["Artist"]["has_more"]) == (25, True)
    found: list[str] = []
    cursor: dict[str, Any] = {}
    while True:
        answer = await client.pages.properties.retrieve(page["id"], properties["Artist"]["id"], page_size=50, **cursor)
        kept_to(fake, "GET", f"/v1/pages/{page['id']}/properties/x", answer)
        found += [one["relation"]["id"] for one in answer["results"]]
        if not answer["has_more"]:
            break
        cursor = {"start_cursor": answer["next_cursor"]}
    assert found == artists
    number = await client.pages.properties.retrieve(page["id"], properties["Tempo"]["id"])
    kept_to(fake, "GET", f"/v1/pages/{page['id']}/properties/x", number)
    assert number["number"] is None


async def test_every_property_is_found_by_its_escaped_id(
    fake: NotionFake, workspace: Workspace, client: AsyncClient
) -> None:
    row = fake.row(workspace.tracks, Title="x")
    properties = (await client.pages.retrieve(row))["properties"]
    assert any("%" in one["id"] for one in properties.values())
    for name, one in properties.items():
        answer = await client.pages.properties.retrieve(row, one["id"])
        assert answer.get("property_item", answer)["id"] == one["id"], name
        cut = await client.pages.retrieve(row, filter_properties=[one["id"]])
        assert list(cut["properties"]) == [name]
    assert fake.faults == []


async def test_a_schema_changes_under_the_writer(fake: NotionFake, workspace: Workspace, client: AsyncClient) -> None:
    tracks = workspace.tracks
    row = fake.row(tracks, {"Tempo": 120, "Album": "Blue", "Key": "8A"})
    fake.rename_property(tracks, "Tempo", "BPM")
    fake.retype_property(tracks, "Key", "number")
    fake.delete_property(tracks, "Album")
    page = await client.pages.retrieve(row)
    kept_to(fake, "GET", f"/v1/pages/{row}", page)
    assert page["properties"]["BPM"]["number"] == 120
    assert page["properties"]["Key"]["number"] is None
    assert not {"Album", "Tempo"} & set(page["properties"])
    with pytest.raises(APIResponseError, match="Key is expected to be number"):
        await client.pages.update(row, properties={"Key": {"rich_text": text("8A")}, "BPM": {"number": 1}})
    assert fake.page(row)["BPM"] == 120


async def test_a_full_schema_takes_no_new_option(fake: NotionFake, client: AsyncClient) -> None:
    tracks = music_workspace(fake, full=True).tracks
    with pytest.raises(APIResponseError, match="schema has exceeded the maximum size") as caught:
        await create(client, tracks, Title={"title": text("x")}, Genre={"select": {"name": "Footwork"}})
    assert caught.value.code == "validation_error"
    await create(client, tracks, Title={"title": text("x")}, Genre={"select": {"name": "House"}})
    assert (len(fake.pages(tracks)), "Footwork" in fake.options(tracks, "Genre")) == (1, False)


async def test_what_is_in_the_trash_is_not_edited(fake: NotionFake, workspace: Workspace, client: AsyncClient) -> None:
    row = fake.row(workspace.tracks, Title="x")
    trashed = await client.pages.update(row, in_trash=True)
    kept_to(fake, "PATCH", f"/v1/pages/{row}", trashed)
    assert (trashed["in_trash"], fake.pages(workspace.tracks)) == (True, [])
    with pytest.raises(APIResponseError, match="trash"):
        await client.pages.update(row, properties={"Tempo": {"number": 1}})
    await client.pages.update(row, in_trash=False, properties={"Tempo": {"number": 1}})
    assert fake.page(row)["Tempo"] == 1


async def test_relations_lead_to_rows_of_their_own_database(
    fake: NotionFake, workspace: Workspace, client: AsyncClient
) -> None:
    row, list_ = fake.row(workspace.tracks), fake.row(workspace.playlists)
    for id_, status in (("59833787-2cf9-4fdf-8782-e53db20768a5", 404), (list_, 400)):
        with pytest.raises(APIResponseError) as caught:
            await client.pages.update(row, properties={"Artist": {"relation": [{"id": id_}]}})
        assert caught.value.status == status
    assert (fake.page(row)["Artist"], fake.faults) == ([], [])


async def test_bodies_of_pages(fake: NotionFake, workspace: Workspace, client: AsyncClient) -> None:
    row = fake.row(workspace.tracks, Title="x")
    path = f"/v1/blocks/{row}/children"
    kinds: list[dict[str, Any]] = [
        {"heading_2": {"rich_text": text("Files")}},
        {"paragraph": {"rich_text": text("one")}},
        {"bulleted_list_item": {"rich_text": text("two"), "children": [{"paragraph": {"rich_text": text("in")}}]}},
        {"to_do": {"rich_text": text("three"), "checked": True}},
        {"code": {"rich_text": text("{}"), "language": "json"}},
        {"divider": {}},
    ]
    made = await client.blocks.children.append(row, children=kinds)
    kept_to(fake, "PATCH", path, made)
    first = made["results"][0]["id"]
    place = {"type": "after_block", "after_block": {"id": first}}
    await client.blocks.children.append(row, children=[{"paragraph": {"rich_text": text("mid")}}], position=place)
    listed = await client.blocks.children.list(row)
    kept_to(fake, "GET", path, listed)
    order = ["heading_2", "paragraph", "paragraph", "bulleted_list_item", "to_do", "code", "divider"]
    assert [one["type"] for one in listed["results"]] == order
    assert [one["has_children"] for one in listed["results"]] == [False] * 3 + [True] + [False] * 3
    gone = await client.blocks.delete(first)
    kept_to(fake, "DELETE", f"/v1/blocks/{first}", gone)
    assert (gone["in_trash"], len(fake.body(row))) == (True, 6)
    part = await client.blocks.children.list(row, page_size=4)
    rest = await client.blocks.children.list(row, start_cursor=part["next_cursor"])
    assert (len(part["results"]), len(rest["results"]), rest["has_more"]) == (4, 2, False)


async def test_search_a_new_database_and_the_bot(fake: NotionFake, workspace: Workspace, client: AsyncClient) -> None:
    me = await client.users.me()
    kept_to(fake, "GET", "/v1/users/me", me)
    assert me["bot"]["workspace_limits"]["max_file_upload_size_in_bytes"] > 0
    home = await client.pages.create(
        parent={"type": "workspace", "workspace": True}, properties={"title": {"title": text("Home")}}
    )
    kept_to(fake, "POST", "/v1/pages", home)
    made = await client.databases.create(
        parent={"type": "page_id", "page_id": home["id"]},
        title=text("Reports"),
        initial_data_source={"properties": {"Name": {"title": {}}, "Kind": {"select": {"options": [{"name": "a"}]}}}},
    )
    kept_to(fake, "POST", "/v1/databases", made)
    (source,) = made["data_sources"]
    assert fake.options(source["id"], "Kind") == ["a"]
    found = await client.search(query="report", filter={"property": "object", "value": "data_source"})
    kept_to(fake, "POST", "/v1/search", found)
    assert [one["id"] for one in found["results"]] == [source["id"]]
    changed = await client.data_sources.update(source["id"], properties={"Count": {"number": {}}})
    kept_to(fake, "PATCH", f"/v1/data_sources/{source['id']}", changed)
    assert set(changed["properties"]) == {"Name", "Kind", "Count"}


ZOO: dict[str, Any] = {
    "Name": "title",
    "Text": "rich_text",
    "Number": "number",
    "Choice": ("select", ["a"]),
    "Choices": ("multi_select", ["a", "b"]),
    "State": ("status", ["Open"]),
    "Day": "date",
    "Box": "checkbox",
    "Address": "url",
    "Mail": "email",
    "Phone": "phone_number",
    "Self": ("relation", None),
    "People": "people",
    "Files": "files",
    "Made": "created_time",
    "Edited": "last_edited_time",
    "By": "created_by",
    "Edited by": "last_edited_by",
    "Formula": "formula",
    "Rollup": "rollup",
    "Number of": "unique_id",
}


async def test_every_kind_of_property_keeps_to_the_document(fake: NotionFake, client: AsyncClient) -> None:
    zoo = fake.database("Zoo", ZOO)
    schema = await client.data_sources.retrieve(zoo.data_source_id)
    kept_to(fake, "GET", f"/v1/data_sources/{zoo.data_source_id}", schema)
    empty = await create(client, zoo, Name={"title": []})
    kept_to(fake, "POST", "/v1/pages", empty)
    whole = await create(
        client,
        zoo,
        Name={"title": text("x")},
        Text={"rich_text": [{"text": {"content": "a", "link": {"url": "https://a/"}}}]},
        Number={"number": -1.5},
        Choice={"select": {"name": "a"}},
        Choices={"multi_select": [{"name": "b"}, {"name": "c"}]},
        State={"status": {"name": "Open"}},
        Day={"date": {"start": "2026-03-01T10:20:37Z", "end": "2026-03-02"}},
        Box={"checkbox": True},
        Address={"url": "https://a/"},
        Mail={"email": "a@example.org"},
        Phone={"phone_number": "1"},
        Self={"relation": [{"id": empty["id"]}]},
        People={"people": [{"object": "user", "id": empty["created_by"]["id"]}]},
        Files={"files": []},
    )
    kept_to(fake, "POST", "/v1/pages", whole)
    assert whole["properties"]["Day"]["date"]["start"] == "2026-03-01T10:20:00.000+00:00"
    assert fake.page(whole["id"])["Choices"] == ["b", "c"]
    for name in ("Made", "Formula", "Rollup"):
        with pytest.raises(APIResponseError, match=name):
            await client.pages.update(whole["id"], properties={name: {"rich_text": text("x")}})
