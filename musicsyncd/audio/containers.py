"""Reads and writes the table's fields in each container, through mutagen; foreign tags stay. Workers only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import mutagen
from mutagen import aiff, flac, id3, mp3, mp4, oggopus, oggvorbis, wave

from musicsyncd.audio.artwork import Artwork
from musicsyncd.audio.riff import read_info, write_info
from musicsyncd.audio.tags import FIELDS, FREE, Field, Texts
from musicsyncd.errors import BadInput

_FRONT_COVER: Final = 3  # ID3's and FLAC's picture type
_FREE_TEXT: Final = "TXXX:"
_OWNED: Final = "UFID:"
_UTF8: Final = 3  # ID3v2.4's encoding
_PAIRS: Final = ("trkn", "disk")  # number and total

Found = tuple[dict[str, tuple[str, ...]], bytes | None]
"""Texts by field, and the front cover."""


class Container:
    """How one family of containers keeps tags; errors of mutagen come out as BadInput."""

    def __init__(self, load: Callable[[Path], Any]) -> None:
        self._load = load

    def write(self, path: Path, texts: Texts, cover: Artwork | None, forget: Sequence[str] = ()) -> None:
        """Set these fields, and the front cover when there is one; take away those of `forget`; every other tag
        stays.
        """
        try:
            file = self._load(path)
            if file.tags is None:
                file.add_tags()
            for field in FIELDS:
                if values := texts.get(field.name):
                    self._set(file.tags, field, list(values))
                elif field.name in forget:
                    self._drop(file.tags, field)
            if cover:
                self._set_cover(file, cover)
            file.save()
        except mutagen.MutagenError as error:
            raise BadInput(f"{path.name} cannot be tagged", why=str(error)) from error

    def read(self, path: Path) -> Found:
        """Every field of the table that the file has."""
        try:
            file = self._load(path)
        except mutagen.MutagenError as error:
            raise BadInput(f"The tags of {path.name} cannot be read", why=str(error)) from error
        if file.tags is None:
            return {}, None
        texts = {field.name: tuple(self._get(file.tags, field)) for field in FIELDS}
        return {name: values for name, values in texts.items() if values}, self._cover(file)

    def _set(self, tags: Any, field: Field, values: list[str]) -> None:
        raise NotImplementedError

    def _get(self, tags: Any, field: Field) -> list[str]:
        raise NotImplementedError

    def _drop(self, tags: Any, field: Field) -> None:
        """Also under the names that other makers have for it: it would still be read there."""
        for name in self._names(field):
            for key in self._same(tags, name):
                del tags[key]

    def _names(self, field: Field) -> list[str]:
        raise NotImplementedError

    def _same(self, tags: Any, name: str) -> list[str]:
        raise NotImplementedError

    def _set_cover(self, file: Any, cover: Artwork) -> None:
        raise NotImplementedError

    def _cover(self, file: Any) -> bytes | None:
        raise NotImplementedError


class Id3(Container):
    """ID3v2.4: the one version that keeps whole dates and several values."""

    def _set(self, tags: Any, field: Field, values: list[str]) -> None:
        name = field.id3
        if not name:
            return
        for key in self._same(tags, name):
            del tags[key]
        if name.startswith(_FREE_TEXT):
            tags.add(id3.TXXX(encoding=_UTF8, desc=name.removeprefix(_FREE_TEXT), text=values))
        elif name.startswith(_OWNED):
            tags.add(id3.UFID(owner=name.removeprefix(_OWNED), data=values[0].encode()))
        elif name == "COMM":
            tags.add(id3.COMM(encoding=_UTF8, lang="eng", desc="", text=values))
        else:
            tags.add(getattr(id3, name)(encoding=_UTF8, text=values))

    def _names(self, field: Field) -> list[str]:
        return [field.id3, *field.also]

    def _get(self, tags: Any, field: Field) -> list[str]:
        for name in self._names(field):
            for key in self._same(tags, name):
                frame = tags[key]
                if name.startswith(_OWNED):
                    return [frame.data.decode("utf-8", "replace")]
                values = frame.genres if name == "TCON" else frame.text
                return [str(value) for value in values if str(value)]
        return []

    def _same(self, tags: Any, name: str) -> list[str]:
        """The keys of the frames that are this field: in any case, and comments in any language."""
        if name == "COMM":
            return [key for key in tags if key.startswith("COMM") and not tags[key].desc]
        return [key for key in tags if name and key.casefold() == name.casefold()]

    def _set_cover(self, file: Any, cover: Artwork) -> None:
        for key in [key for key in file.tags if key.startswith("APIC") and file.tags[key].type == _FRONT_COVER]:
            del file.tags[key]
        file.tags.add(id3.APIC(encoding=_UTF8, mime=cover.mime, type=_FRONT_COVER, desc="", data=cover.data))

    def _cover(self, file: Any) -> bytes | None:
        pictures = sorted(file.tags.getall("APIC"), key=lambda picture: picture.type != _FRONT_COVER)
        return bytes(pictures[0].data) if pictures else None


class Riff(Id3):
    """ID3 in WAV, and the same in RIFF INFO."""

    def read(self, path: Path) -> Found:
        """As the others; where ID3 says nothing, what RIFF INFO says."""
        texts, cover = super().read(path)
        if not texts:
            listed = read_info(path)
            texts = {field.name: (listed[field.info],) for field in FIELDS if listed.get(field.info)}
        return texts, cover

    def write(self, path: Path, texts: Texts, cover: Artwork | None, forget: Sequence[str] = ()) -> None:
        super().write(path, texts, cover, forget)
        wanted = self._info(texts)
        write_info(path, wanted, {field.info for field in FIELDS if field.info and field.name in forget})
        standing = read_info(path)
        if missing := [name for name, text in wanted.items() if standing.get(name) != text]:
            raise BadInput(f"{path.name} cannot be tagged", why=f"RIFF INFO does not hold {', '.join(missing)}")

    def _info(self, texts: Texts) -> dict[str, str]:
        return {field.info: texts[field.name][0] for field in FIELDS if field.info and field.name in texts}


class Mp4(Container):
    """Apple's atoms, and free-form ones for the rest."""

    def _set(self, tags: Any, field: Field, values: list[str]) -> None:
        name = field.mp4
        if name in _PAIRS:
            tags[name] = [(int(values[0]), 0)]
        elif name == "tmpo":
            tags[name] = [int(values[0])]
        elif name.startswith(FREE):
            for key in self._same(tags, name):
                del tags[key]
            tags[name] = [mp4.MP4FreeForm(value.encode(), dataformat=mp4.AtomDataType.UTF8) for value in values]
        elif name:
            tags[name] = values

    def _names(self, field: Field) -> list[str]:
        return [field.mp4, *(FREE + other for other in field.also)]

    def _get(self, tags: Any, field: Field) -> list[str]:
        for name in self._names(field):
            for key in self._same(tags, name):
                return [text for value in tags[key] if (text := self._text(name, value))]
        return []

    def _text(self, name: str, value: Any) -> str:
        if name in _PAIRS:
            return str(value[0] or "")
        if name.startswith(FREE):
            return bytes(value).decode("utf-8", "replace")
        return str(value)

    def _same(self, tags: Any, name: str) -> list[str]:
        return [key for key in tags if name and key.casefold() == name.casefold()]

    def _set_cover(self, file: Any, cover: Artwork) -> None:
        jpeg, png = mp4.MP4Cover.FORMAT_JPEG, mp4.MP4Cover.FORMAT_PNG
        file.tags["covr"] = [mp4.MP4Cover(cover.data, imageformat=png if cover.mime == "image/png" else jpeg)]

    def _cover(self, file: Any) -> bytes | None:
        covers = file.tags.get("covr")
        return bytes(covers[0]) if covers else None


class Vorbis(Container):
    """Vorbis comments: FLAC, and for reading Ogg."""

    def _set(self, tags: Any, field: Field, values: list[str]) -> None:
        if field.vorbis:
            tags[field.vorbis] = values

    def _names(self, field: Field) -> list[str]:
        return [name for name in (field.vorbis, *field.also) if name and "=" not in name and ":" not in name]

    def _same(self, tags: Any, name: str) -> list[str]:
        return [name] if name in tags else []

    def _get(self, tags: Any, field: Field) -> list[str]:
        for name in self._names(field):
            if values := tags.get(name):
                return [value for value in values if value]
        return []

    def _set_cover(self, file: Any, cover: Artwork) -> None:
        others = [picture for picture in file.pictures if picture.type != _FRONT_COVER]
        picture = flac.Picture()
        picture.type, picture.mime, picture.data = _FRONT_COVER, cover.mime, cover.data
        picture.width, picture.height, picture.depth = cover.width, cover.height, cover.depth
        file.clear_pictures()
        for each in (picture, *others):
            file.add_picture(each)

    def _cover(self, file: Any) -> bytes | None:
        pictures = sorted(getattr(file, "pictures", ()), key=lambda picture: bool(picture.type != _FRONT_COVER))
        return bytes(pictures[0].data) if pictures else None


CONTAINERS: Final[dict[str, Container]] = {
    "alac": Mp4(mp4.MP4),
    "aac": Mp4(mp4.MP4),
    "wav": Riff(wave.WAVE),
    "aiff": Id3(aiff.AIFF),
    "flac": Vorbis(flac.FLAC),
    "mp3": Id3(mp3.MP3),
}
"""By output format."""

_READABLE: Final = (
    (wave.WAVE, CONTAINERS["wav"]),
    (aiff.AIFF, CONTAINERS["aiff"]),
    (mp3.MP3, CONTAINERS["mp3"]),
    (mp4.MP4, CONTAINERS["alac"]),
    (flac.FLAC, CONTAINERS["flac"]),
    (oggvorbis.OggVorbis, Vorbis(oggvorbis.OggVorbis)),
    (oggopus.OggOpus, Vorbis(oggopus.OggOpus)),
)


def of_file(path: Path) -> Container | None:
    """How the tags of an incoming file can be read; None for a container that is not in the table."""
    try:
        file = mutagen.File(path, options=[kind for kind, _ in _READABLE])
    except Exception:  # noqa: BLE001  on damaged tags mutagen raises more than it documents
        return None
    return next((container for kind, container in _READABLE if type(file) is kind), None)


def of_metadata(metadata: dict[str, str]) -> dict[str, tuple[str, ...]]:
    """The table's fields from FFmpeg's own reading (upper-case names), for containers that have no table."""
    found: dict[str, tuple[str, ...]] = {}
    for field in FIELDS:
        for name in (field.vorbis, *field.also):
            if name and metadata.get(name):
                found[field.name] = (metadata[name],)
                break
    return found
