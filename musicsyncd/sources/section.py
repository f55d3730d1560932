"""The sections [ytdlp], [soundcloud], [youtube], [folder] and [[inbox]] of config.toml."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from musicsyncd.music.identity import SOUNDCLOUD, SPOTIFY, YOUTUBE, Kind, address
from musicsyncd.section import BaseUrl, Duration, OptionalPlace, Place, Proxy, Section, Size


def check_encrypted(value: str) -> str:
    """The URL, if nobody on the way can read what is sent there; ValueError otherwise."""
    parts = urlsplit(value)
    if parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "::1", "localhost"):
        raise ValueError("must begin with https://, because tokens are sent there")
    return value


def check_playlist(value: str) -> str:
    """The playlist's id at Spotify, 22 characters, from its URL, its URI or the id itself; ValueError otherwise."""
    found = address(value) or address(f"spotify:playlist:{value}")
    if found is None or (found.service, found.kind) != (SPOTIFY, Kind.PLAYLIST):
        raise ValueError("must be a playlist such as https://open.spotify.com/playlist/37i9dQZF1DX0XUsuxWHRQd")
    return found.identity.id.partition(":")[2]


TokenUrl = Annotated[BaseUrl, AfterValidator(check_encrypted)]
SpotifyPlaylist = Annotated[str, AfterValidator(check_playlist)]


class SpotifySection(Section):
    """How Spotify is asked."""

    client_id: str = Field("", pattern=r"^[A-Za-z0-9]*$")
    """The client id of an app that its owner registered; default "" = Spotify is not asked."""
    client_secret: SecretStr = SecretStr("")
    """The app's secret; default "" = none, which PKCE does not need."""
    api_base_url: TokenUrl = "https://api.spotify.com/v1"
    """Where the Web API is, the only place where access tokens are sent."""
    accounts_base_url: TokenUrl = "https://accounts.spotify.com"
    """Where people consent and tokens are given."""
    redirect_port: int = Field(8888, ge=0, le=65535)
    """Port of 127.0.0.1 to which the browser comes back; default 8888; 0 = any that is free."""
    playlists: tuple[SpotifyPlaylist, ...] = ()
    """Playlists whose tracks are taken beside the saved ones, by URL, URI or id; default []."""
    library_csv: OptionalPlace = None
    """A CSV export of the library, or a folder of such; default "" = none."""


class YtdlpSection(Section):
    """How audio behind a URL is fetched."""

    proxy: Proxy = SecretStr("")
    """URL of a proxy for downloads, may hold a password; default: that of [http]; "" = none."""
    ca_file: OptionalPlace = None
    """PEM file of the certificate authorities to trust; default: that of [http]; "" = the system's."""
    insecure_tls: bool = False
    """Whether certificates go unchecked; default false."""
    cache_dir: Place
    """Folder for what the extractors remember between runs; default `cache/ytdlp` in the state folder."""
    js_runtime: OptionalPlace = None
    """Path of a JavaScript runtime (deno, node) for sites that want one; default "" = deno's wheel, else the PATH."""
    rate_limit: Size = 0
    """Bytes per second of one download; default 0 = as fast as it comes."""
    sleep_requests: Duration = 0.0
    """Seconds between two requests to a site while its pages are read; default 0."""
    timeout: Duration = Field(30 * 60.0, gt=0)
    """Seconds that one download may take in all; default 30 min."""
    max_size: Size = Field(2 * 1024**3, gt=0)
    """Bytes of the largest file that is fetched; default 2 GiB."""


LISTS = frozenset({Kind.PLAYLIST, Kind.ALBUM, Kind.SET, Kind.LIKES, Kind.USER})
"""Kinds of address that lead to several tracks."""


def check_profile(text: str) -> str:
    """The name as it stands in the address of a profile, from that or from the address; ValueError when it is none."""
    found = address(text if "://" in text else f"https://soundcloud.com/{text.strip()}")
    if text and (found is None or found.service != SOUNDCLOUD or found.kind not in (Kind.USER, Kind.LIKES)):
        raise ValueError("must be the NAME of soundcloud.com/NAME")
    return found.identity.id.removeprefix("user:").partition("/")[0] if found and text else ""


def _is_list(text: str, service: str) -> bool:
    found = address(text)
    return found is not None and found.service == service and found.kind in LISTS


def check_set(text: str) -> str:
    """The address itself; ValueError when it leads to no set and no other list of SoundCloud."""
    if not _is_list(text, SOUNDCLOUD):
        raise ValueError("must be the address of a set, such as https://soundcloud.com/NAME/sets/TITLE")
    return text


def check_video_list(text: str) -> str:
    """The address itself; ValueError when it leads to no playlist and no channel of YouTube."""
    if not _is_list(text, YOUTUBE):
        raise ValueError("must be the address of a playlist, such as https://www.youtube.com/playlist?list=ID")
    return text


class SoundcloudSection(Section):
    """What is taken from SoundCloud."""

    profile: Annotated[str, AfterValidator(check_profile)] = ""
    """NAME of soundcloud.com/NAME whose likes are taken, or that address; default "" = nobody's."""
    oauth_token: SecretStr = SecretStr("")
    """Token of an account that is signed in; default "" = everything is asked as a guest."""
    playlists: tuple[Annotated[str, AfterValidator(check_set)], ...] = ()
    """Addresses of sets that are taken whole; default []."""
    likes_limit: int = Field(1000, ge=1, le=20_000)
    """Likes that are looked at, from the newest on; default 1000."""


class YoutubeSection(Section):
    """What is taken from YouTube."""

    playlists: tuple[Annotated[str, AfterValidator(check_video_list)], ...] = ()
    """Addresses of playlists and channels that are taken whole; default []."""
    cookies_file: OptionalPlace = None
    """File of a signed-in browser's cookies in Netscape format, read only; default "" = a guest."""


class FolderSection(Section):
    """How files and folders on this machine are taken in."""

    allowed: tuple[Place, ...] = ()
    """Folders in which a path given to `sync` must lie; default [] = anywhere that this user can read."""
    settle: Duration = 2.0
    """Seconds for which a file's size and time must stand still before it is read; default 2 s."""
    max_depth: int = Field(16, ge=1, le=100)
    """Levels of folders below a given one that are looked into; default 16."""


class InboxSection(Section):
    """A folder whose audio files are taken in."""

    path: Place
    """The folder; no default."""
