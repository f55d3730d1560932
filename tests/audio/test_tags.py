"""Tags and covers: written into every container, read back by other programs, and foreign ones kept."""

from __future__ import annotations

import contextlib
import json
import random
import re
import shutil
import subprocess
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import av
import imageio_ffmpeg
import mutagen
import pytest
import taglib
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutagen import flac, id3, mp4

from musicsyncd.audio import tagging
from musicsyncd.audio.artwork import artwork
from musicsyncd.audio.containers import CONTAINERS
from musicsyncd.audio.decode import pcm_md5
from musicsyncd.audio.riff import read_info, write_info
from musicsyncd.audio.tags import FIELDS, FREE, from_texts, to_texts
from musicsyncd.audio.values import FORMATS, Made, Tags
from musicsyncd.audio.work import AudioWorkers
from musicsyncd.errors import BadInput, Permanent
from tests.audio import sounds
from tests.audio.conftest import Source

FULL = Tags(
    title="Nachtfähre (Ёлка Remix) 🎛",
    artists=("Ada Voss", "AC/DC; Żółw"),
    album="Lantern Street",
    album_artist="Various Artists",
    genre="Deep House",
    date="2019-05-04",
    track_number=3,
    disc_number=2,
    bpm=127.37,
    key="F#m",
    camelot="11A",
    isrc="DEAB11900001",
    label="Żółw & Søn",
    catalog_number="ŻS 007",
    comment="11A - 127.37 BPM",
    source_url="https://example.org/a?b=c&d=é",
    source_ids=("url:https://example.org/a", "file:00ff"),
    source_audio="opus, lossy, 128 kbit/s, 48 kHz",
    replay_gain_db=-7.31,
    replay_peak=1.012345,
    fingerprint="AQADtEmSREqUKFPh4_Bx",
    acoustid_id="7d1b5a9e-0f3c-4c0e-9a57-1f2d3c4b5a69",
    musicbrainz_recording="b1a9c0e9-d987-4042-ae91-78d6a3267d69",
)
COVER = artwork(sounds.picture(), "cover")


def read_back(path: Path, format_: str) -> Tags:
    return from_texts(CONTAINERS[format_].read(path)[0])


async def test_everything_holds_in_every_container(
    made: dict[str, Made], workers: AudioWorkers, tmp_path: Path
) -> None:
    """All fields and the cover stand in all six formats; sizes and hashes are new, and the sound is the old."""
    (tmp_path / "cover.jpg").write_bytes(COVER.data)
    tagged = await workers.tag(list(made.values()), FULL, tmp_path / "cover.jpg")
    for old, new in zip(made.values(), tagged, strict=True):
        path = Path(new.path)
        assert read_back(path, new.format) == FULL
        assert CONTAINERS[new.format].read(path)[1] == COVER.data
        assert (new.size, new.pcm_md5) == (path.stat().st_size, old.pcm_md5)
        assert new.sha256 != old.sha256
        assert pcm_md5(path) == old.pcm_md5
        probe, tags, cover = await workers.read(path, tmp_path)
        assert (tags, probe.codec) == (FULL, new.codec)
        assert cover is not None
        assert cover.read_bytes() == COVER.data
    again = await workers.tag(tagged, FULL, tmp_path / "cover.jpg")
    assert again == tagged, "the same tags a second time give the same bytes"
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".part")]


def by_taglib(path: Path) -> dict[str, list[str]]:
    with taglib.File(str(path)) as file:
        return dict(file.tags)


@pytest.mark.parametrize("format_", FORMATS)
def test_taglib_reads_the_same(format_: str, made: dict[str, Made]) -> None:
    """TagLib, which Mixxx and many players read with, finds each field once and under its usual name."""
    found = by_taglib(Path(tagging.tag(made[format_], FULL, COVER).path))
    expected = {
        "TITLE": [FULL.title],
        "ARTIST": ["Ada Voss, AC/DC; Żółw"],
        "ARTISTS": [*FULL.artists],
        "ALBUM": [FULL.album],
        "ALBUMARTIST": [FULL.album_artist],
        "GENRE": [FULL.genre],
        "DATE": [FULL.date],
        "TRACKNUMBER": ["3"],
        "DISCNUMBER": ["2"],
        "INITIALKEY": [FULL.key],
        "ISRC": [FULL.isrc],
        "COMMENT": [FULL.comment],
        "ACOUSTID_FINGERPRINT": [FULL.fingerprint],
        "ACOUSTID_ID": [FULL.acoustid_id],
        "MUSICBRAINZ_TRACKID": [FULL.musicbrainz_recording],
        "LABEL": [FULL.label],
        "CATALOGNUMBER": [FULL.catalog_number],
        "REPLAYGAIN_TRACK_GAIN": ["-7.31 dB"],
        "REPLAYGAIN_TRACK_PEAK": ["1.012345"],
        "CAMELOT": [FULL.camelot],
        "SOURCE_ID": [*FULL.source_ids],
        "SOURCE_URL": [FULL.source_url],
        "SOURCE_AUDIO": [FULL.source_audio],
    }
    # MP4's free-form names come with Apple's prefix, or (older TagLib) as they stand
    upper = {name.upper().replace(" ", "_"): values for name, values in found.items()}
    free = {name.removeprefix(FREE.upper()): values for name, values in upper.items()}
    assert {name: free.get(name) for name in expected} == expected
    # of MP4's two TagLib tells the whole-number atom
    assert free["BPM"] == (["127"] if format_ in ("alac", "aac") else ["127.37"])


@pytest.mark.skipif(not shutil.which("exiftool"), reason="exiftool is not installed")
@pytest.mark.parametrize("format_", FORMATS)
def test_exiftool_reads_the_same(format_: str, made: dict[str, Made]) -> None:
    """A reader of quite another origin finds title, artist and picture too."""
    path = tagging.tag(made[format_], FULL, COVER).path
    answer = subprocess.run(["exiftool", "-j", "-charset", "RIFF=UTF8", path], capture_output=True, check=True)
    found = json.loads(answer.stdout)[0]
    assert found["Title"] == FULL.title
    assert str(found["Artist"]).startswith("Ada Voss")
    assert any("Picture" in name or "CoverArt" in name for name in found)
    assert "Warning" not in found


def test_wav_also_speaks_riff(made: dict[str, Made]) -> None:
    """A WAV's INFO list says the same as its ID3 chunk, and the file's stated size is the true one."""
    path = Path(tagging.tag(made["wav"], FULL, COVER).path)
    assert read_info(path) == {
        "INAM": FULL.title,
        "IART": "Ada Voss, AC/DC; Żółw",
        "IPRD": FULL.album,
        "IGNR": FULL.genre,
        "ICRD": FULL.date,
        "ITRK": "3",
        "ICMT": FULL.comment,
    }
    assert int.from_bytes(path.read_bytes()[4:8], "little") == path.stat().st_size - 8


def test_riff_texts_alone_are_enough(made: dict[str, Made]) -> None:
    """FFmpeg, given a WAV that has INFO and no ID3, reads title, artist and comment from it."""
    path = Path(made["wav"].path)
    write_info(path, {"INAM": FULL.title, "IART": FULL.artists[0], "ICMT": FULL.comment})
    with av.open(str(path)) as file:
        found = (file.metadata["title"], file.metadata["artist"], file.metadata["comment"])
    assert found == (FULL.title, FULL.artists[0], FULL.comment)


@pytest.mark.parametrize("format_", FORMATS)
def test_what_is_left_out_stays(format_: str, made: dict[str, Made]) -> None:
    """A second tagging changes what it speaks of and nothing else; without a cover the old one stays."""
    tagged = tagging.tag(made[format_], FULL, COVER)
    again = tagging.tag(tagged, Tags(bpm=128.0, key="Am"), None)
    path = Path(again.path)
    assert read_back(path, format_) == replace(FULL, bpm=128.0, key="Am")
    assert CONTAINERS[format_].read(path)[1] == COVER.data


@pytest.mark.parametrize("format_", ["aiff", "wav", "mp3"])
def test_foreign_id3_frames_stay(format_: str, made: dict[str, Made]) -> None:
    """Cue points of Serato, other comments, other pictures and ratings are not ours to remove."""
    path = made[format_].path
    file: Any = mutagen.File(path)
    if file.tags is None:
        file.add_tags()
    for frame in (
        id3.GEOB(encoding=0, mime="application/octet-stream", desc="Serato Markers2", data=b"\x01\x02cue"),
        id3.COMM(encoding=3, lang="eng", desc="iTunNORM", text=["0000"]),
        id3.COMM(encoding=3, lang="deu", desc="", text=["alt"]),
        id3.APIC(encoding=3, mime="image/png", type=4, desc="back", data=sounds.picture("png")),
        id3.POPM(email="a@b", rating=200, count=1),
        id3.TXXX(encoding=3, desc="replaygain_track_gain", text=["+1.00 dB"]),
        id3.UFID(owner="http://example.org", data=b"theirs"),
        id3.UFID(owner="http://musicbrainz.org", data=b"before"),
    ):
        file.tags.add(frame)
    file.save()
    tagging.tag(made[format_], FULL, COVER)
    tags: Any = mutagen.File(path).tags
    assert tags["GEOB:Serato Markers2"].data == b"\x01\x02cue"
    assert tags["COMM:iTunNORM:eng"].text == ["0000"]
    assert [picture.type for picture in tags.getall("APIC")].count(4) == 1
    assert tags["POPM:a@b"].rating == 200
    assert {key: tags[key].data for key in tags if key.startswith("UFID:")} == {
        "UFID:http://example.org": b"theirs",
        "UFID:http://musicbrainz.org": FULL.musicbrainz_recording.encode(),
    }
    assert [key for key in tags if key.casefold() == "txxx:replaygain_track_gain"] == ["TXXX:REPLAYGAIN_TRACK_GAIN"]
    assert [key for key in tags if key.startswith("COMM::")] == ["COMM::eng"]


def test_foreign_mp4_and_flac_tags_stay(made: dict[str, Made]) -> None:
    """The same for atoms, Vorbis comments and FLAC pictures."""
    apple = mp4.MP4(made["alac"].path)
    apple["----:com.serato.dj:markersv2"] = [mp4.MP4FreeForm(b"cue")]
    apple["rtng"] = [4]
    apple[FREE + "REPLAYGAIN_TRACK_GAIN"] = [mp4.MP4FreeForm(b"+1.00 dB")]
    apple.save()
    tagging.tag(made["alac"], FULL, COVER)
    apple = mp4.MP4(made["alac"].path)
    assert bytes(apple["----:com.serato.dj:markersv2"][0]) == b"cue"
    assert apple["rtng"] == [4]
    assert [key for key in apple if "replaygain_track_gain" in key.casefold()] == [FREE + "replaygain_track_gain"]

    free = flac.FLAC(made["flac"].path)
    free["SERATO_MARKERS_V2"] = ["cue"]
    back = flac.Picture()
    back.type, back.mime, back.data = 4, "image/png", sounds.picture("png")
    free.add_picture(back)
    free.save()
    tagging.tag(made["flac"], FULL, COVER)
    free = flac.FLAC(made["flac"].path)
    assert free["SERATO_MARKERS_V2"] == ["cue"]
    assert [picture.type for picture in free.pictures] == [3, 4]
    assert (free.pictures[0].width, free.pictures[0].height) == (48, 32)


def test_a_changed_sound_is_noticed(made: dict[str, Made]) -> None:
    """Tagging a file whose samples are not those that were made is refused, and leaves it as it was."""
    wrong = replace(made["flac"], pcm_md5="0" * 32)
    before = Path(wrong.path).read_bytes()
    with pytest.raises(Permanent, match="does not hold the samples that were made"):
        tagging.tag(wrong, FULL, COVER)
    assert Path(wrong.path).read_bytes() == before
    assert len([*Path(wrong.path).parent.iterdir()]) == len(FORMATS)


def test_a_vanished_file(made: dict[str, Made]) -> None:
    """A file that is gone is an error of ours and leaves no copy behind."""
    Path(made["wav"].path).unlink()
    with pytest.raises(Exception, match=r"wav\.wav"):
        tagging.tag(made["wav"], FULL, None)
    assert len([*Path(made["wav"].path).parent.iterdir()]) == len(FORMATS) - 1


async def test_a_cover_from_elsewhere(workers: AudioWorkers, tmp_path: Path) -> None:
    """It comes into the folder under its own name, whatever it was called; a page is refused, and leaves nothing."""
    (tmp_path / "front-500").write_bytes(sounds.picture("png"))
    (tmp_path / "own").mkdir()
    found = await workers.cover(tmp_path / "front-500", tmp_path / "own")
    assert (found, found.read_bytes()) == (tmp_path / "own" / "artwork.png", sounds.picture("png"))
    found.unlink()
    (tmp_path / "front-500").write_bytes(b"\xff\xd8\xff<html>")
    with pytest.raises(BadInput, match="no picture"):
        await workers.cover(tmp_path / "front-500", tmp_path / "own")
    assert [*(tmp_path / "own").iterdir()] == []


def test_pictures() -> None:
    """A PNG stays one, another kind becomes a JPEG of the same measures, and text is no picture."""
    png = artwork(sounds.picture("png"), "a.png")
    assert (png.mime, png.width, png.height, png.data) == ("image/png", 48, 32, sounds.picture("png"))
    bmp = artwork(sounds.picture("bmp"), "a.bmp")
    assert (bmp.mime, bmp.width, bmp.height) == ("image/jpeg", 48, 32)
    assert artwork(bmp.data, "a.jpg") == bmp
    with pytest.raises(BadInput, match=r"a\.jpg is no picture"):
        artwork(b"<html>", "a.jpg")


async def test_reading_other_makers_files(source: Source, workers: AudioWorkers, tmp_path: Path) -> None:
    """Tags of containers without a table come through FFmpeg; damaged ones count as absent."""
    kind = sounds.ALL["opus-webm"]
    metadata = {"title": "Web", "artist": "Someone", "date": "2020"}
    webm = sounds.write(tmp_path / "a.webm", kind, sounds.music(kind, 1.0), metadata=metadata)
    assert (await workers.read(webm))[1] == Tags(title="Web", artists=("Someone",), date="2020")
    ogg_kind = sounds.ALL["opus-ogg"]
    ogg = sounds.write(tmp_path / "a.opus", ogg_kind, sounds.music(ogg_kind, 1.0), metadata=metadata)
    assert (await workers.read(ogg))[1] == Tags(title="Web", artists=("Someone",), date="2020")
    damaged = tmp_path / "a.flac"
    data = source("flac16").read_bytes()
    at = data.find(b"Lavf")
    damaged.write_bytes(data[: at - 4] + b"\xff\xff\xff\x7f" + data[at:])
    probe, tags, cover = await workers.read(damaged, tmp_path)
    assert (probe.codec, tags, cover) == ("flac", Tags(), None)


@pytest.mark.parametrize("format_", FORMATS)
def test_damaged_tags_keep_no_audio_away(format_: str, made: dict[str, Made], tmp_path: Path) -> None:
    """A tagged file with other bytes in it is read or refused as audio, and never fails for its tags."""
    chance, path = random.Random(format_), Path(tagging.tag(made[format_], FULL, COVER).path)
    data = path.read_bytes()
    (tmp_path / "out").mkdir()
    for _ in range(15):
        spoilt = bytearray(data)
        for _ in range(40):
            near = chance.randrange(chance.choice((2000, len(data))))  # tags stand at either end
            spoilt[chance.choice((near, -1 - near))] = chance.randrange(256)
        path.write_bytes(spoilt)
        with contextlib.suppress(BadInput):
            found, tags, _ = tagging.read(path, tmp_path / "out")
            assert found.sample_rate
            assert isinstance(tags, Tags)


def test_texts_of_other_makers() -> None:
    """Numbers with totals, signs and units are understood, nonsense counts as not said."""
    texts = {
        "track_number": ("3/12",),
        "bpm": ("abc",),
        "tempo": ("128",),
        "replay_gain": ("+1.5 dB",),
        "artist": ("A", "B"),
    }
    assert from_texts(texts) == Tags(track_number=3, bpm=128.0, replay_gain_db=1.5, artists=("A", "B"))


TAGLIB = {
    "title": "TITLE",
    "artist": "ARTIST",
    "artists": "ARTISTS",
    "album": "ALBUM",
    "album_artist": "ALBUMARTIST",
    "genre": "GENRE",
    "comment": "COMMENT",
    "source_ids": "SOURCE_ID",
}
PLAIN = ("title", "album", "album_artist", "genre", "comment")
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=300).map(str.strip)


@pytest.mark.parametrize("format_", FORMATS)
def test_any_text_holds(format_: str, untagged: tuple[Made, ...], tmp_path: Path) -> None:
    """Whatever is in the texts (other scripts, emoji, control characters, length), every container gives it back, to
    TagLib as to mutagen.
    """
    original = next(made for made in untagged if made.format == format_)
    path = tmp_path / Path(original.path).name

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None)
    @given(texts=st.fixed_dictionaries(dict.fromkeys(PLAIN, TEXT)), artists=st.lists(TEXT, max_size=3))
    def holds(texts: dict[str, str], artists: list[str]) -> None:
        shutil.copy(original.path, path)
        said = to_texts(replace(Tags(artists=tuple(artists), source_ids=tuple(artists)), **texts))  # type: ignore[arg-type]
        CONTAINERS[format_].write(path, said, None)
        assert CONTAINERS[format_].read(path)[0] == said
        found = by_taglib(path)
        expected = {TAGLIB[name]: [*values] for name, values in said.items()}
        assert {name: found.get(name, found.get(FREE.upper() + name)) for name in expected} == expected

    holds()


PRINTABLE = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z"), include_characters=" "), min_size=1, max_size=80
).map(str.strip)


def _is_text(text: str) -> bool:
    """Not what exiftool shows as JSON's own true and false."""
    return text.lower() not in ("", "true", "false")


@pytest.mark.skipif(not shutil.which("exiftool"), reason="exiftool is not installed")
def test_any_title_and_artist_hold_for_exiftool_and_ffmpeg(untagged: tuple[Made, ...], tmp_path: Path) -> None:
    """Two readers that share nothing with mutagen or TagLib, over every container; FFmpeg reads as ffprobe does."""

    @settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None)
    @given(title=PRINTABLE.filter(_is_text), artists=st.lists(PRINTABLE.filter(_is_text), min_size=1, max_size=3))
    def holds(title: str, artists: list[str]) -> None:
        paths = {}
        for one in untagged:
            paths[one.format] = tmp_path / Path(one.path).name
            shutil.copy(one.path, paths[one.format])
            CONTAINERS[one.format].write(paths[one.format], to_texts(Tags(title=title, artists=tuple(artists))), None)
        command = ["exiftool", "-j", "-charset", "RIFF=UTF8", "-s", "-Title#", "-Artist#", *map(str, paths.values())]
        shown = subprocess.run(command, capture_output=True, check=True).stdout
        found = json.loads(shown, parse_int=str, parse_float=str)
        expected = (title, ", ".join(artists))
        assert [(one["Title"], one["Artist"]) for one in found] == [expected] * len(paths)
        for format_, path in paths.items():
            assert by_ffmpeg(path) == expected, format_

    holds()


def by_ffmpeg(path: Path) -> tuple[str, str]:
    """Title and artist as FFmpeg's program tells them."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(path), "-f", "ffmetadata", "-"]
    told = subprocess.run(command, capture_output=True, check=True).stdout.decode()
    lines = dict(re.findall(r"^(\w+)=((?:\\.|[^\\\n])*)$", told, re.MULTILINE))
    found = {name.lower(): re.sub(r"\\(.)", r"\1", text) for name, text in lines.items()}
    return found["title"], found["artist"]


@pytest.mark.parametrize("genre", ["80", "(12)", "RX", "+5", "(+5)", "(4)Disco"])
@pytest.mark.parametrize("format_", FORMATS)
def test_a_genre_that_id3_takes_for_a_number_is_not_written(format_: str, genre: str, made: dict[str, Made]) -> None:
    """It would be read as another one; the file is tagged all the same."""
    tagged = tagging.tag(made[format_], Tags(title="T", genre=genre), None)
    assert read_back(Path(tagged.path), format_) == Tags(title="T")


@pytest.mark.parametrize(
    ("genre", "kept"),
    [("(Neo)Soul", "NeoSoul"), ("(Deep) House", "Deep House"), ("((Dub)", "Dub"), ("()", ""), ("Dub (UK)", "Dub (UK)")],
)
@pytest.mark.parametrize("format_", FORMATS)
def test_a_genre_loses_its_first_parentheses_not_its_words(
    format_: str, genre: str, kept: str, made: dict[str, Made]
) -> None:
    """TagLib leaves out what stands in parentheses at the beginning of an ID3 genre."""
    path = Path(tagging.tag(made[format_], Tags(title="T", genre=genre), None).path)
    assert read_back(path, format_).genre == kept
    assert by_taglib(path).get("GENRE", []) == ([kept] if kept else [])


def test_every_tag_has_a_place() -> None:
    """No field of Tags is forgotten in the table, in any family of containers."""
    names = {"replay_gain_db": "replay_gain"}
    for field in fields(Tags):
        places = [each for each in FIELDS if each.name == names.get(field.name, field.name)]
        assert all(place.id3 and place.mp4 and place.vorbis for place in places), field.name
        assert places, field.name
