"""A shelf in memory that keeps the port's contract, with a switch for every state: for tests and trials."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

import anyio

from musicsyncd.errors import Degraded, Permanent, Temporary
from musicsyncd.library.base import Condition, Kept, Lying, Placed, Shelf, ShelfState, Staged, target_of
from musicsyncd.library.naming import candidates, path_key
from musicsyncd.library.recycle import RECYCLE, areas


class MemoryShelf(Shelf):
    """Files as bytes under their paths; compares names as the pickiest volume does."""

    lists = True

    def __init__(
        self,
        name: str = "memory",
        *,
        formats: Sequence[str] = ("wav",),
        layout: str = "{artist}/{artist} - {title}",
        hands_over: bool = False,
    ) -> None:
        self.name, self.target = name, target_of(name, hands_over=hands_over)
        self.formats, self.layout, self.hands_over = tuple(formats), layout, hands_over
        self.condition = Condition.READY
        """Set it to make the shelf anything else."""
        self.files: dict[str, bytes] = {}
        """What stands there, recycle area included."""
        self.marker = hashlib.sha256(name.encode()).hexdigest()[:32]
        self._times: dict[str, int] = {}
        self._ticks = itertools.count(1)

    async def state(self) -> ShelfState:
        ready = self.condition is Condition.READY
        why = "" if ready else f"The shelf {self.name!r} was switched to {self.condition}"
        return ShelfState(condition=self.condition, why=why, marker=self.marker if ready else "")

    async def place(self, staged: Staged, wanted: str, *, tie_breaker: str, replaces: Kept | None = None) -> Placed:
        self._require(Condition.READY, Condition.FULL, Condition.READ_ONLY)
        if not staged.size:
            raise Permanent(f"{staged.path.name} is empty", fix="Make it again: musicsyncctl tracks retry")
        old = replaces if replaces and replaces.marker == self.marker else None
        stays = [old.path] if old and str(PurePosixPath(old.path).with_suffix("")) == wanted else []
        names = [*dict.fromkeys([*stays, *candidates(wanted, staged.extension, tie_breaker)])]
        for name in names:
            held = self._spelled(name)
            if held and _sha256(self.files[held]) == staged.sha256:
                return Placed(kept=self._kept(held, staged), recycled=self._retire(old, held))
        self._require(Condition.READY)
        data = await _read(staged)
        for name in names:
            held = self._spelled(name)
            if held is None or self._makes_way(old, held):
                recycled = self._retire(old, "") if held else None
                self.write(name, data)
                return Placed(kept=self._kept(name, staged), recycled=recycled or self._retire(old, name))
        raise Degraded(f"The shelf {self.name!r} holds other files under every name", target=self.target)

    async def found(self, kept: Kept) -> Kept | None:
        self._require(Condition.READY, Condition.FULL, Condition.READ_ONLY)
        path = self._spelled(kept.path)
        if path is None:
            return None
        data = self.files[path]
        return replace(kept, path=path, size=len(data), mtime_ns=self._times[path], sha256=_sha256(data))

    async def retire(self, kept: Kept) -> str | None:
        self._require(Condition.READY, Condition.FULL)
        return self._retire(kept, "") if kept.marker == self.marker else None

    async def restore(self, kept: Kept, recycled: str) -> Kept:
        self._require(Condition.READY, Condition.FULL)
        path = self._spelled(kept.path)
        if path is None:
            if recycled not in self.files:
                raise Permanent(f"{recycled} is not on the shelf {self.name!r} any more")
            path = kept.path
            self.write(path, self.files.pop(recycled))
        if _sha256(self.files[path]) != kept.sha256:
            raise Permanent(f"Another file stands at {kept.path}", fix="Move it away, then undo again")
        return replace(kept, path=path, mtime_ns=self._times[path])

    async def recycled(self, kept: Kept) -> str | None:
        self._require(Condition.READY, Condition.FULL, Condition.READ_ONLY)
        return next((name for name in self._bin(kept) if _sha256(self.files[name]) == kept.sha256), None)

    async def readable(self, kept: Kept, folder: Path) -> Path:
        self._require(Condition.READY, Condition.FULL, Condition.READ_ONLY)
        copy = anyio.Path(folder) / f"{kept.sha256}.{kept.format}"
        await copy.write_bytes(self.files[kept.path])
        return Path(copy)

    async def look(self, kept: Kept) -> Kept | None:
        self._require(Condition.READY, Condition.FULL, Condition.READ_ONLY)
        path = self._spelled(kept.path)
        if path is None or kept.marker != self.marker or _sha256(self.files[path]) != kept.sha256:
            return None
        return replace(kept, path=path, mtime_ns=self._times[path])

    async def listing(self, take: Callable[[Sequence[Lying]], None]) -> None:
        self._require(Condition.READY, Condition.FULL, Condition.READ_ONLY)
        told = [(path, data) for path, data in self.files.items() if not path.startswith(".")]
        take([Lying(path=path, size=len(data), mtime_ns=self._times[path]) for path, data in told])

    def write(self, path: str, data: bytes) -> None:
        """Put a file there, as this shelf or as another program does."""
        self.files[path], self._times[path] = data, next(self._ticks)

    def _retire(self, old: Kept | None, placed: str) -> str | None:
        """Move the older version away; where it is, also when an earlier call moved it."""
        if old is None:
            return None
        path = self._spelled(old.path)
        if path is None or path == placed:
            return next((name for name in self._bin(old) if _sha256(self.files[name]) == old.sha256), None)
        if _sha256(self.files[path]) != old.sha256:
            return None  # somebody changed it since: it is theirs now
        places = (f"{RECYCLE}/{area}/{path}" for area in areas("today"))
        recycled = next(place for place in places if self._spelled(place) is None)
        self.write(recycled, self.files.pop(path))
        return recycled

    def _bin(self, old: Kept) -> list[str]:
        """Every recycled file that once had this path."""
        ending = path_key(f"/{old.path}")
        return [path for path in self.files if path.startswith(RECYCLE) and path_key(path).endswith(ending)]

    def _makes_way(self, old: Kept | None, held: str) -> bool:
        same_name = old is not None and path_key(held) == path_key(old.path)
        return same_name and old is not None and _sha256(self.files[held]) == old.sha256

    def _spelled(self, path: str) -> str | None:
        return next((other for other in self.files if path_key(other) == path_key(path)), None)

    def _kept(self, path: str, staged: Staged) -> Kept:
        return Kept(
            shelf=self.name,
            marker=self.marker,
            path=path,
            format=staged.format,
            size=len(self.files[path]),
            mtime_ns=self._times[path],
            sha256=staged.sha256,
        )

    def _require(self, *conditions: Condition) -> None:
        if self.condition not in conditions:
            what = f"The shelf {self.name!r} is {self.condition}"
            raise Degraded(what, target=self.target, fix="Switch it back")


async def _read(staged: Staged) -> bytes:
    try:
        data = await anyio.to_thread.run_sync(staged.path.read_bytes)
    except OSError as error:
        raise Temporary(f"{staged.path.name} cannot be read from staging", fix="It is made again") from error
    if _sha256(data) != staged.sha256:
        raise Temporary(f"{staged.path.name} is not the file that was recorded", fix="It is made again")
    return data


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
