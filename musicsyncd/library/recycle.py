"""A volume's recycle area: where a replaced file goes instead of being deleted. Blocking.

It lies on the volume itself, so that going there is a rename: `.musicsyncd-recycle/<date>/<path as it was>`, or
`<date>-2` when that is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Final

from musicsyncd.library.disk import hash_file, is_file, rename_into_free, sync_folder
from musicsyncd.library.folders import Folder, existing_folder, made_folder

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
            if bin_ and entry and _is(bin_, entry, size, sha256, beat):
                return bin_.path_of(entry)
    return None


def areas(day: str) -> Iterator[str]:
    """The folders of one day: a file keeps its whole path, so namesakes need folders of their own."""
    yield day
    for count in range(2, MOST_NAMESAKES + 1):
        yield f"{day}-{count}"


def _is(folder: Folder, entry: str, size: int, sha256: str, beat: Callable[[], None]) -> bool:
    status = folder.status(entry)
    if status is None or not is_file(status) or status.st_size != size:
        return False
    return hash_file(entry, folder.descriptor, beat) == sha256
