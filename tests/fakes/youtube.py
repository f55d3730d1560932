"""YouTube as yt-dlp's extractors know it: pages, innertube, and the machines that hold audio.

Shapes after yt_dlp/extractor/youtube (2026.10.26); the words in them are invented.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any, Final

from tests.fakes import streams
from tests.fakes.origin import Page
from tests.fakes.soundcloud import page
from tests.fakes.web import Visit

CHANNEL: Final = "UCaaaaaaaaaaaaaaaaaaaaaa"
BOT_WALL: Final = {"status": "LOGIN_REQUIRED", "reason": "Sign in to confirm you\u2019re not a bot"}
LIMITED: Final = {"status": "ERROR", "reason": "This content isn\u2019t available, try again later."}
PRIVATE: Final = {"status": "LOGIN_REQUIRED", "reason": "Private video"}
GONE: Final = {"status": "ERROR", "reason": "Video unavailable"}
Raw = dict[str, Any]


class YouTube:
    """Videos and playlists; what is asked is answered after the state of the moment."""

    def __init__(self) -> None:
        self.videos: dict[str, Raw] = {}
        self.playlists: dict[str, list[str]] = {}
        self.trouble: dict[str, Raw] = {}
        """What a video's player says instead, by id; under "" for every video."""
        self.instead: dict[str, list[Page]] = defaultdict(list)
        """Answers for what comes next, by the beginning of host and path."""
        self.files: dict[str, bytes] = {}
        """Audio to give in the place of a real recording, by video."""
        self.seconds = 6.0

    def add(
        self, video: str, title: str = "Ada Voss - Night Ferry", author: str = "Ada Voss", views: int = 1234
    ) -> str:
        """Put a video there; its URL."""
        self.videos[video] = {"title": title, "author": author, "views": views, "pitch": 250.0 + len(self.videos) * 31}
        return f"https://www.youtube.com/watch?v={video}"

    def add_playlist(self, name: str, videos: list[str]) -> str:
        """A playlist of videos that are there, or that are not; its URL."""
        self.playlists[name] = videos
        return f"https://www.youtube.com/playlist?list={name}"

    def answers_for(self, host: str) -> bool:
        return host.endswith(("youtube.com", ".googlevideo.com", ".ytimg.com"))

    def answer(self, visit: Visit) -> Page:
        for beginning, pages in self.instead.items():
            if pages and visit.place.startswith(beginning):
                return pages.pop(0)
        if visit.host.endswith(".googlevideo.com"):
            return self._media(visit)
        if visit.host.endswith(".ytimg.com"):
            return Page(body=streams.picture(), content_type="image/jpeg")
        match visit.path:
            case "/youtubei/v1/player":
                return page(self._player(str(json.loads(visit.body)["videoId"])))
            case "/youtubei/v1/search":
                return page(self._found(str(json.loads(visit.body)["query"])))
            case "/playlist":
                return self._list_page(visit.query["list"])
            case "/@adavoss/videos":
                return self._uploads_page()
            case "/watch" | "/":
                return shown_page({"contents": {"twoColumnWatchNextResults": {}}})
        return Page(status=404)

    def _player(self, video: str) -> Raw:
        known = self.videos.get(video)
        if trouble := self.trouble.get(video) or self.trouble.get("") or (None if known else GONE):
            return {"playabilityStatus": trouble}
        assert known is not None
        return {
            "playabilityStatus": {"status": "OK"},
            "videoDetails": {
                "videoId": video,
                "title": known["title"],
                "lengthSeconds": str(int(self.seconds)),
                "channelId": CHANNEL,
                "author": known["author"],
                "shortDescription": "d",
                "viewCount": str(known["views"]),
                "isLiveContent": False,
                "thumbnail": {"thumbnails": [{"url": f"https://i.ytimg.com/vi/{video}/hq720.jpg", "width": 720}]},
            },
            "streamingData": {
                "expiresInSeconds": "21540",
                "adaptiveFormats": [self._format(video, 251, "webm", "opus"), self._format(video, 140, "mp4", "mp4a")],
            },
        }

    def _format(self, video: str, itag: int, container: str, codec: str) -> Raw:
        return {
            "itag": itag,
            "url": f"https://rr1---sn-x.googlevideo.com/videoplayback?expire=1&itag={itag}&id={video}&sig=canary-signed",
            "mimeType": f'audio/{container}; codecs="{codec}"',
            "bitrate": 130000 if itag == 251 else 100000,
            "quality": "tiny",
            "audioQuality": "AUDIO_QUALITY_MEDIUM",
            "audioSampleRate": "48000",
            "audioChannels": 2,
            "approxDurationMs": str(int(self.seconds * 1000)),
            "contentLength": str(len(self._audio(video, itag))),
        }

    def _audio(self, video: str, itag: int) -> bytes:
        if video in self.files:
            return self.files[video]
        pitch = float(self.videos[video]["pitch"])
        return streams.recording(pitch, "webm" if itag == 251 else "m4a", self.seconds)

    def _media(self, visit: Visit) -> Page:
        body = self._audio(visit.query["id"], int(visit.query["itag"]))
        asked = visit.headers.get("range", "")
        if not asked.startswith("bytes="):
            return Page(body=body, content_type="audio/webm")
        first, _, last = asked.removeprefix("bytes=").partition("-")
        start, end = int(first), min(int(last or len(body)), len(body) - 1)
        told = {"Content-Range": f"bytes {start}-{end}/{len(body)}"}
        return Page(body=body[start : end + 1], content_type="audio/webm", status=206, headers=told)

    def _found(self, query: str) -> Raw:
        words = query.lower().split()
        found = [one for one, known in self.videos.items() if all(word in known["title"].lower() for word in words)]
        items = {"itemSectionRenderer": {"contents": [{"videoRenderer": self._shown(one)} for one in found]}}
        inner = {"sectionListRenderer": {"contents": [items]}}
        return {"contents": {"twoColumnSearchResultsRenderer": {"primaryContents": inner}}}

    def _shown(self, video: str) -> Raw:
        known = self.videos.get(video) or {"title": "[Private video]", "author": "", "views": 0}
        browse = {"browseEndpoint": {"browseId": CHANNEL, "canonicalBaseUrl": "/@adavoss"}}
        owner = {"runs": [{"text": known["author"], "navigationEndpoint": browse}]}
        minutes, seconds = divmod(int(self.seconds), 60)
        return {
            "videoId": video,
            "title": {"runs": [{"text": known["title"]}]},
            "lengthText": {"simpleText": f"{minutes}:{seconds:02}"},
            "lengthSeconds": str(int(self.seconds)),
            "viewCountText": {"simpleText": f"{known['views']:,} views"},
            "ownerText": owner,
            "shortBylineText": owner,
            "isPlayable": video in self.videos,
            "thumbnail": {"thumbnails": [{"url": f"https://i.ytimg.com/vi/{video}/hq720.jpg", "width": 720}]},
        }

    def _list_page(self, name: str) -> Page:
        if name not in self.playlists:
            return Page(status=404)
        shown = [{"playlistVideoRenderer": self._shown(video)} for video in self.playlists[name]]
        inner = {"playlistVideoListRenderer": {"playlistId": name, "contents": shown}}
        section = {"sectionListRenderer": {"contents": [{"itemSectionRenderer": {"contents": [inner]}}]}}
        tab = {"tabRenderer": {"selected": True, "title": "", "content": section}}
        title = {"playlistMetadataRenderer": {"title": f"List {name}"}}
        data = {"contents": {"twoColumnBrowseResultsRenderer": {"tabs": [tab]}}, "metadata": title}
        return shown_page(data)

    def _uploads_page(self) -> Page:
        """Every video that is there, as its channel shows them."""
        shown = [{"richItemRenderer": {"content": {"videoRenderer": self._shown(video)}}} for video in self.videos]
        tab: Raw = {"selected": True, "title": "Videos", "content": {"richGridRenderer": {"contents": shown}}}
        tab["endpoint"] = {
            "browseEndpoint": {"browseId": CHANNEL, "canonicalBaseUrl": "/@adavoss"},
            "commandMetadata": {"webCommandMetadata": {"url": "/@adavoss/videos"}},
        }
        about = {"title": "Ada Voss", "externalId": CHANNEL, "vanityChannelUrl": "http://www.youtube.com/@adavoss"}
        browsed = {"twoColumnBrowseResultsRenderer": {"tabs": [{"tabRenderer": tab}]}}
        return shown_page({"contents": browsed, "metadata": {"channelMetadataRenderer": about}})


def shown_page(data: Raw) -> Page:
    """A web page with what its script shows."""
    text = f"<!DOCTYPE html><html><body><script>var ytInitialData = {json.dumps(data)};</script></body></html>"
    return Page(body=text.encode(), content_type="text/html")
