"""Notion as two channels: a page for each finding in the owner's database of tasks, and in that of issues.

A page is made once, found again by its id, by its key or by the line in its description, gets the count while the
trouble lasts and a closed state when it is over. What the live schema does not have is never sent. A person's word
stands: a state or a priority that he set, a page that he closed, threw away or wrote anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import structlog

from musicsyncd.alerts import notion_text as words
from musicsyncd.alerts.base import Alert, Channel, Kind, Severity
from musicsyncd.clock import Clock
from musicsyncd.errors import NeedsPerson
from musicsyncd.notion.client import Answer, Notion
from musicsyncd.notion.errors import Gone, Refused
from musicsyncd.notion.fields import DATABASES
from musicsyncd.notion.schema import Schema, Schemas, resolved
from musicsyncd.notion.section import NotionSection
from musicsyncd.notion.values import Property, Unfit, from_items, from_property, to_property, truncated

logger = structlog.get_logger()
CHANNELS: Final = {"tasks": "notion-tasks", "issues": "notion-issues"}
"""Names of the channels, by kind of database."""
CHOICES: Final = ("select", "status", "multi_select")
FORMS: Final = {
    "title": ("title",),
    "external_key": ("rich_text", "url"),
    "description": ("rich_text",),
    "status": CHOICES,
    "priority": CHOICES,
    "assignee": ("relation",),
}
"""In which types of property a page says it; in others it goes without."""
ORDER: Final = ({"timestamp": "created_time", "direction": "ascending"},)

Values = Mapping[str, Any]
"""Plain values by field."""


@dataclass(frozen=True, kw_only=True)
class _Live:
    """The database as it is now."""

    schema: Schema
    props: Mapping[str, Property]
    """By field."""

    def options(self, field: str) -> tuple[str, ...]:
        """What the field may be."""
        return self.props[field].options if field in self.props else ()


class NotionChannel(Channel):
    """One database, a page per finding."""

    def __init__(self, notion: Notion, schemas: Schemas, section: NotionSection, clock: Clock, kind: str) -> None:
        """`kind` is tasks or issues; `notion` is whoever opened it's to close."""
        self._notion, self._schemas, self._clock, self._kind = notion, schemas, clock, kind
        self._database, self._names = section.databases()[kind], section.names(kind)
        self._assignee = section.tasks_assignee if kind == "tasks" else ""
        self._lag = section.lag
        self._left_out: set[str] = set()
        self.name = CHANNELS[kind]

    async def deliver(self, alert: Alert) -> str:
        live = await self._live()
        if alert.kind is Kind.TEST:
            await self._try_out(live, alert)
            return ""
        page = await self._page(live, alert)
        if page is None:
            return "" if alert.kind is Kind.RESOLVED else await self._create(live, alert)
        if page.get("in_trash"):  # he threw it away: that is his word, until the trouble comes back
            again = alert.kind is Kind.OPENED and alert.attempt == 1
            return await self._create(live, alert) if again else str(page["id"])
        await self._update(live, alert, page)
        return str(page["id"])

    # Which page

    async def _page(self, live: _Live, alert: Alert) -> Answer | None:
        """The finding's page, also in the trash; None when there is none, or none that a query can find."""
        if alert.reference:
            try:
                return await self._notion.page(alert.reference)
            except Gone:
                pass
        wish = self._wish(live, alert)
        page = await self._found(live, wish)
        if page is None and alert.kind is not Kind.RESOLVED and alert.attempt > 1:
            await self._clock.sleep(self._lag)  # an earlier try may have made it just now
            page = await self._found(live, wish)
        return page

    async def _found(self, live: _Live, wish: Mapping[str, Any]) -> Answer | None:
        asked = await self._notion.query(live.schema.data_source, filter=wish, sorts=ORDER)
        rows: list[Answer] = asked.get("results", [])
        open_ = [row for row in rows if not words.is_closed(_read(row, live.props.get("status")))]
        return next(iter(open_ or rows), None)

    def _wish(self, live: _Live, alert: Alert) -> dict[str, Any]:
        """What a query looks for: the key, else the line in the description, else the title."""
        if prop := live.props.get("external_key"):
            return {"property": prop.id, "rich_text": {"equals": alert.finding.key}}
        if prop := live.props.get("description"):
            return {"property": prop.id, "rich_text": {"contains": words.needle(alert.finding.key)}}
        return {"property": live.props["title"].id, "title": {"equals": words.title(alert)}}

    # Writing

    async def _create(self, live: _Live, alert: Alert) -> str:
        finding = alert.finding
        values: dict[str, Any] = {
            "title": words.title(alert),
            "external_key": finding.key,
            "description": words.description(alert),
            "status": words.first_of(words.BEGINNINGS[self._kind], live.options("status")),
            "priority": words.urgency(finding.severity, live.options("priority")),
            "assignee": [self._assignee] if self._assignee else None,
        }

        async def post(properties: dict[str, Any]) -> Answer:
            return await self._notion.create_page(live.schema.data_source, properties)

        return str((await self._sent(live, values, post))["id"])

    async def _update(self, live: _Live, alert: Alert, page: Answer) -> None:
        """Write the count, and the state where the trouble begins again or is over. A page that he closed while the
        trouble lasts is left alone.
        """
        if alert.kind is Kind.REPEATED and words.is_closed(_read(page, live.props.get("status"))):
            return
        shown = await self._text(live, page)
        told = words.told(shown, alert.finding.key)
        values: dict[str, Any] = {}
        if told.ours or not shown:
            values["description"] = words.description(alert, told.notes)
        values["status"] = self._state(live, alert, page, told)
        values["priority"] = self._priority(live, alert, page, told)
        values = {name: value for name, value in values.items() if value is not None}

        async def patch(properties: dict[str, Any]) -> Answer:
            return await self._notion.update_page(str(page["id"]), properties=properties)

        if any(name in live.props and value != _read(page, live.props[name]) for name, value in values.items()):
            await self._sent(live, values, patch)

    def _state(self, live: _Live, alert: Alert, page: Answer, told: words.Told) -> str | None:
        """The state that we give; None where the one that stands there stays."""
        closed = words.is_closed(_read(page, live.props.get("status")))
        if alert.kind is Kind.RESOLVED and not closed:
            return words.first_of(words.ENDS[self._kind], live.options("status"))
        first = alert.attempt == 1 and (bool(alert.reference) or not told.ours)
        if alert.kind is Kind.OPENED and closed and (told.over or first):
            return words.first_of(words.BEGINNINGS[self._kind], live.options("status"))
        return None

    def _priority(self, live: _Live, alert: Alert, page: Answer, told: words.Told) -> str | None:
        """A new one where it became worse, and the one that stands there is the one that we gave."""
        if alert.kind is Kind.RESOLVED or told.severity in ("", alert.finding.severity.word):
            return None
        options, present = live.options("priority"), _read(page, live.props.get("priority"))
        try:
            given = words.urgency(Severity.of(told.severity), options)
        except KeyError:
            return None
        return words.urgency(alert.finding.severity, options) if present in (given, [given]) else None

    async def _sent(self, live: _Live, values: Values, send: Callable[[dict[str, Any]], Any]) -> Answer:
        """Send what the schema can hold; where Notion refuses a property, all but that one."""
        properties = self._properties(live, values)
        while True:
            try:
                answer: Answer = await send(properties)
            except Gone as error:
                leads = live.props["assignee"].name if "assignee" in live.props else ""
                if properties.pop(leads, None) is None:
                    raise self._unusable(error) from error
                self._say("assignee", "a task's assignee cannot be seen", property=leads, why=error.why)
            except Refused as error:
                self._schemas.forget(self._database)
                wrong = [name for name in error.properties if name in properties] or self._least(live, properties)
                if not wrong:
                    raise
                self._say(f"refused: {', '.join(wrong)}", "property of a page refused", property=wrong, why=error.why)
                properties = {name: value for name, value in properties.items() if name not in wrong}
                if not properties:
                    raise
            else:
                return answer

    def _least(self, live: _Live, properties: Mapping[str, Any]) -> list[str]:
        """What can be spared first, where Notion does not say what it does not like."""
        spared = (live.props[name].name for name in ("assignee", "priority", "status", "external_key")
                  if name in live.props)  # fmt: skip
        return [name for name in spared if name in properties][:1]

    def _properties(self, live: _Live, values: Values) -> dict[str, Any]:
        """As JSON, without what the database has not or cannot hold."""
        found: dict[str, Any] = {}
        for name, value in values.items():
            prop = live.props.get(name)
            if prop is None or value is None:
                continue
            try:
                found[prop.name] = to_property(prop, value)
            except Unfit as error:
                self._say(f"unfit: {prop.name}", "property of a page left out", property=prop.name, why=error.reason)
        return found

    def _say(self, once: str, event: str, **more: Any) -> None:
        if once not in self._left_out:
            self._left_out.add(once)
            logger.warning(event, channel=self.name, **more)

    # Reading

    async def _live(self) -> _Live:
        try:
            schema = await self._schemas.of(self._database)
        except (Gone, Refused) as error:
            raise self._unusable(error) from error
        props = resolved(schema, DATABASES[self._kind], self._names)
        props = {name: one for name, one in props.items() if one.type in FORMS.get(name, ())}
        if "title" not in props:
            raise NeedsPerson(f"The database {schema.title!r} takes no alerts", why="It has no title property")
        return _Live(schema=schema, props=props)

    async def _text(self, live: _Live, page: Answer) -> str:
        """The whole description, of which a page shows 25 runs."""
        prop = live.props.get("description")
        found = (page.get("properties") or {}).get(prop.name) if prop else None
        if prop is None or found is None:
            return ""
        if truncated(found):
            return str(from_items(prop.type, await self._notion.property_items(str(page["id"]), prop.id)) or "")
        return str(from_property(found) or "")

    async def _try_out(self, live: _Live, alert: Alert) -> None:
        """Make a page and throw it away at once: what an alert would need is seen to work, and nothing stays open."""
        ends = words.first_of(words.ENDS[self._kind], live.options("status"))
        values = {"title": words.title(alert), "description": alert.text, "status": ends}

        async def post(properties: dict[str, Any]) -> Answer:
            return await self._notion.create_page(live.schema.data_source, properties)

        page = await self._sent(live, values, post)
        await self._notion.update_page(str(page["id"]), in_trash=True)

    def _unusable(self, error: Gone | Refused) -> NeedsPerson:
        """Every alert would meet it: the channel rests until a person has seen to it."""
        fix = error.fix or f"Look at notion.{self._kind}_db"
        return NeedsPerson(f"The database for {self.name} cannot be used", why=f"{error.what}. {error.why}", fix=fix)


def open_channels(notion: Notion, section: NotionSection, clock: Clock) -> list[Channel]:
    """A channel for each database of tasks and issues that the settings name; nothing is asked yet."""
    schemas = Schemas(notion, clock, section.schema_ttl)
    return [NotionChannel(notion, schemas, section, clock, kind) for kind in CHANNELS if kind in section.databases()]


def _read(page: Answer, prop: Property | None) -> Any:
    """The plain value that a page shows of a property."""
    found = (page.get("properties") or {}).get(prop.name) if prop else None
    return from_property(found) if found else None
