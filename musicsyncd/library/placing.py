"""Putting one file on a volume, whole or not at all, never over another. Blocking; OSErrors pass.

copy to a temporary in the target's own folder → fsync → read back and compare → make way → rename into a free
name → fsync the folder → look. Losing the process between any two of these leaves what a second run finishes.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from musicsyncd.crashpoints import CrashPoint, crash_point
from musicsyncd.errors import Degraded, Permanent, Temporary
from musicsyncd.library import naming
from musicsyncd.library.base import Condition, Kept, Placed, ShelfState, Staged
from musicsyncd.library.disk import (
    CHUNK,
    hash_file,
    is_file,
    rename_into_free,
    sync_file,
    sync_folder,
    temporary_name,
)
from musicsyncd.library.folders import Folder, existing_folder, held, made_folder
from musicsyncd.library.kept import holds, unchanged
from musicsyncd.library.marker import read_marker
from musicsyncd.library.recycle import find_recycled, put_back, recycle, retire

SYNC_EVERY: Final = 32 * CHUNK
"""Bytes written between two fsyncs: bounds how long a slow stick may be silent."""
MOST_RACES: Final = 5
"""How often another program may take the name that was just chosen."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be placed where."""

    root: Path
    shelf: str
    target: str
    state: ShelfState
    """As just seen; its marker is the volume's that is meant."""
    min_free: int
    """Bytes that shall still be free afterwards."""
    staged: Staged
    wanted: str
    tie_breaker: str
    replaces: Kept | None
    day: str
    """Of the recycle area, as ISO 8601."""
    beat: Callable[[], None]
    hands_over: bool = False
    """Whether another program may take the file as soon as it has its name."""
    delivering: Callable[[Kept | None], None] = lambda _: None
    """Writes down that the file is about to have its name, or (None) that it has not got it."""


@dataclass(frozen=True, kw_only=True)
class Slot:
    """The name chosen for the file."""

    name: str
    stands: str | None = None
    """The entry that holds the very bytes already."""
    makes_way: str | None = None
    """The entry that is the older version of the file."""


def place(order: Order, *, longest: int = naming.LONGEST_COMPONENT) -> Placed:
    """See `Shelf.place`; `longest` is the longest name component that the volume takes."""
    if not order.staged.size:
        raise Permanent(f"{order.staged.path.name} is empty", fix="Make it again: musicsyncctl tracks retry")
    names = _names(order, longest)
    parts, choices = PurePosixPath(names[0]).parts[:-1], [PurePosixPath(name).name for name in names]
    with held(order.root) as top:
        _check_presence(order, top)  # of the very folder that is written to: a mount point may be empty by now
        with existing_folder(order.root, parts, top=top) as folder:
            slot = _choose(order, folder, choices) if folder else None
            if folder and slot and slot.stands:
                kept = _read_back(order, folder, slot.stands)
                return Placed(kept=kept, recycled=_retire(order, kept))
        _check_room(order)
        with made_folder(order.root, parts, top=top) as folder:
            return _copied_into(order, folder, choices)


def _names(order: Order, longest: int) -> list[str]:
    """Best first. A file that stays where it was keeps its name exactly: its owner may have given it."""
    names = naming.candidates(order.wanted, order.staged.extension, order.tie_breaker, longest=longest)
    old = _old_version(order)
    stays = old is not None and str(PurePosixPath(old.path).with_suffix("")) == order.wanted
    return [*dict.fromkeys([*([old.path] if old and stays else []), *names])]


def _copied_into(order: Order, folder: Folder, choices: list[str]) -> Placed:
    with _temporary(folder) as temporary:
        _copy(order, folder, temporary)
        crash_point(CrashPoint.SHELF_SYNCED)
        slot, recycled = _named(order, folder, choices, temporary)
    crash_point(CrashPoint.SHELF_RENAMED)
    sync_folder(folder.descriptor)
    crash_point(CrashPoint.SHELF_FOLDER_SYNCED)
    kept = _read_back(order, folder, slot.name)
    return Placed(kept=kept, recycled=recycled or _retire(order, kept))


def _named(order: Order, folder: Folder, choices: list[str], temporary: str) -> tuple[Slot, str | None]:
    """Give the temporary its name; the slot, and where the file that held it went."""
    for _ in range(MOST_RACES):
        _check_presence(order)
        slot = _choose(order, folder, choices)
        if slot.stands:  # somebody copied it there meanwhile
            return slot, None
        recycled = recycle(order.root, folder, slot.makes_way, order.day) if slot.makes_way else None
        try:
            order.delivering(_kept(order, folder.path_of(slot.name), order.staged.size, 0))
            rename_into_free(temporary, slot.name, source=folder.descriptor, target=folder.descriptor)
            return slot, recycled
        except OSError as error:
            order.delivering(None)
            if recycled and slot.makes_way:
                with suppress(OSError):  # it is safe where it is
                    put_back(order.root, recycled, folder, slot.makes_way)
            if not isinstance(error, FileExistsError):
                raise
    raise FileExistsError(errno.EEXIST, "Another program keeps taking the name", choices[0])


def _choose(order: Order, folder: Folder, choices: list[str]) -> Slot:
    """The first name that is free or makes way, unless one of them holds the very bytes already."""
    best: Slot | None = None
    spelled = {naming.path_key(name): name for name in folder.names()}
    for choice in choices:
        entry = spelled.get(naming.path_key(choice))
        if entry is None:
            best = best or Slot(name=choice)
        elif _holds_it(order, folder, entry):
            return Slot(name=choice, stands=entry)
        elif best is None and _makes_way(order, folder, entry):
            best = Slot(name=choice, makes_way=entry)
    if best is None:
        raise FileExistsError(errno.EEXIST, "Other files hold every name for it", choices[0])
    return best


def _holds_it(order: Order, folder: Folder, entry: str) -> bool:
    return holds(folder, entry, order.staged.size, order.staged.sha256, order.beat)


def _makes_way(order: Order, folder: Folder, entry: str) -> bool:
    old = _old_version(order)
    if old is None or naming.path_key(old.path) != naming.path_key(folder.path_of(entry)):
        return False
    return unchanged(old, folder, entry, order.beat) is not None


def _old_version(order: Order) -> Kept | None:
    """What the file replaces, if that was on this very volume."""
    old = order.replaces
    return old if old and old.marker == order.state.marker else None


def _read_back(order: Order, folder: Folder, name: str) -> Kept:
    """What is there under this name."""
    entry = folder.spelling(name) or name
    status = folder.status(entry)
    if status is None and order.hands_over:  # taken already: its bytes were read back before it got its name
        return _kept(order, folder.path_of(entry), order.staged.size, 0)
    if status is None or not is_file(status) or status.st_size != order.staged.size:
        raise OSError(errno.EIO, "the file is not there as it was written", entry)
    return _kept(order, folder.path_of(entry), status.st_size, status.st_mtime_ns)


def _kept(order: Order, path: str, size: int, mtime_ns: int) -> Kept:
    return Kept(
        shelf=order.shelf,
        marker=order.state.marker,
        path=path,
        format=order.staged.format,
        size=size,
        mtime_ns=mtime_ns,
        sha256=order.staged.sha256,
    )


def _retire(order: Order, kept: Kept) -> str | None:
    """Move the older version to the recycle area; where it is there, also when an earlier run moved it."""
    old = _old_version(order)
    if old is None or old.sha256 == kept.sha256:
        return None
    if naming.path_key(old.path) == naming.path_key(kept.path):
        return find_recycled(order.root, old.path, old.size, old.sha256, order.beat)
    return retire(order.root, old, order.day, order.beat, allowed=lambda: _check_writable(order))


@contextmanager
def _temporary(folder: Folder) -> Iterator[str]:
    """A name for a file that is gone afterwards, whatever happens, unless it was renamed."""
    name = temporary_name()
    try:
        yield name
    finally:
        with suppress(OSError):  # renamed, or the volume is gone
            os.unlink(name, dir_fd=folder.descriptor)


def _copy(order: Order, folder: Folder, name: str) -> None:
    """Copy the staged file under this name, have it on the medium, and compare what the medium gives back."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(name, flags, 0o644, dir_fd=folder.descriptor)
    try:
        written = _write(order, descriptor)
        crash_point(CrashPoint.SHELF_COPIED)
        sync_file(descriptor)
    finally:
        os.close(descriptor)
    order.beat()
    if written != order.staged.sha256:
        raise Temporary(f"{order.staged.path.name} is not the file that was recorded", fix="It is made again")
    if hash_file(name, folder.descriptor, order.beat, uncached=True) != written:
        raise OSError(errno.EIO, "it gave back other bytes than were written", name)


def _write(order: Order, descriptor: int) -> str:
    """Copy; the hash of what was read."""
    digest, unsynced = hashlib.sha256(), 0
    for chunk in _chunks(order.staged.path):
        digest.update(chunk)
        rest = memoryview(chunk)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        unsynced += len(chunk)
        if unsynced >= SYNC_EVERY:
            os.fsync(descriptor)
            unsynced = 0
        order.beat()
    return digest.hexdigest()


def _chunks(path: Path) -> Iterator[bytes]:
    """The staged file; Temporary when it cannot be read, for that is not the volume's fault."""
    try:
        with path.open("rb", buffering=0) as file:
            while chunk := file.read(CHUNK):
                yield chunk
    except OSError as error:
        why = error.strerror or str(error)
        raise Temporary(f"{path.name} cannot be read from staging", why=why, fix="It is made again") from error


def _check_presence(order: Order, top: int | None = None) -> None:
    """Degraded when the path, or the folder held open, no longer leads to the volume that this order is for."""
    with suppress(OSError, ValueError):
        marker = read_marker(order.root if top is None else top)
        if marker and marker.id == order.state.marker:
            return
    raise Degraded(
        f"The volume {order.shelf!r} went away while {order.staged.path.name} was being written",
        target=order.target,
        fix="Mount it again",
    )


def _check_room(order: Order) -> None:
    _check_writable(order)
    free = order.state.free
    if order.state.condition is Condition.FULL or (free is not None and free - order.staged.size < order.min_free):
        raise Degraded(
            f"The volume {order.shelf!r} is full",
            target=order.target,
            why=f"Of {free} free bytes {order.min_free} shall stay free; the file takes {order.staged.size}",
            fix="Make room or lower min_free",
        )


def _check_writable(order: Order) -> None:
    state = order.state
    if not state.ready and state.condition is not Condition.FULL:
        what = f"The volume {order.shelf!r} is {state.condition}"
        raise Degraded(what, target=order.target, why=state.why, fix=state.fix)
