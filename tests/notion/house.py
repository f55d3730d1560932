"""A client of ours before the fake workspace, on a clock that costs no time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anyio
from pydantic import SecretStr

from musicsyncd.clock import ManualClock
from musicsyncd.http.budget import Budget
from musicsyncd.http.client import HttpOptions
from musicsyncd.notion.client import Notion, pace, service
from musicsyncd.notion.section import NotionSection
from tests.fakes.notion import NotionFake
from tests.fakes.notion_faults import Answer, Asked


class Odd(NotionFake):
    """Answers whatever a test says, first `once` and then `answer`; else as Notion does."""

    answer: Answer | None = None
    once: Answer | None = None

    def serve(self, asked: Asked, headers: Mapping[str, str]) -> Answer:
        once, self.once = self.once, None
        return once or self.answer or super().serve(asked, headers)


class Hasty(ManualClock):
    """A clock on which whoever waits has waited already."""

    async def sleep(self, seconds: float) -> None:
        self._elapsed += max(0.0, seconds)
        await anyio.lowlevel.checkpoint()


@dataclass(frozen=True)
class House:
    """What a test asks through, and what it asks."""

    fake: NotionFake
    notion: Notion
    section: NotionSection
    budget: Budget
    clock: ManualClock


def section_of(fake: NotionFake, **more: Any) -> NotionSection:
    """The settings that lead to the fake; quick enough that nobody waits for a turn, unless said otherwise."""
    given: dict[str, Any] = {
        "token": SecretStr(fake.token),
        "base_url": fake.url,
        "requests_per_second": 100.0,
        "timeout": 5.0,
    }
    return NotionSection(**(given | more))


@asynccontextmanager
async def house(fake: NotionFake, clock: ManualClock | None = None, **more: Any) -> AsyncIterator[House]:
    """The client, closed at the end."""
    clock, section = clock or Hasty(), section_of(fake, **more)
    budget = Budget(service(section), pace(section), clock)
    notion = Notion(section, budget, HttpOptions(), clock)
    try:
        yield House(fake, notion, section, budget, clock)
    finally:
        await notion.close()
