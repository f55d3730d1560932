"""A database's properties as they are live: which there are, of which type, and which of them hold which field."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import anyio

from musicsyncd.clock import Clock
from musicsyncd.errors import NeedsPerson
from musicsyncd.notion.client import Notion
from musicsyncd.notion.errors import Gone, Refused
from musicsyncd.notion.fields import Field
from musicsyncd.notion.values import Property, from_property


class NotADatabase(NeedsPerson):
    """The id is that of something else in Notion."""

    def as_dict(self) -> dict[str, Any]:
        """Elsewhere it is what needs a person."""
        return super().as_dict() | {"class": "NeedsPerson"}


class IsDataSource(NotADatabase):
    """The id is that of a data source."""


class SeveralDataSources(NotADatabase):
    """The database has not exactly one data source, and nobody guesses which is meant."""


@dataclass(frozen=True, kw_only=True)
class Schema:
    """One database and its only data source."""

    database: str
    data_source: str
    title: str
    properties: Mapping[str, Property]
    """By name."""

    @property
    def title_property(self) -> Property | None:
        """The one property that is the row's title."""
        return next((one for one in self.properties.values() if one.type == "title"), None)


async def discovered(notion: Notion, database_id: str) -> Schema:
    """What Notion says of a database.

    Raises what the client raises; IsDataSource, NotADatabase or SeveralDataSources for an id that is not that of a
    database with one data source.
    """
    try:
        database = await notion.database(database_id)
    except (Gone, Refused):
        await _is_something_else(notion, database_id)
        raise
    title = from_property({"type": "title", "title": database.get("title")}) or "untitled"
    sources = database.get("data_sources") or []
    if len(sources) != 1:
        raise _not_one(title, sources)
    return parsed(await notion.data_source(sources[0]["id"]), database=database_id, title=title)


def parsed(source: Mapping[str, Any], *, database: str, title: str) -> Schema:
    """The schema that a data source's JSON holds."""
    properties = (_property(name, one) for name, one in source.get("properties", {}).items())
    return Schema(
        database=database,
        data_source=str(source["id"]),
        title=title,
        properties={one.name: one for one in properties},
    )


def resolved(schema: Schema, fields: Mapping[str, Field], overrides: Mapping[str, str]) -> dict[str, Property]:
    """The property of each field that the schema has; a field without one is left out.

    A person's name for it counts alone. Else the first known name that is there with a fitting type, as it is spelled,
    then whatever its case and outer blanks; else one of another type, unless it holds another field. The title is known
    by its type.
    """
    found = {name: _found(schema, name, field, overrides.get(name), fitting=True) for name, field in fields.items()}
    taken = {one.name for one in found.values() if one}
    for name, field in fields.items():
        other = None if found[name] else _found(schema, name, field, overrides.get(name), fitting=False)
        if other and other.name not in taken:
            found[name] = other
    return {name: one for name, one in found.items() if one is not None}


class Schemas:
    """Asks for each schema once in a while."""

    def __init__(self, notion: Notion, clock: Clock, ttl: float) -> None:
        """`ttl` is in seconds."""
        self._notion, self._clock, self._ttl = notion, clock, ttl
        self._known: dict[str, tuple[float, Schema]] = {}
        self._asking = anyio.Lock()

    async def of(self, database_id: str) -> Schema:
        """The schema, at most `ttl` old; raises as `discovered`."""
        async with self._asking:
            since, schema = self._known.get(database_id, (0.0, None))
            if schema is None or self._clock.monotonic() - since >= self._ttl:
                schema = await discovered(self._notion, database_id)
                self._known[database_id] = (self._clock.monotonic(), schema)
            return schema

    def forget(self, database_id: str = "") -> None:
        """Believe nothing of it any more (of any, without an id): Notion refused what fits the schema that we know."""
        if database_id:
            self._known.pop(database_id, None)
        else:
            self._known.clear()


def _property(name: str, one: Mapping[str, Any]) -> Property:
    kind = str(one.get("type", ""))
    more = one.get(kind)
    more = more if isinstance(more, dict) else {}
    return Property(
        name=name,
        id=str(one.get("id", "")),
        type=kind,
        options=tuple(str(option["name"]) for option in more.get("options") or ()),
        relation_data_source=str(more.get("data_source_id") or "") if kind == "relation" else "",
    )


def _found(schema: Schema, name: str, field: Field, override: str | None, *, fitting: bool) -> Property | None:
    if name == "title" and not override:
        return schema.title_property
    names = (override,) if override else field.names
    there = [schema.properties[one] for one in names if one in schema.properties]
    there += [found for one in names if (found := _named(schema, one))]
    return next((one for one in there if one.type in field.kinds or not fitting), None)


def _named(schema: Schema, name: str) -> Property | None:
    """Whatever the case and the outer blanks."""
    plain = name.strip().casefold()
    return next((one for one in schema.properties.values() if one.name.strip().casefold() == plain), None)


async def _is_something_else(notion: Notion, some_id: str) -> None:
    """Say what the id is instead, where that can be found out."""
    with suppress(Gone, Refused):
        source = await notion.data_source(some_id)
        parent = (source.get("parent") or {}).get("database_id", "")
        fix = f"Use the database's id: {parent}" if parent else "Use the id in the database's own address"
        raise IsDataSource(f"{some_id} is a data source, not a database", fix=fix)
    with suppress(Gone, Refused):
        await notion.page(some_id)
        raise NotADatabase(
            f"{some_id} is a page, not a database", fix="Open the database itself as a full page and copy its link"
        )


def _not_one(title: str, sources: list[Any]) -> SeveralDataSources:
    names = ", ".join(str(one.get("name") or one.get("id")) for one in sources)
    what = f"The database {title!r} has {len(sources)} data sources" + (f" ({names})" if names else "")
    fix = "Move each data source into a database of its own, and use that database's id"
    return SeveralDataSources(what, why="Which one is meant cannot be known", fix=fix)
