"""The catalog in Notion, put together from the settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from musicsyncd.catalog.notion import NotionCatalog
from musicsyncd.catalog.notion_body import Body
from musicsyncd.catalog.notion_book import Book
from musicsyncd.catalog.notion_links import Links
from musicsyncd.catalog.notion_writing import Writing
from musicsyncd.clock import Clock
from musicsyncd.ledger.mirror import Mirror
from musicsyncd.notion.client import Notion
from musicsyncd.notion.schema import Schemas
from musicsyncd.notion.section import NotionSection

LINKED: Final[tuple[str, ...]] = ("artists", "playlists")
"""Kinds of database to which a track's row leads."""


def open_catalog(
    notion: Notion, mirror: Mirror, section: NotionSection, clock: Clock, roots: Mapping[str, str]
) -> NotionCatalog:
    """The catalog of `notion.tracks_db`, with the artists and playlists that are set up; nothing is asked yet.

    `roots` are the volumes' folders by name, as paths are written into rows.
    """
    schemas = Schemas(notion, clock, section.schema_ttl)
    kinds = [kind for kind in LINKED if kind in section.databases()]
    books = {kind: Book(notion, schemas, mirror, section, clock, kind) for kind in kinds}
    tracks = Book(notion, schemas, mirror, section, clock, "tracks")
    links = Links(notion, books, lag=section.lag)
    writing = Writing(tracks, links, ttl=section.schema_ttl)
    body = Body(tracks) if section.page_body else None
    return NotionCatalog(tracks, links, writing, body, roots=roots, lag=section.lag)
