"""What starts work by itself, joined: the clock, the watched folders, and what a person may ask of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from musicsyncd.alerts.base import Finding
from musicsyncd.clock import Clock
from musicsyncd.control.messages_status import PauseAnswer, ScheduleAnswer
from musicsyncd.daemon.reloading import Reloading
from musicsyncd.database import Database
from musicsyncd.jobs.base import WorkEngine
from musicsyncd.settings import Settings
from musicsyncd.sources.base import Source
from musicsyncd.sources.folder import FolderSource
from musicsyncd.sync.request import Scope
from musicsyncd.triggers.clock import Timekeeper, drop_request
from musicsyncd.triggers.folders import Folders
from musicsyncd.triggers.places import News, Place, audio_files, one_file, plan_files
from musicsyncd.triggers.policy import Policy

logger = structlog.get_logger()
INBOX: Final = "inbox:"
PLANS: Final = "plans:"
CONFIG: Final = "config"


@dataclass(kw_only=True)
class Timing:
    """The clock and the folders of one daemon."""

    keeper: Timekeeper
    jobs: WorkEngine
    database: Database
    clock: Clock
    base: Policy
    """As the settings have it."""
    overlay: Callable[[Policy], Policy] = field(default=lambda policy: policy)
    """What the owner's own table makes of it."""
    origin: str = "config.toml"
    """Where the schedule comes from, in words."""
    others: Sequence[str] = ()
    """Schedules in the owner's table that other programs see to."""
    folders: Folders | None = None
    """Once they are watched."""
    begin: Callable[[], Awaitable[None]] | None = None
    """Asks for what waits elsewhere for the end of a pause, once the work has begun."""

    async def pause(self, what: str) -> PauseAnswer:
        """Let nothing begin by itself: of everything, of one source, or of one job of the clock."""
        await self.keeper.pause(what)
        return self._paused()

    async def resume(self, what: str) -> PauseAnswer:
        """Go on, with what was noticed meanwhile too: what waits elsewhere, and files that came into an inbox."""
        was_held = self.held()
        await self.keeper.resume(what)
        if self.begin and was_held and not self.held():
            await self.begin()
        self._look()
        return self._paused()

    def held(self) -> bool:
        """The gate before what begins by itself: whether a person's pause keeps it shut."""
        return self.keeper.held()

    def _look(self) -> None:
        """See to what came into a folder while its source was held."""
        if self.folders:
            self.folders.look()

    def _paused(self) -> PauseAnswer:
        return PauseAnswer(paused=dict(self.keeper.paused))

    async def schedule(self) -> ScheduleAnswer:
        """What comes next, and what is paused."""
        runs = self.keeper.next_runs()
        return ScheduleAnswer(
            enabled=self.keeper.policy.enabled,
            paused=dict(self.keeper.paused),
            next={name: at.isoformat(timespec="seconds") for name, at in runs.items()},
            origin=self.origin,
            others=list(self.others),
            changed_plans=await self.folders.changed_files(PLANS) if self.folders else [],
        )

    async def apply(self, settings: Settings) -> None:
        """Take up a schedule that was changed."""
        self.base = settings.schedule.policy(settings.daemon.timezone)
        await self.renew()

    async def renew(self) -> None:
        """Let hold what the settings and the owner's table say now."""
        policy = self.overlay(self.base)
        if policy != self.keeper.policy:
            await self.keeper.apply(policy)
            self._look()

    def findings(self) -> Sequence[Finding]:
        """Watched places that do not answer."""
        return self.folders.findings() if self.folders else ()

    async def watch(self, reloading: Reloading) -> None:
        """Watch the inboxes, the plans and config.toml, until cancelled."""
        settings = reloading.loaded.settings
        places = [_inbox(self, one.path, settings) for one in settings.inbox]
        if settings.plans.dir:
            places.append(_plans(settings.plans.dir))
        if reloading.loaded.path:
            places.append(_config(reloading.loaded.path, reloading))
        schedule = settings.schedule
        self.folders = Folders(
            self.database,
            self.clock,
            places,
            settle=settings.folder.settle,
            scan=schedule.scan,
            polling=schedule.polling,
        )
        await self.folders.run()


async def open_timing(
    settings: Settings, database: Database, clock: Clock, jobs: WorkEngine, sources: Sequence[Source]
) -> Timing:
    """The clock as the settings want it, with what it remembers."""
    policy = settings.schedule.policy(settings.daemon.timezone)
    keeper = Timekeeper(database, clock, jobs, policy, sources=[source.name for source in sources])
    await keeper.load()
    return Timing(keeper=keeper, jobs=jobs, database=database, clock=clock, base=policy)


def _inbox(timing: Timing, path: Path, settings: Settings) -> Place:
    async def changed(news: News) -> None:
        if news.new:
            await drop_request(timing.jobs, Scope.INCREMENTAL, source=FolderSource.name)

    scan = partial(audio_files, path, max_depth=settings.folder.max_depth)
    held = partial(timing.keeper.holds, FolderSource.name)
    return Place(name=f"{INBOX}{path}", path=path, scan=scan, changed=changed, held=held)


def _plans(path: Path) -> Place:
    async def changed(news: News) -> None:
        if not news.first:
            logger.info("plans changed", changed=sorted(news.new), gone=sorted(news.gone))

    return Place(name=f"{PLANS}{path}", path=path, scan=partial(plan_files, path), changed=changed)


def _config(path: Path, reloading: Reloading) -> Place:
    async def changed(news: News) -> None:
        await reloading.again(unasked=True)

    return Place(name=CONFIG, path=path, scan=partial(one_file, path), changed=changed, single=True, kept=False)
