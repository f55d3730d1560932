"""The event stream: heard from the first instant, ended by a report, and nothing left behind by who goes away."""

from __future__ import annotations

import asyncio
import gc
import itertools
import socket
from collections.abc import AsyncIterator, Mapping
from typing import Any

import anyio
import pytest

from musicsyncd.control import routes as door_room
from musicsyncd.errors import Permanent, Temporary
from musicsyncd.jobs.base import JobContext
from musicsyncd.jobs.job import JobState, Lane
from musicsyncd.sync.engine import TRACK
from tests.control.door import Door, aside, eventually, found, raw, track_known


def listeners(door: Door) -> int:
    """How many still listen to the queue."""
    gc.collect()
    return len(door.jobs._events._listeners)


async def until_listened_to(door: Door, count: int) -> None:
    """Wait for so many listeners."""
    with anyio.fail_after(10):
        while listeners(door) != count:  # noqa: ASYNC110
            await anyio.sleep(0.01)


async def test_a_stream_begins_with_a_comment_and_ends_with_the_report(door: Door) -> None:
    """As server-sent events: a client knows at once that it is listened to, and what came of it is said last."""
    job, answer = await door.request(), bytearray()

    async def listen() -> None:
        request = f"GET /v1/events?job={job} HTTP/1.0\r\n\r\n".encode()
        answer.extend(await aside(lambda: raw(door.path, request)))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(listen)
        await until_listened_to(door, 1)
        door.work.gate.set()
    head, _, body = bytes(answer).partition(b"\r\n\r\n")
    assert b"content-type: text/event-stream" in head
    assert body.startswith(b": musicsyncd\n\n")
    last = body.rstrip().split(b"\n\n")[-1]
    assert last.startswith(b"event: report\ndata: {")
    assert b'"schema": "musicsyncd.report/1"' in last
    assert listeners(door) == 0


async def test_a_request_is_followed_through_its_tracks(door: Door) -> None:
    """The jobs that it leads to are followed too, each event with a label for people, until the last has ended."""
    track = await track_known(door.ledger)

    async def request(context: JobContext, args: Mapping[str, Any]) -> dict[str, Any]:
        child = await door.jobs.enqueue(TRACK, {"track": track}, key=track, lane=Lane.USER, parent=context.job.id)
        return found((track, child.id))

    door.work.request = request
    job = await door.request()
    async with anyio.create_task_group() as tasks:
        heard: list[tuple[str, dict[str, Any]]] = []

        async def follow() -> None:
            heard.extend(await door.follow(job))

        tasks.start_soon(follow)
        await until_listened_to(door, 1)
        door.work.gate.set()
    *events, (name, report) = heard
    assert name == "report"
    assert (report["settled"], report["exit_code"], report["state"]) == (True, 0, "done")
    assert report["tracks"][0]["details"]["label"] == "Nina Vale - Tidal"
    (label,) = [data["label"] for name, data in events if name == "ended" and data["kind"] == TRACK]
    assert label in ("A - B", "Nina Vale - Tidal"), (
        "as the request named it, or as the ledger does before that has ended"
    )


async def test_two_follow_at_once_and_a_third_hears_everything(door: Door) -> None:
    """Each follower has every event; one that follows no job hears of all."""
    job = await door.running()
    heard: dict[str, list[tuple[str, dict[str, Any]]]] = {}

    async def follow(name: str) -> None:
        heard[name] = await door.follow(job)

    async def overhear() -> None:
        heard["all"] = await aside(lambda: list(itertools.islice(door.client.events("/v1/events"), 1)))

    async with anyio.create_task_group() as tasks:
        for task in (lambda: follow("one"), lambda: follow("two"), overhear):
            tasks.start_soon(task)
        await until_listened_to(door, 3)
        door.work.gate.set()
    assert [name for name, _ in heard["one"]] == [name for name, _ in heard["two"]]
    assert heard["one"][-1][0] == "report"
    assert heard["all"][0][1]["job"] == job


async def test_what_has_ended_already_is_answered_at_once(door: Door) -> None:
    """Following an ended job waits for nothing: the report is the only event."""
    door.work.gate.set()
    job = await door.request()

    async def ended() -> bool:
        return (await door.jobs.get(job)).state is JobState.DONE

    await eventually(ended)
    with anyio.fail_after(10):
        assert [name for name, _ in await door.follow(job)] == ["report"]


async def test_a_failure_is_reported_with_its_own_exit_code(door: Door) -> None:
    """The report of a failed request says why."""

    async def fail(context: JobContext, args: Mapping[str, Any]) -> None:
        raise Permanent("There is no such song", fix="Look again")

    door.work.request = fail
    name, report = (await door.follow(await door.request()))[-1]
    assert (name, report["state"], report["exit_code"]) == ("report", "failed", 1)
    assert report["reason"]["what"] == "There is no such song"
    assert report["summary"] == "There is no such song. Look again."


async def test_what_is_put_back_for_later_is_not_waited_for(door: Door) -> None:
    """A try that is due in an hour ends the waiting with exit code 5, settled for now, and with the reason."""

    async def later(context: JobContext, args: Mapping[str, Any]) -> None:
        raise Temporary("The service asks for patience", delay=3600)

    door.work.request = later
    with anyio.fail_after(10):
        _, report = (await door.follow(await door.request()))[-1]
    assert (report["exit_code"], report["state"], report["settled"]) == (5, "waiting", True)
    assert report["reason"]["what"] == "The service asks for patience"


async def test_a_report_before_the_end_is_no_success(door: Door) -> None:
    """What still runs is neither settled nor exit code 0: who asks too early, or is cut off, is told so."""
    job = await door.running()
    report = await door.get(f"/v1/jobs/{job}/report")
    assert (report["settled"], report["exit_code"]) == (False, 5)
    door.work.gate.set()
    report = (await door.follow(job))[-1][1]
    assert (report["settled"], report["exit_code"]) == (True, 0)


async def test_a_daemon_that_stops_ends_its_streams(door: Door) -> None:
    """The follower gets a report that says that it is not over, instead of a silence."""
    job, heard = await door.request(), []

    async def follow() -> None:
        heard.extend(await door.follow(job))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(follow)
        await until_listened_to(door, 1)
        with anyio.fail_after(10):
            await door.jobs.stop(0)
    name, report = heard[-1]
    assert (name, report["settled"], report["exit_code"]) == ("report", False, 5)


@pytest.mark.parametrize("of_a_job", [True, False])
async def test_who_goes_away_leaves_nothing_behind(door: Door, of_a_job: bool) -> None:
    """Neither task nor listener, also while nothing happens; and the others go on."""
    job = await door.running()
    before = {task.get_name() for task in asyncio.all_tasks()}
    resource = f"/v1/events?job={job}" if of_a_job else "/v1/events"

    def come_and_go() -> bytes:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            connection.connect(str(door.path))
            connection.sendall(f"GET {resource} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            return connection.recv(65536)

    for _ in range(3):
        assert (await aside(come_and_go)).startswith(b"HTTP/1.1 200")
    await until_listened_to(door, 0)
    with anyio.fail_after(10):
        while {task.get_name() for task in asyncio.all_tasks()} - before:  # noqa: ASYNC110
            await anyio.sleep(0.01)
    assert (await door.get(f"/v1/jobs/{job}"))["state"] == "running"


async def test_a_stream_is_closed_before_its_reader_is_gone() -> None:
    """Also when what it has to tidy up takes a while, and although the going itself is a cancellation."""
    tidied: list[bool] = []

    async def stream() -> AsyncIterator[tuple[str, dict[str, Any]]]:
        try:
            yield "started", {}
            await anyio.sleep_forever()
        finally:
            await asyncio.sleep(0.02)
            tidied.append(True)

    async with anyio.create_task_group() as tasks:
        async for line in door_room._lines(stream()):
            if line.startswith(b"event: started"):
                tasks.cancel_scope.cancel()
    assert tidied == [True]


async def test_silence_is_broken_by_comments(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """While nothing happens a comment comes now and then, and loses no event."""
    monkeypatch.setattr(door_room, "HEARTBEAT", 0.02)
    job = await door.request()

    async def open_the_gate() -> None:
        await until_listened_to(door, 1)
        await anyio.sleep(0.2)
        door.work.gate.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(open_the_gate)
        body = await aside(lambda: raw(door.path, f"GET /v1/events?job={job} HTTP/1.0\r\n\r\n".encode()))
    assert body.count(b": still here\n\n") >= 2
    assert b"event: ended\n" in body
    assert b"event: report\n" in body
