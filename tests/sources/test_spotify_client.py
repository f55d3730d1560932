"""What spotipy is kept from, and what each kind of trouble at Spotify means."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import pytest
import trustme

from musicsyncd.errors import BadInput, NeedsPerson, Permanent, Temporary
from musicsyncd.http.client import HttpOptions
from musicsyncd.sources import spotify_client
from musicsyncd.sources.base import Found
from tests.fakes.origin import Origin, Page
from tests.fakes.spotify import FakeSpotify
from tests.sources.spotify_house import House, house


def titles(found: Found) -> list[str]:
    return [one.title for one in found.tracks]


def reasons(found: Found) -> list[str]:
    return [one.error.what for one in found.refused]


async def test_a_day_of_rest_is_kept_without_asking(at: House) -> None:
    """Retry-After 86400: Temporary with that delay; until then nobody is asked, and no thread sleeps."""
    at.fake.always = (429, {"Retry-After": "86400"}, {"error": {"status": 429, "reason": "QUOTA_EXCEEDED"}})
    with pytest.raises(Temporary) as caught:
        await at.source.list()
    assert caught.value.delay == pytest.approx(86400, abs=1)
    assert "quota" in str(caught.value)
    at.fake.always = None
    with pytest.raises(Temporary) as caught:
        await at.source.list()
    assert caught.value.delay == pytest.approx(86400, abs=1)
    assert at.fake.counted() == 1
    await at.clock.advance(86401)
    assert (await at.source.list()).tracks == ()


async def test_a_used_up_quota_without_a_time_rests_an_hour(at: House) -> None:
    """`QUOTA_EXCEEDED` is not gone in seconds."""
    at.fake.answers = [(429, {}, {"error": {"status": 429, "reason": "QUOTA_EXCEEDED"}})]
    with pytest.raises(Temporary) as caught:
        await at.source.list()
    assert caught.value.delay == pytest.approx(3600, abs=1)


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_trouble_at_spotify_is_temporary(at: House, status: int) -> None:
    """Asked once: the queue tries again, not a thread."""
    at.fake.answers = [(status, {"Retry-After": "2"}, b"<html>")]
    with pytest.raises(Temporary):
        await at.source.list()
    assert at.fake.counted() == 1


@pytest.mark.parametrize(
    "body", [b"<html>a portal</html>", b"", [], {"items": 3, "total": 1}, {"items": [], "total": "x"}, {}, 7]
)
async def test_answers_without_sense_are_temporary(at: House, body: Any) -> None:
    """Not "no tracks", and not a traceback."""
    at.fake.answers = [(200, {}, body)]
    with pytest.raises(Temporary):
        await at.source.list()


@pytest.mark.parametrize("body", [[], {"error": "denied"}, {"error": ["x"]}, b"", b"\xff", {"error": {"reason": 7}}])
@pytest.mark.parametrize(("status", "kind"), [(400, Permanent), (403, NeedsPerson), (404, BadInput), (418, Permanent)])
async def test_refusals_of_any_shape_are_told(at: House, status: int, kind: type[Exception], body: Any) -> None:
    """spotipy stumbles over some of them."""
    at.fake.answers = [(status, {}, body)]
    with pytest.raises(kind):
        await at.source.list()


async def test_a_redirect_is_not_followed(at: House) -> None:
    """A token goes to the address of the settings only."""
    with FakeSpotify() as stranger:
        at.fake.answers = [(302, {"Location": f"{stranger.url}/v1/me/tracks"}, None)]
        with pytest.raises(Permanent, match="leads elsewhere"):
            await at.source.list()
        assert stranger.asked == []


async def test_an_unanswered_question_is_asked_twice_at_most(fake: FakeSpotify, tmp_path: Path) -> None:
    """Then it is Temporary."""
    async with house(fake, tmp_path) as at:
        at.client._base = "http://127.0.0.1:9/v1/"
        with pytest.raises(Temporary, match="cannot be asked"):
            await at.source.list()
        assert at.budgets._open["Spotify"].standing.failures == 2


@pytest.mark.parametrize("chunked", [False, True])
async def test_an_answer_without_an_end_is_given_up(
    tmp_path: Path, chunked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each byte comes in time, and they never end: the one place must become free again."""
    body = json.dumps({"items": [], "total": 0}).encode()
    page = Page(body=b" " * 10_000 + body, content_type="application/json", chunked=chunked)
    with Origin() as origin:
        fake = SimpleNamespace(url=origin.url("").rstrip("/"), secret="")
        async with house(fake, tmp_path, signed_in=False, options=HttpOptions(timeout=0.2)) as at:
            origin.serve("/v1/me/tracks", replace(page, drip=(1, 0.02)))
            with pytest.raises(Temporary, match="does not end"):
                await at.client.ask("Saved tracks", saved_page, "token")
            origin.serve("/v1/me/tracks", replace(page, drip=(2_000, 0.02)))
            assert await at.client.ask("Saved tracks", saved_page, "token") == {"items": [], "total": 0}
            monkeypatch.setattr(spotify_client, "LARGEST", 5_000)
            with pytest.raises(Temporary, match="does not end"):
                await at.client.ask("Saved tracks", saved_page, "token")


def saved_page(spotify: Any) -> Any:
    return spotify.current_user_saved_tracks()


def me(spotify: Any) -> Any:
    return spotify.me()


async def test_certificates_are_checked_as_the_settings_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against http.ca_file, which no variable overrules; without it a stranger's certificate is refused, and told."""
    authority, other = trustme.CA(), trustme.CA()
    own, foreign = tmp_path / "own.pem", tmp_path / "foreign.pem"
    authority.cert_pem.write_to_path(own)
    other.cert_pem.write_to_path(foreign)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(foreign))
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "127.0.0.1")
    with Origin(authority=authority) as origin:
        origin.serve("/v1/me/", Page(body=b'{"id": "ada"}', content_type="application/json"))
        fake = SimpleNamespace(url=origin.url("").rstrip("/"), secret="")
        options = HttpOptions(timeout=5, ca_file=own, trust_env=True)
        async with house(fake, tmp_path, signed_in=False, options=options) as at:
            assert await at.client.ask("Me", me, "token") == {"id": "ada"}
        for ca_file in (None, foreign):
            options = HttpOptions(timeout=5, ca_file=ca_file)
            async with house(fake, tmp_path, signed_in=False, options=options) as at:
                with pytest.raises(Temporary, match="certificate is not trusted") as caught:
                    await at.client.ask("Me", me, "token")
                assert "http.ca_file" in caught.value.fix
        async with house(fake, tmp_path, signed_in=False, options=HttpOptions(ca_file=tmp_path / "no.pem")) as at:
            with pytest.raises(NeedsPerson, match=r"no\.pem cannot be read"):
                await at.client.ask("Me", me, "token")


@pytest.mark.parametrize("trusted", [False, True])
async def test_a_proxy_of_the_environment_counts_only_when_it_may(
    at: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trusted: bool
) -> None:
    """`http.trust_env`; a proxy of the settings always does."""
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with Origin() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url())
        async with house(at.fake, tmp_path, options=HttpOptions(timeout=5, trust_env=trusted)) as one:
            with pytest.raises(BadInput) if trusted else nullcontext():
                assert await one.source.playing() == Found()
        assert len(proxy.asked) == trusted
        monkeypatch.delenv("http_proxy")
        async with house(at.fake, tmp_path, options=HttpOptions(timeout=5, proxy=proxy.url())) as one:
            with pytest.raises(BadInput):
                await one.source.playing()
        assert len(proxy.asked) == trusted + 1


async def test_nothing_blocks_the_loop(at: House) -> None:
    """A slow answer is waited for in a thread, and a cancelled question is left alone at once."""
    at.fake.between = lambda offset: time.sleep(1.0)
    await at.source.playing()  # spotipy is loaded
    with anyio.fail_after(0.8):
        with anyio.move_on_after(0.1) as scope:
            await at.source.list()
        assert scope.cancelled_caught
        await anyio.sleep(0.2)


async def test_what_spotify_repeats_goes_nowhere(at: House) -> None:
    """An error's text may hold the very token; only its `reason` is told."""
    token = at.account.grant.access_token
    at.fake.answers = [(400, {}, {"error": {"message": f"bad {token}", "reason": f"NO {token}"}})]
    with pytest.raises(Permanent) as caught:
        await at.source.list()
    assert token not in str(caught.value)
    assert caught.value.__cause__ is None


def test_an_idle_daemon_carries_no_vendor() -> None:
    """spotipy and requests are loaded at the first question."""
    code = "import sys, musicsyncd.daemon; print([m for m in ('spotipy', 'requests', 'redis') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_spotipy_is_loaded_without_what_it_never_uses_here() -> None:
    """redis, for a cache of tokens, is larger than spotipy itself; whoever imports it later gets the real one."""
    code = (
        "import sys; from musicsyncd.sources.spotify_client import _spotipy; _spotipy().Spotify;"
        "print('redis' in sys.modules); import redis; print(redis.Redis.__name__)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.split() == ["False", "Redis"]


async def test_a_connection_that_was_closed_meanwhile_is_no_trouble(at: House) -> None:
    """Kept open and closed by Spotify: the question goes by a new one, and nobody hears of it."""
    assert await at.source.playing() == Found()
    at.fake.hang_up()
    await anyio.sleep(0.1)
    assert await at.source.playing() == Found()


async def test_an_answer_that_breaks_off_is_temporary(tmp_path: Path) -> None:
    """Half a page of tracks is none."""
    body = json.dumps({"items": [], "total": 0, "href": "x" * 1000}).encode()
    with Origin() as origin:
        origin.serve("/v1/me/tracks", Page(body=body, content_type="application/json", cut_after=500))
        fake = SimpleNamespace(url=origin.url("").rstrip("/"), secret="")
        async with house(fake, tmp_path, signed_in=False) as at:
            with pytest.raises(Temporary, match="broke off"):
                await at.client.ask("Saved tracks", saved_page, "token")
