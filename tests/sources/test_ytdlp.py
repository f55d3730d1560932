"""Music on the web: the real yt-dlp in its worker, against an origin on the loopback that behaves well or badly."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
import trustme
from imageio_ffmpeg import get_ffmpeg_exe

from musicsyncd.audio.work import AudioWorkers
from musicsyncd.errors import BadInput, MusicsyncError, Permanent, Temporary
from musicsyncd.music.identity import of_url
from musicsyncd.music.track import Track
from musicsyncd.sources.base import Found, Supplied
from musicsyncd.sources.ytdlp import YtdlpOptions, YtdlpSource
from tests.fakes.origin import Origin, Page, hls, wait_until_asked
from tests.sources.contract import AUDIO, Known, SourceContract
from tests.sources.tones import JPEG, wav

PATH = "/Ada%20Voss%20-%20Night%20Ferry%20(X%20Remix).wav"
WAV = Page(body=AUDIO, content_type="audio/x-wav")
LONG = wav(30.0, seed=3)
FOR_FFMPEG = '#EXT-X-KEY:METHOD=OTHER,URI="key"\n'
"""A key method that yt-dlp leaves to ffmpeg, and that ffmpeg takes for none."""


@pytest.fixture
def origin() -> Iterator[Origin]:
    """A plain HTTP origin with the known track."""
    with Origin() as origin:
        origin.serve(PATH, WAV)
        yield origin


@pytest.fixture
def source() -> YtdlpSource:
    """A source that gives up soon."""
    return YtdlpSource(YtdlpOptions(timeout=30.0, socket_timeout=5.0))


def html(body: str, title: str = "A page") -> Page:
    """A web page."""
    text = f"<!DOCTYPE html><html><head><title>{title}</title></head><body>{body}</body></html>"
    return Page(body=text.encode(), content_type="text/html; charset=utf-8")


def silent(share: float | None, text: str) -> None:
    """Nobody listens to progress."""


def wanted(url: str) -> Track:
    """A track whose audio is at that URL."""
    return Track(title="Wanted", source="url", source_url=url, identities=(of_url(url),))


async def fetch(source: YtdlpSource, url: str, folder: Path) -> Supplied:
    """The audio at a URL."""
    return await source.supply(wanted(url), folder, silent)


async def refused(source: YtdlpSource, url: str) -> MusicsyncError:
    """The error that looking up this URL gives."""
    with pytest.raises(MusicsyncError) as caught:
        await source.resolve(url)
    return caught.value


class TestYtdlpSource(SourceContract):
    """The contract, with the real generic extractor."""

    @pytest.fixture
    def known(self, origin: Origin, source: YtdlpSource) -> Known:
        """A WAV file on the web."""
        return Known(source, url=origin.url(PATH), unknown=origin.url("/missing.wav"))


@pytest.mark.parametrize(
    "url", ["http://a b/x", "https://", "http://[::1", "https://user:secret@host/x.mp3", "http://h/\x1b"]
)
async def test_a_broken_or_telling_address_is_refused_before_any_request(source: YtdlpSource, url: str) -> None:
    """No host, blanks, control characters, or a password that would be stored: told without the password."""
    error = await refused(source, url)
    assert isinstance(error, BadInput)
    assert "secret" not in str(error)


async def test_a_classified_error_crosses_the_pipe(origin: Origin, source: YtdlpSource) -> None:
    """Class, words and the pause that a service asks for arrive here."""
    error = await refused(source, origin.serve("/x", Page(status=429, headers={"Retry-After": "77"})))
    assert isinstance(error, Temporary)
    assert error.delay == 77.0
    assert "left alone" in str(error)


async def test_nobody_listening_is_temporary(source: YtdlpSource) -> None:
    """A refused connection is the network's failure."""
    with Origin() as closed:
        url = closed.url(PATH)
    error = await refused(source, url)
    assert isinstance(error, Temporary)
    assert "network" in str(error)


async def test_a_redirect_is_followed_and_its_start_kept(origin: Origin, source: YtdlpSource, tmp_path: Path) -> None:
    """The address asked for is the track's own, since what it leads to may run out; both are its identities."""
    short = origin.serve("/short", Page(status=302, headers={"Location": PATH + "?signed=1"}))
    track = (await source.resolve(short)).tracks[0]
    assert track.source_url == short
    assert track.identities == (of_url(short), of_url(origin.url(PATH + "?signed=1")))
    assert (await source.supply(track, tmp_path, silent)).path.read_bytes() == AUDIO


async def test_a_page_with_several_files_gives_a_track_each(
    origin: Origin, source: YtdlpSource, tmp_path: Path
) -> None:
    """Tracks are named after their files, not after the page; what leads to the disk is refused by itself."""
    files = [PATH, "/Bo%20-%20Two.mp3", "file:///etc/three.mp3", "/gone.m3u8"]
    page = origin.serve("/page.html", html("".join(f'<audio src="{file}"></audio>' for file in files)))
    found = await source.resolve(page)
    assert [track.label for track in found.tracks] == ["Ada Voss - Night Ferry (X Remix)", "Bo - Two"]
    assert [track.source_url for track in found.tracks] == [origin.url(PATH), origin.url("/Bo%20-%20Two.mp3")]
    assert [type(one.error) for one in found.refused] == [BadInput]
    assert (await source.supply(found.tracks[0], tmp_path, silent)).size == len(AUDIO)
    with pytest.raises(BadInput, match="is a list"):
        await fetch(source, page, tmp_path)


async def test_a_feed_is_not_followed_before_its_tracks_are_wanted(
    origin: Origin, source: YtdlpSource, tmp_path: Path
) -> None:
    """The entries of a list cost no request each; an entry on the disk is refused."""
    items = "".join(
        f"<item><title>{title}</title><link>{origin.url(link)}</link></item>"
        for title, link in (("Ada Voss - One", PATH), ("Bo - Two", "/two.mp3"))
    )
    items += "<item><title>Disk</title><link>file:///etc/passwd</link></item>"
    feed = f'<?xml version="1.0"?><rss version="2.0"><channel><title>F</title>{items}</channel></rss>'
    found = await source.resolve(origin.serve("/feed", Page(body=feed.encode(), content_type="text/xml")))
    assert [track.label for track in found.tracks] == ["Ada Voss - One", "Bo - Two"]
    assert [one.name for one in found.refused] == ["Disk"]
    assert {asked.path for asked in origin.asked} == {"/feed"}
    supplied = await source.supply(found.tracks[0], tmp_path, silent)
    assert supplied.path.read_bytes() == AUDIO
    assert supplied.track.title == "One"


async def test_hls_is_fetched_whole(origin: Origin, source: YtdlpSource, tmp_path: Path) -> None:
    """Segments are joined in order, and the playlist's duration is known beforehand."""
    parts = [AUDIO[:6000], AUDIO[6000:]]
    for number, part in enumerate(parts):
        origin.serve(f"/part{number}.ts", Page(body=part, content_type="video/mp2t"))
    url = origin.serve("/track.m3u8", Page(body=hls(2), content_type="application/vnd.apple.mpegurl"))
    assert (await source.resolve(url)).tracks[0].duration == 4.0
    supplied = await fetch(source, url, tmp_path)
    assert supplied.path.read_bytes() == AUDIO
    assert supplied.details["protocol"] == "m3u8_native"
    assert list(tmp_path.iterdir()) == [supplied.path]


@pytest.mark.parametrize("key", ["", FOR_FFMPEG], ids=["native", "ffmpeg"])
async def test_a_playlist_cannot_reach_the_disk(origin: Origin, source: YtdlpSource, tmp_path: Path, key: str) -> None:
    """Segments that name a local file are refused by yt-dlp's own downloader and by ffmpeg."""
    secret = tmp_path / "secret.ts"
    secret.write_bytes(b"G" + b"secret" * 1000)
    playlist = hls(2, name=secret.as_uri()).decode().replace("#EXTINF", f"{key}#EXTINF", 1)
    url = origin.serve("/evil.m3u8", Page(body=playlist.encode(), content_type="application/vnd.apple.mpegurl"))
    folder = tmp_path / "work"
    folder.mkdir()
    with pytest.raises(MusicsyncError):
        await fetch(source, url, folder)
    assert not any(b"secret" in file.read_bytes() for file in folder.iterdir())


async def test_hls_with_a_hole_is_never_delivered(origin: Origin, source: YtdlpSource, tmp_path: Path) -> None:
    """A segment that cannot be had fails the download: a track with a hole in it is no track."""
    origin.serve("/part0.ts", Page(body=AUDIO))
    origin.serve("/part2.ts", Page(body=AUDIO))
    url = origin.serve("/hole.m3u8", Page(body=hls(3), content_type="application/vnd.apple.mpegurl"))
    with pytest.raises(MusicsyncError) as caught:
        await fetch(source, url, tmp_path)
    assert str(caught.value).endswith(".")


async def test_hls_that_ffmpeg_must_fetch_comes_too(origin: Origin, source: YtdlpSource, tmp_path: Path) -> None:
    """The binary from the wheel is found without a PATH, and may open the web."""
    make = ["-f", "lavfi", "-i", "sine=440:d=2", "-c:a", "aac", "-f", "mpegts", "-"]
    segment = subprocess.run([get_ffmpeg_exe(), "-v", "error", *make], capture_output=True, check=True).stdout
    origin.serve("/part0.ts", Page(body=segment, content_type="video/mp2t"))
    playlist = hls(1).decode().replace("#EXTINF", f"{FOR_FFMPEG}#EXTINF", 1)
    url = origin.serve("/t.m3u8", Page(body=playlist.encode(), content_type="application/vnd.apple.mpegurl"))
    supplied = await fetch(source, url, tmp_path)
    assert supplied.path.read_bytes()[4:8] == b"ftyp"
    assert abs((await AudioWorkers().probe(supplied.path)).duration - 2.0) < 0.1


async def test_a_page_cannot_reach_the_disk(origin: Origin, source: YtdlpSource, tmp_path: Path) -> None:
    """A page whose only audio is a local file is refused, looked up or fetched."""
    page = origin.serve("/page.html", html('<audio src="file:///etc/passwd.mp3"></audio>'))
    assert isinstance(await refused(source, page), BadInput)
    with pytest.raises(BadInput, match="other than http"):
        await fetch(source, page, tmp_path)


async def test_a_broken_connection_is_resumed(origin: Origin, source: YtdlpSource, tmp_path: Path) -> None:
    """After a cut the rest is asked for, and the whole is right."""
    url = origin.serve("/cut.wav", Page(body=LONG, content_type="audio/wav", cut_after=100_000, cuts=3))
    supplied = await fetch(source, url, tmp_path)
    assert supplied.path.read_bytes() == LONG
    assert any("range" in asked.headers for asked in origin.asked_for("/cut.wav"))


async def test_a_truncated_file_is_never_delivered(origin: Origin, source: YtdlpSource, tmp_path: Path) -> None:
    """A body that stays shorter than its stated length is worth another try, not a track."""
    url = origin.serve("/cut.wav", Page(body=LONG, content_type="audio/wav", cut_after=1000, ranges=False))
    with pytest.raises(Temporary, match="broke off"):
        await fetch(source, url, tmp_path)


async def test_audio_that_calls_itself_html_is_fetched(origin: Origin, source: YtdlpSource, tmp_path: Path) -> None:
    """A server's wrong content type costs nothing: bytes decide."""
    url = origin.serve("/Ada%20-%20X.wav", Page(body=AUDIO, content_type="text/html"))
    assert (await source.resolve(url)).tracks[0].label == "Ada - X"
    assert (await fetch(source, url, tmp_path)).path.read_bytes() == AUDIO


async def test_an_empty_answer_is_no_track(origin: Origin, source: YtdlpSource, tmp_path: Path) -> None:
    """Nothing at all is told as such."""
    with pytest.raises(Temporary, match="no usable data"):
        await fetch(source, origin.serve("/x.wav", Page(content_type="audio/wav")), tmp_path)


@pytest.mark.parametrize("chunked", [False, True], ids=["stated", "unstated"])
async def test_a_file_over_the_limit_is_refused(origin: Origin, tmp_path: Path, chunked: bool) -> None:
    """Its size stated or not, too large a file ends early and says which setting allows more."""
    source = YtdlpSource(YtdlpOptions(max_size=50_000, timeout=30.0))
    url = origin.serve("/x.wav", Page(body=LONG, content_type="audio/wav", chunked=chunked))
    with pytest.raises(Permanent, match="max_size"):
        await fetch(source, url, tmp_path)


async def test_the_picture_of_a_page_comes_along(origin: Origin, source: YtdlpSource, tmp_path: Path) -> None:
    """A JPEG that the page names lies beside the audio; what only calls itself one does not."""
    body = f'<video poster="/poster.jpg"><source src="{PATH}" type="video/mp4"></video>'
    page = origin.serve("/page.html", html(body))
    for content, expected in ((JPEG, "cover.jpg"), (b"<svg/>", None)):
        origin.serve("/poster.jpg", Page(body=content, content_type="image/jpeg"))
        folder = tmp_path / str(expected)
        folder.mkdir()
        supplied = await fetch(source, page, folder)
        assert (supplied.artwork.name if supplied.artwork else None) == expected
        assert supplied.path.read_bytes() == AUDIO


async def test_progress_is_told_while_it_comes(origin: Origin, source: YtdlpSource, tmp_path: Path) -> None:
    """A slow download tells rising shares, no more often than four times a second."""
    url = origin.serve("/slow.wav", Page(body=LONG, content_type="audio/wav", drip=(len(LONG) // 30, 0.05)))
    told: list[tuple[float, float]] = []
    begun = anyio.current_time()

    def tell(share: float | None, text: str) -> None:
        if share is not None:
            told.append((anyio.current_time() - begun, share))

    await source.supply(wanted(url), tmp_path, tell)
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert 3 <= len(told) <= 4 * told[-1][0] + 3
    assert shares[-1] == 1.0


async def test_a_download_that_never_ends_is_ended(origin: Origin, tmp_path: Path) -> None:
    """Drop by drop no socket times out: the deadline of the whole counts."""
    source = YtdlpSource(YtdlpOptions(timeout=2.0))
    url = origin.serve("/drip.wav", Page(body=LONG, content_type="audio/wav", drip=(1, 0.2)))
    with pytest.raises(Temporary, match="ended after 2 s"):
        await fetch(source, url, tmp_path)


async def test_cancelling_ends_the_worker_amid_the_download(
    origin: Origin, source: YtdlpSource, tmp_path: Path
) -> None:
    """A cancelled supply returns at once, and what was begun grows no more."""
    url = origin.serve("/drip.wav", Page(body=LONG, content_type="audio/wav", drip=(2000, 0.05)))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(source.supply, wanted(url), tmp_path, silent)
        await anyio.to_thread.run_sync(wait_until_asked, origin, "/drip.wav")
        tasks.cancel_scope.cancel()
    sizes = [file.stat().st_size for file in tmp_path.iterdir()]
    await anyio.sleep(0.3)
    assert [file.stat().st_size for file in tmp_path.iterdir()] == sizes


async def test_certificates_are_checked_against_ca_file(tmp_path: Path) -> None:
    """An unknown authority is refused with the setting that helps; named in `ca_file` it is trusted, page and audio."""
    authority = trustme.CA()
    pem = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(pem))
    with Origin(authority=authority) as origin:
        url = origin.serve(PATH, WAV)
        error = await refused(YtdlpSource(), url)
        assert isinstance(error, Temporary)
        assert "ca_file" in str(error)
        trusting = YtdlpSource(YtdlpOptions(ca_file=pem))
        assert (await trusting.resolve(url)).tracks[0].artists == ("Ada Voss",)
        assert (await fetch(trusting, url, tmp_path)).path.read_bytes() == AUDIO
        assert (await YtdlpSource(YtdlpOptions(insecure_tls=True)).resolve(url)).tracks


async def test_proxies_are_used_when_told_to_only(origin: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment's proxy is passed over without `trust_env`; one in the settings is always asked."""
    with Origin() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url().rstrip("/"))
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        assert (await YtdlpSource().resolve(origin.url(PATH))).tracks
        assert proxy.asked == []
        await refused(YtdlpSource(YtdlpOptions(trust_env=True)), origin.url("/env.wav"))
        await refused(YtdlpSource(YtdlpOptions(proxy=proxy.url().rstrip("/"))), origin.url("/set.wav"))
        assert [asked.path for asked in proxy.asked] == [origin.url("/env.wav"), origin.url("/set.wav")]


async def test_a_proxys_password_is_in_no_error_and_no_process_list() -> None:
    """The proxy goes to the worker by pipe, and is taken out of what comes back."""
    proxy = "http://me:canary-secret@127.0.0.1:1"
    options = YtdlpOptions(proxy=proxy)
    assert "canary-secret" not in repr(options)
    assert "canary-secret" not in str(await refused(YtdlpSource(options), "http://127.0.0.1:1/x.wav"))


async def test_an_unknown_runtime_is_refused_by_name(origin: Origin) -> None:
    """A setting that cannot work is told with what would."""
    error = await refused(YtdlpSource(YtdlpOptions(js_runtime=Path("/usr/bin/perl"))), origin.url(PATH))
    assert isinstance(error, Permanent)
    assert "js_runtime" in str(error)


async def test_no_configuration_or_plugin_of_the_user_counts(
    origin: Origin, source: YtdlpSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A yt-dlp configuration and a plugin in the home folder change nothing."""
    plugin = tmp_path / ".config/yt-dlp/plugins/evil/yt_dlp_plugins/extractor/evil.py"
    plugin.parent.mkdir(parents=True)
    mark = tmp_path / "mark"
    plugin.write_text(f"open({str(mark)!r}, 'w').close()\n")
    (tmp_path / ".config/yt-dlp/config").write_text(f"--exec 'touch {mark}'\n--write-info-json\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / "work"
    folder.mkdir()
    supplied = await fetch(source, origin.url(PATH), folder)
    assert list(folder.iterdir()) == [supplied.path]
    assert not mark.exists()


def test_the_daemons_side_imports_no_vendor() -> None:
    """The parent's modules start without yt-dlp, a decoder or numpy."""
    script = (
        "import sys, musicsyncd.sources.ytdlp, musicsyncd.sources.folder, musicsyncd.sources.memory\n"
        "print([m for m in ('yt_dlp', 'av', 'numpy', 'mutagen', 'imageio_ffmpeg') if m in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-P", "-c", script], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert run.stdout.strip() == "[]"


async def test_several_at_once_do_not_meet(origin: Origin, source: YtdlpSource, tmp_path: Path) -> None:
    """Parallel lookups answer each its own question."""
    urls = [origin.serve(f"/Ada%20-%20{number}.wav", WAV) for number in range(3)]
    found: dict[str, Found] = {}

    async def look(url: str) -> None:
        found[url] = await source.resolve(url)

    async with anyio.create_task_group() as tasks:
        for url in urls:
            tasks.start_soon(look, url)
    answers: list[Any] = [found[url].tracks[0].title for url in urls]
    assert answers == ["0", "1", "2"]
