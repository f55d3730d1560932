"""The web behind a proxy: what is asked of any https host arrives here, decrypted, and a site of ours answers.

A program that uses the proxy and trusts the authority (or nobody) needs no other change; what it asks of a host that no
site answers for is refused and remembered.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self
from urllib.parse import parse_qsl, unquote, urlsplit

import trustme

from tests.fakes.origin import HOST, Page


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One request as it came in."""

    method: str
    host: str
    path: str
    """Decoded, without the query."""
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def place(self) -> str:
        """Host and path."""
        return self.host + self.path


class Site(Protocol):
    """One or more hosts."""

    def answers_for(self, host: str) -> bool:
        """Whether that host is one of them."""

    def answer(self, visit: Visit) -> Page:
        """What is sent back."""


class Web:
    """The proxy with its sites, as a context manager."""

    def __init__(self, *sites: Site) -> None:
        self.sites: Sequence[Site] = sites
        self.visits: list[Visit] = []
        self.strangers: list[str] = []
        """Hosts that nobody answers for."""
        self._authority = trustme.CA()
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._lock = threading.Lock()
        self._server = _Proxy((HOST, 0), _Outside)
        self._server.web = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="web", daemon=True)

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
    def proxy(self) -> str:
        """Where it listens, as a proxy's URL."""
        return f"http://{HOST}:{self._server.server_address[1]}"

    def write_authority(self, path: Path) -> Path:
        """The certificate to trust, as a PEM file."""
        self._authority.cert_pem.write_to_path(str(path))
        return path

    def visits_of(self, beginning: str) -> list[Visit]:
        """The requests whose host and path begin so, oldest first."""
        return [visit for visit in self.visits if visit.place.startswith(beginning)]

    def context_for(self, host: str) -> ssl.SSLContext:
        """TLS as that host would speak it."""
        with self._lock:
            if host not in self._contexts:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                self._authority.issue_cert(host).configure_cert(context)
                self._contexts[host] = context
            return self._contexts[host]

    def answer(self, visit: Visit) -> Page:
        """The page of the site that answers for the host."""
        self.visits.append(visit)
        site = next((site for site in self.sites if site.answers_for(visit.host)), None)
        return site.answer(visit) if site else Page(status=404)


class _Proxy(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    web: Web

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no event."""


class _Outside(BaseHTTPRequestHandler):
    """What is asked of the proxy itself."""

    protocol_version = "HTTP/1.1"
    timeout = 20
    server: _Proxy

    def do_CONNECT(self) -> None:
        web, host = self.server.web, self.path.partition(":")[0].lower()
        self.close_connection = True
        if not any(site.answers_for(host) for site in web.sites):
            web.strangers.append(host)
            self.send_error(502)
            return
        self.send_response(200)
        self.end_headers()
        try:
            secured = web.context_for(host).wrap_socket(self.connection, server_side=True)
        except (OSError, ssl.SSLError):  # a client that does not trust us
            return
        try:
            _Inside(secured, (host, 443), self.server)
        finally:
            secured.close()

    def do_GET(self) -> None:
        """Plain http is nobody's here."""
        self.server.web.strangers.append(urlsplit(self.path).netloc)
        self.send_error(502)

    def log_message(self, *args: Any) -> None:
        """Tests read `Web.visits` instead."""


class _Inside(BaseHTTPRequestHandler):
    """What is asked of a site through the tunnel."""

    protocol_version = "HTTP/1.1"
    timeout = 20
    server: _Proxy

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_POST(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def log_message(self, *args: Any) -> None:
        """Tests read `Web.visits` instead."""

    def _answer(self, *, body: bool) -> None:
        page = self.server.web.answer(self._visit())
        content = page.body
        self.send_response(page.status)
        for name, value in {"Content-Type": page.content_type, **page.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content[: page.cut_after])
        if page.cut_after is not None:
            self.close_connection = True

    def _visit(self) -> Visit:
        parts = urlsplit(self.path)
        return Visit(
            method=self.command,
            host=str(self.client_address[0]),
            path=unquote(parts.path),
            query=dict(parse_qsl(parts.query)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(self.headers.get("Content-Length") or 0)),
        )
