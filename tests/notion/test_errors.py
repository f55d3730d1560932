"""What each kind of trouble at Notion means: the whole table, from real answers through the real client."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator

import pytest

from musicsyncd.errors import BadInput, MusicsyncError, NeedsPerson, Permanent, Temporary, from_dict
from musicsyncd.notion.errors import (
    Ambiguous,
    BlockLimit,
    Gone,
    NotAllowed,
    Refused,
    RowLimit,
    properties_in,
    translated,
)
from tests.fakes.notion_faults import Answer, refused
from tests.notion.house import House, Odd, house

SECRET = "ntn_canary5f1e"


@pytest.fixture
def fake() -> Iterator[Odd]:
    with Odd() as fake:
        yield fake


@pytest.fixture
async def at(fake: Odd) -> AsyncIterator[House]:
    async with house(fake) as at:
        yield at


async def read(at: House) -> MusicsyncError:
    """What a reader is told."""
    with pytest.raises(MusicsyncError) as caught:
        await at.notion.page("0" * 32)
    return caught.value


async def write(at: House) -> MusicsyncError:
    """What a writer is told."""
    with pytest.raises(MusicsyncError) as caught:
        await at.notion.create_page("0" * 32, {"Title": {"title": []}})
    return caught.value


CLIENT = (
    "invalid_json", "invalid_request_url", "invalid_request", "invalid_grant", "validation_error", "missing_version",
    "invalid_beta", "never_heard_of",
)  # fmt: skip
TABLE = [
    *[(400, code, Refused, Refused) for code in CLIENT],
    (401, "unauthorized", NotAllowed, NotAllowed),
    (403, "restricted_resource", NotAllowed, NotAllowed),
    (404, "object_not_found", Gone, Gone),
    (409, "row_limit_exceeded", RowLimit, RowLimit),
    (413, "validation_error", Refused, Refused),
    (418, "", Refused, Refused),
    (429, "rate_limited", Temporary, Temporary),
    (500, "internal_server_error", Temporary, Ambiguous),
    (502, "", Temporary, Ambiguous),
    (503, "service_unavailable", Temporary, Ambiguous),
    (503, "database_connection_unavailable", Temporary, Ambiguous),
    (504, "gateway_timeout", Temporary, Ambiguous),
    (529, "service_overload", Temporary, Temporary),
    (301, "", Permanent, Permanent),
]


@pytest.mark.parametrize(("status", "code", "for_readers", "for_writers"), TABLE)
async def test_each_answer_means_one_thing(
    fake: Odd, at: House, status: int, code: str, for_readers: type[MusicsyncError], for_writers: type[MusicsyncError]
) -> None:
    """The class says what happens next; the code is found in the body also where notion_client knows it not."""
    wait = {"Retry-After": "3600"} if status in (429, 529, 500, 502, 503, 504) else {}
    fake.answer = refused(status, code or "x", "Something is wrong.", wait)
    error = await read(at)
    assert type(error) is for_readers
    if status < 429 and status != 301:
        assert code in str(error)
    await at.clock.advance(1e6)
    assert type(await write(at)) is for_writers
    assert SECRET not in str(error)


async def test_a_conflict_is_tried_again_and_then_temporary(fake: Odd, at: House) -> None:
    """Somebody else was writing: nothing was done, so a write may go again, after a moment."""

    fake.answer = refused(409, "conflict_error", "Conflict occurred while saving.")
    assert type(await write(at)) is Temporary
    assert at.notion.counts["create_page"] == 4


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, "<html>Just a moment</html>", content_type="text/html"),
        Answer(200, "[1, 2]"),
        Answer(200, ""),
        Answer(200, '{"object": "page'),
        Answer(502, "<html>Bad gateway</html>", {"Retry-After": "3600"}, content_type="text/html"),
    ],
    ids=["html", "list", "empty", "cut json", "502 html"],
)
async def test_an_answer_that_makes_no_sense(fake: Odd, at: House, answer: Answer) -> None:
    """For a reader another try; whether a write was done nobody knows."""
    fake.answer = answer
    assert type(await read(at)) is Temporary
    await at.clock.advance(1e6)
    assert type(await write(at)) is Ambiguous


@pytest.mark.parametrize("kind", ["drop", "cut"])
async def test_a_connection_that_breaks(fake: Odd, at: House, kind: str) -> None:
    """After the question went out it may have been done."""
    fake.answer = Answer(how=kind, text='{"object": "page"}')
    assert type(await read(at)) is Temporary
    await at.clock.advance(1e6)
    assert type(await write(at)) is Ambiguous


async def test_no_answer_in_time(fake: Odd) -> None:
    """The same; and the words say what was waited for."""
    async with house(fake, timeout=0.2) as at:
        fake.answer = Answer(how="hang")
        assert type(error := await write(at)) is Ambiguous
        assert "did not answer in time" in str(error)
        assert type(await read(at)) is Temporary


async def test_nobody_there(fake: Odd) -> None:
    """Nothing was sent: a write was not done, and may simply be tried again."""
    async with house(fake, base_url="http://127.0.0.1:9") as at:
        assert type(error := await write(at)) is Temporary
        assert "No connection could be made" in str(error)


async def test_an_answer_without_end_is_not_read(fake: Odd, at: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound it is dropped."""
    monkeypatch.setattr("musicsyncd.notion.client.LARGEST", 1000)
    fake.answer = Answer(200, json.dumps({"object": "page", "id": "x" * 2000}))
    assert "does not end" in str(await read(at))


async def test_limits_that_no_waiting_lifts(fake: Odd, at: House) -> None:
    """The block limit comes as 403, the row limit as 409; both want a person, and say which."""
    ws = fake.database("Tracks", {"Title": "title"})
    for kind, cls in (("block_limit", BlockLimit), ("row_limit", RowLimit)):
        fake.fail(kind)
        with pytest.raises(cls) as caught:
            await at.notion.create_page(ws.data_source_id, {"Title": {"title": []}})
        assert isinstance(caught.value, NeedsPerson)
        assert caught.value.fix
    assert fake.pages(ws) == []


async def test_a_refusal_names_its_property(fake: Odd, at: House) -> None:
    """As the live schema makes Notion say it."""
    tracks = fake.database("Tracks", {"Title": "title", "Key": "number"})
    for named in ("Key", "Source Agent"):
        with pytest.raises(Refused) as caught:
            await at.notion.create_page(tracks.data_source_id, {named: {"rich_text": []}})
        assert caught.value.property == named
        assert caught.value.code == "validation_error"
    assert fake.faults == []


@pytest.mark.parametrize(
    ("message", "names"),
    [
        ("Key is expected to be number.", ("Key",)),
        ("Value is expected to be rich_text. Link is expected to be files.", ("Value", "Link")),
        ("Audio Duration (seconds) is expected to be number.", ("Audio Duration (seconds)",)),
        ("Source Agent is not a property that exists.", ("Source Agent",)),
        ("Content creation Failed. Fix the following: \nGenre is expected to be multi_select.", ("Genre",)),
        (
            "body failed validation. Fix one:\nbody.properties.Call Count.title should be defined, instead was "
            '`undefined`.\nbody.properties.Call Count.number should be a number or `null`, instead was `"1"`.',
            ("Call Count",),
        ),
        (
            "body failed validation: body.properties.Artist Name.rich_text[0].text.content.length should be ≤ `2000`, "
            "instead was `2001`.",
            ("Artist Name",),
        ),
        ("body failed validation: body.properties.Year.number should be a number", ("Year",)),
        ("Could not find property with name or id: External Key", ("External Key",)),
        ("Could not find property with name or id: External Key.", ("External Key",)),
        ('Status: Invalid status option. Status option "Done" does not exist.', ("Status",)),
        ("body failed validation: body.parent should be defined, instead was `undefined`.", ()),
        ("", ()),
    ],
)
def test_which_property_is_meant(message: str, names: tuple[str, ...]) -> None:
    """Each of the forms in which Notion says it, each name once and in its order."""
    assert properties_in(message) == names


def test_elsewhere_an_error_goes_by_what_happens_next() -> None:
    """Through a queue or a socket a local class is the one that everybody knows, with its sentences."""
    for error, cls in (
        (Ambiguous("a", delay=5, why="b"), Temporary),
        (Refused("a", properties=("Key",)), Permanent),
        (Gone("a", fix="c"), Permanent),
        (NotAllowed("a", status=401), NeedsPerson),
        (RowLimit("a"), NeedsPerson),
        (BlockLimit("a"), NeedsPerson),
    ):
        back = from_dict(json.loads(json.dumps(error.as_dict())))
        assert type(back) is cls
        assert str(back) == str(error)


def test_an_error_of_ours_stays_what_it_is() -> None:
    """Translating twice does no harm."""
    error = BadInput("a")
    assert translated(error) is error
