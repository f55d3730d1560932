"""Sends a row's values to Notion, less what it does not take: each told once, the rest of the row goes through."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import structlog

from musicsyncd.catalog.base import Fields
from musicsyncd.catalog.notion_book import Book, Live
from musicsyncd.catalog.notion_fields import ADDED_TO, unable
from musicsyncd.catalog.notion_links import Links
from musicsyncd.errors import MusicsyncError
from musicsyncd.ledger.mirror import digest
from musicsyncd.notion.errors import Gone, Refused
from musicsyncd.notion.values import OPTIONS, Unfit, new_options, to_property

logger = structlog.get_logger()
CROWDED: Final = f"leads to more than the {OPTIONS} pages that can be written"
TRIES: Final = 12
"""Times that one row is sent, each time with less, before it is given up."""
REFUSALS: Final = 10
"""Refused values of one field that are remembered."""
ANY: Final = ""
"""Every value of a field, among those that were refused."""
_MISFIT: Final = re.compile(r" is expected to be | is not a property that exists|[Cc]ould not find property")
_TRASHED: Final = re.compile(r"\b(?:archived|in (?:the )?trash)\b", re.IGNORECASE)
_ID: Final = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)

Values = Mapping[str, Any]
"""By field."""
Send = Callable[[Live, Values, dict[str, Any]], Awaitable[Mapping[str, Any]]]
"""Given the schema, the values and the same as properties' JSON; Notion's answer."""


class Writing:
    """What Notion takes of a row, as far as that is known: for as long as a schema is believed."""

    def __init__(self, book: Book, links: Links, *, ttl: float) -> None:
        """`ttl` is in seconds."""
        self._book, self._links, self._ttl = book, links, ttl
        self._refused: dict[str, dict[str, tuple[float, str]]] = {}
        """By field the values that were refused, until when, and Notion's words."""
        self._full: tuple[float, str] = (0.0, "")
        """The same of new options in any property."""
        self._told: set[tuple[str, str]] = set()
        self.left_out: dict[str, str] = {}
        """Properties into which something lately could not be written, each with the reason."""

    @property
    def refused(self) -> dict[str, str]:
        """Fields whose property takes no value now, each with Notion's words."""
        found = {name: self._values_refused(name) for name in self._refused}
        return {name: next(iter(said.values())) for name, said in found.items() if ANY in said or len(said) > 1}

    def _values_refused(self, name: str) -> dict[str, str]:
        """The values of this field that Notion does not take now."""
        now = self._book.clock.monotonic()
        return {value: why for value, (until, why) in self._refused.get(name, {}).items() if until > now}

    def _refuse(self, name: str, value: Any, why: str) -> None:
        """One value says nothing of the others, unless it is the property's kind that does not fit."""
        of_all = name in ADDED_TO or _MISFIT.search(why)
        found = self._refused.setdefault(name, {})
        found[ANY if of_all else digest(value)] = (self._until, why)
        while len(found) > REFUSALS:
            del found[next(iter(found))]

    def unable(self, live: Live, values: Values) -> dict[str, str]:
        """The fields that cannot be written now, each with the reason."""
        until, full = self._full
        full = full if self._book.clock.monotonic() < until else ""
        found = unable(live.props, values, full)
        for name in self._refused.keys() & values.keys():
            if why := self._values_refused(name).get(digest(values[name])):
                found[name] = why
        found |= self.refused
        found |= {name: CROWDED for name in ADDED_TO & values.keys() if len(values[name] or ()) > OPTIONS}
        return {name: why for name, why in found.items() if name in values}

    async def sent(self, live: Live, values: Values, fields: Fields, send: Send) -> tuple[Mapping[str, Any], Values]:
        """Notion's answer, and what was written. Raises what the client raises."""
        left = dict(values)
        for _ in range(TRIES):
            properties = {live.props[name].name: to_property(live.props[name], one) for name, one in left.items()}
            try:
                return await send(live, left, properties), left
            except (Refused, Gone) as error:
                left = await self._less(error, live, left, fields)
                live = await self._book.live()
        raise Refused("Notion refuses the row", why="; ".join(self.refused.values()))

    async def _less(self, error: MusicsyncError, live: Live, left: Values, fields: Fields) -> dict[str, Any]:
        """The values without what is refused; the error again where that is nothing that can be left out."""
        if lost := _led_to(left, error.why):
            return await self._led_elsewhere(live, left, fields, lost)
        if not isinstance(error, Refused) or _TRASHED.search(error.why):
            raise error
        self._book.forget_schema()
        now = await self._book.live()
        name = next((one for one in left if live.props[one].name == error.property), "")
        if not name:
            self._refuse_options(error, now, left)
        elif now.props.get(name) == live.props[name]:
            self._refuse(name, left[name], error.why)
        elif name not in now.props:
            self._tell(live, {name: "It is not there any more"})
        return self.fitting(now, left)

    def fitting(self, live: Live, values: Values) -> dict[str, Any]:
        """The values that can be written now; of the others is told."""
        there = {name: value for name, value in values.items() if name in live.props}
        cannot = self.unable(live, there)
        self._tell(live, cannot)
        written = {live.props[name].name for name in there if name not in cannot}
        odd = {live.props[name].name for name in self._refused if name in live.props and self._values_refused(name)}
        self.left_out = {name: why for name, why in self.left_out.items() if name not in written - odd}
        self.left_out |= {live.props[name].name: why for name, why in cannot.items()}
        return {name: value for name, value in there.items() if name not in cannot}

    def _refuse_options(self, error: Refused, now: Live, left: Values) -> None:
        """Where Notion does not say which property it means, it is one that would get an option."""
        if not any(_new(now, name, value) for name, value in left.items()):
            raise error
        self._full = (self._until, error.why)

    async def _led_elsewhere(self, live: Live, left: Values, fields: Fields, lost: set[str]) -> dict[str, Any]:
        """The relations without pages that are not there, and with the ones that are found or made in their place."""
        await self._links.lose(lost)
        found = await self._links.pages(live, fields)
        kept = {name: [one for one in left[name] if one not in lost] for name in ADDED_TO & left.keys()}
        return {**left, **{name: [*dict.fromkeys([*held, *found.get(name, ())])] for name, held in kept.items()}}

    @property
    def _until(self) -> float:
        return self._book.clock.monotonic() + self._ttl

    def _tell(self, live: Live, reasons: Mapping[str, str]) -> None:
        """Say once what is not written."""
        for name, why in reasons.items():
            prop = live.props[name].name if name in live.props else name
            if (prop, why) not in self._told:
                self._told.add((prop, why))
                logger.warning("property not written", property=prop, field=name, why=why)


def _new(live: Live, name: str, value: Any) -> bool:
    try:
        return name in live.props and bool(new_options(live.props[name], value))
    except Unfit:
        return False


def _led_to(values: Values, words: str) -> set[str]:
    """The pages that the words name and to which a relation would lead."""
    named = {one.replace("-", "").lower() for one in _ID.findall(words)}
    pages: Sequence[str] = [page for name in ADDED_TO & values.keys() for page in values[name]]
    return {page for page in pages if page.replace("-", "").lower() in named}
