"""What is wrong with a database, each kind told apart, with what to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from musicsyncd.notion.preflight import Finding, check
from tests.fakes.notion import NotionFake
from tests.fakes.notion_music import Workspace, music_workspace
from tests.notion.house import house


@pytest.fixture
def fake() -> Iterator[NotionFake]:
    with NotionFake() as fake:
        yield fake
    assert fake.faults == []


@pytest.fixture
def ws(fake: NotionFake) -> Workspace:
    return music_workspace(fake)


async def found(fake: NotionFake, **section: Any) -> list[Finding]:
    async with house(fake, **section) as at:
        return await check(at.notion, at.section)


async def wrong(fake: NotionFake, **section: Any) -> Finding:
    """The only one that keeps anything from being written."""
    (one,) = [one for one in await found(fake, **section) if not one.ok and one.required]
    assert one.fix
    return one


async def test_all_is_well(fake: NotionFake, ws: Workspace) -> None:
    """The token says whose it is, each database what it is called; few questions, and nothing is written."""
    findings = await found(
        fake, tracks_db=ws.tracks.id, artists_db=ws.artists.id, playlists_db=ws.playlists.id, tasks_db=ws.tasks.id,
        issues_db=ws.issues.id, config_db=ws.config.id,
    )  # fmt: skip
    assert [one.database for one in findings if one.ok] == [
        "token", "tracks_db", "artists_db", "playlists_db", "tasks_db", "issues_db", "config_db",
    ]  # fmt: skip
    assert [one for one in findings if not one.ok] == []
    assert "'Music Tracks'" in findings[1].what
    assert len(fake.requests) == 13
    assert {one.method for one in fake.requests} == {"GET"}


async def test_a_bad_token(fake: NotionFake, ws: Workspace) -> None:
    """Said once, not for each database."""
    findings = await found(fake, token=SecretStr("ntn_wrong"), tracks_db=ws.tracks.id, tasks_db=ws.tasks.id)
    assert [(one.database, one.kind) for one in findings] == [("token", "bad token")]
    assert "notion.token" in findings[0].fix
    assert "ntn_wrong" not in repr(findings)


async def test_nothing_is_shared(fake: NotionFake, ws: Workspace) -> None:
    """The token counts and sees nothing at all."""
    for database in (ws.tracks, ws.artists, ws.playlists, ws.agents, ws.tasks, ws.issues, ws.config):
        fake.share(database, shared=False)
    one = await wrong(fake, tracks_db=ws.tracks.id)
    assert (one.database, one.kind, one.why) == (
        "tracks_db",
        "no access",
        "Nothing is shared with this connection",
    )
    assert "Connections" in one.fix


async def test_a_connection_that_may_not_read(fake: NotionFake, ws: Workspace) -> None:
    """403: a capability is missing."""
    fake.fail(403, times=10, where=lambda asked: "/databases/" in asked.path)
    one = await wrong(fake, tracks_db=ws.tracks.id)
    assert (one.database, one.kind) == ("tracks_db", "no access")
    assert "capabilities" in one.fix


async def test_a_wrong_id(fake: NotionFake, ws: Workspace) -> None:
    """Both that it may be are said, and which databases there are."""
    one = await wrong(fake, tracks_db="12345678" * 4)
    assert (one.database, one.kind) == ("tracks_db", "wrong id")
    assert "or it is not shared" in one.why
    assert f"'Music Tracks' ({ws.tracks.id})" in one.why


async def test_a_page_is_no_database(fake: NotionFake, ws: Workspace) -> None:
    """The id of a row or of the page around it."""
    one = await wrong(fake, tracks_db=fake.row(ws.tracks, Title="A"))
    assert (one.kind, "is a page" in one.what) == ("wrong id", True)


async def test_a_data_source_is_no_database(fake: NotionFake, ws: Workspace) -> None:
    """With the id that would be right."""
    one = await wrong(fake, tracks_db=ws.tracks.data_source_id)
    assert (one.kind, ws.tracks.id in one.fix) == ("data source id", True)


async def test_several_data_sources(fake: NotionFake, ws: Workspace) -> None:
    """Nobody guesses."""
    fake.second_source(ws.tracks, "Archive")
    one = await wrong(fake, tracks_db=ws.tracks.id)
    assert (one.kind, "Archive" in one.what) == ("several data sources", True)


@pytest.mark.parametrize("name", ["Downloaded"])
async def test_a_missing_property(fake: NotionFake, ws: Workspace, name: str) -> None:
    """Named, with the type that it wants."""
    fake.delete_property(ws.tracks, name)
    one = await wrong(fake, tracks_db=ws.tracks.id)
    assert one.kind == "missing property"
    assert one.what == f"'Music Tracks' has no property {name!r}"
    assert "notion.properties" in one.fix


async def test_a_name_that_a_person_gave_and_that_is_not_there(fake: NotionFake, ws: Workspace) -> None:
    """Also of a field that could be missing: he meant it."""
    (one,) = [one for one in await found(fake, tracks_db=ws.tracks.id, properties={"key": "Tonart"}) if not one.ok]
    assert (one.kind, one.required, "'Tonart'" in one.what) == ("missing property", False, True)


async def test_a_wrong_type(fake: NotionFake, ws: Workspace) -> None:
    """Where nothing works without it, it is in the way; else one field stays away."""
    fake.retype_property(ws.tracks, "Downloaded", "number")
    one = await wrong(fake, tracks_db=ws.tracks.id)
    assert one.kind == "wrong type"
    assert "'Downloaded' of 'Music Tracks' is of the type number" in one.what
    assert "wants checkbox" in one.why
    fake.retype_property(ws.tracks, "Downloaded", "checkbox")
    fake.retype_property(ws.tracks, "Key", "number")
    findings = await found(fake, tracks_db=ws.tracks.id)
    assert [(one.kind, one.required) for one in findings if not one.ok] == [("wrong type", False)]
    assert [one.database for one in findings if one.ok] == ["token", "tracks_db"]


async def test_notion_does_not_answer(fake: NotionFake, ws: Workspace) -> None:
    """Said once, with the reason; so is one database in the middle."""
    findings = await found(fake, base_url="http://127.0.0.1:9", tracks_db=ws.tracks.id)
    assert [(one.database, one.kind) for one in findings] == [("token", "unreachable")]
    fake.fail(500, times=10, where=lambda asked: "/databases/" in asked.path)
    assert (await wrong(fake, tracks_db=ws.tracks.id)).kind == "unreachable"
