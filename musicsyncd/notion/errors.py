"""What each kind of trouble at Notion means. notion_client knows some codes only; the real one is in the body."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from musicsyncd.errors import BadInput, MusicsyncError, NeedsPerson, Permanent, Temporary

LONGEST: Final = 300
"""Characters of Notion's own words that are passed on."""
CONNECTIONS: Final = "https://www.notion.so/profile/integrations"
UNSENT: Final = frozenset({"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol"})
"""What httpx raises before a byte of the question has gone."""
BUSY: Final = frozenset({429, 529})
"""Answers to a question that was not taken up: it may be asked again, also one that writes."""
SHARE: Final = "In Notion open the database, then ••• > Connections, and add the connection; or correct the id"


class _Local(MusicsyncError):
    """An error of this room; elsewhere it goes by the name of the class that says what happens next."""

    known_as: ClassVar[str]

    def as_dict(self) -> dict[str, Any]:
        """The error as JSON, under the name that everybody can read."""
        return super().as_dict() | {"class": self.known_as}


class Ambiguous(_Local, Temporary):
    """A write that may have been applied: nobody may repeat it before looking."""

    known_as = "Temporary"


class Refused(_Local, Permanent):
    """Notion does not take what was asked."""

    known_as = "Permanent"

    def __init__(
        self, what: str, *, why: str = "", fix: str = "", properties: Collection[str] = (), code: str = ""
    ) -> None:
        """`properties` are the names of the properties that Notion complains of, in its order."""
        super().__init__(what, why=why, fix=fix)
        self.properties, self.code = tuple(properties), code

    @property
    def property(self) -> str:
        """The first property that Notion complains of; "" for none."""
        return next(iter(self.properties), "")


class Gone(_Local, Permanent):
    """What was asked for is not there, or not for this connection: the two look alike."""

    known_as = "Permanent"


class NotAllowed(_Local, NeedsPerson):
    """The token does not count (401), or the connection may not do this (403)."""

    known_as = "NeedsPerson"

    def __init__(self, what: str, *, status: int, why: str = "", fix: str = "") -> None:
        super().__init__(what, why=why, fix=fix)
        self.status = status


class RowLimit(_Local, NeedsPerson):
    """The database holds as many rows as Notion allows."""

    known_as = "NeedsPerson"


class BlockLimit(_Local, NeedsPerson):
    """The workspace's plan allows no more blocks, and each row is one."""

    known_as = "NeedsPerson"


class Incomplete(_Local, Permanent):
    """A query gave only as many rows as Notion gives for one; the rest wants narrower questions."""

    known_as = "Permanent"


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What an error of notion_client says, whichever class it has."""

    status: int = 0
    """0: no answer."""
    code: str = ""
    message: str = ""
    reason: str = ""
    """Which limit was met."""
    request: str = ""
    """Notion's name for the question."""
    headers: Mapping[str, str] = field(default_factory=dict)
    trouble: str = ""
    """The class of what was raised, without an answer."""

    @property
    def ray(self) -> str:
        """Cloudflare's name for it."""
        return _word(self.headers.get("cf-ray"))

    @property
    def sent(self) -> bool:
        """Whether the question may have reached Notion."""
        return self.trouble not in UNSENT

    @property
    def words(self) -> str:
        """What it answered, in words."""
        if not self.status:
            return _UNANSWERED.get(self.trouble, f"No whole answer came ({self.trouble})")
        said = f"It answered {self.status} {self.code}".strip()
        return f"{said}: {self.message}" if self.message else said


_UNANSWERED: Final = {
    "ConnectError": "No connection could be made",
    "ConnectTimeout": "It did not answer in time",
    "PoolTimeout": "No connection was free in time",
    "ReadTimeout": "It did not answer in time",
    "WriteTimeout": "It did not take the question in time",
    "TimeoutError": "It did not finish its answer in time",
    "RequestTimeoutError": "It did not answer in time",
    "ProxyError": "The proxy did not let it through",
    "ReadError": "The connection broke off",
    "WriteError": "The connection broke off",
    "CloseError": "The connection broke off",
    "RemoteProtocolError": "The connection broke off",
    "TooLarge": "Its answer does not end",
    "ValueError": "Its answer makes no sense",
    "JSONDecodeError": "Its answer is no JSON",
    "UnicodeDecodeError": "Its answer is no text",
    "DecodingError": "Its answer makes no sense",
}


def heard(error: BaseException) -> Heard:
    """The status, the real code and the words of whatever was raised while Notion was asked."""
    status = getattr(error, "status", None)
    if not isinstance(status, int):
        inner = error.__context__ if type(error).__name__ == "RequestTimeoutError" else None
        message = "certificate" if "CERTIFICATE_VERIFY_FAILED" in str(error) else ""
        return Heard(trouble=type(inner or error).__name__, message=message)
    body = _parsed(getattr(error, "body", ""))
    more = body.get("additional_data")
    headers = {str(name).lower(): str(value) for name, value in getattr(error, "headers", {}).items()}
    return Heard(
        status=status,
        code=_word(body.get("code")),
        message=_line(body.get("message")),
        reason=_word(more.get("rate_limit_reason")) if isinstance(more, dict) else "",
        request=_word(body.get("request_id") or headers.get("x-notion-request-id")),
        headers=headers,
    )


def translated(
    error: BaseException, *, what: str = "Notion cannot be asked", write: bool = False, delay: float | None = None
) -> MusicsyncError:
    """What an error means for whoever asked.

    `what` is the sentence of what did not work, `write` whether the question would have changed something, `delay`
    for how many seconds Notion is to be left alone.
    """
    if isinstance(error, MusicsyncError):
        return error
    if type(error).__name__ in ("InvalidPathParameterError", "InvalidURL"):
        return BadInput(what, why="An id holds what no id of Notion's has")
    return _meant(heard(error), what, write, delay)


def _meant(said: Heard, what: str, write: bool, delay: float | None) -> MusicsyncError:
    if special := _limit(said, what):
        return special
    match said.status:
        case 0:
            return _unanswered(said, what, write, delay)
        case 401:
            fix = f"Copy the connection's token from {CONNECTIONS} into notion.token"
            return NotAllowed(what, status=401, why=f"The token does not count. {said.words}", fix=fix)
        case 403:
            fix = f"Look at the connection's capabilities at {CONNECTIONS}, and at what is shared with it"
            return NotAllowed(what, status=403, why=f"The connection may not. {said.words}", fix=fix)
        case 404:
            return Gone(what, why=f"It is gone, or not shared with the connection. {said.words}", fix=SHARE)
        case 409:
            return Temporary(what, delay=delay, why=f"Somebody else was writing at the same time. {said.words}")
        case status if status in BUSY:
            return Temporary(what, delay=delay, why=_busy(said), counts=False)
        case status if status >= 500 or status < 300:
            # below 300 an answer that makes no sense
            return _failed(what, write, delay, said.words)
        case status if status < 400:
            return Permanent(what, why="Its address leads elsewhere, where no token is sent", fix="See notion.base_url")
        case _:
            return Refused(what, why=said.words, properties=properties_in(said.message), code=said.code)


def _limit(said: Heard, what: str) -> MusicsyncError | None:
    """Limits that no waiting lifts, whatever status they come with."""
    if not 400 <= said.status < 500:
        return None
    if said.code == "row_limit_exceeded":
        fix = "Move old rows of the database elsewhere, or begin another database"
        return RowLimit(what, why=said.words, fix=fix)
    text = f"{said.code} {said.message}".lower().replace("_", " ")
    if "block limit" in text or "block usage" in text:
        fix = "Raise the workspace's plan, or use a workspace with one member"
        return BlockLimit(what, why=said.words, fix=fix)
    return None


def _unanswered(said: Heard, what: str, write: bool, delay: float | None) -> MusicsyncError:
    if said.message == "certificate":
        fix = "If a proxy looks into connections, set http.ca_file"
        return Temporary(what, delay=delay, why="Its certificate is not trusted", fix=fix)
    return _failed(what, write and said.sent, delay, said.words)


def _failed(what: str, write: bool, delay: float | None, why: str) -> Temporary:
    if write:
        return Ambiguous(f"{what}, and may have been done all the same", delay=delay, why=why)
    return Temporary(what, delay=delay, why=why)


def _busy(said: Heard) -> str:
    why = "It was asked too often" if said.status == 429 else "It is overloaded"
    return f"{why} ({said.reason})" if said.reason else why


_TYPES: Final = (
    "title|rich_text|number|select|multi_select|status|checkbox|date|url|email|phone_number|relation|people|files"
    "|id|type|name|verification|place|formula|rollup|button"
)
_COMPLAINTS: Final = (
    re.compile(rf"body\.properties\.(.+?)\.(?:{_TYPES})\b"),
    re.compile(r"(?:^|[.:]\s+|\n)([^\n]{1,200}?) is expected to be \w+"),
    re.compile(r"(?:^|[.:]\s+|\n)([^\n]{1,200}?) is not a property that exists"),
    re.compile(r"[Cc]ould not find property with name or id:?\s*([^\n]{1,200}?)\.?\s*$"),
    re.compile(r"(?:^|\n)([^\n]{1,200}?): Invalid \w+ option"),
    re.compile(r"[Pp]roperty \"([^\"\n]{1,200})\""),
)


def properties_in(message: str) -> tuple[str, ...]:
    """The names of the properties that Notion's words complain of, in order, each once."""
    found = [(one.start(1), one[1].strip("\"'` ")) for pattern in _COMPLAINTS for one in pattern.finditer(message)]
    return tuple(dict.fromkeys(name for _, name in sorted(found) if name))


def _parsed(body: object) -> dict[str, Any]:
    try:
        value = json.loads(body) if isinstance(body, str | bytes) else {}
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _word(value: object) -> str:
    """A code, which is a word; anything else goes nowhere."""
    return value if isinstance(value, str) and re.fullmatch(r"[\w.-]{1,80}", value, re.ASCII) else ""


def _line(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""
