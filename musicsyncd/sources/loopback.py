"""Where a browser is led after a sign-in: a door on the loopback that opens for one visitor with the right word.

RFC 8252, 7.3: the literal address, because `localhost` may lead elsewhere.
"""

from __future__ import annotations

import html
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import anyio
from anyio.abc import SocketListener, SocketStream

from musicsyncd.errors import NeedsPerson

HOST: Final = "127.0.0.1"
LONGEST_HEAD: Final = 16_384
"""Bytes of a request's head that are read."""
PATIENCE: Final = 10.0
"""Seconds in which a visitor must have said what it wants."""
VISITORS: Final = 8
"""Connections that are listened to at the same time; the others wait."""
HEADERS: Final = (
    "Content-Type: text/html; charset=utf-8\r\nCache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n"
    "Content-Security-Policy: default-src 'none'\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n"
)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a visitor is shown, and whether it was the one that was waited for."""

    text: str
    status: int = 200
    last: bool = False


Receive = Callable[[str], Awaitable[Reply]]
"""Given the address that a visitor asked for, without scheme and host."""


def bound(port: int, *, setting: str) -> socket.socket:
    """A socket that listens on that port of the loopback, 0 for any; NeedsPerson when it is taken."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(16)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        what = f"Port {port} of {HOST} cannot be listened on"
        raise NeedsPerson(what, why=error.strerror or str(error), fix=f"Free it, or set {setting}") from error
    return listener


async def receive(listener: socket.socket, path: str, visit: Receive) -> None:
    """Answer visitors of that path until one was the last; the socket is closed then."""
    names = {f"{HOST}:{listener.getsockname()[1]}"}
    places = anyio.CapacityLimiter(VISITORS)
    async with await SocketListener.from_socket(listener) as door, anyio.create_task_group() as tasks:

        async def serve(stream: SocketStream) -> None:
            async with stream, places:
                if await _served(stream, path, names, visit):
                    tasks.cancel_scope.cancel()

        await door.serve(serve, tasks)


async def _served(stream: SocketStream, path: str, names: set[str], visit: Receive) -> bool:
    """Whether this visitor was the last."""
    try:
        with anyio.move_on_after(PATIENCE) as waited:
            target = _target(await _head(stream), path, names)
        if waited.cancelled_caught:
            return False
        reply = await visit(target) if target else Reply(text="There is nothing here.", status=404)
        with anyio.CancelScope(shield=True), anyio.move_on_after(PATIENCE):
            await stream.send(_answer(reply))
    except (anyio.BrokenResourceError, anyio.EndOfStream, anyio.ClosedResourceError):
        return False
    return reply.last


async def _head(stream: SocketStream) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head and len(head) < LONGEST_HEAD:
        head += await stream.receive(LONGEST_HEAD)
    return head[:LONGEST_HEAD]


def _target(head: bytes, path: str, names: set[str]) -> str:
    """What was asked for, when it is a GET of that path at our own address; empty otherwise."""
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split(" ")
    hosts = [line.partition(":")[2].strip() for line in lines if line.lower().startswith("host:")]
    if len(words) != 3 or words[0] != "GET" or len(hosts) != 1 or hosts[0] not in names:
        return ""  # another name in Host: a page elsewhere had its own name lead here
    try:
        return words[1] if urlsplit(words[1]).path == path else ""
    except ValueError:
        return ""


def _answer(reply: Reply) -> bytes:
    page = f"<!doctype html><title>musicsyncd</title><p>{html.escape(reply.text)}</p>".encode()
    words = {200: "OK", 400: "Bad Request", 404: "Not Found"}[reply.status]
    return f"HTTP/1.1 {reply.status} {words}\r\n{HEADERS}Content-Length: {len(page)}\r\n\r\n".encode() + page
