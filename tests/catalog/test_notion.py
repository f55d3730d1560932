"""The catalog in Notion under the contract, and what only Notion can do to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from musicsyncd.catalog.base import Catalog
from musicsyncd.catalog.notion_fields import told
from musicsyncd.notion.fields import TRACKS
from tests.catalog.contract import EditedCatalogContract
from tests.catalog.notion_house import ROOTS, House, house
from tests.fakes.notion import Database, NotionFake

LEAN: dict[str, Any] = {
    "Title": "title",
    "Artist Name": "rich_text",
    "Album": "rich_text",
    "Genre": ("select", ["House"]),
    "Tempo": "number",
    "Key": "rich_text",
    "Downloaded": "checkbox",
    "M4A File Path": "rich_text",
    "Rating": "number",
    "External Key": "rich_text",
}


@pytest.fixture
def fake() -> Iterator[NotionFake]:
    with NotionFake() as found:
        yield found
    assert found.faults == []


class TestNotion(EditedCatalogContract):
    """The contract, in a database with few properties."""

    @pytest.fixture
    def tracks(self, fake: NotionFake) -> Database:
        return fake.database("Tracks", LEAN)

    @pytest.fixture
    async def stands(self, fake: NotionFake, tracks: Database) -> AsyncIterator[House]:
        async with house(fake, tracks) as found:
            yield found

    @pytest.fixture
    def catalog(self, stands: House) -> Catalog:
        return stands.catalog

    def reads(self, fields: dict[str, Any]) -> dict[str, Any]:
        values = told(fields, ROOTS)
        kinds = {field: name for name in LEAN for field, one in TRACKS.items() if name in one.names}
        found = {}
        for field, value in values.items():
            if field in kinds:
                found[field] = value or None if isinstance(value, str) else value
        return found

    async def edit(self, catalog: Catalog, row_id: str, **fields: Any) -> None:
        names = {"title": "Title", "downloaded": "Downloaded", "key": "Key"}
        self.house.fake.edit(row_id, {names[name]: value for name, value in fields.items()})
        await self.house.catalog.book.freshen(within=0)

    @pytest.fixture(autouse=True)
    def _here(self, stands: House) -> None:
        self.house = stands


class TestAdopted:
    """A row of the past, which older programs filled."""

    async def test_what_others_left_in_our_fields_stays_until_we_have_something_to_say(self, fake: NotionFake) -> None:
        """A path that we know nothing of is no lie of ours; one that we wrote ourselves is taken back."""
        tracks = fake.database("Tracks", LEAN | {"WAV File Path": "rich_text", "Spotify ID": "rich_text"})
        old = {
            "Title": "Jóga",
            "Spotify ID": "4" * 22,
            "M4A File Path": "/old/Jóga.m4a",
            "WAV File Path": "/old/Jóga.wav",
        }
        page = fake.row(tracks, old)
        fields = {"title": "Jóga", "identities": [f"spotify:track:{'4' * 22}"], "files": ["main:Jóga.m4a"]}
        async with house(fake, tracks) as stands:
            first = await stands.catalog.publish("k1", fields, known=None)
            row = await stands.catalog.verify(page)
            assert (first.id, first.created) == (page, False)
            assert row is not None
            assert stands.catalog.lacks(fields, row) == ()
            assert fake.page(page)["M4A File Path"] == "/vol/main/Jóga.m4a"
            assert fake.page(page)["WAV File Path"] == "/old/Jóga.wav"
            await stands.catalog.publish("k1", fields | {"files": []}, known=page)
            assert (fake.page(page)["M4A File Path"], fake.page(page)["WAV File Path"]) == ("", "/old/Jóga.wav")
