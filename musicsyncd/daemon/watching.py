"""Looks at what is wrong: at the start, soon after something failed, and every now and then; the post sees it told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import anyio

from musicsyncd.alerts.telling import next_look
from musicsyncd.daemon.house import House
from musicsyncd.jobs.job import JobState

GAP: Final = 60.0
"""Seconds between two looks at least, however much fails meanwhile."""


async def watch(house: House) -> None:
    """Look and tell until the daemon stops."""
    await house.notion.looked()  # what was wrong before a restart is not over because nobody has looked yet
    await Watch(house).run()


@dataclass
class Watch:
    """The task that looks, with the one that listens and the post."""

    house: House
    news: anyio.Event = field(default_factory=anyio.Event)
    """Set when something happened that may be wrong, or set right."""

    async def run(self) -> None:
        """Until cancelled."""
        self.house.post.on_trouble = lambda: self.news.set()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.house.post.run, name="post")
            tasks.start_soon(self._listen, name="alerts listen")
            while True:
                await self._until_news(await self._look())

    async def _look(self) -> float:
        """Take everything in; the seconds until the next look is due."""
        self.news = anyio.Event()
        post, every = self.house.post, self.house.settings.alerts.every
        known = await post.observe(await self.house.operations.findings())
        soonest = next_look(known, post.outbox.rules, self.house.clock.now())
        return every if soonest is None else min(every, max(soonest, GAP))

    async def _until_news(self, longest: float) -> None:
        clock = self.house.clock
        await clock.sleep(min(GAP, longest))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._wake, longest - GAP, name="alerts alarm")
            await self.news.wait()
            tasks.cancel_scope.cancel()

    async def _wake(self, seconds: float) -> None:
        await self.house.clock.sleep(seconds)
        self.news.set()

    async def _listen(self) -> None:
        async for event in self.house.jobs.events():
            if event.event == "ended" and event.state in (JobState.FAILED, JobState.PARTIAL):
                self.news.set()
