"""The tags that items of ours bear in Eagle, and how they meet those that a person gave. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

from musicsyncd.library.base import About

MOST: Final = 12
"""Tags of ours on one item."""
LONGEST: Final = 80
"""Characters of one tag."""
FINGERPRINT: Final = "fingerprint:"


def wanted_tags(about: About, format_name: str) -> tuple[str, ...]:
    """What an item says of its track, the most telling first, at most `MOST`."""
    length = {True: "Extended", False: "Short", None: ""}[about.extended]
    said = (
        fingerprint_tag(about.fingerprint),
        *about.playlists[:4],
        about.genre,
        f"BPM{about.bpm:.0f}" if about.bpm else "",
        about.key,
        about.artist,
        format_name.upper(),
        about.source,
        "Processed",
        "HighQuality" if about.lossless else "",
        length,
    )
    return tuple(dict.fromkeys(filter(None, map(_clean, said))))[:MOST]


def fingerprint_tag(fingerprint: str) -> str:
    """32 hex digits that only this very fingerprint has: a part of one would be shared by strangers."""
    digest = hashlib.md5(fingerprint.encode(), usedforsecurity=False).hexdigest()
    return f"{FINGERPRINT}{digest}" if fingerprint else ""


def merged(now: Sequence[str], before: Sequence[str], wanted: Sequence[str]) -> tuple[str, ...]:
    """What an item should bear: a person's own tags stay in their order, a tag of ours that does not hold any more
    goes, and one that a person took away stays away. `before` is what we wrote last.
    """
    kept = [tag for tag in now if tag not in before or tag in wanted]
    new = [tag for tag in wanted if tag not in before]
    return tuple(dict.fromkeys((*kept, *new)))


def _clean(tag: str) -> str:
    """A comma parts tags where Eagle is asked for them."""
    return " ".join(tag.replace(",", " ").split())[:LONGEST].strip()
