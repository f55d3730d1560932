"""Spotify's Web API through spotipy, without what spotipy does by itself: it neither waits, tries again, follows an
address that an answer names, opens a browser nor keeps a token.

spotipy and requests are imported at the first question, in the thread that asks.
"""

from __future__ import annotations

import hashlib
import importlib
import logging
import re
import ssl
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from anyio import CapacityLimiter, to_thread

from musicsyncd.errors import BadInput, MusicsyncError, NeedsPerson, Permanent, Temporary
from musicsyncd.http.budget import Budget, Pace
from musicsyncd.http.client import HttpOptions

if TYPE_CHECKING:
    import requests  # noqa: TID251  spotipy wants a session of ours, paced and bounded here

Call = Callable[[Any], Any]
"""One question, put to a `spotipy.Spotify`."""
TRIES: Final = 2
"""Of a question that found its connection closed."""
QUOTA_REST: Final = 3600.0
"""Seconds of rest when the quota is used up and Spotify does not say until when."""
API_PACE: Final = Pace(rate=3.0, burst=10)
"""Spotify counts over thirty seconds and keeps the number to itself; some three a second are reported to pass."""
LARGEST: Final = 16 * 1024**2
"""Bytes of one answer; fifty tracks take some two hundred thousand."""
REASON: Final = re.compile(r"[A-Z][A-Z_]{1,40}")
"""What an error's `reason` looks like. Any other text of an answer goes nowhere: it may repeat what we sent."""
UNANSWERED: Final = {
    "SSLError": ("Its certificate is not trusted", "If a proxy looks into connections, set http.ca_file"),
    "ProxyError": ("The proxy did not let it through", "Look at http.proxy"),
    "ConnectTimeout": ("It did not answer in time", ""),
    "ReadTimeout": ("It did not answer in time", ""),
    "ReadTimeoutError": ("It did not answer in time", ""),
    "ConnectionError": ("No connection could be made, or it broke off", ""),
    "ProtocolError": ("Its answer broke off", ""),
    "IncompleteRead": ("Its answer broke off", ""),
    "TooMuch": ("Its answer does not end", ""),
}
"""What it means that requests or urllib3 raised this, and what to do."""
STALE: Final = frozenset({"ConnectionError", "ProtocolError"})
"""What a connection comes to that was kept open and closed meanwhile: worth a second try."""
NOT_FOUND: Final = (400, 404)


def app_name(client_id: str) -> str:
    """What the budget of one app is called in errors: a new app has not used up what the old one had."""
    return f"Spotify (app {hashlib.sha256(client_id.encode()).hexdigest()[:6]})" if client_id else "Spotify"


class TooMuch(Exception):
    """An answer that is too long, or that does not end; never leaves this file."""


class TokenRefused(Exception):
    """The access token no longer counts; never leaves the room."""


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What came back of one question."""

    status: int = 0
    """0: no answer."""
    headers: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    result: Any = None
    trouble: str = ""
    """The class of what was raised; its text may bear a URL or what we sent."""
    redirect: bool = False
    unusable: str = ""
    """What is wrong with the settings."""


class SpotifyClient:
    """Asks with a token that it is handed; one question at a time, so that nothing blocks the event loop."""

    def __init__(self, budget: Budget, *, api_base_url: str, options: HttpOptions | None = None) -> None:
        """`budget` is that of the credential; `api_base_url` the only place where a token is sent."""
        self._budget, self._base, self._options = budget, f"{api_base_url}/", options or HttpOptions()
        self._place = CapacityLimiter(1)
        self._lock = threading.Lock()
        self._spotify: Any = None
        self._heard = Heard()

    async def ask(self, what: str, call: Call, token: str) -> Any:
        """The answer as JSON, None where there is nothing to say (204); `what` names the question in errors.

        Raises Temporary (with the delay that Spotify asked for), BadInput for what is not there, NeedsPerson for what
        this account or these settings may not, TokenRefused for a token that no longer counts.
        """
        for left in reversed(range(TRIES)):
            heard = await self._paced(call, token)
            if heard.status or heard.trouble not in STALE or not left:
                break
        if 200 <= heard.status < 300 and not heard.trouble:
            return heard.result
        raise trouble(what, heard, self._budget)

    def close(self) -> None:
        """Let go of the connections."""
        if self._spotify is not None:
            self._spotify._session.close()

    async def _paced(self, call: Call, token: str) -> Heard:
        await self._budget.turn()
        try:
            # Abandoned, not waited for: a stop need not outwait a slow answer. The lock keeps the next question back.
            heard = await to_thread.run_sync(self._asked, call, token, limiter=self._place, abandon_on_cancel=True)
        except BaseException:
            self._budget.dropped()
            raise
        if heard.status:
            await self._budget.answered(heard.status, _with_rest(heard))
        elif heard.redirect or heard.unusable:
            self._budget.dropped()
        else:
            await self._budget.failed(ConnectionError(heard.trouble))
        return heard

    def _asked(self, call: Call, token: str) -> Heard:
        with self._lock:
            try:
                spotify = self._opened()
            except (NeedsPerson, OSError) as error:
                return Heard(unusable=str(error))
            self._heard = Heard()
            spotify.set_auth(token)
            try:
                result = call(spotify)
            except Exception as error:  # noqa: BLE001  spotipy raises whatever an unforeseen answer makes it stumble over
                return _with_trouble(self._heard, error)
            finally:
                spotify.set_auth(None)
            heard = self._heard
            if result is None and heard.status != 204:  # spotipy passes over an answer that is no JSON
                return Heard(status=heard.status, headers=heard.headers, trouble="ValueError")
            return Heard(status=heard.status, headers=heard.headers, result=result)

    def _opened(self) -> Any:
        if self._spotify is None:
            spotipy = _spotipy()
            for library in ("spotipy", "urllib3", "requests"):  # they log each URL, and below that each token
                logging.getLogger(library).setLevel(logging.CRITICAL)
            proxy = self._options.proxy
            self._spotify = spotipy.Spotify(
                requests_session=_session(self._options, self._hear),
                requests_timeout=self._options.timeout,
                proxies={"http": proxy, "https": proxy} if proxy else None,
                retries=0,
                status_retries=0,
                status_forcelist=(599,),
            )
            self._spotify.prefix = self._base
        return self._spotify

    def _hear(self, response: requests.Response, **_: Any) -> None:
        """Read the answer, before spotipy does, within bounds; an endless one would hold the only place for ever."""
        response._content = _read(response, 4 * self._options.timeout)
        headers = {name.lower(): value for name, value in response.headers.items()}
        reason = _reason(response) if response.status_code >= 400 else ""
        self._heard = Heard(status=response.status_code, headers=headers, reason=reason)


def _spotipy() -> Any:
    """spotipy without redis, of which it wants a name for a cache that is not ours: 6 MB of memory for nothing."""
    stand_in: Any = ModuleType("redis")
    stand_in.RedisError = ConnectionError
    if "redis" not in sys.modules:
        sys.modules["redis"] = stand_in
        try:
            return importlib.import_module("spotipy")
        except ImportError:  # a version that wants more of it
            pass
        finally:
            del sys.modules["redis"]
    return importlib.import_module("spotipy")


def trouble(what: str, heard: Heard, budget: Budget) -> Exception:
    """What an answer that is none of those hoped for means."""
    if heard.unusable:
        return NeedsPerson(f"{what} cannot be asked for", why=heard.unusable, fix="Correct the section [http]")
    if heard.redirect:
        return Permanent(f"{what} cannot be had", why="Spotify's address leads elsewhere, where no token is sent")
    match heard.status:
        case 0:
            why, fix = UNANSWERED.get(heard.trouble, (heard.trouble, ""))
            return Temporary(f"{budget.name} cannot be asked", delay=budget.rest or None, why=why, fix=fix)
        case 401:
            return TokenRefused()
        case 403:
            return _refused(what, heard)
        case 429:
            why = "The quota is used up" if heard.reason == "QUOTA_EXCEEDED" else "It was asked too often"
            return Temporary(f"{budget.name} wants to be left alone", delay=budget.rest or None, why=why)
        case status if status in NOT_FOUND:
            return BadInput(f"{what} is not there", why=f"Spotify answered {status}")
        case status if status < 400:
            return Temporary(f"{budget.name} gave an answer that makes no sense", why=f"It is no JSON ({status})")
        case status if status < 500:
            return Permanent(f"{what} cannot be had", why=f"Spotify answered {status} {heard.reason}".strip())
        case status:
            return Temporary(f"{budget.name} is in trouble", delay=budget.rest or None, why=f"It answered {status}")


def _refused(what: str, heard: Heard) -> MusicsyncError:
    return NeedsPerson(
        f"Spotify does not let this account have {what[:1].lower()}{what[1:]}",
        why=f"It answered {heard.status} {heard.reason}".strip(),
        fix="A playlist must be your own or one that you edit; in development mode the app's owner needs Premium and "
        "you must be among the app's users. After a change run: musicsyncctl auth spotify",
    )


def _with_trouble(heard: Heard, error: Exception) -> Heard:
    name = type(error).__name__
    unusable = "The proxy wants what is not installed (PySocks)" if name == "InvalidSchema" else ""
    if name == "TooManyRedirects":
        return Heard(trouble=name, redirect=True)
    return Heard(status=heard.status, headers=heard.headers, reason=heard.reason, trouble=name, unusable=unusable)


def _read(response: requests.Response, deadline: float) -> bytes:
    """The whole body; TooMuch beyond LARGEST or the deadline (seconds)."""
    ends, content = time.monotonic() + deadline, bytearray()
    while part := response.raw.read1(LARGEST, decode_content=True):
        content += part
        if len(content) > LARGEST or time.monotonic() > ends:
            response.close()
            raise TooMuch
    response.raw.release_conn()
    return bytes(content)


def _with_rest(heard: Heard) -> Mapping[str, str]:
    if heard.status == 429 and heard.reason == "QUOTA_EXCEEDED" and "retry-after" not in heard.headers:
        return {**heard.headers, "retry-after": str(QUOTA_REST)}
    return heard.headers


def _reason(response: requests.Response) -> str:
    try:
        reason = str(response.json()["error"]["reason"])
    except (ValueError, KeyError, TypeError):
        return ""
    return reason if REASON.fullmatch(reason) else ""


def _session(options: HttpOptions, hear: Callable[..., None]) -> requests.Session:
    """A session that tries once, keeps no cookie and goes nowhere else."""
    import requests  # noqa: TID251  as above

    class Session(requests.Session):
        def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:
            # else REQUESTS_CA_BUNDLE would overrule http.ca_file
            return super().merge_environment_settings(url, proxies, stream, self.verify, cert)

    session = Session()
    session.trust_env = options.trust_env
    session.max_redirects = 0
    session.verify = _authorities(options)
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.hooks["response"].append(hear)
    return session


def _authorities(options: HttpOptions) -> str | bool:
    """A person's own authorities, else the system's, else those that come with requests."""
    if options.ca_file:
        try:
            ssl.create_default_context(cafile=str(options.ca_file))
        except (OSError, ssl.SSLError) as error:
            what = f"The certificate authorities in {options.ca_file} cannot be read"
            raise NeedsPerson(what, why=str(error), fix="Look at http.ca_file") from error
        return str(options.ca_file)
    paths = ssl.get_default_verify_paths()
    return paths.cafile or paths.capath or True
