"""Hash a file, or copy it with its hash: in pieces, and cancellable. Blocking; for anyio's threads."""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

from anyio import from_thread

PIECE: Final = 1024 * 1024
"""Bytes read at once."""
PROGRESS_PAUSE: Final = 0.25
"""Seconds between two words of progress."""
FICLONE: Final = 0x40049409
"""Linux: share the blocks of one file with another, copied when either changes (ioctl_ficlone(2))."""

COVERS: Final = ("cover", "folder", "front", "albumart", "artwork")
LARGEST_PICTURE: Final = 10 * 1024 * 1024
"""Bytes."""
MAGIC: Final = {b"\xff\xd8\xff": ".jpg", b"\x89PNG\r\n\x1a\n": ".png"}

Tell = Callable[[int], None]
"""Told how many bytes are done, a few times a second; called in the thread."""


def hash_file(path: Path) -> str:
    """SHA-256 of the bytes, hexadecimal. OSError as the system raises it."""
    with open_regular(path) as source:
        return _digest(_pieces(source))


def copy_file(path: Path, target: Path, tell: Tell) -> str:
    """Copy into a new file; the hash of what the copy holds.

    Never a hard link: a later change of the original must not reach the copy. Where the file system can share
    blocks until then, nothing is written.
    """
    with open_regular(path) as source, target.open("xb") as copy:
        if not _share_blocks(source, copy):
            for piece in _pieces(source, tell):
                copy.write(piece)
    with target.open("rb") as copied:
        return _digest(_pieces(copied))


def open_regular(path: Path) -> BinaryIO:
    """Open for reading without ever waiting for a pipe that took the file's place."""
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb", buffering=0)


def _pieces(source: BinaryIO, tell: Tell | None = None) -> Iterator[bytes]:
    done, last = 0, 0.0
    while piece := source.read(PIECE):
        from_thread.check_cancelled()
        yield piece
        done += len(piece)
        if tell and time.monotonic() - last >= PROGRESS_PAUSE:
            last = time.monotonic()
            tell(done)


def _digest(pieces: Iterator[bytes]) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def _share_blocks(source: BinaryIO, copy: BinaryIO) -> bool:
    """Whether the file system did it; only btrfs, XFS, bcachefs and the like can."""
    if not sys.platform.startswith("linux"):
        return False
    import fcntl

    with suppress(OSError):
        fcntl.ioctl(copy.fileno(), FICLONE, source.fileno())
        return True
    return False


def cover_beside(audio: Path, folder: Path) -> Path | None:
    """A copy in `folder` of the picture that lies beside the audio file; None when there is none to use."""
    for picture in _pictures(audio):
        with suppress(OSError), open_regular(picture) as source:
            content = source.read(LARGEST_PICTURE + 1)
            suffix = next((suffix for magic, suffix in MAGIC.items() if content.startswith(magic)), None)
            if suffix and len(content) <= LARGEST_PICTURE:
                cover = folder / f"cover{suffix}"
                cover.write_bytes(content)
                return cover
    return None


def _pictures(audio: Path) -> list[Path]:
    """What may be the cover, the likeliest first: named like the track, then like a record's cover."""
    wanted = (audio.stem.casefold(), *COVERS)
    found: list[tuple[int, Path]] = []
    with suppress(OSError), os.scandir(audio.parent) as entries:
        for entry in entries:
            name = Path(entry.name.casefold())
            if name.suffix in (".jpg", ".jpeg", ".png") and name.stem in wanted and entry.is_file():
                found.append((wanted.index(name.stem), Path(entry.path)))
    return [path for _, path in sorted(found)]
