"""The one SQLite database: one thread commits for many at once, another reads; rooms own their tables."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar

import anyio.to_thread

from musicsyncd.clock import Clock
from musicsyncd.database.backups import back_up
from musicsyncd.database.connection import ConnectionThread
from musicsyncd.database.opening import MEMORY, Identity, identity, open_file, open_memory
from musicsyncd.database.state import AlreadyRunning, StateLock

__all__ = ["DATABASE_NAME", "MEMORY", "AlreadyRunning", "Database", "StateLock"]

T = TypeVar("T")
DATABASE_NAME: Final = "musicsyncd.db"
"""In the state folder."""
WRITING: Final = "BEGIN IMMEDIATE"
READING: Final = "BEGIN"


class Database:
    """Durable tables behind two coroutines, `write` and `read`; made by `open`."""

    def __init__(
        self,
        writer: ConnectionThread,
        reader: ConnectionThread,
        path: Path | None,
        backups: Path,
        clock: Clock,
        identity: Identity | None = None,
    ) -> None:
        self._identity = identity
        self.path = path
        """None: kept in memory only."""
        self._writer, self._reader, self._backups, self._clock = writer, reader, backups, clock

    @classmethod
    async def open(
        cls, path: Path | str, schemas: Mapping[str, Sequence[str]], *, backups: Path, clock: Clock
    ) -> Database:
        """Open or make the database and bring each room's tables up to date.

        `schemas` gives each room's migrations, oldest first; each is a script of SQL statements that runs
        once. `backups` is the folder for verified copies, one before each change of an existing database.
        Raises NeedsPerson for a network file system, a damaged file or one of a newer program, Denied for a
        folder that may not be written.
        """
        if str(path) == MEMORY:
            only = ConnectionThread(open_memory(schemas), begin=WRITING, name="database")
            return cls(only, only, None, backups, clock)
        file = Path(path)
        opened = await anyio.to_thread.run_sync(open_file, file, schemas, backups, clock.now())
        writer = ConnectionThread(opened.writer, begin=WRITING, name="database writer", explain=opened.explain)
        reader = ConnectionThread(opened.reader, begin=READING, name="database reader", explain=opened.explain)
        return cls(writer, reader, file, backups, clock, opened.identity)

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` returns, after its changes are on the disk.

        It runs in the writer's thread inside a transaction shared with whatever else waits; when it raises,
        its own changes alone are undone and the error comes back here. It must neither commit nor keep the
        connection. A cancelled caller still waits for the commit, so that nobody is left in doubt. Raises
        Temporary when the disk is full or cannot be written.
        """
        return await self._writer.run(work)

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` returns: it sees one state, with every write in it that returned before."""
        return await self._reader.run(work)

    async def backup(self) -> Path:
        """Make a verified copy now; its path. Older copies beyond the newest five are removed."""
        if self.path is None:
            raise ValueError("A database in memory has no backups")
        return await anyio.to_thread.run_sync(back_up, self.path, self._backups, self._clock.now())

    async def in_place(self) -> bool:
        """Whether the path still leads to the open file. Once it was deleted or replaced, what is written is lost at
        the end of this process.
        """
        return self.path is None or await anyio.to_thread.run_sync(identity, self.path) == self._identity

    async def close(self) -> None:
        """Finish what was asked, fold the write-ahead log into the file, and let go of it."""
        with anyio.CancelScope(shield=True):
            if self._reader is not self._writer:
                await anyio.to_thread.run_sync(self._reader.close)
            await anyio.to_thread.run_sync(self._writer.close)
