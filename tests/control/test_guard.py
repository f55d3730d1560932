"""Who may ask: this user's own programs, on a socket that was never open to others, and no browser."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import anyio
import pytest

from musicsyncd.control.client import Client, NotRunning
from musicsyncd.control.socket import ControlSocket
from musicsyncd.errors import Permanent
from tests.control.door import Door, opened

AS_NOBODY = """
import os, socket, sys
os.setgid(65534), os.setuid(65534)
connection = socket.socket(socket.AF_UNIX)
connection.settimeout(20)
connection.connect(sys.argv[1])
try:
    connection.sendall(b"GET /v1/status HTTP/1.0\\r\\n\\r\\n")
    sys.stdout.buffer.write(connection.recv(65536))
except ConnectionError:
    pass
"""


async def nothing(scope: object, receive: object, send: object) -> None:
    """An application that nobody asks."""


def mode(path: Path) -> int:
    """The permission bits."""
    return stat.S_IMODE(path.lstat().st_mode)


def test_the_socket_is_never_open_to_others(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between bind and listen, the first instant at which it exists, the mode is 0600 already, whatever the umask."""
    seen: list[int] = []
    bind = socket.socket.bind

    def watched(self: socket.socket, address: str) -> None:
        bind(self, address)
        seen.append(mode(Path(address)))

    monkeypatch.setattr(socket.socket, "bind", watched)
    door = ControlSocket(short / "new" / "c.sock", nothing)
    before = os.umask(0)
    try:
        door.bind()
        assert os.umask(0) == 0, "the umask of the process is as it was"
    finally:
        os.umask(before)
    assert seen == [0o600]
    assert mode(short / "new") == 0o700
    door.close()
    assert not door.path.exists()


async def test_a_stale_socket_is_replaced(tmp_path: Path, short: Path) -> None:
    """What a killed daemon leaves behind does not keep the next one from starting."""
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(short / "c.sock"))
    async with opened(tmp_path, short) as door:
        assert (await door.get("/v1/status"))["version"] == "1.2.3"


def test_a_live_socket_is_left_to_its_owner(short: Path) -> None:
    """A second daemon says that somebody answers there, and the first keeps its socket."""
    first = ControlSocket(short / "c.sock", nothing)
    first.bind()
    inode = first.path.stat().st_ino
    with pytest.raises(Permanent, match="Another program answers on"):
        ControlSocket(short / "c.sock", nothing).bind()
    assert first.path.stat().st_ino == inode
    first.close()


def test_a_file_in_the_way_is_not_removed(short: Path) -> None:
    """Only a socket is ever cleared away; a file, and a folder that is a file, are named in the refusal."""
    (short / "c.sock").write_text("mine")
    with pytest.raises(Permanent, match="it is no socket"):
        ControlSocket(short / "c.sock", nothing).bind()
    assert (short / "c.sock").read_text() == "mine"
    with pytest.raises(Permanent, match=r"c\.sock/x\.sock cannot be made.*daemon\.socket"):
        ControlSocket(short / "c.sock" / "x.sock", nothing).bind()


def test_a_path_too_long_for_a_socket_is_refused(tmp_path: Path) -> None:
    """The system's limit becomes a sentence that says which key to set."""
    with pytest.raises(Permanent, match=r"cannot be made.*too long.*daemon\.socket"):
        ControlSocket(tmp_path / ("x" * 120), nothing).bind()


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Referer": "http://localhost/"},
        {"Host": "evil.example"},
        {"Host": "127.0.0.1:5001"},
    ],
    ids=str,
)
async def test_a_browser_can_do_nothing(door: Door, headers: dict[str, str]) -> None:
    """Whatever betrays a browser is answered 403 with one sentence, and asks for no work."""
    status, answer = await door.ask("POST", "/v1/sync", b'{"scope": "next"}', **headers)
    assert (status, answer["exit_code"], answer["error"]["class"]) == (403, 4, "Denied")
    assert (await door.get("/v1/jobs"))["jobs"] == []


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "musicsyncd"])
async def test_own_names_are_no_foreign_host(door: Door, host: str) -> None:
    """What curl and other clients of a Unix socket send as Host is accepted."""
    assert (await door.ask("GET", "/v1/status", Host=host))[0] == 200


@pytest.mark.root
async def test_another_user_is_hung_up_on(door: Door) -> None:
    """Even where the file's mode would let them in, another user's process gets not one byte."""
    door.path.parent.chmod(0o711)
    door.path.chmod(0o666)
    done = await anyio.run_process([sys.executable, "-c", AS_NOBODY, str(door.path)], stderr=subprocess.PIPE)
    assert (done.stdout, done.stderr) == (b"", b"")
    assert (await door.get("/v1/status"))["pid"] == 1, "and the owner is still answered"


def test_an_answer_that_breaks_off_is_a_sentence(short: Path) -> None:
    """A daemon that dies before or amid its answer leaves no traceback at the other end."""
    for said, error, words in (
        (b"", NotRunning, "did not answer"),
        (b"HTTP/1.1 200 OK\r\n\r\n{\"sche", Permanent, "broke off"),
        (b"nonsense\r\n\r\n", NotRunning, "did not answer"),
        (b"HTTP/1.1 502 Bad\r\n\r\nwhat", Permanent, "answered 502"),
    ):  # fmt: skip
        with answering(short / "d.sock", said), pytest.raises(error, match=words):
            Client(str(short / "d.sock")).get("/v1/status")
        (short / "d.sock").unlink()


class answering:  # noqa: N801  reads as what it does
    """One connection that is answered with these bytes and closed."""

    def __init__(self, path: Path, said: bytes) -> None:
        self._listener, self._said = socket.socket(socket.AF_UNIX), said
        self._listener.bind(str(path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._answer)

    def _answer(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(self._said)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._thread.join()
        self._listener.close()
