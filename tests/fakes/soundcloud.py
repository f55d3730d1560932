"""SoundCloud as yt-dlp's extractors know it: pages, the interface behind them, and the machines that hold audio.

Shapes after yt_dlp/extractor/soundcloud.py (2026.10.26); the words in them are invented.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import urlsplit

from tests.fakes import streams
from tests.fakes.origin import Page
from tests.fakes.web import Visit

API: Final = "api-v2.soundcloud.com"
HLS: Final = "cf-hls-media.sndcdn.com"
OWNER: Final = {
    "kind": "user",
    "id": 77,
    "username": "Ada Voss",
    "permalink": "ada-voss",
    "permalink_url": "https://soundcloud.com/ada-voss",
    "avatar_url": "https://i1.sndcdn.com/avatars-000-abc-large.jpg",
}
Raw = dict[str, Any]


def page(answer: object, status: int = 200, **headers: str) -> Page:
    """JSON."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Page(body=json.dumps(answer).encode(), content_type="application/json", status=status, headers=named)


class SoundCloud:
    """A person with likes and tracks; what is asked is answered after the state of the moment."""

    def __init__(self) -> None:
        self.client_id = "A" * 32
        self.tokens: set[str] = set()
        """OAuth tokens that are good."""
        self.originals: set[int] = set()
        """Tracks whose original may be fetched by who is signed in."""
        self.by_path: dict[str, Raw] = {"ada-voss": OWNER}
        self.likes: list[Raw] = []
        """Newest first."""
        self.short: dict[str, str] = {}
        """Codes of short links, and where they lead."""
        self.instead: dict[str, list[Page]] = defaultdict(list)
        """Answers for what comes next, by the beginning of host and path."""
        self.files: dict[int, bytes] = {}
        """Tracks that are one file (`stream/progressive`), and its bytes."""
        self.seconds = 6.0

    # What a test says

    def add(self, number: int, title: str = "", **fields: Any) -> str:
        """Put a track there; its URL."""
        slug = str(fields.pop("permalink", f"title-{number}"))
        url = f"https://soundcloud.com/ada-voss/{slug}"
        base = f"https://{API}/media/soundcloud:tracks:{number}"
        self.by_path[f"ada-voss/{slug}"] = {
            "kind": "track",
            "id": number,
            "title": title or f"Title {number}",
            "permalink": slug,
            "permalink_url": url,
            "uri": f"https://api.soundcloud.com/tracks/soundcloud%3Atracks%3A{number}",
            "user": OWNER,
            "created_at": "2024-01-02T03:04:05Z",
            "duration": int(self.seconds * 1000),
            "full_duration": int(self.seconds * 1000),
            "genre": "House",
            "playback_count": 5,
            "artwork_url": "https://i1.sndcdn.com/artworks-abc-0-large.jpg",
            "downloadable": number in self.originals,
            "has_downloads_left": number in self.originals,
            "policy": "ALLOW",
            "publisher_metadata": {"artist": "Ada Voss", "isrc": f"QZABC24{number:05}"},
            "media": {
                "transcodings": [
                    transcoding(f"{base}/u1/stream/hls", "hls")
                    if number not in self.files
                    else transcoding(f"{base}/u1/stream/progressive", "progressive"),
                    transcoding(f"{base}/u4/stream/ctr-encrypted-hls", "ctr-encrypted-hls"),
                ]
            },
        } | fields
        return url

    def like(self, number: int, moment: str, **fields: Any) -> str:
        """Put a track there, liked before all that were liked so far in the list; its URL."""
        url = self.add(number, **fields)
        track = self.by_path[urlsplit(url).path.strip("/")]
        self.likes.append({"created_at": moment, "kind": "like", "track": track})
        return url

    def add_set(self, slug: str, numbers: list[int], *, whole: int = 5, **fields: Any) -> str:
        """A set of tracks that are there; only its first ones come whole."""
        tracks = [self.numbered(number) for number in numbers]
        stubs = [{"id": track["id"], "kind": "track"} for track in tracks[whole:]]
        url = f"https://soundcloud.com/ada-voss/sets/{slug}"
        self.by_path[f"ada-voss/sets/{slug}"] = {
            "kind": "playlist",
            "id": 900,
            "title": f"Set {slug}",
            "permalink_url": url,
            "user": OWNER,
            "tracks": tracks[:whole] + stubs,
        } | fields
        return url

    def numbered(self, number: int) -> Raw:
        """A track by its number."""
        return next(one for one in self.by_path.values() if one["kind"] == "track" and one["id"] == number)

    # What is asked

    def answers_for(self, host: str) -> bool:
        return host.endswith((".soundcloud.com", ".sndcdn.com")) or host == "soundcloud.com"

    def answer(self, visit: Visit) -> Page:
        for beginning, pages in self.instead.items():
            if pages and visit.place.startswith(beginning):
                return pages.pop(0)
        match visit.host:
            case "soundcloud.com":
                return html('<script crossorigin src="https://a-v2.sndcdn.com/assets/0-x.js"></script>')
            case "a-v2.sndcdn.com":
                return Page(body=f'var e={{client_id:"{self.client_id}",env:"production"}}'.encode())
            case "on.soundcloud.com":
                return self._led_on(visit)
            case "i1.sndcdn.com":
                return Page(body=streams.picture(), content_type="image/jpeg")
            case "cf-media.sndcdn.com" | "cf-hls-media.sndcdn.com":
                return self._media(visit)
            case _:
                return self._api(visit)

    def _led_on(self, visit: Visit) -> Page:
        target = self.short.get(visit.path.strip("/"))
        return Page(status=302, headers={"Location": target}) if target else Page(status=404)

    def _api(self, visit: Visit) -> Page:
        given = visit.headers.get("authorization", "").removeprefix("OAuth ")
        if visit.query.get("client_id") != self.client_id or (given and given not in self.tokens):
            return page({}, 401)
        match PurePosixPath(visit.path).parts[1:]:
            case ["resolve"]:
                return self._resolved(visit)
            case ["users", "77", "likes"]:
                return self._liked(visit)
            case ["users", "77", "tracks"]:
                return self._listed([one for one in self.by_path.values() if one["kind"] == "track"], visit)
            case ["search", "tracks"]:
                words = visit.query["q"].lower().split()
                tracks = [one for one in self.by_path.values() if one["kind"] == "track"]
                return self._listed([one for one in tracks if all(w in one["title"].lower() for w in words)], visit)
            case ["tracks"]:
                return page([self.numbered(int(number)) for number in visit.query["ids"].split(",")])
            case ["tracks", number]:
                return page(self.numbered(int(number)))
            case ["tracks", _, "download"]:
                original = {"redirectUri": "https://cf-media.sndcdn.com/original.wav"}
                return page(original) if given else page({}, 401)
            case ["media", urn, _, "stream", "progressive"]:
                return page({"url": f"https://cf-media.sndcdn.com/{urn.rpartition(':')[2]}.mp3"})
            case ["media", urn, _, "stream", "hls"]:
                number = urn.rpartition(":")[2]
                return page({"url": f"https://{HLS}/{number}/aac.m3u8?Policy=canary-policy&Signature=canary-signed"})
        return page({}, 404)

    def _resolved(self, visit: Visit) -> Page:
        path = urlsplit(visit.query["url"]).path.strip("/")
        found = self.by_path.get(path)
        if found and found.get("sharing") == "private":
            found = None
        if not found and "/s-" in path:
            open_, _, token = path.rpartition("/")
            found = self.by_path.get(open_)
            found = found if found and found.get("secret_token") == token else None
        return page(found) if found else page({}, 404)

    def _liked(self, visit: Visit) -> Page:
        return self._listed(self.likes, visit)

    def _listed(self, items: list[Raw], visit: Visit) -> Page:
        start, size = int(visit.query.get("offset", 0)), min(int(visit.query.get("limit", 10)), 200)
        more = f"https://{API}{visit.path}?offset={start + size}&limit={size}" if len(items) > start + size else None
        return page({"collection": items[start : start + size], "next_href": more, "query_urn": None})

    def _media(self, visit: Visit) -> Page:
        if visit.path == "/original.wav":
            attached = {"Content-Disposition": 'attachment; filename="original.wav"'}
            return Page(
                body=streams.recording(300.0, "wav", self.seconds), content_type="audio/x-wav", headers=attached
            )
        if visit.host == "cf-media.sndcdn.com":
            return Page(body=self.files[int(PurePosixPath(visit.path).stem)], content_type="audio/mpeg")
        number, _, name = visit.path.strip("/").partition("/")
        parts: Mapping[str, bytes] = streams.hls(200.0 + 7 * int(number), self.seconds)
        kind = "application/vnd.apple.mpegurl" if name.endswith("m3u8") else "audio/mp4"
        return Page(body=parts[name], content_type=kind) if name in parts else Page(status=404)


def transcoding(url: str, protocol: str, *, snipped: bool = False) -> Raw:
    """One way to hear a track."""
    kind = {"protocol": protocol, "mime_type": 'audio/mp4; codecs="mp4a.40.2"'}
    return {"url": url, "preset": "aac_160k", "snipped": snipped, "format": kind, "quality": "sq"}


def html(body: str) -> Page:
    """A web page."""
    return Page(body=f"<!DOCTYPE html><html><body>{body}</body></html>".encode(), content_type="text/html")


def cut(whole: Page, after: int) -> Page:
    """The same, broken off."""
    return replace(whole, cut_after=after)
