"""What may be asked over HTTP: read the question, ask, write the answer. A browser can do nothing here."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable
from typing import Any, Final, Protocol

import anyio
import structlog
from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from musicsyncd.control import alerting
from musicsyncd.control.client import VERSION_HEADER
from musicsyncd.control.exports.exporter import Exporter
from musicsyncd.control.messages import (
    ApplyQuestion,
    ErrorAnswer,
    FinishQuestion,
    ForgetQuestion,
    PauseQuestion,
    PinQuestion,
    ReconcileQuestion,
    RetryQuestion,
    SignInQuestion,
    SyncQuestion,
    UndoQuestion,
    VolumeQuestion,
)
from musicsyncd.control.operations import Operations
from musicsyncd.control.wanting import Wanting
from musicsyncd.errors import BadInput, Denied, MusicsyncError, Permanent

log = structlog.get_logger()
OWN_NAMES: Final = frozenset({"", "localhost", "musicsyncd"})
"""Host headers that a client of a Unix socket sends; a foreign one betrays a browser led astray."""
LARGEST_QUESTION: Final = 1_000_000
"""Bytes."""
HEARTBEAT: Final = 15.0
"""Seconds between comments on a silent event stream, so that a client that went away is noticed."""


class Volumes(Protocol):
    """Who adds volumes and takes them out again."""

    async def add(self, question: VolumeQuestion) -> BaseModel: ...

    async def remove(self, name: str) -> BaseModel: ...


def application(operations: Operations, volumes: Volumes, version: str) -> ASGIApp:
    """The routes."""
    doors = _Doors(operations, volumes)
    routes = [
        Route("/v1/status", doors.status),
        Route("/v1/sync", doors.sync, methods=["POST"]),
        Route("/v1/pause", doors.pause, methods=["POST"]),
        Route("/v1/resume", doors.resume, methods=["POST"]),
        Route("/v1/jobs", doors.jobs),
        Route("/v1/jobs/{id}", doors.job),
        Route("/v1/jobs/{id}/report", doors.report),
        Route("/v1/jobs/{id}/cancel", doors.cancel, methods=["POST"]),
        Route("/v1/jobs/{id}/retry", doors.retry, methods=["POST"]),
        Route("/v1/tracks", doors.tracks),
        Route("/v1/tracks/{ref:path}/retry", doors.retry_track, methods=["POST"]),
        Route("/v1/tracks/{ref:path}/keep", doors.keep_track, methods=["POST"]),
        Route("/v1/tracks/{ref:path}/skip", doors.skip_track, methods=["POST"]),
        Route("/v1/tracks/{ref:path}/unskip", doors.unskip_track, methods=["POST"]),
        Route("/v1/tracks/{ref:path}/forget", doors.forget_track, methods=["POST"]),
        Route("/v1/tracks/{ref:path}/match", doors.match),
        Route("/v1/tracks/{ref:path}/pin", doors.pin, methods=["POST"]),
        Route("/v1/tracks/{ref:path}/unpin", doors.unpin, methods=["POST"]),
        Route("/v1/tracks/{ref:path}", doors.track),
        Route("/v1/export", doors.export),
        Route("/v1/playlists", doors.playlists),
        Route("/v1/matches", doors.matches),
        Route("/v1/duplicates", doors.duplicates),
        Route("/v1/duplicates/plan", doors.plan_duplicates, methods=["POST"]),
        Route("/v1/duplicates/apply", doors.apply_duplicates, methods=["POST"]),
        Route("/v1/reconcile", doors.reconcile, methods=["POST"]),
        Route("/v1/catalog/duplicates", doors.plan_rows, methods=["POST"]),
        Route("/v1/catalog/duplicates/apply", doors.apply_rows, methods=["POST"]),
        Route("/v1/catalog/accept", doors.accept_book, methods=["POST"]),
        Route("/v1/operations", doors.operations),
        Route("/v1/undo", doors.undo, methods=["POST"]),
        Route("/v1/retry", doors.retry_step, methods=["POST"]),
        Route("/v1/volumes", doors.volumes),
        Route("/v1/volumes", doors.add_volume, methods=["POST"]),
        Route("/v1/alerts", doors.alerts),
        Route("/v1/alerts/test", doors.test_alerts, methods=["POST"]),
        Route("/v1/volumes/{name}/remove", doors.remove_volume, methods=["POST"]),
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

    def __init__(self, operations: Operations, volumes: Volumes) -> None:
        self._ask, self._volumes = operations, volumes
        self._wanting, self._exporter = Wanting(operations), Exporter(operations)

    async def status(self, request: Request) -> Response:
        return await _answered(self._ask.status())

    async def sync(self, request: Request) -> Response:
        return await _answered(self._ask.sync(await _question(request, SyncQuestion)), status=202)

    async def pause(self, request: Request) -> Response:
        return await _answered(self._ask.pause(await _question(request, PauseQuestion)))

    async def resume(self, request: Request) -> Response:
        return await _answered(self._ask.resume(await _question(request, PauseQuestion)))

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

    async def skip_track(self, request: Request) -> Response:
        return await _answered(self._wanting.skip(request.path_params["ref"]))

    async def unskip_track(self, request: Request) -> Response:
        return await _answered(self._wanting.unskip(request.path_params["ref"]), status=202)

    async def forget_track(self, request: Request) -> Response:
        question = await _question(request, ForgetQuestion)
        return await _answered(self._wanting.forget(request.path_params["ref"], question), status=202)

    async def match(self, request: Request) -> Response:
        return await _answered(self._ask.match(request.path_params["ref"]))

    async def export(self, request: Request) -> Response:
        query = request.query_params
        export = await self._exporter.prepare(
            query.get("format", ""),
            words=query.get("q", ""),
            playlist=query.get("playlist", ""),
            volume=query.get("volume", ""),
            relative_to=query.get("relative_to", ""),
        )
        return StreamingResponse(self._exporter.parts(export), media_type=export.media_type)

    async def playlists(self, request: Request) -> Response:
        return await _answered(self._exporter.playlists())

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

    async def reconcile(self, request: Request) -> Response:
        question = await _question(request, ReconcileQuestion)
        return await _answered(self._ask.reconcile(question), status=202)

    async def plan_rows(self, request: Request) -> Response:
        return await _answered(self._ask.plan_rows(), status=202)

    async def apply_rows(self, request: Request) -> Response:
        return await _answered(self._ask.apply_rows(await _question(request, ApplyQuestion)), status=202)

    async def accept_book(self, request: Request) -> Response:
        return await _answered(alerting.accepted(self._ask.watched))

    async def operations(self, request: Request) -> Response:
        return await _answered(self._ask.operations(_number(request.query_params.get("limit"), 20)))

    async def undo(self, request: Request) -> Response:
        return await _answered(self._ask.undo(await _question(request, UndoQuestion)), status=202)

    async def retry_step(self, request: Request) -> Response:
        return await _answered(self._ask.retry_step(await _question(request, RetryQuestion)), status=202)

    async def volumes(self, request: Request) -> Response:
        return await _answered(self._ask.volumes())

    async def add_volume(self, request: Request) -> Response:
        return await _answered(self._volumes.add(await _question(request, VolumeQuestion)))

    async def remove_volume(self, request: Request) -> Response:
        return await _answered(self._volumes.remove(request.path_params["name"]))

    async def alerts(self, request: Request) -> Response:
        return await _answered(alerting.listed(self._ask.watched.post))

    async def test_alerts(self, request: Request) -> Response:
        return await _answered(alerting.tested(self._ask.watched.post))

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
