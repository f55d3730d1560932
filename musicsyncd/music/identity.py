"""Who a track is, at each provider: one canonical form per provider, compared by id and never by URL."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import SplitResult, parse_qs, unquote_plus, urlsplit, urlunsplit

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
SPOTIFY: Final = "spotify"
YOUTUBE: Final = "youtube"
SOUNDCLOUD: Final = "soundcloud"
ISRC: Final = "isrc"
_ISRC: Final = re.compile(r"[A-Z]{2}[A-Z0-9]{3}[0-9]{7}")
_ISRC_FILLING: Final = re.compile(r"[\s\-‐‑‒–—−.]+")
_PRIVATE: Final = r"s-[A-Za-z0-9]+"
"""What lets one hear a private SoundCloud track: whoever has it is let in."""
_TOKEN_IN_PATH: Final = re.compile(rf"^(/[^/]+/[^/]+(?:/[^/]+)?)/{_PRIVATE}(?=/|$)")
_TOKEN_IN_ID: Final = re.compile(rf"^([^/]+/(?:sets/)?[^/]+)/{_PRIVATE}$|^([^?]+)\?secret_token={_PRIVATE}$")


@dataclass(frozen=True, order=True)
class Identity:
    """One provider's name for a track, as in `url:https://example.org/song.ogg` or `file:<sha256 of its bytes>`."""

    provider: str
    """`file`, `url`, `spotify`, `soundcloud`, `youtube`, `isrc`, or what an extractor calls itself."""
    id: str
    """The provider's own canonical id.

    `track:…` at Spotify, so that the whole is Spotify's URI; the eleven characters at YouTube; at SoundCloud the
    number, or `user/track` with the token of a private one behind it.
    """

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


class Kind(StrEnum):
    """What a URL of a named service leads to."""

    TRACK = "track"
    PLAYLIST = "playlist"
    ALBUM = "album"
    SET = "set"
    """SoundCloud's word for playlists and albums alike."""
    LIKES = "likes"
    USER = "user"
    """A person or a channel, or one of the lists of what they published."""
    ARTIST = "artist"
    EPISODE = "episode"
    SHORT_LINK = "short link"
    """Says nothing before the service has resolved it; never to be kept as a track's identity."""


@dataclass(frozen=True, kw_only=True)
class Address:
    """A URL that was understood: whose it is, what it leads to, and under which id."""

    kind: Kind
    identity: Identity

    @property
    def service(self) -> str:
        """`spotify`, `youtube` or `soundcloud`."""
        return self.identity.provider

    @property
    def url(self) -> str:
        """The one URL that we write for it; it may hold the token of a private track."""
        return url_of(self.identity)


def address(text: str) -> Address | None:
    """What a URL or a `spotify:` URI means at Spotify, YouTube or SoundCloud; None for everything else.

    The host must be one of theirs to the letter: no port, no user, no other scheme. What cannot tell two tracks apart
    (`si`, `utm_…`, the playlist around a video) is dropped.
    """
    text = text.strip()
    if not text.isprintable() or " " in text:
        return None
    if text.lower().startswith("spotify:"):
        return _spotify_uri(text)
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    read = _HOSTS.get(parts.netloc.lower()) if parts.scheme.lower() in DEFAULT_PORTS else None
    return read(parts) if read else None


def identify(url: str) -> Identity:
    """The identity that a URL stands for: a named service's id, else the URL's canonical form.

    ValueError when it is no http(s) URL, and when it is a named service's and names nothing there: a
    `https://www.youtube.com/watch` without its `v` would be everybody's.
    """
    if found := address(url):
        return found.identity
    if urlsplit(url.strip()).netloc.lower() in _HOSTS:
        raise ValueError(f"{url!r} names no track, list or person of its service")
    return of_url(url)


def url_of(identity: Identity) -> str:
    """The canonical URL of an identity; ValueError when there is none that reads back as the same."""
    build = _BUILDERS.get(identity.provider)
    url = build(identity.id) if build else identity.id if identity.provider == "url" else ""
    found = address(url)
    same = canonical_url(url) == url if identity.provider == "url" else found is not None and found.identity == identity
    if not same:
        raise ValueError(f"{str(identity)!r} has no URL of its own")
    return url


def isrc(text: str) -> str:
    """Twelve characters, upper case, without hyphens (ISO 3901); empty when the text is no ISRC."""
    plain = _ISRC_FILLING.sub("", text.strip().upper().removeprefix("ISRC").lstrip(" :"))
    return plain if _ISRC.fullmatch(plain) else ""


def of_isrc(text: str) -> Identity:
    """The identity of a recording by its ISRC; ValueError when the text is none."""
    if found := isrc(text):
        return Identity(ISRC, found)
    raise ValueError(f"{text!r} is no ISRC: it wants two letters, three letters or digits and seven digits")


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
    if (found := address(url)) and (open_ := _without_token(found.identity)) != found.identity:
        return url_of(open_)
    kept = [one for one in parts.query.split("&") if one and not _lets_in(one)]
    netloc = parts.netloc.rpartition("@")[2]
    path = _TOKEN_IN_PATH.sub(r"\1", parts.path) if "soundcloud." in netloc.lower() else parts.path
    return urlunsplit(parts._replace(netloc=netloc, path=path, query="&".join(kept)))


def _lets_in(parameter: str) -> bool:
    """Whether its name, however it is encoded, is one that lets its bearer in."""
    return bool(_SECRET_PARAMETER.search(unquote_plus(parameter.partition("=")[0]).strip()))


def shareable(identity: Identity) -> str:
    """The identity as text, as `shareable_url` has it: without the token of a private track."""
    if identity.provider == "url":
        return f"url:{shareable_url(identity.id)}"
    return str(_without_token(identity))


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


def _without_token(identity: Identity) -> Identity:
    if identity.provider != SOUNDCLOUD or not (found := _TOKEN_IN_ID.match(identity.id)):
        return identity
    return Identity(SOUNDCLOUD, found[1] or found[2])


# Spotify: https://developer.spotify.com/documentation/web-api/concepts/spotify-uris-ids (base 62, 22 characters)
_SPOTIFY_KINDS: Final = {
    "track": Kind.TRACK, "album": Kind.ALBUM, "playlist": Kind.PLAYLIST, "artist": Kind.ARTIST, "episode": Kind.EPISODE,
}  # fmt: skip
_SPOTIFY_ID: Final = re.compile(r"[A-Za-z0-9]{22}")
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_CODE: Final = re.compile(r"[A-Za-z0-9_-]{3,40}")


def _spotify_uri(text: str) -> Address | None:
    return _spotify_words(text.split(":")[1:])


def _spotify_url(parts: SplitResult) -> Address | None:
    words = _segments(parts)
    if words and re.fullmatch(r"intl-[a-z]{2}(?:-[a-z]{2,4})?", words[0].lower()):
        words = words[1:]
    return _spotify_words(words[1:] if words[:1] == ["embed"] else words)


def _spotify_words(words: list[str]) -> Address | None:
    """From `track ID`, `user NAME playlist ID` (the old form), `collection`, `user NAME`."""
    match words:
        case ["user", _, "playlist", id_] | ["playlist", id_] if _SPOTIFY_ID.fullmatch(id_):
            return _at(SPOTIFY, Kind.PLAYLIST, f"playlist:{id_}")
        case ["collection"] | ["collection", "tracks"] | ["user", _, "collection"]:
            return _at(SPOTIFY, Kind.LIKES, "collection")
        case ["user", name] if _NAME.fullmatch(name):
            return _at(SPOTIFY, Kind.USER, f"user:{name}")
        case [kind, id_] if kind in _SPOTIFY_KINDS and _SPOTIFY_ID.fullmatch(id_):
            return _at(SPOTIFY, _SPOTIFY_KINDS[kind], f"{kind}:{id_}")
    return None


def _spotify_built(id_: str) -> str:
    if id_.startswith("short:"):
        host, _, code = id_.removeprefix("short:").rpartition("/")
        return f"https://{host or 'spotify.link'}/{code}"
    return "https://open.spotify.com/" + ("collection/tracks" if id_ == "collection" else id_.replace(":", "/"))


_VIDEO_ID: Final = re.compile(r"[A-Za-z0-9_-]{11}")
_LIST_ID: Final = re.compile(r"[A-Za-z0-9_-]{2,64}")
_CHANNEL_ID: Final = re.compile(r"UC[A-Za-z0-9_-]{22}")


def _youtube_url(parts: SplitResult) -> Address | None:
    query = _query(parts)
    match _segments(parts):
        case ["watch"] if "v" in query:
            return _video(query["v"])
        case ["watch" | "playlist"] | ["embed", "videoseries"]:
            return _video_list(query.get("list", ""))
        case ["shorts" | "live" | "embed" | "v" | "e", id_]:
            return _video(id_)
        case ["channel", id_, *_] if _CHANNEL_ID.fullmatch(id_):
            return _at(YOUTUBE, Kind.USER, f"channel:{id_}")
        case ["c" | "user" as way, name, *_] if _NAME.fullmatch(name):
            return _at(YOUTUBE, Kind.USER, f"{way}:{name}")
        case [handle, *_] if handle.startswith("@") and _NAME.fullmatch(handle[1:]):
            return _at(YOUTUBE, Kind.USER, handle.lower())
    return None


def _youtube_short(parts: SplitResult) -> Address | None:
    """`youtu.be` is no short link that wants resolving: it bears the id."""
    match _segments(parts):
        case [id_]:
            return _video(id_)
    return None


def _video(id_: str) -> Address | None:
    return _at(YOUTUBE, Kind.TRACK, id_) if _VIDEO_ID.fullmatch(id_) else None


def _video_list(id_: str) -> Address | None:
    if not _LIST_ID.fullmatch(id_):
        return None
    kind = Kind.LIKES if id_ in {"LL", "LM"} else Kind.ALBUM if id_.startswith("OLAK5uy_") else Kind.PLAYLIST
    return _at(YOUTUBE, kind, f"playlist:{id_}")


def _youtube_built(id_: str) -> str:
    way, _, name = id_.partition(":")
    if not name:
        return f"https://www.youtube.com/{id_}" if id_.startswith("@") else f"https://www.youtube.com/watch?v={id_}"
    return f"https://www.youtube.com/{'playlist?list=' if way == 'playlist' else way + '/'}{name}"


_SLUG: Final = re.compile(r"[a-z0-9_-]{1,255}")
_LISTS: Final = frozenset({"tracks", "sets", "albums", "reposts", "popular-tracks", "spotlight", "toptracks"})
_NO_TRACKS: Final = _LISTS | {"likes", "comments", "followers", "following", "groups", "recommended", "stats"}
_NOBODY: Final = frozenset((
    "you", "discover", "stream", "search", "charts", "upload", "settings", "messages", "notifications", "people",
    "pages", "jobs", "mobile", "go", "pro", "tags", "stations", "logout", "login", "signin", "imprint", "feed",
    "home", "popular", "groups", "creators", "player", "oembed", "terms-of-use", "tracks", "sets", "likes",
    "download", "community-guidelines", "help", "press",
))  # fmt: skip
"""First words of SoundCloud's own pages."""


def _soundcloud_url(parts: SplitResult) -> Address | None:
    token = _query(parts).get("secret_token", "")
    words = _segments(parts)
    if len(words) > 2 and re.fullmatch(_PRIVATE, words[-1]):
        *words, token = words
    words = [word.lower() for word in words]
    behind = f"/{token}" if re.fullmatch(_PRIVATE, token) else ""
    if not words or words[0] in _NOBODY or not all(map(_SLUG.fullmatch, words)):
        return None
    match words:
        case [user]:
            return _at(SOUNDCLOUD, Kind.USER, f"user:{user}")
        case [user, "likes"]:
            return _at(SOUNDCLOUD, Kind.LIKES, f"{user}/likes")
        case [user, which] if which in _LISTS:
            return _at(SOUNDCLOUD, Kind.USER, f"{user}/{which}")
        case [user, track] if track not in _NO_TRACKS:
            return _at(SOUNDCLOUD, Kind.TRACK, f"{user}/{track}{behind}")
        case [user, "sets", name]:
            return _at(SOUNDCLOUD, Kind.SET, f"{user}/sets/{name}{behind}")
    return None


def _soundcloud_api(parts: SplitResult) -> Address | None:
    """By number, as the service's interface has it; since 2025 also with the URN in the number's place."""
    token = _query(parts).get("secret_token", "")
    behind = f"?secret_token={token}" if re.fullmatch(_PRIVATE, token) else ""
    words = [re.sub(r"(?i)^soundcloud(?::|%3A)(?:tracks|playlists)(?::|%3A)", "", word) for word in _segments(parts)]
    match words:
        case ["tracks", number] if re.fullmatch(r"[0-9]{1,20}", number):
            return _at(SOUNDCLOUD, Kind.TRACK, number + behind)
        case ["playlists", number] if re.fullmatch(r"[0-9]{1,20}", number):
            return _at(SOUNDCLOUD, Kind.SET, f"playlist:{number}{behind}")
    return None


def _soundcloud_player(parts: SplitResult) -> Address | None:
    """The widget on other people's pages bears the address of what it plays."""
    inner = _query(parts).get("url", "")
    return None if "w.soundcloud.com" in inner else address(inner)  # a widget in a widget never ends


def _soundcloud_built(id_: str) -> str:
    way, _, name = id_.partition(":")
    if re.fullmatch(r"[0-9]+(?:\?.*)?", id_):
        return f"https://api.soundcloud.com/tracks/{id_}"
    if way == "playlist":
        return f"https://api.soundcloud.com/playlists/{name}"
    return f"https://on.soundcloud.com/{name}" if way == "short" else f"https://soundcloud.com/{name or id_}"


def _short_link(service: str, before: str = "") -> Callable[[SplitResult], Address | None]:
    """`before`: what tells the codes of a service's further host from those of its first."""

    def read(parts: SplitResult) -> Address | None:
        match _segments(parts):
            case [code] if _CODE.fullmatch(code):
                return _at(service, Kind.SHORT_LINK, f"short:{before}{code}")
        return None

    return read


def _at(service: str, kind: Kind, id_: str) -> Address:
    return Address(kind=kind, identity=Identity(service, id_))


def _segments(parts: SplitResult) -> list[str]:
    return parts.path.strip("/").split("/") if parts.path.strip("/") else []


def _query(parts: SplitResult) -> dict[str, str]:
    """The first value of each parameter."""
    try:
        return {name: values[0] for name, values in parse_qs(parts.query, max_num_fields=100).items()}
    except ValueError:  # more parameters than any of their URLs has
        return {}


_HOSTS: Final[Mapping[str, Callable[[SplitResult], Address | None]]] = {
    **dict.fromkeys(("open.spotify.com", "play.spotify.com"), _spotify_url),
    "spotify.link": _short_link(SPOTIFY),
    **{host: _short_link(SPOTIFY, f"{host}/") for host in ("spotify.app.link", "spoti.fi")},
    **dict.fromkeys(
        ("youtube.com", "www.youtube.com", "m.youtube.com", "music.youtube.com",
         "youtube-nocookie.com", "www.youtube-nocookie.com"), _youtube_url),
    **dict.fromkeys(("youtu.be", "www.youtu.be"), _youtube_short),
    **dict.fromkeys(("soundcloud.com", "www.soundcloud.com", "m.soundcloud.com"), _soundcloud_url),
    **dict.fromkeys(("api.soundcloud.com", "api-v2.soundcloud.com"), _soundcloud_api),
    "w.soundcloud.com": _soundcloud_player,
    "on.soundcloud.com": _short_link(SOUNDCLOUD),
}  # fmt: skip
_BUILDERS: Final[Mapping[str, Callable[[str], str]]] = {
    SPOTIFY: _spotify_built,
    YOUTUBE: _youtube_built,
    SOUNDCLOUD: _soundcloud_built,
}
