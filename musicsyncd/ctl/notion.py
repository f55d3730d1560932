"""Notion asked from a process without an event loop of its own: about the databases in use, or for new ones."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, TypeVar

import anyio

from musicsyncd.clock import SystemClock
from musicsyncd.errors import Temporary
from musicsyncd.http.budget import Budget
from musicsyncd.http.client import HttpOptions
from musicsyncd.notion.client import URGENCY, Notion, Urgency, pace, service
from musicsyncd.notion.founding import Founded, found, only_page
from musicsyncd.notion.mapping import Held, mapped
from musicsyncd.notion.preflight import Finding, check

if TYPE_CHECKING:
    from musicsyncd.settings import Settings

T = TypeVar("T")
PATIENCE: Final = 15.0
"""Seconds, at most, for one answer: a person is waiting."""


def findings(settings: Settings, deadline: float) -> list[Finding]:
    """What is right and what is not with each database; within `deadline` seconds."""
    try:
        return _asked(settings, deadline, lambda notion: check(notion, settings.notion))
    except TimeoutError:
        what = f"Notion did not tell about all databases within {deadline:g} s"
        fix = "Try again in a minute; look at [http] and at status.notion.so"
        return [Finding(database="token", ok=False, kind="unreachable", what=what, fix=fix, required=False)]


def mapping(settings: Settings, deadline: float) -> list[Held]:
    """Which property holds which field; Temporary when that takes longer than `deadline` seconds."""
    return _in_time(settings, deadline, lambda notion: mapped(notion, settings.notion))


def founded(settings: Settings, page: str, deadline: float) -> list[Founded]:
    """A whole set of databases below that page, or below the only one that is shared; raises what the client raises."""

    async def make(notion: Notion) -> list[Founded]:
        below = page or await only_page(notion)
        return await found(notion, below, SystemClock(), settings.notion.lag)

    return _in_time(settings, deadline, make)


def _in_time(settings: Settings, deadline: float, ask: Callable[[Notion], Awaitable[T]]) -> T:
    try:
        return _asked(settings, deadline, ask)
    except TimeoutError:
        fix = "Ask again: what is done is not done twice"
        raise Temporary(f"Notion did not do it within {deadline:g} s", fix=fix) from None


def _asked(settings: Settings, deadline: float, ask: Callable[[Notion], Awaitable[T]]) -> T:
    logger = logging.getLogger("musicsyncd.notion")
    before = logger.level
    logger.setLevel(logging.CRITICAL)  # what matters is in the answer
    try:
        return anyio.run(_opened, settings, deadline, ask)
    finally:
        logger.setLevel(before)


async def _opened(settings: Settings, deadline: float, ask: Callable[[Notion], Awaitable[T]]) -> T:
    section = settings.notion.model_copy(update={"timeout": min(settings.notion.timeout, PATIENCE)})
    clock, http = SystemClock(), settings.http
    options = HttpOptions(
        proxy=http.proxy.get_secret_value(), ca_file=http.ca_file, timeout=http.timeout, trust_env=http.trust_env
    )
    URGENCY.set(Urgency.USER)
    notion = Notion(section, Budget(service(section), pace(section), clock), options, clock)
    try:
        with anyio.fail_after(deadline):
            return await ask(notion)
    finally:
        with anyio.CancelScope(shield=True):
            await notion.close()
