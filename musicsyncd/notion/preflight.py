"""Whether each database is what the settings take it for: asked before anything is written, and by `doctor`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from musicsyncd.errors import MusicsyncError
from musicsyncd.notion.client import Notion
from musicsyncd.notion.errors import CONNECTIONS, SHARE, Gone, NotAllowed, Refused
from musicsyncd.notion.fields import DATABASES, Field
from musicsyncd.notion.schema import IsDataSource, NotADatabase, Schema, SeveralDataSources, discovered, resolved
from musicsyncd.notion.section import NotionSection
from musicsyncd.notion.values import Property, from_property

Kind = Literal[
    "ok",
    "bad token",
    "no access",
    "wrong id",
    "data source id",
    "several data sources",
    "missing property",
    "wrong type",
    "unreachable",
]
NAMED: Final = 5
"""Databases that are named where another was not found."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    database: str
    """The setting: `tracks_db`, or `token`."""
    ok: bool
    kind: Kind
    what: str
    why: str = ""
    fix: str = ""
    required: bool = True
    """Whether nothing is written while it is not ok; else one field of each row stays away."""
    field: str = ""
    """The field whose property it is about."""


async def check(notion: Notion, section: NotionSection) -> list[Finding]:
    """Every database that the settings name; the token alone where it does not count or Notion cannot be asked.

    Raises nothing that the client raises.
    """
    try:
        me = await notion.me()
    except MusicsyncError as error:
        return [_failed("token", error)]
    findings = [_ok("token", _connection(me))]
    for kind, database_id in section.databases().items():
        findings += [one async for one in _database(notion, section, kind, database_id)]
    return findings


async def _database(notion: Notion, section: NotionSection, kind: str, database_id: str) -> AsyncIterator[Finding]:
    setting = f"{kind}_db"
    try:
        schema = await discovered(notion, database_id)
    except Gone as error:
        yield await _not_found(notion, setting, database_id, error)
        return
    except MusicsyncError as error:
        yield _failed(setting, error)
        return
    wrong = list(_properties(setting, schema, DATABASES[kind], section.names(kind)))
    if not any(one.required for one in wrong):
        yield _ok(setting, f"{schema.title!r}, {len(schema.properties)} properties")
    for one in wrong:
        yield one


def _properties(setting: str, schema: Schema, fields: Mapping[str, Field], names: Mapping[str, str]) -> list[Finding]:
    found = resolved(schema, fields, names)
    missing = [
        _missing(setting, schema, name, field, names.get(name))
        for name, field in fields.items()
        if name not in found and (field.required or name in names)
    ]
    wrong = [
        _wrong_type(setting, schema, name, field, found[name])
        for name, field in fields.items()
        if name in found and found[name].type not in field.kinds
    ]
    return missing + wrong


def _missing(setting: str, schema: Schema, name: str, field: Field, given: str | None) -> Finding:
    wanted, kind = given or field.names[0], field.kinds[0].replace("_", " ")
    fix = f"Add a {kind} property {wanted!r} to {schema.title!r}, or name the one that is meant in notion.properties"
    return Finding(
        database=setting,
        ok=False,
        kind="missing property",
        what=f"{schema.title!r} has no property {wanted!r}",
        why=f"It holds the field {name}",
        fix=fix,
        required=field.required,
        field=name,
    )


def _wrong_type(setting: str, schema: Schema, name: str, field: Field, found: Property) -> Finding:
    kinds = " or ".join(kind.replace("_", " ") for kind in field.kinds[:3])
    return Finding(
        database=setting,
        ok=False,
        kind="wrong type",
        what=f"The property {found.name!r} of {schema.title!r} is of the type {found.type.replace('_', ' ')}",
        why=f"It holds the field {name}, which wants {kinds}",
        fix=f"Change its type in Notion, or name another property: notion.properties = {{ {name} = … }}",
        required=field.required,
        field=name,
    )


async def _not_found(notion: Notion, setting: str, database_id: str, error: Gone) -> Finding:
    """Gone and not shared look alike; what is shared tells them apart as far as that can be."""
    try:
        shared = [_shared(one) for one in (await notion.search()).get("results", ())]
    except MusicsyncError as other:
        return _failed(setting, other)
    if not shared:
        why = "Nothing is shared with this connection"
        return _finding(setting, "no access", f"The database {database_id} cannot be seen", why, SHARE)
    if database_id in [parent for _, parent in shared]:
        return _finding(setting, "no access", f"The database {database_id} is shared only in part", error.why, SHARE)
    named = ", ".join(f"{title!r} ({parent})" for title, parent in shared[:NAMED])
    why = f"There is none with this id, or it is not shared with the connection. What is shared: {named}"
    fix = f"Correct notion.{setting}. {SHARE}"
    return _finding(setting, "wrong id", f"There is no database {database_id}", why, fix)


def _shared(source: dict[str, Any]) -> tuple[str, str]:
    """The title and the database of a data source that a search found."""
    title = from_property({"type": "title", "title": source.get("title")}) or "untitled"
    return str(title), str((source.get("parent") or {}).get("database_id") or "")


def _failed(setting: str, error: MusicsyncError) -> Finding:
    match error:
        case NotAllowed(status=401):
            kind: Kind = "bad token"
        case NotAllowed():
            kind = "no access"
        case IsDataSource():
            kind = "data source id"
        case SeveralDataSources():
            kind = "several data sources"
        case NotADatabase() | Gone() | Refused():
            kind = "wrong id"
        case _:
            kind = "unreachable"
    what = "Notion does not accept the token" if kind == "bad token" else error.what
    return _finding(setting, kind, what, error.why, error.fix)


def _finding(setting: str, kind: Kind, what: str, why: str, fix: str) -> Finding:
    usual = "It is asked again by itself" if kind == "unreachable" else f"See {CONNECTIONS}"
    return Finding(database=setting, ok=False, kind=kind, what=what, why=why, fix=fix or usual)


def _ok(setting: str, what: str) -> Finding:
    return Finding(database=setting, ok=True, kind="ok", what=what)


def _connection(me: dict[str, Any]) -> str:
    workspace = (me.get("bot") or {}).get("workspace_name") or ""
    name = str(me.get("name") or "a connection")
    return f"{name} in {workspace}" if workspace else name
