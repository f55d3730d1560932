"""The one place where rooms are built and joined, from the ground floor up. Nobody else knows which vendor is real."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
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
from musicsyncd.enrichment.services import services, spotify_facts
from musicsyncd.enrichment.spotify import Search
from musicsyncd.http.budgets import MIGRATIONS as HTTP_MIGRATIONS
from musicsyncd.http.budgets import Budgets
from musicsyncd.http.client import HttpClient, HttpOptions
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
from musicsyncd.library.eagle_client import TARGET as EAGLE
from musicsyncd.library.shelves import Behind
from musicsyncd.music.precedence import Precedence
from musicsyncd.pipeline.analyze import Analyze
from musicsyncd.pipeline.download import Download
from musicsyncd.pipeline.enrich import CAPACITY, Enrich
from musicsyncd.pipeline.match import Fetch, Match
from musicsyncd.pipeline.publish import Publish
from musicsyncd.pipeline.recognise import Recognise
from musicsyncd.pipeline.rehear import Rehear
from musicsyncd.pipeline.retag import Retag
from musicsyncd.pipeline.shelve import Shelve
from musicsyncd.pipeline.step import Step
from musicsyncd.pipeline.tag import Tag
from musicsyncd.pipeline.transcode import Transcode
from musicsyncd.pipeline.waveforms import Waveforms
from musicsyncd.pipeline.words import Words
from musicsyncd.settings import Loaded, Settings
from musicsyncd.sources.base import Source
from musicsyncd.sources.folder import FolderSource
from musicsyncd.sources.online import online_sources
from musicsyncd.sources.rows import RowsSource
from musicsyncd.sources.spotify_lists import MIGRATIONS as SPOTIFY_MIGRATIONS
from musicsyncd.sources.spotify_opening import open_spotify
from musicsyncd.sources.spotify_signin import SpotifySignIn
from musicsyncd.sources.ytdlp import YtdlpOptions
from musicsyncd.sync.engine import TRACK, SyncEngine
from musicsyncd.sync.forgetting import FORGET, Forgetter
from musicsyncd.sync.keepers import Keepers
from musicsyncd.sync.look import Lookout
from musicsyncd.sync.merging import APPLY, MERGE, PLAN, Merger
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


async def build(loaded: Loaded, clock: Clock, stack: AsyncExitStack) -> House:
    """Every room, from the ground floor up; `stack` closes what was opened, in reverse."""
    settings = loaded.settings
    state = settings.daemon.state_dir
    database = await Database.open(state / DATABASE_NAME, MIGRATIONS, backups=state / "backups", clock=clock)
    stack.push_async_callback(database.close)
    ledger = Ledger(database, clock)
    added = AddedVolumes(database, clock)
    volumes = await open_volumes(settings, added, ledger, clock)  # one mapping for all: what is added is in it
    jobs = SqliteEngine(
        database,
        clock,
        capacities=_capacities(settings),
        timeouts=dict.fromkeys((TRACK, *map(kind_of, STEPS)), settings.daemon.job_timeout),
    )
    audio = AudioWorkers(lowest=settings.analysis.tempo_low, highest=settings.analysis.tempo_high)

    async def samples(shelf: Shelf, kept: Kept) -> str:
        return await audio.samples(await shelf.readable(kept, state / "staging"))

    async def same_sound(shelf: Shelf, kept: Kept, pcm_md5: str) -> bool:
        return await samples(shelf, kept) == pcm_md5

    answers = Cache(
        database,
        clock,
        state / "cache" / "coverart",
        keep=settings.enrichment.keep,
        keep_nothing=settings.enrichment.keep_nothing,
    )
    precedence = Precedence(bpm_from=settings.analysis.bpm_from, key_from=settings.analysis.key_from)
    budgets = Budgets(database, clock)
    eagle = await open_eagle(settings.eagle, database, budgets, clock, stack, audio)
    shelves = Behind(volumes, {eagle.target: eagle} if eagle else {})
    side = await open_side(settings, volumes, _http_options(settings), database, budgets, clock, stack)
    lookout = Lookout(shelves, catalogs(side, database, clock), ledger, same_sound, precedence)
    words = Words(audio, ledger, shelves, precedence)
    rehear = Rehear(audio, ledger, shelves, _waveforms(settings))
    signin, spotify = await open_spotify(
        settings.spotify, _http_options(settings), state / "spotify.json", database, budgets, clock, stack
    )
    enrichers = await _enrichers(settings, spotify.tracks, budgets, answers, stack)
    online = await online_sources(_ytdlp(settings), settings.soundcloud, settings.youtube, budgets)
    mirror = Mirror(database, clock)
    mirrored = [catalog.name for catalog in lookout.catalogs.values() if catalog.mirrored]
    rows = [RowsSource(mirror, mirrored, spotify.resolve)] if mirrored else []
    sources = _sources(settings, audio, clock, (spotify, *online, *rows))
    matches = Matches(database, clock)
    engine = _engine(settings, lookout, jobs, audio, words, sources, enrichers, matches)
    post = await open_alerts(settings.alerts, _http_options(settings), database, budgets, clock, stack, side.channels)
    timing = await open_timing(settings, database, clock, jobs, sources)
    schedule = await open_schedule(side, settings, database, timing)
    operations = Operations(
        facts=_facts(loaded, clock),
        ledger=ledger,
        matches=matches,
        jobs=jobs,
        lookout=lookout,
        sources=sources,
        database=database,
        clock=clock,
        accounts={signin.service: signin},
        watched=_watched(settings, budgets, post, side, schedule),
        timing=timing,
    )
    return House(
        settings=settings,
        database=database,
        ledger=ledger,
        jobs=jobs,
        register=Register(
            settings=settings,
            volumes=volumes,
            added=added,
            ledger=ledger,
            jobs=jobs,
            operations=operations,
            clock=clock,
        ),
        mounting=Mounting(volumes=volumes, ledger=ledger, jobs=jobs, clock=clock, held=timing.held),
        eagle=eagle,
        engine=engine,
        merger=Merger(ledger=ledger, jobs=jobs, lookout=lookout, most_files=settings.duplicates.most_files),
        row_merger=RowMerger(
            finder=Finder(ledger=ledger, mirror=mirror, doubles=Doubles(database)),
            jobs=jobs,
            lookout=lookout,
            clock=clock,
            most_rows=settings.duplicates.most_rows,
        ),
        undoer=Undoer(ledger=ledger, jobs=jobs, lookout=lookout),
        reconciler=Reconciler(
            ledger=ledger,
            jobs=jobs,
            lookout=lookout,
            mirror=mirror,
            matches=matches,
            clock=clock,
            staging=state / "staging",
            samples=samples,
        ),
        forgetter=Forgetter(ledger=ledger, lookout=lookout),
        reprocess=Reprocess(engine, words, rehear),
        operations=operations,
        timing=timing,
        schedule=schedule,
        answers=answers,
        spotify=signin,
        post=post,
        notion=side,
        clock=clock,
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


async def _enrichers(
    settings: Settings, search: Search, budgets: Budgets, answers: Cache, stack: AsyncExitStack
) -> tuple[Enricher, ...]:
    """Who is asked of a track, in turn: Spotify where there is an app, the others where they are switched on."""
    wanted, found = settings.enrichment, list[Enricher]()
    if wanted.spotify and settings.spotify.client_id:
        plain = HttpClient(_http_options(settings))
        stack.push_async_callback(plain.close)
        found.append(await spotify_facts(wanted, search, plain, budgets, answers))
    if not wanted.enabled:
        return tuple(found)
    client = HttpClient(_http_options(settings), contact=wanted.contact)
    stack.push_async_callback(client.close)
    return *found, *await services(wanted, client, budgets, answers)


def _waveforms(settings: Settings) -> Waveforms:
    return Waveforms(settings.daemon.state_dir / "waveforms")


def _http_options(settings: Settings) -> HttpOptions:
    http = settings.http
    return HttpOptions(
        proxy=http.proxy.get_secret_value(), ca_file=http.ca_file, timeout=http.timeout, trust_env=http.trust_env
    )


def _engine(
    settings: Settings,
    lookout: Lookout,
    jobs: SqliteEngine,
    audio: AudioWorkers,
    words: Words,
    sources: Sequence[Source],
    enrichers: Sequence[Enricher],
    matches: Matches,
) -> SyncEngine:
    return SyncEngine(
        ledger=lookout.ledger,
        jobs=jobs,
        sources=sources,
        lookout=lookout,
        steps=_steps(settings, lookout, jobs, sources, audio, enrichers, matches),
        staging=settings.daemon.state_dir / "staging",
        optional=_optional(settings),
        words=words,
    )


def _optional(settings: Settings) -> tuple[str, ...]:
    """Targets for whose sake no track counts as partial."""
    volumes = tuple(one.target for one in settings.volumes if not one.required)
    return volumes if settings.eagle.required else (*volumes, EAGLE)


def _steps(
    settings: Settings,
    lookout: Lookout,
    jobs: SqliteEngine,
    sources: Sequence[Source],
    audio: AudioWorkers,
    enrichers: Sequence[Enricher],
    matches: Matches,
) -> tuple[Step, ...]:
    ledger, output, precedence = lookout.ledger, settings.output, lookout.precedence
    depth = None if output.depth == "source" else output.depth
    recognise = Recognise(matches, ledger, enrichers)
    return (
        Fetch(
            Match(sources, matches),
            (
                Download({source.name: source for source in sources}),
                Transcode(audio, ledger, sample_rate=output.sample_rate or None, depth=depth, recognise=recognise),
            ),
        ),
        Analyze(
            audio,
            ledger,
            _waveforms(settings),
            leave_out=settings.duplicates.leave_out,
            there=Keepers(lookout, jobs),
        ),
        *([Enrich(enrichers, audio, ledger, settings.enrichment.gaps)] if enrichers else []),
        Tag(audio, ledger, precedence),
        Retag(audio, ledger, lookout.shelves, precedence),
        Shelve(lookout.shelves, ledger, precedence),
        Publish(lookout.catalogs, ledger, precedence, lookout.shelves),
    )


def _sources(settings: Settings, audio: AudioWorkers, clock: Clock, online: Sequence[Source]) -> tuple[Source, ...]:
    """In the order in which a URL is offered to them: who takes any comes last, but for rows, which take none."""
    folder = FolderSource(
        audio,
        inboxes=tuple(one.path for one in settings.inbox),
        allowed=settings.folder.allowed,
        forbidden=(settings.daemon.state_dir,),
        settle=settings.folder.settle,
        max_depth=settings.folder.max_depth,
        clock=clock,
    )
    return folder, *online


def _ytdlp(settings: Settings) -> YtdlpOptions:
    ytdlp, http = settings.ytdlp, settings.http
    return YtdlpOptions(
        proxy=ytdlp.proxy.get_secret_value(),
        trust_env=http.trust_env,
        ca_file=ytdlp.ca_file,
        insecure_tls=ytdlp.insecure_tls,
        cache_dir=ytdlp.cache_dir,
        js_runtime=ytdlp.js_runtime,
        rate_limit=ytdlp.rate_limit,
        sleep_requests=ytdlp.sleep_requests,
        socket_timeout=http.timeout,
        timeout=ytdlp.timeout,
        max_size=ytdlp.max_size,
    )


def _capacities(settings: Settings) -> dict[str, int]:
    """How much of each kind goes on at once; a volume has one writer."""
    return {
        "download": settings.capacity.downloads,
        "cpu": settings.capacity.cpu_places,
        "recognise": 1,
        MERGE: 1,
        CAPACITY: 2,  # services are paced anyway: more would only wait for their turns
        EAGLE: 1,
        **{one.target: 1 for one in settings.volumes},
    }


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
