"""A Spotify track through the real daemon: the matcher finds its audio at SoundCloud or YouTube, never at Spotify."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from musicsyncd.crashpoints import ENVIRONMENT, CrashPoint
from musicsyncd.library.recycle import RECYCLE
from tests.fakes import streams
from tests.fakes.music_services import MusicServices, heard
from tests.fakes.running import Running, running
from tests.fakes.soundcloud import SoundCloud
from tests.fakes.spotify import FakeSpotify, line, track
from tests.fakes.web import Web
from tests.fakes.youtube import YouTube
from tests.test_crash import settle
from tests.test_spotify_daemon import sign_in

SECONDS = 4.0
URL = "https://open.spotify.com/intl-de/track/" + f"{1:022d}?si=abc"


@dataclass
class Town:
    """Spotify, where music is liked; SoundCloud and YouTube, where it can be heard; and a daemon."""

    spotify: FakeSpotify
    soundcloud: SoundCloud
    youtube: YouTube
    web: Web
    daemon: Running

    def ctl(self, *args: str, code: int = 0) -> dict[str, Any]:
        done = self.daemon.ctl(*args, "--json")
        assert done.returncode == code, done.stdout + done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def sync(self, code: int = 0) -> dict[str, Any]:
        """Ask for the song; what became of its track."""
        got, report = self.daemon.sync(URL)
        assert got == code, json.dumps(report, indent=1)
        (one,) = report["tracks"]
        assert one["label"] == "Ada Voss - Song 1"
        found: dict[str, Any] = one
        return found


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """Signed in, with one song that Spotify knows, and nothing yet at the others."""
    soundcloud, youtube = SoundCloud(), YouTube()
    soundcloud.seconds = youtube.seconds = SECONDS
    with FakeSpotify() as spotify, Web(soundcloud, youtube) as web, running(tmp_path, start=False) as daemon:
        spotify.catalog[f"{1:022d}"] = track(1, duration_ms=int(SECONDS * 1000))
        authority = json.dumps(str(web.write_authority(tmp_path / "authority.pem")))
        daemon.extra = (
            f'[output]\nformats = ["wav"]\n{spotify.settings}[ytdlp]\nproxy = "{web.proxy}"\nca_file = {authority}\n'
        )
        daemon.write_config()
        daemon.start()
        sign_in(daemon)
        yield Town(spotify, soundcloud, youtube, web, daemon)


def test_the_right_recording_is_found_and_explained(town: Town) -> None:
    """Beside a remix and a cover; Spotify's own words stay, and no downloader was handed a Spotify URL."""
    town.soundcloud.add(1, "Ada Voss - Song 1 (Kora Remix)", publisher_metadata={})
    town.soundcloud.add(2, "Ada Voss - Song 1", publisher_metadata={})
    town.youtube.add("aaaaaaaaaaa", "Ada Voss - Song 1 (Live at Home)")
    one = town.sync()
    assert one["details"]["state"] == "standing"
    assert one["details"]["source"] == "spotify"
    assert one["details"]["isrc"] == "GBAYE0000001"
    assert "soundcloud:2" in " ".join(one["details"]["identities"]) or "ada-voss/title-2" in str(one["details"])
    told = town.ctl("match", "explain", one["track"])
    assert (told["state"], told["source"]) == ("chosen", "spotify")
    by_url = {candidate["url"]: candidate for candidate in told["candidates"]}
    assert by_url["https://soundcloud.com/ada-voss/title-2"]["chosen"]
    assert by_url["https://soundcloud.com/ada-voss/title-1"]["verdict"] == "refuse"
    assert by_url["https://www.youtube.com/watch?v=aaaaaaaaaaa"]["verdict"] == "refuse"
    assert all(candidate["reasons"] for candidate in told["candidates"])
    shown = town.daemon.ctl("match", "explain", one["track"]).stdout
    assert "taken" in shown
    assert "Kora Remix" in shown
    assert not [visit for visit in town.web.visits if "spotify" in visit.host]
    assert town.sync()["state"] == "standing"


def test_every_kind_of_spotify_address_comes_home(town: Town) -> None:
    """An album and a playlist, by URL and by URI: each song's audio is found elsewhere, and no file is made twice."""
    for number in (1, 2):
        town.soundcloud.files[number] = streams.recording(200.0 + 100 * number, "m4a", SECONDS)
        town.soundcloud.add(number, f"Ada Voss - Song {number}", publisher_metadata={})
        town.spotify.catalog[f"{number:022d}"] = track(number, duration_ms=int(SECONDS * 1000))
    songs = list(town.spotify.catalog.values())
    album = songs[0]["album"] | {"tracks": {"items": songs, "total": 2, "next": None}, "total_tracks": 2}
    town.spotify.albums[album["id"]] = album
    night = {"name": "Night Drive", "snapshot_id": "a", "items": [line(songs[1], key="item")]}
    town.spotify.person.playlists["P" * 22] = night
    for url, count in (
        (f"https://open.spotify.com/album/{album['id']}", 2),
        (f"spotify:album:{album['id']}", 2),
        (f"https://open.spotify.com/intl-de/playlist/{'P' * 22}?si=x", 1),
        (f"spotify:track:{1:022d}", 1),
    ):
        code, report = town.daemon.sync(url)
        assert (code, len(report["tracks"])) == (0, count), json.dumps(report, indent=1)
        assert {one["details"]["state"] for one in report["tracks"]} == {"standing"}
    assert len(town.daemon.files()) == 2
    assert not [visit for visit in town.web.visits if "spotify" in visit.host]


def test_an_upload_under_a_wrong_name_is_known_by_its_sound(town: Town) -> None:
    """AcoustID takes the first one for another song: nothing of it is kept, and the second is taken."""
    town.soundcloud.files[2], town.soundcloud.files[4] = (streams.recording(p, "m4a", SECONDS) for p in (300.0, 410.0))
    town.soundcloud.add(2, "Ada Voss - Song 1", publisher_metadata={})
    town.soundcloud.add(4, "Ada Voss - Song 1", publisher_metadata={})
    with MusicServices() as services:
        services.first_results = [[heard(title="Glass Harbour", artists=[{"name": "Tomo Rell"}])]]
        services.results = [heard(title="Song 1", duration=None)]
        town.daemon.stop()
        town.daemon.extra += services.settings
        town.daemon.write_config()
        town.daemon.start()
        one = town.sync()
    assert one["details"]["state"] == "standing"
    told = town.ctl("match", "explain", one["track"])
    (refused,) = [candidate for candidate in told["candidates"] if candidate["tried"]]
    assert "Tomo Rell - Glass Harbour" in json.dumps(refused["tried"])
    (taken,) = [candidate for candidate in told["candidates"] if candidate["chosen"]]
    assert taken["url"] != refused["url"]
    assert len(town.daemon.files()) == 1


def test_what_is_undecided_is_reviewed_and_pinned(town: Town) -> None:
    """Only a remix is there: nothing is taken before a person names a URL, and then that is obeyed."""
    town.soundcloud.add(3, "Ada Voss - Song 1 (Radio Edit)", publisher_metadata={})
    one = town.sync(code=7)
    assert one["state"] == "failed"
    (waiting,) = town.ctl("match", "review")["matches"]
    assert (waiting["track"], waiting["state"]) == (one["track"], "undecided")
    assert "match pin" in town.daemon.ctl("match", "review").stdout
    assert any("match review" in sentence for sentence in town.ctl("status")["attention"])
    refused = town.daemon.ctl("match", "pin", one["track"], URL)
    assert refused.returncode == 1
    assert "supplies no audio" in refused.stderr
    assert town.daemon.files() == []
    town.ctl("match", "pin", one["track"], waiting["candidates"][0]["url"])
    settle(town.daemon)
    assert town.ctl("match", "explain", one["track"])["state"] == "pinned"
    assert town.ctl("tracks", "show", one["track"])["state"] == "standing"
    assert town.ctl("match", "review")["matches"] == []


def test_a_pin_replaces_what_stands_and_keeps_it_in_recycle(town: Town) -> None:
    """Another URL, other audio: the file under the same name is the new one, the older one can be had back."""
    town.soundcloud.files[2], town.soundcloud.files[4] = (streams.recording(p, "m4a", SECONDS) for p in (300.0, 410.0))
    town.soundcloud.add(2, "Ada Voss - Song 1", publisher_metadata={})
    one = town.sync()
    (before,) = town.daemon.files()
    old = (town.daemon.library() / before).read_bytes()
    other = town.soundcloud.add(4, "Something by somebody else")
    town.ctl("match", "pin", one["track"], other)
    settle(town.daemon)
    files = [name for name in town.daemon.files() if not name.startswith(RECYCLE)]
    assert files == [before]
    assert (town.daemon.library() / before).read_bytes() != old
    (recycled,) = [name for name in town.daemon.files() if name.startswith(RECYCLE)]
    assert (town.daemon.library() / recycled).read_bytes() == old
    assert town.ctl("match", "unpin", one["track"])["pin"] == ""


def test_a_candidate_that_is_under_drm_gives_way(town: Town) -> None:
    """The next best is taken; what was wrong with the first is told."""
    town.soundcloud.add(5, "Ada Voss - Song 1", policy="BLOCK", publisher_metadata={})
    town.youtube.add("bbbbbbbbbbb", "Ada Voss - Song 1")
    one = town.sync()
    assert one["details"]["state"] == "standing"
    told = town.ctl("match", "explain", one["track"])
    chosen = [candidate["url"] for candidate in told["candidates"] if candidate["chosen"]]
    assert chosen == ["https://www.youtube.com/watch?v=bbbbbbbbbbb"]


def test_a_kill_after_the_choice_changes_nothing(town: Town) -> None:
    town.soundcloud.add(2, "Ada Voss - Song 1", publisher_metadata={})
    town.daemon.stop()
    town.daemon.start(**{ENVIRONMENT: CrashPoint.CANDIDATE_CHOSEN.value})
    town.daemon.ctl("sync", "--url", URL)
    assert town.daemon.wait_for_death() == -9
    town.daemon.start()
    settle(town.daemon)
    assert town.sync()["state"] == "standing"
    assert len(town.daemon.files()) == 1
