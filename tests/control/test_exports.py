"""Exports are read by the programs that they are for: parsed anew, and held against what their formats say."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlparse
from xml.etree import ElementTree

import pytest

from musicsyncd.control.exports import m3u8, tables
from musicsyncd.control.exports.exporter import Exporter
from musicsyncd.ctl.export import FORMATS, MARK
from musicsyncd.errors import BadInput, Degraded, Permanent
from musicsyncd.ledger.entry import Aside, FileFacts
from musicsyncd.ledger.ledger import Ledger
from musicsyncd.ledger.standing import Evidence
from musicsyncd.library.base import Kept
from musicsyncd.library.volume import Volume
from musicsyncd.music.identity import Identity
from musicsyncd.music.playlist import Playlist
from musicsyncd.music.track import Track
from tests.control.door import Door, aside

ODD = 'Zoë & "Kübler" <#1> 50%\x07'
FORMULA = '=HYPERLINK("http://example.org")'

TRACK_FIELDS = {
    "TrackID": int, "Name": str, "Artist": str, "Album": str, "Genre": str, "Kind": str, "Size": int, "TotalTime": int,
    "DiscNumber": int, "TrackNumber": int, "Year": int, "AverageBpm": float, "DateAdded": str, "BitRate": int,
    "SampleRate": float, "Tonality": str, "Label": str, "Location": str,
}  # fmt: skip
"""What the maker's list names of what we write, each with its type."""


def song(number: int, title: str = "", **more: Any) -> Track:
    identities = (Identity("memory", f"{number}"),)
    words = {"artists": ("Ada Voss",), "source": "memory", "source_url": f"memory:{number}", "date": "2019-05-04"}
    return Track(**{"title": title or f"Song {number}", "identities": identities, **words, **more})


async def kept(ledger: Ledger, track: str, number: int, target: str = "volume:vibes", path: str = "") -> None:
    """Audio, analysis and an AIFF on a volume, as a sync would have recorded them."""
    file = Kept(
        shelf=target.partition(":")[2], marker="m", path=path or f"Ada Voss/Song {number}.aiff", format="aiff",
        size=40_000_000, mtime_ns=1, sha256=f"{number}",
    )  # fmt: skip
    facts = {"sample_rate": 44100, "codec": "pcm", "bit_depth": 16}
    output = FileFacts(role="output", format="aiff", sha256=f"{number}", size=file.size, duration=226.8, facts=facts)
    await ledger.record_files(track, [output])
    await ledger.record_analysis(track, {"duration": 226.8, "bpm": 123.997, "key": "F#m", "integrated_lufs": -9.9})
    evidence = Evidence(target=target, part="aiff", proof=f"{number}", detail=file.as_dict())
    await ledger.record_evidence(track, evidence, None)


@pytest.fixture
async def vibes(door: Door, tmp_path: Path) -> Path:
    """A volume behind the door with two kept tracks in playlists, an odd one, and one that is not had yet."""
    root = tmp_path / "VIBES 1"
    volume = Volume("vibes", root, formats=("aiff",), layout="{title}")
    await volume.adopt()
    door.operations.lookout.shelves[volume.target] = volume  # type: ignore[index]
    tracks = [song(0), song(1, ODD, record_label="+Label"), song(2, FORMULA, artists=("@ada",)), song(3)]
    ids = [one.id for one in await door.ledger.record_tracks(tracks)]
    await kept(door.ledger, ids[0], 0)
    await kept(door.ledger, ids[1], 1, path="Ada Voss/Zoë #1 100%.aiff")
    await kept(door.ledger, ids[2], 2, path="#formula.aiff")
    await door.ledger.record_playlists([
        Playlist(identity=Identity("memory", "list:late"), title="Late/Night", tracks=(tracks[1].identities[0],)),
        Playlist(identity=Identity("memory", "list:late2"), title="late-night", tracks=(tracks[0].identities[0],)),
    ])  # fmt: skip
    every = Playlist(
        identity=Identity("memory", "list:all"), title="All", tracks=tuple(t.identities[0] for t in tracks)
    )
    await door.ledger.record_playlists([every])
    return root


async def exported(door: Door, query: str) -> bytes:
    """The whole file, as the client gets it."""
    return await aside(lambda: b"".join(door.client.parts(f"/v1/export?{quote(query, safe='=&')}")))


def playlist_entries(text: str) -> list[tuple[str, str]]:
    """(EXTINF, path) pairs, as a player reads them."""
    lines = text.split("\n")
    assert lines[0] == "#EXTM3U"
    assert lines[-1] == ""
    found, info = [], ""
    for line in lines[1:-1]:
        if line.startswith("#EXTINF:"):
            info = line.removeprefix("#EXTINF:")
        elif not line.startswith("#"):
            found.append((info, line))
    return found


async def test_m3u8(door: Door, vibes: Path) -> None:
    """Absolute, and as seen from a folder; what has no file is not in it; a name that looks like a remark is none."""
    found = playlist_entries((await exported(door, "format=m3u8")).decode())
    assert found[0] == ("227,Ada Voss - Song 0", str(vibes / "Ada Voss/Song 0.aiff"))
    assert [path for _, path in found] == [
        str(vibes / one) for one in ("Ada Voss/Song 0.aiff", "Ada Voss/Zoë #1 100%.aiff", "#formula.aiff")
    ]
    near = playlist_entries((await exported(door, f"format=m3u8&relative_to={vibes}")).decode())
    assert [path for _, path in near][1:] == ["Ada Voss/Zoë #1 100%.aiff", "./#formula.aiff"]
    far = playlist_entries((await exported(door, f"format=m3u8&relative_to={vibes.parent}/lists/x")).decode())
    assert far[0][1] == "../../VIBES 1/Ada Voss/Song 0.aiff"
    assert m3u8.MARK.encode().startswith(MARK)


async def test_a_playlist_by_its_name_or_id(door: Door, vibes: Path) -> None:
    """In the order in which its tracks were seen in it; a name that several bear wants the id."""
    text = (await exported(door, "format=m3u8&playlist=all&q=ada")).decode()
    assert "#PLAYLIST:All\n" in text
    assert len(playlist_entries(text)) == 3
    assert playlist_entries((await exported(door, "format=m3u8&playlist=memory:list:late")).decode())[0][1].endswith(
        "100%.aiff"
    )
    with pytest.raises(BadInput, match="No playlist"):
        await exported(door, "format=m3u8&playlist=nothing")
    answer = await door.get("/v1/playlists")
    assert [(one["title"], one["tracks"]) for one in answer["playlists"]] == [
        ("All", 4), ("Late/Night", 1), ("late-night", 1),
    ]  # fmt: skip
    names = [one["file"] for one in answer["playlists"]]
    assert names[:2] == ["All.m3u8", "Late-Night.m3u8"]
    assert len({name.casefold() for name in names}) == 3


async def test_csv(door: Door, vibes: Path) -> None:
    """Every wanted track on a line that a reader of RFC 4180 takes apart, and no cell that a spreadsheet computes."""
    data = await exported(door, "format=csv")
    assert data.count(b"\r\n") == data.count(b"\n") == 5
    rows = [*csv.DictReader(io.StringIO(data.decode(), newline=""), strict=True)]
    assert list(rows[0]) == list(tables.COLUMNS)
    assert [row["title"] for row in rows] == ["Song 0", ODD, f"'{FORMULA}", "Song 3"]
    assert (rows[1]["label"], rows[2]["artist"]) == ("'+Label", "'@ada")
    assert (rows[0]["bpm"], rows[0]["lufs"], rows[0]["path"]) == (
        "124.00", "-9.90", str(vibes / "Ada Voss/Song 0.aiff"),
    )  # fmt: skip
    assert rows[0]["playlists"] == "All; late-night"
    assert rows[3]["path"] == rows[3]["volume"] == ""
    assert len(await exported(door, "format=csv&volume=vibes")) < len(data)


async def test_json(door: Door, vibes: Path) -> None:
    """One document of the same shape as the list of tracks."""
    found = json.loads(await exported(door, "format=json"))
    assert found["schema"] == "musicsyncd.tracks/1"
    listed = (await door.get("/v1/tracks"))["tracks"]
    assert found["tracks"] == listed[::-1]
    assert json.loads(await exported(door, "format=json&q=nothing"))["tracks"] == []


def check_rekordbox(data: bytes) -> ElementTree.Element:
    """Hold a document against the published list of elements and attributes."""
    root = ElementTree.fromstring(data)
    assert (root.tag, root.attrib) == ("DJ_PLAYLISTS", {"Version": "1.0.0"})
    assert [one.tag for one in root] == ["PRODUCT", "COLLECTION", "PLAYLISTS"]
    assert set(root[0].attrib) == {"Name", "Version", "Company"}
    collection, playlists = root[1], root[2]
    assert int(collection.attrib["Entries"]) == len(collection)
    keys = set()
    for track in collection:
        assert track.tag == "TRACK"
        assert len(track) == 0, "no grid is known"
        for name, value in track.attrib.items():
            TRACK_FIELDS[name](value)
        assert {"TrackID", "Name", "Artist", "Location"} <= set(track.attrib)
        address = urlparse(track.attrib["Location"])
        assert (address.scheme, address.netloc, address.query, address.fragment) == ("file", "localhost", "", "")
        assert track.attrib["Location"].isascii()
        keys.add(track.attrib["TrackID"])
    assert len(keys) == len(collection)
    (top,) = playlists
    assert (top.attrib["Type"], top.attrib["Name"], int(top.attrib["Count"])) == ("0", "ROOT", len(top))
    for node in top:
        assert (node.tag, node.attrib["Type"], node.attrib["KeyType"]) == ("NODE", "1", "0")
        assert int(node.attrib["Entries"]) == len(node)
        assert {one.attrib["Key"] for one in node} <= keys
    return root


async def test_rekordbox(door: Door, vibes: Path) -> None:
    """What is known of each file, with the units that rekordbox wants, and the playlists by number."""
    root = check_rekordbox(await exported(door, "format=rekordbox"))
    first, odd = root[1][0].attrib, root[1][1].attrib
    assert odd["Name"] == ODD.replace("\x07", "")
    assert unquote(urlparse(odd["Location"]).path) == str(vibes / "Ada Voss/Zoë #1 100%.aiff")
    assert {name: first[name] for name in ("Kind", "Size", "TotalTime", "Year", "AverageBpm")} == {
        "Kind": "AIFF File", "Size": "40000000", "TotalTime": "227", "Year": "2019", "AverageBpm": "124.00",
    }  # fmt: skip
    assert {name: first[name] for name in ("BitRate", "SampleRate", "Tonality")} == {
        "BitRate": "1411", "SampleRate": "44100", "Tonality": "F#m",
    }  # fmt: skip
    assert [(node.attrib["Name"], len(node)) for node in root[2][0]] == [
        ("All", 3),
        ("Late/Night", 1),
        ("late-night", 1),
    ]
    (only,) = check_rekordbox(await exported(door, "format=rekordbox&playlist=memory:list:late"))[2][0]
    assert only.attrib["Name"] == "Late/Night"


async def test_what_is_left_alone_is_not_told(door: Door, vibes: Path) -> None:
    """A skipped track is in no file, and its playlist goes when it was the last."""
    (only,) = playlist_entries((await exported(door, "format=m3u8&playlist=memory:list:late")).decode())
    assert "Zoë" in only[0]
    found = next(one for one in (await door.get("/v1/tracks"))["tracks"] if "Zoë" in one["title"])
    await door.ledger.set_aside(found["id"], Aside.SKIPPED)
    assert "Late/Night" not in [one["title"] for one in (await door.get("/v1/playlists"))["playlists"]]
    for name in FORMATS:
        assert "Zoë".encode() not in await exported(door, f"format={name}")


async def test_refusals(door: Door, vibes: Path) -> None:
    """Before the first byte: an unknown format or volume, a folder that is not absolute, a volume that is away."""
    for query, why in (
        ("format=doc", "no format"), ("format=csv&volume=x", "no volume"), ("format=m3u8&relative_to=a", "no absolute"),
    ):  # fmt: skip
        with pytest.raises(BadInput, match=why):
            await exported(door, query)
    (vibes / ".musicsyncd-volume").unlink()
    with pytest.raises(Degraded, match="absent"):
        await exported(door, "format=m3u8&volume=vibes")
    assert playlist_entries((await exported(door, "format=m3u8")).decode()) == []


async def test_an_answer_that_breaks_off_is_no_file(door: Door, vibes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a playlist is not taken for a whole one."""

    def broken(*_: Any) -> bytes:
        raise RuntimeError("the disk is gone")

    monkeypatch.setattr(tables, "lines", broken)
    with pytest.raises(Permanent, match="broke off"):
        await exported(door, "format=csv")


async def test_many_tracks_take_no_more_memory_than_few(door: Door, vibes: Path) -> None:
    """What is held grows by an id for each track, and not by tracks."""
    count = 3000
    ids = [one.id for one in await door.ledger.record_tracks([song(number) for number in range(10, 10 + count)])]
    exporter, peaks = Exporter(door.operations), []
    for number, track in enumerate(ids):
        if number % 10 == 0:
            await kept(door.ledger, track, number)
    for wanted in ("Song 11", ""):
        export = await exporter.prepare("json", words=wanted)
        async for _ in exporter.parts(export):
            pass  # what is loaded once is loaded
        tracemalloc.start()
        size = 0
        async for part in exporter.parts(export):
            size += len(part)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert size > 2_000_000
    assert peaks[1] < 3_000_000
    assert len(export.ids) == count + 4
