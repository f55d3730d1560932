"""The owner's table of schedules in Notion: read whole, since it is short, and told how each run went."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from musicsyncd.clock import Clock
from musicsyncd.database import Database
from musicsyncd.notion.client import Notion
from musicsyncd.notion.errors import Refused
from musicsyncd.notion.fields import CONFIG
from musicsyncd.notion.schema import Schemas, resolved
from musicsyncd.notion.section import NotionSection
from musicsyncd.notion.values import NO, YES, Property, Unfit, equal, from_property, to_property
from musicsyncd.triggers.configured import Entry

MIGRATIONS: Final = (
    """
    CREATE TABLE schedule_read (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        read_at TEXT NOT NULL,          -- ISO 8601 in UTC
        entries TEXT NOT NULL           -- JSON: the rows of the owner's table as they last were
    );
    """,
)
RARELY: Final = timedelta(hours=1)
"""How long what says nothing new is kept back."""
MOST: Final = 100
"""Rows that are looked at."""
ORDER: Final = ({"timestamp": "created_time", "direction": "ascending"},)
TOLD: Final = ("last_run", "last_result", "error_count")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How the last run of a job went."""

    at: datetime
    result: str
    """One word or a sentence that begins with it: `done: 3 tracks`."""
    failures: int = 0
    """Runs that failed since the last one that did not."""
    changed: bool = False
    """Whether there was anything to do."""


class Table:
    """The database of schedules."""

    def __init__(self, notion: Notion, section: NotionSection, database: Database, clock: Clock) -> None:
        self._notion, self._id, self._names = notion, section.config_db, section.names("config")
        self._schemas = Schemas(notion, clock, section.schema_ttl)
        self._database, self._clock = database, clock
        self._shown: dict[str, Mapping[str, Any]] = {}
        self.title = ""
        """The database's, once it was read."""

    async def known(self) -> list[Entry]:
        """The rows as they were last read, also by an earlier daemon."""

        def read(conn: sqlite3.Connection) -> list[Entry]:
            row = conn.execute("SELECT entries FROM schedule_read").fetchone()
            return [Entry(**one) for one in json.loads(row[0])] if row else []

        return await self._database.read(read)

    async def read(self) -> list[Entry]:
        """The rows as they are, the oldest first; raises what the client raises."""
        props = await self._props()
        schema = await self._schemas.of(self._id)
        try:
            answer = await self._notion.query(schema.data_source, sorts=ORDER, page_size=MOST)
        except Refused:
            self._schemas.forget(self._id)
            raise
        rows = {str(page["id"]): _values(page, props) for page in answer.get("results", ())}
        self._shown, self.title = dict(rows), schema.title
        entries = [_entry(page, values) for page, values in rows.items()]
        await self._keep(entries)
        return entries

    async def tell(self, page: str, outcome: Outcome) -> bool:
        """Write how the last run went, unless that is old news; whether it was written."""
        shown, props = self._shown.get(page), await self._props()
        if shown is None:
            return False
        wanted = _told(props, outcome)
        if not news(props, wanted, shown, outcome):
            return False
        try:
            await self._notion.update_page(
                page, properties={props[name].name: to_property(props[name], value) for name, value in wanted.items()}
            )
        except Refused:
            self._schemas.forget(self._id)
            raise
        self._shown[page] = {**shown, **wanted}
        return True

    async def _props(self) -> Mapping[str, Property]:
        return resolved(await self._schemas.of(self._id), CONFIG, self._names)

    async def _keep(self, entries: Sequence[Entry]) -> None:
        values = (1, self._clock.now().isoformat(), json.dumps([asdict(one) for one in entries]))
        query = "INSERT OR REPLACE INTO schedule_read VALUES (?, ?, ?)"
        await self._database.write(lambda conn: conn.execute(query, values) and None)


def news(props: Mapping[str, Property], wanted: Mapping[str, Any], shown: Mapping[str, Any], outcome: Outcome) -> bool:
    """Whether the row is to be written: what is new about it at once, that nothing is new at most hourly."""
    differ = {name for name, value in wanted.items() if not equal(props[name], value, shown.get(name))}
    if not differ or differ != {"last_run"}:
        return bool(differ)
    return outcome.changed or not _within(shown.get("last_run"), outcome.at)


def _within(shown: Any, at: datetime) -> bool:
    try:
        return at - datetime.fromisoformat(str(shown)) < RARELY
    except (ValueError, TypeError):  # nothing, or a day without a time
        return False


def _told(props: Mapping[str, Property], outcome: Outcome) -> dict[str, Any]:
    """What the row can hold of it; no option is added to a property."""
    word = outcome.result.partition(":")[0]
    given = {"last_run": outcome.at, "error_count": outcome.failures, "last_result": outcome.result}
    found = {}
    for name in TOLD:
        if (prop := props.get(name)) is None:
            continue
        value = given[name]
        if prop.options or prop.type in ("select", "status", "multi_select"):
            value = next((one for one in prop.options if one.strip().casefold() == word), None)
        try:
            if value is not None:
                to_property(prop, value)
                found[name] = value
        except Unfit:
            continue
    return found


def _values(page: Mapping[str, Any], props: Mapping[str, Property]) -> dict[str, Any]:
    shown = page.get("properties") or {}
    return {field: from_property(shown[prop.name]) for field, prop in props.items() if prop.name in shown}


def _entry(page: str, values: Mapping[str, Any]) -> Entry:
    return Entry(
        page=page,
        name=_text(values.get("title")),
        trigger=_text(values.get("trigger")),
        enabled=_flag(values.get("enabled")),
        mode=_text(values.get("mode")),
        interval=values.get("interval"),
        cron=_text(values.get("cron")),
        cron_active=_flag(values.get("cron_active")),
    )


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def _flag(value: Any) -> bool | None:
    """A box, or a word for one; None where neither is said."""
    if isinstance(value, bool) or value is None:
        return value
    word = str(value).strip().casefold()
    return True if word in YES else False if word in NO else None
