"""The section [notion] of config.toml."""

from __future__ import annotations

import re
from typing import Annotated, Final
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AfterValidator, Field, SecretStr

from musicsyncd.notion.fields import DATABASES, placed
from musicsyncd.section import BaseUrl, Duration, Section

_ID: Final = re.compile(r"(?:^|[^0-9a-f])([0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$")


def check_id(value: str) -> str:
    """The id as Notion writes it, with dashes, from an id or from an address that ends in one; ValueError otherwise.

    The host is not looked at, since pages have moved from one to another; what stands behind `?` names a view.
    """
    text = value.strip().lower()
    if not text:
        return ""
    found = _ID.search(text.partition("#")[0].partition("?")[0].rstrip("/"))
    if found is None:
        raise ValueError("must be an id of 32 hexadecimal digits, or the address of a page or database in Notion")
    return str(UUID(found[1]))


def check_token(token: SecretStr) -> SecretStr:
    """The token without space around it, if it can stand in a header; ValueError otherwise."""
    text = token.get_secret_value().strip()
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("must be a token such as Notion shows it, without spaces")
    return SecretStr(text)


def check_encrypted(value: str) -> str:
    """The URL, if nobody on the way can read what is sent there; ValueError otherwise."""
    parts = urlsplit(value)
    if parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "::1", "localhost"):
        raise ValueError("must begin with https://, because the token is sent there")
    return value


def check_properties(properties: dict[str, str]) -> dict[str, str]:
    """The names by field, if there are such fields and no name is empty; ValueError otherwise."""
    for field, name in properties.items():
        if placed(field) is None:
            raise ValueError(f"names {field!r}, which is no field; write it as key, or as playlists.title")
        if not name.strip():
            raise ValueError(f"gives {field!r} an empty name")
    return properties


NotionId = Annotated[str, AfterValidator(check_id)]
"""An id with dashes, or empty."""


class NotionSection(Section):
    """How Notion is asked, and which databases are whose."""

    token: Annotated[SecretStr, AfterValidator(check_token)] = SecretStr("")
    """The connection's token; default "" = Notion is not asked."""
    base_url: Annotated[BaseUrl, AfterValidator(check_encrypted)] = "https://api.notion.com"
    """Where the API is, the only place where the token is sent."""
    version: str = Field("2026-03-11", pattern=r"^\d{4}-\d{2}-\d{2}$")
    """The version of the API that is spoken; default 2026-03-11."""
    tracks_db: NotionId = ""
    """The database of tracks; default "" = none."""
    artists_db: NotionId = ""
    """The database of artists; default "" = none."""
    playlists_db: NotionId = ""
    """The database of playlists; default "" = none."""
    tasks_db: NotionId = ""
    """The database of tasks; default "" = none."""
    issues_db: NotionId = ""
    """The database of issues; default "" = none."""
    config_db: NotionId = ""
    """The database of schedules; default "" = none."""
    tasks_assignee: NotionId = ""
    """The page to which a new task's assignee leads; default "" = none."""
    requests_per_second: float = Field(3.0, gt=0, le=100)
    """Requests per second over a longer time; default 3."""
    timeout: Duration = Field(60.0, gt=0)
    """Seconds to wait for a connection or for the next bytes; default 60 s, as long as Notion may take."""
    schema_ttl: Duration = 3600.0
    """Seconds for which a database's properties are believed; default 1 h."""
    mirror_every: Duration = Field(300.0, gt=0)
    """Seconds after which the rows that were edited are asked for; default 5 min."""
    mirror_full_every: Duration = Field(86400.0, gt=0)
    """Seconds after which all rows are read, to find what is gone; default 1 d."""
    lag: Duration = 15.0
    """Seconds by which a query may be behind what was written; default 15 s."""
    properties: Annotated[dict[str, str], AfterValidator(check_properties)] = Field(default_factory=dict)
    """Names of properties by field (`key`, `playlists.title`) where they differ from the known ones; default none."""
    external_key: str = ""
    """The tracks' property that holds our key; default "" = "External Key" where there is one."""
    page_body: bool = False
    """Whether a track's page has a readable body too; default false."""

    def databases(self) -> dict[str, str]:
        """The ids that are set, by kind: `{"tracks": id}`."""
        every = {kind: str(getattr(self, f"{kind}_db")) for kind in DATABASES}
        return {kind: one for kind, one in every.items() if one}

    def names(self, kind: str) -> dict[str, str]:
        """The property names that a person gave to a database's fields."""
        found = [(placed(field), name) for field, name in self.properties.items()]
        given = {place[1]: name for place, name in found if place and place[0] == kind}
        return given | ({"external_key": self.external_key} if self.external_key and kind == "tracks" else {})
