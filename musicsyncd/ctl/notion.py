"""What Notion says of the databases in the settings, asked from a process that has no event loop of its own."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import anyio

from musicsyncd.clock import SystemClock
from musicsyncd.http.budget import Budget
from musicsyncd.http.client import HttpOptions
from musicsyncd.notion.client import Notion, pace, service
from musicsyncd.notion.preflight import Finding, check

if TYPE_CHECKING:
    from musicsyncd.settings import Settings

PATIENCE: Final = 15.0
"""Seconds, at most, for one answer: a person is waiting."""


def findings(settings: Settings, deadline: float) -> list[Finding]:
    """What is right and what is not with each database; within `deadline` seconds."""
    logging.getLogger("musicsyncd.notion").setLevel(logging.CRITICAL)  # what matters is in the findings
    return anyio.run(_findings, settings, deadline)


async def _findings(settings: Settings, deadline: float) -> list[Finding]:
    section = settings.notion.model_copy(update={"timeout": min(settings.notion.timeout, PATIENCE)})
    clock, http = SystemClock(), settings.http
    options = HttpOptions(
        proxy=http.proxy.get_secret_value(), ca_file=http.ca_file, timeout=http.timeout, trust_env=http.trust_env
    )
    notion = Notion(section, Budget(service(section), pace(section), clock), options, clock)
    try:
        with anyio.fail_after(deadline):
            return await check(notion, section)
    except TimeoutError:
        what = f"Notion did not tell about all databases within {deadline:g} s"
        fix = "Try again in a minute; look at [http] and at status.notion.so"
        return [Finding(database="token", ok=False, kind="unreachable", what=what, fix=fix, required=False)]
    finally:
        with anyio.CancelScope(shield=True):
            await notion.close()
