"""Taking a merge of rows back: what was put away returns, and the row that stayed says again what it said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from musicsyncd.catalog.base import Catalog
from musicsyncd.crashpoints import CrashPoint, crash_point
from musicsyncd.errors import Permanent
from musicsyncd.ledger.journal import Change
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.ledger.standing import Evidence
from musicsyncd.sync.rows_merging import AMENDED
from musicsyncd.sync.rows_values import alike

Taken = tuple[Change, str]
"""What to write into the journal, and what stays as it is all the same, a sentence."""


@dataclass(frozen=True, kw_only=True)
class RowsBack:
    """Raises Permanent where there is nothing to go back to, Degraded where it cannot be done now."""

    ledger: Ledger
    catalog: Catalog

    async def take_back(self, one: Mapping[str, Any], change: Change) -> None:
        """Undo one entry of the journal; `change` is how that is told in it."""
        await (self._say_again(one, change) if one["what"] == AMENDED else self._bring_back(one, change))

    async def _bring_back(self, one: Mapping[str, Any], change: Change) -> None:
        page, keeper = one["before"]["page"], one["after"]["keeper"]
        if await self.catalog.revive(page) is None:
            raise Permanent(f"The row {one['before']['label']!r} is not in the trash any more")
        crash_point(CrashPoint.DONOR_BACK)
        for held in one["before"]["evidence"]:
            evidence = Evidence(**{name: value for name, value in held.items() if name != "track"})
            entry = await self.ledger.entry(held["track"])
            now = next((now for now in entry.evidence if now.target == evidence.target), None)
            if now is None or now.detail.get("id") in (keeper, page):
                await self.ledger.record_evidence(held["track"], evidence, None)
        await self.ledger.record_change(None, change)

    async def _say_again(self, one: Mapping[str, Any], change: Change) -> None:
        """What was edited since stays, and is told."""
        page, before, after = one["after"]["page"], one["before"]["fields"], one["after"]["fields"]
        whole = await self.catalog.whole(page)
        if whole is None:
            raise Permanent("The row that stayed is not in the book any more", fix="Bring it back, then undo again")
        now = whole.row.fields
        back = {name: value for name, value in before.items() if alike(now.get(name), after[name])}
        back = {name: value for name, value in back.items() if not alike(now.get(name), value)}
        kept = [name for name in before if not alike(now.get(name), after[name])
                and not alike(now.get(name), before[name])]  # fmt: skip
        if back:
            await self.catalog.rewrite(page, back)
            crash_point(CrashPoint.AMENDMENT_UNDONE)
        await self.ledger.record_change(None, change)
        if kept:
            raise Permanent(f"Somebody wrote into {', '.join(kept)} since: that stays as it is")
