"""Rows that a person made in a catalog: each asks for its track. Read from the mirror alone; it supplies no audio."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from typing import ClassVar, Final

from musicsyncd.errors import MusicsyncError, NeedsPerson, Temporary
from musicsyncd.ledger.mirror import Mirror, MirrorRow, Open
from musicsyncd.music.identity import SPOTIFY, Identity, id_at, url_of
from musicsyncd.music.row import track_of
from musicsyncd.music.track import Track
from musicsyncd.sources.base import Found, Refusal, Source, Unknown
from musicsyncd.sources.ytdlp_track import last_resort

SOURCE: Final = "catalog"
ASKED_AT_ONCE: Final = 20
"""Rows without a title that are looked up with one listing; the next one looks up the rest."""
CORRECTABLE: Final = ("title", "artists", "isrc", "source", "source_url")
"""What of a row that was taken up before is held against the track: by these its audio is found."""
FILLED_IN: Final = ("title", "artists", "album", "album_artist", "date", "isrc", "duration", "artwork_url")
"""What a service may add to what a row says."""
Resolve = Callable[[str], Awaitable[Found]]
"""What a source finds behind a URL."""


class RowsSource(Source):
    """Rows that name an address, a title and artists, or a Spotify id, and whose track is not kept."""

    name: ClassVar[str] = SOURCE
    supplies: ClassVar[bool] = False

    def __init__(self, mirror: Mirror, catalogs: Sequence[str], resolve: Resolve | None = None) -> None:
        """`catalogs` are the mirrored ones by name, which is the provider of their pages' ids too. `resolve` tells the
        title of a Spotify id that stands alone.
        """
        self._mirror, self._catalogs, self._resolve = mirror, tuple(catalogs), resolve

    def offering(self) -> bool | None:
        return True if self._catalogs else None

    async def list(self, *, limit: int | None = None) -> Found:
        """The newest row first. A row that was taken up and says something else by now is told as corrected."""
        return await self._listed(limit)

    async def news(self, unknown: Unknown) -> Found:
        """As `list`, without the rows that were taken up and say nothing else since."""
        return await self._listed(news=True)

    async def _listed(self, limit: int | None = None, *, news: bool = False) -> Found:
        tracks: list[Track] = []
        corrected: list[Track] = []
        look = LookUp(self._resolve)
        heeded: dict[str, list[MirrorRow]] = {}
        async for catalog, one in self._open(news):
            if len(tracks) == limit:
                break
            asked = _asked(Identity(catalog, one.row.page), one)
            if one.track is None and (track := await look.named(asked)):
                tracks.append(track)
            elif one.track and _differs(asked, one.track):
                corrected.append(asked)
            elif one.track and news:
                heeded.setdefault(catalog, []).append(one.row)
        for catalog, rows in heeded.items():
            await self._mirror.heeded(catalog, rows)
        return Found(
            tracks=tuple(tracks), corrected=tuple(corrected), refused=tuple(look.refused), passed_over=look.left
        )

    async def _open(self, news: bool) -> AsyncIterator[tuple[str, Open]]:
        for catalog in self._catalogs:
            async for batch in self._mirror.open(catalog, news=news):
                for one in batch:
                    yield catalog, one


class LookUp:
    """Finds out what the tracks are called of which a row says only where they are."""

    def __init__(self, resolve: Resolve | None) -> None:
        self._resolve, self._asked = resolve, 0
        self.refused: list[Refusal] = []
        self.left = 0
        """Rows that were not looked up now, or that say nothing by which a track could be found."""

    async def named(self, track: Track) -> Track | None:
        """The track with its name, or one whose audio is had by its address; None when there is neither yet."""
        if track.source != SOURCE:
            return replace(track, title=track.title or last_resort(track.source_url))
        if track.title and track.artists:
            return track
        if (id_ := id_at(SPOTIFY, track.identities)) and (told := await self._told(Identity(SPOTIFY, id_))):
            gaps = {name: getattr(told, name) for name in FILLED_IN if not getattr(track, name)}
            return replace(track, **gaps).with_identities(*told.identities)
        self.left += 1
        return None

    async def _told(self, identity: Identity) -> Track | None:
        """One question each, to a certain number; what hinders one as a service hinders them all."""
        if self._resolve is None or self._asked >= ASKED_AT_ONCE:
            return None
        self._asked += 1
        url = url_of(identity)
        try:
            found = await self._resolve(url)
        except MusicsyncError as error:
            self.refused.append(Refusal(name=url, error=error))
            if isinstance(error, Temporary | NeedsPerson):
                self._asked = ASKED_AT_ONCE
            return None
        self.refused += found.refused
        return next(iter(found.tracks), None)


def _asked(page: Identity, one: Open) -> Track:
    """What the row asks for. Where it says nothing, what was found out when it was taken up still holds."""
    asked = track_of(page, one.row.fields, elsewhere=SOURCE)
    if one.track is None:
        return asked
    return replace(asked, **{name: getattr(one.track, name) for name in FILLED_IN if not getattr(asked, name)})


def _differs(asked: Track, known: Track) -> bool:
    return any(getattr(asked, name) not in ("", getattr(known, name)) for name in CORRECTABLE)
