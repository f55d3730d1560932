"""Notion's API through notion_client, without what that does by itself: it neither waits nor tries again here.

Every question waits its turn: a person's before the backlog's, then in the order of asking. What Notion says about
being asked too often holds for all. notion_client and httpx are imported with the first question.
"""

from __future__ import annotations

import hashlib
import logging
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote
from uuid import UUID

import anyio

from musicsyncd.clock import Clock
from musicsyncd.errors import BadInput, MusicsyncError, Temporary
from musicsyncd.http.budget import Budget, Pace, too_fast
from musicsyncd.http.budgets import Budgets
from musicsyncd.http.client import HttpOptions, TooLarge, bounded, open_session
from musicsyncd.notion.errors import BUSY, Gone, Heard, Incomplete, NotAllowed, heard, translated
from musicsyncd.notion.gate import URGENCY as URGENCY
from musicsyncd.notion.gate import Gate
from musicsyncd.notion.gate import Urgency as Urgency
from musicsyncd.notion.section import NotionSection

if TYPE_CHECKING:
    from notion_client import AsyncClient

_log: Final = logging.getLogger(__name__)  # not structlog, which in a command would write on stdout

TRIES: Final = 4
"""Of a question that was not taken up, or that may be asked twice without harm."""
CONFLICT: Final = 0.5
"""Seconds, at most, before a question is put again that met another's writing; each further time twice as long."""
LARGEST: Final = 32 * 1024**2
"""Bytes of one answer; a hundred full rows take some two million."""
MOST: Final = 100
"""Rows or blocks on one page of an answer."""
OF_DATABASES: Final = frozenset({"database", "data_source", "query", "create_page"})
"""Kinds of questions whose 404 says that a whole database is not there, or not for this connection."""

Answer = dict[str, Any]
"""An object of Notion's, as JSON."""
Call = Callable[[Any], Awaitable[Any]]


def service(section: NotionSection) -> str:
    """What the budget of one connection is called: another token has not used up what this one had."""
    token = section.token.get_secret_value()
    return f"Notion (connection {hashlib.sha256(token.encode()).hexdigest()[:8]})" if token else "Notion"


def pace(section: NotionSection) -> Pace:
    """A few may go at once. Whoever would wait longer than some seconds comes again later."""
    return Pace(rate=section.requests_per_second, burst=3, patience=5.0, trips=6, rest=15.0)


async def open_notion(section: NotionSection, budgets: Budgets, options: HttpOptions, clock: Clock) -> Notion:
    """The one client of a connection, with the budget that outlives the process."""
    return Notion(section, await budgets.of(service(section), pace(section)), options, clock)


class Notion:
    """Asks Notion; shared by all who do. `close` it at the end."""

    def __init__(self, section: NotionSection, budget: Budget, options: HttpOptions, clock: Clock) -> None:
        """`budget` is the connection's; `options` how other machines are reached."""
        self._section, self._budget, self._options, self._clock = section, budget, options, clock
        self._gate = Gate(budget)
        self._client: AsyncClient | None = None
        self._opening = anyio.Lock()
        self.counts: Counter[str] = Counter()
        """Questions that went out, by kind, since the start."""
        self.on_doubt: Callable[[], None] = lambda: None
        """Called when the token or a database is not, any more, what the settings take it for, or nobody answers."""

    @property
    def name(self) -> str:
        """What errors call it."""
        return self._budget.name

    @property
    def waiting(self) -> int:
        """How many questions wait for their turn."""
        return self._gate.waiting

    @property
    def rest(self) -> float:
        """Seconds for which Notion is still to be left alone."""
        return self._budget.rest

    # What can be asked. Each raises Temporary (with the delay that Notion asked for), Gone, NotAllowed, Refused,
    # RowLimit or BlockLimit; those that write also Ambiguous, when nobody knows whether it was done.

    async def me(self) -> Answer:
        """The connection itself, as a user."""
        return await self._ask("me", lambda client: client.users.me())

    async def database(self, database_id: str) -> Answer:
        """A database: its title and its data sources."""
        one = _id(database_id)
        return await self._ask("database", lambda client: client.databases.retrieve(one))

    async def data_source(self, data_source_id: str) -> Answer:
        """A data source: its properties."""
        one = _id(data_source_id)
        return await self._ask("data_source", lambda client: client.data_sources.retrieve(one))

    async def query(
        self,
        data_source_id: str,
        *,
        filter: Mapping[str, Any] | None = None,  # noqa: A002  Notion's own word
        sorts: Sequence[Mapping[str, Any]] | None = None,
        in_trash: bool = False,
        start_cursor: str | None = None,
        page_size: int = MOST,
        filter_properties: Sequence[str] | None = None,
    ) -> Answer:
        """One page of rows. `filter_properties` are ids of the properties that are wanted."""
        one = _id(data_source_id)
        asked = _given(
            filter=filter,
            sorts=list(sorts) if sorts else None,
            in_trash=in_trash or None,
            start_cursor=start_cursor,
            page_size=page_size,
            # as they come they are quoted for an address, and httpx would do it again
            filter_properties=[unquote(name) for name in filter_properties] if filter_properties else None,
        )
        return await self._ask("query", lambda client: client.data_sources.query(one, **asked))

    async def rows(self, data_source_id: str, **asked: Any) -> AsyncIterator[Answer]:
        """Every row of one query (`query`), page by page.

        Raises Incomplete behind the last row that Notion gives, where there are more than it gives for one query.
        """
        cursor: str | None = None
        while True:
            answer = await self.query(data_source_id, start_cursor=cursor, **asked)
            for row in answer.get("results", ()):
                yield row
            if (answer.get("request_status") or {}).get("type") == "incomplete":
                raise Incomplete("Notion gives no more rows for one query", why="The database is larger than its limit")
            if not (cursor := _onward(answer, cursor)):
                return

    async def search(self, words: str = "", *, kind: str = "data_source", page_size: int = MOST) -> Answer:
        """What is shared with the connection: data sources, or pages."""
        asked = _given(query=words or None, filter={"property": "object", "value": kind}, page_size=page_size)
        return await self._ask("search", lambda client: client.search(**asked))

    async def page(self, page_id: str) -> Answer:
        """A page as it stands now, which a query may be some seconds behind."""
        one = _id(page_id)
        return await self._ask("page", lambda client: client.pages.retrieve(one))

    async def property_items(self, page_id: str, property_id: str) -> list[Answer]:
        """All parts of one property, of which a page shows the first 25."""
        one, name = _id(page_id), quote(property_id, safe="%")
        return await self._all(
            "property_items", lambda client, **asked: client.pages.properties.retrieve(one, name, **asked)
        )

    async def children(self, block_id: str) -> list[Answer]:
        """All blocks right below a page or block."""
        one = _id(block_id)
        return await self._all("children", lambda client, **asked: client.blocks.children.list(one, **asked))

    async def create_page(
        self, data_source_id: str, properties: Mapping[str, Any], children: Sequence[Answer] | None = None
    ) -> Answer:
        """A new row, with the blocks of its body."""
        asked = _given(
            parent={"type": "data_source_id", "data_source_id": _id(data_source_id)},
            properties=dict(properties),
            children=list(children) if children else None,
        )
        return await self._ask("create_page", lambda client: client.pages.create(**asked), write=True)

    async def update_page(
        self, page_id: str, *, properties: Mapping[str, Any] | None = None, in_trash: bool | None = None
    ) -> Answer:
        """Write some properties, or move the page into the trash or back."""
        one = _id(page_id)
        asked = _given(properties=dict(properties) if properties else None, in_trash=in_trash)
        return await self._ask("update_page", lambda client: client.pages.update(one, **asked), write=True)

    async def append_children(
        self, block_id: str, children: Sequence[Answer], *, after: str | None = None, at_start: bool = False
    ) -> Answer:
        """Put blocks (at most a hundred) at the end, at the start, or behind another block."""
        one, position = _id(block_id), _position(after, at_start)
        asked = _given(children=list(children), position=position)
        return await self._ask(
            "append_children", lambda client: client.blocks.children.append(one, **asked), write=True
        )

    async def delete_block(self, block_id: str) -> Answer:
        """Move a block into the trash."""
        one = _id(block_id)
        return await self._ask("delete_block", lambda client: client.blocks.delete(one), write=True)

    async def create_database(self, page_id: str, title: str, properties: Mapping[str, Any]) -> Answer:
        """A new database below a page."""
        asked: dict[str, Any] = {
            "parent": {"type": "page_id", "page_id": _id(page_id)},
            "title": [{"type": "text", "text": {"content": title}}],
            "initial_data_source": {"properties": dict(properties)},
        }
        return await self._ask("create_database", lambda client: client.databases.create(**asked), write=True)

    async def close(self) -> None:
        """Let go of the connections."""
        if self._client is not None:
            client, self._client = self._client, None
            await client.aclose()

    async def _all(self, kind: str, call: Callable[..., Awaitable[Any]]) -> list[Answer]:
        """Every page of a list."""
        found: list[Answer] = []
        cursor: str | None = None
        while True:
            asked = _given(start_cursor=cursor, page_size=MOST)
            answer = await self._ask(kind, partial(call, **asked))
            if answer.get("object") != "list":  # a property that has one part only
                return [answer]
            found += answer.get("results", ())
            if not (cursor := _onward(answer, cursor)):
                return found

    async def _ask(self, kind: str, call: Call, *, write: bool = False) -> Answer:
        """One question, in its turn; put again where that does no harm."""
        client = await self._opened()
        for left in reversed(range(TRIES)):
            await self._gate.turn(URGENCY.get())
            self.counts[kind] += 1
            try:
                answer = await self._once(call, client)
            except _troubles() as error:
                failed = await self._told(kind, error, write)
                if not left or not self._worth_another(error, failed, write):
                    if self._is_doubtful(kind, failed):
                        self.on_doubt()
                    raise failed from error
                await self._step_back(heard(error).status, TRIES - 1 - left)
                continue
            except BaseException:
                self._budget.dropped()
                raise
            await self._budget.answered(200, {})
            return answer
        raise AssertionError("the last try returns or raises")

    def _is_doubtful(self, kind: str, failed: MusicsyncError) -> bool:
        """Whether that was about more than this one question."""
        away = self._budget.rest > self._budget.pace.patience
        return away or isinstance(failed, NotAllowed) or (isinstance(failed, Gone) and kind in OF_DATABASES)

    async def _step_back(self, status: int, times: int) -> None:
        """Let somebody else finish writing."""
        if status == 409:
            await self._clock.sleep(random.uniform(0.5, 1.0) * CONFLICT * 2**times)  # noqa: S311  no secret

    async def _once(self, call: Call, client: AsyncClient) -> Answer:
        with anyio.fail_after(4 * self._section.timeout):  # a byte now and then overruns no timeout of a single read
            answer = await call(client)
        if not isinstance(answer, dict):
            raise ValueError("an answer that is no object")  # like one that is no JSON
        return answer

    async def _told(self, kind: str, error: Exception, write: bool) -> MusicsyncError:
        """Tell the budget; what it means for whoever asked."""
        said = heard(error)
        if said.status:
            await self._answered(said.status, said.headers)
        elif isinstance(translated(error), BadInput):
            self._budget.dropped()
        else:
            await self._budget.failed(error)
        level = logging.INFO if said.status in (400, 404) else logging.WARNING
        _log.log(level, "Notion: %s", " ".join(filter(None, _said(said))))
        away = said.status < 300 or said.status in BUSY or said.status >= 500
        what = f"{self.name} cannot be asked" if away else f"Notion does not do this ({kind.replace('_', ' ')})"
        return translated(error, what=what, write=write, delay=self._budget.rest or None)

    async def _answered(self, status: int, headers: Mapping[str, str]) -> None:
        await self._budget.answered(status, headers)
        if status == 529 and not self._budget.rest:  # and it did not say for how long
            await self._budget.asked_to_rest(too_fast(self._budget.standing, self._budget.pace), "It is overloaded")

    def _worth_another(self, error: Exception, failed: MusicsyncError, write: bool) -> bool:
        """Whether to put the question again at once: not where Notion wants to be left alone for longer."""
        if not isinstance(failed, Temporary) or self._budget.rest > self._budget.pace.patience:
            return False
        return not write or heard(error).status in (409, 429, 529)

    async def _opened(self) -> AsyncClient:
        async with self._opening:
            if self._client is None:
                self._client = await anyio.to_thread.run_sync(self._made)
            return self._client

    def _made(self) -> AsyncClient:
        """Never entered with `async with`, which would put another httpx client in the place of ours."""
        from notion_client import AsyncClient

        session = open_session(self._options)
        session.event_hooks = {"response": [bounded(LARGEST)]}
        quiet = logging.getLogger("musicsyncd.notion.vendor")  # else each client adds a handler, and lines double
        return AsyncClient(
            client=session,
            auth=self._section.token.get_secret_value(),
            base_url=self._section.base_url,
            notion_version=self._section.version,
            timeout_ms=max(1, round(self._section.timeout * 1000)),
            retry=False,
            logger=quiet,
            log_level=logging.CRITICAL,
        )


def _troubles() -> tuple[type[Exception], ...]:
    """What asking may raise; anything else is a mistake of ours. ValueError: an answer that is no JSON."""
    import httpx  # noqa: TID251  notion_client lets its errors through
    from notion_client.errors import NotionClientErrorBase

    return NotionClientErrorBase, httpx.HTTPError, httpx.InvalidURL, TooLarge, OSError, ValueError


def _given(**asked: Any) -> dict[str, Any]:
    """What is not None: notion_client would send null."""
    return {name: value for name, value in asked.items() if value is not None}


def _id(text: str) -> str:
    """An id that can stand in an address; BadInput for any other text."""
    try:
        return str(UUID(text))
    except (ValueError, AttributeError, TypeError) as error:
        raise BadInput(f"{str(text)[:40]!r} is no id of Notion's") from error


def _said(said: Heard) -> tuple[str, ...]:
    """For the log: codes and names, not Notion's words, in which a row's content may stand."""
    status = str(said.status) if said.status else said.trouble
    return status, said.code, said.reason, said.request and f"request {said.request}", said.ray and f"ray {said.ray}"


def _position(after: str | None, at_start: bool) -> dict[str, Any] | None:
    if after:
        return {"type": "after_block", "after_block": {"id": _id(after)}}
    return {"type": "start"} if at_start else None


def _onward(answer: Answer, before: str | None) -> str | None:
    """The next page's cursor; Temporary where Notion leads in a circle."""
    if not answer.get("has_more"):
        return None
    cursor = answer.get("next_cursor")
    if not isinstance(cursor, str) or cursor == before:
        raise Temporary("Notion's list has no end", why="It names no next page and says that there is one")
    return cursor
