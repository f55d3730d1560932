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
