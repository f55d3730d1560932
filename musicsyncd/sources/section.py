"""The sections [ytdlp], [folder] and [[inbox]] of config.toml."""

from __future__ import annotations

from pydantic import Field, SecretStr

from musicsyncd.section import Duration, OptionalPlace, Place, Proxy, Section, Size


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
    """Path of a JavaScript runtime (deno, node) for sites that want one; default "" = what the PATH has."""
    rate_limit: Size = 0
    """Bytes per second of one download; default 0 = as fast as it comes."""
    sleep_requests: Duration = 0.0
    """Seconds between two requests to a site while its pages are read; default 0."""
    timeout: Duration = Field(30 * 60.0, gt=0)
    """Seconds that one download may take in all; default 30 min."""
    max_size: Size = Field(2 * 1024**3, gt=0)
    """Bytes of the largest file that is fetched; default 2 GiB."""


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
