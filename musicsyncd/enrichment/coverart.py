"""Cover Art Archive: the front cover of a release (https://musicbrainz.org/doc/Cover_Art_Archive/API)."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Final

import anyio

from musicsyncd.audio.files import write_whole, writing
from musicsyncd.enrichment.base import Enricher, Known, Told
from musicsyncd.enrichment.cache import Cache
from musicsyncd.errors import Permanent, Temporary
from musicsyncd.http.budget import Budget
from musicsyncd.http.client import HttpClient, Question

LARGEST: Final = 8 * 1024 * 1024
"""Bytes: a picture of 1200 pixels has some hundred thousand."""
KINDS: Final = {b"\xff\xd8\xff": "jpg", b"\x89PNG\r\n\x1a\n": "png"}


class CoverArt(Enricher):
    """Asked by release. It leads on to archive.org, which is slow: what came is kept in a folder."""

    name: ClassVar[str] = "coverart"

    def __init__(self, client: HttpClient, budget: Budget, cache: Cache, *, base_url: str, pixels: int) -> None:
        """`pixels` is the length of the longer side: 250, 500 or 1200."""
        self._client, self._budget, self._cache = client, budget, cache
        self._base_url, self._pixels = base_url, pixels

    async def ask(self, known: Known) -> Told:
        """The front cover, when one is wanted."""
        if "artwork" not in known.wanted or not known.cover_of:
            return Told()
        what = f"release/{known.cover_of}/front-{self._pixels}"
        picture = await self._remembered(what) or await self._fetch(what)
        if picture is None:
            return Told(note=f"The release {known.cover_of} has no front cover")
        return Told(facts={"artwork": what}, picture=picture)

    async def _remembered(self, what: str) -> Path | None:
        kept = await self._cache.recall(self.name, what)
        path = self._cache.folder / str(kept["file"]) if kept else None
        return path if path and await anyio.Path(path).is_file() else None

    async def _fetch(self, what: str) -> Path | None:
        """The picture's file; None when there is none, which is asked again only after a while."""
        if await self._cache.recall(self.name, what) == {}:
            return None
        question = Question(url=f"{self._base_url}/{what}", limit=LARGEST)
        answer = await self._client.ask(self._budget, question)
        if answer.status == 404:
            await self._cache.remember(self.name, what, {})
            return None
        if answer.status != 200:
            raise Permanent("The Cover Art Archive does not take the question", why=f"It answered {answer.status}")
        extension = next((kind for magic, kind in KINDS.items() if answer.body.startswith(magic)), "")
        if not extension:
            await self._budget.failed(ValueError())
            raise Temporary("The Cover Art Archive answered with what is neither JPEG nor PNG")
        file = f"{what.removeprefix('release/').replace('/', '-')}.{extension}"
        path = self._cache.folder / file
        await anyio.to_thread.run_sync(_write, path, answer.body)
        await self._cache.remember(self.name, what, {"file": file})
        return path


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all; a folder that cannot be written is an error of ours."""
    with writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, data)
