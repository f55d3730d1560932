"""The one place where rooms are built and joined, from the ground floor up. Nobody else knows which vendor is real."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from musicsyncd import __version__
from musicsyncd.alerts.opening import open_alerts
from musicsyncd.alerts.outbox import MIGRATIONS as ALERTS_MIGRATIONS
from musicsyncd.alerts.post import Post
from musicsyncd.audio.work import AudioWorkers
from musicsyncd.catalog.local import MIGRATIONS as CATALOG_MIGRATIONS
from musicsyncd.clock import Clock
from musicsyncd.control.attention import Watched
from musicsyncd.control.operations import Operations
from musicsyncd.control.status import DaemonFacts
from musicsyncd.daemon.eagle import open_eagle
from musicsyncd.daemon.fitting import (
    capacities,
    enrichers_of,
    http_options,
    optional,
    sources_of,
    steps,
    waveforms,
    ytdlp_options,
)
from musicsyncd.daemon.mounting import Mounting
from musicsyncd.daemon.notify import manager
from musicsyncd.daemon.notion import NotionSide, catalogs, open_side, urgent
from musicsyncd.daemon.schedule import Schedule, open_schedule
from musicsyncd.daemon.timing import Timing, open_timing
from musicsyncd.daemon.volumes import Register, open_volumes
from musicsyncd.database import DATABASE_NAME, Database
from musicsyncd.enrichment.base import Enricher
from musicsyncd.enrichment.cache import MIGRATIONS as ENRICHMENT_MIGRATIONS
from musicsyncd.enrichment.cache import Cache
from musicsyncd.http.budgets import MIGRATIONS as HTTP_MIGRATIONS
from musicsyncd.http.budgets import Budgets
from musicsyncd.jobs.base import Handler
from musicsyncd.jobs.worker import SqliteEngine
from musicsyncd.ledger.doubles import Doubles
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.ledger.matches import Matches
from musicsyncd.ledger.mirror import Mirror
from musicsyncd.ledger.schema import MIGRATIONS as LEDGER_MIGRATIONS
from musicsyncd.library.added import MIGRATIONS as LIBRARY_MIGRATIONS
from musicsyncd.library.added import AddedVolumes
from musicsyncd.library.base import Kept, Shelf
from musicsyncd.library.eagle import Eagle
from musicsyncd.library.eagle_book import MIGRATIONS as EAGLE_MIGRATIONS
from musicsyncd.library.shelves import Behind, Shelves
from musicsyncd.library.volume import Volume
from musicsyncd.music.precedence import Precedence
from musicsyncd.pipeline.rehear import Rehear
from musicsyncd.pipeline.words import Words
from musicsyncd.settings import Loaded, Settings
from musicsyncd.sources.base import Source
from musicsyncd.sources.online import online_sources
from musicsyncd.sources.rows import RowsSource
from musicsyncd.sources.spotify_lists import MIGRATIONS as SPOTIFY_MIGRATIONS
from musicsyncd.sources.spotify_opening import open_spotify
from musicsyncd.sources.spotify_signin import SpotifySignIn
from musicsyncd.sync.comparing import Samples
from musicsyncd.sync.engine import TRACK, SyncEngine
from musicsyncd.sync.forgetting import FORGET, Forgetter
from musicsyncd.sync.look import Lookout
from musicsyncd.sync.merging import APPLY, PLAN, Merger
from musicsyncd.sync.reconcile import Reconciler
from musicsyncd.sync.reprocess import Reprocess, kind_of
from musicsyncd.sync.request import STEPS
from musicsyncd.sync.rows_finding import Finder
from musicsyncd.sync.rows_merging import ROWS_APPLY, ROWS_PLAN, RowMerger
from musicsyncd.sync.undoing import UNDO, Undoer
from musicsyncd.triggers.notion_table import MIGRATIONS as SCHEDULE_MIGRATIONS
from musicsyncd.triggers.rows import MIGRATIONS as TRIGGERS_MIGRATIONS

MIGRATIONS: Final = {
    "jobs": SqliteEngine.schema,
    "ledger": LEDGER_MIGRATIONS,
    "library": LIBRARY_MIGRATIONS,
    "catalog": CATALOG_MIGRATIONS,
    "eagle": EAGLE_MIGRATIONS,
    "http": HTTP_MIGRATIONS,
    "enrichment": ENRICHMENT_MIGRATIONS,
    "spotify": SPOTIFY_MIGRATIONS,
    "alerts": ALERTS_MIGRATIONS,
    "triggers": TRIGGERS_MIGRATIONS,
    "schedule": SCHEDULE_MIGRATIONS,
}
"""Each room's own tables."""


@dataclass(frozen=True, kw_only=True)
class House:
    """The rooms that stand while the daemon runs."""

    settings: Settings
    database: Database
    ledger: Ledger
    jobs: SqliteEngine
    register: Register
    mounting: Mounting
    eagle: Eagle | None
    engine: SyncEngine
    merger: Merger
    row_merger: RowMerger
    undoer: Undoer
    reconciler: Reconciler
    forgetter: Forgetter
    reprocess: Reprocess
    operations: Operations
    timing: Timing
    schedule: Schedule | None
    """The owner's own table of what begins by itself."""
    answers: Cache
    """What services said, kept for a while."""
    spotify: SpotifySignIn
    post: Post
    """Sees alerts told."""
    notion: NotionSide
    clock: Clock


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What every room stands on."""

    settings: Settings
    clock: Clock
    database: Database
    ledger: Ledger
    jobs: SqliteEngine
    audio: AudioWorkers
    budgets: Budgets
    matches: Matches
    mirror: Mirror
    precedence: Precedence
    answers: Cache

    @property
    def state(self) -> Path:
        """The state folder."""
        return self.settings.daemon.state_dir


async def _ground(settings: Settings, clock: Clock, stack: AsyncExitStack) -> Ground:
    state, enrichment, analysis = settings.daemon.state_dir, settings.enrichment, settings.analysis
    database = await Database.open(state / DATABASE_NAME, MIGRATIONS, backups=state / "backups", clock=clock)
    stack.push_async_callback(database.close)
    timeouts = dict.fromkeys((TRACK, *map(kind_of, STEPS)), settings.daemon.job_timeout)
    covers, keep_nothing = state / "cache" / "coverart", enrichment.keep_nothing
    return Ground(
        settings=settings,
        clock=clock,
        database=database,
        ledger=Ledger(database, clock),
        jobs=SqliteEngine(database, clock, capacities=capacities(settings), timeouts=timeouts),
        audio=AudioWorkers(lowest=analysis.tempo_low, highest=analysis.tempo_high),
        budgets=Budgets(database, clock),
        matches=Matches(database, clock),
        mirror=Mirror(database, clock),
        precedence=Precedence(bpm_from=analysis.bpm_from, key_from=analysis.key_from),
        answers=Cache(database, clock, covers, keep=enrichment.keep, keep_nothing=keep_nothing),
    )


@dataclass(frozen=True, kw_only=True)
class Outside:
    """What lies outside of this process: disks, services, other programs."""

    volumes: Shelves[Volume]
    """One mapping for all: what is added is in it."""
    added: AddedVolumes
    eagle: Eagle | None
    notion: NotionSide
    lookout: Lookout
    """Every target: the volumes, Eagle, the catalog."""
    samples: Samples
    """What a kept file sounds like."""
    sign_in: SpotifySignIn
    sources: Sequence[Source]
    enrichers: Sequence[Enricher]


async def _outside(ground: Ground, stack: AsyncExitStack) -> Outside:
    settings, database, clock, budgets = ground.settings, ground.database, ground.clock, ground.budgets
    options, audio = http_options(settings), ground.audio
    added = AddedVolumes(database, clock)
    volumes = await open_volumes(settings, added, ground.ledger, clock)
    eagle = await open_eagle(settings.eagle, database, budgets, clock, stack, audio)
    shelves = Behind(volumes, {eagle.target: eagle} if eagle else {})
    side = await open_side(settings, volumes, options, database, budgets, clock, stack)

    async def samples(shelf: Shelf, kept: Kept) -> str:
        return await audio.samples(await shelf.readable(kept, ground.state / "staging"))

    async def same_sound(shelf: Shelf, kept: Kept, pcm_md5: str) -> bool:
        return await samples(shelf, kept) == pcm_md5

    books = catalogs(side, database, clock)
    sign_in, spotify = await open_spotify(
        settings.spotify, options, ground.state / "spotify.json", database, budgets, clock, stack
    )
    online = await online_sources(ytdlp_options(settings), settings.soundcloud, settings.youtube, budgets)
    mirrored = [book.name for book in books.values() if book.mirrored]
    rows = [RowsSource(ground.mirror, mirrored, spotify.resolve)] if mirrored else []
    return Outside(
        volumes=volumes,
        added=added,
        eagle=eagle,
        notion=side,
        lookout=Lookout(shelves, books, ground.ledger, same_sound, ground.precedence),
        samples=samples,
        sign_in=sign_in,
        sources=sources_of(settings, audio, clock, (spotify, *online, *rows)),
        enrichers=await enrichers_of(settings, spotify.tracks, budgets, ground.answers, stack),
    )


async def build(loaded: Loaded, clock: Clock, stack: AsyncExitStack) -> House:
    """Every room, from the ground floor up; `stack` closes what was opened, in reverse."""
    settings = loaded.settings
    ground = await _ground(settings, clock, stack)
    outside = await _outside(ground, stack)
    database, ledger, jobs, budgets = ground.database, ground.ledger, ground.jobs, ground.budgets
    side, lookout = outside.notion, outside.lookout
    words = Words(ground.audio, ledger, lookout.shelves, ground.precedence)
    engine = _engine(ground, outside, words)
    rehear = Rehear(ground.audio, ledger, lookout.shelves, waveforms(settings))
    post = await open_alerts(settings.alerts, http_options(settings), database, budgets, clock, stack, side.channels)
    timing = await open_timing(settings, database, clock, jobs, outside.sources)
    schedule = await open_schedule(side, settings, database, timing)
    watched = _watched(settings, budgets, post, side, schedule)
    operations = _operations(_facts(loaded, clock), ground, outside, watched, timing)
    return House(
        settings=settings,
        database=database,
        ledger=ledger,
        jobs=jobs,
        register=Register(
            settings=settings,
            volumes=outside.volumes,
            added=outside.added,
            ledger=ledger,
            jobs=jobs,
            operations=operations,
            clock=clock,
        ),
        mounting=Mounting(volumes=outside.volumes, ledger=ledger, jobs=jobs, clock=clock, held=timing.held),
        eagle=outside.eagle,
        engine=engine,
        merger=Merger(ledger=ledger, jobs=jobs, lookout=lookout, most_files=settings.duplicates.most_files),
        row_merger=_row_merger(ground, lookout),
        undoer=Undoer(ledger=ledger, jobs=jobs, lookout=lookout),
        reconciler=_reconciler(ground, outside),
        forgetter=Forgetter(ledger=ledger, lookout=lookout),
        reprocess=Reprocess(engine, words, rehear),
        operations=operations,
        timing=timing,
        schedule=schedule,
        answers=ground.answers,
        spotify=outside.sign_in,
        post=post,
        notion=side,
        clock=clock,
    )


def _operations(facts: DaemonFacts, ground: Ground, outside: Outside, watched: Watched, timing: Timing) -> Operations:
    return Operations(
        facts=facts,
        ledger=ground.ledger,
        matches=ground.matches,
        jobs=ground.jobs,
        lookout=outside.lookout,
        sources=outside.sources,
        database=ground.database,
        clock=ground.clock,
        accounts={outside.sign_in.service: outside.sign_in},
        watched=watched,
        timing=timing,
    )


def handlers(house: House) -> dict[str, Handler]:
    """Who does which kind of job."""
    known: dict[str, Handler] = {
        **house.reprocess.handlers(),
        **house.reconciler.handlers(),
        PLAN: house.merger.plan,
        APPLY: house.merger.apply,
        UNDO: house.undoer.undo,
        FORGET: house.forgetter.forget,
        ROWS_PLAN: house.row_merger.plan,
        ROWS_APPLY: house.row_merger.apply,
    }
    return {kind: urgent(handler) for kind, handler in known.items()}


def _watched(settings: Settings, budgets: Budgets, post: Post, side: NotionSide, schedule: Schedule | None) -> Watched:
    """What is looked at for what a person should see to."""
    return Watched(
        optional=frozenset(one.name for one in settings.volumes if not one.required),
        volume_grace=settings.alerts.volume_grace,
        budgets=budgets,
        post=post,
        accept=side.accept,
        more=(side.findings, *([schedule.findings] if schedule else [])),
    )


def _engine(ground: Ground, outside: Outside, words: Words) -> SyncEngine:
    way = steps(
        ground.settings,
        outside.lookout,
        ground.jobs,
        outside.sources,
        ground.audio,
        outside.enrichers,
        ground.matches,
    )
    return SyncEngine(
        ledger=ground.ledger,
        jobs=ground.jobs,
        sources=outside.sources,
        lookout=outside.lookout,
        steps=way,
        staging=ground.state / "staging",
        optional=optional(ground.settings),
        words=words,
    )


def _row_merger(ground: Ground, lookout: Lookout) -> RowMerger:
    return RowMerger(
        finder=Finder(ledger=ground.ledger, mirror=ground.mirror, doubles=Doubles(ground.database)),
        jobs=ground.jobs,
        lookout=lookout,
        clock=ground.clock,
        most_rows=ground.settings.duplicates.most_rows,
    )


def _reconciler(ground: Ground, outside: Outside) -> Reconciler:
    return Reconciler(
        ledger=ground.ledger,
        jobs=ground.jobs,
        lookout=outside.lookout,
        mirror=ground.mirror,
        matches=ground.matches,
        clock=ground.clock,
        staging=ground.state / "staging",
        samples=outside.samples,
    )


def _facts(loaded: Loaded, clock: Clock) -> DaemonFacts:
    settings = loaded.settings
    return DaemonFacts(
        version=__version__,
        mode=settings.daemon.mode,
        pid=os.getpid(),
        started_at=clock.now(),
        config=str(loaded.path or ""),
        state_dir=str(settings.daemon.state_dir),
        log_file=str(settings.log.file or ""),
        managed_by=manager(),
    )
