"""Whether the daemon still gets anywhere: loop, engine and memory are watched; the service manager hears of it."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Protocol

import structlog

from musicsyncd.alerts.base import Finding, Severity
from musicsyncd.clock import Clock
from musicsyncd.control.attention import resident_bytes
from musicsyncd.daemon.notify import Notifier
from musicsyncd.daemon.supervision import Supervision

logger = structlog.get_logger()
Proof = Callable[[], Awaitable[str]]
"""Asks a part for proof that it gets on: why it does not, or nothing."""
LOOK: Final = 30.0
"""Seconds between two looks where no service manager counts them."""
LATENCY: Final = 5.0
"""Seconds for which the loop may be held up before that is told."""
TOO_MUCH: Final = 3
"""Looks in a row that find the memory above its ceiling before anything is done."""
RESTART_ME: Final = 5
"""Exit code of a daemon that wants to be started anew: "temporary, retry later"."""


class Engine(Protocol):
    """What is watched of the job engine."""

    @property
    def turns(self) -> int:
        """How often it looked for work so far."""

    async def neglected(self) -> bool:
        """Whether work is due and a slot is free for it."""

    def standing_still(self, seconds: float) -> Mapping[str, str]:
        """Running jobs, by id, that have not moved for so long, with where they stand."""

    async def drain(self) -> None:
        """Claim nothing more; return when nothing runs."""


class Vitals:
    """Looks after the daemon at regular times."""

    def __init__(self, engine: Engine, supervision: Supervision, notifier: Notifier, clock: Clock) -> None:
        self._engine, self._supervision, self._notifier, self._clock = engine, supervision, notifier, clock
        self._proofs: dict[str, Proof] = {"job engine": self._engine_gets_on}
        self._turns = -1
        self._suspected: set[str] = set()
        self._doubted: dict[str, str] = {}
        self._still: set[str] = set()

    def prove(self, name: str, proof: Proof) -> None:
        """Have another part prove that it gets on."""
        self._proofs[name] = proof

    async def watch(self, still: float) -> None:
        """Feed the service manager's watchdog as long as every proof holds; tell of jobs that stand still so long
        (seconds).
        """
        pause = self._notifier.watchdog / 3 if self._notifier.watchdog else LOOK
        while True:
            if await self.gets_on():
                self._notifier.alive()
            self._tell_of_standing(still)
            await self._clock.sleep(pause)

    async def gets_on(self) -> bool:
        """Whether every part gets on; what does not is told once. It counts at the second look: what came due a moment
        ago, or while the whole process stood still, is about to be done.
        """
        seen = {name: why for name, proof in self._proofs.items() if (why := await proof())}
        doubts = {name: why for name, why in seen.items() if name in self._suspected}
        self._suspected = {*seen}
        for name in doubts.keys() - self._doubted.keys():
            logger.error("part stalled", part=name, why=doubts[name])
            self._supervision.tell(name, 0)
        for name in self._doubted.keys() - doubts.keys():
            logger.info("part goes on", part=name)
        self._doubted = doubts
        return not doubts

    def findings(self) -> list[Finding]:
        """Each part that does not get on."""
        return [
            Finding(
                key=f"stalled:{name}",
                severity=Severity.ERROR,
                what=f"The part {name!r} of the daemon stands still",
                why=why,
                fix="If it lasts, restart: musicsyncctl service stop, then start",
                subject=name,
            )
            for name, why in self._doubted.items()
        ]

    async def _engine_gets_on(self) -> str:
        turns, self._turns = self._turns, self._engine.turns
        if turns == self._turns and await self._engine.neglected():
            return "Work is due and a slot is free, and nothing was claimed"
        return ""

    def _tell_of_standing(self, seconds: float) -> None:
        still = self._engine.standing_still(seconds)
        for job in still.keys() - self._still:
            logger.warning("job stands still", job=job, step=still[job], seconds=seconds)
            self._supervision.tell(f"job {job}", 0)
        self._still = set(still)

    async def watch_memory(self, ceiling: int, *, managed: bool, used: Callable[[], int] = resident_bytes) -> None:
        """Where the memory stays above the ceiling (bytes, 0 = none): let running jobs end, then stop.

        Where no service manager would start us anew, that is only said, once.
        """
        above = 0
        while ceiling:
            above = above + 1 if used() > ceiling else 0
            if above >= TOO_MUCH:
                logger.warning("memory above its ceiling", bytes=used(), ceiling=ceiling, restarts=managed)
                if not managed:
                    return
                self._notifier.status("memory above its ceiling: waiting for running jobs, then a restart")
                await self._engine.drain()
                self._supervision.stop(RESTART_ME)
            await self._clock.sleep(LOOK)


class LoopWatch:
    """A thread that asks the event loop for a sign of life, and logs what holds it up, once each time."""

    def __init__(self, *, every: float = 2 * LATENCY, latency: float = LATENCY) -> None:
        self._every, self._latency = every, latency
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="loop watch", daemon=True)

    def __enter__(self) -> LoopWatch:
        self._loop, self._watched = asyncio.get_running_loop(), threading.get_ident()
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._over.set()

    def _watch(self) -> None:
        while not self._over.wait(self._every):
            sign, began = threading.Event(), time.monotonic()
            try:
                self._loop.call_soon_threadsafe(sign.set)
            except RuntimeError:  # closed
                return
            if sign.wait(self._latency) or self._over.is_set():
                continue
            frame = sys._current_frames().get(self._watched)
            logger.error("event loop held up", stack=traceback.format_stack(frame) if frame else [])
            while not self._over.is_set():
                if sign.wait(self._latency):
                    logger.info("event loop goes on", seconds=round(time.monotonic() - began, 1))
                    break
