"""The one client with which we ask other machines ourselves: paced by a budget, tried again, bounded.

httpx is imported at the first question: an idle daemon does not pay for it.
"""

from __future__ import annotations

import json
import logging
import ssl
import weakref
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urljoin, urlsplit

import anyio

from musicsyncd import __version__
from musicsyncd.errors import BadInput, NeedsPerson, Permanent, Temporary
from musicsyncd.http.budget import Budget

if TYPE_CHECKING:
    import httpx

LARGEST: Final = 4 * 1024 * 1024
"""Bytes of an answer, where the caller names no other limit."""
TRIES: Final = 3
HOPS: Final = 5
"""Redirects that are followed."""
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
KEPT_METHODS: Final = frozenset({307, 308})
"""Redirects that send the same body again."""
MOVED: Final = frozenset({301, 302})
"""Redirects that clients follow without the body, whether that is meant or not."""
HARMLESS: Final = frozenset({"accept", "accept-language", "user-agent"})
"""Headers that may follow a redirect to another host; any other may be a credential."""
PROXIES: Final = ("http", "https", "socks5", "socks5h")
_shared: Final = weakref.WeakValueDictionary[tuple[Path | None, int], ssl.SSLContext]()
"""Authorities in use, by their file and when it was written: 0.7 MB, which each client need not read for itself."""


@dataclass(frozen=True, kw_only=True)
class HttpOptions:
    """How other machines are reached, as [http] says."""

    proxy: str = ""
    ca_file: Path | None = None
    timeout: float = 30.0
    """Seconds for a connection, or for the next bytes."""
    trust_env: bool = False


@dataclass(frozen=True, kw_only=True)
class Question:
    """One thing to ask."""

    url: str
    """Holds no secret: a URL is written into logs all over the world."""
    params: Mapping[str, str] = field(default_factory=dict)
    hidden: Mapping[str, str] = field(default_factory=dict, repr=False)
    """More parameters, for a service that takes a credential nowhere else; no log or error of ours names them."""
    form: Mapping[str, str] | None = field(default=None, repr=False)
    """Sent as a form, by POST; a credential may stand here."""
    json: Any = field(default=None, repr=False)
    """Sent as JSON, by POST, in place of a form; whoever is asked to send it elsewhere for good is refused."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """A credential may stand here; they go to this URL's host only."""
    limit: int = LARGEST
    """Bytes of the answer."""
    repeatable: bool = True
    """Whether asking twice does no harm: only then is it tried again by itself."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back, whole."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    def json(self) -> Any:
        """The body as JSON; ValueError when it is none."""
        try:
            return json.loads(self.body)
        except (UnicodeDecodeError, RecursionError) as error:
            raise ValueError(type(error).__name__) from error


class HttpClient:
    """Shared by all who ask; `close` it at the end."""

    def __init__(self, options: HttpOptions, *, contact: str = "") -> None:
        """`contact` is an address or URL at which a service finds who asks."""
        self._options = options
        self._agent = f"musicsyncd/{__version__}" + (f" ( {contact} )" if contact else "")
        self._client: httpx.AsyncClient | None = None
        self._opening = anyio.Lock()

    async def ask(self, budget: Budget, question: Question) -> Answer:
        """The answer, whatever its status below 500 but "too fast".

        Raises Temporary for a service that does not answer, fails or wants to be left alone (with the delay that it
        asked for), BadInput for an answer beyond the limit, Permanent for a redirect that may not be followed,
        NeedsPerson for settings that cannot be used.
        """
        client = await self._session()
        tries = TRIES if question.repeatable else 1
        for left in reversed(range(tries)):
            await budget.turn()
            try:
                answer = await self._once(client, question)
            except Temporary as error:
                await budget.failed(error.__cause__ or error)
                if not left:
                    raise
                continue
            except BaseException:
                budget.dropped()
                raise
            await budget.answered(answer.status, answer.headers)
            if answer.status < 500 and answer.status != 429:
                return answer
        raise Temporary(f"{budget.name} answered {answer.status}", delay=budget.rest or None, why=budget.standing.why)

    async def close(self) -> None:
        """Let go of all connections."""
        if self._client:
            await self._client.aclose()
            self._client = None

    async def _session(self) -> httpx.AsyncClient:
        async with self._opening:
            if self._client is None:
                self._client = await anyio.to_thread.run_sync(self._opened)
            return self._client

    def _opened(self) -> httpx.AsyncClient:
        return open_session(self._options, agent=self._agent)

    async def _once(self, client: httpx.AsyncClient, question: Question) -> Answer:
        import httpx

        # A service that sends a byte now and then overruns no timeout of a single read.
        deadline = 4 * self._options.timeout
        try:
            with anyio.fail_after(deadline):
                return await _followed(client, question)
        except TimeoutError as error:
            raise Temporary(f"{_host(question.url)} did not finish its answer within {deadline:g} s") from error
        except httpx.TimeoutException as error:
            why = f"It did not answer within {self._options.timeout:g} s"
            raise Temporary(f"{_host(question.url)} cannot be asked", why=why) from error
        except httpx.LocalProtocolError as error:  # it may quote a header, and so is nobody's cause
            refused = "Illegal header" in str(error)
            raise (_unsendable(question.url) if refused else _unreachable(question.url)) from None
        except httpx.HTTPError as error:
            raise _unreachable(question.url, error) from error
        except httpx.InvalidURL as error:
            raise Permanent(f"{_host(question.url)} cannot be asked", why="The URL is not valid") from error


class TooLarge(Exception):
    """An answer beyond its limit, where a vendor's library reads it."""


def open_session(options: HttpOptions, *, agent: str = f"musicsyncd/{__version__}") -> httpx.AsyncClient:
    """An httpx client as [http] says, which keeps no cookie; also for a vendor's library that wants one.

    Reads certificates from the disk: not for the event loop. Raises NeedsPerson for settings that cannot be used.
    """
    from http.cookiejar import CookieJar, DefaultCookiePolicy

    import httpx

    for library in ("httpx", "httpcore"):  # they log each URL, and below that each header
        logging.getLogger(library).setLevel(logging.WARNING)
    scheme = urlsplit(options.proxy).scheme
    if scheme and scheme not in PROXIES:
        raise NeedsPerson(f"A {scheme} proxy serves downloads only", fix=f"Set http.proxy to {', '.join(PROXIES)}")
    return httpx.AsyncClient(
        headers={"User-Agent": agent},
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        verify=certificates(options.ca_file),
        proxy=options.proxy or None,
        timeout=options.timeout,
        trust_env=options.trust_env,
    )


def bounded(limit: int) -> Callable[[httpx.Response], Awaitable[None]]:
    """A hook for a vendor's client that reads each answer whole and knows no bound: TooLarge beyond `limit` bytes."""

    async def read(response: httpx.Response) -> None:
        body = bytearray()
        async for part in response.aiter_bytes():
            body += part
            if len(body) > limit:
                await response.aclose()
                raise TooLarge
        response._content = bytes(body)  # what `aread` finds, and does not read again

    return read


def certificates(ca_file: Path | None) -> ssl.SSLContext:
    """What checks certificates, shared by all clients of these settings. Raises NeedsPerson for an unusable file."""
    written = 0
    if ca_file:
        with suppress(OSError):  # told better by whoever reads it
            written = ca_file.stat().st_mtime_ns
    known = _shared.get((ca_file, written)) or _certificates(ca_file)
    _shared[ca_file, written] = known
    return known


def _certificates(ca_file: Path | None) -> ssl.SSLContext:
    """The system's authorities or a person's own; where the system has none, those that come with httpx."""
    try:
        if ca_file:
            return ssl.create_default_context(cafile=str(ca_file))
        paths = ssl.get_default_verify_paths()
        if paths.cafile or paths.capath:
            return ssl.create_default_context()
    except (OSError, ssl.SSLError) as error:
        raise NeedsPerson(
            f"The certificate authorities in {ca_file} cannot be read", why=str(error), fix="Look at http.ca_file"
        ) from error
    import certifi

    return ssl.create_default_context(cafile=certifi.where())


async def _followed(client: httpx.AsyncClient, question: Question) -> Answer:
    """The answer at the end of the redirects."""
    url, body = _with_params(question), _body(question)
    headers = dict(question.headers)
    if not all(f"{name}{value}".isascii() for name, value in headers.items()):
        raise _unsendable(url)
    for _ in range(HOPS + 1):
        answer = await _sent(client, url, body, headers, question.limit)
        target = answer.headers.get("location", "")
        if answer.status not in REDIRECTS or not target:
            return answer
        onward = _onward(url, target)
        if body and answer.status in KEPT_METHODS and not _same_host(url, onward):
            raise Permanent(f"{_host(url)} wants what was asked sent to {_host(onward)}", why="It may hold a secret")
        if body and question.json is not None and answer.status in MOVED:
            raise Permanent(f"{_host(url)} does not take it there any more", why="Followed, it would arrive empty")
        if not _same_host(url, onward):
            headers = {name: value for name, value in headers.items() if name.lower() in HARMLESS}
        url, body = onward, body if answer.status in KEPT_METHODS else None
    raise Permanent(f"{_host(question.url)} redirects more than {HOPS} times")


def _body(question: Question) -> dict[str, Any] | None:
    """What is posted, as httpx takes it; None where nothing is, and the question is a GET."""
    if question.json is not None:
        return {"json": question.json}
    return {"data": dict(question.form)} if question.form is not None else None


async def _sent(
    client: httpx.AsyncClient, url: str, body: Mapping[str, Any] | None, headers: Mapping[str, str], limit: int
) -> Answer:
    method = "GET" if body is None else "POST"
    async with client.stream(method, url, headers=dict(headers), follow_redirects=False, **body or {}) as response:
        if _stated(response.headers.get("content-length")) > limit:
            raise _too_large(url, limit)
        found = bytearray()
        async for part in response.aiter_bytes():
            found += part
            if len(found) > limit:
                raise _too_large(url, limit)
        return Answer(
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            body=bytes(found),
        )


def _with_params(question: Question) -> str:
    import httpx

    params = {**question.params, **question.hidden}
    return str(httpx.URL(question.url).copy_merge_params(params)) if params else question.url


def _onward(url: str, target: str) -> str:
    """Where a redirect leads; Permanent where that may not be followed: never from https to what anybody can read."""
    try:
        onward = urljoin(url, target)
        parts = urlsplit(onward)
        scheme, _ = parts.scheme, parts.port  # asked for, a port that is none is an error
    except ValueError as error:
        raise Permanent(f"{_host(url)} redirects to what is no URL") from error
    if scheme not in ("https", urlsplit(url).scheme):
        raise Permanent(f"{_host(url)} leads to {scheme}, which is not followed")
    return onward


def _stated(length: str | None) -> int:
    return int(length) if length and length.isdecimal() else 0


def _too_large(url: str, limit: int) -> BadInput:
    return BadInput(f"{_host(url)} answered with more than {limit} bytes, which is not read")


def _same_host(one: str, other: str) -> bool:
    """Whether both lead to the same scheme, host and port: what one may know, the other may."""
    first, second = (urlsplit(url) for url in (one, other))
    return (first.scheme, first.hostname, first.port) == (second.scheme, second.hostname, second.port)


def _host(url: str) -> str:
    """As errors name it: neither a path nor a parameter nor a user."""
    try:
        return urlsplit(url).hostname or "the service"
    except ValueError:
        return "the service"


def _unsendable(url: str) -> NeedsPerson:
    """Neither this nor a cause of it quotes the header: a credential may stand there."""
    why = "A header holds what none may hold: a line break, or letters beyond ASCII"
    return NeedsPerson(f"{_host(url)} cannot be asked", why=why, fix="Look at the token or key for it in the settings")


def _unreachable(url: str, error: Exception | None = None) -> Temporary:
    """Without an error whose text may be told, the reason is only that the question broke off."""
    why, fix = str(error) if error else "The question could not be sent whole", ""
    if "CERTIFICATE_VERIFY_FAILED" in why:
        why, fix = "Its certificate is not trusted", "If a proxy looks into connections, set http.ca_file"
    return Temporary(f"{_host(url)} cannot be asked", why=why or type(error).__name__, fix=fix)
