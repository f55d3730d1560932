"""The table of complaints: yt-dlp's own exceptions and words, and what they mean here."""

from __future__ import annotations

import errno
import gc
import io
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yt_dlp.cookies import CookieLoadError
from yt_dlp.networking import Response
from yt_dlp.networking.exceptions import HTTPError, IncompleteRead, ProxyError, SSLError, TransportError
from yt_dlp.utils import DownloadError, ExtractorError, GeoRestrictedError, PostProcessingError, UserNotLive

from musicsyncd.errors import BadInput, MusicsyncError, NeedsPerson, Permanent, Temporary, Withheld
from musicsyncd.http.retry_after import LONGEST
from musicsyncd.music.identity import of_url
from musicsyncd.music.track import Track
from musicsyncd.sources import ytdlp_worker
from musicsyncd.sources.ytdlp import YtdlpOptions, YtdlpSource
from musicsyncd.sources.ytdlp_errors import (
    LONGEST_REASON,
    RULES,
    SERVICE_PAUSE,
    WALL_PAUSE,
    classify,
    judge,
    one_sentence,
    retry_after,
)
from tests.fakes.origin import Origin, Page, hls

NOT_A_BOT = "Sign in to confirm you\u2019re not a bot. Use --cookies-from-browser or --cookies for the authentication."
LIMITED = "Video unavailable. This content isn\u2019t available, try again later. The session has been rate-limited."
HTML = b"<!DOCTYPE html><html><head><title>A page</title></head><body><p>No music here</p></body></html>"


def complaint(error: Exception) -> DownloadError:
    """An exception as yt-dlp hands it out: wrapped, coloured, with a plea."""
    return DownloadError(f"\x1b[0;31mERROR:\x1b[0m {error}", (type(error), error, None))


@pytest.mark.parametrize(
    ("error", "expected", "says"),
    [
        (ExtractorError("This video is DRM protected", expected=True), BadInput, "DRM"),
        (ExtractorError("[DRM] The requested site is known to use DRM protection", expected=True), BadInput, "DRM"),
        (GeoRestrictedError("Not here", countries=["DE"]), Permanent, "where this machine stands"),
        (ExtractorError("The uploader has not made this video available in your country"), Permanent, "machine stands"),
        (ExtractorError("Private video. Sign in if you've been granted access", expected=True), Permanent, "private"),
        (ExtractorError("Video unavailable", expected=True), Permanent, "gone"),
        (ExtractorError("This video is not available", expected=True), Permanent, "gone"),
        (ExtractorError("This live stream recording isn\u2019t available."), Permanent, "gone"),
        (ExtractorError("Playback on other websites has been disabled by the video owner"), Permanent, "own pages"),
        (ExtractorError("This live event has ended."), BadInput, "live stream"),
        (ExtractorError("This video has been removed by the uploader", expected=True), Permanent, "gone"),
        (ExtractorError("The account associated with this video has been terminated"), Permanent, "gone"),
        (ExtractorError(NOT_A_BOT, expected=True), NeedsPerson, "for a bot"),
        (ExtractorError("Sign in to confirm your age", expected=True), Withheld, "a person"),
        (CookieLoadError("failed to load cookies"), NeedsPerson, "youtube.cookies_file"),
        (ExtractorError("This video is available to Music Premium members"), Withheld, "signed-in"),
        (ExtractorError("This track is only available for registered users. Use --cookies"), Withheld, "signed-in"),
        (ExtractorError("This content isn't available, try again later"), Temporary, "left alone"),
        (ExtractorError(LIMITED, expected=True), Temporary, "left alone"),
        (ExtractorError("Premieres in 3 hours", expected=True), Temporary, "not out yet"),
        (UserNotLive(), BadInput, "live stream"),
        (ExtractorError("Requested format is not available. Use --list-formats"), Permanent, "no audio"),
        (ExtractorError("No video formats found!"), BadInput, "no audio"),
        (PostProcessingError("ffprobe and ffmpeg not found. Please install"), NeedsPerson, "ffmpeg"),
        (PostProcessingError("ffmpeg could not be found. Please install"), NeedsPerson, "imageio-ffmpeg"),
        (TransportError("[Errno 110] Connection timed out"), Temporary, "network"),
        (TransportError("[Errno -3] Temporary failure in name resolution"), Temporary, "network"),
        (TransportError("Resource temporarily unavailable"), Temporary, "network"),
        (IncompleteRead(partial=5, expected=7), Temporary, "network"),
        (ProxyError("Tunnel connection failed: 407"), Temporary, "network"),
        (SSLError("handshake failure"), Temporary, "network"),
        (OSError(errno.ENOSPC, "No space left on device"), NeedsPerson, "space"),
        (KeyError("streams"), Temporary, "could not be fetched"),
        (ExtractorError("Unable to extract video data"), Temporary, "could not be fetched"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_a_complaint_has_its_class(error: Exception, expected: type[MusicsyncError], says: str) -> None:
    """Bare, wrapped, or as the cause of another: the same class, in sentences without the vendor's pleas."""
    for raised in (error, complaint(error), complaint(ExtractorError(f"Failed: {error}", cause=error))):
        known = classify(raised)
        if raised is error or not isinstance(error, KeyError):
            assert type(known) is expected
            assert says in str(known)
        assert not any(plea in str(known) for plea in ("report this", "--cookies", "\x1b", "ERROR", "\n"))


def test_our_own_errors_pass_unchanged() -> None:
    """What a hook of ours raised amid a download comes out as it is."""
    own = BadInput("too large")
    assert classify(complaint(ExtractorError("x", cause=own))) is own


def test_the_words_of_an_id_decide_nothing() -> None:
    """A file called like a complaint is not mistaken for one."""
    error = ExtractorError("Unable to parse", video_id="private video DRM", ie="generic")
    assert type(classify(complaint(error))) is Temporary


def test_secrets_are_taken_out() -> None:
    """A proxy's password is not in the error."""
    known = classify(TransportError("cannot reach http://me:pass@proxy"), secrets=("http://me:pass@proxy", "pass", ""))
    assert "pass" not in str(known)


@given(st.text())
def test_any_message_becomes_one_printable_sentence(message: str) -> None:
    """Whatever a site makes the vendor say, it fits on one line of bounded length, and can be classified."""
    sentence = one_sentence(message)
    assert len(sentence) <= LONGEST_REASON
    assert sentence.isprintable()
    assert str(classify(DownloadError(message)))


def test_every_rule_can_be_reached() -> None:
    """No rule is dead: each one's words are met first by some text."""
    texts = (
        "DRM", "ffmpeg not found", "not a bot", "try again later", "Premieres in", "Did not get any data blocks",
        "Downloaded 5 bytes, expected 7", "not currently live", "in your country", "private", "removed", "log in",
        "no formats found", "Requested format is not available", "file:// URLs", "The extracted extension",
        "is not a valid URL", "failed to load cookies", "confirm your age", "Playback on other websites",
    )  # fmt: skip
    reached = {next((rule.what for rule in RULES if rule.words.search(text)), text) for text in texts}
    assert reached == {rule.what for rule in RULES}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("120", 120.0),
        (" 5 ", 5.0),
        ("0", 1.0),
        ("259200", 259_200.0),
        ("99999999", LONGEST),
        ("Thu, 01 Jan 2026 00:10:00 GMT", 600.0),
        ("Thu, 01 Jan 2020 00:00:00 GMT", 1.0),
        ("soon", None),
        ("-5", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, expected: float | None) -> None:
    """Both forms of the header, bounded; nonsense is silence."""
    assert retry_after(value, datetime(2026, 1, 1, tzinfo=UTC)) == expected


@given(st.text())
def test_any_retry_after_is_survived(value: str) -> None:
    """A header from outside never breaks the classification."""
    seconds = retry_after(value)
    assert seconds is None or 1 <= seconds <= LONGEST


def answered(status: int, url: str = "https://api-v2.soundcloud.com/resolve", **headers: str) -> HTTPError:
    """What a service answered, as an exception."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HTTPError(Response(io.BytesIO(), url, named, status))


@pytest.mark.parametrize(
    ("error", "pause", "out_of_order"),
    [
        (ExtractorError(NOT_A_BOT, expected=True), WALL_PAUSE, False),
        (ExtractorError("Please sign in", expected=True), WALL_PAUSE, False),
        (ExtractorError(LIMITED, expected=True), WALL_PAUSE, False),
        (ExtractorError("x", cause=answered(429)), SERVICE_PAUSE, False),
        (ExtractorError("x", cause=answered(429, Retry_After="77")), 77.0, False),
        (ExtractorError("x", cause=answered(403, X_DataDome="protected")), WALL_PAUSE, False),
        (ExtractorError("x", cause=answered(403, Server="DataDome")), WALL_PAUSE, False),
        (ExtractorError("x", cause=answered(403, "https://api-v2.soundcloud.com/users/7/likes?x")), WALL_PAUSE, False),
        (ExtractorError("x", cause=answered(403)), None, False),
        (ExtractorError("x", cause=answered(404)), None, False),
        (ExtractorError("x", cause=answered(503)), None, True),
        (ExtractorError("unable to download video data: 503", cause=answered(503)), None, False),
        (TransportError("timed out"), None, True),
        (SSLError("handshake failure"), None, True),
        (ExtractorError("Private video. Please sign in to verify", expected=True), None, False),
        (ExtractorError("This video is DRM protected", expected=True), None, False),
        (GeoRestrictedError("Not here"), None, False),
        (KeyError("streams"), None, False),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, Exception) else None,
)
def test_a_complaint_says_whom_it_concerns(error: Exception, pause: float | None, out_of_order: bool) -> None:
    """The whole service for so many seconds, whoever asks next, or this one track."""
    for raised in (error, complaint(error)):
        found = judge(raised)
        assert (found.pause, found.out_of_order) == (pause, out_of_order)


def test_no_address_in_a_complaint_lets_its_reader_in() -> None:
    """Tokens of private tracks and signed media stay out of the words that are passed on."""
    for url in ("https://soundcloud.com/a/b/s-CanaryPrivate", "https://cdn.test/a.m3u8?Policy=CanaryPolicy&x=1"):
        assert "Canary" not in str(classify(ExtractorError(f"Cannot read {url}: odd", expected=True)))


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    """One origin for all statuses."""
    with Origin() as origin:
        yield origin


def look(url: str) -> Any:
    """Look with the worker's own function, in this process."""
    options = YtdlpSource(YtdlpOptions(socket_timeout=5.0))._request_options()
    request = {"do": "look", "url": url, "limit": 10, "options": options}
    try:
        return ytdlp_worker.handle(request, lambda message: None)
    finally:
        collect_sockets()


def collect_sockets() -> None:
    """The vendor leaves failed requests' sockets to the end of the worker, which is not the end of this process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.mark.parametrize(
    ("page", "expected", "says", "delay"),
    [
        (Page(status=404), Permanent, "gone", None),
        (Page(status=410), Permanent, "gone", None),
        (Page(status=401), Withheld, "signed-in", None),
        (Page(status=403), Permanent, "refuses", None),
        (Page(status=429, headers={"Retry-After": "77"}), Temporary, "left alone", 77.0),
        (Page(status=429), Temporary, "left alone", 900.0),
        (Page(status=500), Temporary, "out of order", None),
        (Page(status=503, headers={"Retry-After": "120"}), Temporary, "out of order", 120.0),
        (Page(body=HTML, content_type="text/html"), BadInput, "No music", None),
        (Page(body=hls(2, ended=False), content_type="application/x-mpegurl"), BadInput, "live stream", None),
        (Page(status=302, headers={"Location": "file:///etc/passwd"}), BadInput, "other than http", None),
        (Page(status=302, headers={"Location": "/x"}), Permanent, "refuses", None),
    ],
    ids=["404", "410", "401", "403", "429-after", "429", "500", "503-after", "html", "live", "to-file", "loop"],
)
def test_what_the_web_answers_becomes_our_errors(
    origin: Origin, page: Page, expected: type[MusicsyncError], says: str, delay: float | None
) -> None:
    """Each real answer has its class, its words, and the pause that was asked for."""
    with pytest.raises(MusicsyncError) as caught:
        look(origin.serve("/x", page))
    assert type(caught.value) is expected
    assert says in str(caught.value)
    assert "report" not in str(caught.value)
    assert getattr(caught.value, "delay", None) == delay


def test_a_media_address_that_ran_out_is_tried_again(
    origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """403 for the audio after its page was read is Temporary: the next try gets a fresh address."""
    monkeypatch.chdir(tmp_path)
    origin.serve("/audio.mp3", Page(status=403))
    page = b'<!DOCTYPE html><html><title>A - B</title><audio src="/audio.mp3"></audio></html>'
    request = {
        "do": "fetch",
        "url": origin.serve("/page", Page(body=page, content_type="text/html")),
        "folder": str(tmp_path),
        "options": YtdlpSource()._request_options(),
    }
    with pytest.raises(Temporary, match="refused the audio"):
        ytdlp_worker.handle(request, lambda message: None)
    collect_sockets()


async def refused(options: YtdlpOptions, url: str) -> MusicsyncError:
    """The error that looking up this URL gives."""
    with pytest.raises(MusicsyncError) as caught:
        await YtdlpSource(options).resolve(url)
    return caught.value


async def test_a_failing_proxy_is_named_without_its_credentials() -> None:
    """Who reads the error learns that it may be the proxy's fault, and which settings name it."""
    url = "http://127.0.0.1:9/x.wav"
    said = str(await refused(YtdlpOptions(proxy="http://somebody:canary-secret@127.0.0.1:1"), url))
    assert said.startswith("The network failed by way of the proxy http://127.0.0.1:1.")
    assert "ytdlp.proxy, or http.proxy" in said
    assert "somebody" not in said
    assert "canary-secret" not in said
    with Origin() as proxy:
        proxy.serve(url, Page(status=407))
        address = proxy.url().rstrip("/")
        error = await refused(YtdlpOptions(proxy=address), url)
    assert isinstance(error, NeedsPerson)
    assert str(error).startswith(f"The proxy {address} wants another name or password.")


@pytest.mark.parametrize("there", [True, False])
async def test_certificates_that_cannot_be_read_are_named(tmp_path: Path, there: bool) -> None:
    """The file and its settings, to look up and to fetch, before anything is asked for."""
    file = tmp_path / "authority.pem"
    if there:
        file.mkdir()
    options = YtdlpOptions(ca_file=file)
    with Origin() as origin:
        url = origin.url("/x.wav")
        error = await refused(options, url)
        assert isinstance(error, NeedsPerson)
        assert str(file) in error.what
        assert "ytdlp.ca_file, or http.ca_file" in error.fix
        track = Track(title="Wanted", source="url", source_url=url, identities=(of_url(url),))
        with pytest.raises(NeedsPerson, match="cannot be read"):
            await YtdlpSource(options).supply(track, tmp_path, lambda share, text: None)
        assert origin.asked == []
