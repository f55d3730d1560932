"""Eagle as its local API shows it: both versions, a queue of imports, one open library at a time, files on disk.

What is played is what its vendor documents and what a public copy of its server does; there is no Eagle on CI.
"""

from __future__ import annotations

import copy
import itertools
import json
import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import parse_qsl, urlsplit

HOST: Final = "127.0.0.1"
V1_LIMIT: Final = 200
V2_LIMIT: Final = 50
V2_MOST: Final = 1000
Row = dict[str, Any]


class Failing(Exception):
    """A handler that throws, which Eagle answers with 500."""


class Refusing(Exception):
    """A handler that says no, which Eagle answers with 200."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request as it came in."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Mapping[str, Any]


@dataclass
class Library:
    """What is in one library."""

    path: Path
    items: dict[str, Row] = field(default_factory=dict)
    folders: list[Row] = field(default_factory=list)
    queue: list[tuple[int, Row, str]] = field(default_factory=list)
    """Imports: looks until they land, the item, the file's path."""


class Eagle:
    """The app, as a context manager; `stop` closes it and `start` opens it on the same port."""

    def __init__(self, folder: Path, *, newer: bool = True, token: str = "") -> None:
        self.newer, self.token = newer, token
        self.delay = 0
        """Looks at items before an import is there."""
        self.lands = True
        """Whether the queue is worked off."""
        self.lost: dict[str, int] = {}
        """Paths whose next so many answers break off after the deed was done."""
        self.refusals: dict[str, str] = {}
        """Paths that answer 200 with an error, and its words."""
        self.throws: set[str] = set()
        """Paths that answer 500."""
        self.calls: list[Call] = []
        self.on_call: Callable[[Call], None] = lambda _: None
        self.libraries = {path: Library(path) for path in (folder / "Tracks.library", folder / "Other.library")}
        self.open = folder / "Tracks.library"
        for path in self.libraries:
            (path / "images").mkdir(parents=True)
        self._ids, self._ticks = itertools.count(1), itertools.count(1_700_000_000_000, 1000)
        self._lock = threading.Lock()
        self._port = 0
        self._server: _Server | None = None

    @property
    def library(self) -> Library:
        """The one that is open."""
        return self.libraries[self.open]

    @property
    def base_url(self) -> str:
        return f"http://{HOST}:{self._port}"

    def start(self) -> None:
        """Open the app."""
        self._server = _Server((HOST, self._port), _Handler)
        self._server.eagle = self
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), name="Eagle", daemon=True).start()

    def stop(self) -> None:
        """Close the app; what is in its queue stays there."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # What a person does

    def import_file(self, data: bytes, name: str, ext: str = "wav", **said: Any) -> str:
        """Drop a file onto the window; its item's id."""
        row = self._row(self._new_id(), {"name": name, **said}, ext)
        self._keep(row, data)
        return str(row["id"])

    def fill(self, count: int, **said: Any) -> None:
        """Items without files, for a long listing."""
        for number in range(count):
            row = self._row(self._new_id(), {"name": f"Item {number}", "website": f"https://x.example/{number}"}, "wav")
            self.library.items[row["id"]] = row | {"size": 1000 + number} | said

    def file_of(self, item: str) -> Path:
        row = self.library.items[item]
        return self.open / "images" / f"{item}.info" / f"{row['name']}.{row['ext']}"

    def change_file(self, item: str, data: bytes) -> None:
        """Another program writes into the file."""
        row = self.library.items[item]
        self.file_of(item).write_bytes(data)
        row |= {"size": len(data), "mtime": next(self._ticks)}

    def erase(self, item: str) -> None:
        """Delete it for good."""
        shutil.rmtree(self.open / "images" / f"{item}.info", ignore_errors=True)
        del self.library.items[item]

    def standing(self) -> list[Row]:
        """The open library's items that are not in the trash."""
        return [row for row in self.library.items.values() if not row["isDeleted"]]

    # The server

    def answer(self, call: Call) -> tuple[int, Any]:
        """HTTP status and JSON."""
        with self._lock:
            self.calls.append(call)
            self.on_call(call)
            if self.token and self.token not in (call.query.get("token"), call.body.get("token")):
                return 401, {"status": "error", "message": "Unauthorized"}
            handler = (V1 | (V2 if self.newer else {})).get(call.path)
            if handler is None:
                return 404, {"status": "error", "message": "Not found"}
            methods, do = handler
            if call.method not in methods:
                return 405, {"status": "error"}
            if call.path in self.refusals:
                return 200, {"status": "error", "message": self.refusals[call.path]}
            if call.path in self.throws:
                return 500, {"status": "error"}
            try:
                return 200, {"status": "success", "data": do(self, {**call.query, **call.body})}
            except Refusing as error:
                return 200, {"status": "error", "message": str(error)}
            except Failing:
                return 500, {"status": "error"}

    def _app(self, _: Row) -> Any:
        return {"version": "4.0.0", "build": 21}

    def _library_info(self, _: Row) -> Any:
        return {"folders": self.library.folders, "library": {"path": str(self.open), "name": self.open.stem}}

    def _switch(self, asked: Row) -> Any:
        path = Path(asked["libraryPath"])
        if path not in self.libraries:
            raise Refusing("no such library")
        self.open = path

    def _folder_list(self, _: Row) -> Any:
        return self.library.folders

    def _folder_create(self, asked: Row) -> Any:
        made = {"id": self._new_id(), "name": asked["folderName"], "children": []}
        parent = _folder(self.library.folders, asked.get("parent", ""))
        (parent["children"] if parent else self.library.folders).append(made)
        return made

    def _info(self, asked: Row) -> Any:
        self._work_off()
        if asked.get("id") not in self.library.items:
            raise Refusing("item does not exist")
        return self.library.items[asked["id"]]

    def _list(self, asked: Row) -> Any:
        self._work_off()
        limit = int(asked.get("limit", V1_LIMIT))
        start = limit * int(asked.get("offset", 0))
        rows = [row for row in self.standing() if _fits(row, asked)]
        if str(asked.get("orderBy", "")).startswith("-"):
            rows.reverse()
        return rows[start : start + limit]

    def _get(self, asked: Row) -> Any:
        self._work_off()
        wanted = asked.get("ids") or ([asked["id"]] if "id" in asked else None)
        rows = [row for row in self.library.items.values() if row["id"] in wanted] if wanted else self.standing()
        start, limit = int(asked.get("offset", 0)), min(int(asked.get("limit", V2_LIMIT)), V2_MOST)
        return {"data": rows[start : start + limit], "total": len(rows), "offset": start, "limit": limit}

    def _add_from_path(self, asked: Row) -> Any:
        folders = [asked["folderId"]] if _folder(self.library.folders, asked.get("folderId", "")) else []
        return self._enqueue(self._new_id(), asked, folders)

    def _add(self, asked: Row) -> Any:
        ids = []
        for one in asked["items"]:
            if not Path(one["path"]).is_file():
                raise Failing
            folders = [id_ for id_ in one.get("folders", []) if _folder(self.library.folders, id_)]
            ids.append(self._enqueue(one.get("id") or self._new_id(), one, folders))
        return {"ids": ids}

    def _enqueue(self, id_: str, asked: Row, folders: list[str]) -> str:
        path = Path(asked["path"])
        row = self._row(id_, asked, path.suffix[1:]) | {"folders": folders}
        self.library.queue.append((self.delay, row, str(path)))
        return id_

    def _work_off(self) -> None:
        """A look at items passes the time."""
        waiting, self.library.queue = self.library.queue, []
        for left, row, path in waiting:
            if left > 0 or not self.lands:
                self.library.queue.append((left - 1, row, path))
            elif Path(path).is_file():  # gone meanwhile: Eagle shrugs
                self._keep(row, Path(path).read_bytes())

    def _update_1(self, asked: Row) -> Any:
        if asked.get("id") not in self.library.items:
            raise Refusing("item does not exist")
        row = self.library.items[asked["id"]]
        row |= {key: asked[key] for key in ("tags", "annotation", "url", "star") if key in asked}
        return row

    def _update_2(self, asked: Row) -> Any:
        row = self.library.items.get(asked["id"])
        if row is None:
            return False
        known = ("name", "tags", "folders", "annotation", "url", "star", "isDeleted")
        row |= {key: asked[key] for key in known if key in asked}
        return row

    def _trash(self, asked: Row) -> Any:
        for id_ in asked["itemIds"]:
            if id_ in self.library.items:
                self.library.items[id_]["isDeleted"] = True

    def _row(self, id_: str, asked: Row, ext: str) -> Row:
        moment = next(self._ticks)
        return {
            "id": id_,
            "name": asked.get("name", ""),
            "ext": ext,
            "size": 0,
            "mtime": moment,
            "modificationTime": moment,
            "tags": list(asked.get("tags", [])),
            "folders": [],
            "isDeleted": False,
            "url": asked.get("website", ""),
            "annotation": asked.get("annotation", ""),
            **({"star": asked["star"]} if "star" in asked else {}),
        }

    def _keep(self, row: Row, data: bytes) -> None:
        self.library.items[row["id"]] = row
        row["size"] = len(data)
        self.file_of(row["id"]).parent.mkdir(parents=True, exist_ok=True)
        self.file_of(row["id"]).write_bytes(data)

    def _new_id(self) -> str:
        return f"K{next(self._ids):012d}"


GET: Final = ("GET",)
POST: Final = ("POST",)
Do = tuple[tuple[str, ...], Callable[[Eagle, Row], Any]]
V1: Final[dict[str, Do]] = {
    "/api/application/info": (GET, Eagle._app),
    "/api/library/info": (GET, Eagle._library_info),
    "/api/library/switch": (POST, Eagle._switch),
    "/api/folder/list": (GET, Eagle._folder_list),
    "/api/folder/create": (POST, Eagle._folder_create),
    "/api/item/info": (GET, Eagle._info),
    "/api/item/list": (GET, Eagle._list),
    "/api/item/addFromPath": (POST, Eagle._add_from_path),
    "/api/item/update": (POST, Eagle._update_1),
    "/api/item/moveToTrash": (POST, Eagle._trash),
}
V2: Final[dict[str, Do]] = {
    "/api/v2/app/info": (GET, Eagle._app),
    "/api/v2/item/get": (("GET", "POST"), Eagle._get),
    "/api/v2/item/add": (POST, Eagle._add),
    "/api/v2/item/update": (POST, Eagle._update_2),
}


def _fits(row: Row, asked: Row) -> bool:
    """Filters are contains-matches, but for the extension."""
    said = all(asked[key] in row[key] for key in ("url", "name") if key in asked)
    return said and asked.get("ext", row["ext"]) == row["ext"]


def _folder(folders: list[Row], id_: str) -> Row | None:
    for one in folders:
        if found := one if one["id"] == id_ else _folder(one["children"], id_):
            return found
    return None


class _Server(ThreadingHTTPServer):
    eagle: Eagle
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A broken connection is part of the play."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self._answer("GET", {})

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers.get("content-length") or 0))
        try:
            body = json.loads(data)
        except ValueError:
            self._send(400, {"status": "error"})
            return
        self._answer("POST", body)

    def _answer(self, method: str, body: Row) -> None:
        parts = urlsplit(self.path)
        call = Call(method=method, path=parts.path, query=dict(parse_qsl(parts.query)), body=copy.deepcopy(body))
        status, said = self.server.eagle.answer(call)
        if self.server.eagle.lost.get(call.path, 0) > 0:
            self.server.eagle.lost[call.path] -= 1
            self.close_connection = True
            self.connection.close()
            return
        self._send(status, said)

    def _send(self, status: int, said: Any) -> None:
        data = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: Any) -> None:
        """Quiet."""
