"""Which texts name a time zone."""

from __future__ import annotations

import difflib
import zoneinfo


def check_timezone(name: str) -> str:
    """The name itself, if it is `local` or an IANA name known here; ValueError otherwise."""
    if name == "local":
        return name
    try:
        zoneinfo.ZoneInfo(name)
    except (LookupError, ValueError, OSError) as error:
        near = difflib.get_close_matches(name, zoneinfo.available_timezones(), n=2)
        hint = f" ({', '.join(near)}?)" if near else ""
        raise ValueError(f'must be "local" or an IANA name such as Europe/Berlin{hint}') from error
    return name
