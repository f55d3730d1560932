"""What `sync` takes and relates, through the real daemon: Spotify and SoundCloud, each with a bad day."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.running import Running, running
from tests.fakes.soundcloud import API, SoundCloud, page
from tests.fakes.spotify import FakeSpotify, moment, track
from tests.fakes.web import Web
from tests.test_spotify_daemon import sign_in, synced

PRIVATE = "s-CanaryPrivate"


@dataclass
class Town:
    """Both services, and a daemon that reaches nothing else."""

    web: Web
    soundcloud: SoundCloud
    spotify: FakeSpotify
    daemon: Running

    def start(self, soundcloud: str) -> Running:
        """Start the daemon with lines for [soundcloud], and sign in at Spotify."""
        ways = {"proxy": self.web.proxy, "ca_file": str(self.web.write_authority(self.daemon.folder / "authority.pem"))}
        lines = [f"{key} = {json.dumps(value)}" for key, value in ways.items()]
        pictures = f'[enrichment]\nspotify_images_url = "{self.spotify.url}"'
        self.daemon.extra = "\n".join(
            [
                '[output]\nformats = ["wav"]\n[ytdlp]',
                *lines,
                "[soundcloud]",
                soundcloud,
                self.spotify.settings,
                pictures,
            ]
        )
        self.daemon.write_config()
        self.daemon.start()
        sign_in(self.daemon)
        return self.daemon

    def fetched(self) -> int:
        """How many streams were begun."""
        return sum("/stream/" in visit.path for visit in self.web.visits if visit.host == API)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """A quiet one, whose daemon is not started yet."""
    soundcloud = SoundCloud()
    soundcloud.seconds = 4.0
    with Web(soundcloud) as web, FakeSpotify() as spotify, running(tmp_path, start=False) as daemon:
        yield Town(web, soundcloud, spotify, daemon)
    assert web.strangers == []


def rungs(report: dict[str, Any]) -> dict[str, str]:
    return {one["source"]: one["said"] for one in report["rungs"]}


def the_one(report: dict[str, Any]) -> dict[str, Any]:
    (one,) = report["tracks"]
    assert (one["state"], one["details"]["id"]) == ("done", one["track"]), json.dumps(report)
    details: dict[str, Any] = one["details"]
    return details


def test_the_chain_names_every_rung_and_does_the_very_track(town: Town) -> None:
    """An advertisement plays: the newest like is done, with what Spotify knows of it. Signed out, the next like is;
    with SoundCloud on its day off and nothing else, each rung says why there is nothing.
    """
    place = town.soundcloud
    place.like(2, "2024-02-02T00:00:00Z", title="Ada Voss - Two")
    place.like(1, "2024-01-01T00:00:00Z", title="Ada Voss - One")
    same = track(9, name="Two", duration_ms=4000, external_ids={"isrc": "QZABC2400002"})
    town.spotify.catalog[f"{9:022d}"] = same
    town.spotify.person.playing = {"is_playing": True, "currently_playing_type": "ad", "item": None}
    daemon = town.start('profile = "ada-voss"')
    report = synced(daemon)
    assert report["exit_code"] == 0
    assert "'ad'" in rungs(report)["spotify, playing now"]
    assert rungs(report)["soundcloud"] == "took Ada Voss - Two"
    done = the_one(report)
    assert (done["title"], done["album"], done["origins"]) == ("Two", "Album 9", {"album": "spotify"})
    assert f"spotify:track:{9:022d}" in done["identities"]
    assert done["playlists"] == [{"id": "soundcloud:ada-voss/likes", "title": "Ada Voss (Likes)"}]
    town.spotify.revoke()
    report = synced(daemon)
    assert "musicsyncctl auth spotify" in rungs(report)["spotify, playing now"]
    assert the_one(report)["title"] == "One"
    assert len(daemon.files()) == 2
    place.instead[f"{API}/resolve"] += [page({}, 429, Retry_After="86400")] * 9
    report = synced(daemon)
    told = rungs(report)
    assert told["soundcloud"].startswith("skipped: ")
    assert told["spotify"] == "skipped for the same reason"
    assert (told["folder, youtube"], told["ledger"]) == ("not set up", "nothing was left unfinished")
    assert (report["tracks"], report["exit_code"]) == ([], 0)


def test_every_playlist_is_related_and_none_costs_a_second_download(town: Town) -> None:
    """Likes and a private set that is asked for by name; taken out of the set, it leaves the row when the whole set was
    read. The set's token is in no answer, no row and no log. What was played lately is in the report.
    """
    place = town.soundcloud
    place.like(1, "2024-01-01T00:00:00Z", title="Ada Voss - One")
    place.add(2, "Ada Voss - Two")
    url = place.add_set("warm-up", [1], title="Warm Up", sharing="private", secret_token=PRIVATE)
    daemon = town.start(f'profile = "ada-voss"\nplaylists = ["{url}/{PRIVATE}"]')
    report = synced(daemon)
    assert the_one(report)["title"] == "One"
    before = town.fetched()
    report = synced(daemon, "--playlist", "warm up")
    assert (report["exit_code"], report["scope"], town.fetched()) == (0, "playlist", before)
    (one,) = daemon.client.get("/v1/tracks")["tracks"]
    assert [each["title"] for each in one["playlists"]] == ["Ada Voss (Likes)", "Warm Up"]
    printed = daemon.ctl("tracks", "show", one["id"]).stdout
    assert "Warm Up  (soundcloud:ada-voss/sets/warm-up)" in printed
    assert daemon.ctl("sync", "--playlist", "cool down", "--wait").returncode == 1
    place.add_set("warm-up", [2], title="Warm Up", sharing="private", secret_token=PRIVATE)
    report = synced(daemon, "--incremental")
    assert sorted(each["label"] for each in report["tracks"]) == ["Ada Voss - One", "Ada Voss - Two"]
    assert town.fetched() == before + 1
    answer = daemon.client.get(f"/v1/tracks/{one['id']}")
    assert [each["id"] for each in answer["playlists"]] == ["soundcloud:ada-voss/likes"]
    town.spotify.person.recent = [{"played_at": moment(3), "track": track(3)}]
    report = synced(daemon, "--recent", "--dry-run")
    assert (rungs(report), [each["label"] for each in report["tracks"]]) == (
        {"spotify": "1 new"}, ["Ada Voss - Song 3"],
    )  # fmt: skip
    everything = printed + json.dumps([report, answer, one]) + daemon.log.read_text() + daemon.output()
    assert PRIVATE not in everything
