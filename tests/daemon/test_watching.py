"""When is looked at what is wrong: at the start, soon after something failed, when something may be over, and else
seldom.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import anyio
import pytest

from musicsyncd.alerts.base import Finding, Kind, Severity
from musicsyncd.alerts.memory import MemoryChannel
from musicsyncd.alerts.outbox import MIGRATIONS, Outbox
from musicsyncd.alerts.post import Post
from musicsyncd.alerts.section import AlertsSection
from musicsyncd.clock import ManualClock
from musicsyncd.daemon.house import House
from musicsyncd.daemon.notion import NotionSide
from musicsyncd.daemon.watching import GAP, watch
from musicsyncd.database import Database
from musicsyncd.jobs.events import Broadcast
from musicsyncd.jobs.job import JobEvent, JobState
from tests.jobs.driving import eventually

SECTION = AlertsSection(every=3600.0, settle=600.0)
WRONG = Finding(key="a", severity=Severity.ERROR, what="a is wrong")


@dataclass
class Rooms:
    """What the watch knows of the house."""

    post: Post
    clock: ManualClock
    channel: MemoryChannel
    broadcast: Broadcast = field(default_factory=Broadcast)
    wrong: list[Finding] = field(default_factory=list)
    looks: int = 0
    notion: NotionSide = field(default_factory=NotionSide)

    @property
    def settings(self) -> Any:
        return type("Settings", (), {"alerts": SECTION})

    @property
    def operations(self) -> Rooms:
        return self

    @property
    def jobs(self) -> Rooms:
        return self

    def events(self) -> AsyncIterator[JobEvent]:
        return self.broadcast.listen()

    async def findings(self) -> list[Finding]:
        self.looks += 1
        return list(self.wrong)

    def ended(self, state: JobState) -> None:
        at = datetime(2026, 1, 1, tzinfo=UTC)
        self.broadcast.tell(JobEvent(job="j", kind="track", key="t", parent=None, event="ended", state=state, at=at))

    async def after(self, seconds: float, looks: int) -> None:
        """Let time pass; so many looks must have been made in all."""
        await self.clock.advance(seconds)
        await eventually(lambda: self.looks >= looks)
        await anyio.sleep(0.02)
        assert self.looks == looks


@pytest.fixture
async def rooms(tmp_path: Path) -> AsyncIterator[Rooms]:
    clock, channel = ManualClock(), MemoryChannel()
    database = await Database.open(tmp_path / "m.db", {"alerts": MIGRATIONS}, backups=tmp_path, clock=clock)
    post = Post(Outbox(database, clock, [channel.name], SECTION.rules), [channel], clock)
    rooms = Rooms(post, clock, channel)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch, cast(House, rooms))
        await rooms.after(0, 1)
        yield rooms
        tasks.cancel_scope.cancel()
    await database.close()


async def test_a_calm_hour_has_one_look(rooms: Rooms) -> None:
    """Nothing is asked in between."""
    await rooms.after(SECTION.every - 1, 1)
    await rooms.after(1, 2)


async def test_what_fails_is_looked_at_soon_and_never_in_a_row(rooms: Rooms) -> None:
    """A hundred failures within a minute are one look; a job that went well is none."""
    await rooms.after(GAP * 2, 1)
    rooms.ended(JobState.DONE)
    await rooms.after(1, 1)
    rooms.wrong = [WRONG]
    rooms.ended(JobState.FAILED)
    await rooms.after(0, 2)
    await eventually(lambda: rooms.channel.kinds("a") == [Kind.OPENED])
    for _ in range(100):
        rooms.ended(JobState.FAILED)
    await rooms.after(GAP - 1, 2)
    await rooms.after(1, 3)


async def test_the_end_is_told_as_soon_as_it_is_sure(rooms: Rooms) -> None:
    """Not an hour later: when the calm has lasted."""
    rooms.wrong = [WRONG]
    await rooms.after(SECTION.every, 2)
    rooms.wrong = []
    await rooms.after(SECTION.every, 3)
    assert rooms.channel.kinds("a") == [Kind.OPENED]
    await rooms.after(SECTION.settle, 4)
    await eventually(lambda: rooms.channel.kinds("a") == [Kind.OPENED, Kind.RESOLVED])


async def test_a_channels_trouble_is_told_by_the_next_look(rooms: Rooms) -> None:
    """The post says that one fails."""
    rooms.post.on_trouble()
    await rooms.after(GAP, 2)
