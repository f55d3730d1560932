"""A process that observes and tells, and dies where it is told to: `python -m tests.alerts.toy FOLDER WHERE`.

Its channel adds a line to `told` for each message, and knows its page by the reference, or by the key when told that it
may have been there before.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import anyio

from musicsyncd.alerts.base import Alert, Channel, Finding, Severity
from musicsyncd.alerts.outbox import MIGRATIONS, Outbox
from musicsyncd.alerts.post import Post
from musicsyncd.alerts.telling import Rules
from musicsyncd.clock import SystemClock
from musicsyncd.database import Database

KEYS = ("account:spotify", "volume:VIBES", "source:youtube:blocked")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class FileChannel(Channel):
    """Pages are files of a folder, by key; `where` is the instant of death."""

    name = "file"

    def __init__(self, folder: Path, where: str) -> None:
        self._folder, self._where = folder, where

    async def deliver(self, alert: Alert) -> str:
        if self._where == "before":
            die()
        page = (
            self._folder / "pages" / (alert.reference or f"{alert.finding.key.replace(':', '-')}.{self._free(alert)}")
        )
        with page.open("a") as file:
            file.write(f"{alert.kind}\n")
        with (self._folder / "told").open("a") as told:
            told.write(f"{alert.finding.key} {alert.id} {alert.attempt}\n")
        if self._where == "after":
            die()
        return page.name

    def _free(self, alert: Alert) -> int:
        """The number of a new page, or of the one that a lost try may have made."""
        there = len([*(self._folder / "pages").glob(f"{alert.finding.key.replace(':', '-')}.*")])
        return there if alert.attempt == 1 else max(0, there - 1)


async def main(folder: Path, where: str) -> None:
    clock = SystemClock()
    database = await Database.open(folder / "m.db", {"alerts": MIGRATIONS}, backups=folder, clock=clock)
    channel = FileChannel(folder, where)
    post = Post(Outbox(database, clock, [channel.name], Rules()), [channel], clock)
    if where == "observed":
        await post.observe([Finding(key=key, severity=Severity.ERROR, what=key) for key in KEYS])
        die()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(post.run)
        while await post.outbox.next_due(channel.name):  # noqa: ASYNC110  the post tells nobody when it is through
            await anyio.sleep(0.005)
        tasks.cancel_scope.cancel()
    await database.close()


if __name__ == "__main__":
    anyio.run(main, Path(sys.argv[1]), sys.argv[2])
