"""The port behind which every catalog stands: a book with one row per track, written, read back and never doubled."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

Fields = Mapping[str, Any]
"""A row's content under semantic names (`title`, `bpm`, `paths`), as JSON values; a vendor maps them to its own."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row as it was read from the catalog."""

    id: str
    key: str
    """The external key: what a lost answer is looked up by."""
    fields: dict[str, Any]
    edited: frozenset[str] = frozenset()
    """Fields in which a person's word stands: they are not written over."""
    unable: Mapping[str, str] = field(default_factory=dict)
    """Fields that the catalog cannot hold, each with the reason."""


@dataclass(frozen=True, kw_only=True)
class Published:
    """How a publication ended."""

    id: str
    created: bool
    changed: tuple[str, ...]
    """Names of the fields that were written."""
    before: dict[str, Any]
    """The written fields as they were, for the journal, less those that the row did not have; empty for a new row."""
    kept: Mapping[str, Any] = field(default_factory=dict)
    """A person's values that stayed in place of ours."""
    written: Mapping[str, Any] = field(default_factory=dict)
    """What was written, by the catalog's own names, where these are others than the fields'."""


@dataclass(frozen=True, kw_only=True)
class Whole:
    """A row with all that it says, asked for by itself."""

    row: Row
    written: frozenset[str] = frozenset()
    """Fields into which we ever wrote: in these a person's word is known to be one."""
    others: Mapping[str, Any] = field(default_factory=dict)
    """What stands there beside the fields, by the catalog's own names; without what says nothing."""


class Catalog:
    """A book of tracks. `name` and `target` are its name in settings and in evidence."""

    name: ClassVar[str]
    mirrored: ClassVar[bool] = False
    """Whether its rows are mirrored in the ledger: what a person writes there by hand is work then."""

    @property
    def target(self) -> str:
        """`catalog:local`."""
        return f"catalog:{self.name}"

    async def publish(self, key: str, fields: Fields, *, known: str | None) -> Published:
        """Bring the row in step: find it by its known id, else by its key, else create it; write only what differs.
        A row that was retired is brought back. A person's value stays where the field is his
        (`musicsyncd.catalog.ownership`), and is told in `Published.kept`.

        Idempotent: publishing the same fields twice writes once. Raises Degraded when the catalog cannot be reached.
        """
        raise NotImplementedError

    async def read(self, row_id: str) -> Row | None:
        """The row as it stands; None when there is none (any more). It may be answered from what is known of the book,
        as far as that is fresh.
        """
        raise NotImplementedError

    async def verify(self, row_id: str) -> Row | None:
        """The row as it reads back after it was written: never from memory. Degraded as for `publish`."""
        return await self.read(row_id)

    async def unable(self) -> Mapping[str, str]:
        """Fields that the catalog cannot hold for any track, as far as it is known by now, each with the reason.
        Nobody is asked.
        """
        return {}

    async def freshen(self) -> None:
        """Bring what is known of the book up to date, cheaply: all who ask within a while share one look. Degraded as
        for `publish`.
        """

    def lacks(self, fields: Fields, row: Row) -> tuple[str, ...]:
        """Names of the wanted fields that the row does not say, less those that are a person's or that the catalog
        cannot hold. The one comparison by which a row is selected, skipped and verified.
        """
        return tuple(name for name in differing(fields, row.fields) if name not in row.edited | row.unable.keys())

    async def whole(self, row_id: str) -> Whole | None:
        """The row as it stands now and all that it says, never from memory; None when it is not in the book. Degraded
        as for `publish`.
        """
        raise NotImplementedError

    async def rewrite(self, row_id: str, values: Fields) -> bool:
        """Write these values, by the names that `Row.fields` has, and nothing else; whether the row is in the book. It
        is a person's doing: where a field is his, later publications leave it.

        Raises Degraded as for `publish`, and where the catalog does not take all of them: then none is written.
        """
        raise NotImplementedError

    async def retire(self, row_id: str) -> Row | None:
        """Put the row into the catalog's trash, whence `revive` and `publish` bring it back; the row as it was.

        Idempotent: None when it is not in the book. Nothing is ever deleted. Degraded as for `publish`.
        """
        raise NotImplementedError

    async def revive(self, row_id: str) -> Row | None:
        """Bring the row back from the trash as it was; None when it is neither there nor in the book."""
        raise NotImplementedError

    async def amend(self, row_id: str, changes: Mapping[str, tuple[Any, Any]]) -> dict[str, Any]:
        """Write single values of a row, named as the catalog itself names its fields: each from the first of the two to
        the second, and only where the first still stands. The written ones as they were, for the journal.

        Idempotent. Whose word stands is for the caller to know. Degraded as for `publish`.
        """
        raise NotImplementedError

    def called(self, name: str) -> str:
        """What people call a field in this catalog."""
        return name


def digest(fields: Fields) -> str:
    """What identifies a row's content: SHA-256 over its canonical JSON, hexadecimal."""
    text = json.dumps(dict(fields), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def differing(wanted: Fields, present: Fields) -> tuple[str, ...]:
    """Names of the fields whose wanted value is not the present one; a field that is not wanted is left alone."""
    return tuple(name for name, value in wanted.items() if name not in present or present[name] != value)
