"""What SoundCloud and YouTube have in common: their own addresses, searches, and a patience that is kept for each.

What goes wrong with one track stays with that track. What shuts out everybody (a bot wall, "too many requests") rests
the whole service, with a stated end that outlives a restart, and the other sources go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

import structlog

from musicsyncd.errors import BadInput, MusicsyncError, Temporary, from_dict
from musicsyncd.http.budget import Budget, Pace
from musicsyncd.music.candidate import Candidate
from musicsyncd.music.identity import Address, Identity, Kind, address, isrc, shareable_url
from musicsyncd.music.playlist import Playlist
from musicsyncd.music.track import Track
from musicsyncd.processes.run import Message
from musicsyncd.sources.base import Found, is_called
from musicsyncd.sources.ytdlp import LOOK_DEADLINE, YtdlpOptions, YtdlpSource
from musicsyncd.sources.ytdlp_track import track_of, with_delivery

logger = structlog.get_logger()
LONGEST_QUERY: Final = 200
"""Characters of a search: more words never find more."""


class StreamingService(YtdlpSource):
    """A named service behind yt-dlp; each run of the worker is one turn of its budget."""

    searches: ClassVar[bool] = True
    label: ClassVar[str]
    """As people write it."""
    domains: ClassVar[tuple[str, ...]]
    """Whatever lies there is its own: no other source gets what it does not understand."""
    remedy: ClassVar[str]
    """What helps where the service takes us for a bot."""
    pace: ClassVar[Pace]
    """Runs of the worker, of which one asks about ten times."""
    search_key: ClassVar[str]
    """What yt-dlp calls a search there."""

    def __init__(self, options: YtdlpOptions, budget: Budget) -> None:
        super().__init__(options)
        self._budget = budget

    def owns(self, url: str) -> bool:
        try:
            host = urlsplit(url.strip()).hostname or ""
        except ValueError:  # an open bracket in the host
            return False
        is_web = url.strip().lower().startswith(("http://", "https://"))
        return is_web and any(host == domain or host.endswith(f".{domain}") for domain in self.domains)

    def hindrance(self) -> str:
        """Why nothing is asked for now, until when, and what helps."""
        until = self._budget.standing.not_before
        if not until or self._budget.rest <= 0:
            return ""
        what = f"{self.label} is left alone until {until.isoformat(sep=' ', timespec='seconds')}"
        return str(MusicsyncError(what, why=self._budget.standing.why, fix="The other sources go on"))

    async def search(self, query: str, limit: int) -> Sequence[Candidate]:
        """What the service's own search finds for some words, the best first."""
        words = " ".join(query.split())[:LONGEST_QUERY]
        if not words or limit < 1:
            return ()
        asked = {"do": "look", "url": f"{self.search_key}{limit}:{words}", "limit": limit}
        answer = await self._ask(asked, deadline=LOOK_DEADLINE)
        found = [self._candidate(info) for info in answer["entries"]]
        return tuple(one for one in found if one)

    async def _called(self, name: str, urls: Iterable[str]) -> Found | None:
        """What stands behind those of these lists that bear this name; a list's trouble is raised where none does."""
        found: list[Found] = []
        trouble: MusicsyncError | None = None
        for url in urls:
            try:
                one = await self.resolve(url)
            except MusicsyncError as error:
                trouble = trouble or error
                continue
            found += [one] if any(is_called(each.title, name) for each in one.playlists) else []
        if not found and trouble:
            raise trouble
        if not found:
            return None
        tracks = once(track for one in found for track in one.tracks)
        refused, playlists = (
            tuple(chain.from_iterable(parts))
            for parts in zip(*((one.refused, one.playlists) for one in found), strict=True)
        )
        return Found(tracks=tracks, refused=refused, playlists=playlists)

    # What a service says, in our words

    def _found(self, answer: Mapping[str, Any], asked: str) -> Found:
        found, listed = super()._found(answer, asked), answer.get("playlist") or {}
        place = address(str(listed.get("url")))
        if place is None or place.service != self.name or place.kind not in (Kind.PLAYLIST, Kind.SET, Kind.LIKES):
            return found
        tracks = tuple(track.identities[0] for track in found.tracks)
        whole = listed["whole"] and len(found.refused) == len(answer["refused"])
        playlist = Playlist(identity=place.identity, title=listed["title"], tracks=tracks, whole=whole)
        return replace(found, playlists=(playlist,))

    def _address(self, url: str) -> str:
        """The service's one address for it: what was typed never reaches the network."""
        return self._checked(self._understood(url))

    def _understood(self, url: str) -> Address:
        found = address(url)
        if found is None or found.service != self.name:
            what = f"{shareable_url(url)} is no track and no list of {self.label} that is known here"
            raise BadInput(what, fix="Give the address of a track, a playlist or a person")
        return found

    def _checked(self, found: Address) -> str:
        return found.url

    def _track(self, info: Mapping[str, Any], asked: str) -> Track:
        track = track_of(_without_topic(info), asked)
        found = address(track.source_url)
        if found is None or found.service != self.name or found.kind is not Kind.TRACK:
            raise BadInput("The entry is no track", why=f"It leads to {shareable_url(track.source_url)}")
        known = Identity(self.name, str(info.get("id") or found.identity.id))
        identities = tuple(dict.fromkeys((known, found.identity)))
        return replace(track, source=self.name, source_url=found.url, identities=identities)

    def _filled(self, track: Track, info: Mapping[str, Any]) -> Track:
        told = self._track(info, track.source_url)
        filled = replace(with_delivery(track, _without_topic(info)), identities=track.identities)
        return filled.with_identities(*told.identities)

    def _candidate(self, info: Mapping[str, Any]) -> Candidate | None:
        try:
            track = self._track(info, str(info.get("url")))
        except (BadInput, ValueError):  # a channel or a list among what was found
            return None
        plays = info.get("view_count")
        return Candidate(
            source=self.name,
            url=track.source_url,
            title=str(info.get("title") or track.title),
            identities=track.identities,
            artists=tuple(one for one in info.get("artists") or () if isinstance(one, str)),
            uploader=str(info.get("uploader") or info.get("channel") or ""),
            duration=track.duration,
            isrc=isrc(str(info.get("isrc") or "")),
            album=track.album,
            plays=plays if isinstance(plays, int) else None,
            official=_is_topic(info),
            preview=bool(info.get("preview")),
        )

    # Asking, within the budget

    async def _account(self) -> dict[str, Any]:
        """Who asks: what the request says beside the question. It crosses the pipe only."""
        return {}

    def _learned(self, answer: Mapping[str, Any]) -> None:
        """Told every answer."""

    async def _ask(
        self, request: Mapping[str, Any], *, deadline: float, on_message: Callable[[Message], None] | None = None
    ) -> dict[str, Any]:
        """What the worker answers; Temporary, with the delay, while the service is to be left alone."""
        await self._budget.turn()
        try:
            asked = {**request, "service": self.name, **await self._account()}
            answer = await super()._ask(asked, deadline=deadline, on_message=on_message)
        except BaseException:
            self._budget.dropped()
            raise
        if "complaint" in answer:
            raise await self._heard(answer["complaint"])
        await self._budget.answered(200, {})
        self._learned(answer)
        return answer

    async def _heard(self, complaint: Mapping[str, Any]) -> MusicsyncError:
        """The error to raise, after the budget was told whom it concerns."""
        error, pause = from_dict(complaint["error"]), complaint["pause"]
        if pause is not None:
            return await self._rested(error, float(pause))
        if complaint["out_of_order"]:
            await self._budget.failed(error)
            if isinstance(error, Temporary) and (rest := self._budget.rest):  # no track is given up for its sake
                return Temporary(error.what, delay=rest, why=error.why, fix=error.fix, counts=False)
        else:
            await self._budget.answered(200, {})  # it speaks, if only to refuse this track
        return error

    async def _rested(self, error: MusicsyncError, pause: float) -> MusicsyncError:
        known = self._budget.rest > 0
        await self._budget.asked_to_rest(pause, str(MusicsyncError(error.what, fix=self.remedy)))
        if not known:
            until = self._budget.standing.not_before
            logger.warning("service left alone", service=self.name, until=str(until), why=str(error), fix=self.remedy)
        return Temporary(error.what, delay=self._budget.rest, why=error.why, fix=self.remedy, counts=False)


def once(tracks: Iterable[Track]) -> tuple[Track, ...]:
    """Each track where it stands first: a liked one may stand in a list as well."""
    first: dict[Identity, Track] = {}
    for track in tracks:
        first.setdefault(track.identities[0], track)
    return tuple(first.values())


def _is_topic(info: Mapping[str, Any]) -> bool:
    """Whether it lies in the channel that YouTube makes of what a label delivers."""
    return str(info.get("uploader") or info.get("channel") or "").endswith(" - Topic")


def _without_topic(info: Mapping[str, Any]) -> Mapping[str, Any]:
    names = {key: str(info[key]).removesuffix(" - Topic") for key in ("uploader", "channel") if info.get(key)}
    return {**info, **names}
