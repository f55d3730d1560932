"""Music that somebody likes at Spotify: lists, what is playing, and the facts of each track. It supplies no audio."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Final, Protocol
from urllib.parse import urlsplit

from anyio import to_thread

from musicsyncd.clock import Clock
from musicsyncd.database import Database
from musicsyncd.errors import BadInput, MusicsyncError, NeedsPerson, Permanent, Temporary
from musicsyncd.music.identity import SPOTIFY, Address, Identity, Kind, address
from musicsyncd.music.track import Track
from musicsyncd.sources.base import Found, Progress, Refusal, Source, Supplied, Unknown, is_called
from musicsyncd.sources.spotify_account import AGAIN
from musicsyncd.sources.spotify_client import Call, SpotifyClient, TokenRefused
from musicsyncd.sources.spotify_csv import Export, files_of, read_export
from musicsyncd.sources.spotify_library import SAVED, SpotifyLibrary, saved_page
from musicsyncd.sources.spotify_lists import Lists
from musicsyncd.sources.spotify_track import SOURCE, track_of

LONGEST_ALBUM: Final = 300
"""Tracks of one album that are looked up, each by a question of its own."""
HOSTS: Final = ("spotify.com", "spotify.link", "spotify.app.link", "spoti.fi")
"""With all that lies below them."""
Reader = Callable[[Unknown | None], Awaitable[Found]]
"""Reads one list."""


class Tokens(Protocol):
    """What this source needs of being signed in."""

    async def token(self) -> str:
        """An access token; NeedsPerson when nobody is signed in."""

    async def renewed(self, refused: str) -> str:
        """A token other than this one, which was refused."""

    async def account(self) -> str:
        """Whose lists are read."""


class SpotifySource(Source):
    """Spotify, by the Web API as apps in development mode have it since 2026, and by a CSV export of the library."""

    name: ClassVar[str] = SOURCE
    supplies: ClassVar[bool] = False
    chained: ClassVar[int | None] = 5

    def __init__(
        self,
        tokens: Tokens,
        client: SpotifyClient,
        database: Database,
        clock: Clock,
        *,
        set_up: bool = True,
        playlists: Sequence[str] = (),
        library_csv: Path | None = None,
    ) -> None:
        """`set_up`: whether there is an app to ask as; without one only the CSV is offered. `playlists` are ids."""
        self._tokens, self._client, self._set_up = tokens, client, set_up
        self._library = SpotifyLibrary(self._ask, tokens.account, Lists(database), clock)
        self._playlists, self._csv = tuple(playlists), library_csv
        self._exports: dict[Path, Export] = {}
        self._taken: dict[Path, tuple[int, int]] = {}
        """Exports all of whose tracks were known at the last look, by their stamps."""

    def offering(self) -> bool:
        return self._set_up or self._csv is not None

    def listening(self) -> bool:
        return self._set_up

    def owns(self, url: str) -> bool:
        """Also what names nothing there: no downloader shall be handed it."""
        if (found := address(url)) is not None:
            return found.service == SPOTIFY
        try:
            host = (urlsplit(url.strip()).hostname or "").rstrip(".")
        except ValueError:
            return False
        return any(host == one or host.endswith(f".{one}") for one in HOSTS)

    async def resolve(self, url: str, *, progress: Progress | None = None) -> Found:
        """The track, or the tracks of a playlist, an album or the saved tracks.

        An album costs one question for each of its tracks, because its own list names no ISRC. Raises BadInput for what
        is no music, NeedsPerson when nobody is signed in and the CSV export does not have it either.
        """
        found = address(url)
        if found is None or found.service != SPOTIFY:
            fix = "Give the address of a track, an album or a playlist"
            raise BadInput(f"{url!r} names nothing at Spotify that could be looked up", fix=fix)
        tell = progress or _silent
        match found.kind:
            case Kind.TRACK:
                return await self._track(found)
            case Kind.PLAYLIST:
                id_ = found.identity.id.partition(":")[2]
                return await self._library.named(id_, tell)
            case Kind.ALBUM:
                return await self._album(found, tell)
            case Kind.LIKES:
                return await self._library.everything("Saved tracks", saved_page, tell, of=SAVED)
            case kind:
                fix = "Give the address of a track, an album or a playlist"
                raise BadInput(f"{found.url} is no music that could be taken", why=f"It leads to: {kind}", fix=fix)

    async def list(self, *, limit: int | None = None) -> Found:
        """Saved tracks, playlists of the settings and the CSV; with a limit the newest saved tracks only, or where
        there is no account the newest of the CSV.
        """
        if limit is None:
            return await self._offered(None)
        if not limit:
            return Found()
        if self._set_up:
            try:
                return await self._library.newest(limit)
            except (NeedsPerson, Temporary):
                if self._csv is None:
                    raise
        found = await self._exported(None)
        return replace(found, tracks=found.tracks[:limit])

    async def news(self, unknown: Unknown) -> Found:
        """What is new since the last look: one question for each list where nothing is."""
        return await self._offered(unknown)

    async def playlist(self, name: str, *, progress: Progress | None = None) -> Found | None:
        """Of playlists that are called the same the first; one's trouble is raised where none is called so."""
        trouble: MusicsyncError | None = None
        for id_ in self._playlists if self._set_up else ():
            try:
                title = (await self._library.head(id_))[0]
            except MusicsyncError as error:
                trouble = trouble or error
                continue
            if is_called(title, name):
                return await self._library.named(id_, progress or _silent)
        if trouble:
            raise trouble
        return None

    async def tracks(self, query: str, limit: int) -> Sequence[Track]:
        """What Spotify's search finds for words or `isrc:…`, the best first: facts to look at, and no audio."""
        answer = await self._ask("A search", lambda spotify: spotify.search(q=query, type="track", limit=limit))
        page = answer.get("tracks") if isinstance(answer, Mapping) else None
        lines = page.get("items") if isinstance(page, Mapping) else None
        found = [track_of(one, "found") for one in lines] if isinstance(lines, list) else []
        return [one for one in found if isinstance(one, Track)]

    async def playing(self) -> Found:
        """What is played now; why it cannot be taken, where it is an advertisement, an episode or a local file."""
        if not self._set_up:
            return Found()
        answer = await self._ask(
            "What is playing", lambda spotify: spotify.current_user_playing_track(additional_types=("track", "episode"))
        )
        if not isinstance(answer, Mapping):
            return Found()
        kind, where = str(answer.get("currently_playing_type") or "track"), "Playing now"
        if not answer.get("is_playing"):
            return Found(refused=(Refusal(name=where, error=BadInput("Playback is paused")),))
        if kind != "track":
            return Found(
                refused=(Refusal(name=where, error=BadInput(f"Spotify calls it {kind!r}, which is no track")),)
            )
        found = track_of(answer.get("item"), where)
        return Found(tracks=(found,)) if isinstance(found, Track) else Found(refused=(found,))

    async def recent(self, unknown: Unknown) -> Found:
        """What was played since the last call whose tracks were taken."""
        return await self._library.recent(unknown) if self._set_up else Found()

    async def supply(self, track: Track, folder: Path, progress: Progress) -> Supplied:
        """Never: Spotify gives nobody its audio, and no downloader is handed its addresses."""
        raise Permanent(
            f"Spotify supplies no audio of {track.label}",
            why="It must be had from another source",
            fix="Give the address of the same recording elsewhere: musicsyncctl sync --url URL",
        )

    async def _offered(self, unknown: Unknown | None) -> Found:
        """Every list by itself: trouble with one is told, and the others go on. An error when there is nothing else."""
        found, errors = [await self._exported(unknown)], []
        lists: dict[str, Reader] = {"Saved tracks": self._library.saved}
        lists |= {f"Playlist {id_}": partial(self._library.playlist, id_) for id_ in self._playlists}
        for name, read in lists.items() if self._set_up else ():
            try:
                found.append(await read(unknown))
            except MusicsyncError as error:
                errors.append(Refusal(name=name, error=error))
        tracks = {one.identities[0]: one for part in reversed(found) for one in reversed(part.tracks)}
        if errors and len(errors) == len(lists) and not tracks:
            raise errors[0].error
        refused = (*errors, *(one for part in found for one in part.refused))
        playlists = tuple(one for part in found for one in part.playlists)
        return Found(tracks=tuple(reversed(tracks.values())), refused=refused, playlists=playlists)

    async def _track(self, asked: Address) -> Found:
        id_ = asked.identity.id.partition(":")[2]
        try:
            answer = await self._ask(f"Track {id_}", lambda spotify: spotify.track(id_))
        except (NeedsPerson, Temporary):
            if kept := await self._in_export(asked.identity):
                return Found(tracks=(kept,))
            raise
        return _one(track_of(answer, asked.url), asked.identity)

    async def _album(self, asked: Address, progress: Progress) -> Found:
        id_ = asked.identity.id.partition(":")[2]
        album = await self._ask(f"Album {id_}", lambda spotify: spotify.album(id_))
        album = album if isinstance(album, Mapping) else {}
        title = f"Album {album.get('name') or id_}"

        def page(spotify: Any, limit: int, offset: int) -> Any:
            return _as_lines(spotify.album_tracks(id_, limit=limit, offset=offset), album)

        listed = await self._library.everything(title, page, _silent)
        if len(listed.tracks) > LONGEST_ALBUM:
            raise BadInput(f"{title} has more than {LONGEST_ALBUM} tracks")
        tracks: list[Track] = []
        refused = [*listed.refused]
        for number, one in enumerate(listed.tracks, 1):
            progress(number / len(listed.tracks), one.label)
            try:
                tracks += (await self._track(Address(kind=Kind.TRACK, identity=one.identities[0]))).tracks
            except BadInput as error:
                refused.append(Refusal(name=f"{title}: {one.label}", error=error))
        return Found(tracks=tuple(tracks), refused=tuple(refused))

    async def _ask(self, what: str, call: Call) -> Any:
        """A question in the name of who is signed in; a token that was refused is replaced once."""
        token = await self._tokens.token()
        try:
            return await self._client.ask(what, call, token)
        except TokenRefused:
            token = await self._tokens.renewed(token)
        try:
            return await self._client.ask(what, call, token)
        except TokenRefused:
            raise Temporary("Spotify refuses the token that it has just given", delay=AGAIN) from None

    async def _exported(self, unknown: Unknown | None) -> Found:
        """What the CSV holds; nothing of a file that has not changed since all of it was known."""
        if self._csv is None:
            return Found()
        tracks: list[Track] = []
        refused: list[Refusal] = []
        try:
            files = await to_thread.run_sync(files_of, self._csv)
        except MusicsyncError as error:
            return Found(refused=(Refusal(name=str(self._csv), error=error),))
        for file in files:
            try:
                export = await self._read(file)
            except MusicsyncError as error:
                refused.append(Refusal(name=str(file), error=error))
                continue
            if unknown is None or self._taken.get(file) != export.stamp:
                tracks += export.found.tracks
                refused += export.found.refused
            if unknown and not await unknown(export.found.tracks):
                self._taken[file] = export.stamp
        return Found(tracks=tuple(tracks), refused=tuple(refused))

    async def _read(self, file: Path) -> Export:
        self._exports[file] = await to_thread.run_sync(read_export, file, self._exports.get(file))
        return self._exports[file]

    async def _in_export(self, identity: Identity) -> Track | None:
        offered = (await self._exported(None)).tracks
        return next((one for one in offered if identity in one.identities), None)


def _one(found: Track | Refusal, asked: Identity) -> Found:
    """The track that was asked for, under the id that it was asked by too: Spotify may answer with another edition."""
    if isinstance(found, Refusal):
        raise found.error
    return Found(tracks=(found.with_identities(asked),))


def _as_lines(page: Any, album: Mapping[str, Any]) -> Any:
    """An album's own list in the form of every other list; its tracks do not say which album they are of."""
    lines = page.get("items") if isinstance(page, Mapping) else None
    if not isinstance(lines, list):
        return page
    return {
        **page,
        "items": [{"track": {**one, "album": album} if isinstance(one, Mapping) else None} for one in lines],
    }


def _silent(share: float | None, text: str) -> None:
    """Progress that nobody waits for."""
