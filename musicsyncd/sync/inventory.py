"""What lies on the volumes, held against what the ledger says of it: a scratch pad on the disk, gone with the run.

However many files there are, little of it is in memory.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import Any, Final, Self, TypeVar

from anyio import to_thread

from musicsyncd.library.base import Kept, Lying
from musicsyncd.library.naming import path_key

T = TypeVar("T")
AT_ONCE: Final = 200
_TABLES: Final = """
    CREATE TABLE lying (target TEXT, key TEXT, path TEXT, ending TEXT, size INTEGER, mtime INTEGER, track TEXT,
                        sha256 TEXT, pcm_md5 TEXT, PRIMARY KEY (target, key, path)) WITHOUT ROWID;
    CREATE INDEX lying_size ON lying(target, size) WHERE track IS NULL;
    CREATE TABLE stray (target TEXT, path TEXT);
    CREATE TABLE made (size INTEGER, format TEXT, sha256 TEXT, track TEXT, proof TEXT);
    CREATE INDEX made_size ON made(size, sha256);
    CREATE TABLE gone (number INTEGER PRIMARY KEY, target TEXT, track TEXT, label TEXT, part TEXT, proof TEXT,
                       detail TEXT, pcm_md5 TEXT);
    CREATE TABLE owner (target TEXT, page TEXT, track TEXT, PRIMARY KEY (target, page)) WITHOUT ROWID;
"""


@dataclass(frozen=True, kw_only=True)
class Found:
    """A file on a volume."""

    target: str
    path: str
    size: int
    mtime_ns: int
    track: str | None = None
    """Whose it is, as far as that is known."""
    sha256: str | None = None
    pcm_md5: str | None = None


@dataclass(frozen=True, kw_only=True)
class Gone:
    """Evidence of a file that is not there."""

    number: int
    target: str
    track: str
    label: str
    part: str
    proof: str
    kept: Kept
    pcm_md5: str
    """Of the samples that it held; empty: not known."""


class Inventory:
    """Used by one run at a time; `close` it at the end."""

    def __init__(self, endings: Collection[str]) -> None:
        """`endings` are those of the files that count, `.m4a` and so on."""
        self._endings = frozenset(endings)
        self._conn = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._conn.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -4000;")
        self._conn.executescript(_TABLES)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._conn.close()

    async def _run(self, work: Callable[[], T]) -> T:
        return await to_thread.run_sync(work)

    # What lies there

    def take(self, target: str, files: Sequence[Lying]) -> None:
        """Write down what a volume tells; called in the thread that lists it."""
        audio = [one for one in files if not one.stray and _ending(one.path) in self._endings]
        values = [(target, path_key(one.path), one.path, _ending(one.path), one.size, one.mtime_ns) for one in audio]
        query = "INSERT OR IGNORE INTO lying (target, key, path, ending, size, mtime) VALUES (?, ?, ?, ?, ?, ?)"
        self._conn.execute("BEGIN")
        self._conn.executemany(query, values)
        self._conn.executemany("INSERT INTO stray VALUES (?, ?)", [(target, one.path) for one in files if one.stray])
        self._conn.execute("COMMIT")

    async def forget(self, target: str) -> None:
        """Nothing is known of this volume: it could not be listed to its end."""
        await self._run(lambda: self._conn.execute("DELETE FROM lying WHERE target = ?", (target,)) and None)

    async def at(self, target: str, paths: Collection[str]) -> dict[str, Found]:
        """The files at these paths, however the volume spells them."""
        keys = {path_key(path): path for path in paths}
        query = f"SELECT {_COLUMNS}, key FROM lying WHERE target = ? AND key IN (SELECT value FROM json_each(?))"  # noqa: S608
        rows = await self._rows(query, (target, json.dumps([*keys])))
        found = {keys[row[-1]]: _found(row) for row in rows}
        return found | {row[1]: _found(row) for row in rows if row[1] in found}  # this very spelling, where it is there

    async def claim(self, target: str, claims: Iterable[tuple[str, str]]) -> None:
        """These files (path, track) are a track's."""
        values = [(track, target, path_key(path), path) for path, track in claims]
        query = "UPDATE lying SET track = ? WHERE target = ? AND key = ? AND path = ?"
        await self._run(lambda: self._conn.executemany(query, values) and None)

    async def free(self, target: str, *, size: int) -> list[Found]:
        """Files of exactly this size that are nobody's."""
        query = f"SELECT {_COLUMNS} FROM lying WHERE target = ? AND size = ? AND track IS NULL ORDER BY path LIMIT 100"  # noqa: S608
        return [_found(row) for row in await self._rows(query, (target, size))]

    async def free_near(self, target: str, path: str, size: int, within: int, limit: int) -> list[Found]:
        """Files with the same ending and about this size that are nobody's, the nearest first."""
        query = f"""SELECT {_COLUMNS} FROM lying WHERE target = ? AND track IS NULL AND ending = ?
                    AND size BETWEEN ? AND ? ORDER BY abs(size - ?) LIMIT ?"""  # noqa: S608
        values = (target, _ending(path), size - within, size + within, size, limit)
        return [_found(row) for row in await self._rows(query, values)]

    async def heard(self, one: Found, *, sha256: str | None = None, pcm_md5: str | None = None) -> None:
        """What was read of a file, so that it is read once."""
        query = """UPDATE lying SET sha256 = coalesce(?, sha256), pcm_md5 = coalesce(?, pcm_md5)
                   WHERE target = ? AND key = ? AND path = ?"""
        values = (sha256, pcm_md5, one.target, path_key(one.path), one.path)
        await self._run(lambda: self._conn.execute(query, values) and None)

    async def nobodys(self, target: str, after: str) -> list[Found]:
        """Files that are nobody's, behind this path; some at a time."""
        query = f"""SELECT {_COLUMNS} FROM lying WHERE target = ? AND track IS NULL AND path > ?
                    ORDER BY path LIMIT {AT_ONCE}"""  # noqa: S608
        return [_found(row) for row in await self._rows(query, (target, after))]

    async def strays(self) -> dict[str, int]:
        """How many halves of files lie on each volume."""
        return dict(await self._rows("SELECT target, count(*) FROM stray GROUP BY target", ()))

    # What the ledger says

    async def made(self, outputs: Sequence[tuple[int, str, str, str, str]]) -> None:
        """Outputs as they were made: (size, format, sha256, track, proof)."""
        query = "INSERT INTO made VALUES (?, ?, ?, ?, ?)"
        await self._run(lambda: self._conn.executemany(query, outputs) and None)

    async def may_be(self, size: int, format_names: Sequence[str]) -> list[tuple[str, str, str, str]]:
        """Outputs of this size: (format, sha256, track, proof)."""
        query = """SELECT format, sha256, track, proof FROM made
                   WHERE size = ? AND format IN (SELECT value FROM json_each(?))"""
        return [
            (row[0], row[1], row[2], row[3]) for row in await self._rows(query, (size, json.dumps([*format_names])))
        ]

    async def miss(self, one: Gone) -> None:
        """This evidence has no file."""
        detail = json.dumps(one.kept.as_dict())
        values = (one.target, one.track, one.label, one.part, one.proof, detail, one.pcm_md5)
        query = "INSERT INTO gone (target, track, label, part, proof, detail, pcm_md5) VALUES (?, ?, ?, ?, ?, ?, ?)"
        await self._run(lambda: self._conn.execute(query, values) and None)

    async def gone(self, after: int) -> list[Gone]:
        """Evidence without a file, behind this number; some at a time."""
        query = f"""SELECT number, target, track, label, part, proof, detail, pcm_md5 FROM gone WHERE number > ?
                    ORDER BY number LIMIT {AT_ONCE}"""  # noqa: S608
        return [
            Gone(number=row[0], target=row[1], track=row[2], label=row[3], part=row[4], proof=row[5],
                 kept=Kept.from_dict(json.loads(row[6])), pcm_md5=row[7])
            for row in await self._rows(query, (after,))
        ]  # fmt: skip

    async def own(self, target: str, pages: Iterable[tuple[str, str]]) -> None:
        """These rows (page, track) are a track's."""
        values = [(target, page, track) for page, track in pages]
        await self._run(
            lambda: self._conn.executemany("INSERT OR REPLACE INTO owner VALUES (?, ?, ?)", values) and None
        )

    async def owners(self, target: str, pages: Sequence[str]) -> dict[str, str]:
        """Whose these rows are."""
        query = "SELECT page, track FROM owner WHERE target = ? AND page IN (SELECT value FROM json_each(?))"
        return dict(await self._rows(query, (target, json.dumps([*pages]))))

    async def _rows(self, query: str, values: Sequence[Any]) -> list[Any]:
        return await self._run(partial(_all, self._conn, query, values))


_COLUMNS: Final = "target, path, size, mtime, track, sha256, pcm_md5"


def _all(conn: sqlite3.Connection, query: str, values: Sequence[Any]) -> list[Any]:
    return conn.execute(query, tuple(values)).fetchall()


def _found(row: Sequence[Any]) -> Found:
    names = ("target", "path", "size", "mtime_ns", "track", "sha256", "pcm_md5")
    return Found(**dict(zip(names, row[:7], strict=True)))


def _ending(path: str) -> str:
    return PurePosixPath(path).suffix.lower()


def batches(ids: Sequence[str], size: int = AT_ONCE) -> Iterator[Sequence[str]]:
    """The ids, some at a time."""
    for start in range(0, len(ids), size):
        yield ids[start : start + size]
