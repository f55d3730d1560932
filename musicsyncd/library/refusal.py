"""What a failed system call on a volume means: one sentence and one thing to do."""

from __future__ import annotations

import errno
import sys
from typing import Final

from musicsyncd.errors import Degraded

_MEANINGS: Final[dict[int, tuple[str, str]]] = {
    errno.ENOSPC: ("is full", "Make room on it"),
    errno.EDQUOT: ("is full for this user", "Make room on it, or raise the quota"),
    errno.EFBIG: (
        "takes no file of this size",
        "Use a file system without that limit: exFAT instead of FAT32",
    ),
    errno.EROFS: ("is read-only", "Mount it for writing"),
    errno.EACCES: ("denies access", "Give this user the permission"),
    errno.EPERM: ("denies access", "Give this user the permission"),
    errno.EEXIST: ("holds other files under every name for this one", "Move them, or add {id} to the layout"),
    errno.ENAMETOOLONG: ("does not take names as long as these", "Choose a shorter layout for it"),
    errno.EINVAL: ("does not take this name", "Choose another layout for it"),
    errno.EILSEQ: ("does not take this name", "Choose another layout for it"),
    errno.ELOOP: ("has a symbolic link that leads out of it", "Remove the link, or make its target a volume"),
    errno.EXDEV: (
        "has another file system inside, and the old file lies there",
        "Move the old file yourself",
    ),
    errno.ENOTDIR: ("has a file where a folder is wanted", "Move that file"),
}
_GONE: Final = ("went away or has a fault", "Check the disk, then mount it again")
_MACOS_CONSENT: Final = "Allow it under System Settings > Privacy & Security, and check the permissions"


def refusal(error: OSError, volume: str, target: str) -> Degraded:
    """The error of this target that the system's error stands for; one not known means a sick disk."""
    number = error.errno or 0
    meaning, fix = _MEANINGS.get(number, _GONE)
    if sys.platform == "darwin" and number in (errno.EPERM, errno.EACCES):
        fix = _MACOS_CONSENT
    why = f"{error.strerror or error}" + (f" ({error.filename})" if error.filename else "")
    return Degraded(f"The volume {volume!r} {meaning}", target=target, why=why, fix=fix)


def unlikely_name(error: OSError) -> bool:
    """Whether a shorter or plainer name may help."""
    return error.errno in (errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ)
