"""Random histories of a list: likes, unlikes, looks that come to nothing, answers that break off."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musicsyncd.clock import ManualClock
from musicsyncd.database import MEMORY, Database
from musicsyncd.errors import Temporary
from musicsyncd.sources import spotify_library
from musicsyncd.sources.spotify_lists import MIGRATIONS, Lists
from tests.fakes.spotify import line, moment, track
from tests.sources.spotify_house import Ledger

DEEDS = st.tuples(
    st.sampled_from(["like", "like", "unlike", "take", "break", "sync", "sync", "day"]), st.integers(0, 12)
)
"""What is done, and how many lines, answers or tracks it is about."""


class Service:
    """A list of saved tracks, and an answer that may break off."""

    def __init__(self) -> None:
        self.lines: list[Any] = []
        self.now = self.asked = 0
        self.breaks_after: int | None = None

    def like(self, number: int) -> None:
        """Also anew, which puts it on top."""
        self.lines = [one for one in self.lines if one["track"]["id"] != f"{number:022d}"]
        self.now += self.now % 3  # some in the same second
        self.now += 1
        self.lines.insert(0, line(track(number), moment(self.now)))

    def current_user_saved_tracks(self, *, limit: int, offset: int) -> Any:
        return {"items": self.lines[offset : offset + limit], "total": len(self.lines)}

    async def ask(self, what: str, call: Any) -> Any:
        self.asked += 1
        if self.breaks_after is not None and self.asked > self.breaks_after:
            raise Temporary(what)
        return call(self)


async def lived(deeds: Sequence[tuple[str, int]]) -> None:
    """Do it all; after each pass that went well, everything that is saved is known."""
    clock, service, ledger = ManualClock(datetime(2026, 1, 1, tzinfo=UTC)), Service(), Ledger()

    async def account() -> str:
        return "ada"

    with tempfile.TemporaryDirectory() as folder:
        database = await Database.open(MEMORY, {"spotify": MIGRATIONS}, backups=Path(folder), clock=clock)
        library = spotify_library.SpotifyLibrary(service.ask, account, Lists(database), clock)

        async def look(*, taking: int | None, breaks_after: int | None = None) -> None:
            service.asked, service.breaks_after = 0, breaks_after
            found = await library.saved(ledger.unknown)
            ledger.take(found.tracks[:taking])

        async def sync() -> None:
            await look(taking=None)
            assert {f"track:{one['track']['id']}" for one in service.lines} <= ledger.ids

        for deed, number in (*deeds, ("sync", 0)):
            match deed:
                case "like":
                    for one in range(number):
                        service.like(7 * one + 3 * service.now % 40)
                case "unlike":
                    service.lines = [one for place, one in enumerate(service.lines) if place % 5 != number % 5]
                case "take":
                    await look(taking=number)
                case "break":
                    await look(taking=None, breaks_after=1 + number % 3)
                case "day":
                    await clock.advance(25 * 3600)
                case "sync":
                    await sync()
        await sync()
        await look(taking=None)
        assert service.asked == 1
        await database.close()


@settings(max_examples=200)
@given(st.lists(DEEDS, max_size=25))
def test_no_line_is_ever_lost(deeds: list[tuple[str, int]]) -> None:
    """And a pass with nothing new costs one question."""
    with pytest.MonkeyPatch.context() as small:
        small.setattr(spotify_library, "PAGE", 4)
        small.setattr(spotify_library, "RUN", 2)
        anyio.run(lived, deeds)
