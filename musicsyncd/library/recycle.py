"""A volume's recycle area: where a replaced file goes instead of being deleted. Blocking.

It lies on the volume itself, so that going there is a rename: `.musicsyncd-recycle/<date>/<path as it was>`, or
`<date>-2` when that is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Final

from musicsyncd.errors import Permanent
from musicsyncd.library.base import Kept
from musicsyncd.library.disk import rename_into_free, sync_folder
from musicsyncd.library.folders import Folder, existing_folder, made_folder
from musicsyncd.library.kept import holds, unchanged

RECYCLE: Final = ".musicsyncd-recycle"
MOST_NAMESAKES: Final = 1000
"""Files of one path recycled on one day."""


def recycle(root: Path, folder: Folder, name: str, day: str) -> str:
    """Move the entry of an open folder to the recycle area, beside its namesakes; its path there."""
    for area in areas(day):
        with made_folder(root, (RECYCLE, area, *folder.parts)) as bin_, suppress(FileExistsError):
            if bin_.spelling(name) is None:
                rename_into_free(name, name, source=folder.descriptor, target=bin_.descriptor)
                sync_folder(bin_.descriptor)
                sync_folder(folder.descriptor)
                return bin_.path_of(name)
    raise FileExistsError(f"The recycle area holds {MOST_NAMESAKES} files called {name!r} of {day}")


def retire(
    root: Path, kept: Kept, day: str, beat: Callable[[], None], *, allowed: Callable[[], None] = lambda: None
) -> str | None:
    """Move a kept file to the recycle area; where it lies there, also when an earlier run moved it.

    None when it is gone, or when somebody changed it: then it is theirs and stays. `allowed` may raise, and is asked
    right before a file is moved.
    """
    was = PurePosixPath(kept.path)
    with existing_folder(root, was.parts[:-1]) as folder:
        entry = folder and folder.spelling(was.name)
        if folder and entry:
            if unchanged(kept, folder, entry, beat) is None:
                return None
            allowed()
            return recycle(root, folder, entry, day)
    return find_recycled(root, kept.path, kept.size, kept.sha256, beat)


def restore(root: Path, kept: Kept, recycled: str, beat: Callable[[], None]) -> Kept:
    """Undo `retire`: the file stands under its old name again, its bytes read; also if an earlier run brought it back.

    Permanent when another file has taken the name, or when it is not in the recycle area any more.
    """
    was = PurePosixPath(kept.path)
    try:
        with made_folder(root, was.parts[:-1]) as folder:
            if folder.spelling(was.name) is None:
                put_back(root, recycled, folder, was.name)
            entry = folder.spelling(was.name) or was.name
            if not holds(folder, entry, kept.size, kept.sha256, beat):
                raise Permanent(
                    f"Another file stands at {kept.path}",
                    why=f"The one that was there lies at {recycled} on the volume {kept.shelf}",
                    fix="Move the other file away, then undo again",
                )
            status = folder.status(entry)
            time = status.st_mtime_ns if status else kept.mtime_ns
            return replace(kept, path=folder.path_of(entry), mtime_ns=time)
    except FileNotFoundError as error:
        raise Permanent(f"{recycled} is not on the volume {kept.shelf} any more") from error


def put_back(root: Path, recycled: str, folder: Folder, name: str) -> None:
    """Undo `recycle`; FileExistsError when the name was taken meanwhile."""
    path = PurePosixPath(recycled)
    with existing_folder(root, path.parts[:-1]) as bin_:
        if bin_ is None:
            raise FileNotFoundError(recycled)
        rename_into_free(path.name, name, source=bin_.descriptor, target=folder.descriptor)
        sync_folder(folder.descriptor)
        sync_folder(bin_.descriptor)


def find_recycled(root: Path, path: str, size: int, sha256: str, beat: Callable[[], None]) -> str | None:
    """Where these very bytes, once at `path`, lie: a run that was cut short had moved them."""
    was = PurePosixPath(path)
    with existing_folder(root, (RECYCLE,)) as area:
        days = sorted(area.names(), reverse=True) if area else []
    for day in days:
        with existing_folder(root, (RECYCLE, day, *was.parts[:-1])) as bin_:
            entry = bin_ and bin_.spelling(was.name)
            if bin_ and entry and holds(bin_, entry, size, sha256, beat):
                return bin_.path_of(entry)
    return None


def areas(day: str) -> Iterator[str]:
    """The folders of one day: a file keeps its whole path, so namesakes need folders of their own."""
    yield day
    for count in range(2, MOST_NAMESAKES + 1):
        yield f"{day}-{count}"
