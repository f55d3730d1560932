"""Which property of each database holds which field, for a person to look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from musicsyncd.errors import MusicsyncError
from musicsyncd.notion.client import Notion
from musicsyncd.notion.fields import DATABASES, Field
from musicsyncd.notion.schema import Schema, discovered, resolved
from musicsyncd.notion.section import NotionSection
from musicsyncd.notion.values import Property


@dataclass(frozen=True, kw_only=True)
class Held:
    """One field."""

    database: str
    """The setting: `tracks_db`."""
    field: str
    state: Literal["held", "missing", "wrong type"]
    property: str = ""
    """Its name in Notion; where it is missing, the one that is looked for."""
    type: str = ""
    wants: str = ""
    """Types that would do."""
    required: bool = False
    override: str = ""
    """How another property is named in config.toml."""


async def mapped(notion: Notion, section: NotionSection) -> list[Held]:
    """Every field of every database that the settings name; one that cannot be seen is left to the preflight."""
    found: list[Held] = []
    for kind, id_ in section.databases().items():
        try:
            schema = await discovered(notion, id_)
        except MusicsyncError:
            continue
        found += held(kind, schema, section)
    return found


def held(kind: str, schema: Schema, section: NotionSection) -> list[Held]:
    """The fields of one database, in the order of the table."""
    names = section.names(kind)
    props = resolved(schema, DATABASES[kind], names)
    return [_held(kind, name, field, props.get(name), names.get(name)) for name, field in DATABASES[kind].items()]


def _held(kind: str, name: str, field: Field, found: Property | None, given: str | None) -> Held:
    key = name if kind == "tracks" else f'"{kind}.{name}"'
    wants = " or ".join(one.replace("_", " ") for one in field.kinds[:3])
    if found is None:
        return Held(database=f"{kind}_db", field=name, state="missing", property=given or field.names[0], wants=wants,
                    required=field.required, override=f'notion.properties = {{ {key} = "…" }}')  # fmt: skip
    fits = found.type in field.kinds
    return Held(database=f"{kind}_db", field=name, state="held" if fits else "wrong type", property=found.name,
                type=found.type, wants="" if fits else wants, required=field.required,
                override="" if fits else f'notion.properties = {{ {key} = "…" }}')  # fmt: skip
