"""What the fake Notion does when it is asked: one method for every operation that it knows."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import unquote

from tests.fakes.notion_blocks import Blocks
from tests.fakes.notion_faults import Asked
from tests.fakes.notion_query import Queries, Writer
from tests.fakes.notion_schema import apply_changes, create_base, database_answer, source_answer
from tests.fakes.notion_store import BOT, Base, NotDone, Page, Refusal, Source, Store, invalid
from tests.fakes.notion_values import dashed, missing, received, run

_ID: Final = "([^/]+)"
_LISTS: Final = frozenset({"title", "rich_text", "relation", "people"})


class Answers:
    """The operations over a store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.queries = Queries(store)
        self.blocks = Blocks(store)
        self.row_limit = 0
        """Rows of one data source; 0: none."""
        routes: list[tuple[str, str, Callable[..., str]]] = [
            ("GET", "/v1/users/me", self._me),
            ("POST", "/v1/search", self._search),
            ("POST", "/v1/databases", self._create_database),
            ("GET", f"/v1/databases/{_ID}", self._database),
            ("GET", f"/v1/data_sources/{_ID}", self._source),
            ("PATCH", f"/v1/data_sources/{_ID}", self._update_source),
            ("POST", f"/v1/data_sources/{_ID}/query", self._query),
            ("POST", "/v1/pages", self._create_page),
            ("GET", f"/v1/pages/{_ID}", self._page),
            ("PATCH", f"/v1/pages/{_ID}", self._update_page),
            ("GET", f"/v1/pages/{_ID}/properties/{_ID}", self._property),
            ("GET", f"/v1/blocks/{_ID}", self._block),
            ("PATCH", f"/v1/blocks/{_ID}", self._update_block),
            ("DELETE", f"/v1/blocks/{_ID}", self._delete_block),
            ("GET", f"/v1/blocks/{_ID}/children", self._children),
            ("PATCH", f"/v1/blocks/{_ID}/children", self._append),
        ]
        self._routes = [(method, re.compile(path), answer) for method, path, answer in routes]

    def known(self, asked: Asked) -> Callable[[], str] | None:
        """What answers this request; None: nothing does."""
        for method, pattern, answer in self._routes:
            if method == asked.method and (found := pattern.fullmatch(asked.path)):
                return lambda: answer(asked, *(unquote(part) for part in found.groups()))
        return None

    # Finding things

    def base(self, id_: str) -> Base:
        """A shared database."""
        known = dashed(id_)
        if known in self.store.pages:
            raise invalid(f"Provided ID {id_} is a page, not a database. Use the retrieve page API instead.")
        base = self.store.bases.get(known)
        if base is None or not base.shared:
            raise missing("database", id_)
        return base

    def source(self, id_: str) -> Source:
        """A shared data source."""
        source = self.store.sources.get(dashed(id_))
        if source is None or not self.store.bases[source.database].shared:
            raise missing("data source", id_)
        return source

    def page(self, id_: str) -> Page:
        """A shared page, in the trash or not."""
        known = dashed(id_)
        if known in self.store.bases:
            raise invalid(f"Provided ID {id_} is a database, not a page. Use the retrieve database API instead.")
        page = self.store.pages.get(known)
        if page is None or not self.store.visible(page):
            raise missing("page", id_)
        return page

    def text(self, page: Page, only: Sequence[str] | None = None) -> str:
        """A page as it is now."""
        return Writer(self.store, self.store.source_of(page), only, now=True).text(page)

    # Users, search

    def _me(self, asked: Asked) -> str:
        limits = {"max_file_upload_size_in_bytes": 5_242_880}
        bot = {"owner": {"type": "workspace", "workspace": True}, "workspace_id": str(uuid.UUID(int=1)),
               "workspace_name": "Music", "workspace_limits": limits}  # fmt: skip
        user = {"object": "user", "id": BOT, "name": "musicsyncd", "avatar_url": None, "type": "bot", "bot": bot}
        return json.dumps(user)

    def _search(self, asked: Asked) -> str:
        words, wanted = asked.body.get("query", "").lower(), asked.body.get("filter", {}).get("value")
        found: list[str] = []
        if wanted != "page":
            found += [
                json.dumps(source_answer(self.store, one))
                for one in self.store.sources.values()
                if self.store.bases[one.database].shared and words in one.title.lower()
            ]
        if wanted != "data_source":
            found += [
                self.text(page)
                for page in self.store.pages.values()
                if self.store.visible(page) and not page.now.in_trash and words in self.title(page).lower()
            ]
        size = int(asked.body.get("page_size", 100))
        start = int(asked.body.get("start_cursor", str(uuid.UUID(int=0))).replace("-", ""), 16)
        onward = str(uuid.UUID(int=start + size)) if len(found) > start + size else None
        rest: dict[str, Any] = {"next_cursor": onward, "has_more": onward is not None, "type": "page_or_data_source",
                "page_or_data_source": {}}  # fmt: skip
        return f'{{"object": "list", "results": [{", ".join(found[start : start + size])}], {json.dumps(rest)[1:]}'

    def title(self, page: Page) -> str:
        """A page's title."""
        return "".join(one["plain_text"] for one in page.now.values.get("title") or ())

    # Databases and data sources

    def _create_database(self, asked: Asked) -> str:
        if "page_id" in asked.body["parent"]:
            self.page(asked.body["parent"]["page_id"])
        return json.dumps(database_answer(self.store, create_base(self.store, asked.body)))

    def _database(self, asked: Asked, id_: str) -> str:
        return json.dumps(database_answer(self.store, self.base(id_)))

    def _source(self, asked: Asked, id_: str) -> str:
        return json.dumps(source_answer(self.store, self.source(id_)))

    def _update_source(self, asked: Asked, id_: str) -> str:
        source = self.source(id_)
        apply_changes(self.store, source, asked.body.get("properties") or {})
        return json.dumps(source_answer(self.store, source))

    def _query(self, asked: Asked, id_: str) -> str:
        source = self.source(id_)
        return self.queries.answer(source, asked.body, self._only(source, asked))

    @staticmethod
    def _only(source: Source | None, asked: Asked) -> list[str] | None:
        """The ids of `filter_properties`, escaped or not."""
        wanted = asked.query.get("filter_properties") or asked.query.get("filter_properties[]")
        if not wanted or source is None:
            return None
        ids = {spelling: one.id for one in source.props.values() for spelling in (one.id, unquote(one.id))}
        for one in wanted:
            if one not in ids:
                raise invalid(f"Could not find property with id: {one}")
        return [ids[one] for one in wanted]

    # Pages

    @staticmethod
    def _only_does(asked: Asked, *names: str) -> None:
        if more := sorted(set(asked.body) - set(names)):
            raise NotDone(", ".join(more))

    def _create_page(self, asked: Asked) -> str:
        self._only_does(asked, "parent", "properties", "children")
        parent = asked.body.get("parent") or {}
        properties = asked.body.get("properties") or {}
        if "data_source_id" not in parent:
            return self._create_plain(parent, properties)
        source = self.source(parent["data_source_id"])
        if self.row_limit and len(source.pages) >= self.row_limit:
            raise Refusal(409, "row_limit_exceeded", "The data source has reached its limit of rows.")
        page = self.store.add_page(source, received(self.store, source, properties), BOT)
        self._body(page, asked)
        return self.text(page)

    def _create_plain(self, parent: Mapping[str, Any], properties: Mapping[str, Any]) -> str:
        if "page_id" in parent:
            self.page(parent["page_id"])
        title = [run(one["text"]["content"]) for one in properties.get("title", {}).get("title", ())]
        kind = "page_id" if "page_id" in parent else "workspace"
        page = self.store.add_page(None, {"title": title}, BOT, parent={"type": kind, **parent})
        return self.text(page)

    def _body(self, page: Page, asked: Asked) -> None:
        if children := asked.body.get("children"):
            self.blocks.append(page.id, children, {})

    def _page(self, asked: Asked, id_: str) -> str:
        page = self.page(id_)
        return self.text(page, self._only(self.store.source_of(page), asked))

    def _update_page(self, asked: Asked, id_: str) -> str:
        self._only_does(asked, "properties", "in_trash")
        page, body = self.page(id_), asked.body
        trash = body.get("in_trash", page.now.in_trash)
        if page.now.in_trash and trash:
            raise invalid("Can't edit page that is in trash. You must restore the page before editing.")
        source = self.store.source_of(page)
        properties = body.get("properties") or {}
        values = received(self.store, source, properties) if source else {}
        changed = {id_: value for id_, value in values.items() if page.now.values.get(id_) != value}
        if changed or trash != page.now.in_trash:
            self.store.change(page, BOT, values=changed, in_trash=trash)
        return self.text(page)

    def _property(self, asked: Asked, id_: str, property_id: str) -> str:
        page = self.page(id_)
        source = self.store.source_of(page)
        props = source.props.values() if source else ()
        prop = next((one for one in props if property_id in (one.id, unquote(one.id))), None)
        if prop is None:
            raise missing("property", property_id)
        return json.dumps(self.blocks.property_items(page, prop, asked, many=prop.kind in _LISTS))

    # Blocks

    def _block(self, asked: Asked, id_: str) -> str:
        return json.dumps(self.blocks.answer(self.blocks.found(id_)))

    def _update_block(self, asked: Asked, id_: str) -> str:
        return json.dumps(self.blocks.update(id_, asked.body))

    def _delete_block(self, asked: Asked, id_: str) -> str:
        return json.dumps(self.blocks.delete(id_))

    def _children(self, asked: Asked, id_: str) -> str:
        return json.dumps(self.blocks.children(id_, asked))

    def _append(self, asked: Asked, id_: str) -> str:
        made = self.blocks.append(id_, asked.body["children"], asked.body.get("position") or {})
        return json.dumps(self.blocks.listed(made, None))
