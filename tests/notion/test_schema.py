"""Live schemas: which database and data source, which property holds which field, and for how long that is believed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from musicsyncd.errors import NeedsPerson, from_dict
from musicsyncd.notion.errors import Gone, Refused
from musicsyncd.notion.fields import DATABASES, placed
from musicsyncd.notion.schema import (
    IsDataSource,
    NotADatabase,
    Schemas,
    SeveralDataSources,
    discovered,
    resolved,
)
from musicsyncd.notion.values import WRITABLE
from tests.fakes.notion import Database, NotionFake
from tests.fakes.notion_music import music_workspace
from tests.notion.house import House, house


@pytest.fixture
def fake() -> Iterator[NotionFake]:
    with NotionFake() as fake:
        yield fake
    assert fake.faults == []


@pytest.fixture
async def at(fake: NotionFake) -> AsyncIterator[House]:
    async with house(fake) as at:
        yield at


async def test_the_owners_databases_are_understood(at: House, fake: NotionFake) -> None:
    """Each field by its first name that is there; relations by their type, not by a text's name."""
    ws = music_workspace(fake)
    schema = await discovered(at.notion, ws.tracks.id)
    assert (schema.database, schema.data_source) == (ws.tracks.id, ws.tracks.data_source_id)
    assert schema.title == ws.tracks.title
    found = {name: one.name for name, one in resolved(schema, DATABASES["tracks"], {}).items()}
    wanted = {
        "title": "Title", "external_key": "External Key", "downloaded": "Downloaded", "artists": "Artist Name",
        "artist_pages": "Artist", "playlist_pages": "Playlists", "playlists": "Playlist Title", "bpm": "Tempo",
        "key": "Key", "duration": "Audio Duration (seconds)", "path_m4a": "M4A File Path", "isrc": "ISRC",
    }  # fmt: skip
    assert wanted.items() <= found.items()
    assert schema.properties["Genre"].options == ("Electronic", "House", "Techno")
    assert schema.properties["Artist"].relation_data_source == ws.artists.data_source_id
    tasks = resolved(await discovered(at.notion, ws.tasks.id), DATABASES["tasks"], {})
    assert {name: tasks[name].name for name in ("title", "assignee")} == {
        "title": "Task Name",
        "assignee": "Assigned-Agent",
    }


@pytest.mark.parametrize(
    ("properties", "overrides", "field", "name"),
    [
        ({"Name": "title"}, {}, "title", "Name"),
        ({"Title": "rich_text", "Name": "title"}, {}, "title", "Name"),
        ({"Etwas": "title"}, {}, "title", "Etwas"),
        ({"T": "title", "Key ": "rich_text"}, {}, "key", "Key "),
        ({"T": "title", "KEY": "rich_text"}, {}, "key", "KEY"),
        ({"T": "title", "BPM": "number", "Tempo": "number"}, {}, "bpm", "Tempo"),
        ({"T": "title", "BPM": "number", "Tempo": "checkbox"}, {}, "bpm", "BPM"),
        ({"T": "title", "Tempo": "checkbox"}, {}, "bpm", "Tempo"),
        ({"T": "title", "Key": "rich_text", "Tonart": "rich_text"}, {"key": "Tonart"}, "key", "Tonart"),
        ({"T": "title", "Key": "rich_text"}, {"key": "Tonart"}, "key", None),
        ({"T": "title", "Artists": "rich_text"}, {}, "artists", "Artists"),
        ({"T": "title", "Artists": "rich_text"}, {}, "artist_pages", None),
        ({"T": "title", "Artists": ("relation", None)}, {}, "artist_pages", "Artists"),
        ({"T": "title", "Artists": ("relation", None)}, {}, "artists", None),
    ],
)
async def test_which_property_holds_a_field(
    at: House, fake: NotionFake, properties: dict[str, Any], overrides: dict[str, str], field: str, name: str | None
) -> None:
    """A person's word, then the known names in their order with a fitting type, then whatever case and blanks."""
    schema = await discovered(at.notion, fake.database("Tracks", properties).id)
    found = resolved(schema, DATABASES["tracks"], overrides).get(field)
    assert (found.name if found else None) == name


async def test_an_id_of_something_else_is_told(at: House, fake: NotionFake) -> None:
    """A data source's (with the right id beside it), a page's, and one that leads nowhere."""
    tracks = fake.database("Tracks", {"Title": "title"})
    with pytest.raises(IsDataSource, match="is a data source, not a database") as caught:
        await discovered(at.notion, tracks.data_source_id)
    assert tracks.id in caught.value.fix
    assert type(from_dict(caught.value.as_dict())) is NeedsPerson
    with pytest.raises(NotADatabase, match="is a page") as other:
        await discovered(at.notion, fake.row(tracks, Title="A"))
    assert not isinstance(other.value, IsDataSource)
    with pytest.raises(Gone):
        await discovered(at.notion, "0" * 32)


async def test_nobody_guesses_between_data_sources(at: House, fake: NotionFake) -> None:
    """Both are named."""
    tracks = fake.database("Tracks", {"Title": "title"})
    fake.second_source(tracks, "Archive")
    with pytest.raises(SeveralDataSources, match=r"2 data sources \(.*Archive\)"):
        await discovered(at.notion, tracks.id)


class TestSchemas:
    """What is believed, and for how long."""

    @pytest.fixture
    def tracks(self, fake: NotionFake) -> Database:
        return fake.database("Tracks", {"Title": "title", "Key": "rich_text"})

    async def test_it_is_asked_for_once_in_a_while(self, at: House, fake: NotionFake, tracks: Database) -> None:
        """A renamed property is seen after the time, not before; its id stays."""
        schemas = Schemas(at.notion, at.clock, 3600.0)
        before = await schemas.of(tracks.id)
        fake.rename_property(tracks, "Key", "Tonart")
        await at.clock.advance(3000)
        assert await schemas.of(tracks.id) is before
        assert len(fake.requests) == 2
        await at.clock.advance(700)
        after = await schemas.of(tracks.id)
        assert after.properties["Tonart"].id == before.properties["Key"].id
        assert "Key" not in after.properties

    async def test_a_refusal_makes_it_be_asked_for_again(self, at: House, fake: NotionFake, tracks: Database) -> None:
        """Notion refused what fits the schema that we know: then it is another one."""
        schemas = Schemas(at.notion, at.clock, 3600.0)
        await schemas.of(tracks.id)
        fake.retype_property(tracks, "Key", "number")
        with pytest.raises(Refused, match="Key"):
            await at.notion.create_page(tracks.data_source_id, {"Key": {"rich_text": []}})
        schemas.forget(tracks.id)
        assert (await schemas.of(tracks.id)).properties["Key"].type == "number"
        schemas.forget()
        await schemas.of(tracks.id)
        assert len(fake.asked("GET", "/databases/")) == 3


def test_the_table_of_fields_holds_together() -> None:
    """Each can be written in its usual form, has a name, and is found by the way in which settings spell it."""
    for kind, fields in DATABASES.items():
        assert fields["title"].required
        for name, field in fields.items():
            assert field.names
            assert set(field.kinds) <= WRITABLE
            assert placed(f"{kind}.{name}") == (kind, name)
    assert placed("key") == ("tracks", "key")
    assert (placed("nothing"), placed("nowhere.title"), placed("")) == (None, None, None)
