"""Copies of the database that were read back before they counted, and the commands that restore one."""

from __future__ import annotations

import contextlib
import os
import shlex
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from musicsyncd.database.state import private_file

KEPT: Final = 5
COMPANIONS: Final = ("-wal", "-shm", "-journal")
"""Files that SQLite keeps beside a database; left beside another database they would damage it."""


def connect(path: Path, query: str = "mode=rwc") -> sqlite3.Connection:
    """A connection in autocommit mode that any thread may use; `query` as in SQLite's file URIs."""
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?{query}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=10.0,
    )


def back_up(path: Path, folder: Path, now: datetime) -> Path:
    """Copy the database, sync and check the copy, then give it its name; its path.

    sqlite3.DatabaseError when the copy turns out bad.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    stamp = f"{path.stem}-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    # Several may fall into one second, and the oldest of them be gone already: count on from the newest.
    same = [int(copy.stem.rpartition("-")[2]) for copy in copies(path, folder) if copy.name.startswith(stamp)]
    target = folder / f"{stamp}-{max(same, default=-1) + 1:02}{path.suffix}"
    part = target.with_name(target.name + ".part")
    try:
        _copy(path, part)
        if (fault := fault_of(part, "integrity_check")) is not None:
            raise sqlite3.DatabaseError(f"The backup copy of {path} is damaged: {fault}")
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    _sync(folder)
    for old in copies(path, folder)[KEPT:]:
        old.unlink(missing_ok=True)
    return target


def _copy(path: Path, part: Path) -> None:
    part.unlink(missing_ok=True)
    private_file(part)
    with contextlib.closing(connect(path, "mode=ro")) as source, contextlib.closing(connect(part)) as copy:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, whole by itself
    _sync(part)


def copies(path: Path, folder: Path) -> list[Path]:
    """The backups of this database, newest first."""
    return sorted(folder.glob(f"{path.stem}-*Z-*{path.suffix}"), reverse=True)


def newest_good(
    path: Path, folder: Path, suits: Callable[[sqlite3.Connection], bool] = lambda connection: True
) -> Path | None:
    """The newest backup that is whole and that `suits` accepts."""
    for copy in copies(path, folder):
        if fault_of(copy) is None:
            with contextlib.closing(look(copy)) as connection:
                if suits(connection):
                    return copy
    return None


def look(path: Path) -> sqlite3.Connection:
    """A connection that changes nothing in or beside the file."""
    log = path.with_name(path.name + "-wal")
    # Without a log nobody else has it open, and "immutable" keeps SQLite from making one just to look.
    return connect(path, "mode=ro" if log.exists() and log.stat().st_size else "mode=ro&immutable=1")


def fault_of(path: Path, check: str = "quick_check") -> str | None:
    """What is wrong with the file, None when it is a sound database.

    Only what breaks the structure is found: SQLite keeps no checksums over the text inside a row.
    """
    try:
        with contextlib.closing(look(path)) as connection:
            lines = [str(row[0]) for row in connection.execute(f"PRAGMA {check}(1)")]
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise  # busy, unreadable: says nothing of what the file holds
        return str(error)
    return None if lines == ["ok"] else lines[0].replace("\n", " ")


def restore_commands(path: Path, backup: Path) -> str:
    """One shell line that sets the present database aside, whole, and puts the backup in its place."""
    aside = path.with_name(path.name + ".aside")
    present = [suffix for suffix in ("", *COMPANIONS) if path.with_name(path.name + suffix).exists()]
    moves = [_command("mv", f"{path}{suffix}", f"{aside}{suffix}") for suffix in present]
    return " && ".join([*moves, _command("cp", str(backup), str(path))])


def _command(*words: str) -> str:
    return " ".join(shlex.quote(word) for word in words)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
