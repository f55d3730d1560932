"""What a person should see to: the same for status, for programs and for alerts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from musicsyncd.control.attention import MOST_ERRORS, PASSES, errors, failed_passes
from musicsyncd.errors import Denied, MusicsyncError, NeedsPerson, Undecided, Withheld
from musicsyncd.jobs.base import JobContext
from musicsyncd.jobs.figures import Pass, lately, passes
from musicsyncd.jobs.job import Lane
from musicsyncd.sync.engine import REQUEST, TRACK
from tests.control.door import Door, eventually


async def refuse(context: JobContext, args: Mapping[str, Any]) -> dict[str, Any] | None:
    raise NeedsPerson("Spotify has signed us out", fix="Run: musicsyncctl auth spotify")


async def succeed(context: JobContext, args: Mapping[str, Any]) -> dict[str, Any] | None:
    return {"tracks": [], "refused": [], "rungs": [], "scope": "next", "url": "", "dry_run": False}


async def ended(door: Door) -> list[Pass]:
    return await passes(door.operations.database, REQUEST, limit=50)


async def done(door: Door, kind: str, key: str, **args: Any) -> None:
    job = await door.jobs.enqueue(kind, args, key=key, lane=Lane.USER)

    async def is_over() -> bool:
        return not (await door.jobs.get(job.id)).state.active

    await eventually(is_over)


async def test_status_says_the_same_in_sentences_and_in_items(door: Door) -> None:
    """In one order, with keys that stay."""
    door.work.request = refuse
    await done(door, REQUEST, "incremental", scope="incremental")
    status = await door.get("/v1/status")
    (item,) = status["attention_items"]
    assert (item["key"], item["severity"], item["fix"]) == (
        "request:incremental",
        "error",
        "Run: musicsyncctl auth spotify",
    )
    assert status["attention"] == [
        "The last incremental sync failed: Spotify has signed us out. Run: musicsyncctl auth spotify."
    ]
    assert [one.key for one in await door.operations.findings()] == ["request:incremental"]


async def test_a_pass_that_failed_is_over_when_the_next_one_works(door: Door) -> None:
    """What a person asked for by itself, and a dry run, are no passes."""
    door.work.request = refuse
    await done(door, REQUEST, "url", scope="url")
    await done(door, REQUEST, "full dry", scope="full", dry_run=True)
    assert failed_passes(await ended(door)) == []
    await done(door, REQUEST, "full", scope="full")
    assert [one.scope for one in failed_passes(await ended(door))] == ["full"]
    door.work.request = succeed
    await done(door, REQUEST, "full", scope="full")
    assert failed_passes(await ended(door)) == []


async def test_a_pass_that_failed_is_not_over_because_others_came_after_it(door: Door) -> None:
    """The last of each scope counts, however many of another there were since."""
    door.work.request = refuse
    await done(door, REQUEST, "full|||", scope="full")
    door.work.request = succeed
    for _ in range(3):
        await done(door, REQUEST, "incremental|||", scope="incremental")
    seen = await passes(door.operations.database, REQUEST, limit=2, scopes=PASSES)
    assert [one.scope for one in failed_passes(seen)] == ["full"]


async def test_many_failed_tracks_are_counted(door: Door) -> None:
    """Of those that ended last, however long ago."""
    door.work.track = refuse
    for number in range(5):
        await done(door, TRACK, f"t{number}")
    door.work.track = succeed
    await done(door, TRACK, "t9")
    assert await lately(door.operations.database, TRACK, last=50) == (5, 6)
    failing, error = await door.operations.findings()
    assert failing.key == "jobs:failing"
    assert (error.key[:6], error.what, "Met by 5 tracks" in error.why) == ("error:", "Spotify has signed us out", True)
    for number in range(5):
        await done(door, TRACK, f"t{number}")
    assert [one.key for one in await door.operations.findings()] == []


async def test_what_stops_many_tracks_is_one_error_until_their_newest_jobs_end_well(door: Door) -> None:
    """By what is to be done; what is only to be decided is none; an older failure does not outlive a newer success."""
    kinds: list[MusicsyncError] = [Denied("song {} may not be read", why="Permission denied"), Undecided("Which is {}")]
    kinds += [Withheld("{} is for members"), NeedsPerson("Notion refuses {}", fix="Share the database")]

    async def refuse_each(context: JobContext, args: Mapping[str, Any]) -> dict[str, Any] | None:
        error = kinds[int(context.job.key) % len(kinds)]
        raise type(error)(error.what.format(context.job.key), why=error.why, fix=error.fix)

    door.work.track = refuse_each
    for number in range(12):
        await done(door, TRACK, str(number))
    found = await errors(door.operations.database)
    assert [(one.count, one.what) for one in found] == [(3, "song 8 may not be read"), (3, "Notion refuses 11")]
    assert await lately(door.operations.database, TRACK, last=50) == (6, 6)
    door.work.track = succeed
    for number in (0, 4, 8):
        await done(door, TRACK, str(number))
    assert [one.what for one in await errors(door.operations.database)] == ["Notion refuses 11"]
    assert len(found) <= MOST_ERRORS


async def test_alerts_where_nobody_watches(door: Door) -> None:
    """An empty list, and a test of no channel."""
    assert await door.get("/v1/alerts") == {"schema": "musicsyncd.alerts/1", "alerts": [], "channels": []}
    assert (await door.post("/v1/alerts/test"))["channels"] == []
