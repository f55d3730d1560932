"""The port behind which every shelf stands: a place where finished files are kept and found again."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from anyio import to_thread

from musicsyncd.errors import Degraded, NeedsPerson, Temporary

NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT)


class Condition(StrEnum):
    """How a shelf is, told apart because each asks for something else of a person."""

    READY = "ready"
    ABSENT = "absent"
    """Not mounted, or its marker is not there: an empty mount point is never an emptied library."""
    FOREIGN = "foreign"
    """Another volume's marker is there."""
    READ_ONLY = "read-only"
    FULL = "full"
    """Less free space than the shelf's `min_free`."""
    DENIED = "denied"
    """The system forbids reading or writing it."""


class Trait(StrEnum):
    """How a shelf takes names; names are chosen so that none of these matters, a person may wonder all the same."""

    CASE_INSENSITIVE = "case-insensitive"
    """`A` and `a` are one file."""
    NFD = "nfd"
    """Accents are given back as marks of their own (HFS+)."""
    FAT_NAMES = "fat-names"
    """Names hold none of `" * : < > ? \\ |` (FAT, exFAT, NTFS)."""


@dataclass(frozen=True, kw_only=True)
class ShelfState:
    """What was seen when the shelf was last looked at."""

    condition: Condition
    why: str = ""
    """One sentence when it is not ready."""
    fix: str = ""
    free: int | None = None
    """Free bytes."""
    path: str = ""
    marker: str = ""
    """The id in the marker file."""
    traits: tuple[Trait, ...] = ()

    @property
    def ready(self) -> bool:
        return self.condition is Condition.READY


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A file on a shelf, as it was read back from there."""

    shelf: str
    """The shelf's name."""
    marker: str
    """The id in the volume's marker at the time."""
    path: str
    """Relative to the shelf's root, with forward slashes, as the volume spells it."""
    format: str
    size: int
    mtime_ns: int
    sha256: str

    def as_dict(self) -> dict[str, Any]:
        return dict(vars(self))

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Kept:
        return cls(**data)


@dataclass(frozen=True, kw_only=True)
class About:
    """What a shelf that files things by more than a path wants to know of a track."""

    track: str
    """The track's id."""
    url: str = ""
    """Where it came from, as anybody may see it."""
    artist: str = ""
    genre: str = ""
    bpm: float | None = None
    key: str = ""
    source: str = ""
    lossless: bool = False
    extended: bool | None = None
    """Whether its title says so; False: it says that it is a short version."""
    fingerprint: str = ""
    playlists: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Staged:
    """A finished file that waits to be put on a shelf."""

    path: Path
    format: str
    extension: str
    """Without the dot."""
    size: int
    sha256: str
    about: About | None = None
    """For shelves that know more of a file than its path."""
    target: str = ""
    """The shelf on which the file stands that is to be copied; empty in staging."""
    delivering: Callable[[Kept | None], Coroutine[Any, Any, None]] | None = None
    """Told of the file just before another program may take it away, and with None when it did not get its name after
    all; for shelves that hand over.
    """


@dataclass(frozen=True, kw_only=True)
class Placed:
    """What a placing came to."""

    kept: Kept
    recycled: str | None = None
    """Where the file that this one replaces lies now, below the shelf's root; None when none made way."""


@dataclass(frozen=True, kw_only=True)
class Lying:
    """A file on a shelf, as its folder tells of it; nobody has read it."""

    path: str
    """Relative to the shelf's root, with forward slashes."""
    size: int
    mtime_ns: int
    stray: bool = False
    """Whether it is half of a file of ours, from a run that was cut short."""


def target_of(name: str, *, hands_over: bool = False) -> str:
    """What a shelf of that name is called in evidence: `volume:VIBES`, or `handover:VIBES` where files do not stay."""
    return f"{'handover' if hands_over else 'volume'}:{name}"


def no_copy(error: OSError) -> NeedsPerson | Temporary:
    """Why there is no copy in the working folder, which a person has to see to when it is full."""
    why = error.strerror or str(error)
    if error.errno in NO_ROOM:
        return NeedsPerson("There is no room in the working folder", why=why, fix="Free some space there")
    return Temporary("A copy cannot be written to the working folder", why=why)


class Shelf:
    """A place for finished files. `target` is its name in evidence: `volume:VIBES`."""

    name: str
    target: str
    hands_over: bool = False
    """Whether another program takes the files away: each is delivered once, and is no kept copy afterwards."""
    formats: tuple[str, ...]
    """The formats that this shelf wants."""
    layout: str
    """Template of the names here, for `naming.relative_path`."""
    home: Path | None = None
    """Where it was said to be; None for a shelf without a path. It may be found elsewhere."""
    added: bool = False
    """Whether a person added it by command, and the settings do not name it."""
    reads_later: bool = False
    """Whether another program reads the file that is placed, when it comes to it: better one that stays."""
    lists: bool = False
    """Whether `listing` tells of every file that stands here."""

    async def state(self) -> ShelfState:
        """Look at the shelf now; never raises for a shelf that is merely away."""
        raise NotImplementedError

    async def place(self, staged: Staged, wanted: str, *, tie_breaker: str, replaces: Kept | None = None) -> Placed:
        """Keep a copy of the staged file near the relative path `wanted` (no extension), whole or not at all.

        Idempotent: when the very bytes already stand at one of the names this call would use, they are taken
        as placed. A name that another file holds is never overwritten: the tie breaker (short, unique to the
        track) is added. When `wanted` is where the file stands that this one replaces, its name stays, letter by
        letter. A file that this one replaces goes to the volume's recycle area, unless somebody
        changed it: then it stays where it is. Raises Degraded when the shelf cannot take the file now,
        Temporary when the staged file is not what was recorded, Permanent when it is empty.
        """
        raise NotImplementedError

    async def look(self, kept: Kept) -> Kept | None:
        """The file as it stands now, or None when it is gone or its bytes are others.

        Size and time as kept are taken for the same bytes; otherwise they are read. On exFAT, whose times are whole
        seconds, a change of equal length within the same two seconds goes unseen. Degraded when the shelf is away.
        """
        raise NotImplementedError

    async def found(self, kept: Kept) -> Kept | None:
        """Whatever stands under the kept file's name now, hashed anew; None when nothing does. Degraded when away."""
        raise NotImplementedError

    async def retire(self, kept: Kept) -> str | None:
        """Move the file to the recycle area on the same volume; its path there, below the shelf's root.

        Idempotent: a file that an earlier call moved is found there. None when it is gone, or when somebody changed
        it: then it stays. Degraded when the shelf cannot be written now.
        """
        raise NotImplementedError

    async def restore(self, kept: Kept, recycled: str) -> Kept:
        """Bring back what `retire` or `place` moved to `recycled`, under its old name; the file as it stands, its bytes
        read.

        Idempotent. Permanent when another file has taken the name or the recycled one is gone: nothing is moved then.
        Degraded when the shelf cannot be written now, or is another disk.
        """
        raise NotImplementedError

    async def recycled(self, kept: Kept) -> str | None:
        """Where the very bytes of a kept file that is not there any more lie in the recycle area, below the root; None
        when they do not. Degraded when away.
        """
        return None

    async def readable(self, kept: Kept, folder: Path) -> Path:
        """Where the kept file can be read; a shelf without paths of its own puts a copy into `folder`."""
        raise NotImplementedError

    async def fetch(self, kept: Kept, copy: Path) -> None:
        """Copy the kept file to this path outside the shelf, in place of what is there.

        Its bytes may be others by now. Degraded when the shelf is away or hangs, Temporary when the file is gone, what
        `no_copy` says when the copy cannot be written.
        """
        original = await self.readable(kept, copy.parent)
        try:
            await to_thread.run_sync(shutil.copyfile, original, copy, abandon_on_cancel=True)
        except OSError as error:
            if error.errno in NO_ROOM:
                raise no_copy(error) from error
            what, why = f"{kept.path} on {self.name} cannot be read", error.strerror or str(error)
            raise Degraded(what, target=self.target, why=why) from error

    async def listing(self, take: Callable[[Sequence[Lying]], None]) -> None:
        """Tell of every file here, hidden ones and the recycle area left out, some at a time and in another thread.

        Degraded when the shelf is away: nothing is to be concluded then. A part that cannot be read, and another
        volume inside this one, are passed over: whoever misses a file there asks for it by name.
        """
        raise NotImplementedError

    async def sweep(self) -> int:
        """Remove what earlier processes left half-written; how many."""
        return 0
