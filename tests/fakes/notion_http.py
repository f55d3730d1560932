"""The fake Notion's door: HTTP/1.1 on the loopback, a thread for each connection, and connections that break."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from tests.fakes.notion_faults import Answer, Asked

HOST: Final = "127.0.0.1"
_AT_ONCE: Final = struct.pack("ii", 1, 0)
"""SO_LINGER: what is not sent yet is thrown away, and the other side is told by a reset."""

Serve = Callable[[Asked, Mapping[str, str]], Answer]


class Server:
    """Has its port from the first `start` on, also after a `stop`."""

    def __init__(self, serve: Serve) -> None:
        self._serve = serve
        self._port = 0
        self._listener: _Listener | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._port}"

    def start(self) -> None:
        """Listen, and answer in a thread."""
        listener = _Listener((HOST, self._port), _Handler)
        listener.serve = self._serve
        self._port = listener.server_address[1]
        self._listener = listener
        threading.Thread(target=listener.serve_forever, args=(0.02,), name="notion", daemon=True).start()

    def stop(self) -> None:
        """Break all connections, and be gone."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.closing.set()
            listener.shutdown()
            listener.server_close()
            listener.break_all()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    serve: Serve

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.closing = threading.Event()
        self._connections: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def break_all(self) -> None:
        """For whoever is still connected."""
        for one in list(self._connections):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no event."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Listener

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if len(body) < length:  # whoever asked is gone
            self.close_connection = True
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        self._send(self.server.serve(self._asked(body), headers))

    def do_POST(self) -> None:
        self.do_GET()

    def do_PATCH(self) -> None:
        self.do_GET()

    def do_DELETE(self) -> None:
        self.do_GET()

    def log_message(self, *args: Any) -> None:
        """Tests read `NotionFake.requests` instead."""

    def _asked(self, body: bytes) -> Asked:
        parts = urlsplit(self.path)
        try:
            told = json.loads(body) if body else None
        except ValueError:
            told = body.decode(errors="replace")
        # notion_client sends {} with a DELETE or GET that has no body
        told = None if told == {} and self.command in {"GET", "DELETE"} else told
        query = parse_qs(parts.query, keep_blank_values=True)
        return Asked(method=self.command, path=parts.path, query=query, body=told, at=0.0)

    def _send(self, answer: Answer) -> None:
        match answer.how:
            case "hang":
                self._hang()
            case "drop":
                self._break()
            case _:
                self._write(answer)

    def _write(self, answer: Answer) -> None:
        content = answer.text.encode()
        self.send_response(answer.status)
        for name, value in {"Content-Type": answer.content_type, **answer.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content) + (answer.how == "cut")))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if answer.how == "cut" else content)
        self.wfile.flush()
        self.close_connection = self.close_connection or answer.how == "cut"

    def _break(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)

    def _hang(self) -> None:
        """No answer, until the other side has had enough or the fake ends."""
        self.close_connection = True
        while not self.server.closing.is_set() and not select.select([self.connection], [], [], 0.05)[0]:
            pass
