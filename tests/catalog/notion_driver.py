"""Publishes tracks to Notion until all are there: a process to be killed."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Final

import anyio

from tests.catalog.notion_house import HastyClock, opened, published

FAST: Final = 600.0
"""Times as fast as the machine's clock: a service that fails half of the time is left alone for long."""
LAG: Final = 90.0
"""Seconds."""


async def drive(url: str, token: str, databases: list[str], path: Path, began: float, count: int) -> None:
    """As the daemon does it, with a ledger in a file."""
    clock = HastyClock(FAST, began)
    names = dict(zip(("tracks_db", "artists_db", "playlists_db"), databases, strict=True))
    async with opened(url, token, clock=clock, path=path, lag=LAG, **names) as (catalog, *_):
        await published(catalog, clock, count, at_once=32)


if __name__ == "__main__":
    address, secret, tracks, artists, playlists, file, start, number = sys.argv[1:]
    anyio.run(partial(drive, address, secret, [tracks, artists, playlists], Path(file), float(start), int(number)))
