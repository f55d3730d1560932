"""How Eagle is right now: whether it answers, which library is open, and what the settings allow to be done then."""

from __future__ import annotations

import posixpath
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import anyio
import structlog

from musicsyncd.clock import Clock
from musicsyncd.errors import Degraded, MusicsyncError, Temporary
from musicsyncd.library.base import Condition, ShelfState
from musicsyncd.library.eagle_book import EagleBook
from musicsyncd.library.eagle_client import OPEN_EAGLE, EagleClient, TokenRefused
from musicsyncd.processes.launch import launch

logger = structlog.get_logger()
AGAIN: Final = 600.0
"""Seconds before Eagle is launched once more: who closes it wants it closed."""
PROBE_DEADLINE: Final = 10.0
"""Seconds within which it must say which library is open."""
SILENT: Final = 30.0
"""Seconds for which one that hangs is taken to hang still."""
NEXT_DEADLINE: Final = 1.0
"""Seconds within which one that hung must answer a look: it keeps nobody waiting twice."""


@dataclass(frozen=True, kw_only=True)
class EagleOptions:
    """How Eagle is used, as [eagle] says."""

    formats: tuple[str, ...]
    library: str = ""
    """Path of the library that must be open; empty: the one that is open at the first meeting."""
    launch: Sequence[str] = ()
    launch_timeout: float = 45.0
    """Seconds until it answers."""
    switch_library: bool = False
    import_timeout: float = 300.0
    """Seconds."""


class Presence:
    """Looks at Eagle. That it hangs is remembered for a while: it costs one look, however many ask."""

    def __init__(self, client: EagleClient, book: EagleBook, options: EagleOptions, clock: Clock) -> None:
        self._client, self._book, self._options, self._clock = client, book, options, clock
        self._looking = anyio.Lock()
        self._silence: tuple[float, ShelfState] | None = None
        self._launched: float | None = None

    async def state(self) -> ShelfState:
        """As for every shelf. That Eagle hangs is remembered for a while, for all who look."""
        if state := self.remembered():
            return state
        async with self._looking:
            return self.remembered() or await self._state_within(NEXT_DEADLINE if self._silence else PROBE_DEADLINE)

    def remembered(self) -> ShelfState | None:
        """How it was, where it hung so short a time ago that it is not asked again."""
        now = self._clock.monotonic()
        return self._silence[1] if self._silence and now - self._silence[0] < SILENT else None

    async def prepare(self) -> ShelfState:
        """How it is, once what the settings allow was done about it: Eagle launched, its library opened."""
        state = await self._state_now()
        if state.condition is Condition.ABSENT and self._may_launch():
            state = await self._launch()
        if state.condition is Condition.FOREIGN and self._options.switch_library:
            with suppress(Degraded):
                await self._client.switch(state.path)
                state = await self._until(Condition.READY, 1.0)
        return state

    async def _state_within(self, seconds: float) -> ShelfState:
        wanted = await self._wanted()
        try:
            with anyio.fail_after(seconds):
                state = await self._state(wanted)
        except TimeoutError:
            why, fix = "Eagle hangs", "Look at Eagle, or start it anew"
            state = ShelfState(condition=Condition.ABSENT, why=why, fix=fix, path=wanted)
            self._silence = self._clock.monotonic(), state
            return state
        self._silence = None
        if self._client.closed:
            self._client.closed = False
            await self._book.closed(now=self._clock.now())
        return state

    async def _state(self, wanted: str) -> ShelfState:
        try:
            opened = await self._client.library()
        except TokenRefused as error:
            return ShelfState(condition=Condition.DENIED, why=error.what, fix=error.fix, path=wanted)
        except MusicsyncError as error:
            return ShelfState(condition=Condition.ABSENT, why=error.why or error.what, fix=error.fix, path=wanted)
        if not opened:
            return ShelfState(
                condition=Condition.ABSENT, why="No library is open", fix="Open one in Eagle", path=wanted
            )
        opened = _canonical(opened)
        if not wanted:
            await self._book.meet(opened, now=self._clock.now())
            wanted = opened
        if opened != wanted:
            why, fix = f"Another library is open: {opened}", f"Open {wanted} in Eagle, or change eagle.library"
            return ShelfState(condition=Condition.FOREIGN, why=why, fix=fix, path=wanted)
        return ShelfState(condition=Condition.READY, path=wanted, marker=wanted)

    async def _state_now(self) -> ShelfState:
        async with self._looking:
            return await self._state_within(PROBE_DEADLINE)

    async def _wanted(self) -> str:
        return _canonical(self._options.library) or await self._book.library()

    def _may_launch(self) -> bool:
        now = self._clock.monotonic()
        return bool(self._options.launch) and (self._launched is None or now - self._launched >= AGAIN)

    async def _launch(self) -> ShelfState:
        self._launched = self._clock.monotonic()
        try:
            await launch(self._options.launch)
        except Temporary as error:
            return ShelfState(condition=Condition.ABSENT, why=str(error), fix=OPEN_EAGLE, path=await self._wanted())
        logger.info("Eagle launched")
        return await self._until(Condition.READY, 2.0, Condition.FOREIGN, Condition.DENIED)

    async def _until(self, wanted: Condition, pause: float, *others: Condition) -> ShelfState:
        ends = self._clock.monotonic() + self._options.launch_timeout
        state = await self._state_now()
        while state.condition not in (wanted, *others) and self._clock.monotonic() < ends:
            await self._clock.sleep(pause)
            state = await self._state_now()
        return state


def _canonical(path: str) -> str:
    """One spelling of a library's path: a person, macOS and Eagle may each have their own."""
    return posixpath.normpath(unicodedata.normalize("NFC", path)) if path else ""
