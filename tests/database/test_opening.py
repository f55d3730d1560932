"""What the database refuses to open, and how it changes an old one: with a verified copy first, and all or nothing."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from musicsyncd.clock import ManualClock
from musicsyncd.database import MEMORY, Database
from musicsyncd.database.backups import copies, fault_of
from musicsyncd.database.opening import fault_in, statements
from musicsyncd.errors import Denied, NeedsPerson

FIRST = "CREATE TABLE note (text TEXT); CREATE INDEX by_text ON note (text)"
SECOND = "ALTER TABLE note ADD COLUMN colour TEXT"


async def opened(path: Path, migrations: list[str]) -> Database:
    return await Database.open(path, {"notes": migrations}, backups=path.parent / "backups", clock=ManualClock())


async def filled(path: Path) -> None:
    """A database of the first version with enough rows for many pages, and one backup of it."""
    database = await opened(path, [FIRST])
    await database.write(
        lambda connection: connection.executemany(
            "INSERT INTO note VALUES (?)", [(f"{number:05}" * 40,) for number in range(500)]
        )
    )
    await database.backup()
    await database.close()


def count(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM note").fetchone()[0])


@pytest.mark.parametrize("offset", [0, 1, 100, 4096, 5 * 4096, 12 * 4096])
async def test_a_damaged_file_is_refused_and_the_commands_restore_it(tmp_path: Path, offset: int) -> None:
    """Damage at several places is found, nothing is touched, and the very commands of the message mend it."""
    path = tmp_path / "it's music.db"
    await filled(path)
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"\xa5" * 600)
    before = path.read_bytes()
    with pytest.raises(NeedsPerson, match="is damaged") as caught:
        await opened(path, [FIRST])
    assert path.read_bytes() == before
    newest = copies(path, tmp_path / "backups")[0]
    assert newest.name in caught.value.fix
    subprocess.run(["sh", "-c", caught.value.fix.partition(": ")[2]], check=True)
    database = await opened(path, [FIRST])
    assert await database.read(count) == 500
    await database.close()
    assert path.with_name(path.name + ".aside").read_bytes() == before


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """Any other file is left as it is; without a backup the message says so."""
    path = tmp_path / "music.db"
    path.write_text("a shopping list, not a database\n" * 100)
    with pytest.raises(NeedsPerson, match=r"no SQLite database.*no good backup"):
        await opened(path, [FIRST])
    assert sorted(one.name for one in tmp_path.iterdir()) == ["music.db"]
    assert path.read_text().startswith("a shopping list")


async def test_a_bad_backup_is_not_recommended(tmp_path: Path) -> None:
    """The newest good copy is named, not the newest copy."""
    path = tmp_path / "music.db"
    await filled(path)
    database = await opened(path, [FIRST])
    newest = await database.backup()
    await database.close()
    newest.write_bytes(b"\0" * 4096)
    path.write_bytes(b"\0" * 4096)
    with pytest.raises(NeedsPerson) as caught:
        await opened(path, [FIRST])
    good = copies(path, tmp_path / "backups")[1]
    assert good.name in caught.value.fix
    assert newest.name not in caught.value.fix


async def test_a_newer_database_is_refused_with_the_way_back(tmp_path: Path) -> None:
    """The message names the room and the version, and the backup from before the change; the file stays as it is."""
    path = tmp_path / "music.db"
    await filled(path)
    await (await opened(path, [FIRST, SECOND])).close()
    before = path.read_bytes()
    with pytest.raises(NeedsPerson, match=r"newer musicsyncd.*'notes' is at version 2.*up to 1") as caught:
        await opened(path, [FIRST])
    assert path.read_bytes() == before
    assert copies(path, tmp_path / "backups")[0].name in caught.value.fix


async def test_an_old_database_is_copied_before_it_changes(tmp_path: Path) -> None:
    """Each change of an existing database leaves a sound copy of how it was; a new or unchanged one leaves none."""
    path = tmp_path / "music.db"
    database = await opened(path, [FIRST])
    await database.write(lambda connection: connection.execute("INSERT INTO note VALUES ('old')"))
    await database.close()
    await (await opened(path, [FIRST])).close()
    assert copies(path, tmp_path / "backups") == []
    database = await opened(path, [FIRST, SECOND])
    assert await database.read(lambda connection: connection.execute("SELECT * FROM note").fetchall()) == [
        ("old", None)
    ]
    await database.close()
    (copy,) = copies(path, tmp_path / "backups")
    assert fault_of(copy, "integrity_check") is None
    assert sqlite3.connect(copy).execute("SELECT * FROM note").fetchall() == [("old",)]


async def test_five_copies_are_kept(tmp_path: Path) -> None:
    """Older copies than the newest five go."""
    path = tmp_path / "music.db"
    database = await opened(path, [FIRST])
    made = [await database.backup() for _ in range(7)]
    await database.close()
    assert copies(path, tmp_path / "backups") == made[:1:-1]


@pytest.mark.parametrize("umask", [0o000, 0o022])
async def test_nobody_else_may_read_the_files(tmp_path: Path, umask: int) -> None:
    """Database, log, shared memory and copies are the owner's alone, also where an older one was not."""
    path, before = tmp_path / "music.db", os.umask(umask)
    try:
        await filled(path)
        path.chmod(0o644)
        database = await opened(path, [FIRST, SECOND])
        await database.write(lambda connection: connection.execute("INSERT INTO note VALUES ('x', 'red')"))
        await database.backup()
        found = [*tmp_path.glob("music.db*"), *(tmp_path / "backups").iterdir()]
        modes = {one.name: one.stat().st_mode & 0o777 for one in found}
        await database.close()
    finally:
        os.umask(before)
    assert {"music.db", "music.db-wal", "music.db-shm"} < modes.keys()
    assert len(modes) == 6
    assert set(modes.values()) == {0o600}


async def test_it_notices_that_its_file_is_another(tmp_path: Path) -> None:
    """Moved away, replaced and put back; what is only in memory has no place to lose."""
    path, aside = tmp_path / "music.db", tmp_path / "aside.db"
    database = await opened(path, [FIRST])
    assert await database.in_place()
    path.rename(aside)
    assert not await database.in_place()
    path.write_bytes(b"")
    assert not await database.in_place()
    aside.replace(path)
    assert await database.in_place()
    await database.close()
    memory = await Database.open(MEMORY, {"notes": [FIRST]}, backups=tmp_path, clock=ManualClock())
    assert await memory.in_place()
    await memory.close()


async def test_a_fault_is_told_without_a_daemon(tmp_path: Path) -> None:
    """In the words of the refusal to open it, and without a change; a sound one has none, also with a log beside it."""
    path, backups = tmp_path / "music.db", tmp_path / "backups"
    await filled(path)
    assert fault_in(path, backups) is None
    database = await opened(path, [FIRST])
    await database.write(lambda connection: connection.execute("INSERT INTO note VALUES ('x')"))
    assert fault_in(path, backups) is None
    await database.close()
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(NeedsPerson) as caught:
        await opened(path, [FIRST])
    assert str(fault_in(path, backups)) == str(caught.value)


async def test_a_failing_migration_changes_nothing(tmp_path: Path) -> None:
    """When a later migration fails, the earlier ones of the same start are undone with it."""
    path = tmp_path / "music.db"
    await filled(path)
    with pytest.raises(sqlite3.OperationalError):
        await opened(path, [FIRST, SECOND, "ALTER TABLE nowhere ADD COLUMN x"])
    database = await opened(path, [FIRST])
    assert await database.read(count) == 500
    await database.close()


KILLED = """
import os, signal, sys, anyio
from pathlib import Path
from musicsyncd.clock import SystemClock
from musicsyncd.database import MEMORY, Database
class Deadly(list):
    def __getitem__(self, index):
        if index == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__getitem__(index)
path = Path(sys.argv[1])
anyio.run(lambda: Database.open(path, {"notes": Deadly(sys.argv[2:])}, backups=path.parent / "backups",
                                clock=SystemClock()))
"""


async def test_a_kill_between_migrations_changes_nothing(tmp_path: Path) -> None:
    """After SIGKILL between two migrations the old program opens its old database again."""
    path = tmp_path / "music.db"
    await filled(path)
    done = subprocess.run([sys.executable, "-c", KILLED, str(path), FIRST, SECOND, "CREATE TABLE b (x)"], check=False)
    assert done.returncode == -signal.SIGKILL
    database = await opened(path, [FIRST])
    assert await database.read(count) == 500
    await database.close()


async def test_a_migration_may_not_leave_dangling_references(tmp_path: Path) -> None:
    """References are checked after the migrations, although a table may be rebuilt in between."""
    first = "CREATE TABLE a (x INTEGER PRIMARY KEY); CREATE TABLE b (x INTEGER REFERENCES a)"
    second = "INSERT INTO b VALUES (7)"
    with pytest.raises(sqlite3.IntegrityError, match="refer to nothing"):
        await opened(tmp_path / "music.db", [first, second])


def test_a_script_is_split_at_its_statements() -> None:
    """Semicolons inside text and triggers end no statement."""
    script = (
        "CREATE TABLE a (x); CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM a; END; INSERT INTO a VALUES (';')"
    )
    assert [statement.split()[1] for statement in statements(script)] == ["TABLE", "TRIGGER", "INTO"]


async def test_a_path_under_a_file_is_denied(tmp_path: Path) -> None:
    """A state folder that cannot be made is a clear refusal."""
    (tmp_path / "file").write_text("")
    with pytest.raises(Denied, match="cannot be used"):
        await opened(tmp_path / "file" / "music.db", [FIRST])


UNPRIVILEGED = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from musicsyncd.database.opening import open_file
from musicsyncd.errors import Denied
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
path = Path(sys.argv[1])
try:
    open_file(path, {}, path.parent / "backups", datetime.now(UTC))
except Denied as error:
    sys.exit(f"DENIED {error}")
"""


def test_a_folder_that_may_not_be_written_is_denied(tmp_path: Path) -> None:
    """Another user's or a read-only folder is refused with what to do, and without a traceback."""
    folder = tmp_path / "readonly"
    folder.mkdir()
    folder.chmod(0o500)
    tmp_path.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", UNPRIVILEGED, str(folder / "music.db")],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert "DENIED" in done.stderr
    assert "state_dir" in done.stderr
    assert "Traceback" not in done.stderr
