"""What may not be written anywhere: known secrets, and texts that look like one."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

MASK: Final = "***"
SHORTEST: Final = 4
"""Characters. A shorter secret occurs in innocent words; where a pattern tells, it is still caught."""
DEEPEST: Final = 8
"""Levels of nesting that are looked into; below, a value is one text."""

_NAMES: Final = r"(?:token|secret|passw(?:or)?d|passphrase|api[-_]?key|signature|cookie|client[-_]?id)"
_SLASH: Final = r"(?:/|%2f)"
_WORD: Final = r"[^\s\"'<>?#|/]{1,300}?"
_OF_SOMEBODY: Final = rf"(?:sets{_SLASH}{_WORD}|(?!sets{_SLASH}){_WORD})"
_SENSITIVE_KEY: Final = re.compile(rf"(?i){_NAMES}|authorization")
_EQUALS: Final = r"(?:[=:]|%(?:25){0,3}3[da])"
"""Also as it stands in an address within an address."""
_OPENING: Final = rf"[\"']?\s{{0,3}}{_EQUALS}\s{{0,3}}[\"']?"
_SCHEME: Final = r"(?:(?:bearer|basic|oauth|token|digest)\s{1,3})?"
_PATTERNS: Final = (
    (re.compile(r"(://)[^/\s?#\"'<>]*@"), rf"\1{MASK}@"),
    (re.compile(rf"(?i)(authorization{_OPENING}){_SCHEME}[^\s\"',}}]+"), rf"\1{MASK}"),
    (re.compile(r"(?i)\b(bearer|basic|oauth)(\s{1,3})[\w.~+/=-]{12,}"), rf"\1\2{MASK}"),
    (re.compile(rf"(?i)({_NAMES}{_OPENING})[^\s\"'&,;}}]+"), rf"\1{MASK}"),
    # SoundCloud lets in whoever has a private track's address, or the id that bears the same token.
    (re.compile(rf"(?i)(soundcloud(?:\.com{_SLASH}|:){_WORD}{_SLASH}{_OF_SOMEBODY}{_SLASH})s-[a-z0-9]+"), rf"\1{MASK}"),
)


class Redactor:
    """Masks secrets in texts and in nested values, on whatever way to a log, a terminal or an answer."""

    def __init__(self, secrets: Collection[str] = ()) -> None:
        """`secrets` are plain texts that must never appear."""
        known = {secret for secret in secrets if len(secret) >= SHORTEST}
        longest_first = sorted(known, key=len, reverse=True)
        self._secrets = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def text(self, text: str) -> str:
        """The text without secrets."""
        if self._secrets:
            text = self._secrets.sub(MASK, text)
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
        return text

    def value(self, value: Any, depth: int = 0) -> Any:
        """The value as JSON can hold it, its texts without secrets; what is no JSON becomes its `str`."""
        match value:
            case None | bool() | int() | float():
                return value
            case str():
                return self.text(str(value))
            case Mapping() if depth < DEEPEST:
                return {self.text(str(key)): self._entry(str(key), item, depth) for key, item in value.items()}
            case list() | tuple() | set() | frozenset() if depth < DEEPEST:
                return [self.value(item, depth + 1) for item in value]
            case _:
                return self.text(_as_text(value))

    def _entry(self, key: str, item: Any, depth: int) -> Any:
        if isinstance(item, str | bytes) and item and _SENSITIVE_KEY.search(key):
            return MASK
        return self.value(item, depth + 1)


def _as_text(value: object) -> str:
    try:
        return str(value)
    except Exception as error:  # noqa: BLE001  a broken __str__ must not cost the line it stands in
        return f"<{type(value).__name__}: {type(error).__name__}>"
