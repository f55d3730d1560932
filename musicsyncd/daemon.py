"""The one place where rooms are built, joined, supervised and stopped, in reverse. Nobody else knows which vendor is
real.
"""

from __future__ import annotations

import math
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import anyio
import structlog
from anyio.abc import TaskGroup

from musicsyncd import __version__, log
from musicsyncd.audio.work import AudioWorkers
from musicsyncd.catalog.local import MIGRATIONS as CATALOG_MIGRATIONS
from musicsyncd.catalog.local import LocalCatalog
from musicsyncd.clock import Clock, SystemClock
from musicsyncd.control.messages import VolumeQuestion, VolumesAnswer
from musicsyncd.control.operations import DaemonFacts, Operations
from musicsyncd.control.socket import ControlSocket, application
from musicsyncd.database import DATABASE_NAME, Database
from musicsyncd.enrichment.base import Enricher
from musicsyncd.enrichment.cache import MIGRATIONS as ENRICHMENT_MIGRATIONS
from musicsyncd.enrichment.cache import Cache
from musicsyncd.enrichment.services import services
from musicsyncd.errors import BadInput, MusicsyncError, NeedsPerson
from musicsyncd.http.budgets import MIGRATIONS as HTTP_MIGRATIONS
from musicsyncd.http.budgets import Budgets
from musicsyncd.http.client import HttpClient, HttpOptions
from musicsyncd.jobs.base import Handler
from musicsyncd.jobs.job import JobFilter, JobState, Lane
from musicsyncd.jobs.worker import SqliteEngine
from musicsyncd.ledger.ledger import Change, Ledger
from musicsyncd.ledger.matches import Matches
from musicsyncd.ledger.schema import MIGRATIONS as LEDGER_MIGRATIONS
from musicsyncd.library.base import Kept, Shelf
from musicsyncd.library.volume import Volume
from musicsyncd.music.precedence import Precedence
from musicsyncd.pipeline.analyze import Analyze
from musicsyncd.pipeline.download import Download
from musicsyncd.pipeline.enrich import CAPACITY, Enrich
from musicsyncd.pipeline.match import Fetch, Match
from musicsyncd.pipeline.publish import Publish
from musicsyncd.pipeline.rehear import Rehear
from musicsyncd.pipeline.retag import Retag
from musicsyncd.pipeline.shelve import Shelve
from musicsyncd.pipeline.step import Step, remove_folder
from musicsyncd.pipeline.tag import Tag
from musicsyncd.pipeline.transcode import Transcode
from musicsyncd.pipeline.waveforms import Waveforms
from musicsyncd.pipeline.words import Words
from musicsyncd.settings import Loaded, Settings
from musicsyncd.sources.base import Source
from musicsyncd.sources.folder import FolderSource
from musicsyncd.sources.online import online_sources
from musicsyncd.sources.spotify_lists import MIGRATIONS as SPOTIFY_MIGRATIONS
from musicsyncd.sources.spotify_opening import open_spotify
from musicsyncd.sources.spotify_signin import SpotifySignIn
from musicsyncd.sources.ytdlp import YtdlpOptions
from musicsyncd.sync.engine import REQUEST, TRACK, SyncEngine
from musicsyncd.sync.look import Lookout
from musicsyncd.sync.merging import APPLY, PLAN, Merger
from musicsyncd.sync.reprocess import Reprocess, kind_of
from musicsyncd.sync.request import STEPS, Scope, SyncRequest
from musicsyncd.sync.undoing import UNDO, Undoer

logger = structlog.get_logger()
HOUSEKEEPING: Final = timedelta(days=1)
RELOADABLE: Final = "log."
"""The settings that take effect without a restart; of the others a reload only says that they changed."""


@dataclass(frozen=True, kw_only=True)
class House:
    """The rooms that stand while the daemon runs."""

    settings: Settings
    database: Database
    ledger: Ledger
    jobs: SqliteEngine
    volumes: Mapping[str, Volume]
    """By target name."""
    engine: SyncEngine
    merger: Merger
    undoer: Undoer
    reprocess: Reprocess
    operations: Operations
    answers: Cache
    """What services said, kept for a while."""
    spotify: SpotifySignIn
    clock: Clock


async def run(loaded: Loaded, reload: Callable[[], Loaded]) -> int:
    """Run until a signal says stop; the exit code. The caller holds the state folder's lock and has set up the log."""
    async with AsyncExitStack() as stack:
        house = await build(loaded, SystemClock(), stack)
        door = ControlSocket(loaded.settings.daemon.socket, application(house.operations, adder(house), __version__))
        door.bind()
        stack.callback(door.close)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(supervised, "control socket", door.serve, tasks, name="control socket")
            tasks.start_soon(supervised, "Spotify sign-in", house.spotify.serve, tasks, name="Spotify sign-in")
            tasks.start_soon(supervised, "housekeeping", lambda: _keep_house(house), tasks, name="housekeeping")
            await house.jobs.start(
                _handlers(house),
                {Lane.USER: loaded.settings.daemon.user_slots, Lane.BACKLOG: loaded.settings.daemon.backlog_slots},
            )
            tasks.start_soon(supervised, "job engine", house.jobs.wait, tasks, name="job engine")
            await _take_up(house)
            logger.info(
                "ready", version=__version__, socket=str(door.path), mode=loaded.settings.daemon.mode, pid=os.getpid()
            )
            await _until_told(loaded, reload)
            logger.info("stopping")
            with anyio.CancelScope(shield=True):
                await house.jobs.stop(loaded.settings.daemon.stop_timeout * 0.7)  # the rest is for what comes after
                await door.stop()
            tasks.cancel_scope.cancel()
    logger.info("stopped")
    return 0


async def build(loaded: Loaded, clock: Clock, stack: AsyncExitStack) -> House:
    """Every room, from the ground floor up; `stack` closes what was opened, in reverse."""
    settings = loaded.settings
    state = settings.daemon.state_dir
    database = await Database.open(
        state / DATABASE_NAME,
        {
            "jobs": SqliteEngine.schema,
            "ledger": LEDGER_MIGRATIONS,
            "catalog": CATALOG_MIGRATIONS,
            "http": HTTP_MIGRATIONS,
            "enrichment": ENRICHMENT_MIGRATIONS,
            "spotify": SPOTIFY_MIGRATIONS,
        },
        backups=state / "backups",
        clock=clock,
    )
    stack.push_async_callback(database.close)
    ledger = Ledger(database, clock)
    volumes = await _volumes(settings, ledger, clock)
    jobs = SqliteEngine(
        database,
        clock,
        capacities=_capacities(settings),
        timeouts=dict.fromkeys((TRACK, *map(kind_of, STEPS)), settings.daemon.job_timeout),
    )
    local = LocalCatalog(database, clock)
    audio = AudioWorkers(lowest=settings.analysis.tempo_low, highest=settings.analysis.tempo_high)

    async def same_sound(shelf: Shelf, kept: Kept, pcm_md5: str) -> bool:
        return await audio.samples(await shelf.readable(kept, state / "staging")) == pcm_md5

    answers = Cache(
        database,
        clock,
        state / "cache" / "coverart",
        keep=settings.enrichment.keep,
        keep_nothing=settings.enrichment.keep_nothing,
    )
    precedence = Precedence(bpm_from=settings.analysis.bpm_from, key_from=settings.analysis.key_from)
    lookout = Lookout(volumes, {local.target: local}, ledger, same_sound, precedence)
    words = Words(audio, ledger, volumes, precedence)
    rehear = Rehear(audio, ledger, volumes, _waveforms(settings))
    budgets = Budgets(database, clock)
    enrichers = await _enrichers(settings, budgets, answers, stack)
    signin, spotify = await open_spotify(
        settings.spotify, _http_options(settings), state / "spotify.json", database, budgets, clock, stack
    )
    online = await online_sources(_ytdlp(settings), settings.soundcloud, settings.youtube, budgets)
    sources = _sources(settings, audio, (spotify, *online))
    matches = Matches(database, clock)
    engine = _engine(settings, lookout, jobs, audio, words, sources, enrichers, matches)
    await _clear_staging(engine.staging, jobs, before=math.inf)  # nothing works yet
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
    )
    return House(
        settings=settings,
        database=database,
        ledger=ledger,
        jobs=jobs,
        volumes=volumes,
        engine=engine,
        merger=Merger(ledger=ledger, jobs=jobs, lookout=lookout, most_files=settings.duplicates.most_files),
        undoer=Undoer(ledger=ledger, lookout=lookout),
        reprocess=Reprocess(engine, words, rehear),
        operations=operations,
        answers=answers,
        spotify=signin,
        clock=clock,
    )


def _handlers(house: House) -> dict[str, Handler]:
    """Who does which kind of job."""
    return {
        **house.reprocess.handlers(),
        PLAN: house.merger.plan,
        APPLY: house.merger.apply,
        UNDO: house.undoer.undo,
    }


async def _enrichers(
    settings: Settings, budgets: Budgets, answers: Cache, stack: AsyncExitStack
) -> tuple[Enricher, ...]:
    """Who is asked of a track, in turn; nobody, unless it is switched on."""
    wanted = settings.enrichment
    if not wanted.enabled:
        return ()
    client = HttpClient(_http_options(settings), contact=wanted.contact)
    stack.push_async_callback(client.close)
    return await services(wanted, client, budgets, answers)


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
        steps=_steps(settings, lookout, sources, audio, enrichers, matches),
        staging=settings.daemon.state_dir / "staging",
        optional=tuple(f"volume:{one.name}" for one in settings.volumes if not one.required),
        words=words,
    )


def _steps(
    settings: Settings,
    lookout: Lookout,
    sources: Sequence[Source],
    audio: AudioWorkers,
    enrichers: Sequence[Enricher],
    matches: Matches,
) -> tuple[Step, ...]:
    ledger, output, precedence = lookout.ledger, settings.output, lookout.precedence
    depth = None if output.depth == "source" else output.depth
    return (
        Fetch(
            Match(sources, matches),
            (
                Download({source.name: source for source in sources}),
                Transcode(audio, ledger, sample_rate=output.sample_rate or None, depth=depth),
            ),
        ),
        Analyze(audio, ledger, _waveforms(settings), leave_out=settings.duplicates.leave_out),
        *([Enrich(enrichers, audio, ledger, settings.enrichment.gaps)] if enrichers else []),
        Tag(audio, ledger, precedence),
        Retag(audio, ledger, lookout.shelves, precedence),
        Shelve(lookout.shelves, ledger, precedence),
        Publish(lookout.catalogs, ledger, precedence),
    )


def _sources(settings: Settings, audio: AudioWorkers, online: Sequence[Source]) -> tuple[Source, ...]:
    """In the order in which a URL is offered to them: who takes any comes last."""
    folder = FolderSource(
        audio,
        inboxes=tuple(one.path for one in settings.inbox),
        allowed=settings.folder.allowed,
        forbidden=(settings.daemon.state_dir,),
        settle=settings.folder.settle,
        max_depth=settings.folder.max_depth,
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


async def _volumes(settings: Settings, ledger: Ledger, clock: Clock) -> dict[str, Volume]:
    """The shelves, each met once; one that is away now is met when it comes."""
    markers = await ledger.shelf_markers()
    volumes = {}
    for one in settings.volumes:
        volume = Volume(
            one.name,
            one.path,
            formats=one.formats,
            layout=one.layout,
            min_free=one.min_free,
            known_marker=markers.get(one.name),
            clock=clock,
        )
        state = await volume.adopt()
        if state.ready:
            await _know(volume, state.marker, ledger, operation="start")
            await _sweep(volume)
        else:
            logger.warning(
                "volume not ready", volume=one.name, condition=state.condition.value, why=state.why, fix=state.fix
            )
        volumes[volume.target] = volume
    return volumes


async def _know(volume: Volume, marker: str, ledger: Ledger, *, operation: str) -> None:
    """Write down under which marker a volume is known; one that is new to us is a change to the outside world."""
    known = (await ledger.shelf_markers()).get(volume.name)
    await ledger.record_shelf(volume.name, marker, str(volume.path))
    if known != marker:
        before = {"marker": known} if known else None
        after = {"marker": marker, "path": str(volume.path)}
        change = Change(operation=operation, target=volume.target, what="adopted", before=before, after=after)
        await ledger.record_change(None, change)


async def _sweep(volume: Volume) -> None:
    """Remove what a killed run left half-copied."""
    try:
        if removed := await volume.sweep():
            logger.info("temporary files removed", volume=volume.name, count=removed)
    except MusicsyncError as error:
        logger.warning("volume not swept", volume=volume.name, why=str(error))


def adder(house: House) -> Callable[[VolumeQuestion], Awaitable[VolumesAnswer]]:
    """What `volumes add` does: with a person's consent, mark a folder as a volume of the settings."""

    async def add(question: VolumeQuestion) -> VolumesAnswer:
        volume = house.volumes.get(f"volume:{question.name}")
        if volume is None:
            names = ", ".join(one.name for one in house.volumes.values())
            raise BadInput(
                f"The settings name no volume {question.name!r}",
                why=f"They name {names}",
                fix=f"Add [[volumes]] with that name and the path {question.path} to config.toml, then restart",
            )
        if Path(question.path) != volume.path:
            raise BadInput(f"The settings say that {question.name} is at {volume.path}, not at {question.path}")
        state = await volume.adopt(consent=True)
        if not state.marker:
            raise NeedsPerson(f"Volume {question.name} cannot be marked", why=state.why, fix=state.fix)
        await _know(volume, state.marker, house.ledger, operation="volumes add")
        await _take_up(house)
        return await house.operations.volumes()

    return add


async def _take_up(house: House) -> None:
    """Drop a request for what was left undone, if anything was: a volume may be back."""
    if await house.ledger.parked():
        request = SyncRequest(scope=Scope.UNFINISHED)
        await house.jobs.enqueue(REQUEST, request.as_dict(), key=request.key)


def _capacities(settings: Settings) -> dict[str, int]:
    """How much of each kind goes on at once; a volume has one writer."""
    return {
        "download": settings.capacity.downloads,
        "cpu": settings.capacity.cpu_places,
        "recognise": 1,
        CAPACITY: 2,  # services are paced anyway: more would only wait for their turns
        **{f"volume:{one.name}": 1 for one in settings.volumes},
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
    )


async def _clear_staging(staging: Path, jobs: SqliteEngine, *, before: float) -> None:
    """Remove staging folders that no active job will come back to and that were last changed before this (epoch)."""
    active = await jobs.list(JobFilter(states=frozenset({JobState.WAITING, JobState.RUNNING}), limit=1_000_000))
    kept = {job.key for job in active}
    folders = [folder async for folder in anyio.Path(staging).iterdir()] if await anyio.Path(staging).is_dir() else []
    for folder in folders:
        if folder.name.partition(".")[0] not in kept and (await folder.stat()).st_mtime < before:
            await remove_folder(Path(folder))


async def _keep_house(house: House) -> None:
    """Once a day: forget old jobs, keep a verified copy of the database, clear what cancelled jobs left in staging."""
    while True:
        # A job that begins between the look and the removal has a folder of this very moment.
        await _clear_staging(house.engine.staging, house.jobs, before=time.time() - 3600)
        # A copy of what was put in the file's place would drive out the good ones.
        if await house.database.in_place() and await _backup_due(house):
            copy = await house.database.backup()
            logger.info("database copied", copy=str(copy))
        await house.answers.tidy()
        house.spotify.announce()
        forgotten = await house.jobs.gc(timedelta(seconds=house.settings.daemon.history))
        if forgotten:
            logger.info("old jobs forgotten", count=forgotten)
        await house.clock.sleep(HOUSEKEEPING.total_seconds())


async def _backup_due(house: House) -> bool:
    """Whether the newest copy is a day old; before the first track there is nothing to lose."""
    if not (await house.ledger.counts())["tracks"]:
        return False
    folder = anyio.Path(house.settings.daemon.state_dir / "backups")
    copies = [await copy.stat() async for copy in folder.iterdir()] if await folder.is_dir() else []
    newest = max((status.st_mtime for status in copies), default=0.0)
    return house.clock.now().timestamp() - newest > HOUSEKEEPING.total_seconds()


async def supervised(name: str, part: Callable[[], Awaitable[Any]], tasks: TaskGroup) -> None:
    """Run a long-lived part; should it fail, log it, and start it again after a while, up to five times in a row."""
    for failures in range(1, 6):
        began = anyio.current_time()
        try:
            await part()
            return
        except Exception as error:
            logger.error("part failed", part=name, failures=failures, exc_info=error)
        await anyio.sleep(0 if anyio.current_time() - began > 60 else 2**failures)
    logger.critical("part given up, the daemon stops", part=name)
    os.kill(os.getpid(), signal.SIGTERM)


async def _until_told(loaded: Loaded, reload: Callable[[], Loaded]) -> None:
    """Return at the first SIGTERM or SIGINT; from then on a second one ends the process at once. SIGHUP reads the
    settings anew.
    """
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        async for number in signals:
            if number == signal.SIGHUP:
                loaded = _reloaded(loaded, reload)
                continue
            logger.info("signal received", signal=number.name)
            break
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: os._exit(128 + number))  # workers die with our end of their pipes


def _reloaded(before: Loaded, reload: Callable[[], Loaded]) -> Loaded:
    """The settings as they are now; when they cannot be used, the old ones, and the log says why."""
    try:
        now = reload()
    except MusicsyncError as error:
        logger.error("settings not reloaded", why=str(error))
        return before
    changed = changed_keys(before.settings, now.settings)
    configure_log(now.settings)
    at_once = {key for key in changed if key.startswith(RELOADABLE)}
    logger.info("settings reloaded", changed=sorted(at_once), after_restart=sorted(changed - at_once))
    return now


def configure_log(settings: Settings) -> None:
    """Write the log as the settings say, and nothing secret into it."""
    log.configure(
        level=settings.log.level,
        format=settings.log.format,
        file=settings.log.file,
        max_size=settings.log.max_size,
        keep=settings.log.keep,
        secrets=settings.secrets(),
    )


def changed_keys(before: Settings, now: Settings) -> set[str]:
    """Dotted keys whose values differ, secrets included, without saying what they are."""
    first, second = _flat(before), _flat(now)
    return {key for key in first.keys() | second.keys() if first.get(key) != second.get(key)}


def _flat(settings: Settings) -> dict[str, Any]:
    sections: dict[str, Any] = settings.model_dump()
    flat: dict[str, Any] = {}
    for section, values in sections.items():
        if isinstance(values, dict):
            flat |= {f"{section}.{key}": value for key, value in values.items()}
        else:
            flat[section] = values
    return flat
