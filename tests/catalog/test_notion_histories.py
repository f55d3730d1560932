"""Any history of likes, edits, bad days and ends without warning comes to one row per track once it is quiet."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from musicsyncd.errors import Degraded, Temporary
from tests.catalog.notion_house import WEATHER, HastyClock, House, house, kept, song
from tests.fakes.notion import NotionFake
from tests.fakes.notion_music import Workspace, music_workspace

TRACKS = st.integers(0, 4)
VALUES = st.sampled_from(["Mine", "Mine too", ""])
STEPS = st.one_of(
    st.tuples(st.just("publish"), TRACKS, st.sampled_from([-9.0, -8.5, -8.0])),
    st.tuples(st.just("killed"), TRACKS, st.sampled_from([-9.0, -8.5])),
    st.tuples(st.just("edit"), TRACKS, st.sampled_from(["Album", "Label", "Comments", "Title"]), VALUES),
    st.tuples(st.just("uncheck"), TRACKS),
    st.tuples(st.just("trash"), TRACKS),
    st.tuples(st.just("restore"), TRACKS),
    st.tuples(st.just("bad day"), st.sampled_from(WEATHER), st.integers(1, 3)),
    st.tuples(st.just("restart")),
    st.tuples(st.just("later"), st.sampled_from([1, 10, 400])),
    st.tuples(st.just("look")),
)


class History:
    """A workspace, what is known of its rows as the ledger would know it, and what persons did."""

    def __init__(self, fake: NotionFake, workspace: Workspace, clock: HastyClock) -> None:
        self.fake, self.workspace, self.clock = fake, workspace, clock
        self.wanted: dict[int, dict[str, Any]] = {}
        self.known: dict[int, str] = {}
        self.mine: dict[tuple[int, str], str] = {}
        self.out: set[int] = set()

    async def step(self, stands: House, what: str, *about: Any) -> None:
        match what:
            case "publish":
                await self.publish(stands, *about)
            case "killed":
                self.fake.fail("applied_timeout", where=lambda asked: asked.writes)
                with anyio.move_on_after(0.15):
                    await self.publish(stands, *about)
                self.fake.bad_days.clear()
            case "edit":
                self.edit(*about)
            case "bad day":
                kind, times = about
                self.fake.fail(kind, times=times)
            case "later":
                self.clock.skip(about[0])
            case "look":
                with suppress(Temporary, Degraded):
                    await stands.catalog.freshen()
            case _ if about[0] in self.known:
                self.by_hand(what, about[0])

    async def publish(self, stands: House, number: int, lufs: float) -> None:
        """One try of the daemon's."""
        self.wanted[number] = song(number, lufs=lufs)
        with suppress(Temporary, Degraded):
            known = self.known.get(number)
            done = await stands.catalog.publish(f"track{number}", self.wanted[number], known=known)
            if await stands.catalog.verify(done.id):
                self.known[number] = done.id

    def edit(self, number: int, name: str, value: str) -> None:
        if number in self.known and number not in self.out:
            self.fake.edit(self.known[number], {name: value})
            self.mine[number, name] = value

    def by_hand(self, what: str, number: int) -> None:
        if what == "uncheck":
            self.fake.edit(self.known[number], {"Downloaded": False})
        elif (what == "trash") != (number in self.out):
            self.fake.trash(self.known[number], restore=what == "restore")
            self.out ^= {number}

    async def quiet(self, stands: House) -> None:
        """All is well, and everything is asked for once more."""
        self.fake.bad_days.clear()
        self.clock.skip(1000)
        for number, fields in self.wanted.items():
            done = await kept(stands.catalog, self.clock, f"track{number}", fields)
            assert self.known.setdefault(number, done.id) == done.id
        self.right()
        self.clock.skip(1000)
        self.fake.requests.clear()
        await stands.catalog.freshen()
        for number, fields in self.wanted.items():
            read = await stands.catalog.read(self.known[number])
            assert read is not None
            assert stands.catalog.lacks(fields, read) == ()
            again = await stands.catalog.publish(f"track{number}", fields, known=self.known[number])
            assert again.changed == ()
        assert not [one for one in self.fake.requests if one.asked.writes]

    def right(self) -> None:
        """One row per track, each as it should be, and persons' words in them."""
        rows = self.fake.pages(self.workspace.tracks)
        keys = Counter(row["External Key"] for row in rows)
        assert keys == Counter(f"soundcloud:a/t{number}" for number in self.wanted.keys() - self.out)
        for number, fields in self.wanted.items():
            row = self.fake.page(self.known[number])
            assert row.in_trash == (number in self.out)
            if number not in self.out:
                assert (row["Audio LUFS Level"], row["Downloaded"]) == (fields["lufs"], True)
        for (number, name), value in self.mine.items():
            assert self.fake.page(self.known[number])[name] == value
        for database in (self.workspace.artists, self.workspace.playlists):
            names = [row["Name"] for row in self.fake.pages(database)]
            assert len(names) == len(set(names))


async def lived(steps: list[tuple[Any, ...]], folder: Path) -> None:
    clock = HastyClock()
    with NotionFake(clock=lambda: clock.now().timestamp()) as fake:
        workspace = music_workspace(fake)
        fake.lag = 2
        history = History(fake, workspace, clock)
        left = list(steps)
        while True:
            async with house(fake, workspace.tracks, workspace, clock=clock, path=folder / "m.db", lag=5) as stands:
                while left and (step := left.pop(0)) != ("restart",):
                    await history.step(stands, *step)
                if not left:
                    await history.quiet(stands)
                    break
        assert fake.faults == []


@pytest.mark.parametrize("examples", [6, pytest.param(150, marks=pytest.mark.full)])
def test_any_history(examples: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever happens, in whatever order."""

    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(STEPS, min_size=8, max_size=25))
    def histories(steps: list[tuple[Any, ...]]) -> None:
        anyio.run(partial(lived, steps, tmp_path_factory.mktemp("history")))

    histories()
