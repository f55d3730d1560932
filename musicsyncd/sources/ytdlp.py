"""Music behind http and https addresses, by yt-dlp in a worker process."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

from anyio import to_thread

from musicsyncd.errors import BadInput, MusicsyncError, NeedsPerson, from_dict
from musicsyncd.music.identity import canonical_url, shareable_url
from musicsyncd.music.track import Track
from musicsyncd.processes.run import Message, python_worker, run_worker
from musicsyncd.sources.base import Found, Progress, Refusal, Source, Supplied
from musicsyncd.sources.ytdlp_track import SOURCE, track_of, with_delivery

WORKER: Final = python_worker("musicsyncd.sources.ytdlp_worker")
USUAL_LIST: Final = 1000
"""Entries at the first look: what hangs is given up soon."""
LONGEST_LIST: Final = 20_000
"""Entries of one list that are looked at; services that make lists without end, mixes, are read so far."""
LOOK_DEADLINE: Final = 180.0
"""Seconds for finding out what is behind a URL; a list of a thousand takes about ten requests."""
LIST_DEADLINE: Final = 3600.0
"""Seconds for a list that is longer than usual."""
PROXY_VARIABLES: Final = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
DETAILS: Final = (
    "extractor_key", "format_id", "format_note", "ext", "acodec", "abr", "asr", "audio_channels", "protocol",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class YtdlpOptions:
    """How the worker goes to the network."""

    proxy: str = field(default="", repr=False)
    """URL of a proxy, which may bear a password; empty: none."""
    trust_env: bool = False
    """Whether the proxy variables of the environment count when `proxy` is empty."""
    ca_file: Path | None = None
    """Certificates to trust in place of the system's, PEM."""
    insecure_tls: bool = False
    cache_dir: Path | None = None
    """Where yt-dlp may keep what it learns of services; None: nowhere."""
    js_runtime: Path | None = None
    """A program, deno or node or bun or qjs, for services that want one; None: deno where it is on PATH."""
    rate_limit: int = 0
    """Bytes per second; 0: as fast as it comes."""
    sleep_requests: float = 0.0
    """Seconds between two requests of one run."""
    socket_timeout: float = 30.0
    """Seconds without a byte after which a connection is given up."""
    timeout: float = 1800.0
    """Seconds for one whole download."""
    max_size: int = 2 * 1024**3
    """Bytes of one file."""


class YtdlpSource(Source):
    """Everything that yt-dlp finds: services by name, and plain audio files on the web."""

    name: ClassVar[str] = SOURCE

    def __init__(self, options: YtdlpOptions | None = None) -> None:
        self._options = options or YtdlpOptions()

    def offering(self) -> bool | None:
        """Never: the rest of the web has no likes."""
        return None

    def owns(self, url: str) -> bool:
        return url.strip().lower().startswith(("http://", "https://"))

    async def resolve(self, url: str, *, progress: Progress | None = None) -> Found:
        """The track, or the tracks of a list; an entry that is none is refused by itself.

        Raises BadInput for what is no music, NeedsPerson when `ca_file` cannot be read, and what the worker classified.
        """
        asked = self._address(url)
        answer = await self._looked(asked)
        found = self._found(answer, asked)
        if not found.tracks and len(found.refused) == 1:
            raise found.refused[0].error
        if not found.tracks and not found.refused:
            raise BadInput(f"The list at {shareable_url(asked)} is empty")
        return replace(found, refused=(*found.refused, *_cut(answer, asked)))

    async def _looked(self, asked: str) -> dict[str, Any]:
        """What is there; a list that goes on behind the usual length is read again, whole."""
        answer = await self._ask({"do": "look", "url": asked, "limit": USUAL_LIST}, deadline=LOOK_DEADLINE)
        if _lines(answer) < USUAL_LIST:
            return answer
        return await self._ask({"do": "look", "url": asked, "limit": LONGEST_LIST}, deadline=LIST_DEADLINE)

    async def supply(self, track: Track, folder: Path, progress: Progress) -> Supplied:
        """Download the best audio there is, as it is: nothing is converted here."""
        request = {"do": "fetch", "url": self._address(track.source_url), "folder": str(folder)}

        def tell(message: Message) -> None:
            if "progress" in message:
                progress(message["progress"], str(message.get("text", "")))

        answer = await self._ask(request, deadline=self._options.timeout, on_message=tell)
        return self._supplied(track, folder, answer)

    # What a named service does in its own way

    def _address(self, url: str) -> str:
        return _checked(url)

    def _track(self, info: Mapping[str, Any], asked: str) -> Track:
        return track_of(info, asked)

    def _filled(self, track: Track, info: Mapping[str, Any]) -> Track:
        return with_delivery(track, info)

    async def _ask(
        self, request: Mapping[str, Any], *, deadline: float, on_message: Callable[[Message], None] | None = None
    ) -> dict[str, Any]:
        """What the worker answers; `deadline` in seconds."""
        await self._check_certificates()
        asked = {**request, "options": self._request_options()}
        return await run_worker(
            WORKER, asked, name="yt-dlp", deadline=deadline, on_message=on_message, environment=self._environment()
        )

    def _found(self, answer: Mapping[str, Any], asked: str) -> Found:
        found = [self._taken(info, asked) for info in answer["entries"]]
        refused = [Refusal(name=one["name"], error=from_dict(one["error"])) for one in answer["refused"]]
        refused += [one for one in found if isinstance(one, Refusal)]
        return Found(tracks=tuple(one for one in found if isinstance(one, Track)), refused=tuple(refused))

    def _taken(self, info: Mapping[str, Any], asked: str) -> Track | Refusal:
        try:
            return self._track(info, asked)
        except (MusicsyncError, ValueError) as error:
            name = str(info.get("title") or info.get("url") or info.get("id") or asked)
            broken = BadInput("The entry's address is broken", why=str(error))
            return Refusal(name=name, error=error if isinstance(error, MusicsyncError) else broken)

    def _supplied(self, track: Track, folder: Path, answer: Mapping[str, Any]) -> Supplied:
        info = answer["info"]
        return Supplied(
            path=folder / Path(answer["file"]).name,
            sha256=answer["sha256"],
            size=answer["size"],
            track=self._filled(track, info),
            artwork=folder / Path(answer["artwork"]).name if answer["artwork"] else None,
            details={key: info[key] for key in DETAILS if key in info},
        )

    # How the worker goes to the network

    async def _check_certificates(self) -> None:
        """Without this every connection would fail, with words that name neither the file nor the setting."""
        if self._options.ca_file is not None:
            await to_thread.run_sync(_refuse_unreadable, self._options.ca_file)

    def _request_options(self) -> dict[str, Any]:
        """The options as they cross the pipe: on stdin, so that a password is in no process list."""
        options = self._options
        return {
            "proxy": options.proxy,
            "trust_env": options.trust_env,
            "own_certificates": bool(self._certificates()),
            "insecure_tls": options.insecure_tls,
            "cache_dir": str(options.cache_dir) if options.cache_dir else "",
            "js_runtime": str(options.js_runtime) if options.js_runtime else "",
            "rate_limit": options.rate_limit,
            "sleep_requests": options.sleep_requests,
            "socket_timeout": options.socket_timeout,
            "max_size": options.max_size,
        }

    def _certificates(self) -> str:
        """The settings' file, else the system's; empty: none, and the libraries' own hold."""
        return str(self._options.ca_file or ssl.get_default_verify_paths().cafile or "")

    def _environment(self) -> dict[str, str]:
        environment = {"YTDLP_NO_PLUGINS": "1"}
        if certificates := self._certificates():
            # yt-dlp has no option for this; OpenSSL, and curl where it takes a browser's place, read these.
            environment |= dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"), certificates)
        if self._options.trust_env:
            names = (*PROXY_VARIABLES, *map(str.upper, PROXY_VARIABLES))
            environment |= {name: os.environ[name] for name in names if name in os.environ}
        return environment


def _lines(answer: Mapping[str, Any]) -> int:
    return len(answer["entries"]) + len(answer["refused"])


def _cut(answer: Mapping[str, Any], asked: str) -> Iterator[Refusal]:
    """That a list goes on where reading ended; nothing where it was read to its end."""
    read, stated = _lines(answer), answer["stated"]
    if read < LONGEST_LIST or read == stated:
        return
    of_all = f" of {stated}" if stated else ""
    fix = "Part it into shorter lists to have the rest"
    yield Refusal(name=shareable_url(asked), error=BadInput(f"Only the first {read}{of_all} were read", fix=fix))


def _refuse_unreadable(certificates: Path) -> None:
    try:
        with certificates.open("rb") as opened:
            opened.read(1)
    except OSError as error:
        what = f"The certificates in {certificates} cannot be read"
        fix = "Correct ytdlp.ca_file, or http.ca_file where ytdlp has none of its own"
        raise NeedsPerson(what, why=error.strerror or str(error), fix=fix) from error


def _checked(url: str) -> str:
    """The URL as it may be asked for; BadInput with the reason when it may not."""
    url = url.strip()
    try:
        canonical_url(url)
        parts = urlsplit(url)
    except ValueError as error:
        fix = "Give an address that begins with http:// or https://"
        raise BadInput("That is no web address", why=str(error), fix=fix) from error
    if not url.isprintable() or " " in url:
        raise BadInput(f"{url!r} holds blanks or control characters", fix="Give the address as the browser shows it")
    if parts.username or parts.password:
        fix = "Give the address without what stands before the @"
        raise BadInput(f"The address of {parts.hostname} holds a name or a password, which would be stored", fix=fix)
    return url
