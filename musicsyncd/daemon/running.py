"""The daemon: its parts started, supervised and stopped, in reverse."""

from __future__ import annotations

import math
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import anyio
import structlog
from anyio.abc import TaskGroup

from musicsyncd import __version__
from musicsyncd.clock import SystemClock
from musicsyncd.control.routes import application
from musicsyncd.control.socket import ControlSocket
from musicsyncd.daemon import eagle
from musicsyncd.daemon.house import build, handlers
from musicsyncd.daemon.housekeeping import clear_staging, keep_house
from musicsyncd.daemon.reloading import Reloading
from musicsyncd.daemon.volumes import meet_new_targets, take_up
from musicsyncd.daemon.watching import watch
from musicsyncd.jobs.job import Lane
from musicsyncd.settings import Loaded
from musicsyncd.sync.batch import Batches

logger = structlog.get_logger()


async def run(loaded: Loaded, reload: Callable[[], Loaded]) -> int:
    """Run until a signal says stop; the exit code. The caller holds the state folder's lock and has set up the log."""
    async with AsyncExitStack() as stack:
        house = await build(loaded, SystemClock(), stack)
        reloading = Reloading(loaded, reload, house.timing.apply)
        await clear_staging(house.engine.staging, house.jobs, before=math.inf)  # nothing works yet
        door = ControlSocket(
            loaded.settings.daemon.socket,
            application(house.operations, house.register, __version__),
        )
        door.bind()
        stack.callback(door.close)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(supervised, "control socket", door.serve, tasks, name="control socket")
            tasks.start_soon(supervised, "Spotify sign-in", house.spotify.serve, tasks, name="Spotify sign-in")
            tasks.start_soon(supervised, "batches", Batches(house.jobs).watch, tasks, name="batches")
            looking = partial(eagle.watch, house.eagle, house.ledger, house.jobs, house.clock)
            tasks.start_soon(supervised, "Eagle's return", looking, tasks, name="Eagle's return")
            tasks.start_soon(supervised, "housekeeping", lambda: keep_house(house), tasks, name="housekeeping")
            await house.jobs.start(
                handlers(house),
                {Lane.USER: loaded.settings.daemon.user_slots, Lane.BACKLOG: loaded.settings.daemon.backlog_slots},
            )
            tasks.start_soon(supervised, "mounts", house.mounting.watch, tasks, name="mounts")
            tasks.start_soon(supervised, "job engine", house.jobs.wait, tasks, name="job engine")
            tasks.start_soon(supervised, "alerts", lambda: watch(house), tasks, name="alerts")
            await take_up(house.ledger, house.jobs)
            lookout = house.engine.lookout
            await meet_new_targets([*lookout.shelves, *lookout.catalogs], house.ledger, house.jobs)
            kinds, timing = handlers(house), house.timing
            tasks.start_soon(supervised, "clock", lambda: timing.keeper.run(kinds), tasks, name="clock")
            tasks.start_soon(supervised, "folders", lambda: timing.watch(reloading), tasks, name="folders")
            logger.info(
                "ready", version=__version__, socket=str(door.path), mode=loaded.settings.daemon.mode, pid=os.getpid()
            )
            await _until_told(reloading)
            logger.info("stopping")
            with anyio.CancelScope(shield=True):
                await house.jobs.stop(loaded.settings.daemon.stop_timeout * 0.7)  # the rest is for what comes after
                await door.stop()
            tasks.cancel_scope.cancel()
    logger.info("stopped")
    return 0


async def supervised(name: str, part: Callable[[], Awaitable[Any]], tasks: TaskGroup) -> None:
    """Run a long-lived part; should it fail, log it, and start it again after a while, up to five times in a row."""
    for failures in range(1, 6):
        began = anyio.current_time()
        try:
            await part()
            return
        except Exception as error:
            logger.error("part failed", part=name, failures=failures, exc_info=error)
        await anyio.sleep(0 if anyio.current_time() - began > 60 else 2**failures)
    logger.critical("part given up, the daemon stops", part=name)
    os.kill(os.getpid(), signal.SIGTERM)


async def _until_told(reloading: Reloading) -> None:
    """Return at the first SIGTERM or SIGINT; from then on a second one ends the process at once. SIGHUP reads the
    settings anew.
    """
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        async for number in signals:
            if number == signal.SIGHUP:
                await reloading.again()
                continue
            logger.info("signal received", signal=number.name)
            break
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: os._exit(128 + number))  # workers die with our end of their pipes
