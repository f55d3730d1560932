"""Notion's bad days: answers that refuse, connections that break, limits of the rate."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final


@dataclass(frozen=True)
class Asked:
    """One request as it came in, and how it was answered."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    body: Any
    at: float
    """By the fake's clock."""
    version: str = ""
    """The Notion-Version header."""

    @property
    def writes(self) -> bool:
        """Whether it may change something (a query and a search do not)."""
        return self.method != "GET" and not self.path.endswith(("/query", "/search"))

    @property
    def creates(self) -> bool:
        """Whether it makes a page."""
        return self.method == "POST" and self.path == "/v1/pages"


Where = Callable[[Asked], bool]


@dataclass(frozen=True)
class Answer:
    """What is sent back; `how` says what becomes of the connection."""

    status: int = 200
    text: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json; charset=utf-8"
    how: str = "send"
    """send, drop (broken without a word), cut (broken in the middle of the body) or hang (never answered)."""


CODES: Final = {
    "400": "validation_error",
    "401": "unauthorized",
    "403": "restricted_resource",
    "404": "object_not_found",
    "409": "conflict_error",
    "429": "rate_limited",
    "500": "internal_server_error",
    "503": "service_unavailable",
    "504": "gateway_timeout",
    "529": "service_overload",
}
_HTML: Final = "<html><head><title>502 Bad Gateway</title></head><body><center>cloudflare</center></body></html>"
_BLOCKS: Final = "Workspace has reached its block limit. Upgrade the plan to add more."


def refused(status: int, code: str, message: str, headers: Mapping[str, str] | None = None, **data: Any) -> Answer:
    """Notion's error body."""
    body = {"object": "error", "status": status, "code": code, "message": message, "request_id": "5c1bd2b7-0e4c-4b8f"}
    if data:
        body["additional_data"] = data
    return Answer(status, json.dumps(body), headers or {})


def _bad(kind: str, retry_after: float, reason: str) -> Answer:
    """The answer of one kind."""
    if kind in {"drop", "cut", "timeout"}:
        return Answer(how={"timeout": "hang"}.get(kind, kind))
    if kind in {"html", "502"}:
        return Answer(200 if kind == "html" else 502, _HTML, content_type="text/html")
    if kind == "row_limit":
        return refused(409, "row_limit_exceeded", "The data source has reached its limit of rows.")
    if kind == "block_limit":
        return refused(403, "restricted_resource", _BLOCKS)
    if kind in {"429", "529"}:
        return rate_limited(retry_after, reason, int(kind))
    return refused(int(kind), CODES[kind], f"Notion says {CODES[kind]}.")


def rate_limited(retry_after: float, reason: str, status: int = 429) -> Answer:
    """429 (or 529): whole seconds to wait."""
    told = "You have been rate limited. Please try again in a few minutes." if status == 429 else "Overloaded."
    after = {"Retry-After": str(max(1, math.ceil(retry_after)))}
    return refused(status, CODES[str(status)], told, after, rate_limit_reason=reason)


@dataclass
class Fault:
    """One bad day: `times` requests that fit, or a share of them for ever."""

    kind: str
    times: float
    share: float
    where: Where
    retry_after: float
    reason: str
    hits: int = 0
    seen: list[Asked] = field(default_factory=list)

    @property
    def applied(self) -> bool:
        """Whether the request is carried out all the same."""
        return self.kind.startswith("applied_")

    def stop(self) -> None:
        """From now on all is well."""
        self.times = 0

    def answer(self) -> Answer:
        """What is answered in place of the truth."""
        return _bad(self.kind.removeprefix("applied_"), self.retry_after, self.reason)


class Faults:
    """All of them, the oldest first."""

    def __init__(self, seed: int = 11) -> None:
        self._faults: list[Fault] = []
        self._random = random.Random(seed)

    def add(self, fault: Fault) -> Fault:
        _bad(fault.kind.removeprefix("applied_"), 1, "")  # an unknown kind is told where it was written
        self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """All is well again."""
        for fault in self._faults:
            fault.stop()
        self._faults = []

    def pick(self, asked: Asked) -> Fault | None:
        """The one that this request meets."""
        for fault in self._faults:
            if fault.times <= 0 or not fault.where(asked):
                continue
            if fault.share and self._random.random() >= fault.share:
                continue
            fault.times -= 1
            fault.hits += 1
            fault.seen.append(asked)
            return fault
        return None


class Limiter:
    """A bucket that refills by so many requests a second."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.rate = 0.0
        """0: no limit."""
        self.burst = 10.0
        self._held = 0.0
        self._at: float | None = None

    def delay(self) -> float:
        """Seconds until one more would be served; 0 when this one is."""
        if not self.rate:
            return 0.0
        moment = self._now()
        self._held = self.burst if self._at is None else min(self.burst, self._held + (moment - self._at) * self.rate)
        self._at = moment
        if self._held < 1:
            return (1 - self._held) / self.rate
        self._held -= 1
        return 0.0
