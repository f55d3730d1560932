"""The other end of the control socket, with the standard library alone: `musicsyncctl status` must start at once."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator, Mapping
from typing import IO, Any, Final

from musicsyncd import __version__
from musicsyncd.errors import Denied, MusicsyncError, Permanent, from_dict

VERSION_HEADER: Final = "musicsyncd-version"
ANSWER_DEADLINE: Final = 60.0
"""Seconds for one answer; event streams have none."""


class NotRunning(MusicsyncError):
    """Nobody answers on the socket."""

    exit_code = 3


class Client:
    """Asks one daemon, one connection per question."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.daemon_version = ""

    def get(self, resource: str) -> dict[str, Any]:
        """The answer to a GET; raises what the daemon says, NotRunning when nobody answers."""
        return self._ask("GET", resource, None)

    def post(self, resource: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The answer to a POST."""
        return self._ask("POST", resource, body or {})

    def parts(self, resource: str) -> Iterator[bytes]:
        """The parts of a long answer to a GET; Permanent when it broke off: only its last chunk is its end."""
        with self._exchange("GET", resource, None, deadline=ANSWER_DEADLINE, version="1.1") as (_, body):
            try:
                while size := int(body.readline().split(b";")[0], 16):
                    part = body.read(size + 2)
                    if len(part) < size + 2:
                        raise ValueError
                    yield part[:-2]
            except (ValueError, OSError):
                raise Permanent("The daemon's answer broke off", fix="See: musicsyncctl logs") from None

    def events(self, resource: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """(event, data) pairs of an event stream, until the daemon ends it or dies."""
        with self._exchange("GET", resource, None, deadline=None) as (_, body):
            name = "message"
            while (raw := _line(body)).endswith(b"\n"):
                field, _, value = raw.decode().rstrip("\r\n").partition(": ")
                if field == "event":
                    name = value
                elif field == "data":
                    yield name, json.loads(value)
                    name = "message"

    def _ask(self, method: str, resource: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        try:
            with self._exchange(method, resource, body, deadline=ANSWER_DEADLINE) as (_, answer):
                text = answer.read()
            found: dict[str, Any] = json.loads(text)
        except (ValueError, OSError):
            raise Permanent("The daemon's answer broke off", fix="See: musicsyncctl logs") from None
        return found

    @contextlib.contextmanager
    def _exchange(
        self,
        method: str,
        resource: str,
        body: Mapping[str, Any] | None,
        *,
        deadline: float | None,
        version: str = "1.0",
    ) -> Iterator[tuple[int, IO[bytes]]]:
        payload = b"" if body is None else json.dumps(body).encode()
        head = (
            # HTTP/1.0 asks for an answer that ends with the connection: no chunks to put together.
            f"{method} {resource} HTTP/{version}\r\nHost: localhost\r\n{VERSION_HEADER}: {__version__}\r\n"
            f"Connection: close\r\nContent-Type: application/json\r\nContent-Length: {len(payload)}\r\n\r\n"
        )
        with self._connect(deadline) as connection, connection.makefile("rb") as stream:
            try:
                with contextlib.suppress(BrokenPipeError):  # refused before it was read to its end: the answer says why
                    connection.sendall(head.encode() + payload)
                status, headers = _read_head(stream)
            except (ConnectionError, TimeoutError) as error:
                raise NotRunning("The daemon did not answer", why=str(error), fix="See: musicsyncctl logs") from error
            self.daemon_version = headers.get(VERSION_HEADER, "")
            if status >= 400:
                _raise_refusal(status, stream.read())
            yield status, stream

    def _connect(self, deadline: float | None) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(deadline)
        try:
            connection.connect(self.path)
        except PermissionError as error:
            connection.close()
            raise Denied(
                f"This user may not use {self.path}", fix="Run musicsyncctl as the user whose daemon it is"
            ) from error
        except OSError as error:
            connection.close()
            why = f"Nobody answers on {self.path}"
            raise NotRunning("musicsyncd is not running", why=why, fix="Start it: musicsyncd") from error
        return connection


def _line(stream: IO[bytes]) -> bytes:
    """The next line; one without its end when the daemon is gone."""
    try:
        return stream.readline()
    except ConnectionError:
        return b""


def _read_head(stream: IO[bytes]) -> tuple[int, dict[str, str]]:
    first = stream.readline(65536).split()
    if len(first) < 2:
        raise ConnectionError("the connection was closed")
    headers = {}
    while line := stream.readline(65536).strip():
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    return int(first[1]), headers


def _raise_refusal(status: int, body: bytes) -> None:
    try:
        error = from_dict(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        error = Permanent(f"The daemon answered {status}", why=body[:200].decode(errors="replace"))
    raise error
