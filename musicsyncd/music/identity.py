"""Who a track is, at each provider: one canonical form per provider, compared by id and never by URL."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit, urlunsplit

ACOUSTID: Final = "acoustid"
"""Provider: the id under which AcoustID keeps a fingerprint."""
RECORDING: Final = "mbid"
"""Provider: the id of a recording at MusicBrainz."""
DEFAULT_PORTS = {"http": 80, "https": 443}
_SECRET_PARAMETER: Final = re.compile(
    r"(?i)(?:^|[-_.])(?:token|secret|key|apikey|auth|authorization|sig|signature|passw(?:or)?d|pwd|session|sid|jwt|hmac"
    r"|policy|credential|x-amz-[\w-]+)$"
)
"""Names of query parameters that let their bearer in, with or without a word before (`access_token`, `api_key`)."""


@dataclass(frozen=True, order=True)
class Identity:
    """One provider's name for a track, as in `url:https://example.org/song.ogg` or `file:<sha256 of its bytes>`."""

    provider: str
    """`file`, `url`, later `spotify`, `soundcloud`, `youtube`, `isrc`."""
    id: str
    """The provider's own canonical id."""

    def __str__(self) -> str:
        return f"{self.provider}:{self.id}"

    @classmethod
    def parse(cls, text: str) -> Identity:
        """The identity that `str()` wrote; ValueError when there is no provider or no id in it."""
        provider, _, id_ = text.partition(":")
        if not provider or not id_:
            raise ValueError(f"{text!r} is no identity: it wants PROVIDER:ID")
        return cls(provider, id_)


def id_at(provider: str, identities: Iterable[Identity]) -> str:
    """The first id at that provider; empty when there is none."""
    return next((one.id for one in identities if one.provider == provider), "")


def of_file(sha256: str) -> Identity:
    """The identity of a local file: its bytes, wherever it lies and whatever it is called."""
    return Identity("file", sha256)


def of_url(url: str) -> Identity:
    """The identity of a URL that no named provider owns: its canonical form."""
    return Identity("url", canonical_url(url))


def shareable_url(url: str) -> str:
    """The URL as it may be written into files that are passed on: without user and parameters that let one in."""
    parts = urlsplit(url)
    if parts.scheme.lower() not in DEFAULT_PORTS:
        return url
    kept = [one for one in parts.query.split("&") if one and not _SECRET_PARAMETER.search(one.partition("=")[0])]
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="&".join(kept)))


def shareable(identity: Identity) -> str:
    """The identity as text, as `shareable_url` has it."""
    return f"{identity.provider}:{shareable_url(identity.id)}" if identity.provider == "url" else str(identity)


def bears_user(url: str) -> bool:
    """Whether a URL names a user or a password."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return bool(parts.scheme and "@" in parts.netloc)


def canonical_url(url: str) -> str:
    """Scheme and host in lower case, no default port, no fragment, no user; path and query as they are.

    ValueError when the text is no absolute http(s) URL.
    """
    parts = urlsplit(url.strip())
    scheme, host = parts.scheme.lower(), (parts.hostname or "").lower()
    if scheme not in DEFAULT_PORTS or not host:
        raise ValueError(f"{url!r} is no http or https URL")
    host = f"[{host}]" if ":" in host else host
    port = parts.port
    netloc = host if port in (None, DEFAULT_PORTS[scheme]) else f"{host}:{port}"
    return urlunsplit(SplitResult(scheme, netloc, parts.path or "/", parts.query, ""))
