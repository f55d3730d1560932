"""Spotify: what it knows of a track that came from elsewhere, once the matcher is sure which of its tracks that is."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Final

from musicsyncd.enrichment.base import Enricher, Known, Told
from musicsyncd.enrichment.cache import Answer, Cache
from musicsyncd.enrichment.pictures import Pictures
from musicsyncd.errors import MusicsyncError
from musicsyncd.http.budget import Budget
from musicsyncd.http.client import HttpClient
from musicsyncd.music.candidate import Candidate
from musicsyncd.music.identity import SPOTIFY
from musicsyncd.music.matching import Judged, Match, match
from musicsyncd.music.track import Track

Search = Callable[[str, int], Awaitable[Sequence[Track]]]
"""Spotify's own search, in the name of who is signed in: words or `isrc:…`, and at most so many tracks."""

FOUND_AT_ONCE: Final = 10
"""Tracks of one search: the most that apps in development mode get since 2026."""
PICTURES: Final = "https://i.scdn.co/"
"""Where Spotify's covers are; no other address that an answer names is asked."""
LONGEST_QUERY: Final = 100
_GIVEN: Final = frozenset({"isrc", "album", "date", "artwork"})
_MEANT_OTHERWISE: Final = re.compile(r"[:\"()\[\]{}|]|\b(?:NOT|OR|AND)\b|(?<!\S)[-–—](?!\S)")
"""What Spotify's search reads as its own language, and what is no word."""


class SpotifyFacts(Enricher):
    """Asked by ISRC where it is known, and where that leads nowhere by title and artist. Below the matcher's floor
    nothing is taken.
    """

    name: ClassVar[str] = SPOTIFY

    def __init__(self, search: Search, client: HttpClient, pictures: Budget, cache: Cache, *, images_url: str) -> None:
        """`images_url` stands in the place of PICTURES."""
        self._search, self._cache, self._images_url = search, cache, images_url
        self._pictures = Pictures(client, pictures, cache, origin=self.name, title="Spotify's covers")

    async def ask(self, known: Known) -> Told:
        """ISRC, album, date and cover of the one track that it surely is; nothing where its source has said them all.

        Raises NeedsPerson when nobody is signed in, without asking anybody.
        """
        if not known.wanted & _GIVEN:
            return Told()
        if known.track.source == SPOTIFY:
            return await self._pictured(Told(), known, known.track.artwork_url)
        seen: list[Track] = []
        for query in queries_of(known.track):
            seen += await self._found(query)
            judged = match(replace(known.track, duration=known.duration), map(Candidate.of, seen))
            if best := judged.chosen:
                chosen = next(one for one in seen if Candidate.of(one) == best.candidate)
                told = Told(facts=_facts(chosen, best), identities=chosen.identities)
                return await self._pictured(told, known, chosen.artwork_url)
        return Told(note=_undecided(judged) if seen else "Its search finds nothing")

    async def _found(self, query: str) -> list[Track]:
        """What a search finds; kept for a while, so that a track that is done again costs no question."""

        async def ask() -> Answer:
            tracks = [one.as_dict() for one in await self._search(query, FOUND_AT_ONCE)]
            return {"tracks": tracks} if tracks else {}

        return [Track.from_dict(one) for one in (await self._cache.answer(self.name, query, ask)).get("tracks", ())]

    async def _pictured(self, told: Told, known: Known, url: str) -> Told:
        """With the cover, where one is wanted; what Spotify said is not lost for a picture's sake."""
        name = url.removeprefix(PICTURES)
        if "artwork" not in known.wanted or not re.fullmatch(r"image/[A-Za-z0-9-]{1,100}", name):
            return told
        try:
            picture: Path | None = await self._pictures.get(name, f"{self._images_url}/{name}", name.replace("/", "-"))
        except MusicsyncError as error:
            return replace(told, note=f"Its cover could not be had. {error}")
        return replace(told, facts={**told.facts, "artwork": name}, picture=picture) if picture else told


def queries_of(track: Track) -> tuple[str, ...]:
    """By what a track is looked for, in turn; none when there is nothing to go by.

    An ISRC may be mistyped, or be that of a release which is not there: the words come after it.
    Where the artist stands in the title too, the account that it was found under may be a label's.
    """
    number = f"isrc:{track.isrc}" if track.isrc else ""
    title, artist = _words(track.title), _words(track.artists[0]) if track.artists else ""
    both = title if artist.casefold() in title.casefold() else f"{artist} {title}"
    alone = [title] if " - " in track.title else []
    queries = [both, *alone] if artist else alone
    return tuple(dict.fromkeys(query[:LONGEST_QUERY] for query in (number, *queries) if query))


def _words(text: str) -> str:
    return " ".join(_MEANT_OTHERWISE.sub(" ", text).split())


def _facts(track: Track, judged: Judged) -> dict[str, Any]:
    facts = {
        "title": track.title,
        "artists": list(track.artists),
        "isrc": track.isrc,
        "album": track.album,
        "date": track.date,
        "score": judged.score,
    }
    return {name: value for name, value in facts.items() if value}


def _undecided(judged: Match) -> str:
    """Why none was taken, by the nearest."""
    best = judged.judged[0]
    label = " - ".join(filter(None, (", ".join(best.candidate.artists), best.candidate.title)))
    return f"None of its tracks is surely this one. The nearest is {label} ({best.score:.2f}): {best.reasons[-1]}"
