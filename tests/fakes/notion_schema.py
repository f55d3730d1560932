"""Databases and data sources as Notion answers them, and changes of a schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.fakes.notion_store import BOT, Base, Block, Prop, Source, Store, invalid, minute
from tests.fakes.notion_values import dashed, missing, run, runs, text_of


def database_answer(store: Store, base: Base) -> dict[str, Any]:
    """A database: its data sources by id and name, and no schema."""
    sources = [store.sources[id_] for id_ in base.sources]
    return {
        "object": "database",
        "id": base.id,
        "title": [run(base.title)],
        "description": [],
        "parent": base.parent,
        "is_inline": False,
        "in_trash": base.in_trash,
        "is_locked": False,
        "created_time": minute(base.created),
        "last_edited_time": minute(base.created),
        "data_sources": [{"id": one.id, "name": one.title} for one in sources],
        "icon": None,
        "cover": None,
        "url": f"https://app.notion.com/p/{base.id.replace('-', '')}",
        "public_url": None,
    }


def source_answer(store: Store, source: Source) -> dict[str, Any]:
    """A data source with its schema."""
    base = store.bases[source.database]
    person = {"object": "user", "id": BOT}
    return {
        "object": "data_source",
        "id": source.id,
        "title": [run(source.title)],
        "description": [],
        "parent": {"type": "database_id", "database_id": base.id},
        "database_parent": base.parent,
        "is_inline": False,
        "in_trash": base.in_trash,
        "is_archived": base.in_trash,
        "created_time": minute(base.created),
        "last_edited_time": minute(base.created),
        "created_by": person,
        "last_edited_by": person,
        "properties": {one.name: property_answer(store, one) for one in source.props.values()},
        "icon": None,
        "cover": None,
        "url": f"https://app.notion.com/p/{base.id.replace('-', '')}",
        "public_url": None,
    }


def property_answer(store: Store, prop: Prop) -> dict[str, Any]:
    """One property's configuration."""
    return {"id": prop.id, "name": prop.name, "description": None, "type": prop.kind, prop.kind: _config(store, prop)}


def _config(store: Store, prop: Prop) -> dict[str, Any]:
    options = [one.answer() | {"description": None} for one in prop.options]
    match prop.kind:
        case "number":
            return {"format": "number"}
        case "select" | "multi_select":
            return {"options": options}
        case "status":
            group = {"id": "g1", "name": "To-do", "color": "gray", "option_ids": [one["id"] for one in options]}
            return {"options": options, "groups": [group]}
        case "relation":
            database = store.sources[prop.target].database
            return {"database_id": database, "data_source_id": prop.target, "type": "single_property",
                    "single_property": {}}  # fmt: skip
        case "formula":
            return {"expression": '""'}
        case "rollup":
            return {"function": "count", "rollup_property_name": "Name", "relation_property_name": "Artist",
                    "rollup_property_id": "title", "relation_property_id": "x"}  # fmt: skip
        case "unique_id":
            return {"prefix": None}
    return {}


def create_base(store: Store, body: Mapping[str, Any]) -> Base:
    """A database as asked for; every one has a title property."""
    base = store.add_base(text_of(runs(body.get("title") or ())) or "Untitled", dict(body["parent"]))
    (source_id,) = base.sources
    source = store.sources[source_id]
    properties = (body.get("initial_data_source") or {}).get("properties") or {}
    try:
        for name, told in properties.items():
            _add(store, source, name, told)
    except Exception:
        del store.bases[base.id], store.sources[source_id]
        raise
    _show(store, base)
    if all(one.kind != "title" for one in source.props.values()):
        store.add_property(source, "Name", "title")
    return base


def _show(store: Store, base: Base) -> None:
    """Below its page a database is a block with the database's own id."""
    page = store.pages.get(dashed(base.parent.get("page_id") or "")) if base.parent.get("page_id") else None
    if page is not None:
        below = {"type": "page_id", "page_id": page.id}
        moment = store.now()
        block = Block(base.id, "child_database", {"title": base.title}, page.id, below, moment, moment)
        store.blocks[base.id] = block
        page.children.append(base.id)


def apply_changes(store: Store, source: Source, changes: Mapping[str, Any]) -> None:
    """Properties that are new, renamed, of another kind, or (None) gone."""
    for name, told in changes.items():
        prop = source.prop(name)
        if told is None:
            remove(source, name)
        elif prop is None:
            if source.full:
                raise invalid("You have exceeded the maximum database property schema size: "
                              "schema has exceeded the maximum size.")  # fmt: skip
            _add(store, source, name, told)
        elif new := told.get("name"):
            rename(source, name, new)


def remove(source: Source, name: str) -> None:
    """A property, with all its values."""
    prop = source.prop(name)
    if prop is None or prop.kind == "title":
        raise invalid(f"{name} is not a property that can be removed.")
    del source.props[prop.name]
    source.revision += 1


def rename(source: Source, name: str, new: str) -> None:
    """A property keeps its id."""
    prop = source.prop(name)
    if prop is None or new in source.props:
        raise invalid(f"{name} cannot be renamed to {new}.")
    source.props = {new if one is prop else one.name: one for one in source.props.values()}
    prop.name = new
    source.revision += 1


def _add(store: Store, source: Source, name: str, told: Mapping[str, Any]) -> None:
    kind = told.get("type") or next(iter(set(told) - {"description"}))
    config = told.get(kind) or {}
    more: dict[str, Any] = {}
    if "options" in config:
        more["options"] = [one["name"] for one in config["options"]]
    elif kind == "status":
        more["options"] = ["Not started", "In progress", "Done"]
    if kind == "relation":
        target = dashed(config["data_source_id"])
        if target not in store.sources:
            raise missing("data source", target)
        more["target"] = target
    store.add_property(source, name, kind, **more)
