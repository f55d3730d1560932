"""Looks now and then whether Notion is what the settings take it for; what is wrong stops its own side, and is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import anyio
import structlog

from musicsyncd.alerts import base as alerts
from musicsyncd.alerts.base import Severity
from musicsyncd.clock import Clock
from musicsyncd.daemon.bell import Bell
from musicsyncd.errors import MusicsyncError, NeedsPerson
from musicsyncd.notion.client import Notion
from musicsyncd.notion.preflight import Finding, check
from musicsyncd.notion.section import NotionSection

logger = structlog.get_logger()
EVERY: Final = 6 * 3600.0
"""Seconds between two looks while all is as it should be."""
SOON: Final = 15 * 60.0
"""The same while something is not: a person may be mending it. Who was out of reach is asked when it may be asked."""
AT_MOST: Final = 60.0
"""Seconds, at least, between two looks for which somebody met what should not be."""
PATIENCE: Final = 60.0
"""Seconds for which others wait for the first look."""
GRACE: Final = 15 * 60.0
"""Seconds for which Notion may be out of reach before anybody is told."""
FOLLOWS: Final = {
    "token": ("catalog:notion", "channel:notion-tasks", "channel:notion-issues"),
    "tracks_db": ("catalog:notion",),
    "tasks_db": ("channel:notion-tasks",),
    "issues_db": ("channel:notion-issues",),
}
"""By setting, the findings that are no news where it is wrong."""


class Preflight:
    """What the last look found."""

    def __init__(self, notion: Notion, section: NotionSection, clock: Clock) -> None:
        self._notion, self._section, self._clock = notion, section, clock
        self._looked, self._doubted = anyio.Event(), Bell(clock, "doubt of Notion")
        self._looking, self._at = anyio.Lock(), -AT_MOST
        self._found: Sequence[Finding] = ()
        self.on_news: Callable[[], None] = lambda: None
        """Called when something else is wrong than before."""

    async def keep(self) -> None:
        """Look until cancelled: now and then, and when somebody met what should not be."""
        while True:
            await self.look()
            while await self._doubted.wait(self._pause(), self._left):
                await self._look_again()

    def doubt(self) -> None:
        """Somebody met what should not be: look before anything else is asked. What a look itself meets is none."""
        if not self._looking.locked():
            self._doubted.ring()

    async def look(self) -> None:
        """Look once; one at a time."""
        async with self._looking:
            await self._look()

    async def _look_again(self) -> None:
        """Look, if there is doubt still: one look is for all who met the same, at most one a minute."""
        async with self._looking:
            if self._doubted.rung and self._left() <= 0:
                await self._look()

    def _left(self) -> float:
        """Seconds until doubt may be looked into."""
        return max(0.0, self._at + AT_MOST - self._clock.monotonic())

    def _pause(self) -> float:
        """Seconds until the next look for which there is no other reason."""
        if any(one.kind == "unreachable" for one in self._found):
            return max(AT_MOST, self._notion.rest)
        return EVERY if all(one.ok for one in self._found) else SOON

    async def _look(self) -> None:
        self._at = self._clock.monotonic()
        self._doubted.still()
        before = {_key(one) for one in self._found if not one.ok}
        self._found = await check(self._notion, self._section)
        for one in self._found:
            if not one.ok and _key(one) not in before:
                logger.warning("Notion is not as it should be", setting=one.database, kind=one.kind, what=one.what)
        self._looked.set()
        if before != {_key(one) for one in self._found if not one.ok}:
            self.on_news()

    async def looked(self) -> None:
        """Return when there was a first look, or when it takes too long."""
        with anyio.move_on_after(PATIENCE):
            await self._looked.wait()

    async def admit(self) -> None:
        """Let a writer of rows pass; NeedsPerson while the database of tracks is not what it should be."""
        await self.looked()
        if self._doubted.rung:
            await self._look_again()
        wrong = (one for one in self._found if one.database in ("token", "tracks_db") and _stops(one))
        if one := next(wrong, None):
            raise _as_error(one)

    def findings(self) -> list[alerts.Finding]:
        """What a person should see to."""
        return [_told(one) for one in self._found if not one.ok]


def _stops(one: Finding) -> bool:
    """Out of reach is no reason by itself: who asks meets it, and comes again."""
    return not one.ok and one.required and one.kind != "unreachable"


def _as_error(one: Finding) -> MusicsyncError:
    return NeedsPerson(one.what, why=one.why, fix=one.fix)


def _key(one: Finding) -> str:
    """Stable: a database is wrong once, and each of its fields once."""
    return f"notion:{one.database}" + (f":{one.field}" if one.field and not one.required else "")


def _told(one: Finding) -> alerts.Finding:
    away = one.kind == "unreachable"
    return alerts.Finding(
        key=_key(one),
        severity=_severity(one),
        what="Notion cannot be asked" if away else one.what,
        why=f"{one.what}. {one.why}".rstrip(". ") if away else one.why,
        fix=one.fix,
        subject="Notion" if one.database == "token" else f"notion.{one.database}",
        grace=GRACE if away else 0.0,
        explains=FOLLOWS.get(one.database, ()) if one.required else (),
    )


def _severity(one: Finding) -> Severity:
    if not one.required:
        return Severity.WARNING
    if one.kind == "unreachable":
        return Severity.ERROR
    return _STOPPING.get(one.database, Severity.ERROR)


_STOPPING: Final[Mapping[str, Severity]] = {"token": Severity.CRITICAL, "tracks_db": Severity.CRITICAL}
