"""The section [notion]: ids in every form, a token that can be sent, names for fields that there are."""

from __future__ import annotations

import pytest
from pydantic import SecretStr, ValidationError

from musicsyncd.notion.section import NotionSection
from musicsyncd.settings import load

HEX = "27ce736100ab4cd2a1b0c3d4e5f66640"
DASHED = "27ce7361-00ab-4cd2-a1b0-c3d4e5f66640"
VIEW = "0" * 32


@pytest.mark.parametrize(
    "written",
    [
        HEX,
        HEX.upper(),
        f" {DASHED} ",
        f"https://www.notion.so/{HEX}",
        f"https://www.notion.so/team/Music-Tracks-{HEX}?v={VIEW}",
        f"https://app.notion.com/p/team/Music-Tracks-{HEX}?v={VIEW}&pvs=4#abc",
        f"https://team.notion.site/{DASHED}/",
        f"notion://www.notion.so/Beef-{HEX}",
    ],
)
def test_an_id_is_taken_from_whatever_people_copy(written: str) -> None:
    """Whatever the host, and never the view's."""
    assert NotionSection(tracks_db=written).tracks_db == DASHED


@pytest.mark.parametrize("written", ["x", HEX[:-1], f"{HEX}a", f"https://notion.so/?v={HEX}", "notion.so/", ".."])
def test_what_holds_no_id_is_refused(written: str) -> None:
    """At the start, with what would be right."""
    with pytest.raises(ValidationError, match="32 hexadecimal digits"):
        NotionSection(tracks_db=written)


def test_a_token_is_one_word() -> None:
    """Space around it goes; one that cannot stand in a header is refused, and not shown."""
    assert NotionSection(token=SecretStr(" ntn_a\n")).token.get_secret_value() == "ntn_a"
    for bad in ("ntn a", "ntn\na", "ntn_ø"):
        with pytest.raises(ValidationError, match="without spaces") as caught:
            NotionSection(token=SecretStr(bad))
        assert bad not in str(caught.value)


def test_the_token_goes_nowhere_in_the_clear() -> None:
    """https, or this machine."""
    with pytest.raises(ValidationError, match="https"):
        NotionSection(base_url="http://notion.example.org")
    assert NotionSection(base_url="http://127.0.0.1:8080/").base_url == "http://127.0.0.1:8080"


def test_names_for_fields() -> None:
    """A bare field is the tracks'; a field that there is not, and an empty name, are mistakes."""
    section = NotionSection(properties={"key": "Tonart", "playlists.title": "Liste"}, external_key="Id")
    assert section.names("tracks") == {"key": "Tonart", "external_key": "Id"}
    assert section.names("playlists") == {"title": "Liste"}
    assert section.names("tasks") == {}
    for wrong, told in (({"keey": "x"}, "no field"), ({"key": " "}, "empty name")):
        with pytest.raises(ValidationError, match=told):
            NotionSection(properties=wrong)


def test_databases_that_are_set() -> None:
    """By what they are for."""
    section = NotionSection(tracks_db=HEX, issues_db=HEX)
    assert section.databases() == {"tracks": DASHED, "issues": DASHED}


def test_older_variables_and_tables_in_variables() -> None:
    """The names that set-ups have already; a table as JSON or as TOML."""
    ids = {name: f"{number}" * 32 for number, name in enumerate(
        ("TRACKS_DB_ID", "ARTISTS_DB_ID", "PLAYLISTS_DB_ID", "AGENT_TASKS_DB_ID", "ISSUES_DB_ID", "CURSOR_MM1_AGENT_ID")
    )}  # fmt: skip
    notion = load(None, {"NOTION_TOKEN": "ntn_a", **ids}).settings.notion
    found = (notion.tracks_db, notion.artists_db, notion.playlists_db, notion.tasks_db, notion.issues_db,
             notion.tasks_assignee)  # fmt: skip
    assert [one.replace("-", "") for one in found] == list(ids.values())
    assert notion.token.get_secret_value() == "ntn_a"
    assert load(None, {"NOTION_API_KEY": "ntn_b"}).settings.notion.token.get_secret_value() == "ntn_b"
    for text in ('{"key": "Tonart"}', '{ key = "Tonart" }'):
        assert load(None, {"MUSICSYNCD_NOTION__PROPERTIES": text}).settings.notion.properties == {"key": "Tonart"}
