"""Front covers: each is fetched once, and kept in a folder for a while."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import anyio

from musicsyncd.audio.files import write_whole, writing
from musicsyncd.enrichment.cache import Cache
from musicsyncd.errors import Permanent, Temporary
from musicsyncd.http.budget import Budget
from musicsyncd.http.client import HttpClient, Question

LARGEST: Final = 8 * 1024 * 1024
"""Bytes: a picture of 1200 pixels has some hundred thousand."""
KINDS: Final = {b"\xff\xd8\xff": "jpg", b"\x89PNG\r\n\x1a\n": "png"}


class Pictures:
    """The covers of one service."""

    def __init__(self, client: HttpClient, budget: Budget, cache: Cache, *, origin: str, title: str) -> None:
        """`title` is what errors call the service."""
        self._client, self._budget, self._cache = client, budget, cache
        self._origin, self._title = origin, title

    async def get(self, what: str, url: str, stem: str) -> Path | None:
        """The picture's file, which is not the asker's; None when there is none, which is asked again only after a
        while. `what` is what is remembered, `stem` the file's name. Raises Permanent and Temporary.
        """
        return await self._remembered(what) or await self._fetch(what, url, stem)

    async def _remembered(self, what: str) -> Path | None:
        kept = await self._cache.recall(self._origin, what)
        path = self._cache.folder / str(kept["file"]) if kept else None
        return path if path and await anyio.Path(path).is_file() else None

    async def _fetch(self, what: str, url: str, stem: str) -> Path | None:
        if await self._cache.recall(self._origin, what) == {}:
            return None
        answer = await self._client.ask(self._budget, Question(url=url, limit=LARGEST))
        if answer.status == 404:
            await self._cache.remember(self._origin, what, {})
            return None
        if answer.status != 200:
            raise Permanent(f"{self._title} does not take the question", why=f"It answered {answer.status}")
        extension = next((kind for magic, kind in KINDS.items() if answer.body.startswith(magic)), "")
        if not extension:
            await self._budget.failed(ValueError())
            raise Temporary(f"{self._title} answered with what is neither JPEG nor PNG")
        path = self._cache.folder / f"{stem}.{extension}"
        await anyio.to_thread.run_sync(_write, path, answer.body)
        await self._cache.remember(self._origin, what, {"file": path.name})
        return path


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all; a folder that cannot be written is an error of ours."""
    with writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, data)
