"""Publishes tracks to Notion until all are there: a process to be killed."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import anyio

from tests.catalog.notion_house import HastyClock, opened, published


async def drive(url: str, token: str, databases: list[str], path: Path, began: float, count: int) -> None:
    """As the daemon does it, with a ledger in a file."""
    clock = HastyClock(began=began)
    names = dict(zip(("tracks_db", "artists_db", "playlists_db"), databases, strict=True))
    async with opened(url, token, clock=clock, path=path, lag=5, **names) as (catalog, *_):
        await published(catalog, clock, count)


if __name__ == "__main__":
    address, secret, tracks, artists, playlists, file, start, number = sys.argv[1:]
    anyio.run(partial(drive, address, secret, [tracks, artists, playlists], Path(file), float(start), int(number)))
