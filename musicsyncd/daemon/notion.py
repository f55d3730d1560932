"""Notion in the daemon: the catalog that the settings name, and its book read whole once in a while."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from math import inf
from typing import Any, Final

import structlog

from musicsyncd.alerts.base import Channel, Finding, Severity
from musicsyncd.alerts.notion import open_channels
from musicsyncd.alerts.post import Post
from musicsyncd.catalog.base import Catalog
from musicsyncd.catalog.local import LocalCatalog
from musicsyncd.catalog.notion import NotionCatalog
from musicsyncd.catalog.notion_belief import ACCEPT, MEANT, OTHER
from musicsyncd.catalog.notion_opening import open_catalog
from musicsyncd.clock import Clock
from musicsyncd.daemon.bell import Bell
from musicsyncd.daemon.preflight import Preflight
from musicsyncd.daemon.volumes import Held, never, take_up
from musicsyncd.database import Database
from musicsyncd.errors import BadInput, MusicsyncError
from musicsyncd.http.budgets import Budgets
from musicsyncd.http.client import HttpOptions
from musicsyncd.jobs.base import Handler, JobContext, WorkEngine
from musicsyncd.jobs.job import Lane
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.ledger.mirror import Mirror
from musicsyncd.library.volume import Volume
from musicsyncd.notion.client import URGENCY, Notion, Urgency, open_notion
from musicsyncd.settings import Settings

logger = structlog.get_logger()
LOOK: Final = 600.0
"""Seconds between two looks whether the whole book is due to be read."""
SOON: Final = 5.0
"""Seconds, at least, until the first new try after the book could not be read, or after a row could not be written."""
LONGEST: Final = 86400.0
"""Seconds, at most, between two tries of what waits."""


@dataclass(frozen=True, kw_only=True)
class NotionSide:
    """What there is of Notion: nothing without a token, and nothing in dev mode, which writes to no real database."""

    client: Notion | None = None
    catalog: NotionCatalog | None = None
    channels: Sequence[Channel] = ()
    """Alerts' channels, where there are databases for them."""
    preflight: Preflight | None = None

    async def looked(self) -> None:
        """Return when it is known whether all is as it should be, or when that takes too long."""
        if self.preflight:
            await self.preflight.looked()

    def findings(self) -> Sequence[Finding]:
        """What is not as it should be."""
        book = self.catalog.book.belief.note if self.catalog else ""
        more = [_unbelieved(book)] if book not in ("", MEANT) else []
        return [*(self.preflight.findings() if self.preflight else ()), *more]

    async def accept(self) -> str:
        """A person says that what was told of the book is meant so; what that was. BadInput where it was nothing."""
        if self.catalog is None:
            raise BadInput("There is no book in Notion")
        return await self.catalog.book.accept()


def _unbelieved(note: str) -> Finding:
    """What of the book waits for a person's word."""
    if note.startswith(OTHER):
        return Finding(
            key="notion:tracks_db:other",
            severity=Severity.CRITICAL,
            what="notion.tracks_db leads to another database, and nothing is written into it",
            why=note,
            fix=f"If it is the right one: {ACCEPT}; else correct notion.tracks_db",
            subject="notion.tracks_db",
            explains=("catalog:notion",),
        )
    return Finding(
        key="notion:tracks_db:shrank",
        severity=Severity.ERROR,
        what="Many rows are gone from your book in Notion",
        why=note,
        fix=f"If they are meant to be gone: {ACCEPT}; else bring them back from Notion's trash",
        subject="notion.tracks_db",
    )


class Roots(Mapping[str, str]):
    """Where each volume belongs, by name, as paths are written into rows: the same while it is mounted elsewhere."""

    def __init__(self, volumes: Mapping[str, Volume]) -> None:
        self._volumes = volumes

    def __getitem__(self, name: str) -> str:
        for one in self._volumes.values():
            if one.name == name:
                return str(one.home)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return (one.name for one in self._volumes.values())

    def __len__(self) -> int:
        return len(self._volumes)


async def open_side(
    settings: Settings,
    volumes: Mapping[str, Volume],
    options: HttpOptions,
    database: Database,
    budgets: Budgets,
    clock: Clock,
    stack: AsyncExitStack,
) -> NotionSide:
    """Notion as the settings name it; nothing is asked yet."""
    section = settings.notion
    if not section.token.get_secret_value() or settings.daemon.mode == "dev":
        return NotionSide()
    client = await open_notion(section, budgets, options, clock)
    stack.push_async_callback(client.close)
    preflight, channels = Preflight(client, section, clock), open_channels(client, section, clock)
    client.on_doubt = preflight.doubt
    catalog = None
    if section.tracks_db:
        catalog = open_catalog(client, Mirror(database, clock), section, clock, Roots(volumes))
        catalog.admit = preflight.admit
    return NotionSide(client=client, catalog=catalog, channels=channels, preflight=preflight)


def catalogs(side: NotionSide, database: Database, clock: Clock) -> Mapping[str, Catalog]:
    """The owner's book, by its target: Notion's where it is set up, else the one in our own database."""
    catalog = side.catalog or LocalCatalog(database, clock)
    return {catalog.target: catalog}


def urgent(handler: Handler) -> Handler:
    """The same, and what it asks of Notion goes before the backlog's questions where a person asked for the job."""

    async def run(context: JobContext, args: Mapping[str, Any]) -> dict[str, Any] | None:
        URGENCY.set(Urgency.USER if context.job.lane is Lane.USER else Urgency.BACKLOG)
        return await handler(context, args)

    return run


async def keep_mirror(side: NotionSide, ledger: Ledger, jobs: WorkEngine, clock: Clock, held: Held = never) -> None:
    """Read the whole book when that is due: rows that are gone show in no other way. What waits for the book is taken
    up when it can be read again, ever more seldom where that does not help.
    """
    catalog, client = side.catalog, side.client
    if catalog is None or client is None:
        return
    tries, unread, bell = Tries(), SOON, Bell(clock, "what begins to wait for the book")
    catalog.on_degraded = bell.ring
    while True:
        if not await _read(catalog):
            await clock.sleep(max(unread, client.rest))
            unread = min(2 * unread, LOOK)
            continue
        unread, waits = SOON, (await ledger.parked()).get(catalog.target, 0)
        if tries.due(waits, clock.monotonic()):
            await take_up(ledger, jobs, catalog.target, held=held)
        await bell.wait(min(LOOK, tries.left(clock.monotonic())), lambda: SOON)
        bell.still()


class Tries:
    """When what waits is tried again: soon once it began or something came of it, else ever more seldom."""

    def __init__(self) -> None:
        self._waits, self._pause, self._next = 0, SOON, inf

    def due(self, waits: int, now: float) -> bool:
        """Whether to try now, when so many wait."""
        if waits and waits == self._waits and now < self._next:
            return False
        self._pause = SOON if waits != self._waits else min(2 * self._pause, LONGEST)
        self._waits, self._next = waits, now + self._pause if waits else inf
        return waits > 0

    def left(self, now: float) -> float:
        """Seconds until the next try; infinite while nothing waits."""
        return max(0.0, self._next - now)


async def _read(catalog: NotionCatalog) -> bool:
    """Whether the book could be read."""
    try:
        if await catalog.book.whole_due():
            await catalog.book.read_whole()
        else:
            await catalog.freshen()
    except MusicsyncError as error:
        logger.warning("book not read", catalog=catalog.target, why=str(error))
        return False
    return True


async def keep_preflight(side: NotionSide, post: Post) -> None:
    """Look now and then whether the databases are what they should be; the post hears of it at once."""
    if side.preflight:
        side.preflight.on_news = lambda: post.on_trouble()
        await side.preflight.keep()
