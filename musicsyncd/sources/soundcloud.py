"""SoundCloud: a person's likes, sets and tracks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Final

from musicsyncd.errors import MusicsyncError, Temporary
from musicsyncd.http.budget import Budget, Pace
from musicsyncd.music.identity import Kind, address
from musicsyncd.music.track import Track
from musicsyncd.sources.base import Found, Progress, Refusal, Unknown
from musicsyncd.sources.streaming import StreamingService, once
from musicsyncd.sources.ytdlp import LOOK_DEADLINE, YtdlpOptions

PAGE: Final = 200
"""Likes of one page: the most that the service gives."""
SECONDS_A_PAGE: Final = 10.0
KNOWN_RUN: Final = 20
"""So many known likes in a row, at the end of a page, mean that all older ones are known too. One would not: a track
that came by another way may stand anywhere.
"""
TOKEN_REFUSED: Final = MusicsyncError(
    "SoundCloud does not accept the token in soundcloud.oauth_token, so that it is asked as a guest",
    fix="Put a new token there and restart, or take it out",
)


class SoundcloudSource(StreamingService):
    """What `[soundcloud]` names."""

    name: ClassVar[str] = "soundcloud"
    chained: ClassVar[int | None] = 5
    label: ClassVar[str] = "SoundCloud"
    domains: ClassVar[tuple[str, ...]] = ("soundcloud.com",)
    remedy: ClassVar[str] = (
        "It goes on by itself then. See with musicsyncctl doctor whether curl_cffi is there, and ask less: raise "
        "ytdlp.sleep_requests"
    )
    # About 600 requests in 10 minutes are allowed (yt-dlp's experience).
    pace: ClassVar[Pace] = Pace(rate=0.2, burst=20, patience=120.0, rest=60.0)
    search_key: ClassVar[str] = "scsearch"

    def __init__(
        self,
        options: YtdlpOptions,
        budget: Budget,
        *,
        profile: str = "",
        token: str = "",
        playlists: Sequence[str] = (),
        likes_limit: int = 1000,
    ) -> None:
        """`profile` is the name in `soundcloud.com/NAME`; `token` an OAuth token, which is told to no one else."""
        super().__init__(options, budget)
        self._profile, self._token, self._playlists = profile, token, tuple(playlists)
        self._likes_limit = likes_limit
        self._token_refused = False

    def hindrance(self) -> str:
        """What keeps it as a whole from working, or from working as its owner."""
        refused = str(TOKEN_REFUSED) if self._token_refused else ""
        return " ".join(text for text in (super().hindrance(), refused) if text)

    def offering(self) -> bool:
        return bool(self._profile or self._playlists)

    async def playlist(self, name: str, *, progress: Progress | None = None) -> Found | None:
        return await self._called(name, self._playlists)

    async def list(self, *, limit: int | None = None) -> Found:
        """The likes, newest first, then the tracks of the sets that the settings name.

        Raises Temporary for likes that are shown as an empty list, which is never the truth.
        """
        return await self._offered(None, limit)

    async def news(self, unknown: Unknown) -> Found:
        """The same; of the likes no more than one page where that ends in known ones."""
        return await self._offered(unknown, None)

    async def _offered(self, unknown: Unknown | None, limit: int | None) -> Found:
        most = self._likes_limit if limit is None else min(limit, self._likes_limit)
        likes = await self._likes(most, unknown) if self._profile and most else Found()
        room = None if limit is None else limit - len(likes.tracks)
        return await self._with_playlists(likes, room)

    async def _likes(self, most: int, unknown: Unknown | None) -> Found:
        url = f"https://soundcloud.com/{self._profile}/likes"
        first = await self._liked(url, min(most, PAGE))
        lines = len(first.tracks) + first.passed_over
        if most <= PAGE or lines < PAGE:  # the worker reads on until it has so many, or the list ends
            return first
        last = first.tracks[-KNOWN_RUN:]
        if unknown is not None and len(last) == KNOWN_RUN and not await unknown(last):
            return first
        return await self._liked(url, most)

    async def _liked(self, url: str, most: int) -> Found:
        deadline = LOOK_DEADLINE + most / PAGE * SECONDS_A_PAGE
        answer = await self._ask({"do": "look", "url": url, "limit": most}, deadline=deadline)
        if not answer["entries"] and not answer["refused"]:
            raise Temporary(
                f"SoundCloud shows no likes of {self._profile}",
                why="It does that to programs that it distrusts, and to everybody when the likes are private",
                fix=f"Open {url} in a browser without signing in",
            )
        found = self._found(answer, url)
        return replace(found, refused=(), passed_over=len(found.refused))

    async def _with_playlists(self, likes: Found, room: int | None) -> Found:
        tracks, refused, playlists = list(likes.tracks), list(likes.refused), list(likes.playlists)
        for url in self._playlists:
            if room is not None and len(tracks) - len(likes.tracks) >= room:
                break
            try:
                found = await self.resolve(url)
            except MusicsyncError as error:
                refused.append(Refusal(name=url, error=error))
                continue
            tracks += found.tracks
            refused += found.refused
            playlists += found.playlists
        most = None if room is None else len(likes.tracks) + room
        return Found(
            tracks=once(tracks)[:most],
            refused=tuple(refused),
            playlists=tuple(playlists),
            passed_over=likes.passed_over,
        )

    def _track(self, info: Mapping[str, Any], asked: str) -> Track:
        track = super()._track(info, asked)
        wanted = address(asked)
        if wanted and wanted.kind is Kind.TRACK and not wanted.identity.id[0].isdecimal():
            # A private track's token is in the address that was given, and nowhere else.
            track = replace(track, source_url=wanted.url).with_identities(wanted.identity)
        return replace(track, liked_at=str(info.get("liked_at") or ""))

    async def _account(self) -> dict[str, Any]:
        return {"token": self._token} if self._token and not self._token_refused else {}

    def _learned(self, answer: Mapping[str, Any]) -> None:
        self._token_refused = self._token_refused or bool(answer.get("token_refused"))
