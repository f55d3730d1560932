"""The daemon: its parts started, supervised and stopped, in reverse."""

from __future__ import annotations

import math
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from typing import Any, Final

import anyio
import structlog

from musicsyncd import __version__
from musicsyncd.clock import Clock, SystemClock
from musicsyncd.control.routes import application
from musicsyncd.control.socket import ControlSocket
from musicsyncd.daemon import eagle
from musicsyncd.daemon.heap import keep_small
from musicsyncd.daemon.house import House, build, handlers
from musicsyncd.daemon.housekeeping import clear_staging, keep_house
from musicsyncd.daemon.notify import Notifier, managed
from musicsyncd.daemon.notion import keep_mirror, keep_preflight
from musicsyncd.daemon.reloading import Reloading
from musicsyncd.daemon.supervision import Supervision
from musicsyncd.daemon.vitals import LoopWatch, Vitals
from musicsyncd.daemon.volumes import meet_new_targets, take_up
from musicsyncd.daemon.watching import watch
from musicsyncd.jobs.base import Handler
from musicsyncd.jobs.health import Health
from musicsyncd.jobs.job import Lane
from musicsyncd.jobs.worker import SqliteEngine
from musicsyncd.settings import Loaded
from musicsyncd.settings.model import DaemonSection
from musicsyncd.sync.batch import Batches

logger = structlog.get_logger()
PATIENCE: Final = 30
"""Seconds after which the service manager is asked again to wait for the start."""
LONGEST_START: Final = 3600
"""Seconds after which a start counts as hung."""
LAST_WORDS: Final = 20.0
"""Seconds that closing everything may take beyond the time that running jobs are given."""
STANDS_STILL: Final = 1800.0
"""Seconds without a step or progress after which a running job is told of, at least."""

Part = Callable[[], Awaitable[Any]]


async def run(loaded: Loaded, reload: Callable[[], Loaded], clock: Clock | None = None) -> int:
    """Run until a signal says stop; the exit code. The caller holds the state folder's lock and has set up the log."""
    keep_small()
    notifier, clock = Notifier(), clock or SystemClock()
    supervision = Supervision(clock)
    async with AsyncExitStack() as stack:
        house = await _built(loaded, clock, stack, notifier)
        vitals = Vitals(Health(house.jobs, house.database, clock), supervision, notifier, clock)
        vitals.prove("clock", house.timing.keeper.gets_on)
        house = _with_its_own_troubles(house, supervision, vitals)
        reloading = Reloading(loaded, reload, house.timing.apply)
        await clear_staging(house.engine.staging, house.jobs, before=math.inf)  # nothing works yet
        door = ControlSocket(loaded.settings.daemon.socket, application(house.operations, house.register, __version__))
        door.bind()
        stack.callback(door.close)
        stack.enter_context(LoopWatch())
        daemon = loaded.settings.daemon
        async with anyio.create_task_group() as tasks:
            for name, part in _parts(house, door, vitals, daemon).items():
                tasks.start_soon(supervision.supervised, name, part, tasks, name=name)
            for name, part in (await _working(house, daemon, reloading)).items():
                tasks.start_soon(supervision.supervised, name, part, tasks, name=name)
            logger.info("ready", version=__version__, socket=str(door.path), mode=daemon.mode, pid=os.getpid())
            await _until_told(reloading, supervision, notifier)
            logger.info("stopping")
            notifier.stopping(daemon.stop_timeout + LAST_WORDS)
            with anyio.CancelScope(shield=True):
                await _stopped_engine(house.jobs, daemon.stop_timeout * 0.7)  # the rest is for what comes after
                await door.stop()
            tasks.cancel_scope.cancel()
    logger.info("stopped")
    return supervision.exit_code


def _with_its_own_troubles(house: House, supervision: Supervision, vitals: Vitals) -> House:
    """The house whose status tells of the daemon's own parts too, and whose alerts hear at once of one that fails."""
    supervision.told = lambda _name, _failures: house.post.on_trouble()
    watched = house.operations.watched
    more = (*watched.more, supervision.findings, vitals.findings, house.timing.findings)
    operations = replace(house.operations, parts=supervision.shown, watched=replace(watched, more=more))
    return replace(house, operations=operations, register=replace(house.register, operations=operations))


def _parts(house: House, door: ControlSocket, vitals: Vitals, daemon: DaemonSection) -> Mapping[str, Part]:
    """What runs from the start on, by name."""
    still = max(STANDS_STILL, 2 * daemon.job_timeout)
    beginning = (house.ledger, house.jobs, house.clock, house.timing.held)
    returning = partial(eagle.watch, house.eagle, *beginning)
    mirror = partial(keep_mirror, house.notion, *beginning)
    return {
        "control socket": door.serve,
        "Spotify sign-in": house.spotify.serve,
        "batches": Batches(house.jobs).watch,
        **({"Eagle's return": returning} if house.eagle else {}),
        "housekeeping": partial(keep_house, house),
        **({"catalog": mirror} if house.notion.catalog else {}),
        **({"preflight": partial(keep_preflight, house.notion, house.post)} if house.notion.preflight else {}),
        "vitals": partial(vitals.watch, still),
        "memory watch": partial(vitals.watch_memory, daemon.memory_ceiling, managed=managed()),
    }


async def _working(house: House, daemon: DaemonSection, reloading: Reloading) -> Mapping[str, Part]:
    """Start the work, drop what was left undone, and what starts more of it from now on, by name."""
    kinds, timing = handlers(house), house.timing
    lanes = {Lane.USER: daemon.user_slots, Lane.BACKLOG: daemon.backlog_slots}
    engine = await _started_engine(house.jobs, kinds, lanes)
    timing.begin = partial(_begin, house)
    await timing.begin()
    return {
        "job engine": engine,
        "mounts": house.mounting.watch,
        "alerts": partial(watch, house),
        **({"schedule": house.schedule.keep} if house.schedule else {}),
        "clock": partial(timing.keeper.run, kinds),
        "folders": partial(timing.watch, reloading),
    }


async def _begin(house: House) -> None:
    """Ask for what was left undone, and for what a new target lacks: at the start, and at the end of a pause."""
    lookout, held = house.engine.lookout, house.timing.held
    await take_up(house.ledger, house.jobs, held=held)
    await meet_new_targets([*lookout.shelves, *lookout.catalogs], house.ledger, house.jobs, held)


def _status(daemon: DaemonSection) -> str:
    return f"ready, {daemon.mode} mode, socket {daemon.socket}"


async def _built(loaded: Loaded, clock: Clock, stack: AsyncExitStack, notifier: Notifier) -> House:
    """The house; while a large database is copied and migrated, the service manager is asked for patience."""

    async def patience() -> None:
        for _ in range(LONGEST_START // PATIENCE):
            notifier.patience(2 * PATIENCE)
            await clock.sleep(PATIENCE)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(patience, name="patience")
        try:
            house = await build(loaded, clock, stack)
        except Exception as error:  # noqa: BLE001  raised below, as itself and not in a group
            failure: Exception | None = error
        else:
            failure = None
        tasks.cancel_scope.cancel()
    if failure is not None:
        raise failure
    return house


async def _started_engine(jobs: SqliteEngine, known: Mapping[str, Handler], lanes: Mapping[Lane, int]) -> Part:
    """Start the engine; the part that waits for its end, and starts it again when it is run again."""
    await jobs.start(known, lanes)

    async def part() -> None:
        if not jobs.started:
            await jobs.start(known, lanes)
        await jobs.wait()

    return part


async def _stopped_engine(jobs: SqliteEngine, grace: float) -> None:
    """Stop it; why it ended before was told already."""
    try:
        await jobs.stop(grace)
    except Exception as error:  # noqa: BLE001
        logger.warning("engine had ended before", why=str(error))


async def _until_told(reloading: Reloading, supervision: Supervision, notifier: Notifier) -> None:
    """Say that all is ready, now that signals are heard, and return when the daemon is to stop; from then on a second
    signal ends the process at once.
    """
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        notifier.ready(_status(reloading.loaded.settings.daemon))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_obey, signals, reloading, supervision, notifier, name="signals")
            await supervision.over.wait()
            tasks.cancel_scope.cancel()
    signal.signal(signal.SIGHUP, lambda *_: None)  # too late for a reload, and no reason to die
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: os._exit(128 + number))  # workers die with our end of their pipes


async def _obey(
    signals: AsyncIterator[signal.Signals], reloading: Reloading, supervision: Supervision, notifier: Notifier
) -> None:
    """SIGTERM and SIGINT stop the daemon, SIGHUP reads the settings anew."""
    async for number in signals:
        if number == signal.SIGHUP:
            notifier.reloading()
            await reloading.again()
            notifier.ready(_status(reloading.loaded.settings.daemon))
            continue
        logger.info("signal received", signal=number.name)
        supervision.stop()
