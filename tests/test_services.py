"""SoundCloud and YouTube end to end: the real daemon, the real extractors, played services behind a proxy."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import youtube
from tests.fakes.running import Running, running
from tests.fakes.soundcloud import API, SoundCloud, page
from tests.fakes.watch import Watch
from tests.fakes.web import Web
from tests.fakes.youtube import YouTube

TOKEN = "canary-token"
COOKIE = "canary-cookie"
PRIVATE = "s-CanaryPrivate"
CANARIES = (TOKEN, COOKIE, PRIVATE, "canary-policy", "canary-signed")


@dataclass
class Town:
    """Both services, and a daemon that reaches nothing else."""

    web: Web
    soundcloud: SoundCloud
    youtube: YouTube
    daemon: Running
    watch: Watch
    said: list[str] = field(default_factory=list)
    """What every command that ran here wrote."""

    def start(self, soundcloud: str = "", youtube: str = "") -> Running:
        """Start the daemon with lines for its two sections."""
        authority = self.web.write_authority(self.daemon.folder / "authority.pem")
        ways = {"proxy": self.web.proxy, "ca_file": str(authority)}
        lines = [f"{key} = {json.dumps(value)}" for key, value in ways.items()]
        self.daemon.extra = "\n".join(
            ['[output]\nformats = ["wav"]\n[ytdlp]', *lines, "[soundcloud]", soundcloud, "[youtube]", youtube]
        )
        self.daemon.write_config()
        return self.daemon.start()

    def sync(self, url: str) -> list[str]:
        """Bring what is behind a URL home; the labels, every one settled."""
        status, report = self.reported("--url", url)
        assert status == 0, json.dumps(report)
        assert {track["details"]["state"] for track in report["tracks"]} == {"standing"}, json.dumps(report)
        return [track["label"] for track in report["tracks"]]

    def reported(self, *words: str) -> tuple[int, dict[str, Any]]:
        """`sync … --wait --json`, whatever comes of it: the exit code and the report."""
        done = self.ctl("sync", *words, "--wait", "--json")
        report: dict[str, Any] = json.loads(done.stdout)
        return done.returncode, report

    def ctl(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command, which has something to say."""
        done = self.daemon.ctl(*words)
        assert done.stdout, f"exit {done.returncode}: {done.stderr}"
        self.said += [done.stdout, done.stderr]
        return done

    def assert_no_canary(self, *keepers: Path) -> None:
        """What lets one in stands in the files that a person put it into, and in the database: in no other file, in
        nothing that a command writes, and on no command line but the person's own.
        """
        for words in (["tracks", "--json"], ["jobs", "--json"], ["status"], ["logs"], ["doctor"], ["config", "show"]):
            self.ctl(*words)
        written = [path for path in self.daemon.folder.rglob("*") if path.is_file() and path not in keepers]
        texts = {str(path): path.read_bytes() for path in written if not path.name.startswith("musicsyncd.db")}
        ours = [line for line in self.watch.seen if "musicsyncd.ctl" not in line]
        assert any("ytdlp_worker" in line for line in ours)
        texts |= {"commands": "\n".join(self.said).encode(), "process list": "\n".join(ours).encode()}
        assert not [(where, one) for where, text in texts.items() for one in CANARIES if one.encode() in text]


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """A quiet one, whose daemon is not started yet."""
    soundcloud, youtube = SoundCloud(), YouTube()
    soundcloud.seconds = youtube.seconds = 4.0
    with Web(soundcloud, youtube) as web, running(tmp_path, start=False) as daemon, Watch() as watch:
        yield Town(web, soundcloud, youtube, daemon, watch)
    assert web.strangers == []


def test_every_kind_of_soundcloud_address_comes_home(town: Town) -> None:
    """A track, a private one, a short link, a set, likes, and what a person published: files and rows."""
    place = town.soundcloud
    plain = place.like(1, "2024-01-01T00:00:00Z", title="One")
    place.add(2, "Two", sharing="private", secret_token=PRIVATE)
    place.short["abcDEF"] = place.add(3, "Three")
    place.add(4, "Four")
    town.start('profile = "https://soundcloud.com/ada-voss"')
    assert town.sync(plain) == ["Ada Voss - One"]
    assert town.sync(f"https://soundcloud.com/ada-voss/title-2/{PRIVATE}") == ["Ada Voss - Two"]
    assert town.sync("https://on.soundcloud.com/abcDEF") == ["Ada Voss - Three"]
    assert town.sync(place.add_set("mix", [1, 4], whole=1)) == ["Ada Voss - One", "Ada Voss - Four"]
    assert town.sync("https://soundcloud.com/ada-voss/likes") == ["Ada Voss - One"]
    assert len(town.sync("https://soundcloud.com/ada-voss/tracks")) == 4
    assert len(town.daemon.files()) == 4
    rows = json.loads(town.daemon.ctl("tracks", "--json").stdout)["tracks"]
    assert {row["source"] for row in rows} == {"soundcloud"}
    town.assert_no_canary()


def test_every_kind_of_youtube_address_comes_home(town: Town) -> None:
    """A video under its several addresses, a playlist, an album and a channel."""
    place = town.youtube
    watch = place.add("dQw4w9WgXcQ", "Ada Voss - Night Ferry")
    place.add("bbbbbbbbbbb", "Tomo Rell - Glass Harbour (Official Video)", author="Tomo Rell")
    mine = place.add_playlist("PLcanaryplaylist", ["dQw4w9WgXcQ", "bbbbbbbbbbb"])
    cookies = town.daemon.folder / "cookies.txt"
    cookies.write_text(f"# Netscape HTTP Cookie File\n.youtube.com\tTRUE\t/\tTRUE\t4102444800\tSID\t{COOKIE}\n")
    town.start(youtube=f"cookies_file = {json.dumps(str(cookies))}\nplaylists = [{json.dumps(mine)}]")
    assert town.sync(watch) == ["Ada Voss - Night Ferry"]
    for url in (
        "https://youtu.be/dQw4w9WgXcQ?si=x",
        "https://music.youtube.com/watch?v=dQw4w9WgXcQ",
        "https://www.youtube.com/shorts/dQw4w9WgXcQ",
        "https://m.youtube.com/live/dQw4w9WgXcQ",
        place.add_playlist("OLAK5uy_canaryalbum", ["dQw4w9WgXcQ"]),
    ):
        assert town.sync(url) == ["Ada Voss - Night Ferry"]
    assert len(town.sync(mine)) == 2
    assert len(town.sync("https://www.youtube.com/@adavoss")) == 2
    assert len(town.daemon.files()) == 2
    asked = len(town.web.visits_of("rr1---sn-x.googlevideo.com"))
    assert town.ctl("sync", "--incremental", "--wait").returncode == 0
    assert len(town.web.visits_of("rr1---sn-x.googlevideo.com")) == asked
    town.assert_no_canary(cookies)


def test_a_wall_before_one_service_leaves_the_other_open_and_outlives_a_restart(town: Town) -> None:
    """YouTube rests with an end and a remedy, said once; SoundCloud works; after a restart nobody asks YouTube."""
    video = town.youtube.add("dQw4w9WgXcQ")
    town.youtube.trouble[""] = youtube.BOT_WALL
    song = town.soundcloud.add(1, "One")
    daemon = town.start()
    status, report = town.reported("--url", video)
    assert status == 5, report
    (told,) = attention(daemon)
    assert told.startswith("YouTube is left alone until ")
    assert "cookies_file" in told
    town.sync(song)
    daemon.stop()
    town.web.visits.clear()
    daemon.start()
    assert attention(daemon) == [told]
    assert town.reported("--url", video)[0] == 5
    assert town.web.visits_of("www.youtube.com") == []
    assert daemon.output().count("service left alone") == 1


def test_a_days_pause_of_soundcloud_is_kept_to_the_second_by_a_restart(town: Town) -> None:
    """Retry-After 86400; the likes are a skipped rung with that reason, and YouTube's playlist comes all the same."""
    town.soundcloud.like(1, "2024-01-01T00:00:00Z", title="One")
    town.soundcloud.instead[f"{API}/resolve"] += [page({}, 429, Retry_After="86400")]
    town.youtube.add("dQw4w9WgXcQ")
    mine = town.youtube.add_playlist("PLcanaryplaylist", ["dQw4w9WgXcQ"])
    daemon = town.start('profile = "ada-voss"', f"playlists = [{json.dumps(mine)}]")
    report = town.reported("--incremental")[1]
    assert [track["label"] for track in report["tracks"]] == ["Ada Voss - Night Ferry"]
    assert any(rung["source"] == "soundcloud" and "left alone" in rung["said"] for rung in report["rungs"])
    told = attention(daemon)
    daemon.stop()
    daemon.start()
    assert attention(daemon) == told
    town.web.visits.clear()
    town.reported("--incremental")
    assert town.web.visits_of(API) == []


def test_a_token_is_in_no_file_and_no_answer(town: Town) -> None:
    """The likes come with it, refused it is a state that is told; no log, database or report has its text."""
    town.soundcloud.tokens = {TOKEN}
    town.soundcloud.like(1, "2024-01-01T00:00:00Z", title="One")
    daemon = town.start(f'profile = "ada-voss"\noauth_token = "{TOKEN}"')
    assert [track["label"] for track in town.reported("--incremental")[1]["tracks"]] == ["Ada Voss - One"]
    assert any(visit.headers.get("authorization") == f"OAuth {TOKEN}" for visit in town.web.visits)
    town.soundcloud.tokens.clear()
    town.reported("--incremental")
    (told,) = attention(daemon)
    assert "soundcloud.oauth_token" in told
    town.assert_no_canary(daemon.config)


def attention(daemon: Running) -> list[str]:
    """What a person should see to."""
    found: list[str] = daemon.client.get("/v1/status")["attention"]
    return [sentence for sentence in found if "left alone" in sentence or "soundcloud" in sentence]
