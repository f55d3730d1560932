"""What every section of config.toml is made of: a frozen model, and quantities and paths in words."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    SecretStr,
    ValidationInfo,
)

SECONDS: Final = {"d": 86400.0, "h": 3600.0, "min": 60.0, "s": 1.0, "ms": 0.001}
LONGEST: Final = 3650 * SECONDS["d"]
"""Seconds. Ten years: a longer wait is a slip of the pen, and would overflow a date."""
BYTES: Final = {
    "TiB": 1024**4,
    "TB": 1000**4,
    "GiB": 1024**3,
    "GB": 1000**3,
    "MiB": 1024**2,
    "MB": 1000**2,
    "KiB": 1024,
    "kB": 1000,
    "B": 1,
}
LARGEST: Final = 2**63 - 1
"""Bytes: what a file system, SQLite and yt-dlp can all hold."""
PROXY_SCHEMES: Final = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")

_UNIT_WORDS: Final = {"sec": "s", "second": "s", "minute": "min", "hour": "h", "day": "d"}
_QUANTITY: Final = re.compile(r"(\d{1,30}(?:\.\d{1,30})?(?:[eE][+-]?\d{1,3})?)\s*([A-Za-z]*)", re.ASCII)


class Section(BaseModel):
    """Base of every section: frozen, strictly typed, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True, allow_inf_nan=False)


def parse_duration(value: object) -> float:
    """Seconds, from a number of seconds or a text such as `90 s`, `10 min`, `2 d`; ValueError otherwise."""
    seconds = _quantity(value, _duration_unit)
    if seconds is None:
        raise ValueError('must be a length of time such as 90 (seconds), "90 s", "10 min", "1 h" or "2 d"')
    if seconds > LONGEST:
        raise ValueError("must be at most ten years")
    return seconds


def format_duration(seconds: float) -> str:
    """The text that `parse_duration` reads back as the same number, in the largest unit that divides it."""
    for unit in ("d", "h", "min"):
        if seconds and seconds % SECONDS[unit] == 0:
            return f"{int(seconds / SECONDS[unit])} {unit}"
    return f"{_plain(seconds)} s"


def parse_size(value: object) -> int:
    """Bytes, from a number of bytes or a text such as `500 MB` or `2 GiB`; ValueError otherwise."""
    size = _quantity(value, _size_unit)
    if size is None or (isinstance(value, float) and value != size):
        raise ValueError('must be a size such as 1000000 (bytes), "500 MB" or "2 GiB"')
    if size > LARGEST:
        raise ValueError(f"must be at most {LARGEST} bytes")
    return value if isinstance(value, int) else int(size)


def format_size(size: int) -> str:
    """The text that `parse_size` reads back as the same number, in the largest unit that divides it."""
    unit, factor = next(
        (unit, factor) for unit, factor in BYTES.items() if size % factor == 0 and size >= min(factor, size)
    )
    return f"{size // factor} {unit}" if size else "0 B"


def absolute_path(value: object, folder: Path) -> Path:
    """An absolute path: `~` expanded, a relative one taken from `folder`; ValueError when it is no path."""
    if not isinstance(value, str | Path) or not str(value).strip() or "\0" in str(value):
        raise ValueError("must be the path of a file or folder")
    try:
        str(value).encode()
        expanded = Path(value).expanduser()
    except UnicodeEncodeError as error:
        raise ValueError("must be UTF-8 text") from error
    except RuntimeError as error:
        raise ValueError("begins with ~, and there is no such user or no home folder") from error
    return Path(os.path.normpath(folder / expanded))


def check_proxy(value: SecretStr) -> SecretStr:
    """The proxy itself if it is empty or a URL with a known scheme and a host; ValueError otherwise."""
    text = value.get_secret_value()
    try:
        parts = urlsplit(text)
        valid = not text or bool(parts.scheme in PROXY_SCHEMES and parts.hostname and parts.port != 0)
    except ValueError:
        valid = False
    if not valid or any(character.isspace() for character in text):
        raise ValueError(f"must be a URL such as http://host:3128 (one of {', '.join(PROXY_SCHEMES)}) or empty")
    return value


def check_base_url(value: str) -> str:
    """The URL without a slash at its end, if it is http or https and names a host and nothing secret; ValueError
    otherwise.
    """
    try:
        parts = urlsplit(value)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid or any(character.isspace() for character in value):
        raise ValueError("must be a URL such as https://example.org/api")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("must be a URL without a user, a query and a fragment")
    return value.rstrip("/")


def _quantity(value: object, unit: Any) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        number, factor = value, 1.0
    elif isinstance(value, str) and (match := _QUANTITY.fullmatch(value.strip())):
        number, factor = float(match[1]), unit(match[2])
    else:
        return None
    try:
        amount = float(number) * (factor or math.nan)
    except OverflowError:
        return math.inf
    return amount if amount >= 0 else None


def _duration_unit(word: str) -> float | None:
    word = word.lower()
    word = _UNIT_WORDS.get(word.removesuffix("s"), word)
    return SECONDS.get(word or "s")


def _size_unit(word: str) -> float | None:
    known = {unit.lower(): factor for unit, factor in BYTES.items()}
    return known.get(word.lower() or "b")


def _plain(number: float) -> str:
    return str(int(number)) if number == int(number) else repr(number)


def _place(value: object, info: ValidationInfo) -> Path:
    return absolute_path(value, (info.context or {}).get("folder", Path.cwd()))


def _optional_place(value: object, info: ValidationInfo) -> Path | None:
    return None if value in ("", None) else _place(value, info)


Duration = Annotated[float, BeforeValidator(parse_duration), PlainSerializer(format_duration, when_used="json")]
"""Seconds."""
Size = Annotated[int, BeforeValidator(parse_size), PlainSerializer(format_size, when_used="json")]
"""Bytes."""
Place = Annotated[Path, BeforeValidator(_place)]
"""An absolute path."""
OptionalPlace = Annotated[Path | None, BeforeValidator(_optional_place)]
"""An absolute path, or None where the text is empty."""
Proxy = Annotated[SecretStr, AfterValidator(check_proxy)]
"""A proxy's URL, which may hold a password; empty means none."""
BaseUrl = Annotated[str, AfterValidator(check_base_url)]
"""Where a service is; paths are put behind it."""
