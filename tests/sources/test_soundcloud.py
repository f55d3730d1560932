"""SoundCloud: the real extractors in their worker, by way of a proxy behind which everything is played."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from musicsyncd.audio.work import AudioWorkers
from musicsyncd.clock import ManualClock
from musicsyncd.errors import BadInput, MusicsyncError, Permanent, Temporary
from musicsyncd.http.budget import Budget
from musicsyncd.music.identity import Identity
from musicsyncd.music.track import Track
from musicsyncd.sources import ytdlp
from musicsyncd.sources.base import Supplied
from musicsyncd.sources.soundcloud import SoundcloudSource
from musicsyncd.sources.ytdlp import YtdlpOptions
from tests.fakes import streams
from tests.fakes.origin import Page
from tests.fakes.soundcloud import API, HLS, SoundCloud, cut, page, transcoding
from tests.fakes.web import Visit, Web
from tests.sources.contract import AUDIO, Known, SourceContract

LIKES = f"{API}/users/77/likes"
TOKEN = "canary-token"
PRIVATE = "s-CanaryPrivate"


@dataclass
class Place:
    """The web with SoundCloud in it, and sources that reach nothing else."""

    web: Web
    site: SoundCloud
    clock: ManualClock
    folder: Path

    def source(self, **fields: Any) -> SoundcloudSource:
        """A source of its own budget."""
        options = YtdlpOptions(
            proxy=self.web.proxy,
            ca_file=self.web.write_authority(self.folder / "authority.pem"),
            cache_dir=self.folder / "cache",
            socket_timeout=5.0,
            timeout=60.0,
        )
        budget = Budget(SoundcloudSource.label, SoundcloudSource.pace, self.clock)
        return SoundcloudSource(options, budget, **{"profile": "ada-voss", **fields})

    def asked(self) -> list[Visit]:
        """What was asked since the last time."""
        visits, self.web.visits = self.web.visits, []
        return visits


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Nobody else is asked for anything."""
    site = SoundCloud()
    with Web(site) as web:
        yield Place(web, site, ManualClock(), tmp_path)
    assert web.strangers == []


def silent(share: float | None, text: str) -> None:
    """Nobody listens to progress."""


async def one(source: SoundcloudSource, url: str) -> Track:
    """The track behind a URL."""
    (track,) = (await source.resolve(url)).tracks
    return track


async def fetch(source: SoundcloudSource, url: str, folder: Path) -> Supplied:
    """The audio behind a URL."""
    track = Track(title="Wanted", source="soundcloud", source_url=url)
    return await source.supply(track, folder, silent)


class TestSoundcloudSource(SourceContract):
    """The contract, with a track that is one file."""

    @pytest.fixture
    def known(self, place: Place) -> Known:
        """It is there, and its neighbour is not."""
        place.site.files[1] = AUDIO
        url = place.site.add(1, "Ada Voss - Night Ferry (X Remix)", full_duration=1000, duration=1000)
        return Known(place.source(profile=""), url=url, unknown="https://soundcloud.com/ada-voss/gone")


def like_many(site: SoundCloud, count: int) -> None:
    """Likes one below the other, newest first."""
    for number in range(count, 0, -1):
        site.like(number, f"2024-01-01T00:{number // 60:02}:{number % 60:02}Z")


async def test_likes_say_all_that_the_page_says(place: Place) -> None:
    """Newest first, with like time, ISRC, duration and both identities; a liked set is no track."""
    place.site.like(2, "2024-02-02T10:00:00Z", title="Bo Rell - Two")
    place.site.likes.append(
        {
            "created_at": "2024-02-01T00:00:00Z",
            "kind": "like",
            "playlist": {
                "id": 9,
                "kind": "playlist",
                "title": "PL",
                "permalink_url": "https://soundcloud.com/ada-voss/sets/pl",
            },
        }
    )
    place.site.like(1, "2024-01-01T10:00:00Z", full_duration=200_000)
    found = await place.source().list()
    assert [track.title for track in found.tracks] == ["Bo Rell - Two", "Title 1"]
    assert [track.liked_at for track in found.tracks] == ["2024-02-02T10:00:00Z", "2024-01-01T10:00:00Z"]
    assert [track.isrc for track in found.tracks] == ["QZABC2400002", "QZABC2400001"]
    assert [track.duration for track in found.tracks] == [6.0, 200.0]
    assert found.tracks[1].artists == ("Ada Voss",)
    assert found.tracks[1].identities == (Identity("soundcloud", "1"), Identity("soundcloud", "ada-voss/title-1"))


async def test_lists_say_what_is_in_them(place: Place) -> None:
    """Likes and sets, whole where they were read to their end: a liked set takes nothing away, a track that cannot be
    read may be ours.
    """
    like_many(place.site, 3)
    place.site.likes.append({"kind": "like", "playlist": {"id": 9, "kind": "playlist", "title": "PL"}})
    url = place.site.add_set("warm-up", [1, 2], title="Warm Up")
    source = place.source(playlists=(url,))
    found = await source.list()
    assert [(one.id, len(one.tracks), one.whole) for one in found.playlists] == [
        ("soundcloud:ada-voss/likes", 3, True),
        ("soundcloud:ada-voss/sets/warm-up", 2, True),
    ]
    assert found.playlists[1].title == "Warm Up"
    assert set(found.playlists[1].tracks) <= {track.identities[0] for track in found.tracks}
    assert [(len(one.tracks), one.whole) for one in (await source.list(limit=2)).playlists] == [(2, False)]
    assert (await source.resolve(place.site.add(4))).playlists == ()
    place.site.by_path["ada-voss/title-4"]["title"] = "[Private video]"
    place.site.add_set("warm-up", [1, 2, 4], title="Warm Up")
    assert [one.whole for one in (await source.list()).playlists] == [True, False]


async def test_a_set_by_its_name(place: Place) -> None:
    """One of those that the settings name, by its title."""
    place.site.add(1)
    url = place.site.add_set("warm-up", [1], title="Warm Up")
    source = place.source(playlists=(url,))
    found = await source.playlist("warm up")
    assert found is not None
    assert [track.title for track in found.tracks] == ["Title 1"]
    assert await source.playlist("cool down") is None


async def test_a_set_by_its_name_behind_one_that_is_gone(place: Place) -> None:
    """The trouble with another one matters only where none is called so."""
    place.site.add(1)
    url = place.site.add_set("warm-up", [1], title="Warm Up")
    source = place.source(playlists=("https://soundcloud.com/ada-voss/sets/gone", url))
    found = await source.playlist("warm up")
    assert found is not None
    assert [track.title for track in found.tracks] == ["Title 1"]
    with pytest.raises(Permanent, match="gone"):
        await source.playlist("cool down")


async def test_a_second_look_costs_two_questions(place: Place) -> None:
    """Once the client id is known: who it is, and one page, which is asked for as a browser asks."""
    like_many(place.site, 3)
    source = place.source()
    await source.list()
    assert [visit.host for visit in place.asked()][:2] == ["soundcloud.com", "a-v2.sndcdn.com"]
    await source.list()
    who, likes = place.asked()
    assert (who.path, likes.place) == ("/resolve", LIKES)
    assert "sec-ch-ua" in likes.headers
    assert "sec-ch-ua" not in who.headers


async def test_unchecked_certificates_do_for_both_ways_to_ask(place: Place) -> None:
    """With `insecure_tls` plain requests and a browser's alike trust whoever answers; without it neither does."""
    like_many(place.site, 1)
    options = YtdlpOptions(proxy=place.web.proxy, insecure_tls=True, socket_timeout=5.0)
    budget = Budget(SoundcloudSource.label, SoundcloudSource.pace, place.clock)
    assert (await SoundcloudSource(options, budget, profile="ada-voss").list()).tracks
    strict = YtdlpOptions(proxy=place.web.proxy, socket_timeout=5.0)
    with pytest.raises(Temporary, match="ca_file"):
        await SoundcloudSource(strict, budget, profile="ada-voss").list()


def test_without_a_browsers_handshake_likes_are_asked_for_all_the_same(place: Place) -> None:
    """Where there is no wheel of curl_cffi the question goes out plain: it is for SoundCloud to refuse it."""
    like_many(place.site, 2)
    options = place.source()._request_options()
    request = {"do": "look", "service": "soundcloud", "url": "https://soundcloud.com/ada-voss/likes", "limit": 9}
    script = (
        "import json, sys; sys.modules['curl_cffi'] = None; from musicsyncd.sources.ytdlp_worker import handle\n"
        "print(json.dumps(handle(json.loads(sys.stdin.read()), print)))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", script],
        input=json.dumps({**request, "options": options}),
        env=dict(os.environ) | place.source()._environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert [entry["id"] for entry in json.loads(done.stdout)["entries"]] == ["2", "1"]
    assert "sec-ch-ua" not in place.web.visits_of(LIKES)[0].headers


async def test_paging_is_bounded(place: Place) -> None:
    """As many pages as the limit needs, and a small limit makes a small page."""
    like_many(place.site, 450)
    source = place.source(likes_limit=250)
    assert len((await source.list()).tracks) == 250
    place.asked()
    assert [track.identities[0].id for track in (await source.list(limit=5)).tracks] == [
        "450",
        "449",
        "448",
        "447",
        "446",
    ]
    assert [visit.query["limit"] for visit in place.asked() if visit.place == LIKES] == ["5"]
    assert (await source.list(limit=0)).tracks == ()
    assert place.asked() == []


@pytest.mark.parametrize(("new", "pages"), [(set(), 1), ({"450"}, 1), ({"255"}, 4)])
async def test_news_end_at_the_known_run(place: Place, new: set[str], pages: int) -> None:
    """One page where it ends in known likes, whatever is new at its top; all of them where it does not."""
    like_many(place.site, 450)
    source = place.source()

    async def unknown(tracks: Sequence[Track]) -> Sequence[Track]:
        return [track for track in tracks if track.identities[0].id in new]

    found = await source.news(unknown)
    assert len([visit for visit in place.asked() if visit.place == LIKES]) == pages
    assert len(found.tracks) == (200 if pages == 1 else 450)


async def test_a_list_is_read_beyond_a_thousand(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """To its end; where even the longest reading does not get there, that is told, and the list is not whole."""
    like_many(place.site, 1150)
    found = await place.source().resolve("https://soundcloud.com/ada-voss/likes")
    assert (len(found.tracks), found.refused, found.playlists[0].whole) == (1150, (), True)
    monkeypatch.setattr(ytdlp, "LONGEST_LIST", 1100)
    found = await place.source().resolve("https://soundcloud.com/ada-voss/likes")
    assert (len(found.tracks), found.playlists[0].whole) == (1100, False)
    assert [refusal.error.what for refusal in found.refused] == ["Only the first 1100 were read"]


async def none_unknown(tracks: Sequence[Track]) -> Sequence[Track]:
    """Everything is known."""
    return ()


@pytest.mark.parametrize("above", [range(0, 184, 8), range(170, 193)], ids=["all over the page", "at its end"])
async def test_liked_sets_do_not_end_the_list(place: Place, above: range) -> None:
    """They are lines of a page without being tracks: what is below them is read, and their number is told."""
    like_many(place.site, 600)
    for line in above:
        one = {"id": 9000 + line, "kind": "playlist", "title": f"Set {line}"}
        place.site.likes.insert(line, {"kind": "like", "playlist": one})
    found = await place.source().list()
    assert len(found.tracks) == 600
    assert (found.passed_over, found.refused) == (len(above), ())
    place.asked()
    source = place.source()
    assert len((await source.news(none_unknown)).tracks) == 200 - len(above)
    assert [visit.host for visit in place.asked() if visit.host == API] == [API, API]


async def test_a_page_of_liked_sets_says_nothing_of_what_is_below(place: Place) -> None:
    """Too few tracks stand on it to mean that all older ones are known."""
    like_many(place.site, 230)
    sets = [{"kind": "like", "playlist": {"id": 9000 + n, "kind": "playlist", "title": "PL"}} for n in range(195)]
    place.site.likes[:0] = sets
    assert len((await place.source().news(none_unknown)).tracks) == 230


async def test_no_likes_is_never_the_truth(place: Place) -> None:
    """An empty list is an error that may pass, and says how to find out."""
    with pytest.raises(Temporary, match="shows no likes of ada-voss"):
        await place.source().list()


async def test_a_set_comes_in_order_and_whole(place: Place) -> None:
    """Tracks of which the page has only the number are asked for together; only a release names the album."""
    for number in range(1, 8):
        place.site.add(number)
    source = place.source()
    found = await source.resolve(place.site.add_set("mix", [3, 1, 2, 7, 6, 5, 4], whole=2))
    assert [track.identities[0].id for track in found.tracks] == ["3", "1", "2", "7", "6", "5", "4"]
    assert {track.album for track in found.tracks} == {""}
    assert all(track.isrc and track.duration for track in found.tracks)
    assert [visit.path for visit in place.asked() if visit.host == API] == ["/resolve", "/tracks"]
    album = await source.resolve(place.site.add_set("record", [1, 2], set_type="ep", title="Record"))
    assert {(track.album, track.album_artist) for track in album.tracks} == {("Record", "Ada Voss")}


async def test_sets_of_the_settings_are_offered_and_one_that_is_gone_stops_nothing(place: Place) -> None:
    """Behind the likes, each track once."""
    place.site.like(1, "2024-01-01T00:00:00Z")
    place.site.add(2)
    mix = place.site.add_set("mix", [1, 2])
    gone = "https://soundcloud.com/ada-voss/sets/gone"
    found = await place.source(playlists=(gone, mix)).list()
    assert [track.identities[0].id for track in found.tracks] == ["1", "2"]
    assert [(refusal.name, type(refusal.error)) for refusal in found.refused] == [(gone, Permanent)]


async def test_a_private_track_keeps_its_token_and_shows_it_to_nobody(place: Place) -> None:
    """It is fetched by the address that lets one in; what is refused of it does not name that."""
    place.site.add(1, sharing="private", secret_token=PRIVATE)
    url = f"https://soundcloud.com/ada-voss/title-1/{PRIVATE}"
    source = place.source()
    track = await one(source, f"{url}?si=abc&utm_source=x")
    assert track.source_url == url
    assert (await source.supply(track, place.folder, silent)).size > 0
    place.site.by_path["ada-voss/title-1"]["media"] = {"transcodings": []}
    for broken in (url, url.replace("title-1", "gone")):
        with pytest.raises(Permanent) as caught:
            await fetch(source, broken, place.folder)
        assert PRIVATE not in str(caught.value.as_dict())


async def test_a_private_sets_token_opens_the_set_and_not_its_public_tracks(place: Place) -> None:
    """A track's own address stays as it is; one that has none is asked for by number, with the token."""
    place.site.add(1)
    place.site.add(2)
    place.site.add_set("mix", [1, 2], sharing="private", secret_token=PRIVATE)
    del place.site.numbered(2)["permalink_url"]
    source = place.source()
    found = await source.resolve(f"https://soundcloud.com/ada-voss/sets/mix/{PRIVATE}")
    assert [track.source_url for track in found.tracks] == [
        "https://soundcloud.com/ada-voss/title-1",
        f"https://api.soundcloud.com/tracks/2?secret_token={PRIVATE}",
    ]
    assert (await source.supply(found.tracks[1], place.folder, silent)).size
    assert any(visit.query.get("secret_token") == PRIVATE for visit in place.asked() if visit.path == "/tracks/2")


async def test_a_short_link_is_followed(place: Place) -> None:
    """To the track; one that leads elsewhere is refused."""
    place.site.short |= {"abcDEF": place.site.add(1) + "?ref=clipboard", "aWay0": "https://soundcloud.com/discover"}
    source = place.source()
    assert (
        await one(source, "https://on.soundcloud.com/abcDEF")
    ).source_url == "https://soundcloud.com/ada-voss/title-1"
    with pytest.raises(BadInput, match="leads to no track"):
        await source.resolve("https://on.soundcloud.com/aWay0")


def offers(number: int, protocol: str, *, snipped: bool = False) -> dict[str, Any]:
    """A track with one way to hear it."""
    url = f"https://{API}/media/soundcloud:tracks:{number}/u1/stream/{protocol}"
    return {"media": {"transcodings": [transcoding(url, protocol, snipped=snipped)]}}


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        (offers(1, "hls", snipped=True) | {"policy": "SNIP", "duration": 30_000, "full_duration": 200_000}, "preview"),
        (offers(1, "ctr-encrypted-hls"), "DRM"),
        (offers(1, "nowhere"), "DRM"),  # open formats that answer 404
        ({"media": {"transcodings": []}, "policy": "BLOCK"}, "where this machine stands"),
        ({"media": {"transcodings": []}}, "no audio"),
    ],
    ids=["preview", "drm", "drm-404", "geo", "nothing"],
)
async def test_what_cannot_be_had_is_refused_for_good_and_before_any_audio(
    place: Place, fields: dict[str, Any], says: str
) -> None:
    """The track is known all the same, with its full length, so that another service may supply it."""
    url = place.site.add(1, **fields)
    source = place.source()
    track = await one(source, url)
    assert track.duration == fields.get("full_duration", 6000) / 1000
    with pytest.raises(Permanent, match=says):
        await source.supply(track, place.folder, silent)
    assert not [visit for visit in place.asked() if visit.host.endswith("media.sndcdn.com")]
    assert source.hindrance() == ""


async def test_a_preview_beside_the_whole_is_passed_over(place: Place) -> None:
    """The format that is whole is taken."""
    ways = offers(1, "progressive", snipped=True)["media"]["transcodings"] + offers(1, "hls")["media"]["transcodings"]
    supplied = await fetch(place.source(), place.site.add(1, media={"transcodings": ways}), place.folder)
    assert supplied.details["format_id"] == "hls_aac_160k"
    assert abs((await AudioWorkers().probe(supplied.path)).duration - 6.0) < 0.1
    assert supplied.track.duration == 6.0


@pytest.mark.parametrize(
    ("answer", "seconds", "says"),
    [
        (page({}, 429, Retry_After="86400"), 86400.0, "left alone"),
        (page({}, 429, Retry_After="259200"), 259_200.0, "left alone"),
        (page({}, 429), 900.0, "left alone"),
        (page({"url": "https://geo.captcha-delivery.com/"}, 403, X_DataDome="protected"), 3600.0, "bot"),
    ],
    ids=["429-after", "429-after-days", "429", "datadome"],
)
async def test_who_is_asked_to_wait_waits_with_everything(
    place: Place, answer: Page, seconds: float, says: str
) -> None:
    """The service rests, with a stated end and a remedy, and not one question is asked before that."""
    url = place.site.add(1)
    place.site.instead[f"{API}/resolve"] += [answer] * 2
    source = place.source()
    with pytest.raises(Temporary, match=says) as caught:
        await source.resolve(url)
    assert caught.value.delay == pytest.approx(seconds)
    place.asked()
    with pytest.raises(Temporary, match="SoundCloud is left alone until"):
        await source.list()
    assert place.asked() == []
    assert "left alone until" in source.hindrance()
    assert SoundcloudSource.remedy in source.hindrance()
    place.site.instead.clear()
    await place.clock.advance(seconds + 1)
    assert source.hindrance() == ""
    assert await one(source, url)


async def test_a_refused_list_of_likes_is_the_wall(place: Place) -> None:
    """403 for the likes themselves, with whatever header, means that we are taken for a program."""
    like_many(place.site, 1)
    place.site.instead[LIKES] += [page({}, 403)] * 2
    source = place.source()
    with pytest.raises(Temporary, match="takes us for a bot"):
        await source.list()
    assert source.hindrance()


async def test_a_service_out_of_order_is_let_alone_after_a_row_of_failures(place: Place) -> None:
    """One failure is nothing; five in a row are a state, for which no track is given up."""
    url = place.site.add(1)
    place.site.instead[f"{API}/resolve"] += [page({}, 503)] * 100
    source, counted = place.source(), []
    for _ in range(SoundcloudSource.pace.trips):
        assert source.hindrance() == ""
        with pytest.raises(Temporary, match="out of order") as failed:
            await source.resolve(url)
        counted.append(failed.value.counts)
    assert "left alone" in source.hindrance()
    assert counted == [True] * (SoundcloudSource.pace.trips - 1) + [False]
    assert failed.value.delay == pytest.approx(SoundcloudSource.pace.rest)


async def test_a_segment_that_broke_off_is_no_track(place: Place) -> None:
    """Worth another try, and nothing is delivered."""
    url = place.site.add(1)
    parts = streams.hls(207.0, 6.0)
    broken = cut(Page(body=parts["aac1.m4s"], content_type="audio/mp4"), 2000)
    place.site.instead[f"{HLS}/1/aac1.m4s"] += [broken] * 20
    with pytest.raises(Temporary):
        await fetch(place.source(), url, place.folder)


async def test_a_client_id_that_ran_out_is_found_anew_once(place: Place) -> None:
    """401, then the page and its script, then the same question again."""
    url = place.site.add(1)
    source = place.source()
    await one(source, url)
    place.asked()
    place.site.client_id = "B" * 32
    assert await one(source, url)
    assert [visit.host for visit in place.asked()] == [API, "soundcloud.com", "a-v2.sndcdn.com", API]


async def test_a_token_opens_the_original_and_stays_with_its_job(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes to the interface only: not to machines with audio and pictures, not on a command line, not to a guest."""
    command_lines = watch_command_lines(place.site, monkeypatch)
    place.site.tokens, place.site.originals = {TOKEN}, {1}
    url = place.site.add(1)
    owner, guest = place.source(token=TOKEN), place.source()
    supplied = await fetch(owner, url, place.folder)
    assert supplied.details["format_id"] == "download"
    assert supplied.path.read_bytes() == streams.recording(300.0, "wav", 6.0)
    visits = place.asked()
    assert {visit.host for visit in visits if TOKEN in str(visit)} == {API}
    assert all("authorization" in visit.headers for visit in visits if visit.host == API)
    folder = place.folder / "guest"
    folder.mkdir()
    assert (await fetch(guest, url, folder)).details["format_id"] == "hls_aac_160k"
    visits = place.asked()
    assert TOKEN not in str(visits)
    assert not [visit for visit in visits if visit.path.endswith("/download")]
    assert any("ytdlp_worker" in line for line in command_lines)
    assert TOKEN not in str(command_lines)
    assert TOKEN not in "".join(path.read_text(errors="replace") for path in place.folder.rglob("*.json"))


def watch_command_lines(site: SoundCloud, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Every process's command line and environment at each question (Linux)."""
    seen: set[str] = set()
    answer = site.answer

    def watched(visit: Visit) -> Page:
        for process in Path("/proc").glob("[0-9]*"):
            try:
                seen.add((process / "cmdline").read_bytes().decode(errors="replace"))
                if process.name != str(os.getpid()):
                    seen.add((process / "environ").read_bytes().decode(errors="replace"))
            except OSError:
                continue
        return answer(visit)

    monkeypatch.setattr(site, "answer", watched)
    return seen


@pytest.mark.parametrize(
    "beginning",
    ["https://evil.test/", "http://api-v2.soundcloud.com/", f"https://{API}@evil.test/", "https://i1.sndcdn.com/"],
)
async def test_a_token_goes_nowhere_by_an_answers_word(place: Place, beginning: str) -> None:
    """Neither the next page nor a format is asked for elsewhere than at the interface, and never in the clear."""
    place.site.tokens = {TOKEN}
    like_many(place.site, 3)
    led = page({"collection": place.site.likes[:1], "next_href": f"{beginning}users/77/likes?offset=1"})
    place.site.instead[LIKES].append(led)
    source = place.source(token=TOKEN)
    with pytest.raises(MusicsyncError, match="which is not asked"):
        await source.list()
    url = place.site.add(9, media={"transcodings": [transcoding(f"{beginning}stream/hls", "hls")]})
    with pytest.raises(MusicsyncError, match="which is not asked"):
        await fetch(source, url, place.folder)
    told = [visit for visit in place.asked() if TOKEN in str(visit)]
    assert {visit.path for visit in told} == {"/resolve", "/users/77/likes"}
    assert {visit.host for visit in told} == {API}


@pytest.mark.parametrize("asked", [LIKES, f"{API}/resolve"])
async def test_a_token_does_not_follow_a_redirect(place: Place, asked: str) -> None:
    """Whichever of the two ways the question is asked: the other host is visited as a guest."""
    place.site.tokens = {TOKEN}
    like_many(place.site, 1)
    place.site.instead[asked].append(Page(status=302, headers={"Location": "https://i1.sndcdn.com/away"}))
    with pytest.raises(MusicsyncError):
        await place.source(token=TOKEN).list()
    visits = place.asked()
    assert [visit for visit in visits if visit.path == "/away"]
    assert {visit.host for visit in visits if TOKEN in str(visit)} == {API}


async def test_a_token_that_is_refused_is_dropped_and_told(place: Place) -> None:
    """The track comes as for a guest; the state is told until somebody mends it, and the token is not tried again."""
    url = place.site.add(1)
    source = place.source(token=TOKEN)
    assert await one(source, url)
    assert "soundcloud.oauth_token" in source.hindrance()
    assert TOKEN not in source.hindrance()
    place.asked()
    assert await one(source, url)
    assert TOKEN not in str(place.asked())


async def test_a_search_finds_candidates(place: Place) -> None:
    """With what a choice needs; what the words contain is never an address or an option."""
    place.site.add(1, "Night Ferry", playback_count=77)
    place.site.add(2, "Night Ferry (X Remix)", policy="SNIP")
    source = place.source()
    plain, remix = await source.search("  night\nferry ", 5)
    assert (plain.title, plain.uploader, plain.artists) == ("Night Ferry", "Ada Voss", ("Ada Voss",))
    assert (plain.duration, plain.isrc, plain.plays, plain.preview) == (6.0, "QZABC2400001", 77, False)
    assert plain.identities[0] == Identity("soundcloud", "1")
    assert remix.preview
    assert await source.search("https://soundcloud.com/ada-voss/title-1 --exec x", 5) == ()
    assert await source.search(" ", 5) == ()


@pytest.mark.parametrize("url", ["https://soundcloud.com/discover", "https://soundcloud.com/you/likes"])
async def test_what_is_no_track_there_is_refused_and_left_to_nobody_else(place: Place, url: str) -> None:
    """The service's pages that lead to no music are its own all the same."""
    source = place.source()
    assert source.owns(url)
    with pytest.raises(BadInput, match="no track and no list of SoundCloud"):
        await source.resolve(url)
    assert place.asked() == []


@pytest.mark.parametrize("url", ["https://www.youtube.com/watch?v=dQw4w9WgXcQ", "https://soundcloud.com.evil.test/a/b"])
async def test_another_services_address_is_none_of_its_business(place: Place, url: str) -> None:
    """Nothing is asked."""
    source = place.source()
    assert not source.owns(url)
    with pytest.raises(MusicsyncError):
        await fetch(source, url, place.folder)
    assert place.asked() == []
