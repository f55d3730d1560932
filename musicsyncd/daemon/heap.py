"""How the C library keeps the daemon's memory: glibc's own ways suit a program that computes in all its threads.

It gives each thread a heap, from which freed memory goes back only at the top, and keeps ever more of it the larger the
blocks were that it saw: 24 MB of nothing after four days. Ours wait more than they work. Set here and not in the
service's unit, since workers would inherit it from there, whose large blocks come and go all the time.
"""

from __future__ import annotations

import ctypes
from typing import Final

M_TRIM_THRESHOLD: Final = -1
M_MMAP_THRESHOLD: Final = -3
M_ARENA_MAX: Final = -8
HEAPS: Final = 2
LARGE: Final = 128 * 1024
"""Bytes of a block that is given back to the system as soon as it is freed, and of what a heap's top may keep: glibc's
values at the start, which it no longer changes once they are set.
"""


def keep_small() -> bool:
    """Have all threads share two heaps that give back what they do not need; False where there is no glibc. Threads
    that run already keep the heap that they have.
    """
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        return False
    wanted = {M_ARENA_MAX: HEAPS, M_MMAP_THRESHOLD: LARGE, M_TRIM_THRESHOLD: LARGE}
    taken = [library.mallopt(name, value) for name, value in wanted.items()]
    return all(taken)
