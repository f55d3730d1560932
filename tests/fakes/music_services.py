"""AcoustID, MusicBrainz and the Cover Art Archive on the loopback: as strict as the real ones, and as ill as a test
wants them.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import parse_qsl

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

HOST: Final = "127.0.0.1"
OTHER_HOST: Final = "localhost"
"""The same machine under another name: for a client it is another host."""
KEY: Final = "k-canary-7Qx2"
FINGERPRINT_ID: Final = "aaaaaaaa-0000-4000-8000-000000000001"
RECORDING: Final = "bbbbbbbb-0000-4000-8000-000000000001"
RELEASE: Final = "cccccccc-0000-4000-8000-000000000001"
ISRC: Final = "DEAB11900001"
INCLUDED: Final = {
    "recording": {"artist-credits", "isrcs", "releases", "release-groups"},
    "release": {"labels", "artist-credits"},
    "isrc": {"artist-credits", "releases"},
}
"""What each lookup of MusicBrainz may include; labels of a recording's releases it refuses."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request as it came in."""

    method: str
    host: str
    path: str
    """With its query."""
    headers: Mapping[str, str]
    """Names in lower case."""
    form: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Ill:
    """An answer in place of the right one."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


def recording(**more: Any) -> dict[str, Any]:
    """A recording of 6 s as MusicBrainz tells it."""
    release = {
        "id": RELEASE,
        "title": "Lantern Street",
        "status": "Official",
        "date": "2019-05-04",
        "release-group": {"primary-type": "Single", "secondary-types": []},
    }
    told = {
        "id": RECORDING,
        "title": "Night Ferry",
        "disambiguation": "",
        "length": 6000,
        "first-release-date": "2019-05-04",
        "isrcs": [ISRC],
        "artist-credit": [{"name": "Ada Voss", "joinphrase": "", "artist": {"id": RECORDING, "name": "Ada Voss"}}],
        "releases": [release],
    }
    return told | more


def release(**more: Any) -> dict[str, Any]:
    """Its release."""
    told = {
        "id": RELEASE,
        "title": "Lantern Street",
        "label-info": [{"catalog-number": "LS 007", "label": {"id": RELEASE, "name": "Harbour Lights"}}],
        "cover-art-archive": {"artwork": True, "front": True, "count": 1},
    }
    return told | more


def heard(score: float = 0.97, **more: Any) -> dict[str, Any]:
    """A result of AcoustID with that recording."""
    linked = {"id": RECORDING, "title": "Night Ferry", "duration": 6, "sources": 12, "artists": [{"name": "Ada Voss"}]}
    return {"id": FINGERPRINT_ID, "score": score, "recordings": [linked | more]}


class MusicServices:
    """All three, as a context manager; what they know are attributes."""

    def __init__(self) -> None:
        self.results: list[dict[str, Any]] = [heard()]
        """What AcoustID knows of any sound."""
        self.first_results: list[list[dict[str, Any]]] = []
        """What it knows of the sounds that are asked about first, in turn."""
        self.known: dict[str, dict[str, Any]] = {
            f"recording/{RECORDING}": recording(),
            f"release/{RELEASE}": release(),
        }
        self.pictures: dict[str, bytes] = {}
        """By release id."""
        self.ill: dict[str, list[Ill]] = {}
        """Answers to give instead, in turn, by the beginning of the path."""
        self.asked: list[Asked] = []
        paths = ("/v2/lookup", "/ws/2/{kind}/{id}", "/release/{id}/{size}", "/archive/{id}", "/spotify/image/{id}")
        does = (self._lookup, self._musicbrainz, self._front, self._archive, self._archive)
        methods = ["GET", "POST"]
        routes = [Route(path, self._given(do), methods=methods) for path, do in zip(paths, does, strict=True)]
        self._socket = socket.create_server((HOST, 0))
        config = uvicorn.Config(Starlette(routes=routes), log_config=None, access_log=False, lifespan="off", ws="none")
        self._server = uvicorn.Server(config)
        serve = {"sockets": [self._socket]}
        self._thread = threading.Thread(target=self._server.run, kwargs=serve, name="music services", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        deadline = time.monotonic() + 10
        while not self._server.started and time.monotonic() < deadline:
            time.sleep(0.005)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self._socket.close()

    def url(self, path: str = "", *, host: str = HOST) -> str:
        """An absolute URL."""
        return f"http://{host}:{self._socket.getsockname()[1]}{path}"

    def fall_ill(self, path: str, *answers: Ill) -> None:
        """Answer whatever begins with this path so, once each."""
        self.ill.setdefault(path, []).extend(answers)

    def asked_for(self, path: str) -> list[Asked]:
        """The requests whose path begins so, oldest first."""
        return [one for one in self.asked if one.path.startswith(path)]

    @property
    def settings(self) -> str:
        """The section of config.toml that leads here, with everything switched on."""
        return (
            f'[enrichment]\nenabled = true\ncontact = "dj@example.org"\nacoustid_key = "{KEY}"\n'
            f'acoustid_url = "{self.url()}"\nmusicbrainz_url = "{self.url("/ws/2")}"\ncoverart_url = "{self.url()}"\n'
            "acoustid_rate = 100\nmusicbrainz_rate = 100\ncoverart_rate = 100\n"
        )

    def _given(self, do: Any) -> Any:
        async def answer(request: Request) -> Response:
            form = dict(parse_qsl((await request.body()).decode()))
            path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            headers = {name.lower(): value for name, value in request.headers.items()}
            asked = Asked(method=request.method, host=request.url.hostname or "", path=path, headers=headers, form=form)
            self.asked.append(asked)
            for beginning, answers in self.ill.items():
                if path.startswith(beginning) and answers:
                    ill = answers.pop(0)
                    return Response(ill.body, ill.status, dict(ill.headers))
            told: Response = do(request, asked)
            return told

        return answer

    def _lookup(self, request: Request, asked: Asked) -> Response:
        form = asked.form
        if asked.method != "POST" or "client" in request.query_params:
            return _refused(2, "the key stands in the URL")
        if form.get("client") != KEY:
            return _refused(4, f"invalid API key {form.get('client')}")
        if not form.get("duration", "").isdecimal():
            return _refused(8, "duration")
        if not form.get("fingerprint"):
            return _refused(3, "invalid fingerprint")
        wanted = set(form.get("meta", "").split())
        results = self.first_results.pop(0) if self.first_results else self.results
        plain = [one if "recordings" in wanted else {"id": one["id"], "score": one["score"]} for one in results]
        return JSONResponse({"status": "ok", "results": plain})

    def _musicbrainz(self, request: Request, asked: Asked) -> Response:
        kind, id_ = request.path_params["kind"], request.path_params["id"]
        agent = asked.headers.get("user-agent", "")
        if "musicsyncd/" not in agent or "( dj@example.org )" not in agent:
            return JSONResponse({"error": "Your requests have no meaningful User-Agent"}, 403)
        included = set(request.query_params.get("inc", "").split())
        if kind not in INCLUDED or not included <= INCLUDED[kind] or request.query_params.get("fmt") != "json":
            return JSONResponse({"error": f"{included} is not a valid inc parameter"}, 400)
        found = self.known.get(f"{kind}/{id_}")
        return JSONResponse(found) if found else JSONResponse({"error": "Not Found"}, 404)

    def _front(self, request: Request, asked: Asked) -> Response:
        id_ = request.path_params["id"]
        if id_ not in self.pictures:
            return Response(b"<h1>404</h1>", 404)
        return RedirectResponse(self.url(f"/archive/{id_}", host=OTHER_HOST), 307)

    def _archive(self, request: Request, asked: Asked) -> Response:
        found = self.pictures.get(request.path_params["id"])
        return Response(found, media_type="image/jpeg") if found else Response(b"", 404)


def _refused(code: int, message: str) -> Response:
    return JSONResponse({"status": "error", "error": {"code": code, "message": message}}, 400)
