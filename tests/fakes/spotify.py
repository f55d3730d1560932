"""Spotify on the loopback: accounts and Web API as an app in development mode has them since 2026, with its bad days.

Every question is held against the contract in `tests/contracts`; what breaks it is answered with 400 and kept in
`faults`, which `__exit__` asserts to be empty.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import secrets
import socket
import threading
import time
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.fakes.openapi import spotify as contract

HOST: Final = "127.0.0.1"
CLIENT_ID: Final = "a1b2c3d4e5f60718293a4b5c6d7e8f90"
PLAYLIST_ID: Final = "37i9dQZF1DX0XUsuxWHRQd"
ALBUM_ID: Final = "4aawyAB9vmqN3uQ7FjRGTy"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One question as it came in."""

    method: str
    path: str
    query: Mapping[str, str]
    authorization: str
    form: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Person:
    """One account's library."""

    id: str = "ada"
    saved: list[Any] = field(default_factory=list)
    """Newest first: `line(track(1), …)`."""
    playlists: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By id: name, snapshot_id and items."""
    playing: Any = None
    """None: 204."""
    recent: list[Any] = field(default_factory=list)


def track(number: int, **more: Any) -> dict[str, Any]:
    """A whole track object; its id is the number."""
    album = {
        "album_type": "album",
        "id": ALBUM_ID,
        "name": f"Album {number}",
        "type": "album",
        "uri": f"spotify:album:{ALBUM_ID}",
        "artists": [{"id": "1" * 22, "name": "Ada Voss", "type": "artist"}],
        "images": [
            {"url": f"https://i.scdn.co/image/{number}-small", "width": 64, "height": 64},
            {"url": f"https://i.scdn.co/image/{number}-large", "width": 640, "height": 640},
        ],
        "release_date": "2019-05-04",
        "release_date_precision": "day",
    }
    return {
        "type": "track",
        "id": f"{number:022d}",
        "uri": f"spotify:track:{number:022d}",
        "name": f"Song {number}",
        "artists": [{"id": "1" * 22, "name": "Ada Voss", "type": "artist"}],
        "album": album,
        "duration_ms": 200_000 + number,
        "track_number": 1 + number % 20,
        "disc_number": 1,
        "explicit": False,
        "is_local": False,
        "external_ids": {"isrc": f"GBAYE{number:07d}"},
    } | more


def line(item: Any, added_at: str = "2026-01-01T00:00:00Z", *, key: str = "track", **more: Any) -> dict[str, Any]:
    """A line of a list; playlists call what it is about `item` since 2026, and some answers still `track`."""
    return {"added_at": added_at, key: item} | more


def moment(number: int) -> str:
    """The later the greater the number."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1_750_000_000 + number))


def saved(count: int, start: int = 1) -> list[Any]:
    """So many saved tracks, the newest first."""
    return [line(track(number), moment(number)) for number in range(start + count - 1, start - 1, -1)]


LOCAL: Final = line(
    {
        "type": "track",
        "id": None,
        "uri": "spotify:local:::Mine:10",
        "name": "Mine",
        "is_local": True,
        "artists": [],
        "album": {},
    },
    is_local=True,
)
EPISODE: Final = line({"type": "episode", "id": "9" * 22, "name": "Talk", "duration_ms": 1}, key="item")


class FakeSpotify:
    """Both services, as a context manager. Public fields are its state and its switches."""

    def __init__(self, *, secret: str = "") -> None:
        self.secret = secret
        self.person = Person()
        """Who consents at the next sign-in, and whose tokens are given."""
        self.people = {self.person.id: self.person}
        self.catalog: dict[str, Any] = {}
        """Tracks by id that no list holds."""
        self.albums: dict[str, dict[str, Any]] = {}
        self.picture = b""
        """Every cover, below /image."""
        self.asked: list[Asked] = []
        self.faults: list[str] = []
        self.issued: list[str] = []
        """Every secret that was given out: tokens and codes."""
        # Switches
        self.rotates = True
        """Whether a refresh kills the refresh token and gives another."""
        self.life = 3600
        self.answers: list[tuple[int, dict[str, str], Any]] = []
        """Given to the next questions to the Web API instead of what is due, in turn."""
        self.always: tuple[int, dict[str, str], Any] | None = None
        """Given to every question to the Web API."""
        self.token_answers: list[tuple[int, dict[str, str], Any]] = []
        self.cut_tokens = 0
        """How many token answers break off after all was done."""
        self.short_pages: int | None = None
        """A page holds at most so many lines, whatever was asked for."""
        self.empty_from: int | None = None
        self.hostile_next = ""
        """The `next` of every page."""
        self.between: Callable[[int], None] = lambda offset: None
        """Called before a page of saved tracks is made."""
        self._access: dict[str, str] = {}
        self._refresh: dict[str, str] = {}
        self._codes: dict[str, tuple[str, str, str]] = {}
        self._lock = threading.Lock()
        self._server = _Server((HOST, 0), _Handler)
        self._server.fake = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="spotify", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        assert kind or not self.faults, self.faults

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._server.server_address[1]}"

    @property
    def settings(self) -> str:
        """The section of config.toml that leads here."""
        return (
            f'[spotify]\nclient_id = "{CLIENT_ID}"\napi_base_url = "{self.url}/v1"\naccounts_base_url = "{self.url}"\n'
            "redirect_port = 0\n"
        )

    def counted(self, path: str = "/v1") -> int:
        """How many questions there were below that path."""
        return sum(one.path.startswith(path) for one in self.asked)

    def hang_up(self) -> None:
        """Close every connection that a client keeps open."""
        for connection in list(self._server.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def expire(self) -> None:
        """All access tokens end now."""
        self._access.clear()

    def revoke(self) -> None:
        """The person takes the consent back."""
        self._access.clear()
        self._refresh.clear()

    def tokens_for(self, person: Person) -> dict[str, Any]:
        """New tokens of that account."""
        self.people[person.id] = person
        access, refresh = (f"{word}-{secrets.token_urlsafe(24)}" for word in ("access", "refresh"))
        self.issued += [access, refresh]
        self._access[access], self._refresh[refresh] = person.id, person.id
        return {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": self.life,
            "refresh_token": refresh,
            "scope": "",
        }

    # Accounts

    def authorize(self, query: Mapping[str, str]) -> str:
        """Where the browser is led after the person has consented."""
        redirect = urlsplit(query["redirect_uri"])
        wrong = query.get("client_id") != CLIENT_ID or query.get("code_challenge_method") != "S256"
        if wrong or redirect.hostname != HOST or redirect.path != "/callback" or query.get("response_type") != "code":
            self.faults.append(f"a bad sign-in: {sorted(query)}")
        code = f"code-{secrets.token_urlsafe(24)}"
        self.issued.append(code)
        self._codes[code] = (query["code_challenge"], query["redirect_uri"], self.person.id)
        self.people[self.person.id] = self.person
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def token(self, form: Mapping[str, str], authorization: str) -> tuple[int, dict[str, str], Any]:
        """What the accounts service says to a form."""
        if self.token_answers:
            return self.token_answers.pop(0)
        if not self._is_app(form, authorization):
            return 400, {}, {"error": "invalid_client"}
        with self._lock:
            match form.get("grant_type"):
                case "authorization_code":
                    return self._exchanged(form)
                case "refresh_token":
                    return self._refreshed(form.get("refresh_token", ""))
        return 400, {}, {"error": "unsupported_grant_type"}

    def _is_app(self, form: Mapping[str, str], authorization: str) -> bool:
        if not self.secret:
            return form.get("client_id") == CLIENT_ID and not authorization
        with contextlib.suppress(ValueError):
            return b64decode(authorization.removeprefix("Basic ")).decode() == f"{CLIENT_ID}:{self.secret}"
        return False

    def _exchanged(self, form: Mapping[str, str]) -> tuple[int, dict[str, str], Any]:
        challenge, redirect, person = self._codes.pop(form.get("code", ""), ("", "", ""))
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if (
            not challenge
            or urlsafe_b64encode(digest).decode().rstrip("=") != challenge
            or form.get("redirect_uri") != redirect
        ):
            return 400, {}, {"error": "invalid_grant", "error_description": "Invalid authorization code"}
        return 200, {}, self.tokens_for(self.people[person])

    def _refreshed(self, refresh: str) -> tuple[int, dict[str, str], Any]:
        if refresh not in self._refresh:
            return 400, {}, {"error": "invalid_grant", "error_description": "Refresh token revoked"}
        given = self.tokens_for(self.people[self._refresh[refresh]])
        if self.rotates:
            del self._refresh[refresh]
        else:
            del self._refresh[given.pop("refresh_token")]
        return 200, {}, given

    # Web API

    def answer(self, asked: Asked) -> tuple[int, dict[str, str], Any]:
        """What the Web API says."""
        path = asked.path.removeprefix("/v1").rstrip("/")  # spotipy ends `albums/…/tracks/` so, and Spotify takes it
        if not asked.path.startswith("/v1/"):
            return 404, {}, {"error": {"status": 404, "message": "no such service"}}
        query = {name: [value] for name, value in asked.query.items()}
        if faults := contract().faults(asked.method, path, query):
            self.faults += faults
            return 400, {}, {"error": {"status": 400, "message": "; ".join(faults)}}
        if self.always:
            return self.always
        if self.answers:
            return self.answers.pop(0)
        person = self.people.get(self._access.get(asked.authorization.removeprefix("Bearer "), ""))
        if person is None:
            # hostile: it repeats what it was sent
            return 401, {}, {"error": {"status": 401, "message": f"bad token {asked.authorization}"}}
        return self._found(person, path, asked.query)

    def _found(self, person: Person, path: str, query: Mapping[str, str]) -> tuple[int, dict[str, str], Any]:
        match path.strip("/").split("/"):
            case ["me"]:
                return 200, {}, {"id": person.id, "type": "user", "uri": f"spotify:user:{person.id}"}
            case ["me", "tracks"]:
                self.between(int(query.get("offset", 0)))
                return 200, {}, self._page(path, person.saved, query)
            case ["me", "player", "currently-playing"]:
                return (200, {}, person.playing) if person.playing else (204, {}, None)
            case ["me", "player", "recently-played"]:
                return 200, {}, self._played(person, query)
            case ["playlists", id_] if id_ in person.playlists:
                one = person.playlists[id_]
                return 200, {}, {"name": one["name"], "snapshot_id": one["snapshot_id"]}
            case ["playlists", id_, "items"] if id_ in person.playlists:
                return 200, {}, self._page(path, person.playlists[id_]["items"], query)
            case ["playlists", _, "tracks"]:
                return 403, {}, {"error": {"status": 403, "message": "Forbidden"}}
            case ["playlists", *_]:
                return 403, {}, {"error": {"status": 403, "message": "Forbidden"}}
            case ["tracks" | "albums" | "artists"]:
                return 403, {}, {"error": {"status": 403, "message": "Forbidden"}}
            case ["search"]:
                return 200, {}, {"tracks": {"items": self._search(query["q"])[: int(query.get("limit", 5))]}}
            case ["tracks", id_]:
                return self._one(person, id_)
            case ["albums", id_] if id_ in self.albums:
                return 200, {}, self.albums[id_]
            case ["albums", id_, "tracks"] if id_ in self.albums:
                return 200, {}, self._page(path, self.albums[id_]["tracks"]["items"], query)
        return 404, {}, {"error": {"status": 404, "message": "Non existing id"}}

    def _one(self, person: Person, id_: str) -> tuple[int, dict[str, str], Any]:
        listed = [one.get("track") or one.get("item") for one in person.saved]
        found = self.catalog.get(id_) or next((one for one in listed if one and one.get("id") == id_), None)
        return (200, {}, found) if found else (404, {}, {"error": {"status": 404, "message": "Non existing id"}})

    def _search(self, words: str) -> list[Any]:
        """Tracks of the catalog with that ISRC, or with all the words in title and artists."""
        if words.startswith("isrc:"):
            return [one for one in self.catalog.values() if f"isrc:{one['external_ids'].get('isrc')}" == words]
        texts = {id_: " ".join([one["name"], *(each["name"] for each in one["artists"])]).lower()
                 for id_, one in self.catalog.items()}  # fmt: skip
        return [self.catalog[id_] for id_, text in texts.items() if all(one in text for one in words.lower().split())]

    def _page(self, path: str, lines: list[Any], query: Mapping[str, str]) -> dict[str, Any]:
        limit, offset = int(query.get("limit", 20)), int(query.get("offset", 0))
        held = min(limit, self.short_pages or limit)
        items = [] if self.empty_from is not None and offset >= self.empty_from else lines[offset : offset + held]
        end = offset + len(items)
        onward = self.hostile_next or (f"{self.url}/v1{path}?limit={limit}&offset={end}" if end < len(lines) else None)
        return {"items": items, "total": len(lines), "limit": limit, "offset": offset, "next": onward, "previous": None}

    @staticmethod
    def _played(person: Person, query: Mapping[str, str]) -> dict[str, Any]:
        after = int(query.get("after", 0))
        plays = [one for one in person.recent if _milliseconds(one["played_at"]) > after]
        return {"items": plays[: int(query.get("limit", 20))], "next": None, "cursors": None, "limit": 50}


def _milliseconds(text: str) -> int:
    return int(time.mktime(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ")) - time.timezone) * 1000


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    fake: FakeSpotify

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.connections: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no event."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 5
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        asked = self._asked({})
        if asked.path == "/authorize":
            self._send(302, {"Location": self.server.fake.authorize(asked.query)}, None)
        elif asked.path.startswith("/image/"):
            self._send(200 if self.server.fake.picture else 404, {}, self.server.fake.picture)
        else:
            self._send(*self.server.fake.answer(asked))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        asked = self._asked({name: values[0] for name, values in parse_qs(body).items()})
        if asked.path != "/api/token" or asked.query:
            self.server.fake.faults.append(f"POST {asked.path}")
            self._send(404, {}, None)
            return
        answer = self.server.fake.token(asked.form, asked.authorization)
        cut = self.server.fake.cut_tokens > 0
        self.server.fake.cut_tokens -= cut
        self._send(*answer, cut=cut)

    def log_message(self, *args: Any) -> None:
        """Tests read `FakeSpotify.asked` instead."""

    def _asked(self, form: Mapping[str, str]) -> Asked:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        asked = Asked(
            method=self.command,
            path=parts.path,
            query=query,
            authorization=self.headers.get("Authorization", ""),
            form=form,
        )
        self.server.fake.asked.append(asked)
        if re.search(r"(?i)access|refresh|code-|secret", parts.query) and parts.path != "/authorize":
            self.server.fake.faults.append("a secret in a URL")
        return asked

    def _send(self, status: int, headers: Mapping[str, str], body: Any, *, cut: bool = False) -> None:
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if cut else content)
        self.close_connection = self.close_connection or cut
