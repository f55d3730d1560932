"""A small HTTP(S) origin on the loopback that serves given bytes well or badly and remembers who asked."""

from __future__ import annotations

import re
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self

import trustme

HOST: Final = "127.0.0.1"


@dataclass(frozen=True, kw_only=True)
class Page:
    """How one path is answered."""

    body: bytes = b""
    content_type: str = "application/octet-stream"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    ranges: bool = True
    """Whether `Range: bytes=N-` is honoured with 206."""
    cut_after: int | None = None
    """Break the connection after so many body bytes, although Content-Length promised them all."""
    cuts: int = 1_000_000
    """How many answers are cut before one comes whole."""
    drip: tuple[int, float] | None = None
    """Send so many bytes at a time, with so many seconds between."""
    chunked: bool = False
    """No Content-Length: the length is not known beforehand."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request as it came in."""

    method: str
    path: str
    headers: Mapping[str, str]
    """Names in lower case."""


class Origin:
    """The origin, as a context manager: `with Origin() as origin: origin.serve("/a.mp3", Page(...))`."""

    def __init__(self, *, authority: trustme.CA | None = None) -> None:
        self.pages: dict[str, Page] = {}
        self.asked: list[Asked] = []
        self._cut: dict[str, int] = {}
        self._server = _Server((HOST, 0), _Handler)
        self._server.origin = self
        self._scheme = "http"
        if authority is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert(HOST).configure_cert(context)
            self._server.context, self._scheme = context, "https"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="origin", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def port(self) -> int:
        """The port, chosen by the system."""
        return int(self._server.server_address[1])

    def url(self, path: str = "/") -> str:
        """The absolute URL of a path."""
        return f"{self._scheme}://{HOST}:{self.port}{path}"

    def serve(self, path: str, page: Page) -> str:
        """Answer that path (query aside) so from now on; its URL."""
        self.pages[path] = page
        return self.url(path)

    def asked_for(self, path: str) -> list[Asked]:
        """The requests for that path, oldest first."""
        return [asked for asked in self.asked if asked.path.partition("?")[0] == path]

    def cut_now(self, path: str, page: Page) -> bool:
        """Whether this answer is to be cut short."""
        if page.cut_after is None or self._cut.get(path, 0) >= page.cuts:
            return False
        self._cut[path] = self._cut.get(path, 0) + 1
        return True


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True
    request_queue_size = 64
    origin: Origin
    context: ssl.SSLContext | None = None

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.closing = threading.Event()

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Shake hands in the thread of the connection: a client that never ends it holds nobody up."""
        if self.context is None:
            super().finish_request(request, client_address)
            return
        request.settimeout(10)
        try:
            secured = self.context.wrap_socket(request, server_side=True)
        except (OSError, ssl.SSLError):
            return  # a client that does not trust us
        try:
            super().finish_request(secured, client_address)
        finally:
            secured.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no event."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 5
    server: _Server

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def log_message(self, *args: Any) -> None:
        """Tests read `Origin.asked` instead."""

    def _answer(self, *, body: bool) -> None:
        origin = self.server.origin
        headers = {name.lower(): value for name, value in self.headers.items()}
        origin.asked.append(Asked(method=self.command, path=self.path, headers=headers))
        path = self.path.partition("?")[0]
        page = origin.pages.get(path, Page(status=404, body=b"no such page", content_type="text/plain"))
        content = self._head(page, headers.get("range", ""))
        self.close_connection = True
        if body:
            self._send(content, page, cut=page.cut_after if origin.cut_now(path, page) else None)

    def _head(self, page: Page, wanted: str) -> bytes:
        start = int(match[1]) if (match := re.fullmatch(r"bytes=(\d+)-\d*", wanted)) and page.ranges else 0
        partial = bool(match) and page.ranges and page.status == 200
        content = page.body[start:] if partial else page.body
        self.send_response(206 if partial else page.status)
        if partial:
            self.send_header("Content-Range", f"bytes {start}-{len(page.body) - 1}/{len(page.body)}")
        for name, value in {"Content-Type": page.content_type, "Connection": "close", **page.headers}.items():
            self.send_header(name, value)
        if not page.chunked:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        return content

    def _send(self, content: bytes, page: Page, *, cut: int | None) -> None:
        size, pause = page.drip or (64 * 1024, 0.0)
        content = content[:cut]
        for begin in range(0, len(content), size):
            self.wfile.write(content[begin : begin + size])
            if pause and self.server.closing.wait(pause):
                return


def hls(segments: int, *, seconds: float = 2.0, name: str = "part{}.ts", ended: bool = True) -> bytes:
    """A media playlist of so many segments beside it."""
    lines = ["#EXTM3U", "#EXT-X-VERSION:3", f"#EXT-X-TARGETDURATION:{seconds:g}", "#EXT-X-MEDIA-SEQUENCE:0"]
    for number in range(segments):
        lines += [f"#EXTINF:{seconds:g},", name.format(number)]
    return "\n".join([*lines, *(["#EXT-X-ENDLIST"] if ended else []), ""]).encode()


def wait_until_asked(origin: Origin, path: str, *, patience: float = 20.0) -> None:
    """Block until somebody asked for that path; TimeoutError after `patience` seconds."""
    deadline = time.monotonic() + patience
    while not origin.asked_for(path):
        if time.monotonic() > deadline:
            raise TimeoutError(f"nobody asked for {path}")
        time.sleep(0.01)
