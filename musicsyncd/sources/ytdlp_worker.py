"""The process in which yt-dlp does one thing, `look` (what is behind a URL) or `fetch` (its audio), and ends.

A process of its own because yt-dlp keeps state in classes, starts ffmpeg and can hang: here it can be killed.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from yt_dlp import YoutubeDL
from yt_dlp.networking import Request
from yt_dlp.utils import YoutubeDLError

from musicsyncd.errors import BadInput, MusicsyncError, Permanent
from musicsyncd.processes.child import Emit, serve
from musicsyncd.sources.ytdlp_errors import classify

FORMAT: Final = "download/bestaudio/best"
"""The uploader's original where it is offered, else the best audio, else the best of what has audio in it."""
STEM: Final = "audio"
"""The file's name: never made of text from outside."""
LEFTOVERS: Final = (".part", ".ytdl", ".temp")
PROGRESS_PAUSE: Final = 0.25
"""Seconds between two progress lines."""
LARGEST_ARTWORK: Final = 10 * 1024 * 1024
"""Bytes."""
ARTWORK_TRIES: Final = 3
PICTURES: Final = {b"\xff\xd8\xff": "cover.jpg", b"\x89PNG\r\n\x1a\n": "cover.png"}
WEB_PROTOCOLS: Final = ("https", "http", "tls", "tcp", "httpproxy", "crypto")
"""What ffmpeg may open: a playlist that names a local file gets nothing."""
REFUSED: Final = "refused"
"""Marks an entry of a list in the place of what was refused."""
RUNTIMES: Final = {"deno": "deno", "node": "node", "bun": "bun", "qjs": "quickjs", "quickjs": "quickjs"}
PASSED_BACK: Final = (
    "_type", "id", "title", "track", "artists", "artist", "creators", "creator", "uploader", "channel",
    "album", "album_artists", "album_artist", "genres", "genre", "release_date", "release_year",
    "upload_date", "track_number", "disc_number", "isrc", "duration", "webpage_url", "original_url",
    "playlist_webpage_url", "url", "extractor_key", "ie_key", "thumbnail", "format_id", "format_note", "ext",
    "acodec", "abr", "asr", "audio_channels", "protocol", "filesize",
)  # fmt: skip

Info = dict[str, Any]


def handle(request: Mapping[str, Any], emit: Emit) -> Info:
    """Do what was asked; whatever yt-dlp raises leaves here classified."""
    options = request["options"]
    try:
        if request["do"] == "look":
            return _look(request["url"], request["limit"], options)
        return _fetch(request["url"], Path(request["folder"]), options, emit)
    except MusicsyncError:
        raise
    except Exception as error:
        raise _classified(error, options) from error


class Fetcher(YoutubeDL):  # type: ignore[misc]  # untyped upstream
    """YoutubeDL that lets nothing but the web in, and does not give up a list because one entry is bad."""

    def __init__(self, options: Mapping[str, Any], more: Mapping[str, Any]) -> None:
        self.refused: list[Info] = []
        self._options = options
        super().__init__({**_parameters(options), **more})

    def process_video_result(self, info_dict: Info, download: bool = True) -> Info:
        """Keep web addresses only, then go on as upstream does."""
        try:
            _keep_web_formats(info_dict)
            found: Info = super().process_video_result(info_dict, download=download)
        except (YoutubeDLError, BadInput) as error:
            if not info_dict.get("playlist_webpage_url"):
                raise
            self.refuse(info_dict, _classified(error, self._options))
            return {REFUSED: True}
        return found

    def refuse(self, info: Info, error: MusicsyncError) -> None:
        """Leave one entry of a list out, with its reason."""
        name = str(info.get("title") or info.get("id") or info.get("webpage_url"))
        self.refused.append({"name": name, "error": error.as_dict()})


def _parameters(options: Mapping[str, Any]) -> Info:
    """Every parameter by name: no configuration file, no cookies, no plugin, no template from outside."""
    parameters: Info = {
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
        "compat_opts": {"no-certifi"} if options["own_certificates"] else set(),
        "external_downloader_args": {"ffmpeg_i": ["-protocol_whitelist", ",".join(WEB_PROTOCOLS)]},
    }
    if ffmpeg := _ffmpeg():
        parameters["ffmpeg_location"] = ffmpeg
    if options["js_runtime"]:
        parameters["js_runtimes"] = _runtime(options["js_runtime"])
    return parameters


def _runtime(path: str) -> Info:
    """The JavaScript runtime by the name of its program."""
    program = Path(path).name.lower()
    for prefix, name in RUNTIMES.items():
        if program.startswith(prefix):
            return {name: {"path": path}}
    raise Permanent(f"{path} is no JavaScript runtime that is known", fix="Name deno, node, bun or qjs in js_runtime")


def _retry_pause(n: int) -> float:  # upstream calls it by this name
    return float(0.25 * 2**n)


def _ffmpeg() -> str | None:
    """The binary from the wheel; without the wheel yt-dlp looks on PATH."""
    if importlib.util.find_spec("imageio_ffmpeg") is None:
        return None
    from imageio_ffmpeg import get_ffmpeg_exe

    with suppress(RuntimeError):  # a wheel without a binary for this machine
        return str(get_ffmpeg_exe())
    return None


def _classified(error: BaseException, options: Mapping[str, Any]) -> MusicsyncError:
    proxy = options["proxy"] or ""
    parts = urlsplit(proxy)
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2])
    password = parts.password or ""
    secrets = (proxy, password, unquote(password))
    return classify(error, secrets=secrets, proxy=f"{bare.scheme}://{bare.netloc}" if proxy else "")


def _look(url: str, limit: int, options: Mapping[str, Any]) -> Info:
    with Fetcher(options, {"playlistend": limit}) as ydl:
        info = _found(ydl.extract_info(url, download=False), url)
        tracks = []
        for entry in _entries(info):
            try:
                _refuse_what_is_no_track(entry)
                tracks.append(_passed_back(entry))
            except BadInput as error:
                if entry is info:
                    raise
                ydl.refuse(entry, error)
        return {"entries": tracks, "refused": ydl.refused}


def _fetch(url: str, folder: Path, options: Mapping[str, Any], emit: Emit) -> Info:
    os.chdir(folder)  # yt-dlp would expand ~ and $ in a path that it is given
    with Fetcher(options, {"playlistend": 2, "progress_hooks": [_progress(emit, options["max_size"])]}) as ydl:
        info = _one(ydl, url)
        _refuse_what_is_no_track(info)
        _refuse_what_is_too_large(info.get("filesize") or 0, options["max_size"])
        ydl.process_info(info)
        file = _delivered(folder, options["max_size"])
        emit({"progress": None, "text": "artwork"})
        artwork = _artwork(ydl, info)
    return {
        "info": _passed_back(info),
        "file": file.name,
        "size": file.stat().st_size,
        "sha256": _sha256(file),
        "artwork": artwork,
    }


def _one(ydl: Fetcher, url: str) -> Info:
    """The one track behind the URL."""
    info = _found(ydl.extract_info(url, download=False), url)
    entries = list(_entries(info))
    if len(entries) > 1:
        raise BadInput(f"{url} is a list, not a track", fix="Ask for the list to be synced, or for one of its tracks")
    if not entries:
        raise BadInput(f"{url} is an empty list")
    if entries[0].get("_type", "video") == "video":
        return entries[0]
    address = _web_address(entries[0].get("url"))
    info = _found(ydl.extract_info(address, download=False), address)
    if "entries" in info:
        raise BadInput(f"{url} is a list, not a track")
    return info


def _found(info: Info | None, url: str) -> Info:
    if not info:
        raise BadInput(f"No music was found at {url}")
    return info


def _entries(info: Info) -> Iterator[Info]:
    if info.get("_type") in ("playlist", "multi_video"):
        yield from (entry for entry in info.get("entries") or () if entry and REFUSED not in entry)
    else:
        yield info


def _keep_web_formats(info: Info) -> None:
    """Drop what is not http(s): a page must not make us read a local file or speak another protocol."""
    if formats := info.get("formats"):
        info["formats"] = [
            one for one in formats if _is_web(one.get("url")) and _is_web(one.get("manifest_url", "https:"))
        ]
        if not info["formats"]:
            raise BadInput("The address leads to something other than http or https")
    elif "url" in info:
        _web_address(info["url"])


def _is_web(url: object) -> bool:
    return isinstance(url, str) and urlsplit(url).scheme.lower() in ("http", "https")


def _web_address(url: object) -> str:
    if not _is_web(url):
        raise BadInput("The address leads to something other than http or https", why=f"It names {str(url)[:100]!r}")
    return str(url)


def _refuse_what_is_no_track(info: Info) -> None:
    title = info.get("title") or info.get("id")
    if info.get("is_live") or info.get("live_status") in ("is_live", "is_upcoming", "post_live"):
        raise BadInput(f"{title!r} is a live stream, which has no end to fetch")
    if info.get("duration") == 0:
        raise BadInput(f"{title!r} has a duration of 0 s")
    if info.get("acodec") == "none":
        raise BadInput(f"{title!r} has no audio")


def _refuse_what_is_too_large(size: int, largest: int) -> None:
    if size > largest:
        raise BadInput(f"The audio is larger than the {largest} bytes that are allowed", fix="Raise max_size")


def _progress(emit: Emit, largest: int) -> Any:
    """A hook that tells how far the download is, and ends one that grows too large."""
    last = 0.0

    def hook(state: Info) -> None:
        nonlocal last
        done = state.get("downloaded_bytes") or 0
        _refuse_what_is_too_large(done, largest)
        now = time.monotonic()
        if now - last < PROGRESS_PAUSE and state.get("status") != "finished":
            return
        last = now
        total = state.get("total_bytes") or state.get("total_bytes_estimate")
        emit({"progress": min(done / total, 1.0) if total else None, "text": f"{done} bytes"})

    return hook


def _delivered(folder: Path, largest: int) -> Path:
    """The one file that came; yt-dlp skips a file over its limit without a word."""
    files = [file for file in folder.glob(f"{STEM}.*") if file.is_file() and file.suffix not in LEFTOVERS]
    if len(files) != 1:
        fix = f"Raise max_size ({largest} bytes) if the file is larger than that"
        raise Permanent("The service delivered no file", fix=fix)
    _refuse_what_is_too_large(files[0].stat().st_size, largest)
    if files[0].stat().st_size == 0:
        raise BadInput("The service delivered an empty file")
    return files[0]


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _artwork(ydl: Fetcher, info: Info) -> str | None:
    """The name of the picture that was put beside the audio; a track without one is no failure."""
    urls = [info.get("thumbnail"), *(one.get("url") for one in reversed(info.get("thumbnails") or ()))]
    wanted = [url for url in dict.fromkeys(urls) if isinstance(url, str) and _is_web(url)]
    wanted.sort(key=lambda url: not urlsplit(url).path.lower().endswith((".jpg", ".jpeg", ".png")))
    for url in wanted[:ARTWORK_TRIES]:
        with suppress(YoutubeDLError, OSError), ydl.urlopen(Request(url)) as response:
            picture = response.read(LARGEST_ARTWORK + 1)
            name = next((name for magic, name in PICTURES.items() if picture.startswith(magic)), None)
            if name and len(picture) <= LARGEST_ARTWORK:
                Path(name).write_bytes(picture)
                return name
    return None


def _passed_back(info: Info) -> Info:
    return {key: info[key] for key in PASSED_BACK if info.get(key) is not None}


if __name__ == "__main__":
    serve(lambda request, emit: handle(request, emit))
