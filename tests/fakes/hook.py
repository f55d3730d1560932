"""A server on the loopback that takes posts, well or badly, and remembers them."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True, kw_only=True)
class Post:
    """One request as it came in."""

    method: str
    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Hook:
    """As a context manager. `answers` are given in turn, then 204: a status, with headers if there are any."""

    def __init__(self) -> None:
        self.posts: list[Post] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.always: tuple[int, dict[str, str]] = (204, {})
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.hook = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="hook", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        """An absolute URL."""
        return f"http://{host}:{self.port}{path}"

    def answer(self, status: int, **headers: str) -> None:
        """Answer the next post so."""
        self.answers.append((status, {name.replace("_", "-"): value for name, value in headers.items()}))


class _Server(ThreadingHTTPServer):
    hook: Hook

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no event."""


class _Handler(BaseHTTPRequestHandler):
    timeout = 5
    server: _Server

    def do_GET(self) -> None:
        self._take()

    def do_POST(self) -> None:
        self._take()

    def log_message(self, *args: Any) -> None:
        """Tests read `Hook.posts` instead."""

    def _take(self) -> None:
        hook = self.server.hook
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        hook.posts.append(Post(method=self.command, path=self.path, headers=headers, body=body))
        status, more = hook.answers.pop(0) if hook.answers else hook.always
        self.send_response(status)
        for name, value in {"Content-Length": "0", "Connection": "close", **more}.items():
            self.send_header(name, value)
        self.end_headers()
