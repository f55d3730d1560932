"""What yt-dlp complains of, as our own errors: one table. Imported in the worker only.

yt-dlp wraps nearly everything in DownloadError; the cause hides in `exc_info` and `cause`. Types and HTTP
statuses are asked first, since they outlive a change of words; then the words. The unknown is tried again.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from yt_dlp.networking.exceptions import (
    CertificateVerifyError,
    HTTPError,
    NoSupportingHandlers,
    RequestError,
    UnsupportedRequest,
)
from yt_dlp.utils import DownloadError, ExtractorError, GeoRestrictedError, UnsupportedError, UserNotLive

from musicsyncd.errors import BadInput, MusicsyncError, NeedsPerson, Permanent, Temporary, Withheld
from musicsyncd.http.retry_after import LONGEST
from musicsyncd.music.identity import shareable_url

SERVICE_PAUSE: Final = 900.0
"""Seconds to leave a service alone that asks for it without saying how long."""
WALL_PAUSE: Final = 3600.0
"""Seconds to leave a service alone that takes us for a bot: YouTube's "try again later" holds for up to an hour."""
LONGEST_REASON: Final = 300
"""Characters of the vendor's own words that are passed on."""

ELSEWHERE: Final = "Look for the track at another service"
SIGN_IN: Final = "Open the address in a browser: it wants a person who is signed in"
CHECK_ADDRESS: Final = "Check the address in a browser"
CHECK_PROXY: Final = "Check ytdlp.proxy, or http.proxy where ytdlp has none of its own"
BOT_WALL: Final = "The service takes us for a bot"


@dataclass(frozen=True, kw_only=True)
class Complaint:
    """An error, and whom it concerns: the one track, or everybody who asks that service."""

    error: MusicsyncError
    pause: float | None = None
    """Seconds for which the whole service is to be left alone; None: the trouble is the track's alone."""
    out_of_order: bool = False
    """Whether the service failed or could not be reached, so that the next track may well fare no better."""

    def as_dict(self) -> dict[str, object]:
        """The complaint as JSON."""
        return {"error": self.error.as_dict(), "pause": self.pause, "out_of_order": self.out_of_order}


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Words that the vendor uses, and what they mean here."""

    words: re.Pattern[str]
    error: type[MusicsyncError]
    what: str
    fix: str = ""
    delay: float | None = None
    """Seconds; for Temporary."""
    pause: float | None = None
    """Seconds for which the whole service is to be left alone; None: the words are about one track."""

    def apply(self, why: str) -> MusicsyncError:
        """The error for a complaint that has these words."""
        if self.error is Temporary:
            return Temporary(self.what, delay=self.delay, why=why, fix=self.fix)
        return self.error(self.what, why=why, fix=self.fix)


def _rule(words: str, error: type[MusicsyncError], what: str, fix: str = "", delay: float | None = None) -> Rule:
    return Rule(words=re.compile(words, re.IGNORECASE), error=error, what=what, fix=fix, delay=delay)


def _wall(words: str, error: type[MusicsyncError], what: str, delay: float | None = None) -> Rule:
    """Words with which a service shuts out all that we ask, whatever the track."""
    found = re.compile(words, re.IGNORECASE)
    return Rule(words=found, error=error, what=what, fix=SIGN_IN, delay=delay, pause=WALL_PAUSE)


RULES: Final[tuple[Rule, ...]] = (
    _rule(r"\bdrm\b", BadInput, "The track is protected by DRM and cannot be fetched", ELSEWHERE),
    _rule(
        r"(ffmpeg|ffprobe).{0,40}(not found|not be found|not installed|is not available)",
        NeedsPerson,
        "The track needs ffmpeg, which is missing",
        "Install musicsyncd again with its imageio-ffmpeg package",
    ),
    _rule(
        r"failed to load cookies|not.{0,20}netscape",
        NeedsPerson,
        "The cookies cannot be used",
        "Export them anew, in Netscape format, into the file that youtube.cookies_file names",
    ),
    _wall(r"not a bot|captcha|datadome|^please sign in\b|^login.required", NeedsPerson, BOT_WALL),
    _rule(r"confirm your age", Withheld, "The service wants to see a person", SIGN_IN),
    _wall(
        r"try again later|rate.?limit|too many requests",
        Temporary,
        "The service asks to be left alone for a while",
        delay=SERVICE_PAUSE,
    ),
    _rule(
        r"live event will begin|premieres? in",
        Temporary,
        "The track is announced and not out yet",
        delay=3600.0,
    ),
    _rule(r"not get any data|ffmpeg exited", Temporary, "The service sent no usable data"),
    _rule(r"downloaded \d+ bytes|bytes read", Temporary, "The download broke off"),
    _rule(
        r"not currently live|offline|(event|stream|broadcast|premiere) has ended", BadInput, "A live stream is no track"
    ),
    _rule(
        r"your (location|country|region)|geo.?(restrict|block)",
        Permanent,
        "The track is not offered where this machine stands",
        ELSEWHERE,
    ),
    _rule(
        r"playback on other websites|embedding.{0,20}disabled",
        Permanent,
        "The track is played on the service's own pages only",
        ELSEWHERE,
    ),
    _rule(r"\bprivate\b", Permanent, "The track is private", ELSEWHERE),
    _rule(
        r"unavailable|removed|deleted|terminated|taken down|does ?n.t exist|not exist|no longer|not found|"
        r"(video|track|song|content|recording|playlist) is(n.t| not) available(?! (to|for)\b)",
        Permanent,
        "The track is gone",
        ELSEWHERE,
    ),
    _rule(
        r"log ?in|sign ?in|signed in|cookies|members.only|premium|subscri|purchase|password|registered",
        Withheld,
        "The service gives this track to signed-in people only",
        SIGN_IN,
    ),
    _rule(
        r"no (video|audio|video/audio )?.{0,3}formats? found|only images are available",
        BadInput,
        "There is no audio at this address",
        CHECK_ADDRESS,
    ),
    _rule(
        r"requested format is not available",
        Permanent,
        "The service offers no audio that can be fetched",
        ELSEWHERE,
    ),
    _rule(
        r"file:(//)? ?(urls?|scheme)|url scheme|no supported handler|unable to handle request|no connection adapters",
        BadInput,
        "The address leads to something other than http or https",
        CHECK_ADDRESS,
    ),
    _rule(r"extracted extension", BadInput, "The address leads to a file that is no audio", CHECK_ADDRESS),
    _rule(
        r"not a valid url|unsupported url|invalid url|no suitable extractor",
        BadInput,
        "No music was found at this address",
        CHECK_ADDRESS,
    ),
)
"""The first rule whose words occur decides."""


def classify(error: BaseException, *, secrets: Iterable[str] = (), proxy: str = "") -> MusicsyncError:
    """What an exception of yt-dlp means for the track that was asked for; see `judge`."""
    return judge(error, secrets=secrets, proxy=proxy).error


def judge(error: BaseException, *, secrets: Iterable[str] = (), proxy: str = "") -> Complaint:
    """What an exception of yt-dlp means; `secrets` (a proxy with its password) are taken out of its words.

    `proxy` is the address of the one that was used, without its credentials; empty: none.
    """
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, MusicsyncError):
            return Complaint(error=cause)
    words = _plain(_words(causes))
    why = _hide(one_sentence(words), secrets)
    in_media = _in_media(error)
    for cause in causes:
        if known := _by_type(cause, why, in_media=in_media, proxy=proxy):
            return _weighed(cause, known, in_media=in_media)
    for rule in RULES:
        if rule.words.search(words):
            return Complaint(error=rule.apply(why), pause=rule.pause)
    return Complaint(error=Temporary("The track could not be fetched", why=why))


def _weighed(cause: BaseException, error: MusicsyncError, *, in_media: bool) -> Complaint:
    """Whom it concerns. Audio lies on other machines than the pages: what fails there says little of the service."""
    status = int(cause.status) if isinstance(cause, HTTPError) else 0
    if isinstance(cause, HTTPError) and _is_walled(cause):
        known = NeedsPerson(BOT_WALL, why=error.why, fix=SIGN_IN)
        return Complaint(error=known, pause=WALL_PAUSE)
    if status == 429:
        return Complaint(error=error, pause=getattr(error, "delay", None) or SERVICE_PAUSE)
    unreachable = isinstance(cause, RequestError) and not status and isinstance(error, Temporary)
    return Complaint(error=error, out_of_order=not in_media and (status >= 500 or unreachable))


def _is_walled(error: HTTPError) -> bool:
    """Whether a guard before the service refused us: Datadome, or a listing that wants a browser (SoundCloud)."""
    headers, url = error.response.headers, str(error.response.url)
    if int(error.status) not in (403, 429):
        return False
    guarded = "x-datadome" in {name.lower() for name in headers} or "datadome" in str(headers.get("Server", "")).lower()
    return guarded or (int(error.status) == 403 and bool(_LISTING.search(url)))


_LISTING: Final = re.compile(
    r"^https://api-v2\.soundcloud\.com/(?:stream/)?users/\d+/|^https://api-v2\.soundcloud\.com/search"
)


def _by_type(cause: BaseException, why: str, *, in_media: bool, proxy: str) -> MusicsyncError | None:
    match cause:
        case UnsupportedError():
            return BadInput("No music was found at this address", why=why, fix=CHECK_ADDRESS)
        case GeoRestrictedError():
            return Permanent("The track is not offered where this machine stands", why=why, fix=ELSEWHERE)
        case UserNotLive():
            return BadInput("A live stream is no track", why=why)
        case HTTPError() if proxy and int(cause.status) == 407:
            return NeedsPerson(f"The proxy {proxy} wants another name or password", why=why, fix=CHECK_PROXY)
        case HTTPError():
            return _by_status(cause, why, in_media=in_media)
        case CertificateVerifyError():
            fix = "Name the certificate authority of your network in ca_file"
            return Temporary("The service's certificate is not trusted", why=why, fix=fix)
        case RequestError() if not _said_by_us(cause):
            what = f"The network failed by way of the proxy {proxy}" if proxy else "The network failed"
            return Temporary(what, why=why, fix=CHECK_PROXY if proxy else "")
        case OSError() if cause.errno in (errno.ENOSPC, errno.EDQUOT):
            fix = "Free some space where musicsyncd works"
            return NeedsPerson("There is no space left for the download", why=why, fix=fix)
        case _:
            return None


def _said_by_us(error: RequestError) -> bool:
    """Whether yt-dlp itself refused to send the request, so that the network had no part in it."""
    said = ("disabled by default", "No connection adapters")  # a redirect to file:, by its own client or by requests
    return isinstance(error, NoSupportingHandlers | UnsupportedRequest) or any(words in str(error) for words in said)


def _by_status(error: HTTPError, why: str, *, in_media: bool) -> MusicsyncError:
    status, pause = int(error.status), retry_after(error.response.headers.get("Retry-After"))
    if status == 429:
        return Temporary("The service asks to be left alone for a while", delay=pause or SERVICE_PAUSE, why=why)
    if status in (408, 425) or status >= 500:
        return Temporary("The service is out of order", delay=pause, why=why)
    if status in (404, 410):
        return Permanent("The track is gone", why=why, fix=ELSEWHERE)
    if status == 401:
        return Withheld("The service gives this track to signed-in people only", why=why, fix=SIGN_IN)
    if status == 407:
        return NeedsPerson("A proxy on the way wants to know who asks", why=why, fix=CHECK_PROXY)
    if status == 403 and in_media:  # a signed media address that ran out: the next try gets a fresh one
        return Temporary("The service refused the audio", why=why)
    return Permanent("The service refuses this address", why=why, fix=CHECK_ADDRESS)


def _in_media(error: BaseException) -> bool:
    """Whether the page was read and only the audio behind it failed."""
    return "unable to download video data" in str(error)


def retry_after(value: str | None, now: datetime | None = None) -> float | None:
    """Seconds that a Retry-After header (RFC 9110, 10.2.3) asks for; None when it says nothing."""
    if not value:
        return None
    try:
        seconds = float(value) if value.strip().isdecimal() else _seconds_until(value, now or datetime.now(UTC))
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(seconds, 1.0), LONGEST)


def _seconds_until(date: str, now: datetime) -> float:
    moment = parsedate_to_datetime(date)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now.timestamp()


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The exception and whatever it hides, outermost first, each once."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        cause = waiting.pop(0)
        if isinstance(cause, BaseException) and id(cause) not in seen:
            seen.add(id(cause))
            yield cause
            hidden = getattr(cause, "exc_info", None) or (None, None)
            waiting += [hidden[1], getattr(cause, "cause", None), cause.__cause__, cause.__context__]


def _words(causes: list[BaseException]) -> str:
    """The vendor's own words; an extractor's come without the id, which may hold any word of the table."""
    for cause in causes:
        if isinstance(cause, ExtractorError) and not isinstance(cause, UnsupportedError):
            return str(cause.orig_msg)
    outermost = causes[0]
    return str(outermost.msg if isinstance(outermost, DownloadError) else outermost)


_ADDRESS: Final = re.compile(r"https?://[^\s'\"<>]+(?<![.,:;!?)])")
_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_PREFIX: Final = re.compile(r"^(ERROR:\s*)?(\[[\w:+.-]+\] (?:[^\s:]+: )?)?")
_BOILERPLATE: Final = re.compile(
    r"[;,.]?\s*(please report this issue on|see\s+https://github\.com/yt-dlp|confirm you are on the latest|"
    r"use --|you might want to use a vpn).*$",
    re.IGNORECASE | re.DOTALL,
)
_CAUSED_BY: Final = re.compile(r"\s*\(caused by .*$", re.DOTALL)


def one_sentence(message: str) -> str:
    """A message's first sentence without colours, prefixes and pleas; at most LONGEST_REASON characters."""
    text = re.split(r"(?<=[.!?])\s+(?=[A-Z])", _plain(message), maxsplit=1)[0].rstrip(" ;,")
    return text if len(text) <= LONGEST_REASON else text[: LONGEST_REASON - 1] + "…"


def _plain(message: str) -> str:
    """All sentences of a message on one line."""
    text = _PREFIX.sub("", _COLOUR.sub("", message).strip())
    text = _CAUSED_BY.sub("", _BOILERPLATE.sub("", text))
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _hide(text: str, secrets: Iterable[str]) -> str:
    text = _ADDRESS.sub(lambda found: _shareable(found[0]), text)
    for secret in secrets:
        if secret:
            text = text.replace(secret, "…")
    return text


def _shareable(url: str) -> str:
    try:
        return shareable_url(url)
    except ValueError:
        return "…"
