"""YouTube and YouTube Music: videos, playlists, and a search."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

from anyio import to_thread

from musicsyncd.errors import MusicsyncError, NeedsPerson
from musicsyncd.http.budget import Budget, Pace
from musicsyncd.music.identity import Address, Kind
from musicsyncd.music.playlist import Playlist
from musicsyncd.music.track import Track
from musicsyncd.sources.base import Found, Progress, Refusal
from musicsyncd.sources.streaming import StreamingService, once
from musicsyncd.sources.ytdlp import YtdlpOptions

LARGEST_COOKIES: Final = 1024 * 1024
"""Bytes."""
COOKIE_HOSTS: Final = ("youtube.com", "google.com")
"""Whose cookies are handed over: a browser's export holds those of every site that its owner is signed in to."""
NETSCAPE: Final = "# Netscape HTTP Cookie File\n"


class YoutubeSource(StreamingService):
    """What `[youtube]` names."""

    name: ClassVar[str] = "youtube"
    label: ClassVar[str] = "YouTube"
    domains: ClassVar[tuple[str, ...]] = ("youtube.com", "youtu.be", "youtube-nocookie.com")
    remedy: ClassVar[str] = (
        "It goes on by itself then. If it comes again, name the cookies of a signed-in browser in youtube.cookies_file "
        "or raise ytdlp.sleep_requests"
    )
    # About 300 videos in an hour are given to a guest (yt-dlp's experience).
    pace: ClassVar[Pace] = Pace(rate=0.1, burst=20, patience=120.0, rest=60.0)
    search_key: ClassVar[str] = "ytsearch"

    def __init__(
        self,
        options: YtdlpOptions,
        budget: Budget,
        *,
        playlists: Sequence[str] = (),
        cookies_file: Path | None = None,
    ) -> None:
        """`cookies_file` is read anew for each run, and never written to."""
        super().__init__(options, budget)
        self._playlists, self._cookies_file = tuple(playlists), cookies_file

    def offering(self) -> bool:
        return bool(self._playlists)

    async def playlist(self, name: str, *, progress: Progress | None = None) -> Found | None:
        return await self._called(name, self._playlists)

    async def list(self, *, limit: int | None = None) -> Found:
        """The tracks of the playlists that the settings name, in their order."""
        tracks: list[Track] = []
        refused: list[Refusal] = []
        playlists: list[Playlist] = []
        for url in self._playlists:
            if limit is not None and len(tracks) >= limit:
                break
            try:
                found = await self.resolve(url)
            except MusicsyncError as error:
                refused.append(Refusal(name=url, error=error))
                continue
            tracks += found.tracks
            refused += found.refused
            playlists += found.playlists
        return Found(tracks=once(tracks)[:limit], refused=tuple(refused), playlists=tuple(playlists))

    def _checked(self, found: Address) -> str:
        """A channel is several lists: of its uploads it is asked."""
        return f"{found.url}/videos" if found.kind is Kind.USER else found.url

    async def _account(self) -> dict[str, Any]:
        if self._cookies_file is None:
            return {}
        return {"cookies": await to_thread.run_sync(_cookies, self._cookies_file)}


def _cookies(path: Path) -> str:
    """The service's own part of a cookie file; NeedsPerson when there is none to be had."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            lines = file.read(LARGEST_COOKIES).splitlines()
    except OSError as error:
        what, fix = f"The cookies in {path} cannot be read", "Correct youtube.cookies_file, or take it out"
        raise NeedsPerson(what, why=error.strerror or str(error), fix=fix) from error
    kept = _of_the_service(lines)
    if not kept:
        fix = "Export them from a browser that is signed in there, in Netscape format"
        raise NeedsPerson(f"{path} holds no cookies of YouTube", fix=fix)
    return NETSCAPE + "\n".join(kept) + "\n"


def _of_the_service(lines: Iterable[str]) -> list[str]:
    kept = []
    for line in lines:
        host = line.removeprefix("#HttpOnly_").partition("\t")[0].lstrip(".").lower()
        if "\t" in line and any(host == one or host.endswith(f".{one}") for one in COOKIE_HOSTS):
            kept.append(line)
    return kept
