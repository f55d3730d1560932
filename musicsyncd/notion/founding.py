"""Makes a set of databases below a page. What is there is known by its title, and is neither made nor changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from musicsyncd.clock import Clock
from musicsyncd.errors import BadInput
from musicsyncd.notion.client import Notion
from musicsyncd.notion.errors import Ambiguous
from musicsyncd.notion.fields import DATABASES
from musicsyncd.notion.fresh import ON, SCHEDULES, TITLES, properties
from musicsyncd.notion.schema import Schema, discovered, resolved
from musicsyncd.notion.values import Property, Unfit, from_property, new_options, to_property

NAMED: Final = 5
"""Pages that are named where one has to be chosen."""


@dataclass(frozen=True, kw_only=True)
class Founded:
    """One database of the set."""

    kind: str
    id: str
    title: str
    made: bool
    """Whether it was made now."""
    rows: int = 0
    """Rows that were made in it now."""


async def only_page(notion: Notion) -> str:
    """The page that is shared with the connection, where there is one and no more; BadInput otherwise."""
    found = (await notion.search(kind="page")).get("results", ())
    pages = [one for one in found if (one.get("parent") or {}).get("type") in ("workspace", "page_id")]
    if len(pages) == 1:
        return str(pages[0]["id"])
    fix = "Name one: musicsyncctl catalog init PAGE (its address, or its id)"
    if not pages:
        why = "No page is shared with the connection"
        raise BadInput(
            "Nobody says where the databases are to be", why=why, fix="Share one in Notion: ••• > Connections"
        )
    named = ", ".join(f"{_title(one)!r} ({one['id']})" for one in pages[:NAMED])
    raise BadInput("Nobody says where the databases are to be", why=f"Several pages are shared: {named}", fix=fix)


async def found(notion: Notion, page: str, clock: Clock, lag: float) -> list[Founded]:
    """The whole set below a page: what is missing of it is made, and what stands stays as it is.

    It may raise Ambiguous where an answer is lost: asked again, it goes on from there. `lag` is how many seconds a
    query may be behind.
    """
    there = await _there(notion, page)
    made: list[Founded] = []
    schemas: dict[str, Schema] = {}
    for kind, title in TITLES.items():
        new = title not in there
        id_ = await _made(notion, page, kind, schemas) if new else there[title]
        schemas[kind] = await discovered(notion, id_)
        made.append(Founded(kind=kind, id=id_, title=title, made=new))
    rows = await _scheduled(notion, schemas["config"], clock, 0.0 if made[-1].made else lag)
    return [*made[:-1], replace(made[-1], rows=rows)]


async def _there(notion: Notion, page: str) -> dict[str, str]:
    """The databases right below the page, by title; the first of each."""
    blocks = [one for one in await notion.children(page) if one.get("type") == "child_database"]
    named = [(str((one.get("child_database") or {}).get("title") or "").strip(), str(one["id"])) for one in blocks]
    return dict(reversed(named))


async def _made(notion: Notion, page: str, kind: str, schemas: Mapping[str, Schema]) -> str:
    sources = {name: one.data_source for name, one in schemas.items()}
    try:
        return str((await notion.create_database(page, TITLES[kind], properties(kind, sources)))["id"])
    except Ambiguous:
        there = await _there(notion, page)
        if TITLES[kind] not in there:
            raise
        return there[TITLES[kind]]


async def _scheduled(notion: Notion, schema: Schema, clock: Clock, lag: float) -> int:
    """Make the rows of schedules that are missing; how many. What is not there may have been made just now."""
    missing = await _missing(notion, schema)
    if missing and lag:
        await clock.sleep(lag)
        missing = await _missing(notion, schema)
    props = resolved(schema, DATABASES["config"], {})
    for row in missing:
        shown = {props[name].name: _value(props[name], value) for name, value in {**ON, **row}.items() if name in props}
        await notion.create_page(schema.data_source, {name: value for name, value in shown.items() if value})
    return len(missing)


def _value(prop: Property, value: Any) -> dict[str, Any] | None:
    """None for what the property cannot hold as it is: no option is added to one."""
    try:
        return None if new_options(prop, value) else to_property(prop, value)
    except Unfit:
        return None


async def _missing(notion: Notion, schema: Schema) -> list[Mapping[str, Any]]:
    names = {_title(one).strip().casefold() async for one in notion.rows(schema.data_source)}
    return [row for row in SCHEDULES if row["title"] not in names]


def _title(page: Mapping[str, Any]) -> str:
    shown = (page.get("properties") or {}).values()
    return next((str(from_property(one) or "") for one in shown if one.get("type") == "title"), "")
