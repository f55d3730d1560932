"""The section [enrichment] of config.toml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from musicsyncd.section import BaseUrl, Duration, Section

Wanted = Literal["album", "date", "isrc", "label", "artwork"]


def check_contact(contact: str) -> str:
    """The contact itself, if it can stand in a header; ValueError otherwise."""
    if not contact.isascii() or not contact.isprintable() or len(contact) > 200:
        raise ValueError("must be an e-mail address or a URL")
    return contact.strip()


def check_key(key: SecretStr) -> SecretStr:
    """The key itself, without space around it."""
    return SecretStr(key.get_secret_value().strip())


class EnrichmentSection(Section):
    """Who is asked for what a track's source did not say."""

    spotify: bool = True
    """Whether Spotify is asked too, of tracks from elsewhere, while somebody is signed in there; default true."""
    spotify_images_url: BaseUrl = "https://i.scdn.co"
    """Where Spotify's covers are."""
    enabled: bool = False
    """Whether AcoustID, MusicBrainz and the Cover Art Archive are asked; default false."""
    contact: Annotated[str, AfterValidator(check_contact)] = ""
    """E-mail address or URL, which MusicBrainz demands of whoever asks; no default."""
    acoustid_key: Annotated[SecretStr, AfterValidator(check_key)] = SecretStr("")
    """An application's key at AcoustID; default "" = AcoustID is not asked."""
    fields: tuple[Wanted, ...] = ("album", "date", "isrc", "label", "artwork")
    """What is filled in where the source was silent; default all of album, date, isrc, label, artwork."""
    artwork_pixels: Literal[250, 500, 1200] = 1200
    """Length of a cover's longer side; default 1200."""
    keep: Duration = 30 * 86400.0
    """Seconds for which answers are kept, and not asked for again; default 30 d."""
    keep_nothing: Duration = 3 * 86400.0
    """Seconds for which it is kept that a service knows nothing; default 3 d."""
    acoustid_url: BaseUrl = "https://api.acoustid.org"
    """Where AcoustID is; its key goes there."""
    acoustid_rate: float = Field(3.0, gt=0, le=100)
    """Requests per second; default 3, as AcoustID allows."""
    musicbrainz_url: BaseUrl = "https://musicbrainz.org/ws/2"
    """Where MusicBrainz, or a mirror of it, is."""
    musicbrainz_rate: float = Field(1.0, gt=0, le=1000)
    """Requests per second; default 1, as MusicBrainz allows; a mirror of your own takes more."""
    coverart_url: BaseUrl = "https://coverartarchive.org"
    """Where the Cover Art Archive is."""
    coverart_rate: float = Field(1.0, gt=0, le=100)
    """Requests per second; default 1."""

    @property
    def gaps(self) -> frozenset[str]:
        """The fields that may be filled: a label's catalogue number is worth nothing without the label."""
        return frozenset(self.fields) | ({"catalog_number"} if "label" in self.fields else frozenset())
