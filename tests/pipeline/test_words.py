"""What names, tags and rows say of a track, as tables; and when audio is not what was asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsyncd.audio.values import Analysis, AudioProbe
from musicsyncd.errors import Permanent
from musicsyncd.ledger.entry import Entry, FileFacts
from musicsyncd.ledger.standing import Evidence
from musicsyncd.library.base import Kept
from musicsyncd.library.naming import FIELDS
from musicsyncd.music.identity import Identity
from musicsyncd.music.track import Track
from musicsyncd.pipeline.analyze import _better_note
from musicsyncd.pipeline.publish import row_fields
from musicsyncd.pipeline.shelve import naming_fields
from musicsyncd.pipeline.step import Work
from musicsyncd.pipeline.tag import tags_of
from musicsyncd.pipeline.transcode import refuse_unlike

TRACK = Track(
    title="Tidal (Kora Remix)",
    artists=("Nina Vale", "Kora"),
    album="Low Water",
    album_artist="Nina Vale",
    genre="House",
    date="2019-05-04",
    track_number=3,
    disc_number=1,
    isrc="GBAYE0601498",
    record_label="Low Tide",
    catalog_number="LT 1",
    comment="bought",
    source="url",
    source_url="https://example.org/tidal.opus",
    identities=(
        Identity("url", "https://example.org/tidal.opus"),
        Identity("file", "s1"),
        Identity("acoustid", "a1"),
        Identity("mbid", "m1"),
    ),
)
BARE = Track(title="Untitled", source="folder", source_url="file:///music/untitled.wav")
ANALYSIS = Analysis(
    duration=200.0,
    bpm=123.5,
    key="F#m",
    camelot="11A",
    integrated_lufs=-9.5,
    replay_gain_db=-8.5,
    replay_peak=1.02,
    fingerprint="AQAB",
)
OPUS = AudioProbe(
    container="ogg",
    codec="opus",
    lossless=False,
    sample_rate=48_000,
    bit_depth=None,
    bit_rate=128_000,
    channels=2,
    duration=200.0,
    decoder="x",
)


def work(track: Track, analysis: Analysis | None) -> Work:
    return Work(track_id="abcd0001", track=track, folder=Path("nowhere"), analysis=analysis)


def test_a_layout_may_speak_of_everything_that_is_known() -> None:
    """Every field that a layout may name, rounded and shortened as names want it."""
    fields = naming_fields(work(TRACK, ANALYSIS), "alac")
    assert fields == {
        "artist": "Nina Vale, Kora",
        "album_artist": "Nina Vale",
        "album": "Low Water",
        "title": "Tidal (Kora Remix)",
        "year": "2019",
        "genre": "House",
        "format": "alac",
        "key": "F#m",
        "camelot": "11A",
        "bpm": "124",
        "playlist": "",
        "id": "abcd0001",
    }
    assert fields.keys() == FIELDS


@pytest.mark.parametrize("analysis", [None, Analysis(duration=1.0)])
def test_what_is_not_known_is_empty_in_a_name(analysis: Analysis | None) -> None:
    """No `None`, no zero; and a track without an album artist is its artist's."""
    fields = naming_fields(work(replace(TRACK, album_artist="", date=""), analysis), "wav")
    assert (fields["key"], fields["camelot"], fields["bpm"], fields["year"]) == ("", "", "", "")
    assert fields["album_artist"] == "Nina Vale, Kora"


def test_tags_say_what_is_known_and_where_it_came_from() -> None:
    """The true source quality, its address and ids; the Camelot key first in the comment."""
    tags = tags_of(TRACK, ANALYSIS, OPUS)
    assert (tags.title, tags.artists, tags.album, tags.album_artist) == (
        "Tidal (Kora Remix)",
        ("Nina Vale", "Kora"),
        "Low Water",
        "Nina Vale",
    )
    assert (tags.genre, tags.date, tags.track_number, tags.disc_number) == ("House", "2019-05-04", 3, 1)
    assert (tags.isrc, tags.bpm, tags.key, tags.camelot) == ("GBAYE0601498", 123.5, "F#m", "11A")
    assert (tags.replay_gain_db, tags.replay_peak, tags.fingerprint) == (-8.5, 1.02, "AQAB")
    assert tags.comment == "11A - bought"
    assert (tags.label, tags.catalog_number) == ("Low Tide", "LT 1")
    assert (tags.acoustid_id, tags.musicbrainz_recording) == ("a1", "m1")
    assert tags.source_audio == "opus, lossy, 128 kbit/s, 48 kHz"
    assert tags.source_url == "https://example.org/tidal.opus"
    assert tags.source_ids == ("url:https://example.org/tidal.opus", "file:s1", "acoustid:a1", "mbid:m1")


@pytest.mark.parametrize(
    ("comment", "analysis", "expected"),
    [
        ("", None, ""),
        ("bought", None, "bought"),
        ("", ANALYSIS, "11A"),
        ("bought", ANALYSIS, "11A - bought"),
        ("11A - bought", ANALYSIS, "11A - bought"),
        ("bought", Analysis(duration=1.0), "bought"),
    ],
)
def test_the_camelot_key_is_said_once(comment: str, analysis: Analysis | None, expected: str) -> None:
    """A second tagging does not say it again."""
    assert tags_of(replace(TRACK, comment=comment), analysis, None).comment == expected


def test_a_local_path_is_in_no_tag() -> None:
    """Where a file lay on somebody's disk is nobody else's business; what is unknown is left unsaid."""
    tags = tags_of(BARE, None, None)
    assert (tags.source_url, tags.source_audio, tags.bpm, tags.key, tags.fingerprint) == ("", "", None, "", "")


def kept(path: str) -> dict[str, Any]:
    return Kept(shelf="main", marker="m", path=path, format="alac", size=1, mtime_ns=1, sha256="a1").as_dict()


def entry(**more: Any) -> Entry:
    source = FileFacts(
        role="source",
        format="",
        sha256="s1",
        size=1,
        facts={"codec": "opus", "bit_rate": 128_000, "lossless": False},
    )
    files = [Evidence(target="volume:main", part=path, proof="x", detail=kept(path)) for path in ("b.wav", "a.m4a")]
    row = Evidence(target="catalog:local", part="row", proof="x", detail={"id": "1"})
    values: dict[str, Any] = {
        "id": "abcd0001",
        "track": TRACK,
        "files": (source,),
        "analysis": ANALYSIS.as_dict(),
        "evidence": (*files, row),
    }
    return Entry(**(values | more))


def test_a_row_says_what_was_read_back() -> None:
    """Files by evidence alone, sorted so that equal rows are equal, and the source's true quality."""
    assert row_fields(entry()) == {
        "title": "Tidal (Kora Remix)",
        "artists": ["Nina Vale", "Kora"],
        "album": "Low Water",
        "genre": "House",
        "date": "2019-05-04",
        "isrc": "GBAYE0601498",
        "label": "Low Tide",
        "catalog_number": "LT 1",
        "acoustid_id": "a1",
        "musicbrainz_recording": "m1",
        "duration": 200.0,
        "bpm": 123.5,
        "bpm_origin": "ours",
        "key": "F#m",
        "camelot": "11A",
        "key_origin": "ours",
        "lufs": -9.5,
        "fingerprint": "AQAB",
        "source": "url",
        "source_url": "https://example.org/tidal.opus",
        "source_codec": "opus",
        "source_bit_rate": 128_000,
        "lossless": False,
        "lossless_honest": None,
        "cutoff_hz": None,
        "playlists": [],
        "identities": ["acoustid:a1", "file:s1", "mbid:m1", "url:https://example.org/tidal.opus"],
        "downloaded": True,
        "files": ["main:a.m4a", "main:b.wav"],
    }
    turned = entry(evidence=entry().evidence[::-1], track=replace(TRACK, identities=TRACK.identities[::-1]))
    assert row_fields(turned) == row_fields(entry())


def test_a_row_claims_nothing_that_was_not_seen() -> None:
    """Without evidence nothing is downloaded, whatever was made; the row itself is no file."""
    fields = row_fields(entry(evidence=entry().evidence[2:]))
    assert (fields["downloaded"], fields["files"]) == (False, [])
    fields = row_fields(entry(), None, {"volume:other"})
    assert (fields["downloaded"], fields["files"]) == (False, []), "files of a target that is not set up any more"
    assert row_fields(entry(), None, {"volume:main"}) == row_fields(entry())
    fields = row_fields(Entry(id="", track=BARE))
    assert {fields[name] for name in ("duration", "bpm", "key", "lufs", "source_codec", "lossless")} == {None}


@pytest.mark.parametrize(
    ("stated", "heard", "kind"),
    [
        (None, 0.1, ""),
        (200.0, 200.0, ""),
        (200.0, 204.0, ""),
        (200.0, 196.0, ""),
        (10.0, 13.0, ""),
        (30.0, 30.0, ""),
        (200.0, 204.1, "another recording"),
        (200.0, 195.9, "another recording"),
        (10.0, 13.1, "another recording"),
        (200.0, 31.0, "a preview"),
        (200.0, 29.9, "a preview"),
        (20.0, 30.0, "another recording"),
        (200.0, 0.0, "a preview"),
    ],
)
def test_audio_of_another_length_is_refused(stated: float | None, heard: float, kind: str) -> None:
    """Beyond the larger of 3 s and 2 %; a preview is called by its name."""
    if not kind:
        refuse_unlike(stated=stated, heard=heard)
        return
    with pytest.raises(Permanent, match=kind):
        refuse_unlike(stated=stated, heard=heard)


@given(stated=st.floats(1, 20_000), share=st.floats(-1, 1))
def test_what_is_near_enough_is_never_refused(stated: float, share: float) -> None:
    """Anywhere well within the tolerance."""
    refuse_unlike(stated=stated, heard=stated + share * 0.99 * max(3.0, 0.02 * stated))


def test_the_better_source_that_is_left_out_is_named() -> None:
    """With the command that brings it home all the same; an equal or lesser one is not worth a word."""
    lesser, better = probe(lossless=False, bit_rate=128_000), probe(lossless=True, bit_depth=16)
    note = noted(better, lesser)
    assert "lossless before lossy audio" in note
    assert "musicsyncctl duplicates keep t1" in note
    assert noted(lesser, better) == noted(better, better) == noted(None, lesser) == ""


def noted(own: AudioProbe | None, kept: AudioProbe) -> str:
    """What is said of a copy from `own` beside a track from `kept`."""
    work = Work(track_id="t1", track=TRACK, folder=Path("t1"), source=own)
    source = FileFacts(role="source", format="", sha256="s", size=1, facts=kept.as_dict())
    return _better_note(work, Analysis(duration=200.0), Entry(id="t2", track=TRACK, files=(source,)))


def probe(*, lossless: bool, bit_rate: int | None = None, bit_depth: int | None = None) -> AudioProbe:
    """A source as the audio room describes it."""
    return AudioProbe(
        container="x",
        codec="flac" if lossless else "mp3",
        lossless=lossless,
        sample_rate=44100,
        bit_depth=bit_depth,
        bit_rate=bit_rate,
        channels=2,
        duration=200.0,
        decoder="",
    )
