"""A day with every service away in turn, a volume too, a sign-out and two kills ends as a quiet day does."""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

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
from tests.fakes.web import Visit, Web
from tests.fakes.youtube import YouTube
from tests.test_spotify_daemon import sign_in

SECONDS: Final = 3.0
HOUR: Final = 60
DAY: Final = 24 * HOUR
VOLUMES: Final = ("main", "stick")
OURS: Final = frozenset({"created", "edited"})
SERVICES: Final = ("spotify", "accounts", "soundcloud", "youtube", "notion", "eagle", "alerts")


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
        daemon.config.write_text("")
        text = daemon.extra
        daemon.extra = text
        daemon.write_config()
        config = daemon.config.read_text()
        daemon.config.write_text(config.replace("[daemon]\n", '[daemon]\ntimezone = "UTC"\nmemory_ceiling = 0\n'))
        daemon.start()
        sign_in(daemon)
        yield Town(spotify, sites, web, notion, workspace, eagle, hook, daemon)
        assert not notion.faults


@contextmanager
def _daemon(folder: Path, begins: datetime) -> Iterator[Day]:
    import tempfile

    with tempfile.TemporaryDirectory(prefix="ms-") as short:
        daemon = Day(folder=folder, socket=Path(short) / "c.sock", volumes=VOLUMES, begins=begins)
        try:
            yield daemon
        finally:
            if daemon.process is not None:
                daemon.process.kill()
                daemon.process.wait()


Deed = Callable[[Town], None]


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
        17 * HOUR + 1: lambda town: town.like(5),
        18 * HOUR + 10: lambda town: town.drop(6),
    }


def live(town: Town, deeds: Mapping[float, Deed]) -> None:
    """Let the day pass; requests are counted by the hour."""
    for minute in sorted({*deeds, *range(0, DAY + 1, HOUR)}):
        town.daemon.to(minute)
        if minute % HOUR == 0:
            town.count(int(minute) // HOUR - 1)
        if minute in deeds:
            deeds[minute](town)


# The end


def end_of(town: Town) -> dict[str, Any]:
    """What stands at the end, without ids and times, which no two days share."""
    folder = str(town.daemon.folder)
    shown = town.daemon.client.get("/v1/tracks?limit=1000")["tracks"]
    details = [town.daemon.client.get(f"/v1/tracks/{one['id']}") for one in shown]
    names = {row.id: row["Name"] for row in town.notion.pages(town.workspace.artists)}
    return {
        "tracks": sorted((one["label"], one["state"], sorted(one["targets"].items())) for one in details),
        "files": {name: _hashes(town, name) for name in VOLUMES},
        "rows": sorted(_row(row.values, names, folder) for row in town.notion.pages(town.workspace.tracks)),
        "artists": sorted(names.values()),
        "items": sorted(
            json.dumps([row["name"], row["ext"], row["size"], sorted(row["tags"]), row["url"]])
            for row in town.eagle.standing()
        ),
        "left": sorted(str(path.relative_to(folder)) for path in (town.daemon.state / "staging").rglob("*")),
    }


def _hashes(town: Town, volume: str) -> dict[str, str]:
    root = town.daemon.library(volume)
    return {name: hashlib.sha256((root / name).read_bytes()).hexdigest() for name in town.daemon.files(volume)}


def _row(values: Mapping[str, Any], artists: Mapping[str, str], folder: str) -> str:
    kept = {
        name: [artists.get(one, "?") for one in value] if name == "Artist" else value
        for name, value in values.items()
        if value not in (None, "", [], False)
    }
    return json.dumps(kept, sort_keys=True, default=str).replace(folder, "")


def test_a_day(tmp_path: Path) -> None:
    began = time.monotonic()
    with town(tmp_path / "calm", incremental="1 h") as calm:
        live(calm, wishes())
        expected = end_of(calm)
    print("calm", time.monotonic() - began)
    print(json.dumps(expected, indent=1)[:6000])
    for hour, counts in sorted(calm.asked.items()):
        print(hour, dict(counts))
    for post in calm.hook.posts:
        print(post.json["kind"], post.json["key"], post.json["what"], post.json["first_seen"])
