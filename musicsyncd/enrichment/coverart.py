"""Cover Art Archive: the front cover of a release (https://musicbrainz.org/doc/Cover_Art_Archive/API)."""

from __future__ import annotations

from typing import ClassVar

from musicsyncd.enrichment.base import Enricher, Known, Told
from musicsyncd.enrichment.cache import Cache
from musicsyncd.enrichment.pictures import Pictures
from musicsyncd.http.budget import Budget
from musicsyncd.http.client import HttpClient


class CoverArt(Enricher):
    """Asked by release. It leads on to archive.org, which is slow: what came is kept in a folder."""

    name: ClassVar[str] = "coverart"

    def __init__(self, client: HttpClient, budget: Budget, cache: Cache, *, base_url: str, pixels: int) -> None:
        """`pixels` is the length of the longer side: 250, 500 or 1200."""
        self._pictures = Pictures(client, budget, cache, origin=self.name, title="The Cover Art Archive")
        self._base_url, self._pixels = base_url, pixels

    async def ask(self, known: Known) -> Told:
        """The front cover, when one is wanted."""
        if "artwork" not in known.wanted or not known.cover_of:
            return Told()
        what = f"release/{known.cover_of}/front-{self._pixels}"
        stem = f"{known.cover_of}-front-{self._pixels}"
        picture = await self._pictures.get(what, f"{self._base_url}/{what}", stem)
        if picture is None:
            return Told(note=f"The release {known.cover_of} has no front cover")
        return Told(facts={"artwork": what}, picture=picture)
