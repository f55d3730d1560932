"""What the settings mean for each room: how fast, through which proxy, with what beside it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack

from musicsyncd.audio.work import AudioWorkers
from musicsyncd.clock import Clock
from musicsyncd.enrichment.base import Enricher
from musicsyncd.enrichment.cache import Cache
from musicsyncd.enrichment.services import services, spotify_facts
from musicsyncd.enrichment.spotify import Search
from musicsyncd.http.budgets import Budgets
from musicsyncd.http.client import HttpClient, HttpOptions
from musicsyncd.jobs.worker import SqliteEngine
from musicsyncd.ledger.matches import Matches
from musicsyncd.library.eagle_client import TARGET as EAGLE
from musicsyncd.pipeline.analyze import Analyze
from musicsyncd.pipeline.download import Download
from musicsyncd.pipeline.enrich import CAPACITY, Enrich
from musicsyncd.pipeline.match import Fetch, Match
from musicsyncd.pipeline.publish import Publish
from musicsyncd.pipeline.recognise import Recognise
from musicsyncd.pipeline.retag import Retag
from musicsyncd.pipeline.shelve import Shelve
from musicsyncd.pipeline.step import Step
from musicsyncd.pipeline.tag import Tag
from musicsyncd.pipeline.transcode import Transcode
from musicsyncd.pipeline.waveforms import Waveforms
from musicsyncd.settings import Settings
from musicsyncd.sources.base import Source
from musicsyncd.sources.folder import FolderSource
from musicsyncd.sources.ytdlp import YtdlpOptions
from musicsyncd.sync.keepers import Keepers
from musicsyncd.sync.look import Lookout
from musicsyncd.sync.merging import MERGE


async def enrichers_of(
    settings: Settings, search: Search, budgets: Budgets, answers: Cache, stack: AsyncExitStack
) -> tuple[Enricher, ...]:
    """Who is asked of a track, in turn: Spotify where there is an app, the others where they are switched on."""
    wanted, found = settings.enrichment, list[Enricher]()
    if wanted.spotify and settings.spotify.client_id:
        plain = HttpClient(http_options(settings))
        stack.push_async_callback(plain.close)
        found.append(await spotify_facts(wanted, search, plain, budgets, answers))
    if not wanted.enabled:
        return tuple(found)
    client = HttpClient(http_options(settings), contact=wanted.contact)
    stack.push_async_callback(client.close)
    return *found, *await services(wanted, client, budgets, answers)


def waveforms(settings: Settings) -> Waveforms:
    """Where each track's waveform is kept."""
    return Waveforms(settings.daemon.state_dir / "waveforms")


def http_options(settings: Settings) -> HttpOptions:
    """How our own client reaches the network."""
    http = settings.http
    return HttpOptions(
        proxy=http.proxy.get_secret_value(), ca_file=http.ca_file, timeout=http.timeout, trust_env=http.trust_env
    )


def optional(settings: Settings) -> tuple[str, ...]:
    """Targets for whose sake no track counts as partial."""
    volumes = tuple(one.target for one in settings.volumes if not one.required)
    return volumes if settings.eagle.required else (*volumes, EAGLE)


def steps(
    settings: Settings,
    lookout: Lookout,
    jobs: SqliteEngine,
    sources: Sequence[Source],
    audio: AudioWorkers,
    enrichers: Sequence[Enricher],
    matches: Matches,
) -> tuple[Step, ...]:
    """One track's way, in order."""
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
            waveforms(settings),
            leave_out=settings.duplicates.leave_out,
            there=Keepers(lookout, jobs),
        ),
        *([Enrich(enrichers, audio, ledger, settings.enrichment.gaps)] if enrichers else []),
        Tag(audio, ledger, precedence),
        Retag(audio, ledger, lookout.shelves, precedence),
        Shelve(lookout.shelves, ledger, precedence),
        Publish(lookout.catalogs, ledger, precedence, lookout.shelves),
    )


def sources_of(settings: Settings, audio: AudioWorkers, clock: Clock, online: Sequence[Source]) -> tuple[Source, ...]:
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


def ytdlp_options(settings: Settings) -> YtdlpOptions:
    """How the downloader does."""
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


def capacities(settings: Settings) -> dict[str, int]:
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
