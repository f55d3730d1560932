"""An untagged file through the real daemon: what three services know of it stands in its files, and nothing secret
stands anywhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mutagen
import pytest
from mutagen import mp4

from tests.audio import sounds
from tests.fakes.music_services import FINGERPRINT_ID, ISRC, KEY, RECORDING, RELEASE, Ill, MusicServices, recording
from tests.fakes.running import Running, running, write_wave

STEM = "Ada Voss/Ada Voss - Night Ferry"
FREE = "----:com.apple.iTunes:"


@pytest.fixture
def services() -> Iterator[MusicServices]:
    with MusicServices() as services:
        services.pictures[RELEASE] = sounds.picture()
        yield services


@pytest.fixture
def music(tmp_path: Path) -> Path:
    return write_wave(tmp_path / "music" / "Ada Voss - Night Ferry.wav", seconds=6.0)


def shown(daemon: Running) -> dict[str, Any]:
    (track,) = daemon.client.get("/v1/tracks")["tracks"]
    return dict(track)


def test_an_untagged_file_becomes_a_known_record(tmp_path: Path, services: MusicServices, music: Path) -> None:
    """ISRC, album, date, label, catalogue number, ids and cover are read in every container by another program; `tracks
    show` names who said what; made anew after a loss, it asks nobody again; the key is nowhere.
    """
    with running(tmp_path, extra=services.settings) as daemon:
        assert daemon.sync(music)[0] == 0
        read_in_files(daemon.library())
        track = shown(daemon)
        assert (track["album"], track["isrc"], track["record_label"]) == ("Lantern Street", ISRC, "Harbour Lights")
        filled = {"album", "date", "isrc", "label", "catalog_number"}
        assert track["origins"] == dict.fromkeys(filled, "musicbrainz") | {"artwork": "coverart"}
        assert {f"acoustid:{FINGERPRINT_ID}", f"mbid:{RECORDING}"} <= set(track["identities"])
        printed = daemon.ctl("tracks", "show", track["id"]).stdout
        assert "Harbour Lights  (musicbrainz)" in printed
        asked = len(services.asked)
        assert asked == 5
        for file in daemon.library().rglob("*.*"):
            if file.suffix in (".m4a", ".wav", ".aiff"):
                file.unlink()
        assert daemon.sync(music)[0] == 0
        read_in_files(daemon.library())
        assert len(services.asked) == asked
        daemon.stop()
        everything = [path for path in tmp_path.rglob("*") if path.is_file() and path != daemon.config]
        assert [path for path in everything if KEY.encode() in path.read_bytes()] == []
        assert [one.path for one in services.asked if KEY in one.path] == []
        assert KEY not in printed + json.dumps(track)


def read_in_files(library: Path) -> None:
    """As mutagen reads them, by the names that Picard writes."""
    apple: Any = mp4.MP4(library / f"{STEM}.m4a")
    texts = {name: bytes(apple[FREE + name][0]).decode() for name in ("ISRC", "LABEL", "CATALOGNUMBER", "Acoustid Id")}
    assert texts == {
        "ISRC": ISRC,
        "LABEL": "Harbour Lights",
        "CATALOGNUMBER": "LS 007",
        "Acoustid Id": FINGERPRINT_ID,
    }
    assert (apple["©alb"], apple["©day"], bytes(apple["covr"][0])) == (
        ["Lantern Street"],
        ["2019-05-04"],
        sounds.picture(),
    )
    assert bytes(apple[FREE + "MusicBrainz Track Id"][0]).decode() == RECORDING
    for extension in ("wav", "aiff"):
        tags: Any = mutagen.File(library / f"{STEM}.{extension}").tags
        found = [str(tags[name]) for name in ("TSRC", "TALB", "TPUB", "TXXX:CATALOGNUMBER", "TXXX:Acoustid Id")]
        assert found == [ISRC, "Lantern Street", "Harbour Lights", "LS 007", FINGERPRINT_ID]
        assert tags["UFID:http://musicbrainz.org"].data.decode() == RECORDING
        assert tags.getall("APIC")[0].data == sounds.picture()


def test_a_remix_stays_a_remix(tmp_path: Path, services: MusicServices) -> None:
    """It sounds like the original to AcoustID, and gets nothing of it."""
    music = write_wave(tmp_path / "music" / "Ada Voss - Night Ferry (Kora Remix).wav", seconds=6.0)
    with running(tmp_path, extra=services.settings) as daemon:
        assert daemon.sync(music)[0] == 0
        track = shown(daemon)
        assert (track["isrc"], track["album"], track["origins"]) == ("", "", {})
        assert "another version" in track["said"]["acoustid"]["note"]
        assert "another version" in daemon.ctl("tracks", "show", track["id"]).stdout


def test_services_in_trouble_keep_no_track_away(tmp_path: Path, services: MusicServices, music: Path) -> None:
    """One refuses for a day, and remembers over a restart; one sends nonsense; the files come all the same, and what
    failed is shown without a secret.
    """
    services.fall_ill("/v2", Ill(status=429, headers={"Retry-After": "86400"}, body=KEY.encode()))
    second = write_wave(tmp_path / "music" / "Tomo Rell - Glass.wav", seconds=6.0, pitch=300.0)
    with running(tmp_path, extra=services.settings) as daemon:
        assert daemon.sync(music)[0] == 0
        trouble = shown(daemon)["said"]["acoustid"]["trouble"]
        assert "AcoustID is left alone until" in trouble
        assert trouble in daemon.ctl("tracks", "show", shown(daemon)["id"]).stdout
        assert len(daemon.files()) == 3
        daemon.stop()
        daemon.start()
        assert daemon.sync(second)[0] == 0
        assert len(services.asked_for("/v2")) == 1
        assert len(daemon.files()) == 6
        daemon.stop()
        assert KEY not in daemon.log.read_text() + daemon.output()


def test_the_sources_word_stands(tmp_path: Path, services: MusicServices, music: Path) -> None:
    """A file with an album and an ISRC of its own keeps them; the label of another album is not taken either."""
    file: Any = mutagen.File(music)
    file.add_tags()
    file.tags.add(mutagen.id3.TALB(text="Mine"))
    file.tags.add(mutagen.id3.TSRC(text="XXAB11900001"))
    file.save()
    services.known[f"recording/{RECORDING}"] = recording()
    with running(tmp_path, extra=services.settings) as daemon:
        assert daemon.sync(music)[0] == 0
        track = shown(daemon)
        assert (track["album"], track["isrc"], track["record_label"]) == ("Mine", "XXAB11900001", "")
        assert track["origins"] == {"date": "musicbrainz"}


def test_without_settings_nobody_is_asked(tmp_path: Path, services: MusicServices, music: Path) -> None:
    """Off is off: the addresses alone switch nothing on."""
    settings = services.settings.replace("enabled = true", "enabled = false")
    with running(tmp_path, extra=settings) as daemon:
        assert daemon.sync(music)[0] == 0
        assert shown(daemon)["said"] == {}
    assert services.asked == []
