"""yt-dlp's SoundCloud extractors, kept from dropping what the service says: like time, ISRC, duration, previews.

Upstream's lists pass on id, title and address alone, although each page has the whole track. Imported in workers only:
the class-level headers that upstream keeps a token in are harmless in a process that does one thing and ends.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from yt_dlp.extractor.soundcloud import (
    SoundcloudBaseIE,
    SoundcloudIE,
    SoundcloudPlaylistIE,
    SoundcloudSearchIE,
    SoundcloudSetIE,
    SoundcloudUserIE,
)
from yt_dlp.networking.exceptions import HTTPError
from yt_dlp.utils import ExtractorError

from musicsyncd.errors import BadInput
from musicsyncd.sources.ytdlp_errors import ELSEWHERE

Raw = Mapping[str, Any]
Info = dict[str, Any]

PAGE: Final = 200
"""Tracks of one page: the most that the service gives."""
STUBS_AT_ONCE: Final = 50
"""A set's page has its first tracks whole and of the others the numbers; so many of those are asked for at a time."""
RELEASES: Final = frozenset({"album", "ep", "single", "compilation"})
"""Kinds of set that are a release; a mere playlist is no album."""
ARTWORK_SIZE: Final = re.compile(r"-[0-9a-z]+\.(?:jpg|png)(?=$|\?)")
PREVIEW: Final = -10
"""Upstream's mark of a format that is a preview."""
ONLY_A_SET: Final = "is a set, not a track: ask for it by its own address"


def told(track: Raw, token: str = "") -> Info:
    """What the service says of a track, in yt-dlp's words and a few of ours."""
    user, published = track.get("user") or {}, track.get("publisher_metadata") or {}
    seconds = (track.get("full_duration") or track.get("duration") or 0) / 1000
    artwork = track.get("artwork_url") or user.get("avatar_url") or ""
    return {
        "_type": "url",
        "ie_key": "Soundcloud",
        "id": str(track.get("id") or ""),
        "url": _address(track, token),
        "title": track.get("title"),
        "uploader": user.get("username"),
        "artists": [published["artist"]] if published.get("artist") else None,
        "album": published.get("album_title"),
        "isrc": published.get("isrc"),
        "genre": track.get("genre"),
        "duration": seconds or None,
        "release_date": _day(track.get("release_date")),
        "upload_date": _day(track.get("created_at")),
        "thumbnail": ARTWORK_SIZE.sub("-t500x500.jpg", artwork) or None,
        "view_count": track.get("playback_count"),
        "preview": _is_preview(track),
    }


def _address(track: Raw, token: str) -> str:
    secret = token or track.get("secret_token") or ""
    if url := track.get("permalink_url"):
        return url if not secret or f"/{secret}" in url else f"{url}/{secret}"
    url = f"https://api.soundcloud.com/tracks/{track.get('id')}"
    return f"{url}?secret_token={secret}" if secret else url


def _day(moment: object) -> str | None:
    """`20240102` from an ISO 8601 moment."""
    return moment[:10].replace("-", "") if isinstance(moment, str) else None


def _transcodings(track: Raw) -> list[Raw]:
    return [one for one in (track.get("media") or {}).get("transcodings") or [] if isinstance(one, dict)]


def _is_preview(track: Raw) -> bool:
    """Whether only some seconds of it are offered; what is bound by DRM does not count as an offer."""
    offered = [one for one in _transcodings(track) if not _protocol(one).startswith(("ctr-", "cbc-"))]
    return track.get("policy") == "SNIP" or (bool(offered) and all(one.get("snipped") for one in offered))


def _protocol(transcoding: Raw) -> str:
    return str((transcoding.get("format") or {}).get("protocol") or "")


class Account(SoundcloudBaseIE):  # type: ignore[misc]  # untyped upstream
    """A token that costs no request of its own, and that is dropped, once and for all, where it is not accepted."""

    def _verify_oauth_token(self, token: str) -> None:
        self._HEADERS["Authorization"] = f"OAuth {token}"

    def _call_api(self, *args: Any, **kwargs: Any) -> Any:
        """Upstream looks for a new client id by itself; what is still refused then is refused because of the token.

        Some addresses are those that an answer names (the next page, a format): the token goes nowhere by their word.
        """
        self._refuse_strangers(args[0])
        try:
            return super()._call_api(*args, **kwargs)
        except ExtractorError as error:
            status = error.cause.status if isinstance(error.cause, HTTPError) else 0
            if status != 401 or "Authorization" not in self._HEADERS:
                raise
        self._HEADERS.clear()
        self._downloader.token_refused = True
        return super()._call_api(*args, **kwargs)

    def _refuse_strangers(self, url: str) -> None:
        place, own = urlsplit(url), urlsplit(self._API_V2_BASE)
        if (place.scheme, place.netloc) != (own.scheme, own.netloc):
            raise ExtractorError(f"SoundCloud's answer leads on to {place.netloc}, which is not asked", expected=True)

    def _extract_thumbnails(self, info: Raw) -> list[Info] | None:
        """Upstream asks for the picture, token and all, to learn its kind; ours is told by its bytes."""
        artwork = info.get("artwork_url") or (info.get("user") or {}).get("avatar_url")
        if not artwork:
            return None
        names = ("t500x500.jpg", "original.png", "original.jpg")
        found = [ARTWORK_SIZE.sub(f"-{name}", artwork) for name in names]
        return [{"url": url, "preference": place} for place, url in enumerate(dict.fromkeys(found))]


class TrackIE(Account, SoundcloudIE):  # type: ignore[misc]
    """One track; looked at, it costs one request, and none for a format before it is to be fetched."""

    @classmethod
    def ie_key(cls) -> str:
        """Upstream's, so that its lists lead here."""
        return str(SoundcloudIE.ie_key())

    def _extract_info_dict(
        self, info: Raw, full_title: str | None = None, secret_token: str | None = None, extract_flat: bool = False
    ) -> Info:
        if info.get("kind") not in (None, "track"):
            raise BadInput(f"What stands there is a {info.get('kind')}, not a track")
        known = told(info, secret_token or "")
        if self._downloader.request["do"] == "look":
            return known | {"_type": "video"}
        whole = [one for one in _transcodings(info) if not one.get("snipped")]
        asked = {**info, "media": {"transcodings": whole}}
        if "Authorization" not in self._HEADERS:
            asked["downloadable"] = False  # guests are never given the original: not worth a request
        found: Info = super()._extract_info_dict(asked, full_title, secret_token, extract_flat)
        offered = [one for one in found["formats"] or () if one.get("preference") != PREVIEW]
        if not offered:
            raise _nothing_offered(info)
        known |= {"webpage_url": known.pop("url"), "formats": offered, "track": None}
        del known["_type"], known["thumbnail"]  # a track of its own, with several pictures
        return {**found, **known}


def _nothing_offered(track: Raw) -> BadInput:
    if _is_preview(track):
        return BadInput("SoundCloud offers only a preview of this track", fix=ELSEWHERE)
    if _transcodings(track):  # since 2026 the open formats of a protected track answer 404
        return BadInput("The track is protected by DRM and cannot be fetched", fix=ELSEWHERE)
    return BadInput("SoundCloud offers no audio of this track", fix=ELSEWHERE)


def _of_set(track: Raw, token: str | None) -> Info:
    """A private set's token opens those of its tracks that have no address of their own."""
    return told(track, "" if track.get("permalink_url") else token or "")


class Sets(Account):
    """Sets with every track's own words, and an album's name only where the set is a release."""

    def _extract_set(self, playlist: Raw, token: str | None = None) -> Info:
        if playlist.get("kind") not in (None, "playlist", "system-playlist"):
            raise BadInput(f"What stands there is a {playlist.get('kind')}, not a set")
        album: Info = {}
        if playlist.get("set_type") in RELEASES:
            album = {"album": playlist.get("title"), "album_artist": (playlist.get("user") or {}).get("username")}
        number = str(playlist.get("id") or "")
        entries = ({**_of_set(track, token), **album} for track in self._whole(playlist, number, token))
        return dict(self.playlist_result(entries, number, playlist.get("title")))

    def _whole(self, playlist: Raw, number: str, token: str | None) -> Iterator[Raw]:
        """The tracks in their order; those of which only the number is there are asked for, as far as is wanted."""
        tracks: list[Raw] = list(playlist.get("tracks") or ())
        for start in range(0, len(tracks), STUBS_AT_ONCE):
            some = tracks[start : start + STUBS_AT_ONCE]
            stubs = [str(track["id"]) for track in some if not track.get("title") and track.get("id")]
            known = {track.get("id"): track for track in self._asked_for(stubs, number, token)} if stubs else {}
            yield from (known.get(track.get("id"), track) for track in some)

    def _asked_for(self, numbers: list[str], playlist: str, token: str | None) -> list[Raw]:
        query = {"ids": ",".join(numbers)}
        if token:
            query |= {"playlistId": playlist, "playlistSecretToken": token}
        found = self._call_api(
            f"{self._API_V2_BASE}tracks", playlist, "Downloading tracks", query=query, headers=self._HEADERS
        )
        return list(found or ())


class SetIE(Sets, SoundcloudSetIE):  # type: ignore[misc]
    """A set by its address."""


class NumberedSetIE(Sets, SoundcloudPlaylistIE):  # type: ignore[misc]
    """A set by its number."""


class UserIE(Account, SoundcloudUserIE):  # type: ignore[misc]
    """Likes and other lists of a person, each entry with all that its page says."""

    def _entries(self, url: str, playlist_id: str) -> Iterator[Info]:
        query: Info = {"limit": min(PAGE, self._downloader.params["playlistend"]), "linked_partitioning": "1"}
        query["offset"] = 0
        for number in itertools.count(1):
            page = self._call_api(
                url, playlist_id, query=query, headers=self._HEADERS, note=f"Downloading page {number}",
                impersonate=self._browser_impersonate_target,
            )  # fmt: skip
            yield from filter(None, map(_entry, page.get("collection") or ()))
            url = page.get("next_href") or ""
            if not url:
                return
            query.pop("offset", None)


def _entry(item: Raw) -> Info | None:
    """A like, a repost, or the track itself."""
    if track := item if item.get("kind") == "track" else item.get("track"):
        liked = item.get("created_at") if item is not track else None
        return told(track) | {"liked_at": liked}
    if one := item if item.get("kind") == "playlist" else item.get("playlist"):
        return {"id": str(one.get("id")), "title": one.get("title"), "url": one.get("permalink_url"),
                "no_track": ONLY_A_SET}  # fmt: skip
    return None


class SearchIE(Account, SoundcloudSearchIE):  # type: ignore[misc]
    """`scsearchN:words`, one page of whole tracks."""

    def _get_n_results(self, query: str, n: int) -> Info:
        page = self._call_api(
            f"{self._API_V2_BASE}search/tracks", query, query={"q": query, "limit": n, "offset": 0},
            headers=self._HEADERS, impersonate=self._browser_impersonate_target,
        )  # fmt: skip
        tracks = [told(item) for item in page.get("collection") or () if item.get("kind", "track") == "track"]
        return dict(self.playlist_result(tracks, query, query))

    _browser_impersonate_target = SoundcloudUserIE._browser_impersonate_target


EXTRACTORS: Final = (TrackIE, SetIE, NumberedSetIE, UserIE, SearchIE)
