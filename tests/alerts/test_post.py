"""The outbox and the post on a real database: nothing that was observed is lost, whatever the channels do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import anyio.abc
import pytest
from structlog.testing import capture_logs

from musicsyncd.alerts.base import Alert, Channel, Finding, Kind, Severity
from musicsyncd.alerts.memory import MemoryChannel
from musicsyncd.alerts.outbox import MIGRATIONS, Outbox
from musicsyncd.alerts.post import FIRST_WAIT, LONGEST_WAIT, MENDED, Post
from musicsyncd.alerts.telling import Rules
from musicsyncd.clock import ManualClock
from musicsyncd.database import Database
from musicsyncd.errors import NeedsPerson, Permanent, Temporary
from tests.alerts.contract import finding
from tests.jobs.driving import eventually

RULES = Rules(settle=600.0)


@dataclass
class Office:
    """A post with two channels, on a clock that stands still."""

    folder: Path
    clock: ManualClock = field(default_factory=ManualClock)
    one: MemoryChannel = field(default_factory=lambda: MemoryChannel(name="one"))
    two: MemoryChannel = field(default_factory=lambda: MemoryChannel(name="two"))

    async def open(self, *more: Channel) -> None:
        """Begin, as after a restart."""
        path = self.folder / "m.db"
        self.database = await Database.open(path, {"alerts": MIGRATIONS}, backups=self.folder, clock=self.clock)
        channels = (self.one, self.two, *more)
        outbox = Outbox(self.database, self.clock, [channel.name for channel in channels], RULES)
        self.post = Post(outbox, channels, self.clock)

    async def advance(self, seconds: float) -> None:
        """Let time pass once everybody has done what was due."""
        await self.clock.advance(seconds)

    async def tries(self, channel: str, key: str = "volume:VIBES") -> int:
        """So often was it tried without success; 0 where nothing is due."""
        known = await self.post.outbox.known()
        pending = known[key].pending if key in known else {}
        return pending[channel].tries if channel in pending and pending[channel].error else 0


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    office = Office(tmp_path)
    await office.open()
    yield office
    await office.database.close()


@pytest.fixture
async def tasks() -> AsyncIterator[anyio.abc.TaskGroup]:
    async with anyio.create_task_group() as group:
        yield group
        group.cancel_scope.cancel()


async def until_tried(office: Office, channel: str, tries: int) -> None:
    """Return when the channel failed so often."""

    async def tried() -> bool:
        return await office.tries(channel) == tries

    await eventually(tried)


async def test_what_is_observed_is_told_by_all_and_remembered(office: Office, tasks: anyio.abc.TaskGroup) -> None:
    """From its beginning to its end on one page, with the reference that the channel gave."""
    tasks.start_soon(office.post.run)
    await office.post.observe([finding()])
    await eventually(lambda: len(office.one.told) == len(office.two.told) == 1)
    await office.post.observe([])
    await office.advance(RULES.settle)
    await office.post.observe([])
    await eventually(lambda: len(office.one.told) == 2)
    assert [alert.reference for alert in office.one.told] == ["", "page-1"]
    assert [page.status for page in office.one.pages.values()] == ["closed"]
    await office.post.observe([finding()])
    await eventually(lambda: len(office.one.told) == 3)
    assert [page.status for page in office.one.pages.values()] == ["open"], "the same page, opened again"


async def test_one_that_is_down_holds_no_other_up_and_loses_nothing(office: Office, tasks: anyio.abc.TaskGroup) -> None:
    """It is left alone for longer each time, up to an hour; then everything comes, the latest word of each."""
    office.one.errors = [Temporary("down")] * 20
    tasks.start_soon(office.post.run)
    await office.post.observe([finding()])
    await eventually(lambda: len(office.two.told) == 1)
    waits = [min(FIRST_WAIT * 2**number, LONGEST_WAIT) for number in range(20)]
    for tries, wait in enumerate(waits, 1):
        await until_tried(office, "one", tries)
        await office.advance(wait - 1)
        await anyio.sleep(0.01)
        assert await office.tries("one") == tries
        await office.advance(1.001)
    await eventually(lambda: len(office.one.told) == 1)
    assert office.one.told[0].attempt == 21
    assert await office.post.outbox.troubles() == []


async def test_a_delay_that_the_channel_names_is_kept(office: Office, tasks: anyio.abc.TaskGroup) -> None:
    """For everything that it is to tell."""
    office.one.errors = [Temporary("too fast", delay=5000.0)]
    tasks.start_soon(office.post.run)
    await office.post.observe([finding()])
    await until_tried(office, "one", 1)
    await office.post.observe([finding(), finding("b")])
    await office.advance(4900.0)
    await anyio.sleep(0.02)
    assert office.one.told == []
    await office.advance(101.0)
    await eventually(lambda: len(office.one.told) == 2)


async def test_one_that_a_person_must_mend_says_so_at_once_and_is_tried_seldom(
    office: Office, tasks: anyio.abc.TaskGroup
) -> None:
    """The trouble is there for the others to tell; a test lets everything come that was kept."""
    heard = []
    office.post.on_trouble = lambda: heard.append(1)
    office.one.errors = [NeedsPerson("The page is not shared", fix="Share it")] * 2
    tasks.start_soon(office.post.run)
    await office.post.observe([finding()])
    await until_tried(office, "one", 1)
    (trouble,) = await office.post.outbox.troubles()
    assert (trouble.channel, trouble.waiting, trouble.lasting) == ("one", 1, True)
    assert "Share it" in trouble.error
    assert heard
    await office.advance(MENDED - 1)
    assert office.one.told == []
    assert (await office.post.test())["one"] is not None
    went = await office.post.test()
    assert went == {"one": None, "two": None}
    await eventually(lambda: office.one.kinds("volume:VIBES") == [Kind.OPENED])


async def test_a_fault_in_a_channel_is_no_fault_of_the_post(office: Office, tasks: anyio.abc.TaskGroup) -> None:
    """It is logged, kept and tried again as any other failure; the error's text may hold anything and is not kept."""
    office.one.errors = [RuntimeError("cAnaRy")]
    with capture_logs() as lines:
        tasks.start_soon(office.post.run)
        await office.post.observe([finding()])
        await until_tried(office, "one", 1)
    assert "channel failed" in {line["event"] for line in lines}
    (trouble,) = await office.post.outbox.troubles()
    assert "cAnaRy" not in trouble.error
    assert "RuntimeError" in trouble.error


async def test_a_lost_answer_makes_no_second_page(office: Office, tasks: anyio.abc.TaskGroup) -> None:
    """The page was written and the connection broke: the second try knows that, and finds it."""
    office.one.lost = [Temporary("broken off")]
    tasks.start_soon(office.post.run)
    await office.post.observe([finding()])
    await until_tried(office, "one", 1)
    await office.advance(FIRST_WAIT + 1)
    await eventually(lambda: len(office.one.told) == 2)
    assert len(office.one.pages) == 1
    assert office.one.told[0].id == office.one.told[1].id


async def test_what_was_observed_survives_a_restart(office: Office) -> None:
    """Untold, it is told by the next run; told, it is not told again."""
    await office.post.observe([finding("a"), finding("b", Severity.INFO)])
    await office.database.close()
    await office.open()
    async with anyio.create_task_group() as first:
        first.start_soon(office.post.run)
        await eventually(lambda: len(office.one.told) == 1 and len(office.two.told) == 1)
        await anyio.sleep(0.05)
        first.cancel_scope.cancel()
    await office.database.close()
    await office.open()
    async with anyio.create_task_group() as second:
        second.start_soon(office.post.run)
        await office.post.observe([finding("a"), finding("b", Severity.INFO)])
        await anyio.sleep(0.05)
        second.cancel_scope.cancel()
    assert (office.one.kinds("a"), office.one.kinds("b")) == ([Kind.OPENED], [])
    assert (await office.post.outbox.known())["a"].count == 2


async def test_one_alert_that_is_not_taken_holds_no_other_up(office: Office, tasks: anyio.abc.TaskGroup) -> None:
    """It is kept and tried seldom, whatever else is told meanwhile."""
    office.one.errors = [Permanent("This text is too long")]
    tasks.start_soon(office.post.run)
    await office.post.observe([finding("odd", Severity.CRITICAL)])
    await eventually(lambda: office.two.kinds("odd") == [Kind.OPENED] and not office.one.errors)
    await office.post.observe([finding("odd", Severity.CRITICAL), finding("b"), finding("c")])
    await eventually(lambda: len(office.one.told) == 2)
    await office.advance(MENDED - 1)
    assert [alert.finding.key for alert in office.one.told] == ["b", "c"]
    await office.advance(2)
    await eventually(lambda: office.one.kinds("odd") == [Kind.OPENED])


class Slow(Channel):
    """Holds on to what it is given until told to go on."""

    name = "slow"

    def __init__(self) -> None:
        self.began, self.go = anyio.Event(), anyio.Event()
        self.told: list[Alert] = []

    async def deliver(self, alert: Alert) -> str:
        self.began.set()
        await self.go.wait()
        self.told.append(alert)
        return "slow-1"


async def test_what_becomes_due_during_a_delivery_is_not_lost(office: Office, tasks: anyio.abc.TaskGroup) -> None:
    """The trouble ends while its beginning is being told: both are told, in order."""
    slow = Slow()
    await office.database.close()
    await office.open(slow)
    tasks.start_soon(office.post.run)
    await office.post.observe([finding()])
    await slow.began.wait()
    await office.post.observe([])
    await office.advance(RULES.settle)
    await office.post.observe([])
    slow.go.set()
    await eventually(lambda: len(slow.told) == 2)
    assert [(alert.kind, alert.reference, alert.attempt) for alert in slow.told] == [
        (Kind.OPENED, "", 1),
        (Kind.RESOLVED, "slow-1", 1),
    ]


async def test_a_test_leaves_nothing_behind(office: Office) -> None:
    """Neither a finding nor a page, and each channel's trouble is its own."""
    office.two.errors = [Permanent("no")]
    went = await office.post.test()
    assert (went["one"], str(went["two"])) == (None, "no.")
    assert [alert.kind for alert in office.one.told] == [Kind.TEST]
    assert (office.one.pages, await office.post.outbox.known()) == ({}, {})


async def test_the_worst_is_told_first(office: Office, tasks: anyio.abc.TaskGroup) -> None:
    """Whatever was found first."""
    severities = (Severity.WARNING, Severity.CRITICAL, Severity.ERROR)
    await office.post.observe([Finding(key=one.word, severity=one, what=one.word) for one in severities])
    tasks.start_soon(office.post.run)
    await eventually(lambda: len(office.one.told) == 3)
    assert [alert.finding.key for alert in office.one.told] == ["critical", "error", "warning"]
