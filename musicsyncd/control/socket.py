"""The Unix-socket door: HTTP/1.1 for this user's own processes only."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import anyio
import structlog
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from musicsyncd.errors import Permanent

log = structlog.get_logger()
LAST_WORDS: Final = 1
"""Seconds that answers and event streams under way are given when the daemon stops."""


class _OwnersOnly(H11Protocol):
    """Hangs up on another user's process, whatever the file's mode says."""

    _refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        peer = _peer_uid(transport.get_extra_info("socket"))
        if peer is not None and peer not in (0, os.geteuid()):
            log.warning("peer refused", uid=peer)
            self._refused = True
            transport.abort()
            return
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._refused:  # one that was refused was never made, as far as uvicorn knows
            super().connection_lost(exc)


def _peer_uid(connection: Any) -> int | None:
    """The user id at the other end; None where the system has no way to tell."""
    if sys.platform == "linux":
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        return int(struct.unpack("3i", credentials)[1])
    if sys.platform == "darwin":
        sol_local, local_peercred = 0, 1
        version_and_uid = connection.getsockopt(sol_local, local_peercred, 76)
        return int(struct.unpack_from("2I", version_and_uid)[1])
    return None


class _Server(uvicorn.Server):
    """uvicorn without its tick ten times a second and without its hands on our signals."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.stopping = anyio.Event()

    async def main_loop(self) -> None:
        await self.stopping.wait()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class ControlSocket:
    """Listens on the socket from `bind` until `serve` is cancelled or `stop` is called."""

    def __init__(self, path: Path, app: ASGIApp) -> None:
        self.path = path
        config = uvicorn.Config(
            app,
            http=_OwnersOnly,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=LAST_WORDS,
        )
        self._server = _Server(config)
        self._socket: socket.socket | None = None
        self._ended = anyio.Event()

    def bind(self) -> None:
        """Take the socket: mode 0600 from its first instant, in a folder of this user's own. Permanent when somebody
        has it.
        """
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _clear_stale(self.path)
            _bind_private(listener, self.path)
        except OSError as error:
            listener.close()
            what = f"The control socket {self.path} cannot be made"
            raise Permanent(what, why=str(error), fix="Set daemon.socket to another path") from error
        except Permanent:
            listener.close()
            raise
        listener.listen(128)
        listener.setblocking(False)
        self._socket = listener

    async def serve(self) -> None:
        """Answer until stopped; binds first where `bind` was not called."""
        if self._socket is None:
            self.bind()
        assert self._socket is not None
        self._ended = anyio.Event()
        try:
            await self._server.serve(sockets=[self._socket])
        finally:
            self.close()
            self._ended.set()

    def close(self) -> None:
        """Let go of the socket; safe to call twice."""
        if self._socket is not None:
            self.path.unlink(missing_ok=True)
            self._socket.close()
            self._socket = None

    async def stop(self) -> None:
        """Take no more questions; return when those under way are answered and followers have their last event, or
        when they had time enough.
        """
        self._server.stopping.set()
        with anyio.move_on_after(2 * LAST_WORDS):
            await self._ended.wait()


def _bind_private(listener: socket.socket, path: Path) -> None:
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(before)


def _clear_stale(path: Path) -> None:
    """Remove a socket that nobody answers on; never one that somebody does."""
    if not path.exists() and not path.is_symlink():
        return
    if not path.is_socket():
        raise Permanent(f"{path} is in the way: it is no socket", fix="Move it away, or set daemon.socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
        except OSError as error:
            raise Permanent(f"The control socket {path} is in a state that cannot be told", why=str(error)) from error
    raise Permanent(f"Another program answers on {path}", fix="Stop it, or set daemon.socket to another path")
