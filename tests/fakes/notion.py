"""Notion on the loopback: version 2026-03-11 of its API with a workspace that stays, and with its bad days.

Every request is held against Notion's own document in `tests/contracts`; what breaks it is answered with 400 and kept
in `faults`, which tests assert to be empty. What only the live schema forbids (a property that a person renamed, a
value of another kind) is answered as Notion does and kept in `refusals`.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Final, Self

from tests.fakes.notion_answers import Answers
from tests.fakes.notion_faults import Answer, Asked, Fault, Faults, Limiter, Where, rate_limited, refused
from tests.fakes.notion_http import Server
from tests.fakes.notion_rules import contract
from tests.fakes.notion_schema import remove, rename
from tests.fakes.notion_store import PERSON, Base, NotDone, Page, Prop, Refusal, Source, Store
from tests.fakes.notion_values import plain, typed

VERSION: Final = "2026-03-11"
TOKEN: Final = "ntn_" + "fake0token1of2tests3" * 2

PAYLOAD: Final = 500_000


@dataclass(frozen=True)
class Database:
    """A database of one data source, by its two ids."""

    id: str
    data_source_id: str
    title: str


@dataclass(frozen=True)
class Row:
    """A page as a person sees it."""

    id: str
    values: Mapping[str, Any]
    """Plain values by property name; what was never set is None, "" or empty."""
    in_trash: bool = False
    created: float = 0.0
    edited: float = 0.0

    def __getitem__(self, name: str) -> Any:
        return self.values[name]


@dataclass(frozen=True)
class Served:
    """A request with its answer."""

    asked: Asked
    status: int
    """0: none was sent."""
    fault: str = ""
    """The kind of bad day that it met."""
    applied: bool = True
    """Whether the workspace took it."""

    @property
    def method(self) -> str:
        return self.asked.method

    @property
    def path(self) -> str:
        return self.asked.path

    @property
    def body(self) -> Any:
        return self.asked.body

    @property
    def at(self) -> float:
        return self.asked.at


def _spoilt(fault: Fault | None, done: Answer | None) -> Answer:
    """The answer of a bad day; one that breaks in the middle breaks in the middle of the truth."""
    assert fault is not None
    bad = fault.answer()
    return replace(bad, text=done.text) if done and bad.how == "cut" else bad


class NotionFake:
    """The service in a thread of its own, as a context manager; usable from any thread.

    `clock` gives seconds of wall time (of a ManualClock: `lambda: clock.now().timestamp()`). It listens inside `with`,
    from which on `url` stays the same; what it holds outlives its door and the daemons that ask it.
    """

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.token = TOKEN
        self.lock = threading.RLock()
        self.store = Store(lambda: self.clock())
        self.answers = Answers(self.store)
        self.limiter = Limiter(lambda: self.clock())
        self.bad_days = Faults()
        self.requests: list[Served] = []
        self.faults: list[str] = []
        """Requests that break Notion's document or its fixed limits."""
        self.refusals: list[str] = []
        """Requests that the workspace as it is refused."""
        self.denied: set[str] = set()
        """Capabilities that the connection lacks: read, insert, update."""
        self.latency = 0.0
        """Real seconds before each answer."""
        self._server = Server(self.serve)

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop()

    @property
    def url(self) -> str:
        """What `base_url` is set to."""
        return self._server.url

    def close_door(self) -> None:
        """Nobody is there: connections break, and new ones are refused."""
        self._server.stop()

    def open_door(self) -> None:
        """There again, at the same address, with all that it held."""
        self._server.start()

    # What people do in the workspace

    def database(
        self, title: str, properties: Mapping[str, Any], *, parent: dict[str, Any] | None = None, full: bool = False
    ) -> Database:
        """A database; a property is its kind, or `(kind, options or target database)`."""
        with self.lock:
            base = self.store.add_base(title, parent)
            source = self.store.sources[base.sources[0]]
            for name, told in properties.items():
                self._add_property(source, name, told)
            source.full = full
            return Database(base.id, source.id, title)

    def add_property(self, data_source: Database | str, name: str, told: Any) -> None:
        """As in `database`."""
        with self.lock:
            self._add_property(self._source(data_source), name, told)

    def _add_property(self, source: Source, name: str, told: Any) -> None:
        kind, more = told if isinstance(told, tuple) else (told, None)
        if kind == "relation":
            self.store.add_property(source, name, kind, target=self._source(more or source.id).id)
        else:
            self.store.add_property(source, name, kind, options=more or ())

    def second_source(self, database: Database, title: str) -> str:
        """One more data source in a database; its id."""
        with self.lock:
            source = self.store.add_source(self.store.bases[database.id], title)
            self.store.add_property(source, "Name", "title")
            return source.id

    def row(self, data_source: Database | str, values: Mapping[str, Any] | None = None, **more: Any) -> str:
        """A person makes a row of plain values; its id."""
        with self.lock:
            source = self._source(data_source)
            return self.store.add_page(source, self._typed(source, {**(values or {}), **more}), PERSON).id

    def edit(self, page: str, values: Mapping[str, Any] | None = None, **more: Any) -> None:
        """A person types plain values."""
        with self.lock:
            held = self.store.pages[page]
            source = self.store.sources[held.now.source]
            self.store.change(held, PERSON, values=self._typed(source, {**(values or {}), **more}))

    def trash(self, page: str, *, restore: bool = False) -> None:
        """A person throws a page away, or takes it back."""
        with self.lock:
            self.store.change(self.store.pages[page], PERSON, in_trash=not restore)

    def move(self, page: str, to: Database | str) -> None:
        """A person moves a row; values go along by the names of properties of the same kind."""
        with self.lock:
            held, target = self.store.pages[page], self._source(to)
            source = self.store.sources[held.now.source]
            values = {there.id: held.now.values.get(one.id) for one in source.props.values()
                      if (there := target.props.get(one.name)) and there.kind == one.kind}  # fmt: skip
            if page not in target.pages:  # it may have been there before
                target.pages.append(page)
            self.store.change(held, PERSON, source=target.id, values=values)

    def rename_property(self, data_source: Database | str, name: str, new: str) -> None:
        """A person renames a property; its id and values stay."""
        with self.lock:
            rename(self._source(data_source), name, new)

    def delete_property(self, data_source: Database | str, name: str) -> None:
        """A person removes a property."""
        with self.lock:
            remove(self._source(data_source), name)

    def retype_property(self, data_source: Database | str, name: str, told: Any) -> None:
        """A person makes it of another kind; the values are lost."""
        with self.lock:
            source = self._source(data_source)
            order = list(source.props)
            remove(source, name)
            self._add_property(source, name, told)
            source.props = {one: source.props[one] for one in order}

    def fill_schema(self, data_source: Database | str, *, full: bool = True) -> None:
        """The schema is at its size limit: no option and no property can be added."""
        with self.lock:
            self._source(data_source).full = full

    def share(self, database: Database, *, shared: bool = True) -> None:
        """A person shares a database with the connection, or no longer."""
        with self.lock:
            self.store.bases[database.id].shared = shared

    # What is there

    def pages(self, data_source: Database | str, *, trashed: bool | None = False) -> list[Row]:
        """The rows as they are now, the oldest first; `trashed=None`: all."""
        with self.lock:
            source = self._source(data_source)
            return [self._row(source, page) for page, version in self.store.rows(source)
                    if trashed is None or version.in_trash == trashed]  # fmt: skip

    def page(self, id_: str) -> Row:
        """One row as it is now."""
        with self.lock:
            page = self.store.pages[id_]
            return self._row(self.store.sources[page.now.source], page)

    def page_json(self, id_: str) -> dict[str, Any]:
        """One page as Notion would answer it."""
        with self.lock:
            found: dict[str, Any] = json.loads(self.answers.text(self.store.pages[id_]))
            return found

    def options(self, data_source: Database | str, name: str) -> list[str]:
        """The options of a select, multi-select or status."""
        with self.lock:
            return [one.name for one in self._source(data_source).props[name].options]

    def body(self, page: str) -> list[dict[str, Any]]:
        """The blocks of a page's body."""
        with self.lock:
            blocks = (self.store.blocks[id_] for id_ in self.store.pages[page].children)
            return [self.answers.blocks.answer(one) for one in blocks if not one.in_trash]

    def _row(self, source: Source, page: Page) -> Row:
        now = page.now
        values = {one.name: plain(one, now.values.get(one.id)) for one in source.props.values()}
        return Row(page.id, values, now.in_trash, page.created, now.edited)

    def _source(self, data_source: Database | str) -> Source:
        return self.store.sources[data_source if isinstance(data_source, str) else data_source.data_source_id]

    def _typed(self, source: Source, values: Mapping[str, Any]) -> dict[str, Any]:
        return {(prop := source.props[name]).id: typed(self.store, prop, value) for name, value in values.items()}

    # Bad days

    @property
    def lag(self) -> float:
        """Seconds until a query sees what was written."""
        return self.store.lag

    @lag.setter
    def lag(self, seconds: float) -> None:
        self.store.lag = seconds

    @property
    def limit(self) -> float:
        """Requests a second that are served (after a burst of `limiter.burst`); 0: any number."""
        return self.limiter.rate

    @limit.setter
    def limit(self, rate: float) -> None:
        self.limiter.rate = rate

    def fail(self, kind: int | str, *, times: float = 1, share: float = 0.0, where: Where | None = None,
             retry_after: float = 1, reason: str = "space_request_rate_limit") -> Fault:  # fmt: skip
        """The next `times` requests that fit (or a share of all) meet a bad day.

        Kinds: a status (429, 529, 409, 500, 502 as HTML, 503, 504 …), html (a page with 200), drop, cut (in the middle
        of the answer), timeout, row_limit, block_limit; with `applied_` before it the request is carried out first.
        """
        fault = Fault(str(kind), float("inf") if share and times == 1 else times, share, where or (lambda asked: True),
                      retry_after, reason)  # fmt: skip
        with self.lock:
            return self.bad_days.add(fault)

    def asked(self, method: str = "", path: str = "") -> list[Served]:
        """The requests with that method whose path contains that."""
        with self.lock:
            return [one for one in self.requests if method in ("", one.method) and path in one.path]

    # Serving

    def serve(self, asked: Asked, headers: Mapping[str, str]) -> Answer:
        """The answer to one request, in any thread."""
        if self.latency:
            time.sleep(self.latency)
        with self.lock:
            asked = replace(asked, at=self.clock(), version=headers.get("notion-version", ""))
            fault = self.bad_days.pick(asked)
            done = self._answer(asked, headers) if fault is None or fault.applied else None
            applied = done is not None and done.status < 400
            answer = done if done and (fault is None or not applied) else _spoilt(fault, done)
            status = answer.status if answer.how in {"send", "cut"} else 0
            self.requests.append(Served(asked, status, fault.kind if fault else "", applied))
            return answer

    def _answer(self, asked: Asked, headers: Mapping[str, str]) -> Answer:
        if wait := self.limiter.delay():
            return rate_limited(wait, "connection_rate_limit")
        if headers.get("authorization") != f"Bearer {self.token}":
            return refused(401, "unauthorized", "API token is invalid.")
        if not asked.version:
            self.faults.append(f"{asked.method} {asked.path}: no Notion-Version")
            return refused(400, "missing_version", "Notion-Version header should be defined.")
        if faults := self._broken(asked, int(headers.get("content-length") or 0)):
            self.faults += [f"{asked.method} {asked.path}: {fault}" for fault in faults]
            return refused(400, "validation_error", "; ".join(faults))
        return self._done(asked)

    @staticmethod
    def _broken(asked: Asked, size: int) -> list[str]:
        """What breaks the document or a fixed limit."""
        if asked.version != VERSION:
            return [f"Notion-Version {asked.version} is not {VERSION}"]
        query = {name.removesuffix("[]"): value for name, value in asked.query.items()}
        faults = contract().faults(asked.method, asked.path, query, asked.body)
        body = asked.body if isinstance(asked.body, Mapping) else {}
        if body.get("page_size", 1) > 100 or int(asked.query.get("page_size", ["1"])[0]) > 100:
            faults.append("body failed validation: body.page_size should be ≤ `100`.")
        if size > PAYLOAD:
            faults.append(f"body is too large: {size} bytes, the limit is {PAYLOAD}.")
        if "database_id" in (body.get("parent") or {}):
            faults.append("body failed validation: body.parent.data_source_id should be defined.")
        return faults

    def _done(self, asked: Asked) -> Answer:
        operation = self.answers.known(asked)
        if operation is None:
            self.faults.append(f"{asked.method} {asked.path}: the fake does not do this")
            return refused(400, "invalid_request_url", "Invalid request URL.")
        need = "read" if not asked.writes else "insert" if asked.method == "POST" else "update"
        if need in self.denied:
            return refused(403, "restricted_resource", "API token does not have the capability for this request.")
        try:
            return Answer(200, operation())
        except Refusal as refusal:
            told = self.faults if isinstance(refusal, NotDone) else self.refusals
            told.append(f"{asked.method} {asked.path}: {refusal.message}")
            return refused(refusal.status, refusal.code, refusal.message)
        except Exception as error:  # noqa: BLE001 - the test has to learn of it, whatever it is
            self.faults.append(f"{asked.method} {asked.path}: the fake failed: {error!r}")
            return refused(500, "internal_server_error", repr(error))


__all__ = ["TOKEN", "VERSION", "Asked", "Base", "Database", "NotionFake", "Prop", "Row", "Served"]
