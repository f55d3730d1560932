"""A day with every service away in turn, a volume too, a sign-out and two kills ends as a day without any of that."""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from tests.day_house import Day
from tests.fakes import streams
from tests.fakes.eagle import Eagle
from tests.fakes.hook import Hook
from tests.fakes.notion import NotionFake
from tests.fakes.notion_music import Workspace, music_workspace
from tests.fakes.origin import Page
from tests.fakes.running import write_wave
from tests.fakes.soundcloud import SoundCloud
from tests.fakes.spotify import FakeSpotify, line, track
from tests.fakes.waiting import wait_for
from tests.fakes.web import Visit, Web
from tests.fakes.youtube import YouTube
from tests.test_spotify_daemon import sign_in

SECONDS: Final = 3.0
HOUR: Final = 60
DAY: Final = 24 * HOUR
SONGS: Final = 13
SIGN_IN: Final = {"account:spotify": 1}
"""Before a person has signed in."""
TOLD: Final = {"account:spotify": 2, "notion:token": 2, "volume:eagle": 1, "volume:stick": 1}
"""How often each trouble came: Notion was away twice, and nobody was signed in twice."""
ENCODINGS: Final = ("utf-8", "utf-16-le")
QUIET: Final = (10, 11, 22, 23)
"""Hours in which nothing new came, and nobody was away."""
MOST: Final = {
    "spotify": 16, "accounts": 2, "soundcloud": 12, "youtube": 48, "notion": 64, "eagle": 72, "alerts": 12
}  # fmt: skip
"""Requests in any hour. While something waits, its other places are looked at in each of the twelve passes. A search
that YouTube answers with 503 is four requests, and about twelve are tried in an hour. In the first one Notion's three
databases are looked at by all who speak to them.
"""
VOLUMES: Final = ("main", "stick")


class Sites:
    """SoundCloud and YouTube, which may be away."""

    def __init__(self) -> None:
        self.soundcloud, self.youtube = SoundCloud(), YouTube()
        self.soundcloud.seconds = self.youtube.seconds = SECONDS
        self.away = False

    def answers_for(self, host: str) -> bool:
        return self.soundcloud.answers_for(host) or self.youtube.answers_for(host)

    def answer(self, visit: Visit) -> Page:
        if self.away:
            return Page(status=503, body=b"later", content_type="text/plain")
        site = self.soundcloud if self.soundcloud.answers_for(visit.host) else self.youtube
        return site.answer(visit)


@dataclass
class Town:
    """Everything that there is outside, and the daemon in it."""

    spotify: FakeSpotify
    sites: Sites
    web: Web
    notion: NotionFake
    workspace: Workspace
    eagle: Eagle
    hook: Hook
    daemon: Day
    asked: dict[int, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """Requests by hour and service."""
    _before: Counter[str] = field(default_factory=Counter)

    def count(self, hour: int) -> None:
        """What was asked since the last time, booked to that hour."""
        soundcloud = sum(self.sites.soundcloud.answers_for(one.host) for one in list(self.web.visits))
        now = Counter(
            spotify=self.spotify.counted("/v1"),
            accounts=self.spotify.counted("/api/token"),
            soundcloud=soundcloud,
            youtube=len(self.web.visits) - soundcloud,
            notion=len(self.notion.requests),
            eagle=len(self.eagle.calls),
            alerts=len(self.hook.posts),
        )
        self.asked[hour] += now - self._before
        self._before = now

    # What people do

    def like(self, number: int) -> None:
        """Save a song at Spotify whose audio SoundCloud has."""
        self.sites.soundcloud.files[number] = streams.recording(200.0 + 37 * number, "m4a", SECONDS)
        self.sites.soundcloud.add(number, f"Ada Voss - Song {number}", publisher_metadata={})
        added = datetime.fromtimestamp(self.daemon.moment(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.spotify.person.saved.insert(0, line(track(number, duration_ms=int(SECONDS * 1000)), added))

    def drop(self, number: int) -> None:
        """Put a file into the inbox."""
        write_wave(self.daemon.folder / "inbox" / f"Nina Vale - Tide {number}.wav", pitch=150.0 + 29 * number)

    def write_row(self, number: int) -> None:
        """Make a row by hand, for a song that SoundCloud has."""
        self.sites.soundcloud.files[number] = streams.recording(200.0 + 37 * number, "m4a", SECONDS)
        url = self.sites.soundcloud.add(number, f"Row {number}", publisher_metadata={})
        self.notion.row(self.workspace.tracks, {"Title": f"Row {number}", "SoundCloud URL": url})


@contextmanager
def town(folder: Path, *, incremental: str = "5 min") -> Iterator[Town]:
    """Signed in, at the beginning of a day."""
    folder.mkdir()
    (folder / "inbox").mkdir()
    begins = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    with ExitStack() as stack:
        sites = Sites()
        spotify, web = stack.enter_context(FakeSpotify()), stack.enter_context(Web(sites))
        hook, eagle = stack.enter_context(Hook()), stack.enter_context(Eagle(folder / "eagle"))
        daemon = stack.enter_context(_daemon(folder, begins))
        notion = stack.enter_context(NotionFake(clock=daemon.moment))
        workspace = music_workspace(notion)
        daemon.environment |= workspace.environment()
        full = (begins + timedelta(hours=20)).strftime("%H:%M")
        daemon.extra = f"""
[output]\nformats = ["wav"]
[schedule]\nincremental = "{incremental}"\nfull = "{full}"
[alerts]\nchannels = ["webhook"]\nwebhook_url = "{hook.url("/alerts")}"
{spotify.settings}
[ytdlp]\nproxy = "{web.proxy}"\nca_file = {json.dumps(str(web.write_authority(folder / "authority.pem")))}
[notion]\nbase_url = "{notion.url}"\nlag = 5
[eagle]\nenabled = true\nbase_url = "{eagle.base_url}"
[[inbox]]\npath = {json.dumps(str(folder / "inbox"))}
"""
        daemon.write_config()
        config = daemon.config.read_text()
        daemon.config.write_text(config.replace("[daemon]\n", '[daemon]\ntimezone = "UTC"\nmemory_ceiling = 0\n'))
        daemon.start()
        wait_for(lambda: hook.posts)  # that nobody is signed in
        sign_in(daemon)
        yield Town(spotify, sites, web, notion, workspace, eagle, hook, daemon)
        assert not notion.faults


@contextmanager
def _daemon(folder: Path, begins: datetime) -> Iterator[Day]:
    with tempfile.TemporaryDirectory(prefix="ms-") as short:
        daemon = Day(folder=folder, socket=Path(short) / "c.sock", volumes=VOLUMES, begins=begins)
        try:
            yield daemon
        finally:
            if daemon.process is not None:
                daemon.kill()


Deed = Callable[[Town], object]


def wishes() -> dict[float, Deed]:
    """What the owner does, by the minute: the same on both days."""
    return {
        20: lambda town: town.drop(1),
        1 * HOUR + 10: lambda town: town.like(1),
        2 * HOUR + 20: lambda town: town.like(2),
        4 * HOUR + 10: lambda town: town.like(3),
        5 * HOUR + 50: lambda town: town.write_row(11),
        6 * HOUR + 10: lambda town: town.drop(2),
        6 * HOUR + 30: lambda town: town.write_row(12),
        8 * HOUR + 10: lambda town: town.drop(3),
        12 * HOUR + 30: lambda town: town.like(4),
        15 * HOUR + 10: lambda town: town.drop(4),
        17 * HOUR: lambda town: town.drop(5),
        17 * HOUR + 0.05: lambda town: town.like(5),
        18 * HOUR + 10: lambda town: town.drop(6),
    }


def live(town: Town, *all_deeds: Mapping[float, Deed]) -> None:
    """Let the day pass; requests are counted by the hour."""
    for minute in sorted({*range(0, DAY + 1, HOUR)}.union(*all_deeds)):
        town.daemon.to(minute)
        if minute % HOUR == 0:
            town.count(int(minute) // HOUR - 1)
        for deeds in all_deeds:
            if minute in deeds:
                deeds[minute](town)


# The end


def end_of(town: Town) -> dict[str, Any]:
    """What stands at the end, without ids and times, which no two days share."""
    folder = str(town.daemon.folder)
    shown = town.daemon.client.get("/v1/tracks?limit=1000")["tracks"]
    details = [town.daemon.client.get(f"/v1/tracks/{one['id']}") for one in shown]
    names = {row.id: row["Name"] for row in town.notion.pages(town.workspace.artists)}
    items = {row["id"]: f"{row['name']}.{row['ext']}" for row in town.eagle.standing()}
    return {
        "tracks": sorted((one["label"], one["state"], sorted(one["targets"].items())) for one in details),
        "files": {name: _hashes(town, name) for name in VOLUMES},
        "rows": sorted(_row(row.values, names, items, folder) for row in town.notion.pages(town.workspace.tracks)),
        "artists": sorted(names.values()),
        "items": sorted(
            json.dumps([row["name"], row["ext"], row["size"], sorted(row["tags"]), row["url"]])
            for row in town.eagle.standing()
        ),
        "left": sorted(str(path.relative_to(folder)) for path in (town.daemon.state / "staging").rglob("*")),
    }


def _hashes(town: Town, volume: str) -> dict[str, str]:
    """Every file's bytes, but for the ids of Notion's pages, which are in the tags of what was asked for by a row."""
    pages = [row.id.encode(encoding) for row in town.notion.pages(town.workspace.tracks) for encoding in ENCODINGS]
    return {name: _hash(town.daemon.library(volume) / name, pages) for name in town.daemon.files(volume)}


def _hash(path: Path, without: Sequence[bytes]) -> str:
    data = path.read_bytes()
    for one in without:
        data = data.replace(one, bytes(len(one)))
    return hashlib.sha256(data).hexdigest()


def _row(values: Mapping[str, Any], artists: Mapping[str, str], items: Mapping[str, str], folder: str) -> str:
    kept = {name: value for name, value in values.items() if value not in (None, "", [], False)}
    kept["Artist"] = [artists.get(one, "?") for one in kept["Artist"]]
    kept["Eagle File ID"] = items.get(kept["Eagle File ID"], "?")
    return json.dumps(kept, sort_keys=True, default=str).replace(folder, "")


def troubles() -> dict[float, Deed]:
    """What goes wrong, by the minute."""

    def spotify_away(town: Town) -> None:
        town.spotify.always = (503, {}, {"error": {"status": 503, "message": "Service unavailable"}})

    def spotify_back(town: Town) -> None:
        town.spotify.always = None

    def stick_away(town: Town) -> None:
        town.hook.always = (503, {})  # and who is to be told is away for half of that time
        town.daemon.library("stick").rename(town.daemon.folder / "pulled out")

    def stick_back(town: Town) -> None:
        (town.daemon.folder / "pulled out").rename(town.daemon.library("stick"))

    def killed(town: Town) -> None:
        town.daemon.kill()
        town.daemon.start()

    def killed_at_work(town: Town) -> None:
        town.daemon.set_out(17 * HOUR + 15)
        ends = time.monotonic() + 60
        while not any((town.daemon.state / "staging").rglob("*.*")):
            assert time.monotonic() < ends, "it did not begin"
            time.sleep(0.005)
        killed(town)

    return {
        2 * HOUR: spotify_away,
        3 * HOUR: spotify_back,
        4 * HOUR: lambda town: setattr(town.sites, "away", True),
        5 * HOUR: lambda town: setattr(town.sites, "away", False),
        6 * HOUR: lambda town: town.notion.fail(503, times=float("inf")),
        7 * HOUR: lambda town: town.notion.bad_days.clear(),
        8 * HOUR: lambda town: town.eagle.stop(),
        9 * HOUR: lambda town: town.eagle.start(),
        12 * HOUR: lambda town: town.spotify.revoke(),
        14 * HOUR: lambda town: sign_in(town.daemon),
        15 * HOUR: stick_away,
        15 * HOUR + 30: lambda town: setattr(town.hook, "always", (204, {})),
        16 * HOUR: stick_back,
        17 * HOUR + 0.1: killed_at_work,
        18 * HOUR: lambda town: town.notion.close_door(),
        18 * HOUR + 30: killed,
        19 * HOUR: lambda town: town.notion.open_door(),
    }


def told(town: Town) -> dict[str, Counter[str]]:
    """How often each trouble was told, by kind of message; what was posted again for want of an answer is one."""
    posts = {(post.json["kind"], post.json["key"], post.json["id"]) for post in town.hook.posts}
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for kind, key, _ in posts:
        counts[key][kind] += 1
    return counts


def ended(town: Town) -> Counter[str]:
    """How often each request was done, by its key."""
    lines = [json.loads(one) for one in town.daemon.log.read_text().splitlines()]
    return Counter(line["track"] for line in lines if line["event"] == "job-ended" and line["track"].endswith("||"))


def hour(town: Town, *hours: int) -> Counter[str]:
    """What was asked in these hours."""
    return sum((town.asked[one] for one in hours), Counter())


def calm_day(folder: Path) -> dict[str, Any]:
    """How a day ends on which nothing happens but what the owner does."""
    with town(folder, incremental="1 h") as calm:
        live(calm, wishes())
        assert {key: count["opened"] for key, count in told(calm).items()} == SIGN_IN
        return end_of(calm)


@pytest.mark.full
def test_a_day(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as beside:
        calm = beside.submit(calm_day, tmp_path / "calm")
        with town(tmp_path / "stormy") as stormy:
            live(stormy, wishes(), troubles())
            found = end_of(stormy)
        expected = calm.result()
    assert found == expected
    assert len(found["tracks"]) == len(found["rows"]) == len(found["items"]) == SONGS
    assert {state for _, state, _ in found["tracks"]} == {"standing"}
    assert found["left"] == []
    done = ended(stormy)
    assert 250 <= done["incremental||"] <= 290, "288, but for those that came while one was at work"
    assert done["full||"] == 1
    assert_told_once(stormy)
    assert_no_storm(stormy)


def assert_told_once(town: Town) -> None:
    """Each trouble was opened once and closed once, and nothing else was told."""
    counts = told(town)
    assert {key: count["opened"] for key, count in counts.items()} == TOLD, town.hook.posts
    for key, count in counts.items():
        assert count == Counter(opened=TOLD[key], resolved=TOLD[key]), key


def assert_no_storm(town: Town) -> None:
    """No hour asks more than its passes and its tracks need, and who is away is left alone."""
    for number, asked in town.asked.items():
        over = {name: count for name, count in asked.items() if count > MOST[name]}
        assert not over, f"hour {number}"
    for number in QUIET:
        asked = town.asked[number]
        assert asked["spotify"] <= 14, "one question for each pass"
        assert asked["notion"] <= 24, "two for each pass"
        assert asked["eagle"] <= 6, "when somebody looks whether anything is wrong"
        assert not asked["soundcloud"] + asked["youtube"] + asked["alerts"]
    assert hour(town, 2)["spotify"] <= 12
    assert hour(town, 6)["notion"] <= 24
    assert hour(town, 12, 13)["spotify"] == 0
    assert hour(town, 20)["soundcloud"] == 0, "nothing was given up before, and found again by the full pass"
