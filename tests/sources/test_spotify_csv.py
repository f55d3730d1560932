"""A library exported to CSV: without an account, an app or a network."""

from __future__ import annotations

from pathlib import Path

import pytest

from musicsyncd.errors import BadInput, NeedsPerson
from musicsyncd.music.identity import Identity
from musicsyncd.music.track import Track
from musicsyncd.sources.base import Found
from musicsyncd.sources.spotify_csv import parsed
from tests.fakes.spotify import FakeSpotify
from tests.sources.spotify_house import house

TRACK_URL = "https://open.spotify.com/track/"


def titles(found: Found) -> list[str]:
    return [one.title for one in found.tracks]


def reasons(found: Found) -> list[str]:
    return [one.error.what for one in found.refused]


CSV = (
    "\ufeffTrack URI,Track Name,Artist URI(s),Artist Name(s),Album Name,Album Artist Name(s),Album Release Date,"
    "Album Image URL,Disc Number,Track Number,Track Duration (ms),ISRC,Added At\r\n"
    f'spotify:track:{1:022d},One,spotify:artist:1,"Tyler, The Creator",A,"Tyler, The Creator",2011,'
    "https://i.scdn.co/image/1,1,2,200000,GBAYE0000001,2026-01-01T00:00:00Z\r\n"
    f'spotify:track:{2:022d},Two,"spotify:artist:1, spotify:artist:2","Ada, Tomo",A,Ada,2019-05-04,,1,3,1000,,'
    "2026-02-01T00:00:00Z\r\n"
    "spotify:local:::Mine:10,Mine,,Me,,,,,,,,,2026-03-01T00:00:00Z\r\n"
)


async def test_an_export_is_a_library_without_a_network(fake: FakeSpotify, tmp_path: Path) -> None:
    """The newest first; nobody is asked; unchanged, it is not offered again once all of it is known."""
    path = tmp_path / "liked.csv"
    path.write_text(CSV)
    async with house(fake, tmp_path, signed_in=False, set_up=False, library_csv=path) as at:
        found = await at.source.news(at.ledger.unknown)
        assert [(one.title, one.artists) for one in found.tracks] == [
            ("Two", ("Ada", "Tomo")),
            ("One", ("Tyler, The Creator",)),
        ]
        assert found.tracks[1] == Track(
            title="One",
            artists=("Tyler, The Creator",),
            album="A",
            album_artist="Tyler, The Creator",
            date="2011",
            track_number=2,
            disc_number=1,
            isrc="GBAYE0000001",
            duration=200.0,
            source="spotify",
            source_url=f"{TRACK_URL}{1:022d}",
            artwork_url="https://i.scdn.co/image/1",
            identities=(Identity("spotify", f"track:{1:022d}"),),
        )
        assert [one.name for one in found.refused] == ["liked.csv, line 4: Mine"]
        at.ledger.take(found.tracks)
        assert await at.news() == []
        assert await at.source.news(at.ledger.unknown) == Found()
        assert titles(await at.source.list(limit=1)) == ["Two"]
        assert fake.asked == []


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("Ada;Tomo", "Tyler, The Creator", "Kora;Bo"), (("Ada", "Tomo"), ("Tyler, The Creator",), ("Kora", "Bo"))),
        (("Ada, Tomo", "Chaos;Gate", "Kora, Bo"), (("Ada", "Tomo"), ("Chaos;Gate",), ("Kora", "Bo"))),
    ],
)
def test_what_parts_the_artists_is_the_same_in_all_of_a_file(
    names: tuple[str, ...], expected: tuple[tuple[str, ...], ...]
) -> None:
    """Where no URIs tell how many they are: the sign that more lines have; the other one is part of a name."""
    lines = [f'spotify:track:{number:022d},Song,"{name}"' for number, name in enumerate(names, 1)]
    found = parsed("\n".join(["Track URI,Track Name,Artist Name(s)", *lines]), "liked.csv")
    assert tuple(one.artists for one in found.tracks) == expected


async def test_an_export_stands_in_where_nobody_is_signed_in(fake: FakeSpotify, tmp_path: Path) -> None:
    """For the lists, and for a track that a person names; the reason is told beside it."""
    path = tmp_path / "exports"
    path.mkdir()
    (path / "liked.csv").write_text(CSV)
    (path / "other.csv").write_text("a,b\n1,2\n")
    async with house(fake, tmp_path, signed_in=False, library_csv=path) as at:
        found = await at.source.list()
        assert titles(found) == ["Two", "One"]
        assert {type(one.error) for one in found.refused} == {NeedsPerson, BadInput}
        assert titles(await at.source.resolve(f"{TRACK_URL}{1:022d}")) == ["One"]
        with pytest.raises(NeedsPerson, match="auth spotify"):
            await at.source.resolve(f"{TRACK_URL}{3:022d}")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b'a,"b\n', b"Track Name\nx\n"])
async def test_what_is_no_export_is_told(fake: FakeSpotify, tmp_path: Path, content: bytes) -> None:
    """With the file's name, and the rest goes on."""
    path = tmp_path / "liked.csv"
    path.write_bytes(content)
    async with house(fake, tmp_path, set_up=False, library_csv=path) as at:
        found = await at.source.list()
        assert [one.name for one in found.refused] == [str(path)]


async def test_a_missing_export_is_told(fake: FakeSpotify, tmp_path: Path) -> None:
    """It is never taken for an empty library."""
    async with house(fake, tmp_path, set_up=False, library_csv=tmp_path / "none.csv") as at:
        (refused,) = (await at.source.list()).refused
        assert "spotify.library_csv" in refused.error.fix
