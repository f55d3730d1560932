"""A whole house in memory: sources, shelves, catalog and audio are twins; ledger, queue and engine are real."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio

from musicsyncd.catalog.base import Fields, Published
from musicsyncd.catalog.memory import MemoryCatalog
from musicsyncd.clock import ManualClock
from musicsyncd.database import MEMORY, Database
from musicsyncd.errors import Permanent, Temporary, Undecided
from musicsyncd.jobs.job import Job, JobFilter, JobState, Lane
from musicsyncd.jobs.rows import SCHEMA
from musicsyncd.jobs.worker import SqliteEngine
from musicsyncd.ledger.entry import Entry
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.ledger.matches import Matches
from musicsyncd.ledger.mirror import Mirror
from musicsyncd.ledger.schema import MIGRATIONS
from musicsyncd.library.base import Condition, Kept, Placed, Shelf, Staged
from musicsyncd.library.memory import MemoryShelf
from musicsyncd.library.recycle import RECYCLE
from musicsyncd.music.identity import Identity
from musicsyncd.music.playlist import Playlist
from musicsyncd.music.track import Track
from musicsyncd.pipeline.analyze import Analyze
from musicsyncd.pipeline.download import Download
from musicsyncd.pipeline.match import Fetch, Match
from musicsyncd.pipeline.publish import Publish
from musicsyncd.pipeline.rehear import Rehear
from musicsyncd.pipeline.retag import Retag
from musicsyncd.pipeline.shelve import Shelve
from musicsyncd.pipeline.tag import Tag
from musicsyncd.pipeline.transcode import Transcode
from musicsyncd.pipeline.waveforms import Waveforms
from musicsyncd.pipeline.words import Words
from musicsyncd.sources.base import Found, Progress, Source, Supplied
from musicsyncd.sources.memory import MemorySource
from musicsyncd.sources.rows import RowsSource
from musicsyncd.sync.batch import Batches
from musicsyncd.sync.engine import REQUEST, SyncEngine
from musicsyncd.sync.forgetting import FORGET, Forgetter
from musicsyncd.sync.keepers import Keepers
from musicsyncd.sync.look import Lookout
from musicsyncd.sync.merging import APPLY, MERGE, PLAN, Merger
from musicsyncd.sync.reconcile import Reconciler
from musicsyncd.sync.reprocess import Reprocess
from musicsyncd.sync.request import RetryRequest, Scope, SyncRequest
from musicsyncd.sync.undoing import UNDO, Undoer
from tests.fakes.audio import FakeAudio, sound
from tests.fakes.gate import Gate

ACTIVE = frozenset({JobState.WAITING, JobState.RUNNING})
MAIN, SECOND = "volume:main", "volume:second"


def song(name: str, **more: Any) -> Track:
    """A track that the memory source can offer; it lasts 200 s."""
    track = Track(
        title=f"Song {name}",
        artists=("Ada Voss",),
        duration=200.0,
        source="memory",
        source_url=f"memory:{name}",
        identities=(Identity("memory", name),),
    )
    return replace(track, **more)


class Offers(MemorySource):
    """A source to which tracks can be added, newest first."""

    def __init__(self, gate: Gate) -> None:
        super().__init__({})
        self.gate = gate
        self.silent = False
        """Whether it offers nothing by itself."""
        self.playlists: tuple[Playlist, ...] = ()
        """What it says of its lists whenever it is asked."""
        self.broken: set[str] = set()
        """Addresses behind which there is nothing any more."""
        self.undecided: set[str] = set()
        """Addresses of which only a person can say what is meant."""
        self.later: set[str] = set()
        """Addresses that are to be asked for an hour later."""

    def offer(self, track: Track, audio: bytes) -> None:
        self._tracks.pop(track.source_url, None)
        self._tracks = {track.source_url: (track, audio)} | self._tracks

    def audio(self, track: Track) -> bytes:
        """What it would supply for this track."""
        return self._tracks[track.source_url][1]

    def take_back(self, track: Track) -> None:
        del self._tracks[track.source_url]

    async def list(self, *, limit: int | None = None) -> Found:
        async with self.gate.way("list"):
            found = Found() if self.silent else await super().list(limit=limit)
            return replace(found, playlists=self.playlists)

    async def supply(self, track: Track, folder: Path, progress: Progress) -> Supplied:
        async with self.gate.way("supply"):
            if track.source_url in self.broken:
                raise Permanent(f"{track.label} is gone")
            if track.source_url in self.undecided:
                raise Undecided(f"It may be {track.label}, and it may not")
            if track.source_url in self.later:
                raise Temporary("Come again later", delay=3600, counts=False)
            return await super().supply(track, folder, progress)


class CountingShelf(MemoryShelf):
    """Counts what is written on it."""

    def __init__(self, name: str, gate: Gate, formats: Sequence[str]) -> None:
        super().__init__(name, formats=formats)
        self.gate, self.writes = gate, 0

    def write(self, path: str, data: bytes) -> None:
        self.writes += 1
        super().write(path, data)

    async def place(self, staged: Staged, wanted: str, *, tie_breaker: str, replaces: Kept | None = None) -> Placed:
        async with self.gate.way("place"):
            return await super().place(staged, wanted, tie_breaker=tie_breaker, replaces=replaces)

    def standing(self) -> dict[str, bytes]:
        """Files outside the recycle area."""
        return {path: data for path, data in self.files.items() if not path.startswith(RECYCLE)}


class GatedCatalog(MemoryCatalog):
    """Can be stopped in the middle of a publication."""

    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self.gate = gate

    async def publish(self, key: str, fields: Fields, *, known: str | None) -> Published:
        async with self.gate.way("publish"):
            return await super().publish(key, fields, known=known)


class House:
    """Everything, joined; made by `house`."""

    def __init__(
        self,
        database: Database,
        clock: ManualClock,
        staging: Path,
        optional: Collection[str] = (),
        *,
        leave_out: bool = True,
        rows: bool = False,
    ) -> None:
        self.database, self.clock, self.staging, self.optional = database, clock, staging, optional
        self.leave_out, self.most_files, self.most_reconciled = leave_out, 500, 500
        self.gate = Gate()
        self.source = Offers(self.gate)
        self.main = CountingShelf("main", self.gate, ("alac", "wav"))
        self.second = CountingShelf("second", self.gate, ("alac",))
        self.catalog = GatedCatalog(self.gate)
        self.audio = FakeAudio(self.gate)
        self.ledger = Ledger(database, clock)
        self.mirror = Mirror(database, clock)
        self.sources: tuple[Source, ...] = (self.source, *([RowsSource(self.mirror, ["notion"])] if rows else []))
        self.lookout = Lookout(
            {MAIN: self.main, SECOND: self.second},
            {self.catalog.target: self.catalog},
            self.ledger,
            self._same_sound,
        )

    async def _same_sound(self, shelf: Shelf, kept: Kept, pcm_md5: str) -> bool:
        return await self._samples(shelf, kept) == pcm_md5

    async def _samples(self, shelf: Shelf, kept: Kept) -> str:
        self.staging.mkdir(parents=True, exist_ok=True)
        copy = await shelf.readable(kept, self.staging)
        try:
            return await self.audio.samples(copy)
        finally:
            copy.unlink()

    async def start(self) -> None:
        """Begin to work, as after a start of the daemon."""
        places = {"download": 2, "cpu": 2, "recognise": 1, MERGE: 1, MAIN: 1, SECOND: 1}
        self.jobs = SqliteEngine(self.database, self.clock, places, jitter=lambda: 0.0)
        self.batches = asyncio.create_task(Batches(self.jobs).watch())
        waveforms = Waveforms(self.staging.parent / "waveforms")
        words = Words(self.audio, self.ledger, self.lookout.shelves)
        keepers = Keepers(self.lookout, self.jobs)
        steps = (
            Fetch(
                Match(self.sources, Matches(self.database, self.clock)),
                (Download({source.name: source for source in self.sources}), Transcode(self.audio, self.ledger)),
            ),
            Analyze(self.audio, self.ledger, waveforms, leave_out=self.leave_out, there=keepers),
            Tag(self.audio, self.ledger),
            Retag(self.audio, self.ledger, self.lookout.shelves),
            Shelve(self.lookout.shelves, self.ledger),
            Publish(self.lookout.catalogs, self.ledger, shelves=self.lookout.shelves),
        )
        self.engine = SyncEngine(
            ledger=self.ledger,
            jobs=self.jobs,
            sources=self.sources,
            lookout=self.lookout,
            steps=steps,
            staging=self.staging,
            optional=self.optional,
            words=words,
        )
        merger = Merger(ledger=self.ledger, jobs=self.jobs, lookout=self.lookout, most_files=self.most_files)
        undoer = Undoer(ledger=self.ledger, jobs=self.jobs, lookout=self.lookout)
        self.reconciler = Reconciler(
            ledger=self.ledger,
            jobs=self.jobs,
            lookout=self.lookout,
            mirror=self.mirror,
            matches=Matches(self.database, self.clock),
            clock=self.clock,
            staging=self.staging,
            samples=self._samples,
            most=self.most_reconciled,
        )
        rehear = Rehear(self.audio, self.ledger, self.lookout.shelves, waveforms)
        self.reprocess = Reprocess(self.engine, words, rehear)
        handlers = {
            **self.reprocess.handlers(),
            PLAN: merger.plan,
            APPLY: merger.apply,
            UNDO: undoer.undo,
            **self.reconciler.handlers(),
            FORGET: Forgetter(ledger=self.ledger, lookout=self.lookout).forget,
        }
        await self.jobs.start(handlers, {Lane.USER: 1, Lane.BACKLOG: 2})

    async def stop(self) -> None:
        """Stop at once; what runs is put back."""
        await self.jobs.stop(0)
        await self.batches

    async def ask(self, scope: Scope, url: str = "", *, dry_run: bool = False, target: str = "") -> Job:
        """Drop a request, and do not wait."""
        request = SyncRequest(scope=scope, url=url, dry_run=dry_run, target=target)
        return await self.jobs.enqueue(REQUEST, request.as_dict(), key=request.key, lane=Lane.USER)

    async def by_clock(self, scope: Scope) -> Job:
        """A request as the clock drops it, and its children, to their ends."""
        request = SyncRequest(scope=scope)
        root = await self.jobs.enqueue(REQUEST, request.as_dict(), key=request.key)
        await self.idle()
        return await self.jobs.get(root.id)

    async def sync(self, scope: Scope, url: str = "", *, dry_run: bool = False) -> Job:
        """Drop a request and see it and its children to their ends."""
        root = await self.ask(scope, url, dry_run=dry_run)
        await self.idle()
        return await self.jobs.get(root.id)

    async def done(self, kind: str, key: str, **args: Any) -> Job:
        """Write another kind of job down, and see it to its end."""
        job = await self.jobs.enqueue(kind, args, key=key, lane=Lane.USER)
        await self.until(job)
        return await self.jobs.get(job.id)

    async def again(self, step: str, track: Track | None = None, **more: Any) -> Job:
        """Ask for a step again, for one track or for all, and see it to its end; the request's job."""
        track_id = (await self.entry(track)).id if track else ""
        request = RetryRequest(step=step, track=track_id, **more)
        root = await self.jobs.enqueue(REQUEST, request.as_dict(), key=request.key, lane=Lane.USER)
        await self.idle()
        return await self.jobs.get(root.id)

    async def url(self, track: Track) -> Job:
        """Ask for one track; its own job, when it got one, else the request."""
        root = await self.sync(Scope.URL, track.source_url)
        children = await self.jobs.list(JobFilter(parent=root.id))
        return children[0] if children else root

    async def idle(self) -> None:
        """Return when no job is active; waits pass in no time."""
        await self._work_until(anyio.Event())

    async def idle_or_stopped(self) -> None:
        """The same, or when a job stands at the closed gate."""
        await self._work_until(self.gate.reached)

    async def _work_until(self, stopped: anyio.Event) -> None:
        with anyio.fail_after(20):
            while not stopped.is_set() and (active := await self.jobs.list(JobFilter(states=ACTIVE, limit=1000))):
                if all(job.not_before and job.not_before > self.clock.now() for job in active):
                    await self.clock.advance(60)
                await anyio.sleep(0.001)

    async def until(self, job: Job) -> None:
        """Return when this job has ended."""
        with anyio.fail_after(20):
            while (await self.jobs.get(job.id)).state.active:  # noqa: ASYNC110  a poll asks nothing of the engine's events
                await anyio.sleep(0.001)

    async def entry(self, track: Track) -> Entry:
        """What the ledger says of it."""
        found = await self.ledger.known(track)
        assert found is not None, "the ledger does not know this track"
        return found

    async def lacks(self, track: Track) -> list[str]:
        """Targets that it does not stand on, as seen now."""
        return [lack.target for lack in (await self.lookout.look(await self.entry(track))).lacks]

    def leftovers(self) -> list[Path]:
        """What lies in the staging folder."""
        return [*self.staging.glob("*")]

    def writes(self) -> int:
        """How often anything was written outside."""
        return self.main.writes + self.second.writes + self.catalog.writes

    def set(self, *, main: bool = True, second: bool = True, catalog: bool = True) -> None:
        """Which targets are there."""
        self.main.condition = Condition.READY if main else Condition.ABSENT
        self.second.condition = Condition.READY if second else Condition.ABSENT
        self.catalog.away = not catalog


@asynccontextmanager
async def running_house(
    staging: Path, optional: Collection[str] = (), *, leave_out: bool = True, rows: bool = False
) -> AsyncIterator[House]:
    """A house at work; with `rows` those of a mirrored book called notion are offered too, after all else."""
    clock = ManualClock()
    database = await Database.open(MEMORY, {"jobs": SCHEMA, "ledger": MIGRATIONS}, backups=staging, clock=clock)
    house = House(database, clock, staging, optional, leave_out=leave_out, rows=rows)
    await house.start()
    try:
        yield house
    finally:
        await house.stop()
        await database.close()


__all__ = ["MAIN", "SECOND", "House", "running_house", "song", "sound"]
