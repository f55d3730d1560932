"""YouTube: the real extractors in their worker, by way of a proxy behind which everything is played."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from musicsyncd.audio.work import AudioWorkers
from musicsyncd.clock import ManualClock
from musicsyncd.errors import NeedsPerson, Permanent, Temporary
from musicsyncd.http.budget import Budget
from musicsyncd.music.identity import Identity
from musicsyncd.music.track import Track
from musicsyncd.sources.youtube import YoutubeSource
from musicsyncd.sources.ytdlp import YtdlpOptions
from tests.fakes import youtube
from tests.fakes.soundcloud import page
from tests.fakes.web import Visit, Web
from tests.fakes.youtube import YouTube
from tests.sources.contract import AUDIO, Known, SourceContract

VIDEO = "dQw4w9WgXcQ"
URL = f"https://www.youtube.com/watch?v={VIDEO}"
SECRET = "canary-cookie"


@dataclass
class Place:
    """The web with YouTube in it, and sources that reach nothing else."""

    web: Web
    site: YouTube
    clock: ManualClock
    folder: Path

    def source(self, **fields: Any) -> YoutubeSource:
        """A source of its own budget."""
        options = YtdlpOptions(
            proxy=self.web.proxy,
            ca_file=self.web.write_authority(self.folder / "authority.pem"),
            cache_dir=self.folder / "cache",
            socket_timeout=5.0,
            timeout=60.0,
        )
        return YoutubeSource(options, Budget(YoutubeSource.label, YoutubeSource.pace, self.clock), **fields)

    def asked(self) -> list[Visit]:
        """What was asked since the last time."""
        visits, self.web.visits = self.web.visits, []
        return visits


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Nobody else is asked for anything."""
    site = YouTube()
    with Web(site) as web:
        yield Place(web, site, ManualClock(), tmp_path)
    assert web.strangers == []


def silent(share: float | None, text: str) -> None:
    """Nobody listens to progress."""


class TestYoutubeSource(SourceContract):
    """The contract, with a video whose audio is the known bytes."""

    @pytest.fixture
    def known(self, place: Place) -> Known:
        """It is there, and its neighbour is not."""
        place.site.files[VIDEO] = AUDIO
        place.site.seconds = 1.0
        url = place.site.add(VIDEO, "Ada Voss - Night Ferry (X Remix)")
        return Known(place.source(), url=url, unknown="https://www.youtube.com/watch?v=xxxxxxxxxxx")


async def test_every_form_of_a_videos_address_is_one_track(place: Place) -> None:
    """The playlist around a video is not what was asked for."""
    place.site.add(VIDEO)
    source = place.source()
    for url in (f"https://youtu.be/{VIDEO}?si=x", f"https://music.youtube.com/watch?v={VIDEO}&list=RDAMVM{VIDEO}"):
        assert source.owns(url)
        (track,) = (await source.resolve(url)).tracks
        assert (track.source_url, track.identities) == (URL, (Identity("youtube", VIDEO),))


async def test_a_video_becomes_its_best_audio(place: Place) -> None:
    """Opus as it is, with the picture; the song's names are read out of the title."""
    place.site.add(VIDEO, "Ada Voss - Night Ferry (Official Video)", author="Ada Voss - Topic")
    source = place.source()
    (track,) = (await source.resolve(URL)).tracks
    assert track.artists == ("Ada Voss",)
    supplied = await source.supply(track, place.folder, silent)
    assert (supplied.path.suffix, supplied.details["acodec"]) == (".webm", "opus")
    assert supplied.artwork is not None
    assert abs((await AudioWorkers().probe(supplied.path)).duration - 6.0) < 0.1


async def test_a_playlist_comes_in_order_without_what_is_hidden(place: Place) -> None:
    """One question; a place in it that is private is refused by itself."""
    videos = ["aaaaaaaaaaa", "bbbbbbbbbbb"]
    for number, video in enumerate(videos):
        place.site.add(video, f"Ada Voss - Song {number}")
    url = place.site.add_playlist("PLcanaryplaylist", [videos[1], "hiddenvideo", videos[0]])
    found = await place.source().resolve(url)
    assert [track.title for track in found.tracks] == ["Song 1", "Song 0"]
    assert [track.duration for track in found.tracks] == [6.0, 6.0]
    assert len(found.refused) == 1
    assert len(place.asked()) == 1


async def test_playlists_of_the_settings_are_offered_and_one_that_is_gone_stops_nothing(place: Place) -> None:
    """Each track once, up to the limit."""
    place.site.add(VIDEO)
    mine = place.site.add_playlist("PLcanaryplaylist", [VIDEO, VIDEO])
    gone = "https://www.youtube.com/playlist?list=PLcanarygone"
    source = place.source(playlists=(gone, mine))
    found = await source.list()
    assert [track.source_url for track in found.tracks] == [URL]
    assert [refusal.name for refusal in found.refused] == [gone]
    assert (await source.list(limit=0)).tracks == ()


async def test_a_search_finds_candidates(place: Place) -> None:
    """With what a choice needs, in one list."""
    place.site.add(VIDEO, "Night Ferry", author="Ada Voss - Topic", views=1_234_567)
    place.site.add("bbbbbbbbbbb", "Night Ferry (X Remix)", author="Somebody")
    official, other = await place.source().search("night ferry", 5)
    assert (official.title, official.uploader, official.official) == ("Night Ferry", "Ada Voss - Topic", True)
    assert (official.duration, official.plays, official.url) == (6.0, 1_234_567, URL)
    assert (other.uploader, other.official) == ("Somebody", False)


@pytest.mark.parametrize(("trouble", "says"), [(youtube.PRIVATE, "private"), (youtube.GONE, "gone")])
async def test_one_videos_trouble_is_its_own(place: Place, trouble: dict[str, Any], says: str) -> None:
    """Refused for good, and the next video comes."""
    place.site.add(VIDEO)
    place.site.trouble["bbbbbbbbbbb"] = trouble
    source = place.source()
    with pytest.raises(Permanent, match=says):
        await source.resolve("https://youtu.be/bbbbbbbbbbb")
    assert source.hindrance() == ""
    assert (await source.resolve(URL)).tracks


@pytest.mark.parametrize(
    ("trouble", "says"), [(youtube.BOT_WALL, "takes us for a bot"), (youtube.LIMITED, "left alone for a while")]
)
async def test_a_wall_rests_the_service(place: Place, trouble: dict[str, Any], says: str) -> None:
    """With a stated end and a remedy; the track is not to blame and comes when the rest is over."""
    place.site.add(VIDEO)
    place.site.trouble[""] = trouble
    source = place.source()
    (track,) = (Track(title="Wanted", source="youtube", source_url=URL),)
    with pytest.raises(Temporary, match=says) as caught:
        await source.supply(track, place.folder, silent)
    assert caught.value.delay == pytest.approx(3600.0)
    assert "cookies_file" in caught.value.fix
    assert not caught.value.counts
    place.asked()
    with pytest.raises(Temporary, match="YouTube is left alone until"):
        await source.search("night ferry", 5)
    assert place.asked() == []
    assert "cookies_file" in source.hindrance()
    place.site.trouble.clear()
    await place.clock.advance(3601)
    assert (await source.supply(track, place.folder, silent)).size


async def test_too_many_requests_rest_the_service_as_long_as_it_asks(place: Place) -> None:
    """Retry-After is honoured to the second."""
    url = place.site.add_playlist("PLcanaryplaylist", [])
    place.site.instead["www.youtube.com/"] += [page({}, 429, Retry_After="1234")] * 20
    with pytest.raises(Temporary) as caught:
        await place.source().resolve(url)
    assert caught.value.delay == pytest.approx(1234.0)


def cookie(host: str, value: str) -> str:
    """A line of a cookie file."""
    return f"{host}\tTRUE\t/\tTRUE\t4102444800\tLOGIN_INFO\t{value}"


async def test_cookies_are_shown_to_youtube_and_to_nobody_else(place: Place) -> None:
    """Its own alone; the file stays as it is, and no copy of it is left anywhere."""
    place.site.add(VIDEO)
    file = place.folder / "cookies.txt"
    written = "\n".join(["# Netscape HTTP Cookie File", cookie(".youtube.com", SECRET), cookie(".bank.test", "other")])
    file.write_text(written)
    file.chmod(0o400)
    source = place.source(cookies_file=file)
    (track,) = (await source.resolve(URL)).tracks
    folder = place.folder / "work"
    folder.mkdir()
    await source.supply(track, folder, silent)
    visits = place.asked()
    assert {visit.host for visit in visits if SECRET in str(visit.headers)} == {"www.youtube.com"}
    assert "other" not in str([visit.headers.get("cookie") for visit in visits])
    assert file.read_text() == written
    holders = [path for path in place.folder.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert holders == [file]


@pytest.mark.parametrize("text", [None, "", "# Netscape HTTP Cookie File\n" + cookie(".bank.test", SECRET)])
async def test_cookies_that_are_none_are_a_persons_matter(place: Place, text: str | None) -> None:
    """Told by the setting that names them, before anything is asked."""
    file = place.folder / "cookies.txt"
    if text is not None:
        file.write_text(text)
    with pytest.raises(NeedsPerson) as caught:
        await place.source(cookies_file=file).resolve(URL)
    assert str(file) in str(caught.value)
    assert SECRET not in str(caught.value)
    assert place.asked() == []
