"""The YoutubeDL that every worker run opens: each parameter by name, only the web let in. Imported in workers only."""

from __future__ import annotations

import importlib.util
import io
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from yt_dlp import YoutubeDL
from yt_dlp.utils import YoutubeDLError

from musicsyncd.errors import BadInput, MusicsyncError
from musicsyncd.sources.js_runtime import located
from musicsyncd.sources.ytdlp_errors import Complaint, judge

FORMAT: Final = "download/bestaudio/best"
"""The uploader's original where it is offered, else the best audio, else the best of what has audio in it."""
STEM: Final = "audio"
"""The file's name: never made of text from outside."""
WEB_PROTOCOLS: Final = ("https", "http", "tls", "tcp", "httpproxy", "crypto")
"""What ffmpeg may open: a playlist that names a local file gets nothing."""
REFUSED: Final = "refused"
"""Marks an entry of a list in the place of what was refused."""

Info = dict[str, Any]


class Fetcher(YoutubeDL):  # type: ignore[misc]  # untyped upstream
    """YoutubeDL that lets nothing but the web in, and does not give up a list because one entry is bad."""

    def __init__(self, request: Mapping[str, Any], more: Mapping[str, Any]) -> None:
        """`request` as the worker got it; with a `service` in it, only that service's extractors answer."""
        self.refused: list[Info] = []
        self.token_refused = False
        """Whether the service did not know its owner by the token, so that everything went on as for a guest."""
        self.request = request
        service = request.get("service", "")
        super().__init__({**parameters(request), **more}, auto_init=not service)
        for extractor in _extractors(service):
            self.add_info_extractor(extractor())

    def process_video_result(self, info_dict: Info, download: bool = True) -> Info:
        """Keep web addresses only, then go on as upstream does."""
        try:
            _keep_web_formats(info_dict)
            found: Info = super().process_video_result(info_dict, download=download)
        except (YoutubeDLError, BadInput) as error:
            if not info_dict.get("playlist_webpage_url"):
                raise
            self.refuse(info_dict, judged(error, self.request).error)
            return {REFUSED: True}
        return found

    def refuse(self, info: Info, error: MusicsyncError) -> None:
        """Leave one entry of a list out, with its reason."""
        name = str(info.get("title") or info.get("id") or info.get("webpage_url"))
        self.refused.append({"name": name, "error": error.as_dict()})


def judged(error: BaseException, request: Mapping[str, Any]) -> Complaint:
    """What an exception means; nothing that the request keeps secret is in its words."""
    proxy = request["options"]["proxy"] or ""
    parts = urlsplit(proxy)
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2])
    password = parts.password or ""
    secrets = (proxy, password, unquote(password), request.get("token", ""))
    return judge(error, secrets=secrets, proxy=f"{bare.scheme}://{bare.netloc}" if proxy else "")


def parameters(request: Mapping[str, Any]) -> Info:
    """Every parameter by name: no configuration file, no plugin, no template from outside, no cookies but those given.

    Raises NeedsPerson when the settings name a JavaScript runtime that is none.
    """
    options = request["options"]
    found: Info = {
        "quiet": True,
        "no_warnings": True,
        "noprogress": True,
        "color": "never",
        "format": FORMAT,
        "noplaylist": True,
        "extract_flat": "in_playlist",
        "outtmpl": {"default": f"{STEM}.%(ext)s"},
        "enable_file_urls": False,
        "hls_prefer_native": True,
        "fixup": "never",
        "updatetime": False,
        "continuedl": True,
        "retries": 2,
        "fragment_retries": 2,
        "skip_unavailable_fragments": False,  # upstream would leave a hole in the music
        "extractor_retries": 1,
        "file_access_retries": 1,
        "retry_sleep_functions": {"http": _retry_pause, "fragment": _retry_pause},
        "socket_timeout": options["socket_timeout"],
        "max_filesize": options["max_size"],
        "ratelimit": options["rate_limit"] or None,
        "sleep_interval_requests": options["sleep_requests"],
        "nocheckcertificate": options["insecure_tls"],
        "cachedir": options["cache_dir"] or False,
        "proxy": options["proxy"] or (None if options["trust_env"] else ""),
        "compat_opts": {"no-youtube-unavailable-videos", *(["no-certifi"] if options["own_certificates"] else [])},
        "external_downloader_args": {"ffmpeg_i": ["-protocol_whitelist", ",".join(WEB_PROTOCOLS)]},
    }
    if request.get("service") != "soundcloud":
        found["js_runtimes"] = {name: {"path": path} for name, path in located(options["js_runtime"]).items()}
    return found | _account(request) | _ffmpeg(request)


def _account(request: Mapping[str, Any]) -> Info:
    """Who asks. yt-dlp rewrites a cookie file when it closes: it gets the text in memory, so that there is none."""
    found: Info = {}
    if token := request.get("token"):
        found |= {"username": "oauth", "password": token}
    if cookies := request.get("cookies"):
        found["cookiefile"] = io.StringIO(cookies)
    return found


def _extractors(service: str) -> tuple[Any, ...]:
    if service == "soundcloud":
        from musicsyncd.sources.ytdlp_soundcloud import EXTRACTORS

        return EXTRACTORS
    if service == "youtube":
        from yt_dlp.extractor import youtube

        return youtube.YoutubePlaylistIE, youtube.YoutubeTabIE, youtube.YoutubeSearchIE, youtube.YoutubeIE
    return ()


def _retry_pause(n: int) -> float:  # upstream calls it by this name
    return float(0.25 * 2**n)


def _ffmpeg(request: Mapping[str, Any]) -> Info:
    """The binary from the wheel; without the wheel yt-dlp looks on PATH.

    None for whoever gives an account: ffmpeg gets cookies and headers on its command line, where anybody can read them.
    """
    if request.get("token") or request.get("cookies"):
        return {"ffmpeg_location": os.devnull}
    if importlib.util.find_spec("imageio_ffmpeg") is not None:
        from imageio_ffmpeg import get_ffmpeg_exe

        with suppress(RuntimeError):  # a wheel without a binary for this machine
            return {"ffmpeg_location": str(get_ffmpeg_exe())}
    return {}


def _keep_web_formats(info: Info) -> None:
    """Drop what is not http(s): a page must not make us read a local file or speak another protocol."""
    if formats := info.get("formats"):
        info["formats"] = [
            one for one in formats if is_web(one.get("url")) and is_web(one.get("manifest_url", "https:"))
        ]
        if not info["formats"]:
            raise BadInput("The address leads to something other than http or https")
    elif "url" in info:
        web_address(info["url"])


def is_web(url: object) -> bool:
    """Whether this is an http or https URL."""
    return isinstance(url, str) and urlsplit(url).scheme.lower() in ("http", "https")


def web_address(url: object) -> str:
    """The URL itself; BadInput when it is not one of the web."""
    if not is_web(url):
        raise BadInput("The address leads to something other than http or https", why=f"It names {str(url)[:100]!r}")
    return str(url)
