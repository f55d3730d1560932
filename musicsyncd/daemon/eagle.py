"""Eagle as a shelf: opened when the settings want it, and watched for while something waits for it."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import anyio
import structlog

from musicsyncd.audio.values import FORMATS
from musicsyncd.audio.work import AudioWorkers
from musicsyncd.clock import Clock
from musicsyncd.daemon.volumes import Held, never, take_up
from musicsyncd.database import Database
from musicsyncd.http.budgets import Budgets
from musicsyncd.http.client import HttpClient, HttpOptions
from musicsyncd.jobs.base import WorkEngine
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.library.eagle import Eagle, SameMusic
from musicsyncd.library.eagle_book import EagleBook
from musicsyncd.library.eagle_client import PACE, EagleClient
from musicsyncd.library.eagle_presence import EagleOptions
from musicsyncd.library.section import EagleSection
from musicsyncd.music.sameness import durations_agree

logger = structlog.get_logger()
SOONEST: Final = 2.0
SLOWEST: Final = 30.0
"""Seconds between two looks whether Eagle is back, while something waits for it."""
AGAIN: Final = 120.0
LATEST: Final = 3600.0
"""Seconds before what waits though Eagle is there is taken up once more."""


async def open_eagle(
    section: EagleSection,
    database: Database,
    budgets: Budgets,
    clock: Clock,
    stack: AsyncExitStack,
    audio: AudioWorkers,
) -> Eagle | None:
    """The shelf; None where the settings want none. Eagle itself is asked when something is to be known of it."""
    if not section.enabled:
        return None
    # On this machine: neither the proxy nor the authorities of the world.
    http = HttpClient(HttpOptions(timeout=30.0))
    stack.push_async_callback(http.close)
    client = EagleClient(
        http, await budgets.of("Eagle", PACE), section.base_url, section.token.get_secret_value().strip()
    )
    options = EagleOptions(
        formats=section.formats,
        library=section.library,
        launch=section.launch,
        launch_timeout=section.launch_timeout,
        switch_library=section.switch_library,
        import_timeout=section.import_timeout,
    )
    extensions = [FORMATS[name].extension for name in section.formats]
    return Eagle(client, EagleBook(database), options, clock, extensions, same_music(audio))


def same_music(audio: AudioWorkers) -> SameMusic:
    """Whether a file was decoded to its end, lasts as long as the other, and is lossless where that is."""

    async def agree(path: Path, ours: Path) -> bool:
        theirs, wanted = await audio.probe(path, full=True), await audio.probe(ours)
        known = theirs.duration > 0 and wanted.duration > 0
        return known and theirs.lossless == wanted.lossless and durations_agree(theirs.duration, wanted.duration)

    return agree


async def watch(eagle: Eagle | None, ledger: Ledger, jobs: WorkEngine, clock: Clock, held: Held = never) -> None:
    """Take up what waits for Eagle when it is back, or in case it takes what it did not take before. Never returns
    while there is an Eagle; it is asked only while something waits, and nothing waits but what a job left.
    """
    if eagle is None:
        return
    news = News()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(news.listen, jobs, name="Eagle's news")
        await _watch(eagle, ledger, jobs, clock, news, held)


@dataclass
class News:
    """Word of a job that ended: it may have left something for Eagle."""

    word: anyio.Event = field(default_factory=anyio.Event)

    async def listen(self, jobs: WorkEngine) -> None:
        """Until cancelled."""
        async for event in jobs.events():
            if event.event == "ended":
                self.word.set()


async def _watch(eagle: Eagle, ledger: Ledger, jobs: WorkEngine, clock: Clock, news: News, held: Held) -> None:
    ready, pause, again, tried = False, SOONEST, AGAIN, 0.0
    while True:
        news.word = anyio.Event()
        if not (await ledger.parked()).get(eagle.target):
            ready, pause, again = False, SOONEST, AGAIN
            await news.word.wait()
        elif not (await eagle.prepare()).ready:
            ready, pause, again = False, min(2 * pause, SLOWEST), AGAIN
        elif not ready or clock.monotonic() - tried >= again:
            pause, again, tried = SOONEST, min(2 * again, LATEST) if ready else AGAIN, clock.monotonic()
            ready = True
            logger.info("Eagle is there, what waits for it is taken up", paused=held())
            await take_up(ledger, jobs, eagle.target, held=held)
        await clock.sleep(pause)
