"""The process in which yt-dlp does one thing, `look` (at a URL or a search) or `fetch` (a track's audio), and ends.

A process of its own because yt-dlp keeps state in classes, starts ffmpeg and can hang: here it can be killed.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from yt_dlp.networking import HEADRequest, Request
from yt_dlp.utils import YoutubeDLError

from musicsyncd.errors import BadInput, MusicsyncError, Permanent
from musicsyncd.music.identity import Kind, address, shareable_url
from musicsyncd.processes.child import Emit, serve
from musicsyncd.sources.ytdlp_errors import Complaint
from musicsyncd.sources.ytdlp_fetcher import REFUSED, STEM, Fetcher, Info, is_web, judged, web_address

LEFTOVERS: Final = (".part", ".ytdl", ".temp")
PROGRESS_PAUSE: Final = 0.25
"""Seconds between two progress lines."""
LARGEST_ARTWORK: Final = 10 * 1024 * 1024
"""Bytes."""
ARTWORK_TRIES: Final = 3
PICTURES: Final = {b"\xff\xd8\xff": "cover.jpg", b"\x89PNG\r\n\x1a\n": "cover.png"}
PASSED_BACK: Final = (
    "_type", "id", "title", "track", "artists", "artist", "creators", "creator", "uploader", "channel",
    "album", "album_artists", "album_artist", "genres", "genre", "release_date", "release_year",
    "upload_date", "track_number", "disc_number", "isrc", "duration", "webpage_url", "original_url",
    "playlist_webpage_url", "url", "extractor_key", "ie_key", "thumbnail", "format_id", "format_note", "ext",
    "acodec", "abr", "asr", "audio_channels", "protocol", "filesize", "view_count", "liked_at", "preview",
)  # fmt: skip

HIDDEN: Final = frozenset({"[Private video]", "[Deleted video]"})
"""What YouTube puts into a playlist in the place of what cannot be had."""
HOPS: Final = 3
"""Pages that only name another one, one behind the other."""


def handle(request: Mapping[str, Any], emit: Emit) -> Info:
    """Do what was asked; whatever yt-dlp raises leaves here classified.

    Of a named service the answer also says whom a failure concerns, as `complaint`.
    """
    service = request.get("service", "")
    try:
        if request["do"] == "fetch":
            return _fetch(request, Path(request["folder"]), emit)
        return _look_at_service(request) if service else _look(request)
    except MusicsyncError as error:
        if not service:
            raise
        return {"complaint": Complaint(error=error).as_dict()}
    except Exception as error:
        complaint = judged(error, request)
        if not service:
            raise complaint.error from error
        return {"complaint": complaint.as_dict()}


def _look(request: Mapping[str, Any]) -> Info:
    url = request["url"]
    with Fetcher(request, {"playlistend": request["limit"]}) as ydl:
        info = _found(ydl.extract_info(url, download=False), url)
        return _answer(ydl, _entries(info), whole=info)


def _look_at_service(request: Mapping[str, Any]) -> Info:
    """What a service's own extractors say, unprocessed: no format is asked for before the audio is wanted."""
    limit = request["limit"]
    with Fetcher(request, {"playlistend": limit}) as ydl:
        url = _unshortened(ydl, request["url"])
        info = _found(ydl.extract_info(url, download=False, process=False), url)
        for _ in range(HOPS):
            if info.get("_type") in ("url", "url_transparent"):
                info = _found(ydl.extract_info(info["url"], download=False, process=False), url)
        entries = ({"ie_key": request["service"], **entry} for entry in islice(_entries(info), limit))
        answer = _answer(ydl, entries, whole=info)
        return answer | {"token_refused": ydl.token_refused, "playlist": _playlist(info, answer, url, limit)}


def _playlist(info: Info, answer: Info, url: str, limit: int) -> Info | None:
    """What a list is called, and whether it was read to its end; None for a track."""
    if info.get("_type") not in ("playlist", "multi_video"):
        return None
    read, stated = len(answer["entries"]) + len(answer["refused"]), info.get("playlist_count")
    whole = read < limit and not answer["lost"] and stated in (None, read)
    return {"url": url, "title": str(info.get("title") or ""), "whole": whole}


def _unshortened(ydl: Fetcher, url: str) -> str:
    """Where a short link leads, as the service's own address; what is none stays as it is."""
    asked = address(url)
    if asked is None or asked.kind is not Kind.SHORT_LINK:
        return url
    with ydl.urlopen(HEADRequest(url)) as response:
        found = address(response.url)
    if found is None or found.service != asked.service or found.kind is Kind.SHORT_LINK:
        raise BadInput(f"{url} leads to no track and no list of its service", fix="Open it in a browser")
    return found.url


def _answer(ydl: Fetcher, entries: Iterable[Info], *, whole: Info) -> Info:
    tracks, beside = [], 0
    for entry in entries:
        try:
            _refuse_what_is_no_track(entry)
            tracks.append(_passed_back(entry))
        except BadInput as error:
            if entry is whole:
                raise
            ydl.refuse(entry, error)
            beside += "no_track" in entry
    return {
        "entries": tracks,
        "refused": ydl.refused,
        "lost": len(ydl.refused) - beside,
        "stated": whole.get("playlist_count"),
    }


def _fetch(request: Mapping[str, Any], folder: Path, emit: Emit) -> Info:
    os.chdir(folder)  # yt-dlp would expand ~ and $ in a path that it is given
    largest = request["options"]["max_size"]
    with Fetcher(request, {"playlistend": 2, "progress_hooks": [_progress(emit, largest)]}) as ydl:
        info = _one(ydl, request["url"])
        _refuse_what_is_no_track(info)
        _refuse_what_is_too_large(info.get("filesize") or 0, largest)
        ydl.process_info(info)
        file = _delivered(folder, largest)
        emit({"progress": None, "text": "artwork"})
        artwork = _artwork(ydl, info)
    return {
        "info": _passed_back(info),
        "file": file.name,
        "size": file.stat().st_size,
        "sha256": _sha256(file),
        "artwork": artwork,
        "token_refused": ydl.token_refused,
    }


def _one(ydl: Fetcher, url: str) -> Info:
    """The one track behind the URL."""
    info = _found(ydl.extract_info(url, download=False), url)
    entries = list(_entries(info))
    if len(entries) > 1:
        raise BadInput(
            f"{shareable_url(url)} is a list, not a track",
            fix="Ask for the list to be synced, or for one of its tracks",
        )
    if not entries:
        raise BadInput(f"{shareable_url(url)} is an empty list")
    if entries[0].get("_type", "video") == "video":
        return entries[0]
    address = web_address(entries[0].get("url"))
    info = _found(ydl.extract_info(address, download=False), address)
    if "entries" in info:
        raise BadInput(f"{shareable_url(url)} is a list, not a track")
    return info


def _found(info: Info | None, url: str) -> Info:
    if not info:
        raise BadInput(f"No music was found at {shareable_url(url)}")
    return info


def _entries(info: Info) -> Iterator[Info]:
    if info.get("_type") in ("playlist", "multi_video"):
        yield from (entry for entry in info.get("entries") or () if entry and REFUSED not in entry)
    else:
        yield info


def _refuse_what_is_no_track(info: Info) -> None:
    title = info.get("title") or info.get("id")
    if said := info.get("no_track"):
        raise BadInput(f"{title!r} {said}")
    if title in HIDDEN:
        raise BadInput("The list has a place for a track that is private or deleted")
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
    wanted = [url for url in dict.fromkeys(urls) if isinstance(url, str) and is_web(url)]
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
