"""A channel that keeps pages in memory: the twin of one that keeps them in somebody's database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from musicsyncd.alerts.base import Alert, Channel, Kind


@dataclass
class Page:
    """One page: made once, then kept in step."""

    key: str
    title: str
    count: int
    status: str = "open"


@dataclass
class MemoryChannel(Channel):
    """`errors` are raised in turn before, `lost` after the page was written."""

    name: str = "memory"
    pages: dict[str, Page] = field(default_factory=dict)
    """By reference."""
    told: list[Alert] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)
    lost: list[Exception] = field(default_factory=list)

    async def deliver(self, alert: Alert) -> str:
        if self.errors:
            raise self.errors.pop(0)
        reference = self._write(alert)
        self.told.append(alert)
        if self.lost:
            raise self.lost.pop(0)
        return reference

    def _write(self, alert: Alert) -> str:
        if alert.kind is Kind.TEST:
            return ""
        reference = alert.reference or (self._found(alert.finding.key) if alert.attempt > 1 else "")
        reference = reference or f"page-{len(self.pages) + 1}"
        status = "closed" if alert.kind is Kind.RESOLVED else "open"
        self.pages[reference] = Page(alert.finding.key, alert.finding.what, alert.count, status)
        return reference

    def _found(self, key: str) -> str:
        return next((reference for reference, page in self.pages.items() if page.key == key), "")

    def kinds(self, key: str) -> Sequence[Kind]:
        """What was told of a finding, in order."""
        return [alert.kind for alert in self.told if alert.finding.key == key]
