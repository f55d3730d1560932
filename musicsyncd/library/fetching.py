"""Taking a copy of one kept file off a volume. Blocking; OSErrors of the volume pass."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath

from musicsyncd.errors import Temporary
from musicsyncd.library.base import no_copy
from musicsyncd.library.disk import CHUNK
from musicsyncd.library.folders import Folder, existing_folder


def copy_out(root: Path, path: str, copy: Path, beat: Callable[[], None]) -> None:
    """Copy the file at `path` below the root to `copy`, in place of what is there.

    Temporary when it is gone; what `no_copy` says when the copy cannot be written.
    """
    was = PurePosixPath(path)
    with existing_folder(root, was.parts[:-1]) as folder:
        entry = folder and folder.spelling(was.name)
        if not folder or not entry:
            raise Temporary(f"{path} is not there any more", delay=5)
        _write(copy, _chunks(folder, entry), beat)


def _chunks(folder: Folder, entry: str) -> Iterator[bytes]:
    opener = partial(os.open, dir_fd=folder.descriptor)
    with open(entry, "rb", buffering=0, opener=opener) as file:
        while chunk := file.read(CHUNK):
            yield chunk


def _write(copy: Path, chunks: Iterator[bytes], beat: Callable[[], None]) -> None:
    """A new file, also where one is: a thread that was left behind may hold the earlier one."""
    try:
        copy.unlink(missing_ok=True)
        file = copy.open("xb", buffering=0)
    except OSError as error:
        raise no_copy(error) from error
    with file:
        for chunk in chunks:
            beat()
            try:
                file.write(chunk)
            except OSError as error:
                raise no_copy(error) from error
