"""Which tag goes into which field of which container, as one table, and its texts. Imports nothing heavy."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from musicsyncd.audio.values import Tags

N = TypeVar("N", int, float)
Texts = Mapping[str, tuple[str, ...]]
"""Values by the table's field names, as the text that the file holds."""

FREE: Final = "----:com.apple.iTunes:"
"""How MP4 spells a field that Apple has no atom for."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """Where one thing stands in each container; empty: nowhere."""

    name: str
    id3: str = ""
    """Frame, `TXXX:description` or `UFID:owner`; in MP3, AIFF and WAV."""
    mp4: str = ""
    """Atom, or a free-form name; in ALAC and AAC."""
    vorbis: str = ""
    """Comment key; in FLAC (and read from Ogg)."""
    info: str = ""
    """RIFF INFO chunk, beside the ID3 one in WAV: old players and ffprobe 5 read nothing else there."""
    also: tuple[str, ...] = ()
    """Other names under which files of other makers have it; read, never written."""


FIELDS: Final = (
    Field(name="title", id3="TIT2", mp4="©nam", vorbis="TITLE", info="INAM"),
    # one text for all artists: of several values most DJ programs show the first only
    Field(name="artist", id3="TPE1", mp4="©ART", vorbis="ARTIST", info="IART"),
    Field(name="artists", id3="TXXX:ARTISTS", mp4=FREE + "ARTISTS", vorbis="ARTISTS"),
    Field(name="album", id3="TALB", mp4="©alb", vorbis="ALBUM", info="IPRD"),
    Field(
        name="album_artist",
        id3="TPE2",
        mp4="aART",
        vorbis="ALBUMARTIST",
        also=("ALBUM ARTIST", "ALBUM_ARTIST"),
    ),
    Field(name="genre", id3="TCON", mp4="©gen", vorbis="GENRE", info="IGNR"),
    Field(name="date", id3="TDRC", mp4="©day", vorbis="DATE", info="ICRD", also=("YEAR",)),
    Field(name="track_number", id3="TRCK", mp4="trkn", vorbis="TRACKNUMBER", info="ITRK", also=("TRACK",)),
    Field(name="disc_number", id3="TPOS", mp4="disk", vorbis="DISCNUMBER", also=("DISC",)),
    Field(name="bpm", id3="TBPM", mp4=FREE + "BPM", vorbis="BPM", also=("TEMPO",)),
    Field(name="tempo", mp4="tmpo"),  # the only BPM atom, and it holds whole numbers
    # not as TXXX too: TagLib would then see the key twice
    Field(name="key", id3="TKEY", mp4=FREE + "initialkey", vorbis="INITIALKEY", also=("KEY", "TXXX:INITIALKEY")),
    Field(name="camelot", id3="TXXX:CAMELOT", mp4=FREE + "CAMELOT", vorbis="CAMELOT"),
    Field(name="isrc", id3="TSRC", mp4=FREE + "ISRC", vorbis="ISRC"),
    Field(name="label", id3="TPUB", mp4=FREE + "LABEL", vorbis="LABEL", also=("ORGANIZATION", "PUBLISHER")),
    Field(
        name="catalog_number",
        id3="TXXX:CATALOGNUMBER",
        mp4=FREE + "CATALOGNUMBER",
        vorbis="CATALOGNUMBER",
    ),
    Field(name="comment", id3="COMM", mp4="©cmt", vorbis="COMMENT", info="ICMT", also=("DESCRIPTION",)),
    Field(name="source_url", id3="TXXX:SOURCE_URL", mp4=FREE + "SOURCE_URL", vorbis="SOURCE_URL", also=("PURL",)),
    Field(name="source_ids", id3="TXXX:SOURCE_ID", mp4=FREE + "SOURCE_ID", vorbis="SOURCE_ID"),
    Field(name="source_audio", id3="TXXX:SOURCE_AUDIO", mp4=FREE + "SOURCE_AUDIO", vorbis="SOURCE_AUDIO"),
    Field(
        name="replay_gain",
        id3="TXXX:REPLAYGAIN_TRACK_GAIN",
        mp4=FREE + "replaygain_track_gain",
        vorbis="REPLAYGAIN_TRACK_GAIN",
    ),
    Field(
        name="replay_peak",
        id3="TXXX:REPLAYGAIN_TRACK_PEAK",
        mp4=FREE + "replaygain_track_peak",
        vorbis="REPLAYGAIN_TRACK_PEAK",
    ),
    Field(
        name="fingerprint",
        id3="TXXX:Acoustid Fingerprint",
        mp4=FREE + "Acoustid Fingerprint",
        vorbis="ACOUSTID_FINGERPRINT",
    ),
    Field(name="acoustid_id", id3="TXXX:Acoustid Id", mp4=FREE + "Acoustid Id", vorbis="ACOUSTID_ID"),
    Field(
        name="musicbrainz_recording",
        id3="UFID:http://musicbrainz.org",
        mp4=FREE + "MusicBrainz Track Id",
        vorbis="MUSICBRAINZ_TRACKID",
    ),
)

_PLAIN: Final = (
    "title", "album", "album_artist", "genre", "key", "camelot", "isrc", "label", "catalog_number", "comment",
)  # fmt: skip
_PLAIN_OF_OURS: Final = ("source_url", "source_audio", "fingerprint", "acoustid_id", "musicbrainz_recording")
_DATE: Final = re.compile(r"\d{4}(-\d\d(-\d\d)?)?")
_GENRE_BY_NUMBER: Final = re.compile(r"[+-]?\d+\s*$|(RX|CR)$|\((\d+|RX|CR)\)")
"""What every reader of ID3 takes for a number of its list of genres, whatever was meant: `80` would become Folk."""
_LARGEST_WHOLE: Final = 65_535  # MP4 keeps numbers in 16 bits


def places(format_: str) -> list[str]:
    """The fields that an output format has a place for."""
    family = {"alac": "mp4", "aac": "mp4", "flac": "vorbis"}.get(format_, "id3")
    return [field.name for field in FIELDS if getattr(field, family)]


def to_texts(tags: Tags) -> dict[str, tuple[str, ...]]:
    """What is to be written: only the fields that the tags speak of, as the text that shall stand there."""
    date, genre = _DATE.match(tags.date), _genre(tags.genre)
    texts = {name: (_clean(getattr(tags, name)),) for name in _PLAIN + _PLAIN_OF_OURS} | {
        "artist": (_clean(", ".join(tags.artists)),),
        "artists": tuple(filter(None, map(_clean, tags.artists))),
        "source_ids": tuple(filter(None, map(_clean, tags.source_ids))),
        "genre": (genre,),
        "date": (date[0] if date else "",),
        "track_number": (_whole(tags.track_number),),
        "disc_number": (_whole(tags.disc_number),),
        "bpm": (_two_decimals(tags.bpm),),
        "tempo": (_whole(round(tags.bpm) if tags.bpm else None),),
        "replay_gain": ("" if tags.replay_gain_db is None else f"{tags.replay_gain_db:.2f} dB",),
        "replay_peak": ("" if tags.replay_peak is None else f"{tags.replay_peak:.6f}",),
    }
    return {name: values for name, values in texts.items() if any(values)}


def from_texts(texts: Texts) -> Tags:
    """What a file says, whoever wrote it; a text that makes no sense in its field counts as not said."""

    def first(name: str) -> str:
        return next(iter(texts.get(name, ())), "").strip()

    artists = texts.get("artists") or texts.get("artist", ())
    return Tags(
        **{name: first(name) for name in _PLAIN if name != "genre"},
        **{name: first(name) for name in _PLAIN_OF_OURS},
        genre=", ".join(texts.get("genre", ())).strip(),
        artists=tuple(filter(None, (artist.strip() for artist in artists))),
        source_ids=tuple(texts.get("source_ids", ())),
        date=first("date"),
        track_number=_number(first("track_number"), int),
        disc_number=_number(first("disc_number"), int),
        bpm=_number(first("bpm"), float) or _number(first("tempo"), float),
        replay_gain_db=_number(first("replay_gain"), float),
        replay_peak=_number(first("replay_peak"), float),
    )


def _clean(text: str) -> str:
    """Without what no container can hold: NUL ends a text, and half a surrogate pair is no character."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _genre(text: str) -> str:
    """A genre as each reader of ID3 shows it: none that is a number of the list, and none in parentheses at its
    beginning, which TagLib takes for such a number and leaves out: `(Neo)Soul` becomes `NeoSoul`.
    """
    genre = _clean(" ".join(text.split()))
    if _GENRE_BY_NUMBER.match(genre):
        return ""
    while genre.startswith("("):
        genre = genre[1:].replace(")", "", 1).strip()
    return "" if _GENRE_BY_NUMBER.match(genre) else genre


def _whole(number: int | None) -> str:
    return str(number) if number and 0 < number <= _LARGEST_WHOLE else ""


def _two_decimals(number: float | None) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".") if number else ""


def _number(text: str, kind: Callable[[str], N]) -> N | None:
    """The number that a text begins with ("3/12", "-7.31 dB"), None when it begins with none."""
    found = re.match(r"[-+]?\d+(\.\d+)?" if kind is float else r"\d+", text)
    return kind(found[0]) if found else None
