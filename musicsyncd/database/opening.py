"""From a path to connections that may be trusted: refuse the unsafe, save a copy, bring tables up to date."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

from musicsyncd.database.backups import (
    COMPANIONS,
    back_up,
    connect,
    fault_of,
    look,
    newest_good,
    restore_commands,
)
from musicsyncd.database.state import make_private, network_file_system, private_file, refused
from musicsyncd.errors import Denied, MusicsyncError, NeedsPerson, Temporary

MEMORY: Final = ":memory:"
Schemas = Mapping[str, Sequence[str]]
Identity = tuple[int, int]
"""Device and inode."""
_VERSIONS: Final = (
    "CREATE TABLE IF NOT EXISTS room_version (room TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID"
)


@dataclass(frozen=True, kw_only=True)
class Opened:
    """What the database needs to serve."""

    writer: sqlite3.Connection
    reader: sqlite3.Connection
    explain: Callable[[sqlite3.Error], Exception]
    """Turns what SQLite raises while serving into our errors."""
    identity: Identity
    """Of the file that is open, whatever its path leads to later."""


def open_memory(schemas: Schemas) -> sqlite3.Connection:
    """A database that nobody keeps: the twin for tests and trials."""
    connection = sqlite3.connect(MEMORY, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA foreign_keys=ON")
    _migrate(connection, schemas)
    return connection


def open_file(path: Path, schemas: Schemas, backups: Path, now: datetime) -> Opened:
    """Two connections to an up-to-date database at `path`. Blocking; errors as `Database.open` says."""
    _fit_folder(path.parent)
    explain = partial(explained, path=path, backups=backups)
    try:
        existed = path.exists() and path.stat().st_size > 0
        if existed:
            _refuse_damaged(path, backups)
            _refuse_newer(path, schemas, backups)
        return _opened(path, schemas, backups, now, existed=existed)
    except sqlite3.Error as error:
        raise explain(error) from error
    except OSError as error:
        told = refused(path.parent, error)
        raise told if isinstance(told, NeedsPerson) else _not_writable(path, error) from error


def fault_in(path: Path, backups: Path) -> MusicsyncError | None:
    """What opening would say of the file as it lies there, None when it is sound; changes nothing. For when no daemon
    has it open. Blocking.
    """
    try:
        _refuse_damaged(path, backups)
    except MusicsyncError as error:
        return error
    except sqlite3.Error as error:
        told = explained(error, path=path, backups=backups)
        return told if isinstance(told, MusicsyncError) else _not_writable(path, error)
    except OSError as error:
        return _not_writable(path, error)
    return None


def identity(path: Path) -> Identity | None:
    """Which file the path leads to now; None when it leads to none. Blocking."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _make_private(path: Path) -> Identity:
    """SQLite gives what it makes beside the file the file's own rights; what stands there already is older."""
    private_file(path)
    for suffix in COMPANIONS:
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).chmod(0o600)
    status = path.stat()
    return status.st_dev, status.st_ino


def _opened(path: Path, schemas: Schemas, backups: Path, now: datetime, *, existed: bool) -> Opened:
    opened = _make_private(path)
    with contextlib.ExitStack() as on_failure:
        writer = on_failure.enter_context(contextlib.closing(connect(path)))
        _prepare(writer, path)
        if existed and _pending(writer, schemas):
            back_up(path, backups, now)
        _migrate(writer, schemas)
        reader = on_failure.enter_context(contextlib.closing(connect(path, "mode=rw")))
        reader.execute("PRAGMA query_only=ON")
        on_failure.pop_all()
    explain = partial(explained, path=path, backups=backups)
    return Opened(writer=writer, reader=reader, explain=explain, identity=opened)


def _fit_folder(folder: Path) -> None:
    make_private(folder)
    if kind := network_file_system(folder):
        raise NeedsPerson(
            f"The folder {folder} lies on a network file system ({kind})",
            why="SQLite's locks and its write-ahead log are not safe there",
            fix="Set daemon.state_dir to a folder on a disk of this machine",
        )


def _refuse_damaged(path: Path, backups: Path) -> None:
    if (fault := fault_of(path)) is not None:
        raise _damaged(path, backups, fault)


def _refuse_newer(path: Path, schemas: Schemas, backups: Path) -> None:
    with contextlib.closing(look(path)) as connection:
        newer = _newer(connection, schemas)
    if newer is None:
        return
    room, version = newer
    copy = newest_good(path, backups, lambda connection: _newer(connection, schemas) is None)
    restore = f", or stop it and go back to {copy.name}: {restore_commands(path, copy)}" if copy else ""
    raise NeedsPerson(
        f"The database {path} was written by a newer musicsyncd",
        why=f"its room {room!r} is at version {version}, and this program knows up to {len(schemas[room])}",
        fix=f"Install the newer program again{restore}",
    )


def _newer(connection: sqlite3.Connection, schemas: Schemas) -> tuple[str, int] | None:
    known = _versions(connection).items()
    return next(((room, at) for room, at in known if room in schemas and at > len(schemas[room])), None)


def _versions(connection: sqlite3.Connection) -> dict[str, int]:
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'room_version'").fetchone():
        return {}
    return dict(connection.execute("SELECT room, version FROM room_version"))


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
    if mode != "wal":
        raise NeedsPerson(
            f"The folder {path.parent} cannot hold the database",
            why="its file system offers no shared memory, which the write-ahead log needs",
            fix="Set daemon.state_dir to a folder on a disk of this machine",
        )
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA fullfsync=ON")  # macOS: fsync alone leaves the disk's own cache unwritten
    connection.execute("PRAGMA journal_size_limit=67108864")  # bytes; a burst's log does not stay that large


def _pending(connection: sqlite3.Connection, schemas: Schemas) -> bool:
    at = _versions(connection)
    return any(at.get(room, 0) < len(migrations) for room, migrations in schemas.items())


def _migrate(connection: sqlite3.Connection, schemas: Schemas) -> None:
    """Run what each room has not run yet in one transaction: after a kill all of it is there or nothing."""
    if _pending(connection, schemas):
        # A table can only be rebuilt while references to it are not enforced; they are checked at the end.
        connection.execute("PRAGMA foreign_keys=OFF")
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.execute(_VERSIONS)
            for room, migrations in schemas.items():
                _migrate_room(connection, room, migrations)
            if connection.execute("PRAGMA foreign_key_check").fetchone():
                raise sqlite3.IntegrityError("A migration left rows that refer to nothing")
            connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise
    connection.execute("PRAGMA foreign_keys=ON")


def _migrate_room(connection: sqlite3.Connection, room: str, migrations: Sequence[str]) -> None:
    for number in range(_versions(connection).get(room, 0), len(migrations)):
        for statement in statements(migrations[number]):
            connection.execute(statement)
    connection.execute(
        "INSERT INTO room_version VALUES (?, ?) ON CONFLICT (room) DO UPDATE SET version = excluded.version",
        (room, len(migrations)),
    )


def statements(script: str) -> Iterator[str]:
    """The statements of a script one by one: `executescript` would commit the transaction around it."""
    text = ""
    for piece in script.split(";"):
        text += piece + ";"
        if sqlite3.complete_statement(text):
            if text.strip(" \n\t;"):
                yield text
            text = ""


def explained(error: sqlite3.Error, *, path: Path, backups: Path) -> Exception:
    """The error in our words, caused by it; an error of the statement itself (a constraint) as it is."""
    told = _told(error, getattr(error, "sqlite_errorcode", 0) & 0xFF, path, backups)
    if told is None:
        return error
    told.__cause__ = error
    return told


def _told(error: sqlite3.Error, code: int, path: Path, backups: Path) -> MusicsyncError | None:
    match code:
        case sqlite3.SQLITE_FULL:
            return Temporary(f"The disk that holds {path} is full", fix=f"Free some space on the disk of {path.parent}")
        case sqlite3.SQLITE_IOERR | sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return Temporary(f"The database {path} could not be read or written", why=str(error))
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM | sqlite3.SQLITE_AUTH:
            return _not_writable(path, error)
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return _damaged(path, backups, str(error))
        case _:
            return None


def _not_writable(path: Path, error: Exception) -> Denied:
    return Denied(
        f"The database {path} cannot be opened for writing",
        why=str(error),
        fix=f"Give this user the right to write in {path.parent}, or set daemon.state_dir to another folder",
    )


def _damaged(path: Path, backups: Path, fault: str) -> NeedsPerson:
    copy = newest_good(path, backups)
    if copy:
        fix = f"Restore the newest good backup, {copy.name}: {restore_commands(path, copy)}"
    else:
        fix = f"There is no good backup in {backups}; move the file away to begin with an empty database"
    return NeedsPerson(
        f"The database {path} is damaged or is no SQLite database; nothing was changed", why=fault, fix=fix
    )
