"""The Unix-socket door: HTTP/1.1 with JSON, for this user's own processes only; a browser can do nothing here."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import struct
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, Final

import anyio
import structlog
import uvicorn
from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from musicsyncd.control.client import VERSION_HEADER
from musicsyncd.control.messages import (
    ApplyQuestion,
    ErrorAnswer,
    FinishQuestion,
    PinQuestion,
    RetryQuestion,
    SignInQuestion,
    SyncQuestion,
    UndoQuestion,
    VolumeQuestion,
)
from musicsyncd.control.operations import Operations
from musicsyncd.errors import BadInput, Denied, MusicsyncError, Permanent

log = structlog.get_logger()
OWN_NAMES: Final = frozenset({"", "localhost", "musicsyncd"})
"""Host headers that a client of a Unix socket sends; a foreign one betrays a browser led astray."""
LARGEST_QUESTION: Final = 1_000_000
"""Bytes."""
HEARTBEAT: Final = 15.0
"""Seconds between comments on a silent event stream, so that a client that went away is noticed."""
LAST_WORDS: Final = 1
"""Seconds that answers and event streams under way are given when the daemon stops."""

Volumes = Callable[[VolumeQuestion], Awaitable[BaseModel]]


def application(operations: Operations, add_volume: Volumes, version: str) -> ASGIApp:
    """The routes."""
    doors = _Doors(operations, add_volume)
    routes = [
        Route("/v1/status", doors.status),
        Route("/v1/sync", doors.sync, methods=["POST"]),
        Route("/v1/jobs", doors.jobs),
        Route("/v1/jobs/{id}", doors.job),
        Route("/v1/jobs/{id}/report", doors.report),
        Route("/v1/jobs/{id}/cancel", doors.cancel, methods=["POST"]),
        Route("/v1/jobs/{id}/retry", doors.retry, methods=["POST"]),
        Route("/v1/tracks", doors.tracks),
        Route("/v1/tracks/{ref:path}/retry", doors.retry_track, methods=["POST"]),
        Route("/v1/tracks/{ref:path}/keep", doors.keep_track, methods=["POST"]),
        Route("/v1/tracks/{ref:path}/match", doors.match),
        Route("/v1/tracks/{ref:path}/pin", doors.pin, methods=["POST"]),
        Route("/v1/tracks/{ref:path}/unpin", doors.unpin, methods=["POST"]),
        Route("/v1/tracks/{ref:path}", doors.track),
        Route("/v1/matches", doors.matches),
        Route("/v1/duplicates", doors.duplicates),
        Route("/v1/duplicates/plan", doors.plan_duplicates, methods=["POST"]),
        Route("/v1/duplicates/apply", doors.apply_duplicates, methods=["POST"]),
        Route("/v1/operations", doors.operations),
        Route("/v1/undo", doors.undo, methods=["POST"]),
        Route("/v1/retry", doors.retry_step, methods=["POST"]),
        Route("/v1/volumes", doors.volumes),
        Route("/v1/volumes", doors.add_volume, methods=["POST"]),
        Route("/v1/auth/{service}", doors.account),
        Route("/v1/auth/{service}", doors.sign_in, methods=["POST"]),
        Route("/v1/auth/{service}/finish", doors.finish_sign_in, methods=["POST"]),
        Route("/v1/auth/{service}/sign-out", doors.sign_out, methods=["POST"]),
        Route("/v1/events", doors.events),
    ]
    app = Starlette(
        routes=routes,
        exception_handlers={MusicsyncError: _refuse, LookupError: _refuse, 404: _unknown, 405: _unknown},
    )
    app.router.redirect_slashes = False
    return _Guard(app, version)


class _Doors:
    """One method per route: read the question, ask, write the answer."""

    def __init__(self, operations: Operations, add_volume: Volumes) -> None:
        self._ask, self._add_volume = operations, add_volume

    async def status(self, request: Request) -> Response:
        return await _answered(self._ask.status())

    async def sync(self, request: Request) -> Response:
        return await _answered(self._ask.sync(await _question(request, SyncQuestion)), status=202)

    async def jobs(self, request: Request) -> Response:
        query = request.query_params
        states = [state for state in query.get("state", "").split(",") if state]
        return await _answered(self._ask.list_jobs(states, query.get("kind"), _number(query.get("limit"), 100)))

    async def job(self, request: Request) -> Response:
        return await _answered(self._ask.job(request.path_params["id"]))

    async def report(self, request: Request) -> Response:
        return await _answered(self._ask.report(request.path_params["id"]))

    async def cancel(self, request: Request) -> Response:
        return await _answered(self._ask.cancel(request.path_params["id"]))

    async def retry(self, request: Request) -> Response:
        return await _answered(self._ask.retry(request.path_params["id"]))

    async def tracks(self, request: Request) -> Response:
        query = request.query_params
        return await _answered(self._ask.search(query.get("q", ""), _number(query.get("limit"), 100)))

    async def track(self, request: Request) -> Response:
        return await _answered(self._ask.track(request.path_params["ref"]))

    async def retry_track(self, request: Request) -> Response:
        return await _answered(self._ask.retry_track(request.path_params["ref"]), status=202)

    async def keep_track(self, request: Request) -> Response:
        return await _answered(self._ask.keep_track(request.path_params["ref"]), status=202)

    async def match(self, request: Request) -> Response:
        return await _answered(self._ask.match(request.path_params["ref"]))

    async def matches(self, request: Request) -> Response:
        return await _answered(self._ask.undecided(_number(request.query_params.get("limit"), 100)))

    async def pin(self, request: Request) -> Response:
        question = await _question(request, PinQuestion)
        return await _answered(self._ask.pin(request.path_params["ref"], question), status=202)

    async def unpin(self, request: Request) -> Response:
        return await _answered(self._ask.unpin(request.path_params["ref"]))

    async def duplicates(self, request: Request) -> Response:
        return await _answered(self._ask.duplicates(_number(request.query_params.get("limit"), 100)))

    async def plan_duplicates(self, request: Request) -> Response:
        return await _answered(self._ask.plan_duplicates(), status=202)

    async def apply_duplicates(self, request: Request) -> Response:
        question = await _question(request, ApplyQuestion)
        return await _answered(self._ask.apply_duplicates(question), status=202)

    async def operations(self, request: Request) -> Response:
        return await _answered(self._ask.operations(_number(request.query_params.get("limit"), 20)))

    async def undo(self, request: Request) -> Response:
        return await _answered(self._ask.undo(await _question(request, UndoQuestion)), status=202)

    async def retry_step(self, request: Request) -> Response:
        return await _answered(self._ask.retry_step(await _question(request, RetryQuestion)), status=202)

    async def volumes(self, request: Request) -> Response:
        return await _answered(self._ask.volumes())

    async def add_volume(self, request: Request) -> Response:
        return await _answered(self._add_volume(await _question(request, VolumeQuestion)))

    async def account(self, request: Request) -> Response:
        return await _answered(self._ask.account(request.path_params["service"]))

    async def sign_in(self, request: Request) -> Response:
        question = await _question(request, SignInQuestion)
        return await _answered(self._ask.sign_in(request.path_params["service"], question), status=202)

    async def finish_sign_in(self, request: Request) -> Response:
        question = await _question(request, FinishQuestion)
        return await _answered(self._ask.finish_sign_in(request.path_params["service"], question))

    async def sign_out(self, request: Request) -> Response:
        return await _answered(self._ask.sign_out(request.path_params["service"]))

    async def events(self, request: Request) -> Response:
        job = request.query_params.get("job")
        if job:
            await self._ask.job(job)  # an unknown one is refused with a status, not in the stream
        stream = self._ask.follow(job) if job else self._ask.events()
        return StreamingResponse(_lines(stream), media_type="text/event-stream", headers={"cache-control": "no-store"})


async def _answered(answer: Awaitable[BaseModel], status: int = 200) -> Response:
    return JSONResponse((await answer).model_dump(mode="json"), status_code=status)


async def _question(request: Request, model: type[Any]) -> Any:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk[: LARGEST_QUESTION + 1 - len(body)]  # read to its end: who is still sending reads no answer
    if len(body) > LARGEST_QUESTION:
        raise BadInput(f"The question is longer than {LARGEST_QUESTION} bytes")
    try:
        return model.model_validate_json(bytes(body) or b"{}")
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, one['loc'])) or 'body'}: {one['msg']}" for one in error.errors())
        raise BadInput("The question was not understood", why=faults) from error


def _number(text: str | None, default: int) -> int:
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal() and 0 < len(text) < 10 and int(text)):
        raise BadInput(f"limit must be a whole number from 1 on, not {text!r}")
    return int(text)


async def _lines(stream: AsyncIterator[tuple[str, dict[str, Any]]]) -> AsyncIterator[bytes]:
    """Events as server-sent events; a comment first, so that a client knows that it is being listened to."""
    yield b": musicsyncd\n\n"
    pending: asyncio.Future[tuple[str, dict[str, Any]]] | None = None
    try:
        while True:
            pending = pending or asyncio.ensure_future(anext(stream))
            done, _ = await asyncio.wait({pending}, timeout=HEARTBEAT)
            if not done:
                yield b": still here\n\n"
                continue
            try:
                name, data = pending.result()
            except StopAsyncIteration:
                return
            pending = None
            yield f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()
    finally:
        with anyio.CancelScope(shield=True):  # a client that went away cancels us, and would cancel this too
            if pending:
                pending.cancel()
                await asyncio.wait({pending})
            if close := getattr(stream, "aclose", None):
                await close()


async def _refuse(request: Request, error: Exception) -> Response:
    if isinstance(error, MusicsyncError):
        return JSONResponse(_error(error), status_code=403 if isinstance(error, Denied) else 400)
    if type(error) is LookupError:  # what asks for a job or track raises; a KeyError is a fault of ours
        return JSONResponse(_error(BadInput(str(error))), status_code=404)
    return _failed(request.url.path, error)


async def _unknown(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    refusal = BadInput(f"There is no {request.method} {request.url.path}")
    return JSONResponse(_error(refusal), status_code=error.status_code, headers=error.headers)


def _failed(path: str, error: Exception) -> Response:
    log.error("question failed", path=path, exc_info=error)
    refusal = Permanent("The daemon failed on this question", why=str(error), fix="See: musicsyncctl logs")
    return JSONResponse(_error(refusal), status_code=500)


def _error(error: MusicsyncError) -> dict[str, Any]:
    return ErrorAnswer(error=error.as_dict(), exit_code=error.exit_code).model_dump(mode="json")


class _Guard:
    """Refuses what a browser would send, and turns every error into an answer."""

    def __init__(self, app: ASGIApp, version: str) -> None:
        self._app, self._version = app, version

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        begun = False

        async def stamped(message: Any) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                message["headers"] = [*message["headers"], (VERSION_HEADER.encode(), self._version.encode())]
            await send(message)

        if why := _foreign(headers):
            refusal = Denied("This socket answers musicsyncctl and its like, not browsers", why=why)
            await JSONResponse(_error(refusal), status_code=403)(scope, receive, stamped)
            return
        try:
            await self._app(scope, receive, stamped)
        except Exception as error:
            if begun:
                raise  # an event stream that breaks off: uvicorn logs it and hangs up
            await _failed(scope["path"], error)(scope, receive, stamped)


def _foreign(headers: dict[str, str]) -> str:
    for name in ("origin", "referer"):
        if name in headers:
            return f"the request has the header {name}"
    host = headers.get("host", "").partition(":")[0].lower()
    return "" if host in OWN_NAMES else f"the request names the host {host}"


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
