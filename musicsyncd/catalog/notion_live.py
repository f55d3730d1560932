"""The schema of a database in Notion as it is, and which property holds which field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from musicsyncd.notion.schema import Schema
from musicsyncd.notion.values import Property


@dataclass(frozen=True, kw_only=True)
class Live:
    """The schema as it is, and which property holds which field."""

    schema: Schema
    props: Mapping[str, Property]
    """By field."""

    @property
    def ids(self) -> list[str]:
        """Of the properties that are read."""
        return sorted({one.id for one in self.props.values() if one.id})
