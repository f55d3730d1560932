"""What Notion refuses of a row, and what that says of other rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.catalog.notion_house import HastyClock, House, house, kept, song
from tests.fakes.notion import NotionFake
from tests.fakes.notion_faults import Asked, refused
from tests.fakes.notion_music import music_workspace


@pytest.fixture
def clock() -> HastyClock:
    return HastyClock()


@pytest.fixture
def fake(clock: HastyClock) -> Iterator[NotionFake]:
    with NotionFake(clock=lambda: clock.now().timestamp()) as found:
        yield found
    assert found.faults == []


def refuse(fake: NotionFake, message: str, where: Callable[[Asked], bool]) -> None:
    """From now on it answers so."""
    serve = fake._answer

    def answer(asked: Asked, headers: Any) -> Any:
        return refused(400, "validation_error", message) if where(asked) else serve(asked, headers)

    fake._answer = answer  # type: ignore[method-assign]


def says(asked: Asked, name: str, words: str) -> bool:
    given = (asked.body or {}).get("properties", {}) if asked.writes else {}
    return words in json.dumps(given.get(name, ""))


async def albums(stands: House, clock: HastyClock, given: list[str]) -> list[str]:
    for number, album in enumerate(given):
        await kept(stands.catalog, clock, f"track{number}", song(number, album=album))
    rows = {row["Title"]: row["Album"] for row in stands.fake.pages(stands.catalog.book.database)}
    return [rows[f"Song {number}"] or "" for number in range(len(given))]


BODY = "body failed validation: body.properties.Album.rich_text[0].text.content should be fine."


async def test_a_refused_value_is_left_out_of_its_row_only(fake: NotionFake, clock: HastyClock) -> None:
    """It is told, and not tried at every look."""
    workspace = music_workspace(fake)
    async with house(fake, workspace.tracks, clock=clock) as stands:
        refuse(fake, BODY, lambda asked: says(asked, "Album", "Poison"))
        found = []
        for number, album in enumerate(["Poison", "One", "Two"]):
            done = await kept(stands.catalog, clock, f"track{number}", song(number, album=album))
            found.append(fake.page(done.id)["Album"] or "")
            assert ("album" in (done.written or {})) == (album != "Poison")
        assert found == ["", "One", "Two"]
        assert list(await stands.catalog.unable()) == ["Album"]
        fake.requests.clear()
        (page,) = await stands.mirror.pages_with("notion", "_track", "track0")
        read = await stands.catalog.read(page)
        assert read is not None
        assert stands.catalog.lacks(song(0, album="Poison"), read) == ()
        assert stands.catalog.lacks(song(0, album="Cure"), read) == ("album",)


@pytest.mark.parametrize("message", [BODY, "Album is expected to be number."])
async def test_a_property_that_takes_nothing_is_left_out_of_every_row(
    fake: NotionFake, clock: HastyClock, message: str
) -> None:
    """After two values of it were refused, or one because of its kind."""
    workspace = music_workspace(fake)
    async with house(fake, workspace.tracks, clock=clock) as stands:
        refuse(fake, message, lambda asked: says(asked, "Album", "Album "))
        for number in range(4):
            await kept(stands.catalog, clock, f"track{number}", song(number, album=f"Album {number}"))
        tried = [one for one in fake.requests if one.asked.writes and says(one.asked, "Album", "Album ")]
        assert len(tried) == (2 if message == BODY else 1)


@pytest.mark.parametrize(
    "message", ["Can't edit block that is archived. You must unarchive the block before editing.", ""]
)
async def test_a_row_thrown_away_while_it_is_written(fake: NotionFake, clock: HastyClock, message: str) -> None:
    """It was taken out; other rows get their new options all the same."""
    workspace = music_workspace(fake)
    async with house(fake, workspace.tracks, clock=clock) as stands:
        row = await kept(stands.catalog, clock, "track0", song(0))

        def meanwhile(asked: Asked) -> bool:
            if asked.method == "PATCH" and not fake.page(row.id).in_trash:
                fake.trash(row.id)
            return bool(message) and asked.method == "PATCH"

        refuse(fake, message, meanwhile)
        done = await stands.catalog.publish("track0", song(0, bpm=99.0, genre="Brandnew"), known=row.id)
        assert (done.id, done.changed) == (row.id, ())
        assert await stands.catalog.verify(done.id)
        other = await kept(stands.catalog, clock, "track1", song(1, genre="Other new"))
        assert fake.page(other.id)["Genre"] in ("Other new", ["Other new"])


@pytest.mark.parametrize("told", [("select", ["Yes", "No"]), "rich_text"])
async def test_a_flag_that_is_kept_as_a_word(fake: NotionFake, clock: HastyClock, told: Any) -> None:
    """A no is one, in whatever kind of property: the row asks for its track, and afterwards says yes."""
    workspace = music_workspace(fake)
    fake.retype_property(workspace.tracks, "Downloaded", told)
    made = fake.row(workspace.tracks, {"Title": "Song 0", "SoundCloud URL": "https://soundcloud.com/a/t0",
                                       "Downloaded": "No"})  # fmt: skip
    fake.row(workspace.tracks, {"Title": "Had", "Downloaded": "Yes"})
    async with house(fake, workspace.tracks, clock=clock) as stands:
        await stands.catalog.freshen()
        assert [one.row.page async for some in stands.mirror.open("notion") for one in some] == [made]
        await kept(stands.catalog, clock, "track0", song(0))
        assert fake.page(made)["Downloaded"] == "Yes"
        fake.requests.clear()
        assert (await stands.catalog.publish("track0", song(0), known=made)).changed == ()
