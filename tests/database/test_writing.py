"""Group commit, reading, errors and durability of the database."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import anyio
import pytest

from musicsyncd.clock import SystemClock
from musicsyncd.database import Database
from musicsyncd.errors import Temporary

SCHEMA = {"notes": ["CREATE TABLE note (text TEXT UNIQUE)"]}


def add(connection: sqlite3.Connection, text: str) -> None:
    connection.execute("INSERT INTO note VALUES (?)", (text,))


def texts(connection: sqlite3.Connection) -> list[str]:
    return [text for (text,) in connection.execute("SELECT text FROM note ORDER BY text")]


@pytest.fixture(params=["file", "memory"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """A database of each sort."""
    path = tmp_path / "state" / "music.db" if request.param == "file" else ":memory:"
    opened = await Database.open(path, SCHEMA, backups=tmp_path / "backups", clock=SystemClock())
    yield opened
    await opened.close()


async def test_one_failure_among_many_undoes_only_itself(database: Database) -> None:
    """Of writes that share a commit, the failing one alone is undone, and its own caller gets its error."""
    errors: list[Exception] = []

    async def put(number: int) -> None:
        def work(connection: sqlite3.Connection) -> None:
            add(connection, f"{number:03}")
            if number == 50:
                raise ValueError("no fifty")

        try:
            await database.write(work)
        except ValueError as error:
            errors.append(error)

    async with anyio.create_task_group() as tasks:
        for number in range(100):
            tasks.start_soon(put, number)
    assert [str(error) for error in errors] == ["no fifty"]
    assert await database.read(texts) == [f"{number:03}" for number in range(100) if number != 50]


async def test_waiting_writes_share_a_commit(database: Database) -> None:
    """Writes that wait together are committed together: far fewer transactions than writes."""
    commits: list[str] = []
    await database.write(lambda connection: connection.set_trace_callback(commits.append))
    async with anyio.create_task_group() as tasks:
        for number in range(200):
            tasks.start_soon(database.write, partial(add, text=str(number)))
    assert 1 <= commits.count("COMMIT") <= 20
    assert len(await database.read(texts)) == 200


async def test_a_broken_constraint_is_the_callers_own_error(database: Database) -> None:
    """An error of the statement comes back as SQLite raised it, and later writes go on."""
    await database.write(partial(add, text="a"))
    with pytest.raises(sqlite3.IntegrityError):
        await database.write(partial(add, text="a"))
    await database.write(partial(add, text="b"))
    assert await database.read(texts) == ["a", "b"]


async def test_stop_iteration_reaches_its_caller(database: Database) -> None:
    """A future refuses StopIteration; the caller gets an error all the same instead of waiting for ever."""
    with anyio.fail_after(5), pytest.raises(RuntimeError, match="StopIteration"):
        await database.write(lambda connection: next(iter(())))


async def test_a_cancelled_caller_leaves_no_half_write(database: Database) -> None:
    """Who is cancelled while writing still waits for the commit, so that what was handed over stands."""
    with anyio.move_on_after(0) as scope:
        await database.write(partial(add, text="kept"))
    assert scope.cancel_called
    assert await database.read(texts) == ["kept"]


async def test_reading_cannot_write(tmp_path: Path) -> None:
    """The reading connection refuses changes."""
    opened = await Database.open(tmp_path / "music.db", SCHEMA, backups=tmp_path, clock=SystemClock())
    with pytest.raises(Exception, match=r"readonly|cannot be opened for writing"):
        await opened.read(partial(add, text="a"))
    await opened.close()


async def test_closed_means_closed(database: Database) -> None:
    """After `close` a write is refused with a clear error."""
    await database.close()
    with pytest.raises(RuntimeError, match="closed"):
        await database.write(partial(add, text="late"))


async def test_a_full_disk_is_temporary_and_loses_nothing_else(tmp_path: Path) -> None:
    """SQLite's "disk is full" becomes Temporary with what to do, and writing works again once there is space."""
    opened = await Database.open(tmp_path / "music.db", SCHEMA, backups=tmp_path, clock=SystemClock())
    await opened.write(partial(add, text="before"))
    (pages,) = await opened.write(lambda connection: connection.execute("PRAGMA page_count").fetchone())
    await opened.write(lambda connection: connection.execute(f"PRAGMA max_page_count={pages}").fetchall())
    with pytest.raises(Temporary, match=r"is full.*Free some space"):
        await opened.write(partial(add, text="x" * 100_000))
    await opened.write(lambda connection: connection.execute("PRAGMA max_page_count=100000").fetchall())
    await opened.write(partial(add, text="later"))
    assert await opened.read(texts) == ["before", "later"]
    await opened.close()


async def test_close_folds_the_log_into_the_file(tmp_path: Path) -> None:
    """After `close` the one file is the whole database."""
    opened = await Database.open(tmp_path / "music.db", SCHEMA, backups=tmp_path, clock=SystemClock())
    await opened.write(partial(add, text="a"))
    await opened.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["music.db"]


WRITER = """
import sys, anyio
from pathlib import Path
from musicsyncd.clock import SystemClock
from musicsyncd.database import Database
async def main():
    opened = await Database.open(Path(sys.argv[1]), {"notes": ["CREATE TABLE note (text TEXT UNIQUE)"]},
                                 backups=Path(sys.argv[1]).parent / "backups", clock=SystemClock())
    async def put(lane):
        number = 0
        while True:
            text = f"{lane}-{number}"
            await opened.write(lambda connection: connection.execute("INSERT INTO note VALUES (?)", (text,)))
            print(text, flush=True)
            number += 1
    async with anyio.create_task_group() as tasks:
        for lane in range(4):
            tasks.start_soon(put, lane)
anyio.run(main)
"""


async def test_what_was_answered_survives_a_kill(tmp_path: Path) -> None:
    """After SIGKILL every write whose caller had its answer is in the database, and the file is sound."""
    path = tmp_path / "music.db"
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        answered = [child.stdout.readline().strip() for _ in range(300)]
        child.send_signal(signal.SIGKILL)
        answered += child.stdout.read().split("\n")[:-1]
    opened = await Database.open(path, SCHEMA, backups=tmp_path / "backups", clock=SystemClock())
    kept = set(await opened.read(texts))
    await opened.close()
    assert len(answered) >= 300
    assert set(answered) <= kept
