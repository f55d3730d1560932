"""A disk with every bad habit at once, really mounted: a FUSE server in a process of its own.

It knows no case, gives names back in NFD (HFS+), forbids exFAT's characters, has no hard links and no exclusive
rename, and can be small, take short names only, forget bytes, hang or vanish after so many bytes were written. The
server speaks to /dev/fuse itself, so that no library is needed; mounting takes root.
"""

from __future__ import annotations

import argparse
import ctypes
import errno
import os
import signal
import stat
import struct
import subprocess
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NoReturn

FORBIDDEN: Final = frozenset('"*:<>?\\|') | {chr(code) for code in range(32)}
BLOCK: Final = 4096
HEADER: Final = struct.Struct("<IIQQIIII")
ATTRIBUTES: Final = struct.Struct("<QQQQQQIIIIIIIIII")
LARGEST_WRITE: Final = 128 * 1024
ROOT: Final = 1
SIZE_GIVEN, TIME_GIVEN, TIME_NOW = 8, 32, 256


@contextmanager
def picky_volume(mount_point: Path, **habits: int) -> Iterator[subprocess.Popen[bytes]]:
    """The mounted disk's process, with these `Habits`. Killing the process makes the disk vanish."""
    options = [f"--{name.replace('_', '-')}={value}" for name, value in habits.items()]
    with subprocess.Popen(
        [sys.executable, str(Path(__file__)), str(mount_point), *options], stdout=subprocess.PIPE
    ) as server:
        try:
            assert server.stdout is not None
            if server.stdout.readline() != b"mounted\n":
                raise OSError("the picky volume could not be mounted")
            yield server
        finally:
            server.kill()  # first: umount would wait for a stopped one
            server.wait()
            subprocess.run(["umount", "-l", str(mount_point)], check=False, capture_output=True)


@dataclass(frozen=True, kw_only=True)
class Habits:
    """What the disk does; sizes in bytes, 0 means never."""

    capacity: int = 64 * 1024 * 1024
    longest_name: int = 255
    hang_after: int = 0
    die_after: int = 0
    fail_after: int = 0
    forget: int = 0
    """1: gives zeros back for what was written."""
    read_only_after: int = 0


@dataclass
class Node:
    """A file or a folder."""

    number: int
    is_folder: bool
    data: bytearray = field(default_factory=bytearray)
    entries: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Key as the disk compares → name as it spells it, node."""
    mtime_ns: int = field(default_factory=time.time_ns)

    def attributes(self) -> bytes:
        seconds, rest = divmod(self.mtime_ns, 1_000_000_000)
        mode = stat.S_IFDIR | 0o777 if self.is_folder else stat.S_IFREG | 0o666
        size = len(self.data)
        times = (seconds, seconds, seconds, rest, rest, rest)
        return ATTRIBUTES.pack(self.number, size, -(-size // 512), *times, mode, 1, 0, 0, 0, BLOCK, 0)


class PickyDisk:
    """The file system; each `_operation` takes node and body of a request and returns the answer's body."""

    def __init__(self, habits: Habits) -> None:
        self._habits = habits
        self._nodes = {ROOT: Node(ROOT, is_folder=True)}
        self._next, self._written = ROOT + 1, 0
        self._operations: dict[int, Callable[[int, bytes], bytes]] = {
            1: self._lookup,
            3: self._get_attributes,
            4: self._set_attributes,
            9: self._make_folder,
            10: self._unlink,
            11: self._remove_folder,
            12: self._rename,
            13: lambda node, body: _refuse(errno.EPERM),  # exFAT has no hard links
            14: self._open,
            15: self._read,
            16: self._write,
            17: self._space,
            18: lambda node, body: b"",
            20: lambda node, body: b"",
            25: lambda node, body: b"",
            26: self._introduce,
            27: self._open,
            28: self._list,
            29: lambda node, body: b"",
            30: lambda node, body: b"",
            34: lambda node, body: b"",
            35: self._create,
        }

    def answer(self, operation: int, node: int, body: bytes) -> bytes:
        """The body of the answer; OSError for a refusal."""
        handle = self._operations.get(operation)
        return handle(node, body) if handle else _refuse(errno.ENOSYS)

    def _introduce(self, node: int, body: bytes) -> bytes:
        _, _, read_ahead, _ = struct.unpack_from("<IIII", body)
        return struct.pack("<IIIIHHIIHHI28x", 7, 31, read_ahead, 0, 12, 9, LARGEST_WRITE, 1, 0, 0, 0)

    def _entry(self, node: Node) -> bytes:
        return struct.pack("<QQQQII", node.number, 0, 0, 0, 0, 0) + node.attributes()  # nothing may be cached

    def _find(self, folder: int, name: str) -> Node:
        found = self._nodes[folder].entries.get(_key(name))
        return self._nodes[found[1]] if found else _refuse(errno.ENOENT)

    def _lookup(self, node: int, body: bytes) -> bytes:
        return self._entry(self._find(node, _text(body)))

    def _get_attributes(self, node: int, body: bytes) -> bytes:
        return struct.pack("<QII", 0, 0, 0) + self._nodes[node].attributes()

    def _set_attributes(self, node: int, body: bytes) -> bytes:
        valid, _, _, size, _, _, mtime, _, _, mtime_rest = struct.unpack_from("<IIQQQQQQII", body)
        target = self._nodes[node]
        if valid & SIZE_GIVEN:
            self._reserve(size - len(target.data))
            target.data[size:] = bytes(max(0, size - len(target.data)))
        if valid & TIME_NOW:
            target.mtime_ns = time.time_ns()
        elif valid & TIME_GIVEN:
            target.mtime_ns = mtime * 1_000_000_000 + mtime_rest
        return self._get_attributes(node, b"")

    def _add(self, folder: int, name: str, node: Node) -> None:
        if FORBIDDEN & set(name) or name.endswith((" ", ".")):
            _refuse(errno.EINVAL)
        spelled = unicodedata.normalize("NFD", name)
        if len(spelled.encode()) > self._habits.longest_name:
            _refuse(errno.ENAMETOOLONG)
        self._nodes[folder].entries[_key(name)] = (spelled, node.number)
        self._nodes[node.number] = node

    def _new(self, folder: int, name: str, *, is_folder: bool) -> Node:
        if _key(name) in self._nodes[folder].entries:
            _refuse(errno.EEXIST)
        node = Node(self._next, is_folder)
        self._add(folder, name, node)
        self._next += 1
        return node

    def _make_folder(self, node: int, body: bytes) -> bytes:
        return self._entry(self._new(node, _text(body[8:]), is_folder=True))

    def _create(self, node: int, body: bytes) -> bytes:
        return self._entry(self._new(node, _text(body[16:]), is_folder=False)) + self._open(node, b"")

    def _unlink(self, node: int, body: bytes) -> bytes:
        self._find(node, _text(body))
        del self._nodes[node].entries[_key(_text(body))]
        return b""

    def _remove_folder(self, node: int, body: bytes) -> bytes:
        if self._find(node, _text(body)).entries:
            _refuse(errno.ENOTEMPTY)
        return self._unlink(node, body)

    def _rename(self, node: int, body: bytes) -> bytes:
        (new_folder,) = struct.unpack_from("<Q", body)
        old, new = (part.decode() for part in body[8:].split(b"\0")[:2])
        moved = self._find(node, old)
        self._add(new_folder, new, moved)
        if (node, _key(old)) != (new_folder, _key(new)):
            del self._nodes[node].entries[_key(old)]
        return b""

    def _open(self, node: int, body: bytes) -> bytes:
        return struct.pack("<QII", 0, 0, 0)

    def _read(self, node: int, body: bytes) -> bytes:
        _, offset, size = struct.unpack_from("<QQI", body)
        data = bytes(self._nodes[node].data[offset : offset + size])
        return bytes(len(data)) if self._habits.forget and len(self._nodes[node].data) > BLOCK else data

    def _write(self, node: int, body: bytes) -> bytes:
        _, offset, size = struct.unpack_from("<QQI", body)
        target = self._nodes[node]
        self._reserve(offset + size - len(target.data))
        self._wear(size)
        target.data[len(target.data) : offset] = bytes(max(0, offset - len(target.data)))
        target.data[offset : offset + size] = body[40 : 40 + size]
        target.mtime_ns = time.time_ns()
        return struct.pack("<II", size, 0)

    def _wear(self, size: int) -> None:
        """Do what the disk does after so many bytes."""
        self._written += size
        if self._habits.hang_after and self._written > self._habits.hang_after:
            os.kill(os.getpid(), signal.SIGSTOP)
        if self._habits.die_after and self._written > self._habits.die_after:
            os.kill(os.getpid(), signal.SIGKILL)
        if self._habits.fail_after and self._written > self._habits.fail_after:
            _refuse(errno.EIO)
        if self._habits.read_only_after and self._written > self._habits.read_only_after:
            _refuse(errno.EROFS)

    def _reserve(self, more: int) -> None:
        if self._free() < more:
            _refuse(errno.ENOSPC)

    def _free(self) -> int:
        return self._habits.capacity - sum(len(node.data) for node in self._nodes.values())

    def _space(self, node: int, body: bytes) -> bytes:
        blocks, free = self._habits.capacity // BLOCK, max(0, self._free()) // BLOCK
        return struct.pack("<QQQQQIII28x", blocks, free, free, 1000, 1000, BLOCK, 255, BLOCK)

    def _list(self, node: int, body: bytes) -> bytes:
        _, offset, size = struct.unpack_from("<QQI", body)
        answer = b""
        for position, (name, number) in enumerate(self._nodes[node].entries.values(), 1):
            kind = stat.S_IFDIR if self._nodes[number].is_folder else stat.S_IFREG
            raw = name.encode()
            entry = struct.pack("<QQII", number, position, len(raw), kind >> 12) + raw
            entry += bytes(-len(entry) % 8)
            if position > offset and len(answer) + len(entry) <= size:
                answer += entry
        return answer


def _key(name: str) -> str:
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold())


def _text(body: bytes) -> str:
    return body.partition(b"\0")[0].decode()


def _refuse(number: int) -> NoReturn:
    raise OSError(number, os.strerror(number))


def serve(mount_point: str, habits: Habits) -> None:
    """Mount, say so on stdout, and answer the kernel until it unmounts."""
    channel = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    options = f"fd={channel},rootmode=40000,user_id=0,group_id=0,allow_other"
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"picky", os.fsencode(mount_point), b"fuse.picky", 0, options.encode()):
        _refuse(ctypes.get_errno())
    print("mounted", flush=True)
    disk = PickyDisk(habits)
    unanswered = {2, 36, 42}  # forget, interrupt, forget many
    while True:
        try:
            request = os.read(channel, LARGEST_WRITE + BLOCK)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.EINTR):  # the caller was interrupted meanwhile
                continue
            return  # ENODEV: unmounted
        _, operation, unique, node, *_ = HEADER.unpack_from(request)
        number, body = 0, b""
        try:
            body = disk.answer(operation, node, request[HEADER.size :]) if operation not in unanswered else b""
        except OSError as error:
            number = error.errno or errno.EIO
        if operation not in unanswered:
            _reply(channel, unique, number, body)


def _reply(channel: int, unique: int, number: int, body: bytes) -> None:
    try:
        os.write(channel, struct.pack("<IiQ", 16 + len(body), -number, unique) + body)
    except OSError as error:
        if error.errno != errno.ENOENT:  # the caller no longer waits
            raise


def main() -> None:
    """The server process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("mount_point")
    for name, default in vars(Habits()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=default)
    arguments = vars(parser.parse_args())
    serve(arguments.pop("mount_point"), Habits(**arguments))


if __name__ == "__main__":
    main()
