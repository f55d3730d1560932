"""Whether a file is still the one that was kept. Blocking."""

from __future__ import annotations

import os
from collections.abc import Callable

from musicsyncd.library.base import Kept
from musicsyncd.library.disk import hash_file, is_file
from musicsyncd.library.folders import Folder


def unchanged(kept: Kept, folder: Folder, name: str, beat: Callable[[], None]) -> os.stat_result | None:
    """The entry's status when it still has the bytes that were kept; same size and time are proof."""
    status = folder.status(name)
    if status is None or not is_file(status) or status.st_size != kept.size:
        return None
    if status.st_mtime_ns == kept.mtime_ns or hash_file(name, folder.descriptor, beat) == kept.sha256:
        return status
    return None


def holds(folder: Folder, name: str, size: int, sha256: str, beat: Callable[[], None]) -> bool:
    """Whether the entry has these very bytes; read, whatever its time says."""
    status = folder.status(name)
    if status is None or not is_file(status) or status.st_size != size:
        return False
    return hash_file(name, folder.descriptor, beat) == sha256
