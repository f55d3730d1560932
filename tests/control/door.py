"""The control socket in this process: real queue and ledger behind it, scripted work, for tests that knock."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import anyio
import anyio.abc

from musicsyncd.catalog.memory import MemoryCatalog
from musicsyncd.clock import SystemClock
from musicsyncd.control.client import Client
from musicsyncd.control.messages import VolumeQuestion
from musicsyncd.control.messages_status import VolumesAnswer
from musicsyncd.control.operations import Operations
from musicsyncd.control.routes import application
from musicsyncd.control.socket import ControlSocket
from musicsyncd.control.status import DaemonFacts
from musicsyncd.database import Database
from musicsyncd.jobs.base import JobContext
from musicsyncd.jobs.job import Lane
from musicsyncd.jobs.worker import SqliteEngine
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.ledger.matches import Matches
from musicsyncd.ledger.schema import MIGRATIONS
from musicsyncd.library.memory import MemoryShelf
from musicsyncd.music.track import Track
from musicsyncd.sync.engine import REQUEST, TRACK
from musicsyncd.sync.look import Lookout

T = TypeVar("T")
Script = Callable[[JobContext, Mapping[str, Any]], Awaitable[dict[str, Any] | None]]


@dataclass
class Work:
    """What the queue's handlers do; a test changes them."""

    request: Script
    track: Script
    gate: anyio.Event = field(default_factory=anyio.Event)
    """What a job of the usual script waits for."""


@dataclass(frozen=True, kw_only=True)
class Door:
    """An open control socket and what stands behind it."""

    path: Path
    operations: Operations
    jobs: SqliteEngine
    ledger: Ledger
    work: Work
    tasks: anyio.abc.TaskGroup
    socket: ControlSocket

    @property
    def client(self) -> Client:
        return Client(str(self.path))

    async def get(self, resource: str) -> dict[str, Any]:
        """What the daemon's own client gets."""
        return await aside(lambda: self.client.get(resource))

    async def post(self, resource: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """What the daemon's own client is answered."""
        return await aside(lambda: self.client.post(resource, body))

    async def follow(self, job: str) -> list[tuple[str, dict[str, Any]]]:
        """Every event until the stream ends."""
        return await aside(lambda: list(self.client.events(f"/v1/events?job={job}")))

    async def ask(self, method: str, resource: str, body: bytes = b"", **headers: str) -> tuple[int, dict[str, Any]]:
        """Status and JSON of one raw HTTP/1.1 request."""
        heads = {"Host": "localhost", "Connection": "close", "Content-Length": str(len(body)), **headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in heads.items())
        answer = await aside(lambda: raw(self.path, f"{method} {resource} HTTP/1.1\r\n{head}\r\n".encode() + body))
        first, _, rest = answer.partition(b"\r\n")
        return int(first.split()[1]), json.loads(rest.partition(b"\r\n\r\n")[2])

    async def request(self) -> str:
        """Ask for something; the job's id."""
        job: str = (await self.post("/v1/sync", {"scope": "next"}))["jobs"][0]
        return job

    async def running(self) -> str:
        """Ask for something, and wait until it is under way and has told its first progress."""
        job = await self.request()

        async def told() -> bool:
            return bool((await self.jobs.get(job)).step)

        await eventually(told)
        return job


async def eventually(look: Callable[[], Awaitable[T]]) -> T:
    """What `look` answers as soon as that is true; TimeoutError after ten seconds."""
    with anyio.fail_after(10):
        while True:
            if found := await look():
                return found
            await anyio.sleep(0.005)


async def aside(work: Callable[[], T]) -> T:
    """In a thread, as another process would be."""
    return await anyio.to_thread.run_sync(work, abandon_on_cancel=True)


def raw(path: Path, request: bytes) -> bytes:
    """Everything that a connection answers until it is closed."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect(str(path))
        connection.sendall(request)
        parts = []
        while part := connection.recv(65536):
            parts.append(part)
        return b"".join(parts)


@asynccontextmanager
async def opened(folder: Path, socket_folder: Path) -> AsyncIterator[Door]:
    """A socket in `socket_folder` that answers until the end."""
    clock, work = SystemClock(), scripted()
    schemas = {"jobs": SqliteEngine.schema, "ledger": MIGRATIONS}
    database = await Database.open(folder / "m.db", schemas, backups=folder / "backups", clock=clock)
    jobs, ledger, shelf, catalog = (
        SqliteEngine(database, clock, {}),
        Ledger(database, clock),
        MemoryShelf(),
        MemoryCatalog(),
    )
    lookout = Lookout({shelf.target: shelf}, {catalog.target: catalog}, ledger)
    facts = DaemonFacts(
        version="1.2.3", mode="dev", pid=1, started_at=clock.now(), config="", state_dir=str(folder), log_file=""
    )
    operations = Operations(
        facts=facts,
        ledger=ledger,
        matches=Matches(database, clock),
        jobs=jobs,
        lookout=lookout,
        database=database,
        clock=clock,
    )

    class Volumes:
        async def add(self, question: VolumeQuestion) -> VolumesAnswer:
            return await operations.volumes()

        async def remove(self, name: str) -> VolumesAnswer:
            return await operations.volumes()

    door = ControlSocket(socket_folder / "c.sock", application(operations, Volumes(), "1.2.3"))
    door.bind()
    await jobs.start({REQUEST: lambda *a: work.request(*a), TRACK: lambda *a: work.track(*a)}, {Lane.USER: 2})
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(door.serve, name="door")
            yield Door(
                path=door.path, operations=operations, jobs=jobs, ledger=ledger, work=work, tasks=tasks, socket=door
            )
            await door.stop()
            tasks.cancel_scope.cancel()
    finally:
        await jobs.stop(0)
        await database.close()


def scripted() -> Work:
    """A request that waits at its gate and finds nothing; a track's job the same."""

    async def wait(context: JobContext, args: Mapping[str, Any]) -> dict[str, Any]:
        context.progress(0.5, "half of it", step="select")
        await work.gate.wait()
        return {"tracks": [], "refused": [], "rungs": [], "scope": "next", "url": "", "dry_run": False}

    work = Work(request=wait, track=wait)
    return work


def found(*jobs: tuple[str, str]) -> dict[str, Any]:
    """A request's result that names (track, job) pairs."""
    tracks = [
        {"track": track, "label": "A - B", "note": "", "job": job, "actions": [{"verb": "fetch"}]}
        for track, job in jobs
    ]
    return {"tracks": tracks, "refused": [], "rungs": [], "scope": "next", "url": "", "dry_run": False}


async def track_known(ledger: Ledger, title: str = "Tidal") -> str:
    """The id of a track in the ledger."""
    track = Track(title=title, artists=("Nina Vale",), source="folder", source_url=f"file:///{title}.wav")
    (recorded,) = await ledger.record_tracks([track])
    return recorded.id
