"""Every question is answered with JSON: what it asks for, or one sentence that says why not."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest

from musicsyncd import __version__
from musicsyncd.clock import SystemClock
from musicsyncd.control.client import VERSION_HEADER
from musicsyncd.control.routes import LARGEST_QUESTION
from musicsyncd.errors import BadInput, Permanent
from musicsyncd.jobs.base import JobContext
from musicsyncd.ledger.journal import Change
from musicsyncd.sync.engine import TRACK
from tests.control.door import Door, aside, eventually, raw, track_known


class Unix(http.client.HTTPConnection):
    """HTTP/1.1 as any client speaks it, over the socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=20)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(20)
        self.sock.connect(self._path)


async def test_one_connection_carries_many_questions(door: Door) -> None:
    """HTTP/1.1 keep-alive: the second question goes over the same socket, also after a refusal."""

    def ask() -> list[tuple[int, str]]:
        connection, answers = Unix(str(door.path)), []
        try:
            for resource in ("/v1/status", "/v1/nothing", "/v1/jobs"):
                connection.request("GET", resource)
                sock = connection.sock
                answer = connection.getresponse()
                answers.append((answer.status, json.loads(answer.read())["schema"]))
                assert connection.sock is sock, "the daemon hung up"
        finally:
            connection.close()
        return answers

    assert await aside(ask) == [(200, "musicsyncd.status/1"), (404, "musicsyncd.error/1"), (200, "musicsyncd.jobs/1")]


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl here")
async def test_curl_is_a_client(door: Door) -> None:
    """`curl --unix-socket` needs no more than the path, and two URLs share one connection."""
    argv = ["curl", "-sv", "--unix-socket", str(door.path), "http://localhost/v1/status", "http://localhost/v1/jobs"]
    done = await aside(lambda: subprocess.run(argv, capture_output=True, text=True, check=True))
    first, _, second = done.stdout.partition("}{")
    assert '"musicsyncd.status/1"' in first
    assert '"musicsyncd.jobs/1"' in second
    assert done.stderr.lower().count("re-using existing") == 1


async def test_every_answer_names_the_daemons_version(door: Door) -> None:
    """The client learns it from a header, refusals included, and can tell when the daemon is older."""
    for resource in ("/v1/status", "/v1/nothing"):
        head = await aside(lambda r=resource: raw(door.path, f"GET {r} HTTP/1.0\r\n\r\n".encode()))  # type: ignore[misc]
        assert f"{VERSION_HEADER}: 1.2.3".encode() in head
    client = door.client
    await aside(lambda: client.get("/v1/status"))
    assert client.daemon_version == "1.2.3" != __version__


BAD: dict[str, tuple[str, str, bytes, int, str]] = {
    "unknown route": ("GET", "/v1/nothing", b"", 404, "There is no GET /v1/nothing"),
    "slash too many": ("GET", "/v1/status/", b"", 404, "There is no GET /v1/status/"),
    "wrong method": ("DELETE", "/v1/status", b"", 405, "There is no DELETE /v1/status"),
    "no JSON": ("POST", "/v1/sync", b"{not json", 400, "The question was not understood"),
    "no UTF-8": ("POST", "/v1/sync", b'{"source": "\xff\xfe"}', 400, "The question was not understood"),
    "lone surrogate": ("POST", "/v1/sync", b'{"scope":"url","urls":["/\\udcff"]}', 400, "The question was not unders"),
    "no object": ("POST", "/v1/sync", b"[]", 400, "The question was not understood"),
    "unknown field": ("POST", "/v1/sync", b'{"scop": "next"}', 400, "scop"),
    "unknown scope": ("POST", "/v1/sync", b'{"scope": "all"}', 400, "scope"),
    "url without URLs": ("POST", "/v1/sync", b'{"scope": "url"}', 400, "wants at least one URL"),
    "playlist without one": ("POST", "/v1/sync", b'{"scope": "playlist"}', 400, "name of at least one"),
    "playlist of no name": ("POST", "/v1/sync", b'{"scope": "playlist", "urls": [" "]}', 400, "name of at least one"),
    "URLs without url": ("POST", "/v1/sync", b'{"scope": "full", "urls": ["/a"]}', 400, "URLs go with scope url"),
    "too many URLs": ("POST", "/v1/sync", json.dumps({"urls": ["/a"] * 1001}).encode(), 400, "urls"),
    "too long": ("POST", "/v1/sync", b" " * (LARGEST_QUESTION + 1), 400, f"longer than {LARGEST_QUESTION} bytes"),
    "limit in words": ("GET", "/v1/jobs?limit=ten", b"", 400, "limit must be a whole number"),
    "negative limit": ("GET", "/v1/tracks?limit=-1", b"", 400, "limit must be a whole number"),
    "limit of digits beyond ASCII": ("GET", "/v1/jobs?limit=%D9%A3%C2%B2", b"", 400, "limit must be a whole number"),
    "endless limit": ("GET", "/v1/jobs?limit=" + "9" * 5000, b"", 400, "limit must be a whole number"),
    "unknown state": ("GET", "/v1/jobs?state=asleep", b"", 400, "There is no job state 'asleep'"),
    "unknown job": ("GET", "/v1/jobs/zzz", b"", 404, "There is no job 'zzz'"),
    "unknown job's report": ("GET", "/v1/jobs/zzz/report", b"", 404, "There is no job 'zzz'"),
    "cancel an unknown job": ("POST", "/v1/jobs/zzz/cancel", b"", 404, "There is no job 'zzz'"),
    "retry an unknown job": ("POST", "/v1/jobs/zzz/retry", b"", 404, "There is no job 'zzz'"),
    "follow an unknown job": ("GET", "/v1/events?job=zzz", b"", 404, "There is no job 'zzz'"),
    "unknown track": ("GET", "/v1/tracks/zzz", b"", 404, "'zzz' is known by no track"),
    "retry an unknown track": ("POST", "/v1/tracks/zzz/retry", b"", 404, "'zzz' is known by no track"),
    "no step again": ("POST", "/v1/retry", b'{"everything": true}', 400, "Which step again?"),
    "unknown step": ("POST", "/v1/retry", b'{"step": "x", "track": "a"}', 400, "There is no step 'x' to do again"),
    "a step for nothing": ("POST", "/v1/retry", b'{"step": "tag"}', 400, "for one track, for those that"),
    "a step for two": ("POST", "/v1/retry", b'{"step": "tag", "query": "a", "everything": true}', 400, "for one track"),
    "a step for nobody": ("POST", "/v1/retry", b'{"step": "tag", "track": "zzz"}', 404, "'zzz' is known by no track"),
    "a volume without a name": ("POST", "/v1/volumes", b'{"path": "/a"}', 400, "name"),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_question_is_answered_with_one_sentence(door: Door, name: str) -> None:
    """JSON with class, sentence and exit code; never a page of HTML, never a 500."""
    method, resource, body, status, words = BAD[name]
    got, answer = await door.ask(method, resource, body)
    assert (got, answer["schema"], answer["exit_code"]) == (status, "musicsyncd.error/1", 1), answer
    assert words in f"{answer['error']['what']} {answer['error']['why']}"
    assert set(answer["error"]) == {"class", "what", "why", "fix"}


async def test_a_question_far_too_long_still_gets_its_answer(door: Door) -> None:
    """The client that is still sending when it is refused reads the sentence, not a broken pipe."""
    with pytest.raises(BadInput, match="longer than"):
        await door.post("/v1/sync", {"source": "x" * 30_000_000})


@pytest.mark.parametrize("way", ["tracks", "jobs"])
async def test_a_retry_looks_at_refused_candidates_anew(door: Door, way: str) -> None:
    """What stood against them may have been mended; who retries a track, or its job, wants to know."""
    track, matches = await track_known(door.ledger), door.operations.matches
    await matches.record(track, [{"url": "u", "verdict": "accept"}], None)
    await matches.refuse(track, "u", Permanent("Raise max_size").as_dict())
    job = await door.jobs.enqueue(TRACK, {"track": track}, key=track)
    await door.jobs.cancel(job.id)
    await door.post(f"/v1/{way}/{track if way == 'tracks' else job.id}/retry")
    assert (await matches.of(track)).tried == {}


async def test_a_fault_of_the_daemons_is_a_sentence_too(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any other exception, KeyError included, is 500 with JSON and one log line, and the next question is answered."""

    async def broken() -> dict[str, int]:
        raise KeyError("lost")

    monkeypatch.setattr(door.jobs, "counts", broken)
    status, answer = await door.ask("GET", "/v1/status")
    assert (status, answer["exit_code"]) == (500, 1)
    assert answer["error"]["what"] == "The daemon failed on this question"
    assert (await door.ask("GET", "/v1/jobs"))[0] == 200


async def test_jobs_and_tracks_are_found_by_the_beginning_of_their_ids(door: Door) -> None:
    """A few characters do while they fit one thing only; what is asked of it goes to that one."""
    track, job = await track_known(door.ledger), await door.request()
    assert (await door.get(f"/v1/tracks/{track[:4]}"))["label"] == "Nina Vale - Tidal"
    assert (await door.get(f"/v1/jobs/{job[:-1]}"))["id"] == job
    assert (await door.post(f"/v1/jobs/{job[:-1]}/cancel"))["state"] == "cancelled"
    assert (await door.get("/v1/jobs?state=cancelled,done&limit=5"))["jobs"][0]["id"] == job
    assert (await door.get("/v1/jobs?state=done"))["jobs"] == []
    assert (await door.post(f"/v1/jobs/{job}/retry"))["state"] in ("waiting", "running")
    (retried,) = (await door.post(f"/v1/tracks/{track[:4]}/retry"))["jobs"]
    assert (await door.get(f"/v1/jobs/{retried}"))["label"] == "Nina Vale - Tidal"


@pytest.mark.parametrize("of", ["its own", "a track's"])
async def test_an_operation_is_not_undone_before_its_end(door: Door, of: str) -> None:
    """Neither while its job is active nor while one of its tracks' is; cancelled as the refusal says, it is undone."""
    track, operation = await track_known(door.ledger), await door.request()
    if of == "a track's":
        later = SystemClock().now() + timedelta(hours=1)
        await door.jobs.enqueue(TRACK, {"track": track}, key=track, parent=operation, not_before=later)
        door.work.gate.set()

        async def ended() -> bool:
            return not (await door.jobs.get(operation)).state.active

        await eventually(ended)
    merged = Change(operation=operation, target="ledger", what="merged", after={"duplicate_of": track})
    await door.ledger.record_change(track, merged)
    status, answer = await door.ask("POST", "/v1/undo", json.dumps({"operation": operation}).encode())
    assert (status, answer["error"]["class"]) == (400, "BadInput")
    assert answer["error"]["what"].startswith(f"{operation} has not ended yet")
    assert f"musicsyncctl jobs cancel {operation}" in answer["error"]["fix"]
    await door.post(f"/v1/jobs/{operation}/cancel")
    (undo,) = (await door.post("/v1/undo", {"operation": operation}))["jobs"]
    assert (await door.get(f"/v1/jobs/{undo}"))["kind"] == "undo"


async def test_a_track_is_found_by_words(door: Door) -> None:
    """The query's words, in any order, and the limit."""
    ids = [await track_known(door.ledger, title) for title in ("Tidal", "Harbour", "Tidal Wave")]
    found = (await door.get("/v1/tracks?q=tidal%20vale"))["tracks"]
    assert {one["id"] for one in found} == {ids[0], ids[2]}
    assert len((await door.get("/v1/tracks?limit=2"))["tracks"]) == 2


async def test_a_database_that_was_moved_away_needs_a_person(door: Door, tmp_path: Path) -> None:
    """Status says what happened, what is lost and what to do, for as long as the path leads elsewhere."""
    path = tmp_path / "m.db"
    assert (await door.get("/v1/status"))["attention"] == []
    path.rename(tmp_path / "aside.db")
    (told,) = (await door.get("/v1/status"))["attention"]
    assert str(path) in told
    assert str(tmp_path / "backups") in told
    path.write_bytes(b"")
    assert (await door.get("/v1/status"))["attention"] == [told]
    path.unlink()
    (tmp_path / "aside.db").rename(path)
    assert (await door.get("/v1/status"))["attention"] == []


async def test_the_same_question_twice_is_one_job(door: Door) -> None:
    """Also when both arrive at once; another URL is another job."""
    same, other = {"scope": "url", "urls": ["/a", "/a"]}, {"scope": "url", "urls": ["/b"]}
    answers: list[Any] = []

    async def ask(body: dict[str, Any]) -> None:
        answers.append((await door.post("/v1/sync", body))["jobs"])

    async with anyio.create_task_group() as tasks:
        for body in (same, same, other):
            tasks.start_soon(ask, body)
    assert len({job for jobs in answers for job in jobs}) == 2


async def test_two_hundred_ask_at_once(door: Door) -> None:
    """Everyone is answered, and nothing is left open."""
    answers: list[str] = []
    limiter = anyio.CapacityLimiter(200)

    async def ask() -> None:
        answer = await anyio.to_thread.run_sync(lambda: door.client.get("/v1/status"), limiter=limiter)
        answers.append(answer["schema"])

    async with anyio.create_task_group() as tasks:
        for _ in range(200):
            tasks.start_soon(ask)
    assert answers == ["musicsyncd.status/1"] * 200


async def test_a_running_job_shows_how_far_it_is(door: Door) -> None:
    """Status lists it with its step until it ends."""

    async def step(context: JobContext, args: Any) -> None:
        context.progress(0.5, "half", step="download")
        await door.work.gate.wait()

    door.work.request = step
    await door.running()
    (shown,) = (await door.get("/v1/status"))["running"]
    assert (shown["step"], shown["label"]) == ("download", "next")
    door.work.gate.set()

    async def over() -> bool:
        return not (await door.get("/v1/status"))["running"]

    await eventually(over)
