"""The C library's heaps, in a process of their own: threads share them, and what is freed goes back."""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "gnu_get_libc_version"), reason="there is no glibc")
THREADS = """
import ctypes, json, re, sys, threading
from musicsyncd.daemon.heap import keep_small

libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
libc.fclose.argtypes, libc.malloc_info.argtypes = [ctypes.c_void_p], [ctypes.c_int, ctypes.c_void_p]
together = threading.Barrier(6)

def work():
    together.wait()
    blocks = [bytearray(100_000) for _ in range(30)]
    large = bytearray(3_000_000)
    together.wait()
    del blocks, large
    kept = bytearray(1000)  # on top of a heap, as the next piece of work would put it there
    together.wait()

if sys.argv[1] == "small":
    assert keep_small()
threads = [threading.Thread(target=work) for _ in range(6)]
for thread in threads: thread.start()
for thread in threads: thread.join()
file = libc.fopen(sys.argv[2].encode(), b"w")
libc.malloc_info(0, file)
libc.fclose(file)
text = open(sys.argv[2]).read()
sizes = [int(size) for size in re.findall('<system type="current" size="([0-9]+)"', text)]
print(json.dumps([text.count("<heap "), sizes[-1]]))
"""


def heaps(folder: Path, how: str) -> tuple[int, int]:
    """How many there are, and their bytes, when six threads have worked at once and freed it all."""
    argv = [sys.executable, "-c", THREADS, how, str(folder / "heaps.xml")]
    number, size = json.loads(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)
    return number, size


def test_threads_share_heaps_that_give_back_what_was_freed(tmp_path: Path) -> None:
    number, size = heaps(tmp_path, "small")
    usual, usual_size = heaps(tmp_path, "usual")
    assert number == 2 < usual
    assert size < usual_size
